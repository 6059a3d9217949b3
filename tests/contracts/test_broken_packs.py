import json
from pathlib import Path
from typing import Any

import pytest

from qtcore.definitions.problems import render_problems
from qtcore.registry.compile import Compiled
from qtcore.registry.load import check_packs

BROKEN = Path(__file__).resolve().parent.parent / "broken"
GOLDEN = BROKEN.parent / "golden"
CASES = sorted(head.parent.name for head in BROKEN.glob("*/expected.json"))


@pytest.fixture
def check(monkeypatch):
    """Check a broken pack by a short relative path, as an implementer would."""
    monkeypatch.chdir(BROKEN)
    return lambda name: check_packs([Path(name)])


def report(compiled: Compiled) -> dict[str, Any]:
    shown = ("code", "severity", "file", "line", "column", "suggestion")
    assert compiled.registry is not None
    return {
        "switched_off": [pack.name for pack in compiled.registry.packs if pack.is_broken],
        "problems": [
            {key: problem.as_json()[key] for key in shown} for problem in compiled.problems
        ],
    }


@pytest.mark.parametrize("name", CASES)
def test_a_broken_pack_is_reported_at_its_place_and_stops_nobody_else(check, name):
    compiled = check(name)
    expected = json.loads((BROKEN / name / "expected.json").read_text("utf-8"))
    assert report(compiled) == expected
    assert "base" not in expected["switched_off"]


def test_every_broken_pack_has_its_expected_report():
    folders = {path.name for path in BROKEN.iterdir() if path.is_dir()}
    assert folders == set(CASES)


def test_a_report_reads_as_the_golden_one(check):
    names = ["misspelt_status", "two_syntax_errors", "two_packs_one_field", "not_utf8"]
    text = "".join(
        render_problems((found := check(name)).problems, found.sources) for name in names
    )
    assert text == (GOLDEN / "problems.txt").read_text("utf-8")
