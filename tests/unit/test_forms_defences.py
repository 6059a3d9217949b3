"""The holes of the validator are closed; beside each defence stands what happens without it."""

import re
import time
import urllib.request
from collections.abc import Mapping
from decimal import Decimal

import jsonschema
import pytest
from referencing.exceptions import Unresolvable

from qtcore.engines.forms import read_values
from qtcore.engines.forms.check import check_instance

INSIDE = "http://169.254.169.254/latest/meta-data"
CATASTROPHIC = "^(a+)+$"


def accepts(part: Mapping[str, object], raw: object) -> bool:
    return not read_values({"type": "object", "properties": {"x": part}}, {"x": raw}).faults


def bare_accepts(part: Mapping[str, object], instance: object) -> bool:
    return jsonschema.Draft202012Validator(part).is_valid(instance)


@pytest.fixture
def fetched(monkeypatch) -> list[str]:
    """Record what would be fetched from the network."""
    addresses: list[str] = []

    def record(request, *_, **__):
        addresses.append(getattr(request, "full_url", request))
        raise OSError("no network in tests")

    monkeypatch.setattr(urllib.request, "urlopen", record)
    return addresses


def test_a_reference_to_elsewhere_is_never_followed(fetched):
    with pytest.raises(Unresolvable, match="169"):
        list(check_instance({"$ref": INSIDE}, "x"))
    with pytest.raises(Unresolvable, match="169"):
        read_values({"type": "object", "properties": {"x": {"$ref": INSIDE}}}, {"x": "1"})
    assert fetched == []


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_package_alone_fetches_a_reference(fetched):
    with pytest.raises(Unresolvable, match="169"):
        jsonschema.Draft202012Validator({"$ref": INSIDE}).is_valid("x")
    assert fetched == [INSIDE]


def test_a_reference_that_goes_round_in_a_circle_is_refused():
    schema = {
        "type": "object",
        "$defs": {"a": {"type": "object", "properties": {"b": {"$ref": "#/$defs/a"}}}},
        "properties": {"x": {"$ref": "#/$defs/a"}},
    }
    with pytest.raises(ValueError, match="refers back to itself"):
        read_values(schema, {})


@pytest.mark.parametrize("number", ["0.07", "19.99", "1.13", "4.35"])
def test_a_multiple_is_exact(number):
    assert accepts({"type": "number", "multipleOf": Decimal("0.01")}, number)
    assert accepts({"type": "number", "multipleOf": 0.01}, number)


@pytest.mark.parametrize("number", [0.07, 19.99, 1.13, 4.35])
def test_the_package_alone_divides_binary_numbers(number):
    assert not bare_accepts({"multipleOf": 0.01}, number)


def test_the_package_alone_fails_on_a_mixture_of_numbers():
    with pytest.raises(TypeError, match="unsupported operand"):
        bare_accepts({"multipleOf": 0.01}, Decimal("0.07"))


@pytest.mark.parametrize(
    "text",
    ["LOT-1\n2", "LOT-١٢", "my LOT-12", "LOT-12\u200b"],
    ids=["line", "digits", "part", "hidden"],
)
def test_a_pattern_speaks_of_the_whole_value_in_plain_signs(text):
    pattern = {"type": "string", "pattern": r"^LOT-\d+$"}
    assert not accepts(pattern, text)
    assert accepts(pattern, "LOT-12")


@pytest.mark.parametrize("text", ["LOT-1\n", "LOT-١٢"], ids=["line", "digits"])
def test_the_package_alone_accepts_other_digits_and_a_line_end(text):
    assert bare_accepts({"pattern": r"^LOT-\d+$"}, text)


def test_a_pattern_cannot_hang_the_form():
    started = time.process_time()
    assert not accepts({"type": "string", "pattern": CATASTROPHIC}, "a" * 5000 + "!")
    assert time.process_time() - started < 1


def test_the_usual_engine_doubles_with_every_sign():
    def seconds(length: int) -> float:
        started = time.process_time()
        re.search(CATASTROPHIC, "a" * length + "!")
        return time.process_time() - started

    assert seconds(20) > 8 * seconds(14)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("date", "not-a-date"),
        ("date-time", "2026-13-01T00:00:00Z"),
        ("time", "24:61"),
        ("email", "nobody"),
        ("uuid", "1234"),
        ("uri", "javascript:alert(1)"),
        ("uri", "data:text/html,x"),
        ("uri", "//host/x"),
        ("uri", "https://"),
        ("uri", "https://[::1"),
        ("uri", "https://a.example/ x"),
    ],
)
def test_a_format_is_checked(name, text):
    assert not accepts({"type": "string", "format": name}, text)
    assert bare_accepts({"format": name}, text)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("email", "qa@company.example"),
        ("uuid", "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b"),
        ("uri", "https://company.example/a?b=c"),
        ("uri", "urn:epc:id:sgtin:0614141.107346.2018"),
        ("uri", "mailto:qa@company.example"),
    ],
)
def test_a_well_formed_value_passes(name, text):
    assert accepts({"type": "string", "format": name}, text)


def test_many_equal_looking_rows_are_compared_quickly():
    row = {"type": "object", "properties": {"a": {"type": "string"}}}
    part = {"type": "array", "uniqueItems": True, "maxItems": 4000, "items": row}
    started = time.process_time()
    assert accepts(part, [{"a": str(n)} for n in range(4000)])
    assert time.process_time() - started < 10
    assert not accepts(part, [{"a": "1"}, {"a": "1"}])


def test_the_package_alone_compares_every_row_with_every_other():
    def seconds(rows: int) -> float:
        started = time.process_time()
        assert bare_accepts({"uniqueItems": True}, [{"a": n} for n in range(rows)])
        return time.process_time() - started

    assert seconds(320) > 3 * seconds(80)


def test_one_is_not_true_and_one_point_zero_is_no_whole_number():
    assert not accepts({"type": "integer"}, Decimal("1.0"))
    assert not accepts({"type": "integer"}, True)
    assert bare_accepts({"type": "integer"}, 1.0)
