"""What one step of a life cycle can do: which transitions are made at once, what follows by itself.

It must not know paths or properties. An event finds in every region the innermost transition that
nothing objects to; which objections there can be is what is enumerated here. Guards of one move
are evaluated at one instant: after it facts may change.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

from qtcore.definitions.statechart import NOTHING, Active, Chart, Taken
from qtcore.definitions.statechart import Memory as Bookmarks
from qtcore.definitions.workflows import Transition, WorkflowDefinition
from qtcore.engines.proofs.setting import Instant, Judge, Outcome

MOST_AUTOMATIC: Final = 40
Memory = frozenset[Instant]
_NOTHING_ASKED: Final = Instant()
_ASKS_REGION: Final = re.compile(r"""(['"])([a-z0-9_]+)\1\s+(not\s+)?in\s+active_states""")


@dataclass(frozen=True, slots=True)
class Edge:
    """Transitions made at once, and the states before and after, written as texts.

    `before` and `after` are all active states, those around too; `entered` are in order. `instant`
    is what was asked in the whole move so far; `cause` are the transitions a person made, when
    these followed by themselves.
    """

    source: str
    target: str
    steps: tuple[Transition, ...]
    before: Active
    after: Active
    entered: tuple[str, ...]
    instant: Instant = _NOTHING_ASKED
    cause: tuple[Transition, ...] = ()

    @property
    def makers(self) -> tuple[Transition, ...]:
        """The transitions by which a person brought this about."""
        return tuple(s for s in (*self.steps, *self.cause) if not s.is_automatic)


Path = tuple[Edge, ...]
Past = frozenset[tuple[str, Active]]


class Place(NamedTuple):
    """A state at rest, with what constant facts were asked for, and what bookmarks hold."""

    state: str
    memory: Memory
    past: Past = frozenset()


@dataclass(frozen=True, slots=True)
class Move:
    """A step and all that follows from it at once."""

    edges: Path
    outcome: Outcome
    after: Place


@dataclass(frozen=True, slots=True)
class _Choice:
    """Which transitions are made, and which had to be refused before."""

    made: tuple[Taken, ...]
    refused: tuple[Transition, ...]


@dataclass(frozen=True, slots=True)
class _Going:
    """A move that is not finished."""

    active: Active
    past: Past
    memory: Memory
    guards: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    edges: Path = ()
    outcome: Outcome = "possible"
    seen: tuple[tuple[Active, Past], ...] = field(default=())

    @property
    def instant(self) -> Instant:
        return Instant(tuple(dict.fromkeys(self.guards)), (), tuple(dict.fromkeys(self.refused)))


class Moves:
    """The moves of one life cycle."""

    def __init__(
        self,
        flow: WorkflowDefinition,
        chart: Chart,
        judge: Judge,
        decide: Callable[[frozenset[Instant]], Outcome],
    ) -> None:
        self._chart = chart
        self._judge = judge
        self._decide = decide
        self._words = tuple(dict.fromkeys(w for s in flow.transitions for w in s.triggers))
        self._from: dict[str, list[Transition]] = {}
        for step in flow.transitions:
            for source in step.from_:
                self._from.setdefault(source, []).append(step)
        self._loops: list[tuple[Path, Outcome]] = []

    def begin(self) -> Iterator[Move]:
        """Enter the first states, and make what follows by itself."""
        shift = self._chart.enter()
        yield from self._settle(_Going(shift.active, frozenset(), frozenset()))

    def leave(self, place: Place) -> Iterator[Move]:
        """Give every move out of a place at rest that is not impossible."""
        going = _Going(self._chart.read(place.state), place.past, place.memory)
        if self._chart.is_over(going.active):
            return
        for word in (None, *self._words):
            for choice in self._choices(going.active, word):
                if choice.made:
                    for made in self._make(going, choice):
                        yield from self._settle(made)

    def take_loops(self) -> list[tuple[Path, Outcome]]:
        """Give the ways met since the last call on which steps follow by themselves for ever."""
        found, self._loops = self._loops, []
        return found

    def _settle(self, going: _Going) -> Iterator[Move]:
        here = (going.active, going.past)
        if here in going.seen or len(going.edges) > MOST_AUTOMATIC:
            self._loops.append((going.edges, going.outcome))
            return
        going = _changed(going, seen=(*going.seen, here))
        is_over = self._chart.is_over(going.active)
        for choice in self._choices(going.active, None) if not is_over else [_Choice((), ())]:
            if choice.made:
                for made in self._make(going, choice):
                    yield from self._settle(made)
                continue
            for rested in self._ask(going, choice):
                yield Move(rested.edges, rested.outcome, self._rest(rested))

    def _rest(self, going: _Going) -> Place:
        asked = (*going.guards, *going.refused)
        memory = going.memory
        if any(self._judge.lasts(text) for text in asked):
            memory |= {going.instant}
        return Place(self._chart.write(going.active), memory, going.past)

    def _choices(self, active: Active, word: str | None) -> list[_Choice]:
        """Enumerate what an event (or nothing) can make here, if objections fall as they may."""
        chains = []
        for leaf in self._chart.leaves(active):
            chain: list[Taken] = []
            for name in (leaf, *self._chart.above(leaf)):
                chain += [Taken(name, s) for s in self._from.get(name, ()) if self._fits(
                    name, s, active, word)]  # fmt: skip
            chains.append(chain)
        found: dict[tuple[tuple[str, ...], tuple[str, ...]], _Choice] = {}
        if any(chains):
            self._decide_chains(chains, ([], {}), found)
        return list(found.values()) or [_Choice((), ())]

    def _fits(self, name: str, step: Transition, active: Active, word: str | None) -> bool:
        if word is not None:
            return step.answers(word)
        return step.is_automatic and (not step.when_done or self._chart.is_done(name, active))

    def _decide_chains(
        self,
        chains: Sequence[Sequence[Taken]],
        state: tuple[list[Taken], dict[tuple[str, str], bool]],
        found: dict[tuple[tuple[str, ...], tuple[str, ...]], _Choice],
    ) -> None:
        made, known = state
        if not chains:
            refused = [key for key, is_made in known.items() if not is_made]
            key = (tuple(f"{t.source} {t.step.id}" for t in made), tuple(map(" ".join, refused)))
            steps = {s.id: s for steps in self._from.values() for s in steps}
            found[key] = _Choice(tuple(made), tuple(steps[name] for _, name in refused))
            return
        chain, rest = chains[0], chains[1:]
        decided = dict(known)
        for taken in chain:
            key_ = (taken.source, taken.step.id)
            if decided.get(key_, True):
                is_new = all(key_ != (m.source, m.step.id) for m in made)
                accepted = [*made, taken] if is_new else made
                self._decide_chains(rest, (accepted, {**decided, key_: True}), found)
                if decided.get(key_):
                    return
            decided[key_] = False
        self._decide_chains(rest, (made, decided), found)

    def _make(self, going: _Going, choice: _Choice) -> Iterator[_Going]:
        past: Bookmarks = dict(going.past) if going.past else NOTHING
        taken = self._chart.settle_conflicts(going.active, choice.made, past)
        cause = going.edges[0].steps if going.edges else ()
        for asked in self._ask(going, choice):
            shift = self._chart.shift(going.active, taken, past)
            edge = Edge(
                self._chart.write(going.active),
                self._chart.write(shift.active),
                tuple({each.step.id: each.step for each in taken}.values()),
                going.active,
                shift.active,
                shift.entered,
                asked.instant,
                cause,
            )
            yield _changed(
                asked,
                active=shift.active,
                past=frozenset(shift.memory.items()),
                edges=(*going.edges, edge),
            )

    def _ask(self, going: _Going, choice: _Choice) -> Iterator[_Going]:
        """Put the guards of a choice to the judge; nothing is given when it is impossible."""
        steps = [taken.step for taken in choice.made]
        if not _fit_together(steps):
            return
        guards = [_here(s.guard, going.active) for s in steps if s.guard]
        refused = []
        for step in choice.refused:
            if _is_refused_anyway(step, steps):
                continue
            if step.guard is None:
                return
            refused.append(_here(step.guard, going.active))
        asked = _changed(going, guards=(*going.guards, *guards), refused=(*going.refused, *refused))
        outcome = self._outcome(asked) if guards or refused else going.outcome
        if outcome != "impossible":
            yield _changed(asked, outcome=outcome)

    def _outcome(self, going: _Going) -> Outcome:
        asked = (*going.guards, *going.refused)
        carried = going.memory if any(self._judge.lasts(text) for text in asked) else frozenset()
        return self._decide(carried | {going.instant})


def _changed(going: _Going, **changes: object) -> _Going:
    return replace(going, **changes)  # type: ignore[arg-type]


def _here(guard: str, active: Active) -> str:
    """Answer what a guard asks about other regions: that is known in each state."""

    def answer(found: re.Match[str]) -> str:
        return "1 == 1" if (found[2] in active) is not bool(found[3]) else "1 == 0"

    return _ASKS_REGION.sub(answer, guard) if "active_states" in guard else guard


def _fit_together(steps: Sequence[Transition]) -> bool:
    """Say whether one attempt can satisfy all at once: it carries one signature only."""
    return len({s.signature.meaning for s in steps if s.signature is not None}) <= 1


def _is_refused_anyway(step: Transition, made: Sequence[Transition]) -> bool:
    """Say whether something besides its guard can object while these are made."""
    if step.is_automatic:
        return False
    if not made:
        return True
    meanings = {s.signature.meaning for s in made if s.signature is not None}
    return bool(
        all(set(each.roles) - set(step.roles) for each in made)
        or (step.reason and not any(each.reason for each in made))
        or (step.signature is not None and meanings != {step.signature.meaning})
        or (step.form and all(each.form != step.form for each in made))
        or (step.gate and all(each.gate != step.gate for each in made))
        or set(step.rules) - {rule for each in made for rule in each.rules}
        or set(step.others) - {name for each in made for name in each.others}
        or (
            step.different_from_all is True
            and all(each.different_from_all is not True for each in made)
        )
    )
