import time
from decimal import Decimal
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from qtcore.definitions import plain_yaml, source
from qtcore.definitions.plain_yaml import MAX_NODES, Irregular, read_plain
from qtcore.definitions.source import MAX_BYTES, read_yaml

ALIAS_BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join(['*' + chr(97 + n)] * 9)}]\n" for n in range(8)
)


def codes(text: str | bytes) -> list[str]:
    return [problem.code for problem in read_yaml(text, "x.yaml").problems]


def places(text: str | bytes) -> list[tuple[str, int, int]]:
    return [(p.code, p.line, p.column) for p in read_yaml(text, "x.yaml").problems]


def seconds(text: str | bytes) -> float:
    start = time.process_time()
    read_yaml(text, "x.yaml")
    return time.process_time() - start


@pytest.fixture(params=["c", "python"])
def parser(request, monkeypatch):
    if request.param == "python":
        monkeypatch.setattr(plain_yaml, "LOADER", yaml.SafeLoader)
    elif not yaml.__with_libyaml__:
        pytest.skip("something else: PyYAML is built without its C parser")
    return request.param


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("0123", "0123"),
        ("NO", "NO"),
        ("on", "on"),
        ("yes", "yes"),
        ("12:30", "12:30"),
        ("1e5", "1e5"),
        ("1_000", "1_000"),
        ("0x10", "0x10"),
        ("+5", "+5"),
        ("-0", "-0"),
        (".5", ".5"),
        ("2026-01-01", "2026-01-01"),
        (".inf", ".inf"),
        ("~", "~"),
        ("True", "True"),
        ('"7"', "7"),
        ("'true'", "true"),
        ("9" * 5000, "9" * 5000),
        ("true", True),
        ("false", False),
        ("null", None),
        ("", None),
        ("0", 0),
        ("-12", -12),
        ("1.50", Decimal("1.50")),
        ("-0.5", Decimal("-0.5")),
    ],
)
def test_a_scalar_keeps_its_text_unless_it_is_plainly_typed(parser, written, value):
    found = read_yaml(f"lot: {written}\n", "x.yaml").value["lot"]
    assert (found, type(found)) == (value, type(value))


def test_the_stock_reader_corrupts_what_ours_keeps():
    stock = yaml.safe_load("lot: 0123\ncountry: NO\ntime: 12:30\non: 1\n")
    assert stock == {"lot": 83, "country": False, "time": 750, True: 1}


def test_digits_of_a_decimal_are_kept_as_typed(parser):
    assert str(read_yaml("q: 10.500\n", "x.yaml").value["q"]) == "10.500"


def test_keys_are_always_text(parser):
    assert read_yaml("on: 1\n1: 2\ntrue: 3\n", "x.yaml").value == {"on": 1, "1": 2, "true": 3}


def test_values_and_keys_have_their_places(parser):
    document = read_yaml("a:\n  - id: x\n    名称: 值\n", "x.yaml")
    assert document.positions.closest(("a", 0, "名称")) == (3, 9, 1)
    assert document.positions.closest(("a", 0, "名称"), key=True) == (3, 5, 2)


def test_the_closest_place_of_a_missing_part_is_that_of_its_owner(parser):
    document = read_yaml("a:\n  - id: x\n", "x.yaml")
    assert document.positions.closest(("a", 0, "states", 3)) == (2, 5, 1)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\nb: 2\na: 3\n", [("QT102", 3, 1)]),
        ("a: &x 1\n", [("QT103", 1, 4)]),
        ("a: *x\n", [("QT103", 1, 4)]),
        ("a:\n  <<: {b: 1}\n", [("QT104", 2, 3)]),
        ("a: !!python/name:os.system\n", [("QT105", 1, 4)]),
        ("a: !mine 1\n", [("QT105", 1, 4)]),
        ("? [1]\n: 2\n", [("QT101", 1, 3)]),
        ("a: 1\n---\nb: 2\n", [("QT101", 2, 1)]),
        ("a:\n\tb: 1\n", [("QT101", 2, 1)]),
        ("a: b: c\n", [("QT101", 1, 5)]),
        ("a: x\x00y\n", [("QT107", 1, 5)]),
        (b"a: \xff\n", [("QT107", 1, 4)]),
        ("a: 1\n".encode("utf-16"), [("QT107", 1, 1)]),
    ],
    ids=[
        "duplicate key",
        "anchor",
        "alias",
        "merge key",
        "python tag",
        "own tag",
        "list as key",
        "second document",
        "tab",
        "colon in text",
        "NUL",
        "not UTF-8",
        "UTF-16",
    ],
)
def test_what_the_dialect_does_not_know_is_a_problem_at_its_place(parser, text, expected):
    assert places(text) == expected


