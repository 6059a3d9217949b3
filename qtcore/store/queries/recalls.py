"""What a recall asks: events by equipment, party and time; open orders; a case's notices, replies.

It must not decide what is affected. A superseded event no longer counts.
"""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any, Final, NamedTuple

from sqlalchemy import Select, and_, or_, select
from sqlmodel import Session

from qtcore.store.columns import driver_readers, table_of
from qtcore.store.queries.events import of_tenant
from qtcore.store.queries.keyset import (
    TENANT,
    among,
    among_texts,
    plain_rows,
    rows_for,
    told_by_driver,
)
from qtcore.store.tables import Equipment, Event, Location, Lot, Movement, OrderLine, Party

_EVENT: Final = table_of(Event)
_MOVEMENT: Final = table_of(Movement)
_EQUIPMENT: Final = table_of(Equipment)
_LOCATION: Final = table_of(Location)
_PARTY: Final = table_of(Party)
_ORDER: Final = table_of(OrderLine)
_LOT: Final = table_of(Lot)

_TRANSIT: Final = select(_LOCATION.c.code).where(
    _LOCATION.c.tenant_id == TENANT,
    or_(_LOCATION.c.kind == "transit", _LOCATION.c.kind == "vehicle"),
)

MAKES: Final = (("output", "transform"), ("output", "receive"), ("parent", "pack"))


class SeenEvent(NamedTuple):
    """An event in a window, with what a parameter condition may look at."""

    id: int
    uid: str
    event_type: str
    verb: str
    event_at: datetime
    step: str
    values: dict[str, Any]
    equipment: str
    location: str
    from_party: str


class EventNode(NamedTuple):
    """What an event names: `part` tells makers from subjects."""

    event_id: int
    node: int
    part: str


class OrderRow(NamedTuple):
    """A line of an order that has not left yet, with whom to call."""

    uid: str
    order_no: str
    line_no: int
    node: int
    quantity: Decimal
    unit: str
    due_at: datetime | None
    version: int
    customer: str
    customer_name: str
    contacts: dict[str, Any]


class PartyRow(NamedTuple):
    """A party as a recall shows it."""

    id: int
    code: str
    name: str
    roles: list[str]
    contacts: dict[str, Any]
    extra: dict[str, Any]


def events_between(
    session: Session,
    tenant_id: int,
    span: tuple[datetime | None, datetime | None],
    *,
    equipment_id: int | None = None,
    from_party_id: int | None = None,
    without_equipment: Iterable[str] = (),
) -> list[SeenEvent]:
    """List the events of a span (both ends belong to it), narrowed to an equipment or a sender.

    `without_equipment` are verbs: then those of them for which nobody recorded an equipment.
    """
    since, until = span
    wanted = [_EVENT.c.tenant_id == tenant_id, _EVENT.c.superseded_by.is_(None)]
    if since is not None:
        wanted.append(_EVENT.c.event_at >= since)
    if until is not None:
        wanted.append(_EVENT.c.event_at <= until)
    if equipment_id is not None:
        wanted.append(_EVENT.c.equipment_id == equipment_id)
    if verbs := sorted(without_equipment):
        wanted += [_EVENT.c.equipment_id.is_(None), _EVENT.c.verb.in_(verbs)]
    if from_party_id is not None:
        wanted += [_EVENT.c.from_party_id == from_party_id, _EVENT.c.verb == "receive"]
    rows = session.execute(_seen().where(*wanted), {"tenant": tenant_id}).all()
    found = [SeenEvent(*row[:7], *(word or "" for word in row[7:])) for row in rows]
    return sorted(found, key=lambda event: (event.event_at, event.id))


def _seen() -> Select[Any]:
    source = (
        _EVENT.outerjoin(_EQUIPMENT, of_tenant(_EQUIPMENT, _EQUIPMENT.c.id, _EVENT.c.equipment_id))
        .outerjoin(_LOCATION, of_tenant(_LOCATION, _LOCATION.c.id, _EVENT.c.location_id))
        .outerjoin(_PARTY, of_tenant(_PARTY, _PARTY.c.id, _EVENT.c.from_party_id))
    )
    return select(
        _EVENT.c.id,
        _EVENT.c.uid,
        _EVENT.c.event_type,
        _EVENT.c.verb,
        _EVENT.c.event_at,
        _EVENT.c.step,
        _EVENT.c["values"],
        _EQUIPMENT.c.code,
        _LOCATION.c.code,
        _PARTY.c.code,
    ).select_from(source)


