"""Column types and key helpers shared by all tables: exact decimals, tenant-first keys.

It must not know any one table.
"""

import json
from collections.abc import Callable
from datetime import date, datetime
from decimal import Context, Decimal, Inexact, InvalidOperation
from functools import lru_cache
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    ColumnElement,
    DateTime,
    Dialect,
    ForeignKeyConstraint,
    Function,
    LargeBinary,
    MetaData,
    Numeric,
    String,
    Table,
    func,
    type_coerce,
)
from sqlalchemy.types import TypeDecorator, TypeEngine
from sqlmodel import Field, SQLModel


class ExactDecimal(TypeDecorator[Decimal]):
    """A Decimal that keeps its digits: NUMERIC on PostgreSQL, text on SQLite.

    SQLite has no decimal type: its NUMERIC affinity stores 12345678901234.123456789012 as a float.
    """

    impl = String
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "postgresql":
            return dialect.type_descriptor(Numeric(asdecimal=True))
        return dialect.type_descriptor(String(40))

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        _check_decimal(value)
        return value if dialect.name == "postgresql" else format(value, "f")

    def result_processor(self, dialect: Dialect, coltype: object) -> Any:
        """Read text as it is; one call for each value, as `process_result_value` would be two."""
        return None if dialect.name == "postgresql" else _read_decimal


def _read_decimal(value: str | None) -> Decimal | None:
    return None if value is None else Decimal(value)


class _Moment(TypeDecorator[datetime]):
    """An aware UTC time, read with one call for each value that was not read just before."""

    impl = DateTime
    cache_ok = True

    def result_processor(self, dialect: Dialect, coltype: object) -> Any:
        return None if dialect.name == "postgresql" else _read_moment


@lru_cache(maxsize=4096)
def _read_moment(value: str | None) -> Any:
    return None if value is None else datetime.fromisoformat(f"{value}+00:00")


class Readers(NamedTuple):
    """What reads values of a row that comes straight from the driver; None stays None."""

    amount: Callable[[Any], Decimal | None]
    moment: Callable[[Any], datetime]
    day: Callable[[Any], date | None]
    document: Callable[[Any], Any]


def driver_readers(dialect: str) -> Readers:
    """Give what reads decimals, times, days and documents as a database's driver has them."""
    return _NO_READERS if dialect == "postgresql" else _SQLITE_READERS


class ExactSum:
    """Adds decimals that are kept as text, every digit, as `sum` does on PostgreSQL."""

    NAME = "exact_sum"

    def __init__(self) -> None:
        self._total: Decimal | None = None

    def step(self, value: str | None) -> None:
        """Add one value; nothing is no value."""
        if value is not None:
            self._total = add_exactly(self._total or _ZERO, Decimal(value))

    def finalize(self) -> str | None:
        """Give the sum; nothing when there was no value."""
        return None if self._total is None else format(self._total, "f")


_ZERO = Decimal(0)
# A sum that would round raises instead.
_EXACT = Context(prec=200, traps=[Inexact, InvalidOperation])


def exact_sum(dialect: str, column: ColumnElement[Decimal]) -> ColumnElement[Decimal | None]:
    """Add a column of decimals without losing a digit."""
    added = func.sum(column) if dialect == "postgresql" else Function(ExactSum.NAME, column)
    return type_coerce(added, ExactDecimal())


def add_exactly(one: Decimal, two: Decimal) -> Decimal:
    """Add two decimals; InvalidOperation or Inexact where a digit would be lost."""
    return _EXACT.add(one, two)


def _as_it_is(value: Any) -> Any:
    return value


def _read_day(value: str | None) -> date | None:
    return None if value is None else date.fromisoformat(value)


class JsonText(str):
    """A document that is text already: a JSON column of a plain row takes it as it stands."""

    __slots__ = ()


_DOCUMENTS: Final = json.JSONDecoder(parse_float=Decimal)


