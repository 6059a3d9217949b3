"""All expressions of the definitions, checked and compiled over the names they may use.

It must not know when an expression is evaluated, nor what follows from its value.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, NamedTuple

from qtcore.definitions.mistakes import Mistake
from qtcore.definitions.rules import FactDefinition
from qtcore.definitions.source import Path
from qtcore.engines.expressions import (
    BOOLEAN,
    DATE,
    DATETIME,
    DECIMAL,
    INTEGER,
    TEXT,
    TEXT_LIST,
    Compiled,
    FactType,
    Kind,
    Unit,
    check,
)
from qtcore.registry.merge import Entry, Merged, PackProblem

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
_OWN_KEYS = ("required_when", "visible", "readonly_when")
_ITEM_OF = ("lot", "unit")


class Formula(NamedTuple):
    """An expression in its place: whose it is, over which names, and what it must give."""

    entry: Entry
    path: Path
    text: str
    scope: str
    result: Kind | FactType = "boolean"


def compile_formulas(
    merged: Merged,
) -> tuple[Mapping[tuple[str, str], Compiled], list[PackProblem]]:
    """Compile every expression; the key is (scope, text). Mistakes are placed at their column."""
    compiled: dict[tuple[str, str], Compiled] = {}
    problems: list[PackProblem] = []
    names: dict[str, Names] = {}
    rules = frozenset(merged.ids("rules"))
    for formula in _formulas(merged):
        if formula.scope not in names:
            names[formula.scope] = find_names(merged, formula.scope)
        done, found = check(
            formula.text,
            names[formula.scope],
            result=formula.result,
            rules=rules,
            units=merged.units,
        )
        if done is not None:
            compiled[formula.scope, formula.text] = done
        problems.extend(_place(formula, mistake) for mistake in found)
    return compiled, problems


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


def find_names(merged: Merged, scope: str) -> Names:
    """Say which names an expression of a scope may use, and of what kind each is."""
    group, _, name = scope.partition(":")
    if group == FACTS:
        return _fact_names(merged)
    if group == "workflows":
        regions = {"active_states": TEXT_LIST}
        return _fact_names(merged) | regions | find_form_names(merged, name)
    if group == "forms":
        return _form_names(merged, name) | _common_names(merged)
    if group == "recalls":
        return _form_names(merged, "recall")  # facts are about one lot, a recall about many
    item = _entity_names(merged, "item") if name in _ITEM_OF else {}
    return item | _common_names(merged) | _entity_names(merged, name)


def _fact_names(merged: Merged) -> dict[str, FactType]:
    facts = (entry.definition for entry in merged.all(FACTS))
    return {fact.id: fact_type(merged, fact) for fact in facts}


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


def _formulas(merged: Merged) -> Iterator[Formula]:
    for kind, find in _FIND.items():
        for entry in merged.all(kind):
            for path, text, result in find(entry.definition, merged.units):
                yield Formula(entry, path, text, scope_of(kind, entry.definition), result)


def scope_of(kind: str, definition: Any) -> str:
    """Name the scope of the expressions of a definition."""
    if kind in ("rules", FACTS):
        return FACTS
    return f"fields:{definition.entity}" if kind == "fields" else f"{kind}:{definition.id}"


Found = Iterator[tuple[Path, str, Kind | FactType]]
Units = Mapping[str, Unit]


def _in_rule(definition: Any, _: Units) -> Found:
    yield ("check",), definition.check, "boolean"
    if definition.when is not None:
        yield ("when",), definition.when, "boolean"


def _in_workflow(definition: Any, _: Units) -> Found:
    for at, step in enumerate(definition.transitions):
        if step.guard is not None:
            yield ("transitions", at, "guard"), step.guard, "boolean"
    for at, claim in enumerate(definition.verify):
        if claim.never is not None and claim.never.when is not None:
            yield ("verify", at, "never", "when"), claim.never.when, "boolean"


def _in_form(definition: Any, units: Units) -> Found:
    for at, section in enumerate(definition.layout):
        if section.visible is not None:
            yield ("layout", at, "visible"), section.visible, "boolean"
    properties = definition.schema_.get("properties") or {}
    yield from _in_properties(properties, ("schema", "properties"), units)


def _in_fields(definition: Any, units: Units) -> Found:
    yield from _in_properties(definition.properties, ("properties",), units)


def _in_recall(definition: Any, _: Units) -> Found:
    for at, node in enumerate(definition.nodes):
        if node.when is not None:
            yield ("nodes", at, "when"), node.when, "boolean"


def _in_properties(properties: Mapping[str, Any], path: Path, units: Units) -> Found:
    for name, schema in properties.items():
        own = schema.get("x-qt") or {}
        for key in _OWN_KEYS:
            if isinstance(own.get(key), str):
                yield (*path, name, "x-qt", key), own[key], "boolean"
        kind = schema_type(schema, units)
        if isinstance(own.get("compute"), str) and kind is not None:
            yield (*path, name, "x-qt", "compute"), own["compute"], replace(kind, values=())


_FIND: Mapping[str, Callable[[Any, Units], Found]] = {
    "rules": _in_rule,
    "workflows": _in_workflow,
    "forms": _in_form,
    "fields": _in_fields,
    "recalls": _in_recall,
}


def _place(formula: Formula, mistake: Any) -> PackProblem:
    """Put a mistake at its column, when the expression is written on one line without quotes."""
    words = Mistake(mistake.code, mistake.message, formula.path, mistake.suggestion or "")
    pack, problem = formula.entry.problem(words)
    if problem.length - len(formula.text) in (0, 2):  # bare, or in plain quotes
        column = problem.column + mistake.column - 1 + (problem.length > len(formula.text))
        problem = type(problem)(
            problem.code, problem.message, problem.file, problem.line, column, problem.suggestion
        )
    return PackProblem(pack, problem)
