"""Steps of life cycles as rows: state, state changes, signatures, effects, one ledger event each.

It must not decide whether a step is made; see `qtcore.services.transitions`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlmodel import Session, select

from qtcore.context import SYSTEM_LOGIN, Context
from qtcore.definitions.statechart import build_chart
from qtcore.definitions.stored_states import is_final
from qtcore.definitions.workflows import RECALL, Transition, WorkflowDefinition
from qtcore.engines.forms import from_json_values
from qtcore.engines.workflow import Attempt, Leg, Lifecycle, Moved, advance, compile_workflow
from qtcore.errors import NotFound, Refusal, Refused
from qtcore.services.decisions import Trail, write_decision
from qtcore.services.definitions import form_at, lifecycle_at, workflow_at
from qtcore.services.effects import OpenRecord, Origin, needs_turn, run_effects
from qtcore.services.evaluation import evaluator
from qtcore.services.evidence import LotEvidence, read_evidence
from qtcore.services.facts import gather_facts
from qtcore.services.nodes import resolve
from qtcore.services.record_lots import lots_of_record, own_values, speaks_of_facts
from qtcore.services.sight import thing_of_lot, thing_of_record
from qtcore.services.sign_proofs import Proven
from qtcore.services.sign_steps import Signed, step_contents
from qtcore.services.signing import write_signature
from qtcore.services.site import Site
from qtcore.services.timers import Clocked, sync_timers
from qtcore.services.veils import require_sight
from qtcore.store.queries.nodes import NodeInfo
from qtcore.store.queries.records import StateChangeRow, state_changes_of
from qtcore.store.tables import Record, StateChange
from qtcore.store.unit import UnitOfWork


@dataclass(frozen=True, slots=True)
class Subject:
    """A lot or record with the life cycle it is pinned to, and the steps it made so far.

    `evidence` is what its facts are read from, where that was read before.
    """

    kind: str
    row: NodeInfo | Record
    uid: str
    name: str
    workflow: WorkflowDefinition
    history: tuple[StateChangeRow, ...]
    info: NodeInfo | None = None
    evidence: LotEvidence | None = None

    @property
    def revision(self) -> int:
        """The revision of its content: that is what a signature is bound to."""
        return self.row.revision if isinstance(self.row, Record) else self.row.version

    @property
    def about(self) -> tuple[str, ...]:
        """The lots that the ledger event is about."""
        return (self.uid,) if self.info is not None else ()

    @property
    def origin(self) -> Origin:
        """What effects see of it."""
        if isinstance(self.row, Record):
            return Origin("record", self.uid, self.name, None, self.row.data)
        info = self.info
        values = {**info.extra, "lot_no": info.lot_no, "item": info.item_code} if info else {}
        return Origin("lot", self.uid, self.name, info.node if info else None, values)

    def visited(self) -> tuple[str, ...]:
        """List the states before this one: bookmarks are filled from them."""
        if not build_chart(self.workflow).bookmarks:
            return ()
        return tuple(row.from_state for row in self.history if row.from_state)


@dataclass(frozen=True, slots=True)
class Note:
    """What stands beside a step: the reason, what rules said, what was filled in, who signs."""

    reason: str = ""
    verdicts: Sequence[Mapping[str, Any]] = ()
    values: Mapping[str, Any] = field(default_factory=dict)
    expected_version: int | None = None
    trail: Trail | None = None
    proven: Proven | None = None


def record_subject(session: Session, tenant_id: int, record: Record) -> Subject:
    """Read a record as the subject of a step."""
    workflow = workflow_at(session, tenant_id, record.workflow_version_id)
    history = tuple(state_changes_of(session, tenant_id, record.uid))
    return Subject("record", record, record.uid, record.number, workflow, history)


def lifecycle_of(work: UnitOfWork, found: Subject) -> Lifecycle:
    """Give the life cycle of a lot or record, compiled."""
    key = found.row.workflow_version_id
    if key is None:
        return compile_workflow(found.workflow)
    return lifecycle_at(work.session, work.tenant_id, key)


def record_facts(session: Session, tenant_id: int, record: Record) -> dict[str, object]:
    """Give what guards see of a record: the fields of its form, as they were entered."""
    form = form_at(session, tenant_id, record.form_version_id)
    return dict(from_json_values(form.schema_, record.data))


def find_subject(site: Site, session: Session, subject: tuple[str, str]) -> Subject:
    """Read a lot or record by its public id as the subject of a step."""
    (kind, uid), tenant_id = subject, site.store.tenant_id
    if kind == "record":
        record = session.exec(
            select(Record).where(Record.tenant_id == tenant_id, Record.uid == uid)
        ).one()
        return record_subject(session, tenant_id, record)
    return lot_subject(site, session, resolve(session, tenant_id, uid))


def lot_subject(site: Site, session: Session, info: NodeInfo) -> Subject:
    """Read a lot as the subject of a step; NotFound for what is no lot."""
    workflow = workflow_of_lot(site, session, info)
    history = tuple(state_changes_of(session, site.store.tenant_id, info.uid))
    return Subject("lot", info, info.uid, f"lot {info.lot_no}", workflow, history, info)


def workflow_of_lot(site: Site, session: Session, info: NodeInfo) -> WorkflowDefinition:
    """Give the life cycle a lot is pinned to, or the one that serves; NotFound for no lot."""
    if info.kind != "lot":
        raise NotFound(f"{info.uid!r} is a {info.kind}; only lots and records have a life cycle")
    if info.workflow_version_id is not None:
        return workflow_at(session, site.store.tenant_id, info.workflow_version_id)
    found: WorkflowDefinition = site.registry.get("workflows", "lot")
    return found


def subject_facts(site: Site, work: UnitOfWork, found: Subject) -> dict[str, object]:
    """Give what guards see of a lot or record: of a record also the facts of its one lot."""
    if isinstance(found.row, Record):
        return _facts_beside(site, work, found, found.row)
    if found.info is None:
        return {}
    return gather_facts(site, read_evidence(site, work.session, found.info, work.context.at.date()))


def _facts_beside(
    site: Site, work: UnitOfWork, found: Subject, record: Record
) -> dict[str, object]:
    own = record_facts(work.session, work.tenant_id, record)
    if not speaks_of_facts(site.registry, found.workflow):
        return own
    lots = lots_of_record(work.session, work.tenant_id, record)
    if len(lots) != 1:
        return own
    facts = gather_facts(site, read_evidence(site, work.session, lots[0], work.context.at.date()))
    return facts_in_guards(facts, values_over(site, work.session, found, facts))


def values_over(
    site: Site, session: Session, found: Subject, facts: Mapping[str, object]
) -> dict[str, object]:
    """Give the values of a record as they lie over the facts of its lot."""
    if not isinstance(found.row, Record):
        return {}
    tenant = site.store.tenant_id
    form = form_at(session, tenant, found.row.form_version_id)
    values = record_facts(session, tenant, found.row)
    return own_values(site.registry, (found.workflow, form), values, facts)


def facts_in_guards(facts: Mapping[str, object], own: Mapping[str, object]) -> dict[str, object]:
    """Lay values over facts; an empty field hides the fact of its name."""
    return {name: value for name, value in {**facts, **own}.items() if value is not None}


def is_exercise(row: NodeInfo | Record) -> bool:
    """Say whether something is a mock recall, which has no effects: nobody is told of it."""
    return isinstance(row, Record) and row.kind == RECALL and bool(row.data.get("mock"))


def sync_subject(site: Site, work: UnitOfWork, found: Subject) -> None:
    """Make the deadlines of a lot or record those of its state; an exercise has none."""
    key = found.row.workflow_version_id
    if not found.workflow.timers or key is None or is_exercise(found.row):
        return
    values = found.row.data if isinstance(found.row, Record) else {}
    clocked = Clocked(found.kind, found.uid, found.workflow, key, found.row.state, values)
    sync_timers(site, work, clocked)


def settle_record(site: Site, work: UnitOfWork, record: Record, open_record: OpenRecord) -> bool:
    """Make what a record's life cycle does by itself, now that its facts are what they are."""
    found = record_subject(work.session, work.tenant_id, record)
    sync_subject(site, work, found)
    if not any(step.is_automatic for step in found.workflow.transitions):
        return False
    facts = subject_facts(site, work, found)
    attempt = Attempt("", "", facts=facts, visited=found.visited())
    evaluate = evaluator(site.registry, f"workflows:{found.workflow.id}")
    moved = advance(lifecycle_of(work, found), record.state, attempt, evaluate)
    if moved is None:
        return False
    write_step(site, work, found, (moved, Note()), open_record=open_record)
    return True


