"""Form-backed records: submitted, corrected with a reason, numbered, linked to what they are about.

It must not know what a kind of record means, nor how its states change.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

from sqlmodel import Session, select

from qtcore.context import Context
from qtcore.definitions.forms import FormDefinition
from qtcore.definitions.stored_states import allows
from qtcore.definitions.workflows import MOST_CHAINED, RecordDefinition, WorkflowDefinition
from qtcore.engines.ledger import canonical_bytes
from qtcore.engines.workflow import compile_workflow
from qtcore.errors import Conflict, Fault, InputRejected, NotFound, Refusal, Refused
from qtcore.services.definitions import current_version, get_version
from qtcore.services.effects import Opening
from qtcore.services.form_values import read_form
from qtcore.services.lot_changes import tell_findings
from qtcore.services.manifestations import Manifestation, manifest
from qtcore.services.nodes import resolve
from qtcore.services.recall_planning import replan_notices
from qtcore.services.rights import require
from qtcore.services.site import Site
from qtcore.services.standing import act_opening
from qtcore.services.steps import record_subject, settle_record, sync_subject
from qtcore.services.timers import Deadline, deadlines_of
from qtcore.store.queries.records import StateChangeRow, state_changes_of
from qtcore.store.tables import (
    Node,
    Record,
    RecordLink,
    RecordRevision,
    Signature,
    StateChange,
)
from qtcore.store.unit import UnitOfWork


@dataclass(frozen=True, slots=True)
class RecordView:
    """A record as it is, with the versions of form and workflow it was written under."""

    record: Record
    form: FormDefinition
    form_version: int
    workflow: WorkflowDefinition
    lots: tuple[str, ...]
    revisions: tuple[RecordRevision, ...]
    changes: tuple[StateChangeRow, ...]
    signatures: tuple[Manifestation, ...]
    deadlines: tuple[Deadline, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Give the shape of the API."""
        record = self.record
        return {
            "record_id": record.uid,
            "kind": record.kind,
            "number": record.number,
            "title": record.title,
            "state": record.state,
            "priority": record.priority,
            "deadlines": [each.as_json() for each in self.deadlines],
            "revision": record.revision,
            "form_version": self.form_version,
            "data": record.data,
            "lots": list(self.lots),
            "opened_at": record.opened_at.isoformat(),
            "opened_by": record.opened_by,
            "transitions": [c.as_json() for c in self.changes],
            "signatures": [each.as_json() for each in self.signatures],
        }


@dataclass(frozen=True, slots=True)
class RecordInput:
    """What is submitted: the form's values, the lots it is about (any identifier), a title.

    Without a title the form's own field `title` is taken.
    """

    data: Mapping[str, Any]
    lots: Sequence[str] = ()
    title: str = ""


def submit_record(site: Site, context: Context, kind: str, entry: RecordInput) -> RecordView:
    """Open a record of a kind in the first state of its workflow.

    Raises NotFound for an unknown kind or lot, InputRejected with every fault of the form.
    """
    definition = _definition(site, kind)
    right = f"record.submit:{kind}"
    context = act_opening(site, context, right, definition.workflow)
    require(site, context, right)
    values = check_values(site, context, definition, entry.data)
    with site.store.write(context) as work:
        record = write_record(site, work, definition, replace(entry, data=values))
        work.flush()
        settle_record(site, work, record, open_record)
        work.flush()
        return view_record(site, work.session, record)


def write_record(
    site: Site,
    work: UnitOfWork,
    definition: RecordDefinition,
    entry: RecordInput,
) -> Record:
    """Write a new record inside a running unit of work; its data are checked JSON values."""
    workflow: WorkflowDefinition = site.registry.get("workflows", definition.workflow)
    infos = [resolve(work.session, work.tenant_id, lot) for lot in entry.lots]
    record = Record(
        tenant_id=work.tenant_id,
        id=work.key(),
        uid=work.new_uid(),
        kind=definition.id,
        number=_next_number(work, definition),
        title=(entry.title or str(entry.data.get("title", "")))[:300],
        state=compile_workflow(workflow).initial,
        workflow_version_id=_version(site, work, "workflows", definition.workflow),
        form_version_id=_version(site, work, "forms", definition.form),
        registry_fingerprint=site.registry.fingerprint,
        data=dict(entry.data),
        opened_at=work.context.at,
        opened_by=work.context.actor.login,
    )
    work.add(record)
    work.flush()
    work.add(
        *(
            RecordLink(
                tenant_id=work.tenant_id,
                id=work.key(),
                record_id=record.id,
                about="lot",
                node=info.node,
                uid=info.uid,
            )
            for info in infos
        ),
        make_revision(work, record, reason=""),
        _created(work, record),
    )
    work.log(
        "record.submit",
        "record",
        record.uid,
        changes={name: (None, value) for name, value in record.data.items()},
        about=[info.uid for info in infos],
        details={"kind": record.kind, "number": record.number, "state": record.state},
    )
    tell_findings(work, [info.uid for info in infos])
    work.flush()
    sync_subject(site, work, record_subject(work.session, work.tenant_id, record))
    return record


