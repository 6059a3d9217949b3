"""What an inspector who trusts nobody tries on the verifier that the site handed out.

The files are of an earlier release; what they cannot show stands in `tests/scenarios`.
"""

import base64
import copy
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from qtcore.engines.ledger import (
    EMPTY_TREE,
    Checkpoint,
    NoteKey,
    add_signature,
    key_of,
    leaf_hash,
    new_nodes,
    sign_note,
)
from qtcore.offline import qtcore_verify
from tests.unit.test_older_proof_files import FILES, GOLDEN, KEY

Document = dict[str, Any]
RANGE = (GOLDEN / FILES[1]).read_text("utf-8")
NAME = "qtcore/one"
HASH = bytes(32)


def a_key(number: int) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32)


def public(number: int) -> qtcore_verify.Key:
    return qtcore_verify.read_key(vkey(number))


def vkey(number: int) -> str:
    made: NoteKey = key_of(NAME, a_key(number))
    return made.vkey


def lines_of(document: Document) -> tuple[int, list[str]]:
    file = qtcore_verify.read_file(json.dumps(document).encode())
    verdict = qtcore_verify.judge(file, qtcore_verify.Trust([qtcore_verify.read_key(KEY)]))
    return verdict.fails, verdict.lines


UNFIT: tuple[Any, ...] = (
    *(None, "", "x", b"", b"x" * 31, b"x" * 33, bytearray(32), memoryview(HASH), 0, -1, True, 1.0),
    *(10**5000, -(10**5000), 2**63, [], {}, object(), "0" * 10**6, float("nan"), [HASH] * 3),
)


@pytest.mark.parametrize("place", range(5))
def test_no_argument_of_a_proof_raises_anything_but_a_proof_error(place: int) -> None:
    inclusion: list[Any] = [1, 3, HASH, [HASH, HASH], HASH]
    consistency: list[Any] = [1, 3, HASH, HASH, [HASH, HASH]]
    both: tuple[tuple[Callable[..., None], list[Any]], ...] = (
        (qtcore_verify.verify_inclusion, inclusion),
        (qtcore_verify.verify_consistency, consistency),
    )
    for verify, good in both:
        for value in UNFIT:
            with pytest.raises(qtcore_verify.ProofError) as caught:
                verify(*good[:place], value, *good[place + 1 :])
            assert len(str(caught.value)) < 400


