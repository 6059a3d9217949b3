"""The fields every event of a verb has, as a form schema, and the event made of what was filled in.

It must not know HTML; packs bring the further fields of an event by their own form.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from qtcore.definitions.events import EventDefinition
from qtcore.definitions.forms import Section
from qtcore.services.events import EventInput, Line
from qtcore.services.nodes import LotRef

Schema = Mapping[str, Any]

EXTRA = "extra"
_NONE: Schema = {}
_CONDITIONS = ("visible", "required_when", "readonly_when", "on_hide", "widget")
_TEXT: Schema = {"type": "string", "maxLength": 120}
_CODE: Mapping[str, Schema] = {
    entity: {**_TEXT, "x-qt": {"entity": entity}}
    for entity in ("item", "party", "location", "equipment", "unit", "device")
}
_QUANTITY: Schema = {"type": "number", "exclusiveMinimum": 0}
_KNOWN: Schema = {
    "type": "array",
    "maxItems": 200,
    "items": {
        "type": "object",
        "required": ["lot", "quantity", "unit"],
        "properties": {"lot": _TEXT, "quantity": _QUANTITY, "unit": _CODE["unit"]},
    },
}
_COUNTED: Schema = {
    "type": "array",
    "maxItems": 200,
    "items": {
        "type": "object",
        "required": ["lot"],
        "properties": {"lot": _TEXT, "quantity": {"type": "number"}, "unit": _CODE["unit"]},
    },
}
_NEW: Schema = {
    "type": "array",
    "maxItems": 200,
    "items": {
        "type": "object",
        "required": ["item", "lot_no", "quantity", "unit"],
        "properties": {
            "item": _CODE["item"],
            "lot_no": _TEXT,
            "source": _CODE["party"],
            "quantity": _QUANTITY,
            "unit": _CODE["unit"],
            "expiry_on": {"type": "string", "format": "date"},
        },
    },
}
# Which tables a verb has, and which other fields; the rest is the same for all.
_TABLES: Mapping[str, tuple[tuple[str, Schema], ...]] = {
    "receive": (("output", _NEW),),
    "transform": (("input", _KNOWN), ("output", _NEW)),
    "pack": (("child", _KNOWN),),
    "unpack": (("child", _KNOWN),),
    "move": (("subject", _KNOWN),),
    "ship": (("subject", _KNOWN),),
    "return": (("subject", _KNOWN),),
    "sample": (("subject", _KNOWN),),
    "scrap": (("subject", _KNOWN),),
    "adjust": (("subject", _COUNTED),),
    "observe": (("subject", _COUNTED),),
}
_OTHERS: Mapping[str, tuple[str, ...]] = {
    "receive": ("location", "from_party"),
    "transform": ("location", "equipment"),
    "pack": ("parent", "location"),
    "unpack": ("parent", "location"),
    "move": ("location", "to_location"),
    "ship": ("location", "to_party"),
    "return": ("location", "from_party"),
}
_ENTITY: Mapping[str, str] = {
    "location": "location",
    "to_location": "location",
    "from_party": "party",
    "to_party": "party",
    "equipment": "equipment",
}
_REQUIRED: Mapping[str, tuple[str, ...]] = {
    "pack": ("parent",),
    "unpack": ("parent",),
    "move": ("to_location",),
    "ship": ("to_party",),
    "scrap": ("reason",),
    "adjust": ("reason",),
}


def event_schema(verb: str, lot_fields: Schema = _NONE) -> Schema:
    """Give the schema of the fields that every event of a verb has.

    `lot_fields` are the extra fields, as `Registry.fields_of` gives them, that are asked for each
    lot the event brings into being. They stand in a group of their own, where no name can clash.
    """
    tables = [(n, _with_lot_fields(s, lot_fields) if s is _NEW else s) for n, s in _TABLES[verb]]
    others = _OTHERS.get(verb, ("location",))
    return {
        "type": "object",
        "required": ["event_at", *_REQUIRED.get(verb, ())],
        "properties": {
            "event_at": {"type": "string", "format": "date-time"},
            **{name: {**schema, "minItems": 1} for name, schema in tables},
            **{name: _CODE.get(_ENTITY.get(name, ""), _TEXT) for name in others},
            "device": _CODE["device"],
            "reason": {"type": "string", "maxLength": 2000},
        },
    }


def _with_lot_fields(table: Schema, lot_fields: Schema) -> Schema:
    if not lot_fields:
        return table
    asked = {name: _unconditional(schema) for name, schema in lot_fields.items()}
    items = table["items"]
    extra = {"type": "object", "properties": asked}
    return {**table, "items": {**items, "properties": {**items["properties"], EXTRA: extra}}}


def _unconditional(schema: Schema) -> Schema:
    """Leave conditions to the command, which sees all fields of the lot, as it does for the API.

    A box that is not ticked would make every spare row a row that says no, so it becomes a choice.
    """
    own = schema.get("x-qt") or {}
    return {**schema, "x-qt": {key: part for key, part in own.items() if key not in _CONDITIONS}}


def event_layout(verb: str) -> tuple[Section, ...]:
    """Group the fields: what, then when and where."""
    what = tuple(name for name, _ in _TABLES[verb])
    others = _OTHERS.get(verb, ("location",))
    parent = tuple(name for name in others if name == "parent")
    rest = tuple(name for name in others if name != "parent")
    return (
        Section(id="what", fields=(*parent, *what)),
        Section(id="circumstances", fields=("event_at", *rest, "device", "reason")),
    )


def make_event(
    definition: EventDefinition, base: Mapping[str, Any], values: Mapping[str, Any]
) -> EventInput:
    """Make the event of typed values; `values` are those of the event's own form, as sent."""
    lines: list[Line] = []
    for part, _ in _TABLES[definition.verb]:
        lines += [_line(part, row) for row in _rows(base.get(part))]
    if base.get("parent"):
        lines.append(Line(LotRef(lot_no=str(base["parent"]), kind="logistic_unit"), "parent"))
    at: datetime = base["event_at"]
    return EventInput(
        event_type=definition.id,
        lines=tuple(lines),
        event_at=at,
        location=str(base.get("location", "")),
        to_location=str(base.get("to_location", "")),
        from_party=str(base.get("from_party", "")),
        to_party=str(base.get("to_party", "")),
        equipment=str(base.get("equipment", "")),
        device=str(base.get("device", "")),
        reason=str(base.get("reason", "")),
        values=dict(values),
    )


def _rows(value: Any) -> Sequence[Mapping[str, Any]]:
    return value if isinstance(value, list | tuple) else ()


def _line(part: str, row: Mapping[str, Any]) -> Line:
    quantity: Decimal | None = row.get("quantity")
    unit = str(row.get("unit", ""))
    if "lot" in row:
        return Line(LotRef(text=str(row["lot"])), part, quantity, unit)
    expiry: date | None = row.get("expiry_on")
    ref = LotRef(
        item=str(row.get("item", "")),
        lot_no=str(row.get("lot_no", "")),
        source=str(row.get("source", "")),
        expiry_on=expiry,
        extra=dict(row.get(EXTRA) or {}),
    )
    return Line(ref, part, quantity, unit)
