"""Values of expressions as JSON: what the evaluators in Python and in the browser exchange.

It must not know expressions. Numbers are texts, so that no reader rounds them; days and times are
written in ISO 8601, times in UTC; a duration is whole days, seconds and microseconds: ``P3DT4.5S``.
"""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from qtcore.engines.expressions.kinds import FactType, Quantity, Value

MOST_EXACT: Final = 2**53 - 1
"""The largest whole JSON number that every reader keeps exactly; larger ones are texts."""
_UNUSABLE: Final = object()
_NUMBER: Final = re.compile(r"-?[0-9]{1,1100}(\.[0-9]{1,1100})?", re.ASCII)
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_TIME: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?(Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])",
    re.ASCII,
)
_DURATION: Final = re.compile(
    r"(-)?P(?:([0-9]{1,9})D)?(?:T(?:([0-9]{1,9})H)?(?:([0-9]{1,9})M)?"
    r"(?:([0-9]{1,12})(?:\.([0-9]{1,6}))?S)?)?",
    re.ASCII,
)


def write_value(value: Value) -> Any:
    """Write a value; lists become lists, everything else but booleans a text."""
    if isinstance(value, bool | str):
        return value
    if isinstance(value, Decimal):
        return write_number(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, timedelta):
        return _write_duration(value)
    return [write_value(member) for member in value]


def write_number(number: Decimal) -> str:
    """Write the shortest plain digits of a number: no exponent, no zeros at the end."""
    text = format(number, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def read_value(raw: object, wanted: FactType) -> object:
    """Read what JSON holds as a fact of a kind; what does not fit comes back as it is.

    The evaluator then finds it not usable and says so; nothing is guessed.
    """
    if isinstance(raw, Mapping):
        amount = _number(raw.get("amount"))
        is_quantity = isinstance(amount, Decimal) and isinstance(raw.get("unit"), str)
        return Quantity(amount, raw["unit"]) if is_quantity else raw
    if isinstance(raw, list):
        return [_number(_exact(each)) for each in raw] if wanted.kind == "decimal_list" else raw
    if not isinstance(raw, str):
        return _exact(raw)
    match wanted.kind:
        case "integer" | "decimal":
            return _number(raw)
        case "date" if _DATE.fullmatch(raw):
            return _or_raw(date.fromisoformat, raw)
        case "datetime" if _TIME.fullmatch(raw):
            return _or_raw(datetime.fromisoformat, raw)
        case "duration":
            return _duration(raw)
    return raw


def _exact(raw: object) -> object:
    """Give a JSON number as a browser has it: there 1.0 is 1, and large ones are not exact."""
    if isinstance(raw, float) and raw.is_integer():
        raw = int(raw)
    return _UNUSABLE if isinstance(raw, int) and abs(raw) > MOST_EXACT else raw


def _number(raw: object) -> Any:
    if not isinstance(raw, str) or not _NUMBER.fullmatch(raw):
        return raw
    try:
        return Decimal(raw)
    except InvalidOperation:
        return raw


def _or_raw(read: Any, raw: str) -> object:
    try:
        return read(raw)
    except ValueError:
        return raw


def _duration(raw: str) -> object:
    found = _DURATION.fullmatch(raw)
    if found is None or raw.removeprefix("-") in ("P", "PT") or raw.endswith("T"):
        return raw
    sign, days, hours, minutes, seconds, part = found.groups()
    try:
        length = timedelta(
            days=int(days or 0),
            hours=int(hours or 0),
            minutes=int(minutes or 0),
            seconds=int(seconds or 0),
            microseconds=int((part or "").ljust(6, "0")),
        )
    except OverflowError:
        return raw
    return -length if sign else length


def _write_duration(length: timedelta) -> str:
    sign, whole = ("-", -length) if length < timedelta(0) else ("", length)
    seconds = f"{whole.seconds}.{whole.microseconds:06d}" if whole.microseconds else whole.seconds
    tail = f"T{seconds}S" if whole.seconds or whole.microseconds else ""
    head = f"{whole.days}D" if whole.days or not tail else ""
    return f"{sign}P{head}{tail}"
