"""References between definitions: everything that is named must exist, in whichever pack.

It must not know expressions (`formulas`) or texts (`texts`).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from qtcore.definitions.events import BRINGS_LOTS
from qtcore.definitions.fields import DEVICE, ENTITIES
from qtcore.definitions.mistakes import Mistake, unknown
from qtcore.definitions.problems import suggest
from qtcore.definitions.read import PackFolder
from qtcore.definitions.source import Path
from qtcore.engines.calendars import EVERY_DAY
from qtcore.engines.expressions import TEXT_LIST
from qtcore.registry.access import check_limit, check_role, check_veil
from qtcore.registry.merge import Entry, Merged, PackProblem
from qtcore.registry.scopes import find_form_names, find_source_unit, schema_type
from qtcore.registry.templates import template_mistakes

_SAME_KIND: Mapping[str, tuple[str, ...]] = {
    "decimal": ("decimal", "integer"),
    "quantity": ("decimal", "integer"),
    "text": ("text",),
}


def check_references(merged: Merged) -> Iterator[PackProblem]:
    """Find names that lead nowhere, each with what was probably meant."""
    for kind, check in _CHECKS.items():
        for entry in merged.all(kind):
            for mistake in check(merged, entry):
                yield PackProblem(*entry.problem(mistake))
    for pack in merged.packs:
        for mistake in _check_head(merged, pack):
            yield PackProblem(pack.name, pack.problem(mistake))


def _missing(merged: Merged, kind: str, name: str | None, path: Path) -> Iterator[Mistake]:
    if name is not None and name not in merged.entries[kind]:
        yield unknown(name, merged.ids(kind), kind.removesuffix("s"), path)


def _roles(merged: Merged, roles: Iterable[str], path: Path) -> Iterator[Mistake]:
    for number, role in enumerate(roles):
        yield from _missing(merged, "roles", role, (*path, number))


def _check_record(merged: Merged, entry: Entry) -> Iterator[Mistake]:
    record = entry.definition
    yield from _missing(merged, "forms", record.form, ("form",))
    yield from _missing(merged, "workflows", record.workflow, ("workflow",))
    yield from _roles(merged, record.roles, ("roles",))
    flow = merged.find("workflows", record.workflow)
    if flow is not None and flow.subject == "lot":
        message = f"workflow {record.workflow!r} is about lots; a record needs one about records"
        fitting = [
            e.definition.id for e in merged.all("workflows") if e.definition.subject != "lot"
        ]
        yield Mistake("QT130", message, ("workflow",), suggest(record.id, fitting))


def _check_event(merged: Merged, entry: Entry) -> Iterator[Mistake]:
    event = entry.definition
    yield from _missing(merged, "forms", event.form, ("form",))
    yield from _roles(merged, event.roles, ("roles",))
    if event.lot_fields and event.verb not in BRINGS_LOTS:
        brings = " and ".join(BRINGS_LOTS)
        message = f"{event.verb!r} brings no lot into being; 'lot_fields' is only for {brings}"
        yield Mistake("QT130", message, ("lot_fields",))
    held = merged.fields.get("lot", {})
    for number, name in enumerate(event.lot_fields):
        path: Path = ("lot_fields", number)
        if name not in held:
            yield unknown(name, held, "field of lot", path)
        elif name in event.lot_fields[:number]:
            yield Mistake("QT130", f"field {name!r} is asked twice", path)


def _check_workflow(merged: Merged, entry: Entry) -> Iterator[Mistake]:
    gates = sorted({rule.definition.gate for rule in merged.all("rules")})
    for at, step in enumerate(entry.definition.transitions):
        path: Path = ("transitions", at)
        yield from _roles(merged, step.roles, (*path, "roles"))
        yield from _missing(merged, "forms", step.form, (*path, "form"))
        if step.gate is not None and step.gate not in gates:
            yield unknown(step.gate, gates, "rule with the gate", (*path, "gate"))
        if step.signature is not None:
            yield from _check_signature(merged, step, (*path, "signature"))
        for number, effect in enumerate(step.effects):
            inner: Path = (*path, "effects", number)
            yield from _missing(merged, "records", effect.record, (*inner, "record"))
            yield from _roles(merged, effect.roles, (*inner, "roles"))
    for at, timer in enumerate(entry.definition.timers):
        yield from _roles(merged, timer.escalate_to, ("timers", at, "escalate_to"))
        if timer.calendar != EVERY_DAY:
            yield from _missing(merged, "calendars", timer.calendar, ("timers", at, "calendar"))
        yield from _check_timer_date(merged, entry, timer, ("timers", at, "date"))


def _check_timer_date(merged: Merged, entry: Entry, timer: Any, path: Path) -> Iterator[Mistake]:
    """The day a timer counts from is a date in the form of each record with this workflow."""
    if timer.date is None:
        return
    names = find_form_names(merged, entry.definition.id)
    days = [name for name, kind in names.items() if kind.kind in {"date", "datetime"}]
    if timer.date not in days:
        yield unknown(timer.date, days, "field of the form that holds a day", path)


def _check_signature(merged: Merged, step: Any, path: Path) -> Iterator[Mistake]:
    yield from _roles(merged, step.signature.roles, (*path, "roles"))
    for number, name in enumerate(step.signature.roles or step.roles):
        role = merged.find("roles", name)
        if role is not None and not role.may_sign:
            at: Path = (*path, "roles", number) if step.signature.roles else path
            message = f"role {name!r} may not sign, but {step.id!r} asks it for a signature"
            yield Mistake("QT130", message, at)


def _check_fact(merged: Merged, entry: Entry) -> Iterator[Mistake]:
    source = entry.definition.from_
    yield from _missing(merged, "events", source.event, ("from", "event"))
    if source.count is not None:
        yield from _check_count(merged, source.count)
    if source.field is not None:
        yield from _check_field(merged, entry.definition)
    if entry.definition.unit is not None:
        yield from _check_quantity(merged, entry.definition)
    if source.result is not None:
        tests = sorted({c.id for e in merged.all("specs") for c in e.definition.characteristics})
        if source.result not in tests:
            message = f"no specification here has the characteristic {source.result!r}; a site may"
            hint = suggest(source.result, tests)
            path: Path = ("from", "result")
            yield Mistake("QT130", message, path, hint, severity="warning")


def _check_count(merged: Merged, count: Any) -> Iterator[Mistake]:
    path: Path = ("from", "count")
    yield from _missing(merged, "records", count.record, (*path, "record"))
    record = merged.find("records", count.record)
    flow = merged.find("workflows", record.workflow) if record else None
    form = merged.find("forms", record.form) if record else None
    states = [state.id for state in flow.all_states] if flow else None
    for key in ("state_in", "state_not_in"):
        for number, name in enumerate(getattr(count, key) if states else ()):
            if name not in (states or ()):
                yield unknown(name, states or (), "state", (*path, key, number))
    fields = (form.schema_.get("properties") or {}) if form else None
    for name, value in count.where.items() if fields is not None else ():
        yield from _check_where(fields or {}, name, value, (*path, "where", name))


def _check_where(fields: Mapping[str, Any], name: str, value: str, path: Path) -> Iterator[Mistake]:
    if name not in fields:
        mistake = unknown(name, fields, "field", path)
        yield Mistake(mistake.code, mistake.message, path, mistake.suggestion, on_key=True)
        return
    choices = fields[name].get("enum")
    if isinstance(choices, list) and value not in map(str, choices):
        yield unknown(value, map(str, choices), f"choice of {name!r}", path)


def _check_field(merged: Merged, fact: Any) -> Iterator[Mistake]:
    entity, _, name = fact.from_.field.partition(".")
    path: Path = ("from", "field")
    if entity not in {"lot", "item", "inputs"} or not name:
        message = f"'field' is {fact.from_.field!r}; accepted is lot.NAME, item.NAME or inputs.NAME"
        yield Mistake("QT112", message, path)
        return
    owner = "lot" if entity == "inputs" else entity
    held = merged.fields.get(owner, {})
    if name not in held:
        yield unknown(name, held, f"field of {owner}", path)
        return
    found = schema_type(held[name][1].properties[name])
    if entity == "inputs" and found is not None:
        found = TEXT_LIST if found.kind == "text" else None
    if found is None or found.kind not in _SAME_KIND.get(fact.type, (fact.type,)):
        said = found.label if found else "of a kind that no fact can hold"
        message = f"fact {fact.id!r} is {fact.type}, but field {fact.from_.field!r} is {said}"
        yield Mistake("QT130", message, path)


def _check_quantity(merged: Merged, fact: Any) -> Iterator[Mistake]:
    yield from _check_unit(merged, fact.unit, ("unit",))
    wanted, held = merged.units.get(fact.unit), find_source_unit(merged, fact)
    source = merged.units.get(held)
    if wanted and source and wanted.dimension != source.dimension:
        message = (
            f"fact {fact.id!r} is in {fact.unit}, but its source is in {held}; "
            "no declared factor leads from one to the other"
        )
        yield Mistake("QT130", message, ("unit",), held)


def _check_properties(merged: Merged, entry: Entry) -> Iterator[Mistake]:
    definition = entry.definition
    if entry.located.kind == "fields":
        properties = definition.properties
        path: Path = ("properties",)
    else:
        properties, path = definition.schema_.get("properties") or {}, ("schema", "properties")
    for name, schema in properties.items():
        own = schema.get("x-qt") or {}
        inner: Path = (*path, name, "x-qt")
        if "unit" in own:
            yield from _check_unit(merged, own["unit"], (*inner, "unit"))
        entity = own.get("entity")
        kind = entity.get("type") if isinstance(entity, Mapping) else entity
        known = (*ENTITIES, DEVICE)
        if kind is not None and kind not in known and kind not in merged.entries["records"]:
            yield unknown(str(kind), known, "entity", (*inner, "entity"))


def _check_unit(merged: Merged, unit: Any, path: Path) -> Iterator[Mistake]:
    known = [
        word for e in merged.all("units") for word in (e.definition.code, *e.definition.aliases)
    ]
    if str(unit) not in known:
        codes = [entry.definition.code for entry in merged.all("units")]
        mistake = unknown(str(unit), codes, "unit", path)
        yield Mistake(mistake.code, mistake.message, path, suggest(unit, known))


def _check_spec(merged: Merged, entry: Entry) -> Iterator[Mistake]:
    for at, part in enumerate(entry.definition.characteristics):
        if part.unit is not None:
            yield from _check_unit(merged, part.unit, ("characteristics", at, "unit"))
    yield from _pack_names(merged, [entry.definition.industry], ("industry",))


def _check_recall(merged: Merged, entry: Entry) -> Iterator[Mistake]:
    yield from _pack_names(merged, [entry.definition.industry], ("industry",))
    for at, node in enumerate(entry.definition.nodes):
        if node.calendar != EVERY_DAY:
            yield from _missing(merged, "calendars", node.calendar, ("nodes", at, "calendar"))
        for name in node.repeat.keys() - node.due.keys():
            yield unknown(name, sorted(node.due), "class of `due`", ("nodes", at, "repeat", name))


def _check_profile(merged: Merged, entry: Entry) -> Iterator[Mistake]:
    yield from _pack_names(merged, [entry.definition.industry], ("industry",))
    for number, name in enumerate(entry.definition.uses):
        yield from _missing(merged, "profiles", name, ("uses", number))


_PARTS_OF = {
    "input_output": ("input", "output"),
    "output": ("output",),
    "subject": ("subject",),
}


def _check_export(merged: Merged, entry: Entry) -> Iterator[Mistake]:
    known = {name for name, _ in merged.fields.get("item", {}).items()}
    for name in entry.definition.items:
        if name not in known:
            yield unknown(name, sorted(known), "extra field of item", ("items", name))
    for at, sheet in enumerate(entry.definition.sheets):
        forms: set[str] = set()
        for key in ("events", "also"):
            for number, name in enumerate(getattr(sheet, key)):
                yield from _missing(merged, "events", name, ("sheets", at, key, number))
                event = merged.find("events", name)
                form = merged.find("forms", event.form) if event and event.form else None
                forms.update(form.schema_.get("properties") or {} if form else ())
        for number, column in enumerate(sheet.columns):
            root, name = column.from_.split(".", 1)
            path: Path = ("sheets", at, "columns", number, "from")
            if root == "values" and name not in forms:
                yield unknown(name, sorted(forms), "field of these events", path)
            elif root not in (*_PARTS_OF[sheet.row], "event", "values"):
                known_roots = [*_PARTS_OF[sheet.row], "event", "values"]
                yield unknown(root, known_roots, f"part of a {sheet.row} row", path)


def _check_rule(merged: Merged, entry: Entry) -> Iterator[Mistake]:
    yield from _pack_names(merged, entry.definition.industries, ("industries",))


def _pack_names(merged: Merged, names: Iterable[str | None], path: Path) -> Iterator[Mistake]:
    for number, name in enumerate(names):
        if name is not None and name not in merged.known_packs:
            at: Path = (*path, number) if path[-1] != "industry" else path
            yield unknown(name, sorted(merged.known_packs), "pack", at)


def _check_document(merged: Merged, entry: Entry) -> Iterator[Mistake]:
    pack = next(pack for pack in merged.packs if pack.name == entry.owner)
    template = entry.definition.template
    if template not in pack.files:
        known = [name for name in pack.files if not name.endswith(".yaml")]
        yield unknown(template, known, "template", ("template",))
        return
    for line, found in template_mistakes(pack.files[template], entry.definition.subject):
        text = f"{template}:{line}: {found.message}"
        yield Mistake(found.code, text, ("template",), found.suggestion)


def _check_head(merged: Merged, pack: PackFolder) -> Iterator[Mistake]:
    for number, name in enumerate(pack.pack.after if pack.pack else ()):
        if name not in merged.known_packs:
            yield unknown(name, sorted(merged.known_packs), "pack", ("after", number))


_CHECKS: Mapping[str, Callable[[Merged, Entry], Iterator[Mistake]]] = {
    "records": _check_record,
    "events": _check_event,
    "workflows": _check_workflow,
    "facts": _check_fact,
    "rules": _check_rule,
    "forms": _check_properties,
    "fields": _check_properties,
    "specs": _check_spec,
    "recalls": _check_recall,
    "profiles": _check_profile,
    "documents": _check_document,
    "exports": _check_export,
    "roles": check_role,
    "limits": check_limit,
    "veils": check_veil,
}
