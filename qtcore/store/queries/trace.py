"""Which edges lead to a lot, or away from it: one recursive statement, however many there are.

It must not know what nodes are. Two nodes that are aliases of each other act as one.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence, Set
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Final, Literal, NamedTuple

from sqlalchemy import ColumnElement, Select, and_, case, or_, select
from sqlmodel import Session

from qtcore.store.columns import table_of
from qtcore.store.queries.keyset import TENANT, among, key_rows, rows_for
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


def trace_edges(
    session: Session,
    tenant_id: int,
    nodes: Sequence[int],
    direction: str,
    *,
    max_depth: int | None = None,
) -> list[EdgeRow]:
    """List every edge reached from the nodes, nearest first.

    `direction` is ``backward`` (to sources) or ``forward``; None walks to the ends.
    """
    walk = _Walk(session, tenant_id, _is_forward(direction), nodes)
    if max_depth is None:
        walk.read_all()
    else:
        walk.read_levels(max_depth)
    return walk.edges()


def reached_nodes(
    session: Session, tenant_id: int, nodes: Sequence[int], direction: str
) -> set[int]:
    """Name every node reached, the starts included."""
    return _closure(session, tenant_id, nodes, _is_forward(direction))


def _is_forward(direction: str) -> bool:
    if direction not in ("backward", "forward"):
        raise ValueError(f"direction {direction!r} is neither 'backward' nor 'forward'")
    return direction == "forward"


class _Walk:
    """One trace: the edges read so far, and how far each node is."""

    def __init__(
        self, session: Session, tenant_id: int, forward: bool, starts: Iterable[int]
    ) -> None:
        self._session = session
        self._tenant_id = tenant_id
        self._forward = forward
        self._depths = dict.fromkeys(starts, 0)
        self._onward: dict[int, list[tuple[int, EdgeRow]]] = defaultdict(list)
        self._links: list[EdgeRow] = []

    def read_all(self) -> None:
        """Read the whole reach with two statements, then count the steps."""
        starts = list(self._depths)
        reached = _closure(self._session, self._tenant_id, starts, self._forward)
        self._read_edges(reached)
        alike = _aliases(self._session, self._tenant_id, reached)
        level, depth = starts, 0
        while level:
            level = self._spread(level, depth, alike)
            depth += 1
            level = self._step(level, depth)

    def read_levels(self, most: int) -> None:
        """Read one level after the other, and nothing beyond the last."""
        level = list(self._depths)
        for depth in range(most + 1):
            alike = _aliases_around(self._session, self._tenant_id, level)
            level = self._spread(level, depth, alike)
            if depth == most or not level:
                return
            self._read_edges(level)
            level = self._step(level, depth + 1)

    def edges(self) -> list[EdgeRow]:
        """Give what was read, each edge with its depth."""
        found = [
            edge._replace(depth=self._depths[near] + 1)
            for near, onward in self._onward.items()
            for _, edge in onward
        ]
        return sorted([*found, *self._links], key=lambda edge: (edge.depth, edge.id))

    def _read_edges(self, near: Iterable[int]) -> None:
        build = _edges_out if self._forward else _edges_in
        for row in rows_for(self._session, build, self._tenant_id, near):
            edge = EdgeRow(*row)
            start, end = (edge.src, edge.dst) if self._forward else (edge.dst, edge.src)
            self._onward[start].append((end, edge))

    def _step(self, level: Iterable[int], depth: int) -> list[int]:
        found = []
        for near in level:
            for far, _ in self._onward.get(near, ()):
                if far not in self._depths:
                    self._depths[far] = depth
                    found.append(far)
        return found

    def _spread(self, level: list[int], depth: int, alike: "_Alike") -> list[int]:
        """Add the aliases of a level to it: they are as near as what they stand for."""
        found = list(level)
        for near in found:
            for far, link in alike.get(near, ()):
                if far not in self._depths:
                    self._depths[far] = depth
                    found.append(far)
                    src, dst = (near, far) if self._forward else (far, near)
                    self._links.append(link._replace(src=src, dst=dst, depth=depth))
        return found


_Alike = dict[int, list[tuple[int, EdgeRow]]]


def _closure(session: Session, tenant_id: int, starts: Iterable[int], forward: bool) -> set[int]:
    reached: set[int] = set()
    build = _reach_out if forward else _reach_in
    waiting = set(starts)
    while waiting:
        reached |= waiting
        reached.update(row[0] for row in rows_for(session, build, tenant_id, waiting))
        # Only aliases that are news start another walk; without any, there is one statement.
        waiting = _aliases(session, tenant_id, reached).keys() - reached
    return reached


def _aliases(session: Session, tenant_id: int, nodes: Set[int]) -> _Alike:
    """Find who stands for whom among the nodes, their own aliases included."""
    has_some = session.execute(_ANY_ALIAS, {"tenant": tenant_id}).first()
    if has_some is None:
        return {}
    alike: _Alike = defaultdict(list)
    for number, one, other, at in rows_for(session, _alias_rows, tenant_id, nodes):
        link = EdgeRow(number, one, other, SAME_AS, "recorded", None, "", "", at, 0)
        alike[one].append((other, link))
        alike[other].append((one, link))
    return alike


def _aliases_around(session: Session, tenant_id: int, level: Iterable[int]) -> _Alike:
    """Find the aliases of a level, and theirs in turn."""
    known: set[int] = set(level)
    alike = _aliases(session, tenant_id, known)
    while alike.keys() - known:
        known |= alike.keys()
        alike = _aliases(session, tenant_id, known)
    return alike


_ANY_ALIAS: Final = (
    select(_ALIAS.c.id).where(_ALIAS.c.tenant_id == TENANT, _ALIAS.c.undone_at.is_(None)).limit(1)
)


@cache
def _alias_rows(dialect: str) -> Select[tuple[int, int, int, datetime]]:
    touches = or_(among(dialect, _ALIAS.c.node), among(dialect, _ALIAS.c.same_as))
    return select(_ALIAS.c.id, _ALIAS.c.node, _ALIAS.c.same_as, _ALIAS.c.recorded_at).where(
        _ALIAS.c.tenant_id == TENANT, touches, _ALIAS.c.undone_at.is_(None)
    )


@cache
def _reach_out(dialect: str) -> Select[tuple[int]]:
    return _reach(dialect, _EDGE.c.src, _EDGE.c.dst)


@cache
def _reach_in(dialect: str) -> Select[tuple[int]]:
    return _reach(dialect, _EDGE.c.dst, _EDGE.c.src)


def _reach(dialect: str, near: ColumnElement[int], far: ColumnElement[int]) -> Select[tuple[int]]:
    start = key_rows(dialect).add_columns(TENANT.label("tenant_id"))
    reached = start.cte("reached", recursive=True)
    # The company is carried along, and "is current" leans on the node: a condition on edges alone
    # makes SQLite read all of them into a Bloom filter once ANALYZE has run.
    is_current = case((reached.c.node.is_(None), 0), else_=_EDGE.c.superseded_by).is_(None)
    here = and_(_EDGE.c.tenant_id == reached.c.tenant_id, near == reached.c.node, is_current)
    step = select(far, reached.c.tenant_id).select_from(reached.join(_EDGE, here))
    # UNION, not UNION ALL: each node is walked once, so that cycles end and hubs stay cheap.
    return select(reached.union(step).c.node)


@cache
def _edges_out(dialect: str) -> Select[tuple[object, ...]]:
    return _edges(dialect, _EDGE.c.src)


@cache
def _edges_in(dialect: str) -> Select[tuple[object, ...]]:
    return _edges(dialect, _EDGE.c.dst)


def _edges(dialect: str, near: ColumnElement[int]) -> Select[tuple[object, ...]]:
    told_by = and_(_EVENT.c.tenant_id == TENANT, _EVENT.c.id == _EDGE.c.event_id)
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
    # Every edge has its event; the outer join only keeps the planner from beginning with events.
    found = select(*columns).select_from(_EDGE.outerjoin(_EVENT, told_by))
    return found.where(
        _EDGE.c.tenant_id == TENANT, among(dialect, near), _EDGE.c.superseded_by.is_(None)
    )
