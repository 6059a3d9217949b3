"""Which lots there are: lists with filters, and what a typed text may mean.

It must not know edges or events.
"""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Select,
    Table,
    and_,
    bindparam,
    func,
    or_,
    select,
    union,
    union_all,
)
from sqlmodel import Session

from qtcore.store.columns import table_of
from qtcore.store.queries.keyset import TENANT, among_texts, rows_for
from qtcore.store.queries.nodes import NAMES, find_nodes
from qtcore.store.tables import Item, LogisticUnit, Lot, Party, Unit

_LOT: Final = table_of(Lot)
_UNIT: Final = table_of(Unit)
_CASE: Final = table_of(LogisticUnit)
_ITEM: Final = table_of(Item)
_PARTY: Final = table_of(Party)

_FILTERS: Final = ("item", "lot_no", "source", "state", "kind")


def list_lot_nodes(
    session: Session, tenant_id: int, *, after_node: int = 0, limit: int = 50, **filters: str
) -> list[int]:
    """List lots, units and logistic units in the order they were made known.

    Filters, all equal: item, lot_no (a unit's serial, a case's code), source, state, kind. What has
    no such property is not listed.
    """
    unknown = set(filters) - set(_FILTERS)
    if unknown:
        raise ValueError(f"no filter {sorted(unknown)}; there are {_FILTERS}")
    kind = filters.pop("kind", "")
    parts = [
        _page(source, columns, filters)
        for name, (source, columns) in _KINDS.items()
        if kind in ("", name) and filters.keys() <= columns.keys()
    ]
    if not parts:
        return []
    values = {"tenant": tenant_id, "after": after_node, "most": limit}
    listed = union_all(*parts).subquery()
    statement = select(listed.c.node).order_by(listed.c.node).limit(bindparam("most"))
    return list(session.execute(statement, values).scalars())


def _page(
    source: FromClause, columns: Mapping[str, ColumnElement[Any]], filters: Mapping[str, str]
) -> Select[tuple[int]]:
    """Take one page of one kind: the union of the pages holds the page of all."""
    node = columns["node"]
    page = (
        select(node)
        .select_from(source)
        .where(columns["tenant"] == bindparam("tenant"), node > bindparam("after"))
        .where(*(columns[name] == value for name, value in filters.items()))
        .order_by(node)
        .limit(bindparam("most"))
        .subquery()
    )
    return select(page.c.node)


def _kinds() -> dict[str, tuple[FromClause, dict[str, ColumnElement[Any]]]]:
    def of_item(table: Table) -> ColumnElement[bool]:
        return and_(_ITEM.c.tenant_id == table.c.tenant_id, _ITEM.c.id == table.c.item_id)

    party = and_(_PARTY.c.tenant_id == _LOT.c.tenant_id, _PARTY.c.id == _LOT.c.source_id)
    lots = _LOT.join(_ITEM, of_item(_LOT)).join(_PARTY, party)

    def columns(table: Table, number: ColumnElement[Any]) -> dict[str, ColumnElement[Any]]:
        keys = {"tenant": table.c.tenant_id, "node": table.c.node}
        return {**keys, "lot_no": number, "state": table.c.state}

    named = {"item": _ITEM.c.code, "source": _PARTY.c.code}
    return {
        "lot": (lots, {**columns(_LOT, _LOT.c.lot_no), **named}),
        "unit": (
            _UNIT.join(_ITEM, of_item(_UNIT)),
            {**columns(_UNIT, _UNIT.c.serial), "item": _ITEM.c.code},
        ),
        "logistic_unit": (_CASE, columns(_CASE, _CASE.c.code)),
    }


_KINDS: Final = _kinds()


def search_nodes(session: Session, tenant_id: int, text: str, limit: int = 20) -> list[int]:
    """Find what a text may mean: equal names first, then those that contain it, also items'."""
    found = find_nodes(session, tenant_id, text)[:limit]
    if len(found) < limit:
        more = session.execute(_containing(tenant_id, text, limit)).scalars()
        found += [node for node in more if node not in set(found)]
    return found[:limit]


def lots_in_shape(
    session: Session,
    tenant_id: int,
    *,
    prefix: str = "",
    lengths: tuple[int, int] | None = None,
    item: str = "",
) -> list[tuple[int, str]]:
    """List node and lot number of the lots that may fit: the caller compares sign by sign.

    Databases sort and compare texts in their own ways, so only lengths and beginnings are asked.
    """
    statement = select(_LOT.c.node, _LOT.c.lot_no).where(_LOT.c.tenant_id == tenant_id)
    if prefix:
        statement = statement.where(_LOT.c.lot_no.startswith(prefix, autoescape=True))
    if lengths:
        statement = statement.where(func.length(_LOT.c.lot_no).between(min(lengths), max(lengths)))
    if item:
        of_item = and_(_ITEM.c.tenant_id == _LOT.c.tenant_id, _ITEM.c.id == _LOT.c.item_id)
        statement = statement.join_from(_LOT, _ITEM, of_item).where(_ITEM.c.code == item)
    rows = session.execute(statement.order_by(_LOT.c.node))
    return [(node, lot_no) for node, lot_no in rows]


@cache
def _extras(dialect: str) -> Select[Any]:
    return select(_ITEM.c.code, _ITEM.c.extra).where(
        _ITEM.c.tenant_id == TENANT, among_texts(dialect, _ITEM.c.code)
    )


def item_extra(session: Session, tenant_id: int, item_code: str) -> dict[str, Any]:
    """Read the pack fields of an item; empty for one that is not there."""
    return item_extras(session, tenant_id, [item_code]).get(item_code) or {}


def item_extras(
    session: Session, tenant_id: int, item_codes: Iterable[str]
) -> dict[str, dict[str, Any]]:
    """Read the pack fields of items by code; one that is not there is left out."""
    rows = rows_for(session, _extras, tenant_id, item_codes)
    return {row.code: row.extra for row in rows}


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
