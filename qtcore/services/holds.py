"""Holds on lots: placed at once, lifted with a reason, and stronger than anything else.

It must not know why a pack or recall wants one.
"""

from collections.abc import Sequence

from sqlmodel import select

from qtcore.context import Context
from qtcore.errors import InputRejected, NotFound
from qtcore.services.nodes import resolve
from qtcore.services.rights import require
from qtcore.services.site import Site
from qtcore.store.tables import Hold
from qtcore.store.unit import UnitOfWork


def place_hold(
    site: Site, context: Context, lots: Sequence[str], reason: str, *, cause: str = "manual"
) -> list[str]:
    """Hold lots in one transaction; returns the public ids of the holds."""
    require(site, context, "hold.place")
    if not reason.strip():
        raise InputRejected("a hold needs a reason, so that whoever meets it knows what to do")
    with site.store.write(context) as work:
        nodes = [resolve(work.session, work.tenant_id, lot).node for lot in lots]
        return [write_hold(work, node, reason, cause=cause).uid for node in nodes]


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
    work.log("hold.place", "hold", row.uid, reason=reason, about=[work.uid_of(node)])
    return row


def lift_hold(site: Site, context: Context, hold_id: str, reason: str) -> None:
    """Lift a hold; raises NotFound when there is no such active hold."""
    require(site, context, "hold.lift", about=hold_id)
    if not reason.strip():
        raise InputRejected("lifting a hold needs a reason")
    with site.store.write(context) as work:
        row = work.session.exec(
            select(Hold).where(Hold.tenant_id == work.tenant_id, Hold.uid == hold_id)
        ).first()
        if row is None or row.lifted_at is not None:
            raise NotFound(f"there is no active hold {hold_id!r}; it may be lifted already")
        changes = work.change(
            row, lifted_at=context.at, lifted_by=context.actor.login, lift_reason=reason
        )
        work.log(
            "hold.lift",
            "hold",
            row.uid,
            changes=changes,
            reason=reason,
            about=[work.uid_of(row.node)],
        )
