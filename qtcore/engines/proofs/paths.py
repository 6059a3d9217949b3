"""The paths of a life cycle as far as its guards leave them open, and the shortest bad one.

It must not know what a property claims. Facts may change between two transitions, so a guard
binds at the moment it is evaluated and no longer; only what it says about constant facts is
carried along the path. Every path that can happen is walked; some that cannot may be walked too,
and are marked uncertain when the judge could not tell.
"""

from collections import deque
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Generic, NamedTuple, TypeVar

from qtcore.definitions.workflows import Transition, WorkflowDefinition
from qtcore.engines.proofs.setting import Instant, Outcome, Setting

MOST_NODES: Final = 20_000
_MonitorT = TypeVar("_MonitorT", bound=Hashable)
Memory = frozenset[Instant]


@dataclass(frozen=True, slots=True)
class Edge:
    """One transition taken from one of its states; `number` is its place in the definition."""

    source: str
    step: Transition
    number: int

    @property
    def target(self) -> str:
        """The state it leads to."""
        return self.step.to


Path = tuple[Edge, ...]


class Place(NamedTuple):
    """A state, together with what constant facts were asked for on the way."""

    state: str
    memory: Memory


@dataclass(frozen=True, slots=True)
class Found:
    """A bad path; `is_certain` when every guard on it was shown to be possible."""

    path: Path
    is_certain: bool
    note: str = ""


class TooManyPaths(Exception):
    """The life cycle is too large to be walked; nothing is claimed."""


@dataclass(frozen=True, slots=True)
class Watch(Generic[_MonitorT]):
    """What is looked for on paths.

    `start`: what is remembered at the initial state. `advance`: what is remembered after an edge.
    `is_bad`: whether making the edge breaks the claim, judged with what was remembered before it.
    """

    start: _MonitorT
    advance: Callable[[_MonitorT, Edge], _MonitorT]
    is_bad: Callable[[_MonitorT, Edge, Memory], tuple[Outcome, str]]


class Walk:
    """A life cycle that can be walked, with the answers of the judge kept."""

    def __init__(self, flow: WorkflowDefinition, setting: Setting) -> None:
        self.flow = flow
        self.setting = setting
        self._decided: dict[frozenset[Instant], Outcome] = {}
        self.edges = tuple(
            Edge(source, step, number)
            for number, step in enumerate(flow.transitions)
            for source in step.from_
        )

    def places(self, *, certain: bool, acted: bool = False) -> dict[Place, Path]:
        """Reach every place by a shortest path.

        `certain`: only by guards that surely can be true. `acted`: only by transitions that
        somebody has the right to make.
        """
        start = Place(self.flow.initial, frozenset())
        found: dict[Place, Path] = {start: ()}
        queue = deque([start])
        while queue:
            place = queue.popleft()
            for edge, outcome, memory in self.leave(place):
                if (certain and outcome != "possible") or (acted and not self.has_actor(edge.step)):
                    continue
                after = Place(edge.target, memory)
                if after not in found:
                    found[after] = (*found[place], edge)
                    queue.append(after)
                    _refuse_too_many(found)
        return found

    def leave(self, place: Place) -> Iterator[tuple[Edge, Outcome, Memory]]:
        """Give the edges out of a place that are not impossible, and what is carried on."""
        for edge in self.edges:
            if edge.source != place.state:
                continue
            outcome, memory = self._pass(edge, place.memory)
            if outcome != "impossible":
                yield edge, outcome, memory

    def find_bad(self, watch: Watch[_MonitorT]) -> Found | None:
        """Find a shortest path that breaks the claim: a certain one, else an uncertain one."""
        return self._search(watch, certain=True) or self._search(watch, certain=False)

    def decide(self, instants: frozenset[Instant]) -> Outcome:
        """Ask the judge once about each set of instants."""
        if instants not in self._decided:
            ordered = sorted(instants, key=repr)
            self._decided[instants] = self.setting.judge.decide(ordered).outcome
        return self._decided[instants]

    def has_actor(self, step: Transition) -> bool:
        """Say whether one of its roles has the right to make transitions."""
        return not self.setting.movers.isdisjoint(step.roles)

    def is_dead(self, step: Transition) -> bool:
        """Say whether its guard can never be true."""
        return step.guard is not None and (
            self.decide(frozenset({Instant((step.guard,))})) == "impossible"
        )

    def _pass(self, edge: Edge, memory: Memory) -> tuple[Outcome, Memory]:
        guard = edge.step.guard
        if guard is None:
            return "possible", memory
        instant = Instant((guard,))
        if not self.setting.judge.lasts(guard):
            return self.decide(frozenset({instant})), memory
        carried = memory | {instant}
        return self.decide(carried), carried

    def _search(self, watch: Watch[_MonitorT], *, certain: bool) -> Found | None:
        start = (Place(self.flow.initial, frozenset()), watch.start)
        paths: dict[tuple[Place, _MonitorT], Path] = {start: ()}
        queue = deque([start])
        while queue:
            place, monitor = queue.popleft()
            path = paths[place, monitor]
            for edge, outcome, memory in self.leave(place):
                if certain and outcome != "possible":
                    continue
                verdict, note = watch.is_bad(monitor, edge, place.memory)
                if verdict == "possible" or (verdict == "undecided" and not certain):
                    return Found((*path, edge), certain, note)
                after = (Place(edge.target, memory), watch.advance(monitor, edge))
                if after not in paths:
                    paths[after] = (*path, edge)
                    queue.append(after)
                    _refuse_too_many(paths)
        return None


def list_doubtful(walk: Walk, path: Sequence[Edge]) -> tuple[str, ...]:
    """Name the guards on a path of which it is not known whether they can be true."""
    guards = dict.fromkeys(edge.step.guard for edge in path if edge.step.guard)
    return tuple(g for g in guards if walk.decide(frozenset({Instant((g,))})) == "undecided")


def _refuse_too_many(found: object) -> None:
    if isinstance(found, dict) and len(found) > MOST_NODES:
        raise TooManyPaths
