"""Events that belong together or take each other back: transformations in parts, declared errors.

It must not know the notation they came in. Edges are superseded, never deleted.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import update
from sqlmodel import col, select

from qtcore.store.columns import table_of
from qtcore.store.kept_sums import forget_sums
from qtcore.store.queries.keyset import batched
from qtcore.store.tables import Edge, Event, FieldValue, Movement
from qtcore.store.unit import UnitOfWork

ENTITY, NAME = "event", "transformation_id"
_CONSUMED, _PRODUCED = "input", "output"


@dataclass(frozen=True, slots=True)
class Group:
    """The parts of one transformation, told in several events under one id."""

    transformation_id: str


@dataclass(frozen=True, slots=True)
class _Parts:
    """Inputs and outputs of each current event of a group."""

    inputs: Mapping[int, set[int]]
    outputs: Mapping[int, set[int]]


def link_group(work: UnitOfWork, group: Group, event: Event) -> int:
    """Join an event to its group: inputs of one part lead to outputs of another.

    Returns how many edges that made. The same edges result whatever part arrives first.
    """
    work.add(
        FieldValue(
            tenant_id=work.tenant_id,
            id=work.key(),
            uid=work.new_uid(),
            entity=ENTITY,
            owner_id=event.id,
            name=NAME,
            text_value=group.transformation_id,
        )
    )
    members = _members(work, group)
    parts = _parts(work, [member.id for member in members])
    links = {
        (src, dst, target.id)
        for source in members
        for target in members
        if source.id != target.id and event.id in (source.id, target.id)
        for src in parts.inputs[source.id] - parts.inputs[target.id]
        for dst in parts.outputs[target.id]
        if src != dst
    }
    times = {member.id: member.event_at for member in members}
    fresh = sorted(links - _linked(work, {target for _, _, target in links}))
    work.insert(
        Edge,
        [
            {
                "id": work.key(),
                "src": src,
                "dst": dst,
                "kind": "transform",
                "certainty": "derived",
                "quantity": None,
                "unit": "",
                "event_id": target,
                "event_at": times[target],
                "recorded_at": work.context.at,
            }
            for src, dst, target in fresh
        ],
    )
    return len(fresh)


def groups_of(work: UnitOfWork, events: Collection[int]) -> list[Group]:
    """Find the groups that events belong to."""
    found: set[str] = set()
    for few in batched(sorted(events)):
        names = work.session.exec(
            select(FieldValue.text_value).where(
                FieldValue.tenant_id == work.tenant_id,
                FieldValue.entity == ENTITY,
                col(FieldValue.owner_id).in_(few),
                FieldValue.name == NAME,
            )
        )
        found.update(name for name in names if name)
    return [Group(name) for name in sorted(found)]


def cut_group(work: UnitOfWork, group: Group, wrong: Collection[int], by: int) -> None:
    """Take back what led from the inputs of events that no longer count to other parts' outputs."""
    gone = set(wrong).intersection(_owners(work, group))
    members = [member.id for member in _members(work, group) if member.id not in gone]
    parts = _parts(work, [*gone, *members])
    lost = {node for event in gone for node in parts.inputs[event]}
    _supersede_edges(
        work, by, members, sources=lost.difference(*(parts.inputs[m] for m in members))
    )


def supersede_event(
    work: UnitOfWork, wrong: Event, by: Event, group: Group | None = None
) -> set[int]:
    """Take an event back: it and its edges no longer count, and stay readable; gives its nodes.

    In a group, edges from its inputs to outputs of other parts go as well.
    """
    changes = work.change(wrong, superseded_by=by.id, superseded_at=work.context.at)
    nodes = _nodes(work, wrong.id)
    forget_sums(work, nodes)
    _supersede_edges(work, by.id, [wrong.id])
    if group is not None:
        cut_group(work, group, [wrong.id], by.id)
    work.log(
        "event.supersede",
        "event",
        wrong.uid,
        changes={name: change for name, change in changes.items() if name == "superseded_at"},
        reason=by.reason,
        about=[work.uid_of(node) for node in sorted(nodes)],
        details={"by": by.uid},
    )
    return nodes


def _members(work: UnitOfWork, group: Group) -> list[Event]:
    """List the current events of a group."""
    owners = _owners(work, group)
    return list(
        work.session.exec(
            select(Event).where(
                Event.tenant_id == work.tenant_id,
                col(Event.id).in_(owners),
                col(Event.superseded_by).is_(None),
            )
        )
    )


def _owners(work: UnitOfWork, group: Group) -> Sequence[int]:
    return work.session.exec(
        select(FieldValue.owner_id).where(
            FieldValue.tenant_id == work.tenant_id,
            FieldValue.entity == ENTITY,
            FieldValue.name == NAME,
            FieldValue.text_value == group.transformation_id,
        )
    ).all()


def _parts(work: UnitOfWork, events: Collection[int]) -> _Parts:
    found = _Parts(defaultdict(set), defaultdict(set))
    rows = work.session.exec(
        select(Movement.event_id, Movement.node, Movement.part).where(
            Movement.tenant_id == work.tenant_id, col(Movement.event_id).in_(events)
        )
    )
    for event_id, node, part in rows:
        side = {_CONSUMED: found.inputs, _PRODUCED: found.outputs}.get(part)
        if side is not None:
            side[event_id].add(node)
    return found


def _linked(work: UnitOfWork, events: Collection[int]) -> set[tuple[int, int, int]]:
    rows = work.session.exec(
        select(Edge.src, Edge.dst, Edge.event_id).where(
            Edge.tenant_id == work.tenant_id,
            col(Edge.event_id).in_(events),
            col(Edge.superseded_by).is_(None),
        )
    )
    return {(src, dst, event_id) for src, dst, event_id in rows}


def _supersede_edges(
    work: UnitOfWork, by: int, events: Collection[int], *, sources: Collection[int] | None = None
) -> None:
    table = table_of(Edge)
    statement = update(table).where(
        table.c.tenant_id == work.tenant_id,
        table.c.event_id.in_(events),
        table.c.superseded_by.is_(None),
    )
    if sources is not None:
        statement = statement.where(table.c.src.in_(sources))
    work.session.execute(statement.values(superseded_by=by, superseded_at=work.context.at))


def _nodes(work: UnitOfWork, event_id: int) -> set[int]:
    return set(
        work.session.exec(
            select(Movement.node).where(
                Movement.tenant_id == work.tenant_id, Movement.event_id == event_id
            )
        )
    )
