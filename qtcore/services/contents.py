"""What cases and pallets hold, and what their travels mean for the lots inside.

It must not know customers or rules. Packing changes no stock; a pallet that leaves takes its
contents along, and one that comes in brings them.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TypeVar

from sqlmodel import Session

from qtcore.store.queries.events import ActRow, AmountRow, MovementRow, movements_of
from qtcore.store.queries.lens import NOW, Lens
from qtcore.store.queries.shipments import ContentRow, contents_of

_Row = TypeVar("_Row", MovementRow, AmountRow)
CARRIED = frozenset({"received", "shipped", "returned", "scrapped", "moved_in", "moved_out"})


def held_in(
    contents: Sequence[ContentRow], container: int, at: datetime, *, with_cases: bool = False
) -> list[ContentRow]:
    """List the lots and units that a logistic unit held at a time, through nested cases too.

    The nested cases themselves are listed only when asked for.
    """
    found: list[ContentRow] = []
    level, seen = [container], {container}
    while level:
        held = [
            c
            for c in contents
            if c.container in level
            and c.packed_at <= at
            and (c.unpacked_at is None or c.unpacked_at > at)
        ]
        found += [c for c in held if with_cases or c.kind != "logistic_unit"]
        level = [c.node for c in held if c.kind == "logistic_unit" and c.node not in seen]
        seen.update(level)
    return found


def list_movements(
    session: Session, tenant_id: int, nodes: Iterable[int], *, lens: Lens = NOW
) -> list[MovementRow]:
    """List the movements of nodes, and those of the cases and pallets they were in at that time.

    An event that names both a pallet and the lot inside counts once for the lot.
    """
    wanted = set(nodes)
    rows = movements_of(session, tenant_id, wanted, lens=lens)
    return list(with_carried(session, tenant_id, rows, wanted, lens=lens))


def with_carried(
    session: Session,
    tenant_id: int,
    rows: Sequence[_Row],
    wanted: Collection[int],
    *,
    lens: Lens = NOW,
) -> Sequence[_Row | MovementRow]:
    """Add to the movements of nodes those of the cases and pallets they were in at that time."""
    carried = _carried(session, tenant_id, rows, lens)
    if not carried:
        return rows
    told = {(row.event_uid, row.node, row.effect) for row in rows}
    inside: list[MovementRow] = [
        row
        for row in _of_contents(session, tenant_id, carried, lens)
        if row.node in wanted and (row.event_uid, row.node, row.effect) not in told
    ]
    both: list[_Row | MovementRow] = list(rows)
    both += inside
    return sorted(both, key=lambda row: row.event_at)


def shipped_inside(
    session: Session,
    tenant_id: int,
    acts: Mapping[int, Sequence[ActRow | MovementRow]],
    *,
    lens: Lens = NOW,
) -> list[MovementRow]:
    """List how things left inside cases and pallets; `acts` are the acts on each of them."""
    packings = [row for rows in acts.values() for row in rows if row.container is not None]
    carried = [
        row for row in _carried(session, tenant_id, packings, lens) if row.effect == "shipped"
    ]
    if not carried:
        return []
    return [row for row in _of_contents(session, tenant_id, carried, lens) if row.node in acts]


def _of_contents(
    session: Session, tenant_id: int, carried: Sequence[MovementRow], lens: Lens
) -> Iterator[MovementRow]:
    contents = contents_of(session, tenant_id, {row.node for row in carried}, lens=lens)
    for move in carried:
        for held in held_in(contents, move.node, move.event_at):
            yield move._replace(node=held.node, quantity=held.quantity, unit=held.unit)


def _carried(
    session: Session, tenant_id: int, rows: Sequence[MovementRow | AmountRow | ActRow], lens: Lens
) -> list[MovementRow]:
    found: list[MovementRow] = []
    level, seen = _containers(rows), set[int]()
    while level:
        seen |= level
        moved = movements_of(session, tenant_id, level, lens=lens)
        found += [row for row in moved if row.effect in CARRIED]
        level = _containers(moved) - seen
    return found


def _containers(rows: Sequence[MovementRow | AmountRow | ActRow]) -> set[int]:
    return {row.container for row in rows if row.part == "child" and row.container is not None}
