"""What the stored text of a state means: which states it names, what they allow, how they look.

It must not know records, lots or transitions being made. A text of another version names nothing.
"""

from qtcore.definitions.statechart import build_chart
from qtcore.definitions.workflows import State, WorkflowDefinition


def states_in(flow: WorkflowDefinition, text: str) -> tuple[State, ...]:
    """Give the innermost states that are active; nothing when the text is not one of this flow."""
    if "/" not in text:
        flat = next((state for state in flow.states if state.id == text), None)
        if flat is not None and not flat.states:
            return (flat,)
    chart = build_chart(flow)
    try:
        active = chart.read(text)
    except KeyError:
        return ()
    return tuple(chart.states[name] for name in chart.leaves(active))


def active_in(flow: WorkflowDefinition, text: str) -> frozenset[str]:
    """Give all active states with those around them."""
    try:
        return build_chart(flow).read(text)
    except KeyError:
        return frozenset()


def status_in(flow: WorkflowDefinition, text: str) -> str:
    """Give the status that stands for the whole: of the state itself, or around all regions."""
    found = states_in(flow, text)
    if not found:
        return "draft"
    if len(found) == 1:
        return found[0].status
    chart = build_chart(flow)
    shared = set.intersection(*(set(chart.above(state.id)) for state in found))
    nearest = next(name for name in chart.above(found[0].id) if name in shared)
    return chart.states[nearest].status


def allows(flow: WorkflowDefinition, text: str, ability: str) -> bool:
    """Say whether every active region lets its subject do that."""
    found = states_in(flow, text)
    return bool(found) and all(ability in state.may for state in found)


def is_final(flow: WorkflowDefinition, text: str) -> bool:
    """Say whether the life cycle has come to its end."""
    chart = build_chart(flow)
    return chart.is_over(active_in(flow, text))


def named_in(text: str) -> frozenset[str]:
    """Give the states that a text names: the outermost and the innermost ones."""
    return frozenset(text.replace("/", "+").split("+"))
