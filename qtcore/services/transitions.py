"""Steps of life cycles: of a lot or of a record, decided by the engine, written at once.

It must not know any state by name, except that the rules of the release gate are asked through
`qtcore.services.release`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlmodel import select

from qtcore.context import Context
from qtcore.definitions.workflows import Transition, WorkflowDefinition
from qtcore.engines.workflow import Attempt, Moved, Stopped, compile_workflow, fire
from qtcore.errors import NotFound, Refusal, Refused
from qtcore.hookspecs import LotFacts, TransitionFacts
from qtcore.services.decisions import (
    Basis,
    Trail,
    judgements_of,
    note_refusal,
    write_decision,
)
from qtcore.services.definitions import get_version
from qtcore.services.effects import run_effects
from qtcore.services.evaluation import evaluator
from qtcore.services.fact_sources import fact_sources
from qtcore.services.facts import gather_facts, read_evidence
from qtcore.services.judgements import lot_facts
from qtcore.services.nodes import resolve
from qtcore.services.records import get_record
from qtcore.services.release import GATE, judge_lot
from qtcore.services.rights import require
from qtcore.services.signing import SignedContent, signature_refusals, write_signature
from qtcore.services.site import Site
from qtcore.store.queries.nodes import NodeInfo
from qtcore.store.queries.records import StateChangeRow, state_changes_of
from qtcore.store.tables import Lot, Record, StateChange
from qtcore.store.unit import UnitOfWork


@dataclass(frozen=True, slots=True)
class Step:
    """What is asked for: the transition, and what it may demand.

    `password` proves the signer again; `expected_version` refuses when somebody was faster.
    """

    transition: str
    reason: str = ""
    password: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    expected_version: int | None = None


@dataclass(frozen=True, slots=True)
class Made:
    """A step that was made."""

    subject_id: str
    transition: str
    from_state: str
    to_state: str

    def as_json(self) -> dict[str, str]:
        """Give the shape of the API."""
        return {
            "subject_id": self.subject_id,
            "transition": self.transition,
            "from": self.from_state,
            "to": self.to_state,
            "state": self.to_state,
        }


@dataclass(frozen=True, slots=True)
class _Subject:
    """What is asked to make a step, and the step."""

    step: Step
    kind: str
    row: Lot | Record
    uid: str
    name: str
    workflow: WorkflowDefinition
    history: tuple[StateChangeRow, ...]
    about: tuple[str, ...]
    info: NodeInfo | None = None

    @property
    def revision(self) -> int:
        return self.row.revision if isinstance(self.row, Record) else self.row.version


def fire_transition(site: Site, context: Context, subject: tuple[str, str], step: Step) -> Made:
    """Make one step of a life cycle; `subject` is ("lot", any identifier) or ("record", id).

    Raises Refused with every reason, NotFound, Ambiguous, or Conflict when somebody was faster.
    A refused attempt is noted in the ledger.
    """
    kind, name = subject
    require(site, context, "lot.transition" if kind == "lot" else "record.transition", about=name)
    demand = _signature_demand(site, context, subject, step)
    trail = Trail(kind)
    try:
        with site.store.write(context) as work:
            found = _read(site, work, subject, step)
            verdicts, moved = _decide(site, work, found, (demand, trail))
            _write(site, work, found, (moved, verdicts, trail))
            return Made(found.uid, step.transition, moved.from_state, moved.to_state)
    except Refused as refused:
        note_refusal(site, context, trail, name=name, refusals=refused.refusals)
        raise


def _signature_demand(
    site: Site, context: Context, subject: tuple[str, str], step: Step
) -> list[Refusal]:
    """Check the signer before the write transaction: argon2 is slow and failures are noted."""
    kind, name = subject
    with site.store.read() as session:
        workflow_id = (
            get_record(site, session, name).workflow_version_id
            if kind == "record"
            else _lot(session, site.store.tenant_id, name)[0].workflow_version_id
        )
        workflow = _workflow(site, session, workflow_id)
    transition = _find(workflow, step.transition)
    return signature_refusals(site, context, transition.signature, step.password)


def _find(workflow: WorkflowDefinition, name: str) -> Transition:
    for transition in workflow.transitions:
        if transition.id == name:
            return transition
    known = ", ".join(t.id for t in workflow.transitions)
    raise NotFound(f"{workflow.id} has no transition {name!r}; it has: {known}")


def _workflow(site: Site, session: Any, key: int | None) -> WorkflowDefinition:
    if key is None:
        workflow: WorkflowDefinition = site.registry.get("workflows", "lot")
        return workflow
    return WorkflowDefinition.model_validate(get_version(session, site.store.tenant_id, key).body)


def _lot(session: Any, tenant_id: int, name: str) -> tuple[Lot, NodeInfo]:
    info = resolve(session, tenant_id, name)
    row = session.exec(select(Lot).where(Lot.tenant_id == tenant_id, Lot.node == info.node)).first()
    if row is None:
        raise NotFound(f"{name!r} is a {info.kind}; only lots and records have a life cycle")
    return row, info


def _read(site: Site, work: UnitOfWork, subject: tuple[str, str], step: Step) -> _Subject:
    kind, name = subject
    session, tenant = work.session, work.tenant_id
    if kind == "record":
        record = get_record(site, session, name)
        workflow = _workflow(site, session, record.workflow_version_id)
        history = tuple(state_changes_of(session, tenant, record.uid))
        return _Subject(step, "record", record, record.uid, record.number, workflow, history, ())
    row, info = _lot(session, tenant, name)
    workflow = _workflow(site, session, row.workflow_version_id)
    history = tuple(state_changes_of(session, tenant, info.uid))
    label = f"lot {info.lot_no}"
    return _Subject(step, "lot", row, info.uid, label, workflow, history, (info.uid,), info)


def _decide(
    site: Site, work: UnitOfWork, found: _Subject, asked: tuple[list[Refusal], Trail]
) -> tuple[list[dict[str, Any]], Moved]:
    context, step = work.context, found.step
    demand, trail = asked
    transition = _find(found.workflow, step.transition)
    facts, gates, verdicts = _facts_and_gates(site, work, found, (transition, trail))
    attempt = Attempt(
        transition=step.transition,
        actor_person=str(context.actor.person_id or context.actor.login),
        roles=context.actor.roles,
        reason=step.reason,
        signed_meaning=transition.signature.meaning if transition.signature and not demand else "",
        history=tuple((c.transition, str(c.person_id or c.actor)) for c in found.history),
        facts=facts,
        gate_outcomes=gates,
    )
    trail.subject_uid, trail.about = found.uid, found.about
    trail.workflow, trail.workflow_version_id = found.workflow.id, found.row.workflow_version_id
    trail.from_state, trail.gate = found.row.state, transition.gate or ""
    trail.attempt = attempt
    lifecycle = compile_workflow(found.workflow)
    evaluate = evaluator(site.registry, f"workflows:{found.workflow.id}")
    outcome = fire(lifecycle, found.row.state, attempt, evaluate)
    if isinstance(outcome, Stopped):
        reasons = (*demand, *(r for r in outcome.refusals if not (demand and r.code == "QT425")))
        raise Refused(f"{found.name} cannot {step.transition}: {reasons[0].message}", reasons)
    trail.told = _told(site, work, found, outcome)
    said = site.hooks.judge_transition(trail.told)
    trail.judgements = judgements_of(site, "judge_transition", said)
    trail.to_state = outcome.to_state
    refusals = (*demand, *said)
    if refusals:
        raise Refused(f"{found.name} cannot {step.transition}: {refusals[0].message}", refusals)
    trail.is_decided = True
    return verdicts, outcome


def _facts_and_gates(
    site: Site, work: UnitOfWork, found: _Subject, asked: tuple[Transition, Trail]
) -> tuple[dict[str, object], dict[str, tuple[Refusal, ...]], list[dict[str, Any]]]:
    transition, trail = asked
    if found.info is None:
        return {}, {}, []
    if transition.gate == GATE:
        view = judge_lot(site, work.session, found.info, work.context)
        trail.basis = view.basis
        verdicts = [rule.verdict_json() for rule in view.rules]
        return dict(view.basis.facts), {GATE: view.refusals}, verdicts
    evidence = read_evidence(site, work.session, found.info, work.context.at.date())
    facts = gather_facts(site, evidence)
    asked_for = [name for name in facts if name in (transition.guard or "")]
    sources = fact_sources(site, evidence, asked_for)
    trail.basis = Basis(evidence.on, found.info.industry, facts, sources)
    return facts, {}, []


def _told(site: Site, work: UnitOfWork, found: _Subject, moved: Moved) -> TransitionFacts:
    step = found.step
    lot: LotFacts | None = None
    if found.info is not None:
        lot = lot_facts(site, work.session, found.info)
    return TransitionFacts(
        subject=found.kind,
        subject_id=found.uid,
        kind=found.row.kind if isinstance(found.row, Record) else "lot",
        workflow=found.workflow.id,
        transition=step.transition,
        from_state=moved.from_state,
        to_state=moved.to_state,
        actor=work.context.actor.login,
        reason=step.reason,
        values=step.values,
        lot=lot,
    )


def _write(
    site: Site,
    work: UnitOfWork,
    found: _Subject,
    decided: tuple[Moved, list[dict[str, Any]], Trail],
) -> None:
    step, (moved, verdicts, trail) = found.step, decided
    transition = _find(found.workflow, step.transition)
    if transition.signature is not None:
        content = {
            "subject": found.uid,
            "revision": found.revision,
            "transition": step.transition,
            "to": moved.to_state,
            "verdicts": verdicts,
            "data": found.row.data if isinstance(found.row, Record) else {},
        }
        signed = SignedContent(found.kind, found.uid, found.revision, content)
        write_signature(site, work, transition.signature, signed, reason=step.reason)
    is_final = next(s.final for s in found.workflow.states if s.id == moved.to_state)
    values: dict[str, Any] = {"state": moved.to_state}
    if isinstance(found.row, Record) and is_final:
        values["closed_at"] = work.context.at
    changes = work.change(found.row, expected=step.expected_version, **values)
    change = _change_row(work, found, moved, verdicts)
    work.add(change)
    kept = write_decision(site, work, trail, change_uid=change.uid)
    work.log(
        f"{found.kind}.transition",
        found.kind,
        found.uid,
        changes={"state": changes["state"]},
        reason=step.reason,
        about=list(found.about),
        details={
            "transition": step.transition,
            "rules": {v["rule"]: v["outcome"] for v in verdicts},
            **({"decision": kept.content_sha256} if kept is not None else {}),
        },
    )
    run_effects(site, work, (found.uid, found.info.node if found.info else None), moved)
    work.publish(
        "transition",
        {
            "kind": found.kind,
            "id": found.uid,
            "workflow": found.workflow.id,
            "transition": step.transition,
            "from": moved.from_state,
            "to": moved.to_state,
        },
    )


def _change_row(
    work: UnitOfWork, found: _Subject, moved: Moved, verdicts: list[dict[str, Any]]
) -> StateChange:
    step = found.step
    return StateChange(
        tenant_id=work.tenant_id,
        id=work.key(),
        uid=work.new_uid(),
        subject_kind=found.kind,
        subject_uid=found.uid,
        number=len(found.history) + 1,
        transition=step.transition,
        from_state=moved.from_state,
        to_state=moved.to_state,
        person_id=work.context.actor.person_id,
        actor=work.context.actor.login,
        reason=step.reason,
        verdicts=verdicts,
        workflow_version_id=found.row.workflow_version_id,
        at=work.context.at,
    )
