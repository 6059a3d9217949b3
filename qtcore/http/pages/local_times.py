"""Times as a browser's field for date and time sends them: without a zone.

It must not know forms by name. The foot of every page says that all times are UTC, so that is what
such a time means here; the API knows no page and asks for the zone.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from qtcore.engines.forms import Property, plain_schema, read_properties


def in_utc(schema: Mapping[str, Any], sent: Mapping[str, Any]) -> dict[str, Any]:
    """Give what a page sent for a form with its times in UTC; all else stays as it was typed."""
    return _in_utc(plain_schema(schema), sent)


def _in_utc(schema: Mapping[str, Any], sent: Mapping[str, Any]) -> dict[str, Any]:
    known = {each.name: each for each in read_properties(schema)}
    return {name: _value(known[name], raw) if name in known else raw for name, raw in sent.items()}


def _value(each: Property, raw: Any) -> Any:
    if each.is_group and isinstance(raw, Mapping):
        return _in_utc(each.schema, raw)
    if each.is_table and isinstance(raw, list):
        rows = each.items.schema
        return [_in_utc(rows, row) if isinstance(row, Mapping) else row for row in raw]
    if each.kind == "string" and each.format == "date-time" and isinstance(raw, str):
        return f"{raw.strip()}+00:00" if _has_no_zone(raw.strip()) else raw
    return raw


def _has_no_zone(text: str) -> bool:
    try:
        return "T" in text and datetime.fromisoformat(text).tzinfo is None
    except ValueError:  # what is no time is refused as it was typed
        return False
