"""A form becomes sections and fields with nothing left to decide for a page."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from qtcore.definitions.forms import Section
from qtcore.engines.forms import (
    FieldView,
    FormView,
    Property,
    build_form,
    default_values,
    display_value,
    read_values,
)
from qtcore.errors import Fault

BEIJING = timezone(timedelta(hours=8))
SCHEMA = {
    "type": "object",
    "required": ["title", "severity"],
    "properties": {
        "title": {"type": "string", "maxLength": 200, "examples": ["Spill in room 3"]},
        "severity": {"type": "string", "enum": ["minor", "major"], "x-qt": {"critical": True}},
        "assay": {
            "type": "number",
            "minimum": 0,
            "maximum": Decimal("110.0"),
            "x-qt": {"unit": "Cel", "decimals": 1, "help": "help.assay"},
        },
        "cause": {"type": "string", "maxLength": 4000, "x-qt": {"visible": "severity == major"}},
        "due_on": {"type": "string", "format": "date", "default": "2026-12-01"},
        "sealed": {"type": "boolean"},
        "lot": {"type": "string", "x-qt": {"entity": "lot", "required_when": "severity == major"}},
        "number": {"type": "string", "readOnly": True},
        "inputs": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["lot"],
                "properties": {"lot": {"type": "string"}, "qty": {"type": "number"}},
            },
        },
    },
}
LAYOUT = [
    Section(id="event", fields=("title", "severity", "assay")),
    Section(id="root_cause", fields=("cause",), visible="severity == major"),
]
TEXTS = {
    "fields.title": "标题",
    "sections.event": "事件",
    "choices.severity.major": "主要",
    "help.assay": "按方法 M-12",
    "fields.inputs.qty": "数量",
}


def equals(expression: str, facts: Mapping[str, object]) -> bool | None:
    name, _, text = expression.partition(" == ")
    return None if facts.get(name) is None else str(facts[name]) == text


def built(values: Mapping[str, object] | None = None, **more) -> FormView:
    return build_form(
        SCHEMA,
        LAYOUT,
        texts=lambda key: TEXTS.get(key, ""),
        values=values or {},
        evaluate=equals,
        **more,
    )


def field(name: str, values: Mapping[str, object] | None = None, **more) -> FieldView:
    return built(values, **more).field(name)


def test_sections_follow_the_layout_and_nothing_is_lost():
    sections = built().sections
    assert [(s.id, s.title) for s in sections] == [
        ("event", "事件"),
        ("root_cause", "Root cause"),
        ("", ""),
    ]
    assert [f.name for s in sections for f in s.fields] == [
        *("title", "severity", "assay", "cause"),
        *("due_on", "sealed", "lot", "number", "inputs"),
    ]


def test_a_field_without_text_is_named_by_its_words():
    assert (field("title").label, field("due_on").label) == ("标题", "Due on")


@pytest.mark.parametrize(
    ("part", "widget"),
    [
        ({"type": "string"}, "text"),
        ({"type": "string", "maxLength": 2000}, "textarea"),
        ({"type": "string", "x-qt": {"widget": "textarea"}}, "textarea"),
        ({"type": "string", "x-qt": {"widget": "checkbox"}}, "text"),
        ({"type": "string", "enum": ["a"]}, "choice"),
        ({"type": "string", "oneOf": [{"const": "a"}]}, "choice"),
        ({"type": "string", "format": "date"}, "date"),
        ({"type": "string", "format": "date-time"}, "datetime"),
        ({"type": "string", "format": "time"}, "time"),
        ({"type": "string", "x-qt": {"entity": "lot"}}, "entity"),
        ({"type": "integer"}, "number"),
        ({"type": ["number", "null"]}, "decimal"),
        ({"type": "boolean"}, "choice"),
        ({"type": "boolean", "x-qt": {"widget": "checkbox"}}, "checkbox"),
        ({"type": "array", "items": {"type": "string"}}, "list"),
        ({"type": "array", "items": {"type": "string", "enum": ["a"]}}, "multi"),
        ({"type": "array", "items": {"type": "object", "properties": {}}}, "table"),
        ({"type": "object", "properties": {}}, "group"),
    ],
    ids=lambda each: str(each)[:60],
)
def test_every_kind_has_a_widget(part, widget):
    view = build_form({"type": "object", "properties": {"x": part}})
    assert view.field("x").widget == widget


def test_a_field_carries_what_a_page_needs():
    found = field("assay", {"assay": Decimal("98.50")})
    assert (found.value, found.unit, found.decimals) == ("98.50", "°C", 1)
    assert (found.minimum, found.maximum, found.help) == ("0", "110.0", "按方法 M-12")
    assert field("title").placeholder == "Spill in room 3"
    assert field("title").max_length == 200
    assert (field("lot").entity, field("severity").is_critical) == ("lot", True)


def test_what_was_typed_is_shown_again_beside_its_mistake():
    submitted = {"title": "", "assay": "98,5x"}
    faults = read_values(SCHEMA, submitted, evaluate=equals).faults
    view = built(submitted, errors=faults)
    assert view.field("assay").value == "98,5x"
    assert "is not a number" in view.field("assay").error
    assert [(e.field_id, e.message) for e in view.errors] == [
        ("f-title", "Enter title."),
        ("f-severity", "Choose severity."),
        ("f-assay", view.field("assay").error),
    ]


def test_a_mistake_without_a_field_stays_in_the_summary():
    (error,) = built(errors=[Fault("QT480", "no such field", "zz")]).errors
    assert (error.field_id, error.message) == ("", "no such field")


def test_choices_have_labels_and_the_chosen_one_is_marked():
    choices = field("severity", {"severity": "major"}).choices
    assert [(c.value, c.label, c.is_selected) for c in choices] == [
        ("minor", "minor", False),
        ("major", "主要", True),
    ]


def test_a_question_is_unanswered_until_somebody_answers():
    untouched = field("sealed", language="zh-CN").choices
    assert [(c.value, c.label, c.is_selected) for c in untouched] == [
        ("true", "是", False),
        ("false", "否", False),
    ]
    assert [c.is_selected for c in field("sealed", {"sealed": False}).choices] == [False, True]


def test_conditions_say_what_is_shown_and_asked_for_now():
    minor, major = {"severity": "minor"}, {"severity": "major"}
    assert [field("cause", v).is_visible for v in (minor, major, {})] == [False, True, True]
    assert [field("lot", v).is_required for v in (minor, major, {})] == [False, True, False]
    assert [built(v).sections[1].is_visible for v in (minor, major)] == [False, True]
    assert field("cause").visible_when == "severity == major"


def test_a_locked_form_and_a_field_of_the_system_are_read_only():
    assert (field("number").is_read_only, field("title").is_read_only) == (True, False)
    assert field("title", is_locked=True).is_read_only


def test_a_table_has_its_rows_and_a_spare_one():
    found = field("inputs", {"inputs": [{"lot": "A1", "qty": "1.50"}]})
    assert [[(f.name, f.value) for f in row] for row in found.rows] == [
        [("inputs/0/lot", "A1"), ("inputs/0/qty", "1.50")]
    ]
    assert [(f.name, f.id, f.label) for f in found.spare] == [
        ("inputs/1/lot", "f-inputs-1-lot", "Lot"),
        ("inputs/1/qty", "f-inputs-1-qty", "数量"),
    ]


def test_a_mistake_in_a_row_stands_in_the_row():
    submitted = {"title": "t", "severity": "minor", "inputs": [{"qty": "1"}]}
    faults = read_values(SCHEMA, submitted, evaluate=equals).faults
    view = built(submitted, errors=faults)
    assert view.field("inputs/0/lot").error == "Enter lot (row 1 of Inputs)."
    assert view.errors[0].field_id == "f-inputs-0-lot"


def test_a_default_begins_a_record_and_never_fills_a_cleared_field():
    assert default_values(SCHEMA) == {"due_on": "2026-12-01"}
    assert field("due_on", {"due_on": ""}).value == ""


def test_a_time_is_drawn_as_local_time():
    schema = {"type": "object", "properties": {"at": {"type": "string", "format": "date-time"}}}
    moment = datetime(2026, 11, 20, 6, 2, tzinfo=UTC)
    assert (
        build_form(schema, values={"at": moment}, zone=BEIJING).field("at").value
        == "2026-11-20T14:02"
    )


def test_a_field_that_is_not_drawn_is_named():
    with pytest.raises(KeyError, match="draws no field 'zz'"):
        built().field("zz")


@pytest.mark.parametrize(
    ("part", "value", "language", "text"),
    [
        ({"type": "number", "x-qt": {"unit": "Cel"}}, Decimal("4.10"), "en", "4.10\u2009°C"),
        ({"type": "boolean"}, False, "en", "No"),
        ({"type": "boolean"}, True, "zh-CN", "是"),
        ({"type": "string", "enum": ["major"]}, "major", "zh-CN", "主要"),
        ({"type": "array", "items": {"type": "string"}}, ("a", "b"), "zh-CN", "a、b"),
        ({"type": "string", "format": "date"}, date(2026, 11, 20), "en", "2026-11-20"),
        (
            {"type": "string", "format": "date-time"},
            datetime(2026, 11, 20, 6, 2, tzinfo=UTC),
            "en",
            "2026-11-20 14:02 +08:00",
        ),
        ({"type": "string"}, None, "en", "–"),
    ],
    ids=lambda each: str(each)[:40],
)
def test_a_value_is_shown_as_people_write_it(part, value, language, text):
    texts = {"choices.severity.major": "主要"}
    shown = display_value(
        value,
        Property("severity", part),
        language=language,
        texts=lambda key: texts.get(key, ""),
        zone=BEIJING,
    )
    assert shown == text
