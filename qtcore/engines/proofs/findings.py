"""What is wrong with a life cycle whatever it claims: dead steps, dead ends, nobody to act.

It must not know where the definition is written. Structure alone (states nothing leads to or out
of) is judged when a definition is read; here guards, rights and persons count.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

from qtcore.definitions.workflows import State, Transition, matches
from qtcore.engines.proofs.moves import Path, Place
from qtcore.engines.proofs.paths import MOST_NODES, Offer, TooManyPaths, Walk
from qtcore.engines.proofs.setting import Instant
from qtcore.engines.proofs.words import (
    ENGLISH,
    Named,
    Part,
    Said,
    Tongue,
    Way,
    roles_of,
    step_named,
)
from qtcore.engines.proofs.words import states as states_named

Where = tuple[str | int, ...]
_ANYTHING = frozenset({"*"})


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found, with the part of the definition it is about, and a path that shows it.

    `said` is what it says, as a sentence that can be told in any language.
    """

    said: Said
    where: Where
    severity: Literal["error", "warning"] = "error"
    steps: tuple[str, ...] = ()

    @property
    def code(self) -> str:
        """The code; the key of the sentence begins with it."""
        return self.said.key.partition("_")[0]

    @property
    def message(self) -> str:
        """The sentence in English."""
        return ENGLISH.tell(self.said)

    def as_json(self, tongue: Tongue = ENGLISH) -> dict[str, object]:
        """Give the shape that `--json` and the API show."""
        return {
            "code": self.code,
            "severity": self.severity,
            "message": tongue.tell(self.said),
            "where": list(self.where),
            "steps": list(self.steps),
        }


def _error(key: str, where: Where, *parts: Part, steps: tuple[str, ...] = ()) -> Finding:
    return Finding(Said(key, parts), where, "error", steps)


def _warning(key: str, where: Where, *parts: Part, steps: tuple[str, ...] = ()) -> Finding:
    return Finding(Said(key, parts), where, "warning", steps)


def find_faults(walk: Walk) -> Iterator[Finding]:
    """Find everything; a life cycle with too many paths is judged step by step only."""
    yield from _never_true(walk)
    yield from _overlaps(walk)
    yield from _without_meaning(walk)
    yield from _timers(walk)
    try:
        loops = list(_automatic_loops(walk))
        yield from loops
        if any(loop.severity == "error" for loop in loops):
            # What such a way leads to is never reached: that is said already.
            return
        reached = walk.places(certain=False)
        yield from _out_of_reach(walk, reached)
        yield from _dead_ends(walk, reached)
        yield from _without_actor(walk, reached)
        yield from _self_approvals(walk)
    except TooManyPaths:
        yield _warning("QT311_paths", ("id",), walk.flow.id)


def _never_true(walk: Walk) -> Iterator[Finding]:
    for number, step in enumerate(walk.flow.transitions):
        if walk.is_dead(step):
            yield _error("QT313_dead", ("transitions", number, "guard"), step_named(step))


def _overlaps(walk: Walk) -> Iterator[Finding]:
    """Find alternatives of one trigger that can both be open: the first would win unseen."""
    for first, second in combinations(walk.offers, 2):
        if first.source != second.source or not _share_trigger(first.step, second.step):
            continue
        guards = tuple(edge.step.guard for edge in (first, second) if edge.step.guard)
        answer = walk.setting.judge.decide([Instant(guards)])
        if answer.outcome == "impossible":
            continue
        where: Where = ("transitions", second.number, "guard" if second.step.guard else "id")
        both = (step_named(first.step), step_named(second.step), states_named(first.source))
        if answer.outcome == "undecided":
            yield _warning("QT312_unknown", where, *both)
        elif answer.example:
            yield _error("QT312_when", where, *both, answer.example)
        else:
            yield _error("QT312_open", where, *both)


def _share_trigger(one: Transition, other: Transition) -> bool:
    if one.is_automatic or other.is_automatic:
        return one.is_automatic and other.is_automatic and one.when_done == other.when_done
    pairs = [(a, b) for a in one.triggers for b in other.triggers]
    return any(matches(a, b) or matches(b, a) for a, b in pairs)


def _without_meaning(walk: Walk) -> Iterator[Finding]:
    for number, step in enumerate(walk.flow.transitions):
        demand = step.signature
        if demand is not None and demand.meaning not in walk.setting.meanings:
            where: Where = ("transitions", number, "signature")
            yield _error("QT318", where, step_named(step), demand.meaning)


