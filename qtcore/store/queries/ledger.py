"""The ledger as people read it: entries from the bytes that were hashed, and how far it is sealed.

It must not verify; see `qtcore.store.history`.
"""

import json
from datetime import datetime
from functools import cache
from typing import Any, Final, NamedTuple

from sqlalchemy import Select, and_, func, select
from sqlmodel import Session

from qtcore.store.columns import table_of
from qtcore.store.queries.keyset import TENANT, among, rows_for
from qtcore.store.queries.ledger_facets import Wanted
from qtcore.store.tables import LedgerAbout, LedgerEvent, LedgerPending, LedgerPrivate, LedgerSeal

_EVENT: Final = table_of(LedgerEvent)
_ABOUT: Final = table_of(LedgerAbout)
_SEAL: Final = table_of(LedgerSeal)
_PENDING: Final = table_of(LedgerPending)
_PRIVATE: Final = table_of(LedgerPrivate)


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
            json.loads(row.head),
            private.get(row.id, {}),
        )
        for row in rows
    ]


def count_pending(session: Session, tenant_id: int) -> int:
    """Count the entries that wait for their seal."""
    count: int = session.execute(
        select(func.count()).select_from(_PENDING).where(_PENDING.c.tenant_id == tenant_id)
    ).scalar_one()
    return count


def sealed_up_to(session: Session, tenant_id: int) -> int:
    """Give the size of the tree: how many entries are sealed."""
    last = session.execute(
        select(func.max(_SEAL.c.seq)).where(_SEAL.c.tenant_id == tenant_id)
    ).scalar_one()
    return 0 if last is None else int(last) + 1


def read_private(session: Session, tenant_id: int, entries: list[int]) -> dict[int, dict[str, str]]:
    """Read the personal values of entries that were not erased."""
    found: dict[int, dict[str, str]] = {}
    for entry, field, _, value in private_rows(session, tenant_id, entries):
        if value is not None:
            found.setdefault(entry, {})[field] = value
    return found


def private_rows(session: Session, tenant_id: int, entries: list[int]) -> list[Any]:
    """Read (entry, field, salt, value) of entries, erased ones too."""
    return list(rows_for(session, _private, tenant_id, entries))


def about_rows(session: Session, tenant_id: int, entries: list[int]) -> dict[int, set[str]]:
    """Read what entries are listed under."""
    found: dict[int, set[str]] = {}
    for entry, uid in rows_for(session, _abouts, tenant_id, entries):
        found.setdefault(entry, set()).add(uid)
    return found


@cache
def _abouts(dialect: str) -> Select[Any]:
    found = select(_ABOUT.c.event_id, _ABOUT.c.uid)
    return found.where(_ABOUT.c.tenant_id == TENANT, among(dialect, _ABOUT.c.event_id))


@cache
def _private(dialect: str) -> Select[Any]:
    return select(_PRIVATE.c.event_id, _PRIVATE.c.field, _PRIVATE.c.salt, _PRIVATE.c.value).where(
        _PRIVATE.c.tenant_id == TENANT, among(dialect, _PRIVATE.c.event_id)
    )
