"""What people call the things that entries of the ledger are about, by their public ids.

It must not know who may see what.
"""

from collections.abc import Iterable
from functools import cache
from typing import Any, Final, NamedTuple

from sqlalchemy import CompoundSelect, Select, String, literal, select
from sqlalchemy import union_all as joined
from sqlmodel import Session

from qtcore.store.columns import table_of
from qtcore.store.queries.keyset import TENANT, among_texts, rows_for
from qtcore.store.tables import (
    Device,
    Equipment,
    Item,
    Location,
    LogisticUnit,
    Lot,
    Node,
    Party,
    Record,
    Unit,
    UserAccount,
)

_NODE: Final = table_of(Node)
# What is named by a node, and the column that people know it by.
_TRACED: Final = (
    ("lot", Lot, "lot_no"),
    ("unit", Unit, "serial"),
    ("logistic_unit", LogisticUnit, "code"),
)
_ROWS: Final = (
    ("user", UserAccount, "login"),
    ("device", Device, "code"),
    ("item", Item, "code"),
    ("party", Party, "code"),
    ("location", Location, "code"),
    ("equipment", Equipment, "code"),
)


class KnownThing(NamedTuple):
    """A thing and what people call it. `id` is its node, or the key of its row.

    `kind` is the kind of a record; of all else it is the group.
    """

    uid: str
    group: str
    kind: str
    name: str
    id: int


def name_uids(session: Session, tenant_id: int, uids: Iterable[str]) -> list[KnownThing]:
    """Name what public ids stand for, in one statement; what has no such name is left out."""
    return [KnownThing(*row) for row in rows_for(session, _named, tenant_id, uids)]


@cache
def _named(dialect: str) -> CompoundSelect[Any]:
    records = table_of(Record).c
    return joined(
        *(_traced(dialect, group, table_of(model), name) for group, model, name in _TRACED),
        select(
            records.uid,
            literal("record", String),
            records.kind,
            records.number,
            records.id,
        ).where(records.tenant_id == TENANT, among_texts(dialect, records.uid)),
        *(_row(dialect, group, table_of(model).c, name) for group, model, name in _ROWS),
    )


def _traced(dialect: str, group: str, table: Any, name: str) -> Select[Any]:
    same = (table.c.tenant_id == _NODE.c.tenant_id) & (table.c.node == _NODE.c.node)
    return (
        select(
            _NODE.c.uid,
            literal(group, String),
            literal(group, String),
            table.c[name],
            _NODE.c.node,
        )
        .select_from(_NODE.join(table, same))
        .where(_NODE.c.tenant_id == TENANT, among_texts(dialect, _NODE.c.uid))
    )


def _row(dialect: str, group: str, columns: Any, name: str) -> Select[Any]:
    said = literal(group, String)
    return select(columns.uid, said, said, columns[name], columns.id).where(
        columns.tenant_id == TENANT, among_texts(dialect, columns.uid)
    )
