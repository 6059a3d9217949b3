"""Values leave and come back exactly; pages send flat names; two languages say the same."""

import json
import string
from datetime import UTC

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qtcore.engines.forms import from_json_values, nest_submitted, read_values, to_json_values
from qtcore.engines.forms.messages import CATALOGUES, CODES, EN, ZH_CN

ROW = {
    "type": "object",
    "required": ["lot"],
    "properties": {"lot": {"type": "string"}, "qty": {"type": "number", "minimum": 0}},
}


def test_the_languages_have_the_same_words_and_gaps():
    assert set(CATALOGUES) == {"en", "zh-CN"}
    assert set(EN) == set(ZH_CN)
    for key, words in EN.items():
        assert gaps(words) == gaps(ZH_CN[key]), key


def gaps(words: str) -> set[str | None]:
    return {name for _, name, _, _ in string.Formatter().parse(words)} - {None}


def test_every_complaint_has_a_code():
    spoken = {"row", "yes", "no", "separator", "none"}
    assert {key.split(".")[0] for key in EN if key not in spoken} == set(CODES)


def test_what_a_page_sends_is_nested():
    pairs = [
        ("title", "A"),
        ("inputs/1/lot", "L2"),
        ("inputs/0/lot", "L1"),
        ("inputs/2/lot", " "),
        ("flag", "false"),
        ("flag", "true"),
        ("place/hall", "3"),
    ]
    assert nest_submitted(pairs) == {
        "title": "A",
        "inputs": [{"lot": "L1"}, {"lot": "L2"}],
        "flag": ["false", "true"],
        "place": {"hall": "3"},
    }


@pytest.mark.parametrize(
    ("pairs", "words"),
    [
        ([("a/b/c/d/e/f/g/h/i", "")], "deeper than 8"),
        ([("a", "1"), ("a/b", "1")], "both a value and a group"),
        ([("a/b", "1"), ("a", "1")], "both a value and a group"),
        ([(f"r/{n}/x", "1") for n in range(1001)], "more than 1000 rows"),
        ([("r/99999999/x", "1")], "more than 1000 rows"),
    ],
    ids=["deep", "value first", "group first", "many rows", "far row"],
)
def test_a_page_cannot_send_any_shape(pairs, words):
    with pytest.raises(ValueError, match=words):
        nest_submitted(pairs)


EVERYTHING = {
    "type": "object",
    "properties": {
        "n": {"type": "number"},
        "i": {"type": "integer"},
        "b": {"type": "boolean"},
        "d": {"type": "string", "format": "date"},
        "t": {"type": "string", "format": "time"},
        "m": {"type": "string", "format": "date-time"},
        "l": {"type": "array", "items": {"type": "number"}},
        "r": {"type": "array", "items": ROW},
    },
}
numbers = st.decimals(-(10**11), 10**11, places=6) | st.decimals(-999, 999, places=1)
moments = st.datetimes(timezones=st.just(UTC))
rows = st.fixed_dictionaries(
    {"lot": st.sampled_from(["A1", "0123"])}, optional={"qty": numbers.map(abs)}
)
everything = st.fixed_dictionaries(
    {},
    optional={
        "n": numbers,
        "i": st.integers(-(10**12) + 1, 10**12 - 1),
        "b": st.booleans(),
        "d": st.dates(),
        "t": st.times().map(lambda t: t.replace(microsecond=0)),
        "m": moments,
        "l": st.lists(numbers, min_size=1, max_size=3).map(tuple),
        "r": st.lists(rows, min_size=1, max_size=3).map(tuple),
    },
)  # fmt: skip


@given(everything)
def test_values_come_back_from_storage_with_every_digit(values):
    stored = to_json_values(values)
    back = from_json_values(EVERYTHING, stored)
    assert back == values
    assert to_json_values(back) == stored


@given(everything)
def test_stored_values_are_accepted_again(values):
    found = read_values(EVERYTHING, to_json_values(values))
    assert (found.faults, dict(found.values)) == ((), values)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.decimals(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from("nibdtmlrz"), anything))
def test_nothing_that_is_sent_makes_the_reader_fail(submitted):
    found = read_values(EVERYTHING, submitted)
    assert json.dumps(to_json_values(found.values))


def test_a_binary_number_is_never_written():
    with pytest.raises(TypeError, match=r"x/0 holds 1\.5"):
        to_json_values({"x": [1.5]})
