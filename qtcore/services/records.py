"""Form-backed records: submitted, corrected with a reason, numbered, linked to what they are about.

It must not know what a kind of record means, nor how its states change.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any, Final

from sqlmodel import Session, select

from qtcore.context import Context
from qtcore.definitions.forms import FormDefinition
from qtcore.definitions.stored_states import allows
from qtcore.definitions.workflows import MOST_CHAINED, RecordDefinition, WorkflowDefinition
from qtcore.engines.ledger import canonical_bytes
from qtcore.engines.workflow import compile_workflow
from qtcore.errors import Conflict, Fault, InputRejected, Refusal, Refused
from qtcore.services.definitions import current_version
from qtcore.services.device_uses import cited_in, device_refusals
from qtcore.services.effects import Opening
from qtcore.services.form_values import read_form
from qtcore.services.lengths import MOST_TITLE, refuse_long
from qtcore.services.lot_changes import tell_findings
from qtcore.services.nodes import resolve
from qtcore.services.recall_planning import replan_notices
from qtcore.services.record_views import RecordView, get_record, seen_record, view_for
from qtcore.services.rights import Thing, require
from qtcore.services.sight import get_seen, things_of
from qtcore.services.site import Site
from qtcore.services.standing import act_opening
from qtcore.services.steps import is_exercise, record_subject, settle_record, sync_subject
from qtcore.services.veils import locked_faults, seen_form
from qtcore.store.tables import (
    Record,
    RecordLink,
    RecordRevision,
    StateChange,
)
from qtcore.store.unit import UnitOfWork

_TOLD: Final = ("kind", "number", "state", "title", "priority", "site")


@dataclass(frozen=True, slots=True)
class RecordInput:
    """What is submitted: the form's values, the lots it is about (any identifier), a title.

    Without a title the form's own field `title` is taken. `site` is where it is opened.
    """

    data: Mapping[str, Any]
    lots: Sequence[str] = ()
    title: str = ""
    site: str = ""


def submit_record(site: Site, context: Context, kind: str, entry: RecordInput) -> RecordView:
    """Open a record of a kind in the first state of its workflow.

    Raises NotFound for an unknown kind or lot, InputRejected with every fault of the form.
    """
    definition = _definition(site, kind)
    right = f"record.submit:{kind}"
    context = act_opening(site, context, right, definition.workflow)
    require(site, context, right)
    with site.store.read() as session:
        thing = _thing_to_open(site, context, session, (kind, entry.lots))
    require(site, context, right, thing=thing)
    values = check_values(site, context, definition, entry.data, thing=thing)
    refuse_long(f"no {kind} is opened", MOST_TITLE, title=entry.title)
    at = min(thing.sites) if len(thing.sites) == 1 else ""
    with site.store.write(context) as work:
        _require_fit(site, work, definition, values)
        record = write_record(site, work, definition, replace(entry, data=values, site=at))
        work.flush()
        settle_record(site, work, record, open_record)
        work.flush()
        return view_for(site, context, work.session, record)


def _thing_to_open(
    site: Site, context: Context, session: Session, asked: tuple[str, Sequence[str]]
) -> Thing:
    """Describe a record that is to be opened: it stands where its lots do, else where its author.

    Raises NotFound for a lot that this person does not see.
    """
    kind, lots = asked
    infos = [get_seen(site, context, session, lot) for lot in lots]
    sites = frozenset().union(*(t.sites for t in things_of(site, session, infos).values()))
    own = context.actor.own_sites if not lots and context.actor.is_bound else frozenset()
    return Thing(f"a new {kind}", kind, "", sites or own, context.actor.login, is_new=True)


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
        site=entry.site,
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
        details={name: getattr(record, name) for name in _TOLD},
    )
    if not is_exercise(record):
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
        view = seen_record(site, context, session, record, asked=record_id)
    right = f"record.submit:{record.kind}"
    require(site, context, right, about=record.uid, thing=view.thing)
    faults = []
    if not reason.strip():
        faults.append(Fault("QT451", "a correction needs the reason for the change", "reason"))
    if not allows(view.workflow, record.state, "edit"):
        faults.append(Fault("QT452", f"{record.number} is {record.state}: it cannot be edited", ""))
    if faults:
        raise InputRejected(f"{record.number} cannot be changed", faults)
    # What is hidden from this person was not sent, and stays as it is.
    kept = {name: record.data[name] for name in view.hidden & record.data.keys()}
    changed_fields = {n: v for n, v in data.items() if view.record.data.get(n) != v}
    faults = locked_faults(site, context, f"record:{record.kind}", changed_fields, thing=view.thing)
    if faults:
        raise InputRejected(f"{record.number} cannot be changed", faults)
    values = check_values(site, context, _definition(site, record.kind), {**data, **kept})
    with site.store.write(context) as work:
        row = get_record(site, work.session, record_id)
        if row.version != record.version:
            raise Conflict(f"{record.number} was changed meanwhile; read it again")
        changed = {
            name: (row.data.get(name), values.get(name))
            for name in sorted(row.data.keys() | values.keys())
            if row.data.get(name) != values.get(name)
        }
        newly = {name: value for name, (_, value) in changed.items()}
        _require_fit(site, work, _definition(site, record.kind), newly)
        work.change(row, data=dict(values), revision=row.revision + 1)
        work.flush()
        work.add(make_revision(work, row, reason=reason))
        work.log("record.correct", "record", row.uid, changes=changed, reason=reason)
        if not is_exercise(row):
            tell_findings(work, view.lots)
        work.flush()
        replan_notices(site, work, row)
        settle_record(site, work, row, open_record)
        work.flush()
        return view_for(site, context, work.session, row)


def _definition(site: Site, kind: str) -> RecordDefinition:
    definition: RecordDefinition = site.registry.get("records", kind)
    return definition


def check_values(
    site: Site,
    context: Context,
    definition: RecordDefinition,
    data: Mapping[str, Any],
    *,
    thing: Thing | None = None,
) -> dict[str, Any]:
    """Check the values of a form; raises InputRejected with every fault, returns JSON values.

    With the thing that is opened, also that every field is this person's to fill.
    """
    form: FormDefinition = site.registry.get("forms", definition.form)
    locked: list[Fault] = []
    if thing is not None:
        of = f"record:{definition.id}"
        locked = locked_faults(site, context, of, data, thing=thing)
        form = seen_form(form, site.registry.policy.locked_fields(context.actor, of, thing))
    if locked:
        raise InputRejected(f"the {definition.id} cannot be stored as filled in", locked)
    values, faults = read_form(site, context, form, data)
    if faults:
        raise InputRejected(f"the {definition.id} cannot be stored as filled in", faults)
    return values


def _require_fit(
    site: Site, work: UnitOfWork, definition: RecordDefinition, values: Mapping[str, Any]
) -> None:
    """Refuse values that are said to be told by a device which does not measure right today."""
    form: FormDefinition = site.registry.get("forms", definition.form)
    codes = cited_in(form.schema_, values)
    refusals = device_refusals(work.session, work.tenant_id, codes, work.context.at.date())
    if refusals:
        text = f"the {definition.id} is not stored as filled in: {refusals[0].message}"
        raise Refused(text, refusals)


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
