"""Which transformations that are told in parts are only half told: made of nothing, or for nothing.

It must not join the parts (`qtcore.services.corrections`). What is missing is a link that must
exist and is not recorded: it is named until the other part arrives.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final

from sqlalchemy import select

from qtcore.services.corrections import ENTITY, NAME, Group
from qtcore.services.discrepancies import Reading, keep_findings
from qtcore.services.findings import Finding, moment_text
from qtcore.store.columns import table_of
from qtcore.store.queries.keyset import batched
from qtcore.store.queries.lens import NOW, Lens, counts
from qtcore.store.tables import Event, FieldValue, Movement
from qtcore.store.unit import UnitOfWork

NO_SOURCES: Final = "no_sources"
NO_PRODUCTS: Final = "no_products"
_VALUE, _EVENT, _MOVEMENT = table_of(FieldValue), table_of(Event), table_of(Movement)


def review_groups(
    work: UnitOfWork, groups: Iterable[Group], *, taken_back: Collection[int] = ()
) -> int:
    """Name what groups leave half told; returns how many discrepancies are new.

    `taken_back` are the nodes of parts that no longer count. A thing may have a part in other
    groups: those are looked at as well.
    """
    names = {group.transformation_id for group in groups}
    if not names:
        return 0
    nodes = {row.node for row in _parts(work, _VALUE.c.text_value, names)} | set(taken_back)
    return keep_findings(work, nodes, (NO_SOURCES, NO_PRODUCTS), half_told(work, nodes))


def half_told(
    work: Reading, nodes: Collection[int], *, lens: Lens = NOW
) -> dict[int, list[Finding]]:
    """Find what the groups that nodes have a part in leave half told about them."""
    names = {row.text_value for row in _parts(work, _MOVEMENT.c.node, nodes, lens)}
    parts: dict[str, list[Any]] = defaultdict(list)
    for row in _parts(work, _VALUE.c.text_value, names, lens):
        parts[row.text_value].append(row)
    found: dict[int, list[Finding]] = defaultdict(list)
    for name in sorted(parts):
        for row, finding in _half_told(name, parts[name]):
            if row.node in nodes:
                found[row.node].append(finding)
    return found


def _half_told(name: str, rows: Sequence[Any]) -> Iterable[tuple[Any, Finding]]:
    sides = {row.part for row in rows}
    if sides == {"input", "output"}:
        return
    made = "output" in sides
    for row in sorted(rows, key=lambda each: (each.event_at, each.event_id)):
        parts = {"at": moment_text(row.event_at), "name": name}
        yield row, Finding(NO_SOURCES if made else NO_PRODUCTS, parts, row.event_id)


def _parts(work: Reading, column: Any, values: Collection[Any], lens: Lens = NOW) -> list[Any]:
    """List inputs and outputs of the events of groups that count, chosen by group or by node."""
    found: list[Any] = []
    for few in batched(sorted(values)):
        found += work.session.execute(
            select(
                _VALUE.c.text_value,
                _MOVEMENT.c.node,
                _MOVEMENT.c.part,
                _EVENT.c.event_at,
                _MOVEMENT.c.event_id,
            )
            .join_from(
                _VALUE,
                _EVENT,
                (_EVENT.c.tenant_id == _VALUE.c.tenant_id) & (_EVENT.c.id == _VALUE.c.owner_id),
            )
            .join(
                _MOVEMENT,
                (_MOVEMENT.c.tenant_id == _EVENT.c.tenant_id)
                & (_MOVEMENT.c.event_id == _EVENT.c.id),
            )
            .where(
                _VALUE.c.tenant_id == work.tenant_id,
                _VALUE.c.entity == ENTITY,
                _VALUE.c.name == NAME,
                counts(_EVENT, lens.shape()),
                _MOVEMENT.c.part.in_(("input", "output")),
                column.in_(few),
            ),
            lens.parameters(),
        )
    return found
