"""A recall as it stands: clock, notices, replies, balance, checks, differences; and its reports.

It must not change anything.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlmodel import Session

from qtcore.context import Context
from qtcore.engines.balance import exactly
from qtcore.services.recall_checks import effectiveness
from qtcore.services.recall_notices import clock_of, get_case, notice_json
from qtcore.services.recall_planning import newest_snapshot, notices_of
from qtcore.services.recall_reconcile import Reconciled, reconcile
from qtcore.services.recall_replies import replies_of
from qtcore.services.recall_scope import RecallScope, compute_scope
from qtcore.services.recall_seeds import Question
from qtcore.services.record_views import get_record
from qtcore.services.rights import require
from qtcore.services.site import Site
from qtcore.services.wire import decimal_text
from qtcore.store.queries.nodes import active_holds
from qtcore.store.tables import RecallCase, RecallSnapshot, Record


@dataclass(frozen=True, slots=True)
class CaseView:
    """A recall as it stands now, beside what was frozen of it."""

    record: Record
    case: RecallCase
    snapshot: RecallSnapshot
    scope: RecallScope
    reconciled: Reconciled
    parts: Mapping[str, Any]

    def as_json(self) -> dict[str, Any]:
        """Give the shape of the API."""
        record, case, snapshot = self.record, self.case, self.snapshot
        return {
            "record_id": record.uid,
            "number": record.number,
            "title": record.title,
            "state": record.state,
            "is_mock": case.is_mock,
            "plan": case.plan["id"],
            "jurisdiction": case.plan["jurisdiction"],
            "recall_class": case.recall_class,
            "question": case.question,
            "timings": case.timings,
            "closure": case.closure,
            "closed_at": record.closed_at.isoformat() if record.closed_at else None,
            "snapshot": {
                "number": snapshot.number,
                "taken_at": snapshot.taken_at.isoformat(),
                "taken_by": snapshot.taken_by,
                "content_sha256": snapshot.content_sha256,
            },
            "balance": self.reconciled.as_json(),
            "located_percent": self.scope.located_percent(),
            **self.parts,
        }


def read_case(site: Site, context: Context, record_id: str) -> CaseView:
    """Read a recall by its public id or number; raises NotFound."""
    require(site, context, "recall.scope", about=record_id)
    with site.store.read() as session:
        record = get_record(site, session, record_id)
        return view_case(site, session, record, context.at)


def view_case(site: Site, session: Session, record: Record, now: datetime) -> CaseView:
    """View a recall inside a running session."""
    case = get_case(session, record)
    snapshot = newest_snapshot(session, record)
    scope = compute_scope(site, session, question_of(case), with_shares=False)
    today = scope.as_json()
    clock = clock_of(session, case, record)
    rows = notices_of(session, record)
    infos = {node.info.node: node.info for node in scope.trace.nodes}
    on_hold = active_holds(session, record.tenant_id, infos)
    held = sorted(infos[node].uid for node in on_hold if node in infos)
    parts = {
        "clock": clock,
        "notices": [notice_json(site, row, clock, now) for row in rows],
        "replies": replies_of(session, record),
        "effectiveness": _effectiveness(session, case, record, scope),
        "now": {**{name: today[name] for name in ("open_orders", "in_transit")}, "held": held},
        "since_snapshot": differences(snapshot.scope, today),
    }
    return CaseView(record, case, snapshot, scope, reconcile(site, session, record, scope), parts)


def _effectiveness(
    session: Session, case: RecallCase, record: Record, scope: RecallScope
) -> dict[str, Any]:
    """Ask for checks of who can be checked: named customers, not our own sites.

    How many shipments name no customer is told: nobody can be asked about those.
    """
    customers = {ship.customer for ship in scope.shipments} - {""} - scope.where.own_sites
    nameless = {ship.event_id for ship in scope.shipments if not ship.customer}
    found = effectiveness(session, case, record, customers)
    return {**found, "shipments_without_customer": len(nameless)}


def question_of(case: RecallCase) -> Question:
    """Give the question a recall was opened with."""
    asked = case.question

    def moment(name: str) -> datetime | None:
        return datetime.fromisoformat(asked[name]) if asked.get(name) else None

    return Question(
        lots=tuple(asked["lots"]),
        equipment=asked["equipment"],
        supplier=asked["supplier"],
        where=asked["where"],
        since=moment("from"),
        until=moment("to"),
        # Recalls that older releases opened did not ask for it.
        include_unrecorded=asked.get("include_unrecorded", False),
    )


@exactly
def differences(frozen: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any]:
    """Compare a frozen scope with today's: added, removed, moved, quantity changed, shipped since.

    `moved` names lots whose places changed with the same sum, `changed` those whose sum changed,
    `withdrawn` shipments that were told then and were corrected or declared an error since.
    """
    before = {lot["lot_id"]: lot for lot in frozen["lots"]}
    after = {lot["lot_id"]: lot for lot in now["lots"]}
    places_then, places_now = _places(frozen), _places(now)
    moved: list[dict[str, Any]] = []
    changed: list[dict[str, Any]] = []
    for uid in before.keys() & after.keys():
        then, today = places_then.get(uid, {}), places_now.get(uid, {})
        if then == today:
            continue
        sums = [decimal_text(_sum(then)), decimal_text(_sum(today))]
        entry = {
            **_named(after[uid]), "before": then, "after": today, "quantities": sums,
            "unit": after[uid]["unit"],
        }  # fmt: skip
        (moved if _sum(then) == _sum(today) else changed).append(entry)
    known, current = ({_key(ship) for ship in scope["shipments"]} for scope in (frozen, now))
    return {
        "added": [_named(lot) for uid, lot in after.items() if uid not in before],
        "removed": [_named(lot) for uid, lot in before.items() if uid not in after],
        "moved": sorted(moved, key=lambda row: row["lot_no"]),
        "changed": sorted(changed, key=lambda row: row["lot_no"]),
        "verdicts": [
            {**_named(lot), "before": before[uid]["verdict"], "after": lot["verdict"]}
            for uid, lot in after.items()
            if uid in before and before[uid]["verdict"] != lot["verdict"]
        ],
        "shipped": [ship for ship in now["shipments"] if _key(ship) not in known],
        "withdrawn": [ship for ship in frozen["shipments"] if _key(ship) not in current],
    }


def _key(shipment: Mapping[str, Any]) -> tuple[str, str]:
    return shipment["event_id"], shipment["lot_id"]


def _named(lot: Mapping[str, Any]) -> dict[str, Any]:
    return {name: lot[name] for name in ("lot_id", "lot_no", "item")}


def _places(scope: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for row in scope["on_hand"]:
        found.setdefault(row["lot_id"], {})[row["place"]] = row["quantity"]
    return found


def _sum(places: Mapping[str, str]) -> Decimal:
    return sum((Decimal(amount) for amount in places.values()), Decimal(0))


def report_rows(view: CaseView) -> list[dict[str, str]]:
    """Give the progress report as rows of one table: a line per consignee."""
    current = {r["customer"]: r for r in view.parts["replies"] if r["is_current"]}
    told = {n["recipient"]: n for n in view.parts["notices"]}
    rows = []
    for line in view.reconciled.customers:
        reply = current.get(line["customer"], {})
        notice = told.get(line["customer"], {})
        rows.append(
            {
                "recall": view.record.number,
                "customer": str(line["customer"]),
                "notice": str(notice.get("state") or ""),
                "sent_at": str(notice.get("sent_at") or ""),
                "acknowledged": "yes" if reply.get("acknowledged") else "no",
                "impact": str(reply.get("impact") or ""),
                "completed": "yes" if reply.get("completed") else "no",
                "unit": str(line["unit"]),
                "shipped": str(line["shipped"]),
                "returned": str(line["returned"]),
                "reported": str(line["reported"]),
                "unaccounted": str(line["unaccounted"]),
            }
        )
    return rows
