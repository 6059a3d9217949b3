"""Proof files that somebody edited: each is judged or refused in words, never with a traceback."""

import base64
import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import UnsupportedAlgorithm

from qtcore.offline import qtcore_verify
from tests.unit.test_older_proof_files import FILES, GOLDEN, KEY

RANGE = (GOLDEN / FILES[1]).read_text("utf-8")
VALUES: tuple[Any, ...] = (
    *(None, True, -1, 2**63, 10**18, 1.5, "", "x", "\ud800", "AAAA", "\u0663"),
    *([], {}, [[]], {"a": 1}, "\N{EM DASH} qtcore/x AAAA\n"),
)
# What no proof depends on: a label, a time that is not proven, keys that the reader has anyway,
# how many came too late, and names that were left out.
NOT_PROVEN = {("made_at",), ("not_sealed",), ("vkeys",), ("personal",)}


def places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield at
    if isinstance(value, dict | list):
        listed = value.items() if isinstance(value, dict) else enumerate(value[:1])
        for name, each in listed:
            yield from places(each, (*at, name))


def edited(document: Any, at: tuple[Any, ...], value: Any) -> Any:
    if not at:
        return value
    made = copy.deepcopy(document)
    inner = made
    for name in at[:-1]:
        inner = inner[name]
    inner[at[-1]] = value
    return made


def judge(data: bytes) -> int:
    """Judge as the command line does, without writing."""
    try:
        file = qtcore_verify.read_file(data)
        verdict = qtcore_verify.judge(file, qtcore_verify.Trust([qtcore_verify.read_key(KEY)]))
    except qtcore_verify.FileError as error:
        assert str(error)
        return 2
    assert [*qtcore_verify._event_lines(file, verdict, "en")]
    return 1 if verdict.fails else 0


def test_no_edit_of_a_file_holds_or_ends_in_a_traceback() -> None:
    document = json.loads(RANGE)
    document["events"] = document["events"][:2]
    document["about"]["to"] = 1
    assert judge(json.dumps(document).encode()) == 0
    held = set()
    for at in places(document):
        for value in VALUES:
            made = edited(document, at, value)
            data = json.dumps(made, ensure_ascii=False).encode("utf-8", "surrogatepass")
            if made != document and judge(data) == 0:
                held.add(at)
    assert {at[:1] for at in held if "private" not in at} <= NOT_PROVEN
    assert all(at[-1] == "private" for at in held if "private" in at)


HUGE = 10**18
FILES_BY_HAND = {
    "a key twice": RANGE.replace('"about":', '"about": {}, "about":', 1),
    "a fraction": RANGE.replace('"not_sealed": 0', '"not_sealed": 0.0'),
    "not a number": RANGE.replace('"not_sealed": 0', '"not_sealed": NaN'),
    "6,000 digits": RANGE.replace('"not_sealed": 0', f'"not_sealed": {"9" * 6000}'),
    "less than nothing waits": RANGE.replace('"not_sealed": 0', '"not_sealed": -1'),
    "a byte order mark": f"\ufeff{RANGE}",
    "twice": RANGE * 2,
    "half": RANGE[: len(RANGE) // 2],
    "nothing": "",
    "100,000 deep": "[" * 100_000,
    "no event": json.dumps({**json.loads(RANGE), "events": []}),
    "a range that ends before it begins": json.dumps(
        {**json.loads(RANGE), "about": {"from": 3, "to": 2}}
    ),
    "a range below nothing": json.dumps({**json.loads(RANGE), "about": {"from": -3, "to": 2}}),
}


@pytest.mark.parametrize("text", FILES_BY_HAND.values(), ids=FILES_BY_HAND)
def test_a_file_that_says_nothing_cannot_be_judged(text: str, tmp_path: Path) -> None:
    assert text != RANGE
    file = tmp_path / "file.json"
    file.write_text(text, encoding="utf-8")
    assert qtcore_verify.main([str(file), "--key", KEY]) == 2


def test_a_range_of_a_trillion_events_is_a_gap_and_costs_nothing() -> None:
    document = json.loads(RANGE)
    document["about"]["to"] = HUGE
    assert judge(json.dumps(document).encode()) == 1


@pytest.mark.parametrize("sign", ["a", "é"])
@pytest.mark.parametrize("depth", [100, 450, 900, 20_000])
def test_an_event_nested_deep_is_not_canonical(depth: int, sign: str) -> None:
    document = json.loads(RANGE)
    head = '{"x":' * depth + f'"{sign}"' + "}" * depth
    document["events"][0]["head"] = base64.b64encode(head.encode()).decode()
    assert judge(json.dumps(document).encode()) == 1


def test_a_key_typed_with_bytes_that_are_no_text_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "file.json"
    file.write_text(RANGE, encoding="utf-8")
    assert qtcore_verify.main([str(file), "--key", KEY.replace("qtcore", "\udcff")]) == 2
    assert "written name+id+key" in capsys.readouterr().err


def test_a_certificate_of_a_kind_that_is_not_known_here_is_not_trusted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Strange:
        def verify_directly_issued_by(self, issuer: object) -> None:
            raise UnsupportedAlgorithm("1.2.3.4")

    read = "qtcore.offline.qtcore_verify.x509.load_der_x509_certificate"
    monkeypatch.setattr(read, lambda raw: Strange())
    trusted: Any = [object()]
    assert [*qtcore_verify._signers_of_stamps([b"x"], trusted)] == trusted
