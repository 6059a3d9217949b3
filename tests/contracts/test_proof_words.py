"""What a proof says, in the reader's language."""

import re
from dataclasses import replace
from pathlib import Path
from string import Formatter

import pytest
from typer.testing import CliRunner

from qtcore.cli.main import app
from qtcore.definitions.workflows import WorkflowDefinition
from qtcore.engines.proofs.phrases import PHRASES
from qtcore.registry.load import check_packs, load_registry
from qtcore.registry.merge import Entry
from qtcore.registry.proofs import Ground, check_proofs

FLOW = """
id: small
subject: lot
initial: one
states:
  - {id: one, status: testing}
  - {id: two, status: testing}
  - {id: three, status: released, final: true}
transitions:
  - {id: check, from: [one], to: two, roles: [qa]}
  - {id: skip, from: [one], to: three, roles: [qa, qp], guard: open_deviations == 0}
  - {id: sign, from: [two], to: three, roles: [qp], signature: {meaning: released}}
verify:
  - {id: signed, always_passes: {to: [three], signature: {meaning: released, roles: [qp]}}}
  - {id: no_skip, never: {transition: skip, state: one, when: holds_active > 0}}
  - {id: first, before: {first: {transition: check}, then: {state: three}}}
  - {id: ends, eventually_possible: {to: [three]}}
  - {id: judged, requires_rule: {to: [three], rule: CORE-03}}
  - {id: others, requires_distinct_persons: {to: [three], other_than: [check]}}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "small.yaml"
    path.write_text(FLOW, "utf-8")
    return path


def test_every_sentence_has_the_same_gaps_in_both_languages():
    gaps = {
        language: {
            key: sorted(name for _, name, _, _ in Formatter().parse(text) if name is not None)
            for key, text in phrases.items()
        }
        for language, phrases in PHRASES.items()
    }
    assert gaps["en"] == gaps["zh-CN"]


def test_a_failed_property_and_its_path_are_told_in_chinese(file: Path):
    told = CliRunner().invoke(app, ["workflow", "verify", str(file), "--lang", "zh-CN"])
    assert told.exit_code == 1
    lines = [line.strip() for line in told.output.splitlines()]
    assert lines[1:4] == [
        "不成立  signed: 到达three的每条路径都经过由qp作出的含义为“released”的签名",
        "one --skip（qa或qp） [open_deviations == 0]--> three",
        "不成立  no_skip: 绝不出现从状态“one”作出的流转“skip”（当 holds_active > 0 时）",
    ]
    assert "同一人可以作出check并sign" in lines
    assert lines[-1] == "已证明 1 项，不成立 5 项，无法判定 0 项，按理由接受 0 项"
    english = re.compile(r"\b(every|never|path|before|leads|person|rule|by)\b")
    assert [line for line in lines if english.search(line)] == []


def test_shipped_workflows_are_told_with_the_names_of_their_parts():
    told = CliRunner().invoke(app, ["workflow", "verify", "lot", "--lang", "zh-CN"]).output
    assert "到达已放行的每条路径都经过关口 release" in told
    assert "从每个状态有路可达已用完或已销毁" in told


BROKEN = Path(__file__).resolve().parent.parent / "broken"
FOUND = sorted(
    folder.parent.name
    for folder in BROKEN.glob("*/expected.json")
    if re.search(r"QT3(1[0-9]|2[02])", folder.read_text("utf-8"))
)


@pytest.mark.parametrize("name", FOUND)
def test_every_report_about_a_life_cycle_has_its_chinese(name: str) -> None:
    codes = {f"QT3{number}" for number in (*range(10, 21), 22)}
    found = [p for p in check_packs([BROKEN / name]).problems if p.code in codes]
    assert found
    for problem in found:
        told, language = problem.message_in("zh-CN")
        assert language == "zh-CN"
        assert re.search(r"[\u4e00-\u9fff]", told)
        assert not re.search(r"\b(every|person|cannot|guard of|transition)\b", told)
        assert problem.message_in("fr") == (problem.message, "en")


def test_a_chinese_report_names_parts_as_the_pack_calls_them() -> None:
    registry = load_registry().get_registry()
    body = registry.get("workflows", "deviation").model_dump(by_alias=True, exclude_none=True)
    for step in body["transitions"]:
        step["not_same_as"], step["creator"] = [], None
    merged = registry._merged
    entry = merged.entries["workflows"]["deviation"]
    edited = replace(entry.located, definition=WorkflowDefinition.model_validate(body))
    flows = {"deviation": Entry(entry.pack, edited)}
    merged = replace(merged, entries={**merged.entries, "workflows": flows})
    ground = Ground(merged, registry._expressions)
    told = [p.problem.message_in("zh-CN")[0] for p in check_proofs(ground)]
    assert any("不成立" in each and "调查" in each for each in told), told
