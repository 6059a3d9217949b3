"""Which lots come from themselves: the cycles of links that some nodes are part of.

It must not decide what follows. A cycle through a node lies in what is made of it and in what it
is made of, so the smaller of the two is read.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from sqlmodel import Session

from qtcore.engines.genealogy import find_loops
from qtcore.store.queries.links import MOST_LINKS, between_links, has_aliases, links_of
from qtcore.store.queries.trace import trace_edges


@dataclass(slots=True)
class _Side:
    """One way of walking: what was met, and what was met last."""

    direction: str
    seen: set[int]
    ahead: set[int]
    links: list[tuple[int, int]] = field(default_factory=list)


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
    sides = [_Side(way, set(nodes), set(nodes)) for way in ("backward", "forward")]
    while True:
        side = min(sides, key=lambda each: len(each.ahead))
        found = links_of(session, tenant_id, side.ahead, side.direction)
        if side.direction == "forward" and len(found) > MOST_LINKS:
            sides.remove(side)  # a hub: only the way back is walked
            continue
        side.links += found
        side.ahead = {link[side.direction == "forward"] for link in found} - side.seen
        side.seen |= side.ahead
        if not side.ahead:
            return side.links