def _timers(walk: Walk) -> Iterator[Finding]:
    states = walk.chart.states
    for number, timer in enumerate(walk.flow.timers):
        if states[timer.state].final and walk.chart.is_atomic(timer.state):
            yield _error("QT319_final", ("timers", number, "state"), states_named(timer.state))
        if timer.fire is None:
            continue
        where: Where = ("timers", number, "fire")
        fired = _fired_in(walk, timer.state, timer.fire)
        if not fired:
            yield _error("QT319_elsewhere", where, states_named(timer.state), timer.fire)
        for offer in fired:
            yield from _unfit_to_fire(offer, where)
            loop = _timer_loop(walk, offer)
            if loop:
                made = [((o.step,), "+".join(o.step.targets) or o.source) for o in loop]
                steps = tuple(o.step.id for o in loop)
                yield _error("QT319_loop", where, Way(timer.state, tuple(made)), steps=steps)


def _fired_in(walk: Walk, state: str, event: str) -> list[Offer]:
    """Give the transitions that an event may make while a state is active."""
    near = {
        name
        for name in walk.chart.states
        if name == state or walk.chart.is_inside(name, state) or walk.chart.is_inside(state, name)
    }
    return [o for o in walk.offers if o.source in near and _is_called(o.step, event)]


def _is_called(step: Transition, event: str) -> bool:
    return not step.is_automatic and (step.id == event or step.answers(event))


def _unfit_to_fire(edge: Offer, where: Where) -> Iterator[Finding]:
    if edge.step.signature is not None:
        yield _error("QT319_signature", where, step_named(edge.step))
    if edge.step.form is not None:
        yield _error("QT319_form", where, step_named(edge.step))


def _timer_loop(walk: Walk, start: Offer) -> list[Offer]:
    """Follow timers from state to state; a way back to the start goes on for ever."""
    fired = {timer.state: timer.fire for timer in walk.flow.timers if timer.fire}
    path, seen = [start], {start.source}
    while True:
        entered = walk.chart.inside_of(path[-1].step.targets)
        if start.source in entered:
            return path
        here = next((name for name in fired if name in entered and name not in seen), None)
        if here is None:
            return []
        seen.add(here)
        following = _fired_in(walk, here, fired[here])
        if not following:
            return []
        path.append(following[0])


def _automatic_loops(walk: Walk) -> Iterator[Finding]:
    """Find steps that follow each other by themselves and never come to rest."""
    numbers = {step.id: number for number, step in enumerate(walk.flow.transitions)}
    told: set[str] = set()
    for path, outcome in walk.find_loops():
        last = path[-1].steps[0].id
        if last in told:
            continue
        told.add(last)
        where: Where = ("transitions", numbers[last], "id")
        way = Way.of(walk.initial, path)
        if outcome == "possible":
            yield _error("QT320_loop", where, way, steps=_ids(path))
        else:
            yield _warning("QT320_unknown", where, way, steps=_ids(path))


def _state_paths(states: Sequence[State], path: Where = ("states",)) -> Iterator[tuple[str, Where]]:
    for number, state in enumerate(states):
        yield state.id, (*path, number)
        yield from _state_paths(state.states, (*path, number, "states"))


def _out_of_reach(walk: Walk, reached: dict[Place, Path]) -> Iterator[Finding]:
    """Find what only guards keep out of reach; what nothing leads to is found on reading."""
    moves = [move for place in (None, *reached) for move in walk.leave(place)]
    edges = [edge for move in moves for edge in move.edges]
    states = set(walk.begins.active).union(*(edge.after for edge in edges))
    made = {step.id for edge in edges for step in edge.steps}
    linked = _linked(walk)
    for name, where in _state_paths(walk.flow.states):
        if name in linked and name not in states:
            yield _error("QT314", (*where, "id"), states_named(name))
    for number, step in enumerate(walk.flow.transitions):
        alone = step.guard is not None and not walk.is_dead(step)
        if alone and not states.isdisjoint(step.from_) and step.id not in made:
            yield _error("QT313_here", ("transitions", number, "guard"), step_named(step))


def _linked(walk: Walk) -> set[str]:
    """Give the states that would be reached if every guard were true."""
    linked, size = set(walk.begins.active), 0
    while size != len(linked):
        size = len(linked)
        for offer in walk.offers:
            if offer.source in linked and offer.step.targets:
                linked |= walk.chart.inside_of(offer.step.targets)
    return linked