def nodes_of_events(session: Session, tenant_id: int, events: Iterable[int]) -> list[EventNode]:
    """List what events name."""
    return [EventNode(*row) for row in rows_for(session, _named, tenant_id, events)]


@cache
def _named(dialect: str) -> Select[Any]:
    return select(_MOVEMENT.c.event_id, _MOVEMENT.c.node, _MOVEMENT.c.part).where(
        _MOVEMENT.c.tenant_id == TENANT, among(dialect, _MOVEMENT.c.event_id)
    )


def lots_of_source(session: Session, tenant_id: int, party_id: int) -> list[int]:
    """List the lots whose source is a party, dated or not."""
    found = session.execute(
        select(_LOT.c.node).where(_LOT.c.tenant_id == tenant_id, _LOT.c.source_id == party_id)
    )
    return list(found.scalars())


def open_orders_of(session: Session, tenant_id: int, nodes: Iterable[int]) -> list[OrderRow]:
    """List the open order lines that reserve nodes, by order and line."""
    rows = rows_for(session, _open_orders, tenant_id, nodes)
    found = [OrderRow(*row)._replace(contacts=row.contacts or {}) for row in rows]
    return sorted(found, key=lambda row: (row.order_no, row.line_no))


@cache
def _open_orders(dialect: str) -> Select[Any]:
    customer = and_(_PARTY.c.tenant_id == TENANT, _PARTY.c.id == _ORDER.c.customer_id)
    return (
        select(
            _ORDER.c.uid,
            _ORDER.c.order_no,
            _ORDER.c.line_no,
            _ORDER.c.node,
            _ORDER.c.quantity,
            _ORDER.c.unit,
            _ORDER.c.due_at,
            _ORDER.c.version,
            _PARTY.c.code,
            _PARTY.c.name,
            _PARTY.c.contacts,
        )
        .select_from(_ORDER.join(_PARTY, customer))
        .where(
            _ORDER.c.tenant_id == TENANT,
            among(dialect, _ORDER.c.node),
            _ORDER.c.state == "open",
        )
    )


def papers_of_events(
    session: Session, tenant_id: int, events: Iterable[str]
) -> dict[str, tuple[dict[str, Any], dict[str, Any]]]:
    """Give the values of events and what their senders wrote, by the public id of the event."""
    document = driver_readers(session.get_bind().dialect.name).document
    rows = plain_rows(session, _papers, tenant_id, set(events))
    return {uid: (document(values) or {}, document(sent) or {}) for uid, values, sent in rows}


def parties_by_code(session: Session, tenant_id: int, codes: Iterable[str]) -> dict[str, PartyRow]:
    """Describe parties, by code."""
    document = driver_readers(session.get_bind().dialect.name).document
    rows = plain_rows(session, _parties, tenant_id, set(codes) - {""})
    return {row[1]: PartyRow(*row[:3], *map(document, row[3:])) for row in rows}


def transit_places(session: Session, tenant_id: int) -> set[str]:
    """Name the places that are under way: vehicles and transit stores."""
    return {row[0] for row in told_by_driver(session, _TRANSIT, {"tenant": tenant_id})}


@cache
def _papers(dialect: str) -> Select[Any]:
    return select(_EVENT.c.uid, _EVENT.c["values"], _EVENT.c.document).where(
        _EVENT.c.tenant_id == TENANT, among_texts(dialect, _EVENT.c.uid)
    )


@cache
def _parties(dialect: str) -> Select[Any]:
    party = _PARTY.c
    return select(party.id, party.code, party.name, party.roles, party.contacts, party.extra).where(
        party.tenant_id == TENANT, among_texts(dialect, party.code)
    )
