"""Sums of the older movements of nodes with very many, kept so that nobody adds them twice.

It must not know what an effect does to a balance. Who writes movements has the turn of the
company, so whoever has it sees all that there are, and those to come have larger keys: what is kept
is the sum up to a key, and writing a movement changes no kept row. See decision 0069.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from functools import cache
from typing import Final

from sqlalchemy import Delete, delete

from qtcore.store.columns import table_of
from qtcore.store.queries.keyset import TENANT, among, change_for
from qtcore.store.queries.sums import Sum, sums_of
from qtcore.store.tables import MovementSum
from qtcore.store.unit import UnitOfWork

MOST_FRESH: Final = 200
"""So many movements of a node are added each time; with more, their sum is kept."""
_TABLE: Final = table_of(MovementSum)
_NAMES: Final = tuple(name for name in Sum._fields if name in _TABLE.c)


def settled_sums(work: UnitOfWork, nodes: Collection[int]) -> list[Sum]:
    """Add up the acts on nodes as `sums_of` does, and keep the sums of those with very many.

    All that is kept of these nodes is brought to the same movement, so that the next reading needs
    one statement for what came after. Without the turn nothing is kept: another unit may be writing
    movements whose keys are smaller than those that are seen.
    """
    found = sums_of(work.session, work.tenant_id, nodes)
    if not work.has_turn:
        return found
    fresh = Counter[int]()
    for row in found:
        fresh[row.node] += row.fresh
    if fresh and max(fresh.values()) > MOST_FRESH:
        kept = {row.node for row in found if row.fresh < row.acts}
        _keep(work, [row for row in found if row.node in kept or fresh[row.node] > MOST_FRESH])
    return found


def forget_sums(work: UnitOfWork, nodes: Collection[int]) -> None:
    """Keep no sums of nodes of which something counts no longer."""
    work.take_turn()
    change_for(work.session, _forgetting, work.tenant_id, nodes)


def _keep(work: UnitOfWork, rows: Sequence[Sum]) -> None:
    forget_sums(work, {row.node for row in rows})
    last = max(row.last_id for row in rows)
    told = [{name: getattr(row, name) for name in _NAMES} | {"last_id": last} for row in rows]
    work.insert(MovementSum, told)
    work.draw_anew()  # or a later movement of this unit might have a key from before


@cache
def _forgetting(dialect: str) -> Delete:
    return delete(_TABLE).where(_TABLE.c.tenant_id == TENANT, among(dialect, _TABLE.c.node))
