"""The paths of a life cycle as far as its guards leave them open, and the shortest bad one.

It must not know what a property claims. Facts may change between two steps, so a guard binds at
the moment it is evaluated and no longer; only what it says about constant facts is carried along
the path. Every path that can happen is walked; some that cannot may be walked too, and are marked
uncertain when the judge could not tell.
"""

from collections import deque
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from qtcore.definitions.statechart import build_chart
from qtcore.definitions.workflows import Transition, WorkflowDefinition
from qtcore.engines.proofs.moves import Edge, Memory, Move, Moves, Path, Place
from qtcore.engines.proofs.setting import Instant, Outcome, Setting
from qtcore.engines.proofs.words import Said

MOST_NODES: Final = 20_000
_MonitorT = TypeVar("_MonitorT", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Found:
    """A bad path; `is_certain` when every guard on it was shown to be possible."""

    path: Path
    is_certain: bool
    note: Said | None = None


class TooManyPaths(Exception):
    """The life cycle is too large to be walked; nothing is claimed."""


@dataclass(frozen=True, slots=True)
class Offer:
    """One transition as it may begin in one of its states; `number` is its place."""

    source: str
    step: Transition
    number: int


@dataclass(frozen=True, slots=True)
class Watch(Generic[_MonitorT]):
    """What is looked for on paths.

    `start`: what is remembered at the initial state. `advance`: what is remembered after an edge.
    `is_bad`: whether making the edge breaks the claim, judged with what was remembered before it.
    """

    start: _MonitorT
    advance: Callable[[_MonitorT, Edge], _MonitorT]
    is_bad: Callable[[_MonitorT, Edge, Memory], tuple[Outcome, Said | None]]


class Walk:
    """A life cycle that can be walked, with the answers of the judge kept."""

    def __init__(self, flow: WorkflowDefinition, setting: Setting) -> None:
        self.flow = flow
        self.setting = setting
        self.chart = build_chart(flow)
        self.begins = self.chart.enter()
        self.initial = self.chart.write(self.begins.active)
        self._decided: dict[frozenset[Instant], Outcome] = {}
        self._moves = Moves(flow, self.chart, self.setting.judge, self.decide)
        self._left: dict[Place | None, tuple[Move, ...]] = {}
        self._loops: dict[Place | None, list[tuple[Path, Outcome]]] = {}
        self.offers = tuple(
            Offer(source, step, number)
            for number, step in enumerate(flow.transitions)
            for source in step.from_
        )

    def places(self, *, certain: bool, acted: bool = False) -> dict[Place, Path]:
        """Reach every place at rest by a shortest path.

        `certain`: only by guards that surely can be true. `acted`: only by transitions that
        somebody has the right to make.
        """
        found: dict[Place, Path] = {}
        queue: deque[Place | None] = deque([None])
        while queue:
            place = queue.popleft()
            path = found[place] if place else ()
            for move in self.leave(place):
                if (certain and move.outcome != "possible") or (acted and not self.is_acted(move)):
                    continue
                if move.after not in found:
                    found[move.after] = (*path, *move.edges)
                    queue.append(move.after)
                    _refuse_too_many(found)
        return found

    def leave(self, place: Place | None) -> tuple[Move, ...]:
        """Give the moves out of a place that are not impossible; None is before the beginning."""
        if place not in self._left:
            found = self._moves.begin() if place is None else self._moves.leave(place)
            self._left[place] = tuple(found)
            self._loops[place] = self._moves.take_loops()
        return self._left[place]

    def find_bad(self, watch: Watch[_MonitorT]) -> Found | None:
        """Find a shortest path that breaks the claim: a certain one, else an uncertain one.

        Most claims hold: where not even an uncertain path breaks one, no certain path does.
        """
        try:
            uncertain = self._search(watch, certain=False)
        except TooManyPaths:
            certain = self._search(watch, certain=True)
            if certain is None:
                raise
            return certain
        return uncertain and (self._search(watch, certain=True) or uncertain)

    def find_loops(self) -> Iterator[tuple[Path, Outcome]]:
        """Give ways on which steps follow by themselves for ever, each way once."""
        reached: list[tuple[Place | None, Path]] = [(None, ())]
        reached.extend(self.places(certain=False).items())
        for place, path in reached:
            self.leave(place)
            for edges, outcome in self._loops[place]:
                yield (*path, *edges), outcome

    def decide(self, instants: frozenset[Instant]) -> Outcome:
        """Ask the judge once about each set of instants."""
        if instants not in self._decided:
            ordered = sorted(instants, key=repr)
            self._decided[instants] = self.setting.judge.decide(ordered).outcome
        return self._decided[instants]

    def has_actor(self, step: Transition) -> bool:
        """Say whether one of its roles has the right to make transitions, or it needs nobody."""
        return step.is_automatic or not self.setting.movers.isdisjoint(step.roles)

    def is_acted(self, move: Move) -> bool:
        """Say whether somebody may make every transition of a move."""
        return all(self.has_actor(step) for edge in move.edges for step in edge.steps)

    def is_dead(self, step: Transition) -> bool:
        """Say whether its guard can never be true; one about other regions is judged on paths."""
        return step.guard is not None and (
            self.decide(frozenset({Instant((step.guard,))})) == "impossible"
        )

    def _search(self, watch: Watch[_MonitorT], *, certain: bool) -> Found | None:
        start: tuple[Place | None, _MonitorT] = (None, watch.start)
        paths: dict[tuple[Place | None, _MonitorT], Path] = {start: ()}
        queue = deque([start])
        while queue:
            place, monitor = queue.popleft()
            path = paths[place, monitor]
            memory = place.memory if place else frozenset()
            for move in self.leave(place):
                if certain and move.outcome != "possible":
                    continue
                seen = monitor
                for number, edge in enumerate(move.edges, start=1):
                    verdict, note = watch.is_bad(seen, edge, memory)
                    if verdict == "possible" or (verdict == "undecided" and not certain):
                        return Found((*path, *move.edges[:number]), certain, note)
                    seen = watch.advance(seen, edge)
                after = (move.after, seen)
                if after not in paths:
                    paths[after] = (*path, *move.edges)
                    queue.append(after)
                    _refuse_too_many(paths)
        return None


def list_doubtful(walk: Walk, path: Sequence[Edge]) -> tuple[str, ...]:
    """Name the guards on a path of which it is not known whether they can be true."""
    guards = dict.fromkeys(guard for edge in path for guard in edge.instant.guards)
    return tuple(g for g in guards if walk.decide(frozenset({Instant((g,))})) == "undecided")


def _refuse_too_many(found: object) -> None:
    if isinstance(found, dict) and len(found) > MOST_NODES:
        raise TooManyPaths
