"""The book of a witness: the newest state it has cosigned of each log, checked and kept at once.

It must not know HTTP, nor the database of a site: a witness belongs to somebody else.
"""

import sqlite3
import threading
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from qtcore.engines.ledger import (
    EMPTY_ROOT,
    Checkpoint,
    NoteError,
    NoteKey,
    ProofError,
    UnsignedNote,
    open_note,
    read_checkpoint,
    verify_consistency,
)
from qtcore.engines.ledger.cosign import Submission, read_submission
from qtcore.errors import StoreUnavailable

_TABLE: Final = (
    "CREATE TABLE IF NOT EXISTS seen (origin TEXT NOT NULL, size INTEGER NOT NULL, "
    "root BLOB NOT NULL, note TEXT NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (origin, size))"
)
_NEWEST: Final = "SELECT size, root, note FROM seen WHERE origin = ? ORDER BY size DESC LIMIT 1"


class Refusal(Exception):  # an answer of the protocol, not a defect
    """Why a checkpoint is not cosigned; `status` is the HTTP status of C2SP tlog-witness.

    `size` is given where the log should go on from another size than it thought.
    """

    def __init__(self, status: int, message: str, size: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.size = size


@dataclass(frozen=True, slots=True)
class Accepted:
    """A checkpoint that may be cosigned: the text that is signed."""

    body: str
    checkpoint: Checkpoint


class WitnessBook:
    """A SQLite file of its own, written with every commit down to the disk."""

    def __init__(self, file: Path, keys: Sequence[NoteKey], clock: Callable[[], int]) -> None:
        self._file = file
        self._keys = tuple(keys)
        self._clock = clock
        self._turn = threading.Lock()
        try:
            with closing(self._open()) as db:
                db.execute(_TABLE)
        except sqlite3.Error as exc:
            raise StoreUnavailable(
                f"the book of the witness {file} cannot be used: {exc}; never make a new one in "
                "its place, or what it has seen is forgotten: restore it from its backup"
            ) from exc

    def accept(self, body: bytes) -> Accepted:
        """Check a submission and keep its state; raises Refusal and keeps nothing else."""
        try:
            submission = read_submission(body)
            accepted = self._read(submission)
        except NoteError as exc:
            raise Refusal(400, str(exc)) from exc
        with self._turn, closing(self._open()) as db:
            # The lock of the file is held from the look to the writing: two submissions at once
            # cannot roll the state back, nor two processes on one book.
            db.execute("BEGIN IMMEDIATE")
            try:
                self._check_and_keep(db, submission, accepted)
            except Refusal:
                db.execute("ROLLBACK")
                raise
            db.execute("COMMIT")
        return accepted

    def newest(self, origin: str) -> tuple[int, str] | None:
        """Give the size and the note that was seen last of a log."""
        with closing(self._open()) as db:
            row = db.execute(_NEWEST, (origin,)).fetchone()
        return None if row is None else (row[0], row[2])

    def _open(self) -> sqlite3.Connection:
        db = sqlite3.connect(self._file, isolation_level=None, timeout=30)
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        return db

    def _read(self, submission: Submission) -> Accepted:
        _require_shape(submission.note)
        origin = submission.note.split("\n", 1)[0]
        keys = [k for k in self._keys if origin == k.name or origin.startswith(f"{k.name}/")]
        if not keys:
            raise Refusal(404, f"the log {origin[:200]!r} is not known to this witness")
        try:
            opened = open_note(submission.note, keys)
        except UnsignedNote as exc:
            raise Refusal(403, str(exc)) from exc
        checkpoint = read_checkpoint(opened.body)
        if submission.old > checkpoint.size:
            raise Refusal(400, f"old size {submission.old} is beyond size {checkpoint.size}")
        return Accepted(opened.body, checkpoint)

    def _check_and_keep(
        self, db: sqlite3.Connection, submission: Submission, accepted: Accepted
    ) -> None:
        new = accepted.checkpoint
        row = db.execute(_NEWEST, (new.origin,)).fetchone()
        size, root = (row[0], bytes(row[1])) if row else (0, EMPTY_ROOT)
        if submission.old != size:
            raise Refusal(409, f"this witness has seen {size} of {new.origin}", size)
        if new.size == size and new.root != root:
            raise Refusal(409, f"this witness has seen another root of {size} events", size)
        _check_proof(submission, (size, root), new)
        if row is None or new.size > size:
            values = (new.origin, new.size, new.root, submission.note, self._clock())
            db.execute("INSERT INTO seen VALUES (?, ?, ?, ?, ?)", values)


def _require_shape(note: str) -> None:
    """Refuse what is no signed checkpoint at all; whether a known key signed it comes later."""
    body, blank, lines = note.rpartition("\n\n")
    if not blank or not lines.endswith("\n"):
        raise NoteError("the note has no signature lines below a blank line")
    read_checkpoint(f"{body}\n")


def _check_proof(submission: Submission, old: tuple[int, bytes], new: Checkpoint) -> None:
    size, root = old
    if size == 0:
        if submission.proof:
            raise Refusal(422, "a proof from size 0 must be empty")
        return
    try:
        verify_consistency(size, new.size, root1=root, root2=new.root, proof=submission.proof)
    except ProofError as exc:
        raise Refusal(422, f"the log does not continue what was seen: {exc}") from exc
