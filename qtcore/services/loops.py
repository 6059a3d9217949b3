"""Which lots come from themselves: the cycles of links that some nodes are part of.

It must not decide what follows. A cycle through a node lies in what is made of it and in what it
is made of, so the smaller of the two is read.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from sqlmodel import Session

from qtcore.engines.genealogy import find_loops
from qtcore.store.queries.links import between_links, has_aliases, links_of
from qtcore.store.queries.trace import trace_edges

_FIRST_READ: Final = 500
_GROWTH: Final = 4


@dataclass(slots=True)
class _Side:
    """One way of walking: what was met, and what was met last.

    A step of more than `most` links is not taken before the other way has cost as much.
    """

    direction: str
    seen: set[int]
    ahead: set[int]
    links: list[tuple[int, int]] = field(default_factory=list)
    most: int = _FIRST_READ
    known_ahead: int = 0

    @property
    def price(self) -> int:
        """What this way will have cost after its next step, as far as that is known."""
        return len(self.links) + max(len(self.ahead), self.known_ahead)


def loops_near(
    session: Session, tenant_id: int, nodes: Iterable[int]
) -> dict[int, tuple[int, ...]]:
    """Give for each node of a cycle through some of the nodes a way from it back to itself."""
    wanted = set(nodes)
    if has_aliases(session, tenant_id):
        edges = trace_edges(session, tenant_id, sorted(wanted), "backward")
        return find_loops((edge.src, edge.dst) for edge in edges)
    # Raw material comes from nothing and the newest product goes nowhere: few nodes are left.
    inner = between_links(session, tenant_id, wanted)
    return find_loops(_links_around(session, tenant_id, inner)) if inner else {}


def _links_around(session: Session, tenant_id: int, nodes: set[int]) -> list[tuple[int, int]]:
    """List the links of the way on which there is less: of two hubs neither is read for nothing."""
    sides = [_Side(way, set(nodes), set(nodes)) for way in ("backward", "forward")]
    while True:
        side = min(sides, key=lambda each: each.price)
        found = links_of(session, tenant_id, side.ahead, side.direction, most=side.most)
        if found is None:
            side.known_ahead = side.most
            side.most *= _GROWTH
            continue
        side.links += found
        side.ahead = {link[side.direction == "forward"] for link in found} - side.seen
        side.seen |= side.ahead
        side.known_ahead = 0
        if not side.ahead:
            return side.links
