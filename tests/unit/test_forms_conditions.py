"""Rows, groups and conditions of a form: each is read with its own mistakes."""

from collections.abc import Mapping
from decimal import Decimal

import pytest

from qtcore.definitions.forms import Section
from qtcore.engines.forms import Read, has_conditions, read_values

ROW = {
    "type": "object",
    "required": ["lot"],
    "properties": {"lot": {"type": "string"}, "qty": {"type": "number", "minimum": 0}},
}


def one(part: Mapping[str, object], *, required: bool = False) -> dict[str, object]:
    return {"type": "object", "properties": {"x": part}, "required": ["x"] if required else []}


def equals(expression: str, facts: Mapping[str, object]) -> bool | None:
    """Evaluate `name == text` in three values."""
    name, _, text = expression.partition(" == ")
    return None if facts.get(name) is None else str(facts[name]) == text


TABLE = {
    "type": "object",
    "properties": {"inputs": {"type": "array", "title": "Inputs", "items": ROW}},
}


def test_rows_are_read_with_their_own_mistakes():
    sent = {"inputs": [{"lot": "A", "qty": "1,5"}, {"qty": "-1", "zz": "1"}]}
    found = read_values(TABLE, sent)
    assert [(f.where, f.message) for f in found.faults] == [
        ("inputs/1/lot", "Enter lot (row 2 of Inputs)."),
        ("inputs/1/qty", "Qty (row 2 of Inputs) -1 is below the limit 0. Check the entry."),
        ("inputs/1/zz", "There is no field “zz” in this form. Remove it; the form has: lot, qty."),
    ]


def test_rows_become_dicts_of_typed_values():
    found = read_values(TABLE, {"inputs": [{"lot": "A", "qty": "1,5"}]})
    assert found.values == {"inputs": ({"lot": "A", "qty": Decimal("1.5")},)}


def test_a_group_is_read_like_a_form():
    schema = one({"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]})
    assert read_values(schema, {"x": {"a": "1"}}).values == {"x": {"a": 1}}
    assert read_values(schema, {"x": {"a": "q"}}).faults[0].where == "x/a"
    assert read_values(schema, {"x": {"a": ""}}).faults == ()


CONDITIONAL = {
    "type": "object",
    "required": ["other_text"],
    "properties": {
        "cause": {"type": "string"},
        "other_text": {"type": "string", "x-qt": {"visible": "cause == other"}},
        "proof": {"type": "string", "x-qt": {"required_when": "item_kind == finished"}},
        "kept": {"type": "string", "x-qt": {"visible": "cause == other", "on_hide": "keep"}},
    },
}


def conditional(submitted: Mapping[str, object], **more) -> Read:
    return read_values(CONDITIONAL, submitted, evaluate=equals, **more)


def test_a_hidden_field_is_not_asked_for():
    assert conditional({"cause": "machine"}).faults == ()
    assert [f.where for f in conditional({"cause": "other"}).faults] == ["other_text"]


def test_a_field_is_shown_and_asked_for_while_its_condition_is_unknown():
    assert [f.where for f in conditional({}).faults] == ["other_text"]


def test_the_stale_value_of_a_hidden_field_is_cleared_unless_declared_otherwise():
    found = conditional({"cause": "machine", "other_text": "old", "kept": "old"})
    assert found.values == {"cause": "machine", "kept": "old"}
    assert found.cleared == ("other_text",)


def test_a_field_is_required_when_its_condition_is_true():
    sent = {"cause": "machine"}
    faults = conditional(sent, facts={"item_kind": "finished"}).faults
    assert [(f.where, f.code) for f in faults] == [("proof", "QT481")]
    assert conditional(sent, facts={"item_kind": "raw"}).faults == ()


def test_a_hidden_section_hides_its_fields():
    layout = [Section(id="s", fields=("x",), visible="kind == b")]
    schema = {
        "type": "object",
        "required": ["x"],
        "properties": {"kind": {"type": "string"}, "x": {"type": "string"}},
    }
    assert read_values(schema, {"kind": "a"}, layout=layout, evaluate=equals).faults == ()
    assert len(read_values(schema, {"kind": "b"}, layout=layout, evaluate=equals).faults) == 1


def test_a_cleared_field_hides_what_depends_on_it():
    schema = {
        "type": "object",
        "properties": {
            "c": {"type": "string", "x-qt": {"visible": "b == yes"}},
            "b": {"type": "string", "x-qt": {"visible": "a == yes", "on_hide": "keep"}},
            "a": {"type": "string"},
        },
    }
    found = read_values(schema, {"a": "no", "b": "no", "c": "old"}, evaluate=equals)
    assert found.values == {"a": "no", "b": "no"}


def test_a_condition_in_a_row_sees_the_row_and_the_form():
    row = {
        "type": "object",
        "properties": {
            "kind": {"type": "string"},
            "why": {"type": "string", "x-qt": {"required_when": "kind == other"}},
            "who": {"type": "string", "x-qt": {"required_when": "mode == strict"}},
        },
    }
    schema = {
        "type": "object",
        "properties": {"rows": {"type": "array", "items": row}, "mode": {"type": "string"}},
    }
    sent = {"rows": [{"kind": "other"}, {"kind": "usual"}], "mode": "strict"}
    faults = read_values(schema, sent, evaluate=equals).faults
    assert [f.where for f in faults] == ["rows/0/why", "rows/0/who", "rows/1/who"]


def test_a_form_with_conditions_is_not_read_without_an_evaluator():
    assert has_conditions(CONDITIONAL)
    with pytest.raises(ValueError, match=r"condition 'cause == other'; hand in `evaluate`"):
        read_values(CONDITIONAL, {})


def test_a_field_of_the_system_keeps_its_value():
    part = {"type": "number", "readOnly": True}
    schema = one(part, required=True)
    assert read_values(schema, {}, current={"x": "1.50"}).values == {"x": Decimal("1.50")}
    assert read_values(schema, {"x": "1.50"}, current={"x": "1.50"}).faults == ()
    assert read_values(schema, {"x": "2"}, current={"x": "1.50"}).faults[0].code == "QT489"
    assert read_values(schema, {}).faults == ()


def test_a_locked_field_cannot_be_unlocked_by_what_is_sent():
    schema = {
        "type": "object",
        "properties": {
            "state": {"type": "string"},
            "x": {"type": "string", "x-qt": {"readonly_when": "state == closed"}},
        },
    }
    sent = {"state": "open", "x": "new"}
    current = {"state": "closed", "x": "old"}
    found = read_values(schema, sent, evaluate=equals, current=current)
    assert (found.faults[0].code, found.values["x"]) == ("QT489", "old")


def test_local_references_are_followed():
    schema = {
        "type": "object",
        "$defs": {"lot": {"type": "string", "maxLength": 3}},
        "properties": {"x": {"$ref": "#/$defs/lot", "title": "Lot"}},
    }
    assert read_values(schema, {"x": "abcd"}).faults[0].code == "QT485"


def test_one_field_may_demand_another():
    schema = {
        "type": "object",
        "properties": {"a": {"type": "string"}, "b": {"type": "string"}},
        "dependentRequired": {"a": ["b"]},
    }
    assert [(f.where, f.code) for f in read_values(schema, {"a": "1"}).faults] == [("b", "QT481")]
    assert read_values(schema, {"b": "1"}).faults == ()
