"""Why a lot is in the result: every link on a way from one lot to another, and how much it brings.

It must not walk on its own; see `qtcore.services.trace`.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlmodel import Session

from qtcore.context import Context
from qtcore.engines.shares import Share
from qtcore.errors import InputRejected
from qtcore.services.contained_shares import shares_of
from qtcore.services.nodes import resolve
from qtcore.services.rights import COMPANY, require
from qtcore.services.site import Site
from qtcore.services.trace import check_lens, edges_json, node_json, read_reach
from qtcore.store.queries.labels import label_nodes
from qtcore.store.queries.lens import NOW, Lens
from qtcore.store.queries.nodes import NodeInfo
from qtcore.store.queries.trace import SAME_AS, EdgeRow


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
            share=_share(site, session, (start.node, end.node), edges, lens=lens),
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
    site: Site, session: Session, ends: tuple[int, int], edges: Sequence[EdgeRow], *, lens: Lens
) -> Share:
    start, end = ends
    found = shares_of(site, session, [start], edges, nodes=[end], lens=lens)
    return found[end][0] if end in found else found[start][0].of_nothing()
