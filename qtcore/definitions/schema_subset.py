"""The subset of JSON Schema 2020-12 that forms and fields may use, and why the rest is refused.

It must not know layouts, labels or how a value is checked when somebody fills a form.
"""

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any, cast

from qtcore.definitions.mistakes import Mistake, shown
from qtcore.definitions.patterns import find_pattern_fault
from qtcore.definitions.problems import suggest
from qtcore.definitions.schema_references import check_references
from qtcore.definitions.source import Path

DEFAULT_MAX_ITEMS = 500
MAX_FIELDS = 200
TYPES = ("string", "integer", "number", "boolean", "object", "array")
FORMATS = ("date", "date-time", "time", "email", "uri", "uuid")
X_QT = (
    "unit",
    "decimals",
    "entity",
    "critical",
    "required_when",
    "help",
    "source",
    "widget",
    "compute",
    "visible",
    "readonly_when",
    "on_hide",
    "sign",
    "second_person",
    "photo",
    "scan",
    "spec",
    "offline",
    "filter",
    "i18n",
)
_ANY = (
    "type",
    "enum",
    "const",
    "default",
    "examples",
    "readOnly",
    "deprecated",
    "title",
    "description",
    "x-qt",
    "oneOf",
    "$ref",
)
_BY_TYPE: Mapping[str, tuple[str, ...]] = {
    "string": ("minLength", "maxLength", "pattern", "format"),
    "integer": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
    "number": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
    "boolean": (),
    "array": ("items", "minItems", "maxItems", "uniqueItems"),
    "object": ("properties", "required", "dependentRequired"),
}
_ROOT_ONLY = ("$defs", "$schema", "$id")
KEYWORDS = tuple(dict.fromkeys((*_ANY, *(key for keys in _BY_TYPE.values() for key in keys))))
_CONDITION = (
    "accepted is 'if: {properties: {FIELD: {const: VALUE}}, required: [FIELD]}' with "
    "'then: {required: [...]}' or 'else', naming fields of this form; else use "
    "'x-qt: {required_when: ...}'"
)
_HINTS: Mapping[str, str] = {
    "anyOf": "use one type with 'enum', or two fields with 'x-qt: {visible: ...}'",
    "allOf": f"list the properties in one object; for conditions, {_CONDITION}",
    "if": _CONDITION,
    "then": _CONDITION,
    "else": _CONDITION,
    "not": "say what is accepted instead, with 'enum' or 'pattern'",
    "patternProperties": "list the fields under 'properties'",
    "additionalProperties": "leave it out; unknown fields are always refused",
    "unevaluatedProperties": "leave it out; unknown fields are always refused",
    "prefixItems": "use an object with one field per place",
    "contains": "use 'minItems' and 'items'",
    "$dynamicRef": "use '$ref: #/$defs/NAME'",
    "$anchor": "use '$ref: #/$defs/NAME'",
    "definitions": "use '$defs'",
    "nullable": "use 'type: [string, \"null\"]'",
    "label": "labels are texts in i18n",
}
_COUNTS = frozenset({"minLength", "maxLength", "minItems", "maxItems"})
LIMITS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")
_FLAGS = frozenset({"readOnly", "deprecated", "uniqueItems"})


def check_schema(schema: Mapping[str, Any], path: Path) -> Iterator[Mistake]:
    """Check the schema of a form: an object whose properties stay inside the subset."""
    kind = schema.get("type")
    if kind != "object":
        message = f"the schema of a form is 'type: object', found {shown(kind)}"
        yield Mistake("QT112", message, (*path, "type"))
    definitions = schema.get("$defs") or {}
    yield from check_references(schema, definitions, path)
    body = {key: value for key, value in schema.items() if key not in _ROOT_ONLY}
    yield from _check_node({**body, "type": "object"}, path)
    if isinstance(definitions, Mapping):
        for name, part in definitions.items():
            yield from _check_property(part, (*path, "$defs", name))


