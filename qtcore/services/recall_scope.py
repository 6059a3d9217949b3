"""The scope of a recall: proved and possible lots, how much, where it is, whom to call, siblings.

It must not write anything, and it must not know cases, notices or pages.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from functools import partial
from typing import Any, Final, NamedTuple

from sqlmodel import Session

from qtcore.engines.balance import Balance, balance_sums, exactly
from qtcore.engines.shares import Share
from qtcore.services.balances import balance_lot
from qtcore.services.contained_shares import one_of_each, shares_of
from qtcore.services.contents import with_carried
from qtcore.services.recall_places import Found, OnHand, Whereabouts, find_whereabouts
from qtcore.services.recall_seeds import Question, Seed, find_seeds
from qtcore.services.recall_siblings import Sibling, find_siblings
from qtcore.services.recall_unrecorded import Unrecorded, unrecorded_in
from qtcore.services.shipments import Shipment, shipped_among, shipped_to
from qtcore.services.site import Site
from qtcore.services.stock import add_up, fold_stock
from qtcore.services.trace import Trace, TracedNode, edges_json, trace_from
from qtcore.services.wire import decimal_text
from qtcore.store.queries.events import AnyMovement, amounts_of
from qtcore.store.queries.nodes import NodeInfo
from qtcore.store.queries.recalls import PartyRow, parties_by_code, transit_places

_ZERO: Final = Decimal(0)
_Sums = dict[tuple[str, str], list[Decimal]]
"""The bounds of what is affected, per item and unit: unlike things are never added."""


@dataclass(frozen=True, slots=True)
class RecallScope:
    """The affected lots with the way that put each there, shipments, stock, balance and gaps.

    A lot is `proved` when every link of one way to it was recorded, else `possible`. `contains`
    says how much of the seeds is in each, where that was asked. Of a lot under several names,
    `one_of` is the name it is counted under. What left and arrived at another site of ours
    `came_again`: it is no more than there was.
    """

    question: Question
    starts: tuple[Seed, ...]
    trace: Trace
    shipments: tuple[Shipment, ...]
    balances: dict[int, Balance]
    where: Whereabouts
    siblings: tuple[Sibling, ...]
    unrecorded: Unrecorded
    contains: Mapping[int, Sequence[Share]]
    one_of: Mapping[int, int]
    came_again: Mapping[int, Decimal]

    @property
    def seeds(self) -> tuple[str, ...]:
        """The public ids of what the recall starts from."""
        return tuple(seed.info.uid for seed in self.starts)

    def as_json(self) -> dict[str, Any]:
        """Give the shape of the API."""
        uids = {n.info.node: n.info.uid for n in self.trace.nodes}
        links = edges_json(self.trace.edges, uids)
        sums: _Sums = defaultdict(lambda: [_ZERO, _ZERO])
        lots = self._lots_json(links, sums)
        return {
            "question": self.question.as_json(),
            "seeds": list(self.seeds),
            "starts": [seed.as_json() for seed in self.starts],
            "lots": lots,
            "proved": [lot["lot_id"] for lot in lots if lot["verdict"] == "proved"],
            "possible": [lot["lot_id"] for lot in lots if lot["verdict"] == "possible"],
            "quantities": _sums_json(sums),
            "edges": links,
            "shipments": [s.as_json() for s in self.shipments],
            "on_hand": list(self.where.on_hand.lots),
            **self.where.as_json(uids),
            "siblings": [sibling.as_json() for sibling in self.siblings],
            "balance": self._balance(uids),
            "gaps": [*self.trace.gaps, *self.unrecorded.gaps],
            "not_recorded": self.unrecorded.as_json(),
        }

    @exactly
    def _lots_json(self, links: Sequence[dict[str, Any]], sums: _Sums) -> list[dict[str, Any]]:
        """Show each lot with the links that put it there; adds its bounds to `sums`."""
        into: dict[int, list[dict[str, Any]]] = defaultdict(list)
        for edge, link in zip(self.trace.edges, links, strict=True):
            into[edge.dst].append(link)
        seeds = {seed.info.node: seed for seed in self.starts}
        lots = []
        for traced in self.trace.nodes:
            node = traced.info.node
            # Certainly affected: a recorded way from a certain seed leads there.
            is_proved = traced.certainty == "recorded"
            seed, (amount, unit) = seeds.get(node), self._size_of(node)
            if traced.info.kind != "logistic_unit":
                bounds = sums[traced.info.item_code, unit]
                bounds[0] += amount if is_proved else _ZERO
                bounds[1] += amount
            lot, upper = traced.as_json(), decimal_text(amount)
            lot["verdict"] = "proved" if is_proved else "possible"
            lot["is_seed"] = seed is not None
            lot["cause"] = seed.cause if seed else "genealogy"
            lot["reference"] = seed.reference if seed else ""
            lot["because"] = into.get(node, [])
            lot["lower"] = upper if is_proved else "0"
            lot["upper"] = upper
            lot["unit"] = unit
            lot["contains"] = [share.as_json() for share in self.contains.get(node, ())]
            lots.append(lot)
        return lots

    def _size_of(self, node: int) -> tuple[Decimal, str]:
        """Count what ever was of a lot: what came in from outside or was made, and its unit.

        Another name of a lot has no amount of its own.
        """
        one = self.one_of[node]
        found = self.balances.get(one)
        if found is None:
            return _ZERO, ""
        if one != node:
            return _ZERO, found.unit
        again = self.came_again.get(node, _ZERO)
        return found.of("received") + found.of("produced") - again, found.unit

    def _balance(self, uids: Mapping[int, str]) -> dict[str, Any]:
        listed = sorted(self.balances.items())
        unaccounted = {
            uids[node]: decimal_text(one.unaccounted) for node, one in listed if one.unaccounted
        }
        return {
            "lots": [{"lot_id": uids[node], **one.as_json()} for node, one in listed],
            "unaccounted": unaccounted,
            "closes": not unaccounted and not any(one.problems for _, one in listed),
            "located_percent": self.located_percent(),
        }

    def located_percent(self) -> str:
        """Say how many percent of what there was is located: the mean over lots that have any.

        Unlike units cannot be added, so each lot counts as one; what cannot be counted is at 0.
        """
        shares = []
        for node, one in self.balances.items():
            came = one.of("received") + one.of("produced") + one.of("adjusted")
            came -= self.came_again.get(node, _ZERO)
            if one.problems:
                shares.append(_ZERO)
            elif came > 0:
                lost = abs(one.unaccounted) / came if one.unaccounted else _ZERO
                shares.append(max(_ZERO, 1 - lost))
            elif one.unaccounted:
                shares.append(_ZERO)
        mean = sum(shares, _ZERO) / len(shares) if shares else Decimal(1)
        return decimal_text((mean * 100).quantize(Decimal("0.01")))


def _sums_json(sums: _Sums) -> list[dict[str, str]]:
    return [
        {"item": item, "unit": unit, "lower": decimal_text(low), "upper": decimal_text(high)}
        for (item, unit), (low, high) in sorted(sums.items())
    ]


def compute_scope(
    site: Site, session: Session, question: Question, *, with_shares: bool = True
) -> RecallScope:
    """Find everything the seeds went into, where it is and who received it.

    `with_shares` also says how much of the seeds is in each lot, which reads all that went in.
    Raises InputRejected, NotFound, Ambiguous for the question.
    """
    starts = find_seeds(site, session, question)
    walked = _joined(site, session, starts)
    one_of = one_of_each(walked.edges, [n.info.node for n in walked.nodes])
    moved = _read_moved(site, session, starts, walked)
    merged = replace(walked, customers=moved.shipments)
    lots = [n.info for n in merged.nodes if n.info.kind != "logistic_unit"]
    on_hand = OnHand(transit_places(session, site.store.tenant_id))
    balances = _add_lots(site, lots, (one_of, moved.by_node), on_hand)
    found = Found(on_hand, moved.by_node, moved.customers, one_of)
    where = find_whereabouts(site, session, merged, found)
    return RecallScope(
        question=question,
        starts=tuple(starts),
        trace=merged,
        shipments=merged.customers,
        balances=balances,
        one_of=one_of,
        came_again=_came_again(site, where, one_of, balances),
        where=where,
        siblings=tuple(find_siblings(site, session, question, (starts, merged))),
        unrecorded=unrecorded_in(site, session, question, merged),
        contains=_contains(site, session, starts, merged, movements=moved.rows)
        if with_shares
        else {},
    )


class _Moved(NamedTuple):
    """All that moved of a trace, what left among it, and the customers by code."""

    rows: Sequence[AnyMovement]
    by_node: Mapping[int, Sequence[AnyMovement]]
    shipments: tuple[Shipment, ...]
    customers: Mapping[str, PartyRow]


def _read_moved(site: Site, session: Session, starts: Sequence[Seed], walked: Trace) -> _Moved:
    """Read the movements of a trace once, for its shipments as for its balances."""
    tenant = site.store.tenant_id
    known = {traced.info.node: traced.info for traced in walked.nodes}
    seeds = [seed.info.node for seed in starts]
    own = amounts_of(session, tenant, known)
    customers = parties_by_code(session, tenant, {row.to_party for row in own})
    left = shipped_among(own, known, customers)
    shipments = shipped_to(session, tenant, list(known), whole=seeds, rows=left)
    rows = with_carried(session, tenant, own, known)
    by_node: dict[int, list[AnyMovement]] = defaultdict(list)
    for row in rows:
        by_node[row.node].append(row)
    return _Moved(rows, by_node, shipments, customers)


@exactly
def _came_again(
    site: Site, where: Whereabouts, one_of: Mapping[int, int], balances: Mapping[int, Balance]
) -> Mapping[int, Decimal]:
    units = {node: balances[one].unit for node, one in one_of.items() if one in balances}
    sums: dict[int, Decimal] = defaultdict(Decimal)
    for node, amount in where.arrivals.came_again(units, site.registry.convert).items():
        sums[one_of[node]] += amount
    return sums


@exactly
def _add_lots(
    site: Site,
    lots: Sequence[NodeInfo],
    told: tuple[Mapping[int, int], Mapping[int, Sequence[AnyMovement]]],
    on_hand: OnHand,
) -> dict[int, Balance]:
    """Add what there is of each lot to what is on hand, and balance it.

    One of several names is balanced once, with all that was told under them.
    """
    one_of, movements = told
    names, balances = _names(lots, one_of), {}
    for info in lots:
        node, rows = info.node, movements.get(info.node, ())
        added = add_up(rows)
        there = added or fold_stock(site, [node], rows)[node]
        on_hand.add(info, there.unit, there.places)
        if node in names:
            rows = _in_time(row for name in names[node] for row in movements.get(name, ()))
        elif one_of[node] != node:
            continue
        elif added is not None:
            balances[node] = balance_sums(added.sums, added.unit or info.unit)
            continue
        balances[node] = balance_lot(site, info, rows).sums
    return balances


def _names(lots: Sequence[NodeInfo], one_of: Mapping[int, int]) -> dict[int, list[int]]:
    """Give all names of each lot that has several, by the one it is counted under."""
    ones = {one for node, one in one_of.items() if node != one}
    names: dict[int, list[int]] = {one: [] for one in ones}
    for info in lots if ones else ():
        if one_of[info.node] in ones:
            names[one_of[info.node]].append(info.node)
    return names


def _in_time(rows: Iterable[AnyMovement]) -> list[AnyMovement]:
    return sorted(rows, key=lambda row: row.event_at)


def _contains(
    site: Site,
    session: Session,
    starts: Sequence[Seed],
    merged: Trace,
    *,
    movements: Sequence[AnyMovement],
) -> Mapping[int, Sequence[Share]]:
    """Say how much of the seeds is in each lot; of a seed that is none, there may be nothing."""
    seeds = [seed.info.node for seed in starts]
    sure = [seed.info.node for seed in starts if seed.is_certain]
    told = partial(shares_of, site, session, movements=movements)
    found = told(seeds, merged.edges)
    if len(sure) == len(seeds):
        return found
    least = told(sure, merged.edges, nodes=seeds) if sure else {}
    return {
        node: [_at_least(share, least.get(node, ())) for share in shares]
        for node, shares in found.items()
    }


def _at_least(share: Share, sure: Sequence[Share]) -> Share:
    if share.unknown:
        return share
    # What one seed brings is measured in the unit of the first of its kind, which may differ.
    lower = next((each.lower for each in sure if each.unit == share.unit), Fraction(0))
    return replace(share, lower=lower or Fraction(0))


def _joined(site: Site, session: Session, starts: Sequence[Seed]) -> Trace:
    """Walk from all seeds at once; what only uncertain seeds reach is possible, not proved."""
    walk = partial(trace_from, site, session, direction="forward", with_customers=False)
    whole = walk([seed.info for seed in starts])
    sure = [seed.info for seed in starts if seed.is_certain]
    if len(sure) == len(starts):
        return whole
    certain: dict[int, str] = {}
    if sure:
        walked = walk(sure)
        certain = {node.info.node: node.certainty for node in walked.nodes}
    nodes = tuple(
        TracedNode(n.info, n.depth, n.side, certain.get(n.info.node, "inferred"))
        for n in whole.nodes
    )
    return Trace(whole.focus, whole.direction, nodes, whole.edges, whole.customers, whole.gaps)
