"""A recall is asked for and opened: frozen scope, holds, case; or a mock without effects.

It must not know pages, nor how notices, replies and closure go on (`recall_notices`, ...).
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from hashlib import sha256
from typing import Any

from sqlmodel import select

from qtcore.context import Context
from qtcore.definitions.recalls import RecallDefinition
from qtcore.engines.ledger import canonical_bytes
from qtcore.services.holds import Held, write_holds
from qtcore.services.recall_planning import find_plan, plan_notices
from qtcore.services.recall_scope import RecallScope, compute_scope, located_percent
from qtcore.services.recall_seeds import Question, check_question
from qtcore.services.records import RecordInput, check_values, get_record, write_record
from qtcore.services.rights import require
from qtcore.services.site import Site
from qtcore.store.tables import RecallCase, RecallSnapshot, Record
from qtcore.store.unit import UnitOfWork

__all__ = ["Question", "RecallScope", "RecallStart", "recall_scope", "start_recall"]


def recall_scope(site: Site, context: Context, seeds: Question | Sequence[str]) -> RecallScope:
    """Find everything that any of the seeds went into, where it is and who received it.

    `seeds` are identifiers, or a whole `Question` with windows and conditions. Raises InputRejected
    without seeds or with more than 500, NotFound, Ambiguous, Denied.
    """
    require(site, context, "recall.scope")
    question = as_question(seeds)
    check_question(question)
    with site.store.read() as session:
        return compute_scope(site, session, question)


def as_question(seeds: Question | Sequence[str]) -> Question:
    """Take a list of identifiers as the question it is."""
    return seeds if isinstance(seeds, Question) else Question(lots=tuple(seeds))


@dataclass(frozen=True, slots=True)
class RecallStart:
    """What opens a recall: seeds (any identifiers), the plan and class, and whether it is a drill.

    `data` are the further values of the recall form; `question` adds windows and conditions.
    """

    seeds: Sequence[str]
    title: str
    reason: str
    is_mock: bool = False
    data: Mapping[str, Any] = field(default_factory=dict)
    question: Question = field(default_factory=Question)

    def asked(self) -> Question:
        """Join the seeds with the windows."""
        lots = tuple(dict.fromkeys((*self.seeds, *self.question.lots)))
        return replace(self.question, lots=lots)


@dataclass(frozen=True, slots=True)
class StartedRecall:
    """A recall that was opened: its record, its frozen scope and what was done."""

    record_id: str
    number: str
    scope: RecallScope
    held: tuple[str, ...]
    broken: tuple[dict[str, Any], ...]
    seconds: Decimal
    timings: Mapping[str, str]
    content_sha256: str

    def as_json(self) -> dict[str, Any]:
        """Give the shape of the API."""
        return {
            "record_id": self.record_id,
            "number": self.number,
            "held": list(self.held),
            "broken": list(self.broken),
            "seconds": str(self.seconds),
            "timings": dict(self.timings),
            "content_sha256": self.content_sha256,
            "scope": self.scope.as_json(),
        }


def start_recall(site: Site, context: Context, start: RecallStart) -> StartedRecall:
    """Open a recall: record, case, frozen scope and, unless it is a mock, a hold on every lot.

    A mock recall runs on live data without effects; its time is kept as evidence. The scope is
    found in the same turn as the holds: what is made meanwhile is either in it, or made of what is
    held and refused.
    """
    require(site, context, "recall.start")
    began = time.perf_counter()
    question = start.asked()
    check_question(question)
    definition = site.registry.get("records", "recall")
    values = {**start.data, "title": start.title, "mock": start.is_mock}
    checked = check_values(site, context, definition, values)
    plan = find_plan(site, checked)
    with site.store.write(context) as work:
        if not start.is_mock:
            work.take_turn()
        scope = compute_scope(site, work.session, question)
        seconds = _since(began)
        record = write_record(site, work, definition, _entry(start, checked, scope))
        digest = _freeze(work, record, scope, (start.is_mock, seconds))
        timings = {
            "scope_seconds": str(seconds),
            "located_seconds": str(_since(began)),
            "located_percent": located_percent(scope.balances.values()),
        }
        held = Held((), ())
        if not start.is_mock:
            nodes = [node.info.node for node in scope.trace.nodes]
            reason = f"{record.number}: {start.reason}"
            held = write_holds(work, nodes, reason, cause="recall", record_uid=record.uid)
        case = _case(work, record, (question, plan), timings)
        plan_notices(site, work, (case, record), scope.as_json())
        _tell(work, record, (start, timings), held)
        return StartedRecall(
            record_id=record.uid,
            number=record.number,
            scope=scope,
            held=held.holds,
            broken=held.broken,
            seconds=seconds,
            timings=timings,
            content_sha256=digest,
        )


def _since(began: float) -> Decimal:
    return Decimal(time.perf_counter() - began).quantize(Decimal("0.001"))


def _entry(start: RecallStart, checked: Mapping[str, Any], scope: RecallScope) -> RecordInput:
    return RecordInput(checked, scope.seeds, start.title)


def _case(
    work: UnitOfWork,
    record: Record,
    asked: tuple[Question, RecallDefinition],
    timings: Mapping[str, str],
) -> RecallCase:
    question, plan = asked
    case = RecallCase(
        tenant_id=work.tenant_id,
        id=work.key(),
        uid=work.new_uid(),
        record_id=record.id,
        is_mock=bool(record.data.get("mock")),
        question=question.as_json(),
        plan=plan.model_dump(mode="json", by_alias=True),
        recall_class=str(record.data.get("recall_class") or ""),
        clock={"known_at": work.context.at.isoformat()},
        timings=dict(timings),
    )
    work.add(case)
    work.flush()
    return case


def _tell(
    work: UnitOfWork, record: Record, told: tuple[RecallStart, Mapping[str, str]], held: Held
) -> None:
    start, timings = told
    work.log(
        "recall.mock" if start.is_mock else "recall.start",
        "record",
        record.uid,
        reason=start.reason,
        details={
            **timings,
            "held": len(held.holds),
            "broken": [f"{b['order_no']}/{b['line_no']}" for b in held.broken],
        },
    )


def _freeze(work: UnitOfWork, record: Record, scope: RecallScope, how: tuple[bool, Decimal]) -> str:
    """Freeze a scope: later events never change it, and its hash is in the ledger."""
    is_mock, seconds = how
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
