"""The fixed table of functions: how each is written, which kinds it takes, what it gives.

It must not know facts or trees; `present`, `missing`, `rule`, `date` and `contains`, which look at
how they are written, are built in `check`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any, Final

from qtcore.engines.expressions.kinds import (
    DECIMAL,
    DURATION,
    INTEGER,
    NUMBERS,
    ORDERED,
    FactType,
    Value,
)
from qtcore.engines.expressions.operators import is_same_kind

MOST_PLACES: Final = 20


@dataclass(frozen=True, slots=True)
class Function:
    """One function: `usage` is shown in messages; `find_type` gives None when kinds do not fit."""

    usage: str
    find_type: Callable[[Sequence[FactType]], FactType | None]
    apply: Callable[[Context, Sequence[Any]], Value]


def _len_type(kinds: Sequence[FactType]) -> FactType | None:
    fits = len(kinds) == 1 and kinds[0].kind in {"text", "text_list", "decimal_list"}
    return INTEGER if fits else None


def _sum_type(kinds: Sequence[FactType]) -> FactType | None:
    fits = [kind.kind for kind in kinds] == ["decimal_list"]
    return DECIMAL.counted_in(kinds[0].unit) if fits else None


def _extreme_type(kinds: Sequence[FactType]) -> FactType | None:
    if len(kinds) == 1:
        return _sum_type(kinds)
    if not kinds or kinds[0].kind not in ORDERED:
        return None
    if not all(is_same_kind(kinds[0], kind) for kind in kinds):
        return None
    if all(kind == kinds[0] for kind in kinds):
        return kinds[0]
    return DECIMAL.counted_in(kinds[0].unit)


def _abs_type(kinds: Sequence[FactType]) -> FactType | None:
    fits = len(kinds) == 1 and kinds[0].kind in NUMBERS | {"duration"}
    return kinds[0] if fits else None


def _round_type(kinds: Sequence[FactType]) -> FactType | None:
    fits = len(kinds) == 2 and kinds[0].kind in NUMBERS and kinds[1].kind == "integer"
    return DECIMAL.counted_in(kinds[0].unit) if fits else None


def _days_between_type(kinds: Sequence[FactType]) -> FactType | None:
    fits = len(kinds) == 2 and kinds[0].kind in {"date", "datetime"} and kinds[0] == kinds[1]
    return INTEGER if fits else None


def _days_type(kinds: Sequence[FactType]) -> FactType | None:
    return DURATION if [kind.kind for kind in kinds] == ["integer"] else None


def _len(_: Context, args: Sequence[Any]) -> Value:
    return Decimal(len(args[0]))


def _sum(context: Context, args: Sequence[Any]) -> Value:
    total = Decimal(0)
    for item in args[0]:
        total = context.add(total, item)
    return total


def _min(_: Context, args: Sequence[Any]) -> Value:
    smallest: Value = min(_candidates(args))
    return smallest


def _max(_: Context, args: Sequence[Any]) -> Value:
    largest: Value = max(_candidates(args))
    return largest


def _candidates(args: Sequence[Any]) -> Sequence[Any]:
    found: Sequence[Any] = args[0] if len(args) == 1 else args
    if not found:
        raise ValueError("the list is empty")
    return found


def _abs(_: Context, args: Sequence[Any]) -> Value:
    value: Decimal | timedelta = args[0]
    return value.copy_abs() if isinstance(value, Decimal) else abs(value)


def _round_half_up(context: Context, args: Sequence[Any]) -> Value:
    number, places = args
    if not 0 <= places <= MOST_PLACES:
        raise ValueError(f"places must be 0 to {MOST_PLACES}")
    step = Decimal((0, (1,), -int(places)))
    rounded: Decimal = number.quantize(step, rounding=ROUND_HALF_UP, context=context)
    return rounded


def _days_between(_: Context, args: Sequence[Any]) -> Value:
    start, end = args
    # Whole days, cut towards zero, so that 23 hours late is 0 days late in both directions.
    passed: timedelta = end - start
    whole = abs(passed) // timedelta(days=1)
    return Decimal(whole if passed >= timedelta(0) else -whole)


def _days(_: Context, args: Sequence[Any]) -> Value:
    return timedelta(days=int(args[0]))


FUNCTIONS: Final[Mapping[str, Function]] = {
    "len": Function("len(list or text)", _len_type, _len),
    "sum": Function("sum(list of numbers)", _sum_type, _sum),
    "min": Function("min(list of numbers) or min(a, b, ...)", _extreme_type, _min),
    "max": Function("max(list of numbers) or max(a, b, ...)", _extreme_type, _max),
    "abs": Function("abs(number or duration)", _abs_type, _abs),
    "round_half_up": Function("round_half_up(number, places)", _round_type, _round_half_up),
    "days_between": Function(
        "days_between(start, end) of two dates or two datetimes", _days_between_type, _days_between
    ),
    "days": Function("days(whole number)", _days_type, _days),
}
FORMS: Final[Mapping[str, str]] = {
    "date": "date('2026-01-31')",
    "quantity": "quantity(number, 'kg')",
    "in_unit": "in_unit(quantity, 'kg')",
    "present": "present(fact)",
    "missing": "missing(fact)",
    "contains": "contains(list, value)",
    "rule": "rule('CORE-04')",
}


def list_functions() -> Mapping[str, str]:
    """Give every function name and how it is written, for documentation and editors."""
    usages = {name: function.usage for name, function in FUNCTIONS.items()}
    return dict(sorted({**usages, **FORMS}.items()))
