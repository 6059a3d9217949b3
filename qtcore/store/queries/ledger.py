"""The ledger as people read it: entries from the bytes that were hashed, and how far it is sealed.

It must not verify; see `qtcore.store.history`.
"""

import json
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import cache
from typing import Any, Final, NamedTuple

from sqlalchemy import BigInteger, ColumnElement, Select, Table, and_, bindparam, func, select
from sqlmodel import Session

from qtcore.errors import DatabaseDamaged
from qtcore.store.columns import table_of
from qtcore.store.queries.keyset import TENANT, among, plain_rows, read_rows, told_by_driver
from qtcore.store.queries.ledger_facets import Wanted
from qtcore.store.tables import LedgerAbout, LedgerEvent, LedgerPending, LedgerPrivate, LedgerSeal

_EVENT: Final = table_of(LedgerEvent)
_ABOUT: Final = table_of(LedgerAbout)
_SEAL: Final = table_of(LedgerSeal)
_PENDING: Final = table_of(LedgerPending)
_PRIVATE: Final = table_of(LedgerPrivate)
_SWEEP: Final = "sweep"
_NEAR: Final = 64  # so much further may the keys of entries lie apart


class LedgerRow(NamedTuple):
    """One entry. `number` is for paging; `seq` its place in the sealed order, None while it waits.

    `head` is what was hashed; `private` the personal values beside it, empty once erased.
    """

    number: int
    seq: int | None
    uid: str
    action: str
    object_kind: str
    object_uid: str
    at: datetime
    head: dict[str, Any]
    private: dict[str, str]

    @property
    def actor_name(self) -> str:
        """The name of who acted; the public id of the account when the name was erased."""
        return (
            self.private.get("actor_name")
            or self.private.get("actor_login")
            or str(self.head.get("actor", ""))
        )

    def as_json(self) -> dict[str, Any]:
        """Give the shape of the API."""
        return {
            "number": self.number,
            "seq": self.seq,
            "event_id": self.uid,
            "at": self.at.isoformat(),
            "action": self.action,
            "object": self.head.get("object", {}),
            "actor": self.head.get("actor", ""),
            "actor_name": self.actor_name,
            "roles": self.head.get("roles", []),
            "about": self.head.get("about", []),
            "changes": self.head.get("changes", []),
            "reason": self.head.get("reason", ""),
            "details": self.head.get("details", {}),
            "request": self.head.get("request", ""),
            "session": self.head.get("session", ""),
            "token": self.head.get("token", ""),
            "private": self.private,
        }


def list_ledger(
    session: Session,
    tenant_id: int,
    *,
    about: str = "",
    action: str = "",
    wanted: Wanted | None = None,
    before: int | None = None,
    limit: int = 50,
) -> list[LedgerRow]:
    """List entries, newest first; `about` is a public id, `action` the beginning of a name.

    `wanted` narrows by more than these two.
    """
    narrowed = wanted or Wanted(about=about, action=action)
    sealed = and_(_SEAL.c.tenant_id == _EVENT.c.tenant_id, _SEAL.c.event_id == _EVENT.c.id)
    statement = (
        select(
            _EVENT.c.id,
            _SEAL.c.seq,
            _EVENT.c.uid,
            _EVENT.c.action,
            _EVENT.c.object_kind,
            _EVENT.c.object_uid,
            _EVENT.c.recorded_at,
            _EVENT.c.head,
        )
        .select_from(_EVENT.outerjoin(_SEAL, sealed))
        .where(*narrowed.conditions(tenant_id))
        .order_by(_EVENT.c.id.desc())
        .limit(limit)
    )
    if before is not None:
        statement = statement.where(_EVENT.c.id < before)
    rows = session.execute(statement).all()
    private = read_private(session, tenant_id, [row.id for row in rows])
    return [
        LedgerRow(
            row.id,
            row.seq,
            row.uid,
            row.action,
            row.object_kind,
            row.object_uid,
            row.recorded_at,
            _head_of(row),
            private.get(row.id, {}),
        )
        for row in rows
    ]


