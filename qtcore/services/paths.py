"""Why a lot is in the result: every link on a way from one lot to another, and how much it brings.

It must not walk on its own; see `qtcore.services.trace`.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlmodel import Session

from qtcore.context import Context
from qtcore.engines.shares import Act, Amount, Flow, Plant, Share, find_share
from qtcore.errors import InputRejected
from qtcore.services.nodes import resolve
from qtcore.services.rights import COMPANY, require
from qtcore.services.site import Site
from qtcore.services.trace import check_lens, edges_json, node_json, read_reach
from qtcore.store.queries.events import MovementRow, movements_of, movements_of_events
from qtcore.store.queries.labels import label_nodes
from qtcore.store.queries.lens import NOW, Lens
from qtcore.store.queries.nodes import NodeInfo
from qtcore.store.queries.trace import SAME_AS, EdgeRow, Walk

_CAME = ("received", "produced")


@dataclass(frozen=True, slots=True)
class Paths:
    """All links on any way from one lot to another; `shortest` names the lots on one of the
    shortest ways, and `share` says how much of the first is in the second.
    """

    start: NodeInfo
    end: NodeInfo
    nodes: tuple[NodeInfo, ...]
    edges: tuple[EdgeRow, ...]
    shortest: tuple[str, ...]
    share: Share

    def as_json(self) -> dict[str, Any]:
        """Give the shape of the API."""
        uids = {info.node: info.uid for info in self.nodes}
        return {
            "from": node_json(self.start),
            "to": node_json(self.end),
            "nodes": [node_json(info) for info in self.nodes],
            "edges": edges_json(self.edges, uids),
            "shortest": list(self.shortest),
            "share": self.share.as_json(),
        }


def find_paths(site: Site, context: Context, lot: str, to_lot: str, *, lens: Lens = NOW) -> Paths:
    """Find every link on a way from a lot to another, whichever of the two was made first.

    Without any way the lists are empty and the share is zero. Raises NotFound, Ambiguous,
    InputRejected.
    """
    require(site, context, "trace.read", about=lot, thing=COMPANY)
    if not to_lot.strip():
        raise InputRejected("name the other lot: which lot shall be explained?")
    check_lens(context, lens)
    tenant = site.store.tenant_id
    with site.store.read() as session:
        start, end = resolve(session, tenant, lot), resolve(session, tenant, to_lot)
        edges = _between(session, tenant, (start.node, end.node), lens)
        if not edges and start.node != end.node:
            turned = _between(session, tenant, (end.node, start.node), lens)
            if turned:
                start, end, edges = end, start, turned
        met = {start.node, end.node, *(n for e in edges for n in (e.src, e.dst))}
        infos = label_nodes(session, tenant, met)
        uids = {node: info.uid for node, info in infos.items()}
        way = _shortest(edges, start.node, end.node)
        return Paths(
            start=start,
            end=end,
            nodes=tuple(infos[node] for node in sorted(met)),
            edges=tuple(sorted(edges, key=lambda edge: edge.id)),
            shortest=tuple(uids[node] for node in way),
            share=_share(site, session, (start, end), edges, lens=lens),
        )


def _between(session: Session, tenant: int, ends: tuple[int, int], lens: Lens) -> list[EdgeRow]:
    start, end = ends
    upstream = read_reach(session, tenant, [end], "backward", lens=lens)
    if start not in upstream.depths:
        return []
    onward: dict[int, list[EdgeRow]] = defaultdict(list)
    for edge in upstream.edges:
        onward[edge.src].append(edge)
        if edge.kind == SAME_AS:
            onward[edge.dst].append(edge._replace(src=edge.dst, dst=edge.src))
    found: dict[tuple[str, int], EdgeRow] = {}
    met, waiting = {start}, [start]
    while waiting:
        for edge in onward.get(waiting.pop(), ()):
            found.setdefault((edge.kind, edge.id), edge)
            if edge.dst not in met:
                met.add(edge.dst)
                waiting.append(edge.dst)
    return list(found.values())


def _shortest(edges: Iterable[EdgeRow], start: int, end: int) -> list[int]:
    onward: dict[int, list[int]] = defaultdict(list)
    for edge in edges:
        onward[edge.src].append(edge.dst)
    before: dict[int, int] = {}
    level = [start]
    while level and end not in before and start != end:
        ahead = []
        for node in level:
            for far in onward[node]:
                if far not in before and far != start:
                    before[far] = node
                    ahead.append(far)
        level = ahead
    if end not in before:
        return []
    way = [end]
    while way[-1] != start:
        way.append(before[way[-1]])
    return way[::-1]


def _share(
    site: Site,
    session: Session,
    ends: tuple[NodeInfo, NodeInfo],
    edges: Sequence[EdgeRow],
    *,
    lens: Lens,
) -> Share:
    """Gather what the bounds need: sizes, all that went into the lots between, and the acts."""
    tenant, facts = site.store.tenant_id, lens.facts()
    one_of = _groups(edges, (ends[0].node, ends[1].node))
    inside = set(one_of.values())
    members = list(one_of)
    incoming = Walk(session, tenant, "backward", facts).read(members, 1) if edges else []
    links = [edge for edge in incoming if edge.kind != SAME_AS and edge.dst in one_of]
    movements = movements_of(session, tenant, members, lens=facts)
    vague = {edge.event_uid for edge in links if edge.quantity is None}
    told = movements_of_events(session, tenant, vague, lens=facts)
    plant = Plant(
        sizes=_sizes(site, movements, one_of),
        flows=[
            Flow(
                one_of.get(edge.src, edge.src),
                one_of[edge.dst],
                edge.event_uid,
                Amount(edge.quantity, edge.unit),
            )
            for edge in links
        ],
        acts=_acts(site, told, one_of),
        convert=site.registry.convert,
        inside=inside,
    )
    return find_share(plant, one_of[ends[0].node], one_of[ends[1].node])


def _groups(edges: Iterable[EdgeRow], ends: Iterable[int]) -> dict[int, int]:
    """Give each node the one that stands for it and its aliases."""
    one_of: dict[int, int] = {node: node for node in ends}
    for edge in edges:
        one_of.setdefault(edge.src, edge.src)
        one_of.setdefault(edge.dst, edge.dst)
    for edge in edges:
        if edge.kind == SAME_AS:
            kept, gone = one_of[edge.src], one_of[edge.dst]
            one_of = {node: kept if one == gone else one for node, one in one_of.items()}
    return one_of


def _sizes(
    site: Site, movements: Iterable[MovementRow], one_of: Mapping[int, int]
) -> dict[int, Amount]:
    rows: dict[int, list[MovementRow]] = defaultdict(list)
    for row in movements:
        if row.effect in _CAME:
            rows[one_of[row.node]].append(row)
    return {node: _added(site, told) for node, told in rows.items()}


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


def _added(site: Site, rows: Sequence[MovementRow]) -> Amount:
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