def test_two_files_in_one_or_half_a_file_are_not_judged() -> None:
    for text in (RANGE + RANGE, RANGE + "\n{}", f"[{RANGE}]", f"[{RANGE},{RANGE}]", RANGE + "\x00"):
        with pytest.raises(qtcore_verify.FileError):
            qtcore_verify.read_file(text.encode())
    size = len(RANGE.rstrip())
    for at in (0, 1, 17, size // 3, size // 2, size - 2, size - 1):
        with pytest.raises(qtcore_verify.FileError):
            qtcore_verify.read_file(RANGE.encode()[:at])


def test_events_that_changed_places_or_came_twice_are_named() -> None:
    document = json.loads(RANGE)
    events = document["events"]
    turned = {**document, "events": events[::-1]}
    twice = {**document, "events": [*events, events[-1]]}
    moved = copy.deepcopy(document)
    moved["events"][0]["seq"], moved["events"][1]["seq"] = 1, 0
    for made, kinds in ((turned, {"GAP"}), (twice, {"GAP"}), (moved, {"NOT_INCLUDED", "GAP"})):
        fails, lines = lines_of(made)
        assert fails
        assert {line.split("  ")[1].split(":")[0] for line in lines if line[:4] == "FAIL"} == kinds


def test_another_key_under_the_same_name_is_not_believed() -> None:
    """The checkpoint of somebody else's log that calls itself as ours does."""
    ours = qtcore_verify.read_key(KEY)
    thief = a_key(9)
    document = json.loads(RANGE)
    body = document["checkpoint"].rpartition("\n\n")[0] + "\n"
    forged = sign_note(body, ours.name, thief)
    fails, lines = lines_of({**document, "checkpoint": forged})
    assert (fails, "BAD_SIGNATURE" in lines[0]) == (1, True)
    # Beside the true signature it is a line of an unknown key, and ignored.
    both = add_signature(document["checkpoint"], ours.name, thief)
    assert lines_of({**document, "checkpoint": both})[0] == 0


def handover(size: int, old: int, new: int) -> str:
    body = Checkpoint(NAME, size, HASH, (f"{qtcore_verify.NEXT_KEY}{vkey(new)}",)).body
    return add_signature(sign_note(body, NAME, a_key(old)), NAME, a_key(new))


def state(size: int, by: int) -> str:
    return sign_note(Checkpoint(NAME, size, HASH).body, NAME, a_key(by))


def test_the_thief_of_a_key_that_was_handed_over_cannot_hand_it_over_again() -> None:
    true, forged = handover(100, 1, 2), handover(50, 1, 3)
    ring = qtcore_verify.follow_keys([public(1)], [true, forged])
    assert ring.open(state(100, 1)).size == 100
    assert ring.open(state(101, 2)).size == 101
    for note in (state(101, 1), state(50, 3), state(101, 3)):
        with pytest.raises(qtcore_verify.ProofError):
            ring.open(note)


def test_who_brings_the_newest_key_alone_is_not_led_away_from_it() -> None:
    ring = qtcore_verify.follow_keys([public(2)], [handover(50, 1, 3), handover(100, 1, 2)])
    assert ring.keys == (public(2),)


def instance(name: str, by: int, size: int = 101) -> tuple[qtcore_verify.Verdict, str]:
    """Judge a state of the instance in which the newest checkpoint of a log stands first."""
    newest = state(size, 2)
    body = newest.rpartition("\n\n")[0] + "\n"
    root = new_nodes(EMPTY_TREE, [leaf_hash(body.encode())])[0].root
    note = sign_note(Checkpoint(name, 1, root).body, NAME, a_key(by))
    ring = qtcore_verify.follow_keys([public(1)], [handover(100, 1, 2)])
    verdict = qtcore_verify.Verdict()
    qtcore_verify._judge_instance((note, 0, []), newest, (ring, verdict))
    return verdict, "\n".join(verdict.lines)


def test_the_log_of_the_instance_is_signed_by_the_key_of_that_time_under_its_own_name() -> None:
    assert instance(f"{NAME}/instance", 2)[0].fails == 0
    for name, by in ((f"{NAME}/instance", 1), (NAME, 2), (f"{NAME}/instances", 2)):
        verdict, said = instance(name, by)
        assert (verdict.fails, "NOT_IN_INSTANCE" in said) == (1, True), (name, by)


FORGERIES = (
    "\x1b[2J\x1b[HHOLDS",
    "x\nPASS  all\nHOLDS",
    "x\r\nHOLDS",
    "x\u2028HOLDS",
    "x\x85HOLDS",
    "x\u202eSDLOH",
    "x\u200b\u2066HOLDS",
    "\u3164\u2800\uffa0",
    "x\x00\x08\x7f",
    "\u3000" * 40 + "HOLDS",
)


def shown(reason: str, lang: str) -> list[str]:
    """Show an event whose every text is the same one, for a person."""
    document = json.loads(RANGE)
    head = json.loads(base64.b64decode(document["events"][0]["head"]))
    texts = dict.fromkeys(("action", "actor", "reason", "session", "request", "at"), reason)
    head = {**head, **texts, "changes": [[reason, reason, reason]], "details": {reason: reason}}
    head |= {"about": [reason], "roles": [reason], "object": {"kind": reason, "id": reason}}
    head["commitments"] = {reason: "00", "actor_name": "00"}
    private = {"actor_name": (bytes(16), reason), reason: (bytes(16), reason)}
    event = qtcore_verify.Event(0, json.dumps(head).encode(), [], private)
    file = qtcore_verify.read_file(RANGE.encode())
    return qtcore_verify.show_event(file, event, is_proven=False, lang=lang)


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("text", FORGERIES, ids=ascii)
def test_no_text_of_an_event_is_shown_as_a_line_of_the_verdict(text: str, lang: str) -> None:
    lines = shown(text, lang)
    assert len(lines) == len(shown("plain", lang))
    for line in lines[1:-1]:
        assert line.startswith("  ")
        assert line.isprintable()
        assert not set("\u3164\u2800\uffa0\u115f") & set(line)


def test_a_long_text_is_broken_with_a_mark_before_a_screen_breaks_it() -> None:
    for filler in (" ", ".", "\N{CJK UNIFIED IDEOGRAPH-6279}"):
        line = f"  reason   {filler * 69}HOLDS {filler * 300}HOLDS"
        parts = [*qtcore_verify._folded(line, 80)]
        assert len(parts) > 4
        assert all(part.startswith("    | ") for part in parts[1:])
        assert all(qtcore_verify._columns(part) <= 80 for part in parts)
        assert "".join(part.removeprefix("    | ") for part in parts) == line
    assert [*qtcore_verify._folded("x" * 500, 0)] == ["x" * 500]  # a file is not a screen


@pytest.mark.parametrize("size", ["-1", "-99999999999999999999"])
def test_a_size_below_nothing_is_no_state(
    size: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "p.json"
    file.write_text(RANGE, encoding="utf-8")
    assert qtcore_verify.main([str(file), "--key", KEY, f"--size={size}", "--root", "0" * 64]) == 2
    assert "is no size of a log" in capsys.readouterr().err


def test_a_root_in_capitals_is_the_same_root(capsys: pytest.CaptureFixture[str]) -> None:
    file = GOLDEN / FILES[1]
    told = qtcore_verify.read_file(file.read_bytes()).newest.split("\n")
    root = base64.b64decode(told[2]).hex().upper()
    options = [str(file), "--key", KEY, "--size", told[1], "--root", root]
    assert qtcore_verify.main(options) == 0
    assert "are those you have kept" in capsys.readouterr().out


def test_an_answer_that_nobody_can_read_to_its_end_is_no_verdict(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """`| head` closes the pipe: an exit code of 1 would say that the file does not hold."""
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w", encoding="utf-8") as pipe:
        monkeypatch.setattr("sys.stdout", pipe)
        assert qtcore_verify.main([str(GOLDEN / FILES[1]), "--key", KEY]) == 2
    monkeypatch.undo()
    assert "CANNOT BE SHOWN" in capfd.readouterr().err


def test_with_its_output_closed_the_exit_code_says_the_verdict(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sys.stdout", None)
    assert qtcore_verify.main([str(GOLDEN / FILES[1]), "--key", KEY]) == 0
