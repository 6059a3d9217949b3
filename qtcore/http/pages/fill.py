"""The form page for any kind of record and any type of event, made of their definitions.

It must not know a single form by name.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from functools import partial
from typing import Any
from urllib.parse import quote

from qtcore.definitions.events import EventDefinition
from qtcore.definitions.forms import FormDefinition
from qtcore.definitions.workflows import RecordDefinition
from qtcore.engines.forms import (
    FormView,
    build_form,
    default_values,
    nest_submitted,
    read_values,
)
from qtcore.errors import Ambiguous, Conflict, Fault, InputRejected, NotFound, Refused
from qtcore.http.call import Call
from qtcore.http.pages.devices import known_devices
from qtcore.http.pages.event_forms import EXTRA, event_layout, event_schema, make_event
from qtcore.http.pages.local_times import in_utc
from qtcore.http.pages.mistakes import word_error
from qtcore.http.pages.visits import Page, Redirect, Seen, page
from qtcore.services.catalogue import MAX_LIMIT, list_master
from qtcore.services.evaluation import condition_json, evaluator
from qtcore.services.form_values import field_texts
from qtcore.services.recording import record_event
from qtcore.services.records import RecordInput, submit_record
from qtcore.services.rights import require
from qtcore.services.site import Site
from qtcore.services.standing import act_opening
from qtcore.services.veils import seen_form

SPARE_ROWS = 3


@dataclass(frozen=True, slots=True)
class Asked:
    """Which form is filled: of a record or of an event, with the pack's form when it has one."""

    kind: str
    definition: RecordDefinition | EventDefinition
    form: FormDefinition | None

    @property
    def title_key(self) -> str:
        """Where the title stands in the texts of the definitions."""
        return f"{'records' if self.kind == 'record' else 'events'}.{self.definition.id}"


@page("GET", "/forms/{name:str}/new")
def show(call: Call) -> Seen:
    """Show an empty form; ``?lot=`` says what it is about."""
    asked = find_form(call.site, call.params["name"])
    _require_to_fill(call, asked)
    lot = call.word("lot")
    sent: dict[str, Any] = {"values": _defaults(asked)}
    if lot and asked.kind == "record":
        sent["record"] = {"lots": lot, "title": ""}
    elif lot:
        parts = _first_table(asked)
        sent["event"] = {parts: [{"lot": lot}]} if parts else {}
    return _page(call, asked, sent, [])


@page("POST", "/forms/{name:str}/new")
def submit(call: Call) -> Seen:
    """Store what was filled in; mistakes come back with every value kept."""
    asked = find_form(call.site, call.params["name"])
    sent = read_nested(call)
    try:
        if asked.kind == "record":
            return _submit_record(call, asked, sent)
        return _submit_event(call, asked, sent)
    except InputRejected as error:
        return _page(call, asked, sent, error.faults or (Fault(error.code, error.message),))
    except (Refused, NotFound, Ambiguous, Conflict) as error:
        faults = [Fault(error.code, text) for text in word_error(call, error)]
        return _page(call, asked, sent, faults)


def _require_to_fill(call: Call, asked: Asked) -> None:
    """Ask for the right before anybody fills what they may not send."""
    context, definition = call.act(), asked.definition
    if isinstance(definition, RecordDefinition):
        right = f"record.submit:{definition.id}"
        context = act_opening(call.site, context, right, definition.workflow)
    else:
        right = f"event.record:{definition.id}"
    require(call.site, context, right)


def find_form(site: Site, name: str) -> Asked:
    """Find what a name means: a kind of record, a type of event, or a form that one of them has."""
    record = site.registry.find("records", name)
    if record is not None:
        return Asked("record", record, site.registry.get("forms", record.form))
    event = site.registry.find("events", name)
    if event is not None:
        form = site.registry.get("forms", event.form) if event.form else None
        return Asked("event", event, form)
    for kind, listed in (("record", "records"), ("event", "events")):
        for definition in site.registry.list(listed):
            if definition.form == name:
                return Asked(kind, definition, site.registry.get("forms", name))
    raise NotFound(f"there is no form, record or event {name!r}; /forms lists what you may fill")


def _submit_record(call: Call, asked: Asked, sent: Mapping[str, Any]) -> Seen:
    about = sent.get("record") or {}
    lots = [line.strip() for line in str(about.get("lots", "")).replace(",", "\n").splitlines()]
    data = _values(asked, sent)
    title = str(about.get("title", ""))
    entry = RecordInput(data, [lot for lot in lots if lot], title)
    view = submit_record(call.site, call.act(), asked.definition.id, entry)
    return Redirect(f"/r/{quote(view.record.number)}?done=submitted")


def _submit_event(call: Call, asked: Asked, sent: Mapping[str, Any]) -> Seen:
    definition = asked.definition
    assert isinstance(definition, EventDefinition)  # noqa: S101 - by construction of Asked
    base = read_values(
        _schema_of(call.site, definition),
        sent.get("event") or {},
        call.language,
        layout=event_layout(definition.verb),
        texts=_event_texts(call),
        zone=UTC,
    )
    if base.faults:
        faults = [Fault(f.code, f.message, f"event/{f.where}") for f in base.faults]
        raise InputRejected("the event cannot be recorded as filled in", faults)
    values = _values(asked, sent)
    stored = record_event(call.site, call.act(), make_event(definition, base.values, values))
    return Redirect(f"/e/{quote(stored.event_id)}?done=recorded")


