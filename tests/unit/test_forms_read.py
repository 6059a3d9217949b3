"""What was entered becomes typed values, or every mistake in words people use."""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal

import pytest

from qtcore.engines.forms import (
    Read,
    read_values,
)

BEIJING = timezone(timedelta(hours=8))
LIST = {"type": "array", "items": {"type": "string"}}
SEVERITIES = ["minor", "major", "critical"]
ROW = {
    "type": "object",
    "required": ["lot"],
    "properties": {"lot": {"type": "string"}, "qty": {"type": "number", "minimum": 0}},
}


def one(part: Mapping[str, object], *, required: bool = False) -> dict[str, object]:
    return {"type": "object", "properties": {"x": part}, "required": ["x"] if required else []}


def read(part: Mapping[str, object], raw: object, language: str = "en", **more) -> Read:
    return read_values(one(part), {"x": raw}, language, **more)


def value_of(part: Mapping[str, object], raw: object, **more) -> object:
    found = read(part, raw, **more)
    assert found.faults == ()
    return found.values["x"]


def fault_of(
    part: Mapping[str, object], raw: object, language: str = "en", **more
) -> tuple[str, str]:
    (fault,) = read({"title": "Assay", **part}, raw, language, **more).faults
    assert fault.where.split("/")[0] == "x"
    return fault.code, fault.message


def texts_of(texts: Mapping[str, str]) -> Callable[[str], str]:
    return lambda key: texts.get(key, "")


def shown(each: object) -> str:
    return "a long number" if isinstance(each, int) and each > 10**20 else str(each)[:40]


@pytest.mark.parametrize(
    ("part", "raw", "value"),
    [
        ({"type": "string"}, "  Lot 0123 ", "Lot 0123"),
        ({"type": "string"}, "a\r\nb", "a\nb"),
        ({"type": "number"}, "12.50", Decimal("12.50")),
        ({"type": "number"}, "12,5", Decimal("12.5")),
        ({"type": "number"}, "0,125", Decimal("0.125")),
        ({"type": "number"}, Decimal("1.10"), Decimal("1.10")),
        ({"type": "number"}, Decimal("1E+2"), Decimal(100)),
        ({"type": "number"}, 7, Decimal(7)),
        ({"type": ["number", "null"]}, "-1", Decimal(-1)),
        ({"type": "integer"}, "12", 12),
        ({"type": "integer"}, 12, 12),
        ({"type": "boolean"}, "true", True),
        ({"type": "boolean"}, False, False),
        ({"type": "boolean"}, ["false", "true"], True),
        ({"type": "boolean"}, ["false"], False),
        ({"type": "string", "format": "date"}, "2026-11-20", date(2026, 11, 20)),
        ({"type": "string", "format": "time"}, "14:02", time(14, 2)),
        (
            {"type": "string", "format": "date-time"},
            "2026-11-20T14:02:05Z",
            datetime(2026, 11, 20, 14, 2, 5, tzinfo=UTC),
        ),
        ({"type": "string", "enum": SEVERITIES}, "major", "major"),
        ({"type": "integer", "enum": [1, 2]}, "2", 2),
        ({"type": "string", "oneOf": [{"const": "a", "title": "A"}]}, "a", "a"),
        (LIST, "a\n\n b \n", ("a", "b")),
        ({"type": "array", "items": {"type": "number"}}, ["1.0", 2], (Decimal("1.0"), Decimal(2))),
        ({"type": "array", "items": {"type": "string", "enum": SEVERITIES}}, "minor", ("minor",)),
        ({"type": "string", "pattern": "^[A-Z]{2}[0-9]{6}$"}, "AB123456", "AB123456"),
        ({"type": "number", "multipleOf": Decimal("0.01")}, "4.35", Decimal("4.35")),
        ({"type": "number", "multipleOf": 0.01}, "0.07", Decimal("0.07")),
        ({"type": "string", "format": "uri"}, "https://a.example/x", "https://a.example/x"),
    ],
    ids=shown,
)  # fmt: skip
def test_an_entry_becomes_its_type(part, raw, value):
    found = value_of(part, raw)
    assert (found, type(found)) == (value, type(value))
    assert str(found) == str(value)