def write_step(
    site: Site,
    work: UnitOfWork,
    found: Subject,
    decided: tuple[Moved, Note],
    *,
    open_record: OpenRecord,
) -> None:
    """Write a step that was decided, with all that followed by itself, in this transaction."""
    moved, note = decided
    if needs_turn(moved):
        work.take_turn()
    state = found.row.state
    values: dict[str, Any] = {"state": moved.to_state}
    if isinstance(found.row, Record) and is_final(found.workflow, moved.to_state):
        values["closed_at"] = work.context.at
    _sign(site, work, found, decided)
    if isinstance(found.row, Record):
        work.change(found.row, expected=note.expected_version, **values)
    else:
        row = work.move_lot(found.row, moved.to_state, expected=note.expected_version)
        found = replace(found, row=row, info=row)
    written: list[dict[str, Any]] = []
    for at, leg in enumerate(moved.legs):
        for change in _rows(work, found, leg, note if at == 0 else Note()):
            written.append({**change, "number": len(found.history) + len(written) + 1})
    work.add_plain(StateChange, *written)
    digest = ""
    if note.trail is not None and written:
        digest = write_decision(site, work, note.trail, change_uid=written[0]["uid"])
    sync_subject(site, work, found)
    made = [step.id for leg in moved.legs for step in leg.steps]
    delegations = work.context.actor.delegations
    work.log(
        f"{found.kind}.transition",
        found.kind,
        found.uid,
        changes={"state": (state, moved.to_state)},
        reason=note.reason,
        about=list(found.about),
        details={
            "transition": moved.transition,
            "rules": {v["rule"]: v["outcome"] for v in note.verdicts},
            **({"made": made} if len(made) > 1 else {}),
            **({"delegations": list(delegations)} if delegations else {}),
            **({"decision": digest} if digest else {}),
        },
    )
    run_effects(site, work, found.origin, moved, open_record=open_record)
    work.publish(
        "transition",
        {
            "kind": found.kind,
            "id": found.uid,
            "workflow": found.workflow.id,
            "transition": moved.transition,
            "from": moved.from_state,
            "to": moved.to_state,
        },
    )