def load_json(text: str | bytes) -> Any:
    """Read a JSON column; a number with a point stays exact."""
    return _DOCUMENTS.decode(text.decode() if isinstance(text, bytes) else text)


def _read_document(value: str | None) -> Any:
    return None if value is None else load_json(value)


_NO_READERS: Final = Readers(_as_it_is, _as_it_is, _as_it_is, _as_it_is)
_SQLITE_READERS: Final = Readers(_read_decimal, _read_moment, _read_day, _read_document)


def moment(column: ColumnElement[datetime]) -> ColumnElement[datetime]:
    """Read a column of times quickly: of thousands of links many share one."""
    return type_coerce(column, _Moment())


def _check_decimal(value: object) -> None:
    """Refuse what would lose digits on its way: a driver would take a float as it is."""
    if not isinstance(value, Decimal) or not value.is_finite():
        raise TypeError(f"a quantity must be a finite Decimal, found {value!r}")


def tenant_key(column: str, table: str, target: str = "id") -> ForeignKeyConstraint:
    """Make a foreign key that cannot cross tenants."""
    return ForeignKeyConstraint(
        ["tenant_id", column], [f"{table}.tenant_id", f"{table}.{target}"], name=None
    )


def ordered_text(length: int) -> TypeEngine[Any]:
    """Give the type of a text that is ordered by its signs, whatever language the database has.

    A beginning of it is then a range of an index, on both databases.
    """
    return String(length).with_variant(String(length, collation="C"), "postgresql")


def key_field(**options: Any) -> Any:
    """Make a 64-bit integer column, for keys and what refers to them."""
    return Field(sa_type=BigInteger, **options)


def json_field(default: Any = dict) -> Any:
    """Make a JSON document column; decimals inside are strings."""
    return Field(default_factory=default, sa_type=JSON)


def bytes_field(**options: Any) -> Any:
    """Make a binary column."""
    return Field(sa_type=LargeBinary, **options)


def as_bytes(value: object) -> bytes:
    """Read a binary column that somebody may have written text, a number or nothing into."""
    if isinstance(value, bytes | memoryview):
        return bytes(value)
    return value.encode("utf-8", "surrogatepass") if isinstance(value, str) else b""


def decimal_field(**options: Any) -> Any:
    """Make an exact decimal column."""
    return Field(sa_type=ExactDecimal, **options)


def one_of(column: str, *values: str) -> CheckConstraint:
    """Make a check that a column holds one of the words the code knows."""
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=column)


def one_of_words(column: str, *values: str) -> CheckConstraint:
    """Make the check of `one_of` for a table that takes many rows.

    SQLite builds a temporary index of a list of words for each row; alternatives cost nothing.
    """
    said = " OR ".join(f"{column} = '{value}'" for value in values)
    return CheckConstraint(said, name=column)


class Row(SQLModel):
    """The base of all tables: constraints have names, or a later migration cannot change them."""

    metadata = MetaData(
        naming_convention={
            "pk": "pk_%(table_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
        }
    )


def text(column: ColumnElement[str]) -> ColumnElement[str]:
    """Read a text column as it comes: SQLModel's own type calls a function for every value."""
    return type_coerce(column, String())


def table_of(model: type[SQLModel]) -> Table:
    """Give the plain table of a model, for statements over many rows."""
    table: Table = model.__table__  # type: ignore[attr-defined]
    return table


def first_value(model: type[SQLModel], name: str) -> Any:
    """Give what a new row has in a column where nothing is given."""
    each = model.model_fields[name]
    return None if each.is_required() else each.get_default(call_default_factory=True)


class TenantRow(Row):
    """Every row belongs to a tenant (a company); its key leads with it.

    `id` is a 64-bit integer from the store's key source; it never leaves the product.
    """

    tenant_id: int = key_field(primary_key=True)
    id: int = key_field(primary_key=True)


class PublicRow(TenantRow):
    """A row that is named outside by a UUIDv7."""

    uid: str = Field(max_length=36)