def open_record(site: Site, work: UnitOfWork, opening: Opening) -> Record:
    """Open a record that a step asks for; what it leaves empty is filled in by a person.

    Raises InputRejected when a value does not fit the form, Refused when too many records open each
    other: then the step is not made either.
    """
    if opening.depth >= MOST_CHAINED:
        text = f"more than {MOST_CHAINED} records would open each other in one step"
        fix = "give the automatic step that opens the next record a guard"
        refusal = Refusal("QT434", f"{text}; the last is a {opening.definition.id}", fix=fix)
        raise Refused(text, [refusal])
    form: FormDefinition = site.registry.get("forms", opening.definition.form)
    values, faults = read_form(site, work.context, form, opening.data)
    wrong = [fault for fault in faults if fault.code != "QT481"]
    if wrong:
        raise InputRejected(f"the {opening.definition.id} of this step cannot be opened", wrong)
    entry = RecordInput(values, opening.lots, opening.title)
    record = write_record(site, work, opening.definition, entry)

    def open_next(inner_site: Site, inner: UnitOfWork, following: Opening) -> Record:
        return open_record(inner_site, inner, replace(following, depth=opening.depth + 1))

    settle_record(site, work, record, open_next)
    return record


def correct_record(
    site: Site, context: Context, record_id: str, data: Mapping[str, Any], *, reason: str
) -> RecordView:
    """Change the values of a record; the old ones stay readable, earlier signatures are superseded.

    Raises InputRejected without a reason or in a state that may not be edited.
    """
    with site.store.read() as session:
        record = get_record(site, session, record_id)
        view = view_record(site, session, record)
    require(site, context, f"record.submit:{record.kind}", about=record.uid)
    faults = []
    if not reason.strip():
        faults.append(Fault("QT451", "a correction needs the reason for the change", "reason"))
    if not allows(view.workflow, record.state, "edit"):
        faults.append(Fault("QT452", f"{record.number} is {record.state}: it cannot be edited", ""))
    if faults:
        raise InputRejected(f"{record.number} cannot be changed", faults)
    values = check_values(site, context, _definition(site, record.kind), data)
    with site.store.write(context) as work:
        row = get_record(site, work.session, record_id)
        if row.version != record.version:
            raise Conflict(f"{record.number} was changed meanwhile; read it again")
        changed = {
            name: (row.data.get(name), values.get(name))
            for name in sorted(row.data.keys() | values.keys())
            if row.data.get(name) != values.get(name)
        }
        work.change(row, data=dict(values), revision=row.revision + 1)
        work.flush()
        work.add(make_revision(work, row, reason=reason))
        work.log("record.correct", "record", row.uid, changes=changed, reason=reason)
        tell_findings(work, view.lots)
        work.flush()
        replan_notices(site, work, row)
        settle_record(site, work, row, open_record)
        work.flush()
        return view_record(site, work.session, row)


def read_record(site: Site, context: Context, record_id: str) -> RecordView:
    """Read a record by its public id or number."""
    require(site, context, "record.read", about=record_id)
    with site.store.read() as session:
        return view_record(site, session, get_record(site, session, record_id))


def list_records(
    site: Site, context: Context, *, kind: str = "", state: str = "", limit: int = 50
) -> tuple[Record, ...]:
    """List records, newest first."""
    require(site, context, "record.read")
    query = select(Record).where(Record.tenant_id == site.store.tenant_id)
    if kind:
        query = query.where(Record.kind == kind)
    if state:
        query = query.where(Record.state == state)
    with site.store.read() as session:
        return tuple(
            session.exec(query.order_by(Record.id.desc()).limit(limit)).all()  # type: ignore[attr-defined]
        )


