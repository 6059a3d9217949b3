"""Links as bare pairs of source and product, for questions about their form only.

It must not know what nodes are, nor times: only links that count now.
"""

from collections.abc import Iterable
from functools import cache, partial
from typing import Any, Final

from sqlalchemy import BigInteger, ColumnElement, Select, and_, bindparam, func, select
from sqlmodel import Session

from qtcore.store.columns import table_of
from qtcore.store.queries.keyset import TENANT, among, key_rows, read_rows, rows_for
from qtcore.store.tables import Edge, NodeAlias

_EDGE: Final = table_of(Edge)
_ALIAS: Final = table_of(NodeAlias)
_ANY_ALIAS: Final = select(_ALIAS.c.id).where(_ALIAS.c.tenant_id == TENANT).limit(1)


def has_aliases(session: Session, tenant_id: int) -> bool:
    """Say whether any two nodes were ever found to be one thing."""
    return bool(read_rows(session, _ANY_ALIAS, {"tenant": tenant_id}))


def between_links(session: Session, tenant_id: int, nodes: Iterable[int]) -> set[int]:
    """Name the nodes that were made of something and that something was made of."""
    return {row[0] for row in rows_for(session, _between, tenant_id, nodes)}


def links_of(
    session: Session, tenant_id: int, nodes: Iterable[int], direction: str, *, most: int
) -> list[tuple[int, int]] | None:
    """List the links of nodes to their products, or ``backward`` to their sources.

    None when there are more than `most`; then hardly more than these have been read.
    """
    build = partial(_links, is_forward=direction == "forward")
    found = rows_for(session, build, tenant_id, nodes, more={"most": most + 1})
    return None if len(found) > most else [(row[0], row[1]) for row in found]


@cache
def _between(dialect: str) -> Select[Any]:
    keys = key_rows(dialect).subquery()

    def any_link(near: ColumnElement[int], far: ColumnElement[int]) -> ColumnElement[bool]:
        # Not as EXISTS: where one lot is the source of nearly all, SQLite would read every link of
        # the company for each key that has none. The smallest is the first of the index.
        here = and_(_EDGE.c.tenant_id == TENANT, near == keys.c.node)
        first = select(func.min(far)).where(here, _EDGE.c.superseded_by.is_(None))
        return first.scalar_subquery().is_not(None)

    source, product = _EDGE.c.src, _EDGE.c.dst
    return select(keys.c.node).where(any_link(product, source), any_link(source, product))


@cache
def _links(dialect: str, *, is_forward: bool) -> Select[Any]:
    near = _EDGE.c.src if is_forward else _EDGE.c.dst
    here = and_(_EDGE.c.tenant_id == TENANT, among(dialect, near), _EDGE.c.superseded_by.is_(None))
    return select(_EDGE.c.src, _EDGE.c.dst).where(here).limit(bindparam("most", type_=BigInteger))
