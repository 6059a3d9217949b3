"""Walks over an edge list that was already read: depths, cycles, stages of a drawing.

It must not know how edges are stored or selected, nor quantities. An edge goes from a source (what
was used) to a target (what was made of it). Nothing here recurses: chains may be any length.
"""

from collections import deque
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Generic, Literal, TypeVar

N = TypeVar("N", bound=Hashable)
Direction = Literal["backward", "forward"]
Neighbours = Mapping[N, Sequence[N]]
CERTAINTIES: Final = ("recorded", "derived", "inferred")
"""How an edge is known, the surest first."""
LANE_LENGTH: Final = 7
MOST_LOOPS: Final = 50


@dataclass(frozen=True, slots=True)
class Edge(Generic[N]):
    """A link from a source to what was made of it."""

    source: N
    target: N
    certainty: str = "recorded"


@dataclass(frozen=True, slots=True)
class Column(Generic[N]):
    """One stage of a drawing: `nodes` are drawn, `more` are listed behind a "+N more"."""

    stage: int
    nodes: tuple[N, ...]
    more: tuple[N, ...] = ()


@dataclass(frozen=True, slots=True)
class Lane(Generic[N]):
    """A drawn link; `is_return` marks one that does not run to the right (rework, a loop)."""

    source: N
    target: N
    certainty: str
    is_return: bool = False


@dataclass(frozen=True, slots=True)
class Drawing(Generic[N]):
    """Stages from left to right: upstream negative, the focus 0, downstream positive.

    `lanes` are the links between drawn nodes; `outside` are nodes that neither lead to the focus
    nor come from it (other products of the same material).
    """

    columns: tuple[Column[N], ...]
    lanes: tuple[Lane[N], ...]
    outside: tuple[N, ...] = ()


def order_by_depth(
    edges: Iterable[Edge[N]], seeds: Collection[N], direction: Direction
) -> dict[N, int]:
    """Give each node that is reached its fewest steps from a seed (0), nearest first."""
    following = _neighbours(edges, direction)
    depths = dict.fromkeys(seeds, 0)
    waiting = deque(depths)
    while waiting:
        node = waiting.popleft()
        for other in following.get(node, ()):
            if other not in depths:
                depths[other] = depths[node] + 1
                waiting.append(other)
    return depths


def find_certainties(
    edges: Iterable[Edge[N]], seeds: Collection[N], direction: Direction
) -> dict[N, str]:
    """Say of each node that is reached how sure that is: a chain is as sure as its weakest link.

    Of several ways to a node the surest counts; the seeds are recorded.
    """
    listed = tuple(edges)
    found: dict[N, str] = {}
    allowed: set[str] = set()
    for certainty in CERTAINTIES:
        allowed.add(certainty)
        usable = [edge for edge in listed if edge.certainty in allowed]
        for node in order_by_depth(usable, seeds, direction):
            found.setdefault(node, certainty)
    return found


def find_loops(links: Iterable[tuple[N, N]]) -> dict[N, tuple[N, ...]]:
    """Give for each node on a cycle a shortest way from it back to itself; ends included.

    Where more than `MOST_LOOPS` nodes lead to each other, all are shown the way of one of them.
    """
    onward: dict[N, set[N]] = {}
    back: dict[N, set[N]] = {}
    for source, target in links:
        onward.setdefault(source, set()).add(target)
        back.setdefault(target, set()).add(source)
    _cut_ends(onward, back)
    _cut_ends(back, onward)
    found: dict[N, tuple[N, ...]] = {}
    for node in onward:
        if node in found:
            continue
        ahead, behind = _met(onward, node), _met(back, node)
        group = ahead & behind
        if node in group:
            way = _shortest_loop(onward, node)
            is_small = len(group) <= MOST_LOOPS
            found |= {n: _shortest_loop(onward, n) if is_small else way for n in group}
    return found


def _met(following: Mapping[N, Collection[N]], start: N) -> set[N]:
    """Name what is reached; the start is only when a way leads back to it."""
    met: set[N] = set()
    waiting = [start]
    while waiting:
        new = [far for far in following.get(waiting.pop(), ()) if far not in met]
        met.update(new)
        waiting += new
    return met


def _cut_ends(onward: dict[N, set[N]], back: dict[N, set[N]]) -> None:
    """Take out the nodes that nothing leads to, and then what only they lead to."""
    waiting = [node for node in onward if not back.get(node)]
    while waiting:
        node = waiting.pop()
        for far in onward.pop(node, ()):
            back[far].discard(node)
            if not back[far]:
                waiting.append(far)
        back.pop(node, None)


