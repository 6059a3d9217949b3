import re
import time
from decimal import Decimal

import pytest

from qtcore.definitions import patterns
from qtcore.definitions.patterns import compile_pattern, find_pattern_fault
from qtcore.definitions.schema_references import inline_references
from qtcore.definitions.schema_subset import check_properties, check_schema


def form(**note):
    return {"type": "object", "properties": {"note": note}}


def found(schema):
    return [(m.code, m.path, m.suggestion) for m in check_schema(schema, ())]


@pytest.mark.parametrize(
    "note",
    [
        {"type": "string", "maxLength": 5, "pattern": "^[A-Z]{2}[0-9]{6}$"},
        {"type": ["string", "null"], "enum": ["a", None]},
        {"type": "number", "minimum": Decimal("0.5"), "x-qt": {"unit": "kg", "decimals": 2}},
        {"type": "array", "items": {"type": "string", "enum": ["a"]}, "maxItems": 3},
        {"type": "object", "properties": {"a": {"type": "boolean"}}, "required": ["a"]},
        {"type": "string", "oneOf": [{"const": "a", "title": "A"}]},
        {"type": "string", "format": "date", "readOnly": True, "examples": ["2026-01-01"]},
    ],
)
def test_the_documented_subset_is_accepted(note):
    assert found(form(**note)) == []


NOTE = ("properties", "note")


@pytest.mark.parametrize(
    ("note", "expected"),
    [
        ({"type": "strin"}, ("QT112", (*NOTE, "type"), "string")),
        ({"type": ["string", "integer"]}, ("QT112", (*NOTE, "type"), "")),
        ({"enum": ["a"]}, ("QT111", NOTE, "string")),
        ({"type": "string", "maxLenght": 1}, ("QT110", (*NOTE, "maxLenght"), "maxLength")),
        ({"type": "string", "not": {}}, ("QT110", (*NOTE, "not"), "")),
        ({"type": "string", "minimum": 1}, ("QT112", (*NOTE, "minimum"), "")),
        ({"type": "string", "maxLength": -1}, ("QT112", (*NOTE, "maxLength"), "")),
        ({"type": "string", "format": "dat"}, ("QT112", (*NOTE, "format"), "date")),
        ({"type": "integer", "enum": [1, "b"]}, ("QT112", (*NOTE, "enum", 1), "")),
        ({"type": "string", "enum": ["a", "a"]}, ("QT114", (*NOTE, "enum", 1), "")),
        ({"type": "number", "minimum": 5, "maximum": 4}, ("QT112", (*NOTE, "maximum"), "")),
        ({"type": "number", "multipleOf": 0}, ("QT112", (*NOTE, "multipleOf"), "")),
        ({"type": "array"}, ("QT111", NOTE, "")),
        ({"type": "object"}, ("QT111", NOTE, "")),
        ({"type": "string", "x-qt": {"uint": "kg"}}, ("QT110", (*NOTE, "x-qt", "uint"), "unit")),
        ({"type": "array", "items": {"type": "x"}}, ("QT112", (*NOTE, "items", "type"), "")),
        ({"type": "string", "pattern": "a"}, ("QT112", (*NOTE, "pattern"), "")),
        ({"$ref": "file:///etc/passwd"}, ("QT112", (*NOTE, "$ref"), "")),
        ({"$ref": "#/$defs/x"}, ("QT130", (*NOTE, "$ref"), "")),
    ],
)
def test_what_lies_outside_is_refused_with_its_place(note, expected):
    assert found(form(**note)) == [expected]


def test_a_required_field_must_exist():
    schema = {**form(type="string"), "required": ["notes"]}
    assert found(schema) == [("QT130", ("required", 0), "note")]


def test_references_are_written_out_in_place():
    schema = {
        **form(**{"$ref": "#/$defs/short"}),
        "$defs": {"short": {"type": "string", "maxLength": 3}},
    }
    assert found(schema) == []
    assert inline_references(schema) == form(type="string", maxLength=3)


def test_a_chain_of_doubling_references_is_refused_before_it_unfolds():
    names = {
        f"a{n}": {
            "type": "object",
            "properties": {side: {"$ref": f"#/$defs/a{n - 1}"} for side in "lr"},
        }
        for n in range(1, 60)
    }
    schema = {
        **form(**{"$ref": "#/$defs/a59"}),
        "$defs": {"a0": {"type": "string"}, **names},
    }
    assert [code for code, _, _ in found(schema)] == ["QT106"]


def test_an_object_of_too_many_fields_is_refused():
    many = {f"f{n}": {"type": "string"} for n in range(201)}
    assert [m.code for m in check_properties(many, ())] == ["QT112"]


@pytest.mark.parametrize(
    "text",
    ["^[A-Z]{2}$", r"^\d+(\.\d+)?$", "^(a|b)$", r"^[\w.-]+$", "^(a+)+$", "^[^|]*$", "^(?:x)$"],
)
def test_a_pattern_of_plain_parts_is_accepted(text):
    assert find_pattern_fault(text) == ""


@pytest.mark.parametrize(
    "text",
    ["a", "^a", r"^a\$", "^(?=a)$", "^(?i)a$", r"^(a)\1$", "^(a$", "^a|b$", r"^\p{L}$", "^[a&&b]$"],
)
def test_a_pattern_that_other_readers_would_read_otherwise_is_refused(text):
    assert find_pattern_fault(text) != ""


def test_a_pattern_speaks_of_the_whole_value_in_ascii():
    pattern = compile_pattern(r"^LOT-\d+$")
    assert pattern.matches("LOT-1")
    assert not pattern.matches("LOT-1\n")
    assert not pattern.matches("LOT-١٢")


def test_a_nested_repeat_costs_no_more_than_the_value_is_long():
    start = time.process_time()
    assert not compile_pattern("^(a+)+$").matches("a" * 4_000 + "!")
    assert time.process_time() - start < 0.5


def test_the_stock_engine_doubles_its_time_with_every_sign():
    def spent(length: int) -> float:
        start = time.process_time()
        assert re.match("^(a+)+$", "a" * length + "!") is None
        return time.process_time() - start

    assert spent(20) > 8 * spent(14)


@pytest.mark.parametrize(
    "pattern", ["^((a{0,50}){0,50}){0,50}$", "^a{50}{50}{50}$", "^(a{1,999}b{1,999}c{1,999})$"]
)
def test_counts_that_write_out_a_huge_pattern_are_refused(pattern: str, monkeypatch):
    """Linear in the value and in the pattern: 125,000 places cost minutes for 4,000 signs."""
    assert "repeats more than 2000 places" in find_pattern_fault(pattern)

    # Control: without the count the engine takes it.
    monkeypatch.setattr(patterns, "MAX_PLACES", 10**9)
    assert find_pattern_fault(pattern) == ""


@pytest.mark.parametrize(
    "pattern",
    [r"^[A-Z0-9]{1,20}(-\d{1,20}){0,5}$", r"^.{0,1000}$", r"^(a+|b*)+\{x\}$", r"^[{(]{2}$"],
)
def test_counts_of_a_label_are_accepted(pattern: str):
    assert find_pattern_fault(pattern) == ""
