"""Each budget catches a planted violation, and the honest twin beside it passes."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]


def _load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("budgets", CHECKOUT / ".ci" / "budgets.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["budgets"] = module
    spec.loader.exec_module(module)
    return module


budgets = _load()


def _function(lines: int, *, name: str = "f", docstring: int = 0) -> str:
    """A function of exactly `lines` lines, its docstring of `docstring` lines not counted."""
    doc = ['    """Says', *["    more"] * (docstring - 2), '    """'] if docstring else []
    return "\n".join([f"def {name}():", *doc, *["    x = 1"] * (lines - 1)]) + "\n"


def _rules(source: str, path: str = "qtcore/lots.py") -> list[str]:
    return [each.rule for each in budgets.check_source(path, source)]


PLANTED = {
    "file-length": "x = 1\n" * 401,
    "function-length": _function(61),
    "parameters": "def f(a, b, c, d, e): ...\n",
    "class-name": "class LotManager: ...\n",
    "local-import": "def f():\n    import json\n    return json\n",
    "silent-except": "try:\n    f()\nexcept KeyError:\n    pass\n",
    "catch-all": "try:\n    f()\nexcept Exception as exc:\n    g(exc)\n",
    "unfinished": "x = 1  # TODO: later\n",
}
HONEST = {
    "file-length": "x = 1\n" * 400,
    "function-length": _function(60, docstring=30),
    "parameters": "class A:\n    def f(self, a, b, c, d, *, e, g): ...\n",
    "class-name": "class HandlerReport: ...\n",
    "local-import": "import json\n",
    "silent-except": "try:\n    f()\nexcept KeyError:\n    g()\n",
    "catch-all": "try:\n    f()\nexcept (KeyError, OSError) as exc:\n    g(exc)\n",
    "unfinished": "x = 'TODO is a word in a text'\n",
}


@pytest.mark.parametrize("rule", PLANTED)
def test_a_planted_violation_is_caught_by_its_rule_alone(rule):
    assert _rules(PLANTED[rule]) == [rule]


@pytest.mark.parametrize("rule", HONEST)
def test_the_honest_twin_passes(rule):
    assert _rules(HONEST[rule]) == []


@pytest.mark.parametrize(
    "path", ["qtcore/utils.py", "qtcore/helpers/lots.py", "plugins/food/qt_food/common.py"]
)
def test_a_module_or_folder_name_that_says_nothing_is_caught(path):
    assert _rules("x = 1\n", path) == ["module-name"]


@pytest.mark.parametrize(
    "source",
    [
        "try:\n    f()\nexcept:\n    g()\n",
        "try:\n    f()\nexcept (KeyError, BaseException):\n    g()\n",
        "with contextlib.suppress(Exception):\n    f()\n",
    ],
    ids=["bare", "in a tuple", "suppress"],
)
def test_other_ways_to_catch_everything_are_caught(source):
    assert _rules(source) == ["catch-all"]


def test_each_place_that_may_catch_everything_gives_its_reason():
    assert all(budgets.CATCH_ALL.values())
    assert _rules(PLANTED["catch-all"], "qtcore/registry/fence.py") == []


def test_only_the_command_line_may_import_when_called():
    assert _rules(PLANTED["local-import"], "qtcore/cli/demo.py") == []
    assert _rules(PLANTED["local-import"], "qtcore/client.py") == ["local-import"]


def test_tests_keep_the_sizes_only():
    assert _rules(PLANTED["parameters"], "tests/unit/test_x.py") == []
    assert _rules(PLANTED["function-length"], "tests/unit/test_x.py") == ["function-length"]


def test_more_than_one_in_twenty_long_functions_is_caught():
    short = "".join(_function(3, name=f"s{n}") for n in range(37))
    long = "".join(_function(45, name=f"l{n}") for n in range(2))
    assert [each.rule for each in budgets.check_shares({"qtcore/a.py": short + long})] == [
        "function-share"
    ]
    assert budgets.check_shares({"qtcore/a.py": short, "qtcore/b.py": long + short}) == []


def test_a_violation_says_where_what_limit_and_what_to_do():
    (found,) = budgets.check_source("qtcore/lots.py", PLANTED["parameters"])
    assert str(found) == (
        "qtcore/lots.py:1: parameters: f() takes 5 by position (limit: 4); "
        "make the later ones keyword-only with *, or give their group a name"
    )


def _project(folder: Path, debts: str) -> Path:
    (folder / "qtcore").mkdir()
    (folder / "qtcore" / "lots.py").write_text(PLANTED["parameters"])
    (folder / ".ci").mkdir()
    (folder / ".ci" / "debts.txt").write_text(debts)
    (folder / "docs" / "decisions").mkdir(parents=True)
    (folder / "docs" / "decisions" / "0007-five-of-them.md").write_text("Because.\n")
    return folder


@pytest.mark.parametrize(
    ("debts", "left"),
    [
        ("", ["parameters"]),
        ("parameters qtcore/lots.py 0007\n", []),
        ("parameters qtcore/lots.py\n", ["debt"]),
        ("parameters qtcore/lots.py 0007\nfile-length qtcore/lots.py 0007\n", ["debt"]),
    ],
    ids=["none", "with a decision", "without a decision", "paid"],
)
def test_a_debt_needs_a_decision_and_goes_when_it_is_paid(tmp_path, debts, left):
    assert [each.rule for each in budgets.check_tree(_project(tmp_path, debts))] == left


def test_the_gate_fails_on_a_violation_and_prints_it(tmp_path, capsys):
    assert budgets.main(_project(tmp_path, "")) == 1
    assert "qtcore/lots.py:1: parameters" in capsys.readouterr().out
