"""The scope of a recall: proved and possible lots, how much, where it is, whom to call, siblings.

It must not write anything, and it must not know cases, notices or pages.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from functools import partial
from typing import Any

from sqlmodel import Session

from qtcore.engines.balance import Balance, exactly
from qtcore.engines.shares import Share
from qtcore.services.balances import balance_lot
from qtcore.services.contained_shares import one_of_each, shares_of
from qtcore.services.contents import list_movements
from qtcore.services.recall_places import Whereabouts, find_whereabouts
from qtcore.services.recall_seeds import Question, Seed, find_seeds
from qtcore.services.recall_siblings import Sibling, find_siblings
from qtcore.services.recall_unrecorded import Unrecorded, unrecorded_in
from qtcore.services.shipments import Shipment
from qtcore.services.site import Site
from qtcore.services.stock import Stock, fold_stock
from qtcore.services.trace import Trace, TracedNode, edges_json, trace_from
from qtcore.services.wire import decimal_text
from qtcore.store.queries.events import MovementRow
from qtcore.store.queries.nodes import NodeInfo


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
    stocks: dict[int, Stock]
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
        lots = self._lots_json(links)
        return {
            "question": self.question.as_json(),
            "seeds": list(self.seeds),
            "starts": [seed.as_json() for seed in self.starts],
            "lots": lots,
            "proved": [lot["lot_id"] for lot in lots if lot["verdict"] == "proved"],
            "possible": [lot["lot_id"] for lot in lots if lot["verdict"] == "possible"],
            "quantities": self._quantities(lots),
            "edges": links,
            "shipments": [s.as_json() for s in self.shipments],
            "on_hand": self._on_hand(uids),
            **self.where.as_json(uids),
            "siblings": [sibling.as_json() for sibling in self.siblings],
            "balance": self._balance(uids),
            "gaps": [*self.trace.gaps, *self.unrecorded.gaps],
            "not_recorded": self.unrecorded.as_json(),
        }

    def _lots_json(self, links: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        into: dict[int, list[dict[str, Any]]] = defaultdict(list)
        for edge, link in zip(self.trace.edges, links, strict=True):
            into[edge.dst].append(link)
        seeds = {seed.info.node: seed for seed in self.starts}
        return [self._lot_json(n, into, seeds.get(n.info.node)) for n in self.trace.nodes]

    def _lot_json(
        self, node: TracedNode, into: Mapping[int, list[dict[str, Any]]], seed: Seed | None
    ) -> dict[str, Any]:
        key = node.info.node
        one = self.one_of[key]
        # Certainly affected: a recorded way from a certain seed leads there.
        verdict = "proved" if node.certainty == "recorded" else "possible"
        amount = self._amount(key)
        return {
            **node.as_json(),
            "verdict": verdict,
            "is_seed": seed is not None,
            "cause": seed.cause if seed else "genealogy",
            "reference": seed.reference if seed else "",
            "because": into.get(key, []),
            "lower": decimal_text(amount if verdict == "proved" else Decimal(0)),
            "upper": decimal_text(amount),
            "unit": self.balances[one].unit if one in self.balances else "",
            "contains": [share.as_json() for share in self.contains.get(key, ())],
        }

    @exactly
    def _amount(self, node: int) -> Decimal:
        """Count what ever was of a lot: what came in from outside or was made."""
        found = self.balances.get(node)
        if found is None:
            return Decimal(0)
        return found.received + found.produced - self.came_again.get(node, Decimal(0))

    @exactly
    def _quantities(self, lots: Iterable[Mapping[str, Any]]) -> list[dict[str, str]]:
        """Add up the bounds per item and unit: unlike things are never added."""
        sums: dict[tuple[str, str], list[Decimal]] = {}
        for lot in lots:
            if lot["kind"] == "logistic_unit":
                continue
            pair = sums.setdefault((lot["item"], lot["unit"]), [Decimal(0), Decimal(0)])
            pair[0] += Decimal(lot["lower"])
            pair[1] += Decimal(lot["upper"])
        return [
            {"item": item, "unit": unit, "lower": decimal_text(low), "upper": decimal_text(high)}
            for (item, unit), (low, high) in sorted(sums.items())
        ]

    def _on_hand(self, uids: Mapping[int, str]) -> list[dict[str, str]]:
        return [
            {
                "lot_id": uids[node],
                "place": place,
                "quantity": decimal_text(amount),
                "unit": stock.unit,
            }
            for node, stock in self.stocks.items()
            for place, amount in sorted(stock.places.items())
            if amount
        ]

    def _balance(self, uids: Mapping[int, str]) -> dict[str, Any]:
        unaccounted = {
            uids[node]: decimal_text(b.unaccounted)
            for node, b in self.balances.items()
            if b.unaccounted
        }
        # What never moved shares one balance, which is written once.
        once = {id(b): b for b in self.balances.values()}
        shown = {key: b.as_json() for key, b in once.items()}
        return {
            "lots": [
                {"lot_id": uids[node], **shown[id(b)]} for node, b in sorted(self.balances.items())
            ],
            "unaccounted": unaccounted,
            "closes": not unaccounted and not any(b.problems for b in self.balances.values()),
            "located_percent": located_percent(self.balances.values()),
        }


def located_percent(balances: Iterable[Balance]) -> str:
    """Say how many percent of what there was is located, as the mean over lots that have any.

    Unlike units cannot be added, so each lot counts as one; a lot that cannot be counted is at 0.
    """
    shares = []
    for one in balances:
        came = one.received + one.produced + one.adjusted
        if one.problems:
            shares.append(Decimal(0))
        elif came > 0:
            shares.append(max(Decimal(0), 1 - abs(one.unaccounted) / came))
        elif one.unaccounted:
            shares.append(Decimal(0))
    mean = sum(shares, Decimal(0)) / len(shares) if shares else Decimal(1)
    return decimal_text((mean * 100).quantize(Decimal("0.01")))


def compute_scope(
    site: Site, session: Session, question: Question, *, with_shares: bool = True
) -> RecallScope:
    """Find everything the seeds went into, where it is and who received it.

    `with_shares` also says how much of the seeds is in each lot, which reads all that went in.
    Raises InputRejected, NotFound, Ambiguous for the question.
    """
    starts = find_seeds(site, session, question)
    merged = _joined(site, session, starts)
    one_of = one_of_each(merged.edges, [n.info.node for n in merged.nodes])
    lots = [n.info for n in merged.nodes if n.info.kind != "logistic_unit"]
    movements: dict[int, list[MovementRow]] = defaultdict(list)
    rows = list_movements(session, site.store.tenant_id, [n.info.node for n in merged.nodes])
    for row in rows:
        movements[row.node].append(row)
    stocks = fold_stock(site, [info.node for info in lots], rows)
    balances = _balances(site, lots, one_of, movements)
    where = find_whereabouts(site, session, merged, (stocks, movements))
    return RecallScope(
        question=question,
        starts=tuple(starts),
        trace=merged,
        shipments=merged.customers,
        stocks=stocks,
        balances=balances,
        one_of=one_of,
        came_again=_came_again(site, where, one_of, balances),
        where=where,
        siblings=tuple(find_siblings(site, session, question, (starts, merged))),
        unrecorded=unrecorded_in(site, session, question, merged),
        contains=_contains(site, session, starts, merged, movements=rows) if with_shares else {},
    )


@exactly
def _came_again(
    site: Site, where: Whereabouts, one_of: Mapping[int, int], balances: Mapping[int, Balance]
) -> Mapping[int, Decimal]:
    units = {node: balances[one].unit for node, one in one_of.items() if one in balances}
    sums: dict[int, Decimal] = defaultdict(Decimal)
    for node, amount in where.arrivals.came_again(units, site.registry.convert).items():
        sums[one_of[node]] += amount
    return sums


def _balances(
    site: Site,
    lots: Sequence[NodeInfo],
    one_of: Mapping[int, int],
    movements: Mapping[int, Sequence[MovementRow]],
) -> dict[int, Balance]:
    """Balance each lot; one of several names is counted once, with all that was told under them."""
    told: dict[int, list[MovementRow]] = defaultdict(list)
    infos = {info.node: info for info in lots}
    for node in infos:
        told[one_of[node]] += movements[node]
    return {
        node: balance_lot(site, infos[node], _in_time(rows)).sums for node, rows in told.items()
    }


def _in_time(rows: Iterable[MovementRow]) -> list[MovementRow]:
    return sorted(rows, key=lambda row: row.event_at)


def _contains(
    site: Site,
    session: Session,
    starts: Sequence[Seed],
    merged: Trace,
    *,
    movements: Sequence[MovementRow],
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
    whole = trace_from(site, session, [seed.info for seed in starts], "forward")
    sure = [seed.info for seed in starts if seed.is_certain]
    if len(sure) == len(starts):
        return whole
    certain: dict[int, str] = {}
    if sure:
        walked = trace_from(site, session, sure, "forward")
        certain = {node.info.node: node.certainty for node in walked.nodes}
    nodes = tuple(
        TracedNode(n.info, n.depth, n.side, certain.get(n.info.node, "inferred"))
        for n in whole.nodes
    )
    return Trace(whole.focus, whole.direction, nodes, whole.edges, whole.customers, whole.gaps)
