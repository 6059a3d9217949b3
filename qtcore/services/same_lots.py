"""Two lots found to be one: joined with a reason, parted again when that was wrong.

It must not rewrite anything: each keeps its number, its events and its edges. A trace goes through
both, and a hold on one holds the other; taking the link back gives exactly the earlier state.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, or_, select

from qtcore.context import Context
from qtcore.errors import Conflict, Fault, InputRejected, NotFound
from qtcore.services.discrepancies import review_nodes
from qtcore.services.nodes import resolve
from qtcore.services.rights import require
from qtcore.services.site import Site
from qtcore.store.queries.nodes import NodeInfo, describe_nodes, same_nodes
from qtcore.store.queries.trace import reached_nodes
from qtcore.store.tables import NodeAlias
from qtcore.store.unit import UnitOfWork


@dataclass(frozen=True, slots=True)
class SameLot:
    """Another lot that this one is: directly, by a link with its reason, or through others."""

    info: NodeInfo
    reason: str = ""
    since: datetime | None = None

    def as_json(self) -> dict[str, Any]:
        """Give the shape of the API."""
        return {
            "lot_id": self.info.uid,
            "lot_no": self.info.lot_no,
            "item": self.info.item_code,
            "source": self.info.source_code,
            "reason": self.reason,
            "since": self.since and self.since.isoformat(),
        }


def join_lots(site: Site, context: Context, lot: str, other: str, *, reason: str) -> None:
    """Note that two lots are one thing under two names.

    Raises InputRejected for lots of different items, for one lot twice and for a lot that went into
    the other; Conflict when they are joined already; NotFound, Ambiguous, Denied.
    """
    require(site, context, "lot.join", about=lot)
    _check_reason(reason)
    with site.store.write(context) as work:
        work.take_turn()
        one, two = (resolve(work.session, work.tenant_id, name) for name in (lot, other))
        _check_pair(work, one, two)
        row = NodeAlias(
            tenant_id=work.tenant_id,
            id=work.key(),
            node=one.node,
            same_as=two.node,
            reason=reason,
            recorded_at=context.at,
        )
        work.add(row)
        work.log("lot.join", "lot", one.uid, reason=reason, about=[one.uid, two.uid])
        work.flush()
        review_nodes(site, work, _all_names(work, (one.node, two.node)))


def part_lots(site: Site, context: Context, lot: str, other: str, *, reason: str) -> None:
    """Take back that two lots are one; raises NotFound when no link joins just these two."""
    require(site, context, "lot.join", about=lot)
    _check_reason(reason)
    with site.store.write(context) as work:
        work.take_turn()
        one, two = (resolve(work.session, work.tenant_id, name) for name in (lot, other))
        links = [
            row
            for row in _links(work.session, work.tenant_id, one.node)
            if {row.node, row.same_as} == {one.node, two.node}
        ]
        if not links:
            raise NotFound(f"{_named(one)} and {_named(two)} are not joined with each other")
        names = _all_names(work, (one.node, two.node))
        for row in links:
            work.change(row, undone_at=context.at)
        work.log("lot.part", "lot", one.uid, reason=reason, about=[one.uid, two.uid])
        work.flush()
        review_nodes(site, work, names)


def _all_names(work: UnitOfWork, nodes: tuple[int, int]) -> set[int]:
    """Name all that is to be looked at again: what did not fit under one name may under both."""
    return set(nodes).union(*same_nodes(work.session, work.tenant_id, nodes).values())


def same_lots(session: Session, tenant_id: int, node: int) -> list[SameLot]:
    """List what a lot was found to be the same as, with the reason where a link says it."""
    others = same_nodes(session, tenant_id, [node]).get(node, set())
    if not others:
        return []
    links = {
        row.same_as if row.node == node else row.node: row
        for row in _links(session, tenant_id, node)
    }
    infos = describe_nodes(session, tenant_id, others)
    return [
        SameLot(infos[one], links[one].reason, links[one].recorded_at)
        if one in links
        else SameLot(infos[one])
        for one in sorted(infos)
    ]


def _check_pair(work: UnitOfWork, one: NodeInfo, two: NodeInfo) -> None:
    if one.node == two.node:
        _refuse(f"{_named(one)} is one lot already; name another one")
    for info in (one, two):
        if info.kind != "lot":
            _refuse(f"{info.kind} {info.lot_no} is no lot; only lots are joined")
    if one.item_code != two.item_code:
        _refuse(f"{_named(one)} and {_named(two)} are of different items: they cannot be one lot")
    if two.node in same_nodes(work.session, work.tenant_id, [one.node]).get(one.node, ()):
        raise Conflict(f"{_named(one)} and {_named(two)} are joined already")
    for source, product in ((one, two), (two, one)):
        if product.node in reached_nodes(work.session, work.tenant_id, [source.node], "forward"):
            _refuse(f"{_named(product)} was made from {_named(source)}: they cannot be one lot")


def _refuse(text: str) -> None:
    raise InputRejected(text, [Fault("QT459", text, "other")])


def _check_reason(reason: str) -> None:
    if not reason.strip():
        text = "say what shows that they are one lot, or two: a label, a delivery note, a test"
        raise InputRejected(text, [Fault("QT411", text, "reason")])


def _links(session: Session, tenant_id: int, node: int) -> list[NodeAlias]:
    return list(
        session.exec(
            select(NodeAlias).where(
                NodeAlias.tenant_id == tenant_id,
                or_(NodeAlias.node == node, NodeAlias.same_as == node),
                col(NodeAlias.undone_at).is_(None),
            )
        )
    )


def _named(info: NodeInfo) -> str:
    return f"lot {info.lot_no} of {info.source_code}"
