"""Conditions of JSON Schema (`if`, `then`, `else`, `allOf`) told as conditions of the fields.

It must not know how a form is read or shown: both know one kind of condition, `required_when`.

Accepted is the part of JSON Schema that says when fields are required::

    allOf:
      - if: {properties: {growing_kind: {const: produce}}, required: [growing_kind]}
        then: {required: [field_name]}
        else: {required: [container_name]}

As in JSON Schema, a field that is absent meets `properties` unless `required` of the `if` names it.
What goes beyond is left as it stands, and the check refuses it with a hint.
"""

from collections.abc import Mapping, Sequence
from typing import Any

_BRANCHES = ("if", "then", "else")


def fold_conditions(schema: Any) -> Any:
    """Turn the conditions of an object schema into `x-qt: {required_when: ...}` of its fields."""
    if not isinstance(schema, Mapping) or not {"if", "allOf"} & set(schema):
        return schema
    fields = schema.get("properties")
    parts = _parts(schema)
    if not isinstance(fields, Mapping) or parts is None:
        return schema
    wanted: dict[str, list[str]] = {}
    for part in parts:
        found = _demands(part, fields)
        if found is None:
            return schema
        for name, condition in found:
            wanted.setdefault(name, []).append(condition)
    kept = {k: v for k, v in schema.items() if k not in (*_BRANCHES, "allOf")}
    told = {name: _with(part, wanted.get(name, ())) for name, part in fields.items()}
    return {**kept, "properties": told}


def _parts(schema: Mapping[str, Any]) -> list[Mapping[str, Any]] | None:
    """List the schemas that carry a condition; None when one says more than a condition."""
    own = {key: schema[key] for key in _BRANCHES if key in schema}
    listed = schema.get("allOf", [])
    parts = ([own] if own else []) + (listed if isinstance(listed, list) else [None])
    sound = [part for part in parts if isinstance(part, Mapping) and set(part) <= set(_BRANCHES)]
    return sound if len(sound) == len(parts) else None


def _demands(part: Mapping[str, Any], fields: Mapping[str, Any]) -> list[tuple[str, str]] | None:
    condition = _condition(part.get("if"), fields)
    branches = [(part.get("then"), condition), (part.get("else"), f"not ({condition})")]
    found: list[tuple[str, str]] = []
    for branch, expression in branches:
        if branch is None:
            continue
        is_sound = isinstance(branch, Mapping) and set(branch) == {"required"}
        names = branch["required"] if is_sound else None
        if not isinstance(names, list) or any(name not in fields for name in names):
            return None
        found += [(str(name), expression) for name in names]
    return found if condition and found else None


def _condition(test: Any, fields: Mapping[str, Any]) -> str:
    """Write the `if` as an expression; empty when it says more than values of fields."""
    if not isinstance(test, Mapping) or not set(test) <= {"properties", "required"}:
        return ""
    asked, present = test.get("properties", {}), test.get("required", [])
    if not isinstance(asked, Mapping) or not isinstance(present, list):
        return ""
    if any(name not in fields for name in (*asked, *present)):
        return ""
    terms = [f"present({name})" for name in present]
    for name, part in asked.items():
        values = _values(part)
        if not values:
            return ""
        same = " or ".join(f"{name} == {value}" for value in values)
        terms.append(f"({same})" if name in present else f"(missing({name}) or {same})")
    return " and ".join(terms)


def _values(part: Any) -> list[str]:
    if not isinstance(part, Mapping) or len(part) != 1:
        return []
    choices = [part["const"]] if "const" in part else part.get("enum")
    if not isinstance(choices, list):
        return []
    written = [_literal(value) for value in choices]
    return written if all(written) else []


def _literal(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    is_plain = isinstance(value, str) and value.isprintable() and not set(value) & {"'", "\\"}
    return f"'{value}'" if is_plain else ""


def _with(part: Any, conditions: Sequence[str]) -> Any:
    if not conditions or not isinstance(part, Mapping):
        return part
    own = part.get("x-qt") or {}
    if not isinstance(own, Mapping):
        return part
    before = [own["required_when"]] if "required_when" in own else []
    text = " or ".join(f"({each})" for each in (*before, *conditions))
    return {**part, "x-qt": {**own, "required_when": text}}
