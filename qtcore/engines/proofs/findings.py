"""What is wrong with a life cycle whatever it claims: dead steps, dead ends, nobody to act.

It must not know where the definition is written. Structure alone (states nothing leads to or out
of) is judged when a definition is read; here guards, rights and persons count.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

from qtcore.engines.proofs.paths import Edge, Path, Place, TooManyPaths, Walk
from qtcore.engines.proofs.setting import Instant
from qtcore.engines.proofs.words import any_of, path_words

Where = tuple[str | int, ...]


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
    for first, second in combinations(walk.edges, 2):
        is_pair = first.step.id == second.step.id and first.source == second.source
        if not is_pair or first.number == second.number:
            continue
        guards = tuple(edge.step.guard for edge in (first, second) if edge.step.guard)
        answer = walk.setting.judge.decide([Instant(guards)])
        if answer.outcome == "impossible":
            continue
        where: Where = ("transitions", second.number, "guard" if second.step.guard else "id")
        both = f"both transitions {first.step.id!r} out of {first.source!r}"
        example = f", for example when {answer.example}" if answer.example else ""
        if answer.outcome == "possible":
            said = f"{both} are open at once{example}; make their guards exclude each other"
            yield Finding("QT312", said, where)
        else:
            said = f"it is not known whether {both} can be open at once"
            yield Finding("QT312", said, where, "warning")


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
    final = {state.id for state in walk.flow.states if state.final}
    for number, timer in enumerate(walk.flow.timers):
        if timer.state in final:
            said = f"the timer of the final state {timer.state!r} never ends: nothing leads out"
            yield Finding("QT319", said, ("timers", number, "state"))
        fired = [e for e in walk.edges if e.step.id == timer.fire and e.source == timer.state]
        if timer.fire is None:
            continue
        where: Where = ("timers", number, "fire")
        if not fired:
            said = f"the timer of {timer.state!r} fires {timer.fire!r}, which does not begin there"
            yield Finding("QT319", said, where)
        for edge in fired:
            yield from _unfit_to_fire(edge, where)
            loop = _timer_loop(walk, edge)
            if loop:
                said = f"the timers never end: {path_words(timer.state, loop)}"
                yield Finding("QT319", said, where, steps=tuple(e.step.id for e in loop))


def _unfit_to_fire(edge: Edge, where: Where) -> Iterator[Finding]:
    wants = {"a signature": edge.step.signature, "a form": edge.step.form}
    for what, demanded in wants.items():
        if demanded is not None:
            said = f"a timer cannot fire {edge.step.id!r}: it needs {what}, which a person gives"
            yield Finding("QT319", said, where)


def _timer_loop(walk: Walk, start: Edge) -> Path:
    """Follow timers from state to state; a way back to the start goes on for ever."""
    fired = {timer.state: timer.fire for timer in walk.flow.timers if timer.fire}
    path: list[Edge] = [start]
    seen = {start.source}
    while path[-1].target not in seen:
        here = path[-1].target
        seen.add(here)
        following = [e for e in walk.edges if e.source == here and e.step.id == fired.get(here)]
        if not following:
            return ()
        path.append(following[0])
    return tuple(path) if path[-1].target == start.source else ()


def _out_of_reach(walk: Walk, reached: dict[Place, Path]) -> Iterator[Finding]:
    """Find what only guards keep out of reach; what nothing leads to is found on reading."""
    states = {place.state for place in reached}
    made = {(e.number, e.source) for place in reached for e, _, _ in walk.leave(place)}
    linked = _linked(walk)
    for number, state in enumerate(walk.flow.states):
        if state.id in linked and state.id not in states:
            said = (
                f"state {state.id!r} cannot be reached: on every way to it a guard can never be "
                "true, by itself or after what was asked before"
            )
            yield Finding("QT314", said, ("states", number, "id"))
    for number, step in enumerate(walk.flow.transitions):
        alone = step.guard is not None and not walk.is_dead(step)
        sources = [source for source in step.from_ if source in states]
        if alone and sources and not any((number, source) in made for source in sources):
            said = (
                f"the guard of {step.id!r} can never be true where it is asked: what was asked of "
                "the same constant facts before excludes it"
            )
            yield Finding("QT313", said, ("transitions", number, "guard"))


def _linked(walk: Walk) -> set[str]:
    """Give the states that would be reached if every guard were true."""
    linked, size = {walk.flow.initial}, 0
    while size != len(linked):
        size = len(linked)
        linked |= {edge.target for edge in walk.edges if edge.source in linked}
    return linked


def _dead_ends(walk: Walk, reached: dict[Place, Path]) -> Iterator[Finding]:
    states = {state.id: (number, state) for number, state in enumerate(walk.flow.states)}
    told: set[str] = set()
    sure = walk.places(certain=True)
    for place in reached:
        number, state = states[place.state]
        has_way = any(edge.target != place.state for edge, _, _ in walk.leave(place))
        has_steps = any(e.source == place.state and e.target != place.state for e in walk.edges)
        if state.final or has_way or not has_steps or place.state in told or place not in sure:
            continue
        told.add(place.state)
        path = sure[place]
        said = (
            f"state {place.state!r} is a dead end: no guard of a transition out of it can be true "
            f"after {path_words(walk.flow.initial, path)}"
        )
        yield Finding("QT315", said, ("states", number, "id"), steps=_ids(path))


def _without_actor(walk: Walk, reached: dict[Place, Path]) -> Iterator[Finding]:
    states = {place.state for place in reached}
    for number, state in enumerate(walk.flow.states):
        steps = [e.step for e in walk.edges if e.source == state.id and e.target != state.id]
        if state.id in states and steps and not any(map(walk.has_actor, steps)):
            roles = any_of(role for step in steps for role in step.roles)
            said = (
                f"nobody can lead state {state.id!r} on: no role of its transitions ({roles}) has "
                "the right to make transitions"
            )
            yield Finding("QT316", said, ("states", number, "id"))
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
    approving = {state.id for state in walk.flow.states if state.status == "released"}
    told: set[str] = set()
    for path in _lone_paths(walk):
        last = path[-1]
        is_approval = last.step.signature is not None and last.target in approving
        if not is_approval or last.step.id in accepted | told or len(path) < 2:
            continue
        told.add(last.step.id)
        said = (
            f"one person can do the work and approve it: {path_words(walk.flow.initial, path)}; "
            f"give {last.step.id!r} 'not_same_as', or accept it with a reason under 'verify'"
        )
        where: Where = ("transitions", last.number, "signature")
        yield Finding("QT317", said, where, "warning", _ids(path))


def _lone_paths(walk: Walk) -> Iterator[Path]:
    """Give paths that one role can walk without meeting `not_same_as`, the shortest first."""
    named = {name for step in walk.flow.transitions for name in step.not_same_as}
    paths: list[Path] = []
    for role in sorted({role for step in walk.flow.transitions for role in step.roles}):
        edges = [e for e in walk.edges if role in e.step.roles and not walk.is_dead(e.step)]
        start: tuple[str, frozenset[str]] = (walk.flow.initial, frozenset())
        reached: dict[tuple[str, frozenset[str]], Path] = {start: ()}
        queue = [start]
        for here in queue:
            for edge in edges:
                if edge.source != here[0] or here[1] & set(edge.step.not_same_as):
                    continue
                after = (edge.target, here[1] | ({edge.step.id} & named))
                paths.append((*reached[here], edge))
                if after not in reached:
                    reached[after] = paths[-1]
                    queue.append(after)
    return iter(sorted(paths, key=len))


def _ids(path: Path) -> tuple[str, ...]:
    return tuple(edge.step.id for edge in path)
