"""Which lots there are: lists with filters, and what a typed text may mean.

It must not know edges or events.
"""

from typing import Any, Final

from sqlalchemy import Select, and_, or_, select, union
from sqlmodel import Session

from qtcore.store.columns import table_of
from qtcore.store.queries.nodes import NAMES, find_nodes
from qtcore.store.tables import Item, Lot, Party, Unit

_LOT: Final = table_of(Lot)
_UNIT: Final = table_of(Unit)
_ITEM: Final = table_of(Item)
_PARTY: Final = table_of(Party)

_FILTERS: Final = {
    "item": _ITEM.c.code,
    "lot_no": _LOT.c.lot_no,
    "source": _PARTY.c.code,
    "state": _LOT.c.state,
}


def list_lot_nodes(
    session: Session, tenant_id: int, *, after_node: int = 0, limit: int = 50, **filters: str
) -> list[int]:
    """List lots in the order they were made known; filters: item, lot_no, source, state."""
    item = and_(_ITEM.c.tenant_id == _LOT.c.tenant_id, _ITEM.c.id == _LOT.c.item_id)
    source = and_(_PARTY.c.tenant_id == _LOT.c.tenant_id, _PARTY.c.id == _LOT.c.source_id)
    statement = (
        select(_LOT.c.node)
        .select_from(_LOT.join(_ITEM, item).join(_PARTY, source))
        .where(_LOT.c.tenant_id == tenant_id, _LOT.c.node > after_node)
        .order_by(_LOT.c.node)
        .limit(limit)
    )
    for name, value in filters.items():
        statement = statement.where(_FILTERS[name] == value)
    return list(session.execute(statement).scalars())


def search_nodes(session: Session, tenant_id: int, text: str, limit: int = 20) -> list[int]:
    """Find what a text may mean: equal names first, then those that contain it, also items'."""
    found = find_nodes(session, tenant_id, text)[:limit]
    if len(found) < limit:
        more = session.execute(_containing(tenant_id, text, limit)).scalars()
        found += [node for node in more if node not in set(found)]
    return found[:limit]


def item_extra(session: Session, tenant_id: int, item_code: str) -> dict[str, Any]:
    """Read the pack fields of an item; empty for one that is not there."""
    found = session.execute(
        select(_ITEM.c.extra).where(_ITEM.c.tenant_id == tenant_id, _ITEM.c.code == item_code)
    ).scalar_one_or_none()
    return found or {}


def _containing(tenant_id: int, text: str, limit: int) -> Select[tuple[int]]:
    parts: list[Select[tuple[int]]] = [
        select(table.c.node)
        .where(table.c.tenant_id == tenant_id, name.icontains(text, autoescape=True))
        .order_by(table.c.node)
        .limit(limit)
        for table, name in NAMES
    ]
    meant = or_(
        _ITEM.c.code.icontains(text, autoescape=True), _ITEM.c.name.icontains(text, autoescape=True)
    )
    for table in (_LOT, _UNIT):
        of_item = and_(_ITEM.c.tenant_id == table.c.tenant_id, _ITEM.c.id == table.c.item_id)
        parts.append(
            select(table.c.node)
            .select_from(_ITEM.join(table, of_item))
            .where(_ITEM.c.tenant_id == tenant_id, meant)
            .order_by(table.c.node)
            .limit(limit)
        )
    # SQLite takes a LIMIT inside a UNION only in a query of its own.
    found = union(*(select(part.subquery().c.node) for part in parts)).subquery()
    return select(found.c.node).order_by(found.c.node).limit(limit)
