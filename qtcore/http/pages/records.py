"""The page of a record: its values under the form they were entered with, steps and history.

It must not know any kind of record by name.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from qtcore.definitions.forms import FormDefinition
from qtcore.definitions.stored_states import active_in, allows, status_in
from qtcore.definitions.workflows import RECALL, Transition
from qtcore.engines.forms import display_value, from_json_values, plain_schema, read_properties
from qtcore.errors import Conflict, InputRejected, Refused
from qtcore.http.call import Call
from qtcore.http.pages.mistakes import word_error
from qtcore.http.pages.signing import make_or_sign
from qtcore.http.pages.visits import Page, Seen, page
from qtcore.services.attachments import Owner, list_attachments
from qtcore.services.event_views import EventView, read_event
from qtcore.services.finding import describe_uids
from qtcore.services.people import name_people
from qtcore.services.printing import documents_of
from qtcore.services.record_views import RecordView, read_record
from qtcore.services.rights import acting_at
from qtcore.services.sign_intents import Act
from qtcore.services.standing import may_try
from qtcore.services.veils import unveiled


@dataclass(frozen=True, slots=True)
class ShownValue:
    """A value in words, with what it replaced: (old, who, when, why)."""

    label: str
    value: str
    is_critical: bool
    changes: tuple[tuple[str, str, Any, str], ...]


@page("GET", "/r/{record:str}")
def show(call: Call) -> Seen:
    """Show a record by its number or id."""
    return record_page(call, read_record(call.site, call.act(), call.params["record"]), ())


@page("POST", "/r/{record:str}")
def step(call: Call) -> Seen:
    """Make a step of the record's workflow, or go and sign it."""
    view = read_record(call.site, call.act(), call.params["record"])
    act = Act("record", view.record.uid, call.field("transition"), call.field("reason"))
    try:
        return make_or_sign(call, act, f"/r/{quote(view.record.number)}")
    except (Refused, InputRejected, Conflict) as error:
        return record_page(call, view, word_error(call, error))


@page("GET", "/e/{event:str}")
def show_event(call: Call) -> Seen:
    """Show an event with its lines and values."""
    return event_page(call, read_event(call.site, call.act(), call.params["event"]), ())


def event_page(call: Call, view: EventView, mistakes: Sequence[str]) -> Page:
    """Show an event, with what was wrong on top."""
    definition = call.site.registry.find("events", view.event.event_type)
    form = call.site.registry.find("forms", definition.form) if definition else None
    actor = call.act().actor
    return Page(
        "event.html",
        {
            "view": view,
            "event": view.event,
            "values": shown_values(call, form, view.values, ()) if form else [],
            "files": list_attachments(call.site, call.act(), Owner("event", view.event.uid)),
            "may_attach": actor.may(f"event.record:{view.event.event_type}"),
            "mistakes": [{"message": text, "href": ""} for text in mistakes],
            "done": call.word("done"),
        },
        400 if mistakes else 200,
    )


def record_page(call: Call, view: RecordView, mistakes: Sequence[str]) -> Page:
    """Show a record, with what was wrong on top."""
    form = view.form
    history = [
        (unveiled(r.data, view.hidden), r.recorded_by, r.recorded_at, r.reason)
        for r in view.revisions
    ]
    newest = call.site.registry.find("forms", form.id)
    return Page(
        "record.html",
        {
            "view": view,
            "record": view.record,
            "values": shown_values(call, form, view.data, history),
            "files": list_attachments(call.site, call.act(), Owner("record", view.record.uid)),
            "people": name_people(call.site, _logins(view)),
            "lots": describe_uids(call.site, call.act(), view.lots),
            "title": view.title,
            "steps": offered_steps(call, view),
            "documents": _documents(call, view),
            "status": _status(view),
            "may_edit": _may_edit(view)
            and call.act().actor.may(f"record.submit:{view.record.kind}"),
            "is_old_form": newest is not None and newest != form,
            "mistakes": [{"message": text, "href": ""} for text in mistakes],
            "reason": call.field("reason") if mistakes else "",
            "done": call.word("done"),
        },
        400 if mistakes else 200,
    )


def _logins(view: RecordView) -> set[str]:
    steps = {login for each in view.changes for login in (each.actor, each.acting_for)}
    return {view.record.opened_by, *(r.recorded_by for r in view.revisions), *steps}


def offered_steps(call: Call, view: RecordView) -> list[Transition]:
    """List the steps of a record that are open now and that this person may try."""
    active = active_in(view.workflow, view.record.state)
    begun = [t for t in view.workflow.transitions if not active.isdisjoint(t.from_)]
    return may_try(call.site, acting_at(call.site, call.act(), view.thing), view.workflow.id, begun)


def _documents(call: Call, view: RecordView) -> list[dict[str, str]]:
    """List what can be printed about a record; a recall has documents of its own too."""
    kinds = {"record", "recall"} if view.record.kind == RECALL else {"record"}
    return [each for each in documents_of(call.site, call.language) if each["subject"] in kinds]


def _may_edit(view: RecordView) -> bool:
    return allows(view.workflow, view.record.state, "edit")


def _status(view: RecordView) -> str:
    return status_in(view.workflow, view.record.state)


def shown_values(
    call: Call,
    form: FormDefinition,
    data: Mapping[str, Any],
    history: Sequence[tuple[Mapping[str, Any], str, Any, str]],
) -> list[ShownValue]:
    """Write the values as the form they were entered with says, each change with who and why."""

    def texts(key: str) -> str:
        return call.site.registry.text(f"forms.{form.id}.{key}", call.language)

    schema = form.schema_
    plain = plain_schema(schema)
    versions = [from_json_values(schema, each[0]) for each in history]
    now = from_json_values(schema, data)
    shown = []
    for each in read_properties(plain):
        words = [
            display_value(version.get(each.name), each, language=call.language, texts=texts)
            for version in versions
        ]
        changes = tuple(
            (words[n - 1], history[n][1], history[n][2], history[n][3])
            for n in range(1, len(words))
            if words[n] != words[n - 1]
        )
        if each.name not in now and not changes:
            continue
        value = display_value(now.get(each.name), each, language=call.language, texts=texts)
        label = texts(f"fields.{each.name}")
        shown.append(ShownValue(label, value, bool(each.own.get("critical")), changes))
    return shown


ROUTES = (show, step, show_event)
