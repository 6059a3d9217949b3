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
    flow: WorkflowDefinition = registry.get("workflows", name)
    prefix = f"workflows.{flow.id}"
    return flow, Labels(
        registry.text(f"{prefix}.title", language),
        {
            s.id: registry.text(f"{prefix}.states.{s.id}", language)
            for s in flow.all_states
            if not s.history
        },
        {t.id: registry.text(f"{prefix}.transitions.{t.id}", language) for t in flow.transitions},
    )
