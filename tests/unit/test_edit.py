"""An edit changes the edited lines only, whatever the file looks like, and is never a guess."""

import difflib
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from qtcore.definitions.edit import Edit, edit_text
from qtcore.definitions.source import read_yaml
from qtcore.errors import InputRejected

ODD = """\
# 规则文件 — the rules of a plant
rules:   # all of them

  -   id:   R-1      # the first
      check:  'balance_ok'   # 必须平衡
      severity: block

  # between
  - {id: R-2, check: "a <= 1.10", severity: warn,   source: {law: "GMP, 附录", status: verified}}   # flow
  - id: R-3
    check: >-
      very_long_name_of_a_fact_number_one == 0 and very_long_name_of_a_fact_number_two == 0 and very_long_name_of_a_fact_number_three == 0
    industries:
      - food     # one
      - pharma

    valid_from: 2026-08-01
    limit: 1.50
    empty:
    # the end of R-3
units:
- id: kg
  factor: 0.010
  aliases: []
"""  # noqa: E501


def changed(before: str, after: str) -> list[str]:
    lines = difflib.ndiff(before.splitlines(keepends=True), after.splitlines(keepends=True))
    return [line.rstrip("\n") for line in lines if line[0] in "+-"]


@pytest.mark.parametrize(
    ("edit", "lines"),
    [
        (
            Edit("rules[R-1].severity", value="warn"),
            ["-       severity: block", "+       severity: warn"],
        ),
        (
            Edit("rules[R-1].check", value="not balance_ok"),
            [
                "-       check:  'balance_ok'   # 必须平衡",
                "+       check:  'not balance_ok'   # 必须平衡",
            ],
        ),
        (
            Edit("rules[R-3].limit", value=Decimal("1.500")),
            ["-     limit: 1.50", "+     limit: 1.500"],
        ),
        (
            Edit("rules[R-3].limit", value="1.50"),
            ["-     limit: 1.50", "+     limit: '1.50'"],
        ),
        (
            Edit("rules[R-3].valid_from", value="0123"),
            ["-     valid_from: 2026-08-01", "+     valid_from: 0123"],
        ),
        (
            Edit("rules[R-3].valid_from", value="NO"),
            ["-     valid_from: 2026-08-01", "+     valid_from: NO"],
        ),
        (Edit("rules[R-3].empty", value=True), ["-     empty:", "+     empty: true"]),
        (
            Edit("rules[R-3].industries", operation="add", value="cosmetics"),
            ["+       - cosmetics"],
        ),
        (Edit("rules[R-3].industries[1]", operation="remove"), ["-       - pharma"]),
        (Edit("rules[R-3].industries[0]", operation="remove"), ["-       - food     # one"]),
        (Edit("rules[R-3].severity", value="info"), ["+     severity: info"]),
        (
            Edit("units[kg].aliases", operation="add", value="千克, kilo"),
            ["-   aliases: []", "+   aliases: ['千克, kilo']"],
        ),
        (Edit("units[kg].code", value="kg"), ["+   code: kg"]),
        (Edit("units[kg].factor", value=1), ["-   factor: 0.010", "+   factor: 1"]),
        (Edit("units[0].factor", operation="remove"), ["-   factor: 0.010"]),
        (
            Edit("rules", operation="add", value={"id": "R-4", "check": "a: b"}),
            ["+   - {id: R-4, check: 'a: b'}"],
        ),
    ],
)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_only_the_edited_lines_change(edit: Edit, lines: list[str], newline: str) -> None:
    before = ODD.replace("\n", newline)
    after = edit_text(before, edit)
    assert [line.rstrip("\r") for line in changed(before, after) if line[0] != "?"] == lines
    assert after.count(newline) == after.count("\n")


def test_a_flow_line_keeps_its_other_signs() -> None:
    after = edit_text(ODD, Edit("rules[R-2].source.law", value="EU GMP"))
    line = ODD.splitlines()[8]
    assert changed(ODD, after)[1:] == ["+ " + line.replace('"GMP, 附录"', '"EU GMP"')]
    after = edit_text(ODD, Edit("rules[R-2].severity", operation="remove"))
    assert "severity: warn" not in after
    assert '"a <= 1.10", source: {law' in after
    after = edit_text(ODD, Edit("rules[R-2].when", value="ok"))
    assert "status: verified}, when: ok}   # flow" in after


