"""Open orders: lines that reserve a lot for a customer until it leaves or is cancelled.

It must not know holds beyond refusing to reserve, or to call shipped, what must not leave.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlmodel import select

from qtcore.context import Context
from qtcore.errors import Fault, InputRejected, NotFound, Refusal, Refused
from qtcore.services.contents import shipped_inside
from qtcore.services.held_inputs import held_input_refusals
from qtcore.services.master import get_master
from qtcore.services.rights import COMPANY, require
from qtcore.services.sight import get_seen, require_at
from qtcore.services.site import Site
from qtcore.services.wire import decimal_text
from qtcore.store.queries.events import movements_of
from qtcore.store.queries.nodes import NodeInfo, active_holds, describe_nodes, lots_of_units
from qtcore.store.queries.recalls import OrderRow
from qtcore.store.tables import OrderLine, Party
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
        _refuse(_reasons(site, work, info, fix="lift the hold, or take another lot"))
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

    Raises NotFound, and Refused for a line that is said to have left although its lot must not:
    it is among what a recall can still stop, unless it was shipped before the hold was placed.
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
            _refuse_unless_left(site, work, row)
        changes = work.change(row, state=state)
        about = [work.uid_of(row.node)]
        work.log("order.finish", "order_line", row.uid, changes=changes, about=about)


def _refuse_unless_left(site: Site, work: UnitOfWork, row: OrderLine) -> None:
    """Refuse to call a line done whose lot must not leave and had not left before that."""
    info = describe_nodes(work.session, work.tenant_id, [row.node])[row.node]
    fix = "lift the hold and finish the line again, or finish it as cancelled"
    reasons = _reasons(site, work, info, fix=fix)
    # Shipments are read only where something is in the way.
    if reasons and (left := _left_at(work, row)):
        reasons = _reasons(site, work, info, fix=fix, left=left)
    _refuse(reasons)


def _left_at(work: UnitOfWork, row: OrderLine) -> datetime | None:
    """Say when the lot left for this customer first, by itself or in a case, since it was asked."""
    session, tenant = work.session, work.tenant_id
    code = session.exec(
        select(Party.code).where(Party.tenant_id == tenant, Party.id == row.customer_id)
    ).one()
    acts = movements_of(session, tenant, [row.node])
    moved = [*acts, *shipped_inside(session, tenant, {row.node: acts})]
    times = [m.event_at for m in moved if m.effect == "shipped" and m.to_party == code]
    return min((at for at in times if at > row.recorded_at), default=None)


def _reasons(
    site: Site, work: UnitOfWork, info: NodeInfo, *, fix: str, left: datetime | None = None
) -> list[Refusal]:
    """Say why a lot must not leave, or why a serial whose lot must not; so shipping refuses it.

    Only what was in force when it `left` counts, where that is known.
    """
    session, tenant = work.session, work.tenant_id
    lots = lots_of_units(session, tenant, [info.node]).get(info.node, ())
    held = active_holds(session, tenant, [info.node, *lots])
    own = [
        Refusal(
            "QT445",
            f"{info.named} is on hold since {hold.placed_at:%Y-%m-%d}: {hold.reason}",
            fix=fix,
        )
        for node in sorted(held)
        for hold in held[node]
        if left is None or hold.placed_at <= left
    ]
    return [*own, *held_input_refusals(site, work, [info], left=left)]


def _refuse(refusals: Sequence[Refusal]) -> None:
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
