"""Imported facts that a command would have refused: found, named, resolved by later facts.

It must not refuse anything, nor depend on the order in which facts arrived: it looks at what is
known now.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import col, select

from qtcore.engines.genealogy import Edge as Link
from qtcore.engines.genealogy import find_cycle
from qtcore.services.packings import find_misfits
from qtcore.services.site import Site
from qtcore.services.stock import SIGN, stock_of_nodes
from qtcore.store.queries.events import MovementRow, movements_of
from qtcore.store.queries.keyset import batched
from qtcore.store.queries.nodes import NodeInfo, describe_nodes
from qtcore.store.queries.trace import trace_edges
from qtcore.store.tables import Discrepancy, Hold
from qtcore.store.unit import UnitOfWork

NEGATIVE = "negative_balance"
EARLY = "used_before_made"
HELD = "shipped_on_hold"
UNIT = "unknown_unit"
CYCLE = "cycle"
FUTURE = "future_event"
ITSELF = "made_from_itself"
PACKED_TWICE = "packed_twice"
NOT_INSIDE = "unpacked_not_inside"
REVIEWED = (
    NEGATIVE, EARLY, HELD, UNIT, CYCLE, FUTURE, ITSELF, PACKED_TWICE, NOT_INSIDE,
)  # fmt: skip
CLOCK_TOLERANCE = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class _Finding:
    kind: str
    detail: str
    event_id: int | None = None


def review_nodes(site: Site, work: UnitOfWork, nodes: Iterable[int]) -> int:
    """Compare what is known of nodes with what can be; returns how many discrepancies are new.

    One that is no longer true is resolved, one that is still open is left alone.
    """
    wanted = sorted(set(nodes))
    infos = describe_nodes(work.session, work.tenant_id, wanted)
    movements: dict[int, list[MovementRow]] = defaultdict(list)
    for row in movements_of(work.session, work.tenant_id, wanted):
        movements[row.node].append(row)
    found: dict[int, list[_Finding]] = defaultdict(list)
    for node, info in infos.items():
        found[node] += _early(info, movements[node])
        found[node] += _unknown_units(site, movements[node])
        found[node] += _future(movements[node])
        found[node] += _itself(info, movements[node])
    for node, finding in _misfits(work, infos, movements):
        found[node].append(finding)
    for finder in (_negative, _held):
        for node, finding in finder(site, work, infos, movements):
            found[node].append(finding)
    for node, finding in _cycle(work, infos):
        found[node].append(finding)
    return _keep(work, infos, found)


def _early(info: NodeInfo, rows: Sequence[MovementRow]) -> list[_Finding]:
    """Find a use before the thing was there. A month-precise date counts as its first day.

    Where its making is not recorded, only a use before the first receipt is early: its maker
    shipped it before that, of course.
    """
    made = [r.event_at for r in rows if r.effect == "produced"]
    arrived = made or [r.event_at for r in rows if r.effect == "received"]
    departures = ("consumed", "shipped") if made else ("consumed",)
    if not arrived:
        return []
    used = [r for r in rows if r.effect in departures and r.event_at < min(arrived)]
    if not used:
        return []
    first = used[0]
    text = (
        f"{info.lot_no} was {first.effect} on {_moment(first.event_at)}, "
        f"before it came into being on {_moment(min(arrived))}"
    )
    return [_Finding(EARLY, text, first.event_id)]


def _unknown_units(site: Site, rows: Sequence[MovementRow]) -> list[_Finding]:
    unknown = {r.unit: r for r in rows if r.unit and site.registry.unit(r.unit) is None}
    return [
        _Finding(UNIT, f"unit {unit!r} is not declared in any pack; declare it", row.event_id)
        for unit, row in unknown.items()
    ]


def _future(rows: Sequence[MovementRow]) -> list[_Finding]:
    """Find an event told before it happened: a clock, a zone or a year is wrong."""
    told = [row for row in rows if row.event_at > row.recorded_at + CLOCK_TOLERANCE]
    if not told:
        return []
    first = min(told, key=lambda row: (row.event_at, row.id))
    text = (
        f"{first.event_type} is dated {_moment(first.event_at)}, after it was told on "
        f"{_moment(first.recorded_at)}; correct its time"
    )
    return [_Finding(FUTURE, text, first.event_id)]


def _itself(info: NodeInfo, rows: Sequence[MovementRow]) -> list[_Finding]:
    """Find an event that made a lot out of the same lot: rework makes a new lot."""
    made = {row.event_id for row in rows if row.part == "output"}
    used = [row for row in rows if row.part == "input" and row.event_id in made]
    if not used:
        return []
    text = f"{info.lot_no} is used and made by one event on {_moment(used[0].event_at)}"
    return [_Finding(ITSELF, text, used[0].event_id)]


def _misfits(
    work: UnitOfWork, infos: Mapping[int, NodeInfo], movements: Mapping[int, Sequence[MovementRow]]
) -> list[tuple[int, _Finding]]:
    misfits = find_misfits(work.session, work.tenant_id, infos, movements)
    named = describe_nodes(
        work.session, work.tenant_id, {n for each in misfits for n in (each.container, each.other)}
    )
    found = []
    for each in misfits:
        lot_no, case = infos[each.node].lot_no, named[each.container].lot_no
        text = f"{lot_no} was taken out of {case} on {_moment(each.at)}, which did not hold it"
        if each.kind == PACKED_TWICE:
            other = named[each.other].lot_no
            text = f"{lot_no} was packed into {case} on {_moment(each.at)} while inside {other}"
        found.append((each.node, _Finding(each.kind, text, each.event_id)))
    return found


def _negative(
    site: Site,
    work: UnitOfWork,
    infos: Mapping[int, NodeInfo],
    movements: Mapping[int, Sequence[MovementRow]],
) -> list[tuple[int, _Finding]]:
    found = []
    for node, stock in stock_of_nodes(site, work.session, list(infos)).items():
        # Where nobody recorded how much arrived, less than nothing proves nothing.
        counted = [row for row in movements[node] if SIGN.get(row.effect, 0) > 0]
        if stock.quantity < 0 and counted and not stock.unknown:
            text = f"{-stock.quantity} {stock.unit} more left {infos[node].lot_no} than came in"
            found.append((node, _Finding(NEGATIVE, text)))
    return found


def _held(
    site: Site,
    work: UnitOfWork,
    infos: Mapping[int, NodeInfo],
    movements: Mapping[int, Sequence[MovementRow]],
) -> list[tuple[int, _Finding]]:
    shipped = [r for node in infos for r in movements[node] if r.effect == "shipped"]
    if not shipped:
        return []
    holds: dict[int, list[Hold]] = defaultdict(list)
    for nodes in batched(sorted({row.node for row in shipped})):
        statement = select(Hold).where(Hold.tenant_id == work.tenant_id, col(Hold.node).in_(nodes))
        for hold in work.session.exec(statement):
            holds[hold.node].append(hold)
    return [
        (
            row.node,
            _Finding(HELD, f"shipped on {_moment(row.event_at)} while on hold", row.event_id),
        )
        for row in shipped
        for hold in holds.get(row.node, ())
        if hold.placed_at <= row.event_at
        and (hold.lifted_at is None or row.event_at < hold.lifted_at)
    ]


def _cycle(work: UnitOfWork, infos: Mapping[int, NodeInfo]) -> list[tuple[int, _Finding]]:
    links = [
        Link(edge.src, edge.dst)
        for edge in trace_edges(work.session, work.tenant_id, list(infos), "backward")
    ]
    loop = find_cycle((), links)
    if loop is None:
        return []
    named = describe_nodes(work.session, work.tenant_id, loop)
    text = "comes from itself: " + " -> ".join(named[node].lot_no for node in loop)
    return [(node, _Finding(CYCLE, text[:2000])) for node in dict.fromkeys(loop) if node in infos]


def _keep(
    work: UnitOfWork, infos: Mapping[int, NodeInfo], found: Mapping[int, Sequence[_Finding]]
) -> int:
    open_rows: dict[tuple[int | None, str], Discrepancy] = {}
    for nodes in batched(list(infos)):
        rows = work.session.exec(
            select(Discrepancy).where(
                Discrepancy.tenant_id == work.tenant_id,
                col(Discrepancy.node).in_(nodes),
                col(Discrepancy.resolved_at).is_(None),
            )
        )
        open_rows |= {(row.node, row.kind): row for row in rows if row.kind in REVIEWED}
    fresh = 0
    true = {(node, each.kind): each for node, findings in found.items() for each in findings}
    for (node, kind), finding in true.items():
        if (node, kind) not in open_rows:
            _open(work, infos[node], finding)
            fresh += 1
    for place, row in open_rows.items():
        if place not in true:
            changes = work.change(row, resolved_at=work.context.at)
            work.log("discrepancy.resolve", "discrepancy", row.uid, changes=changes)
    return fresh


def _open(work: UnitOfWork, info: NodeInfo, finding: _Finding) -> None:
    row = Discrepancy(
        tenant_id=work.tenant_id,
        id=work.key(),
        uid=work.new_uid(),
        kind=finding.kind,
        node=info.node,
        event_id=finding.event_id,
        detail=finding.detail,
        found_at=work.context.at,
    )
    work.add(row)
    work.log(
        "discrepancy.open",
        "discrepancy",
        row.uid,
        about=[info.uid],
        details={"kind": finding.kind, "detail": finding.detail},
    )


def _moment(at: datetime) -> str:
    return at.isoformat(timespec="minutes")
