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
from qtcore.engines.proofs.words import any_of, path_words

Where = tuple[str | int, ...]
_ANYTHING = frozenset({"*"})


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found, with the part of the definition it is about, and a path that shows it."""

    code: str
    message: str
    where: Where
    severity: Literal["error", "warning"] = "error"
    steps: tuple[str, ...] = ()

    def as_json(self) -> dict[str, object]:
        """Give the shape that `--json` and the API show."""
        return {
            "code": self.code,
            "severity": self.severity,
            "message": self.message,
            "where": list(self.where),
            "steps": list(self.steps),
        }


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
        said = f"life cycle {walk.flow.id!r} has too many paths to walk; split it"
        yield Finding("QT311", said, ("id",), "warning")


def _never_true(walk: Walk) -> Iterator[Finding]:
    for number, step in enumerate(walk.flow.transitions):
        if walk.is_dead(step):
            said = f"the guard of {step.id!r} can never be true; nobody can make this transition"
            yield Finding("QT313", said, ("transitions", number, "guard"))


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
        names = dict.fromkeys((first.step.id, second.step.id))
        both = f"both transitions {' and '.join(map(repr, names))} out of {first.source!r}"
        example = f", for example when {answer.example}" if answer.example else ""
        if answer.outcome == "possible":
            said = f"{both} are open at once{example}; make their guards exclude each other"
            yield Finding("QT312", said, where)
        else:
            said = f"it is not known whether {both} can be open at once"
            yield Finding("QT312", said, where, "warning")


def _share_trigger(one: Transition, other: Transition) -> bool:
    if one.is_automatic or other.is_automatic:
        return one.is_automatic and other.is_automatic and one.when_done == other.when_done
    pairs = [(a, b) for a in one.triggers for b in other.triggers]
    return any(matches(a, b) or matches(b, a) for a, b in pairs)


def _without_meaning(walk: Walk) -> Iterator[Finding]:
    for number, step in enumerate(walk.flow.transitions):
        demand = step.signature
        if demand is not None and demand.meaning not in walk.setting.meanings:
            said = (
                f"the signature of {step.id!r} means {demand.meaning!r}, which no language has a "
                f"text for; add 'signatures.{demand.meaning}' to the texts"
            )
            yield Finding("QT318", said, ("transitions", number, "signature"))


def _timers(walk: Walk) -> Iterator[Finding]:
    states = walk.chart.states
    for number, timer in enumerate(walk.flow.timers):
        if states[timer.state].final and walk.chart.is_atomic(timer.state):
            said = f"the timer of the final state {timer.state!r} never ends: nothing leads out"
            yield Finding("QT319", said, ("timers", number, "state"))
        if timer.fire is None:
            continue
        where: Where = ("timers", number, "fire")
        fired = _fired_in(walk, timer.state, timer.fire)
        if not fired:
            said = f"the timer of {timer.state!r} fires {timer.fire!r}, which does not begin there"
            yield Finding("QT319", said, where)
        for offer in fired:
            yield from _unfit_to_fire(offer, where)
            loop = _timer_loop(walk, offer)
            if loop:
                said = f"the timers never end: {_loop_words(timer.state, loop)}"
                yield Finding("QT319", said, where, steps=tuple(o.step.id for o in loop))


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


def _loop_words(state: str, loop: list[Offer]) -> str:
    words = state
    for offer in loop:
        guard = f" [{offer.step.guard}]" if offer.step.guard else ""
        target = "+".join(offer.step.targets) or offer.source
        words += f" --{offer.step.id} by {any_of(offer.step.roles)}{guard}--> {target}"
    return words


def _unfit_to_fire(edge: Offer, where: Where) -> Iterator[Finding]:
    wants = {"a signature": edge.step.signature, "a form": edge.step.form}
    for what, demanded in wants.items():
        if demanded is not None:
            said = f"a timer cannot fire {edge.step.id!r}: it needs {what}, which a person gives"
            yield Finding("QT319", said, where)


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
        way = path_words(walk.initial, path)
        if outcome == "possible":
            said = f"automatic transitions never come to rest: {way}"
            yield Finding("QT320", said, where, steps=_ids(path))
        else:
            said = f"it is not known whether automatic transitions come to rest: {way}"
            yield Finding("QT320", said, where, "warning", _ids(path))


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
            said = (
                f"state {name!r} cannot be reached: on every way to it a guard can never be "
                "true, by itself or after what was asked before"
            )
            yield Finding("QT314", said, (*where, "id"))
    for number, step in enumerate(walk.flow.transitions):
        alone = step.guard is not None and not walk.is_dead(step)
        if alone and not states.isdisjoint(step.from_) and step.id not in made:
            said = (
                f"the guard of {step.id!r} can never be true where it is asked: what was asked of "
                "the same constant facts before excludes it"
            )
            yield Finding("QT313", said, ("transitions", number, "guard"))


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
        said = (
            f"state {place.state!r} is a dead end: no guard of a transition out of it can be true "
            f"after {path_words(walk.initial, path)}"
        )
        yield Finding("QT315", said, (*wheres[leaf], "id"), steps=_ids(path))


def _without_actor(walk: Walk, reached: dict[Place, Path]) -> Iterator[Finding]:
    states = set(walk.begins.active).union(*(walk.chart.read(p.state) for p in reached))
    for name, where in _state_paths(walk.flow.states):
        around = {name, *walk.chart.above(name)}
        offers = [o for o in walk.offers if o.source in around and set(o.step.targets) - {name}]
        steps = [offer.step for offer in offers]
        if name in states and steps and not any(map(walk.has_actor, steps)):
            roles = any_of(role for step in steps for role in step.roles)
            said = (
                f"nobody can lead state {name!r} on: no role of its transitions ({roles}) has "
                "the right to make transitions"
            )
            yield Finding("QT316", said, (*where, "id"))
    for number, step in enumerate(walk.flow.transitions):
        if not walk.has_actor(step):
            said = (
                f"nobody can make {step.id!r}: of its roles ({any_of(step.roles)}) none has the "
                "right to make transitions"
            )
            yield Finding("QT316", said, ("transitions", number, "roles"), "warning")


def _self_approvals(walk: Walk) -> Iterator[Finding]:
    """Find approvals that one person with one role reaches and signs all alone."""
    accepted = {c.accepts_same_person.transition for c in walk.flow.verify if c.accepts_same_person}
    approving = {s.id for s in walk.flow.all_states if s.status == "released" and not s.history}
    numbers = {step.id: number for number, step in enumerate(walk.flow.transitions)}
    told: set[str] = set()
    for path in _lone_paths(walk):
        last = path[-1]
        signed = [step.id for step in last.steps if step.signature is not None]
        enters = approving & last.after - last.before
        name = signed[0] if signed else ""
        if not name or not enters or name in accepted | told or len(path) < 2:
            continue
        told.add(name)
        said = (
            f"one person can do the work and approve it: {path_words(walk.initial, path)}; "
            f"give {name!r} 'not_same_as', or accept it with a reason under 'verify'"
        )
        where: Where = ("transitions", numbers[name], "signature")
        yield Finding("QT317", said, where, "warning", _ids(path))


def _lone_paths(walk: Walk) -> Iterator[Path]:
    """Give paths that one role can walk without meeting `not_same_as`, the shortest first."""
    named = {name for step in walk.flow.transitions for name in step.others}
    paths: list[Path] = []
    for role in sorted({role for step in walk.flow.transitions for role in step.roles}):
        start: tuple[Place | None, frozenset[str]] = (None, frozenset({"create"} & named))
        reached: dict[tuple[Place | None, frozenset[str]], Path] = {start: ()}
        queue = [start]
        for here in queue:
            for move in walk.leave(here[0]):
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
