"""The witness: what it answers to a log's checkpoints (C2SP tlog-witness), and what it keeps."""

import base64
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from typer.testing import CliRunner

from qtcore.cli.main import app
from qtcore.context import Sources
from qtcore.engines.ledger import (
    EMPTY_TREE,
    Checkpoint,
    Frontier,
    NoteError,
    add_signature,
    consistency_path,
    key_of,
    leaf_hash,
    new_nodes,
    sign_note,
)
from qtcore.engines.ledger.cosign import (
    Submission,
    check_cosignature,
    read_submission,
    read_witness_key,
    write_submission,
)
from qtcore.errors import StoreUnavailable
from qtcore.http.witness import Answer, Witness, read_logs
from qtcore.testing import FrozenClock

ORIGIN = "plant.example/log"
KEY = Ed25519PrivateKey.from_private_bytes(bytes([7]) * 32)
THIEF = Ed25519PrivateKey.from_private_bytes(bytes([8]) * 32)
NO_ROOT = base64.b64encode(bytes(32)).decode()
LEAVES = [leaf_hash(bytes([at])) for at in range(12)]


class Log:
    """A log of leaves, so that its states and proofs can be made for any size."""

    def __init__(self, leaves: list[bytes]) -> None:
        self.leaves = leaves
        self.nodes = {(n.level, n.index): n.hash for n in new_nodes(EMPTY_TREE, leaves)[1]}

    def state(self, size: int) -> Frontier:
        return new_nodes(EMPTY_TREE, self.leaves[:size])[0]

    def note(self, size: int, key: Ed25519PrivateKey = KEY, origin: str = ORIGIN) -> str:
        return sign_note(Checkpoint(origin, size, self.state(size).root).body, ORIGIN, key)

    def asks(self, old: int, size: int, **more) -> bytes:
        proof: tuple[bytes, ...] = ()
        if 0 < old <= size:
            proof = consistency_path(old, size, lambda level, at: self.nodes[level, at])
        return write_submission(Submission(old, more.pop("proof", proof), self.note(size, **more)))


LOG = Log(LEAVES)
FORKED = Log([LEAVES[1], LEAVES[0], *LEAVES[2:]])


@pytest.fixture
def witness(tmp_path: Path) -> Iterator[Witness]:
    sources = Sources(now=FrozenClock().now)
    yield Witness(tmp_path / "witness", (key_of(ORIGIN, KEY),), sources)


def ask(witness: Witness, body: bytes) -> Answer:
    return witness.answer("POST", "/add-checkpoint", body)


def test_a_state_that_continues_what_was_seen_is_cosigned_with_the_time(witness: Witness) -> None:
    for old, size in ((0, 3), (3, 3), (3, 8), (8, 11)):
        answer = ask(witness, LOG.asks(old, size))
        assert answer.status == 200
        body = LOG.note(size).rpartition("\n\n")[0] + "\n"
        at = check_cosignature(body, answer.text, read_witness_key(witness.vkey))
        assert at == int(FrozenClock().at.timestamp())
    found = witness.answer("GET", f"/newest/{ORIGIN}", b"")
    assert (found.status, found.text) == (200, LOG.note(11))


def test_a_cosignature_is_of_one_text_by_one_key(witness: Witness) -> None:
    line = ask(witness, LOG.asks(0, 3)).text
    key = read_witness_key(witness.vkey)
    body = LOG.note(3).rpartition("\n\n")[0] + "\n"
    raw = base64.b64decode(line.split(" ")[2])
    assert (len(raw), raw[:4]) == (76, key.key_id)
    bent = raw[:12] + bytes([raw[12] ^ 1]) + raw[13:]
    later = raw[:11] + bytes([raw[11] ^ 1]) + raw[12:]
    for wrong in (bent, later, raw[:-1]):
        text = f"— {key.name} {base64.b64encode(wrong).decode()}\n"
        with pytest.raises(NoteError):
            check_cosignature(body, text, key)
    with pytest.raises(NoteError, match="does not fit"):
        check_cosignature(body + "more\n", line, key)


def test_a_log_that_went_on_elsewhere_is_told_the_size(witness: Witness) -> None:
    ask(witness, LOG.asks(0, 8))
    for old, size in ((0, 8), (0, 11), (3, 11), (3, 3), (11, 11)):
        answer = ask(witness, LOG.asks(old, size))
        assert (answer.status, answer.media_type, answer.text) == (409, "text/x.tlog.size", "8\n")
    assert ask(witness, LOG.asks(8, 11)).status == 200


def test_a_log_with_another_past_is_refused_and_nothing_is_kept(witness: Witness) -> None:
    ask(witness, LOG.asks(0, 8))
    assert ask(witness, FORKED.asks(8, 8)).status == 409  # the same size, another root
    assert ask(witness, FORKED.asks(8, 11)).status == 422
    assert ask(witness, LOG.asks(8, 11, proof=())).status == 422
    assert ask(witness, LOG.asks(8, 8, proof=(LEAVES[0],))).status == 422
    assert witness.answer("GET", f"/newest/{ORIGIN}", b"").text == LOG.note(8)
    assert ask(witness, LOG.asks(8, 11)).status == 200


def test_a_first_state_needs_an_empty_proof(witness: Witness) -> None:
    assert ask(witness, LOG.asks(0, 3, proof=(LEAVES[0],))).status == 422
    assert ask(witness, LOG.asks(0, 3)).status == 200


