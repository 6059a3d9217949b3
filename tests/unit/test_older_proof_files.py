"""Files that the first release wrote: today's verifier still judges them, in both languages."""

import base64
import copy
import io
import json
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from random import Random
from typing import Any

import pytest

from qtcore.offline import qtcore_verify

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
KEY = "qtcore/test-1+5996b15b+AZF8w/cAdUtphcBYYuH6PONVS45QiHlj2WD6dU50U2m9"
FILES = ("proof_format_1_lot.json", "proof_format_1_range.json")


def judged(file: Path, *more: str) -> tuple[int, list[str]]:
    out = io.StringIO()
    with redirect_stdout(out), redirect_stderr(io.StringIO()):
        code = qtcore_verify.main([str(file), "--key", KEY, "--verdict", *more])
    return code, out.getvalue().splitlines()


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_the_first_format_holds(name: str) -> None:
    assert json.loads((GOLDEN / name).read_text())["format"] == "qtcore-proof/1"
    code, lines = judged(GOLDEN / name)
    assert (code, lines[-1]) == (0, "HOLDS")


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_the_first_format_that_was_bent_does_not_hold(name: str, tmp_path: Path) -> None:
    told = json.loads((GOLDEN / name).read_text())
    event = told["events"][0]
    event["seq"] = told["events"][1]["seq"]
    (tmp_path / "bent.json").write_text(json.dumps(told))
    code, lines = judged(tmp_path / "bent.json")
    assert (code, lines[-1]) == (1, "DOES NOT HOLD")
    assert any(line.startswith("FAIL  NOT_INCLUDED") for line in lines)


def test_keys_of_the_second_format_are_refused_in_the_first(tmp_path: Path) -> None:
    told = json.loads((GOLDEN / FILES[0]).read_text())
    (tmp_path / "mixed.json").write_text(json.dumps({**told, "stamps": []}))
    assert judged(tmp_path / "mixed.json")[0] == 2


@pytest.mark.parametrize("name", FILES)
def test_the_verdict_reads_in_chinese(name: str) -> None:
    code, lines = judged(GOLDEN / name, "--lang", "zh")
    assert (code, lines[-1]) == (0, "成立")
    assert {line.split("  ")[0] for line in lines if "  " in line} <= {"通过", "说明"}
    english = judged(GOLDEN / name)[1]
    assert [x[:4] for x in english].count("PASS") == [x[:2] for x in lines].count("通过")


def test_each_kind_of_failure_is_worded_in_chinese() -> None:
    source = Path(qtcore_verify.__file__).read_text()
    kinds = {part.split('"')[0] for part in source.split('verdict.failed("')[1:]}
    kinds |= {"NOT_COMPARED", "GAP"}
    assert kinds == set(qtcore_verify._KINDS_ZH)
    for kind in kinds:
        line = qtcore_verify._in_chinese(f"FAIL  {kind}: event 3: why")
        assert line.startswith(f"不符  {kind}（")
        assert line.endswith("）: event 3: why")


def test_events_read_in_chinese(capsys: pytest.CaptureFixture[str]) -> None:
    qtcore_verify.main([str(GOLDEN / FILES[0]), "--lang", "zh"])
    shown = capsys.readouterr().out.partition("通过")[0]
    for english in ("clock of", "account", "roles", "version", "request ", "nothing"):
        assert english not in shown
    assert "角色 qp" in shown and "版本 2" in shown


ODD: list[Any] = [None, True, -1, 2**70, "", [], {}, "\ud800", "AAAA", [[]], "\n", 1.5]


def places_in(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """List the way to each value inside a document."""
    yield path
    inside = value.items() if isinstance(value, dict) else ()
    for key, each in enumerate(value) if isinstance(value, list) else inside:
        yield from places_in(each, (*path, key))


def change_one(document: Any, chance: Random) -> None:
    """Put something else at one place of a document, often inside the head of an event."""
    *way, last = chance.choice([*places_in(document)][1:])
    at = document
    for key in way:
        at = at[key]
    if last == "head" and chance.random() < 0.9:
        head = json.loads(base64.b64decode(at[last]))
        change_one(head, chance)
        written = json.dumps(head, sort_keys=True, separators=(",", ":")).encode()
        at[last] = base64.b64encode(written).decode()
    else:
        at[last] = chance.choice(ODD)


@pytest.mark.parametrize("name", FILES)
def test_a_file_with_anything_changed_is_judged_without_an_exception(
    name: str, tmp_path: Path
) -> None:
    whole, chance = json.loads((GOLDEN / name).read_text()), Random(name)
    heads = {each["head"] for each in whole["events"]}
    codes = set()
    for _ in range(80):
        document = copy.deepcopy(whole)
        change_one(document, chance)
        (tmp_path / "file.json").write_text(json.dumps(document))
        code, _ = judged(tmp_path / "file.json")
        codes.add(code)
        assert code or heads >= {each["head"] for each in document["events"]}
    assert {1, 2} <= codes <= {0, 1, 2}
