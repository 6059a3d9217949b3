"""Notices of a recall: planned from the nodes of the plan, with deadlines, sent, acknowledged.

It must not know how a scope is found. A notice of a mock recall is never sent.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol

from sqlmodel import Session, select

from qtcore.context import Context
from qtcore.definitions.recalls import RecallDefinition, RecallNode
from qtcore.errors import Conflict, InputRejected, NotFound
from qtcore.services.recall_clock import due_at
from qtcore.services.recall_texts import language_of, write_body, write_subject
from qtcore.services.record_views import get_record
from qtcore.services.rights import require
from qtcore.services.site import Site
from qtcore.store.queries.recalls import parties_by_code
from qtcore.store.tables import RecallCase, RecallNotice, Record, Signature
from qtcore.store.unit import UnitOfWork

OUTBOX: Final = "outbox"
EMAIL: Final = "email"
ORDERED: Final = "recall_ordered"
_PLACES: Final = ("own_warehouses", "own_sites")
_URGENT: Final = ("I", "II")


class FoundScope(Protocol):
    """What notices need of a scope: its JSON."""

    def as_json(self) -> dict[str, Any]:
        """Give the shape of the API."""


@dataclass(frozen=True, slots=True)
class _Recipient:
    name: str
    party_id: int | None = None
    address: str = ""
    lots: tuple[Mapping[str, Any], ...] = ()
    language: str = "en"


def nodes_of(site: Site, plan: RecallDefinition) -> list[RecallNode]:
    """List the nodes of a plan with those that packs add, in their order."""
    added = [n for _, nodes in site.hooks.contribute_recall_nodes(plan).values for n in nodes]
    known = {node.id for node in plan.nodes}
    return sorted((*plan.nodes, *(n for n in added if n.id not in known)), key=lambda n: n.order)


def plan_notices(site: Site, work: UnitOfWork, case: RecallCase, scope: FoundScope) -> int:
    """Write one notice per node of the plan and recipient; returns how many.

    A class that was not chosen yet plans for the first, the strictest, class.
    """
    plan = RecallDefinition.model_validate(case.plan)
    klass = case.recall_class or plan.classes[0].id
    record = record_of(work.session, case)
    content = scope.as_json()
    count = 0
    for node in nodes_of(site, plan):
        if klass not in node.due:
            continue
        for recipient in _recipients(work, node, content):
            work.add(_notice(site, work, (case, record, klass), (node, recipient)))
            count += 1
    work.flush()
    return count


def _recipients(work: UnitOfWork, node: RecallNode, content: Mapping[str, Any]) -> list[_Recipient]:
    if node.recipient == "direct_accounts":
        rows = [(row["customer"], row) for row in content["shipped_sales_orders"]]
        return _parties(work, rows)
    if node.recipient == "suppliers":
        rows = [(row["supplier"], row) for row in content["purchase_orders"]]
        return _parties(work, rows)
    if node.recipient in _PLACES:
        bins = [_Recipient(b["place"], lots=tuple(b["lots"])) for b in content["stock_on_hand"]]
        return bins or [_Recipient(node.recipient)]
    return [_Recipient(node.recipient, lots=tuple(content["lots"])[:50])]


def _parties(work: UnitOfWork, rows: Sequence[tuple[str, Mapping[str, Any]]]) -> list[_Recipient]:
    known = parties_by_code(work.session, work.tenant_id, [code for code, _ in rows])
    return [
        _Recipient(
            code,
            known[code].id if code in known else None,
            str(row["email"]),
            tuple(row["lots"]),
            str((known[code].contacts or {}).get("language", "en")) if code in known else "en",
        )
        for code, row in rows
        if code
    ]


def _notice(
    site: Site,
    work: UnitOfWork,
    told: tuple[RecallCase, Record, str],
    to: tuple[RecallNode, _Recipient],
) -> RecallNotice:
    (case, record, klass), (node, recipient) = told, to
    language = language_of(recipient.language)
    facts = {
        **record.data,
        "number": record.number,
        "recipient": recipient.name,
        "step": site.registry.text(f"recalls.{case.plan['id']}.nodes.{node.id}", language),
        "klass": klass,
        "is_urgent": klass in _URGENT,
    }
    return RecallNotice(
        tenant_id=work.tenant_id,
        id=work.key(),
        uid=work.new_uid(),
        record_id=record.id,
        node_id=node.id,
        recipient=recipient.name,
        party_id=recipient.party_id,
        start_event=node.start_event,
        due_after=node.due[klass],
        calendar=node.calendar,
        state="mock" if case.is_mock else "planned",
        channel=EMAIL if recipient.address else OUTBOX,
        address=recipient.address,
        language=language,
        subject=write_subject(language, facts),
        body=write_body(language, facts, recipient.lots),
    )


def record_of(session: Session, case: RecallCase) -> Record:
    """Get the record of a case."""
    return session.exec(
        select(Record).where(Record.tenant_id == case.tenant_id, Record.id == case.record_id)
    ).one()


def get_case(session: Session, record: Record) -> RecallCase:
    """Get the case of a recall record; raises NotFound for another kind of record."""
    found = session.exec(
        select(RecallCase).where(
            RecallCase.tenant_id == record.tenant_id, RecallCase.record_id == record.id
        )
    ).first()
    if found is None:
        raise NotFound(f"record {record.number} is not a recall that was started from a scope")
    return found


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


def notices_of(session: Session, record: Record) -> list[RecallNotice]:
    """List the notices of a recall in the order of the plan."""
    rows = session.exec(
        select(RecallNotice).where(
            RecallNotice.tenant_id == record.tenant_id, RecallNotice.record_id == record.id
        )
    ).all()
    return sorted(rows, key=lambda row: row.id)


def notice_json(row: RecallNotice, clock: Mapping[str, str], now: datetime) -> dict[str, Any]:
    """Show a notice with its deadline."""
    due = due_at(clock, row.start_event, row.due_after, row.calendar)
    is_open = row.state in ("planned", "failed", "sent", "mock")
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
    with an empty list. Raises InputRejected when `public_url` is another one than the site's.
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
        changes = work.change(row, state="acknowledged", acknowledged_at=context.at)
        work.log("recall.acknowledge", "notice", row.uid, changes=changes, reason=evidence)
