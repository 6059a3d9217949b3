"""A recall is asked for by a person: first what it would reach, then the recall itself.

It must not know pages, nor how notices, replies and closure go on (`recall_notices`, ...).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from sqlmodel import select

from qtcore.context import Context
from qtcore.definitions.workflows import RECALL
from qtcore.services.recall_opening import find_scope, open_case
from qtcore.services.recall_planning import find_plan
from qtcore.services.recall_scope import RecallScope, compute_scope
from qtcore.services.recall_seeds import Question, check_question, check_seen
from qtcore.services.record_views import get_record
from qtcore.services.records import RecordInput, check_values, write_record
from qtcore.services.rights import require
from qtcore.services.site import Site
from qtcore.store.tables import RecallSnapshot

__all__ = ["Question", "RecallScope", "RecallStart", "recall_scope", "start_recall"]


def recall_scope(
    site: Site,
    context: Context,
    seeds: Question | Sequence[str],
    *,
    with_shares: bool = True,
) -> RecallScope:
    """Find everything that any of the seeds went into, where it is and who received it.

    `seeds` are identifiers, or a whole `Question` with windows and conditions; `with_shares` also
    says how much of them is in each lot. Raises InputRejected without seeds or with more than 500,
    NotFound, Ambiguous, Denied.
    """
    require(site, context, "recall.scope")
    question = as_question(seeds)
    check_question(question)
    check_seen(site, context, question)
    with site.store.read() as session:
        return compute_scope(site, session, question, with_shares=with_shares)


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
    require(site, context, "recall.start", about=start.title)
    check_question(start.asked())
    check_seen(site, context, start.asked())
    definition = site.registry.get("records", RECALL)
    values = {**start.data, "title": start.title, "mock": start.is_mock}
    checked = check_values(site, context, definition, values)
    find_plan(site, checked, on=context.at.date())
    with site.store.write(context) as work:
        if not start.is_mock:
            work.take_turn()
        found = find_scope(site, work, start.asked(), start.reason)
        entry = RecordInput(checked, found.scope.seeds, start.title)
        record = write_record(site, work, definition, entry)
        opened = open_case(site, work, record, found)
        return StartedRecall(
            record_id=record.uid,
            number=record.number,
            scope=found.scope,
            held=opened.held.holds,
            broken=opened.held.broken,
            seconds=found.seconds,
            timings=opened.timings,
            content_sha256=opened.content_sha256,
        )


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
