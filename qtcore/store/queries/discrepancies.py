"""What does not fit together about nodes: imported facts that nobody has resolved.

It must not know how they are found.
"""

from collections.abc import Iterable
from datetime import datetime
from functools import cache, partial
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, DateTime, Select, Table, and_, bindparam, or_, select
from sqlmodel import Session

from qtcore.store.columns import driver_readers, table_of
from qtcore.store.queries.keyset import TENANT, among, plain_rows
from qtcore.store.tables import Discrepancy

_DISCREPANCY: Final = table_of(Discrepancy)


class DiscrepancyRow(NamedTuple):
    """An imported fact that does not fit, still open."""

    uid: str
    node: int
    kind: str
    detail: str
    parts: dict[str, str]
    found_at: datetime


def open_discrepancies(
    session: Session, tenant_id: int, nodes: Iterable[int], *, known_at: datetime | None = None
) -> list[DiscrepancyRow]:
    """List what does not fit about nodes and nobody has resolved, now or as known at a time."""
    build = partial(_discrepancies, is_past=known_at is not None)
    more = {} if known_at is None else {"known_at": known_at}
    read = driver_readers(session.get_bind().dialect.name)
    found = [
        DiscrepancyRow(uid, node, kind, detail, read.document(parts), read.moment(at))
        for uid, node, kind, detail, parts, at in plain_rows(
            session, build, tenant_id, nodes, more=more
        )
    ]
    return sorted(found, key=lambda row: (row.found_at, row.node, row.kind))


@cache
def _discrepancies(dialect: str, *, is_past: bool) -> Select[Any]:
    table: Table = _DISCREPANCY
    known = bindparam("known_at", type_=DateTime)
    is_open: ColumnElement[bool] = table.c.resolved_at.is_(None)
    if is_past:
        is_open = and_(table.c.found_at <= known, or_(is_open, table.c.resolved_at > known))
    told = table.c.kind, table.c.detail, table.c.parts, table.c.found_at
    return select(table.c.uid, table.c.node, *told).where(
        table.c.tenant_id == TENANT,
        among(dialect, table.c.node),
        is_open,
    )
