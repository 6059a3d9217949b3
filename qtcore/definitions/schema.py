"""JSON Schemas of definition files, for editors and for the reference pages.

It must not know files; what packs contribute is added by whoever knows the registry.
"""

from collections.abc import Mapping
from typing import Any

from qtcore.definitions.packs import KINDS, PackDefinition
from qtcore.definitions.patterns import MAX_PATTERN
from qtcore.definitions.schema_subset import DEFAULT_MAX_ITEMS, FORMATS, LIMITS, TYPES, X_QT
from qtcore.errors import NotFound

DIALECT = "https://json-schema.org/draft/2020-12/schema"
FILE_KINDS: tuple[str, ...] = (*KINDS, "pack", "i18n")
_COUNT = {"type": "integer", "minimum": 0}
_NUMBER = {"type": "number"}


def kind_schema(kind: str) -> dict[str, Any]:
    """Give the schema of a file that holds `kind`; NotFound names the kinds there are."""
    if kind == "pack":
        return _with_head(PackDefinition.model_json_schema(), "pack.yaml of a pack")
    if kind == "i18n":
        return _with_head(_texts_schema(), "i18n/<language>.yaml: the texts of a pack")
    if kind not in KINDS:
        raise NotFound(f"there is no kind {kind!r}; accepted are {', '.join(FILE_KINDS)}")
    inner = KINDS[kind].model_json_schema()
    definitions = inner.pop("$defs", {})
    name = KINDS[kind].__name__
    definitions[name] = inner
    _add_subset(definitions)
    body = {
        "type": "object",
        "required": [kind],
        "properties": {kind: {"type": "array", "items": {"$ref": f"#/$defs/{name}"}}},
        "propertyNames": {"enum": list(KINDS)},
        "$defs": definitions,
    }
    return _with_head(body, f"a definition file with {kind}; other kinds may stand beside it")


def _with_head(schema: Mapping[str, Any], title: str) -> dict[str, Any]:
    return {"$schema": DIALECT, **schema, "title": title}


def _texts_schema() -> dict[str, Any]:
    texts = {
        "type": "object",
        "additionalProperties": {"anyOf": [{"type": "string"}, {"$ref": "#/$defs/texts"}]},
    }
    return {
        "type": "object",
        "required": ["language", "texts"],
        "additionalProperties": False,
        "properties": {"language": {"type": "string"}, "texts": {"$ref": "#/$defs/texts"}},
        "$defs": {"texts": texts},
    }


def _add_subset(definitions: dict[str, Any]) -> None:
    """Say in the schemas of forms and fields which JSON Schema they may hold."""
    if "FormDefinition" in definitions:
        definitions["FormDefinition"]["properties"]["schema"] = {"$ref": "#/$defs/ObjectSchema"}
    elif "FieldSet" in definitions:
        names = {"pattern": "^[a-z][a-z0-9_]{0,59}$"}
        definitions["FieldSet"]["properties"]["properties"] = {
            "type": "object",
            "propertyNames": names,
            "additionalProperties": {"$ref": "#/$defs/FieldSchema"},
        }
    else:
        return
    definitions["FieldSchema"] = _field_schema()
    definitions |= _condition_schemas()
    definitions["ObjectSchema"] = {
        "type": "object",
        "required": ["type", "properties"],
        "properties": {
            "type": {"const": "object"},
            "required": {"type": "array", "items": {"type": "string"}},
            "properties": {
                "type": "object",
                "additionalProperties": {"$ref": "#/$defs/FieldSchema"},
            },
            "dependentRequired": {"type": "object"},
            "if": {"$ref": "#/$defs/Condition"},
            "then": {"$ref": "#/$defs/Demand"},
            "else": {"$ref": "#/$defs/Demand"},
            "allOf": {"type": "array", "items": {"$ref": "#/$defs/Conditional"}},
            "title": {"type": "string"},
            "description": {"type": "string"},
            "$defs": {
                "type": "object",
                "additionalProperties": {"$ref": "#/$defs/FieldSchema"},
            },
        },
        "additionalProperties": False,
    }


def _condition_schemas() -> dict[str, Any]:
    names = {"type": "array", "items": {"type": "string"}}
    value = {"type": "object", "minProperties": 1, "maxProperties": 1}
    value |= {"properties": {"const": {}, "enum": {"type": "array", "minItems": 1}}}
    parts = {"if": "Condition", "then": "Demand", "else": "Demand"}
    return {
        "Condition": {
            "type": "object",
            "properties": {
                "properties": {
                    "type": "object",
                    "additionalProperties": {**value, "additionalProperties": False},
                },
                "required": names,
            },
            "additionalProperties": False,
        },
        "Demand": {
            "type": "object",
            "required": ["required"],
            "properties": {"required": names},
            "additionalProperties": False,
        },
        "Conditional": {
            "type": "object",
            "required": ["if"],
            "properties": {key: {"$ref": f"#/$defs/{name}"} for key, name in parts.items()},
            "additionalProperties": False,
        },
    }


def _field_schema() -> dict[str, Any]:
    one = {"enum": list(TYPES)}
    counts = dict.fromkeys(("minLength", "maxLength", "minItems"), _COUNT)
    limits = dict.fromkeys(LIMITS, _NUMBER)
    flags = {key: {"type": "boolean"} for key in ("readOnly", "deprecated", "uniqueItems")}
    texts = {key: {"type": "string"} for key in ("title", "description", "$ref")}
    with_null = {"type": "array", "prefixItems": [one, {"const": "null"}], "maxItems": 2}
    return {
        "type": "object",
        "properties": {
            "type": {"anyOf": [one, with_null]},
            "enum": {"type": "array", "minItems": 1},
            "const": {},
            "default": {},
            "examples": {"type": "array"},
            "pattern": {"type": "string", "maxLength": MAX_PATTERN},
            "format": {"enum": list(FORMATS)},
            "maxItems": {**_COUNT, "default": DEFAULT_MAX_ITEMS},
            "items": {"$ref": "#/$defs/FieldSchema"},
            "properties": {
                "type": "object",
                "additionalProperties": {"$ref": "#/$defs/FieldSchema"},
            },
            "required": {"type": "array", "items": {"type": "string"}},
            "dependentRequired": {"type": "object"},
            "oneOf": {"type": "array", "items": {"type": "object", "required": ["const"]}},
            "x-qt": {"type": "object", "propertyNames": {"enum": list(X_QT)}},
            **counts,
            **limits,
            **flags,
            **texts,
        },
        "additionalProperties": False,
    }
