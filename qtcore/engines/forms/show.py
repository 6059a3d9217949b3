"""Typed values on their way out: JSON that keeps every digit, and text for a person.

It must not know pages or faults.
"""

from collections.abc import Mapping
from datetime import date, datetime, time, tzinfo
from decimal import Decimal
from typing import Any, Final

from qtcore.engines.forms.fields import (
    Property,
    Texts,
    as_typed,
    choice_label,
    no_texts,
    plain_schema,
    read_properties,
)
from qtcore.engines.forms.messages import Complaint, find_catalogue
from qtcore.engines.forms.typed import is_empty, read_typed

_THIN_SPACE: Final = "\u2009"


def to_json_values(values: Mapping[str, object]) -> dict[str, Any]:
    """Write typed values as JSON: decimals as text with their digits, dates and times in ISO 8601.

    TypeError names a value that has no exact form (a binary number).
    """
    return {name: _json(name, value) for name, value in values.items()}


def from_json_values(
    schema: Mapping[str, Any], stored: Mapping[str, object], zone: tzinfo | None = None
) -> dict[str, object]:
    """Give stored values their types again; what does not fit the schema is left out.

    Also serves to look at half-filled input: nothing is checked here.
    """
    return _typed_object(plain_schema(schema), stored, zone)


def display_value(
    value: object,
    each: Property,
    *,
    language: str = "en",
    texts: Texts = no_texts,
    zone: tzinfo | None = None,
) -> str:
    """Write a typed value for a person: digits as typed, then the unit; labels of choices.

    Times are shown in `zone`, or with the offset they were recorded with.
    """
    words = find_catalogue(language)
    if is_empty(value):
        return words["none"]
    if isinstance(value, list | tuple) and each.is_table:
        return str(len(value))
    if isinstance(value, list | tuple):
        shown = (display_value(part, each.items, language=language, texts=texts) for part in value)
        return words["separator"].join(shown)
    if isinstance(value, bool) or each.choices:
        return choice_label(texts, each, value, language)
    if isinstance(value, datetime):
        return _moment(value, zone)
    if isinstance(value, time):
        return value.isoformat(timespec="seconds" if value.second else "minutes")
    unit = f"{_THIN_SPACE}{each.unit}" if each.unit else ""
    return f"{as_typed(value)}{unit}"


def _moment(value: datetime, zone: tzinfo | None) -> str:
    local = value.astimezone(zone) if zone is not None else value
    offset = local.strftime("%z")
    shown = f" {offset[:3]}:{offset[3:5]}" if offset else ""
    return f"{local:%Y-%m-%d %H:%M}{shown}"


def _json(name: str, value: object) -> Any:
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {key: _json(f"{name}/{key}", part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_json(f"{name}/{number}", part) for number, part in enumerate(value)]
    raise TypeError(f"{name} holds {value!r}, which has no exact form; give a Decimal")


def _typed_object(
    schema: Mapping[str, Any], stored: Mapping[str, object], zone: tzinfo | None
) -> dict[str, object]:
    typed: dict[str, object] = {}
    for each in read_properties(schema):
        found = _typed(each, stored.get(each.name), zone)
        if found is not None:
            typed[each.name] = found
    return typed


def _typed(each: Property, raw: object, zone: tzinfo | None) -> object:
    if is_empty(raw):
        return None
    if each.is_group:
        return _typed_object(each.schema, raw, zone) if isinstance(raw, Mapping) else None
    if each.is_table:
        rows = raw if isinstance(raw, list | tuple) else ()
        return tuple(
            _typed_object(each.items.schema, row, zone) for row in rows if isinstance(row, Mapping)
        )
    found = read_typed(each, raw, zone)
    return None if isinstance(found, Complaint) else found
