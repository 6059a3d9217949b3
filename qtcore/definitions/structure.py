"""What can be wrong inside one definition although every key is right: ids, states, names.

It must not know other definitions; references between them are checked by the registry.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, cast

from qtcore.definitions.definition import Definition
from qtcore.definitions.fields import FieldSet
from qtcore.definitions.forms import FormDefinition
from qtcore.definitions.mistakes import Mistake
from qtcore.definitions.problems import suggest
from qtcore.definitions.profile_structure import check_profile
from qtcore.definitions.recalls import RecallDefinition
from qtcore.definitions.rules import FactDefinition
from qtcore.definitions.schema_subset import check_properties, check_schema
from qtcore.definitions.source import Path
from qtcore.definitions.specs import SpecDefinition
from qtcore.definitions.verify_structure import check_verify
from qtcore.definitions.workflows import WorkflowDefinition

SUBJECTS = ("lot", "record", "inspection")


def check_definition(kind: str, definition: Definition) -> list[Mistake]:
    """Find every mistake that shows in this definition alone."""
    mistakes = list(_validity(definition))
    check = _CHECKS.get(kind)
    return mistakes + (list(check(definition)) if check else [])


def _validity(definition: Definition) -> Iterator[Mistake]:
    start, end = definition.valid_from, definition.valid_to
    if start and end and end < start:
        yield Mistake("QT112", f"'valid_to' {end} lies before 'valid_from' {start}", ("valid_to",))


def unknown(word: str, known: Iterable[str], what: str, path: Path) -> Mistake:
    """Say that a name is not defined, which are, and which was probably meant."""
    names = list(known)
    listed = ", ".join(names[:12]) + (" ..." if len(names) > 12 else "")
    message = f"there is no {what} {word!r}; defined are: {listed or 'none'}"
    return Mistake("QT130", message, path, suggest(word, names))


def _twice(ids: Sequence[str], code: str, what: str, path: Path) -> Iterator[Mistake]:
    seen: set[str] = set()
    for number, word in enumerate(ids):
        if word in seen:
            message = f"{what} {word!r} is defined twice; every id is used once"
            yield Mistake(code, message, (*path, number, "id"))
        seen.add(word)


def _check_workflow(definition: Definition) -> Iterator[Mistake]:
    flow = cast(WorkflowDefinition, definition)
    states = [state.id for state in flow.states]
    steps = [step.id for step in flow.transitions]
    yield from _twice(states, "QT304", "state", ("states",))
    yield from _twice(steps, "QT304", "transition", ("transitions",))
    if flow.initial not in states:
        message = f"the initial state {flow.initial!r} is not among the states"
        yield Mistake("QT301", message, ("initial",), suggest(flow.initial, states))
    if flow.subject not in SUBJECTS:
        message = f"'subject' is {flow.subject!r}; accepted is one of {', '.join(SUBJECTS)}"
        yield Mistake("QT112", message, ("subject",), suggest(flow.subject, SUBJECTS))
    broken = list(_check_references(flow, states, steps))
    yield from broken
    yield from _check_effects(flow)
    yield from check_verify(flow)
    if not broken:
        yield from _check_flow(flow, states)


def _check_references(
    flow: WorkflowDefinition, states: Sequence[str], steps: Sequence[str]
) -> Iterator[Mistake]:
    for at, step in enumerate(flow.transitions):
        path: Path = ("transitions", at)
        for number, name in enumerate(step.from_):
            if name not in states:
                yield unknown(name, states, "state", (*path, "from", number))
        if step.to not in states:
            yield unknown(step.to, states, "state", (*path, "to"))
        for number, name in enumerate(step.not_same_as):
            if name not in steps:
                yield unknown(name, steps, "transition", (*path, "not_same_as", number))
            elif name == step.id:
                message = f"transition {name!r} names itself; name an earlier step"
                yield Mistake("QT130", message, (*path, "not_same_as", number))
    for at, timer in enumerate(flow.timers):
        if timer.state not in states:
            yield unknown(timer.state, states, "state", ("timers", at, "state"))
        if timer.fire is not None and timer.fire not in steps:
            yield unknown(timer.fire, steps, "transition", ("timers", at, "fire"))


def _check_effects(flow: WorkflowDefinition) -> Iterator[Mistake]:
    needed = {"hold": "reason", "create_record": "record", "notify": "roles"}
    for at, step in enumerate(flow.transitions):
        for number, effect in enumerate(step.effects):
            key = needed.get(effect.do)
            if key is not None and not getattr(effect, key):
                message = f"the effect {effect.do!r} of {step.id!r} needs the key {key!r}; add it"
                yield Mistake("QT111", message, ("transitions", at, "effects", number))
    for at, timer in enumerate(flow.timers):
        if timer.fire is None and not timer.escalate_to:
            message = f"the timer of {timer.state!r} does nothing; give 'fire' or 'escalate_to'"
            yield Mistake("QT111", message, ("timers", at))


def _check_flow(flow: WorkflowDefinition, states: Sequence[str]) -> Iterator[Mistake]:
    out: dict[str, list[str]] = {state: [] for state in states}
    for at, step in enumerate(flow.transitions):
        for number, source in enumerate(step.from_):
            out.setdefault(source, []).append(step.to)
            if any(state.id == source and state.final for state in flow.states):
                message = f"transition {step.id!r} leaves the final state {source!r}"
                yield Mistake("QT305", message, ("transitions", at, "from", number))
    reached = _reachable(flow.initial, out) if flow.initial in states else set(states)
    for at, state in enumerate(flow.states):
        if state.id not in reached:
            message = (
                f"state {state.id!r} cannot be reached from {flow.initial!r}; add a transition"
            )
            yield Mistake("QT302", message, ("states", at, "id"))
        elif not state.final and all(target == state.id for target in out[state.id]):
            message = f"nothing leads out of state {state.id!r}; add a transition or 'final: true'"
            yield Mistake("QT303", message, ("states", at, "id"))


def _reachable(start: str, out: Mapping[str, Sequence[str]]) -> set[str]:
    reached, open_states = {start}, deque([start])
    while open_states:
        for target in out.get(open_states.popleft(), ()):
            if target not in reached:
                reached.add(target)
                open_states.append(target)
    return reached


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
