"""Whether a recall may be closed, and what is declared with the closure.

It must not know how a transition is made: `services.transitions` asks inside the closing one.
"""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from hashlib import sha256
from typing import Any, Final

from sqlmodel import Session, select

from qtcore.engines.ledger import canonical_bytes
from qtcore.errors import NotFound, Refusal
from qtcore.hookspecs import RecallFacts
from qtcore.services.recall_cases import CaseView, view_case
from qtcore.services.recall_notices import get_case
from qtcore.services.site import Site
from qtcore.services.wire import decimal_text
from qtcore.store.tables import Record, RecordRevision
from qtcore.store.unit import UnitOfWork

CLOSED: Final = "recall_closed"
"""The meaning of the signature that closes a recall (regulatory: signature meanings)."""


def judge_closure(
    site: Site, work: UnitOfWork, record: Record, values: Mapping[str, Any]
) -> list[Refusal]:
    """Say why a recall must not be closed; what is justified is no reason any more.

    `values` may hold ``justification``: why quantity that is unaccounted for, or checks that are
    missing, are accepted. Writes what is declared into the case when nothing stands in the way.
    """
    work.take_turn()
    try:
        get_case(work.session, record)
    except NotFound:
        return []  # a record of this kind that was never started from a scope has nothing to count
    view = view_case(site, work.session, record, work.context.at)
    justification = str(values.get("justification") or "").strip()
    tolerance, first = _tolerance(record.data), _first_tolerance(work.session, record)
    reasons = [] if justification else _open_points(view, tolerance, first)
    reasons += site.hooks.judge_recall_closure(_facts(view, values))
    if not reasons:
        _declare(work, view, (tolerance, justification))
    return reasons


def _tolerance(data: Mapping[str, Any]) -> Decimal:
    try:
        return Decimal(str(data.get("tolerance_percent") or "0"))
    except InvalidOperation:
        return Decimal(0)


def _first_tolerance(session: Session, record: Record) -> Decimal:
    """Read what was tolerated when the recall was opened: what came later is a wish to close it."""
    data = session.exec(
        select(RecordRevision.data).where(
            RecordRevision.tenant_id == record.tenant_id,
            RecordRevision.record_id == record.id,
            RecordRevision.revision == 1,
        )
    ).one()
    return _tolerance(data)


def _open_points(view: CaseView, tolerance: Decimal, first: Decimal) -> list[Refusal]:
    reasons = []
    percent = view.reconciled.worst_percent(inside_only=view.case.is_mock)
    listed = ", ".join(f"{decimal_text(n)} {u}" for u, n in view.reconciled.unaccounted.items())
    found = f"{listed} are unaccounted for, {percent:.2f} % of what there was"
    if percent > tolerance:
        reasons.append(
            Refusal(
                "QT496",
                f"{found}; {decimal_text(tolerance)} % are tolerated",
                fix="record returns, destruction and replies, or close with a justification",
            )
        )
    elif percent > first:
        reasons.append(
            Refusal(
                "QT564",
                f"{found}; {decimal_text(tolerance)} % are tolerated since a correction, "
                f"{decimal_text(first)} % when the recall was opened",
                fix="record returns, destruction and replies, or close with a justification of the "
                "higher tolerance",
            )
        )
    if view.reconciled.problems:
        text = f"not everything can be counted: {view.reconciled.problems[0].in_english()}"
        fix = "correct these events, or close with a justification"
        reasons.append(Refusal("QT497", text, fix=fix))
    done = view.parts["effectiveness"]
    if not view.case.is_mock and not done["is_enough"]:
        text = (
            f"level {done['level'] or '-'} asks for {done['required']} effective checks of "
            f"{done['consignees']} consignees; {done['checked']} were checked, "
            f"{done['effective']} of them effective"
        )
        fix = "check further consignees, or close with a justification"
        reasons.append(Refusal("QT498", text, fix=fix))
    return reasons


def _facts(view: CaseView, values: Mapping[str, Any]) -> RecallFacts:
    totals = view.reconciled.totals
    one = totals[0] if len(totals) == 1 else None
    waiting = ("planned", "failed", "sent")
    return RecallFacts(
        recall_id=view.record.uid,
        plan=view.case.plan["id"],
        recall_class=view.case.recall_class,
        state=view.record.state,
        is_mock=view.case.is_mock,
        lots=tuple(node.info.uid for node in view.scope.trace.nodes),
        customers=tuple(sorted({ship.customer for ship in view.scope.shipments})),
        notices_open=tuple(n["notice_id"] for n in view.parts["notices"] if n["state"] in waiting),
        shipped=Decimal(one["shipped"]) if one else None,
        returned=Decimal(one["returned"]) if one else None,
        unaccounted=Decimal(one["unaccounted"]) if one else None,
        unit=one["unit"] if one else "",
        values={**view.record.data, **values},
    )


def _declare(work: UnitOfWork, view: CaseView, declared: tuple[Decimal, str]) -> None:
    tolerance, justification = declared
    report = view.as_json()
    closure = {
        "tolerance_percent": decimal_text(tolerance),
        "unaccounted": {u: decimal_text(n) for u, n in view.reconciled.unaccounted.items()},
        "unaccounted_percent": report["balance"]["unaccounted_percent"],
        "justification": justification,
        "report_sha256": sha256(canonical_bytes(report)).hexdigest(),
        "closed_by": work.context.actor.login,
        "closed_at": work.context.at.isoformat(),
    }
    changes = work.change(view.case, closure=closure)
    work.log(
        "recall.closure",
        "record",
        view.record.uid,
        changes=changes,
        reason=justification,
        details=closure,
    )
