"""What went into a lot and is held by a running recall, although the lot itself is not.

It must not place holds: freezing the scope anew does. A lot that a recall held once and whose hold
was lifted is settled for that recall, and so is what came of it.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from sqlmodel import Session

from qtcore.context import Context
from qtcore.engines.contained import SAME_AS
from qtcore.errors import Refusal
from qtcore.services.contained_shares import one_of_each
from qtcore.services.sight import keep_seen
from qtcore.services.site import Site
from qtcore.services.trace import within_time
from qtcore.store.queries.holds import RecallHold, any_recall_runs, recall_holds
from qtcore.store.queries.nodes import NodeInfo, describe_nodes, lots_of_units
from qtcore.store.queries.trace import EdgeRow, reached_nodes, trace_towards
from qtcore.store.unit import UnitOfWork

HIDDEN: Final = "an input you may not see is held by a recall"


class HeldInput(NamedTuple):
    """Something that went into a lot, and the hold of a recall on it."""

    info: NodeInfo
    hold: RecallHold
    is_hidden: bool = False

    @property
    def words(self) -> str:
        """Name the input, the recall that holds it and why, to whom may know it."""
        return HIDDEN if self.is_hidden else f"{self.info.named}: {self.hold.reason}"


def held_inputs(
    session: Session, tenant_id: int, edges: Mapping[int, Sequence[EdgeRow]]
) -> dict[int, tuple[HeldInput, ...]]:
    """List what running recalls hold of what went into nodes, by node; `edges` lead backward.

    Without a running recall one statement is sent, however many nodes there are.
    """
    if not any(edges.values()) or not any_recall_runs(session, tenant_id):
        return {}
    reached = {end for some in edges.values() for edge in some for end in (edge.src, edge.dst)}
    holds = recall_holds(session, tenant_id, reached)
    if all(hold.is_lifted for hold in holds):
        return {}
    kept = within_time(session, tenant_id, edges)
    found = {node: _standing(node, some, holds) for node, some in kept.items()}
    known = describe_nodes(session, tenant_id, {h.node for some in found.values() for h in some})
    return {
        node: tuple(HeldInput(known[hold.node], hold) for hold in some)
        for node, some in found.items()
        if some
    }


def as_seen(
    site: Site, context: Context, session: Session, held: Iterable[HeldInput]
) -> tuple[HeldInput, ...]:
    """Hide what this person may not see: that there is an input is told, not which nor why."""
    listed = tuple(held)
    infos = {each.info.node: each.info for each in listed}
    seen = {info.node for info in keep_seen(site, context, session, infos.values())}
    return tuple(each._replace(is_hidden=each.info.node not in seen) for each in listed)


def _standing(
    start: int, edges: Sequence[EdgeRow], holds: Sequence[RecallHold]
) -> list[RecallHold]:
    """List the nearest holds above a node; what a recall holds or held itself it answers for."""
    one_of = one_of_each(edges, {start, *(hold.node for hold in holds)})
    sources: dict[int, set[int]] = defaultdict(set)
    for edge in edges:
        if edge.kind != SAME_AS:
            sources[one_of[edge.dst]].add(one_of[edge.src])
    standing: list[RecallHold] = []
    for recall in dict.fromkeys(hold.recall for hold in holds):
        own = [hold for hold in holds if hold.recall == recall]
        above = _above(one_of[start], sources, {one_of[hold.node] for hold in own})
        standing += [hold for hold in own if not hold.is_lifted and one_of[hold.node] in above]
    return standing


def _above(start: int, sources: Mapping[int, set[int]], ends: set[int]) -> set[int]:
    """Name what went into a node, on no way farther than the first of `ends`."""
    found: set[int] = set()
    waiting = [start]
    while waiting:
        node = waiting.pop()
        if node not in ends:
            new = sources.get(node, set()) - found
            found |= new
            waiting += new
    return found


def held_input_refusals(
    site: Site, work: UnitOfWork, infos: Iterable[NodeInfo], *, left: datetime | None = None
) -> list[Refusal]:
    """Say which lots must not leave because of what went into them; so with a unit and its lots.

    Cases are not looked into: ask for what is inside them now. With `left` only what was held when
    they left counts.
    """
    session, tenant_id = work.session, work.tenant_id
    asked = {info.node: info for info in infos if info.kind != "logistic_unit"}
    if not asked or not any_recall_runs(session, tenant_id):
        return []
    lots = lots_of_units(session, tenant_id, asked)
    starts = {node: sorted({node, *lots.get(node, ())}) for node in asked}
    nodes = sorted({one for some in starts.values() for one in some})
    reached = reached_nodes(session, tenant_id, nodes, "backward")
    holds = recall_holds(session, tenant_id, reached)
    standing = {hold.node for hold in holds if not hold.is_lifted}
    if not standing:
        return []
    edges = trace_towards(session, tenant_id, nodes, "backward", ends=standing)
    found = held_inputs(session, tenant_id, edges)
    return [
        _refusal(info, held)
        for node, info in asked.items()
        for held in as_seen(site, work.context, session, _each_once(found, starts[node]))
        if left is None or held.hold.placed_at <= left
    ]


def _each_once(
    found: Mapping[int, Sequence[HeldInput]], nodes: Iterable[int]
) -> Iterable[HeldInput]:
    return {held.hold.uid: held for node in nodes for held in found.get(node, ())}.values()


def _refusal(info: NodeInfo, held: HeldInput) -> Refusal:
    if held.is_hidden:
        return Refusal(
            "QT563",
            f"{info.named}: {HIDDEN}; accepted is only a lot without such an input",
            fix="ask those who run the recall to freeze its scope anew and to lift the hold",
        )
    number = held.hold.number
    return Refusal(
        "QT563",
        f"{info.named} was made of {held.info.named}, which is on hold for a recall since "
        f"{held.hold.placed_at:%Y-%m-%d}: {held.hold.reason}; accepted is only a lot without such "
        "an input",
        fix=f"freeze the scope of recall {number} anew, which holds this lot as well if it is "
        "still in the scope, and lift its hold once it is found good; or lift the hold on "
        f"{held.info.named}",
    )
