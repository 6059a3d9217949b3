"""What a node is: its item, number, source, state and names; which node a text means; its holds.

It must not know edges or events.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from functools import cache
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    CTE,
    JSON,
    ColumnElement,
    CompoundSelect,
    Select,
    String,
    Table,
    and_,
    bindparam,
    case,
    func,
    literal,
    literal_column,
    or_,
    select,
    union,
)
from sqlmodel import Session

from qtcore.store.columns import table_of
from qtcore.store.queries.keyset import TENANT, among, among_texts, key_rows, read_rows, rows_for
from qtcore.store.tables import (
    Edge,
    Hold,
    Identifier,
    Item,
    LogisticUnit,
    Lot,
    Node,
    NodeAlias,
    Party,
    Unit,
)

_NODE: Final = table_of(Node)
_LOT: Final = table_of(Lot)
_UNIT: Final = table_of(Unit)
_CASE: Final = table_of(LogisticUnit)
_ITEM: Final = table_of(Item)
_PARTY: Final = table_of(Party)
_IDENTIFIER: Final = table_of(Identifier)
_HOLD: Final = table_of(Hold)
_EDGE: Final = table_of(Edge)
_ALIAS: Final = table_of(NodeAlias)

_MOST_FOUND: Final = 200


class NodeInfo(NamedTuple):
    """What is shown of a node. `lot_no` is the serial of a unit and the code of a logistic unit.

    `names` are the item's names by language; `identifiers` are (scheme, value) as they were given.
    `version` counts the changes of a lot, `workflow_version_id` is the life cycle it is pinned to.
    """

    node: int
    uid: str
    kind: str
    item_code: str
    item_name: str
    lot_no: str
    source_code: str
    source_name: str
    state: str
    unit: str
    origin: str
    made_at: datetime | None
    expiry_on: date | None
    item_kind: str
    industry: str
    names: dict[str, str]
    extra: dict[str, Any]
    identifiers: tuple[tuple[str, str], ...] = ()
    version: int = 0
    workflow_version_id: int | None = None

    @property
    def named(self) -> str:
        """Name it in a sentence: a lot with its item, anything else by its kind."""
        is_lot = self.kind == "lot"
        return f"lot {self.lot_no} of {self.item_code}" if is_lot else f"{self.kind} {self.lot_no}"


class HoldRow(NamedTuple):
    """A hold that is in force."""

    uid: str
    node: int
    reason: str
    cause: str
    record_uid: str | None
    placed_at: datetime
    placed_by: str


def describe_nodes(session: Session, tenant_id: int, nodes: Iterable[int]) -> dict[int, NodeInfo]:
    """Describe nodes, by node; one that is not there is left out."""
    return {row[0]: _info(row) for row in rows_for(session, _described, tenant_id, nodes)}


def describe_named(session: Session, tenant_id: int, text: str) -> list[NodeInfo]:
    """Describe what a text names as it is written, in one statement; see `find_nodes`."""
    connection = session.get_bind()
    asked = {"tenant": tenant_id, "text": text}
    return [*map(_info, read_rows(session, _described_named(connection.dialect.name), asked))]


def describe_all_named(
    session: Session, tenant_id: int, texts: Iterable[str]
) -> dict[str, list[NodeInfo]]:
    """Describe what each of many texts names as it is written; a text that names none is left out.

    A text that names more than 200 things gives all of them.
    """
    pairs = {(named, node) for named, node in rows_for(session, _all_named, tenant_id, texts)}
    described = describe_nodes(session, tenant_id, {node for _, node in pairs})
    found: dict[str, list[NodeInfo]] = defaultdict(list)
    for named, node in sorted(pairs):
        found[named].append(described[node])
    return found


def _info(row: Sequence[Any]) -> NodeInfo:
    *told, named, version, pinned = row
    names = tuple((scheme, value) for _, scheme, value in sorted(named)) if named else ()
    return NodeInfo._make([*told, names, version or 0, pinned])


def active_holds(
    session: Session, tenant_id: int, nodes: Iterable[int]
) -> dict[int, tuple[HoldRow, ...]]:
    """List the holds in force, by node; a node without any is left out.

    A hold on a node holds all that was found to be the same thing.
    """
    found: dict[int, list[HoldRow]] = defaultdict(list)
    rows = ((row[0], HoldRow(*row[1:])) for row in rows_for(session, _holds, tenant_id, nodes))
    for node, hold in sorted(rows, key=lambda pair: (pair[1].placed_at, pair[1].uid)):
        found[node].append(hold)
    return {node: tuple(holds) for node, holds in found.items()}


def same_nodes(session: Session, tenant_id: int, nodes: Iterable[int]) -> dict[int, set[int]]:
    """Give the other nodes that each was found to be the same as, directly or through others."""
    found: dict[int, set[int]] = defaultdict(set)
    for node, other in rows_for(session, _same, tenant_id, nodes):
        if node != other:
            found[node].add(other)
    return dict(found)


def lots_of_units(session: Session, tenant_id: int, nodes: Iterable[int]) -> dict[int, set[int]]:
    """Give the lots of each serialised unit among nodes, where any is known.

    A unit belongs to the lot that was named for it and to lots of its own item it was made from.
    """
    found: dict[int, set[int]] = defaultdict(set)
    for node, lot in rows_for(session, _unit_lots, tenant_id, nodes):
        found[node].add(lot)
    return dict(found)


@cache
def _unit_lots(dialect: str) -> CompoundSelect[Any]:
    told = select(_UNIT.c.node, _UNIT.c.lot).where(
        _UNIT.c.tenant_id == TENANT, among(dialect, _UNIT.c.node), _UNIT.c.lot.is_not(None)
    )
    made = (
        select(_UNIT.c.node, _LOT.c.node)
        .join(_EDGE, and_(_EDGE.c.tenant_id == _UNIT.c.tenant_id, _EDGE.c.dst == _UNIT.c.node))
        .join(
            _LOT,
            and_(
                _LOT.c.tenant_id == _EDGE.c.tenant_id,
                _LOT.c.node == _EDGE.c.src,
                _LOT.c.item_id == _UNIT.c.item_id,
            ),
        )
        .where(
            _UNIT.c.tenant_id == TENANT,
            among(dialect, _UNIT.c.node),
            _EDGE.c.superseded_by.is_(None),
        )
    )
    return told.union(made)


def find_nodes(session: Session, tenant_id: int, text: str) -> list[int]:
    """Find the nodes that a text names: public id, lot number, serial, code or identifier.

    As written first; only when nothing has that name, in any case of letters. At most 200.
    """
    asked = {"tenant": tenant_id, "text": text}
    found = [node for (node,) in read_rows(session, _EXACT, asked)]
    return found or find_folded(session, tenant_id, text)


def find_folded(session: Session, tenant_id: int, text: str) -> list[int]:
    """Find the nodes that a text names in any case of letters; at most 200."""
    asked = {"tenant": tenant_id, "text": text}
    return [node for (node,) in read_rows(session, _FOLDED, asked)]


# Where nodes have names, besides their public ids.
NAMES: Final[tuple[tuple[Table, ColumnElement[str]], ...]] = (
    (_IDENTIFIER, _IDENTIFIER.c.value),
    (_LOT, _LOT.c.lot_no),
    (_UNIT, _UNIT.c.serial),
    (_CASE, _CASE.c.code),
)
_TEXT: Final[ColumnElement[str]] = bindparam("text", type_=String)


def _named(*conditions: tuple[Table, ColumnElement[bool]]) -> Select[tuple[int]]:
    found = union(
        *(
            select(table.c.node).where(table.c.tenant_id == TENANT, condition)
            for table, condition in conditions
        )
    ).subquery()
    return select(found.c.node).order_by(found.c.node).limit(_MOST_FOUND)


_EXACT: Final = _named(
    (_NODE, _NODE.c.uid == _TEXT), *((table, name == _TEXT) for table, name in NAMES)
)
_FOLDED: Final = _named(
    (_NODE, _NODE.c.uid == func.lower(_TEXT)),
    *((table, func.lower(name) == func.lower(_TEXT)) for table, name in NAMES),
)


@cache
def _described(dialect: str) -> Select[tuple[object, ...]]:
    return _describing(dialect).where(among(dialect, _NODE.c.node))


@cache
def _described_named(dialect: str) -> Select[tuple[object, ...]]:
    return _describing(dialect).where(_NODE.c.node.in_(_EXACT)).order_by(_NODE.c.node)


@cache
def _all_named(dialect: str) -> CompoundSelect[Any]:
    names = ((_NODE, _NODE.c.uid), *NAMES)
    return union(
        *(
            select(name, table.c.node).where(
                table.c.tenant_id == TENANT, among_texts(dialect, name)
            )
            for table, name in names
        )
    )


def _describing(dialect: str) -> Select[tuple[object, ...]]:
    def of(table: Table, key: ColumnElement[int], other: ColumnElement[int]) -> ColumnElement[bool]:
        return and_(table.c.tenant_id == TENANT, key == other)

    item_id = func.coalesce(_LOT.c.item_id, _UNIT.c.item_id)
    empty, no_values = literal(""), literal_column("'{}'", JSON)
    source = (
        _NODE.outerjoin(_LOT, of(_LOT, _LOT.c.node, _NODE.c.node))
        .outerjoin(_UNIT, of(_UNIT, _UNIT.c.node, _NODE.c.node))
        .outerjoin(_CASE, of(_CASE, _CASE.c.node, _NODE.c.node))
        .outerjoin(_ITEM, of(_ITEM, _ITEM.c.id, item_id))
        .outerjoin(_PARTY, of(_PARTY, _PARTY.c.id, _LOT.c.source_id))
    )
    columns = (
        _NODE.c.node,
        _NODE.c.uid,
        _NODE.c.kind,
        func.coalesce(_ITEM.c.code, empty),
        func.coalesce(_ITEM.c.name, empty),
        func.coalesce(_LOT.c.lot_no, _UNIT.c.serial, _CASE.c.code, empty),
        func.coalesce(_PARTY.c.code, empty),
        func.coalesce(_PARTY.c.name, empty),
        func.coalesce(_LOT.c.state, _UNIT.c.state, _CASE.c.state, empty),
        func.coalesce(_LOT.c.unit, _ITEM.c.unit, empty),
        func.coalesce(_LOT.c.origin, literal("recorded")),
        _LOT.c.made_at,
        _LOT.c.expiry_on,
        func.coalesce(_ITEM.c.kind, empty),
        func.coalesce(_ITEM.c.industry, empty),
        func.coalesce(_ITEM.c.names, no_values),
        func.coalesce(_LOT.c.extra, _UNIT.c.extra, _CASE.c.extra, no_values),
        _names_of(dialect, _NODE.c.node),
        _LOT.c.version,
        _LOT.c.workflow_version_id,
    )
    return select(*columns).select_from(source).where(_NODE.c.tenant_id == TENANT)


def _names_of(dialect: str, node: ColumnElement[int]) -> ColumnElement[Any]:
    """Select the identifiers of a node as a list of key, scheme and value; null without any."""
    is_postgres = dialect == "postgresql"
    whole = func.json_agg if is_postgres else func.json_group_array
    one = func.json_build_array if is_postgres else func.json_array
    own, asked = _IDENTIFIER.c, and_(_IDENTIFIER.c.tenant_id == TENANT, _IDENTIFIER.c.node == node)
    return (
        select(whole(one(own.id, own.scheme, own.value), type_=JSON)).where(asked).scalar_subquery()
    )


def _alike(dialect: str) -> CTE:
    """Pair each node that is asked for with itself and with all that is the same thing."""
    asked = key_rows(dialect).subquery()
    start = select(asked.c.node.label("asked"), asked.c.node.label("node"))
    alike = start.cte("alike", recursive=True)
    other = case((_ALIAS.c.node == alike.c.node, _ALIAS.c.same_as), else_=_ALIAS.c.node)
    step = select(alike.c.asked, other).join(
        _ALIAS,
        and_(
            _ALIAS.c.tenant_id == TENANT,
            or_(_ALIAS.c.node == alike.c.node, _ALIAS.c.same_as == alike.c.node),
            _ALIAS.c.undone_at.is_(None),
        ),
    )
    return alike.union(step)


@cache
def _same(dialect: str) -> Select[tuple[int, int]]:
    alike = _alike(dialect)
    return select(alike.c.asked, alike.c.node)


@cache
def _holds(dialect: str) -> Select[tuple[object, ...]]:
    alike = _alike(dialect)
    return (
        select(
            alike.c.asked,
            _HOLD.c.uid,
            _HOLD.c.node,
            _HOLD.c.reason,
            _HOLD.c.cause,
            _HOLD.c.record_uid,
            _HOLD.c.placed_at,
            _HOLD.c.placed_by,
        )
        .select_from(alike)
        .join(_HOLD, and_(_HOLD.c.tenant_id == TENANT, _HOLD.c.node == alike.c.node))
        .where(_HOLD.c.lifted_at.is_(None))
    )