def contents_to_sign(
    site: Site, work: UnitOfWork, found: Subject, decided: tuple[Moved, Note]
) -> list[Signed]:
    """List what is signed when a step that was decided is made; Refused for what is not seen."""
    moved, note = decided
    about = ((found.row, found.info), found.workflow, work.context.language)
    made = (moved, note.verdicts, note.values)
    signed = list(step_contents(site, work.session, about, made))
    if signed:
        _require_sight(site, work, found, note)
    return signed


def _require_sight(site: Site, work: UnitOfWork, found: Subject, note: Note) -> None:
    actor = work.context.actor
    if isinstance(found.row, Record):
        thing, held = (
            thing_of_record(site, work.session, found.row, actor=actor),
            {*found.row.data, "title"},
        )
        of = f"record:{found.row.kind}"
    elif found.info is not None:
        thing, held = thing_of_lot(site, work.session, found.info, actor=actor), {*found.info.extra}
        of = found.info.kind
    require_sight(site, work.context, thing, (of, held, note.verdicts))


def _sign(site: Site, work: UnitOfWork, found: Subject, decided: tuple[Moved, Note]) -> None:
    note = decided[1]
    for demand, signed in contents_to_sign(site, work, found, decided):
        if note.proven is None:
            text = f"{found.name} needs the signature {demand.meaning!r} of a person"
            raise Refused(text, [Refusal("QT425", text, fix="sign it")])
        write_signature(site, work, demand, signed, proven=note.proven, reason=note.reason)


def _rows(work: UnitOfWork, found: Subject, leg: Leg, note: Note) -> list[dict[str, Any]]:
    """Make a row for each transition; those made at once share the state after them."""
    return [
        {
            "id": work.key(),
            "uid": work.new_uid(),
            "subject_kind": found.kind,
            "subject_uid": found.uid,
            "transition": step.id,
            "from_state": leg.from_state if at == 0 else leg.to_state,
            "to_state": leg.to_state,
            **_maker(work, step),
            "reason": note.reason,
            "verdicts": [dict(verdict) for verdict in note.verdicts],
            "form_values": dict(note.values) if step.form is not None else {},
            "workflow_version_id": found.row.workflow_version_id,
            "at": work.context.at,
        }
        for at, step in enumerate(leg.steps)
    ]


def _maker(work: UnitOfWork, step: Transition) -> dict[str, Any]:
    """Say whose act a step is; what happens by itself is nobody's, whoever set it going."""
    if step.is_automatic:
        nobody = {"person_id": None, "actor": SYSTEM_LOGIN}
        return {**nobody, "stands_for": [], "acting_for": ""}
    actor = work.context.actor
    return {
        "person_id": actor.person_id,
        "actor": actor.login,
        "stands_for": sorted(actor.stands_for),
        "acting_for": ", ".join(actor.acting_for)[:400],
    }


def describe_actor(context: Context) -> str:
    """Give the key by which makers of steps are compared."""
    return str(context.actor.person_id or context.actor.login)


def makers_of(history: Sequence[StateChangeRow]) -> tuple[tuple[str, str], ...]:
    """List who made which step; one made by a delegate stands there for both persons."""
    return tuple(
        (row.transition, person)
        for row in history
        for person in (str(row.person_id or row.actor), *row.stands_for)
    )
