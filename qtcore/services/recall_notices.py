"""Notices of a recall on their way: with deadlines, sent, acknowledged.

It must not know who is to be told: `recall_planning` does. A notice of a mock recall is never sent.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from sqlmodel import Session, select

from qtcore.context import Context
from qtcore.errors import Conflict, InputRejected, NotFound
from qtcore.services.recall_clock import Term, due_at
from qtcore.services.recall_planning import find_case, notices_of, plan_next
from qtcore.services.record_views import get_record
from qtcore.services.rights import require
from qtcore.services.site import Site
from qtcore.store.tables import RecallCase, RecallNotice, Record, Signature
from qtcore.store.unit import UnitOfWork

ORDERED: Final = "recall_ordered"
OPEN: Final = ("planned", "failed", "sent", "mock")


def record_of(session: Session, case: RecallCase) -> Record:
    """Get the record of a case."""
    return session.exec(
        select(Record).where(Record.tenant_id == case.tenant_id, Record.id == case.record_id)
    ).one()


def get_case(session: Session, record: Record) -> RecallCase:
    """Get the case of a recall record; raises NotFound for another kind of record."""
    found = find_case(session, record)
    if found is None:
        raise NotFound(f"record {record.number} is not a recall that was started from a scope")
    return found


def has_ended(session: Session, notice: RecallNotice) -> bool:
    """Say whether the recall of a notice was closed or dismissed: nothing of it is due any more."""
    ended = select(Record.closed_at).where(
        Record.tenant_id == notice.tenant_id, Record.id == notice.record_id
    )
    return session.exec(ended).one() is not None


def clock_of(session: Session, case: RecallCase, record: Record) -> dict[str, str]:
    """Give the started clocks: those set, and the decision by its signature."""
    clock = {str(k): str(v) for k, v in case.clock.items()}
    decided = session.exec(
        select(Signature.signed_at).where(
            Signature.tenant_id == record.tenant_id,
            Signature.subject_uid == record.uid,
            Signature.meaning == ORDERED,
        )
    ).first()
    if decided is not None:
        clock.setdefault("decided_at", decided.isoformat())
    return clock


def due_of(site: Site, clock: Mapping[str, str], row: RecallNotice) -> datetime | None:
    """Say when a notice is due; None as long as its clock has not started."""
    term = Term(row.due_after, row.calendar, row.repeat_after, row.round)
    return due_at(site, clock, row.start_event, term)


def notice_json(
    site: Site, row: RecallNotice, clock: Mapping[str, str], now: datetime
) -> dict[str, Any]:
    """Show a notice with its deadline."""
    due = due_of(site, clock, row)
    is_open = row.state in OPEN
    return {
        "notice_id": row.uid,
        "node": row.node_id,
        "recipient": row.recipient,
        "state": row.state,
        "channel": row.channel,
        "address": row.address,
        "language": row.language,
        "subject": row.subject,
        "body": row.body.replace("{link}", ""),
        "start_event": row.start_event,
        "due_after": row.due_after,
        "repeat_after": row.repeat_after,
        "round": row.round,
        "calendar": row.calendar,
        "due_at": due.isoformat() if due else None,
        "is_late": bool(due and is_open and now > due and row.state != "mock"),
        "attempts": row.attempts,
        "last_error": row.last_error,
        "sent_at": row.sent_at.isoformat() if row.sent_at else None,
        "acknowledged_at": row.acknowledged_at.isoformat() if row.acknowledged_at else None,
        "reminded_at": row.reminded_at.isoformat() if row.reminded_at else None,
        "escalated_at": row.escalated_at.isoformat() if row.escalated_at else None,
    }


def start_clock(site: Site, context: Context, record_id: str, *, event: str, at: datetime) -> None:
    """Start one clock of a recall, such as ``completed_at``; raises Conflict when it runs."""
    require(site, context, "recall.start", about=record_id)
    if at.tzinfo is None:
        raise InputRejected("the time has no zone; end it with Z")
    if at > context.at:
        raise InputRejected(f"{at.isoformat()} is in the future; a clock starts at what happened")
    with site.store.write(context) as work:
        record = get_record(site, work.session, record_id)
        case = get_case(work.session, record)
        known = {node["start_event"] for node in case.plan["nodes"]}
        if event not in known:
            raise InputRejected(
                f"the plan has no clock {event!r}; it has: {', '.join(sorted(known))}"
            )
        if event in clock_of(work.session, case, record):
            raise Conflict(f"the clock {event!r} of {record.number} was started already")
        changes = work.change(case, clock={**case.clock, event: at.isoformat()})
        work.log("recall.clock", "record", record.uid, changes=changes, details={"clock": event})


def send_notices(
    site: Site, context: Context, record_id: str, *, public_url: str = ""
) -> list[str]:
    """Hand every planned or failed notice to its channel after the commit; returns their ids.

    Consignees answer under the public address of the site; where none is set, under `public_url`,
    and without either their notices go without a link. A mock recall sends nothing and answers
    with an empty list. Raises InputRejected when `public_url` is another one than the site's,
    Conflict once the recall has ended.
    """
    require(site, context, "recall.start", about=record_id)
    if public_url and site.public_url and public_url.rstrip("/") != site.public_url:
        raise InputRejected(
            f"{public_url} is not the public address of this site, {site.public_url}; leave it out"
        )
    answer_at = site.public_url or public_url.rstrip("/")
    with site.store.write(context) as work:
        record = get_record(site, work.session, record_id)
        get_case(work.session, record)
        if record.closed_at is not None:
            raise Conflict(f"recall {record.number} is {record.state}: nobody is told any more")
        rows = [n for n in notices_of(work.session, record) if n.state in ("planned", "failed")]
        for row in rows:
            post(work, row, answer_at)
        details = {"notices": len(rows)}
        work.log("recall.send", "record", record.uid, details=details)
        return [row.uid for row in rows]


def post(work: UnitOfWork, row: RecallNotice, answer_at: str, *, head: str = "") -> None:
    """Leave a notice for its channel, to be sent after the commit.

    The link for the answer is made when it is sent: what waits, and what was sent, holds no secret.
    """
    work.publish(
        "recall.notice",
        {
            "notice": row.uid,
            "channel": row.channel,
            "to": row.address or row.recipient,
            "subject": (head + row.subject)[:300],
            "body": row.body,
            "answer_at": answer_at,
        },
    )


def acknowledge(site: Site, context: Context, notice_id: str, evidence: str) -> None:
    """Note that a recipient took note, with the evidence; raises NotFound, Conflict."""
    require(site, context, "recall.start", about=notice_id)
    if not evidence.strip():
        raise InputRejected("say what shows it: a receipt number, a name, a file")
    with site.store.write(context) as work:
        row = work.session.exec(
            select(RecallNotice).where(
                RecallNotice.tenant_id == work.tenant_id, RecallNotice.uid == notice_id
            )
        ).first()
        if row is None:
            raise NotFound(f"there is no notice {notice_id!r}")
        if row.state == "acknowledged":
            raise Conflict(f"the notice to {row.recipient} was acknowledged already")
        if row.state == "void":
            raise Conflict(f"the plan asks for no notice to {row.recipient} any more")
        changes = work.change(row, state="acknowledged", acknowledged_at=context.at)
        work.log("recall.acknowledge", "notice", row.uid, changes=changes, reason=evidence)
        if not has_ended(work.session, row):
            plan_next(work, row)
