"""Which edges lead to a lot, or away from it: one recursive statement, however many there are.

It must not know what nodes are. Two nodes that are aliases of each other act as one.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence, Set
from datetime import datetime
from decimal import Decimal
from functools import cache, partial
from operator import itemgetter
from typing import Any, Final, Literal, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    case,
    or_,
    select,
    true,
)
from sqlmodel import Session

from qtcore.store.columns import driver_readers, table_of
from qtcore.store.queries.keyset import TENANT, among, key_rows, plain_rows, rows_for
from qtcore.store.queries.lens import NOW, Lens, Shape, counts
from qtcore.store.queries.links import has_aliases
from qtcore.store.tables import Edge, Event, NodeAlias

Direction = Literal["backward", "forward"]

SAME_AS: Final = "same_as"
_EDGE: Final = table_of(Edge)
_EVENT: Final = table_of(Event)
_ALIAS: Final = table_of(NodeAlias)


class EdgeRow(NamedTuple):
    """A link from source to product; `depth` counts its steps from the nearest start, from 1.

    An alias that the walk went through is a row of kind `SAME_AS`: it costs no step, has no event
    and no quantity, and points the way the walk went.
    """

    id: int
    src: int
    dst: int
    kind: str
    certainty: str
    quantity: Decimal | None
    unit: str
    event_uid: str
    event_at: datetime
    depth: int = 0


class LinkRow(NamedTuple):
    """What a link brought: how much of `source` went into `target`, and in which event."""

    source: int
    target: int
    quantity: Decimal | None
    unit: str
    event_uid: str


class _Ways(NamedTuple):
    """Edges by the node that a walk leaves by them, and aliases by either end."""

    onward: dict[int, list[EdgeRow]]
    alike: dict[int, list[EdgeRow]]


class Reach(NamedTuple):
    """What a walk met: the edges, their depths not filled in, and the steps to each node."""

    edges: list[EdgeRow]
    depths: dict[int, int]


def trace_edges(
    session: Session,
    tenant_id: int,
    nodes: Sequence[int],
    direction: str,
    *,
    max_depth: int | None = None,
    lens: Lens = NOW,
) -> list[EdgeRow]:
    """List every edge reached from the nodes, nearest first.

    `direction` is ``backward`` (to sources) or ``forward``; None walks to the ends.
    """
    walk = Walk(session, tenant_id, direction, lens)
    reach = reach_of(walk.read(nodes, max_depth), nodes, direction, max_depth)
    return _with_depths(reach, direction)


def trace_each(
    session: Session, tenant_id: int, nodes: Sequence[int], direction: str
) -> dict[int, list[EdgeRow]]:
    """List the edges of each node as `trace_edges` does for one, with the statements of one."""
    ways = _ways_of(Walk(session, tenant_id, direction, NOW).read(nodes, None), direction)
    return {node: _with_depths(_walk(ways, [node], direction), direction) for node in nodes}


def trace_towards(
    session: Session, tenant_id: int, nodes: Sequence[int], direction: str, *, ends: Collection[int]
) -> dict[int, list[EdgeRow]]:
    """List the edges on the ways from each node to one of `ends`; depths are not counted."""
    walked = Walk(session, tenant_id, direction, NOW).read(nodes, None)
    near = reach_of(walked, ends, "backward" if _is_forward(direction) else "forward").depths
    ways = _ways_of((e for e in walked if e.src in near and e.dst in near), direction)
    return {node: _walk(ways, [node], direction).edges if node in near else [] for node in nodes}


def _with_depths(reach: Reach, direction: str) -> list[EdgeRow]:
    is_forward, depths = _is_forward(direction), reach.depths
    edges = [
        edge
        if edge.kind == SAME_AS
        else edge._replace(depth=depths[edge.src if is_forward else edge.dst] + 1)
        for edge in reach.edges
    ]
    return sorted(edges, key=lambda edge: (edge.depth, edge.id))


def links_into(
    session: Session, tenant_id: int, nodes: Iterable[int], lens: Lens = NOW
) -> list[LinkRow]:
    """List all links into nodes, whatever they come from; aliases are not looked at."""
    build = partial(_incoming, shape=lens.shape())
    amount = driver_readers(session.get_bind().dialect.name).amount
    rows = plain_rows(session, build, tenant_id, nodes, more=lens.parameters())
    return [LinkRow(src, dst, amount(many), unit, uid) for src, dst, many, unit, uid in rows]


def reached_nodes(
    session: Session, tenant_id: int, nodes: Sequence[int], direction: str, *, lens: Lens = NOW
) -> set[int]:
    """Name every node reached, the starts included; what cases held when is not looked at."""
    return Walk(session, tenant_id, direction, lens).closure(nodes)


def reach_of(
    edges: Iterable[EdgeRow], starts: Iterable[int], direction: str, max_depth: int | None = None
) -> Reach:
    """Count the steps to each node and edge; what is farther than `max_depth` is left out.

    An alias costs no step, and is kept only where the walk went through it.
    """
    return _walk(_ways_of(edges, direction), starts, direction, max_depth)


def _ways_of(edges: Iterable[EdgeRow], direction: str) -> _Ways:
    near_of: Callable[[EdgeRow], int] = itemgetter(1 if _is_forward(direction) else 2)
    onward: dict[int, list[EdgeRow]] = defaultdict(list)
    alike: dict[int, list[EdgeRow]] = defaultdict(list)
    for edge in edges:
        if edge[3] == SAME_AS:
            alike[edge.src].append(edge)
            alike[edge.dst].append(edge)
        else:
            onward[near_of(edge)].append(edge)
    return _Ways(onward, alike)


def _walk(
    ways: _Ways, starts: Iterable[int], direction: str, max_depth: int | None = None
) -> Reach:
    is_forward, (onward, alike) = _is_forward(direction), ways
    far_of: Callable[[EdgeRow], int] = itemgetter(2 if is_forward else 1)
    depths = dict.fromkeys(starts, 0)
    found: list[EdgeRow] = []
    level, depth = list(depths), 0
    while level:
        if alike:
            level = _spread(level, depths, alike, found=found, is_forward=is_forward)
        if depth == max_depth:
            break
        depth += 1
        ahead: list[int] = []
        for near in level:
            links = onward.get(near, ())
            found += links
            for far in map(far_of, links):
                if far not in depths:
                    depths[far] = depth
                    ahead.append(far)
        level = ahead
    return Reach(found, depths)


def _spread(
    level: list[int],
    depths: dict[int, int],
    alike: dict[int, list[EdgeRow]],
    *,
    found: list[EdgeRow],
    is_forward: bool,
) -> list[int]:
    """Add the aliases of a level to it: they are as near as what they stand for."""
    whole = list(level)
    for near in whole:
        for link in alike.get(near, ()):
            far = link.dst if link.src == near else link.src
            if far not in depths:
                depths[far] = depths[near]
                whole.append(far)
                src, dst = (near, far) if is_forward else (far, near)
                found.append(link._replace(src=src, dst=dst, depth=depths[near]))
    return whole


def _is_forward(direction: str) -> bool:
    if direction not in ("backward", "forward"):
        raise ValueError(f"direction {direction!r} is neither 'backward' nor 'forward'")
    return direction == "forward"


class Walk:
    """Reads the edges of one trace; aliases among what is reached come along as edges."""

    def __init__(self, session: Session, tenant_id: int, direction: str, lens: Lens = NOW) -> None:
        self._session = session
        self._tenant_id = tenant_id
        self.is_forward = _is_forward(direction)
        self._lens = lens
        shape = lens.shape()
        self._reach = partial(_reach, is_forward=self.is_forward, shape=shape)
        self._edges = partial(_edges, is_forward=self.is_forward, shape=shape)
        self._has_aliases: bool | None = None

    def read(self, starts: Sequence[int], max_depth: int | None) -> list[EdgeRow]:
        """Read the edges, those of aliases included; depths are not counted yet."""
        if max_depth is not None:
            return self._read_levels(starts, max_depth)
        reached = self.closure(starts)
        if len(reached) < 2:
            return []  # nothing is linked to itself
        return [*self._edges_from(reached), *self._alias_edges(reached)]

    def closure(self, starts: Iterable[int]) -> set[int]:
        """Name every node reached, the starts included."""
        reached: set[int] = set()
        waiting = set(starts)
        while waiting:
            reached |= waiting
            reached.update([row[0] for row in self._rows(self._reach, waiting)])
            # Only aliases that are news start another walk; without any, there is one statement.
            waiting = self._aliases(reached).keys() - reached
        return reached

    def _read_levels(self, starts: Sequence[int], most: int) -> list[EdgeRow]:
        """Read one level after the other, and nothing beyond the last."""
        found: list[EdgeRow] = []
        seen, level = set(starts), set(starts)
        for depth in range(most + 1):
            level |= self._aliases_around(level) - seen
            seen |= level
            if depth == most or not level:
                break
            edges = self._edges_from(level)
            found += edges
            level = {edge.dst if self.is_forward else edge.src for edge in edges} - seen
            seen |= level
        return [*found, *self._alias_edges(seen)]

    def _edges_from(self, near: Iterable[int]) -> list[EdgeRow]:
        read = driver_readers(self._session.get_bind().dialect.name)
        amount, moment = read.amount, read.moment
        return [
            EdgeRow(key, src, dst, kind, sure, amount(quantity), unit, uid, moment(at))
            for key, src, dst, kind, sure, quantity, unit, uid, at in self._rows(self._edges, near)
        ]

    def _rows(self, build: Any, keys: Iterable[int]) -> list[tuple[Any, ...]]:
        more = self._lens.parameters()
        return plain_rows(self._session, build, self._tenant_id, keys, more=more)

    def _alias_edges(self, nodes: Set[int]) -> list[EdgeRow]:
        links = {
            link.id: link
            for linked in self._aliases(nodes).values()
            for link in linked
            if link.src in nodes and link.dst in nodes
        }
        return list(links.values())

    def _aliases(self, nodes: Set[int]) -> dict[int, list[EdgeRow]]:
        """Find who stands for whom among the nodes, their own aliases included."""
        if self._has_aliases is None:
            self._has_aliases = has_aliases(self._session, self._tenant_id)
        alike: dict[int, list[EdgeRow]] = defaultdict(list)
        if not self._has_aliases:
            return alike
        rows = rows_for(self._session, _alias_rows, self._tenant_id, nodes)
        for number, one, other, at, undone_at in rows:
            if self._lens.covers(at, undone_at):
                link = EdgeRow(number, one, other, SAME_AS, "recorded", None, "", "", at)
                alike[one].append(link)
                alike[other].append(link)
        return alike

    def _aliases_around(self, level: Iterable[int]) -> set[int]:
        """Find the aliases of a level, and theirs in turn."""
        known: set[int] = set(level)
        fresh = self._aliases(known).keys() - known
        while fresh:
            known |= fresh
            fresh = self._aliases(known).keys() - known
        return known


@cache
def _alias_rows(dialect: str) -> Select[tuple[int, int, int, datetime, datetime | None]]:
    touches = or_(among(dialect, _ALIAS.c.node), among(dialect, _ALIAS.c.same_as))
    return select(
        _ALIAS.c.id, _ALIAS.c.node, _ALIAS.c.same_as, _ALIAS.c.recorded_at, _ALIAS.c.undone_at
    ).where(_ALIAS.c.tenant_id == TENANT, touches)


@cache
def _reach(dialect: str, *, is_forward: bool, shape: Shape) -> Select[tuple[int]]:
    near, far = _ends(is_forward)
    start = key_rows(dialect).add_columns(TENANT.label("tenant_id"))
    reached = start.cte("reached", recursive=True)
    # The company is carried along, and what counts leans on the node: a condition on edges alone
    # makes SQLite read all of them into a Bloom filter once ANALYZE has run.
    leaning: ColumnElement[bool] = case(
        (reached.c.node.is_(None), 0), else_=_EDGE.c.superseded_by
    ).is_(None)
    if shape != Shape():
        leaning = case((reached.c.node.is_not(None), counts(_EDGE, shape)), else_=~true())
    here = and_(_EDGE.c.tenant_id == reached.c.tenant_id, near == reached.c.node, leaning)
    step = select(far, reached.c.tenant_id).select_from(reached.join(_EDGE, here))
    # UNION, not UNION ALL: each node is walked once, so that cycles end and hubs stay cheap.
    return select(reached.union(step).c.node)


@cache
def _edges(dialect: str, *, is_forward: bool, shape: Shape) -> Select[tuple[object, ...]]:
    columns = (
        _EDGE.c.id,
        _EDGE.c.src,
        _EDGE.c.dst,
        _EDGE.c.kind,
        _EDGE.c.certainty,
        _EDGE.c.quantity,
        _EDGE.c.unit,
        _EVENT.c.uid,
        _EDGE.c.event_at,
    )
    near, _ = _ends(is_forward)
    return _told(dialect, columns, near, shape)


@cache
def _incoming(dialect: str, *, shape: Shape) -> Select[tuple[object, ...]]:
    columns = (_EDGE.c.src, _EDGE.c.dst, _EDGE.c.quantity, _EDGE.c.unit, _EVENT.c.uid)
    return _told(dialect, columns, _EDGE.c.dst, shape)


def _told(
    dialect: str, columns: Sequence[ColumnElement[Any]], near: ColumnElement[int], shape: Shape
) -> Select[tuple[object, ...]]:
    # Every link has its event; the outer join keeps the planner from beginning with events.
    told = and_(_EVENT.c.tenant_id == TENANT, _EVENT.c.id == _EDGE.c.event_id)
    found = select(*columns).select_from(_EDGE.outerjoin(_EVENT, told))
    return found.where(_EDGE.c.tenant_id == TENANT, among(dialect, near), counts(_EDGE, shape))


def _ends(is_forward: bool) -> tuple[ColumnElement[int], ColumnElement[int]]:
    return (_EDGE.c.src, _EDGE.c.dst) if is_forward else (_EDGE.c.dst, _EDGE.c.src)
