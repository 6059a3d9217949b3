"""What left and came in again: at another site of ours, or at a customer who tells us of it.

It must not know recalls. Until it comes in it is under way; then it is on hand where it came in,
and the receipt brought nothing new into being. A receipt without any sign that it is the end of a
shipment is a delivery of its own: goods that somebody else holds are never taken for received.
"""

from collections import defaultdict, deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Final

from sqlmodel import Session

from qtcore.errors import InputRejected
from qtcore.services.shipments import Shipment
from qtcore.services.site import Site
from qtcore.store.queries.events import AnyMovement, MovementRow
from qtcore.store.queries.recalls import PartyRow, parties_by_code
from qtcore.store.queries.sites import owners_by_code

Convert = Callable[[Decimal, str, str], Decimal]
_Way = tuple[str, str]
_ANY: Final = ("own", "")
_ORDER: Final = {"shipped": 0, "returned": 1, "received": 2}


@dataclass(frozen=True, slots=True)
class Sites:
    """Our own sites, and whose each place is, by its code."""

    own: Collection[str]
    owners: Mapping[str, str]

    def ways(self, left: AnyMovement) -> set[_Way]:
        """Give all ways by which a shipment may come in: where it went to, or at any site."""
        ways = {("to", left.to_party)}
        return ways | {_ANY, ("from", left.from_party)} if left.to_party in self.own else ways

    def way_of(self, receipt: AnyMovement) -> _Way:
        """Give the way a receipt came: only a shipment that may come by it can have arrived."""
        at = self.owners.get(receipt.location_code, "") or receipt.to_party
        if at:
            return "to", at
        is_inside = not receipt.from_party or receipt.from_party in self.own
        return _ANY if is_inside else ("from", receipt.from_party)


@dataclass(slots=True)
class _Left:
    row: AnyMovement
    open: Decimal | None
    """What is still under way, in the unit of the shipment; None while nobody knows how much."""
    arrived: Decimal | None = Decimal(0)
    """What came in again; None when all of an unknown quantity did."""


@dataclass(frozen=True, slots=True)
class Arrivals:
    """By lot, shipment and unit, how much of it came in again; None: all of what was not told.

    `one_of` gives the one that stands for each of several names of a lot: what left under one may
    come in under another.
    `fresh`: by node and line, how much of a receipt came in anew; a case that held a lot twice
    brings it by one line twice.
    """

    found: Mapping[tuple[int, str, str], Decimal | None]
    fresh: Mapping[tuple[int, int], Sequence[Decimal | None]]
    own: Collection[str] = ()
    one_of: Mapping[int, int] = field(default_factory=dict)

    def owed(self, shipments: Iterable[Shipment]) -> Iterator[tuple[Shipment, Decimal | None]]:
        """Give what each customer answers for: all they got; a site of ours, what is under way."""
        shipments = list(shipments)
        yield from ((ship, ship.quantity) for ship in shipments if ship.customer not in self.own)
        yield from self.under_way(ship for ship in shipments if ship.customer in self.own)

    def under_way(self, shipments: Iterable[Shipment]) -> Iterator[tuple[Shipment, Decimal | None]]:
        """Give the shipments of which something did not come in again, each with how much."""
        left = dict(self.found)
        for ship in shipments:
            key = (self.one_of.get(ship.node, ship.node), ship.event_id, ship.unit)
            came = left.get(key, Decimal(0))
            if came is None:
                continue
            if ship.quantity is None or not came:
                yield ship, ship.quantity
                continue
            taken = min(came, ship.quantity)
            left[key] = came - taken
            if taken < ship.quantity:
                yield ship, ship.quantity - taken

    def came_again(self, units: Mapping[int, str], convert: Convert) -> dict[int, Decimal]:
        """Say how much of each lot came in again, in the unit given for it."""
        sums: dict[int, Decimal] = defaultdict(Decimal)
        for (one, _, unit), came in self.found.items():
            wanted = units.get(one, unit)
            sums[one] += _converted(came or Decimal(0), (unit, wanted), convert) or Decimal(0)
        return sums


def read_arrivals(
    site: Site, session: Session, movements: Sequence[AnyMovement], one_of: Mapping[int, int]
) -> Arrivals:
    """Find what came in again, in the movements of some lots; asks for places only where it may."""
    gone = {one_of.get(row.node, row.node) for row in movements if row.effect == "shipped"}
    rows: dict[int, list[AnyMovement]] = defaultdict(list)
    for row in movements if gone else ():
        one = one_of.get(row.node, row.node)
        if one in gone and (row.effect in _ORDER or row.effect == "produced"):
            rows[one].append(row)
    asked = {one: told for one, told in rows.items() if _may_arrive(told)}
    if not asked:
        return Arrivals({}, {})
    told = [row for some in asked.values() for row in some]
    tenant = site.store.tenant_id
    parties = parties_by_code(session, tenant, {row.to_party for row in told})
    owners = owners_by_code(session, tenant, {row.location_code for row in told})
    found = find_arrivals(asked, Sites(_own(parties), owners), site.registry.convert)
    return replace(found, one_of=one_of)


