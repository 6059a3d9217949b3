"""Records whose life cycle goes on by itself when something is found about their lot.

It must not decide: the record's own automatic steps do, on the facts of now. What is found about a
lot reaches the records about everything made of it, since their facts count what went into it.
"""

from collections.abc import Sequence

from sqlmodel import Session, col, select

from qtcore.errors import NotFound
from qtcore.registry.registry import Registry
from qtcore.services.nodes import resolve
from qtcore.services.record_lots import speaks_of_facts
from qtcore.services.records import open_record
from qtcore.services.site import Site
from qtcore.services.steps import settle_record
from qtcore.store.queries.trace import trace_edges
from qtcore.store.tables import Record, RecordLink


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


def lots_of(site: Site, kind: str, uid: str) -> list[str]:
    """Name the lots that a step is about: the lot itself, or those its record is linked to."""
    if kind != "record":
        return [uid]
    with site.store.read() as session:
        found = session.exec(
            select(RecordLink.uid)
            .join(
                Record,
                (col(Record.tenant_id) == RecordLink.tenant_id)
                & (col(Record.id) == RecordLink.record_id),
            )
            .where(
                RecordLink.tenant_id == site.store.tenant_id,
                Record.uid == uid,
                RecordLink.about == "lot",
            )
        ).all()
    return [lot for lot in found if lot is not None]


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
    nodes = [node for lot in lots for node in _node(session, tenant_id, lot)]
    reached = {*nodes, *(edge.dst for edge in trace_edges(session, tenant_id, nodes, "forward"))}
    return list(dict.fromkeys(uid for uid, node in rows if node in reached))


def _node(session: Session, tenant_id: int, lot: str) -> list[int]:
    try:
        return [resolve(session, tenant_id, lot).node]
    except NotFound:
        return []  # merged away or undone since the message was written


def _settle(site: Site, uid: str) -> bool:
    with site.store.write(site.system_context()) as work:
        query = select(Record).where(Record.tenant_id == work.tenant_id, Record.uid == uid)
        record = work.session.exec(query).one()
        return record.closed_at is None and settle_record(site, work, record, open_record)
