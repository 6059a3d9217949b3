"""Values of facts as they are kept for years: each with its type and its digits as they were.

It must not know what a fact means. `read_recorded` gives back exactly what `write_recorded` took.
"""

from collections.abc import Mapping
from dataclasses import fields
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from qtcore.engines.expressions import Quantity
from qtcore.engines.ledger import exact_text
from qtcore.hookspecs import LotFacts


def write_recorded(value: object) -> Any:
    """Write a value as plain JSON; what is no text, flag or nothing says its type."""
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        return {"integer": str(value)}
    if isinstance(value, Decimal):
        return {"decimal": str(value)}
    if isinstance(value, datetime):
        return {"datetime": value.isoformat()}
    if isinstance(value, date):
        return {"date": value.isoformat()}
    if isinstance(value, timedelta):
        return {"duration": [value.days, value.seconds, value.microseconds]}
    if isinstance(value, Quantity):
        return {"quantity": str(value.amount), "unit": value.unit}
    if isinstance(value, list | tuple):
        return [write_recorded(part) for part in value]
    if isinstance(value, Mapping):
        return {"map": {str(key): write_recorded(part) for key, part in value.items()}}
    return {"text": str(value)}


def recorded_text(value: object) -> str:
    """Write a value as `write_recorded` does, as JSON text; most facts are counts and flags."""
    if type(value) is int:
        return f'{{"integer":"{value}"}}'
    return exact_text(write_recorded(value))


def read_recorded(raw: Any) -> object:
    """Read a value back as it was."""
    if isinstance(raw, list):
        return tuple(read_recorded(part) for part in raw)
    if not isinstance(raw, Mapping):
        return raw
    if "quantity" in raw:
        return Quantity(Decimal(raw["quantity"]), raw["unit"])
    ((kind, value),) = raw.items()
    match kind:
        case "integer":
            return int(value)
        case "decimal":
            return Decimal(value)
        case "date":
            return date.fromisoformat(value)
        case "datetime":
            return datetime.fromisoformat(value)
        case "duration":
            return timedelta(*value)
        case "map":
            return {key: read_recorded(part) for key, part in value.items()}
    return value


def shown_recorded(raw: Any) -> object:
    """Give a recorded value as the API and the pages show it: text, flag, list or nothing."""
    value = read_recorded(raw)
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, tuple):
        return [shown_recorded(part) for part in raw]
    if isinstance(value, Quantity):
        return f"{value.amount} {value.unit}"
    return value if isinstance(value, int) else str(value)


def write_lot(lot: LotFacts | None) -> Any:
    """Write what a pack was shown of a lot, without the facts, which are kept beside it."""
    if lot is None:
        return None
    names = [each.name for each in fields(lot) if each.name != "facts"]
    return {name: write_recorded(getattr(lot, name)) for name in names}


def read_lot(raw: Mapping[str, Any] | None, facts: Mapping[str, Any]) -> LotFacts | None:
    """Read what a pack was shown; a field that this release does not know is left out."""
    if raw is None:
        return None
    known = {each.name for each in fields(LotFacts)} - {"facts"}
    told: dict[str, Any] = {
        name: read_recorded(value) for name, value in raw.items() if name in known
    }
    return LotFacts(**told, facts=facts)