def came_to_us(session: Session, tenant_id: int, movements: Iterable[MovementRow]) -> set[int]:
    """Say which receipts, by their lines, brought what had been shipped to us or a site of ours.

    What a customer tells us they received is with them. Asks only where something left before.
    """
    gone: set[int] = set()
    came: list[MovementRow] = []
    for row in movements:
        if row.effect == "shipped":
            gone.add(row.node)
        elif row.effect == "received" and row.node in gone:
            came.append(row)
    if not came:
        return set()
    owners = owners_by_code(session, tenant_id, {row.location_code for row in came})
    at = {row.id: owners.get(row.location_code, "") or row.to_party for row in came}
    ours = {"", *_own(parties_by_code(session, tenant_id, at.values()))}
    return {line for line, code in at.items() if code in ours}


def _own(parties: Mapping[str, PartyRow]) -> set[str]:
    return {code for code, party in parties.items() if "site" in (party.roles or [])}


def _may_arrive(rows: Iterable[AnyMovement]) -> bool:
    """Say whether a lot came in more than once: how it first came in is no arrival."""
    return sum(row.effect in ("received", "produced") for row in rows) > 1


def find_arrivals(
    movements: Mapping[int, Sequence[AnyMovement]], sites: Sites, convert: Convert
) -> Arrivals:
    """Match the receipts of lots with what left before them, the oldest first."""
    found: dict[tuple[int, str, str], Decimal | None] = {}
    fresh: dict[tuple[int, int], list[Decimal | None]] = defaultdict(list)
    for one, rows in movements.items():
        for left in _match(rows, (sites, convert), fresh):
            key = (one, left.row.event_uid, left.row.unit)
            known = found.get(key, Decimal(0))
            if left.arrived is None or known is None:
                found[key] = None
            elif left.arrived:
                found[key] = known + left.arrived
    return Arrivals(found, fresh, sites.own)


def without_arrivals(
    site: Site, session: Session, movements: Iterable[AnyMovement], one_of: Mapping[int, int]
) -> list[AnyMovement]:
    """Leave what came in again out of the movements: it brought nothing new into being."""
    rows = list(movements)
    fresh = read_arrivals(site, session, rows, one_of).fresh
    if not fresh:
        return rows
    rests = {line: iter(told) for line, told in fresh.items()}
    known = [
        row
        if row.effect != "received" or (row.node, row.id) not in rests
        else row._replace(quantity=next(rests[row.node, row.id]))
        for row in rows
    ]
    return [row for row in known if row.effect != "received" or row.quantity != 0]


def _match(
    rows: Sequence[AnyMovement],
    how: tuple[Sites, Convert],
    fresh: dict[tuple[int, int], list[Decimal | None]],
) -> list[_Left]:
    """Of one moment, what left comes before what came; how a lot first came in is no arrival."""
    sites, convert = how
    ways = {way for row in rows if row.effect == "shipped" for way in sites.ways(row)}
    born = [row for row in rows if row.effect in ("received", "produced")]

    def is_end(row: AnyMovement) -> bool:
        return row.effect == "received" and sites.way_of(row) in ways

    first = min(born, key=lambda row: (row.event_at, is_end(row), row.id), default=None)
    told = [
        row
        for row in rows
        if row.effect in _ORDER and not (first is not None and row.id == first.id)
    ]
    left: list[_Left] = []
    waiting: dict[_Way, deque[_Left]] = defaultdict(deque)
    for row in sorted(told, key=lambda row: (row.event_at, _ORDER[row.effect], row.id)):
        if row.effect == "shipped":
            left.append(_Left(row, row.quantity))
            for way in sites.ways(row):
                waiting[way].append(left[-1])
        elif row.effect == "returned":
            _take(row, _open(waiting["to", row.from_party]), convert)
        else:
            rest = _take(row, _open(waiting[sites.way_of(row)]), convert, arrives=True)
            known = rest if row.quantity is None else rest or Decimal(0)
            fresh[row.node, row.id].append(known)
    return left


def _open(left: deque[_Left]) -> deque[_Left]:
    """Forget the oldest of which nothing is under way: each is looked at once, not by all after."""
    while left and left[0].open is not None and not left[0].open:
        left.popleft()
    return left


def _take(
    row: AnyMovement, left: Iterable[_Left], convert: Convert, *, arrives: bool = False
) -> Decimal | None:
    """Take a receipt or return off what left; gives what is left of it, in its own unit."""
    rest, unit = row.quantity, row.unit
    for one in left:
        if one.open is not None and not one.open:
            continue
        if rest is None or one.open is None:
            # Of an unknown quantity, all came that was still under way.
            one.arrived = one.arrived if not arrives else None
            one.open = Decimal(0)
            return Decimal(0)
        amount = _converted(rest, (unit, one.row.unit), convert)
        if amount is None:
            continue
        taken = min(amount, one.open)
        one.open -= taken
        if arrives and one.arrived is not None:
            one.arrived += taken
        rest, unit = amount - taken, one.row.unit
        if not rest:
            break
    return rest if rest is None else _converted(rest, (unit, row.unit), convert)


def _converted(quantity: Decimal, units: tuple[str, str], convert: Convert) -> Decimal | None:
    given, wanted = units
    if given == wanted:
        return quantity
    try:
        return convert(quantity, given, wanted)
    except InputRejected:
        return None
