"""JSON Schemas of definition files, for editors and for the reference pages.

It must not know files; what packs contribute is added by whoever knows the registry.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from qtcore.definitions.packs import KINDS, PackDefinition
from qtcore.definitions.patterns import MAX_PATTERN
from qtcore.definitions.schema_subset import DEFAULT_MAX_ITEMS, FORMATS, LIMITS, TYPES, X_QT
from qtcore.errors import NotFound

DIALECT = "https://json-schema.org/draft/2020-12/schema"
FILE_KINDS: tuple[str, ...] = (*KINDS, "pack", "i18n", "file")
REFERENCES: Mapping[str, Mapping[str, str]] = {
    "Transition": {"roles": "roles", "gate": "gates", "form": "forms"},
    "SignatureDemand": {"roles": "roles", "meaning": "meanings"},
    "SignatureSought": {"roles": "roles", "meaning": "meanings"},
    "Effect": {"roles": "roles", "record": "records"},
    "Timer": {"escalate_to": "roles"},
    "RecordDefinition": {"form": "forms", "workflow": "workflows", "roles": "roles"},
    "EventDefinition": {"form": "forms", "roles": "roles", "lot_fields": "lot_fields"},
    "RuleDefinition": {"gate": "gates", "industries": "packs"},
    "RequiresRule": {"rule": "rules"},
    "AlwaysPasses": {"gate": "gates"},
    "FactDefinition": {"unit": "units"},
    "FactSource": {"field": "fields", "result": "tests", "event": "events"},
    "RecordCount": {"record": "records"},
    "SpecDefinition": {"industry": "packs", "kinds": "item_kinds"},
    "Characteristic": {"unit": "units"},
    "RecallDefinition": {"industry": "packs"},
    "RoleDefinition": {"permissions": "rights"},
    "LimitDefinition": {"roles": "roles", "rights": "rights"},
    "VeilDefinition": {"visible_to": "roles", "editable_by": "roles"},
    "OwnKeys": {"unit": "units", "entity": "entities"},
}
"""Where a definition names something another one defines: model, key, and the kind of name."""
EXPRESSIONS = frozenset(
    {"check", "when", "guard", "visible", "required_when", "readonly_when", "compute"}
)
_CHANGE = "-change"
_COUNT = {"type": "integer", "minimum": 0}
_NUMBER = {"type": "number"}


def kind_schema(kind: str) -> dict[str, Any]:
    """Give the schema of a file that holds `kind`; NotFound names the kinds there are."""
    if kind == "pack":
        return _with_head(PackDefinition.model_json_schema(), "pack.yaml of a pack")
    if kind == "i18n":
        return _with_head(_texts_schema(), "i18n/<language>.yaml: the texts of a pack")
    if kind == "file":
        return _with_head(_lists_of(tuple(KINDS)), "a definition file with lists of any kinds")
    if kind not in KINDS:
        raise NotFound(f"there is no kind {kind!r}; accepted are {', '.join(FILE_KINDS)}")
    body = {**_lists_of((kind,)), "required": [kind]}
    return _with_head(body, f"a definition file with {kind}; other kinds may stand beside it")


def _lists_of(kinds: Sequence[str]) -> dict[str, Any]:
    definitions: dict[str, Any] = {}
    lists: dict[str, Any] = {}
    for kind in kinds:
        inner = KINDS[kind].model_json_schema()
        name = KINDS[kind].__name__
        parts = {**inner.pop("$defs", {}), name: inner}
        _add_subset(parts)
        definitions |= parts | _relaxed(parts)
        full, change = {"$ref": f"#/$defs/{name}"}, {"$ref": f"#/$defs/{name}{_CHANGE}"}
        is_change = {"required": ["extends"]}
        lists[kind] = {
            "type": ["array", "null"],
            "items": {"if": is_change, "then": change, "else": full},
        }
    return {
        "type": "object",
        "properties": lists,
        "propertyNames": {"enum": list(KINDS)},
        "$defs": dict(sorted(definitions.items())),
    }


def _relaxed(parts: Mapping[str, Any]) -> dict[str, Any]:
    """Copy the schemas of a kind for `extends`: only ids are needed, all else stays as it is."""

    def relax(node: Any) -> Any:
        if isinstance(node, list):
            return [relax(part) for part in node]
        if not isinstance(node, Mapping):
            return node
        made = {key: relax(value) for key, value in node.items() if key != "minItems"}
        if isinstance(node.get("$ref"), str):
            made["$ref"] = node["$ref"] + _CHANGE
        if isinstance(node.get("required"), list):
            made["required"] = [key for key in node["required"] if key == "id"]
        return made

    made = {f"{name}{_CHANGE}": relax(part) for name, part in parts.items()}
    for part in made.values():
        if "replaces" in part.get("properties", {}):
            reason = {"type": "object", "required": ["reason"], "additionalProperties": False}
            reason["properties"] = {"reason": {"type": "string", "minLength": 1}}
            part["properties"]["extends"] = {"anyOf": [{"const": True}, reason]}
            del part["properties"]["replaces"]
    return made


def add_names(schema: dict[str, Any], names: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Offer the names that packs contribute wherever a definition refers to one.

    `names` maps a kind of name (a kind of definition, or gates, units, fields, tests, packs,
    rights) to those there are. They are offered, not demanded: a file may define what it names.
    """
    for model, properties in REFERENCES.items():
        for suffix in ("", _CHANGE):
            held = schema.get("$defs", {}).get(f"{model}{suffix}", {}).get("properties", {})
            for key, kind in properties.items():
                if key in held and names.get(kind):
                    held[key] = _offering(held[key], names[kind])
    said = (
        f"Facts: {', '.join(names.get('facts', ()))}. Functions: {', '.join(names['functions'])}."
        if names.get("functions")
        else ""
    )
    for part in schema.get("$defs", {}).values() if said else ():
        for key in EXPRESSIONS & set(part.get("properties", {})):
            part["properties"][key] = {**part["properties"][key], "description": said}
    return schema


def _offering(held: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    offered = {"enum": [*names]}
    if held.get("type") == "array":
        return {**held, "items": {"anyOf": [offered, held["items"]]}}
    if "anyOf" in held:
        return {**held, "anyOf": [offered, *held["anyOf"]]}
    rest = {key: value for key, value in held.items() if key not in ("default", "title")}
    kept = {key: value for key, value in held.items() if key in ("default", "title")}
    return {**kept, "anyOf": [offered, rest]}


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
    definitions["OwnKeys"] = _own_keys()
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
            "x-qt": {"$ref": "#/$defs/OwnKeys"},
            **counts,
            **limits,
            **flags,
            **texts,
        },
        "additionalProperties": False,
    }


def _own_keys() -> dict[str, Any]:
    """Describe `x-qt`: what QTCore adds to a field beside its JSON Schema."""
    text = {"type": "string", "maxLength": 2000}
    entity = {"anyOf": [{"type": "string"}, {"type": "object"}]}
    typed: dict[str, Any] = dict.fromkeys(EXPRESSIONS & set(X_QT), text)
    typed |= {"unit": {"type": "string"}, "entity": entity}
    typed["decimals"] = {"type": "integer", "minimum": 0, "maximum": 12}
    return {
        "type": "object",
        "properties": {key: typed.get(key, {}) for key in X_QT},
        "additionalProperties": False,
    }
