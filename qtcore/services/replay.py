"""Recorded histories run again: by the versions they were made under, or by a draft.

It must not write: everything is read in one session that cannot. What a draft would have done to
each lot or record is one of: same, blocked earlier, would have passed, cannot continue.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from sqlmodel import Session, col, select

from qtcore.definitions.workflows import WorkflowDefinition
from qtcore.errors import QTCoreError
from qtcore.registry.registry import Registry
from qtcore.services.configurations import newest_number
from qtcore.services.rejudging import Again, decide_again
from qtcore.services.release import GATE, judge_lot
from qtcore.services.running import running_subjects, states_of, stranded
from qtcore.services.site import Site, registry_at, with_registry
from qtcore.services.worklist import release_states
from qtcore.store.queries.lots import list_lot_nodes
from qtcore.store.queries.nodes import describe_nodes
from qtcore.store.tables import Decision, DefinitionVersion, Record

Result = Literal["same", "blocked_earlier", "would_have_passed", "cannot_continue", "differs"]
Progress = Callable[[int, int], None]
RESULTS: Final = ("same", "blocked_earlier", "would_have_passed", "cannot_continue", "differs")
MOST_OPEN: Final = 200
_MISPLACED: Final = ("QT420", "QT421")


@dataclass(frozen=True, slots=True)
class Scope:
    """Which histories: of one workflow, of one gate, or all; `limit` takes the latest decisions.

    `open_lots`: judge the lots that wait for their release too, on the facts of today.
    """

    workflow: str = ""
    gate: str = ""
    limit: int = 0
    open_lots: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """What became of one lot or record; the first decision that came out otherwise is named."""

    subject_kind: str
    subject_id: str
    label: str
    result: Result
    decisions: int
    transition: str = ""
    decided_at: str = ""
    reason: str = ""
    reasons: tuple[Mapping[str, str], ...] = ()
    rules: tuple[Mapping[str, str], ...] = ()
    notes: tuple[str, ...] = ()
    is_open: bool = False

    def as_json(self) -> dict[str, Any]:
        """Give the shape of the API."""
        return {
            "kind": self.subject_kind,
            "id": self.subject_id,
            "label": self.label,
            "result": self.result,
            "decisions": self.decisions,
            "transition": self.transition,
            "decided_at": self.decided_at,
            "reason": self.reason,
            "reasons": list(self.reasons),
            "rules": list(self.rules),
            "notes": list(self.notes),
            "open": self.is_open,
        }


@dataclass(frozen=True, slots=True)
class ReplayReport:
    """All lines; of `decisions` decided again, `reproduced` came out the same."""

    is_draft: bool
    lines: tuple[Line, ...]
    decisions: int
    reproduced: int
    stranded: tuple[Mapping[str, object], ...] = ()
    left_out: int = 0

    def counts(self) -> dict[str, int]:
        """Count the lines by result."""
        found = Counter(line.result for line in self.lines)
        return {result: found.get(result, 0) for result in RESULTS}

    @property
    def notes(self) -> tuple[str, ...]:
        """List what the reader must know, each once, with how many lines it concerns."""
        found = Counter(note for line in self.lines for note in line.notes)
        return tuple(f"{note} (for {count})" for note, count in found.items())

    def summary(self) -> dict[str, Any]:
        """Give the figures and the lines that are not the same, as a version keeps them."""
        told = self.as_json()
        told["lines"] = [line for line in told["lines"] if line["result"] != "same"][:200]
        return told

    def as_json(self) -> dict[str, Any]:
        """Give the shape of the API."""
        return {
            "draft": self.is_draft,
            "counts": self.counts(),
            "decisions": self.decisions,
            "reproduced": self.reproduced,
            "left_out": self.left_out,
            "stranded": [dict(each) for each in self.stranded],
            "notes": list(self.notes),
            "lines": [line.as_json() for line in self.lines],
        }


def read_report(told: Mapping[str, Any]) -> ReplayReport:
    """Read back what `ReplayReport.as_json` wrote."""
    lines = tuple(
        Line(
            each["kind"],
            each["id"],
            each["label"],
            each["result"],
            each["decisions"],
            each["transition"],
            each["decided_at"],
            each["reason"],
            tuple(each["reasons"]),
            tuple(each["rules"]),
            tuple(each["notes"]),
            each["open"],
        )
        for each in told["lines"]
    )
    stuck = tuple(told["stranded"])
    counts = (told["decisions"], told["reproduced"], stuck, told["left_out"])
    return ReplayReport(told["draft"], lines, *counts)


@dataclass
class _Versions:
    """The registries and life cycles that histories were made under, each compiled once."""

    site: Site
    session: Session
    draft: Registry | None
    registries: dict[int, Registry | None] = field(default_factory=dict)
    workflows: dict[int, WorkflowDefinition] = field(default_factory=dict)

    def registry(self, row: Decision) -> Registry | None:
        if self.draft is not None:
            return self.draft
        number = row.config_number
        if number not in self.registries:
            self.registries[number] = self._compile(number)
        return self.registries[number]

    def workflow(self, row: Decision) -> WorkflowDefinition | None:
        if self.draft is not None:
            found: WorkflowDefinition | None = self.draft.find("workflows", row.workflow)
            return found
        key = row.workflow_version_id
        if key is None:
            registry = self.registry(row)
            return registry.find("workflows", row.workflow) if registry else None
        if key not in self.workflows:
            stored = self.session.get_one(DefinitionVersion, (self.site.store.tenant_id, key))
            self.workflows[key] = WorkflowDefinition.model_validate(stored.body)
        return self.workflows[key]

    def _compile(self, number: int) -> Registry | None:
        try:
            return registry_at(self.site, self.session, number)
        except QTCoreError:
            return None


def replay(
    site: Site, scope: Scope, draft: Registry | None = None, progress: Progress | None = None
) -> ReplayReport:
    """Run recorded decisions again, without a draft each by the version it was made under.

    Nothing is written. Without a draft every line is `same`, or the record and the versions do not
    fit together and the line says `differs`.
    """
    with site.store.read() as session:
        histories, left_out = _histories(session, site.store.tenant_id, scope)
        versions = _Versions(site, session, draft)
        labels = _labels(session, site.store.tenant_id, histories)
        lines: list[Line] = []
        same = 0
        for done, (uid, rows) in enumerate(histories.items(), start=1):
            line, kept = _walk(versions, rows, labels.get(uid, uid), by_itself=bool(scope.gate))
            lines.append(line)
            same += kept
            if progress is not None:
                progress(done, len(histories))
        stuck: tuple[Mapping[str, object], ...] = ()
        if draft is not None:
            running = running_subjects(session, site.store.tenant_id)
            found = stranded(running, site.registry, draft, {})
            chosen = [s for s in found if not scope.workflow or s.workflow == scope.workflow]
            stuck = tuple(each.as_json() for each in chosen) if not scope.gate else ()
            if scope.open_lots:
                lines += _open_lots(site, session, draft)
    total = sum(len(rows) for rows in histories.values())
    return ReplayReport(draft is not None, tuple(lines), total, same, stuck, left_out)


def _histories(
    session: Session, tenant_id: int, scope: Scope
) -> tuple[dict[str, list[Decision]], int]:
    query = select(Decision).where(Decision.tenant_id == tenant_id)
    if scope.workflow:
        query = query.where(Decision.workflow == scope.workflow)
    if scope.gate:
        query = query.where(Decision.gate == scope.gate)
    rows = session.exec(query.order_by(col(Decision.id))).all()
    histories: dict[str, list[Decision]] = {}
    for row in rows:
        histories.setdefault(row.subject_uid, []).append(row)
    if not scope.limit:
        return histories, 0
    latest = sorted(histories, key=lambda uid: -histories[uid][-1].id)[: scope.limit]
    kept = {uid: rows for uid, rows in histories.items() if uid in set(latest)}
    return kept, len(histories) - len(kept)


def _labels(
    session: Session, tenant_id: int, histories: Mapping[str, Sequence[Decision]]
) -> dict[str, str]:
    wanted = [uid for uid, rows in histories.items() if rows[0].subject_kind == "record"]
    numbers = session.exec(
        select(Record.uid, Record.number).where(Record.tenant_id == tenant_id)
    ).all()
    chosen = set(wanted)
    found = {uid: number for uid, number in numbers if uid in chosen}
    for uid, rows in histories.items():
        lot = next((row.document["lot"] for row in rows if row.document["lot"]), None)
        if lot is not None:
            found[uid] = f"{lot['item']} {lot['lot_no']}"
    return found


def _walk(
    versions: _Versions, rows: Sequence[Decision], label: str, *, by_itself: bool
) -> tuple[Line, int]:
    """Go through one history until a decision comes out otherwise; how many came out the same.

    `by_itself`: each decision from the state it was made in, as for a gate.
    """
    first = rows[0]
    notes: dict[str, None] = {}
    changed: dict[str, Mapping[str, str]] = {}
    state, before, same = "", "", 0
    worst: Line | None = None
    for row in rows:
        if by_itself or not state or row.from_state != before:
            state = row.from_state
        before = row.to_state or row.from_state
        again, result = _decide(versions, row, state)
        notes |= dict.fromkeys(again.notes)
        changed |= _changed_rules(row, again)
        if result == "same":
            same += 1
            state = again.to_state if again.is_made else state
            continue
        if worst is None or result != "would_have_passed":
            worst = _line(row, label, result, again)
        if result != "would_have_passed" and not by_itself:
            break
    if worst is None:
        worst = Line(first.subject_kind, first.subject_uid, label, "same", len(rows))
    told = {name: getattr(worst, name) for name in worst.__dataclass_fields__}
    told |= {"decisions": len(rows), "notes": tuple(notes), "rules": tuple(changed.values())}
    return Line(**told), same


def _decide(versions: _Versions, row: Decision, state: str) -> tuple[Again, Result]:
    registry, workflow = versions.registry(row), versions.workflow(row)
    if registry is None:
        note = f"stored verdict used: configuration version {row.config_number} does not compile"
        return Again(row.outcome == "made", row.to_state, notes=(note,)), "same"
    if workflow is None:
        return Again(False, notes=(f"the draft has no workflow {row.workflow}",)), "cannot_continue"
    again = decide_again(registry, workflow, row, state)
    return again, _result(row, again, workflow, is_draft=versions.draft is not None)


def _result(row: Decision, again: Again, workflow: WorkflowDefinition, *, is_draft: bool) -> Result:
    if not is_draft and _changed_rules(row, again):
        return "differs"
    if row.from_state not in states_of(workflow):
        return "cannot_continue"
    if row.outcome == "refused":
        return "would_have_passed" if again.is_made else "same"
    if again.is_made:
        is_same = again.to_state == row.to_state
        return "same" if is_same or is_draft else "differs"
    if any(r.code in _MISPLACED for r in again.refusals):
        return "cannot_continue"
    return "blocked_earlier"


def _changed_rules(row: Decision, again: Again) -> dict[str, Mapping[str, str]]:
    then = {rule["rule"]: rule["outcome"] for rule in row.document["rules"]}
    now = {outcome.id: outcome.outcome for outcome in again.outcomes}
    if not then or not now:
        return {}
    return {
        rule: {"rule": rule, "then": then.get(rule, ""), "now": now.get(rule, "")}
        for rule in sorted(then.keys() | now.keys())
        if then.get(rule) != now.get(rule)
    }


def _line(row: Decision, label: str, result: Result, again: Again) -> Line:
    reasons = tuple(refusal.as_json() for refusal in again.refusals)
    reason = "; ".join(f"{r['code']}: {r['message']}" for r in reasons)
    if result == "would_have_passed":
        reasons = tuple(row.document["refusals"])
        told = "; ".join(f"{r['code']}: {r['message']}" for r in reasons)
        reason = f"refused then: {told}"
    return Line(
        row.subject_kind,
        row.subject_uid,
        label,
        result,
        1,
        row.transition,
        row.at.isoformat(),
        (reason or "; ".join(again.notes))[:2000],
        reasons,
    )


def _open_lots(site: Site, session: Session, draft: Registry) -> list[Line]:
    """Judge the lots that wait for their release by both, on the facts of today."""
    tenant, context = site.store.tenant_id, site.system_context()
    drafted = with_registry(site, draft, (), site.version or newest_number(session, tenant))
    nodes = [
        node
        for state in release_states(site)
        for node in list_lot_nodes(session, tenant, state=state, limit=MOST_OPEN)
    ][:MOST_OPEN]
    lines = []
    for info in describe_nodes(session, tenant, nodes).values():
        now = judge_lot(site, session, info, context)
        then = judge_lot(drafted, session, info, context)
        result: Result = "same"
        if bool(now.refusals) != bool(then.refusals):
            result = "blocked_earlier" if then.refusals else "would_have_passed"
        reasons = tuple(r.as_json() for r in (then.refusals or now.refusals))
        told = "; ".join(f"{r['code']}: {r['message']}" for r in reasons)[:2000]
        lines.append(
            Line(
                "lot",
                info.uid,
                f"{info.item_code} {info.lot_no}",
                result,
                0,
                GATE,
                reason="" if result == "same" else told,
                reasons=() if result == "same" else reasons,
                is_open=True,
            )
        )
    return lines
