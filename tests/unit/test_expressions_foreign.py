"""Signs of other keyboards and words of other languages in an expression."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qtcore.definitions.source import read_yaml
from qtcore.engines.expressions import BOOLEAN, INTEGER, TEXT, check
from qtcore.engines.expressions.foreign import find_foreign

NAMES = {"ok": BOOLEAN, "count": INTEGER, "name": TEXT}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("（ok）", [(1, "("), (4, ")")]),
        ("max（count，1) <= 1", [(4, "("), (10, ",")]),
        ("count ＜＝ ３", [(7, "<="), (10, "3")]),
        ("count ＝＝ 1", [(7, "==")]),
        ("name == “raw”", [(9, "'raw'")]),
        ("name == ‘raw’ and ok", [(9, "'raw'")]),
        ("name == 「it's」", [(9, '"it\'s"')]),
        ("name == “a，b（c”", [(9, "'a，b（c'")]),
        ('name == "raw“', [(13, '"')]),
        ("ok 且 not ok 或者 ok", [(4, "and"), (13, "or")]),
        ("count <= 1且ok", [(11, "and")]),
        ("ok AND NOT ok", [(4, "and"), (8, "not")]),
        ("count =< 1 || count => 2", [(7, "<="), (12, "or"), (21, ">=")]),
        ("count × 2 ≠ 4 ÷ 2", [(7, "*"), (11, "!="), (15, "/")]),
        ("count in 【1、2】", [(10, "["), (12, ","), (14, "]")]),
        ("！ok", [(1, "not")]),
        ("ok。", [(3, None)]),
        ("ok\u3000and ok", [(3, None)]),
        ("ok\u00a0and ok", [(3, None)]),
        ("o\u200bk", [(2, None)]),
    ],
)
def test_each_sign_is_named_at_its_column_with_what_is_meant(
    text: str, found: list[tuple[int, str | None]]
) -> None:
    compiled, problems = check(text, NAMES)
    assert compiled is None
    assert [(p.column, p.suggestion) for p in problems] == found
    assert {p.code for p in problems} == {"QT200"}


@pytest.mark.parametrize(
    "text",
    [
        "name == '（批次，“甲”）'",
        'name == "a AND b && c"',
        "name == '且' or ok",
        "count >= 1 and count <= 2 and count != 3 and count == 2",
    ],
)
def test_what_stands_in_plain_quotes_is_left_alone(text: str) -> None:
    assert find_foreign(text) == ()
    assert check(text, NAMES)[0] is not None


@pytest.mark.parametrize("text", ["ok", "（ok）", "name == “raw”", "ok 且 ok", "count ＜＝ ３"])
def test_writing_what_is_suggested_mends_it(text: str) -> None:
    for _ in range(5):
        for each in reversed(find_foreign(text)):
            size = 5 if each.suggestion == "'raw'" else 2 if each.suggestion == "<=" else 1
            start = each.column - 1
            text = text[:start] + (each.suggestion or "") + text[start + size :]
    assert check(text, NAMES)[0] is not None


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet="ok（），“”‘’「」'\"且或 =<>!&|＝１。\u3000\u200b\\", max_size=12))
def test_no_text_breaks_the_search_and_every_column_lies_inside(text: str) -> None:
    assert all(1 <= p.column <= len(text) for p in find_foreign(text))
    assert check(text, NAMES)[0] is None or not find_foreign(text)


@pytest.mark.parametrize(
    "written",
    [
        "a: x （ b",
        "a: 'x （ b'",
        "a: 'it''s （ b'",
        'a: "say \\"x\\" （ b"',
        "a: >-\n  x\n    more\n  （ b",
        "a: |\n  x\n  （ b",
        "a: >- # why\n   x （ b",
        "a: x\n   （ b",
    ],
)
def test_a_sign_is_found_where_it_is_written_whatever_the_style(written: str) -> None:
    document = read_yaml(written, "f.yaml")
    value = document.value["a"]
    at = document.positions.inside(("a",), value, value.index("（"))
    assert written.split("\n")[at.line - 1][at.column - 1] == "（"


def test_where_an_escape_stands_for_a_sign_the_whole_text_is_shown() -> None:
    document = read_yaml('a: "x\\u0041（"', "f.yaml")
    assert document.positions.inside(("a",), document.value["a"], 2) == (1, 4, 10)


def test_a_text_of_too_many_signs_is_refused_however_simple_it_is() -> None:
    long = f"name == '{'a' * 2000}'"
    assert [p.code for p in check(long, NAMES)[1]] == ["QT201"]
    assert check(f"name == '{'a' * 1980}'", NAMES)[0] is not None
