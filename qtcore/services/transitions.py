"""Steps of life cycles: of a lot or of a record, decided by the engine, written at once.

It must not know any state by name, except that the rules of the release gate are asked through
`qtcore.services.release`.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from sqlmodel import Session

from qtcore.context import Context
from qtcore.definitions.workflows import Transition
from qtcore.engines.workflow import Attempt, Moved, Stopped, fire
from qtcore.errors import Conflict, InputRejected, Refusal, Refused
from qtcore.hookspecs import TransitionFacts
from qtcore.services.decisions import (
    Trail,
    judgements_of,
    note_refusal,
)
from qtcore.services.evaluation import evaluator
from qtcore.services.nodes import missing_node
from qtcore.services.recall_closure import CLOSED, judge_closure
from qtcore.services.record_views import get_record
from qtcore.services.records import open_record
from qtcore.services.sign_proofs import Proven
from qtcore.services.sign_steps import Signed, lapsed_signatures
from qtcore.services.site import Site
from qtcore.services.step_ahead import read_ahead
from qtcore.services.step_asking import (
    Asked,
    NotAtOnce,
    Step,
    answering,
    ask_before,
    ask_within,
    event_of,
    know,
    require_any,
)
from qtcore.services.step_grounds import facts_and_gates, single_rules
from qtcore.services.steps import (
    Note,
    Subject,
    contents_to_sign,
    describe_actor,
    lifecycle_of,
    lot_subject,
    makers_of,
    record_subject,
    write_step,
)
from qtcore.store.queries.nodes import describe_nodes
from qtcore.store.tables import Record
from qtcore.store.unit import UnitOfWork

__all__ = (
    "Made",
    "Step",
    "acting_context",
    "fire_transition",
    "fire_transitions",
    "preview_signing",
    "signing_objections",
)

Subjects = Sequence[tuple[tuple[str, str], Step]]


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


Beside = Callable[[UnitOfWork, Sequence[Made]], None]


def fire_transition(site: Site, context: Context, subject: tuple[str, str], step: Step) -> Made:
    """Make one step of a life cycle; `subject` is ("lot", any identifier) or ("record", id).

    Raises Refused with every reason, NotFound, Ambiguous, InputRejected when the form of the step
    is filled wrongly, or Conflict when somebody was faster. A refused attempt is noted in the
    ledger.
    """
    return fire_transitions(site, context, [(subject, step)])[0]


def fire_transitions(
    site: Site, context: Context, steps: Subjects, *, beside: Beside | None = None
) -> list[Made]:
    """Make steps of several subjects in one transaction: all of them, or none.

    `beside` writes what belongs to them, in the same transaction. Raises as `fire_transition`,
    about the first that cannot be made, and InputRejected when they are made for other persons.
    """
    if not any(step.password or step.proven for _, step in steps):
        for subject, _ in steps:
            require_any(site, context, subject)
        with suppress(NotAtOnce):
            return _make(site, context, steps, beside)
    asked = [ask_before(site, context, subject, step) for subject, step in steps]
    return _make(site, _one_actor(asked), asked, beside)


def _make(
    site: Site, context: Context, steps: Subjects | Sequence[Asked], beside: Beside | None
) -> list[Made]:
    """Make steps in one transaction; those that were not asked for before are asked for in it."""
    trail, name = Trail(""), ""
    made: list[Made] = []
    try:
        with site.store.write(context) as work:
            asked = _asked_in(site, work, context, steps)
            context = _one_actor(asked)
            work.act_as(context)
            ahead = _ahead(site, work, asked)
            for each in asked:
                (kind, name), step = each.subject, each.step
                trail = Trail(kind)
                is_fresh = len(steps) == 1 and not isinstance(steps[0], Asked)
                found = _taken(ahead, each) or _read(site, work.session, each, is_fresh=is_fresh)
                moved, note = _decide(site, work, found, (each, trail))
                write_step(site, work, found, (moved, note), open_record=open_record)
                made.append(Made(found.uid, step.transition, moved.from_state, moved.to_state))
                if moved.effects or each.info is None:
                    ahead.clear()
            if beside is not None:
                beside(work, made)
    except Refused as refused:
        note_refusal(site, context, trail, name=name, refusals=refused.refusals)
        raise
    return made


def _asked_in(
    site: Site, work: UnitOfWork, context: Context, steps: Subjects | Sequence[Asked]
) -> list[Asked]:
    askings = [each for each in steps if not isinstance(each, Asked)]
    if not askings:
        return [each for each in steps if isinstance(each, Asked)]
    known = know(site, work.session, context, askings)
    return [ask_within(site, work.session, context, each, known=known) for each in askings]


def _ahead(site: Site, work: UnitOfWork, asked: Sequence[Asked]) -> dict[int, Subject]:
    """Read together what several steps are about; of one step there is nothing to join."""
    nodes = [each.info.node for each in asked if each.info is not None]
    if len(nodes) < 2:
        return {}
    return read_ahead(site, work.session, nodes, work.context.at.date())


def _taken(ahead: dict[int, Subject], asked: Asked) -> Subject | None:
    """Take what was read ahead of a step; a second step of the same lot finds nothing."""
    return None if asked.info is None else ahead.pop(asked.info.node, None)


def acting_context(site: Site, context: Context, subject: tuple[str, str], step: Step) -> Context:
    """Say as whom somebody makes a step: with the roles that are lent to them for it.

    Raises Denied without the right, NotFound, InputRejected.
    """
    return ask_before(site, context, subject, replace(step, proven=Proven("", 0))).context


def preview_signing(
    site: Site, context: Context, subject: tuple[str, str], step: Step
) -> tuple[Subject, Context, list[Signed]]:
    """Give what would be signed, and as whom, if a step were made; nothing of it is made.

    Raises as `fire_transition`, but for the proof of the signer, which comes later.
    """
    asked = ask_before(site, context, subject, replace(step, proven=Proven("", 0)))
    trail = Trail(subject[0])
    try:
        return _rehearsed(site, asked, trail)
    except Refused as refused:
        note_refusal(site, asked.context, trail, name=subject[1], refusals=refused.refusals)
        raise


def signing_objections(
    site: Site, context: Context, subject: tuple[str, str], step: Step
) -> tuple[Refusal, ...]:
    """Say why a step could not be signed now; nobody tried, so nothing is made and nothing noted.

    Raises NotFound and InputRejected as `fire_transition` does.
    """
    try:
        asked = ask_before(site, context, subject, replace(step, proven=Proven("", 0)))
        _rehearsed(site, asked, Trail(subject[0]))
    except Refused as refused:
        return refused.refusals
    return ()


def _rehearsed(site: Site, asked: Asked, trail: Trail) -> tuple[Subject, Context, list[Signed]]:
    with site.store.rehearse(asked.context) as work:
        found = _read(site, work.session, asked)
        decided = _decide(site, work, found, (asked, trail))
        expected = asked.step.expected_version
        if expected not in (None, found.row.version):
            raise Conflict(
                f"{found.name} is at version {found.row.version}, and {expected} was expected: "
                "somebody was faster; open it again, review it, and sign what it says now",
                code="QT474",
            )
        return found, asked.context, contents_to_sign(site, work, found, decided)


def _one_actor(asked: Sequence[Asked]) -> Context:
    if any(each.context.actor != asked[0].context.actor for each in asked):
        raise InputRejected(
            "you act in the place of different persons here; make these steps one by one"
        )
    return asked[0].context


def _read(site: Site, session: Session, asked: Asked, *, is_fresh: bool = False) -> Subject:
    """Read what a step is about again: it may have changed since the step was asked for.

    `is_fresh`: it was asked for in this transaction, and nothing was written since.
    """
    tenant, (_, name) = site.store.tenant_id, asked.subject
    if asked.info is None:
        return record_subject(session, tenant, get_record(site, session, name))
    if is_fresh:
        return lot_subject(site, session, asked.info)
    node = asked.info.node
    info = describe_nodes(session, tenant, [node]).get(node)
    if info is None:
        raise missing_node(name)
    return lot_subject(site, session, info)


def _decide(
    site: Site, work: UnitOfWork, found: Subject, given: tuple[Asked, Trail]
) -> tuple[Moved, Note]:
    asked, trail = given
    step, demand = asked.step, asked.demand
    steps = answering(found.workflow, found.row.state, step.transition)
    attempt, verdicts = _attempt(site, work, found, given)
    trail.subject_uid, trail.about = found.uid, found.about
    trail.workflow, trail.workflow_version_id = found.workflow.id, found.row.workflow_version_id
    trail.from_state, trail.attempt = found.row.state, attempt
    trail.gate = next((s.gate for s in steps if s.gate is not None), "")
    outcome, trail.attempt = _fire(site, work, found, (attempt, [] if demand else steps))
    if isinstance(outcome, Stopped):
        reasons = (*demand, *(r for r in outcome.refusals if not (demand and r.code == "QT425")))
        raise Refused(f"{found.name} cannot {step.transition}: {reasons[0].message}", reasons)
    signs = any(s.signature is not None for leg in outcome.legs[:1] for s in leg.steps)
    trail.told = _told(work, found, (outcome, step), trail)
    said = site.hooks.judge_transition(trail.told)
    trail.judgements = judgements_of(site, "judge_transition", said)
    trail.to_state = outcome.to_state
    closing = _closure_refusals(site, work, found, (outcome, step))
    first = [s for leg in outcome.legs[:1] for s in leg.steps]
    lapsed = lapsed_signatures(site, work.session, (found.kind, found.uid), first)
    refusals = (*(demand if signs else ()), *lapsed, *said, *closing)
    if refusals:
        raise Refused(f"{found.name} cannot {step.transition}: {refusals[0].message}", refusals)
    trail.is_decided = True
    note = Note(step.reason, verdicts, asked.values, step.expected_version, trail, asked.proven)
    return outcome, note


def _fire(
    site: Site, work: UnitOfWork, found: Subject, given: tuple[Attempt, Sequence[Transition]]
) -> tuple[Moved | Stopped, Attempt]:
    """Try with each meaning that one of the alternatives is signed with, the first written first.

    One signature is given; which alternative it is for is decided by what else objects.
    """
    attempt, steps = given
    lifecycle = lifecycle_of(work, found)
    evaluate = evaluator(site.registry, f"workflows:{found.workflow.id}")
    meanings = dict.fromkeys(s.signature.meaning for s in steps if s.signature is not None)
    stopped: list[tuple[Moved | Stopped, Attempt]] = []
    for meaning in [*meanings] or [""]:
        signed = replace(attempt, signed_meaning=meaning)
        outcome = fire(lifecycle, found.row.state, signed, evaluate)
        if isinstance(outcome, Moved):
            return outcome, signed
        stopped.append((outcome, signed))
    return stopped[0]


def _attempt(
    site: Site, work: UnitOfWork, found: Subject, given: tuple[Asked, Trail]
) -> tuple[Attempt, list[dict[str, Any]]]:
    asked, trail = given
    steps = answering(found.workflow, found.row.state, asked.step.transition)
    facts, gates, verdicts = facts_and_gates(site, work, found, (steps, trail))
    context = work.context
    attempt = Attempt(
        transition=event_of(found.workflow, asked.step.transition),
        actor_person=describe_actor(context),
        roles=context.actor.roles,
        reason=asked.step.reason,
        history=makers_of(found.history),
        facts=facts,
        filled_forms=asked.filled,
        gate_outcomes={gate: refusals for gate, refusals in gates.items() if gate != ""},
        rule_outcomes=single_rules(steps, verdicts, gates),
        visited=found.visited(),
        stands_for=context.actor.stands_for,
    )
    return attempt, verdicts


def _closure_refusals(
    site: Site, work: UnitOfWork, found: Subject, made: tuple[Moved, Step]
) -> list[Refusal]:
    """Ask whether a recall adds up when it is closed, whichever way somebody closes it."""
    moved, step = made
    demands = [s.signature for leg in moved.legs for s in leg.steps]
    closes = any(demand is not None and demand.meaning == CLOSED for demand in demands)
    if not isinstance(found.row, Record) or not closes:
        return []
    return judge_closure(site, work, found.row, step.values)


def _told(
    work: UnitOfWork, found: Subject, made: tuple[Moved, Step], trail: Trail
) -> TransitionFacts:
    moved, step = made
    lot = trail.basis.lot if trail.basis else None
    if found.info is not None:
        lot = trail.seen
    return TransitionFacts(
        subject=found.kind,
        subject_id=found.uid,
        kind=found.row.kind if isinstance(found.row, Record) else "lot",
        workflow=found.workflow.id,
        transition=moved.transition,
        from_state=moved.from_state,
        to_state=moved.to_state,
        actor=work.context.actor.login,
        reason=step.reason,
        values=step.values,
        lot=lot,
    )
