"""How much of a lot lies outside of cases: only that can be packed.

It must not refuse anything. What is in a case that left has left with it, and what is in one that
came in again, here or at another site, is there with it.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from operator import attrgetter

from sqlmodel import Session

from qtcore.engines.balance import exactly
from qtcore.errors import InputRejected
from qtcore.services.site import Site
from qtcore.services.stock import Stock
from qtcore.store.queries.events import MovementRow, movements_of
from qtcore.store.queries.shipments import Stay, stays_in

_LEFT = ("shipped", "scrapped")
_CAME = ("received", "returned")
_IN_TIME = attrgetter("event_at", "id")
_Holders = Mapping[int, Mapping[int, datetime]]


@exactly
def lying_in_cases(
    site: Site, session: Session, stocks: Mapping[int, Stock], at: datetime
) -> dict[int, Decimal]:
    """Add up what of lots lies in cases and pallets that are here, in the unit of each stock.

    What was packed without a quantity, or in a unit that does not convert, counts as nothing.
    """
    rows = movements_of(session, site.store.tenant_id, stocks)
    moves = _of_holders(session, site.store.tenant_id, _containers(rows))
    stays = [
        stay
        for stay in stays_in(session, site.store.tenant_id, moves)
        if stay.packed_at <= at and (stay.unpacked_at is None or stay.unpacked_at > at)
    ]
    holders: dict[int, dict[int, datetime]] = defaultdict(dict)
    for stay in stays:
        holders[stay.node][stay.container] = stay.packed_at
    found: dict[int, Decimal] = defaultdict(Decimal)
    for stay in stays:
        if stay.node in stocks and not _has_left(stay, holders, moves, at):
            found[stay.node] += _amount(site, stay, stocks[stay.node].unit)
    return found


def _of_holders(
    session: Session, tenant_id: int, cases: Collection[int]
) -> dict[int, list[MovementRow]]:
    """Read the movements of cases, of the pallets that held them, and so on."""
    moves: dict[int, list[MovementRow]] = {}
    level = set(cases)
    while level:
        moves |= {case: [] for case in level}
        rows = movements_of(session, tenant_id, level)
        for row in rows:
            moves[row.node].append(row)
        level = _containers(rows) - moves.keys()
    return moves


def _containers(rows: Iterable[MovementRow]) -> set[int]:
    return {row.container for row in rows if row.part == "child" and row.container is not None}


def _has_left(
    stay: Stay, holders: _Holders, moves: Mapping[int, Iterable[MovementRow]], at: datetime
) -> bool:
    """Say whether a content left in its case, or on a pallet with it, and did not come back.

    What happened last decides: a case may come in by itself that left on a pallet.
    """
    waiting, seen = [(stay.container, stay.packed_at)], {stay.container}
    went: list[MovementRow] = []
    while waiting:
        case, since = waiting.pop()
        went += [
            row
            for row in moves.get(case, ())
            if row.effect in (*_LEFT, *_CAME) and since <= row.event_at <= at
        ]
        new = {
            each: max(since, packed)
            for each, packed in holders.get(case, {}).items()
            if each not in seen
        }
        seen |= new.keys()
        waiting += new.items()
    return bool(went) and max(went, key=_IN_TIME).effect in _LEFT


def _amount(site: Site, stay: Stay, unit: str) -> Decimal:
    if stay.quantity is None:
        return Decimal(0)
    try:
        return site.registry.convert(stay.quantity, stay.unit, unit or stay.unit)
    except InputRejected:
        return Decimal(0)
