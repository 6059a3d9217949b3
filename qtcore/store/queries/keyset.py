"""Any number of integer keys as one parameter of a statement, on both databases.

It must not know what the keys name.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, TypeVar

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    CompoundSelect,
    Connection,
    CursorResult,
    Result,
    Select,
    String,
    bindparam,
    column,
    func,
    select,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.sql.elements import ClauseElement
from sqlmodel import Session

from qtcore.store.driver import change_rows, plain_rows_of, rows_of

K = TypeVar("K")
_NOTHING: Final[Mapping[str, object]] = MappingProxyType({})
_AT_ONCE: Final = 1000
READER: Final = "qtcore_reader"
"""Where a session keeps the connection that runs plain statements."""
BEFORE_READING: Final = "qtcore_before_reading"
"""Where a session that writes keeps what must be done before anything is read."""
TENANT: ColumnElement[int] = bindparam("tenant", type_=BigInteger)


def among(
    dialect: str, keyed: ColumnElement[Any], *, but: Select[tuple[int]] | None = None
) -> ColumnElement[bool]:
    """Make the condition that a column holds one of the keys, and none of what `but` selects.

    A list of parameters ends at 32,766 on SQLite and 65,535 on PostgreSQL; this has no end. It is
    a condition, not a join: SQLite would read the keys again for each row of the company.
    """
    if but is not None:
        left = key_rows(dialect).except_(but)
        is_postgres = dialect == "postgresql"
        return (
            keyed == func.any(func.array(left.scalar_subquery()))
            if is_postgres
            else keyed.in_(left)
        )
    if dialect == "postgresql":
        return keyed == func.any(bindparam("keys", type_=ARRAY(BigInteger)))
    return keyed.in_(select(_listed().c.value))


def among_texts(dialect: str, named: ColumnElement[Any]) -> ColumnElement[bool]:
    """Make the condition that a column holds one of the texts given as keys."""
    if dialect == "postgresql":
        return named == func.any(bindparam("keys", type_=ARRAY(String)))
    listed = func.json_each(bindparam("keys", type_=String))
    return named.in_(select(listed.table_valued(column("value", String), name="listed").c.value))


def key_rows(dialect: str) -> Select[tuple[int]]:
    """Select the keys themselves."""
    if dialect == "postgresql":
        listed = func.unnest(bindparam("keys", type_=ARRAY(BigInteger)))
        return select(listed.label("node"))
    return select(_listed().c.value.label("node"))


def _listed() -> Any:
    return func.json_each(bindparam("keys", type_=String)).table_valued(
        column("value", BigInteger), name="listed"
    )


def rows_for(
    session: Session,
    build: Callable[[str], ClauseElement],
    tenant_id: int,
    keys: Iterable[int] | Iterable[str],
    *,
    more: Mapping[str, object] = _NOTHING,
) -> Sequence[Any]:
    """Run the statement `build` gives for this database over keys; each key counts once.

    `more` are the values of further parameters.

    It must not order: for an order by key SQLite walks the whole company instead of the keys.
    """
    asked = _asked(session, build, tenant_id, keys, more=more)
    return () if asked is None else rows_of(*asked)


def plain_rows(
    session: Session,
    build: Callable[[str], ClauseElement],
    tenant_id: int,
    keys: Iterable[int] | Iterable[str],
    *,
    more: Mapping[str, object] = _NOTHING,
) -> list[tuple[Any, ...]]:
    """Run a statement as `rows_for` does and give its rows as the driver has them, as tuples.

    For rows that become something else: a row object for each would cost as much as finding it.
    See `columns.driver_readers` for their values. `build` must give the same statement each time.
    """
    asked = _asked(session, build, tenant_id, keys, more=more)
    return [] if asked is None else plain_rows_of(*asked)


def told_by_driver(
    session: Session, statement: ClauseElement, told: Mapping[str, object]
) -> list[tuple[Any, ...]]:
    """Run a statement that is made once; gives its rows as the driver has them."""
    return plain_rows_of(reader(session), statement, told)


def read_rows(
    session: Session, statement: Select[Any] | CompoundSelect[Any], values: Mapping[str, object]
) -> list[Any]:
    """Run a statement that is made once, past the session's own bookkeeping."""
    return rows_of(reader(session), statement, values)


def driver_rows(found: Result[Any]) -> Sequence[tuple[Any, ...]]:
    """Give all rows of a statement as the driver has them, for the reason of `plain_rows`."""
    if not isinstance(found, CursorResult):
        return [tuple(row) for row in found]
    rows: Sequence[tuple[Any, ...]] = found.cursor.fetchall()
    found.close()
    return rows


def change_for(
    session: Session,
    build: Callable[[str], ClauseElement],
    tenant_id: int,
    keys: Iterable[int],
) -> None:
    """Run the changing statement `build` gives for this database over keys."""
    asked = _asked(session, build, tenant_id, keys)
    if asked is not None:
        change_rows(*asked)


def _asked(
    session: Session,
    build: Callable[[str], ClauseElement],
    tenant_id: int,
    keys: Iterable[int] | Iterable[str],
    *,
    more: Mapping[str, object] = _NOTHING,
) -> tuple[Connection, ClauseElement, Mapping[str, object]] | None:
    wanted: list[Any] = list(dict.fromkeys(keys))
    if not wanted:
        return None
    connection = reader(session)
    dialect = connection.dialect.name
    given = wanted if dialect == "postgresql" else json.dumps(wanted)
    return connection, build(dialect), {"tenant": tenant_id, "keys": given, **more}


def reader(session: Session) -> Connection:
    """Give what runs plain statements; rows of a unit of work that wait are written before."""
    found: Connection | None = session.info.get(READER)
    prepare: Callable[[], None] | None = session.info.get(BEFORE_READING)
    if prepare is not None:
        prepare()
    return session.connection() if found is None else found


def batched(keys: Sequence[K], size: int = _AT_ONCE) -> Iterator[Sequence[K]]:
    """Cut keys into lists short enough for one statement."""
    for start in range(0, len(keys), size):
        yield keys[start : start + size]
