"""What a proof says, in the reader's language."""

import re
from pathlib import Path
from string import Formatter

import pytest
from typer.testing import CliRunner

from qtcore.cli.main import app
from qtcore.engines.proofs.phrases import PHRASES

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
