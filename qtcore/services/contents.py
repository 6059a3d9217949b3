"""What cases and pallets hold, and what their travels mean for the lots inside.

It must not know customers or rules. Packing changes no stock; a pallet that leaves takes its
contents along.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlmodel import Session

from qtcore.store.queries.events import MovementRow, movements_of
from qtcore.store.queries.lens import NOW, Lens
from qtcore.store.queries.shipments import ContentRow, contents_of

CARRIED = frozenset({"shipped", "returned", "scrapped", "moved_in", "moved_out"})


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
    carried = _carried(session, tenant_id, rows, lens)
    if not carried:
        return rows
    contents = contents_of(session, tenant_id, {row.node for row in carried}, lens=lens)
    told = {(row.event_uid, row.node, row.effect) for row in rows}
    rows += [
        move._replace(node=held.node, quantity=held.quantity, unit=held.unit)
        for move in carried
        for held in held_in(contents, move.node, move.event_at)
        if held.node in wanted and (move.event_uid, held.node, move.effect) not in told
    ]
    return sorted(rows, key=lambda row: row.event_at)


def _carried(
    session: Session, tenant_id: int, rows: Sequence[MovementRow], lens: Lens
) -> list[MovementRow]:
    found: list[MovementRow] = []
    level, seen = _containers(rows), set[int]()
    while level:
        seen |= level
        moved = movements_of(session, tenant_id, level, lens=lens)
        found += [row for row in moved if row.effect in CARRIED]
        level = _containers(moved) - seen
    return found


def _containers(rows: Sequence[MovementRow]) -> set[int]:
    return {row.container for row in rows if row.part == "child" and row.container is not None}
