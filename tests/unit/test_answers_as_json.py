"""Answers of the API as bytes: whatever an answer holds is written so that it reads the same."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qtcore.http.api.operations import json_bytes, plain_json

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.decimals(allow_nan=False, allow_infinity=False) | st.datetimes() | st.dates() | TEXTS
)  # fmt: skip
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner)
        | st.tuples(inner, inner)
        | st.dictionaries(TEXTS | st.integers() | st.booleans() | st.none(), inner)
    ),
    max_leaves=30,
)


@given(VALUES)
def test_an_answer_reads_as_the_standard_library_writes_it(value: object) -> None:
    assert json.loads(json_bytes(value)) == plain_json(value)


def deep(levels: int) -> list[object]:
    nested: list[object] = []
    for _ in range(levels):
        nested = [nested]
    return nested


@pytest.mark.parametrize("value", [{"n": 1 << 70}, deep(400)], ids=["70 bits", "400 levels"])
def test_what_orjson_refuses_is_written_all_the_same(value: object) -> None:
    with pytest.raises(orjson.JSONEncodeError):
        orjson.dumps(value)
    assert json.loads(json_bytes(value)) == value


def test_times_and_decimals_keep_their_form() -> None:
    at = datetime(2026, 3, 1, 12, tzinfo=UTC)
    told = {"at": at, "on": date(2026, 3, 1), "n": Decimal("1E+3"), "名": "批"}
    text = '{"at":"2026-03-01T12:00:00+00:00","on":"2026-03-01","n":"1000","名":"批"}'
    assert json_bytes(told) == text.encode()


def test_what_has_no_form_in_json_is_named() -> None:
    with pytest.raises(TypeError, match="set has no JSON form"):
        json_bytes({"lots": {1, 2}})