def test_a_quoted_merge_sign_is_an_ordinary_key(parser):
    assert codes("'<<': 1\n") == []


def test_the_first_of_two_equal_keys_is_kept(parser):
    assert read_yaml("a: {x: 1}\na: {y: 2}\n", "x.yaml").value == {"a": {"x": 1}}


def test_a_byte_order_mark_is_a_warning_and_the_rest_is_read():
    document = read_yaml(b"\xef\xbb\xbfa: 1\n", "x.yaml")
    assert document.value == {"a": 1}
    assert [p.severity for p in document.problems] == ["warning"]


def test_all_problems_of_a_file_are_found_in_one_reading(parser):
    text = "a: b: c\nrules:\n  - id: x\nforms: [1, 2\nspecs:\n  - id: y\n  - id: y: z\nroles: [1]\n"
    document = read_yaml(text, "x.yaml")
    assert [p.line for p in document.problems if p.code == "QT101"] == [1, 5, 7]
    assert document.value["rules"] == [{"id": "x"}]
    assert document.value["roles"] == [1]


def test_what_stands_around_a_syntax_error_is_marked_as_torn(parser):
    document = read_yaml("rules:\n  - id: a\n  - id: b\n    check: [1\n", "x.yaml")
    assert ("rules", 0) not in {torn[:2] for torn in document.torn}
    assert ("rules", 1) in {torn[:2] for torn in document.torn}


@pytest.mark.parametrize(
    "text",
    ["[" * 5000, "[\n" * 5000, "a: " + "{a: " * 5000, "- " * 5000, "[" * 250_000],
    ids=["brackets", "brackets on lines", "mappings", "dashes", "a file full"],
)
def test_deep_nesting_is_refused_quickly(text):
    assert "QT106" in codes(text)
    assert seconds(text) < 0.5


@pytest.mark.heavy
def test_without_the_limit_deep_nesting_breaks_the_stock_reader():
    with pytest.raises(RecursionError, match="recursion"):
        yaml.safe_load("[" * 5000 + "]" * 5000)


def test_an_alias_bomb_is_refused_without_being_expanded():
    document = read_yaml(ALIAS_BOMB, "x.yaml")
    assert {problem.code for problem in document.problems} == {"QT103"}
    assert len(str(document.value)) < 2_000
    assert seconds(ALIAS_BOMB) < 0.5


def test_the_stock_reader_lets_an_alias_bomb_through():
    value = yaml.safe_load(ALIAS_BOMB)
    leaves = 1
    for name in "ihgfedcba":
        leaves *= len(value[name])
    assert leaves == 9**9


def test_a_file_of_too_many_values_is_refused():
    assert codes("- a\n" * (MAX_NODES + 5)) == ["QT106"]
    assert codes("- a\n" * (MAX_NODES - 5)) == []


def test_a_file_that_is_too_large_is_refused():
    assert codes("#" * (MAX_BYTES + 1)) == ["QT106"]
    assert codes("#" * MAX_BYTES) == []


def test_problems_of_one_file_are_limited():
    assert len(codes("a: 1\n" * 1_000)) == 100


def test_1500_lines_are_read_in_a_moment():
    text = "".join(f"k{n}:\n  - {{id: s{n}, value: 1.5}}\n  - note\n" for n in range(500))
    assert min(seconds(text) for _ in range(3)) < 0.15


SHIPPED = sorted(
    path
    for top in ("workflows", "forms", "plugins")
    for path in (Path(__file__).resolve().parents[2] / top).rglob("*.yaml")
)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_the_quick_reader_gives_what_the_careful_one_gives(path: Path):
    text = path.read_text("utf-8")
    careful = source._read_with_care(text, "x.yaml", [])
    assert not careful.problems
    assert read_plain(text) == careful.value


PIECES = ["a", "b", "<<", "1", "0.5", "''", '"<<"', "null", ":", ": ", "- ", ", ", "? ", "[", "]"]
PIECES += [
    "{",
    "}",
    "\n",
    "\n  ",
    "\n    ",
    "&x ",
    "*x",
    "!t ",
    "---",
    "...",
    "# c",
    "|\n  t",
    "\t",
]


@given(st.lists(st.sampled_from(PIECES), max_size=14).map("".join))
@settings(max_examples=400)
def test_what_the_quick_reader_accepts_has_no_mistakes_and_the_same_value(text: str):
    careful = source._read_with_care(text, "x.yaml", [])
    try:
        value = read_plain(text)
    except Irregular:
        return
    assert (value, careful.problems) == (careful.value, ())
