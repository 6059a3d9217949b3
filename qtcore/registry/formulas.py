"""All expressions of the definitions, checked and compiled over the names they may use.

It must not know when an expression is evaluated, nor what follows from its value.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from hashlib import sha256
from typing import Any, NamedTuple

from qtcore.definitions.located import Located
from qtcore.definitions.mistakes import Mistake
from qtcore.definitions.problems import Problem
from qtcore.definitions.source import Path
from qtcore.engines.expressions import (
    Compiled,
    ExpressionProblem,
    FactType,
    Kind,
    Unit,
    check,
)
from qtcore.registry.memo import Memo
from qtcore.registry.merge import Entry, Merged, PackProblem
from qtcore.registry.scopes import Scopes, schema_type, scope_of

_Checked = tuple[Compiled | None, tuple[ExpressionProblem, ...]]
_CHECKED: Memo[_Checked] = Memo(2_048)
"""Expressions as they were and are, several times what the shipped packs have."""
_OWN_KEYS = ("required_when", "visible", "readonly_when")


class Formula(NamedTuple):
    """An expression in its place: whose it is, over which names, and what it must give."""

    entry: Entry
    path: Path
    text: str
    scope: str
    result: Kind | FactType = "boolean"


def compile_formulas(
    merged: Merged, scopes: Scopes
) -> tuple[Mapping[tuple[str, str], Compiled], list[PackProblem]]:
    """Compile every expression; the key is (scope, text). Mistakes are placed at their column."""
    compiled: dict[tuple[str, str], Compiled] = {}
    problems: list[PackProblem] = []
    for formula in _formulas(merged):
        done, found = _check(formula, merged, scopes)
        if done is not None:
            compiled[formula.scope, formula.text] = done
        located = formula.entry.located
        problems += [
            PackProblem(formula.entry.pack, place(located, formula.path, formula.text, each))
            for each in found
        ]
    return compiled, problems


def _check(formula: Formula, merged: Merged, scopes: Scopes) -> _Checked:
    """Check one expression; the same text over the same names was checked before."""
    told = f"{formula.text}\0{formula.result!r}"
    key = sha256(scopes.digest(formula.scope) + told.encode()).digest()
    return _CHECKED.get(
        key,
        lambda: check(
            formula.text,
            scopes.names(formula.scope),
            result=formula.result,
            rules=scopes.rules,
            units=merged.units,
        ),
    )


def _formulas(merged: Merged) -> Iterator[Formula]:
    for kind, find in _FIND.items():
        for entry in merged.all(kind):
            for path, text, result in find(entry.definition, merged.units):
                yield Formula(entry, path, text, scope_of(kind, entry.definition), result)


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


def place(located: Located[Any], path: Path, text: str, found: ExpressionProblem) -> Problem:
    """Put a mistake of an expression at the sign of the file that it is about."""
    mistake = Mistake(found.code, found.message, path, found.suggestion or "")
    return located.problem_inside(mistake, text, found.column - 1)
