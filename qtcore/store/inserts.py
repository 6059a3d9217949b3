"""Writes many rows of a table with one statement, compiled once for each kind of database.

It must not know what the rows mean. Values are converted column by column: converting them row by
row, as SQLAlchemy does, costs more than the database needs to store them.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import repeat
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy import JSON, Column, Connection, Date, Dialect, LargeBinary, Table, insert
from sqlmodel import UTCDateTime

from qtcore.store.driver import run

_Convert = Callable[[Any], Any]
# By the first word of a column's type. A text is not cast to the length of its column: that would
# cut it where the column refuses it.
_ARRAYS: Final = MappingProxyType(
    {
        "BIGINT": "bigint",
        "BOOLEAN": "boolean",
        "BYTEA": "bytea",
        "DATE": "date",
        "INTEGER": "integer",
        "NUMERIC": "numeric",
        "TEXT": "text",
        "TIMESTAMP": "timestamptz",
        "VARCHAR": "text",
    }
)


@dataclass(frozen=True, slots=True)
class _Place:
    """A parameter of a statement: what binds a value, and what it is where no row names it.

    `is_shared`: the same few values stand in many rows, and each costs as much to bind as the rest
    of its row.
    """

    name: str
    convert: _Convert | None
    column: Column[Any]
    is_given: bool
    is_named: bool
    is_shared: bool
    is_json: bool


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A statement with its parameters, in their order.

    `swept` writes any number of rows at once, where the database takes whole columns.
    """

    text: str
    swept: str
    places: tuple[_Place, ...]
    is_positional: bool


def insert_rows(
    connection: Connection,
    table: Table,
    rows: Sequence[Mapping[str, object]],
    *,
    given: Mapping[str, Iterable[object]],
) -> None:
    """Write rows; `given` are columns that they do not name, with a value for each row.

    A column that nobody names gets its default. Rows that name other columns than the first go
    into a statement of their own.
    """
    if not rows:
        return
    first = tuple(rows[0])
    if len(rows) == 1 or list(map(tuple, rows)).count(first) == len(rows):
        _insert_alike(connection, table, rows, given)
        return
    alike: dict[frozenset[str], list[int]] = {}
    for place, row in enumerate(rows):
        alike.setdefault(frozenset(row), []).append(place)
    told = {name: list(values) for name, values in given.items()}
    for places in alike.values():
        some = {name: [values[place] for place in places] for name, values in told.items()}
        _insert_alike(connection, table, [rows[place] for place in places], some)


def _insert_alike(
    connection: Connection,
    table: Table,
    rows: Sequence[Mapping[str, object]],
    given: Mapping[str, Iterable[object]],
) -> None:
    known = _known(connection.dialect.name)
    named = (table.name, tuple(rows[0]), tuple(given))
    prepared = known.get(named)
    if prepared is None:
        prepared = known[named] = _prepare(connection.dialect, table, rows[0], given)
    if len(rows) == 1:
        (row,) = rows
        values = [_value(row, place, given) for place in prepared.places]
        run(connection, prepared.text, _told(prepared, values)).close()
        return
    columns = [_values(rows, place, given) for place in prepared.places]
    if prepared.swept:
        names = (place.name for place in prepared.places)
        whole = dict(zip(names, map(list, columns), strict=True))
        run(connection, prepared.swept, whole).close()
        return
    told: list[Any] = list(zip(*columns, strict=True))
    if not prepared.is_positional:
        told = [_told(prepared, row) for row in told]
    run(connection, prepared.text, told, is_many=True).close()


def _told(prepared: _Prepared, values: Sequence[object]) -> Any:
    if prepared.is_positional:
        return tuple(values)
    return {place.name: value for place, value in zip(prepared.places, values, strict=True)}


@cache
def _known(_dialect: str) -> dict[tuple[str, tuple[str, ...], tuple[str, ...]], _Prepared]:
    """Give what was prepared so far for a kind of database: the same for each of its tables."""
    return {}


def _prepare(
    dialect: Dialect, table: Table, row: Collection[str], given: Collection[str]
) -> _Prepared:
    unknown = {*row, *given} - set(table.columns.keys())
    if unknown:
        raise ValueError(f"table {table.name} has no column {', '.join(sorted(unknown))}")
    wanted = [
        column
        for column in table.columns
        if column.name in row or column.name in given or column.default is not None
    ]
    compiled = insert(table).compile(dialect=dialect, column_keys=[c.name for c in wanted])
    order = getattr(compiled, "positiontup", None)
    columns = [table.columns[name] for name in order] if order else wanted
    places = tuple(
        _Place(
            column.name,
            _converter(column, dialect),
            column,
            is_given=column.name in given,
            is_named=column.name in row,
            is_shared=isinstance(column.type, UTCDateTime | Date),
            is_json=isinstance(column.type, JSON),
        )
        for column in columns
    )
    return _Prepared(str(compiled), _swept(dialect, table, wanted), places, order is not None)


def _swept(dialect: Dialect, table: Table, columns: Sequence[Column[Any]]) -> str:
    """Write the statement that takes a list for each column; empty where there is none."""
    written = [column.type.compile(dialect).partition("(")[0].split()[0] for column in columns]
    kinds = [_ARRAYS.get(kind, "") for kind in written]
    if dialect.name != "postgresql" or not all(kinds):
        return ""
    quoted = ", ".join(dialect.identifier_preparer.format_column(column) for column in columns)
    asked = ", ".join(
        f"%({column.name})s::{kind}[]" for column, kind in zip(columns, kinds, strict=True)
    )
    # Names of our own tables and columns; values travel as parameters.
    return f"INSERT INTO {table.name} ({quoted}) SELECT * FROM unnest({asked})"  # noqa: S608


def _converter(column: Column[Any], dialect: Dialect) -> _Convert | None:
    # Both drivers take bytes as they are; the wrapper around them is looked up for each value.
    if isinstance(column.type, LargeBinary):
        return None
    return column.type.dialect_impl(dialect).bind_processor(dialect)


def _value(
    row: Mapping[str, object], place: _Place, given: Mapping[str, Iterable[object]]
) -> object:
    """Give what a statement for one row is told for a place."""
    if place.is_given:
        return next(iter(given[place.name]))
    value = row[place.name] if place.is_named else _default(place.column)
    return value if place.convert is None else place.convert(value)


def _values(
    rows: Sequence[Mapping[str, object]], place: _Place, given: Mapping[str, Iterable[object]]
) -> Iterable[object]:
    """Give what a statement for many rows is told for a place."""
    name, convert = place.name, place.convert
    if place.is_given:
        return given[name]
    if not place.is_named:
        default = _default(place.column)
        return repeat(default if convert is None else convert(default), len(rows))
    values = [row[name] for row in rows]
    if convert is None:
        return values
    if place.is_json:
        empty = convert({})
        return [convert(value) if value or type(value) is not dict else empty for value in values]
    if place.is_shared:
        written = {value: convert(value) for value in set(values)}
        return [written[value] for value in values]
    return [convert(value) for value in values]


def _default(column: Column[Any]) -> object:
    """Give the default of a column; all rows of a statement share it."""
    default: Any = column.default
    return default.arg(None) if default.is_callable else default.arg
