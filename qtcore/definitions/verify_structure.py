"""What can be wrong inside a `verify:` property although every key is right.

It must not know whether a property holds, nor other definitions than its own life cycle.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from qtcore.definitions.mistakes import Mistake
from qtcore.definitions.problems import suggest
from qtcore.definitions.properties import PROPERTY_KINDS, Point, Property
from qtcore.definitions.source import Path
from qtcore.definitions.workflows import WorkflowDefinition

_STATES = ("to", "from_", "state")
_STEPS = ("transition", "other_than", "since")
_TARGETED = ("always_passes", "requires_rule", "requires_distinct_persons")


def check_verify(flow: WorkflowDefinition) -> Iterator[Mistake]:
    """Find properties that say nothing, or name states and transitions that are not there."""
    seen: set[str] = set()
    for number, claim in enumerate(flow.verify):
        path: Path = ("verify", number)
        if claim.id in seen:
            message = f"property {claim.id!r} is defined twice; every id is used once"
            yield Mistake("QT304", message, (*path, "id"))
        seen.add(claim.id)
        yield from _check_property(flow, claim, path)


def find_unknown_name(flow: WorkflowDefinition, claim: Property) -> str:
    """Give the first state or transition of a property that the life cycle does not have."""
    for mistake in _check_property(flow, claim, ()):
        return mistake.message
    return ""


def _check_property(flow: WorkflowDefinition, claim: Property, path: Path) -> Iterator[Mistake]:
    given = [kind for kind in PROPERTY_KINDS if getattr(claim, kind) is not None]
    if len(given) != 1:
        said = f"has {' and '.join(given)}" if given else "claims nothing"
        message = f"property {claim.id!r} {said}; give exactly one of {', '.join(PROPERTY_KINDS)}"
        yield Mistake("QT112", message, path)
        return
    body = getattr(claim, given[0])
    path = (*path, given[0])
    yield from _check_names(flow, body, path)
    yield from _check_target(given[0], body, path)
    for key in ("first", "then", "after"):
        point = getattr(body, key, None)
        if point is not None:
            yield from _check_point(flow, point, (*path, key))


def _check_names(flow: WorkflowDefinition, body: Any, path: Path) -> Iterator[Mistake]:
    states = [state.id for state in flow.all_states if not state.history]
    steps = [step.id for step in flow.transitions]
    for keys, known, what in ((_STATES, states, "state"), (_STEPS, steps, "transition")):
        for key in keys:
            held = getattr(body, key, None) or ()
            names = (
                [(held, ())] if isinstance(held, str) else [(n, (i,)) for i, n in enumerate(held)]
            )
            for name, at in names:
                if name not in known:
                    yield _unknown(name, known, what, (*path, key.rstrip("_"), *at))


def _check_target(kind: str, body: Any, path: Path) -> Iterator[Mistake]:
    if kind in _TARGETED:
        keys = [k for k in ("to", "may") if k in type(body).model_fields]
        keys += ["transition"] if kind == "requires_distinct_persons" else []
        if sum(bool(getattr(body, key)) for key in keys) != 1:
            message = f"{kind!r} needs a target; give exactly one of {', '.join(keys)}"
            yield Mistake("QT112", message, path)
    if kind == "always_passes" and not (body.transition or body.gate or body.signature):
        message = "'always_passes' names nothing to pass; give transition, gate or signature"
        yield Mistake("QT112", message, path)
    sought = body.signature if kind == "always_passes" else None
    if sought is not None and not (sought.meaning or sought.roles):
        message = "the signature is not described; give meaning, roles or both"
        yield Mistake("QT112", message, (*path, "signature"))
    if kind == "never" and not (body.state or body.transition):
        yield Mistake("QT112", "'never' names nothing; give state, transition or both", path)


def _check_point(flow: WorkflowDefinition, point: Point, path: Path) -> Iterator[Mistake]:
    if (point.state is None) == (point.transition is None):
        message = f"{path[-1]!r} is one moment; give either state or transition"
        yield Mistake("QT112", message, path)
        return
    yield from _check_names(flow, point, path)


def _unknown(word: str, known: Sequence[str], what: str, path: Path) -> Mistake:
    message = f"there is no {what} {word!r}; defined are: {', '.join(known) or 'none'}"
    return Mistake("QT130", message, path, suggest(word, known))
