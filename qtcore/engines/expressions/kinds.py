"""The kinds of value an expression works on, and which Python values are usable as which kind.

It must not know expressions: neither their text, nor their tree, nor their operators.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import (
    ROUND_HALF_EVEN,
    Context,
    Decimal,
    DecimalException,
    DivisionByZero,
    InvalidOperation,
    Overflow,
    Underflow,
)
from typing import Final, Literal, TypeAlias

Kind = Literal[
    "boolean",
    "integer",
    "decimal",
    "text",
    "date",
    "datetime",
    "duration",
    "text_list",
    "decimal_list",
]
Value: TypeAlias = (
    bool | Decimal | str | date | datetime | timedelta | tuple[str, ...] | tuple[Decimal, ...]
)


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit of measure: `factor` times the amount is the amount in the base of its dimension.

    `spellings` are all names of all units of the dimension with their factors: a quantity that
    arrives in another of them is converted, one in any other unit is not usable.
    """

    code: str
    dimension: str
    factor: Decimal
    spellings: tuple[tuple[str, Decimal], ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Quantity:
    """A fact's value with the unit it was recorded in; it is converted to the declared unit."""

    amount: Decimal
    unit: str


# Bounds of a number, so that no fact can make an evaluation slow: the exact arithmetic below them
# is the same in every evaluator of the compiled tree.
MOST_DIGITS: Final = 50
MOST_EXPONENT: Final = 999
_MOST_BITS: Final = 166  # 10 ** 50 has 167 bits


@dataclass(frozen=True, slots=True)
class FactType:
    """What a fact holds; `values` closes a text (or a list of text) to the values named.

    `unit` is the unit in which its numbers count; None for a plain number.
    """

    kind: Kind
    values: tuple[str, ...] = ()
    unit: Unit | None = None

    @property
    def label(self) -> str:
        """Name the kind as a message shows it."""
        words = self.kind.replace("_list", " list")
        return f"{words} in {self.unit.code}" if self.unit else words

    def counted_in(self, unit: Unit | None) -> "FactType":
        """Give the same kind with its numbers in another unit, or in none."""
        return self if unit == self.unit else replace(self, unit=unit)


BOOLEAN: Final = FactType("boolean")
INTEGER: Final = FactType("integer")
DECIMAL: Final = FactType("decimal")
TEXT: Final = FactType("text")
DATE: Final = FactType("date")
DATETIME: Final = FactType("datetime")
DURATION: Final = FactType("duration")
TEXT_LIST: Final = FactType("text_list")
DECIMAL_LIST: Final = FactType("decimal_list")

NUMBERS: Final = frozenset({"integer", "decimal"})
ORDERED: Final = NUMBERS | {"date", "datetime", "duration"}


def exact_context() -> Context:
    """Give the arithmetic of the language: 50 digits, half to even, out of range is an error."""
    return Context(
        prec=MOST_DIGITS,
        rounding=ROUND_HALF_EVEN,
        Emin=-MOST_EXPONENT,
        Emax=MOST_EXPONENT,
        traps=[DivisionByZero, InvalidOperation, Overflow, Underflow],
    )


def enum_of(*values: str) -> FactType:
    """Describe a text that can only be one of `values`."""
    return FactType("text", values)


def find_value(raw: object, wanted: FactType) -> Value | None:
    """Give `raw` as the evaluator uses it, or None when it is not usable as `wanted`.

    Floats, NaN, naive times, numbers of more than fifty digits and texts outside a closed set
    are not usable: a fact that cannot be trusted must block like a missing one.
    """
    return reader_of(wanted)(raw)


def reader_of(wanted: FactType) -> Callable[[object], Value | None]:
    """Give what `find_value` does for one kind, to be used many times."""
    read = _READERS[wanted.kind]

    def find(raw: object) -> Value | None:
        if isinstance(raw, Quantity):
            raw = _converted(raw, wanted.unit)
        return read(raw, wanted)

    return find


def find_fault(raw: object, wanted: FactType) -> str:
    """Say in words why `raw` is not usable as `wanted`, as the end of a sentence."""
    if isinstance(raw, Quantity) and wanted.unit is not None:
        known = {wanted.unit.code, *dict(wanted.unit.spellings)}
        if raw.unit not in known:
            return f"is in {raw.unit}; no declared factor leads to {wanted.unit.code}"
    return f"holds no usable {wanted.label}"


def _converted(raw: Quantity, unit: Unit | None) -> Decimal | None:
    if unit is None or _decimal(raw.amount, DECIMAL) is None:
        return None
    if raw.unit == unit.code:
        return raw.amount
    factor = dict(unit.spellings).get(raw.unit)
    if factor is None:
        return None
    if factor == unit.factor:
        return raw.amount
    context = exact_context()
    try:
        return context.divide(context.multiply(raw.amount, factor), unit.factor)
    except DecimalException:
        return None


def _boolean(raw: object, _: FactType) -> Value | None:
    return raw if isinstance(raw, bool) else None


def _decimal(raw: object, _: FactType) -> Decimal | None:
    if not isinstance(raw, Decimal):
        if not isinstance(raw, int) or isinstance(raw, bool):
            return None
        return Decimal(raw) if raw.bit_length() <= _MOST_BITS else None
    if not raw.is_finite():
        return None
    # A text is never shorter than its digits, and much cheaper than counting them.
    short = len(str(raw)) <= MOST_DIGITS or len(raw.as_tuple().digits) <= MOST_DIGITS
    return raw if short and abs(raw.adjusted()) <= MOST_EXPONENT else None


def _integer(raw: object, wanted: FactType) -> Decimal | None:
    number = _decimal(raw, wanted)
    if number is None or number.adjusted() >= MOST_DIGITS:
        return None
    return number if number == number.to_integral_value() else None


def _text(raw: object, wanted: FactType) -> str | None:
    if not isinstance(raw, str):
        return None
    return raw if not wanted.values or raw in wanted.values else None


def _date(raw: object, _: FactType) -> date | None:
    return raw if isinstance(raw, date) and not isinstance(raw, datetime) else None


def _datetime(raw: object, _: FactType) -> datetime | None:
    if not isinstance(raw, datetime) or raw.utcoffset() is None:
        return None
    try:
        return raw.astimezone(UTC)
    except (OverflowError, ValueError):
        return None


def _duration(raw: object, _: FactType) -> timedelta | None:
    return raw if isinstance(raw, timedelta) else None


def _text_list(raw: object, wanted: FactType) -> tuple[str, ...] | None:
    if not isinstance(raw, list | tuple | set | frozenset):
        return None
    items = tuple(_text(item, wanted) for item in raw)
    known = tuple(item for item in items if item is not None)
    return known if len(known) == len(items) else None


def _decimal_list(raw: object, wanted: FactType) -> tuple[Decimal, ...] | None:
    if not isinstance(raw, list | tuple | set | frozenset):
        return None
    items = tuple(_decimal(item, wanted) for item in raw)
    known = tuple(item for item in items if item is not None)
    return known if len(known) == len(items) else None


_READERS: Final[Mapping[Kind, Callable[[object, FactType], Value | None]]] = {
    "boolean": _boolean,
    "integer": _integer,
    "decimal": _decimal,
    "text": _text,
    "date": _date,
    "datetime": _datetime,
    "duration": _duration,
    "text_list": _text_list,
    "decimal_list": _decimal_list,
}
