"""Holds on lots: placed at once, lifted with a reason, and stronger than anything else.

It must not know why a pack or recall wants one. Nothing but the hold itself is changed:
reservations and states stand as they were, so that lifting the last hold restores exactly the
earlier state, and lifting one of several lifts no other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlmodel import select

from qtcore.context import Context
from qtcore.errors import InputRejected, NotFound
from qtcore.services.lot_changes import tell_findings
from qtcore.services.orders import order_json
from qtcore.services.rights import COMPANY, require
from qtcore.services.sight import get_seen, keep_seen, require_at
from qtcore.services.site import Site
from qtcore.store.queries.nodes import active_holds, describe_nodes
from qtcore.store.queries.recalls import open_orders_of
from qtcore.store.tables import Hold
from qtcore.store.unit import UnitOfWork


@dataclass(frozen=True, slots=True)
class Held:
    """Holds that were placed together, and the reservations they broke."""

    holds: tuple[str, ...]
    broken: tuple[dict[str, Any], ...]

    def as_json(self) -> dict[str, Any]:
        """Give the shape of the API."""
        return {"holds": list(self.holds), "broken": list(self.broken)}


def place_hold(
    site: Site, context: Context, lots: Sequence[str], reason: str, *, cause: str = "manual"
) -> list[str]:
    """Hold lots in one transaction; returns the public ids of the holds."""
    return list(hold_all(site, context, lots, reason, cause=cause).holds)


def hold_all(
    site: Site, context: Context, lots: Sequence[str], reason: str, *, cause: str = "manual"
) -> Held:
    """Hold lots in one transaction and say which open orders that stops."""
    require(site, context, "hold.place", about=lots[0] if lots else "")
    require_at(site, context, "hold.place", lots)
    if not reason.strip():
        raise InputRejected("a hold needs a reason, so that whoever meets it knows what to do")
    with site.store.write(context) as work:
        # A shipment that was checked before the hold commits first, one after it is refused.
        work.take_turn()
        nodes = [get_seen(site, context, work.session, lot).node for lot in lots]
        return write_holds(work, list(dict.fromkeys(nodes)), reason, cause=cause)


def write_holds(
    work: UnitOfWork,
    nodes: Sequence[int],
    reason: str,
    *,
    cause: str,
    record_uid: str | None = None,
) -> Held:
    """Place holds inside a running unit of work that has its turn; list what that stops."""
    held_before = active_holds(work.session, work.tenant_id, nodes)
    orders = [
        row
        for row in open_orders_of(work.session, work.tenant_id, nodes)
        if row.node not in held_before
    ]
    uids = {row.node: work.uid_of(row.node) for row in orders}
    broken = tuple(order_json(row, uids, True) for row in orders)
    holds = tuple(
        write_hold(work, node, reason, cause=cause, record_uid=record_uid).uid for node in nodes
    )
    for row in orders:
        work.log(
            "order.stop",
            "order_line",
            row.uid,
            reason=reason,
            about=[uids[row.node]],
            details={"order": row.order_no, "line": row.line_no, "customer": row.customer},
        )
    tell_findings(work, [work.uid_of(node) for node in nodes])
    return Held(holds, broken)


def write_hold(
    work: UnitOfWork, node: int, reason: str, *, cause: str, record_uid: str | None = None
) -> Hold:
    """Place a hold inside a running unit of work."""
    row = Hold(
        tenant_id=work.tenant_id,
        id=work.key(),
        uid=work.new_uid(),
        node=node,
        reason=reason,
        cause=cause,
        record_uid=record_uid,
        placed_at=work.context.at,
        placed_by=work.context.actor.login,
    )
    work.add(row)
    details = {"cause": cause, "record": record_uid or ""}
    about = [work.uid_of(node)]
    work.log("hold.place", "hold", row.uid, reason=reason, about=about, details=details)
    return row


def lift_hold(site: Site, context: Context, hold_id: str, reason: str) -> None:
    """Lift a hold; raises NotFound when there is no such active hold."""
    require(site, context, "hold.lift", about=hold_id)
    _require_at_node(site, context, hold_id)
    _check_reason(reason)
    with site.store.write(context) as work:
        work.take_turn()
        row = work.session.exec(
            select(Hold).where(Hold.tenant_id == work.tenant_id, Hold.uid == hold_id)
        ).first()
        if row is None or row.lifted_at is not None:
            raise _missing_hold(hold_id)
        _lift(work, row, reason)


def lift_holds_of(site: Site, context: Context, record_uid: str, reason: str) -> list[str]:
    """Lift all holds of one record, such as a recall; holds with another cause stay in force.

    Returns the public ids of the holds that were lifted; raises NotFound when none is in force.
    """
    require(site, context, "hold.lift", about=record_uid, thing=COMPANY)
    _check_reason(reason)
    with site.store.write(context) as work:
        work.take_turn()
        rows = work.session.exec(
            select(Hold).where(
                Hold.tenant_id == work.tenant_id,
                Hold.record_uid == record_uid,
                Hold.lifted_at == None,  # noqa: E711
            )
        ).all()
        if not rows:
            raise NotFound("this record has no hold in force; they may be lifted already")
        for row in rows:
            _lift(work, row, reason)
        return [row.uid for row in rows]


def _require_at_node(site: Site, context: Context, hold_id: str) -> None:
    """Ask for the right where the held lot stands; NotFound for a lot this person does not see."""
    with site.store.read() as session:
        row = session.exec(
            select(Hold).where(Hold.tenant_id == site.store.tenant_id, Hold.uid == hold_id)
        ).first()
        known = describe_nodes(session, site.store.tenant_id, [row.node]) if row else {}
        if not keep_seen(site, context, session, known.values()):
            raise _missing_hold(hold_id)
    require_at(site, context, "hold.lift", [info.uid for info in known.values()])


def _missing_hold(hold_id: str) -> NotFound:
    return NotFound(f"there is no active hold {hold_id!r}; it may be lifted already")


def _check_reason(reason: str) -> None:
    if not reason.strip():
        raise InputRejected("lifting a hold needs a reason")


def _lift(work: UnitOfWork, row: Hold, reason: str) -> None:
    changes = work.change(
        row, lifted_at=work.context.at, lifted_by=work.context.actor.login, lift_reason=reason
    )
    about = [work.uid_of(row.node)]
    work.log("hold.lift", "hold", row.uid, changes=changes, reason=reason, about=about)
    tell_findings(work, about)
