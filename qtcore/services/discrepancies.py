"""Imported facts that a command would have refused: found, named, resolved by later facts.

It must not refuse anything, nor depend on the order in which facts arrived: it looks at what is
known now.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from sqlmodel import col, select

from qtcore.services.device_uses import uses_of
from qtcore.services.loops import loops_near
from qtcore.services.packings import find_misfits
from qtcore.services.site import Site
from qtcore.services.stock import SIGN, Stock, stock_of_all_names, stock_of_nodes
from qtcore.store.queries.events import ActRow, acts_on
from qtcore.store.queries.keyset import batched
from qtcore.store.queries.nodes import NodeInfo, describe_nodes, lots_of_units, same_nodes
from qtcore.store.queries.sums import Sum, made_of_themselves, sums_of
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
DEVICE = "device_not_fit"
REVIEWED = (
    NEGATIVE, EARLY, HELD, UNIT, CYCLE, FUTURE, ITSELF, PACKED_TWICE, NOT_INSIDE,
    DEVICE,
)  # fmt: skip
CLOCK_TOLERANCE = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class _Finding:
    """What does not fit; `detail` says it in words, given the number of the lot."""

    kind: str
    detail: Callable[[str], str]
    event_id: int | None = None


_LEAVES = ("consumed", "shipped")
_Acts = Mapping[int, Sequence[ActRow]]
_Sums = Mapping[int, Sequence[Sum]]
_Found = list[tuple[int, _Finding]]


def review_nodes(site: Site, work: UnitOfWork, nodes: Iterable[int]) -> int:
    """Compare what is known of nodes with what can be; returns how many discrepancies are new.

    One that is no longer true is resolved, one that is still open is left alone. Lots of a cycle
    are looked at together, whichever of them are named.
    """
    loops, open_rows = _with_cycles(work, set(nodes))
    wanted = sorted(set(nodes) | loops.keys() | {row.node for row in open_rows if row.node})
    sums: dict[int, list[Sum]] = defaultdict(list)
    for total in sums_of(work.session, work.tenant_id, wanted):
        sums[total.node].append(total)
    acts: dict[int, list[ActRow]] = defaultdict(list)
    for row in acts_on(work.session, work.tenant_id, _suspects(site, work, sums)):
        acts[row.node].append(row)
    found: dict[int, list[_Finding]] = defaultdict(list)
    for node, rows in acts.items():
        if each := [*_early(rows), *_unknown_units(site, rows), *_future(rows), *_itself(rows)]:
            found[node] += each
    for node, finding in (
        *_misfits(work, acts),
        *_negative(site, work, sums),
        *_held(work, acts),
        *_unfit(work, wanted),
        *_cycles(work, loops),
    ):
        found[node].append(finding)
    return _keep(work, open_rows, found)


def _suspects(site: Site, work: UnitOfWork, sums: _Sums) -> set[int]:
    """Name the nodes whose acts must be read one by one: of the others the sums say enough."""
    found = {node for node, rows in sums.items() if _may_not_fit(site, rows)}
    turned = [node for node, rows in sums.items() if {"input", "output"} <= {r.part for r in rows}]
    found |= made_of_themselves(work.session, work.tenant_id, turned)
    shipped = {node for node, rows in sums.items() if any(r.effect == "shipped" for r in rows)}
    return found | _holds_on(work, shipped).keys()


def _may_not_fit(site: Site, rows: Sequence[Sum]) -> bool:
    """Say whether an act may be early, of a time to come, in no known unit, or about a case."""
    begins = [row for row in rows if row.effect == "produced"] or [
        row for row in rows if row.effect == "received"
    ]
    first = min((row.first_at for row in begins), default=None)
    return any(
        row.is_packing
        or row.future
        or (row.unit and site.registry.unit(row.unit) is None)
        or (first is not None and row.effect in _LEAVES and row.first_at < first)
        for row in rows
    )


def _with_cycles(
    work: UnitOfWork, nodes: set[int]
) -> tuple[dict[int, tuple[int, ...]], list[Discrepancy]]:
    """Find the cycles through nodes, and what is open about them and about lots of a cycle."""
    loops = loops_near(work.session, work.tenant_id, nodes)
    open_rows = _open_rows(work, nodes | loops.keys())
    if any(row.kind == CYCLE for row in open_rows):
        # A link less may have opened the cycle for lots that nobody named.
        others = select(Discrepancy.node).where(
            Discrepancy.tenant_id == work.tenant_id,
            Discrepancy.kind == CYCLE,
            col(Discrepancy.resolved_at).is_(None),
        )
        marked = {node for node in work.session.exec(others) if node is not None}
        loops |= loops_near(work.session, work.tenant_id, marked)
        open_rows = _open_rows(work, nodes | loops.keys() | marked)
    return loops, open_rows


def _open_rows(work: UnitOfWork, nodes: set[int]) -> list[Discrepancy]:
    rows: list[Discrepancy] = []
    for few in batched(sorted(nodes)):
        rows += work.session.exec(
            select(Discrepancy).where(
                Discrepancy.tenant_id == work.tenant_id,
                col(Discrepancy.node).in_(few),
                col(Discrepancy.resolved_at).is_(None),
            )
        )
    return [row for row in rows if row.kind in REVIEWED]


def _early(rows: Sequence[ActRow]) -> list[_Finding]:
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
        f"was {first.effect} on {_moment(first.event_at)}, "
        f"before it came into being on {_moment(min(arrived))}"
    )
    return [_Finding(EARLY, lambda lot_no: f"{lot_no} {text}", first.event_id)]


def _unknown_units(site: Site, rows: Sequence[ActRow]) -> list[_Finding]:
    unknown = {r.unit: r for r in rows if r.unit and site.registry.unit(r.unit) is None}
    return [
        _Finding(UNIT, _said(f"unit {unit!r} is not declared in any pack; declare it"), r.event_id)
        for unit, r in unknown.items()
    ]


def _future(rows: Sequence[ActRow]) -> list[_Finding]:
    """Find an event told before it happened: a clock, a zone or a year is wrong."""
    told = [row for row in rows if row.event_at > row.recorded_at + CLOCK_TOLERANCE]
    if not told:
        return []
    first = min(told, key=lambda row: (row.event_at, row.id))
    text = (
        f"{first.event_type} is dated {_moment(first.event_at)}, after it was told on "
        f"{_moment(first.recorded_at)}; correct its time"
    )
    return [_Finding(FUTURE, _said(text), first.event_id)]


def _itself(rows: Sequence[ActRow]) -> list[_Finding]:
    """Find an event that made a lot out of the same lot: rework makes a new lot."""
    made = {row.event_id for row in rows if row.part == "output"}
    used = [row for row in rows if row.part == "input" and row.event_id in made]
    if not used:
        return []
    text = f"is used and made by one event on {_moment(used[0].event_at)}"
    return [_Finding(ITSELF, lambda lot_no: f"{lot_no} {text}", used[0].event_id)]


def _misfits(work: UnitOfWork, acts: _Acts) -> _Found:
    packed = [node for node, rows in acts.items() if any(row.container for row in rows)]
    if not packed:
        return []
    infos = describe_nodes(work.session, work.tenant_id, packed)
    misfits = find_misfits(work.session, work.tenant_id, infos, acts)
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
        found.append((each.node, _Finding(each.kind, _said(text), each.event_id)))
    return found


def _negative(site: Site, work: UnitOfWork, sums: _Sums) -> _Found:
    names = same_nodes(work.session, work.tenant_id, sums)
    alone = [node for node, rows in sums.items() if node not in names and _may_be_negative(rows)]
    stocks = stock_of_nodes(site, work.session, alone)
    for node, others in names.items():  # what came under one name may have left under another
        if _may_be_negative(sums_of(work.session, work.tenant_id, {node, *others})):
            stocks[node] = stock_of_all_names(site, work.session, node, others)
    return [
        (node, _Finding(NEGATIVE, partial(_more_left, stock)))
        for node, stock in stocks.items()
        if stock.quantity < 0 and not stock.unknown
    ]


def _more_left(stock: Stock, lot_no: str) -> str:
    return f"{-stock.quantity} {stock.unit} more left {lot_no} than came in"


def _may_be_negative(rows: Sequence[Sum]) -> bool:
    """Say whether the stock must be counted exactly: by unit, and with what carried the lot."""
    counted = [row for row in rows if row.effect in SIGN]
    # Where nobody recorded how much arrived, less than nothing proves nothing.
    if not any(SIGN[row.effect] > 0 for row in counted):
        return False
    if any(row.is_packing for row in rows) or len({row.unit for row in counted}) > 1:
        return True
    if any(row.untold for row in counted):
        return False
    return sum(SIGN[row.effect] * (row.quantity or 0) for row in counted) < 0


def _held(work: UnitOfWork, acts: _Acts) -> _Found:
    shipped = [r for rows in acts.values() for r in rows if r.effect == "shipped"]
    holds = _holds_on(work, {row.node for row in shipped})
    return [
        (
            row.node,
            _Finding(
                HELD, _said(f"shipped on {_moment(row.event_at)} while on hold"), row.event_id
            ),
        )
        for row in shipped
        for hold in holds.get(row.node, ())
        if hold.placed_at <= row.event_at
        and (hold.lifted_at is None or row.event_at < hold.lifted_at)
    ]


def _holds_on(work: UnitOfWork, nodes: set[int]) -> dict[int, list[Hold]]:
    """Give the holds there ever were on nodes; as for a command, one on the lot holds its units."""
    if not nodes:
        return {}
    lots = lots_of_units(work.session, work.tenant_id, nodes)
    on: dict[int, list[Hold]] = defaultdict(list)
    for some in batched(sorted(nodes.union(*lots.values()))):
        statement = select(Hold).where(Hold.tenant_id == work.tenant_id, col(Hold.node).in_(some))
        for hold in work.session.exec(statement):
            on[hold.node].append(hold)
    return {
        node: holds
        for node in nodes
        if (holds := [h for each in (node, *sorted(lots.get(node, ()))) for h in on.get(each, ())])
    }


def _unfit(work: UnitOfWork, nodes: Iterable[int]) -> _Found:
    """Find what an event was told by a device that was not known to measure right that day."""
    return [
        (use.node, _Finding(DEVICE, _said(f"told on {use.on}, but {use.why}"), use.event_id))
        for use in uses_of(work.session, work.tenant_id, nodes)
        if use.why and use.event_id is not None
    ]


def _cycles(work: UnitOfWork, loops: Mapping[int, Sequence[int]]) -> _Found:
    named = describe_nodes(work.session, work.tenant_id, loops) if loops else {}
    return [
        (node, _Finding(CYCLE, _said("comes from itself: " + " -> ".join(
            named[each].lot_no for each in way
        ))))
        for node, way in loops.items()
    ]  # fmt: skip


def _keep(
    work: UnitOfWork, open_rows: Sequence[Discrepancy], found: Mapping[int, Sequence[_Finding]]
) -> int:
    known = {(row.node, row.kind): row for row in open_rows}
    true = {(node, each.kind): each for node, findings in found.items() for each in findings}
    fresh = {place: finding for place, finding in true.items() if place not in known}
    infos = describe_nodes(work.session, work.tenant_id, {node for node, _ in fresh})
    for (node, _), finding in fresh.items():
        _open(work, infos[node], finding)
    for place, row in known.items():
        if place not in true:
            changes = work.change(row, resolved_at=work.context.at)
            work.log("discrepancy.resolve", "discrepancy", row.uid, changes=changes)
    return len(fresh)


def _open(work: UnitOfWork, info: NodeInfo, finding: _Finding) -> None:
    detail = finding.detail(info.lot_no)[:2000]
    row = Discrepancy(
        tenant_id=work.tenant_id,
        id=work.key(),
        uid=work.new_uid(),
        kind=finding.kind,
        node=info.node,
        event_id=finding.event_id,
        detail=detail,
        found_at=work.context.at,
    )
    work.add(row)
    work.log(
        "discrepancy.open",
        "discrepancy",
        row.uid,
        about=[info.uid],
        details={"kind": finding.kind, "detail": detail},
    )


def _said(text: str) -> Callable[[str], str]:
    """Say something that does not name the lot."""
    return lambda _: text


def _moment(at: datetime) -> str:
    return at.isoformat(timespec="minutes")