def _head_of(row: Any) -> dict[str, Any]:
    try:
        head: Any = json.loads(row.head)
    except (ValueError, TypeError):
        head = None
    if not isinstance(head, dict) or not isinstance(head.get("object"), dict):
        raise DatabaseDamaged(
            f"the database is damaged: the bytes of entry {row.uid} cannot be read; run `qtcore "
            "audit verify`, and restore a backup"
        )
    return head


def list_uids_about(session: Session, tenant_id: int, uid: str) -> list[str]:
    """List the public ids of all entries about a public id, newest first."""
    told = and_(_ABOUT.c.tenant_id == _EVENT.c.tenant_id, _ABOUT.c.event_id == _EVENT.c.id)
    statement = (
        select(_EVENT.c.uid)
        .select_from(_ABOUT.join(_EVENT, told))
        .where(_ABOUT.c.tenant_id == tenant_id, _ABOUT.c.uid == uid)
        .order_by(_EVENT.c.id.desc())
    )
    return list(session.execute(statement).scalars())


_HOW_MANY: Final = select(func.count()).select_from(_PENDING).where(_PENDING.c.tenant_id == TENANT)
_LAST_SEALED: Final = select(func.max(_SEAL.c.seq)).where(_SEAL.c.tenant_id == TENANT)


def count_pending(session: Session, tenant_id: int) -> int:
    """Count the entries that wait for their seal."""
    ((count,),) = read_rows(session, _HOW_MANY, {"tenant": tenant_id})
    return int(count)


def sealed_up_to(session: Session, tenant_id: int) -> int:
    """Give the size of the tree: how many entries are sealed."""
    ((last,),) = read_rows(session, _LAST_SEALED, {"tenant": tenant_id})
    return 0 if last is None else int(last) + 1


def read_private(session: Session, tenant_id: int, entries: list[int]) -> dict[int, dict[str, str]]:
    """Read the personal values of entries that were not erased."""
    found: dict[int, dict[str, str]] = {}
    for entry, field, _, value in private_rows(session, tenant_id, entries):
        if value is not None:
            found.setdefault(entry, {})[field] = value
    return found


def private_rows(
    session: Session, tenant_id: int, entries: Sequence[int]
) -> Sequence[tuple[Any, ...]]:
    """Read (entry, field, salt, value) of entries, erased ones too; others may come along.

    They are as the driver has them; those of neighbours are in order.
    """
    return _rows_of(session, _private, tenant_id, entries)


def about_rows(
    session: Session, tenant_id: int, entries: Sequence[int]
) -> Sequence[tuple[Any, ...]]:
    """Read (entry, public id) of what entries are listed under, in no order."""
    return _rows_of(session, _abouts, tenant_id, entries)


def _rows_of(
    session: Session,
    build: Callable[[str], Select[Any]],
    tenant_id: int,
    entries: Sequence[int],
) -> Sequence[tuple[Any, ...]]:
    """Read rows of entries; of neighbours in one sweep, without a look-up for each."""
    if not entries:
        return ()
    first, last = min(entries), max(entries)
    if last - first > _NEAR * len(entries):
        return plain_rows(session, build, tenant_id, entries)
    between = {"tenant": tenant_id, "first": first, "last": last}
    return told_by_driver(session, build(_SWEEP), between)


@cache
def _abouts(how: str) -> Select[Any]:
    return _asked(select(_ABOUT.c.event_id, _ABOUT.c.uid), _ABOUT, how)


@cache
def _private(how: str) -> Select[Any]:
    row = (_PRIVATE.c.event_id, _PRIVATE.c.field, _PRIVATE.c.salt, _PRIVATE.c.value)
    found = _asked(select(*row), _PRIVATE, how)
    return found.order_by(_PRIVATE.c.event_id, _PRIVATE.c.field) if how == _SWEEP else found


def _asked(statement: Select[Any], table: Table, how: str) -> Select[Any]:
    entry: ColumnElement[Any] = table.c.event_id
    asked: ColumnElement[bool]
    if how == _SWEEP:
        asked = entry.between(
            bindparam("first", type_=BigInteger), bindparam("last", type_=BigInteger)
        )
    else:
        asked = among(how, entry)
    return statement.where(table.c.tenant_id == TENANT, asked)
