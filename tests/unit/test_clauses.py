"""The table of clauses says what tests show, and nothing that none does."""

import importlib
import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.conftest import unshown_clauses

SCRIPT = Path(__file__).resolve().parents[2] / ".ci" / "clauses.py"


@pytest.fixture(scope="module")
def clauses() -> ModuleType:
    spec = importlib.util.spec_from_file_location("clauses", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_each_claimed_clause_has_its_test_and_each_marked_one_is_claimed(
    clauses: ModuleType,
) -> None:
    assert clauses.faults() == []
    assert "21 CFR 11.50(a)" in clauses.page()


def test_a_clause_that_no_test_shows_is_named(
    clauses: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    claimed = [*clauses.claims(), {"clause": "21 CFR 11.999", "asks": "a", "does": "b"}]
    monkeypatch.setattr(clauses, "claims", lambda: claimed)
    assert clauses.faults() == ["docs/clauses.yaml: no test shows 21 CFR 11.999"]


def test_a_clause_whose_tests_did_not_pass_is_named() -> None:
    place = ("test.py", 1, "test")
    report = pytest.TestReport(
        "test", place, {}, "passed", None, "call", user_properties=[("clause", "21 CFR 11.70")]
    )
    left = unshown_clauses({"passed": [report]})
    assert "21 CFR 11.70" not in left and "21 CFR 11.50(a)" in left


@pytest.mark.heavy
@pytest.mark.parametrize(("asked", "code"), [({"QTCORE_ONLY_DATA_MAY_SKIP": "1"}, 1), ({}, 0)])
def test_a_run_of_ci_in_which_a_claimed_clause_is_not_shown_fails(
    asked: dict[str, str], code: int
) -> None:
    """The run holds one file, all of it green; without CI's switch it is the control."""
    switch = "QTCORE_ONLY_DATA_MAY_SKIP"
    known = {name: text for name, text in os.environ.items() if name != switch}
    file = "tests/unit/test_rates.py"
    told = subprocess.run(  # this interpreter, on this checkout
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", file],
        cwd=SCRIPT.parents[1],
        env={**known, **asked},
        capture_output=True,
        text=True,
        check=False,
    )
    assert " passed" in told.stdout and " failed" not in told.stdout
    assert told.returncode == code, told.stdout
    said = "no test that passed shows 21 CFR 11.70 of docs/clauses.yaml"
    assert (said in told.stdout) == bool(asked)


@pytest.mark.heavy
def test_the_pages_are_not_made_while_a_claimed_clause_has_no_test(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(str(SCRIPT.parent))
    generated = importlib.import_module("generated")
    monkeypatch.setattr(generated, "pages", dict)
    monkeypatch.setattr(generated, "FOLDER", Path("/nonexistent"))
    assert generated.main(["--check"]) == 0  # the control: each clause has its test
    claimed = [*generated.clauses.claims(), {"clause": "21 CFR 11.999", "asks": "a", "does": "b"}]
    monkeypatch.setattr(generated.clauses, "claims", lambda: claimed)
    assert generated.main(["--check"]) == 1
    assert "no test shows 21 CFR 11.999" in capsys.readouterr().out
