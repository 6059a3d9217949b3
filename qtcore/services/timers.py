"""Deadlines of workflows as rows: planned when a state is entered, ended when it is left.

It must not make steps; see `qtcore.services.deadlines` for what happens when one is due.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlmodel import Session, col, func, select

from qtcore.definitions.calendars import CalendarDefinition
from qtcore.definitions.statechart import NOTHING, Chart, Taken, build_chart
from qtcore.definitions.workflows import Timer, WorkflowDefinition
from qtcore.engines.calendars import EVERY_DAY, begin_of, due_after, due_before, read_span
from qtcore.services.site import Site
from qtcore.store.queries.records import StateChangeRow, state_changes_of
from qtcore.store.tables import WorkflowTimer
from qtcore.store.unit import UnitOfWork

BUSINESS = "business"
_RANK = ("normal", "high", "urgent")


@dataclass(frozen=True, slots=True)
class Clocked:
    """What has deadlines: a lot or record, its workflow, its state and the values of its form."""

    kind: str
    uid: str
    workflow: WorkflowDefinition
    workflow_version_id: int
    state: str
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Deadline:
    """A deadline as it is shown: the state, when it is due, and what happens then."""

    state: str
    due_at: datetime | None
    status: str
    fire: str
    escalate_to: tuple[str, ...]
    outcome: str

    def as_json(self) -> dict[str, Any]:
        """Give the shape of the API."""
        return {
            "state": self.state,
            "due_at": self.due_at and self.due_at.isoformat(),
            "status": self.status,
            "fire": self.fire,
            "escalate_to": list(self.escalate_to),
            "outcome": self.outcome,
        }


def sync_timers(site: Site, work: UnitOfWork, clocked: Clocked) -> int:
    """Make the rows what state and values say; returns how many changed. Twice changes nothing.

    An entry into a state has one row for each timer; one whose state was left ends, and the day of
    one that counts from a field follows the field.
    """
    if not clocked.workflow.timers:
        return 0
    work.flush()
    history = state_changes_of(work.session, work.tenant_id, clocked.uid)
    chart = build_chart(clocked.workflow)
    entries = _entries(clocked.workflow, chart, history)
    active = chart.read(clocked.state)
    rows = {(r.place, r.entry): r for r in timer_rows(work.session, work.tenant_id, clocked.uid)}
    changed = 0
    for place, timer in enumerate(clocked.workflow.timers):
        entered = entries.get(timer.state) if timer.state in active else None
        for (at, entry), row in rows.items():
            is_past = at == place and (entered is None or entry != entered.number)
            if is_past and row.status == "waiting":
                work.change(row, status="left", settled_at=work.context.at)
                changed += 1
        if entered is None:
            continue
        due = find_due(site, timer, entered.at, clocked.values)
        row_ = rows.get((place, entered.number))
        if row_ is None:
            work.add(_row(work, clocked, (place, timer), (entered, due)))
            changed += 1
        elif row_.status == "waiting" and not row_.told and row_.due_at != due:
            work.change(row_, due_at=due)
            changed += 1
    return changed


def find_due(
    site: Site, timer: Timer, entered_at: datetime, values: Mapping[str, Any]
) -> datetime | None:
    """Say when a timer is due; None while the day it counts from is not filled in."""
    calendar = find_calendar(site, timer.calendar)
    working = timer.calendar != EVERY_DAY
    if timer.date is None:
        return due_after(entered_at, read_span(timer.after or "P0D"), calendar, working=working)
    day = _day(values.get(timer.date), calendar)
    if day is None:
        return None
    if timer.before is not None:
        return due_before(day, read_span(timer.before), calendar, working=working)
    start = begin_of(day, calendar)
    return due_after(start, read_span(timer.after or "P0D"), calendar, working=working)


def find_calendar(site: Site, name: str) -> CalendarDefinition:
    """Get a calendar; where every day counts, the days are those of the site's own calendar."""
    wanted = BUSINESS if name == EVERY_DAY else name
    found: CalendarDefinition | None = site.registry.find("calendars", wanted)
    return found or CalendarDefinition(id=wanted)


