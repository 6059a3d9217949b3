"""Plain statements, compiled once in the life of a process and given straight to the driver.

It must not know any table. Values are bound and read by the types of SQLAlchemy, who listens to an
engine is told of each statement, and what the driver complains of becomes the same exceptions; only
the bookkeeping between is left out: it takes several times as long as a small statement.
"""

from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import BindParameter, Connection, Dialect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.elements import ClauseElement

_MOST_PREPARED: Final = 1000
_Convert = Callable[[Any], Any]


def rows_of(
    connection: Connection, statement: ClauseElement, values: Mapping[str, object]
) -> list[Any]:
    """Give the rows of a statement that is kept: one made for each call would be compiled anew."""
    prepared = _prepared(statement, connection.dialect.name)
    rows, described = _answer(connection, *prepared.asked(values, connection.dialect))
    return prepared.read(rows, described, connection.dialect)


def plain_rows_of(
    connection: Connection, statement: ClauseElement, values: Mapping[str, object]
) -> list[tuple[Any, ...]]:
    """Give the rows of a kept statement as tuples, with their values as the driver has them."""
    prepared = _prepared(statement, connection.dialect.name)
    return _answer(connection, *prepared.asked(values, connection.dialect))[0]


def change_rows(
    connection: Connection, statement: ClauseElement, values: Mapping[str, object]
) -> int:
    """Run a kept statement that changes rows; returns how many."""
    prepared = _prepared(statement, connection.dialect.name)
    cursor = run(connection, *prepared.asked(values, connection.dialect))
    changed: int = cursor.rowcount
    cursor.close()
    return changed


def run(connection: Connection, text: str, told: Any, *, is_many: bool = False) -> Any:
    """Run the text of a statement; gives the driver's cursor, which the caller closes."""
    cursor = connection.connection.cursor()
    try:
        for listener in connection.dispatch.before_cursor_execute:
            listener(connection, cursor, text, told, None, is_many)
        (cursor.executemany if is_many else cursor.execute)(text, told)
    except connection.dialect.loaded_dbapi.Error as exc:
        raise _named(connection, (text, told), exc) from exc
    return cursor


def _answer(connection: Connection, text: str, told: Any) -> tuple[list[tuple[Any, ...]], Any]:
    """Give all rows of a statement and their description; SQLite may fail while it gives them."""
    cursor = run(connection, text, told)
    try:
        return cursor.fetchall(), cursor.description
    except connection.dialect.loaded_dbapi.Error as exc:
        raise _named(connection, (text, told), exc) from exc
    finally:
        cursor.close()


def _named(connection: Connection, asked: tuple[str, Any], exc: Any) -> Exception:
    """Give SQLAlchemy's exception for one of the driver; a connection that is gone is given up."""
    dialect = connection.dialect
    driver: Any = connection.connection.dbapi_connection
    is_gone = dialect.is_disconnect(exc, driver, None)
    if is_gone:
        connection.invalidate(exc)
    base: Any = dialect.loaded_dbapi.Error
    said: Exception = DBAPIError.instance(
        *asked, exc, base, connection_invalidated=is_gone, dialect=dialect
    )
    return said


class _Prepared:
    """A statement as a driver takes it: its text, what binds its values, what reads its rows."""

    def __init__(self, statement: ClauseElement) -> None:
        self._statement = statement
        self._types = [column.type for column in getattr(statement, "selected_columns", ())]
        self._order: Sequence[str] | None = None
        self._constants: dict[str, object] = {}
        self._converters: dict[str, _Convert] = {}
        self._readers: list[tuple[int, _Convert]] = []
        self._make: Any = None
        self._text = ""

    def asked(self, values: Mapping[str, object], dialect: Dialect) -> tuple[str, Any]:
        """Give the text, and values as the driver takes them, those of the statement itself too."""
        if not self._text:
            self._compile(dialect)
        given = {**self._constants, **values}
        for name, convert in self._converters.items():
            given[name] = convert(given[name])
        if self._order is None:
            return self._text, given
        return self._text, tuple([given[name] for name in self._order])

    def read(self, rows: list[tuple[Any, ...]], described: Any, dialect: Dialect) -> list[Any]:
        """Read the rows of a driver, column by column: a call for each value is the most."""
        if self._make is None:
            self._readers = self._readers_of(described, dialect)
            self._make = _row_type([each[0] for each in described])._make
        if not rows or not self._readers:
            return [*map(self._make, rows)]
        if len(rows) == 1:
            values = [*rows[0]]
            for place, convert in self._readers:
                values[place] = convert(values[place])
            return [self._make(values)]
        columns = [*zip(*rows, strict=True)]
        for place, convert in self._readers:
            columns[place] = tuple(map(convert, columns[place]))
        return [*map(self._make, zip(*columns, strict=True))]

    def _compile(self, dialect: Dialect) -> None:
        compiled: Any = self._statement.compile(dialect=dialect)
        for parameter, name in compiled.bind_names.items():
            self._bind(parameter, name, dialect)
        self._order = compiled.positiontup
        self._text = str(compiled)

    def _bind(self, parameter: BindParameter[Any], name: str, dialect: Dialect) -> None:
        if parameter.expanding:
            raise ValueError(f"{name}: a kept statement takes lists as keys, or as literals")
        convert = parameter.type.dialect_impl(dialect).bind_processor(dialect)
        if not parameter.required:
            value = parameter.effective_value
            self._constants[name] = value if convert is None else convert(value)
        elif convert is not None:
            self._converters[name] = convert

    def _readers_of(
        self, described: Sequence[Sequence[Any]], dialect: Dialect
    ) -> list[tuple[int, _Convert]]:
        readers = (
            kind.dialect_impl(dialect).result_processor(dialect, told[1])
            for kind, told in zip(self._types, described, strict=True)
        )
        return [(place, convert) for place, convert in enumerate(readers) if convert is not None]


def _row_type(names: Sequence[str]) -> Any:
    """Make the type of rows; what has no name for Python, or one that is taken, is called _2."""
    return namedtuple("PlainRow", names, rename=True)  # the statement names them


@lru_cache(maxsize=_MOST_PREPARED)
def _prepared(statement: ClauseElement, _dialect: str) -> _Prepared:
    return _Prepared(statement)
