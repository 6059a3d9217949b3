"""What left for whom, and what was in the cases and pallets that left.

It must not decide what a recall covers. A superseded event no longer counts.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import cache, partial
from itertools import groupby
from operator import attrgetter, itemgetter
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Select,
    and_,
    exists,
    literal,
    select,
    union_all,
)
from sqlmodel import Session

from qtcore.store.columns import driver_readers, table_of
from qtcore.store.queries.events import of_tenant, with_event
from qtcore.store.queries.keyset import TENANT, among, plain_rows, rows_for
from qtcore.store.queries.labels import label_nodes
from qtcore.store.queries.lens import NOW, Lens, Shape, counts
from qtcore.store.queries.nodes import NodeInfo
from qtcore.store.tables import Event, Movement, Node, Party

_EVENT: Final = table_of(Event)
_MOVEMENT: Final = table_of(Movement)
_NODE: Final = table_of(Node)
_PARTY: Final = table_of(Party)
_AT_AND_KEY: Final = itemgetter(2, 0)
_NOBODY: Final[tuple[str, str, dict[str, Any]]] = ("", "", {})


class ShipmentRow(NamedTuple):
    """One line of a shipment; `lot_no` is the code when a logistic unit was shipped."""

    event_uid: str
    event_at: datetime
    node: int
    node_uid: str
    kind: str
    lot_no: str
    item_code: str
    quantity: Decimal | None
    unit: str
    customer_code: str
    customer_name: str
    contacts: dict[str, Any]


class ContentRow(NamedTuple):
    """What was inside a case or pallet, from when until when; None: it is still inside."""

    container: int
    node: int
    node_uid: str
    kind: str
    lot_no: str
    item_code: str
    quantity: Decimal | None
    unit: str
    packed_at: datetime
    unpacked_at: datetime | None


def shipments_of(
    session: Session,
    tenant_id: int,
    nodes: Iterable[int],
    *,
    lens: Lens = NOW,
    known: Mapping[int, NodeInfo] | None = None,
) -> list[ShipmentRow]:
    """List the shipments of nodes themselves, earliest first; what held them is not looked at.

    `known` are the nodes where they have been described already.
    """
    build = partial(_shipped, shape=lens.shape())
    told = plain_rows(session, build, tenant_id, nodes, more=lens.parameters())
    rows = sorted(told, key=_AT_AND_KEY)
    read = driver_readers(session.get_bind().dialect.name)
    if known is None:
        known = label_nodes(session, tenant_id, [row[3] for row in rows])
    # Customers are few beside their shipments, and their contacts are read once.
    parties = plain_rows(session, _customers, tenant_id, {row[-1] for row in rows} - {None})
    customers = {
        party: (code, name, read.document(contacts) or {})
        for party, code, name, contacts in parties
    }
    found = []
    for _, uid, at, node, quantity, unit, party in rows:
        info, customer = known[node], customers.get(party, _NOBODY)
        thing = (node, info.uid, info.kind, info.lot_no, info.item_code)
        amount = read.amount(quantity)
        found.append(ShipmentRow(uid, read.moment(at), *thing, amount, unit, *customer))
    return found


def contents_of(
    session: Session, tenant_id: int, containers: Iterable[int], *, lens: Lens = NOW
) -> list[ContentRow]:
    """List all that was ever inside logistic units, and inside those within them."""
    stays = stays_in(session, tenant_id, containers, lens=lens)
    known = label_nodes(session, tenant_id, [stay.node for stay in stays])
    return [
        ContentRow(
            stay.container,
            stay.node,
            known[stay.node].uid,
            stay.kind,
            known[stay.node].lot_no,
            known[stay.node].item_code,
            stay.quantity,
            stay.unit,
            stay.packed_at,
            stay.unpacked_at,
        )
        for stay in stays
    ]


def stays_in(
    session: Session, tenant_id: int, containers: Iterable[int], *, lens: Lens = NOW
) -> list["Stay"]:
    """List when what was inside logistic units, and inside those within them."""
    build = partial(_packing, shape=lens.shape())
    level, seen = set(containers), set[int]()
    stays: list[Stay] = []
    while level:
        seen |= level
        found = _stays(rows_for(session, build, tenant_id, level, more=lens.parameters()))
        stays += found
        level = {stay.node for stay in found if stay.kind == "logistic_unit"} - seen
    return stays


class Stay(NamedTuple):
    """One thing in one container, from when until when; None: it is still inside."""

    container: int
    node: int
    kind: str
    quantity: Decimal | None
    unit: str
    packed_at: datetime
    unpacked_at: datetime | None


def _stays(rows: Sequence[Any]) -> list[Stay]:
    """Pair what went in with what came out, for each container."""
    told = defaultdict(list)
    for row in rows:
        told[row.container].append(row)
    found: list[Stay] = []
    for acts in told.values():
        inside: dict[int, list[Stay]] = defaultdict(list)
        acts.sort(key=lambda act: (act.event_at, act.quantity or 0, act.id))
        for _, together in groupby(acts, key=attrgetter("event_at")):
            found += _at_once(inside, list(together))
        found += [stay for stays in inside.values() for stay in stays]
    return found


def _at_once(inside: dict[int, list[Stay]], acts: Sequence[Any]) -> list[Stay]:
    """Put in and take out what one moment tells, in whatever order it was told.

    What was there before comes out first: of a content that is changed in one moment, the new one
    stays. Gives what is closed by it.
    """
    closed: list[Stay] = []
    unmet = []
    for row in acts:
        if row.verb != "pack":
            out, left = _taken(inside, row)
            closed += out
            if left is not None:
                unmet.append(left)
    for row in acts:
        if row.verb == "pack":
            inside[row.node].append(_packed(row))
    for row in unmet:
        closed += _taken(inside, row)[0]
    return closed


def _taken(inside: dict[int, list[Stay]], row: Any) -> tuple[list[Stay], Any]:
    """Take out what an unpacking says; gives what is closed, and what it did not find."""
    if row.part != "child":
        # An unpacking that names no content empties the container.
        stays = [stay for held in inside.values() for stay in held]
        inside.clear()
        return [stay._replace(unpacked_at=row.event_at) for stay in stays], None if stays else row
    stays = _take_out(inside[row.node], row)
    if row.quantity is None or any(s.quantity is None or s.unit != row.unit for s in stays):
        return stays, None if stays else row
    left = row.quantity - sum((stay.quantity or 0 for stay in stays), Decimal(0))
    return stays, row._replace(quantity=left) if left > 0 else None


def _packed(row: Any) -> Stay:
    return Stay(row.container, row.node, row.kind, row.quantity, row.unit, row.event_at, None)


def _take_out(stays: list[Stay], row: Any) -> list[Stay]:
    """Take what was unpacked from `stays`, first in first out; gives what is closed by it.

    What is one piece comes out whole, and without a quantity everything does. Where the quantities
    of a lot cannot be compared, nobody knows how much is left inside: it is not taken for empty.
    """
    left: Decimal | None = row.quantity if row.kind == "lot" else None
    closed: list[Stay] = []
    while stays and (left is None or left > 0):
        stay = stays.pop(0)
        if left is None:
            closed.append(stay._replace(unpacked_at=row.event_at))
            continue
        if stay.quantity is None or stay.unit != row.unit:
            stays.insert(0, stay._replace(quantity=None, unit=""))
            out, unit, left = left, row.unit, Decimal(0)
        else:
            out, unit = min(stay.quantity, left), stay.unit
            left -= out
            if out < stay.quantity:
                stays.insert(0, stay._replace(quantity=stay.quantity - out))
        closed.append(stay._replace(quantity=out, unit=unit, unpacked_at=row.event_at))
    return closed


@cache
def _shipped(dialect: str, *, shape: Shape) -> Select[Any]:
    return (
        select(
            _MOVEMENT.c.id,
            _EVENT.c.uid,
            _EVENT.c.event_at,
            _MOVEMENT.c.node,
            _MOVEMENT.c.quantity,
            _MOVEMENT.c.unit,
            _EVENT.c.to_party_id,
        )
        .select_from(with_event(_MOVEMENT))
        .where(
            _MOVEMENT.c.tenant_id == TENANT,
            among(dialect, _MOVEMENT.c.node),
            _MOVEMENT.c.effect == "shipped",
            counts(_EVENT, shape),
        )
    )


@cache
def _customers(dialect: str) -> Select[Any]:
    here = and_(_PARTY.c.tenant_id == TENANT, among(dialect, _PARTY.c.id))
    return select(_PARTY.c.id, _PARTY.c.code, _PARTY.c.name, _PARTY.c.contacts).where(here)


def names_some() -> ColumnElement[bool]:
    """Say whether the event of a movement names what was inside."""
    named = _MOVEMENT.alias("named")
    return exists().where(
        named.c.tenant_id == TENANT,
        named.c.event_id == _MOVEMENT.c.event_id,
        named.c.part == "child",
    )


@cache
def _packing(dialect: str, *, shape: Shape) -> CompoundSelect[Any]:
    """Select what went into the wanted containers or came out, and what emptied them."""

    def acts(container: ColumnElement[int], *conditions: ColumnElement[bool]) -> Select[Any]:
        thing = of_tenant(_NODE, _NODE.c.node, _MOVEMENT.c.node)
        return (
            select(
                container.label("container"),
                _MOVEMENT.c.id,
                _MOVEMENT.c.node,
                _MOVEMENT.c.part,
                _MOVEMENT.c.quantity,
                _MOVEMENT.c.unit,
                _EVENT.c.verb,
                _EVENT.c.event_at,
                _NODE.c.kind,
            )
            .select_from(with_event(_MOVEMENT).outerjoin(_NODE, thing))
            .where(
                _MOVEMENT.c.tenant_id == TENANT,
                among(dialect, container),
                counts(_EVENT, shape),
                *conditions,
            )
        )

    return union_all(
        acts(_MOVEMENT.c.container, _EVENT.c.verb.in_([literal("pack"), literal("unpack")])),
        acts(
            _MOVEMENT.c.node, _MOVEMENT.c.part == "parent", _EVENT.c.verb == "unpack", ~names_some()
        ),
    )