@pytest.mark.parametrize(
    ("part", "raw", "code", "words"),
    [
        ({"type": "string"}, 12, "QT482", "Assay “12” is not a text. Send it as a text."),
        ({"type": "string"}, "a\x00b", "QT485", "holds a sign that cannot be shown (U+0000)"),
        ({"type": "string"}, "a\u202eb", "QT485", "(U+202E)"),
        ({"type": "number"}, "abc", "QT482", "Assay “abc” is not a number. Write digits"),
        ({"type": "number"}, "１２", "QT482", "is not a number"),
        ({"type": "number"}, "1e5", "QT482", "is not a number"),
        ({"type": "number"}, "NaN", "QT482", "is not a number"),
        ({"type": "number"}, Decimal("NaN"), "QT482", "is not a number"),
        ({"type": "number"}, True, "QT482", "is not a number"),
        ({"type": "number"}, "1,250", "QT482", "can be read as 1250 or as 1.250"),
        ({"type": "number"}, "1,234,567", "QT482", "is not a number"),
        ({"type": "number"}, 1.1, "QT482", "came as a binary number"),
        ({"type": "number"}, "1234567890123", "QT482", "too many digits"),
        ({"type": "number"}, "0.1234567", "QT482", "too many digits"),
        ({"type": "number"}, Decimal("1e999999"), "QT482", "too many digits"),
        ({"type": "number"}, 10**5000, "QT482", "too many digits"),
        ({"type": "integer"}, "12.5", "QT482", "is not a whole number"),
        ({"type": "integer"}, Decimal("12.0"), "QT482", "is not a whole number"),
        ({"type": "integer"}, 10**5000, "QT482", "too many digits"),
        ({"type": "boolean"}, "perhaps", "QT482", "neither yes nor no"),
        ({"type": "string", "format": "date"}, "20.11.2026", "QT482", "year-month-day"),
        ({"type": "string", "format": "date"}, "2026-02-30", "QT482", "“2026-02-30” is not a date"),
        ({"type": "string", "format": "time"}, "25:00", "QT482", "is not a time of day"),
        (
            {"type": "string", "format": "date-time"},
            "2026-11-20T14:02",
            "QT482",
            "does not say its time zone. Write for example 2026-11-20T14:02+08:00",
        ),
        ({"type": "string", "format": "date-time"}, "noon", "QT482", "not a date with a time"),
        (LIST, 5, "QT482", "is not a list"),
        ({"type": "string"}, 10**5000, "QT482", "is not a text"),
        ({"type": "array", "items": {"type": "number"}}, ["1", "x"], "QT482", "“x” is not a"),
        ({"type": "object", "properties": {}}, "x", "QT482", "is not a group of fields"),
        ({"type": "array", "items": ROW}, "x", "QT482", "is not a list"),
        ({"type": "array", "items": ROW}, ["x"], "QT482", "is not a group of fields"),
        (
            {"type": "number", "maximum": Decimal("105.0"), "x-qt": {"unit": "%"}},
            "106.0",
            "QT483",
            "Assay 106.0 % is above the limit 105.0 %. Check the entry.",
        ),
        ({"type": "number", "minimum": 95}, "94.99", "QT483", "Assay 94.99 is below the limit 95"),
        ({"type": "integer", "exclusiveMinimum": 0}, "0", "QT483", "must be more than 0"),
        ({"type": "integer", "exclusiveMaximum": 9}, "9", "QT483", "must be less than 9"),
        ({"type": "number", "multipleOf": Decimal("0.05")}, "0.07", "QT484", "multiple of 0.05"),
        ({"type": "number", "x-qt": {"decimals": 1}}, "1.25", "QT484", "more than 1 decimals"),
        ({"type": "string", "minLength": 3}, "ab", "QT485", "2 signs, at least 3 are needed"),
        ({"type": "string", "maxLength": 3}, "abcd", "QT485", "4 signs, at most 3 are kept"),
        ({"type": "string"}, "x" * 10_001, "QT485", "at most 10000 are kept"),
        (
            {"type": "string", "pattern": "^[A-Z]{2}[0-9]{6}$", "examples": ["AB123456"]},
            "AB12",
            "QT486",
            "“AB12” does not have the form that is needed, for example AB123456.",
        ),
        ({"type": "string", "pattern": "^[a-z]+$"}, "A", "QT486", "needed (^[a-z]+$)"),
        ({"type": "string", "format": "email"}, "a@b", "QT486", "not an e-mail address"),
        ({"type": "string", "format": "uri"}, "a.example", "QT486", "not a web address"),
        ({"type": "string", "format": "uuid"}, "1-2", "QT486", "not a UUID"),
        ({"type": "string", "enum": SEVERITIES}, "mayor", "QT487", "Did you mean “major”?"),
        ({"type": "string", "enum": ["a", "b"]}, "zzz", "QT487", "Choose one of: a, b."),
        ({"type": "string", "oneOf": [{"const": "q", "title": "Quick"}]}, "zz", "QT487", "Quick"),
        ({"type": "string", "const": "yes"}, "no", "QT487", "must be yes"),
        (
            {"type": "array", "items": {"type": "string", "enum": SEVERITIES}},
            ["minor", "mayor"],
            "QT487",
            "Did you mean “major”?",
        ),
        ({**LIST, "minItems": 2}, ["a"], "QT488", "1 entries"),
        ({**LIST, "maxItems": 1}, "a\nb", "QT488", "at most 1"),
        (LIST, ["a"] * 501, "QT488", "at most 500"),
        ({"type": "array", "items": ROW}, [{"lot": "a"}] * 501, "QT488", "at most 500"),
        (
            {**LIST, "uniqueItems": True},
            ["a", "a"],
            "QT488",
            "the same entry twice",
        ),
        ({"type": "string", "readOnly": True}, "x", "QT489", "filled by the system"),
    ],
    ids=shown,
)  # fmt: skip
def test_a_mistake_is_said_with_label_value_limit_and_way_out(part, raw, code, words):
    found_code, message = fault_of(part, raw)
    assert found_code == code
    assert words in message


