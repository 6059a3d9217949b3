"""One value as it was sent - text of a page or JSON - turned into a typed value, or a complaint.

It must not know limits and choices; those are checked on the typed value.
"""

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, tzinfo
from decimal import Decimal
from typing import Final

from qtcore.engines.forms.fields import LONGEST_TEXT, Property
from qtcore.engines.forms.messages import Complaint

_DECIMAL: Final = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,6})?")
_COMMA: Final = re.compile(r"-?[0-9]{1,12},[0-9]{1,6}")
# Half the world reads 1,250 as one and a quarter, the other half as 1250: neither is assumed.
_AMBIGUOUS: Final = re.compile(r"-?[1-9][0-9]{0,2},[0-9]{3}")
_INTEGER: Final = re.compile(r"-?[0-9]{1,12}")
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DATETIME: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?"
    r"(Z|[+-][0-9]{2}:[0-9]{2})?"
)
_TIME: Final = re.compile(r"[0-9]{2}:[0-9]{2}(:[0-9]{2})?")
_HIDDEN: Final = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff\ufffe\uffff]"
)
_BOOLEANS: Final[Mapping[str, bool]] = {"true": True, "false": False, "on": True}
_MOST_PLACES: Final = 40

Typed = object | Complaint


def is_empty(raw: object) -> bool:
    """Say whether nothing was entered; a cleared field is sent as an empty text or null."""
    if isinstance(raw, str):
        return not raw.strip()
    if isinstance(raw, Mapping):
        return all(is_empty(part) for part in raw.values())
    return raw is None or (isinstance(raw, list | tuple) and all(is_empty(part) for part in raw))


def read_typed(each: Property, raw: object, zone: tzinfo | None = None) -> Typed:
    """Turn one value that is not empty into its type; `zone` is that of times without one."""
    if each.kind == "string" and each.format == "date-time":
        return _datetime(raw, zone)
    if each.kind == "string":
        return _STRINGS.get(each.format, _text)(raw)
    if each.kind == "array":
        return _list(each, raw, zone)
    if each.kind == "boolean" and isinstance(raw, list | tuple):
        # A page sends a hidden "false" before each box, and "true" after it when ticked.
        return _boolean(raw[-1])
    reader = _READERS.get(each.kind)
    return reader(raw) if reader else raw


def _text(raw: object) -> Typed:
    if not isinstance(raw, str):
        return Complaint("type.string", {"found": raw})
    text = raw.replace("\r\n", "\n").replace("\r", "\n").strip()
    hidden = _HIDDEN.search(text)
    if hidden:
        return Complaint("signs", {"found": f"U+{ord(hidden.group()):04X}"})
    return text


def _number(raw: object) -> Typed:
    if isinstance(raw, bool) or not isinstance(raw, int | float | Decimal | str):
        return Complaint("type.number", {"found": raw})
    if isinstance(raw, float):
        return Complaint("type.float", {"found": raw})
    text = _digits(raw)
    if text is None:
        return Complaint("type.digits", {"found": _short_number(raw)})
    if _AMBIGUOUS.fullmatch(text):
        meant = {"thousands": text.replace(",", ""), "decimal": text.replace(",", ".")}
        return Complaint("type.ambiguous", {"found": text, **meant})
    if _COMMA.fullmatch(text):
        text = text.replace(",", ".")
    if _DECIMAL.fullmatch(text):
        return Decimal(text)
    is_number = re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", text[:400]) is not None
    return Complaint("type.digits" if is_number else "type.number", {"found": text})


def _digits(raw: int | Decimal | str) -> str | None:
    """Write a number in digits; None when that would be absurdly long."""
    if isinstance(raw, str):
        return raw.strip()
    if isinstance(raw, int):
        return str(raw) if raw.bit_length() < 200 else None
    exponent = raw.as_tuple().exponent
    if not isinstance(exponent, int):
        return str(raw)
    is_long = abs(exponent) > _MOST_PLACES or abs(raw.adjusted()) > _MOST_PLACES
    return None if is_long else format(raw, "f")


def _short_number(raw: object) -> str:
    return f"{raw:.3E}" if isinstance(raw, Decimal) else "of more than 60 digits"


def _integer(raw: object) -> Typed:
    if isinstance(raw, bool) or not isinstance(raw, int | str):
        return Complaint("type.integer", {"found": raw})
    text = _digits(raw)
    if text is None:
        return Complaint("type.digits", {"found": _short_number(raw)})
    if _INTEGER.fullmatch(text):
        return int(text)
    is_number = re.fullmatch(r"-?[0-9]+", text[:400]) is not None
    return Complaint("type.digits" if is_number else "type.integer", {"found": text})


def _boolean(raw: object) -> Typed:
    found = raw if isinstance(raw, bool) else _BOOLEANS.get(str(raw).strip())
    return Complaint("type.boolean", {"found": raw}) if found is None else found


def _date(raw: object) -> Typed:
    return _parsed("type.date", _DATE, date.fromisoformat, raw)


def _time(raw: object) -> Typed:
    return _parsed("type.time", _TIME, time.fromisoformat, raw)


def _datetime(raw: object, zone: tzinfo | None) -> Typed:
    if isinstance(raw, datetime):
        found: Typed = raw
    else:
        found = _parsed("type.date-time", _DATETIME, datetime.fromisoformat, raw)
    if not isinstance(found, datetime) or found.tzinfo is not None:
        return found
    if zone is None:
        return Complaint("type.zone", {"found": str(raw).strip()})
    return found.replace(tzinfo=zone)


def _parsed(
    key: str, shape: re.Pattern[str], parse: Callable[[str], date | time], raw: object
) -> Typed:
    text = raw.isoformat() if isinstance(raw, date | time) else raw
    if isinstance(text, str) and shape.fullmatch(text.strip()):
        try:
            return parse(text.strip())
        except ValueError:  # the 30th of February has the shape of a date
            return Complaint(key, {"found": raw})
    return Complaint(key, {"found": raw})


def _list(each: Property, raw: object, zone: tzinfo | None) -> Typed:
    """Read a list of plain values: JSON, repeated names of a page, or one entry per line."""
    if isinstance(raw, str):
        raw = raw[: LONGEST_TEXT * 10].splitlines() if not each.items.choices else [raw]
    if not isinstance(raw, list | tuple):
        return Complaint("type.array", {"found": raw})
    if len(raw) > each.most_items:
        return Complaint("maxItems", {"count": len(raw), "limit": each.most_items})
    entries = [read_typed(each.items, part, zone) for part in raw if not is_empty(part)]
    bad = next((entry for entry in entries if isinstance(entry, Complaint)), None)
    return bad if bad is not None else tuple(entries)


_STRINGS: Final[Mapping[str, Callable[[object], Typed]]] = {"date": _date, "time": _time}
_READERS: Final[Mapping[str, Callable[[object], Typed]]] = {
    "number": _number,
    "integer": _integer,
    "boolean": _boolean,
}
