"""What is kept of an earlier compile changes how long the next one takes, and nothing else."""

from pathlib import Path
from typing import Any

import pytest

from qtcore.definitions.definition_file import read_definitions
from qtcore.registry import formulas, proofs
from qtcore.registry.load import check_packs, load_registry
from qtcore.registry.memo import Memo

HEAD = 'pack: plant\nversion: "1"\nrequires_qtcore: ">=0.1,<1"\nlayer: site\npacks: []\n'
HEAD += "languages: [en]\ntitle: {en: Plant}\n"
FLOW = """
roles:
  - {id: doer, permissions: [RIGHTS]}
facts:
  - {id: ripe, type: TYPE, constant: CONSTANT, from: {field: lot.ripe}}
fields:
  - {id: more, entity: lot, properties: {ripe: {type: boolean}}}
workflows:
  - id: small
    subject: lot
    initial: one
    states:
      - {id: one, status: testing}
      - {id: two, status: testing}
      - {id: three, status: rejected, final: true}
    transitions:
      - {id: go, from: [one], to: two, roles: [doer], guard: ripe}
      - {id: on, from: [two], to: three, roles: [doer], guard: GUARD}
      - {id: back, from: [two], to: three, roles: [doer], guard: ripe}
"""
PLAIN = {"RIGHTS": "lot.transition", "CONSTANT": "false", "GUARD": "not ripe", "TYPE": "boolean"}


def codes(folder: Path, **changes: str) -> list[tuple[str, int]]:
    text = FLOW
    for name, value in {**PLAIN, **changes}.items():
        text = text.replace(name, value)
    (folder / "pack.yaml").write_text(HEAD, "utf-8")
    (folder / "more.yaml").write_text(text, "utf-8")
    found = check_packs([folder]).problems
    return [(p.code, p.line) for p in found if p.code.startswith(("QT2", "QT3"))]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, []),
        ({"TYPE": "text"}, [("QT207", 17), ("QT206", 18), ("QT207", 19)]),
        ({"RIGHTS": "lot.read"}, [("QT316", n) for n in (13, 14, 17, 18, 19)]),
        ({"CONSTANT": "true"}, [("QT313", 18)]),
        ({"GUARD": "ripe and not ripe"}, [("QT313", 18)]),
    ],
    ids=["as it is", "kind of fact", "right", "a fact that stays", "guard"],
)
def test_a_proof_is_made_anew_when_anything_it_rests_on_changes(
    tmp_path: Path, monkeypatch: Any, change: dict[str, str], expected: list[tuple[str, int]]
):
    codes(tmp_path)  # what is kept now is about the unchanged files
    kept = codes(tmp_path, **change)
    monkeypatch.setattr(proofs, "_PROVED", Memo(0))
    monkeypatch.setattr(formulas, "_CHECKED", Memo(0))
    assert kept == codes(tmp_path, **change) == expected


def test_unchanged_files_are_not_read_again():
    first = load_registry().get_registry()
    before = read_definitions.cache_info()
    again = load_registry().get_registry()
    after = read_definitions.cache_info()
    assert (again.fingerprint, after.misses) == (first.fingerprint, before.misses)
    assert after.hits > before.hits


def test_the_oldest_answers_are_given_up_first():
    memo: Memo[int] = Memo(2)
    made: list[int] = []

    def work_out(number: int) -> int:
        made.append(number)
        return number

    def answer(number: int) -> int:
        return memo.get(bytes([number]), lambda: work_out(number))

    assert [answer(n) for n in (1, 2, 1, 3, 1, 2)] == [1, 2, 1, 3, 1, 2]
    assert made == [1, 2, 3, 2]
