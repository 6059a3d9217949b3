"""What the life cycle of a record may see of the lot it is about.

It must not judge. A record about several lots shows none of them: whose fact would it be?
"""

from collections.abc import Mapping

from sqlmodel import Session, select

from qtcore.definitions.forms import FormDefinition
from qtcore.definitions.workflows import WorkflowDefinition
from qtcore.registry.registry import Registry
from qtcore.services.evaluation import compile_in
from qtcore.services.nodes import resolve
from qtcore.store.queries.nodes import NodeInfo
from qtcore.store.tables import Record, RecordLink


def lots_of_record(session: Session, tenant_id: int, record: Record) -> list[NodeInfo]:
    """List the lots a record is linked to, in the order they were linked."""
    links = session.exec(
        select(RecordLink.uid)
        .where(
            RecordLink.tenant_id == tenant_id,
            RecordLink.record_id == record.id,
            RecordLink.about == "lot",
        )
        .order_by(RecordLink.id)  # type: ignore[arg-type]
    ).all()
    return [resolve(session, tenant_id, uid) for uid in links if uid is not None]


def speaks_of_facts(registry: Registry, workflow: WorkflowDefinition) -> bool:
    """Say whether a guard of a record's life cycle names a fact, and no field, of that name."""
    scope, hidden = f"workflows:{workflow.id}", _step_fields(registry, workflow)
    for form in _record_forms(registry, workflow):
        hidden |= _fields(form)
    facts = {fact.id for fact in registry.list("facts")} - hidden
    guards = [step.guard for step in workflow.transitions if step.guard is not None]
    compiled = (compile_in(registry, guard, scope) for guard in guards)
    return any(not facts.isdisjoint(each.names) for each in compiled if each is not None)


def own_values(
    registry: Registry,
    flow: tuple[WorkflowDefinition, FormDefinition],
    values: Mapping[str, object],
    facts: Mapping[str, object],
) -> dict[str, object]:
    """Give the values of a record, and None for each empty field that hides a fact of its lot."""
    workflow, form = flow
    hidden = (_step_fields(registry, workflow) | _fields(form)) & facts.keys()
    return {**dict.fromkeys(sorted(hidden)), **values}


def _record_forms(registry: Registry, workflow: WorkflowDefinition) -> list[FormDefinition]:
    kinds = [r for r in registry.list("records") if r.workflow == workflow.id]
    return [registry.get("forms", kind.form) for kind in kinds]


def _step_fields(registry: Registry, workflow: WorkflowDefinition) -> set[str]:
    named = {step.form for step in workflow.transitions if step.form is not None}
    forms = [registry.find("forms", name) for name in sorted(named)]
    return {field for form in forms if form is not None for field in _fields(form)}


def _fields(form: FormDefinition) -> set[str]:
    return set(form.schema_.get("properties") or {})
