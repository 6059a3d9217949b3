"""Each kind of property as something to watch for on paths.

It must not know how paths are walked, nor how a verdict is reported.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Literal

from qtcore.definitions.properties import (
    AlwaysPasses,
    Before,
    DistinctPersons,
    Never,
    Point,
    RequiresRule,
)
from qtcore.definitions.workflows import Transition, WorkflowDefinition
from qtcore.engines.proofs.paths import Edge, Memory, Walk, Watch
from qtcore.engines.proofs.setting import Instant, Outcome

Verdict = tuple[Outcome, str]
_FINE: Verdict = ("impossible", "")
_BAD: Verdict = ("possible", "")
_Moment = tuple[Literal["state", "transition"], str]


def list_targets(flow: WorkflowDefinition, to: Iterable[str], may: str | None) -> frozenset[str]:
    """Give the states a claim is about."""
    return frozenset(to) | {state.id for state in flow.states if may and may in state.may}


def watch_passing(
    targets: frozenset[str],
    carries: Callable[[Transition], bool],
    *,
    once: bool,
    since: Iterable[str] = (),
) -> Watch[bool]:
    """Watch for entering a target without having passed what it demands."""

    renewing = frozenset(since)

    def advance(has_passed: bool, edge: Edge) -> bool:
        if edge.step.id in renewing:
            return carries(edge.step)
        if not once and edge.source in targets and edge.target not in targets:
            return False
        return has_passed or carries(edge.step)

    def is_bad(has_passed: bool, edge: Edge, _: Memory) -> Verdict:
        is_entry = edge.target in targets and edge.source not in targets
        still = has_passed and edge.step.id not in renewing
        return _BAD if is_entry and not (still or carries(edge.step)) else _FINE

    return Watch(False, advance, is_bad)


def carries_all(body: AlwaysPasses) -> Callable[[Transition], bool]:
    """Say whether a transition carries everything that must be passed."""

    def carries(step: Transition) -> bool:
        if body.transition is not None and step.id != body.transition:
            return False
        if body.gate is not None and step.gate != body.gate:
            return False
        return body.signature is None or _is_signed(step, body.signature)

    return carries


def carries_rule(walk: Walk, body: RequiresRule) -> Callable[[Transition], bool]:
    """Say whether the gate of a transition judges the rule, and is stopped by it."""
    gates = {
        gate
        for gate, rules in walk.setting.gates.items()
        if any(rule.id == body.rule and rule.is_binding for rule in rules)
    }
    return lambda step: step.gate in gates


def watch_never(walk: Walk, body: Never) -> Watch[bool]:
    """Watch for a state or transition that must not happen, or not then."""

    def happens(moment: _Moment, edge: Edge) -> bool:
        if body.transition is None:
            return moment == ("state", body.state)
        at = body.state is None or edge.source == body.state
        return moment == ("transition", body.transition) and at

    def advance(is_watched: bool, edge: Edge) -> bool:
        return is_watched or any(_is_at(body.after, moment) for moment in _moments(edge))

    def is_bad(is_watched: bool, edge: Edge, memory: Memory) -> Verdict:
        for moment in _moments(edge):
            if is_watched and happens(moment, edge):
                return _judge_when(walk, edge, memory, body.when)
            is_watched = is_watched or _is_at(body.after, moment)
        return _FINE

    starts = body.after is None or _is_at(body.after, ("state", walk.flow.initial))
    return Watch(starts, advance, is_bad)


def watch_before(flow: WorkflowDefinition, body: Before) -> Watch[bool]:
    """Watch for `then` while `first` has not happened."""

    def advance(has_happened: bool, edge: Edge) -> bool:
        return has_happened or any(_is_at(body.first, moment) for moment in _moments(edge))

    def is_bad(has_happened: bool, edge: Edge, _: Memory) -> Verdict:
        for moment in _moments(edge):
            if not has_happened and _is_at(body.then, moment):
                return _BAD
            has_happened = has_happened or _is_at(body.first, moment)
        return _FINE

    return Watch(_is_at(body.first, ("state", flow.initial)), advance, is_bad)


def watch_persons(body: DistinctPersons) -> Watch[frozenset[str]]:
    """Watch for a step that somebody may make who made one of the others before.

    The engine compares its actor with the makers of all earlier steps that `not_same_as` names,
    and with nobody else: without the name, one person can make both.
    """
    others = frozenset(body.other_than)

    def advance(made: frozenset[str], edge: Edge) -> frozenset[str]:
        return made | ({edge.step.id} & others)

    def is_bad(made: frozenset[str], edge: Edge, _: Memory) -> Verdict:
        enters = edge.target in body.to and edge.source not in body.to
        if not (enters or edge.step.id == body.transition):
            return _FINE
        free = sorted(made - set(edge.step.not_same_as))
        note = f"the same person may make {' and '.join([*free[:1], edge.step.id])}"
        return ("possible", note) if free else _FINE

    return Watch(frozenset(), advance, is_bad)


def starts_in(initial: str, targets: Iterable[str]) -> bool:
    """Say whether the claim is broken before the first step."""
    return initial in set(targets)


def _is_signed(step: Transition, sought: Any) -> bool:
    demand = step.signature
    if demand is None:
        return False
    if sought.meaning is not None and demand.meaning != sought.meaning:
        return False
    # Who signs is who acts, and holds a role of each list; one list inside those sought suffices.
    wanted = set(sought.roles)
    return not wanted or any(roles and set(roles) <= wanted for roles in (demand.roles, step.roles))


def _judge_when(walk: Walk, edge: Edge, memory: Memory, when: str | None) -> Verdict:
    if when is None:
        return _BAD
    guard = (edge.step.guard,) if edge.step.guard else ()
    rules = walk.setting.gates.get(edge.step.gate or "", ())
    checks = tuple(rule.check for rule in rules if rule.check is not None)
    outcome = walk.decide(memory | {Instant((*guard, when), checks)})
    if outcome == "undecided":
        return outcome, f"it is not known whether {edge.step.id} can happen when {when}"
    return outcome, f"{edge.step.id} can happen when {when}"


def _moments(edge: Edge) -> Iterator[_Moment]:
    """Give what happens when an edge is taken: it is made, then the state is entered."""
    yield "transition", edge.step.id
    yield "state", edge.target


def _is_at(point: Point | None, moment: _Moment) -> bool:
    if point is None:
        return False
    what, name = moment
    return name == (point.state if what == "state" else point.transition)
