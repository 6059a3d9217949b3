"""What happened to nodes: events, their lines, movements, and what does not fit together.

It must not know what an effect does to a balance. A superseded event no longer counts.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from functools import cache, partial
from operator import attrgetter
from typing import Any, Final, NamedTuple, TypeVar

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    Table,
    and_,
    bindparam,
    func,
    literal,
    select,
)
from sqlmodel import Session

from qtcore.errors import DatabaseDamaged, NotFound
from qtcore.store.columns import driver_readers, moment, table_of, text
from qtcore.store.queries.keyset import TENANT, among, among_texts, plain_rows, rows_for
from qtcore.store.queries.lens import NOW, Lens, Shape, counts
from qtcore.store.queries.nodes import describe_nodes
from qtcore.store.tables import Equipment, Event, Location, Movement, Party

_EVENT: Final = table_of(Event)
_MOVEMENT: Final = table_of(Movement)
_LOCATION: Final = table_of(Location)
_EQUIPMENT: Final = table_of(Equipment)
_FROM: Final = table_of(Party).alias("from_party")
_TO: Final = table_of(Party).alias("to_party")

_NO_CODE: Final = literal("")
_TOLD: Final[dict[str, Any]] = {
    "id": _MOVEMENT.c.id,
    "node": _MOVEMENT.c.node,
    "part": _MOVEMENT.c.part,
    "effect": _MOVEMENT.c.effect,
    "container": _MOVEMENT.c.container,
    "quantity": _MOVEMENT.c.quantity,
    "unit": _MOVEMENT.c.unit,
    "location_code": func.coalesce(_LOCATION.c.code, _NO_CODE),
    "event_id": _EVENT.c.id,
    "event_uid": _EVENT.c.uid,
    "event_type": _EVENT.c.event_type,
    "verb": _EVENT.c.verb,
    "event_at": _EVENT.c.event_at,
    "recorded_at": _EVENT.c.recorded_at,
    "recorded_by": _EVENT.c.recorded_by,
    "step": _EVENT.c.step,
    "reason": _EVENT.c.reason,
    "from_party": func.coalesce(_FROM.c.code, _NO_CODE),
    "to_party": func.coalesce(_TO.c.code, _NO_CODE),
    "equipment": func.coalesce(_EQUIPMENT.c.code, _NO_CODE),
}
"""Where each field of a movement comes from."""

BROUGHT: Final = ("received", "produced")
"""Effects that say where a lot came from; without one it is only mentioned."""


class MovementRow(NamedTuple):
    """What one event did to one node, with the event's where, when and who."""

    id: int
    node: int
    part: str
    effect: str
    container: int | None
    quantity: Decimal | None
    unit: str
    location_code: str
    event_id: int
    event_uid: str
    event_type: str
    verb: str
    event_at: datetime
    recorded_at: datetime
    recorded_by: str
    step: str
    reason: str
    from_party: str
    to_party: str
    equipment: str

    def as_json(self) -> dict[str, Any]:
        """Give the shape of the API."""
        return {
            "event_id": self.event_uid,
            "event_type": self.event_type,
            "verb": self.verb,
            "event_at": self.event_at.isoformat(),
            "recorded_at": self.recorded_at.isoformat(),
            "recorded_by": self.recorded_by,
            "part": self.part,
            "effect": self.effect,
            "quantity": None if self.quantity is None else format(self.quantity, "f"),
            "unit": self.unit,
            "place": self.location_code,
            "step": self.step,
            "reason": self.reason,
            "from_party": self.from_party,
            "to_party": self.to_party,
            "equipment": self.equipment,
        }


class AmountRow(NamedTuple):
    """What one event did to one node, without by whom and why: for sums over many nodes."""

    id: int
    node: int
    part: str
    effect: str
    container: int | None
    quantity: Decimal | None
    unit: str
    location_code: str
    event_uid: str
    event_type: str
    verb: str
    event_at: datetime
    step: str
    from_party: str
    to_party: str


AnyMovement = MovementRow | AmountRow
"""A movement as it was read: whole, or for sums."""


class NewestMovements(NamedTuple):
    """Some movements as they happened, how many there are in all, and how many before these."""

    rows: list[MovementRow]
    total: int
    older: int


class ActRow(NamedTuple):
    """What one event did to one node, without where and by whom: for checks of many nodes."""

    id: int
    node: int
    part: str
    effect: str
    container: int | None
    quantity: Decimal | None
    unit: str
    event_id: int
    event_type: str
    verb: str
    event_at: datetime
    recorded_at: datetime


_Moved = TypeVar("_Moved", MovementRow, AmountRow, ActRow)