@pytest.mark.parametrize(
    ("part", "words"),
    [
        ({"type": "string", "title": "Supplier lot"}, "Enter supplier lot."),
        ({"type": "string", "title": "OOS number"}, "Enter OOS number."),
        ({"type": "string", "enum": ["a"], "title": "Severity"}, "Choose severity."),
        ({"type": "boolean", "title": "Seals intact"}, "Answer “Seals intact” with yes or no."),
        ({"type": "array", "items": ROW, "title": "Inputs"}, "Add at least one entry to inputs."),
    ],
)
@pytest.mark.parametrize("raw", [None, "", "  ", [], [""]], ids=repr)
def test_an_empty_required_field_is_asked_for(part, words, raw):
    found = read_values(one(part, required=True), {"x": raw})
    assert [(f.code, f.message, f.where) for f in found.faults] == [("QT481", words, "x")]


def test_a_required_field_that_is_not_sent_is_asked_for_once():
    schema = {
        "type": "object",
        "required": ["a", "b"],
        "properties": {"a": {"type": "string"}, "b": {"type": "string"}},
    }
    assert [f.where for f in read_values(schema, {}).faults] == ["a", "b"]


def test_a_field_with_a_mistake_is_not_called_missing_as_well():
    assert len(read_values(one({"type": "number"}, required=True), {"x": "abc"}).faults) == 1


def test_every_mistake_is_listed_in_the_order_of_the_form():
    schema = {
        "type": "object",
        "required": ["a"],
        "properties": {
            "a": {"type": "string"},
            "b": {"type": "number"},
            "c": {"type": "integer", "maximum": 5},
        },
    }
    faults = read_values(schema, {"zz": 1, "c": "6", "b": "x"}).faults
    assert [(f.where, f.code) for f in faults] == [
        ("a", "QT481"),
        ("b", "QT482"),
        ("c", "QT483"),
        ("zz", "QT480"),
    ]


def test_an_unknown_field_is_refused_with_the_nearest():
    (fault,) = read_values(one({"type": "string"}), {"y": "1"}).faults
    assert fault.message == "There is no field “y” in this form. Remove it; the form has: x."
    schema = {"type": "object", "properties": {"lot_no": {"type": "string"}}}
    (fault,) = read_values(schema, {"lot_nr": "1"}).faults
    assert fault.message.endswith("Did you mean “lot_no”?")


def test_words_and_labels_are_those_of_the_reader():
    texts = {"fields.x": "严重程度", "choices.x.major": "主要"}
    part = {"type": "string", "enum": SEVERITIES}
    (fault,) = read(part, "主耍", "zh-CN", texts=texts_of(texts)).faults
    assert (
        fault.message == "严重程度“主耍”不在可选项中。请从以下选项中选择：minor, 主要, critical。"
    )
    schema = one({"type": "string"}, required=True)
    found = read_values(schema, {}, "zh-Hans", texts=texts_of(texts))
    assert found.faults[0].message == "请填写严重程度。"


def test_a_cleared_field_is_named_and_has_no_value():
    found = read_values(one({"type": "string"}), {"x": ""})
    assert (found.values, found.cleared, found.faults) == ({}, ("x",), ())


def test_a_field_that_is_not_sent_is_not_cleared():
    assert read_values(one({"type": "string"}), {}).cleared == ()


def test_a_time_without_zone_is_that_of_the_site():
    part = {"type": "string", "format": "date-time"}
    found = value_of(part, "2026-11-20T14:02", zone=BEIJING)
    assert str(found) == "2026-11-20 14:02:00+08:00"
