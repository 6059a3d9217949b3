"""Each row of the attack tables has a test that exists, and a defence that stands in the code."""

import ast
import re
from functools import cache

import pytest

from tests.defences import ATTACKS, ROOT, table_of

PAGE = ROOT / "docs" / "hard-input.md"


@cache
def names_in(file: str) -> frozenset[str]:
    tree = ast.parse((ROOT / file).read_text("utf-8"))
    return frozenset(each.name for each in tree.body if isinstance(each, ast.FunctionDef))


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda each: each.words)
def test_the_test_of_an_attack_exists_and_so_does_the_defence_it_needs(attack):
    file, _, name = attack.test.partition("::")
    assert name in names_in(file)
    assert attack.off
    for edit in attack.off:
        assert edit.old in (ROOT / edit.file).read_text("utf-8"), edit.old


def test_every_test_that_the_page_names_exists():
    named = re.findall(r"`(tests/[^`:]+)::([^`]+)`", PAGE.read_text("utf-8"))
    assert len(named) > len(ATTACKS)  # those by number of the standard as well
    assert [each for each in named if each[1] not in names_in(each[0])] == []


def test_a_row_without_its_test_or_defence_would_be_found():
    assert "test_no_such" not in names_in("tests/contracts/test_attack_list.py")
    assert "test_no_attack_is_listed_twice" in names_in("tests/contracts/test_attack_list.py")


@pytest.mark.parametrize("table", ["definitions", "web"])
def test_the_documentation_lists_every_row(table):
    assert table_of(table) in PAGE.read_text("utf-8")


def test_no_attack_is_listed_twice():
    assert len({each.words for each in ATTACKS}) == len(ATTACKS)
