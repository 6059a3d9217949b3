"""What waits for somebody: lots ready for release, lots that are blocked and why, open records.

It must not know whose screen shows it.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from qtcore.context import Context
from qtcore.definitions.workflows import WorkflowDefinition
from qtcore.services.evidence import read_evidences
from qtcore.services.record_views import list_records
from qtcore.services.release import GATE, ReleaseView, judge_gate, veil_release
from qtcore.services.rights import require
from qtcore.services.sight import keep_seen
from qtcore.services.site import Site
from qtcore.services.timers import next_deadlines, rank_of
from qtcore.store.queries.lots import list_lot_nodes
from qtcore.store.queries.nodes import describe_nodes
from qtcore.store.tables import Record

MOST_JUDGED = 24
MOST_RECORDS = 200


@dataclass(frozen=True, slots=True)
class Cause:
    """One reason that blocks lots, and the lots it blocks."""

    code: str
    title: str
    lots: tuple[ReleaseView, ...]


@dataclass(frozen=True, slots=True)
class OpenRecord:
    """A record that is not closed; `due_at` is its next deadline, `is_late` says it has passed."""

    record: Record
    due_at: datetime | None
    is_late: bool


@dataclass(frozen=True, slots=True)
class Worklist:
    """What waits, oldest lots first; `is_cut` says that more lots wait than were judged.

    Records come by priority, then by what is due next.
    """

    ready: tuple[ReleaseView, ...]
    causes: tuple[Cause, ...]
    records: tuple[OpenRecord, ...]
    is_cut: bool = False


def release_states(site: Site) -> tuple[str, ...]:
    """List the states in which a lot waits for its release: it may be released, not yet be used."""
    workflow: WorkflowDefinition = site.registry.get("workflows", "lot")
    usable = {s.id for s in workflow.all_states if "consume" in s.may}
    states = [state for t in workflow.transitions if t.gate == GATE for state in t.from_]
    return tuple(state for state in dict.fromkeys(states) if state not in usable)


def read_worklist(site: Site, context: Context) -> Worklist:
    """Judge the lots that wait longest, and list the records that are not closed."""
    require(site, context, "lot.read")
    views, is_cut = _judged(site, context)
    records: tuple[OpenRecord, ...] = ()
    if context.actor.may("record.read"):
        rows = list_records(site, context, limit=MOST_RECORDS)
        records = _by_urgency(site, context, [row for row in rows if row.closed_at is None])
    return Worklist(
        ready=tuple(v for v in views if v.verdict == "ready"),
        causes=_causes(site, context, [v for v in views if v.verdict == "blocked"]),
        records=records,
        is_cut=is_cut,
    )


def _by_urgency(site: Site, context: Context, rows: list[Record]) -> tuple[OpenRecord, ...]:
    with site.store.read() as session:
        due = next_deadlines(session, site.store.tenant_id, [row.uid for row in rows])
    found = [
        OpenRecord(row, due.get(row.uid), row.uid in due and due[row.uid] <= context.at)
        for row in rows
    ]
    last = datetime.max.replace(tzinfo=UTC)
    return tuple(sorted(found, key=lambda e: (-rank_of(e.record.priority), e.due_at or last)))


def _judged(site: Site, context: Context) -> tuple[list[ReleaseView], bool]:
    with site.store.read() as session:
        tenant = site.store.tenant_id
        nodes = sorted(
            node
            for state in release_states(site)
            for node in list_lot_nodes(session, tenant, state=state, limit=MOST_JUDGED + 1)
        )
        infos = describe_nodes(session, tenant, nodes)
        waiting = (infos[node] for node in nodes if node in infos)
        seen = keep_seen(site, context, session, waiting)
        judged = seen[:MOST_JUDGED]
        known = read_evidences(site, session, judged, context.at.date())
        views = [
            veil_release(
                site,
                context,
                judge_gate(site, session, info, (context, GATE), evidence=known[info.node]),
            )
            for info in judged
        ]
    return views, len(seen) > MOST_JUDGED


def _causes(site: Site, context: Context, views: list[ReleaseView]) -> tuple[Cause, ...]:
    lots: dict[str, list[ReleaseView]] = {}
    titles: dict[str, str] = {}
    for view in views:
        for refusal in view.refusals:
            known = site.registry.find("rules", refusal.code) is not None
            title = (
                site.registry.text(f"rules.{refusal.code}.title", context.language)
                if known
                else refusal.message
            )
            titles.setdefault(refusal.code, title)
            if view not in lots.setdefault(refusal.code, []):
                lots[refusal.code].append(view)
    ordered = sorted(lots.items(), key=lambda each: (-len(each[1]), each[0]))
    return tuple(Cause(code, titles[code], tuple(found)) for code, found in ordered)
