"""A life cycle as a reader sees it, published or in a draft: its picture, parts and proofs.

It must not prove or draw anything itself, nor change a draft.
"""

from dataclasses import dataclass

from qtcore.context import Context
from qtcore.definitions.workflows import WorkflowDefinition
from qtcore.engines.diagrams import Changes, Labels, compare_flows
from qtcore.engines.proofs import Report, Tongue
from qtcore.registry.pictures import label_flow, tongue_of
from qtcore.registry.registry import Registry
from qtcore.registry.stored import compile_configuration
from qtcore.registry.verification import prove_one
from qtcore.services.drafts import read_draft
from qtcore.services.rights import require
from qtcore.services.site import Site, registry_at


@dataclass(frozen=True, slots=True)
class WorkflowView:
    """One life cycle. `drawn` holds also what a draft removes from it, marked in `changes`."""

    drawn: WorkflowDefinition
    labels: Labels
    changes: Changes
    report: Report
    tongue: Tongue
    registry: Registry


def view_workflow(site: Site, context: Context, name: str, draft_id: str = "") -> WorkflowView:
    """Show a life cycle in force, or as a draft would have it, with what the draft changes.

    Raises NotFound with the names there are, DefinitionsRejected for a draft without a sound base.
    """
    require(site, context, "definition.read")
    registry, before = site.registry, None
    if draft_id:
        draft = read_draft(site, context, draft_id)
        registry = compile_configuration(draft.configuration, is_draft=True).get_registry()
        with site.store.read() as session:
            before = registry_at(site, session, draft.row.base)
    flow: WorkflowDefinition = registry.get("workflows", name)
    old: WorkflowDefinition | None = before.find("workflows", name) if before else None
    drawn, changes = compare_flows(old, flow) if old else (flow, Changes())
    _, labels = label_flow(registry, drawn, context.language)
    tongue = tongue_of(registry, drawn, context.language)
    return WorkflowView(drawn, labels, changes, prove_one(registry, name), tongue, registry)


def list_workflows(site: Site, context: Context) -> tuple[WorkflowDefinition, ...]:
    """List the life cycles in force."""
    require(site, context, "definition.read")
    return tuple(site.registry.list("workflows"))
