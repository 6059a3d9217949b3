"""Events that belong together or take each other back: transformations in parts, declared errors.

It must not know the notation they came in. Edges are superseded, never deleted.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlalchemy import update
from sqlmodel import col, select

from qtcore.store.columns import table_of
from qtcore.store.tables import Edge, Event, FieldValue, Movement
from qtcore.store.unit import UnitOfWork

_ENTITY, _NAME = "event", "transformation_id"
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
            entity=_ENTITY,
            owner_id=event.id,
            name=_NAME,
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


def read_group(work: UnitOfWork, event: Event) -> Group | None:
    """Find the group an event belongs to."""
    found = work.session.exec(
        select(FieldValue.text_value).where(
            FieldValue.tenant_id == work.tenant_id,
            FieldValue.entity == _ENTITY,
            FieldValue.owner_id == event.id,
            FieldValue.name == _NAME,
        )
    ).first()
    return Group(found) if found else None


def supersede_event(work: UnitOfWork, wrong: Event, by: Event, group: Group | None = None) -> None:
    """Take an event back: it and its edges no longer count, and stay readable.

    In a group, edges from its inputs to outputs of other parts go as well.
    """
    changes = work.change(wrong, superseded_by=by.id, superseded_at=work.context.at)
    _supersede_edges(work, by, [wrong.id])
    if group is not None:
        members = _members(work, group)
        parts = _parts(work, [wrong.id, *(member.id for member in members)])
        lost = parts.inputs[wrong.id].difference(*(parts.inputs[m.id] for m in members))
        _supersede_edges(work, by, [member.id for member in members], sources=lost)
    work.log(
        "event.supersede",
        "event",
        wrong.uid,
        changes={name: change for name, change in changes.items() if name == "superseded_at"},
        reason=by.reason,
        about=[work.uid_of(node) for node in sorted(_nodes(work, wrong.id))],
        details={"by": by.uid},
    )


def _members(work: UnitOfWork, group: Group) -> list[Event]:
    """List the current events of a group."""
    owners = work.session.exec(
        select(FieldValue.owner_id).where(
            FieldValue.tenant_id == work.tenant_id,
            FieldValue.entity == _ENTITY,
            FieldValue.name == _NAME,
            FieldValue.text_value == group.transformation_id,
        )
    ).all()
    return list(
        work.session.exec(
            select(Event).where(
                Event.tenant_id == work.tenant_id,
                col(Event.id).in_(owners),
                col(Event.superseded_by).is_(None),
            )
        )
    )


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
    work: UnitOfWork, by: Event, events: Collection[int], *, sources: Collection[int] | None = None
) -> None:
    table = table_of(Edge)
    statement = update(table).where(
        table.c.tenant_id == work.tenant_id,
        table.c.event_id.in_(events),
        table.c.superseded_by.is_(None),
    )
    if sources is not None:
        statement = statement.where(table.c.src.in_(sources))
    work.session.execute(statement.values(superseded_by=by.id, superseded_at=work.context.at))


def _nodes(work: UnitOfWork, event_id: int) -> set[int]:
    return set(
        work.session.exec(
            select(Movement.node).where(
                Movement.tenant_id == work.tenant_id, Movement.event_id == event_id
            )
        )
    )
