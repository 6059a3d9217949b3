"""A life cycle together with its words in one language, ready to be drawn.

It must not draw anything.
"""

from qtcore.definitions.workflows import WorkflowDefinition
from qtcore.engines.diagrams import Labels
from qtcore.engines.proofs import Tongue
from qtcore.registry.registry import Registry


def describe_workflow(
    registry: Registry, name: str, language: str = "en"
) -> tuple[WorkflowDefinition, Labels]:
    """Give a workflow and its labels; NotFound names those that exist."""
    return label_flow(registry, registry.get("workflows", name), language)


def tongue_of(registry: Registry, flow: WorkflowDefinition, language: str = "en") -> Tongue:
    """Give the names of a life cycle's parts, for sentences about it."""
    _, labels = label_flow(registry, flow, language)
    names = {f"states.{name}": text for name, text in labels.states.items()}
    names |= {f"transitions.{name}": text for name, text in labels.transitions.items()}
    for role in registry.list("roles"):
        names[f"roles.{role.id}"] = registry.find_text(f"roles.{role.id}", language) or role.id
    meanings = {step.signature.meaning for step in flow.transitions if step.signature is not None}
    for meaning in meanings:
        found = registry.find_text(f"signatures.{meaning}", language)
        names[f"signatures.{meaning}"] = found or meaning
    return Tongue(language, names)


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
