"""What makes a record a running recall: frozen scope, holds, case and planned notices.

It must not know who asked for it: a person, or a step of another record. A mock recall runs on live
data without effects.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from hashlib import sha256
from typing import Any

from qtcore.definitions.workflows import RECALL
from qtcore.engines.ledger import canonical_bytes
from qtcore.services.holds import Held, write_holds
from qtcore.services.recall_planning import find_plan, plan_notices
from qtcore.services.recall_scope import RecallScope, compute_scope
from qtcore.services.recall_seeds import Question, check_question
from qtcore.services.site import Site
from qtcore.store.tables import RecallCase, RecallSnapshot, Record
from qtcore.store.unit import UnitOfWork


@dataclass(frozen=True, slots=True)
class FoundScope:
    """A scope with the reason to recall it; `began` is when the search for it began (seconds)."""

    scope: RecallScope
    reason: str
    began: float
    seconds: Decimal


@dataclass(frozen=True, slots=True)
class OpenedCase:
    """What was done: the lots held, the orders stopped, how long it took, the scope's hash."""

    held: Held
    timings: Mapping[str, str] = field(default_factory=dict)
    content_sha256: str = ""


def find_scope(site: Site, work: UnitOfWork, question: Question, reason: str) -> FoundScope:
    """Find the scope in the unit of work that opens the recall; InputRejected without seeds."""
    began = time.perf_counter()
    check_question(question)
    scope = compute_scope(site, work.session, question)
    return FoundScope(scope, reason, began, _since(began))


def begin_recall(site: Site, work: UnitOfWork, record: Record, question: Question) -> OpenedCase:
    """Make a record that a step opened a recall, from the lots it is about."""
    found = find_scope(site, work, question, record.title)
    return open_case(site, work, record, found)


def open_case(site: Site, work: UnitOfWork, record: Record, found: FoundScope) -> OpenedCase:
    """Freeze the scope, hold every lot in it unless it is a mock, and plan the notices.

    The unit of work has its turn: what is made meanwhile is either in the scope, or made of what is
    held and refused. Raises InputRejected for a plan or class that does not exist.
    """
    plan = find_plan(site, record.data, on=work.context.at.date())
    is_mock = bool(record.data.get("mock"))
    content = found.scope.as_json()
    digest = freeze(work, record, content, (is_mock, found.seconds))
    timings = {
        "scope_seconds": str(found.seconds),
        "located_seconds": str(_since(found.began)),
        "located_percent": found.scope.located_percent(),
    }
    held = Held((), ())
    if not is_mock:
        nodes = [node.info.node for node in found.scope.trace.nodes]
        reason = f"{record.number}: {found.reason}"
        held = write_holds(work, nodes, reason, cause=RECALL, record_uid=record.uid)
    case = RecallCase(
        tenant_id=work.tenant_id,
        id=work.key(),
        uid=work.new_uid(),
        record_id=record.id,
        is_mock=is_mock,
        question=found.scope.question.as_json(),
        plan=plan.model_dump(mode="json", by_alias=True),
        recall_class=str(record.data.get("recall_class") or ""),
        clock={"known_at": work.context.at.isoformat()},
        timings=timings,
    )
    work.add(case)
    work.flush()
    plan_notices(site, work, (case, record), content)
    _tell(work, record, (found.reason, timings, is_mock), held)
    return OpenedCase(held, timings, digest)


def _since(began: float) -> Decimal:
    return Decimal(time.perf_counter() - began).quantize(Decimal("0.001"))


def _tell(
    work: UnitOfWork, record: Record, told: tuple[str, Mapping[str, str], bool], held: Held
) -> None:
    reason, timings, is_mock = told
    work.log(
        "recall.mock" if is_mock else "recall.start",
        "record",
        record.uid,
        reason=reason,
        details={
            **timings,
            "held": len(held.holds),
            "broken": [f"{b['order_no']}/{b['line_no']}" for b in held.broken],
        },
    )


def freeze(
    work: UnitOfWork,
    record: Record,
    content: Mapping[str, Any],
    how: tuple[bool, Decimal],
    *,
    number: int = 1,
) -> str:
    """Freeze a scope: later events never change it, and its hash is in the ledger."""
    is_mock, seconds = how
    digest = sha256(canonical_bytes(content)).hexdigest()
    work.add(
        RecallSnapshot(
            tenant_id=work.tenant_id,
            id=work.key(),
            uid=work.new_uid(),
            record_id=record.id,
            number=number,
            is_mock=is_mock,
            scope=dict(content),
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
        about=list(content["seeds"]),
        details={
            "mock": is_mock,
            "content": digest,
            "lots": len(content["lots"]),
            "number": number,
        },
    )
    return digest
