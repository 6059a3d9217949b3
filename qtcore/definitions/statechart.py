"""What a tree of states means: which states are active together, left and entered by a step.

It must not know guards, roles, or who makes a step. The meaning is that of W3C SCXML: the inner
transition wins over the outer, all regions of a parallel state react to one event, what is written
first wins a conflict, states are left from the inside out and entered from the outside in.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import Final, NamedTuple

from qtcore.definitions.itself import Itself
from qtcore.definitions.workflows import State, Transition, WorkflowDefinition, as_names

Active = frozenset[str]
Memory = Mapping[str, Active]
NOTHING: Final[Memory] = {}
ROOT: Final = ""
_MOST_CHARTS: Final = 256


class Taken(NamedTuple):
    """A transition as it is taken from one of its states."""

    source: str
    step: Transition


@dataclass(frozen=True, slots=True)
class Shift:
    """What one step does: what is active after it, and what was left and entered, in order."""

    active: Active
    left: tuple[str, ...]
    entered: tuple[str, ...]
    memory: Memory


@dataclass(frozen=True)
class Chart:
    """The states of one life cycle as a tree; a state inside a parallel state is a region.

    Outside there are texts: a flat state is its name, a nested one is the outermost state and the
    innermost ones: ``in_review/qa+lab``.
    """

    states: Mapping[str, State]
    parents: Mapping[str, str]
    inner: Mapping[str, tuple[str, ...]]
    first: tuple[str, ...]

    @cached_property
    def order(self) -> Mapping[str, int]:
        """Where each state is written."""
        return {name: at for at, name in enumerate(self.states)}

    @cached_property
    def is_flat(self) -> bool:
        """Say whether no state lies inside another."""
        return not any(self.inner[name] for name in self.states)

    @cached_property
    def bookmarks(self) -> tuple[str, ...]:
        """The states with history."""
        return tuple(name for name, state in self.states.items() if state.history)

    def above(self, name: str) -> Iterator[str]:
        """Visit the states around a state, the nearest first, the whole last."""
        while name != ROOT:
            name = self.parents[name]
            yield name

    def is_inside(self, name: str, outer: str) -> bool:
        """Say whether a state lies inside another, at any depth."""
        return name != outer and (outer == ROOT or outer in self.above(name))

    def is_atomic(self, name: str) -> bool:
        """Say whether nothing lies inside."""
        return not self.inner[name]

    def leaves(self, active: Collection[str]) -> list[str]:
        """List the innermost active states in the order they are written."""
        return sorted((n for n in active if self.is_atomic(n)), key=self.order.__getitem__)

    def write(self, active: Active) -> str:
        """Write what is active as one text."""
        if len(active) == 1:
            return next(iter(active))
        leaves = self.leaves(active)
        top = next((name for name in active if self.parents[name] == ROOT), "")
        return top if leaves in ([top], []) else f"{top}/{'+'.join(leaves)}"

    def read(self, text: str) -> Active:
        """Read what `write` wrote; KeyError names a state that is not there or not innermost."""
        top, slash, rest = text.partition("/")
        names = rest.split("+") if slash else [top]
        if not slash and self.is_flat and top in self.states:
            return frozenset(names)
        found = frozenset(names) | {a for n in names for a in self._around(n) if a != ROOT}
        if self.write(found) != text or not self._is_whole(found):
            raise KeyError(f"{text!r} is no set of states that can be active together")
        return found

    def enter(self, memory: Memory = NOTHING) -> Shift:
        """Enter the first states."""
        wanted = self._wanted([(self.first, ROOT)], memory)
        entered = self._in_order(wanted)
        return Shift(frozenset(entered), (), entered, memory)

    def shift(self, active: Active, taken: Sequence[Taken], memory: Memory = NOTHING) -> Shift:
        """Make steps that do not conflict at once."""
        if not any(each.step.targets for each in taken):
            return Shift(active, (), (), memory)
        if self.is_flat:
            to = taken[0].step.targets[0]
            return Shift(frozenset((to,)), tuple(active), (to,), memory)
        gone = {s for each in taken for s in self.leaving(active, each, memory)}
        kept = self._keep(active, gone, memory)
        goals = [
            (each.step.targets, self._domain(each, memory)) for each in taken if each.step.targets
        ]
        entered = self._in_order(self._wanted(goals, kept))
        left = tuple(reversed(self._in_order(gone)))
        return Shift(frozenset((active - gone) | set(entered)), left, entered, kept)

    def leaving(self, active: Active, taken: Taken, memory: Memory) -> Active:
        """Give the active states that a step leaves."""
        if not taken.step.targets:
            return frozenset()
        around = self._domain(taken, memory)
        return frozenset(name for name in active if self.is_inside(name, around))

    def settle_conflicts(
        self, active: Active, wanted: Sequence[Taken], memory: Memory
    ) -> list[Taken]:
        """Leave out steps that would leave what another leaves: inner first, then written first."""
        if len(wanted) < 2:
            return list(wanted)
        kept: list[Taken] = []
        for each in {(taken.source, taken.step.id): taken for taken in wanted}.values():
            leaves = self.leaving(active, each, memory)
            rivals = [k for k in kept if leaves & self.leaving(active, k, memory)]
            if all(self.is_inside(each.source, rival.source) for rival in rivals):
                kept = [k for k in kept if k not in rivals]
                kept.append(each)
        return kept

    def inside_of(self, names: Sequence[str]) -> set[str]:
        """Give everything that entering these states from outside may make active."""
        wanted = set(self._wanted([(names, ROOT)], NOTHING))
        for name in names:
            if self.states[name].history:
                wanted |= {s for s in self.states if self.is_inside(s, self.parents[name])}
        return {name for name in wanted if not self.states[name].history}

    def entered_by(self, taken: Taken) -> Active:
        """Give what a step enters when bookmarks are empty."""
        domain = self._domain(taken, NOTHING)
        return frozenset(self._wanted([(taken.step.targets, domain)], NOTHING))

    def is_done(self, name: str, active: Collection[str]) -> bool:
        """Say whether everything inside an active state has come to its end."""
        inner = [child for child in self.inner[name] if child in active]
        if self.states[name].parallel:
            return bool(inner) and all(self.is_done(child, active) for child in inner)
        return any(self.states[child].final for child in inner)

    def is_over(self, active: Collection[str]) -> bool:
        """Say whether the whole life cycle has come to its end."""
        tops = [name for name in active if self.parents[name] == ROOT]
        return any(self.states[top].final for top in tops)

    def remember(self, visited: Iterable[Active], now: Active) -> Memory:
        """Rebuild what bookmarks know from everything that was active, the oldest first.

        A bookmark is filled when the state around it is left, not while it stays active.
        """
        memory: Memory = {}
        if self.bookmarks:
            known = [*visited, now]
            for before, after in pairwise(known):
                memory = self._keep(before, before - after, memory)
        return memory

    def _around(self, name: str) -> Iterator[str]:
        if name not in self.states:
            raise KeyError(f"there is no state {name!r}; defined are: {', '.join(self.states)}")
        return self.above(name)

    def _is_whole(self, found: Collection[str]) -> bool:
        tops = [name for name in found if self.parents[name] == ROOT]
        return len(tops) == 1 and all(self._is_filled(name, found) for name in found)

    def _is_filled(self, name: str, found: Collection[str]) -> bool:
        inner = [child for child in self.inner[name] if child in found]
        return len(inner) == (len(self.inner[name]) if self.states[name].parallel else 1) or (
            self.is_atomic(name)
        )

    def _in_order(self, names: Iterable[str]) -> tuple[str, ...]:
        return tuple(sorted(names, key=self.order.__getitem__))

    def _goals(self, names: Iterable[str], memory: Memory) -> list[str]:
        """Follow bookmarks to the states they stand for."""
        found: list[str] = []
        for name in names:
            if not self.states[name].history:
                found.append(name)
            elif name in memory:
                found.extend(self._in_order(memory[name]))
            else:
                found.extend(self._goals(self._first_in(name), memory))
        return found

    def _first_in(self, name: str) -> tuple[str, ...]:
        given = as_names(self.states[name].initial)
        if given:
            return given
        inside = self.inner[self.parents[name] if self.states[name].history else name]
        return inside[:1]

    def _domain(self, taken: Taken, memory: Memory) -> str:
        """Give the state that stays, and inside which everything is left."""
        goals = self._goals(taken.step.targets, memory)
        source = taken.source
        is_plain = bool(self.inner[source]) and not self.states[source].parallel
        if taken.step.internal and is_plain and all(self.is_inside(g, source) for g in goals):
            return source
        for outer in self.above(source):
            is_choice = outer == ROOT or not self.states[outer].parallel
            if is_choice and all(self.is_inside(goal, outer) for goal in goals):
                return outer
        return ROOT

    def _wanted(
        self, goals: Sequence[tuple[Sequence[str], str]], memory: Memory
    ) -> dict[str, None]:
        wanted: dict[str, None] = {}
        for names, _ in goals:
            for name in names:
                self._enter_inside(name, wanted, memory)
        for names, around in goals:
            for name in self._goals(names, memory):
                self._enter_around(name, around, wanted, memory)
        return wanted

    def _enter_inside(self, name: str, wanted: dict[str, None], memory: Memory) -> None:
        if self.states[name].history:
            goals = self._goals([name], memory)
            for goal in goals:
                self._enter_inside(goal, wanted, memory)
            for goal in goals:
                self._enter_around(goal, self.parents[name], wanted, memory)
            return
        wanted[name] = None
        if self.states[name].parallel:
            self._enter_regions(name, wanted, memory)
        elif self.inner[name]:
            first = self._first_in(name)
            for child in first:
                self._enter_inside(child, wanted, memory)
            for goal in self._goals(first, memory):
                self._enter_around(goal, name, wanted, memory)

    def _enter_around(
        self, name: str, around: str, wanted: dict[str, None], memory: Memory
    ) -> None:
        for outer in self.above(name):
            if outer in (around, ROOT):
                return
            wanted[outer] = None
            if self.states[outer].parallel:
                self._enter_regions(outer, wanted, memory)

    def _enter_regions(self, name: str, wanted: dict[str, None], memory: Memory) -> None:
        for region in self.inner[name]:
            if region not in wanted and not any(self.is_inside(w, region) for w in wanted):
                self._enter_inside(region, wanted, memory)

    def _keep(self, active: Active, gone: Collection[str], memory: Memory) -> Memory:
        kept = dict(memory)
        for name in self.bookmarks:
            parent, is_deep = self.parents[name], self.states[name].history == "deep"
            if parent in gone:
                inside = (s for s in active if self.is_inside(s, parent))
                kept[name] = frozenset(
                    s
                    for s in inside
                    if (self.is_atomic(s) if is_deep else self.parents[s] == parent)
                )
        return kept


def build_chart(flow: WorkflowDefinition) -> Chart:
    """Build the tree; ids must be used once and bookmarks lie inside a state (see the check).

    A definition never changes, and each page and step asks for its chart several times.
    """
    return _chart_of(Itself(flow))


@lru_cache(maxsize=_MOST_CHARTS)
def _chart_of(key: Itself[WorkflowDefinition]) -> Chart:
    flow = key.it
    parents = {state.id: ROOT for state in flow.states}
    for outer in flow.all_states:
        parents.update({inner.id: outer.id for inner in outer.states})
    states = {state.id: state for state in flow.all_states}
    inner = {
        name: tuple(child.id for child in state.states if not child.history)
        for name, state in states.items()
    }
    return Chart(states, parents, inner, as_names(flow.initial))