def timer_rows(session: Session, tenant_id: int, subject_uid: str) -> Sequence[WorkflowTimer]:
    """List the deadlines of a lot or record, the oldest first."""
    return session.exec(
        select(WorkflowTimer)
        .where(WorkflowTimer.tenant_id == tenant_id, WorkflowTimer.subject_uid == subject_uid)
        .order_by(WorkflowTimer.id)  # type: ignore[arg-type]
    ).all()


def rank_of(priority: str | None) -> int:
    """Say how high a priority is; the usual one, or none, is 0."""
    return _RANK.index(priority) if priority in _RANK else 0


def next_deadlines(
    session: Session, tenant_id: int, subjects: Sequence[str]
) -> dict[str, datetime]:
    """Give the next deadline of each lot or record that waits for one, by public id."""
    rows = session.exec(
        select(WorkflowTimer.subject_uid, func.min(col(WorkflowTimer.due_at)))
        .where(
            WorkflowTimer.tenant_id == tenant_id,
            WorkflowTimer.status == "waiting",
            col(WorkflowTimer.subject_uid).in_(subjects),
            col(WorkflowTimer.due_at).is_not(None),
        )
        .group_by(col(WorkflowTimer.subject_uid))
    )
    return {uid: due for uid, due in rows if due is not None}


def deadlines_of(
    session: Session, tenant_id: int, subject_uid: str, workflow: WorkflowDefinition
) -> tuple[Deadline, ...]:
    """List the deadlines that wait, the next first, and those that were reached."""
    found = []
    for row in timer_rows(session, tenant_id, subject_uid):
        if row.status == "left" or row.place >= len(workflow.timers):
            continue
        timer = workflow.timers[row.place]
        found.append(
            Deadline(
                row.state, row.due_at, row.status, timer.fire or "", timer.escalate_to, row.outcome
            )
        )
    return tuple(sorted(found, key=lambda d: (d.status != "waiting", str(d.due_at or "9"))))


def _entries(
    flow: WorkflowDefinition, chart: Chart, history: Sequence[StateChangeRow]
) -> dict[str, StateChangeRow]:
    """Find by which change each state was entered last."""
    steps = {step.id: step for step in flow.transitions}
    entered: dict[str, StateChangeRow] = {}
    for change in history:
        before = chart.read(change.from_state) if change.from_state else frozenset()
        after = chart.read(change.to_state)
        step = steps.get(change.transition)
        left: set[str] = set()
        for source in step.from_ if step is not None else ():
            if step is not None and source in before:
                left |= chart.leaving(before, Taken(source, step), NOTHING)
        for name in after:
            if name not in before or name in left:
                entered[name] = change
    return entered


def _day(value: object, calendar: CalendarDefinition) -> date | None:
    if isinstance(value, datetime):
        return value.astimezone(calendar.zone).date()
    if isinstance(value, date):
        return value
    try:
        text = str(value or "")
        if len(text) > 10:
            return datetime.fromisoformat(text).astimezone(calendar.zone).date()
        return date.fromisoformat(text)
    except ValueError:
        return None


def _row(
    work: UnitOfWork,
    clocked: Clocked,
    timer: tuple[int, Timer],
    when: tuple[StateChangeRow, datetime | None],
) -> WorkflowTimer:
    entered, due = when
    return WorkflowTimer(
        tenant_id=work.tenant_id,
        id=work.key(),
        uid=work.new_uid(),
        subject_kind=clocked.kind,
        subject_uid=clocked.uid,
        workflow_version_id=clocked.workflow_version_id,
        place=timer[0],
        entry=entered.number,
        state=timer[1].state,
        entered_at=entered.at,
        due_at=due,
    )
