"""Operators: which kinds each one joins, what comes out, and how it is calculated exactly.

It must not know text, trees or facts; an unknown never reaches it.
"""

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from decimal import Context, Decimal
from typing import Any, Final

from qtcore.engines.expressions.kinds import (
    DATE,
    DATETIME,
    DECIMAL,
    DURATION,
    INTEGER,
    NUMBERS,
    ORDERED,
    TEXT_LIST,
    FactType,
    Value,
)

EQUALITY: Final = frozenset({"==", "!="})

_MIXED: Final[Mapping[tuple[str, str, str], FactType]] = {
    ("date", "-", "date"): DURATION,
    ("datetime", "-", "datetime"): DURATION,
    ("duration", "+", "duration"): DURATION,
    ("duration", "-", "duration"): DURATION,
    ("date", "+", "duration"): DATE,
    ("duration", "+", "date"): DATE,
    ("date", "-", "duration"): DATE,
    ("datetime", "+", "duration"): DATETIME,
    ("duration", "+", "datetime"): DATETIME,
    ("datetime", "-", "duration"): DATETIME,
    ("text_list", "-", "text_list"): TEXT_LIST,
}


def is_same_kind(left: FactType, right: FactType) -> bool:
    """Say whether two kinds compare; integers and decimals are both numbers."""
    return left.kind == right.kind or {left.kind, right.kind} <= NUMBERS


def find_arithmetic_type(op: str, left: FactType, right: FactType) -> FactType | None:
    """Give the kind of `left op right`, or None when the operator does not join them."""
    if {left.kind, right.kind} <= NUMBERS:
        whole = op != "/" and left.kind == right.kind == "integer"
        return INTEGER if whole else DECIMAL
    return _MIXED.get((left.kind, op, right.kind))


def may_compare(op: str, left: FactType, right: FactType) -> bool:
    """Say whether `left op right` is a comparison the language has."""
    if not is_same_kind(left, right):
        return False
    return op in EQUALITY or left.kind in ORDERED


def find_member_type(listed: FactType) -> FactType | None:
    """Give the kind of a list's members, or None when `listed` is no list."""
    if listed.kind == "text_list":
        return FactType("text", listed.values)
    return DECIMAL.counted_in(listed.unit) if listed.kind == "decimal_list" else None


def compare(op: str, left: Any, right: Any) -> bool:
    """Compare two values of the same kind; lists are equal when they hold the same members."""
    if op in EQUALITY and isinstance(left, tuple):
        left, right = frozenset(left), frozenset(right)
    return _COMPARE[op](left, right)


def calculate(op: str, left: Any, right: Any, context: Context) -> Value:
    """Calculate two values of kinds that join.

    Raises ArithmeticError or ValueError when there is no exact answer to give.
    """
    if isinstance(left, Decimal):
        if op == "/" and right == 0:
            raise ZeroDivisionError
        return ARITHMETIC[op](context, left, right)
    if isinstance(left, tuple):
        gone = frozenset(right)
        return tuple(item for item in left if item not in gone)
    if isinstance(left, timedelta) and isinstance(right, date):
        left, right = right, left
    if type(left) is date and isinstance(right, timedelta) and right % timedelta(days=1):
        raise ValueError("a date can only move by whole days")
    moved: Value = left + right if op == "+" else left - right
    return moved


def negate(value: Any, context: Context) -> Decimal:
    """Turn the sign of a number."""
    return context.minus(value)


_COMPARE: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "==": lambda a, b: bool(a == b),
    "!=": lambda a, b: bool(a != b),
    "<": lambda a, b: bool(a < b),
    "<=": lambda a, b: bool(a <= b),
    ">": lambda a, b: bool(a > b),
    ">=": lambda a, b: bool(a >= b),
    "in": lambda a, b: a in b,
    "not in": lambda a, b: a not in b,
}
ARITHMETIC: Final[Mapping[str, Callable[[Context, Decimal, Decimal], Decimal]]] = {
    "+": Context.add,
    "-": Context.subtract,
    "*": Context.multiply,
    "/": Context.divide,
}
