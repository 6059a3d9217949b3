"""Which nodes and master rows carry given names: one statement for any number of names.

It must not know events, nor decide which of several nodes is meant.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Any, Final

from sqlalchemy import Select, select
from sqlmodel import Session, SQLModel

from qtcore.store.columns import table_of
from qtcore.store.queries.keyset import TENANT, among, among_texts, rows_for
from qtcore.store.tables import Event, Identifier, LogisticUnit, Lot, Node, Unit

_LOT: Final = table_of(Lot)
_UNIT: Final = table_of(Unit)
_CASE: Final = table_of(LogisticUnit)
_IDENTIFIER: Final = table_of(Identifier)
_EVENT: Final = table_of(Event)
_NODE: Final = table_of(Node)


def nodes_by_identifier(
    session: Session, tenant_id: int, pairs: Iterable[tuple[str, str]]
) -> dict[tuple[str, str], int]:
    """Find the nodes of globally unique identifiers, by (scheme, value)."""
    wanted = set(pairs)
    rows = rows_for(session, _identifiers, tenant_id, {value for _, value in wanted})
    return {(row[0], row[1]): row[2] for row in rows if (row[0], row[1]) in wanted}


def lots_by_number(
    session: Session, tenant_id: int, keys: Iterable[tuple[int, int, str]]
) -> dict[tuple[int, int, str], int]:
    """Find lots by their whole identity: keys of item and source, and lot number."""
    wanted = set(keys)
    rows = rows_for(session, _lots, tenant_id, {number for _, _, number in wanted})
    return {tuple(row[:3]): row[3] for row in rows if tuple(row[:3]) in wanted}


def units_by_serial(
    session: Session, tenant_id: int, keys: Iterable[tuple[int, str]]
) -> dict[tuple[int, str], int]:
    """Find serialised pieces by the key of their item and their serial; the oldest counts."""
    wanted = set(keys)
    rows = rows_for(session, _units, tenant_id, {serial for _, serial in wanted})
    found: dict[tuple[int, str], int] = {}
    for item_id, serial, node in sorted(rows, key=lambda row: row[2]):
        if (item_id, serial) in wanted:
            found.setdefault((item_id, serial), node)
    return found


def cases_by_code(session: Session, tenant_id: int, codes: Iterable[str]) -> dict[str, int]:
    """Find cases and pallets by their code; the oldest counts."""
    found: dict[str, int] = {}
    rows = rows_for(session, _cases, tenant_id, codes)
    for code, node in sorted(rows, key=lambda row: row[1]):
        found.setdefault(code, node)
    return found


def events_by_external_id(
    session: Session, tenant_id: int, ids: Iterable[str]
) -> dict[str, tuple[str, str]]:
    """Find public id and content hash of events by the ids their senders gave them."""
    rows = rows_for(session, _events, tenant_id, ids)
    return {row[0]: (row[1], row[2]) for row in rows}


def masters_by_code(
    session: Session, tenant_id: int, model: type[SQLModel], codes: Iterable[str]
) -> Sequence[Any]:
    """Give whole rows of master data by their codes, to be read: no object is made of them."""
    return rows_for(session, _masters(model), tenant_id, codes)


def uids_of_nodes(session: Session, tenant_id: int, nodes: Iterable[int]) -> dict[int, str]:
    """Give the public ids of nodes; one that is not there is left out."""
    return {row[0]: row[1] for row in rows_for(session, _uids, tenant_id, nodes)}


def items_of_lots(session: Session, tenant_id: int, nodes: Iterable[int]) -> dict[int, int]:
    """Give the key of the item of each node that is a lot."""
    return {row[0]: row[1] for row in rows_for(session, _items, tenant_id, nodes)}


def unverified_among(session: Session, tenant_id: int, nodes: Iterable[int]) -> set[int]:
    """Name the lots that are only mentioned so far."""
    return {row[0] for row in rows_for(session, _unverified, tenant_id, nodes)}


@cache
def _masters(model: type[SQLModel]) -> Callable[[str], Select[Any]]:
    columns = table_of(model).c

    @cache
    def build(dialect: str) -> Select[Any]:
        return select(*columns).where(
            columns.tenant_id == TENANT, among_texts(dialect, columns.code)
        )

    return build


@cache
def _identifiers(dialect: str) -> Select[Any]:
    return select(_IDENTIFIER.c.scheme, _IDENTIFIER.c.value, _IDENTIFIER.c.node).where(
        _IDENTIFIER.c.tenant_id == TENANT,
        among_texts(dialect, _IDENTIFIER.c.value),
        _IDENTIFIER.c.is_global,
    )


@cache
def _lots(dialect: str) -> Select[Any]:
    return select(_LOT.c.item_id, _LOT.c.source_id, _LOT.c.lot_no, _LOT.c.node).where(
        _LOT.c.tenant_id == TENANT, among_texts(dialect, _LOT.c.lot_no)
    )


@cache
def _units(dialect: str) -> Select[Any]:
    return select(_UNIT.c.item_id, _UNIT.c.serial, _UNIT.c.node).where(
        _UNIT.c.tenant_id == TENANT, among_texts(dialect, _UNIT.c.serial)
    )


@cache
def _cases(dialect: str) -> Select[Any]:
    return select(_CASE.c.code, _CASE.c.node).where(
        _CASE.c.tenant_id == TENANT, among_texts(dialect, _CASE.c.code)
    )


@cache
def _events(dialect: str) -> Select[Any]:
    return select(_EVENT.c.external_id, _EVENT.c.uid, _EVENT.c.content_hash).where(
        _EVENT.c.tenant_id == TENANT, among_texts(dialect, _EVENT.c.external_id)
    )


@cache
def _uids(dialect: str) -> Select[Any]:
    return select(_NODE.c.node, _NODE.c.uid).where(
        _NODE.c.tenant_id == TENANT, among(dialect, _NODE.c.node)
    )


@cache
def _items(dialect: str) -> Select[Any]:
    return select(_LOT.c.node, _LOT.c.item_id).where(
        _LOT.c.tenant_id == TENANT, among(dialect, _LOT.c.node)
    )


@cache
def _unverified(dialect: str) -> Select[Any]:
    return select(_LOT.c.node).where(
        _LOT.c.tenant_id == TENANT, among(dialect, _LOT.c.node), _LOT.c.origin == "unverified"
    )