def test_an_unknown_log_and_an_unknown_key_are_told_apart(witness: Witness) -> None:
    assert ask(witness, LOG.asks(0, 3, origin="somebody.example/log")).status == 404
    assert ask(witness, LOG.asks(0, 3, key=THIEF)).status == 403
    assert ask(witness, LOG.asks(5, 3)).status == 400
    two = add_signature(LOG.note(3), "other.example", THIEF)
    assert ask(witness, write_submission(Submission(0, (), two))).status == 200


BAD = {
    "nothing": b"",
    "no old line": LOG.asks(0, 3).replace(b"old 0", b"new 0", 1),
    "leading zero": LOG.asks(0, 3).replace(b"old 0", b"old 00", 1),
    "sign": LOG.asks(0, 3).replace(b"old 0", b"old -1", 1),
    "two blanks": LOG.asks(0, 3).replace(b"old 0", b"old  0", 1),
    "short hash": LOG.asks(0, 3).replace(b"old 0\n", b"old 0\nAAAA\n", 1),
    "no base64": LOG.asks(0, 3).replace(b"old 0\n", b"old 0\n****\n", 1),
    "64 hashes": LOG.asks(0, 3, proof=(LEAVES[0],) * 64),
    "no note": b"old 0\n\n",
    "note without signature": LOG.asks(0, 3).rpartition(b"\n\n")[0] + b"\n",
    "bad size": LOG.asks(0, 3).replace(b"\n3\n", b"\n03\n", 1),
    "not UTF-8": b"old 0\n\n\xff",
    "a line that is no signature": LOG.asks(0, 3) + b"junk\n",
    "line ends of another system": b"old 0\n\n" + LOG.note(3).replace("\n", "\r\n").encode(),
    "size no book can keep": write_submission(
        Submission(0, (), sign_note(f"{ORIGIN}\n{2**63}\n{NO_ROOT}\n", ORIGIN, KEY))
    ),
}


@pytest.mark.parametrize("body", BAD.values(), ids=BAD)
def test_a_malformed_submission_is_refused(witness: Witness, body: bytes) -> None:
    answer = ask(witness, body)
    assert answer.status == 400
    assert answer.text.strip()
    assert witness.answer("GET", f"/newest/{ORIGIN}", b"").status == 404


def test_other_addresses_and_methods_are_not_offered(witness: Witness) -> None:
    assert witness.answer("GET", "/add-checkpoint", b"").status == 405
    assert witness.answer("GET", "/", b"").status == 404
    assert witness.answer("POST", "/add-checkpoint", None).status == 413
    assert witness.answer("GET", "/vkey", b"").text == f"{witness.vkey}\n"


def test_submissions_at_once_never_roll_the_state_back(witness: Witness) -> None:
    ask(witness, LOG.asks(0, 2))
    bodies = [LOG.asks(2, size) for size in (3, 4, 5, 6, 7, 8, 9, 10, 11, 12)]
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda body: ask(witness, body), bodies))
    # Each asked from size 2: one was first, and all others were told to come again.
    assert sorted(answer.status for answer in answers) == [200, *[409] * 9]
    winner = next(at for at, answer in enumerate(answers) if answer.status == 200) + 3
    assert witness.answer("GET", f"/newest/{ORIGIN}", b"").text == LOG.note(winner)


def test_a_witness_keeps_its_key_its_book_and_its_logs(tmp_path: Path) -> None:
    vkey = key_of(ORIGIN, KEY).vkey
    keys = read_logs(tmp_path, [vkey])
    first = Witness(tmp_path, keys)
    ask(first, LOG.asks(0, 8))
    again = Witness(tmp_path, read_logs(tmp_path, []))
    assert again.vkey == first.vkey
    assert ask(again, LOG.asks(3, 8)).text == "8\n"
    assert (tmp_path / "witness.key").stat().st_mode & 0o777 == 0o400


def test_what_is_written_is_what_is_read() -> None:
    submission = Submission(3, (LEAVES[0], LEAVES[1]), LOG.note(8))
    assert read_submission(write_submission(submission)) == submission


def test_what_cannot_be_kept_is_not_cosigned(witness: Witness, tmp_path: Path) -> None:
    ask(witness, LOG.asks(0, 3))
    with closing(sqlite3.connect(tmp_path / "witness" / "witness.db")) as db, db:
        db.execute("ALTER TABLE seen RENAME TO gone")
    answer = ask(witness, LOG.asks(3, 8))
    assert (answer.status, "cosignature" in answer.text) == (503, False)
    assert witness.answer("GET", f"/newest/{ORIGIN}", b"").status == 503
    with closing(sqlite3.connect(tmp_path / "witness" / "witness.db")) as db, db:
        db.execute("ALTER TABLE gone RENAME TO seen")
    assert ask(witness, LOG.asks(3, 8)).status == 200


def test_a_book_that_cannot_be_read_is_never_begun_anew(tmp_path: Path) -> None:
    (tmp_path / "witness.db").write_bytes(b"no database" * 1000)
    with pytest.raises(StoreUnavailable, match="never make a new one"):
        Witness(tmp_path, (key_of(ORIGIN, KEY),))


@pytest.mark.parametrize("content", [b"\xff\xfe", b"no key\n"])
def test_a_list_of_logs_that_cannot_be_read_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "logs.txt").write_bytes(content)
    for folder in (tmp_path, tmp_path / "logs.txt"):
        said = CliRunner().invoke(app, ["witness", "--folder", str(folder)])
        assert said.exit_code == 2, said.output
        assert "Traceback" not in said.output
