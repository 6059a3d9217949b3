"""The table of cases in docs/signatures.md names tests that exist, each case with its control."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "signatures.md"
HEAD = "| case | expected | shown by | with the defence off |"


def rows(text: str) -> list[list[str]]:
    """The cells of each case."""
    _, found, rest = text.partition(HEAD)
    assert found, "docs/signatures.md has no table of cases"
    lines = rest.strip().splitlines()[1:]
    table = [line for line in lines if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table]


@cache
def named_in(file: str) -> frozenset[str]:
    """The tests that a file runs: those that nothing skips."""
    path = ROOT / "tests" / file
    tree = ast.parse(path.read_text("utf-8")) if path.is_file() else ast.parse("")
    return frozenset(
        each.name
        for each in ast.walk(tree)
        if isinstance(each, ast.FunctionDef)
        and each.name.startswith("test_")
        and not any("skip" in ast.unparse(mark) for mark in each.decorator_list)
    )


def lacking(text: str) -> list[str]:
    """Say which cases name a test that is not there, or none at all."""
    found = []
    for case, _, *cells in rows(text):
        for cell in cells:
            named = re.findall(r"`([^`]+)::(\w+)`", cell)
            found += [f"{case}: {f}::{name}" for f, name in named if name not in named_in(f)]
            found += [f"{case}: no test" for _ in range(not named)]
    return found


def test_each_case_has_its_test_and_its_control() -> None:
    text = PAGE.read_text("utf-8")
    assert len(rows(text)) >= 28
    assert lacking(text) == []


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("test_a_code_is_not_taken_twice", "test_that_is_gone"),
        ("scenarios/test_who_is_who.py", "scenarios/gone.py"),
    ],
)
def test_control_a_test_that_is_gone_is_named(before: str, after: str) -> None:
    assert after in str(lacking(PAGE.read_text("utf-8").replace(before, after)))


def test_control_a_case_without_a_test_is_named() -> None:
    bare = f"{HEAD}\n|---|---|---|---|\n| something | stops | `unit/test_clauses.py::x` | |\n"
    assert lacking(bare) == ["something: unit/test_clauses.py::x", "something: no test"]
