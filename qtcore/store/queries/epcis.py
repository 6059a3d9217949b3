"""Which events may fit an EPCIS query: found by indexes, in the order asked for.

It must not judge what an event says; the caller does that with the candidates.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import CompoundSelect, Select, and_, exists, or_, select, tuple_, union_all
from sqlmodel import Session

from qtcore.store.columns import table_of
from qtcore.store.tables import EpcisEvent, Event, Identifier, Location, Movement, Node

_EVENT: Final = table_of(Event)
_ASKED: Final = table_of(EpcisEvent)
_MOVEMENT: Final = table_of(Movement)
_IDENTIFIER: Final = table_of(Identifier)
_LOCATION: Final = table_of(Location)
_NODE: Final = table_of(Node)
_LAST_SIGN: Final = "\U0010ffff"
_BATCH: Final = 500
_MOST_UNITED: Final = 200
DECLARED: Final = "#errorDeclaration"
"""Ends the id of an error declaration, which repeats the id of the event it declares wrong."""

Place = tuple[datetime, int]


@dataclass(frozen=True, slots=True)
class Search:
    """What the database can tell of a query; `event_ids` None means any event.

    `columns` are those of `EpcisEvent` with the values accepted. `after` is the place of the last
    event already seen. Captured events are searched, or with `is_own` those recorded here.
    """

    event_ids: frozenset[int] | None = None
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    times: tuple[tuple[str, str, datetime], ...] = ()
    by_record_time: bool = False
    is_descending: bool = False
    after: Place | None = None
    is_own: bool = False


def find_candidates(
    session: Session, tenant_id: int, search: Search, limit: int
) -> Sequence[Event]:
    """List the next events in order."""
    if search.event_ids is not None and not search.event_ids:
        return []
    statement = _statement(tenant_id, search).limit(limit)
    return [row for (row,) in session.execute(statement).all()]


def _statement(tenant_id: int, search: Search) -> Select[Any]:
    is_indexed = not search.by_record_time and not search.is_own
    at = _ASKED.c.event_at if is_indexed else _EVENT.c.event_at
    at = _EVENT.c.recorded_at if search.by_record_time else at
    key = _ASKED.c.event_id if is_indexed else _EVENT.c.id
    same = and_(_ASKED.c.tenant_id == _EVENT.c.tenant_id, _ASKED.c.event_id == _EVENT.c.id)
    statement = select(Event)
    if search.is_own:
        statement = statement.where(_EVENT.c.tenant_id == tenant_id, ~exists().where(same))
    else:
        statement = statement.join(_ASKED, same).where(_ASKED.c.tenant_id == tenant_id)
        for name, values in search.columns.items():
            statement = statement.where(_ASKED.c[name].in_(values))
    for name, sign, moment in search.times:
        column = _EVENT.c.recorded_at if name == "recordTime" else at
        if name == "eventTime" and search.by_record_time:
            column = _EVENT.c.event_at
        statement = statement.where(column >= moment if sign == ">=" else column < moment)
    if search.event_ids is not None:
        statement = statement.where(key.in_(sorted(search.event_ids)))
    if search.after is not None:
        here, there = tuple_(at, key), tuple_(*search.after)
        statement = statement.where(here < there if search.is_descending else here > there)
    order = (at.desc(), key.desc()) if search.is_descending else (at, key)
    return statement.order_by(*order)


def events_naming(
    session: Session, tenant_id: int, exact: Iterable[str], starts: Iterable[str]
) -> frozenset[int]:
    """List the keys of events that name a thing by one of its names, or by a beginning."""
    nodes: set[int] = set()
    for statement in nodes_named(tenant_id, exact, starts):
        nodes.update(session.execute(statement).scalars())
    return events_of_nodes(session, tenant_id, nodes)


def nodes_named(
    tenant_id: int, exact: Iterable[str], starts: Iterable[str]
) -> Iterator[CompoundSelect[Any]]:
    """Give the statements that select the nodes with one of the names, or with a beginning.

    Each beginning is a range of an index: names stand in the order of their signs. They are joined
    by UNION, because neither database seeks each range of an OR.
    """
    name = _IDENTIFIER.c.value
    ranges = [and_(name >= start, name < start + _LAST_SIGN) for start in starts]
    whole = sorted(set(exact))
    conditions = [*([name.in_(whole)] if whole else []), *ranges]
    chosen = select(_IDENTIFIER.c.node).where(_IDENTIFIER.c.tenant_id == tenant_id)
    for at in range(0, len(conditions), _MOST_UNITED):
        yield union_all(*(chosen.where(each) for each in conditions[at : at + _MOST_UNITED]))


def is_begun(session: Session, tenant_id: int, starts: Iterable[str]) -> bool:
    """Say whether any name begins with one of the texts."""
    statements = nodes_named(tenant_id, (), starts)
    return any(session.execute(each).first() is not None for each in statements)


def events_of_nodes(session: Session, tenant_id: int, nodes: Iterable[int]) -> frozenset[int]:
    """List the keys of events that name one of the nodes."""
    wanted, found = sorted(set(nodes)), set[int]()
    for start in range(0, len(wanted), _BATCH):
        found.update(
            session.execute(
                select(_MOVEMENT.c.event_id).where(
                    _MOVEMENT.c.tenant_id == tenant_id,
                    _MOVEMENT.c.node.in_(wanted[start : start + _BATCH]),
                )
            ).scalars()
        )
    return frozenset(found)


def list_values(
    session: Session, tenant_id: int, column: str, *, after: str, limit: int
) -> list[str]:
    """List the different values of a column of captured events, in order."""
    name = _ASKED.c[column]
    statement = (
        select(name)
        .distinct()
        .where(_ASKED.c.tenant_id == tenant_id, name > after)
        .order_by(name)
        .limit(limit)
    )
    return list(session.execute(statement).scalars())


def list_epcs(session: Session, tenant_id: int, *, after: str, limit: int) -> list[str]:
    """List the global names of things, in order."""
    statement = (
        select(_IDENTIFIER.c.value)
        .distinct()
        .where(
            _IDENTIFIER.c.tenant_id == tenant_id,
            _IDENTIFIER.c.is_global,
            _IDENTIFIER.c.value > after,
        )
        .order_by(_IDENTIFIER.c.value)
        .limit(limit)
    )
    return list(session.execute(statement).scalars())


def places_inside(session: Session, tenant_id: int, code: str) -> frozenset[str]:
    """List the codes of a place and of all places in it."""
    rows = session.execute(
        select(_LOCATION.c.id, _LOCATION.c.code, _LOCATION.c.parent_id).where(
            _LOCATION.c.tenant_id == tenant_id
        )
    ).all()
    found = {row.id for row in rows if row.code == code}
    while True:
        more = {row.id for row in rows if row.parent_id in found} - found
        if not more:
            return frozenset({code, *(row.code for row in rows if row.id in found)})
        found |= more


def events_of_uids(session: Session, tenant_id: int, uids: Sequence[str]) -> frozenset[int]:
    """List the keys of events that name a node by its public id."""
    if not uids:
        return frozenset()
    nodes = session.execute(
        select(_NODE.c.node).where(_NODE.c.tenant_id == tenant_id, _NODE.c.uid.in_(uids))
    ).scalars()
    return events_of_nodes(session, tenant_id, nodes)


def events_with_ids(session: Session, tenant_id: int, ids: Sequence[str]) -> frozenset[int]:
    """List the keys of events by their ids: an event, its error declaration, or one of our own."""
    outside = [*ids, *(f"{each}{DECLARED}" for each in ids)]
    own = [each.removeprefix("urn:uuid:") for each in ids]
    rows = session.execute(
        select(_EVENT.c.id).where(
            _EVENT.c.tenant_id == tenant_id,
            or_(_EVENT.c.external_id.in_(outside), _EVENT.c.uid.in_(own)),
        )
    ).scalars()
    return frozenset(rows)
