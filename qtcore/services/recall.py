"""Recall: what is affected, where it is, whether it adds up; and the frozen scope of a case.

It must not know deadlines' arithmetic or pages.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from hashlib import sha256
from typing import Any

from sqlmodel import Session, select

from qtcore.context import Context
from qtcore.engines.balance import Balance, balance
from qtcore.engines.ledger import canonical_bytes
from qtcore.errors import InputRejected
from qtcore.services.contents import list_movements
from qtcore.services.holds import write_hold
from qtcore.services.nodes import resolve
from qtcore.services.records import RecordInput, check_values, get_record, write_record
from qtcore.services.rights import require
from qtcore.services.shipments import Shipment
from qtcore.services.site import Site
from qtcore.services.stock import Stock, movements_for_balance, stock_of_nodes
from qtcore.services.trace import Trace, TracedNode, edge_json, trace_from
from qtcore.services.wire import decimal_text
from qtcore.store.queries.events import MovementRow
from qtcore.store.tables import RecallSnapshot, Record
from qtcore.store.unit import UnitOfWork

MAX_SEEDS = 500


@dataclass(frozen=True, slots=True)
class RecallScope:
    """The affected lots with the way that put each there, shipments, stock, balance and gaps.

    A lot is `proved` when every link of one way to it was recorded, else `possible`.
    """

    seeds: tuple[str, ...]
    trace: Trace
    shipments: tuple[Shipment, ...]
    stocks: dict[int, Stock]
    balances: dict[int, Balance]

    def as_json(self) -> dict[str, Any]:
        """Give the shape of the API."""
        uids = {n.info.node: n.info.uid for n in self.trace.nodes}
        return {
            "seeds": list(self.seeds),
            "lots": [self._lot_json(n) for n in self.trace.nodes],
            "edges": [edge_json(e, uids) for e in self.trace.edges],
            "shipments": [s.as_json() for s in self.shipments],
            "on_hand": self._on_hand(uids),
            "balance": self._balance(uids),
            "gaps": list(self.trace.gaps),
        }

    def _lot_json(self, node: TracedNode) -> dict[str, Any]:
        verdict = "proved" if node.certainty == "recorded" else "possible"
        return {**node.as_json(), "verdict": verdict, "is_seed": node.info.uid in self.seeds}

    def _on_hand(self, uids: dict[int, str]) -> list[dict[str, str]]:
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

    def _balance(self, uids: dict[int, str]) -> dict[str, Any]:
        unaccounted = {
            uids[node]: decimal_text(b.unaccounted)
            for node, b in self.balances.items()
            if b.unaccounted
        }
        return {
            "lots": [
                {"lot_id": uids[node], **b.as_json()} for node, b in sorted(self.balances.items())
            ],
            "unaccounted": unaccounted,
            "closes": not unaccounted and not any(b.problems for b in self.balances.values()),
        }


def recall_scope(site: Site, context: Context, seeds: Sequence[str]) -> RecallScope:
    """Find everything that any of the seeds went into, where it is and who received it.

    Raises InputRejected without seeds or with more than 500, NotFound, Ambiguous, Denied.
    """
    require(site, context, "recall.scope")
    if not seeds:
        raise InputRejected(
            "a recall scope needs at least one lot to start from; name it in `seeds`"
        )
    if len(seeds) > MAX_SEEDS:
        raise InputRejected(f"{len(seeds)} seeds are too many; give at most {MAX_SEEDS} at once")
    with site.store.read() as session:
        return _scope(site, session, seeds)


def _scope(site: Site, session: Session, seeds: Sequence[str]) -> RecallScope:
    tenant = site.store.tenant_id
    found = {i.node: i for i in (resolve(session, tenant, seed) for seed in seeds)}
    merged = trace_from(site, session, list(found.values()), "forward")
    nodes = [n.info.node for n in merged.nodes]
    movements: dict[int, list[MovementRow]] = {node: [] for node in nodes}
    for row in list_movements(session, tenant, nodes):
        movements[row.node].append(row)
    lots = [n.info.node for n in merged.nodes if n.info.kind != "logistic_unit"]
    return RecallScope(
        seeds=tuple(i.uid for i in found.values()),
        trace=merged,
        shipments=merged.customers,
        stocks=stock_of_nodes(site, session, lots),
        balances={
            node: balance(movements_for_balance(movements[node]), site.registry.convert)
            for node in lots
        },
    )


@dataclass(frozen=True, slots=True)
class RecallStart:
    """What opens a recall: seeds (any identifiers), the plan and class, and whether it is a drill.

    `data` are the further values of the recall form.
    """

    seeds: Sequence[str]
    title: str
    reason: str
    is_mock: bool = False
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StartedRecall:
    """A recall that was opened: its record, its frozen scope and what was done."""

    record_id: str
    number: str
    scope: RecallScope
    held: tuple[str, ...]
    seconds: Decimal
    content_sha256: str

    def as_json(self) -> dict[str, Any]:
        """Give the shape of the API."""
        return {
            "record_id": self.record_id,
            "number": self.number,
            "held": list(self.held),
            "seconds": str(self.seconds),
            "content_sha256": self.content_sha256,
            "scope": self.scope.as_json(),
        }


def start_recall(site: Site, context: Context, start: RecallStart) -> StartedRecall:
    """Open a recall: record, frozen scope and, unless it is a mock, a hold on every lot of it.

    A mock recall runs on live data without effects; its time is kept as evidence.
    """
    require(site, context, "recall.start")
    began = time.perf_counter()
    scope = recall_scope(site, context, start.seeds)
    seconds = Decimal(time.perf_counter() - began).quantize(Decimal("0.001"))
    definition = site.registry.get("records", "recall")
    values = {**start.data, "title": start.title, "mock": start.is_mock}
    checked = check_values(site, context, definition, values)
    with site.store.write(context) as work:
        entry = RecordInput(checked, scope.seeds, start.title)
        record = write_record(site, work, definition, entry)
        digest = _freeze(work, record, scope, is_mock=start.is_mock, seconds=seconds)
        held = () if start.is_mock else _hold_all(work, record, scope, start.reason)
        return StartedRecall(record.uid, record.number, scope, held, seconds, digest)


def _hold_all(work: UnitOfWork, record: Record, scope: RecallScope, reason: str) -> tuple[str, ...]:
    held = []
    for node in scope.trace.nodes:
        hold = write_hold(
            work,
            node.info.node,
            f"{record.number}: {reason}",
            cause="recall",
            record_uid=record.uid,
        )
        held.append(hold.uid)
    return tuple(held)


def _freeze(
    work: UnitOfWork, record: Record, scope: RecallScope, *, is_mock: bool, seconds: Decimal
) -> str:
    """Freeze a scope: later events never change it, and its hash is in the ledger."""
    content = scope.as_json()
    digest = sha256(canonical_bytes(content)).hexdigest()
    work.add(
        RecallSnapshot(
            tenant_id=work.tenant_id,
            id=work.key(),
            uid=work.new_uid(),
            record_id=record.id,
            number=1,
            is_mock=is_mock,
            scope=content,
            content_sha256=digest,
            taken_at=work.context.at,
            taken_by=work.context.actor.login,
            seconds=str(seconds),
        )
    )
    work.log(
        "recall.snapshot",
        "record",
        record.uid,
        about=list(scope.seeds),
        details={"mock": is_mock, "content": digest, "lots": len(scope.trace.nodes)},
    )
    return digest


def read_snapshot(site: Site, context: Context, record_id: str) -> RecallSnapshot | None:
    """Read the newest frozen scope of a recall record."""
    require(site, context, "recall.scope", about=record_id)
    with site.store.read() as session:
        record = get_record(site, session, record_id)
        return session.exec(
            select(RecallSnapshot)
            .where(
                RecallSnapshot.tenant_id == site.store.tenant_id,
                RecallSnapshot.record_id == record.id,
            )
            .order_by(RecallSnapshot.number.desc())  # type: ignore[attr-defined]
        ).first()
