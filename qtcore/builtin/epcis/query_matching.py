"""Whether an event fits the conditions of a query.

It must not know the database. An event is taken as it was sent, under its own prefixes.
"""

import operator
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from qtcore.builtin.epcis.cbv import bare_word
from qtcore.builtin.epcis.checks import read_time
from qtcore.builtin.epcis.epc_patterns import read_pattern
from qtcore.builtin.epcis.query_parameters import ANY, MATCHES, Condition
from qtcore.builtin.epcis.strict_json import read_number
from qtcore.builtin.epcis.xml_prefixes import STANDARD_PREFIXES
from qtcore.builtin.gs1 import canonical_identifier

_SIGNS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "=": operator.eq,
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}
_QUANTITIES: Final = (
    "quantityList",
    "childQuantityList",
    "inputQuantityList",
    "outputQuantityList",
)
_LISTS: Final[Mapping[str, tuple[str, ...]]] = {
    **MATCHES,
    ANY: (*MATCHES["MATCH_anyEPC"], *MATCHES["MATCH_anyEPCClass"]),
}


@dataclass(frozen=True, slots=True)
class Told:
    """An event to be judged: its document, the context of its prefixes, when it was recorded."""

    event: Mapping[str, Any]
    context: Any
    event_at: datetime
    recorded_at: datetime
    within: Callable[[str, str], bool] = lambda place, other: place == other
    """Says whether a place is another one or lies in it."""


def fits(told: Told, conditions: Iterable[Condition]) -> bool:
    """Say whether all conditions hold."""
    return all(_fits(told, condition) for condition in conditions)


def _fits(told: Told, condition: Condition) -> bool:
    kind, _, scope = condition.kind.partition(":")
    return _JUDGES[kind](told, condition, scope)


def _type(told: Told, condition: Condition, _scope: str) -> bool:
    return told.event.get("type") in condition.values


def _equal(told: Told, condition: Condition, _scope: str) -> bool:
    name, event = condition.name, told.event
    if name in ("set", "unset"):
        found = event.get("persistentDisposition", {}).get(name, [])
        return any(bare_word(name, each) in condition.values for each in found)
    if name in ("reason", "correctiveEventIDs"):
        value = event.get("errorDeclaration", {}).get(name, [])
        found = value if isinstance(value, list) else [value]
        return any(bare_word(name, each) in condition.values for each in found)
    if name in ("readPoint", "bizLocation"):
        place = canonical_identifier(event.get(name, {}).get("id", ""))[1]
        return any(place == canonical_identifier(value)[1] for value in condition.values)
    value = event.get(name)
    if name == "transformationID" and value:
        wanted = {canonical_identifier(each)[1] for each in condition.values}
        return canonical_identifier(value)[1] in wanted
    return value is not None and bare_word(name, value) in condition.values


def _within(told: Told, condition: Condition, _scope: str) -> bool:
    place = told.event.get(condition.name, {}).get("id", "")
    return bool(place) and any(told.within(place, value) for value in condition.values)


def _match(told: Told, condition: Condition, _scope: str) -> bool:
    patterns = [read_pattern(value) for value in condition.values]
    return any(
        pattern.fits(name) for name in _names(told.event, condition.name) for pattern in patterns
    )


def _names(event: Mapping[str, Any], parameter: str) -> Iterator[str]:
    for name in _LISTS[parameter]:
        value = event.get(name, ())
        if name == "parentID":
            yield from (value,) if value else ()
        else:
            yield from (e["epcClass"] if isinstance(e, Mapping) else e for e in value)


def _exists(told: Told, condition: Condition, _scope: str) -> bool:
    return condition.name in told.event


def _time(told: Told, condition: Condition, _scope: str) -> bool:
    found = told.event_at if condition.name == "eventTime" else told.recorded_at
    return _SIGNS[condition.sign](found, condition.values[0])


def _error_time(told: Told, condition: Condition, _scope: str) -> bool:
    found = read_time(told.event.get("errorDeclaration", {}).get("declarationTime", ""))
    return found is not None and _SIGNS[condition.sign](found, condition.values[0])


def _quantity(told: Told, condition: Condition, _scope: str) -> bool:
    entries = (entry for name in _QUANTITIES for entry in told.event.get(name, ()))
    return any(
        "quantity" in entry and _SIGNS[condition.sign](entry["quantity"], condition.values[0])
        for entry in entries
    )


def _typed(name: str) -> Callable[[Told, Condition, str], bool]:
    def judge(told: Told, condition: Condition, _scope: str) -> bool:
        wanted = {canonical_identifier(value)[1] for value in condition.values}
        return any(
            canonical_identifier(entry[name])[1] in wanted
            and (
                not condition.name
                or bare_word(f"{name}Type", entry.get("type", "")) == condition.name
            )
            for entry in told.event.get(f"{name}List", ())
        )

    return judge


def _sensor_parts(told: Told) -> Iterator[Mapping[str, Any]]:
    for element in told.event.get("sensorElementList", ()):
        yield element.get("sensorMetadata", {})
        yield from element.get("sensorReport", ())


def _sensor_text(told: Told, condition: Condition, _scope: str) -> bool:
    short = [v.removeprefix("gs1:").rsplit("/voc/", 1)[-1] if isinstance(v, str) else v
             for v in condition.values]  # fmt: skip
    wanted = (*condition.values, *short)
    return any(part.get(condition.name) in wanted for part in _sensor_parts(told))


