"""The tests a pack brings: what holds, what does not, what is wrong in their files, and where."""

import subprocess
import sys
from pathlib import Path
from shutil import copytree

import pytest
from typer.testing import CliRunner

from qtcore.cli.main import app
from qtcore.services.pack_tests import PackTestReport, run_pack_tests

HEAD = """
pack: cellar
version: 1.0.0
requires_qtcore: ">=0.1,<1"
title: {en: Cellar, zh-CN: 酒窖}
languages: [en, zh-CN]
"""
RULES = """
facts:
  - {id: alcohol, type: decimal, from: {field: lot.alcohol}}
fields:
  - entity: lot
    id: lot.cellar
    properties: {alcohol: {type: number, minimum: 0, maximum: 100, x-qt: {decimals: 1}}}
rules:
  - id: CE-01
    check: alcohol <= 15
    when: item_kind == 'finished'
    mandatory: true
    source: {law: Cellar book, status: product_default}
"""
GOOD = """
lots:
  wine: {facts: {item_kind: finished, alcohol: 12.5}}
  port: {like: wine, facts: {alcohol: 19}}
tests:
  - {given: {lot: wine}, when: {rule: CE-01}, then: passes}
  - {given: {lot: port}, when: {rule: CE-01}, then: fails}
  - {given: {lot: wine, without: [alcohol]}, when: {rule: CE-01}, then: unknown}
  - {given: {lot: wine, facts: {item_kind: raw}}, when: {rule: CE-01}, then: outside}
"""
ROOT = Path(__file__).parents[2]


def texts(language: str, words: tuple[str, str, str, str]) -> str:
    fact, field, title, fix = words
    return (
        f"language: {language}\ntexts:\n  facts: {{alcohol: {fact}}}\n"
        f"  fields: {{lot: {{alcohol: {field}}}}}\n"
        f"  rules: {{CE-01: {{title: {title}, fix: {fix}}}}}\n"
    )


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    folder = tmp_path / "cellar"
    for name, text in {
        "pack.yaml": HEAD,
        "rules/rules.yaml": RULES,
        "i18n/en.yaml": texts("en", ("Alcohol", "Alcohol", "Not too strong", "Blend it.")),
        "i18n/zh-CN.yaml": texts("zh-CN", ("酒精度", "酒精度", "不过烈", "请调配。")),
        "tests/rules.yaml": GOOD,
    }.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def outcome_of(pack: Path, *, tests: str = GOOD, rules: str = RULES) -> PackTestReport:
    (pack / "tests/rules.yaml").write_text(tests, encoding="utf-8")
    (pack / "rules/rules.yaml").write_text(rules, encoding="utf-8")
    return run_pack_tests(pack)


def test_a_pack_whose_tests_hold_is_good(pack: Path) -> None:
    report = run_pack_tests(pack)
    assert report.problems == ()
    assert (report.is_good, len(report.results), dict(report.gaps)) == (True, 4, {})


def test_a_changed_rule_makes_a_test_fail_with_expected_found_and_line(pack: Path) -> None:
    report = outcome_of(pack, rules=RULES.replace("<= 15", "<= 20"))
    failure = report.failures[0]
    assert (len(report.failures), failure.line) == (
        1,
        GOOD.splitlines().index("  - {given: {lot: port}, when: {rule: CE-01}, then: fails}") + 1,
    )
    assert failure.failure == (
        "expected fails, found passes; alcohol <= 20 with alcohol = 19, item_kind = finished"
    )


def test_a_mandatory_rule_without_every_case_is_not_good(pack: Path) -> None:
    report = outcome_of(pack, tests="\n".join(GOOD.splitlines()[:-2]))
    assert report.gaps == {"CE-01": ("fact missing", "outside")}
    assert (report.is_good, report.lacking) == (False, ("CE-01",))


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("rule: CE-01}, then: fails", "rule: CE-1}, then: fails", "no rule 'CE-1' (did you mean"),
        ("facts: {item_kind: raw}", "facts: {item_kin: raw}", "did you mean 'item_kind'"),
        ("without: [alcohol]", "without: [alcool]", "did you mean 'alcohol'"),
        ("alcohol: 19", "alcohol: strong", "fact alcohol is 'strong'; it must be of type decimal"),
        ("when: {rule: CE-01}, then: outside", "when: {form: nope}, then: accepted", "no form"),
        (
            "when: {rule: CE-01}, then: outside",
            "when: {workflow: lot, transition: relese}, then: {state: released}",
            "did you mean 'release'",
        ),
        (
            "when: {rule: CE-01}, then: outside",
            "when: {workflow: lot, transition: release, roles: [qa]}, then: {state: released}",
            "expected state released, found refused: QT421",
        ),
    ],
)
def test_a_test_that_cannot_be_run_fails_and_says_what_is_not_there(
    pack: Path, old: str, new: str, says: str
) -> None:
    assert any(
        says in each.failure for each in outcome_of(pack, tests=GOOD.replace(old, new)).failures
    )


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("lot: port", "lot: prt", "there is no lot 'prt' in this file"),
        ("like: wine", "like: vine", "which is no lot of this file"),
        ("like: wine", "like: port", "in a circle: port -> port"),
        ("then: fails", "then: fail", "tests/rules.yaml"),
        ("then: fails", "thn: fails", "thn"),
        ("when: {rule: CE-01}, then: fails", "when: {}, then: fails", "one of: rule, form"),
        ("tests:", "tests: &all", "anchor"),
    ],
)
def test_a_mistake_in_a_file_has_its_place(pack: Path, old: str, new: str, says: str) -> None:
    report = outcome_of(pack, tests=GOOD.replace(old, new, 1))
    assert not report.is_good
    assert any(says in str(problem) for problem in report.problems)
    assert all((p.file, p.line > 1) == ("tests/rules.yaml", True) for p in report.problems)


def test_a_pack_that_does_not_check_is_not_tested(pack: Path) -> None:
    report = outcome_of(pack, rules=RULES.replace("alcohol <= 15", "alcool <= 15"))
    assert (report.is_good, report.results) == (False, ())


def test_the_command_answers_with_its_exit_code(pack: Path) -> None:
    done = CliRunner().invoke(app, ["pack", "test", str(pack)])
    assert (done.exit_code, done.stdout.strip()) == (
        0,
        "cellar: 4 passed, 0 failed; 1 of 1 rules have every case",
    )
    outcome_of(pack, rules=RULES.replace("<= 15", "<= 20"))
    bad = CliRunner().invoke(app, ["pack", "test", str(pack)])
    assert (bad.exit_code, "tests/rules.yaml:7: CE-01 fails" in bad.stdout) == (1, True)


@pytest.mark.heavy
def test_pytest_runs_the_tests_of_a_pack(tmp_path: Path) -> None:
    pack = tmp_path / "qt_cosmetics"
    copytree(ROOT / "plugins/cosmetics/qt_cosmetics", pack)
    rules = pack / "tests/rules.yaml"
    rules.write_text(rules.read_text().replace("then: passes", "then: fails", 1))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--qtcore-pack"]
    done = subprocess.run(
        [*command, str(pack), str(tmp_path)], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 1, done.stdout
    assert "2 failed" in done.stdout  # the test, and the mandatory rule that lost a case
    assert "expected fails, found passes" in done.stdout
