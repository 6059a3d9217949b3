"""What can be wrong inside one definition although every key is right: ids, states, names.

It must not know other definitions; references between them are checked by the registry.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, cast

from qtcore.definitions.definition import Definition
from qtcore.definitions.fields import FieldSet
from qtcore.definitions.flow_structure import check_workflow
from qtcore.definitions.forms import FormDefinition
from qtcore.definitions.mistakes import Mistake, unknown
from qtcore.definitions.profile_structure import check_profile
from qtcore.definitions.recalls import RecallDefinition
from qtcore.definitions.rules import FactDefinition
from qtcore.definitions.schema_subset import check_properties, check_schema
from qtcore.definitions.source import Path
from qtcore.definitions.specs import SpecDefinition
from qtcore.definitions.workflows import WorkflowDefinition


def check_definition(kind: str, definition: Definition) -> list[Mistake]:
    """Find every mistake that shows in this definition alone."""
    mistakes = list(_validity(definition))
    check = _CHECKS.get(kind)
    return mistakes + (list(check(definition)) if check else [])


def _validity(definition: Definition) -> Iterator[Mistake]:
    start, end = definition.valid_from, definition.valid_to
    if start and end and end < start:
        yield Mistake("QT112", f"'valid_to' {end} lies before 'valid_from' {start}", ("valid_to",))


def _twice(ids: Sequence[str], code: str, what: str, path: Path) -> Iterator[Mistake]:
    seen: set[str] = set()
    for number, word in enumerate(ids):
        if word in seen:
            message = f"{what} {word!r} is defined twice; every id is used once"
            yield Mistake(code, message, (*path, number, "id"))
        seen.add(word)


def _check_workflow(definition: Definition) -> Iterator[Mistake]:
    yield from check_workflow(cast(WorkflowDefinition, definition))


def _check_form(definition: Definition) -> Iterator[Mistake]:
    form = cast(FormDefinition, definition)
    yield from check_schema(form.schema_, ("schema",))
    names = list(form.schema_.get("properties") or ())
    yield from _twice([section.id for section in form.layout], "QT114", "section", ("layout",))
    placed: set[str] = set()
    for at, section in enumerate(form.layout):
        for number, name in enumerate(section.fields):
            path: Path = ("layout", at, "fields", number)
            if name not in names:
                yield unknown(name, names, "field", path)
            elif name in placed:
                yield Mistake("QT114", f"field {name!r} is placed twice in the layout", path)
            placed.add(name)
    for name in names if form.layout else ():
        if name not in placed:
            message = f"field {name!r} is in no section of the layout; nobody could fill it"
            yield Mistake("QT112", message, ("schema", "properties", name), on_key=True)


def _check_fields(definition: Definition) -> Iterator[Mistake]:
    fields = cast(FieldSet, definition)
    yield from check_properties(fields.properties, ("properties",))
    for number, name in enumerate(fields.required):
        if name not in fields.properties:
            yield unknown(name, fields.properties, "field", ("required", number))


def _check_fact(definition: Definition) -> Iterator[Mistake]:
    fact = cast(FactDefinition, definition)
    given = [name for name in type(fact.from_).model_fields if getattr(fact.from_, name)]
    if len(given) != 1:
        said = f"has {' and '.join(given)}" if given else "names no source"
        accepted = ", ".join(type(fact.from_).model_fields)
        yield Mistake("QT112", f"'from' {said}; give exactly one of {accepted}", ("from",))
    if fact.values and fact.type not in {"text", "text_list"}:
        yield Mistake("QT112", f"'values' belong to a text, not to a {fact.type}", ("values",))
    yield from _check_fact_unit(fact)


def _check_fact_unit(fact: FactDefinition) -> Iterator[Mistake]:
    if fact.type == "quantity" and fact.unit is None:
        message = "a quantity needs the key 'unit', for example 'unit: kg'; add it"
        yield Mistake("QT111", message)
    elif fact.type != "quantity" and fact.unit is not None:
        message = f"'unit' belongs to type quantity, not to {fact.type}"
        yield Mistake("QT112", message, ("unit",), on_key=True)


def _check_spec(definition: Definition) -> Iterator[Mistake]:
    spec = cast(SpecDefinition, definition)
    ids = [part.id for part in spec.characteristics]
    yield from _twice(ids, "QT114", "characteristic", ("characteristics",))
    for at, part in enumerate(spec.characteristics):
        path: Path = ("characteristics", at)
        if part.lower is not None and part.upper is not None and part.upper < part.lower:
            message = f"'upper' {part.upper} lies below 'lower' {part.lower}"
            yield Mistake("QT112", message, (*path, "upper"))
        if part.type == "choice" and not part.accept:
            message = f"characteristic {part.id!r} is a choice and accepts nothing; list 'accept'"
            yield Mistake("QT111", message, path)
        if part.type != "decimal" and (part.lower is not None or part.upper is not None):
            message = f"limits belong to type decimal; {part.id!r} is {part.type}"
            yield Mistake("QT112", message, (*path, "lower" if part.lower is not None else "upper"))


def _check_recall(definition: Definition) -> Iterator[Mistake]:
    plan = cast(RecallDefinition, definition)
    classes = [entry.id for entry in plan.classes]
    yield from _twice(classes, "QT114", "class", ("classes",))
    yield from _twice([node.id for node in plan.nodes], "QT114", "node", ("nodes",))
    for at, node in enumerate(plan.nodes):
        for key, table in (("due", node.due), ("repeat", node.repeat)):
            for name in table:
                if name not in classes:
                    mistake = unknown(name, classes, "class", ("nodes", at, key, name))
                    yield Mistake(
                        mistake.code, mistake.message, mistake.path, mistake.suggestion, on_key=True
                    )


_CHECKS: Mapping[str, Callable[[Any], Iterator[Mistake]]] = {
    "workflows": _check_workflow,
    "forms": _check_form,
    "fields": _check_fields,
    "facts": _check_fact,
    "specs": _check_spec,
    "recalls": _check_recall,
    "profiles": check_profile,
}
