"""Which things a person sees: those at their sites, as far as their role goes; all for the company.

It must not know fields; those are veiled in `qtcore.services.veils`.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from sqlmodel import Session, col, select

from qtcore.context import Actor, Context
from qtcore.engines.access import Thing
from qtcore.errors import NotFound
from qtcore.services.nodes import infos_named, the_one
from qtcore.services.rights import require
from qtcore.services.site import Site
from qtcore.store.queries.ledger_things import KnownThing
from qtcore.store.queries.nodes import NodeInfo
from qtcore.store.queries.records import RecordRow
from qtcore.store.queries.sites import site_of_place, sites_of_nodes
from qtcore.store.tables import Record, RecordLink

WITHHELD = "withheld"
# A record as a list of records or a line of the history tells of it.
_Filed = TypeVar("_Filed", RecordRow, KnownThing)


def get_seen(
    site: Site,
    context: Context,
    session: Session,
    text: str,
    *,
    named: Sequence[NodeInfo] = (),
) -> NodeInfo:
    """Find the one thing that a text names among those this person sees.

    `named`: what the text names as it is written, where that was read before. Raises NotFound in
    the same words whether it is not there or stands at another site.
    """
    infos = named or infos_named(session, site.store.tenant_id, text.strip())
    return the_one(text, keep_seen(site, context, session, infos))


def keep_seen(
    site: Site, context: Context, session: Session, infos: Iterable[NodeInfo]
) -> list[NodeInfo]:
    """Leave out what this person may not read."""
    policy, listed = site.registry.policy, list(infos)
    if policy.is_open(context.actor, "lot.read"):
        return listed
    things = things_of(site, session, listed)
    return [
        info
        for info in listed
        if policy.decide(context.actor, "lot.read", things[info.node]).is_allowed
    ]


def require_at(site: Site, context: Context, right: str, lots: Sequence[str]) -> None:
    """Ask for a right about each of these lots; raises NotFound for what is not seen, or Denied."""
    if site.registry.policy.is_open(context.actor, right):
        return
    with site.store.read() as session:
        infos = [get_seen(site, context, session, lot) for lot in lots]
        things = things_of(site, session, infos)
    for info in infos:
        require(site, context, right, about=info.uid, thing=things[info.node])


def withhold(
    site: Site, context: Context, session: Session, infos: Mapping[int, NodeInfo]
) -> dict[int, NodeInfo]:
    """Blank what stands at other sites: that there is a link is told, not to what."""
    seen = {info.node for info in keep_seen(site, context, session, infos.values())}
    if len(seen) == len(infos):
        return dict(infos)
    return {
        node: info if node in seen else _withheld(info, number)
        for number, (node, info) in enumerate(infos.items(), 1)
    }


def _withheld(info: NodeInfo, number: int) -> NodeInfo:
    return info._replace(
        uid=f"{WITHHELD}-{number}",
        item_code="",
        item_name="",
        lot_no=WITHHELD,
        source_code="",
        source_name="",
        state=WITHHELD,
        made_at=None,
        expiry_on=None,
        names={},
        extra={},
        identifiers=(),
    )


def things_of(site: Site, session: Session, infos: Iterable[NodeInfo]) -> dict[int, Thing]:
    """Describe lots, units and cases as the decision about access needs them."""
    listed = list(infos)
    sites = sites_of_nodes(session, site.store.tenant_id, [info.node for info in listed])
    return {
        info.node: Thing(
            info.lot_no or info.uid, info.kind, info.state, sites.get(info.node, frozenset())
        )
        for info in listed
    }


def thing_of_lot(
    site: Site, session: Session, info: NodeInfo, *, actor: Actor | None = None
) -> Thing:
    """Describe one lot; without its sites where they cannot matter to what `actor` may do."""
    if actor is not None and not site.registry.policy.asks_sites(actor):
        return Thing(info.lot_no or info.uid, info.kind, info.state)
    return things_of(site, session, [info])[info.node]


def things_of_records(site: Site, session: Session, rows: Iterable[Record]) -> dict[int, Thing]:
    """Describe records: they stand where they were opened, and where the lots they name stand."""
    listed, tenant = list(rows), site.store.tenant_id
    linked: dict[int, set[int]] = {}
    for start in range(0, len(listed), 500):
        keys = [row.id for row in listed[start : start + 500]]
        found = session.exec(
            select(RecordLink.record_id, RecordLink.node).where(
                RecordLink.tenant_id == tenant,
                RecordLink.record_id.in_(keys),  # type: ignore[attr-defined]
                RecordLink.node.is_not(None),  # type: ignore[union-attr]
            )
        )
        for key, node in found:
            linked.setdefault(key, set()).add(node or 0)
    sites = sites_of_nodes(session, tenant, [n for nodes in linked.values() for n in nodes])
    return {
        row.id: Thing(
            row.number,
            row.kind,
            row.state,
            frozenset({row.site} - {""}).union(
                *(sites.get(node, frozenset()) for node in linked.get(row.id, ()))
            ),
            row.opened_by,
        )
        for row in listed
    }


def keep_read(
    site: Site, context: Context, session: Session, rows: Sequence[_Filed]
) -> list[_Filed]:
    """Leave out the records about a thing that this person may not read, whoever sees the thing."""
    policy = site.registry.policy
    if not rows or policy.is_open(context.actor, "record.read"):
        return list(rows)
    keys = [row.id for row in rows]
    query = select(Record).where(Record.tenant_id == site.store.tenant_id, col(Record.id).in_(keys))
    things = things_of_records(site, session, session.exec(query))
    return [
        row
        for row in rows
        if policy.decide(context.actor, f"record.read:{row.kind}", things[row.id]).is_allowed
    ]


def thing_of_record(
    site: Site, session: Session, row: Record, *, actor: Actor | None = None
) -> Thing:
    """Describe one record; without its sites where they cannot matter to what `actor` may do."""
    if actor is not None and not site.registry.policy.asks_sites(actor):
        return Thing(row.number, row.kind, row.state, owner=row.opened_by)
    return things_of_records(site, session, [row])[row.id]


def thing_at(site: Site, session: Session, kind: str, place: str, *, actor: Actor) -> Thing:
    """Describe an event that is to be recorded at a place; without one it stands nowhere.

    Whose place it is, is asked only where that can matter to what `actor` may do.
    """
    is_asked = bool(place) and site.registry.policy.asks_sites(actor)
    owner = site_of_place(session, site.store.tenant_id, place) if is_asked else ""
    sites = frozenset({owner} - {""})
    return Thing(f"an event at {place or 'no place'}", kind, sites=sites, is_new=True)


def missing_record(record_id: str) -> NotFound:
    """Say that there is no such record, or none that this person sees."""
    return NotFound(f"there is no record {record_id!r}; give its number such as DEV-2026-0001")
