"""Which names an expression may use where, and of what kind each is.

It must not know expressions, nor who evaluates them.
"""

from collections.abc import Mapping
from functools import cached_property
from hashlib import sha256
from types import MappingProxyType
from typing import Any

from qtcore.definitions.rules import FactDefinition
from qtcore.engines.expressions import (
    BOOLEAN,
    DATE,
    DATETIME,
    DECIMAL,
    INTEGER,
    TEXT,
    TEXT_LIST,
    FactType,
    Unit,
)
from qtcore.registry.merge import Merged

FACTS = "facts"
NO_UNITS: Mapping[str, Unit] = MappingProxyType({})
Names = Mapping[str, FactType]
_SCALARS: Mapping[str, FactType] = {
    "boolean": BOOLEAN,
    "integer": INTEGER,
    "number": DECIMAL,
    "string": TEXT,
}
_FORMATS: Mapping[str, FactType] = {"date": DATE, "date-time": DATETIME}
_ITEM_OF = ("lot", "unit")
_REGIONS: Names = {"active_states": TEXT_LIST}


def scope_of(kind: str, definition: Any) -> str:
    """Name the scope of the expressions of a definition."""
    if kind in ("rules", FACTS):
        return FACTS
    return f"fields:{definition.entity}" if kind == "fields" else f"{kind}:{definition.id}"


class Scopes:
    """The names of every scope of one set of packs; what is asked for twice is found once."""

    def __init__(self, merged: Merged) -> None:
        self._merged = merged
        self._known: dict[str, Names] = {}
        self._digests: dict[str, bytes] = {}

    @cached_property
    def facts(self) -> Names:
        """The kinds of all facts, by their ids."""
        facts = (entry.definition for entry in self._merged.all(FACTS))
        return {fact.id: fact_type(self._merged, fact) for fact in facts}

    @cached_property
    def rules(self) -> frozenset[str]:
        """The ids of all rules, which expressions may ask for."""
        return frozenset(self._merged.ids("rules"))

    def names(self, scope: str) -> Names:
        """Say which names an expression of a scope may use, and of what kind each is."""
        if scope not in self._known:
            self._known[scope] = self._find(scope)
        return self._known[scope]

    def digest(self, scope: str) -> bytes:
        """Stand for all that an expression of a scope may name, with its kinds and factors."""
        if scope in self._digests:
            return self._digests[scope]
        names, facts = self.names(scope), self.facts
        own = sorted((name, kind) for name, kind in names.items() if facts.get(name) is not kind)
        told = f"{own!r}{len(names) - len(own)}"
        found = self._digests[scope] = sha256(self._ground + told.encode()).digest()
        return found

    @cached_property
    def _ground(self) -> bytes:
        # The table holds every spelling with its factor, which the repr of one unit leaves out.
        facts, units = sorted(self.facts.items()), sorted(self._merged.units.items())
        return sha256(repr((facts, units, sorted(self.rules))).encode()).digest()

    def _find(self, scope: str) -> Names:
        merged = self._merged
        group, _, name = scope.partition(":")
        if group == FACTS:
            return self.facts
        if group == "workflows":
            return {**self.facts, **_REGIONS, **find_form_names(merged, name)}
        if group == "forms":
            return _form_names(merged, name) | _common_names(merged)
        if group == "recalls":
            return _form_names(merged, "recall")  # facts are about one lot, a recall about many
        item = _entity_names(merged, "item") if name in _ITEM_OF else {}
        return item | _common_names(merged) | _entity_names(merged, name)


def schema_type(schema: Mapping[str, Any], units: Mapping[str, Unit] = NO_UNITS) -> FactType | None:
    """Say what an expression sees of a field; None when a field of that kind cannot be used.

    With `units` a number whose `x-qt` names a unit counts in it.
    """
    found = schema.get("type")
    kind = (
        next((name for name in found if name != "null"), None) if isinstance(found, list) else found
    )
    if kind == "string":
        choices = schema.get("enum")
        if isinstance(choices, list):
            return FactType("text", tuple(str(value) for value in choices if value is not None))
        return _FORMATS.get(str(schema.get("format")), TEXT)
    if kind == "array":
        items = schema.get("items")
        inner = schema_type(items) if isinstance(items, Mapping) else None
        return FactType("text_list", inner.values) if inner and inner.kind == "text" else None
    found = _SCALARS.get(str(kind))
    own = schema.get("x-qt") or {}
    is_number = found is not None and found.kind in ("integer", "decimal")
    return found.counted_in(units.get(str(own.get("unit")))) if found and is_number else found


def fact_type(merged: Merged, fact: FactDefinition) -> FactType:
    """Say what an expression sees of a fact.

    A quantity is a number in its declared unit; a number read from a field or a result counts in
    the unit that is declared there.
    """
    if fact.type == "quantity":
        return DECIMAL.counted_in(merged.units.get(fact.unit or ""))
    found = FactType(fact.type, fact.values)
    if found.kind not in ("integer", "decimal"):
        return found
    return found.counted_in(merged.units.get(find_source_unit(merged, fact)))


def find_source_unit(merged: Merged, fact: FactDefinition) -> str:
    """Name the unit that the source of a fact is declared in; empty when there is none."""
    entity, _, name = (fact.from_.field or "").partition(".")
    held = merged.fields.get(entity, {}).get(name)
    if held is not None:
        own = held[1].properties[name].get("x-qt") or {}
        return str(own.get("unit") or "")
    if fact.from_.result is None:
        return ""
    tests = [c for e in merged.all("specs") for c in e.definition.characteristics]
    named = {test.unit or "" for test in tests if fact.from_.result == test.id}
    return named.pop() if len(named) == 1 else ""


def _common_names(merged: Merged) -> dict[str, FactType]:
    """The kind of the item is known wherever an item, lot or event is at hand."""
    kind = merged.find(FACTS, "item_kind")
    return {"item_kind": fact_type(merged, kind)} if kind else {}


def find_form_names(merged: Merged, workflow: str) -> dict[str, FactType]:
    """Give the fields that a guard of a workflow sees; they hide facts of the same name."""
    flow = merged.find("workflows", workflow)
    forms = [r.definition.form for r in merged.all("records") if r.definition.workflow == workflow]
    forms += [step.form for step in flow.transitions if step.form] if flow else []
    return {name: kind for form in forms for name, kind in _form_names(merged, form).items()}


def _form_names(merged: Merged, form: str) -> dict[str, FactType]:
    found = merged.find("forms", form)
    return _schema_names(found.schema_.get("properties") or {}, merged.units) if found else {}


def _entity_names(merged: Merged, entity: str) -> dict[str, FactType]:
    held = merged.fields.get(entity, {})
    own = {name: fields.properties[name] for name, (_, fields) in held.items()}
    return _schema_names(own, merged.units)


def _schema_names(properties: Mapping[str, Any], units: Mapping[str, Unit]) -> dict[str, FactType]:
    kinds = {name: schema_type(schema, units) for name, schema in properties.items()}
    return {name: kind for name, kind in kinds.items() if kind is not None}