def test_a_folded_text_becomes_one_line_and_nothing_else_changes() -> None:
    after = edit_text(ODD, Edit("rules[R-3].check", value="balance_ok"))
    assert "+     check: balance_ok" in changed(ODD, after)
    assert read_yaml(after, "").value["rules"][2]["industries"] == ["food", "pharma"]


def test_a_list_below_its_key_is_replaced_as_a_whole() -> None:
    after = edit_text(ODD, Edit("rules[R-3].industries", value=["food"]))
    assert "    industries: [food]\n\n    valid_from" in after


def test_a_byte_order_mark_stays() -> None:
    before = "\ufeff" + ODD
    after = edit_text(before, Edit("rules[R-1].severity", value="warn"))
    assert after == before.replace("severity: block", "severity: warn")


def test_a_round_trip_through_a_yaml_library_would_change_other_lines() -> None:
    library = YAML()
    library.preserve_quotes = True
    document = library.load(ODD)
    document["rules"][0]["severity"] = "warn"
    out = StringIO()
    library.dump(document, out)
    assert len([line for line in changed(ODD, out.getvalue()) if line[0] == "-"]) > 1


@pytest.mark.parametrize(
    ("path", "operation", "words"),
    [
        ("rules[R-9].severity", "set", "has no 'R-9'; there is: R-1, R-2, R-3"),
        ("rules[R-1].severety", "remove", "did you mean 'severity'?"),
        ("rulez[R-1].check", "set", "did you mean 'rules'?"),
        ("rules[R-1].check", "add", "is no list"),
        ("rules[R-1].check.more", "set", "there is: nothing below it"),
        ("rules[7]", "remove", "has no '7'"),
        ("", "set", "the path is empty"),
        ("rules[R-1", "set", "cannot be read at sign 6"),
    ],
)
def test_a_path_that_leads_nowhere_is_explained(path: str, operation: Any, words: str) -> None:
    with pytest.raises(InputRejected, match=r"path|list") as raised:
        edit_text(ODD, Edit(path, operation, "x"))
    assert words in raised.value.message


def test_a_text_with_mistakes_is_not_edited() -> None:
    with pytest.raises(InputRejected, match="has mistakes of its own"):
        edit_text("rules:\n  - {id: a, id: b}\n", Edit("rules[0].id", value="c"))


FILES = sorted(
    path
    for pattern in ("workflows/*.yaml", "forms/*.yaml", "plugins/*/qt_*/**/*.yaml")
    for path in Path(__file__).resolve().parents[2].glob(pattern)
)
VALUES = st.one_of(
    st.text(st.characters(blacklist_categories=("Cs", "Cc", "Cf", "Zl", "Zp")), max_size=20),
    st.sampled_from(["NO", "0123", "true", "null", "- a", "a: b", "#x", "'", '"', "1.10", " "]),
    st.booleans(),
    st.integers(-(10**20), 10**20),
    st.decimals(allow_nan=False, allow_infinity=False, places=3).map(lambda d: +d),
    st.lists(st.sampled_from(["a", "b, c", "]"]), max_size=3),
)


def paths_of(value: Any, path: str = "") -> list[str]:
    if isinstance(value, dict) and value:
        return [p for k, v in value.items() for p in paths_of(v, f"{path}.{k}" if path else k)]
    if isinstance(value, list) and value:
        return [p for n, v in enumerate(value) for p in paths_of(v, f"{path}[{n}]")]
    return [path]


@settings(max_examples=60, deadline=None)
@given(data=st.data(), value=VALUES)
def test_any_value_of_any_shipped_file_changes_on_its_own_lines(
    data: st.DataObject, value: Any
) -> None:
    path = data.draw(st.sampled_from(FILES))
    text = path.read_text("utf-8")
    before = read_yaml(text, path.name)
    choices = [p for p in paths_of(before.value) if not set(p) & set("'\" ,")]
    where = data.draw(st.sampled_from(choices))
    after = edit_text(text, Edit(where, value=value))
    old, new = text.splitlines(), after.splitlines()
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    blocks = [block for block in matcher.get_opcodes() if block[0] != "equal"]
    assert len(blocks) <= 1
    assert all(block[4] - block[3] <= 1 for block in blocks)
    again = read_yaml(after, path.name)
    assert again.problems == ()
