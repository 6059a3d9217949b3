"""The chain of a lot as lanes and as a table: what stands where, what links it, what is cut.

It must not know HTML; places come from the genealogy engine, figures from the trace.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from qtcore.engines.genealogy import Edge, lay_out
from qtcore.services.trace import Trace, TracedNode
from qtcore.store.queries.nodes import NodeInfo
from qtcore.store.queries.trace import EdgeRow

SHOWN = 7
MOST_MORE = 300
"""So many lots stand behind the "+N more" of all lanes together; the rest is in the table."""
MOST_STAGES = 30
"""So many stages are drawn each way."""
MOST_LINKS = 1500

Amounts = Mapping[int, tuple[tuple[Decimal | None, str], ...]]


@dataclass(frozen=True, slots=True)
class Stop:
    """A lot in a lane: what it is, and how much went along the link that put it there."""

    info: NodeInfo
    amounts: tuple[tuple[Decimal | None, str], ...] = ()
    certainty: str = "recorded"
    is_focus: bool = False


@dataclass(frozen=True, slots=True)
class LaneView:
    """A column: the stops that are shown, those behind "+N more", and how many are not listed."""

    stage: int
    stops: tuple[Stop, ...]
    more: tuple[Stop, ...] = ()
    unlisted: int = 0

    @property
    def count(self) -> int:
        """How many there are in all."""
        return len(self.stops) + len(self.more) + self.unlisted


@dataclass(frozen=True, slots=True)
class ChainView:
    """Lanes from left to right, the links between shown stops, and the counts of both sides.

    `far` are the lots in stages that are too far away to be drawn, `undrawn` the links left out.
    """

    lanes: tuple[LaneView, ...]
    links: str
    upstream: int
    downstream: int
    unknown: int
    far: int = 0
    undrawn: int = 0


def lanes_of(trace: Trace, *, steps: int | None = None) -> ChainView:
    """Lay out a trace in stages, to the ends or as many steps each way as asked."""
    nodes = {n.info.node: n for n in trace.nodes if steps is None or n.depth <= steps}
    edges = [e for e in trace.edges if e.src in nodes and e.dst in nodes]
    drawing = lay_out(
        [Edge(e.src, e.dst, e.certainty) for e in edges],
        trace.focus.node,
        key=lambda n: _order(nodes[n].info),
        lane_length=SHOWN,
    )
    gave, took = _amounts(edges, is_source=True), _amounts(edges, is_source=False)
    near = [column for column in drawing.columns if abs(column.stage) <= MOST_STAGES]
    most_more = MOST_MORE // max(1, len(near))
    lanes = [
        LaneView(
            column.stage,
            tuple(_stop(nodes[n], gave if column.stage < 0 else took) for n in column.nodes),
            tuple(
                _stop(nodes[n], gave if column.stage < 0 else took) for n in column.more[:most_more]
            ),
            max(0, len(column.more) - most_more),
        )
        for column in near
    ] or [LaneView(0, (Stop(trace.focus, is_focus=True),))]
    drawn = sum(len(column.nodes) + len(column.more) for column in near)
    everything = sum(len(column.nodes) + len(column.more) for column in drawing.columns)
    return replace(_view(trace, lanes, edges), far=everything - drawn)


def neighbours_of(trace: Trace) -> ChainView:
    """Show two steps each way; a side where nothing is recorded says so."""
    found = lanes_of(trace, steps=2)
    stages = [lane.stage for lane in found.lanes]
    before = () if min(stages) < 0 else (LaneView(-1, ()),)
    after = () if max(stages) > 0 else (LaneView(1, ()),)
    return replace(found, lanes=(*before, *found.lanes, *after))


def _order(info: NodeInfo) -> str:
    return f"{info.item_code}\x00{info.state}\x00{info.lot_no}"


def _stop(node: TracedNode, amounts: Amounts) -> Stop:
    is_focus = node.side == "focus"
    told = () if is_focus else amounts.get(node.info.node, ())
    return Stop(node.info, told, node.certainty, is_focus)


def link_amounts(trace: Trace) -> Amounts:
    """Give how much of each lot went along its links on the way to or from the focus."""
    gave, took = _amounts(trace.edges, is_source=True), _amounts(trace.edges, is_source=False)
    sides = {node.info.node: gave if node.side == "backward" else took for node in trace.nodes}
    return {n: told[n] for n, told in sides.items() if n in told and n != trace.focus.node}


def _amounts(edges: Iterable[EdgeRow], *, is_source: bool) -> Amounts:
    """Add up, per unit, what each source gave, or what went into each product."""
    sums: dict[int, dict[str, Decimal | None]] = defaultdict(dict)
    for edge in edges:
        units = sums[edge.src if is_source else edge.dst]
        before = units.get(edge.unit, Decimal(0))
        is_known = edge.quantity is not None and before is not None
        units[edge.unit] = before + edge.quantity if is_known else None  # type: ignore[operator]
    return {
        node: tuple((amount, unit) for unit, amount in units.items() if amount is not None)
        for node, units in sums.items()
    }


def _view(trace: Trace, lanes: Sequence[LaneView], edges: Sequence[EdgeRow]) -> ChainView:
    shown = {stop.info.node: stop.info.uid for lane in lanes for stop in (*lane.stops, *lane.more)}
    links = {
        (shown[e.src], shown[e.dst]): {
            "from": shown[e.src],
            "to": shown[e.dst],
            "certainty": e.certainty,
        }
        for e in edges
        if e.src in shown and e.dst in shown
    }
    sides = [n.side for n in trace.nodes]
    return ChainView(
        lanes=tuple(lanes),
        links=json.dumps(list(links.values())[:MOST_LINKS]),
        upstream=sides.count("backward"),
        downstream=sides.count("forward"),
        unknown=sum(1 for e in edges if e.certainty != "recorded"),
        undrawn=max(0, len(links) - MOST_LINKS),
    )
