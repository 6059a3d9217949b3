"""Typed values checked against a schema by `jsonschema`, with its holes closed.

It must not know labels or languages. No reference is ever fetched, formats are checked, numbers are
compared exactly, patterns run in linear time on the whole value.
"""

import json
import re
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Context, Decimal
from typing import Any, Final
from urllib.parse import urlsplit

from jsonschema import Draft202012Validator, FormatChecker, ValidationError
from jsonschema.validators import extend
from referencing import Registry

from qtcore.definitions.patterns import compile_pattern
from qtcore.engines.forms.fields import LONGEST_TEXT, Property, as_typed
from qtcore.engines.forms.messages import Complaint

_EXACT: Final = Context(prec=120)
_SCHEMES: Final = ("http", "https", "urn", "mailto")
_EMAIL: Final = re.compile(r"[^@\s]{1,64}@[^@\s.]{1,63}(\.[^@\s.]{1,63}){1,8}")
_UUID: Final = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")


@dataclass(frozen=True, slots=True)
class Finding:
    """A complaint and its place below the object that was checked."""

    path: tuple[str | int, ...]
    complaint: Complaint


def check_object(
    properties: Mapping[str, Property],
    values: Mapping[str, object],
    required: frozenset[str],
    dependent: Mapping[str, Any],
) -> Iterator[Finding]:
    """Check the fields of one object; groups and rows are checked by a call of their own."""
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {name: _strict(each) for name, each in properties.items()},
        "required": sorted(required),
        "dependentRequired": dict(dependent),
    }
    instance = {name: as_instance(value) for name, value in values.items()}
    found = (f for error in check_instance(schema, instance) for f in _findings(error, properties))
    seen: set[tuple[str | int, ...]] = set()
    for finding in found:
        # One mistake of a value is enough to mend it; the validator names a missing field often.
        if finding.path not in seen:
            seen.add(finding.path)
            yield finding


def check_instance(schema: Mapping[str, Any], instance: object) -> Iterator[ValidationError]:
    """Run the validator as it must be run: an empty registry, and all formats checked."""
    validator = _Validator(schema, registry=Registry(), format_checker=_FORMATS)
    yield from validator.iter_errors(instance)


