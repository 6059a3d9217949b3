"""A disk whose power is cut: records what SQLite asks of it, and gives what may be left.

The product runs on the real driver and tells, through its trace, every statement with its values.
The same statements then go through SQLite of apsw, whose VFS writes each write, truncation and sync
down on a tape. From one tape any number of cuts is made: what was synced is there, everything
later is kept, lost, reordered or torn at sectors by the lot of a seed.

Covered: the product's own statements, transactions and pragmas, and SQLite's WAL, commits and
checkpoints with them. Not covered: the shared index of several connections (a VFS in Python has no
shared memory, so the replay holds its file exclusively), a directory that forgets a new file, and
a drive that lies about a sync.
"""

import random
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import apsw

from qtcore.services.site import Site

SECTOR = 512


@dataclass(frozen=True)
class Ack:
    """From here on the act counts as done: its answer was given."""

    act: str


@dataclass(frozen=True)
class Op:
    """One request to the disk: "write", "truncate" (to `offset`), "sync" or "delete"."""

    kind: str
    file: str
    offset: int = 0
    data: bytes = b""


Statements = list[str | Ack]
Tape = list[Op | Ack]


@contextmanager
def recorded(site: Site) -> Iterator[Statements]:
    """Note every statement that the site's writer runs, its values written in."""
    statements: Statements = []
    engine = site.store._engines.writer  # the one place where all writes pass
    assert engine is not None
    with engine.connect() as connection:
        driver = connection.connection.driver_connection
    assert driver is not None
    # Lines of a trigger's body come as comments; replaying the statement runs the trigger again.
    driver.set_trace_callback(lambda sql: None if sql.startswith("--") else statements.append(sql))
    try:
        yield statements
    finally:
        driver.set_trace_callback(None)


class _Disk(apsw.VFS):
    def __init__(self, name: str, tape: Tape) -> None:
        self.tape = tape
        super().__init__(name, base="")

    def xOpen(self, name, flags):
        return _File(self.tape, name, flags)

    def xDelete(self, name, sync_dir):
        super().xDelete(name, sync_dir)
        self.tape.append(Op("delete", Path(name).name))


class _File(apsw.VFSFile):
    def __init__(self, tape: Tape, name, flags) -> None:
        self.tape = tape
        self.file = Path(name.filename() if isinstance(name, apsw.URIFilename) else name).name
        super().__init__("", name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:
        super().xWrite(data, offset)
        self.tape.append(Op("write", self.file, offset, bytes(data)))

    def xTruncate(self, size: int) -> None:
        super().xTruncate(size)
        self.tape.append(Op("truncate", self.file, size))

    def xSync(self, flags: int) -> None:
        # Nothing is asked of the real disk: the tape alone says what is safe.
        self.tape.append(Op("sync", self.file))


def played(
    statements: Sequence[str | Ack], file: Path, pragmas: Mapping[str, str], pages: int
) -> Tape:
    """Run the statements on `file` through apsw; gives the tape.

    `pages`: how large the WAL grows before SQLite carries it over, so that short runs have
    checkpoints too.
    """
    tape: Tape = []
    disk = _Disk(f"power-{id(tape)}", tape)
    connection = apsw.Connection(str(file), vfs=f"power-{id(tape)}")
    connection.execute("PRAGMA locking_mode=EXCLUSIVE").fetchall()
    for name, value in {**pragmas, "wal_autocheckpoint": str(pages)}.items():
        connection.execute(f"PRAGMA {name}={value}").fetchall()
    for statement in statements:
        if isinstance(statement, Ack):
            tape.append(statement)
        else:
            connection.execute(statement).fetchall()
    length = len(tape)
    connection.close()
    disk.unregister()
    return tape[:length]


def cut(tape: Tape, base: bytes, name: str, seed: int) -> tuple[dict[str, bytes], list[str]]:
    """Cut the power at a random place: the files that are left, and the acts acknowledged."""
    lot = random.Random(seed)
    past = tape[: lot.randrange(1, len(tape) + 1)]
    files: dict[str, bytearray] = {name: bytearray(base)}
    waiting: dict[str, list[Op]] = {}
    for op in past:
        if isinstance(op, Ack):
            continue
        if op.kind == "sync":
            for each in waiting.pop(op.file, ()):
                _apply(files, each)
        else:
            waiting.setdefault(op.file, []).append(op)
    for ops in waiting.values():
        _leave_some(files, ops, lot)
    left = {file: bytes(content) for file, content in files.items()}
    return left, [op.act for op in past if isinstance(op, Ack)]


def _leave_some(files: dict[str, bytearray], ops: list[Op], lot: random.Random) -> None:
    share = lot.choice((0.0, 0.3, 0.7, 1.0))
    kept = [op for op in ops if lot.random() < share]
    if lot.random() < 0.5:
        lot.shuffle(kept)
    for op in kept:
        if op.kind != "write" or lot.random() < 0.7:
            _apply(files, op)
            continue
        for start in range(0, len(op.data), SECTOR):
            if lot.random() < 0.5:
                part = op.data[start : start + SECTOR]
                _apply(files, Op("write", op.file, op.offset + start, part))


def _apply(files: dict[str, bytearray], op: Op) -> None:
    if op.kind == "delete":
        files.pop(op.file, None)
        return
    content = files.setdefault(op.file, bytearray())
    end = op.offset + len(op.data)
    if len(content) < end:
        content.extend(bytes(end - len(content)))
    if op.kind == "truncate":
        del content[op.offset :]
    else:
        content[op.offset : end] = op.data


def content_of(file: Path) -> list[str]:
    """Give everything a database holds, to compare two."""
    with closing(sqlite3.connect(file)) as connection:
        return list(connection.iterdump())
