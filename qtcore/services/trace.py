"""Where a lot came from and where it went: the answer of the trace, from one set-based walk.

It must not know pages; figures are the same on screen, in the API and on the command line.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlmodel import Session

from qtcore.context import Context
from qtcore.errors import InputRejected
from qtcore.services.nodes import resolve
from qtcore.services.rights import require
from qtcore.services.shipments import Shipment, shipped_to
from qtcore.services.site import Site
from qtcore.services.wire import optional_text
from qtcore.store.queries.events import open_discrepancies
from qtcore.store.queries.nodes import NodeInfo, describe_nodes
from qtcore.store.queries.trace import EdgeRow, trace_edges

Direction = Literal["backward", "forward", "both"]
DIRECTIONS = ("backward", "forward", "both")
CERTAINTIES = ("recorded", "derived", "inferred")


@dataclass(frozen=True, slots=True)
class TracedNode:
    """A node in a trace: how far from the focus, on which side, and how sure the way is.

    `certainty` is the weakest link of the strongest way: recorded is proved, the others possible.
    """

    info: NodeInfo
    depth: int
    side: str
    certainty: str

    def as_json(self) -> dict[str, Any]:
        """Give the shape of the API."""
        return {
            **node_json(self.info),
            "depth": self.depth,
            "side": self.side,
            "certainty": self.certainty,
        }


@dataclass(frozen=True, slots=True)
class Trace:
    """The whole answer; `edges` run from source to product, whatever the direction asked."""

    focus: NodeInfo
    direction: str
    nodes: tuple[TracedNode, ...]
    edges: tuple[EdgeRow, ...]
    customers: tuple[Shipment, ...]
    gaps: tuple[dict[str, str], ...]

    def uid_of(self, node: int) -> str:
        """Give the public id of a node of this trace."""
        return next(n.info.uid for n in self.nodes if n.info.node == node)

    def as_json(self) -> dict[str, Any]:
        """Give the shape of the API."""
        uids = {n.info.node: n.info.uid for n in self.nodes}
        return {
            "focus": node_json(self.focus),
            "direction": self.direction,
            "nodes": [n.as_json() for n in self.nodes],
            "edges": [edge_json(e, uids) for e in self.edges],
            "customers": [c.as_json() for c in self.customers],
            "gaps": list(self.gaps),
        }


def node_json(info: NodeInfo) -> dict[str, Any]:
    """Show a node: the same names everywhere in the API."""
    return {
        "lot_id": info.uid,
        "kind": info.kind,
        "item": info.item_code,
        "item_name": info.item_name,
        "lot_no": info.lot_no,
        "source": info.source_code,
        "state": info.state,
        "identifiers": [value for _, value in info.identifiers],
    }


def edge_json(edge: EdgeRow, uids: Mapping[int, str]) -> dict[str, Any]:
    """Show an edge."""
    return {
        "from": uids[edge.src],
        "to": uids[edge.dst],
        "kind": edge.kind,
        "quantity": optional_text(edge.quantity),
        "unit": edge.unit,
        "event_id": edge.event_uid,
        "certainty": edge.certainty,
    }


def trace(
    site: Site,
    context: Context,
    lot: str,
    direction: str = "both",
    *,
    max_depth: int | None = None,
) -> Trace:
    """Trace any identifier backward, forward or both.

    `max_depth` counts steps; None walks to the ends. Raises NotFound, Ambiguous, InputRejected.
    """
    require(site, context, "trace.read", about=lot)
    if direction not in DIRECTIONS:
        raise InputRejected(f"direction {direction!r} is not one of {', '.join(DIRECTIONS)}")
    if max_depth is not None and max_depth < 1:
        raise InputRejected(f"depth {max_depth} is not a number of steps; give 1 or more")
    with site.store.read() as session:
        focus = resolve(session, site.store.tenant_id, lot)
        return trace_nodes(site, session, focus, direction, max_depth=max_depth)


def trace_nodes(
    site: Site,
    session: Session,
    focus: NodeInfo,
    direction: str,
    *,
    max_depth: int | None = None,
) -> Trace:
    """Trace one known node inside a running read."""
    return trace_from(site, session, [focus], direction, max_depth=max_depth)


def trace_from(
    site: Site,
    session: Session,
    starts: Sequence[NodeInfo],
    direction: str,
    *,
    max_depth: int | None = None,
) -> Trace:
    """Trace from several nodes as one walk; all of them have depth 0, the first is the focus."""
    tenant, nodes = site.store.tenant_id, [info.node for info in starts]
    sides = ("backward", "forward") if direction == "both" else (direction,)
    edges: dict[tuple[str, int], EdgeRow] = {}
    onward: list[int] = []
    placed = dict.fromkeys(nodes, (0, "focus", "recorded"))
    for side in sides:
        found = trace_edges(session, tenant, nodes, side, max_depth=max_depth)
        edges.update({(e.kind, e.id): e for e in found})
        sure = certainty_of(found, nodes, side)
        reached = depths_of(found, nodes, side)
        for node, depth in reached.items():
            placed.setdefault(node, (depth, side, sure[node]))
        if side == "forward":  # on a cycle of an import, a node is on both sides
            onward = list(reached)
    described = describe_nodes(session, tenant, list(placed))
    traced = sorted(
        (TracedNode(described[n], *place) for n, place in placed.items()),
        key=lambda n: (n.depth, n.side, n.info.item_code, n.info.lot_no, n.info.node),
    )
    return Trace(
        focus=starts[0],
        direction=direction,
        nodes=tuple(traced),
        edges=tuple(sorted(edges.values(), key=lambda e: e.id)),
        customers=shipped_to(session, tenant, onward),
        gaps=_gaps(session, tenant, traced),
    )


def _step(edge: EdgeRow, side: str) -> tuple[int, int]:
    return (edge.dst, edge.src) if side == "backward" else (edge.src, edge.dst)


def depths_of(edges: Iterable[EdgeRow], starts: Sequence[int], side: str) -> dict[int, int]:
    """Give the shortest distance of every reached node, as the walk counted it; the starts are 0.

    An alias costs no step.
    """
    depths = dict.fromkeys(starts, 0)
    for edge in sorted(edges, key=lambda e: e.depth):
        depths.setdefault(_step(edge, side)[1], edge.depth)
    return depths


def certainty_of(edges: Sequence[EdgeRow], starts: Sequence[int], side: str) -> dict[int, str]:
    """Give each reached node the weakest link of its strongest way."""
    sure: dict[int, str] = {}
    allowed: set[str] = set()
    for certainty in CERTAINTIES:
        allowed.add(certainty)
        for node in _reach([e for e in edges if e.certainty in allowed], starts, side):
            sure.setdefault(node, certainty)
    return sure


def _reach(edges: Iterable[EdgeRow], starts: Sequence[int], side: str) -> set[int]:
    onward: dict[int, list[int]] = defaultdict(list)
    for edge in edges:
        near, far = _step(edge, side)
        onward[near].append(far)
    reached, waiting = set(starts), list(starts)
    while waiting:
        new = [far for far in onward[waiting.pop()] if far not in reached]
        reached.update(new)
        waiting += new
    return reached


def _gaps(session: Session, tenant: int, nodes: Sequence[TracedNode]) -> tuple[dict[str, str], ...]:
    """List what the records do not say: unverified lots and open discrepancies."""
    gaps = [
        {
            "kind": "unverified_lot",
            "lot_id": n.info.uid,
            "lot_no": n.info.lot_no,
            "detail": f"{n.info.lot_no} is only mentioned: nothing says where it came from",
        }
        for n in nodes
        if n.info.origin == "unverified"
    ]
    by_node = {n.info.node: n.info for n in nodes}
    for row in open_discrepancies(session, tenant, list(by_node)):
        info = by_node[row.node]
        gaps.append(
            {"kind": row.kind, "lot_id": info.uid, "lot_no": info.lot_no, "detail": row.detail}
        )
    return tuple(gaps)
