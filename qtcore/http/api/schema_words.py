"""The words of the schemas: kinds of value, objects, lists, references.

It must not know any one answer.
"""

from collections.abc import Mapping
from typing import Any

Schema = Mapping[str, Any]

TEXT: Schema = {"type": "string"}
TEXTS: Schema = {"type": "array", "items": TEXT}
WORDS: Schema = {"type": "object", "additionalProperties": TEXT}
MAYBE: Schema = {"type": ["string", "null"]}
FLAG: Schema = {"type": "boolean"}
COUNT: Schema = {"type": "integer"}
ANY_OBJECT: Schema = {"type": "object"}
DECIMAL: Schema = {"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]+)?$", "examples": ["12.50"]}
MAYBE_DECIMAL: Schema = {**DECIMAL, "type": ["string", "null"]}


def make_object(required: Mapping[str, Schema], **optional: Schema) -> dict[str, Any]:
    """Make the schema of an object; `optional` properties may be missing."""
    return {
        "type": "object",
        "properties": {**required, **optional},
        "required": list(required),
    }


def list_of(items: Schema) -> dict[str, Any]:
    """Make the schema of a list."""
    return {"type": "array", "items": items}


def ref(name: str) -> dict[str, Any]:
    """Refer to a named schema."""
    return {"$ref": f"#/components/schemas/{name}"}