def _shortest_loop(onward: Mapping[N, Collection[N]], start: N) -> tuple[N, ...]:
    came: dict[N, N] = {}
    waiting = deque([start])
    while start not in came:
        node = waiting.popleft()
        for far in onward.get(node, ()):
            if far not in came:
                came[far] = node
                waiting.append(far)
    way = [start, came[start]]
    while way[-1] != start:
        way.append(came[way[-1]])
    return tuple(reversed(way))


def longest_depth(edges: Iterable[Edge[N]]) -> int:
    """Count the links of the longest chain; links that close a loop do not count."""
    listed = tuple(edges)
    starts = tuple(dict.fromkeys(edge.source for edge in listed))
    return max(_longest_ways(_neighbours(listed, "forward"), starts).values(), default=0)


def lay_out(
    edges: Iterable[Edge[N]],
    focus: N,
    *,
    key: Callable[[N], str] = str,
    lane_length: int = LANE_LENGTH,
) -> Drawing[N]:
    """Place all that leads to the focus on its left and all that comes from it on its right.

    The stage of a node is its longest way to the focus, so that every link runs to the right
    except returns. `key` sorts a column (by item, then status); what exceeds `lane_length` is
    listed in `more`.
    """
    listed = tuple(edges)
    stages = _stages(listed, focus)
    by_stage: dict[int, list[N]] = {}
    for node, stage in stages.items():
        by_stage.setdefault(stage, []).append(node)
    columns = tuple(
        _column(stage, sorted(by_stage[stage], key=key), lane_length) for stage in sorted(by_stage)
    )
    drawn = {node for column in columns for node in column.nodes}
    everything = dict.fromkeys(node for edge in listed for node in (edge.source, edge.target))
    return Drawing(
        columns,
        lanes=tuple(
            Lane(
                edge.source, edge.target, edge.certainty, stages[edge.source] >= stages[edge.target]
            )
            for edge in listed
            if edge.source in drawn and edge.target in drawn
        ),
        outside=tuple(node for node in everything if node not in stages),
    )


def _neighbours(edges: Iterable[Edge[N]], direction: Direction) -> dict[N, list[N]]:
    found: dict[N, list[N]] = {}
    for edge in edges:
        start, end = edge.source, edge.target
        if direction == "backward":
            start, end = end, start
        found.setdefault(start, []).append(end)
    return found


def _stages(edges: Sequence[Edge[N]], focus: N) -> dict[N, int]:
    upstream = _longest_ways(_neighbours(edges, "backward"), [focus])
    downstream = _longest_ways(_neighbours(edges, "forward"), [focus])
    # In a loop a node is on both sides: it stays on the left, the link back is a return.
    return {**downstream, **{node: -steps for node, steps in upstream.items()}}


def _longest_ways(following: Neighbours[N], starts: Collection[N]) -> dict[N, int]:
    """Count the most steps from any start to each node, over links that close no loop."""
    order, closing = _finishing_order(following, starts)
    steps = dict.fromkeys(order, 0)
    for node in reversed(order):
        for other in following.get(node, ()):
            if (node, other) not in closing:
                steps[other] = max(steps[other], steps[node] + 1)
    return steps


def _finishing_order(
    following: Neighbours[N], starts: Collection[N]
) -> tuple[list[N], set[tuple[N, N]]]:
    """Give all nodes below `starts`, each after what follows it, and the links that close loops."""
    order: list[N] = []
    closing: set[tuple[N, N]] = set()
    met: set[N] = set()
    on_path: set[N] = set()
    for start in starts:
        if start in met:
            continue
        met.add(start)
        on_path.add(start)
        waiting = [(start, iter(following.get(start, ())))]
        while waiting:
            node, rest = waiting[-1]
            other = next(rest, None)
            if other is None:
                waiting.pop()
                on_path.discard(node)
                order.append(node)
            elif other in on_path:
                closing.add((node, other))
            elif other not in met:
                met.add(other)
                on_path.add(other)
                waiting.append((other, iter(following.get(other, ()))))
    return order, closing


def _column(stage: int, nodes: Sequence[N], lane_length: int) -> Column[N]:
    return Column(stage, tuple(nodes[:lane_length]), tuple(nodes[lane_length:]))
