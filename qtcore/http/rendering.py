"""Templates and what every page may use: texts in two languages, states as colour, shape and word.

It must not know any one page. Autoescape is always on; a missing value is an error, never blank.
"""

import json
from collections.abc import Mapping
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from qtcore.definitions.stored_states import states_in, status_in
from qtcore.errors import Refusal
from qtcore.http.call import Call
from qtcore.http.entry_words import FieldWords, shallow
from qtcore.http.finding_words import Speaker
from qtcore.http.problems import Problem
from qtcore.http.settings import Settings
from qtcore.http.units import show_quantity, typed_unit
from qtcore.registry.registry import Registry
from qtcore.services.kept_forms import find_kept
from qtcore.services.notifications import count_unread

TEMPLATES = Path(__file__).parent / "templates"
# Which of the six shapes says what an outcome is; the word beside it says it exactly.
OUTCOME_STATUS: Mapping[str, str] = {
    "pass": "released",
    "fail": "rejected",
    "unknown": "testing",
    "error": "rejected",
    "warn": "quarantine",
    "not_applicable": "draft",
    "none": "draft",
    "ready": "released",
    "blocked": "quarantine",
    "released": "released",
    "rejected": "rejected",
}


def make_templates(*, dev: bool) -> Environment:
    """Make the template environment of one application."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        auto_reload=dev,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["when"] = show_time
    made.filters["day"] = show_day
    return made


def render_page(call: Call, template: str, **data: Any) -> str:
    """Render a page for the person who asks, in their language."""
    return _render(call.settings, template, data, language=call.language, call=call)


def render_problem(
    settings: Settings, problem: Problem, language: str, call: Call | None = None
) -> str:
    """Render the one error page."""
    data = {"problem": problem}
    return _render(settings, "problem.html", data, language=language, call=call)


def _render(
    settings: Settings, template: str, data: dict[str, Any], *, language: str, call: Call | None
) -> str:
    known: dict[str, Any] = {
        "lang": language,
        "t": partial(_text, settings, language),
        "find_text": lambda key: settings.texts.find(key, language),
        "unread": lambda: 0,
        "kept_here": lambda: "",
        "idle_seconds": 0,
        "me": call.context.actor if call and call.context else None,
        "csrf": call.session.csrf_token if call and call.session else "",
        "path": call.path if call else "",
        "disk": settings.disk,
        "query_string": call.query_string if call else "",
        "outcome_status": lambda outcome: OUTCOME_STATUS.get(outcome, "draft"),
    }
    if call is not None:
        known |= _definition_words(call.site.registry, settings, language)
        known["unread"] = partial(_unread, call)
        known["kept_here"] = partial(_kept_here, call)
        known["idle_seconds"] = int(call.site.sessions.idle.total_seconds())
    # Macros of other templates see no names of the page; they are handed this one.
    known["use"] = known
    return settings.templates.get_template(template).render({**known, **data})


def _unread(call: Call) -> int:
    return count_unread(call.site, call.context) if call.context is not None else 0


def _kept_here(call: Call) -> str:
    """Give what this person had filled in here when the terminal was locked, as JSON."""
    if call.context is None or call.session is None or call.method != "GET":
        return ""
    kept = find_kept(call.site, call.context, call.path)
    return json.dumps(kept, ensure_ascii=False) if kept else ""


def _definition_words(registry: Registry, settings: Settings, language: str) -> dict[str, Any]:
    """Give what templates ask of the definitions: texts, states, names."""

    fields = FieldWords(registry, settings.texts, language)

    def record_workflow(kind: str) -> str:
        found = registry.find("records", kind)
        return found.workflow if found else ""

    def rule_title(refusal: Refusal) -> str:
        if registry.find("rules", refusal.code):
            return registry.text(f"rules.{refusal.code}.title", language)
        return settings.texts.find(f"codes.{refusal.code}", language) or refusal.message

    def action_word(action: str) -> str:
        return settings.texts.find(f"actions.{action}", language) or action

    def thing_word(kind: str) -> str:
        return settings.texts.find(f"ledger_things.{kind}", language) or kind

    return {
        "word": lambda key: registry.text(key, language),
        "lot_status": partial(status_of, registry, "lot"),
        "status_of": partial(status_of, registry),
        "state_word": partial(_state_word, registry, language),
        "name_of": lambda info: info.names.get(language) or info.item_name or info.item_code,
        "record_workflow": record_workflow,
        "amount": partial(show_quantity, registry, language),
        "rule_title": rule_title,
        "action_word": action_word,
        "thing_word": thing_word,
        "field_word": fields.name,
        "unfold": fields.unfold,
        "shallow": shallow,
        "typed_unit": partial(typed_unit, registry, language),
        "say_finding": Speaker(registry, settings.texts, language).say,
    }


def _text(settings: Settings, language: str, key: str, **values: object) -> str:
    return settings.texts.get(key, language, **values)


def status_of(registry: Registry, workflow: str, state: str) -> str:
    """Map a state to one of the six the screens know; an unknown one is a draft."""
    definition = registry.find("workflows", workflow)
    return status_in(definition, state) if definition else "draft"


def _state_word(registry: Registry, language: str, workflow: str, state: str) -> str:
    """Name the active states; parallel ones side by side."""
    definition = registry.find("workflows", workflow)
    found = states_in(definition, state) if definition else ()
    names = [registry.text(f"workflows.{workflow}.states.{s.id}", language) for s in found]
    return " + ".join(names) or state or "–"


def show_time(value: datetime | str | None) -> str:
    """Show a time to the minute, in UTC; the foot of the page says so."""
    if not value:
        return "–"
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    return moment.strftime("%Y-%m-%d %H:%M")


def show_day(value: date | datetime | str | None) -> str:
    """Show a day."""
    if not value:
        return "–"
    return value[:10] if isinstance(value, str) else value.strftime("%Y-%m-%d")
