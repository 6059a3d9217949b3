"""One file of vectors and two evaluators: Python and JavaScript say the same, to the last digit."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qtcore.engines.expressions import FactType, check
from tests.expression_vectors import (
    JavaScript,
    answer_in_python,
    compiled_case,
    declared,
    javascript,
    read_vectors,
    unfolded,
    units,
)

__all__ = ["javascript"]

FILE = read_vectors()
CASES = FILE["cases"]
IDS = [f"{at}-{case['text'][:40]}" for at, case in enumerate(CASES)]
NAMES = declared(FILE)


def expected(case: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "value": case["value"],
        "unknown": case.get("unknown", []),
        "reasons": case.get("reasons", []),
    }


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_python_answers_a_vector(case: Mapping[str, Any]) -> None:
    compiled = compiled_case(FILE, case)
    assert answer_in_python(compiled, unfolded(case["facts"]), case.get("rules", {})) == expected(
        case
    )
    assert compiled.as_json() == case["compiled"], "run python -m tests.expression_vectors"


def test_javascript_answers_every_vector(javascript: JavaScript) -> None:
    for case in CASES:
        asked = case["compiled"], unfolded(case["facts"]), case.get("rules", {})
        assert javascript.ask(*asked) == expected(case), case["text"]


def _wire_facts() -> st.SearchStrategy[dict[str, Any]]:
    number = st.decimals(allow_nan=False, allow_infinity=False, places=3).map(lambda d: f"{d:f}")
    wide = st.from_regex(r"-?[0-9]{1,52}(\.[0-9]{1,20})?", fullmatch=True)
    tiny = st.integers(1, 990).map(lambda n: "0." + "0" * n + "7")
    days = st.dates().map(str)
    times = st.datetimes().map(lambda t: t.isoformat(timespec="microseconds")) | st.datetimes().map(
        lambda t: t.isoformat(timespec="seconds")
    )
    offset = st.sampled_from(["Z", "+00:00", "-05:30", "+14:00", "", "+24:00"])
    spans = st.from_regex(
        r"-?P([0-9]{1,4}D)?(T([0-9]{1,3}H)?([0-9]{1,5}(\.[0-9]{1,6})?S)?)?", fullmatch=True
    )
    wild = st.sampled_from([None, "", "x", 0, 3, -7, True, [], ["1"], {"amount": "1", "unit": "g"}])
    numbers = st.one_of(number, wide, tiny, st.integers(-9, 9).map(str))
    quantity = st.fixed_dictionaries(
        {"amount": numbers, "unit": st.sampled_from(["kg", "g", "lb", "L", "mg"])}
    )
    usable: dict[str, st.SearchStrategy[Any]] = {
        "assay": numbers,
        "count": st.integers(-(10**20), 10**20).map(str) | st.integers(-30, 30).map(str),
        "ok": st.booleans(),
        "state": st.sampled_from(["draft", "released"]),
        "name": st.text(max_size=4),
        "expiry": days,
        "made": days,
        "at": st.tuples(times, offset).map("".join),
        "till": st.tuples(times, offset).map("".join),
        "held": spans,
        "roles": st.lists(st.sampled_from(["qa", "qp"]), max_size=3),
        "results": st.lists(numbers, max_size=4),
        "net": numbers | quantity,
        "tare": numbers | quantity,
    }
    return st.fixed_dictionaries({}, optional={name: usable[name] | wild for name in usable})


_NUMBERS = st.recursive(
    st.sampled_from(
        ["assay", "count", "0", "1.50", "len(roles)", "sum(results)", "max(results)", "3", "7.77"]
    ),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from("+-*/"), inner).map(lambda t: f"({' '.join(t)})"),
        inner.map(lambda n: f"-{n}"),
        inner.map(lambda n: f"abs({n})"),
        inner.map(lambda n: f"round_half_up({n}, count)"),
        inner.map(lambda n: f"round_half_up({n}, 2)"),
        st.tuples(inner, inner).map(lambda t: f"min({t[0]}, {t[1]})"),
    ),
    max_leaves=6,
)
_WEIGHTS = st.sampled_from(
    ["net", "tare", "(net + tare)", "(tare - net)", "(net * 3)", "max(net, tare)", "(tare / 7)"]
)
_SPANS = st.sampled_from(["held", "days(count)", "(expiry - made)", "(till - at)", "abs(held)"])
_DAYS = st.sampled_from(["expiry", "made", "date('0001-01-01')"]) | _SPANS.map(
    lambda span: f"(made - {span})"
)
_TIMES = st.sampled_from(["at", "till"]) | _SPANS.map(lambda span: f"(at + {span})")
_TEXTS = st.sampled_from(["name", "state", "'draft'"])
_SIGNS = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])


def _pairs(part: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.tuples(part, _SIGNS, part).map(" ".join)


_CONDITIONS = st.recursive(
    st.one_of(
        *map(_pairs, (_NUMBERS, _WEIGHTS, _SPANS, _DAYS, _TIMES)),
        st.tuples(_NUMBERS, _SIGNS, _NUMBERS, _SIGNS, _NUMBERS).map(" ".join),
        st.sampled_from(["ok", "'qa' in roles", "present(held)", "count in [1, 2]", "roles == []"]),
        st.sampled_from(["len(name) < 3", "missing(at)", "days_between(at, till) > 0"]),
    ),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(lambda t: f"({' '.join(t)})"),
        inner.map(lambda c: f"(not ({c}))"),
    ),
    max_leaves=4,
)
_ANY = st.one_of(
    _CONDITIONS.map(lambda text: (text, "boolean")),
    _NUMBERS.map(lambda text: (text, "decimal")),
    _WEIGHTS.map(lambda text: (text, "decimal")),
    _SPANS.map(lambda text: (text, "duration")),
    _DAYS.map(lambda text: (text, "date")),
    _TIMES.map(lambda text: (text, "datetime")),
)


def compare(javascript: JavaScript, asked: tuple[str, Any], facts: dict[str, Any]) -> None:
    text, result = asked
    compiled, problems = check(text, NAMES, result=result, units=units())
    if compiled is None:
        assert {problem.code for problem in problems} <= {"QT201", "QT209"}
        return
    in_python = answer_in_python(compiled, facts, {})
    assert javascript.ask(compiled.as_json(), facts, {}) == in_python, json.dumps(facts)


@pytest.mark.heavy
@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(asked=_ANY, facts=_wire_facts())
def test_both_evaluators_agree_on_any_expression_and_facts(
    javascript: JavaScript, asked: tuple[str, Any], facts: dict[str, Any]
) -> None:
    compare(javascript, asked, facts)


@pytest.mark.heavy
@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(asked=_ANY, facts=_wire_facts())
def test_both_evaluators_agree_on_many_more(
    javascript: JavaScript, asked: tuple[str, Any], facts: dict[str, Any]
) -> None:
    compare(javascript, asked, facts)


@pytest.mark.parametrize("number", [1.0, -0.0, 2.5, 2**53, -(2.0**60)])
def test_a_json_number_means_the_same_to_both(javascript: JavaScript, number: float) -> None:
    kinds = {"one": FactType("decimal"), "many": FactType("decimal_list")}
    for text in ("one == 1 or one == 0", "many == [1] or many == [0]"):
        found, _ = check(text, kinds)
        assert found is not None
        facts = {"one": number, "many": [number]}
        ours = answer_in_python(found, facts, {})
        assert ours == javascript.ask(found.as_json(), facts, {})
        assert ours["value"] is (True if number in (1, 0) else None)
