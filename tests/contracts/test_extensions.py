"""A later layer changes a definition by naming it; every line keeps its origin; the floor holds."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from qtcore.cli.main import app
from qtcore.registry import compile as compiling
from qtcore.registry.load import check_packs
from qtcore.registry.origins import list_merged

RUNNER = CliRunner()
HEAD = """\
pack: plant
version: 0.1.0
requires_qtcore: ">=0.1,<1"
layer: site
packs: []
title: {en: Plant, zh-CN: 工厂}
"""
STRICTER = """\
rules:
  - id: CORE-04
    extends: true
    check: >-
      inputs_unreleased == 0 and inputs_expired_at_use == 0
      and inputs_recalled == 0 and holds_active == 0
  - id: CORE-02
    extends: {reason: A small plant.}
    severity: warn
workflows:
  - id: lot
    extends: true
    transitions:
      - id: release
        roles: [qp]
"""


def a_site(folder: Path, text: str, head: str = HEAD) -> Path:
    (folder / "pack.yaml").write_text(head, encoding="utf-8")
    (folder / "more.yaml").write_text(text, encoding="utf-8")
    return folder


def test_an_extension_changes_what_it_names_and_nothing_else(tmp_path: Path) -> None:
    compiled = check_packs([a_site(tmp_path, STRICTER)])
    assert compiled.problems == ()
    registry = compiled.get_registry()
    below = check_packs([Path("workflows")]).get_registry()
    was, now = (r.get("workflows", "lot").model_dump() for r in (below, registry))
    changed = {key for key in was if was[key] != now[key]}
    assert changed == {"transitions"}
    steps = {step.id: step for step in registry.get("workflows", "lot").transitions}
    assert steps["release"].roles == ("qp",)
    assert steps["release"].gate == "release"
    assert registry.get("rules", "CORE-02").severity == "warn"
    assert registry.owner_of("rules", "CORE-02") == "base"


def test_every_line_says_which_layer_and_place_it_came_from(tmp_path: Path) -> None:
    compiled = check_packs([a_site(tmp_path, STRICTER)])
    lines = {(line.kind, line.id, line.path): line for line in list_merged(compiled.get_registry())}
    roles = lines["workflows", "lot", "transitions[release].roles"]
    assert (roles.value, roles.layer, roles.pack, roles.line) == ("[qp]", "site", "plant", 15)
    assert roles.file.endswith("more.yaml")
    gate = lines["workflows", "lot", "transitions[release].gate"]
    assert (gate.layer, gate.pack, gate.file) == ("base", "base", "workflows/lot.yaml")
    source = Path(gate.file).read_text("utf-8").splitlines()[gate.line - 1]
    assert "gate: release" in source
    assert "looser: it lowers 'severity'" in lines["rules", "CORE-02", "severity"].note
    assert lines["rules", "CORE-02", "id"].note.endswith("A small plant.")
    assert {line.layer for line in lines.values()} == {"base", "site"}


def test_every_line_of_the_shipped_base_points_at_its_text() -> None:
    registry = check_packs([Path("workflows")]).get_registry()
    lines = [line for line in list_merged(registry) if line.kind == "rules"]
    texts = {line.file: Path(line.file).read_text("utf-8").splitlines() for line in lines}
    assert len(lines) > 50
    for line in lines:
        last = line.path.rsplit(".", 1)[-1]
        assert f"{last}:" in texts[line.file][line.line - 1], line


def test_the_command_shows_the_merged_lines_as_text_and_json(tmp_path: Path) -> None:
    site = str(a_site(tmp_path, STRICTER))
    text = RUNNER.invoke(app, ["check", site, "--show-merged"])
    assert text.exit_code == 0
    assert f"severity: warn  # site plant {site}/more.yaml:9; looser: it lowers" in text.stdout
    told = json.loads(RUNNER.invoke(app, ["check", site, "--show-merged", "--json"]).stdout)
    assert told["ok"]
    assert {"kind", "id", "path", "value", "layer", "pack", "file", "line", "note"} == set(
        told["merged"][0]
    )


LOOSER = """\
rules:
  - id: CORE-03
    extends: {reason: The laboratory is slow.}
    check: oos_open == 0
"""


def test_what_is_mandatory_does_not_become_looser_with_any_reason(tmp_path: Path) -> None:
    compiled = check_packs([a_site(tmp_path, LOOSER)])
    (problem,) = compiled.problems
    assert (problem.code, problem.line, problem.column) == ("QT126", 4, 12)
    assert "for example with" in problem.message
    assert compiled.get_registry().get("rules", "CORE-03").check.endswith("tests_failed == 0")


def test_without_the_floor_a_looser_rule_would_be_in_force(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiling, "check_floor", lambda *_: ())
    compiled = check_packs([a_site(tmp_path, LOOSER)])
    assert compiled.problems == ()
    assert compiled.get_registry().get("rules", "CORE-03").check == "oos_open == 0"


def test_an_extension_of_an_extension_keeps_both_places(tmp_path: Path) -> None:
    plant, site = tmp_path / "plant", tmp_path / "site"
    for folder in (plant, site):
        folder.mkdir()
    head = HEAD.replace("layer: site\npacks: []\n", "languages: []\n").replace("plant", "dairy", 1)
    a_site(
        plant,
        "rules:\n  - {id: CORE-01, extends: true, check: record_complete and balance_ok}\n",
        head,
    )
    a_site(
        site,
        "rules:\n  - id: CORE-01\n    extends: true\n    source: {jurisdiction: CN}\n",
        HEAD.replace("packs: []", "packs: [dairy]"),
    )
    compiled = check_packs([tmp_path])
    lines = {
        line.path: line for line in list_merged(compiled.get_registry()) if line.id == "CORE-01"
    }
    assert (lines["check"].pack, lines["source.jurisdiction"].pack, lines["mandatory"].pack) == (
        "dairy",
        "plant",
        "base",
    )
    assert compiled.problems == ()


def test_loose_yaml_is_checked_with_the_installed_packs(tmp_path: Path) -> None:
    draft = tmp_path / "draft.yaml"
    draft.write_text(
        "rules:\n  - {id: X-1, check: balance_ko, industries: [pharma]}\n", encoding="utf-8"
    )
    done = RUNNER.invoke(app, ["check", str(draft)])
    assert done.exit_code == 1
    assert f"{draft}:2:22: QT203" in done.stdout
    assert "(did you mean 'balance_ok'?)" in done.stdout
    draft.write_text("rules:\n  - {id: X-1, check: balance_ok}\n", encoding="utf-8")
    assert RUNNER.invoke(app, ["check", str(draft)]).exit_code == 0


def test_mistakes_of_one_definition_do_not_hide_those_of_others(tmp_path: Path) -> None:
    draft = tmp_path / "draft.yaml"
    draft.write_text(
        "rules:\n  - {id: X-1, chek: balance_ok}\n"
        "  - {id: X-2, check: \"rule('X-1') and no_fact\"}\n",
        encoding="utf-8",
    )
    found = [(p.code, p.line) for p in check_packs([draft]).problems if p.severity == "error"]
    assert found == [("QT111", 2), ("QT110", 2), ("QT203", 3)]
