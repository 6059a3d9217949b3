"""A life cycle together with its words in one language, ready to be drawn.

It must not draw anything.
"""

from qtcore.definitions.workflows import WorkflowDefinition
from qtcore.engines.diagrams import Labels
from qtcore.registry.registry import Registry


def describe_workflow(
    registry: Registry, name: str, language: str = "en"
) -> tuple[WorkflowDefinition, Labels]:
    """Give a workflow and its labels; NotFound names those that exist."""
    return label_flow(registry, registry.get("workflows", name), language)


def label_flow(
    registry: Registry, flow: WorkflowDefinition, language: str = "en"
) -> tuple[WorkflowDefinition, Labels]:
    """Give a workflow, which may be a draft, with the labels that its id has here."""
    prefix = f"workflows.{flow.id}"
    return flow, Labels(
        registry.find_text(f"{prefix}.title", language) or flow.id,
        {
            s.id: registry.find_text(f"{prefix}.states.{s.id}", language) or s.id
            for s in flow.all_states
            if not s.history
        },
        {
            t.id: registry.find_text(f"{prefix}.transitions.{t.id}", language)
            or t.id.replace("_", " ")
            for t in flow.transitions
        },
    )
