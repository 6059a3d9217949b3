"""Imported facts that a command would have refused: found, named, resolved by later facts.

It must not refuse anything, nor depend on the order in which facts arrived: it looks at what is
known now.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from operator import itemgetter
from typing import Protocol

from sqlmodel import Session, col, select

from qtcore.engines.balance import exactly
from qtcore.services.contents import shipped_inside
from qtcore.services.device_uses import uses_of
from qtcore.services.findings import Finding, moment_text
from qtcore.services.impossible_acts import (
    EARLY,
    FUTURE,
    ITSELF,
    UNIT,
    find_impossible,
    is_departure,
)
from qtcore.services.loops import loops_near
from qtcore.services.packings import find_misfits
from qtcore.services.site import Site
from qtcore.services.stock import SIGN, Stock, stock_of_all_names, stock_of_nodes
from qtcore.services.wire import decimal_text
from qtcore.store.kept_sums import settled_sums
from qtcore.store.queries.events import ActRow, MovementRow, acts_on
from qtcore.store.queries.keyset import batched
from qtcore.store.queries.lens import NOW, Lens
from qtcore.store.queries.nodes import NodeInfo, describe_nodes, lots_of_units, same_nodes
from qtcore.store.queries.shipments import stays_in
from qtcore.store.queries.sums import Sum, sums_of
from qtcore.store.tables import Discrepancy, Hold
from qtcore.store.unit import UnitOfWork

NEGATIVE = "negative_balance"
HELD = "shipped_on_hold"
CYCLE = "cycle"
PACKED_TWICE = "packed_twice"
NOT_INSIDE = "unpacked_not_inside"
DEVICE = "device_not_fit"
REVIEWED = (
    NEGATIVE, EARLY, HELD, UNIT, CYCLE, FUTURE, ITSELF, PACKED_TWICE, NOT_INSIDE,
    DEVICE,
)  # fmt: skip


_NAMED_EACH_END = 10
_LEAVES = ("shipped", "returned", "scrapped")
_Acts = Mapping[int, Sequence[ActRow | MovementRow]]
_Sums = Mapping[int, Sequence[Sum]]
_Found = list[tuple[int, Finding]]


class Reading(Protocol):
    """Where facts are read; what finds must not write."""

    @property
    def session(self) -> Session:
        """The running read."""
        ...

    @property
    def tenant_id(self) -> int:
        """The company whose facts are read."""
        ...


def review_nodes(
    site: Site, work: UnitOfWork, nodes: Iterable[int], *, taken_back: Collection[int] = ()
) -> int:
    """Compare what is known of nodes with what can be; returns how many discrepancies are new.

    What is no longer true is resolved, and what is true otherwise than it was is noted anew. Lots
    of a cycle are looked at together, whichever of them are named, and so is what is inside a case
    that travelled. `taken_back` are the nodes of events that no longer count.
    """
    asked = {*nodes, *taken_back}
    sums = _sums_of(work, asked)
    inside = _inside(work, sums, taken_back) - asked
    loops, open_rows = _with_cycles(work, asked | inside)
    wanted = asked | inside | loops.keys() | {row.node for row in open_rows if row.node}
    sums |= _sums_of(work, wanted - asked)
    acts: dict[int, list[ActRow]] = defaultdict(list)
    for row in acts_on(work.session, work.tenant_id, _suspects(site, work, sums)):
        acts[row.node].append(row)
    found: dict[int, list[Finding]] = defaultdict(list)
    for node, rows in acts.items():
        if each := find_impossible(site, rows):
            found[node] += each
    for node, finding in (
        *find_packings(work, acts),
        *_negative(site, work, sums),
        *find_held(work, acts),
        *_unfit(work, wanted, sums),
        *find_cycles(work, loops),
    ):
        found[node].append(finding)
    return _keep(work, open_rows, found)


def keep_findings(
    work: UnitOfWork,
    nodes: Collection[int],
    kinds: Collection[str],
    found: Mapping[int, Sequence[Finding]],
) -> int:
    """Note what was found of some kinds about nodes, and resolve what was not found again."""
    return _keep(work, _open_rows(work, set(nodes), kinds), found)


def _sums_of(work: UnitOfWork, nodes: Collection[int]) -> dict[int, list[Sum]]:
    sums: dict[int, list[Sum]] = defaultdict(list)
    if nodes:
        for total in settled_sums(work, nodes):
            sums[total.node].append(total)
    return sums


def _inside(work: UnitOfWork, sums: _Sums, taken_back: Collection[int]) -> set[int]:
    """Name what is, or was, in the cases that went somewhere, into another case, or were emptied.

    What is only packed into a case is named by that packing itself.
    """
    cases = set(taken_back)
    for node, rows in sums.items():
        if any(row.part == "parent" for row in rows) and any(
            row.effect in _LEAVES or row.part == "child" or row.emptied for row in rows
        ):
            cases.add(node)
    if not cases:
        return set()
    return {stay.node for stay in stays_in(work.session, work.tenant_id, cases)}


def _suspects(site: Site, work: UnitOfWork, sums: _Sums) -> set[int]:
    """Name the nodes whose acts must be read one by one: of the others the sums say enough."""
    found = {node for node, rows in sums.items() if _may_not_fit(site, rows)}
    found |= {node for node, rows in sums.items() if any(row.itself for row in rows)}
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
        or (
            first is not None
            and is_departure(row.effect, is_packing=False)
            and row.first_at < first
        )
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


def _open_rows(
    work: UnitOfWork, nodes: set[int], kinds: Collection[str] = REVIEWED
) -> list[Discrepancy]:
    rows: list[Discrepancy] = []
    for few in batched(sorted(nodes)):
        rows += work.session.exec(
            select(Discrepancy).where(
                Discrepancy.tenant_id == work.tenant_id,
                col(Discrepancy.node).in_(few),
                col(Discrepancy.resolved_at).is_(None),
            )
        )
    return [row for row in rows if row.kind in kinds]


def find_packings(work: Reading, acts: _Acts, *, lens: Lens = NOW) -> _Found:
    """Find what is in two cases at once, or came out of one that did not hold it."""
    packed = [node for node, rows in acts.items() if any(row.container for row in rows)]
    if not packed:
        return []
    infos = describe_nodes(work.session, work.tenant_id, packed)
    misfits = find_misfits(work.session, work.tenant_id, infos, acts, lens=lens)
    named = describe_nodes(
        work.session, work.tenant_id, {n for each in misfits for n in (each.container, each.other)}
    )
    found = []
    # Of one moment, by the case: in which order they were told must not matter.
    for each in sorted(
        misfits, key=lambda m: (m.at, named[m.container].lot_no, named[m.other].lot_no)
    ):
        parts = {"case": named[each.container].lot_no, "at": moment_text(each.at)}
        if each.kind == PACKED_TWICE:
            parts["other"] = named[each.other].lot_no
        found.append((each.node, Finding(each.kind, parts, each.event_id)))
    return found


def negative(stock: Stock) -> Finding | None:
    """Say that more left than came in; what nobody weighed proves nothing."""
    if stock.quantity >= 0 or stock.unknown:
        return None
    return Finding(NEGATIVE, {"amount": decimal_text(-stock.quantity), "unit": stock.unit})


@exactly
def _negative(site: Site, work: UnitOfWork, sums: _Sums) -> _Found:
    names = same_nodes(work.session, work.tenant_id, sums)
    alone = [node for node, rows in sums.items() if node not in names and _may_be_negative(rows)]
    stocks = stock_of_nodes(site, work.session, alone)
    for node, others in names.items():  # what came under one name may have left under another
        if _may_be_negative(sums_of(work.session, work.tenant_id, {node, *others})):
            stocks[node] = stock_of_all_names(site, work.session, node, others)
    return [(node, less) for node, stock in stocks.items() if (less := negative(stock))]


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


def find_held(work: Reading, acts: _Acts, *, lens: Lens = NOW) -> _Found:
    """Find what left while it was on hold, by its own name or inside a case."""
    shipped = [
        (row.node, row.event_at, row.event_id)
        for rows in acts.values()
        for row in rows
        if row.effect == "shipped"
    ]
    shipped += [
        (row.node, row.event_at, row.event_id)
        for row in shipped_inside(work.session, work.tenant_id, acts, lens=lens)
    ]
    holds = _holds_on(work, {node for node, *_ in shipped})
    return [
        (node, Finding(HELD, {"at": moment_text(at)}, event_id))
        for node, at, event_id in sorted(shipped, key=itemgetter(1, 2))
        if any(_was_on_hold(hold, at, lens.known_at) for hold in holds.get(node, ()))
    ]


def _was_on_hold(hold: Hold, at: datetime, known_at: datetime | None) -> bool:
    """Say whether a hold stood at a moment, as far as was known at another."""
    if known_at is not None and hold.placed_at > known_at:
        return False
    is_lifted = hold.lifted_at is not None and (known_at is None or hold.lifted_at <= known_at)
    return hold.placed_at <= at and not (is_lifted and hold.lifted_at and hold.lifted_at <= at)


def _holds_on(work: Reading, nodes: set[int]) -> dict[int, list[Hold]]:
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


def _unfit(work: UnitOfWork, nodes: set[int], sums: _Sums) -> _Found:
    """Find what an event was told by a device that was not known to measure right that day."""
    quiet = {node for node in nodes if not any(row.devices for row in sums.get(node, ()))}
    return [
        (use.node, Finding(DEVICE, {"on": str(use.on), **use.unfit.as_parts()}, use.event_id))
        for use in uses_of(work.session, work.tenant_id, nodes, not_in_events=quiet)
        if use.unfit is not None and use.event_id is not None
    ]


def find_cycles(work: Reading, loops: Mapping[int, Sequence[int]]) -> _Found:
    """Say of lots that come from themselves by which way."""
    named = describe_nodes(work.session, work.tenant_id, loops) if loops else {}
    return [
        (node, Finding(CYCLE, {"way": _way_text([named[each].lot_no for each in way])}))
        for node, way in loops.items()
    ]


def _way_text(names: Sequence[str]) -> str:
    """Write a way; each lot of a long one tells it, so of a thousand lots not a million names."""
    left_out = len(names) - 2 * _NAMED_EACH_END
    if left_out > 0:
        names = [*names[:_NAMED_EACH_END], f"… {left_out} …", *names[-_NAMED_EACH_END:]]
    return " -> ".join(names)


def _keep(
    work: UnitOfWork, open_rows: Sequence[Discrepancy], found: Mapping[int, Sequence[Finding]]
) -> int:
    known = {(row.node, row.kind): row for row in open_rows}
    true = {
        place: each
        for node, findings in found.items()
        for place, each in first_of_each(node, findings)
    }
    infos = describe_nodes(work.session, work.tenant_id, {node for node, _ in true})
    details = {(node, kind): _said_of(infos[node], true[node, kind]) for node, kind in true}
    # Shortest ways round a cycle are many: which of them is told is no news.
    stays = {
        place
        for place, row in known.items()
        if place in true and (row.kind == CYCLE or row.detail == details[place])
    }
    for place, row in known.items():
        if place not in stays:
            changes = work.change(row, resolved_at=work.context.at)
            work.log("discrepancy.resolve", "discrepancy", row.uid, changes=changes)
    for place in true.keys() - stays:
        _open(work, infos[place[0]], true[place], details[place])
    return len(true.keys() - known.keys())


def first_of_each(
    node: int, findings: Iterable[Finding]
) -> Iterator[tuple[tuple[int, str], Finding]]:
    """Give one finding of each kind, the first, which says how many there are besides."""
    kinds: dict[str, list[Finding]] = defaultdict(list)
    for each in findings:
        kinds[each.kind].append(each)
    for kind, (first, *rest) in kinds.items():
        yield (node, kind), replace(first, others=len(rest))


def _said_of(info: NodeInfo, finding: Finding) -> str:
    return finding.in_english(lot_no=info.lot_no)[:2000]


def _open(work: UnitOfWork, info: NodeInfo, finding: Finding, detail: str) -> None:
    parts = finding.as_parts(lot_no=info.lot_no)
    row = Discrepancy(
        tenant_id=work.tenant_id,
        id=work.key(),
        uid=work.new_uid(),
        kind=finding.kind,
        node=info.node,
        event_id=finding.event_id,
        detail=detail,
        parts=parts,
        found_at=work.context.at,
    )
    work.add(row)
    work.log(
        "discrepancy.open",
        "discrepancy",
        row.uid,
        about=[info.uid],
        details={"kind": finding.kind, "detail": detail, "parts": parts},
    )
