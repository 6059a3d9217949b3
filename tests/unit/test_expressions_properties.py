"""Promises of the expression language for any expression, any facts, any text.

It must not know single cases; those are in test_expressions.py.
"""

from collections.abc import Mapping
from datetime import UTC

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qtcore.engines.expressions import (
    BOOLEAN,
    DATE,
    DATETIME,
    DECIMAL,
    DECIMAL_LIST,
    DURATION,
    INTEGER,
    TEXT,
    FactType,
    check,
    enum_of,
    evaluate,
    explain,
)

NAMES: Mapping[str, FactType] = {
    "assay": DECIMAL,
    "count": INTEGER,
    "ok": BOOLEAN,
    "tested": BOOLEAN,
    "state": enum_of("draft", "released", "rejected"),
    "name": TEXT,
    "expiry": DATE,
    "made": DATE,
    "at": DATETIME,
    "held": DURATION,
    "roles": FactType("text_list", ("qa", "qp")),
    "results": DECIMAL_LIST,
}


def _fact_values() -> st.SearchStrategy[dict[str, object]]:
    wild: st.SearchStrategy[object] = st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.decimals(),
        st.floats(),
        st.text(max_size=5),
        st.dates(),
        st.datetimes(timezones=st.none() | st.just(UTC)),
        st.timedeltas(),
        st.lists(st.decimals(allow_nan=False) | st.text(max_size=3), max_size=3),
    )
    usable: dict[str, st.SearchStrategy[object]] = {
        "assay": st.decimals(allow_nan=False, allow_infinity=False),
        "count": st.integers(-(10**48), 10**48),
        "ok": st.booleans(),
        "tested": st.booleans(),
        "state": st.sampled_from(NAMES["state"].values),
        "name": st.text(max_size=5),
        "expiry": st.dates(),
        "made": st.dates(),
        "at": st.datetimes(timezones=st.just(UTC)),
        "held": st.timedeltas(),
        "roles": st.lists(st.sampled_from(("qa", "qp"))),
        "results": st.lists(st.decimals(allow_nan=False, allow_infinity=False), max_size=4),
    }
    return st.fixed_dictionaries({}, optional={name: usable[name] | wild for name in usable})


_NUMBERS = st.recursive(
    st.sampled_from(["assay", "count", "0", "1.50", "len(roles)", "sum(results)", "max(results)"])
    | st.integers(0, 10**29).map(str),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from("+-*/"), inner).map(lambda t: f"({' '.join(t)})"),
        inner.map(lambda n: f"-{n}"),
        inner.map(lambda n: f"abs({n})"),
        inner.map(lambda n: f"round_half_up({n}, count)"),
        st.tuples(inner, inner).map(lambda t: f"min({t[0]}, {t[1]})"),
    ),
    max_leaves=6,
)
_SPANS = st.sampled_from(["held", "days(count)", "expiry - made", "at - at", "abs(held)"])
_DATES = st.sampled_from(["expiry", "made", "date('0001-01-01')"]) | _SPANS.map(
    lambda span: f"(made - ({span}))"
)
_SIGNS = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])


def _compared(operand: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.tuples(operand, _SIGNS, operand).map(" ".join)


_CONDITIONS = st.recursive(
    st.one_of(
        _compared(_NUMBERS),
        _compared(_DATES),
        _compared(_SPANS),
        st.tuples(_NUMBERS, _SIGNS, _NUMBERS, _SIGNS, _NUMBERS).map(" ".join),
        st.sampled_from(
            ["ok", "tested", "rule('R')", "state in ('draft',)", "'qa' in roles", "name == 'a'"]
        ),
    ),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(lambda t: f"({' '.join(t)})"),
        inner.map(lambda c: f"(not ({c}))"),
    ),
    max_leaves=6,
)


@pytest.mark.heavy
@settings(max_examples=300, deadline=None)
@given(_CONDITIONS, _fact_values(), st.dictionaries(st.just("R"), st.none() | st.booleans()))
def test_a_checked_expression_never_raises(
    text: str, facts: dict[str, object], rules: dict[str, bool | None]
) -> None:
    found, problems = check(text, NAMES)
    if found is None:
        assert {problem.code for problem in problems} == {"QT201"}
        return
    outcome = evaluate(found, facts, rules)
    assert outcome.value in (True, False, None)
    assert len(explain(found, facts, rules)) == len(found.clauses)


@settings(max_examples=200, deadline=None)
@given(_CONDITIONS, _fact_values(), st.sampled_from(sorted(NAMES)))
def test_learning_a_missing_fact_never_turns_an_answer_round(
    text: str, facts: dict[str, object], hidden: str
) -> None:
    found, _ = check(text, NAMES)
    if found is None:
        return
    with_less = evaluate(found, {name: facts[name] for name in facts if name != hidden})
    if with_less.value is not None:
        assert evaluate(found, facts).value is with_less.value


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=60) | st.text("()[]{}'\"-+*/<>=!,.:#\\ \nandortis019_éＡ\x00", max_size=60))
def test_any_text_is_answered_with_an_expression_or_problems(text: str) -> None:
    found, problems = check(text, NAMES)
    assert (found is None) == bool(problems)
