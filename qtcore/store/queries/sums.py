"""What happened to nodes, added up: for lots that thousands of events used.

It must not know what an effect does to a balance. The database adds; reading each movement would
cost twenty times as much.
"""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Select, and_, case, func, literal, select
from sqlmodel import Session

from qtcore.store.columns import exact_sum, moment, table_of, text
from qtcore.store.queries.events import event_is_gone, of_tenant, with_event
from qtcore.store.queries.keyset import TENANT, among, rows_for
from qtcore.store.queries.lens import NOW, counts
from qtcore.store.queries.shipments import names_some
from qtcore.store.tables import Event, Location, Movement

_EVENT: Final = table_of(Event)
_MOVEMENT: Final = table_of(Movement)
_LOCATION: Final = table_of(Location)


class Sum(NamedTuple):
    """What acts of one sort did to a node at one place, in one unit.

    `untold` are the acts without a quantity, `future` those dated after they were recorded,
    `emptied` those that took all out of a case, and `orphan` is a movement whose event is gone.
    Rows come in the order of their first act.
    """

    node: int
    part: str
    effect: str
    unit: str
    location_code: str
    is_packing: bool
    quantity: Decimal | None
    untold: int
    future: int
    emptied: int
    first_at: datetime
    first_id: int
    orphan: int | None


def sums_of(session: Session, tenant_id: int, nodes: Iterable[int]) -> list[Sum]:
    """Add up what counts of the acts on nodes; StoreUnavailable when an event is gone."""
    found = [Sum._make(row) for row in rows_for(session, _sums, tenant_id, nodes)]
    for row in found:
        if row.orphan is not None:
            raise event_is_gone(row.orphan)
    return sorted(found, key=lambda row: (row.first_at, row.unit, row.first_id))


def made_of_themselves(session: Session, tenant_id: int, nodes: Iterable[int]) -> set[int]:
    """Name the nodes that one event both used and made."""
    return {row.node for row in rows_for(session, _of_themselves, tenant_id, nodes)}


@cache
def _sums(dialect: str) -> Select[Any]:
    move = _MOVEMENT.c
    place = func.coalesce(_LOCATION.c.code, literal(""))
    sort = (move.node, move.part, move.effect, move.unit, place, move.container.is_not(None))
    source = with_event(_MOVEMENT).outerjoin(
        _LOCATION, of_tenant(_LOCATION, _LOCATION.c.id, move.location_id)
    )
    node, part, effect, unit, code, is_packing = sort
    return (
        select(
            node, text(part), text(effect), text(unit), code, is_packing,
            exact_sum(dialect, move.quantity),
            func.count() - func.count(move.quantity),
            func.sum(case((_EVENT.c.event_at > _EVENT.c.recorded_at, 1), else_=0)),
            func.sum(case((_empties(), 1), else_=0)),
            moment(func.min(_EVENT.c.event_at)),
            func.min(move.id),
            func.min(case((_EVENT.c.id.is_(None), move.id))),
        )
        .select_from(source)
        .where(move.tenant_id == TENANT, among(dialect, move.node), counts(_EVENT, NOW.shape()))
        .group_by(*sort)
    )  # fmt: skip


def _empties() -> ColumnElement[bool]:
    """An unpacking that names no content takes all of it out."""
    return and_(_MOVEMENT.c.part == "parent", _EVENT.c.verb == "unpack", ~names_some())


@cache
def _of_themselves(dialect: str) -> Select[Any]:
    made, used = _MOVEMENT, _MOVEMENT.alias("used")
    same = of_tenant(used, used.c.event_id, made.c.event_id)
    return (
        select(made.c.node)
        .select_from(with_event(made).join(used, same))
        .where(
            made.c.tenant_id == TENANT,
            among(dialect, made.c.node),
            made.c.part == "output",
            used.c.part == "input",
            # Not as an equation: SQLite would look all uses of the node up for each making.
            used.c.node - made.c.node == 0,
            counts(_EVENT, NOW.shape()),
        )
        .distinct()
    )
