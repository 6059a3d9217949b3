"""JSON Schemas for editors with the names that the packs of a site contribute.

It must not know editors.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from qtcore.definitions.access import RIGHTS
from qtcore.definitions.fields import ENTITIES
from qtcore.definitions.packs import KINDS
from qtcore.definitions.schema import add_names, kind_schema
from qtcore.engines.expressions import list_functions
from qtcore.registry.registry import Registry


def editor_schema(kind: str, registry: Registry) -> dict[str, Any]:
    """Give the schema of a kind with every known name offered; NotFound names the kinds."""
    return add_names(kind_schema(kind), find_offered_names(registry))


def find_offered_names(registry: Registry) -> Mapping[str, Sequence[str]]:
    """List all names a definition may refer to, by kind of name."""
    names: dict[str, Sequence[str]] = {
        kind: tuple(definition.id for definition in registry.list(kind)) for kind in KINDS
    }
    fields = [f"{e}.{name}" for e in ("item", "lot") for name in sorted(registry.fields_of(e))]
    tests = {c.id for spec in registry.list("specs") for c in spec.characteristics}
    kinds = registry.find("facts", "item_kind")
    meanings = {
        step.signature.meaning
        for flow in registry.list("workflows")
        for step in flow.transitions
        if step.signature is not None
    }
    return {
        **names,
        "units": tuple(unit.code for unit in registry.list("units")),
        "fields": tuple(fields),
        "lot_fields": tuple(sorted(registry.fields_of("lot"))),
        "tests": tuple(sorted(tests)),
        "gates": tuple(sorted({rule.gate for rule in registry.list("rules")})),
        "packs": tuple(pack.name for pack in registry.packs if pack.layer == "industry"),
        "meanings": tuple(sorted(meanings)),
        "item_kinds": tuple(kinds.values) if kinds else (),
        "entities": (*ENTITIES, *names["records"]),
        "rights": RIGHTS,
        "functions": tuple(list_functions().values()),
    }
