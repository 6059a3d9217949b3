"""Records whose life cycle goes on by itself when something is found about their lot.

It must not decide: the record's own automatic steps do, on the facts of now. What is found about a
lot reaches the records about everything made of it, since their facts count what went into it.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from sqlmodel import Session, col, select

from qtcore.registry.registry import Registry
from qtcore.services.record_lots import speaks_of_facts
from qtcore.services.records import open_record
from qtcore.services.site import Site
from qtcore.services.steps import settle_record
from qtcore.store.queries.keyset import batched
from qtcore.store.queries.trace import reached_nodes
from qtcore.store.tables import Event, Movement, Node, Record, RecordLink


def wake_records(site: Site, lots: Sequence[str]) -> int:
    """Let the open records about these lots, and about what was made of them, go on.

    Returns how many made a step. Doing it twice changes nothing. Raises Refused when an effect of
    a step cannot be carried out; the records before it are settled then.
    """
    kinds = _kinds_that_wake(site.registry)
    if not kinds or not lots:
        return 0
    with site.store.read() as session:
        chosen = _records_about(session, site.store.tenant_id, (kinds, lots))
    return sum(_settle(site, uid) for uid in chosen)


def wakes_any(site: Site) -> bool:
    """Say whether a kind of record is defined that may go on by itself when something is found."""
    return bool(_kinds_that_wake(site.registry))


def lots_of_events(session: Session, tenant_id: int, events: Sequence[str]) -> dict[str, list[str]]:
    """Name what each event, by its public id, did something to; a move names it once."""
    query = (
        select(Event.uid, Node.uid)
        .join(
            Movement,
            (col(Movement.tenant_id) == Event.tenant_id) & (col(Movement.event_id) == Event.id),
        )
        .join(Node, (col(Node.tenant_id) == Movement.tenant_id) & (col(Node.node) == Movement.node))
        .where(Event.tenant_id == tenant_id)
        .order_by(col(Movement.id))
    )
    return _grouped(session, [query.where(col(Event.uid).in_(few)) for few in batched(events)])


def lots_of_records(
    session: Session, tenant_id: int, records: Sequence[str]
) -> dict[str, list[str]]:
    """Name the lots that each record, by its public id, is linked to."""
    query = (
        select(Record.uid, RecordLink.uid)
        .join(
            RecordLink,
            (col(RecordLink.tenant_id) == Record.tenant_id)
            & (col(RecordLink.record_id) == Record.id),
        )
        .where(Record.tenant_id == tenant_id, RecordLink.about == "lot")
        .order_by(col(RecordLink.id))
    )
    return _grouped(session, [query.where(col(Record.uid).in_(few)) for few in batched(records)])


def _grouped(session: Session, queries: Iterable[Any]) -> dict[str, list[str]]:
    found: dict[str, dict[str, None]] = defaultdict(dict)
    for query in queries:
        for key, lot in session.exec(query):
            if lot is not None:
                found[key][lot] = None
    return {key: list(lots) for key, lots in found.items()}


def _kinds_that_wake(registry: Registry) -> list[str]:
    """List the kinds of record with a step that waits for a fact and for nobody."""
    flows = {
        flow.id
        for flow in registry.list("workflows")
        if any(step.is_automatic and step.guard is not None for step in flow.transitions)
        and speaks_of_facts(registry, flow)
    }
    return [record.id for record in registry.list("records") if record.workflow in flows]


def _records_about(
    session: Session, tenant_id: int, asked: tuple[Sequence[str], Sequence[str]]
) -> list[str]:
    kinds, lots = asked
    rows = session.exec(
        select(Record.uid, RecordLink.node)
        .join(
            RecordLink,
            (col(RecordLink.tenant_id) == Record.tenant_id)
            & (col(RecordLink.record_id) == Record.id),
        )
        .where(
            Record.tenant_id == tenant_id,
            col(Record.kind).in_(kinds),
            col(Record.closed_at).is_(None),
        )
        .order_by(col(Record.id))
    ).all()
    if not rows:
        return []
    nodes = _nodes(session, tenant_id, lots)
    reached = reached_nodes(session, tenant_id, nodes, "forward")
    return list(dict.fromkeys(uid for uid, node in rows if node in reached))


def _nodes(session: Session, tenant_id: int, lots: Sequence[str]) -> list[int]:
    """Find lots by their public ids; one merged away or undone since is left out."""
    return [
        node
        for few in batched(lots)
        for node in session.exec(
            select(Node.node).where(Node.tenant_id == tenant_id, col(Node.uid).in_(few))
        )
    ]


def _settle(site: Site, uid: str) -> bool:
    with site.store.write(site.system_context()) as work:
        query = select(Record).where(Record.tenant_id == work.tenant_id, Record.uid == uid)
        record = work.session.exec(query).one()
        return record.closed_at is None and settle_record(site, work, record, open_record)
