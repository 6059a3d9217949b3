"""How much of a lot lies outside of cases: only that can be packed.

It must not refuse anything. What is in a case that left has left with it.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from decimal import Decimal

from sqlmodel import Session

from qtcore.engines.balance import exactly
from qtcore.errors import InputRejected
from qtcore.services.site import Site
from qtcore.services.stock import Stock
from qtcore.store.queries.events import MovementRow, movements_of
from qtcore.store.queries.shipments import Stay, stays_in

_LEFT = ("shipped", "scrapped")


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
    holders: dict[int, set[int]] = defaultdict(set)
    for stay in stays:
        holders[stay.node].add(stay.container)
    found: dict[int, Decimal] = defaultdict(Decimal)
    for stay in dict.fromkeys(stays):
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
    stay: Stay,
    holders: Mapping[int, Collection[int]],
    moves: Mapping[int, Iterable[MovementRow]],
    at: datetime,
) -> bool:
    """Say whether a content left in its case, or on a pallet with it, and did not come back."""
    waiting, seen = [stay.container], {stay.container}
    while waiting:
        case = waiting.pop()
        went = [
            row.effect
            for row in moves.get(case, ())
            if row.effect in (*_LEFT, "returned") and stay.packed_at <= row.event_at <= at
        ]
        if went and went[-1] in _LEFT:
            return True
        new = set(holders.get(case, ())) - seen
        seen |= new
        waiting += new
    return False


def _amount(site: Site, stay: Stay, unit: str) -> Decimal:
    if stay.quantity is None:
        return Decimal(0)
    try:
        return site.registry.convert(stay.quantity, stay.unit, unit or stay.unit)
    except InputRejected:
        return Decimal(0)
