"""What there is to be read about a node: asked in one statement, before it is read.

It must not read any of it. Most lots have little of what could be known: without an input, a record
or a result there is nothing to ask for, and each question would cost as much as one with an answer.
"""

from collections.abc import Iterable
from functools import cache
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, Table, and_, exists, literal, or_, select
from sqlmodel import Session

from qtcore.store.columns import table_of
from qtcore.store.queries.keyset import TENANT, key_rows, rows_for
from qtcore.store.tables import (
    Discrepancy,
    Edge,
    Event,
    Hold,
    InspectionResult,
    Movement,
    NodeAlias,
    RecordLink,
)

_ALIAS: Final = table_of(NodeAlias)
_DISCREPANCY: Final = table_of(Discrepancy)
_EDGE: Final = table_of(Edge)
_EVENT: Final = table_of(Event)
_HOLD: Final = table_of(Hold)
_LINK: Final = table_of(RecordLink)
_MOVEMENT: Final = table_of(Movement)
_RESULT: Final = table_of(InspectionResult)


def parts_there(
    session: Session, tenant_id: int, nodes: Iterable[int]
) -> dict[int, frozenset[str]]:
    """Name the parts of the evidence that there is anything of, by node.

    What another node brings along counts for all that is the same thing: of one that has an alias,
    inputs and holds are always there.
    """
    return {
        row.node: frozenset(
            name for name, is_there in zip(_PARTS, row[1:], strict=True) if is_there
        )
        for row in rows_for(session, _there, tenant_id, nodes)
    }


_PARTS: Final = ("devices", "discrepancies", "holds", "inputs", "movements", "records", "results")


@cache
def _there(dialect: str) -> Select[Any]:
    node = key_rows(dialect).subquery().c.node

    def of(table: Table, *conditions: ColumnElement[bool]) -> ColumnElement[bool]:
        return exists().where(table.c.tenant_id == TENANT, *conditions)

    alias = of(_ALIAS, or_(_ALIAS.c.node == node, _ALIAS.c.same_as == node))
    told = and_(_EVENT.c.tenant_id == TENANT, _EVENT.c.id == _MOVEMENT.c.event_id)
    by_device = exists().where(
        _MOVEMENT.c.tenant_id == TENANT,
        _MOVEMENT.c.node == node,
        told,
        _EVENT.c.device != literal(""),
    )
    measured = of(_RESULT, _RESULT.c.node == node, _RESULT.c.device != literal(""))
    parts = {
        "devices": or_(by_device, measured),
        "discrepancies": of(
            _DISCREPANCY, _DISCREPANCY.c.node == node, _DISCREPANCY.c.resolved_at.is_(None)
        ),
        "holds": or_(of(_HOLD, _HOLD.c.node == node, _HOLD.c.lifted_at.is_(None)), alias),
        "inputs": or_(of(_EDGE, _EDGE.c.dst == node, _EDGE.c.superseded_by.is_(None)), alias),
        "movements": of(_MOVEMENT, _MOVEMENT.c.node == node),
        "records": of(_LINK, _LINK.c.node == node),
        "results": of(_RESULT, _RESULT.c.node == node),
    }
    return select(node.label("node"), *(parts[name].label(name) for name in _PARTS))
