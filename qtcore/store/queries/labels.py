"""What a node is called, for tens of thousands at once: number, item, source, state, identifiers.

It must not know edges or events.
"""

from collections import defaultdict
from collections.abc import Iterable
from functools import cache
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, Table, and_, func, literal, null, select
from sqlmodel import Session

from qtcore.store.columns import driver_readers, table_of, text
from qtcore.store.queries.keyset import TENANT, among, plain_rows
from qtcore.store.queries.nodes import NodeInfo
from qtcore.store.tables import Identifier, Item, LogisticUnit, Lot, Node, Party, Unit

_NODE: Final = table_of(Node)
_LOT: Final = table_of(Lot)
_UNIT: Final = table_of(Unit)
_CASE: Final = table_of(LogisticUnit)
_ITEM: Final = table_of(Item)
_PARTY: Final = table_of(Party)
_IDENTIFIER: Final = table_of(Identifier)

_NO_ITEM: Final = (0, "", "", "", "", "", None)
_NO_PARTY: Final = (0, "", "")


def label_nodes(session: Session, tenant_id: int, nodes: Iterable[int]) -> dict[int, NodeInfo]:
    """Describe any number of nodes as `describe_nodes` does, without their extra fields.

    Nearly all are lots, so those are asked for first. Items and parties are few and read once.
    """
    wanted = dict.fromkeys(nodes)
    read = driver_readers(session.get_bind().dialect.name)
    moment, day = read.moment, read.day
    rows = plain_rows(session, _lot_labels, tenant_id, wanted)
    if len(rows) < len(wanted):
        others = wanted.keys() - {row[0] for row in rows}
        rows += plain_rows(session, _other_labels, tenant_id, others)
    items = {
        item[0]: (*item[:-1], read.document(item[-1]))
        for item in plain_rows(session, _items, tenant_id, {row[3] for row in rows})
    }
    sources = {row[5] for row in rows} - {None}
    parties = {party[0]: party for party in plain_rows(session, _parties, tenant_id, sources)}
    names = _identifiers_of(session, tenant_id, wanted)
    found: dict[int, NodeInfo] = {}
    nothing: dict[str, Any] = {}
    for node, uid, kind, item_id, lot_no, source_id, state, unit, origin, made, expiry in rows:
        _, item, name, item_unit, item_kind, industry, languages = items.get(item_id, _NO_ITEM)
        _, source, source_name = parties.get(source_id, _NO_PARTY)
        found[node] = NodeInfo(
            node, uid, kind, item, name, lot_no or "", source, source_name, state or "",
            item_unit if unit is None else unit, origin or "recorded", moment(made), day(expiry),
            item_kind, industry, languages or nothing, nothing,
            tuple(names[node]) if node in names else (),
        )  # fmt: skip
    return found


def _identifiers_of(
    session: Session, tenant_id: int, nodes: Iterable[int]
) -> dict[int, list[tuple[str, str]]]:
    names: dict[int, list[tuple[str, str]]] = defaultdict(list)
    for _, node, scheme, value in sorted(plain_rows(session, _identifiers, tenant_id, nodes)):
        names[node].append((scheme, value))
    return names


@cache
def _lot_labels(dialect: str) -> Select[tuple[object, ...]]:
    same = and_(_NODE.c.tenant_id == TENANT, _NODE.c.node == _LOT.c.node)
    lot = _LOT.c
    return (
        select(
            lot.node, text(_NODE.c.uid), text(_NODE.c.kind), lot.item_id, text(lot.lot_no),
            lot.source_id, text(lot.state), text(lot.unit), text(lot.origin), lot.made_at,
            lot.expiry_on,
        )
        # Every lot has its node; the outer join only keeps the planner from beginning with nodes.
        .select_from(_LOT.outerjoin(_NODE, same))
        .where(lot.tenant_id == TENANT, among(dialect, lot.node))
    )  # fmt: skip


@cache
def _other_labels(dialect: str) -> Select[tuple[object, ...]]:
    def of(table: Table) -> ColumnElement[bool]:
        return and_(table.c.tenant_id == TENANT, table.c.node == _NODE.c.node)

    source = _NODE.outerjoin(_UNIT, of(_UNIT)).outerjoin(_CASE, of(_CASE))
    return (
        select(
            _NODE.c.node,
            text(_NODE.c.uid),
            text(_NODE.c.kind),
            func.coalesce(_UNIT.c.item_id, 0),
            text(func.coalesce(_UNIT.c.serial, _CASE.c.code)),
            literal(0),
            text(func.coalesce(_UNIT.c.state, _CASE.c.state)),
            null(),
            null(),
            null(),
            null(),
        )
        .select_from(source)
        .where(_NODE.c.tenant_id == TENANT, among(dialect, _NODE.c.node))
    )


@cache
def _items(dialect: str) -> Select[tuple[object, ...]]:
    return select(
        _ITEM.c.id, _ITEM.c.code, _ITEM.c.name, _ITEM.c.unit, _ITEM.c.kind, _ITEM.c.industry,
        _ITEM.c.names,
    ).where(_ITEM.c.tenant_id == TENANT, among(dialect, _ITEM.c.id))  # fmt: skip


@cache
def _parties(dialect: str) -> Select[tuple[object, ...]]:
    return select(_PARTY.c.id, _PARTY.c.code, _PARTY.c.name).where(
        _PARTY.c.tenant_id == TENANT, among(dialect, _PARTY.c.id)
    )


@cache
def _identifiers(dialect: str) -> Select[tuple[int, int, str, str]]:
    found = select(_IDENTIFIER.c.id, _IDENTIFIER.c.node, _IDENTIFIER.c.scheme, _IDENTIFIER.c.value)
    return found.where(_IDENTIFIER.c.tenant_id == TENANT, among(dialect, _IDENTIFIER.c.node))
