"""Effectiveness checks: how many consignees a level asks for, which were checked, what was found.

It must not know pages.
"""

from collections.abc import Mapping, Set
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from typing import Any, Final

from sqlmodel import Session, and_, col, select

from qtcore.context import Context
from qtcore.errors import Conflict, InputRejected, NotFound
from qtcore.services.recall_notices import get_case
from qtcore.services.recall_replies import get_consignee
from qtcore.services.record_views import get_record
from qtcore.services.rights import require
from qtcore.services.site import Site
from qtcore.store.tables import Party, RecallCase, RecallCheck, Record

METHODS: Final = ("visit", "phone", "mail", "portal")


@dataclass(frozen=True, slots=True)
class CheckInput:
    """What a check of one consignee found: told, understood, acted; by which method."""

    customer: str
    method: str
    notice_received: bool
    understood: bool
    acted: bool
    note: str = ""


def add_check(site: Site, context: Context, record_id: str, check: CheckInput) -> str:
    """Store an effectiveness check; returns its public id. A later one of a consignee counts.

    Raises NotFound for somebody who received nothing, Conflict once the recall is closed.
    """
    require(site, context, "recall.start", about=record_id)
    if check.method not in METHODS:
        raise InputRejected(f"method {check.method!r} is not one of {', '.join(METHODS)}")
    if len(check.note) > 2000:
        raise InputRejected("the note is longer than 2000 characters")
    with site.store.write(context) as work:
        work.take_turn()
        record = get_record(site, work.session, record_id)
        get_case(work.session, record)
        if record.closed_at is not None:
            raise Conflict(f"recall {record.number} is closed")
        party, _ = get_consignee(work.session, record, check.customer)
        row = RecallCheck(
            tenant_id=work.tenant_id,
            id=work.key(),
            uid=work.new_uid(),
            record_id=record.id,
            party_id=party.id,
            method=check.method,
            notice_received=check.notice_received,
            understood=check.understood,
            acted=check.acted,
            note=check.note,
            checked_at=context.at,
            checked_by=context.actor.login,
        )
        work.add(row)
        details = {"recall": record.number, "customer": party.code, "effective": is_effective(row)}
        work.log("recall.check", "recall_check", row.uid, about=[record.uid], details=details)
        return row.uid


def is_effective(row: RecallCheck) -> bool:
    """Say whether a consignee was told, understood and acted."""
    return row.notice_received and row.understood and row.acted


def effectiveness(
    session: Session, case: RecallCase, record: Record, customers: Set[str]
) -> dict[str, Any]:
    """Say how many consignees the declared level asks for, how many were checked and with what.

    A check of somebody who is no consignee is listed, and counts for none. Raises NotFound when
    the plan has no level of that name. Without a level nothing is required.
    """
    level = str(record.data.get("effectiveness_level") or "")
    percent = _percent(case.plan, level)
    share = len(customers) * Decimal(percent) / 100
    required = int(share.to_integral_value(rounding=ROUND_CEILING))
    rows = session.exec(
        select(RecallCheck, Party.code)
        .join(
            Party,
            and_(
                col(Party.tenant_id) == RecallCheck.tenant_id, col(Party.id) == RecallCheck.party_id
            ),
        )
        .where(RecallCheck.tenant_id == record.tenant_id, RecallCheck.record_id == record.id)
        .order_by(col(RecallCheck.id))
    ).all()
    last = {code: row for row, code in rows}
    counted = [row for code, row in last.items() if code in customers]
    good = sum(map(is_effective, counted))
    return {
        "level": level,
        "percent": percent,
        "consignees": len(customers),
        "required": required,
        "checked": len(counted),
        "effective": good,
        "is_enough": len(counted) >= required and good == len(counted),
        "checks": [
            {
                "customer": code,
                "method": row.method,
                "notice_received": row.notice_received,
                "understood": row.understood,
                "acted": row.acted,
                "note": row.note,
                "checked_at": row.checked_at.isoformat(),
                "checked_by": row.checked_by,
                "is_current": last[code] is row,
            }
            for row, code in rows
        ],
    }


def _percent(plan: Mapping[str, Any], level: str) -> int:
    if not level:
        return 0
    levels = {each["id"]: int(each["percent"]) for each in plan.get("effectiveness", ())}
    if level not in levels:
        known = ", ".join(levels) or "none"
        raise NotFound(f"the plan has no effectiveness level {level!r}; it has: {known}")
    return levels[level]
