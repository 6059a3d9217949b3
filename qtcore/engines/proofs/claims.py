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
from qtcore.engines.proofs.moves import Edge, Memory
from qtcore.engines.proofs.paths import Walk, Watch
from qtcore.engines.proofs.setting import Instant, Outcome
from qtcore.engines.proofs.words import All, AnyOf, Named, Said

Verdict = tuple[Outcome, Said | None]
_FINE: Verdict = ("impossible", None)
_BAD: Verdict = ("possible", None)
_Moment = tuple[Literal["state", "transition"], str]


def list_targets(flow: WorkflowDefinition, to: Iterable[str], may: str | None) -> frozenset[str]:
    """Give the states a claim is about."""
    return frozenset(to) | {
        state.id for state in flow.all_states if may and may in state.may and not state.history
    }


def watch_passing(
    targets: frozenset[str],
    carries: Callable[[Transition], bool],
    *,
    once: bool,
    since: Iterable[str] = (),
) -> Watch[bool]:
    """Watch for entering a target without having passed what it demands."""

    renewing = frozenset(since)

    def renews(edge: Edge) -> bool:
        return any(step.id in renewing for step in edge.steps)

    def is_carried(edge: Edge) -> bool:
        return any(carries(step) for step in edge.steps)

    def advance(has_passed: bool, edge: Edge) -> bool:
        if renews(edge):
            return is_carried(edge)
        if not once and targets & edge.before and not targets & edge.after:
            return False
        return has_passed or is_carried(edge)

    def is_bad(has_passed: bool, edge: Edge, _: Memory) -> Verdict:
        is_entry = targets & edge.after and not targets & edge.before
        still = has_passed and not renews(edge)
        return _BAD if is_entry and not (still or is_carried(edge)) else _FINE

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
    return lambda step: step.gate in gates or body.rule in step.rules


def watch_never(walk: Walk, body: Never) -> Watch[bool]:
    """Watch for a state or transition that must not happen, or not then."""

    def happens(moment: _Moment, edge: Edge) -> bool:
        if body.transition is None:
            return moment == ("state", body.state)
        at = body.state is None or body.state in edge.before
        return moment == ("transition", body.transition) and at

    def advance(is_watched: bool, edge: Edge) -> bool:
        return is_watched or any(_is_at(body.after, moment) for moment in _moments(edge))

    def is_bad(is_watched: bool, edge: Edge, memory: Memory) -> Verdict:
        for moment in _moments(edge):
            if is_watched and happens(moment, edge):
                return _judge_when(walk, edge, memory, body.when)
            is_watched = is_watched or _is_at(body.after, moment)
        return _FINE

    starts = body.after is None or any(_is_at(body.after, m) for m in list_first(walk))
    return Watch(starts, advance, is_bad)


def watch_before(walk: Walk, body: Before) -> Watch[bool]:
    """Watch for `then` while `first` has not happened."""

    def advance(has_happened: bool, edge: Edge) -> bool:
        return has_happened or any(_is_at(body.first, moment) for moment in _moments(edge))

    def is_bad(has_happened: bool, edge: Edge, _: Memory) -> Verdict:
        for moment in _moments(edge):
            if not has_happened and _is_at(body.then, moment):
                return _BAD
            has_happened = has_happened or _is_at(body.first, moment)
        return _FINE

    return Watch(any(_is_at(body.first, m) for m in list_first(walk)), advance, is_bad)


def watch_persons(body: DistinctPersons) -> Watch[frozenset[str]]:
    """Watch for a step that somebody may make who made one of the others before.

    The engine compares its actor with the makers of all earlier steps that `not_same_as` names,
    and with nobody else: without the name, one person can make both.
    """
    others = frozenset(body.other_than)
    targets = frozenset(body.to)

    def advance(made: frozenset[str], edge: Edge) -> frozenset[str]:
        return made | {step.id for step in edge.steps if step.id in others}

    def is_bad(made: frozenset[str], edge: Edge, _: Memory) -> Verdict:
        enters = bool(targets & edge.after) and not targets & edge.before
        named = [step.id for step in edge.steps if step.id == body.transition]
        makers = edge.makers
        if not (enters or named) or not makers:
            return _FINE
        if any(step.different_from_all is True for step in makers):
            return _FINE
        if len(makers) > 1:
            # One act of one person makes them all at once.
            made |= {step.id for step in makers if step.id in others}
        barred = {name for step in makers for name in step.others}
        free = sorted(made - barred)
        last = named[0] if named else edge.steps[-1].id
        both = All(tuple(Named("transitions", name) for name in (*free[:1], last)))
        return ("possible", Said("same_person", (both,))) if free else _FINE

    return Watch(frozenset(), advance, is_bad)


def watch_unmade(body: DistinctPersons) -> Watch[bool]:
    """Watch for the step of `requires_distinct_persons` where nobody made any of the others."""
    others, targets = frozenset(body.other_than), frozenset(body.to)

    def advance(is_made: bool, edge: Edge) -> bool:
        return is_made or any(step.id in others for step in edge.steps)

    def is_bad(is_made: bool, edge: Edge, _: Memory) -> Verdict:
        enters = bool(targets & edge.after) and not targets & edge.before
        is_there = enters or any(step.id == body.transition for step in edge.steps)
        alone = Said(
            "nobody_made", (AnyOf(tuple(Named("transitions", n) for n in body.other_than)),)
        )
        return ("possible", alone) if is_there and not advance(is_made, edge) else _FINE

    return Watch(False, advance, is_bad)


def list_first(walk: Walk) -> list[_Moment]:
    """Give what happens before the first step: the first states are entered."""
    return [("state", name) for name in walk.begins.entered]


def begins_too_early(walk: Walk, body: Before) -> bool:
    """Say whether `then` is entered at the beginning, and `first` not before it."""
    for moment in list_first(walk):
        if _is_at(body.first, moment):
            return False
        if _is_at(body.then, moment):
            return True
    return False


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
    rules = [rule for step in edge.steps for rule in walk.setting.gates.get(step.gate or "", ())]
    checks = tuple(rule.check for rule in rules if rule.check is not None)
    asked = edge.instant
    instant = Instant((*asked.guards, when), checks, asked.refused)
    outcome = walk.decide(memory | {instant})
    made = All(tuple(Named("transitions", step.id) for step in edge.steps))
    key = "may_happen" if outcome == "undecided" else "can_happen"
    return outcome, Said(key, (made, when))


def _moments(edge: Edge) -> Iterator[_Moment]:
    """Give what happens when an edge is taken: it is made, then states are entered."""
    for step in edge.steps:
        yield "transition", step.id
    for name in edge.entered:
        yield "state", name


def _is_at(point: Point | None, moment: _Moment) -> bool:
    if point is None:
        return False
    what, name = moment
    return name == (point.state if what == "state" else point.transition)
