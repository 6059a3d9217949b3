"""The one byte form of a value, and salted commitments.

It must not know trees or signatures.
"""

import contextlib
import hashlib
import json
import re
from datetime import date
from decimal import Decimal
from types import MappingProxyType

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from qtcore.engines.ledger import (
    CanonicalError,
    canonical_bytes,
    commit_field,
    exact_text,
    join_members,
    read_canonical,
    text_bytes,
    verify_field,
)

SALT = bytes(range(16))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"b": 1, "a": [True, None, "x"]}, b'{"a":[true,null,"x"],"b":1}'),
        (Decimal("1.10"), b'"1.10"'),
        ({"qty": Decimal("100"), "unit": "kg"}, b'{"qty":"100","unit":"kg"}'),
        ("e\u0301", "é".encode().join([b'"', b'"'])),
        ("批次\n\u0001/\u007f", '"批次\\n\\u0001/\u007f"'.encode()),
        (2**53 - 1, b"9007199254740991"),
        # RFC 8785, 3.2.3: order of UTF-16 code units, where U+1F600 comes before U+FF21
        (
            {"\u20ac": 1, "\r": 2, "\uff21": 3, "1": 4, "\U0001f600": 5, "\u0080": 6, "\u00f6": 7},
            '{"\\r":2,"1":4,"\u0080":6,"\u00f6":7,"\u20ac":1,"\U0001f600":5,"\uff21":3}'.encode(),
        ),
    ],
)
def test_a_value_has_one_byte_form(value: object, expected: bytes) -> None:
    assert canonical_bytes(value) == expected
    assert canonical_bytes(read_canonical(expected)) == expected


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (1.5, "float"),
        ({"a": [0.0]}, "'/a/0'"),
        (2**53, "beyond"),
        (Decimal("NaN"), "finite"),
        ("\ud800", "surrogate"),
        ({"\udfff": 1}, "surrogate"),
        ({1: 2}, "not text"),
        ({"é": 1, "e\u0301": 2}, "twice"),
        (date(2026, 1, 1), "date"),
        (b"x", "bytes"),
        ({1, 2}, "set"),
    ],
)
def test_a_value_without_one_form_is_refused(value: object, said: str) -> None:
    with pytest.raises(CanonicalError, match=said):
        canonical_bytes(value)


def test_deep_nesting_is_refused_both_ways() -> None:
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(CanonicalError, match="nested"):
        canonical_bytes(deep)
    with pytest.raises(CanonicalError, match=r"nested|recursion"):
        read_canonical(b"[" * 100_000 + b"]" * 100_000)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b'{"a":1,"a":1}', "twice"),
        (b'{"b":1,"a":1}', "canonical"),
        (b'{"a": 1}', "canonical"),
        (b'{"a":1}\n', "canonical"),
        (b'"\\u0041"', "canonical"),
        (b'"\\/"', "canonical"),
        ('"e\u0301"'.encode(), "canonical"),
        (b"-0", "canonical"),
        (b"1.0", "1.0"),
        (b"1e2", "1e2"),
        (b"NaN", "NaN"),
        (b"-Infinity", "-Infinity"),
        (b'"\\ud800"', "surrogate"),
        (b'"\xff"', "UTF-8"),
        (b"\xef\xbb\xbf1", "JSON"),
        (b"9007199254740992", "beyond"),
        (b"9" * 5000, "JSON"),
        (b"", "JSON"),
        (b'{"a":1', "JSON"),
    ],
)
def test_bytes_in_another_form_are_refused(data: bytes, said: str) -> None:
    with pytest.raises(CanonicalError, match=said):
        read_canonical(data)


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=12,
)


@given(_VALUES)
def test_writing_and_reading_agree(value: object) -> None:
    try:
        data = canonical_bytes(value)
    except CanonicalError:
        assume(False)  # two keys that are one in NFC
    assert canonical_bytes(read_canonical(data)) == data
    assert json.loads(data) == read_canonical(data)


@given(
    _VALUES | st.lists(st.floats() | st.integers() | st.sampled_from(["é", "e\u0301", "\ud800"]))
)
def test_both_ways_of_encoding_give_the_same_bytes(value: object) -> None:
    try:
        slow = canonical_bytes(MappingProxyType({"x": value}))  # no dict, so nothing is skipped
    except CanonicalError as refused:
        with pytest.raises(CanonicalError, match=re.escape(str(refused)[:20])):
            canonical_bytes({"x": value})
    else:
        assert canonical_bytes({"x": value}) == slow


_WORDS = st.dictionaries(st.text("abz_", min_size=1, max_size=4), _VALUES | st.just("e\u0301"))


@given(_WORDS, _WORDS)
def test_members_that_are_written_once_give_the_same_bytes(
    some: dict[str, object], more: dict[str, object]
) -> None:
    value = {**some, **more}
    text = join_members({name: exact_text(item) for name, item in value.items()})
    assert json.loads(text) == value
    try:
        expected = canonical_bytes(value)
    except CanonicalError as refused:
        with pytest.raises(CanonicalError, match=re.escape(str(refused)[:20])):
            text_bytes(text)
    else:
        assert text_bytes(text) == expected


def test_what_json_has_not_is_written_or_refused_as_bytes_are() -> None:
    assert exact_text([Decimal("1.10")]) == '["1.10"]'
    with pytest.raises(CanonicalError, match="float"):
        exact_text([1.5])


@given(st.binary(max_size=40) | st.text('{}[]",:0123eE.-\\u truefalsnN', max_size=40))
def test_any_bytes_are_read_or_refused(data: bytes | str) -> None:
    raw = data if isinstance(data, bytes) else data.encode()
    with contextlib.suppress(CanonicalError):
        assert canonical_bytes(read_canonical(raw)) == raw


def test_a_commitment_is_the_documented_hash() -> None:
    expected = hashlib.sha256(b"\x03" + SALT + b"name" + b"\x00" + "王".encode()).digest()
    assert commit_field(SALT, "name", "王") == expected


def test_only_the_same_salt_name_and_value_verify() -> None:
    commitment = commit_field(SALT, "email", "a@b.example")
    assert verify_field(commitment, SALT, "email", "a@b.example")
    assert not verify_field(commitment, SALT, "email", "A@b.example")
    assert not verify_field(commitment, SALT, "mail", "a@b.example")
    assert not verify_field(commitment, SALT[::-1], "email", "a@b.example")
    assert not verify_field(commitment, SALT[:15], "email", "a@b.example")


@pytest.mark.parametrize(("salt", "name"), [(SALT[:15], "a"), (SALT, ""), (SALT, "a\x00b")])
def test_an_ambiguous_commitment_is_refused(salt: bytes, name: str) -> None:
    with pytest.raises(ValueError, match=r"salt|name"):
        commit_field(salt, name, "x")
