"""What happened to nodes, added up: for lots that thousands of events used.

It must not know what an effect does to a balance. The database adds; reading each movement would
cost twenty times as much. Of a node with very many the sums of its older movements are kept, and
only what came after them is added: see `qtcore.store.kept_sums`.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import datetime
from decimal import Decimal
from functools import cache, reduce
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    CompoundSelect,
    Select,
    and_,
    bindparam,
    case,
    exists,
    func,
    literal,
    null,
    select,
    union_all,
)
from sqlmodel import Session

from qtcore.store.columns import add_exactly, exact_sum, moment, table_of, text
from qtcore.store.queries.events import event_is_gone, of_tenant, with_event
from qtcore.store.queries.keyset import TENANT, among, rows_for
from qtcore.store.queries.lens import NOW, counts
from qtcore.store.queries.shipments import names_some
from qtcore.store.tables import Event, Location, Movement, MovementSum

_EVENT: Final = table_of(Event)
_MOVEMENT: Final = table_of(Movement)
_LOCATION: Final = table_of(Location)
_KEPT: Final = table_of(MovementSum)


class Sum(NamedTuple):
    """What acts of one sort did to a node at one place, in one unit.

    `untold` are the acts without a quantity, `future` those dated after they were recorded,
    `emptied` those that took all out of a case, `itself` those that made the node of itself, and
    `devices` those that a device told. `orphan` is a movement whose event is gone. `acts` is how
    many there are, `fresh` how many of them no kept sum holds, `last_id` the last of all.
    """

    node: int
    part: str
    effect: str
    unit: str
    location_id: int | None
    is_packing: bool
    quantity: Decimal | None
    acts: int
    untold: int
    future: int
    emptied: int
    itself: int
    devices: int
    first_at: datetime
    first_id: int
    last_id: int
    fresh: int
    orphan: int | None
    location_code: str


def sums_of(session: Session, tenant_id: int, nodes: Iterable[int]) -> list[Sum]:
    """Add up what counts of the acts on nodes, in the order of the first act of each sort.

    Raises StoreUnavailable when an event is gone.
    """
    found = _added(session, tenant_id, nodes, _kept_and_others)
    after: dict[int, set[int]] = defaultdict(set)
    for row in found:
        if row.fresh < row.acts:
            after[row.last_id].add(row.node)
    for last_id, some in after.items():
        found += _added(session, tenant_id, some, _rest, after=last_id)
    return _in_order(_joined(found) if after else found)


def sums_from_scratch(session: Session, tenant_id: int, nodes: Iterable[int]) -> list[Sum]:
    """Add up every act on nodes, as if no sum had been kept."""
    return _in_order(_added(session, tenant_id, nodes, _every))


def _added(
    session: Session, tenant_id: int, nodes: Iterable[int], build: Callable[[str], Any], **more: int
) -> list[Sum]:
    found = [Sum._make(row) for row in rows_for(session, build, tenant_id, nodes, more=more)]
    for row in found:
        if row.orphan is not None:
            raise event_is_gone(row.orphan)
    return found


def _in_order(found: Iterable[Sum]) -> list[Sum]:
    return sorted(found, key=lambda row: (row.first_at, row.unit, row.first_id))


def _joined(found: Iterable[Sum]) -> list[Sum]:
    """Put what is kept and what came after it together, sort by sort."""
    alike: dict[tuple[object, ...], list[Sum]] = defaultdict(list)
    for row in found:
        alike[row[:_SORT]].append(row)
    return [reduce(_join, rows) for rows in alike.values()]


def _join(one: Sum, two: Sum) -> Sum:
    amounts = [row.quantity for row in (one, two) if row.quantity is not None]
    return one._replace(
        quantity=reduce(add_exactly, amounts) if amounts else None,
        first_at=min(one.first_at, two.first_at),
        first_id=min(one.first_id, two.first_id),
        last_id=max(one.last_id, two.last_id),
        **{name: getattr(one, name) + getattr(two, name) for name in _COUNTS},
    )


_SORT: Final = Sum._fields.index("quantity")
_COUNTS: Final = ("acts", "untold", "future", "emptied", "itself", "devices", "fresh")


def _kept(dialect: str) -> Select[Any]:
    here = of_tenant(_LOCATION, _LOCATION.c.id, _KEPT.c.location_id)
    told = [_KEPT.c[name] for name in Sum._fields if name in _KEPT.c]
    return (
        select(*told, literal(0), null(), func.coalesce(_LOCATION.c.code, literal("")))
        .select_from(_KEPT.outerjoin(_LOCATION, here))
        .where(_KEPT.c.tenant_id == TENANT, among(dialect, _KEPT.c.node))
    )


def _sums(which: ColumnElement[bool], dialect: str) -> Select[Any]:
    move = _MOVEMENT.c
    is_packing = move.container.is_not(None)
    code = func.coalesce(_LOCATION.c.code, literal(""))
    sort = (move.node, move.part, move.effect, move.unit, move.location_id, is_packing)
    source = with_event(_MOVEMENT).outerjoin(
        _LOCATION, of_tenant(_LOCATION, _LOCATION.c.id, move.location_id)
    )
    return (
        select(
            move.node, text(move.part), text(move.effect), text(move.unit), move.location_id,
            is_packing,
            exact_sum(dialect, move.quantity),
            func.count(),
            func.count() - func.count(move.quantity),
            _how_many(_EVENT.c.event_at > _EVENT.c.recorded_at),
            _how_many(_empties()),
            _how_many(_of_itself()),
            _how_many(_EVENT.c.device != literal("")),
            moment(func.min(_EVENT.c.event_at)),
            func.min(move.id),
            func.max(move.id),
            func.count(),
            func.min(case((_EVENT.c.id.is_(None), move.id))),
            code,
        )
        .select_from(source)
        .where(move.tenant_id == TENANT, which, counts(_EVENT, NOW.shape()))
        .group_by(*sort, code)
    )  # fmt: skip


@cache
def _every(dialect: str) -> Select[Any]:
    return _sums(among(dialect, _MOVEMENT.c.node), dialect)


@cache
def _rest(dialect: str) -> Select[Any]:
    """Select the sums of what came after those that are kept."""
    later = _MOVEMENT.c.id > bindparam("after", type_=BigInteger)
    return _sums(and_(among(dialect, _MOVEMENT.c.node), later), dialect)


@cache
def _kept_and_others(dialect: str) -> CompoundSelect[Any]:
    """Select what is kept, and the sums of the nodes of which nothing is."""
    kept = select(_KEPT.c.node).where(_KEPT.c.tenant_id == TENANT, among(dialect, _KEPT.c.node))
    others = among(dialect, _MOVEMENT.c.node, but=kept)
    return union_all(_sums(others, dialect), _kept(dialect))


def _how_many(is_so: ColumnElement[bool]) -> ColumnElement[int]:
    return func.sum(case((is_so, 1), else_=0))


def _empties() -> ColumnElement[bool]:
    """An unpacking that names no content takes all of it out."""
    return and_(_MOVEMENT.c.part == "parent", _EVENT.c.verb == "unpack", ~names_some())


def _of_itself() -> ColumnElement[bool]:
    """An event that made the node used it as well."""
    used = _MOVEMENT.alias("used")
    same = of_tenant(used, used.c.event_id, _MOVEMENT.c.event_id)
    is_used = exists().where(same, used.c.node == _MOVEMENT.c.node, used.c.part == "input")
    return and_(_MOVEMENT.c.part == "output", _EVENT.c.verb == "transform", is_used)
