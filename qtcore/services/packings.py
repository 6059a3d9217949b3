"""What cannot be about cases and pallets: in two at once, or taken out of what does not hold it.

It must not decide what follows: a command is refused, an import becomes a discrepancy.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from operator import attrgetter
from typing import NamedTuple

from sqlmodel import Session

from qtcore.store.queries.events import ActRow, MovementRow
from qtcore.store.queries.lens import NOW, Lens
from qtcore.store.queries.nodes import NodeInfo, describe_nodes
from qtcore.store.queries.shipments import Stay, stays_in


class Misfit(NamedTuple):
    """Something that is in two containers, or came out of one that does not hold it."""

    node: int
    kind: str
    container: int
    other: int
    at: datetime
    event_id: int | None = None


def find_misfits(
    session: Session,
    tenant_id: int,
    infos: Mapping[int, NodeInfo],
    movements: Mapping[int, Sequence[ActRow | MovementRow]],
    *,
    lens: Lens = NOW,
) -> list[Misfit]:
    """Find what the packings recorded about nodes say that cannot be.

    Only what is one piece is in one place: a lot may be divided over many cases.
    """
    packed = {
        row.container
        for node in infos
        for row in movements.get(node, ())
        if row.part == "child" and row.container is not None
    }
    if not packed:
        return []
    stays: dict[int, list[Stay]] = defaultdict(list)
    for stay in stays_in(session, tenant_id, packed, lens=lens):
        if stay.node in infos:
            stays[stay.node].append(stay)
    found = [
        misfit
        for node, info in infos.items()
        if info.kind != "lot"
        for misfit in _doubles(_in_order(session, tenant_id, stays[node]))
    ]
    for node in infos:
        found += _strays(stays[node], movements.get(node, ()))
    return found


def _in_order(session: Session, tenant_id: int, stays: Sequence[Stay]) -> list[Stay]:
    """Sort stays by their moment; of one moment by the name of what holds it."""
    in_time = sorted(stays, key=attrgetter("packed_at"))
    if all(one.packed_at != other.packed_at for one, other in pairwise(in_time)):
        return in_time
    named = describe_nodes(session, tenant_id, {stay.container for stay in stays})
    return sorted(in_time, key=lambda each: (each.packed_at, named[each.container].lot_no))


def _doubles(stays: Iterable[Stay]) -> list[Misfit]:
    found: list[Misfit] = []
    before: Stay | None = None
    for stay in stays:
        is_still_in = before is not None and (
            before.unpacked_at is None or before.unpacked_at > stay.packed_at
        )
        if before is not None and is_still_in and before.container != stay.container:
            found.append(
                Misfit(stay.node, "packed_twice", stay.container, before.container, stay.packed_at)
            )
        before = stay
    return found


def _strays(stays: Sequence[Stay], rows: Sequence[ActRow | MovementRow]) -> list[Misfit]:
    taken = {(stay.container, stay.unpacked_at) for stay in stays}
    return [
        Misfit(
            row.node, "unpacked_not_inside", row.container, row.container, row.event_at,
            row.event_id,
        )
        for row in rows
        if row.verb == "unpack" and row.part == "child" and row.container is not None
        if (row.container, row.event_at) not in taken
    ]  # fmt: skip
