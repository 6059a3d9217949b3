"""Answers kept under an Idempotency-Key end: after some days, and when their values are erased.

It must not forget that a key was used: the request sent once more is refused, never done twice.
"""

import os
from collections.abc import Callable, Collection
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import select, update
from sqlmodel import Session

from qtcore.errors import InputRejected
from qtcore.services.idempotency import spent_name
from qtcore.services.site import Site
from qtcore.store.columns import table_of
from qtcore.store.tables import IdempotencyKey

NAME: Final = "QTCORE_ANSWERS_KEPT"
_USUAL: Final = timedelta(hours=168)
_LONGEST: Final = timedelta(hours=8760)
_TABLE: Final = table_of(IdempotencyKey)
_AT_ONCE: Final = 500


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
    before = site.sources.now() - kept
    kept_still = _TABLE.c.request_sha256 != ""
    old = (_TABLE.c.tenant_id == site.store.tenant_id, _TABLE.c.created_at < before, kept_still)
    with site.store.read() as session:
        rows = session.execute(select(*_TABLE.primary_key.columns).where(*old)).all()
    for at in range(0, len(rows), _AT_ONCE):
        with site.store.plumbing() as session:
            _spend(session, rows[at : at + _AT_ONCE])
    return len(rows)


def spend_where(session: Session, tenant_id: int, holds: Callable[[object], bool]) -> int:
    """Spend every key that holds what is erased, itself or in its answer; returns how many."""
    kept = session.execute(
        select(_TABLE).where(_TABLE.c.tenant_id == tenant_id, _TABLE.c.request_sha256 != "")
    )
    rows = [row for row in kept if holds([row.key, row.answer])]
    _spend(session, rows)
    return len(rows)


def _spend(session: Session, rows: Collection[Any]) -> None:
    """Take key, request and answer away; a request that runs meanwhile keeps its own row."""
    for row in rows:
        session.execute(
            update(_TABLE)
            .where(
                _TABLE.c.tenant_id == row.tenant_id,
                _TABLE.c.user_id == row.user_id,
                _TABLE.c.key == row.key,
            )
            .values(key=spent_name(row.key), request_sha256="", answer={})
        )