def _page(call: Call, asked: Asked, sent: Mapping[str, Any], faults: Sequence[Fault]) -> Page:
    base, own = _draw_event(call, asked, sent, faults), _draw_form(call, asked, sent, faults)
    about = sent.get("record") or {}
    data = {
        "asked": asked,
        "name": asked.definition.id,
        "base": base,
        "form": own,
        "when": partial(condition_json, call.site.registry, f"forms:{asked.definition.form}"),
        "lots": str(about.get("lots", "")),
        "mistakes": [summarise(fault, base, own) for fault in faults],
        "known": _known_codes(call) if base else {},
    }
    return Page("form.html", data, 400 if faults else 200)


def _draw_event(
    call: Call, asked: Asked, sent: Mapping[str, Any], faults: Sequence[Fault]
) -> FormView | None:
    if not isinstance(asked.definition, EventDefinition):
        return None
    verb, schema = asked.definition.verb, _schema_of(call.site, asked.definition)
    values = dict(sent.get("event") or {})
    values.setdefault("event_at", call.site.sources.now().strftime("%Y-%m-%dT%H:%M"))
    for name, part in schema["properties"].items():
        if part.get("type") == "array":
            rows = list(values.get(name) or [])
            values[name] = rows + [{}] * (max(SPARE_ROWS, len(rows) + 1) - len(rows))
    own = [Fault(f.code, f.message, f.where.removeprefix("event/")) for f in faults
           if f.where.startswith("event/")]  # fmt: skip
    return build_form(
        schema,
        event_layout(verb),
        texts=_event_texts(call),
        values=values,
        errors=own,
        language=call.language,
        zone=UTC,
    )


def _draw_form(
    call: Call, asked: Asked, sent: Mapping[str, Any], faults: Sequence[Fault]
) -> FormView | None:
    if asked.form is None:
        return None
    registry, of = call.site.registry, f"{asked.kind}:{asked.definition.id}"
    form = seen_form(asked.form, registry.policy.locked_fields(call.act().actor, of))
    own = [f for f in faults if f.where and not f.where.startswith("event/")]
    return build_form(
        form.schema_,
        form.layout,
        texts=lambda key: _form_text(call, form.id, key),
        values=sent.get("values") or {},
        errors=own,
        language=call.language,
        evaluate=evaluator(registry, f"forms:{form.id}"),
        zone=UTC,
    )


def _schema_of(site: Site, definition: EventDefinition) -> Mapping[str, Any]:
    """Give the fields of its verb, with what the definition asks of each new lot."""
    held = site.registry.fields_of("lot")
    return event_schema(definition.verb, {name: held[name] for name in definition.lot_fields})


def _known_codes(call: Call) -> dict[str, list[tuple[str, str]]]:
    """List codes to choose from while typing; a longer list is still accepted when typed."""
    context, language = call.act(), call.language
    known = (
        {
            entity: [
                (str(row["code"]), str(row["names"].get(language) or row["name"]))
                for row in list_master(call.site, context, entity, limit=MAX_LIMIT).entries
            ]
            for entity in ("item", "party", "location", "equipment")
        }
        if context.actor.may("lot.read")
        else {}
    )
    if context.actor.may("lot.read"):
        known["device"] = known_devices(call)
    known["unit"] = [(unit.code, "") for unit in call.site.registry.list("units")]
    return known


def _form_text(call: Call, form: str, key: str) -> str:
    """Give a text of a form, or nothing: the engine has its own fall-back."""
    return call.site.registry.text(f"forms.{form}.{key}", call.language)


def _event_texts(call: Call) -> Callable[[str], str]:
    of_lots = field_texts(call.site, "lot", call.language)

    def text(key: str) -> str:
        found = call.settings.texts.find
        table, _, name = key.partition(f".{EXTRA}.")
        if name or table.startswith("choices."):
            return of_lots(name or key)
        return (
            found(f"event_form.{key}", call.language)
            or found(f"event_form.{key.replace('fields', 'tables')}", call.language)
            or ""
        )

    return text


def summarise(fault: Fault, *forms: FormView | None) -> dict[str, str]:
    """Link a line of the summary to its field, when one is drawn."""
    for number, form in enumerate(forms):
        if form is None:
            continue
        prefix = "event" if number == 0 else "values"
        where = fault.where.removeprefix("event/") if number == 0 else fault.where
        if number == 0 and not fault.where.startswith("event/"):
            continue
        for section in form.sections:
            for each in section.fields:
                for found in each.walk():
                    if found.name == where:
                        return {"message": fault.message, "href": f"{prefix}-{found.id}"}
    return {"message": fault.message, "href": ""}


def read_nested(call: Call) -> dict[str, Any]:
    """Nest the fields that a page sent."""
    pairs = [(name, value) for name, values in call.form.items() for value in values]
    try:
        return nest_submitted((n, v) for n, v in pairs if n not in ("csrf_token", "reason"))
    except ValueError as error:
        raise InputRejected(f"the form cannot be read: {error}") from error


def _values(asked: Asked, sent: Mapping[str, Any]) -> dict[str, Any]:
    given = sent.get("values") or {}
    filled = {name: value for name, value in given.items() if value not in ("", [], None)}
    return in_utc(asked.form.schema_, filled) if asked.form else filled


def _defaults(asked: Asked) -> dict[str, Any]:
    return default_values(asked.form.schema_) if asked.form else {}


def _first_table(asked: Asked) -> str:
    if not isinstance(asked.definition, EventDefinition):
        return ""
    schema = event_schema(asked.definition.verb)["properties"]
    tables = [n for n, s in schema.items() if s.get("type") == "array"]
    return next((n for n in tables if "lot" in schema[n]["items"]["properties"]), "")


ROUTES = (show, submit)
