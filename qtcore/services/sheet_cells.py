"""Cells of an export: one element of a record as one or several texts, and whether it is there.

It must not know sheets or files; a value nobody recorded stays empty, never invented.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from qtcore.definitions.exports import ExportColumn
from qtcore.services.wire import optional_text
from qtcore.store.queries.nodes import NodeInfo
from qtcore.store.tables import Event

_PLACE = (
    ("business name", "business_name"),
    ("phone", "phone"),
    ("street", "street"),
    ("city", "city"),
    ("state or region", "region"),
    ("postal code", "postal_code"),
    ("country", "country"),
    ("latitude", "latitude"),
    ("longitude", "longitude"),
    ("GLN", "gln"),
    ("FFRN", "ffrn"),
)
_PRODUCT = (
    ("brand", "product_brand"),
    ("commodity", "commodity"),
    ("variety", "variety"),
    ("market name", "market_name"),
    ("packaging size", "packaging_size"),
    ("packaging style", "packaging_style"),
)


@dataclass(frozen=True, slots=True)
class Cells:
    """The texts of one element; `lacks` says what of it nobody recorded, empty when complete."""

    texts: tuple[str, ...]
    lacks: str = ""


@dataclass(frozen=True, slots=True)
class SheetLine:
    """One thing of an event; a case or pallet is told as what it held."""

    info: NodeInfo
    quantity: Decimal | None
    unit: str


@dataclass(frozen=True, slots=True)
class Place:
    """A place with its description; name and phone are those of the business it belongs to."""

    code: str
    told: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RowContext:
    """What one row is about: the event, its place, and the lines by their part.

    `values` are those of the event's form that the reader sees.
    """

    event: Event
    values: Mapping[str, Any]
    lines: Mapping[str, SheetLine]
    places: Mapping[str, Place]
    place: Place | None
    items: Mapping[str, Mapping[str, Any]]


def heads_of(column: ExportColumn) -> tuple[str, ...]:
    """Name the cells of an element: its own name, with what each part of a composite is."""
    name = column.element
    match column.as_:
        case "location":
            parts: Sequence[str] = ("location", *(word for word, _ in _PLACE))
        case "lot_code_source":
            parts = ("location", *(word for word, _ in _PLACE), "reference type", "reference")
        case "product":
            parts = ("product", *(word for word, _ in _PRODUCT))
        case "quantity":
            parts = ("quantity", "unit of measure")
        case _:
            return (name,)
    return tuple(f"{name} - {part}" for part in parts)


def cells_of(column: ExportColumn, row: RowContext) -> Cells:
    """Read one element of a row."""
    cells = _READ[column.as_](column, row)
    is_asked = column.required and all(
        _written_as(row.values.get(name)) == value for name, value in column.when.items()
    )
    return cells if is_asked else Cells(cells.texts)


def _raw(column: ExportColumn, row: RowContext) -> object:
    root, name = column.from_.split(".", 1)
    if root == "event":
        return {"at": row.event.event_at, "place": row.place}.get(name)
    if root == "values":
        return row.values.get(name)
    if root not in row.lines:
        return None
    line = row.lines[root]
    info = line.info
    own = {"lot_no": info.lot_no, "quantity": line.quantity, "product": info}
    return own.get(name, info.extra.get(name))


def _plain(column: ExportColumn, row: RowContext) -> Cells:
    text = _text(_raw(column, row))
    return Cells((text,), "" if text else column.element)


def _date(column: ExportColumn, row: RowContext) -> Cells:
    found = _raw(column, row)
    if isinstance(found, datetime):
        aware = found if found.tzinfo is not None else found.replace(tzinfo=UTC)
        # The day it was where it happened.
        zone = datetime.strptime(row.event.utc_offset, "%z").tzinfo
        return Cells((aware.astimezone(zone).date().isoformat(),))
    return _plain(column, row)


def _quantity(column: ExportColumn, row: RowContext) -> Cells:
    root = column.from_.split(".", 1)[0]
    if root not in row.lines:
        return Cells(("", ""), column.element)
    line = row.lines[root]
    texts = (optional_text(line.quantity) or "", line.unit)
    return Cells(texts, "" if all(texts) else column.element)


def _location(column: ExportColumn, row: RowContext) -> Cells:
    found = _raw(column, row)
    place = found if isinstance(found, Place) else row.places.get(_text(found))
    return _written(column.element, place, _text(found) if place is None else "")


def _written(element: str, place: Place | None, code: str) -> Cells:
    if place is None:
        lacks = f"{element}: {code!r} is no location of this site" if code else element
        return Cells((code, *("" for _ in _PLACE)), lacks)
    told = {name: _text(place.told.get(name)) for _, name in _PLACE}
    missing = [word for word, name in _PLACE[:2] if not told[name]]
    has_address = all(told[name] for name in ("street", "city", "country"))
    if not has_address and not (told["latitude"] and told["longitude"]):
        missing.append("street, city and country, or coordinates")
    lacks = f"{element} of {place.code}: {', '.join(missing)}" if missing else ""
    return Cells((place.code, *told.values()), lacks)


def _lot_code_source(column: ExportColumn, row: RowContext) -> Cells:
    root = column.from_.split(".", 1)[0]
    extra = row.lines[root].info.extra if root in row.lines else {}
    code = _text(extra.get("tlc_source_location"))
    kind, reference = (_text(extra.get(f"tlc_source_reference{n}")) for n in ("_type", ""))
    where = _written(column.element, row.places.get(code), code)
    if reference:
        return Cells((*where.texts, kind, reference))
    return Cells((*where.texts, kind, reference), where.lacks)


def _product(column: ExportColumn, row: RowContext) -> Cells:
    info = _raw(column, row)
    if not isinstance(info, NodeInfo):
        return Cells(("", *("" for _ in _PRODUCT)), column.element)
    extra = row.items.get(info.item_code, {})
    told = [_text(extra.get(name)) for _, name in _PRODUCT]
    missing = [
        word
        for (word, name), text in zip(_PRODUCT, told, strict=True)
        if name in ("packaging_size", "packaging_style") and not text
    ]
    lacks = f"{column.element} of {info.item_code}: {', '.join(missing)}" if missing else ""
    return Cells((info.item_name, *told), lacks)


def _written_as(value: object) -> str:
    """Give a value as a definition writes it."""
    return str(value).lower() if isinstance(value, bool) else _text(value)


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return "; ".join(map(_text, value))
    return str(value)


_READ: Mapping[str, Callable[[ExportColumn, RowContext], Cells]] = {
    "text": _plain,
    "date": _date,
    "location": _location,
    "product": _product,
    "quantity": _quantity,
    "lot_code_source": _lot_code_source,
}
