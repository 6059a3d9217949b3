"""Extra fields that packs add to the base entities, as JSON Schema properties plus `x-qt`.

It must not know how values are stored or drawn; the schema subset is checked in `forms`.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator

from qtcore.definitions.definition import Definition, Name, normal_schema

Entity = Literal[
    "item", "lot", "unit", "logistic_unit", "party", "location", "equipment", "event", "shipment"
]
ENTITIES: tuple[str, ...] = get_args(Entity)
DEVICE = "device"
"""What a field holds whose `x-qt` has this entity: the code of a device that told something."""


class FieldSet(Definition):
    """Fields for one entity. Two packs that define one field of one entity are a problem.

    `properties` maps a field name to a JSON Schema property (documented subset, see FormDefinition)
    whose `x-qt` object may say: unit, decimals, entity, critical, required_when, help, source.
    Label texts live in i18n under ``fields.<entity>.<name>``.
    """

    entity: Entity
    properties: Mapping[Name, Annotated[Mapping[str, Any], BeforeValidator(normal_schema)]]
    required: tuple[Name, ...] = ()
