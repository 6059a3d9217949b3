"""The table of clauses says what tests show, and nothing that none does."""

import importlib.util
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
