"""Open orders: lines that reserve a lot for a customer until it leaves or is cancelled.

It must not know holds beyond refusing to reserve what is held.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlmodel import select

from qtcore.context import Context
from qtcore.errors import Fault, InputRejected, NotFound, Refusal, Refused
from qtcore.services.master import get_master
from qtcore.services.rights import COMPANY, require
from qtcore.services.sight import get_seen, require_at
from qtcore.services.site import Site
from qtcore.services.wire import decimal_text
from qtcore.store.queries.nodes import NodeInfo, active_holds, describe_nodes
from qtcore.store.queries.recalls import OrderRow
from qtcore.store.tables import OrderLine
from qtcore.store.unit import UnitOfWork


def order_json(row: OrderRow, uids: Mapping[int, str], is_stopped: bool) -> dict[str, Any]:
    """Show an open order line; it is stopped as long as a hold is on its lot."""
    return {
        "order_line_id": row.uid,
        "order_no": row.order_no,
        "line_no": row.line_no,
        "lot_id": uids[row.node],
        "quantity": decimal_text(row.quantity),
        "unit": row.unit,
        "due_at": row.due_at.isoformat() if row.due_at else None,
        "customer": row.customer,
        "customer_name": row.customer_name,
        **contact_json(row.contacts),
        "is_stopped": is_stopped,
        "can_be_stopped": True,
    }


def contact_json(
    contacts: Mapping[str, Any], extra: Mapping[str, Any] | None = None
) -> dict[str, str]:
    """Give what one needs to call somebody: e-mail, phone, where goods go; empty when unknown."""
    given = {**(extra or {}), **contacts}

    def first(*names: str) -> str:
        return next((str(given[name]) for name in names if given.get(name)), "")

    return {
        "email": first("email", "mail", "e_mail"),
        "phone": first("phone", "telephone", "tel", "mobile"),
        "ship_to": first("ship_to", "address", "delivery_address"),
    }


@dataclass(frozen=True, slots=True)
class OrderInput:
    """A line of a customer's order: which lot is reserved, how much, when it shall leave."""

    order_no: str
    line_no: int
    customer: str
    lot: str
    quantity: Decimal
    unit: str
    due_at: datetime | None = None


def reserve(site: Site, context: Context, order: OrderInput) -> str:
    """Reserve a lot for a line of an order; returns its public id.

    Raises Refused for a held lot, Conflict for a line that exists, NotFound, InputRejected.
    """
    require(site, context, "event.record", about=order.order_no)
    _check(site, order)
    require_at(site, context, "event.record", [order.lot])
    with site.store.write(context) as work:
        work.take_turn()
        info = get_seen(site, context, work.session, order.lot)
        customer = get_master(work.session, work.tenant_id, "party", order.customer)
        _refuse_held(work, info, fix="lift the hold, or take another lot")
        row = OrderLine(
            tenant_id=work.tenant_id,
            id=work.key(),
            uid=work.new_uid(),
            order_no=order.order_no,
            line_no=order.line_no,
            customer_id=customer.id,
            node=info.node,
            quantity=order.quantity,
            unit=order.unit,
            due_at=order.due_at,
            recorded_at=context.at,
            recorded_by=context.actor.login,
        )
        work.add(row)
        details = {"order": row.order_no, "line": row.line_no, "customer": order.customer}
        work.log("order.reserve", "order_line", row.uid, about=[info.uid], details=details)
        return row.uid


def finish_order(site: Site, context: Context, order_line_id: str, state: str) -> None:
    """Say that a line has left (``done``) or will not (``cancelled``).

    Raises NotFound, and Refused for a line of a held lot that is said to have left: it is among
    what a recall can still stop.
    """
    require(site, context, "event.record", about=order_line_id, thing=COMPANY)
    if state not in ("done", "cancelled"):
        raise InputRejected(f"state {state!r} is not one of done, cancelled")
    with site.store.write(context) as work:
        work.take_turn()
        row = work.session.exec(
            select(OrderLine).where(
                OrderLine.tenant_id == work.tenant_id, OrderLine.uid == order_line_id
            )
        ).first()
        if row is None or row.state != "open":
            raise NotFound(f"there is no open order line {order_line_id!r}; it may be finished")
        if state == "done":
            info = describe_nodes(work.session, work.tenant_id, [row.node])[row.node]
            fix = "lift the hold and finish the line again, or finish it as cancelled"
            _refuse_held(work, info, fix=fix)
        changes = work.change(row, state=state)
        about = [work.uid_of(row.node)]
        work.log("order.finish", "order_line", row.uid, changes=changes, about=about)


def _refuse_held(work: UnitOfWork, info: NodeInfo, *, fix: str) -> None:
    holds = active_holds(work.session, work.tenant_id, [info.node]).get(info.node, ())
    refusals = [
        Refusal(
            "QT445",
            f"{info.named} is on hold since {hold.placed_at:%Y-%m-%d}: {hold.reason}",
            fix=fix,
        )
        for hold in holds
    ]
    if refusals:
        raise Refused(refusals[0].message, refusals)


def _check(site: Site, order: OrderInput) -> None:
    faults = []
    if not order.order_no.strip():
        faults.append(Fault("QT411", "the order number is missing", "order_no"))
    if order.line_no < 1:
        faults.append(Fault("QT411", f"line {order.line_no} is not 1 or more", "line_no"))
    if not order.quantity.is_finite() or order.quantity <= 0:
        faults.append(Fault("QT411", f"quantity {order.quantity} is not above zero", "quantity"))
    if site.registry.unit(order.unit) is None:
        text = f"unit {order.unit!r} is not declared; give one such as kg or {{count}}"
        faults.append(Fault("QT433", text, "unit"))
    if faults:
        raise InputRejected(faults[0].message, faults)
