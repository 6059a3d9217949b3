"""Reminders before the deadline of a notice, and escalation after it: each once.

It must not know channels.
"""

from datetime import datetime, timedelta
from typing import Any, Final

from sqlmodel import Session, col, select

from qtcore.services.recall_notices import clock_of, due_of, post, record_of
from qtcore.services.recall_planning import plan_next
from qtcore.services.recall_texts import reminder
from qtcore.services.site import Site
from qtcore.store.tables import RecallCase, RecallNotice
from qtcore.store.unit import UnitOfWork

REMIND_BEFORE: Final = timedelta(hours=4)
"""How long before a deadline; of a shorter time than twice that, half of it."""


def remind(site: Site) -> int:
    """Remind of notices that are due soon, escalate those that are late; returns how many.

    Each happens once per notice, a reminder only of what was sent. Mock recalls remind nobody.
    """
    context = site.system_context()
    with site.store.read() as session:
        wanted = _open_rows(session, site.store.tenant_id)
        is_any = any(_step(site, session, row, context.at) for row in wanted)
    if not is_any:
        return 0
    count = 0
    with site.store.write(context) as work:
        for row in _open_rows(work.session, work.tenant_id):
            step = _step(site, work.session, row, context.at)
            if step:
                _remind(work, row, step, site.public_url)
                count += 1
    return count


def _open_rows(session: Session, tenant: int) -> list[RecallNotice]:
    return list(
        session.exec(
            select(RecallNotice).where(
                RecallNotice.tenant_id == tenant,
                col(RecallNotice.state).in_(("planned", "sent", "failed")),
                RecallNotice.escalated_at == None,  # noqa: E711
            )
        ).all()
    )


def _step(
    site: Site, session: Session, row: RecallNotice, now: datetime
) -> tuple[str, datetime] | None:
    case = session.exec(
        select(RecallCase).where(
            RecallCase.tenant_id == row.tenant_id, RecallCase.record_id == row.record_id
        )
    ).one()
    record = record_of(session, case)
    clock = clock_of(session, case, record)
    due = due_of(site, clock, row)
    if due is None or record.closed_at is not None:
        return None
    if now > due:
        return "escalated_at", due
    started = datetime.fromisoformat(clock[row.start_event])
    before = min(REMIND_BEFORE, (due - started) / 2 / row.round)
    if row.state == "sent" and row.reminded_at is None and now >= due - before:
        return "reminded_at", due
    return None


def _remind(
    work: UnitOfWork, row: RecallNotice, step: tuple[str, datetime], answer_at: str
) -> None:
    name, due = step
    values: dict[str, Any] = {name: work.context.at}
    changes = work.change(row, **values)
    action = "recall.remind" if name == "reminded_at" else "recall.escalate"
    details = {"node": row.node_id, "recipient": row.recipient, "due": due.isoformat()}
    work.log(action, "notice", row.uid, changes=changes, details=details)
    if name == "escalated_at":
        plan_next(work, row)
    if row.state == "sent":
        head = reminder(row.language, f"{due:%Y-%m-%d %H:%M}")
        post(work, row, answer_at, head=head)