def check_properties(properties: Mapping[str, Any], path: Path) -> Iterator[Mistake]:
    """Check a mapping of field names to property schemas, without any ``$ref``."""
    if len(properties) > MAX_FIELDS:
        message = f"{len(properties)} fields in one object; at most {MAX_FIELDS} are accepted"
        yield Mistake("QT112", message, path)
    for name, part in properties.items():
        yield from _check_property(part, (*path, name))


def _check_property(part: Any, path: Path) -> Iterator[Mistake]:
    if not isinstance(part, Mapping):
        message = f"a field is a mapping such as '{{type: string}}', found {shown(part)}"
        yield Mistake("QT112", message, path)
        return
    if "type" not in part and "$ref" not in part:
        choices = part.get("enum")
        hint = "string" if isinstance(choices, list) else ""
        message = f"field {path[-1]!r} needs the key 'type'; accepted are {', '.join(TYPES)}"
        yield Mistake("QT111", message, path, hint)
        return
    yield from _check_node(part, path)


def _check_node(node: Mapping[str, Any], path: Path) -> Iterator[Mistake]:
    kind, mistakes = _read_type(node, path)
    yield from mistakes
    for key, value in node.items():
        yield from _check_keyword(key, value, kind, (*path, key))
    if kind is not None:
        yield from _check_choices(node, kind, path)
        yield from _check_ranges(node, path)
    if kind == "object":
        yield from _check_object(node, path)
    if kind == "array":
        yield from _check_array(node, path)


def _read_type(node: Mapping[str, Any], path: Path) -> tuple[str | None, list[Mistake]]:
    found = node.get("type")
    if found is None and "$ref" in node:
        return None, []
    names = found if isinstance(found, list) else [found]
    real = [name for name in names if name not in ("null", None)]
    if len(real) == 1 and real[0] in TYPES and len(names) <= 2:
        return str(real[0]), []
    message = f"'type' is {shown(found)}; accepted is one of {', '.join(TYPES)}, or [one, \"null\"]"
    hint = suggest(real[0], TYPES) if len(real) == 1 else ""
    return None, [Mistake("QT112", message, (*path, "type"), hint)]


def _check_keyword(key: str, value: Any, kind: str | None, path: Path) -> Iterator[Mistake]:
    if key in _HINTS and key not in KEYWORDS:
        message = f"the keyword {key!r} is not part of the form language; {_HINTS[key]}"
        yield Mistake("QT110", message, path, on_key=True)
    elif key not in KEYWORDS:
        message = f"the keyword {key!r} is not part of the form language"
        yield Mistake("QT110", message, path, suggest(key, KEYWORDS), on_key=True)
    elif kind is not None and key not in _ANY and key not in _BY_TYPE[kind]:
        fits = " or ".join(name for name, keys in _BY_TYPE.items() if key in keys)
        message = f"{key!r} has no meaning for type {kind}; it belongs to type {fits}"
        yield Mistake("QT112", message, path, on_key=True)
    else:
        yield from _check_value(key, value, path)


def _check_value(key: str, value: Any, path: Path) -> Iterator[Mistake]:
    accepted = ""
    if key in _COUNTS and not (_is_integer(value) and value >= 0):
        accepted = "a whole number of at least 0"
    elif key in LIMITS and not _is_number(value):
        accepted = "a number such as 12 or 0.5"
    elif key == "multipleOf" and value <= 0:
        accepted = "a number greater than 0"
    elif key in _FLAGS and not isinstance(value, bool):
        accepted = "true or false"
    elif key in {"title", "description", "$ref"} and not isinstance(value, str):
        accepted = "a text"
    elif key in {"enum", "examples"} and not (isinstance(value, list) and value):
        accepted = "a list of values"
    if accepted:
        yield Mistake("QT112", f"{key!r} is {shown(value)}; accepted is {accepted}", path)
    elif key == "pattern":
        fault = find_pattern_fault(value)
        if fault:
            yield Mistake("QT112", f"the pattern {shown(value)} {fault}", path)
    elif key == "format" and value not in FORMATS:
        message = f"the format {shown(value)} is not known; accepted are {', '.join(FORMATS)}"
        yield Mistake("QT112", message, path, suggest(value, FORMATS))
    elif key == "maxItems" and value > DEFAULT_MAX_ITEMS * 20:
        yield Mistake("QT112", f"'maxItems' is {value}; at most 10000 is accepted", path)
    elif key == "x-qt":
        yield from _check_own(value, path)
    elif key == "oneOf":
        yield from _check_one_of(value, path)


