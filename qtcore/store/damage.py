"""Values that the product never writes: a column of SQLite takes any kind, whatever its type says.

It must not judge contents. PostgreSQL refuses a value of another kind by itself.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Connection,
    Date,
    DateTime,
    Integer,
    LargeBinary,
    Table,
    text,
)
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from sqlalchemy.types import TypeDecorator
from sqlmodel import Session

from qtcore.errors import DatabaseDamaged
from qtcore.store.columns import ExactDecimal, Row

# What reading such a value may end with; the last when SQLite hands it to a function of ours.
_FAILURES: Final = (
    *(TypeError, ValueError, ArithmeticError, LookupError, AttributeError),
    OperationalError,
)
_NUMBER: Final = "typeof({0}) = 'text' AND {0} NOT GLOB '*[^0-9.-]*' AND {0} GLOB '*[0-9]*'"
# By type of column: what belongs there, and the condition that it is that; the first that fits.
_KINDS: Final[tuple[tuple[type[Any], str, str], ...]] = (
    (ExactDecimal, "a decimal", _NUMBER),
    (Boolean, "0 or 1", "typeof({0}) = 'integer' AND {0} IN (0, 1)"),
    (Integer, "a whole number", "typeof({0}) = 'integer'"),
    (LargeBinary, "bytes", "typeof({0}) = 'blob'"),
    (DateTime, "a time", "typeof({0}) = 'text' AND datetime({0}) IS NOT NULL"),
    (Date, "a day", "typeof({0}) = 'text' AND length({0}) = 10 AND date({0}) IS NOT NULL"),
    (JSON, "JSON", "typeof({0}) = 'text' AND json_valid({0})"),
)
_TEXT: Final = ("text", "typeof({0}) = 'text'")


@contextmanager
def named_damage(session: Session) -> Iterator[None]:
    """Say which row is damaged, when that is why something failed; raises DatabaseDamaged."""
    try:
        yield
    except _FAILURES as exc:
        said = _find_behind(exc, session)
        if not said:
            raise
        raise DatabaseDamaged(
            f"the database is damaged: {said}; somebody changed it by hand: run `qtcore audit "
            "verify` and `qtcore db fsck`, and restore a backup"
        ) from exc


def _find_behind(exc: Exception, session: Session) -> str:
    """Look for damage when it can be why something failed, and the session can still be asked."""
    if isinstance(exc, OperationalError) and "user-defined" not in str(exc.orig):
        return ""
    try:
        return find_damage(session.connection())
    except SQLAlchemyError:
        return ""


def find_damage(connection: Connection) -> str:
    """Name the first value that is of another kind than its column; empty when there is none."""
    if connection.dialect.name != "sqlite":
        return ""
    found = (_find_in(connection, table) for table in Row.metadata.sorted_tables)
    return next(filter(None, found), "")


def _find_in(connection: Connection, table: Table) -> str:
    names = [f'"{column.name}"' for column in table.c]
    wrong = [f"({name} IS NOT NULL AND NOT ({_kind(column)[1].format(name)}))"
             for name, column in zip(names, table.c, strict=True)]  # fmt: skip
    listed = ", ".join(f"{condition}, {name}" for condition, name in zip(wrong, names, strict=True))
    row = connection.execute(
        text(f'SELECT rowid, {listed} FROM "{table.name}" WHERE {" OR ".join(wrong)} LIMIT 1')  # noqa: S608  # names and conditions of ours
    ).first()
    if row is None:
        return ""
    for at, column in enumerate(table.c):
        is_wrong, value = row[1 + 2 * at : 3 + 2 * at]
        if is_wrong:
            what = f"row {row[0]} of {table.name} holds {repr(value)[:60]} in {column.name}"
            return f"{what}, where {_kind(column)[0]} belongs"
    return ""


def _kind(column: Column[Any]) -> tuple[str, str]:
    type_: Any = column.type
    if isinstance(type_, TypeDecorator) and not isinstance(type_, ExactDecimal):
        type_ = type_.impl
    return next(((said, asked) for kind, said, asked in _KINDS if isinstance(type_, kind)), _TEXT)
