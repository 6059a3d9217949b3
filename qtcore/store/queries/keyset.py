"""Any number of integer keys as one parameter of a statement, on both databases.

It must not know what the keys name.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Executable,
    FromClause,
    bindparam,
    column,
    func,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Session

TENANT: ColumnElement[int] = bindparam("tenant", type_=BigInteger)


def key_rows(dialect: str) -> tuple[FromClause, ColumnElement[int]]:
    """Give a table of the keys, to join to, and its column.

    A list of parameters ends at 32,766 on SQLite and 65,535 on PostgreSQL; this has no end.
    """
    value = column("value", BigInteger)
    table: Any
    if dialect == "postgresql":
        listed = bindparam("keys", type_=ARRAY(BigInteger))
        table = func.unnest(listed).table_valued(value).render_derived(name="wanted")
    else:
        table = func.json_each(bindparam("keys")).table_valued(value, name="wanted")
    return table, table.c.value


def rows_for(
    session: Session,
    build: Callable[[str], Executable],
    tenant_id: int,
    keys: Iterable[int],
) -> Sequence[Any]:
    """Run the statement `build` gives for this database over keys; each key counts once."""
    wanted = list(dict.fromkeys(keys))
    if not wanted:
        return ()
    dialect = session.get_bind().dialect.name
    given = wanted if dialect == "postgresql" else json.dumps(wanted)
    return session.execute(build(dialect), {"tenant": tenant_id, "keys": given}).all()
