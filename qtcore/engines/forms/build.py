"""A form's schema, layout, texts and values joined into what a page draws.

It must not know HTML, and checks nothing: see `read` for that.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, tzinfo
from typing import Any, Final

from qtcore.definitions.forms import Section
from qtcore.engines.forms.fields import (
    Evaluate,
    Property,
    Texts,
    as_typed,
    choice_label,
    label_of,
    no_texts,
    plain_schema,
    read_properties,
)
from qtcore.engines.forms.read import Conditions
from qtcore.engines.forms.show import from_json_values
from qtcore.engines.forms.view import Choice, FieldView, FormError, FormView, SectionView
from qtcore.errors import Fault

_NOTHING: Final[Mapping[str, object]] = {}


@dataclass(frozen=True, slots=True)
class _Drawing:
    """What is the same for all fields of one object of the form."""

    texts: Texts
    language: str
    zone: tzinfo | None
    is_locked: bool
    errors: Mapping[str, str]
    conditions: Conditions
    typed: Mapping[str, object]
    path: str = ""
    keys: str = "fields"
    hidden: frozenset[str] = field(default_factory=frozenset)

    def holds(self, expression: object) -> bool | None:
        return self.conditions.holds(expression, self.typed)

    def inside(self, each: Property, typed: object, row: int | None = None) -> "_Drawing":
        step = each.name if row is None else f"{each.name}/{row}"
        return replace(
            self,
            conditions=replace(self.conditions, facts={**self.conditions.facts, **self.typed}),
            typed=typed if isinstance(typed, Mapping) else _NOTHING,
            path=f"{self.path}{step}/",
            keys=f"{self.keys}.{each.name}",
        )


def build_form(
    schema: Mapping[str, Any],
    layout: Sequence[Section] = (),
    *,
    texts: Texts = no_texts,
    values: Mapping[str, object] = _NOTHING,
    errors: Sequence[Fault] = (),
    language: str = "en",
    evaluate: Evaluate | None = None,
    facts: Mapping[str, object] = _NOTHING,
    zone: tzinfo | None = None,
    is_locked: bool = False,
) -> FormView:
    """Build the view of a form whose definition passed the check.

    `values` are typed values, stored JSON, or what was submitted: it is shown as it was typed.
    `errors` are the faults of a reading; each stands at its field and in the summary. `is_locked`
    makes every field read-only. The fields that no section names come last, under no title.
    """
    plain = plain_schema(schema)
    drawing = _Drawing(
        texts=texts,
        language=language,
        zone=zone,
        is_locked=is_locked,
        errors=_first_errors(errors),
        conditions=Conditions(evaluate, facts),
        typed=from_json_values(plain, values, zone),
    )
    fields = {
        each.name: _field(each, values.get(each.name), drawing) for each in read_properties(plain)
    }
    sections = tuple(_sections(layout, fields, drawing))
    view = FormView(sections)
    drawn = {
        each.name: each.id
        for section in sections
        for part in section.fields
        for each in part.walk()
    }
    summary = tuple(FormError(fault.message, _field_id(fault.where, drawn)) for fault in errors)
    return replace(view, errors=summary)


def default_values(schema: Mapping[str, Any]) -> dict[str, object]:
    """Give the values a new record begins with; a default never fills a field that was cleared."""
    return {
        each.name: each.schema["default"]
        for each in read_properties(plain_schema(schema))
        if "default" in each.schema
    }


def _sections(
    layout: Sequence[Section], fields: Mapping[str, FieldView], drawing: _Drawing
) -> Iterator[SectionView]:
    placed = {name for section in layout for name in section.fields}
    for section in layout:
        yield SectionView(
            section.id,
            drawing.texts(f"sections.{section.id}") or section.id.replace("_", " ").capitalize(),
            tuple(fields[name] for name in section.fields),
            is_visible=drawing.holds(section.visible) is not False,
            visible_when=section.visible or "",
        )
    rest = tuple(each for name, each in fields.items() if name not in placed)
    if rest:
        yield SectionView("", "", rest)


def _field(each: Property, raw: object, drawing: _Drawing) -> FieldView:
    own, name = each.own, f"{drawing.path}{each.name}"
    is_locked = drawing.is_locked or each.is_read_only
    entries = raw if isinstance(raw, list | tuple) else (raw,)
    view = FieldView(
        name=name,
        id="f-" + name.replace("/", "-"),
        label=label_of(drawing.texts, f"{drawing.keys}.{each.name}", each.schema, each.name),
        widget=each.widget,
        value=_as_typed(raw, drawing.zone),
        values=tuple(as_typed(part) for part in entries if part is not None),
        is_checked=drawing.typed.get(each.name) is True,
        is_required=each.is_required or drawing.holds(own.get("required_when")) is True,
        is_read_only=is_locked or drawing.holds(own.get("readonly_when")) is True,
        is_visible=drawing.holds(own.get("visible")) is not False,
        is_critical=own.get("critical") is True,
        help=_help(own.get("help"), drawing.texts),
        unit=each.unit,
        error=drawing.errors.get(name, ""),
        placeholder=each.example,
        entity=str(own.get("entity", "")),
        choices=_choices(each, entries, drawing),
        decimals=own.get("decimals"),
        minimum=as_typed(each.schema.get("minimum")),
        maximum=as_typed(each.schema.get("maximum")),
        max_length=each.schema.get("maxLength"),
        visible_when=str(own.get("visible", "")),
        required_when="" if each.is_required else str(own.get("required_when", "")),
        is_kept=own.get("on_hide") == "keep",
    )
    return _with_parts(view, each, raw, drawing)


def _with_parts(view: FieldView, each: Property, raw: object, drawing: _Drawing) -> FieldView:
    typed = drawing.typed.get(each.name)
    if each.is_group:
        inner = drawing.inside(each, typed)
        return replace(view, fields=_inner_fields(each.schema, raw, inner))
    if not each.is_table:
        return view
    schema = each.items.schema
    given = (
        [row for row in raw if isinstance(row, Mapping)] if isinstance(raw, list | tuple) else []
    )
    known = (
        typed if isinstance(typed, tuple) and len(typed) == len(given) else (_NOTHING,) * len(given)
    )
    rows = tuple(
        _inner_fields(schema, row, drawing.inside(each, known[number], number))
        for number, row in enumerate(given)
    )
    spare = _inner_fields(schema, _NOTHING, drawing.inside(each, _NOTHING, len(given)))
    return replace(view, rows=rows, spare=spare)


def _inner_fields(
    schema: Mapping[str, Any], raw: object, drawing: _Drawing
) -> tuple[FieldView, ...]:
    held = raw if isinstance(raw, Mapping) else _NOTHING
    return tuple(_field(each, held.get(each.name), drawing) for each in read_properties(schema))


def _choices(each: Property, entries: Sequence[object], drawing: _Drawing) -> tuple[Choice, ...]:
    source = each.items if each.kind == "array" else each
    values = (True, False) if source.kind == "boolean" else source.choices
    chosen = {as_typed(entry) for entry in entries}
    return tuple(
        Choice(
            as_typed(value),
            choice_label(drawing.texts, source, value, drawing.language),
            as_typed(value) in chosen,
        )
        for value in values
    )


def _as_typed(raw: object, zone: tzinfo | None) -> str:
    if isinstance(raw, list | tuple):
        return "\n".join(as_typed(part) for part in raw if not isinstance(part, Mapping))
    if isinstance(raw, datetime) and raw.tzinfo is not None and zone is not None:
        # What a browser's field for date and time holds: local time, no offset.
        return raw.astimezone(zone).replace(tzinfo=None).isoformat(timespec="minutes")
    if isinstance(raw, date | time):
        return raw.isoformat()
    return "" if isinstance(raw, Mapping) else as_typed(raw)


def _help(key: object, texts: Texts) -> str:
    return (texts(key) or key) if isinstance(key, str) else ""


def _first_errors(errors: Sequence[Fault]) -> dict[str, str]:
    first: dict[str, str] = {}
    for fault in errors:
        first.setdefault(fault.where, fault.message)
    return first


def _field_id(where: str, drawn: Mapping[str, str]) -> str:
    """Find the field a fault speaks of, or the nearest around it."""
    parts = where.split("/")
    for end in range(len(parts), 0, -1):
        found = drawn.get("/".join(parts[:end]))
        if found:
            return found
    return ""
