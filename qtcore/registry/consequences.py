"""What steps bring about: records they open, with which values, and records those open in turn.

It must not know what happens when a step is made.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from qtcore.definitions.mistakes import Mistake, unknown
from qtcore.definitions.source import Path
from qtcore.definitions.statechart import build_chart
from qtcore.definitions.workflows import (
    MOST_CHAINED,
    Effect,
    Transition,
    WorkflowDefinition,
    as_names,
)
from qtcore.registry.merge import Entry, Merged, PackProblem

OPENING: Final = ("create_record", "start_recall")
_LOT_VALUES: Final = ("lot_no", "item")


def check_consequences(merged: Merged) -> Iterator[PackProblem]:
    """Find effects that cannot be carried out, and records that open each other without end."""
    for entry in merged.all("workflows"):
        for at, step in enumerate(entry.definition.transitions):
            for number, effect in enumerate(step.effects):
                if effect.do not in OPENING:
                    continue
                path: Path = ("transitions", at, "effects", number)
                for mistake in _check(merged, entry, effect, path):
                    yield PackProblem(*entry.problem(mistake))


def _check(merged: Merged, entry: Entry, effect: Effect, path: Path) -> Iterator[Mistake]:
    if effect.do == "create_record" and effect.record is None:
        yield Mistake("QT111", "'create_record' does not say which: give 'record'", path)
        return
    kind = effect.opens
    record = merged.find("records", kind)
    form = merged.find("forms", record.form) if record is not None else None
    if form is not None:
        properties = form.schema_.get("properties") or {}
        yield from _check_values(merged, entry.definition, (effect, properties), path)
    if effect.do == "start_recall":
        yield from _check_plan(merged, effect, path)
    chain = _chain(merged, kind, (kind,))
    if len(chain) > MOST_CHAINED:
        names = list(dict.fromkeys(chain))
        back = chain[len(names)] if len(names) < len(chain) else ""
        shown = " -> ".join([*names, back] if back else names)
        message = (
            f"the records opened here open others by themselves, more than {MOST_CHAINED} in a "
            f"row: {shown}; give the automatic step a guard, or let a person open the next one"
        )
        yield Mistake("QT321", message, path)


def _check_values(
    merged: Merged,
    flow: WorkflowDefinition,
    asked: tuple[Effect, Mapping[str, Any]],
    path: Path,
) -> Iterator[Mistake]:
    effect, properties = asked
    held = _own_values(merged, flow)
    for at, given in enumerate(effect.fields):
        inner: Path = (*path, "fields", at)
        if given.field not in properties:
            yield unknown(given.field, properties, f"field of {effect.opens}", (*inner, "field"))
            continue
        if given.from_ is not None and held is not None and given.from_ not in held:
            yield unknown(given.from_, sorted(held), "field of this form", (*inner, "from"))
        choices = properties[given.field].get("enum")
        if given.value is not None and choices and given.value not in map(str, choices):
            words = [str(choice) for choice in choices]
            yield unknown(given.value, words, f"choice of {given.field!r}", (*inner, "value"))


def _own_values(merged: Merged, flow: WorkflowDefinition) -> set[str] | None:
    """Name what a lot or record can hand over; None when no record has this life cycle here."""
    if flow.subject == "lot":
        return {*merged.fields.get("lot", {}), *_LOT_VALUES}
    forms = [
        merged.find("forms", each.definition.form)
        for each in merged.all("records")
        if each.definition.workflow == flow.id
    ]
    known = [form for form in forms if form is not None]
    if not known:
        return None
    return {name for form in known for name in form.schema_.get("properties") or {}}


def _check_plan(merged: Merged, effect: Effect, path: Path) -> Iterator[Mistake]:
    """A recall runs by a plan; without one nobody could be told."""
    given = next((each for each in effect.fields if each.field == "plan"), None)
    plans = merged.ids("recalls")
    if given is None:
        known = ", ".join(plans) or "none: no pack here brings one"
        message = (
            "'start_recall' does not say by which plan; add {field: plan, value: PLAN} to its "
            f"'fields'; known plans: {known}"
        )
        yield Mistake("QT111", message, path)
    elif given.value is not None and given.value not in plans:
        at: Path = (*path, "fields", effect.fields.index(given), "value")
        yield unknown(given.value, plans, "recall plan", at)


def _chain(merged: Merged, kind: str, seen: tuple[str, ...]) -> tuple[str, ...]:
    """Follow what records of a kind open by themselves; the longest row, cut when it is too long.

    A guard may stop it at run time, so that only steps without one are followed.
    """
    if len(seen) > MOST_CHAINED:
        return seen
    longest = seen
    record = merged.find("records", kind)
    flow = merged.find("workflows", record.workflow) if record is not None else None
    for step in _at_once(flow) if flow is not None else ():
        for effect in step.effects:
            if effect.do in OPENING and effect.opens:
                found = _chain(merged, effect.opens, (*seen, effect.opens))
                longest = max(longest, found, key=len)
                if len(longest) > MOST_CHAINED:
                    return longest
    return longest


def _at_once(flow: WorkflowDefinition) -> Iterator[Transition]:
    """List the steps that are made as soon as a record is opened, whatever is known of it."""
    chart = build_chart(flow)
    free = [step for step in flow.transitions if step.automatic and step.guard is None]
    reached: set[str] = set()
    waiting = list(as_names(flow.initial))
    made: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in reached or name not in chart.states:
            continue
        reached |= {name, *(outer for outer in chart.above(name) if outer in chart.states)}
        inner = as_names(chart.states[name].initial) or tuple(
            state.id for state in chart.states[name].states[:1]
        )
        parts = chart.states[name].states if chart.states[name].parallel else ()
        waiting += [*inner, *(state.id for state in parts)]
        for step in free:
            if step.id not in made and not reached.isdisjoint(step.from_):
                made.add(step.id)
                waiting += step.targets
                yield step