def _dead_ends(walk: Walk, reached: dict[Place, Path]) -> Iterator[Finding]:
    wheres = dict(_state_paths(walk.flow.states))
    told: set[str] = set()
    sure = walk.places(certain=True)
    for place in reached:
        active = walk.chart.read(place.state)
        has_way = any(move.after.state != place.state for move in walk.leave(place))
        steps = [o for o in walk.offers if o.source in active and set(o.step.targets) - active]
        is_told = place.state in told or place not in sure
        if walk.chart.is_over(active) or has_way or is_told:
            continue
        leaf = next((o.source for o in steps), walk.chart.leaves(active)[0])
        if not steps and walk.chart.is_flat:
            continue
        told.add(place.state)
        path = sure[place]
        way = Way.of(walk.initial, path)
        yield _error(
            "QT315", (*wheres[leaf], "id"), states_named(place.state), way, steps=_ids(path)
        )


def _without_actor(walk: Walk, reached: dict[Place, Path]) -> Iterator[Finding]:
    states = set(walk.begins.active).union(*(walk.chart.read(p.state) for p in reached))
    for name, where in _state_paths(walk.flow.states):
        around = {name, *walk.chart.above(name)}
        offers = [o for o in walk.offers if o.source in around and set(o.step.targets) - {name}]
        steps = [offer.step for offer in offers]
        if name in states and steps and not any(map(walk.has_actor, steps)):
            yield _error("QT316_state", (*where, "id"), states_named(name), roles_of(*steps))
    for number, step in enumerate(walk.flow.transitions):
        if not walk.has_actor(step):
            at: Where = ("transitions", number, "roles")
            yield _warning("QT316_step", at, step_named(step), roles_of(step))


def _self_approvals(walk: Walk) -> Iterator[Finding]:
    """Find approvals that one person with one role reaches and makes all alone.

    Who opens a record has done work on it already.
    """
    accepted = {c.accepts_same_person.transition for c in walk.flow.verify if c.accepts_same_person}
    approving = {s.id for s in walk.flow.all_states if s.status == "released" and not s.history}
    numbers = {step.id: number for number, step in enumerate(walk.flow.transitions)}
    told = set(accepted)
    least = 1 if walk.flow.subject == "record" else 2
    for certain in (True, False):
        for path in _lone_paths(walk, certain=certain):
            last = path[-1]
            signed = [step.id for step in last.steps if step.signature is not None]
            enters = approving & last.after - last.before
            if not signed or not enters or signed[0] in told or len(path) < least:
                continue
            told.add(signed[0])
            where: Where = ("transitions", numbers[signed[0]], "signature")
            parts = (Way.of(walk.initial, path), Named("transitions", signed[0]))
            if certain:
                yield _error("QT317", where, *parts, steps=_ids(path))
            else:
                yield _warning("QT317_unknown", where, *parts, steps=_ids(path))


def _lone_paths(walk: Walk, *, certain: bool) -> Iterator[Path]:
    """Give paths that one role can walk without meeting `not_same_as`, the shortest first.

    `certain`: only by guards that surely can be true.
    """
    opened = frozenset({"create"}) | _ANYTHING if walk.flow.subject == "record" else frozenset()
    named = {name for step in walk.flow.transitions for name in step.others}
    paths: list[Path] = []
    for role in sorted({role for step in walk.flow.transitions for role in step.roles}):
        start: tuple[Place | None, frozenset[str]] = (None, opened & (named | _ANYTHING))
        reached: dict[tuple[Place | None, frozenset[str]], Path] = {start: ()}
        queue = [start]
        for here in queue:
            for move in walk.leave(here[0]):
                if certain and move.outcome != "possible":
                    continue
                made = _made_alone(move.edges, role, here[1])
                if made is None:
                    continue
                after = (move.after, made & frozenset(named) | made & _ANYTHING)
                path = (*reached[here], *move.edges)
                if move.edges:
                    paths.append(path)
                if after not in reached:
                    reached[after] = path
                    queue.append(after)
                    if len(reached) > MOST_NODES:
                        raise TooManyPaths
    return iter(sorted(paths, key=len))


def _made_alone(edges: Path, role: str, made: frozenset[str]) -> frozenset[str] | None:
    """Give what one person has made after these edges; None when another person is needed."""
    for edge in edges:
        for step in edge.steps:
            if step.is_automatic:
                continue
            is_barred = made & set(step.others) or (step.different_from_all is True and made)
            if role not in step.roles or is_barred:
                return None
        made |= {step.id for step in edge.steps if not step.is_automatic}
        made |= _ANYTHING if made else frozenset()
    return made


def _ids(path: Path) -> tuple[str, ...]:
    return tuple(step.id for edge in path for step in edge.steps)
