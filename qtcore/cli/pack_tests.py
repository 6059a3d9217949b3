"""Commands for people who write packs: run the tests of a pack, begin a new one.

It must not know what a test says.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from qtcore.cli.options import Console, console
from qtcore.errors import InputRejected

_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_HEAD = """\
pack: {name}
version: 0.1.0
requires_qtcore: ">=0.1,<1"
layer: industry
languages: [en, zh-CN]
title:
  en: {title}
  zh-CN: {title}
"""
_FIELDS = """\
fields:
  - id: {name}.lot
    entity: lot
    properties:
      {name}_water: {{type: number, minimum: 0, maximum: 100, x-qt: {{unit: "%", decimals: 1}}}}
"""
_RULES = """\
facts:
  - {{id: {name}_water, type: decimal, from: {{field: lot.{name}_water}}}}
rules:
  # Change the limit and name where it comes from; `qtcore pack test` shows what the rule decides.
  - id: {code}-01
    check: {name}_water <= 20
    when: item_kind == 'finished'
    source: {{law: Company specification, status: product_default}}
"""
_TESTS = """\
given:
  good_lot:
    industry: {name}
    kind: finished
    lot: {{{name}_water: 18.5}}
tests:
  - {{given: {{uses: [good_lot]}}, when: {{rule: {code}-01}}, then: {{outcome: pass}}}}
  - given: {{uses: [good_lot], lot: {{{name}_water: 20.1}}}}
    when: {{rule: {code}-01}}
    then: {{outcome: fail}}
  - given: {{uses: [good_lot], missing: [{name}_water]}}
    when: {{rule: {code}-01}}
    then: {{outcome: unknown, missing: [{name}_water]}}
  - given: {{uses: [good_lot], kind: raw}}
    when: {{rule: {code}-01}}
    then: {{outcome: not_applicable}}
"""
_TEXTS = """\
language: {language}
texts:
  fields:
    lot:
      {name}_water: {water}
  facts:
    {name}_water: {water}
  rules:
    {code}-01:
      title: {rule}
      fix: {fix}
"""
_WORDS = {
    "en": ("Water content", "Water content is at most 20 %", "Dry the lot, or reject it."),
    "zh-CN": ("水分含量", "水分含量不超过20%", "请干燥该批次,或判为不合格。"),
}


@console(db=False, site=False, acts=False)
def run_tests(
    here: Console,
    path: Annotated[Path, typer.Argument(help="The folder of a pack or site.")],
) -> None:
    """Run the tests in a pack's tests/ folder; exit code 1 when one fails or a case lacks.

    Every mandatory rule needs a test that passes, one that fails, one with a fact missing and one
    to which the rule does not apply; for other rules a lacking case is a warning.
    """
    from qtcore.definitions.problems import render_problems
    from qtcore.services.pack_tests import run_pack_tests

    report = run_pack_tests(path)
    problems = render_problems(report.problems, report.sources)
    here.answer(
        report.as_json(),
        text=lambda a: "\n".join((*_lines(problems), _sum(a))),
    )
    if not report.is_ok:
        raise typer.Exit(1)


def _lines(problems: str) -> list[str]:
    return [problems] if problems else []


def _sum(answer: Mapping[str, Any]) -> str:
    held = answer["tests"] - answer["failed"]
    word = "OK" if answer["ok"] else "FAILED"
    tests = f"{held} of {answer['tests']} tests hold"
    return f"{word}: {tests}; coverage: {answer['coverage']['line']}"


@console(db=False, site=False, acts=False)
def new(
    here: Console,
    name: Annotated[str, typer.Argument(help="The name of the pack, such as honey.")],
    *,
    into: Annotated[Path, typer.Option(help="The folder to make it in.")] = Path(),
) -> None:
    """Begin a pack: a field, a fact, a rule, texts in two languages, and tests of the rule."""
    base = Path(name)
    folder, word = into / base, base.name
    if not _NAME.fullmatch(word):
        raise InputRejected(
            f"{word!r} is no name of a pack; a small letter first, then small letters, digits "
            "or '_', at most 40",
            code="QT481",
        )
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputRejected(f"{folder} exists and is not empty; give a new name", code="QT480")
    for file, text in _files(word).items():
        place = folder / file
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")
    here.answer(
        {"pack": word, "folder": str(folder)},
        text=lambda a: (
            f"made {a['folder']}; next: qtcore check {a['folder']} && "
            f"qtcore pack test {a['folder']}"
        ),
    )


def _files(name: str) -> dict[str, str]:
    code = name.replace("_", "-").upper()
    words = {"name": name, "code": code, "title": name.replace("_", " ").capitalize()}
    texts = {
        f"i18n/{language}.yaml": _TEXTS.format(
            **words, language=language, water=water, rule=rule, fix=fix
        )
        for language, (water, rule, fix) in _WORDS.items()
    }
    return {
        "pack.yaml": _HEAD.format(**words),
        "fields.yaml": _FIELDS.format(**words),
        "rules.yaml": _RULES.format(**words),
        "tests/rules.yaml": _TESTS.format(**words),
        **texts,
    }