def get_record(site: Site, session: Session, record_id: str) -> Record:
    """Get a record row by public id or number; raises NotFound."""
    found = session.exec(
        select(Record).where(
            Record.tenant_id == site.store.tenant_id,
            (Record.uid == record_id) | (Record.number == record_id),
        )
    ).first()
    if found is None:
        raise NotFound(f"there is no record {record_id!r}; give its number such as DEV-2026-0001")
    return found


def view_record(site: Site, session: Session, record: Record) -> RecordView:
    """Read a record with the definitions it is pinned to, not the newest ones."""
    tenant = site.store.tenant_id
    form = get_version(session, tenant, record.form_version_id)
    workflow = get_version(session, tenant, record.workflow_version_id)
    lots = session.exec(
        select(Node.uid)
        .join(
            RecordLink,
            (RecordLink.tenant_id == Node.tenant_id) & (RecordLink.node == Node.node),  # type: ignore[arg-type]
        )
        .where(RecordLink.tenant_id == tenant, RecordLink.record_id == record.id)
    ).all()
    revisions = session.exec(
        select(RecordRevision)
        .where(RecordRevision.tenant_id == tenant, RecordRevision.record_id == record.id)
        .order_by(RecordRevision.revision)  # type: ignore[arg-type]
    ).all()
    signatures = session.exec(
        select(Signature)
        .where(Signature.tenant_id == tenant, Signature.subject_uid == record.uid)
        .order_by(Signature.id)  # type: ignore[arg-type]
    ).all()
    flow = WorkflowDefinition.model_validate(workflow.body)
    return RecordView(
        record=record,
        form=FormDefinition.model_validate(form.body),
        form_version=form.number,
        workflow=flow,
        lots=tuple(lots),
        revisions=tuple(revisions),
        changes=tuple(state_changes_of(session, tenant, record.uid)),
        signatures=manifest(site, session, signatures),
        deadlines=deadlines_of(session, tenant, record.uid, flow),
    )


def _definition(site: Site, kind: str) -> RecordDefinition:
    definition: RecordDefinition = site.registry.get("records", kind)
    return definition


def check_values(
    site: Site, context: Context, definition: RecordDefinition, data: Mapping[str, Any]
) -> dict[str, Any]:
    """Check the values of a form; raises InputRejected with every fault, returns JSON values."""
    form: FormDefinition = site.registry.get("forms", definition.form)
    values, faults = read_form(site, context, form, data)
    if faults:
        raise InputRejected(f"the {definition.id} cannot be stored as filled in", faults)
    return values


def _version(site: Site, work: UnitOfWork, kind: str, name: str) -> int:
    key = current_version(work.session, work.tenant_id, kind, name, number=site.version)
    if key is None:
        raise Conflict(
            f"{kind} {name!r} is not published yet; run `qtcore db upgrade`", code="QT453"
        )
    return key


def _next_number(work: UnitOfWork, definition: RecordDefinition) -> str:
    prefix = f"{definition.number}-{work.context.at:%Y}-"
    last = work.session.exec(
        select(Record.number)
        .where(Record.tenant_id == work.tenant_id, Record.number.startswith(prefix))
        .order_by(Record.number.desc())  # type: ignore[attr-defined]
    ).first()
    return f"{prefix}{int(last.removeprefix(prefix)) + 1 if last else 1:05d}"


def make_revision(work: UnitOfWork, record: Record, *, reason: str) -> RecordRevision:
    """Make the row of what a record says now; the caller adds it."""
    return RecordRevision(
        tenant_id=work.tenant_id,
        id=work.key(),
        record_id=record.id,
        revision=record.revision,
        form_version_id=record.form_version_id,
        data=dict(record.data),
        content_sha256=sha256(canonical_bytes(record.data)).hexdigest(),
        recorded_at=work.context.at,
        recorded_by=work.context.actor.login,
        reason=reason,
    )


def _created(work: UnitOfWork, record: Record) -> StateChange:
    return StateChange(
        tenant_id=work.tenant_id,
        id=work.key(),
        uid=work.new_uid(),
        subject_kind="record",
        subject_uid=record.uid,
        number=1,
        transition="create",
        from_state="",
        to_state=record.state,
        person_id=work.context.actor.person_id,
        actor=work.context.actor.login,
        stands_for=sorted(work.context.actor.stands_for),
        acting_for=", ".join(work.context.actor.acting_for)[:400],
        workflow_version_id=record.workflow_version_id,
        at=work.context.at,
    )