def _check_own(value: Any, path: Path) -> Iterator[Mistake]:
    if not isinstance(value, Mapping):
        yield Mistake("QT112", f"'x-qt' is {shown(value)}; accepted is a mapping", path)
        return
    for key, part in value.items():
        if key not in X_QT:
            message = f"the key {key!r} is not part of 'x-qt'; accepted are {', '.join(X_QT)}"
            yield Mistake("QT110", message, (*path, key), suggest(key, X_QT), on_key=True)
        elif key == "decimals" and not (_is_integer(part) and 0 <= part <= 12):
            message = f"'decimals' is {shown(part)}; accepted is a whole number from 0 to 12"
            yield Mistake("QT112", message, (*path, key))


def _check_one_of(value: Any, path: Path) -> Iterator[Mistake]:
    parts = value if isinstance(value, list) else []
    if not parts or not all(isinstance(part, Mapping) and "const" in part for part in parts):
        message = "'oneOf' is accepted only as a list of {const: ..., title: ...}; use 'enum'"
        yield Mistake("QT112", message, path)


def _check_choices(node: Mapping[str, Any], kind: str, path: Path) -> Iterator[Mistake]:
    fits = _FITS[kind]
    has_null = isinstance(node.get("type"), list)
    for key in ("enum", "const", "default", "examples"):
        if key not in node:
            continue
        found = node[key]
        many = key in {"enum", "examples"} and isinstance(found, list)
        for number, value in enumerate(found if many else [found]):
            if not fits(value) and not (value is None and has_null):
                at: Path = (*path, key, number) if many else (*path, key)
                yield Mistake("QT112", f"{key!r} holds {shown(value)}, which is no {kind}", at)
    choices = node.get("enum")
    if isinstance(choices, list):
        for number, value in enumerate(choices):
            if value in choices[:number]:
                message = f"the choice {shown(value)} is listed twice"
                yield Mistake("QT114", message, (*path, "enum", number))


def _check_ranges(node: Mapping[str, Any], path: Path) -> Iterator[Mistake]:
    for low, high in (("minimum", "maximum"), ("minLength", "maxLength"), ("minItems", "maxItems")):
        least, most = node.get(low), node.get(high)
        if _are_numbers(least, most) and cast(Decimal, most) < cast(Decimal, least):
            message = f"{high!r} is {shown(most)}, below {low!r} {shown(least)}"
            yield Mistake("QT112", message, (*path, high))


def _check_object(node: Mapping[str, Any], path: Path) -> Iterator[Mistake]:
    properties = node.get("properties")
    if not isinstance(properties, Mapping):
        said = "needs the key 'properties'" if properties is None else "needs a mapping of fields"
        yield Mistake("QT111", f"type object {said}", path)
        return
    yield from check_properties(properties, (*path, "properties"))
    required = node.get("required", [])
    if not isinstance(required, list):
        message = f"'required' is {shown(required)}; accepted is a list of field names"
        yield Mistake("QT112", message, (*path, "required"))
        return
    for number, name in enumerate(required):
        if name not in properties:
            message = f"'required' names {shown(name)}, which is not among the properties"
            at: Path = (*path, "required", number)
            yield Mistake("QT130", message, at, suggest(name, properties))


def _check_array(node: Mapping[str, Any], path: Path) -> Iterator[Mistake]:
    if "items" not in node:
        yield Mistake(
            "QT111", "type array needs the key 'items', for example 'items: {type: string}'", path
        )
        return
    yield from _check_property(node["items"], (*path, "items"))


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _are_numbers(*values: Any) -> bool:
    return all(map(_is_number, values))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | Decimal) and not isinstance(value, bool)


_FITS: Mapping[str, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str),
    "integer": _is_integer,
    "number": _is_number,
    "boolean": lambda value: isinstance(value, bool),
    "object": lambda value: isinstance(value, Mapping),
    "array": lambda value: isinstance(value, list),
}
