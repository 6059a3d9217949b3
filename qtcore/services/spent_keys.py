"""Answers kept under an Idempotency-Key end: after some days, and when their values are erased.

It must not forget that a key was used: the request sent once more is refused, never done twice.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, select, tuple_, update
from sqlmodel import Session

from qtcore.errors import InputRejected
from qtcore.services.idempotency import RUNNING, is_spent_name, spent_name
from qtcore.services.site import Site
from qtcore.store.columns import table_of
from qtcore.store.tables import IdempotencyKey

NAME: Final = "QTCORE_ANSWERS_KEPT"
_USUAL: Final = timedelta(hours=168)
_LONGEST: Final = timedelta(hours=8760)
_TABLE: Final = table_of(IdempotencyKey)
_AT_ONCE: Final = 500
_ORDER: Final = tuple_(_TABLE.c.user_id, _TABLE.c.key)
_SAME: Final = ("tenant_id", "user_id", "key", "request_sha256", "created_at")
_NOTHING_KEPT: Final[Mapping[str, object]] = {"request_sha256": "", "answer": {}}


def read_answers_kept() -> timedelta:
    """Read how long answers are kept: ``QTCORE_ANSWERS_KEPT``, whole hours, 1 to 8760; usual 168.

    Raises InputRejected for anything else.
    """
    text = os.environ.get(NAME, "")
    if not text:
        return _USUAL
    is_number = text.isascii() and text.isdecimal() and len(text) <= 4
    found = timedelta(hours=int(text)) if is_number else timedelta()
    if not timedelta() < found <= _LONGEST:
        raise InputRejected(f"{NAME} {text[:20]!r} is no number of hours; give 1 to 8760")
    return found


def spend_old(site: Site, kept: timedelta) -> int:
    """Spend every key whose answer is older than that; returns how many."""
    count = 0
    old = (_TABLE.c.created_at < site.sources.now() - kept,)
    last: Row[Any] | None = None
    while True:
        with site.store.read() as session:
            rows = _next(session, site.store.tenant_id, last, old)
        if not rows:
            return count
        with site.store.plumbing() as session:
            count += sum(_change(session, row, _NOTHING_KEPT) for row in rows)
        last = rows[-1]


def spend_where(
    session: Session,
    tenant_id: int,
    *,
    in_key: Callable[[str], bool],
    in_answer: Callable[[object], bool],
) -> int:
    """Spend every key that holds what is erased, itself or in its answer; returns how many.

    Of a request that still runs only the key's name goes: how it ends is told under the new one.
    """
    count = 0
    last: Row[Any] | None = None
    while rows := _next(session, tenant_id, last):
        for row in rows:
            is_told = not is_spent_name(row.key) and in_key(row.key)
            if is_told or in_answer(row.answer):
                count += _change(session, row, {} if row.status == RUNNING else _NOTHING_KEPT)
        last = rows[-1]
    return count


def _next(
    session: Session,
    tenant_id: int,
    last: Row[Any] | None,
    which: Sequence[ColumnElement[bool]] = (),
) -> Sequence[Row[Any]]:
    """Read the keys that follow the last one, as many as are held in memory at once."""
    after = () if last is None else (tuple_(last.user_id, last.key) < _ORDER,)
    return session.execute(
        select(_TABLE)
        .where(_TABLE.c.tenant_id == tenant_id, _TABLE.c.request_sha256 != "", *which, *after)
        .order_by(_TABLE.c.user_id, _TABLE.c.key)
        .limit(_AT_ONCE)
    ).all()


def _change(session: Session, row: Row[Any], values: Mapping[str, object]) -> int:
    """Take the key's name away, and more; never of one that was freed and claimed anew since."""
    same = [_TABLE.c[name] == row._mapping[name] for name in _SAME]
    done = session.execute(update(_TABLE).where(*same).values(key=spent_name(row.key), **values))
    return int(done.rowcount)  # type: ignore[attr-defined]