class LineRow(NamedTuple):
    """One line of an event and what it names."""

    node: int
    node_uid: str
    kind: str
    lot_no: str
    item_code: str
    part: str
    effect: str
    quantity: Decimal | None
    unit: str


def find_event(session: Session, tenant_id: int, external_id: str) -> Event | None:
    """Find an event by the id its sender gave it."""
    return _event(session, tenant_id, _EVENT.c.external_id == external_id)


def get_event(session: Session, tenant_id: int, uid: str) -> Event:
    """Get an event by its public id; raises NotFound."""
    found = _event(session, tenant_id, _EVENT.c.uid == uid)
    if found is None:
        raise NotFound(f"there is no event {uid!r}")
    return found


def event_lines(session: Session, tenant_id: int, event_id: int) -> list[LineRow]:
    """List what an event names, in the order it was told; a move's arrival is no line."""
    rows = session.execute(
        select(
            _MOVEMENT.c.node,
            _MOVEMENT.c.part,
            _MOVEMENT.c.effect,
            _MOVEMENT.c.quantity,
            _MOVEMENT.c.unit,
        )
        .where(
            _MOVEMENT.c.tenant_id == tenant_id,
            _MOVEMENT.c.event_id == event_id,
            _MOVEMENT.c.effect != "moved_in",
        )
        .order_by(_MOVEMENT.c.id)
    ).all()
    known = describe_nodes(session, tenant_id, [row.node for row in rows])
    return [
        LineRow(
            row.node,
            known[row.node].uid,
            known[row.node].kind,
            known[row.node].lot_no,
            known[row.node].item_code,
            row.part,
            row.effect,
            row.quantity,
            row.unit,
        )
        for row in rows
    ]


def movements_of(
    session: Session, tenant_id: int, nodes: Iterable[int], *, lens: Lens = NOW
) -> list[MovementRow]:
    """List the movements of nodes as they happened."""
    build = partial(_movements, fields=MovementRow._fields, shape=lens.shape())
    rows = plain_rows(session, build, tenant_id, nodes, more=lens.parameters())
    return _moved(session, MovementRow, rows)


def amounts_of(session: Session, tenant_id: int, nodes: Iterable[int]) -> list[AmountRow]:
    """List the movements of nodes that count now, as they happened, for sums over many nodes."""
    build = partial(_movements, fields=AmountRow._fields, shape=NOW.shape())
    return _moved(session, AmountRow, plain_rows(session, build, tenant_id, nodes))


def newest_movements(
    session: Session, tenant_id: int, node: int, *, limit: int, before: int | None = None
) -> NewestMovements:
    """List the last movements of a node, or the last that happened before one of them."""
    build = partial(_newest, is_part=before is not None)
    more: dict[str, object] = {"most": limit}
    more |= {} if before is None else {"before": before}
    rows = plain_rows(session, build, tenant_id, [node], more=more)
    found = _moved(session, MovementRow, [row[:-2] for row in rows])
    total, ahead = (rows[0][-2], rows[0][-1]) if rows else (0, 0)
    return NewestMovements(found, total, ahead - len(found))


def movements_of_events(
    session: Session, tenant_id: int, events: Iterable[str], *, lens: Lens = NOW
) -> list[MovementRow]:
    """List what events, by their public ids, did to any node."""
    build = partial(_movements, fields=MovementRow._fields, shape=lens.shape(), of_events=True)
    rows = plain_rows(session, build, tenant_id, events, more=lens.parameters())
    return _moved(session, MovementRow, rows)


def _moved(session: Session, kind: type[_Moved], rows: Sequence[tuple[Any, ...]]) -> list[_Moved]:
    if not rows:
        return []
    read = driver_readers(session.get_bind().dialect.name)
    # Column by column: of thousands of rows, taking each apart would cost as much as reading it.
    columns: dict[str, Iterable[Any]] = dict(
        zip(kind._fields, zip(*rows, strict=True), strict=True)
    )
    readers = {"quantity": read.amount, "event_at": read.moment, "recorded_at": read.moment}
    for name in readers.keys() & columns.keys():
        columns[name] = map(readers[name], columns[name])
    made = partial(tuple.__new__, kind)  # `_make` would look at each row in Python
    return _as_they_happened(map(made, zip(*columns.values(), strict=True)))


def acts_on(session: Session, tenant_id: int, nodes: Iterable[int]) -> list[ActRow]:
    """List what counts of the acts on nodes, in the order they happened."""
    return _as_they_happened(map(ActRow._make, rows_for(session, _acts, tenant_id, nodes)))


_IN_TIME: Final = attrgetter("event_at", "unit", "id")


