"""Reads one cell by its column: what it says, or what is wrong with it.

It must not know rows or files.
"""

import re
from collections.abc import Callable
from collections.abc import Mapping as Dict
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from functools import cache, lru_cache

from qtcore.builtin.faults import listing, shown
from qtcore.builtin.tabular.mapping import Column, Mapping, TableMapping, date_tokens

_INTEGER = re.compile(r"[+-]?[0-9]{1,30}")
_DECIMAL = {
    separator: re.compile(
        r"[+-]?[0-9]{1,30}(?:" + re.escape(separator) + r"[0-9]{1,30})?(?:[eE][+-]?[0-9]{1,2})?"
    )
    for separator in (".", ",")
}
_TOKEN = {
    "YYYY": r"(?P<year>[0-9]{4})",
    "YY": r"(?P<short>[0-9]{2})",
    "MON": r"(?P<name>[^\W\d_]+)",
    "MM": r"(?P<month>[0-9]{2})",
    "M": r"(?P<month>[0-9]{1,2})",
    "DD": r"(?P<day>[0-9]{2})",
    "D": r"(?P<day>[0-9]{1,2})",
    "hh": r"(?P<hour>[0-9]{2})",
    "mm": r"(?P<minute>[0-9]{2})",
    "ss": r"(?P<second>[0-9]{2})",
}
_WRITTEN = {
    "YYYY": "%Y",
    "YY": "%y",
    "MM": "%m",
    "DD": "%d",
    "hh": "%H",
    "mm": "%M",
    "ss": "%S",
}


@dataclass(frozen=True, slots=True)
class PartialDate:
    """A date as exact as it was written; `day` is the first day of a month without one.

    `precision` is year, month, day, minute or second; `clock` is midnight without a time.
    """

    day: date
    precision: str
    text: str
    clock: time = time()


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell that was read: its text in plain notation, and its value by type."""

    text: str
    value: str | int | Decimal | PartialDate


class Unreadable(ValueError):
    """The cell does not hold what its column accepts; the text says what was found and accepted."""


def read_cell(
    raw: str,
    column: Column,
    table: TableMapping,
    mapping: Mapping,
    *,
    find: Callable[[str, str], str] | None = None,
) -> Cell | None:
    """Read a cell; None when the value is missing. Raises Unreadable.

    `find` gives what a text stands for by the name of a look-up.
    """
    text = raw.strip()
    if text in mapping.missing:
        if column.required:
            raise Unreadable("the value is missing; this column needs one")
        return None
    if column.values:
        if text not in column.values:
            raise Unreadable(f"found {shown(text)}; accepted: {listing(column.values)}")
        text = column.values[text]
    if column.lookup and find is not None:
        text = find(column.lookup, text)
    if column.type == "text":
        return Cell(text, text)
    if column.type == "integer":
        if not _INTEGER.fullmatch(text):
            raise Unreadable(f"found {shown(text)}; accepted: a whole number such as 12")
        return Cell(text, int(text))
    if column.type == "decimal":
        return _decimal(text, table.decimal_separator)
    found = read_date(text, column.format, mapping.months, mapping.century)
    return Cell(text, found)


def _decimal(text: str, separator: str) -> Cell:
    if not _DECIMAL[separator].fullmatch(text):
        raise Unreadable(
            f"found {shown(text)}; accepted: a number such as 12{separator}5, of at most 30 digits "
            "before and 30 after the separator, an exponent of at most two"
        )
    plain = text.replace(",", ".")
    return Cell(plain, Decimal(plain))


def read_date(text: str, form: str, months: Dict[str, int], century: int) -> PartialDate:
    """Read a date of a format such as ``MON.YY``; raises Unreadable."""
    return _read_date(text, form, tuple(months.items()) if "MON" in form else (), century)


# The days of a file stand in many of its rows.
@lru_cache(maxsize=4096)
def _read_date(
    text: str, form: str, months: tuple[tuple[str, int], ...], century: int
) -> PartialDate:
    match = _date_pattern(form).fullmatch(text)
    if match is None:
        raise Unreadable(f"found {shown(text)}; accepted: a date written {form}")
    parts = match.groupdict()
    year = int(parts["year"]) if parts.get("year") else century + int(parts["short"])
    month = _month(parts, dict(months))
    hour, minute, second = (int(parts.get(name) or 0) for name in ("hour", "minute", "second"))
    try:
        day = date(year, month or 1, int(parts.get("day") or 1))
        clock = time(hour, minute, second)
    except ValueError as error:
        raise Unreadable(f"found {shown(text)}; there is no such day or time ({error})") from None
    return PartialDate(day, _precision(parts), text, clock)


@cache
def _date_pattern(form: str) -> re.Pattern[str]:
    return re.compile("".join(_TOKEN.get(each, re.escape(each)) for each in date_tokens(form)))


def _precision(parts: Dict[str, str | None]) -> str:
    for name, precision in (("second", "second"), ("hour", "minute"), ("day", "day")):
        if parts.get(name):
            return precision
    return "month" if parts.get("month") or parts.get("name") else "year"


def write_date(at: datetime, form: str) -> str:
    """Write a date in a format, so that `read_date` reads it back; names of months by number."""
    words = {"M": str(at.month), "D": str(at.day), "MON": str(at.month)}
    return "".join(
        at.strftime(_WRITTEN[token]) if token in _WRITTEN else words.get(token, token)
        for token in date_tokens(form)
    )


def _month(parts: Dict[str, str | None], months: Dict[str, int]) -> int:
    name = parts.get("name")
    if name is None:
        return int(parts.get("month") or 0)
    number = {key.casefold(): value for key, value in months.items()}.get(name.casefold())
    if number is None:
        known = listing(months) or "none: the mapping lists no months"
        raise Unreadable(f"found month {shown(name)}; the mapping knows {known}")
    return number


def same_value(text: str) -> str:
    """Give a form that is equal for equal values: 1.50 is 1.5."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        return text
    return format(number.normalize(), "f") if number.is_finite() else text
