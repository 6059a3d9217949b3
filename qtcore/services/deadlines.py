"""What happens when a deadline is reached: people are told, priority rises, a step is made.

It must not plan deadlines; see `qtcore.services.timers`. Each one is settled in a transaction of
its own: after a crash, a restart or a clock that jumped it is settled once, however often it is
looked at and by however many processes.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog
from sqlmodel import Session, select

from qtcore.definitions.workflows import Timer
from qtcore.engines.calendars import EVERY_DAY, due_after, read_span
from qtcore.engines.workflow import Attempt, Moved, fire
from qtcore.errors import QTCoreError, Refused
from qtcore.services.evaluation import evaluator
from qtcore.services.records import open_record
from qtcore.services.site import Site
from qtcore.services.steps import (
    Note,
    Subject,
    find_subject,
    lifecycle_of,
    subject_facts,
    write_step,
)
from qtcore.services.telling import tell
from qtcore.services.timers import find_calendar, rank_of
from qtcore.store.tables import Record, WorkflowTimer
from qtcore.store.unit import UnitOfWork

BATCH = 200
_LOG = structlog.get_logger("qtcore.deadlines")


@dataclass(frozen=True, slots=True)
class _Due:
    """A deadline that is being settled: its row, its timer, and whose it is."""

    row: WorkflowTimer
    timer: Timer
    found: Subject


def settle_deadlines(site: Site) -> int:
    """Settle everything that is due now, the oldest first; returns how many were settled."""
    settled = 0
    while uids := _list_due(site):
        done = sum(_settle(site, uid) for uid in uids)
        settled += done
        # What cannot be settled now is tried in the next round, not for ever in this one.
        if done < len(uids):
            break
    return settled


def _list_due(site: Site) -> list[str]:
    with site.store.read() as session:
        rows = session.exec(
            select(WorkflowTimer.uid)
            .where(
                WorkflowTimer.tenant_id == site.store.tenant_id,
                WorkflowTimer.status == "waiting",
                WorkflowTimer.due_at <= site.sources.now(),  # type: ignore[operator]
            )
            .order_by(WorkflowTimer.due_at, WorkflowTimer.id)  # type: ignore[arg-type]
            .limit(BATCH)
        )
        return list(rows)


def _settle(site: Site, uid: str) -> bool:
    """Settle one deadline; false when somebody else did, or it failed and was logged."""
    try:
        try:
            return _settle_once(site, uid, "")
        except Refused as refused:
            # What follows from the step cannot be done: told, and not tried for ever.
            return _settle_once(site, uid, "; ".join(r.message for r in refused.refusals))
    except QTCoreError as error:
        _LOG.error("a deadline could not be settled", timer=uid, code=error.code, error=str(error))
        return False


def _settle_once(site: Site, uid: str, refused: str) -> bool:
    """Settle one deadline in one transaction; `refused` says why its step is not even tried."""
    with site.store.write(site.system_context()) as work:
        # Of two workers the second one must see what the first one settled.
        work.take_turn()
        row = _waiting(work.session, work.tenant_id, uid, work.context.at)
        if row is None:
            return False
        found = find_subject(site, work.session, (row.subject_kind, row.subject_uid))
        _act(site, work, _Due(row, found.workflow.timers[row.place], found), refused)
        return True


def _waiting(session: Session, tenant_id: int, uid: str, now: datetime) -> WorkflowTimer | None:
    """Read a row again inside the write: another process may have been faster."""
    row = session.exec(
        select(WorkflowTimer).where(WorkflowTimer.tenant_id == tenant_id, WorkflowTimer.uid == uid)
    ).first()
    if row is None or row.status != "waiting" or row.due_at is None or row.due_at > now:
        return None
    return row


def _act(site: Site, work: UnitOfWork, due: _Due, refused: str) -> None:
    row, timer, found = due.row, due.timer, due.found
    if timer.escalate_to:
        tell(work, timer.escalate_to, found.origin.about, f"deadline:{row.state}")
    record = found.row
    if isinstance(record, Record) and rank_of(timer.priority) > rank_of(record.priority):
        work.change(record, priority=timer.priority)
        work.flush()
    fires = timer.fire is not None
    outcome = refused or (_fire(site, work, due) if fires else "")
    again = None if fires and not outcome else _again(site, due, work.context.at)
    status = "waiting" if again is not None else "refused" if outcome else "done"
    # The step may have left the state, which ended the row: that it was due counts for more.
    work.change(
        row,
        status=status,
        told=row.told + 1,
        due_at=again or row.due_at,
        settled_at=None if again is not None else work.context.at,
        outcome=outcome[:400],
    )
    work.log(
        f"{found.kind}.deadline",
        found.kind,
        found.uid,
        reason=outcome,
        about=list(found.about),
        details={
            "state": row.state,
            "fire": timer.fire or "",
            "told": list(timer.escalate_to),
            "priority": timer.priority or "",
        },
    )


def _again(site: Site, due: _Due, now: datetime) -> datetime | None:
    """Say when it is told again: the next time that is not past, however long nobody looked."""
    if due.timer.repeat is None or due.row.due_at is None:
        return None
    calendar = find_calendar(site, due.timer.calendar)
    working = due.timer.calendar != EVERY_DAY
    span = read_span(due.timer.repeat)
    moment = due.row.due_at
    while moment <= now:
        later = due_after(moment, span, calendar, working=working)
        moment = later if later > moment else now + timedelta(minutes=1)
    return moment


def _fire(site: Site, work: UnitOfWork, due: _Due) -> str:
    """Make the step of a deadline; gives why it was refused, or nothing.

    The clock holds every role and gives the reason; what a person must give it cannot.
    """
    found, name = due.found, due.timer.fire or ""
    steps = [s for s in found.workflow.transitions if name == s.id or s.answers(name)]
    event = name if any(s.answers(name) for s in steps) else steps[0].event
    attempt = Attempt(
        transition=event,
        actor_person="system",
        roles=frozenset(role for step in steps for role in step.roles),
        reason=f"deadline of {due.row.state}",
        facts=subject_facts(site, work, found),
        visited=found.visited(),
    )
    evaluate = evaluator(site.registry, f"workflows:{found.workflow.id}")
    answer = fire(lifecycle_of(work, found), found.row.state, attempt, evaluate)
    if not isinstance(answer, Moved):
        return "; ".join(refusal.message for refusal in answer.refusals)
    note = Note(attempt.reason)
    write_step(site, work, replace(found), (answer, note), open_record=open_record)
    return ""