def _sensor_time(told: Told, condition: Condition, _scope: str) -> bool:
    moments = (read_time(str(part.get(condition.name, ""))) for part in _sensor_parts(told))
    return any(m is not None and _SIGNS[condition.sign](m, condition.values[0]) for m in moments)


def _sensor_number(told: Told, condition: Condition, _scope: str) -> bool:
    return any(
        condition.name in part
        and (not condition.unit or part.get("uom") == condition.unit)
        and _SIGNS[condition.sign](part[condition.name], condition.values[0])
        for part in _sensor_parts(told)
    )


def _places(told: Told, scope: str) -> Iterator[Any]:
    """Give the objects in which a field of a scope may stand."""
    event, name = told.event, scope.removeprefix("inner_")
    if name in ("event", "inner"):
        yield event
    elif name in ("ilmd", "readPoint", "bizLocation"):
        yield event.get(name, {})
    elif name == "error":
        yield event.get("errorDeclaration", {})
    else:
        for element in event.get("sensorElementList", ()):
            if name == "sensor_element":
                yield element
            elif name == "sensor_metadata":
                yield element.get("sensorMetadata", {})
            else:
                yield from element.get("sensorReport", ())


def _fields(told: Told, scope: str, wanted: str) -> Iterator[Any]:
    """Give each value of a field: at the top of its scope, or anywhere inside for ``inner``."""
    names = _Names(told)
    is_inner = scope.startswith("inner")
    for place in _places(told, scope):
        waiting = [(place, 0)]
        while waiting:
            value, depth = waiting.pop()
            if isinstance(value, list):
                waiting += [(each, depth) for each in value]
            elif isinstance(value, Mapping):
                for name, entry in value.items():
                    if names.is_named(name, wanted) and (depth > 0 or not is_inner):
                        yield from entry if isinstance(entry, list) else [entry]
                    if is_inner and isinstance(entry, list | Mapping):
                        waiting.append((entry, depth + 1))


def _said(value: Any) -> Any:
    return value.get("#text", "") if isinstance(value, Mapping) else value


def _field(told: Told, condition: Condition, scope: str) -> bool:
    return any(
        _compares(_said(value), condition)
        for value in _fields(told, scope, condition.name)
    )  # fmt: skip


def _compares(value: Any, condition: Condition) -> bool:
    if condition.sign == "=":
        if isinstance(value, bool):
            return str(value).lower() in condition.values
        if isinstance(value, int | Decimal):
            return any(read_number(wanted) == value for wanted in condition.values)
        return value in condition.values
    limit = condition.values[0]
    if isinstance(limit, datetime):
        found: Any = read_time(value) if isinstance(value, str) else None
    else:
        found = read_number(value.strip()) if isinstance(value, str) else value
        found = found if isinstance(found, int | Decimal) else None
    return found is not None and _SIGNS[condition.sign](found, limit)


def _field_exists(told: Told, condition: Condition, scope: str) -> bool:
    return any(True for _ in _fields(told, scope, condition.name))


def _has_attribute(told: Told, condition: Condition, scope: str) -> bool:
    names = _Names(told)
    return any(
        names.is_named(key.removeprefix("@"), wanted)
        for value in _fields(told, scope, condition.name)
        if isinstance(value, Mapping)
        for key in value
        for wanted in condition.values
    )


def _attribute(told: Told, condition: Condition, scope: str) -> bool:
    """Compare an attribute, whose name follows the field's after an underscore."""
    field_name, _, attribute = condition.name.rpartition("_")
    names = _Names(told)
    return any(
        str(entry) in condition.values
        for value in _fields(told, scope, field_name)
        if isinstance(value, Mapping)
        for key, entry in value.items()
        if names.is_named(key.removeprefix("@"), attribute)
    )


class _Names:
    """Compares names of fields: as written, or by the namespace their prefix stands for."""

    def __init__(self, told: Told) -> None:
        self._spaces = {**STANDARD_PREFIXES}
        for context in (told.context, told.event.get("@context")):
            for entry in context if isinstance(context, list) else [context]:
                if isinstance(entry, Mapping):
                    self._spaces |= {k: v for k, v in entry.items() if isinstance(v, str)}

    def is_named(self, name: str, wanted: str) -> bool:
        """Say whether a name is the wanted one."""
        if name == wanted:
            return True
        prefix, colon, local = name.partition(":")
        space = self._spaces.get(prefix) if colon else None
        if space is None:
            return False
        return wanted in (f"{space}{local}", f"{space}#{local}", f"{space}:{local}")


_JUDGES: Final[Mapping[str, Callable[[Told, Condition, str], bool]]] = {
    "type": _type,
    "equal": _equal,
    "within": _within,
    "match": _match,
    "exists": _exists,
    "time": _time,
    "error_time": _error_time,
    "quantity": _quantity,
    "bizTransaction": _typed("bizTransaction"),
    "source": _typed("source"),
    "destination": _typed("destination"),
    "sensor_text": _sensor_text,
    "sensor_time": _sensor_time,
    "sensor_number": _sensor_number,
    "field": _field,
    "field_exists": _field_exists,
    "has_attribute": _has_attribute,
    "attribute": _attribute,
}


def field_value(told: Told, name: str) -> Any:
    """Give the first value of an extension field, to order by; None when there is none."""
    return next((_said(value) for value in _fields(told, "event", name)), None)
