"""How much of some lots is in others: reads what the bounds need, and joins lots of several names.

It must not walk the genealogy; it is told the lots and the links between them.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from decimal import Decimal
from itertools import chain

from sqlmodel import Session

from qtcore.engines.shares import Act, Amount, Flow, Plant, Share, find_shares
from qtcore.errors import InputRejected
from qtcore.services.arrivals import without_arrivals
from qtcore.services.contents import with_carried
from qtcore.services.site import Site
from qtcore.store.queries.events import (
    BROUGHT,
    AnyMovement,
    MovementRow,
    movements_of,
    movements_of_events,
)
from qtcore.store.queries.lens import NOW, Lens
from qtcore.store.queries.trace import SAME_AS, EdgeRow, links_into


def shares_of(
    site: Site,
    session: Session,
    sources: Sequence[int],
    edges: Iterable[EdgeRow],
    *,
    nodes: Collection[int] = (),
    movements: Iterable[AnyMovement] | None = None,
    lens: Lens = NOW,
) -> dict[int, list[Share]]:
    """Say for each node how much of the sources is in it: one share for each kind of unit.

    `edges` are all links between them; `nodes` are further ones to be told of; `movements` are
    those of all of them, where they have been read already.
    """
    tenant, facts = site.store.tenant_id, lens.facts()
    one_of = one_of_each(edges, {*sources, *nodes})
    members = list(one_of)
    links = links_into(session, tenant, members, facts)
    if movements is None:
        own = movements_of(session, tenant, members, lens=facts)
        movements = with_carried(session, tenant, own, set(members), lens=facts)
    movements = without_arrivals(site, session, movements, one_of)
    vague = {link.event_uid for link in links if link.quantity is None}
    told = movements_of_events(session, tenant, vague, lens=facts)
    sizes, brought = _brought(site, movements, one_of)
    plant = Plant(
        sizes=sizes,
        brought=brought,
        flows=[
            Flow(one_of.get(source, source), one_of[target], event, Amount(quantity, unit))
            for source, target, quantity, unit, event in links
        ],
        acts=_acts(site, told, one_of),
        convert=site.registry.convert,
        inside=set(one_of.values()),
    )
    found: dict[int, list[Share]] = defaultdict(list)
    for alike in _by_unit(site, plant, {one_of[source] for source in sources}):
        shares = find_shares(plant, alike)
        for node, one in one_of.items():
            if one in shares and (shares[one].unknown or shares[one].upper):
                found[node].append(shares[one])
    return found


def _by_unit(site: Site, plant: Plant, sources: Iterable[int]) -> list[list[int]]:
    """Part sources into those that can be added; what nobody weighed is a part of its own."""
    parts: dict[str, list[int]] = defaultdict(list)
    for source in sorted(sources):
        size = plant.sizes.get(source, Amount(None, ""))
        known = site.registry.unit(size.unit)
        kind = known.dimension if known else size.unit
        parts[kind if size.quantity is not None else ""].append(source)
    return list(parts.values())


def one_of_each(edges: Iterable[EdgeRow], nodes: Iterable[int]) -> dict[int, int]:
    """Give each node the one that stands for it and for its other names."""
    listed = list(edges)
    ends = chain(nodes, (edge.src for edge in listed), (edge.dst for edge in listed))
    stands_for = {node: node for node in ends}
    same = [edge for edge in listed if edge.kind == SAME_AS]

    def find(node: int) -> int:
        while stands_for[node] != node:
            stands_for[node] = node = stands_for[stands_for[node]]
        return node

    for edge in same:
        stands_for[find(edge.dst)] = find(edge.src)
    return {node: find(node) for node in stands_for} if same else stands_for


def _brought(
    site: Site, movements: Iterable[AnyMovement], one_of: Mapping[int, int]
) -> tuple[dict[int, Amount], dict[int, dict[str, Amount]]]:
    """Say how much there was of each, and what which event brought of it."""
    rows: dict[int, list[AnyMovement]] = defaultdict(list)
    for row in movements:
        if row.effect in BROUGHT:
            rows[one_of[row.node]].append(row)
    sizes = {node: _added(site, told) for node, told in rows.items()}
    return sizes, {node: _by_event(site, told, sizes[node]) for node, told in rows.items()}


def _by_event(site: Site, rows: Sequence[AnyMovement], size: Amount) -> dict[str, Amount]:
    if len(rows) == 1:
        return {rows[0].event_uid: size}
    told: dict[str, list[AnyMovement]] = defaultdict(list)
    for row in rows:
        told[row.event_uid].append(row)
    return {event: _added(site, each) for event, each in told.items()}


def _acts(site: Site, rows: Iterable[MovementRow], one_of: Mapping[int, int]) -> dict[str, Act]:
    used: dict[str, dict[int, list[MovementRow]]] = defaultdict(lambda: defaultdict(list))
    made: dict[str, dict[int, list[MovementRow]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        side = {"input": used, "output": made}.get(row.part)
        if side is not None:
            side[row.event_uid][one_of.get(row.node, row.node)].append(row)
    return {
        uid: Act(
            {node: _added(site, told) for node, told in used[uid].items()},
            {node: _added(site, told) for node, told in made[uid].items()},
        )
        for uid in {*used, *made}
    }


def _added(site: Site, rows: Sequence[AnyMovement]) -> Amount:
    unit = next((row.unit for row in rows if row.quantity is not None), "")
    total = Decimal(0)
    for row in rows:
        if row.quantity is None:
            return Amount(None, unit)
        try:
            total += site.registry.convert(row.quantity, row.unit, unit)
        except InputRejected:
            return Amount(None, unit)
    return Amount(total, unit)
