"""Where a lot came from and where it went: the answer of the trace, from one set-based walk.

It must not know pages; figures are the same on screen, in the API and on the command line.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Any, Final, Literal, NamedTuple

from sqlmodel import Session

from qtcore.context import Context
from qtcore.engines.contained import PACK, keep_contained
from qtcore.engines.genealogy import CERTAINTIES
from qtcore.errors import Fault, InputRejected
from qtcore.services.contained_shares import one_of_each
from qtcore.services.findings import Finding, Parts
from qtcore.services.gap_names import withhold_names
from qtcore.services.gaps_then import findings_then
from qtcore.services.rights import require
from qtcore.services.shipments import Shipment, shipped_to
from qtcore.services.sight import WITHHELD, get_seen, thing_of_lot, withhold
from qtcore.services.site import Site
from qtcore.store.queries.discrepancies import open_discrepancies
from qtcore.store.queries.events import BROUGHT, movements_of
from qtcore.store.queries.labels import label_nodes
from qtcore.store.queries.lens import NOW, Lens
from qtcore.store.queries.nodes import NodeInfo
from qtcore.store.queries.shipments import stays_in
from qtcore.store.queries.trace import EdgeRow, Reach, Walk, reach_of

Direction = Literal["backward", "forward", "both"]
DIRECTIONS = ("backward", "forward", "both")
UNVERIFIED: Final = Finding("unverified_lot")
LINK_KINDS: Final = ("transform", "split", "merge", "rework", "pack")
"""What a link can be: made of, a part of, joined, worked again, packed into."""


_KEY: Final = itemgetter(0)
_SRC: Final = itemgetter(1)
_DST: Final = itemgetter(2)
_CERTAINTY: Final = itemgetter(4)
"""Places in an `EdgeRow`: of tens of thousands a place is read faster than a name."""


class TracedNode(NamedTuple):
    """A node in a trace: how far from the focus, on which side, and how sure the way is.

    `certainty` is the weakest link of the strongest way: recorded is proved, the others possible.
    """

    info: NodeInfo
    depth: int
    side: str
    certainty: str

    def as_json(self) -> dict[str, Any]:
        """Give the shape of the API."""
        shown = node_json(self.info)
        shown["depth"], shown["side"], shown["certainty"] = self.depth, self.side, self.certainty
        return shown


@dataclass(frozen=True, slots=True)
class Trace:
    """The whole answer; `edges` run from source to product, whatever the direction asked.

    `lens` is what it was looked at through: nothing but `as_of` and `known_at` changes what counts.
    """

    focus: NodeInfo
    direction: str
    nodes: tuple[TracedNode, ...]
    edges: tuple[EdgeRow, ...]
    customers: tuple[Shipment, ...]
    gaps: tuple[dict[str, Any], ...]
    lens: Lens = NOW

    def uid_of(self, node: int) -> str:
        """Give the public id of a node of this trace."""
        return next(n.info.uid for n in self.nodes if n.info.node == node)

    def showing(self, infos: Mapping[int, NodeInfo]) -> "Trace":
        """Give the same trace with nodes, gaps and customers as somebody may see them."""
        blank = {node for node, info in infos.items() if info.uid.startswith(f"{WITHHELD}-")}
        if not blank:
            return self
        hidden = {n.info.uid for n in self.nodes if n.info.node in blank}
        return replace(
            self,
            nodes=tuple(n._replace(info=infos[n.info.node]) for n in self.nodes),
            customers=tuple(c for c in self.customers if c.node not in blank),
            gaps=tuple(g for g in self.gaps if g["lot_id"] not in hidden),
        )

    def as_json(self) -> dict[str, Any]:
        """Give the shape of the API."""
        uids = {n.info.node: n.info.uid for n in self.nodes}
        return {
            "focus": node_json(self.focus),
            "direction": self.direction,
            "nodes": [n.as_json() for n in self.nodes],
            "edges": edges_json(self.edges, uids),
            "customers": [c.as_json() for c in self.customers],
            "gaps": list(self.gaps),
            "unrecorded": len(self.gaps),
            **lens_json(self.lens),
        }


def lens_json(lens: Lens) -> dict[str, Any]:
    """Show what an answer was looked at through; null means no such limit."""

    def text(at: datetime | None) -> str | None:
        return None if at is None else at.isoformat()

    return {
        "as_of": text(lens.as_of),
        "known_at": text(lens.known_at),
        "from": text(lens.since),
        "to": text(lens.until),
        "kinds": list(lens.kinds),
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
        "identifiers": [value for _, value in info.identifiers] if info.identifiers else [],
    }


def edges_json(edges: Iterable[EdgeRow], uids: Mapping[int, str]) -> list[dict[str, Any]]:
    """Show edges; thousands of them share a time, which is written once."""
    times: dict[datetime, str] = {}
    return [
        {
            "from": uids[src],
            "to": uids[dst],
            "kind": kind,
            "quantity": None if quantity is None else format(quantity, "f"),
            "unit": unit,
            "event_id": event_uid,
            "event_at": times.get(at) or times.setdefault(at, at.isoformat()),
            "certainty": certainty,
        }
        for _, src, dst, kind, certainty, quantity, unit, event_uid, at, _ in edges
    ]


def check_lens(context: Context, lens: Lens) -> None:
    """Raise InputRejected for limits that cannot be: unknown kinds, a window that is upside down.

    A time to come is no limit anybody can mean for what was known.
    """
    faults = [
        Fault("QT411", f"kind {kind!r} is none of {', '.join(LINK_KINDS)}", "kinds")
        for kind in lens.kinds
        if kind not in LINK_KINDS
    ]
    if lens.since and lens.until and lens.since > lens.until:
        text = f"from {lens.since.isoformat()} is later than to {lens.until.isoformat()}"
        faults.append(Fault("QT411", text, "from"))
    if lens.known_at and lens.known_at > context.at + timedelta(minutes=5):
        text = f"known_at {lens.known_at.isoformat()} lies in the future; nothing is known then"
        faults.append(Fault("QT411", text, "known_at"))
    if faults:
        raise InputRejected(faults[0].message, faults)


def trace(
    site: Site,
    context: Context,
    lot: str,
    direction: str = "both",
    *,
    max_depth: int | None = None,
    lens: Lens = NOW,
) -> Trace:
    """Trace any identifier backward, forward or both, now or as of another time (`lens`).

    `max_depth` counts steps; None walks to the ends. Raises NotFound, Ambiguous, InputRejected.
    """
    require(site, context, "trace.read", about=lot)
    if direction not in DIRECTIONS:
        raise InputRejected(f"direction {direction!r} is not one of {', '.join(DIRECTIONS)}")
    if max_depth is not None and max_depth < 1:
        raise InputRejected(f"depth {max_depth} is not a number of steps; give 1 or more")
    check_lens(context, lens)
    with site.store.read() as session:
        focus = get_seen(site, context, session, lot)
        thing = thing_of_lot(site, session, focus)
        require(site, context, "trace.read", about=lot, thing=thing)
        found = trace_from(site, session, [focus], direction, max_depth=max_depth, lens=lens)
        return as_seen(site, context, session, found)


def as_seen(site: Site, context: Context, session: Session, found: Trace) -> Trace:
    """Give a trace as this person may see it: what stands at other sites is named nowhere."""
    known = {each.info.node: each.info for each in found.nodes}
    shown = found.showing(withhold(site, context, session, known))
    return replace(shown, gaps=withhold_names(site, context, session, shown.gaps))


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
    lens: Lens = NOW,
    with_customers: bool = True,
) -> Trace:
    """Trace from several nodes as one walk; all of them have depth 0, the first is the focus."""
    tenant, nodes = site.store.tenant_id, [info.node for info in starts]
    sides = ("backward", "forward") if direction == "both" else (direction,)
    edges: list[EdgeRow] = []
    onward: list[int] = []
    placed = dict.fromkeys(nodes, (0, "focus", "recorded"))
    for side in sides:
        found = read_reach(session, tenant, nodes, side, max_depth=max_depth, lens=lens)
        edges += found.edges
        sure = certainty_of(found.edges, nodes, side)
        for node, depth in found.depths.items():
            if node not in placed:
                placed[node] = (depth, side, sure[node])
        if side == "forward":  # on a cycle of an import, a node is on both sides
            onward = list(found.depths)
    if len(sides) > 1:  # and so is an edge
        edges = list({(edge.kind, edge.id): edge for edge in edges}.values())
    described = label_nodes(session, tenant, placed)
    traced = [TracedNode(described[n], *place) for n, place in placed.items()]
    traced.sort(key=_by_place)
    shipments: tuple[Shipment, ...] = ()
    if with_customers:
        shipments = shipped_to(
            session, tenant, onward, whole=nodes, known=described, lens=lens.facts()
        )
    return Trace(
        focus=starts[0],
        direction=direction,
        nodes=tuple(traced),
        edges=tuple(sorted(edges, key=_KEY)),
        customers=shipments,
        gaps=_gaps(site, session, traced, (lens, edges)),
        lens=lens,
    )


def _by_place(node: TracedNode) -> tuple[int, str, str, str, int]:
    info = node.info
    return (node.depth, node.side, info.item_code, info.lot_no, info.node)


def read_reach(
    session: Session,
    tenant: int,
    nodes: Sequence[int],
    side: str,
    *,
    max_depth: int | None = None,
    lens: Lens = NOW,
) -> Reach:
    """Walk from nodes; a case or pallet counts for what was in it at that moment."""
    edges = Walk(session, tenant, side, lens).read(nodes, max_depth)
    ends = _ends_of_stays(session, tenant, edges, lens)
    if ends is not None:
        kept = keep_contained(edges, nodes, ends, is_forward=side == "forward", at=lens.as_of)
        edges = [edge for edge in edges if edge.id in kept]
    return reach_of(edges, nodes, side, max_depth)


def within_time(
    session: Session, tenant: int, edges: Mapping[int, Sequence[EdgeRow]]
) -> dict[int, list[EdgeRow]]:
    """Keep of the edges that lead back from each node those that hold in time; see `read_reach`."""
    ends = _ends_of_stays(session, tenant, (edge for some in edges.values() for edge in some), NOW)
    if ends is None:
        return {node: list(some) for node, some in edges.items()}
    kept = {n: keep_contained(some, [n], ends, is_forward=False) for n, some in edges.items()}
    return {n: [edge for edge in some if edge.id in kept[n]] for n, some in edges.items()}


def _ends_of_stays(
    session: Session, tenant: int, edges: Iterable[EdgeRow], lens: Lens
) -> dict[tuple[int, int, datetime], datetime | None] | None:
    """Say until when what was packed stayed inside; None where nothing was packed."""
    cases = {edge.dst for edge in edges if edge.kind == PACK}
    if not cases:
        return None
    ends: dict[tuple[int, int, datetime], datetime | None] = {}
    for stay in stays_in(session, tenant, cases, lens=lens.facts()):
        key = (stay.container, stay.node, stay.packed_at)
        known = ends.get(key, stay.unpacked_at)
        is_open = stay.unpacked_at is None or known is None
        ends[key] = None if is_open else max(known, stay.unpacked_at)  # type: ignore[type-var]
    return ends


def certainty_of(edges: Sequence[EdgeRow], starts: Sequence[int], side: str) -> dict[int, str]:
    """Give each reached node the weakest link of its strongest way."""
    if set(map(_CERTAINTY, edges)) <= {"recorded"}:
        return dict.fromkeys((*starts, *map(_SRC, edges), *map(_DST, edges)), "recorded")
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
        near, far = (edge.dst, edge.src) if side == "backward" else (edge.src, edge.dst)
        onward[near].append(far)
    reached, waiting = set(starts), list(starts)
    while waiting:
        new = [far for far in onward[waiting.pop()] if far not in reached]
        reached.update(new)
        waiting += new
    return reached


def _gaps(
    site: Site,
    session: Session,
    nodes: Sequence[TracedNode],
    walked: tuple[Lens, Sequence[EdgeRow]],
) -> tuple[dict[str, Any], ...]:
    """List what the records do not say: unverified lots, and what does not fit."""
    tenant, (lens, edges) = site.store.tenant_id, walked
    by_node = {n.info.node: n.info for n in nodes}
    unverified = _unverified(session, tenant, by_node, lens.facts())
    gaps = [gap_of(info, UNVERIFIED) for node, info in by_node.items() if node in unverified]
    if lens.as_of is not None:
        one_of = {n: one for n, one in one_of_each(edges, by_node).items() if n in by_node}
        then = findings_then(site, session, lens.facts(), one_of)
        return (*gaps, *(gap_of(by_node[node], each) for node, each in then))
    for row in open_discrepancies(session, tenant, list(by_node), known_at=lens.known_at):
        gaps.append(_gap(by_node[row.node], row.kind, row.detail, row.parts))
    return tuple(gaps)


def gap_of(info: NodeInfo, finding: Finding) -> dict[str, Any]:
    """Show what does not fit about a lot, or what its records do not say."""
    parts = finding.as_parts(lot_no=info.lot_no)
    return _gap(info, finding.kind, finding.in_english(lot_no=info.lot_no), parts)


def _gap(info: NodeInfo, kind: str, detail: str, parts: Parts) -> dict[str, Any]:
    """Give the shape of the API; what an older release found has no parts, only its detail."""
    told = {**parts, "lot_no": info.lot_no} if parts else {}
    lot = {"lot_id": info.uid, "lot_no": info.lot_no}
    return {"kind": kind, **lot, "detail": detail, "parts": told}


def _unverified(
    session: Session, tenant: int, infos: Mapping[int, NodeInfo], lens: Lens
) -> set[int]:
    """Name the lots of which nothing says where they came from, as it was or was known then."""
    today = {node for node, info in infos.items() if info.origin == "unverified"}
    if lens == NOW:
        return today
    lots = [node for node, info in infos.items() if info.kind == "lot"]
    then = movements_of(session, tenant, lots, lens=lens)
    known = {row.node for row in then if row.effect in BROUGHT}
    doubtful = {row.node for row in then} - known - today
    later = movements_of(session, tenant, doubtful)
    return (today - known) | {row.node for row in later if row.effect in BROUGHT}