def as_instance(value: object) -> object:
    """Write a typed value as the validator knows it; decimals stay what they are."""
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {key: as_instance(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [as_instance(part) for part in value]
    return value


def _strict(each: Property) -> dict[str, Any]:
    if each.is_group:
        return {"type": "object"}
    strict = {key: part for key, part in each.schema.items() if key != "x-qt"}
    if each.kind == "array":
        strict["items"] = {"type": "object"} if each.is_table else _strict(each.items)
        strict.setdefault("maxItems", each.most_items)
    if each.kind == "string" and not each.choices:
        strict.setdefault("maxLength", LONGEST_TEXT)
    if each.kind == "number" and "decimals" in each.own:
        strict["decimals"] = each.own["decimals"]
    return strict


def _findings(error: ValidationError, properties: Mapping[str, Property]) -> Iterator[Finding]:
    path = tuple(error.absolute_path)
    keyword = str(error.validator)
    if keyword in ("required", "dependentRequired"):
        for name in _missing(keyword, error):
            yield Finding((name,), _required(properties[name]))
        return
    each = properties[str(path[0])]
    if len(path) > 1:
        each = each.items
    yield Finding(path, _complaint(keyword, error, each))


def _parts(error: ValidationError) -> tuple[Any, Any]:
    return error.validator_value, error.instance


def _missing(keyword: str, error: ValidationError) -> Iterator[str]:
    wanted, there = _parts(error)
    if keyword == "dependentRequired":
        wanted = [name for key, names in wanted.items() if key in there for name in names]
    yield from (name for name in wanted if name not in there)


def _required(each: Property) -> Complaint:
    if each.kind == "boolean":
        return Complaint("required.boolean")
    if each.kind == "array":
        return Complaint("required.list")
    return Complaint("required.choice" if each.choices else "required")


def _complaint(keyword: str, error: ValidationError, each: Property) -> Complaint:
    limit, found = _parts(error)
    if keyword in ("enum", "oneOf"):
        return Complaint("enum", {"found": as_typed(found)})
    if keyword == "format":
        return Complaint(f"format.{limit}", {"found": found})
    if keyword == "type":
        return Complaint(f"type.{each.kind}", {"found": as_typed(found)})
    if keyword == "pattern":
        key = "pattern.example" if each.example else "pattern"
        return Complaint(key, {"found": found, "limit": limit, "example": each.example})
    if keyword in ("minLength", "maxLength", "minItems", "maxItems"):
        return Complaint(keyword, {"found": found, "count": len(found), "limit": limit})
    unit = f" {each.unit}" if each.unit and keyword != "decimals" else ""
    shown = as_typed(found) + (f" {each.unit}" if each.unit else "")
    return Complaint(keyword, {"found": shown, "limit": f"{as_typed(limit)}{unit}"})


def _multiple_of(_: Any, step: Any, found: Any, __: Any) -> Iterator[ValidationError]:
    # The package divides binary numbers (0.07 is no multiple of 0.01) and fails on a mixture.
    is_number = isinstance(found, int | Decimal) and not isinstance(found, bool)
    if is_number and _EXACT.remainder(Decimal(found), Decimal(step)) != 0:
        yield ValidationError(f"{found} is not a multiple of {step}")


def _pattern(_: Any, pattern: Any, found: Any, __: Any) -> Iterator[ValidationError]:
    # The package searches with a backtracking engine: part of a value, and any digits of Unicode.
    if isinstance(found, str) and not compile_pattern(pattern).matches(found):
        yield ValidationError(f"{found!r} does not match")


def _unique_items(_: Any, is_asked: Any, found: Any, __: Any) -> Iterator[ValidationError]:
    # The package compares every entry with every other: 4,000 rows take 14 seconds.
    if not is_asked or not isinstance(found, list):
        return
    written = [json.dumps(part, default=str, sort_keys=True) for part in found]
    if len(set(written)) < len(written):
        yield ValidationError("an entry is there twice")


def _decimals(_: Any, most: Any, found: Any, __: Any) -> Iterator[ValidationError]:
    exponent = found.as_tuple().exponent if isinstance(found, Decimal) else 0
    if isinstance(exponent, int) and -exponent > most:
        yield ValidationError(f"{found} has more than {most} decimals")


def _is_date(text: object) -> bool:
    return not isinstance(text, str) or _parses(date.fromisoformat, text)


def _is_datetime(text: object) -> bool:
    return not isinstance(text, str) or _parses(datetime.fromisoformat, text)


def _is_time(text: object) -> bool:
    return not isinstance(text, str) or _parses(time.fromisoformat, text)


def _is_email(text: object) -> bool:
    return not isinstance(text, str) or _EMAIL.fullmatch(text) is not None


def _is_uuid(text: object) -> bool:
    is_shaped = isinstance(text, str) and _UUID.fullmatch(text) is not None
    return not isinstance(text, str) or (is_shaped and _parses(uuid.UUID, text))


def _is_uri(text: object) -> bool:
    """Accept addresses that are harmless as a link: never ``javascript:`` or ``data:``."""
    if not isinstance(text, str):
        return True
    if not text.isascii() or not text.isprintable() or " " in text:
        return False
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    has_place = bool(parts.netloc) if parts.scheme in ("http", "https") else bool(parts.path)
    return parts.scheme in _SCHEMES and has_place


def _parses(parse: Any, text: str) -> bool:
    try:
        parse(text)
    except ValueError:
        return False
    return True


def _format_checker() -> FormatChecker:
    checker = FormatChecker(formats=())
    checker.checks("date")(_is_date)
    checker.checks("date-time")(_is_datetime)
    checker.checks("time")(_is_time)
    checker.checks("email")(_is_email)
    checker.checks("uri")(_is_uri)
    checker.checks("uuid")(_is_uuid)
    return checker


_FORMATS: Final = _format_checker()
_Validator: Final[type[Draft202012Validator]] = extend(  # type: ignore[no-untyped-call]
    Draft202012Validator,
    {
        "multipleOf": _multiple_of,
        "pattern": _pattern,
        "uniqueItems": _unique_items,
        "decimals": _decimals,
    },
)