def _as_they_happened(rows: Iterable[_Moved]) -> list[_Moved]:
    """Order movements by time; raises DatabaseDamaged when the event of one is gone."""
    found = list(rows)
    lost = next((row.id for row in found if not row.event_type), None)
    if lost is not None:
        raise event_is_gone(lost)
    # Of one moment, by what is told: in which order it was told must not matter.
    return sorted(found, key=_IN_TIME)


def event_is_gone(movement: int) -> DatabaseDamaged:
    """Say that a movement has no event, which no writing of ours leaves behind."""
    return DatabaseDamaged(
        f"the database is damaged: the event of movement {movement} is not in it; run "
        "`qtcore db fsck`, and restore a backup"
    )


def _event(session: Session, tenant_id: int, condition: ColumnElement[bool]) -> Event | None:
    return session.execute(
        select(Event).where(_EVENT.c.tenant_id == tenant_id, condition)
    ).scalar_one_or_none()


def of_tenant(table: Any, key: ColumnElement[int], other: ColumnElement[Any]) -> Any:
    """Make the condition that joins a table by its key inside the tenant."""
    return and_(table.c.tenant_id == TENANT, key == other)


def with_event(movement: Table) -> Any:
    """Join movements to their events; each has one, and it is looked up, never begun with."""
    return movement.outerjoin(_EVENT, of_tenant(_EVENT, _EVENT.c.id, movement.c.event_id))


@cache
def _movements(
    dialect: str, *, fields: tuple[str, ...], shape: Shape, of_events: bool = False
) -> Select[Any]:
    asked = among(dialect, _MOVEMENT.c.node)
    if of_events:
        # Through the key of the event: the uid alone would begin with all events.
        named = select(_EVENT.c.id).where(
            _EVENT.c.tenant_id == TENANT, among_texts(dialect, _EVENT.c.uid)
        )
        asked = _MOVEMENT.c.event_id.in_(named)
    source = (
        with_event(_MOVEMENT)
        .outerjoin(_LOCATION, of_tenant(_LOCATION, _LOCATION.c.id, _MOVEMENT.c.location_id))
        .outerjoin(_FROM, of_tenant(_FROM, _FROM.c.id, _EVENT.c.from_party_id))
        .outerjoin(_TO, of_tenant(_TO, _TO.c.id, _EVENT.c.to_party_id))
        .outerjoin(_EQUIPMENT, of_tenant(_EQUIPMENT, _EQUIPMENT.c.id, _EVENT.c.equipment_id))
    )
    # What no column is taken from, both databases leave out.
    return (
        select(*(_TOLD[name] for name in fields))
        .select_from(source)
        .where(_MOVEMENT.c.tenant_id == TENANT, asked, counts(_EVENT, shape))
    )


@cache
def _newest(dialect: str, *, is_part: bool) -> Select[Any]:
    """Select the last movements with two counts: of all, and of those that are left from here."""
    ways = (_EVENT.c.event_at.desc(), _MOVEMENT.c.id.desc())
    every = (
        select(
            _MOVEMENT.c.id,
            func.row_number().over(order_by=ways).label("place"),
            func.count().over().label("total"),
        )
        .select_from(with_event(_MOVEMENT))
        .where(
            _MOVEMENT.c.tenant_id == TENANT,
            among(dialect, _MOVEMENT.c.node),
            counts(_EVENT, NOW.shape()),
        )
        .cte("every")
    )
    before = bindparam("before", type_=BigInteger)
    # A movement that counts no longer has no place: then the list begins anew.
    place = func.coalesce(select(every.c.place).where(every.c.id == before).scalar_subquery(), 0)
    passed = place if is_part else literal(0, BigInteger)
    part = (
        select(every.c.id, every.c.total, (every.c.total - passed).label("ahead"))
        .where(every.c.place > passed)
        .order_by(every.c.place)
        .limit(bindparam("most", type_=BigInteger))
        .cte("part")
    )
    found = _movements(dialect, fields=MovementRow._fields, shape=NOW.shape()).where(
        _MOVEMENT.c.id.in_(select(part.c.id))
    )
    total, ahead = (
        select(column).limit(1).scalar_subquery() for column in (part.c.total, part.c.ahead)
    )
    return found.add_columns(total, ahead)


@cache
def _acts(dialect: str) -> Select[Any]:
    move = _MOVEMENT.c
    return (
        select(
            move.id, move.node, text(move.part), text(move.effect), move.container, move.quantity,
            text(move.unit), _EVENT.c.id, text(_EVENT.c.event_type), text(_EVENT.c.verb),
            moment(_EVENT.c.event_at), moment(_EVENT.c.recorded_at),
        )
        .select_from(with_event(_MOVEMENT))
        .where(move.tenant_id == TENANT, among(dialect, move.node), counts(_EVENT, NOW.shape()))
    )  # fmt: skip
