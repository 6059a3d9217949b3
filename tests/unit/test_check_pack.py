from pathlib import Path

import pytest

from qtcore.testing import check_pack

HEAD = """\
pack: mine
version: 0.1.0
requires_qtcore: ">=0.1,<1"
layer: industry
title: {en: Mine, zh-CN: 我的}
"""
TEXTS = """\
language: {language}
texts:
  rules:
    MY-01: {{title: Clean, fix: Clean it}}
"""
RULE = "rules:\n  - {id: MY-01, check: open_deviations == 0%s}\n"
SOURCE = ", source: {law: A law, status: product_default}"


def a_pack(folder: Path, *, rule: str = SOURCE, hooks: str = "", more: str = "") -> Path:
    pack = folder / "qt_mine"
    (pack / "i18n").mkdir(parents=True)
    (pack / "pack.yaml").write_text(HEAD, encoding="utf-8")
    (pack / "rules.yaml").write_text(RULE % rule + more, encoding="utf-8")
    for language in ("en", "zh-CN"):
        text = TEXTS.format(language=language)
        (pack / "i18n" / f"{language}.yaml").write_text(text, encoding="utf-8")
    if hooks:
        (pack / "hooks.py").write_text(hooks, encoding="utf-8")
    return pack


def test_a_sound_pack_conforms(tmp_path):
    assert check_pack(a_pack(tmp_path)).problems == ()


def test_a_rule_without_source_is_named(tmp_path):
    found = check_pack(a_pack(tmp_path, rule=""))
    assert found.problems == ("rule MY-01 has no source; say which law or whose decision it is",)


def test_a_class_without_deadline_is_named(tmp_path):
    plan = (
        "recalls:\n  - id: plan\n    jurisdiction: CN\n    classes: [{id: I}, {id: II}]\n"
        "    nodes: [{id: N1, order: 1, recipient: own, due: {I: PT1H}}]\n"
    )
    found = check_pack(a_pack(tmp_path, more=plan))
    assert "recall plan: class II has no node with a deadline" in found.problems


def test_a_missing_text_is_a_problem(tmp_path):
    pack = a_pack(tmp_path)
    (pack / "i18n" / "zh-CN.yaml").write_text("language: zh-CN\ntexts: {}\n", encoding="utf-8")
    assert "QT125" in str(check_pack(pack))


def test_python_that_is_never_loaded_is_a_problem(tmp_path):
    found = check_pack(a_pack(tmp_path, hooks="def judge_release(lot):\n    return []\n"))
    assert found.problems == ("qt_mine/hooks.py is not loaded; add an __init__.py to the folder",)


def test_python_that_crashes_when_loaded_is_named(tmp_path, monkeypatch: pytest.MonkeyPatch):
    pack = a_pack(tmp_path)
    (pack / "__init__.py").write_text("raise RuntimeError('no licence')\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    assert "QT122 pack 'mine' failed in its import: RuntimeError: no licence" in str(
        check_pack(pack)
    )
