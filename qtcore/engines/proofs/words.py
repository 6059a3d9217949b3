"""Paths and claims as sentences that a person can follow.

It must not know how a path was found.
"""

from collections.abc import Iterable

from qtcore.definitions.properties import AlwaysPasses, Never, Point, Property
from qtcore.definitions.workflows import Transition
from qtcore.engines.proofs.moves import Edge


def path_words(initial: str, path: Iterable[Edge]) -> str:
    """Write a path: ``open --close by qa or qp [guard]--> closed``."""
    words = initial
    for edge in path:
        made = " and ".join(_step_words(step) for step in edge.steps)
        words += f" --{made}--> {edge.target}"
    return words


def _step_words(step: Transition) -> str:
    guard = f" [{step.guard}]" if step.guard else ""
    maker = "itself" if step.is_automatic else any_of(step.roles)
    return f"{step.id} by {maker}{guard}"


def any_of(names: Iterable[str]) -> str:
    """Join names with commas and a last "or"."""
    listed = list(dict.fromkeys(names))
    if len(listed) < 2:
        return "".join(listed)
    return f"{', '.join(listed[:-1])} or {listed[-1]}"


def claim_words(claim: Property) -> str:
    """Say what a property claims."""
    if claim.always_passes is not None:
        body = claim.always_passes
        anew = f" after {any_of(body.since)}" if body.since else ""
        target = target_words(body.to, body.may)
        return f"every path to {target} passes {passing_words(body)}{anew}"
    if claim.never is not None:
        return _never_words(claim.never)
    if claim.before is not None:
        return f"{point_words(claim.before.first)} before {point_words(claim.before.then)}"
    if claim.eventually_possible is not None:
        reach = claim.eventually_possible
        start = any_of(reach.from_) or "every state"
        return f"from {start} a way leads to {any_of(reach.to)}"
    if claim.requires_rule is not None:
        rule = claim.requires_rule
        return f"every path to {target_words(rule.to, rule.may)} is judged by rule {rule.rule}"
    if claim.requires_distinct_persons is not None:
        body_ = claim.requires_distinct_persons
        target = body_.transition or f"the step into {any_of(body_.to)}"
        return f"{target} is made by another person than {any_of(body_.other_than)}"
    same = claim.accepts_same_person
    return f"one person may do all up to {same.transition}" if same else ""


def target_words(states: Iterable[str], may: str | None) -> str:
    """Name the states that a claim is about."""
    return f"a state that may {may}" if may else any_of(states)


def passing_words(body: AlwaysPasses) -> str:
    """Name what must be passed."""
    parts = [f"transition {body.transition}"] if body.transition else []
    parts += [f"gate {body.gate}"] if body.gate else []
    if body.signature is not None:
        meaning = f" meaning {body.signature.meaning}" if body.signature.meaning else ""
        roles = f" by {any_of(body.signature.roles)}" if body.signature.roles else ""
        parts.append(f"a signature{meaning}{roles}")
    return " with ".join(parts)


def point_words(point: Point) -> str:
    """Name a moment."""
    return f"state {point.state}" if point.state else f"transition {point.transition}"


def _never_words(body: Never) -> str:
    state = f"state {body.state}" if body.state else ""
    step = f"transition {body.transition}" if body.transition else ""
    words = f"{step} from {state}" if state and step else state or step
    after = f" after {point_words(body.after)}" if body.after else ""
    when = f" when {body.when}" if body.when else ""
    return f"never {words}{after}{when}"
