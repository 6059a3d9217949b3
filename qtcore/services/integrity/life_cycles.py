"""I2, I4, I5, I7, I11: states are the fold of allowed steps, with their signatures and verdicts.

It must not read quantities or the sealed tree.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from qtcore.definitions.workflows import Transition, WorkflowDefinition
from qtcore.services.integrity.ground import Ground, Subject, Violation
from qtcore.services.manifestations import find_fault
from qtcore.services.migration import TRANSITION as MOVED
from qtcore.services.release import GATE
from qtcore.store.tables import Event, Movement, Signature

RELEASED = "released"
# What a movement needs the lot's state to allow.
_NEEDS = {"consumed": "consume", "shipped": "ship"}


def check_states(ground: Ground) -> Iterator[Violation]:
    """I2: the state is where the steps lead, each step is one of the pinned life cycle."""
    for uid, subject in ground.subjects.items():
        steps = ground.changes.get(uid, [])
        yield from _check_fold(subject, steps)
        yield from _check_edges(ground, subject, steps)
    for uid, steps in ground.changes.items():
        if uid not in ground.subjects:
            yield Violation("I2", uid, f"{len(steps)} steps are stored of a thing that is not")


def _check_fold(subject: Subject, steps: list[Any]) -> Iterator[Violation]:
    if not steps:
        said = f"it is in state {subject.state!r}, and no step led there"
        yield Violation("I2", subject.name, said)
        return
    numbers = [step.number for step in steps]
    if numbers != list(range(1, len(steps) + 1)):
        yield Violation("I2", subject.name, f"its steps are numbered {numbers}, not from 1 on")
    for before, after in pairwise(steps):
        if after.from_state != before.to_state:
            said = f"step {after.number} begins in {after.from_state!r}, the one before ended in "
            yield Violation("I2", subject.name, f"{said}{before.to_state!r}")
    if steps[-1].to_state != subject.state:
        said = f"its state is {subject.state!r}, its last step led to {steps[-1].to_state!r}"
        yield Violation("I2", subject.name, said)


def _check_edges(ground: Ground, subject: Subject, steps: list[Any]) -> Iterator[Violation]:
    for step in steps:
        if (not step.from_state and step.number == 1) or step.transition == MOVED:
            continue  # its making, or its way to another version, which people have signed
        workflow = ground.workflow(step.workflow_version_id or subject.workflow_version_id)
        transition = _transition(workflow, step)
        if workflow is None or transition is None:
            said = (
                f"step {step.number}, {step.transition!r} from {step.from_state!r} to "
                f"{step.to_state!r}, is none of its life cycle"
            )
            yield Violation("I2", subject.name, said)


def _transition(workflow: WorkflowDefinition | None, step: Any) -> Transition | None:
    """Find the transition a step made.

    Where states lie inside others, or beside each other, the stored state tells of several at once:
    there the name of the transition decides.
    """
    alike = [t for t in workflow.transitions if t.id == step.transition] if workflow else []
    if workflow is None or not alike or not _is_flat(workflow):
        return alike[0] if alike else None
    return next((t for t in alike if _leads(t, step)), None)


def _is_flat(workflow: WorkflowDefinition) -> bool:
    return not any(s.states or s.history or s.parallel for s in workflow.states)


def _leads(transition: Transition, step: Any) -> bool:
    leads = step.to_state in transition.targets or (
        not transition.targets and step.to_state == step.from_state
    )
    return leads and step.from_state in transition.from_


def check_releases(ground: Ground) -> Iterator[Violation]:
    """I4: a lot is released once, until a step leads out of that state."""
    for uid, steps in ground.changes.items():
        name = ground.subjects[uid].name if uid in ground.subjects else uid
        for before, after in pairwise(steps):
            if before.to_state == after.to_state == RELEASED:
                said = f"step {after.number} released it again, and nothing revoked the first one"
                yield Violation("I4", name, said)


def check_signatures(ground: Ground) -> Iterator[Violation]:
    """I5: a step that needs a signature has it, by the person who made it, and by another one."""
    signed: dict[tuple[str, str], list[Any]] = {}
    for row in ground.rows(Signature):
        fault = find_fault(row) or told_otherwise(ground, row)
        if fault:
            name = ground.subjects.get(row.subject_uid)
            said = f"the signature {row.uid} of {row.signer_name} does not verify: {fault}"
            yield Violation("I5", name.name if name else row.subject_uid, said)
            continue
        signed.setdefault((row.subject_uid, row.meaning), []).append(row)
    for subject, step, transition in _steps(ground):
        if transition.signature is not None:
            fitting = [
                row
                for row in signed.get((subject.uid, transition.signature.meaning), [])
                if row.signed_at == step.at and row.person_id == step.person_id
            ]
            if not fitting:
                said = (
                    f"step {step.number} ({step.transition}) needs the signature "
                    f"{transition.signature.meaning!r} of {step.actor}, and there is none"
                )
                yield Violation("I5", subject.name, said)
        yield from _check_persons(ground, (subject, step), transition)


def told_otherwise(ground: Ground, row: Any) -> str:
    """Say what the history tells of a signature that its row does not; nothing when they agree.

    A row whose text and digest were both written anew fits itself; the sealed entry does not.
    """
    told = ground.signed.get(row.uid)
    if told is None:
        return ""  # I3 names a row of which no entry tells; an old entry may be in an archive
    kept = (row.content_sha256, row.meaning, row.meaning_text, row.subject_revision)
    if told != kept:
        return f"the history tells of another text: {told[2]!r} over {told[0][:16]}"
    return ""


def _check_persons(
    ground: Ground, made: tuple[Subject, Any], transition: Transition
) -> Iterator[Violation]:
    subject, step = made
    for other in ground.changes[subject.uid]:
        if other.number >= step.number or other.transition not in transition.not_same_as:
            continue
        if other.person_id is not None and other.person_id == step.person_id:
            said = (
                f"steps {other.number} and {step.number} need two persons; {step.actor} made both"
            )
            yield Violation("I5", subject.name, said)


def check_verdicts(ground: Ground) -> Iterator[Violation]:
    """I11: a step through the gate keeps one verdict of each rule, and none that blocks it."""
    for subject, step, transition in _steps(ground):
        if transition.gate != GATE:
            continue
        verdicts = step.verdicts or []
        if not verdicts:
            said = f"step {step.number} passed the gate, and no rule's verdict is kept"
            yield Violation("I11", subject.name, said)
        for rule, count in Counter(v.get("rule") for v in verdicts).items():
            if count > 1:
                said = f"step {step.number} keeps {count} verdicts of rule {rule}"
                yield Violation("I11", subject.name, said)
        for verdict in verdicts:
            outcome, severity = verdict.get("outcome"), verdict.get("severity")
            if severity == "block" and outcome not in ("pass", "not_applicable"):
                said = f"step {step.number} was made although rule {verdict.get('rule')} "
                yield Violation("I11", subject.name, f"{said}says {outcome!r}")


def _steps(ground: Ground) -> Iterator[tuple[Subject, Any, Transition]]:
    for uid, steps in ground.changes.items():
        subject = ground.subjects.get(uid)
        if subject is None:
            continue
        for step in steps:
            workflow = ground.workflow(step.workflow_version_id or subject.workflow_version_id)
            transition = _transition(workflow, step)
            if transition is not None:
                yield subject, step, transition


def check_use(ground: Ground) -> Iterator[Violation]:
    """I7: nothing was consumed or shipped from a lot whose state did not allow it then."""
    by_node = {s.node: s for s in ground.subjects.values() if s.node is not None}
    events = {row.id: row for row in ground.rows(Event) if row.origin == "command"}
    for move in ground.rows(Movement):
        subject, event = by_node.get(move.node), events.get(move.event_id)
        if subject is None or event is None or move.effect not in _NEEDS:
            continue
        if event.superseded_by is not None or move.node in ground.discrepant:
            continue
        state = _state_at(ground.changes.get(subject.uid, []), event.recorded_at)
        workflow = ground.workflow(subject.workflow_version_id)
        if workflow is None or state is None or not _is_flat(workflow):
            continue  # I2 names it; of states inside others recording decides
        able = {s.id for s in workflow.states if _NEEDS[move.effect] in s.may}
        if state not in able:
            said = f"event {event.uid} {move.effect} some of it while it was {state!r}"
            yield Violation("I7", subject.name, said)


def _state_at(steps: list[Any], at: datetime) -> str | None:
    state = None
    for step in steps:
        if _utc(step.at) <= _utc(at):
            state = step.to_state
    return state


def _utc(at: datetime) -> datetime:
    return at if at.tzinfo else at.replace(tzinfo=UTC)
