"""The tests that packs carry: what holds, what fails, and what is said about it."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from qtcore.cli.main import app
from qtcore.services.pack_tests import PackTestReport, run_pack_tests

pytest_plugins = ["pytester"]
RULE = "HONEY-01"


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    answer = CliRunner().invoke(app, ["pack", "new", "honey", "--into", str(tmp_path)])
    assert answer.exit_code == 0, answer.output
    return tmp_path / "honey"


def told(pack: Path, tests: str) -> PackTestReport:
    (pack / "tests/rules.yaml").write_text(tests, encoding="utf-8")
    return run_pack_tests(pack)


def one(report: PackTestReport) -> tuple[str, int, int, str]:
    problems = [p for p in report.problems if p.severity == "error"]
    assert len(problems) == 1, problems
    found = problems[0]
    return found.code, found.line, found.column, found.message


def test_a_new_pack_passes_the_check_and_its_own_tests(pack: Path) -> None:
    runner = CliRunner()
    assert runner.invoke(app, ["check", str(pack)]).exit_code == 0
    answer = runner.invoke(app, ["pack", "test", str(pack), "--json"])
    found = json.loads(answer.stdout)
    assert (answer.exit_code, found["tests"], found["failed"]) == (0, 4, 0)
    assert found["coverage"]["line"] == "1 rules, 4 of 4 cases shown (100 %)"


def test_what_was_expected_and_found_stands_at_its_place(pack: Path) -> None:
    report = told(
        pack,
        "tests:\n"
        "  - given: {lot: {honey_water: 20.1}, industry: honey}\n"
        f"    when: {{rule: {RULE}}}\n"
        "    then: {outcome: pass}\n",
    )
    code, line, column, message = one(report)
    assert (code, line, column) == ("QT160", 4, 21)
    assert message == (
        "rule HONEY-01: expected pass, found fail (check: honey_water <= 20; facts: "
        "honey_water = 20.1, item_kind = finished)"
    )


MISTAKES = [
    ("given: {lot: {honey_watr: 1}}, when: {rule: HONEY-01}", "'honey_watr' is not declared"),
    ("given: {facts: {honey_water: wet}}, when: {rule: HONEY-01}", "it is of type decimal"),
    ("given: {missing: [water]}, when: {rule: HONEY-01}", "'water' is not declared"),
    ("given: {uses: [nobody]}, when: {rule: HONEY-01}", "'nobody' is not declared"),
    ("given: {records: [{record: comb, state: x}]}, when: {rule: HONEY-01}", "'comb' is not"),
    ("when: {rule: HONEY-02}", "there is no rule 'HONEY-02'"),
    ("when: {rule: HONEY-01, form: receipt}", "asks 2 things"),
    ("when: {}", "asks 0 things"),
    ("when: {workflow: lot, fire: release}", "'then' of a workflow says moves_to, stopped"),
]


def test_what_cannot_be_asked_or_told_is_a_mistake_at_its_place(pack: Path) -> None:
    rows = [f"  - {{{test}, then: {{outcome: pass}}}}\n" for test, _ in MISTAKES]
    found = [p for p in told(pack, "tests:\n" + "".join(rows)).problems if p.severity == "error"]
    assert [(p.code, p.line) for p in found] == [("QT161", n + 2) for n in range(len(MISTAKES))]
    for problem, (_, words) in zip(found, MISTAKES, strict=True):
        assert words in problem.message


def test_a_misspelt_key_is_named(pack: Path) -> None:
    report = told(pack, "tests:\n  - when: {rulee: HONEY-01}\n    then: {outcome: pass}\n")
    assert [(p.code, p.line, p.suggestion) for p in report.problems if p.line > 1] == [
        ("QT110", 2, "rule")
    ]


def test_a_mandatory_rule_without_all_cases_fails_the_run(pack: Path) -> None:
    rules = pack / "rules.yaml"
    text = rules.read_text(encoding="utf-8")
    rules.write_text(text.replace("    check:", "    mandatory: true\n    check:"), "utf-8")
    assert run_pack_tests(pack).is_ok
    report = told(
        pack,
        "tests:\n  - given: {lot: {honey_water: 1}, industry: honey}\n"
        "    when: {rule: HONEY-01}\n    then: {outcome: pass}\n",
    )
    code, _, _, message = one(report)
    assert code == "QT162"
    assert message == "mandatory rule HONEY-01 has no test that holds for: fails, missing, outside"


def test_an_optional_rule_without_all_cases_is_a_warning(pack: Path) -> None:
    report = told(pack, "tests: []\n")
    assert report.is_ok
    assert [p.severity for p in report.problems] == ["warning"]


def test_forms_workflows_and_recalls_are_asked_as_well(pack: Path) -> None:
    report = told(
        pack,
        """tests:
  - when: {form: deviation, enter: {severity: enormous}}
    then: {accepted: false}
  - when: {workflow: lot, state: testing, fire: release, roles: [qa], signed: true}
    then: {moves_to: released}
  - when: {workflow: lot, state: testing, fire: release, roles: [operator]}
    then: {stopped: [QT422, QT425]}
  - when:
      {workflow: lot, state: testing, fire: release, roles: [qa], signed: true, objections: [X-1]}
    then: {stopped: [X-1]}
""",
    )
    assert report.is_ok, [str(p) for p in report.problems]


@pytest.mark.heavy
def test_pytest_runs_the_tests_of_a_pack(pack: Path, pytester: pytest.Pytester) -> None:
    words = ["-p", "qtcore.testing.pytest_plugin", "--qtcore-pack", str(pack)]
    held = pytester.runpytest_inprocess(*words)
    held.assert_outcomes(passed=5)
    rules = pack / "rules.yaml"
    rules.write_text(rules.read_text("utf-8").replace("<= 20", "<= 10"), "utf-8")
    broken = pytester.runpytest_inprocess(*words)
    assert broken.ret == pytest.ExitCode.TESTS_FAILED
    broken.stdout.fnmatch_lines("*expected pass, found fail*")


def test_a_name_that_is_no_pack_name_is_refused(tmp_path: Path) -> None:
    answer = CliRunner().invoke(app, ["pack", "new", "2bees", "--into", str(tmp_path)])
    assert answer.exit_code == 1
    assert list(tmp_path.iterdir()) == []
