"""Forms: a documented subset of JSON Schema 2020-12 plus a layout.

It must not know HTML, roles' names beyond their ids, or stored records.
"""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from qtcore.definitions.definition import Definition, Expression, Model, Name, normal_schema
from qtcore.definitions.schema_conditions import fold_conditions


class Section(Model):
    """A titled group of fields; shown only while `visible` is not false."""

    id: Name
    fields: tuple[Name, ...]
    visible: Expression | None = None


def _read_schema(schema: Any) -> Any:
    return fold_conditions(normal_schema(schema))


class FormDefinition(Definition):
    """What a person fills.

    `schema` is an object schema in the subset: type (one, or one + null), properties, required,
    enum, const, items, minItems, maxItems, minLength, maxLength, pattern (RE2), minimum, maximum,
    exclusiveMinimum, exclusiveMaximum, multipleOf, format (date, date-time, time, email, uri,
    uuid), default, examples, readOnly, title, description, `x-qt`; `dependentRequired`; and
    conditions that make fields required: `if` (properties with const or enum, required), `then` and
    `else` (required), alone or in `allOf`. Anything else is refused with a
    hint. Labels live in i18n under ``forms.<id>.fields.<name>`` and ``forms.<id>.sections.<id>``.
    """

    schema_: Annotated[Mapping[str, Any], BeforeValidator(_read_schema)] = Field(alias="schema")
    layout: tuple[Section, ...] = ()
