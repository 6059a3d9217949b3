"""The place of the one process that may write a SQLite file, held as a lock beside the file.

It must not know when a single writer is needed; see `qtcore.store.engines`.
"""

import fcntl
import os
from dataclasses import dataclass
from pathlib import Path

from qtcore.errors import StoreUnavailable


@dataclass(frozen=True, slots=True)
class WriterLock:
    """The held lock; the operating system gives it back when the process ends, however it ends."""

    descriptor: int

    def release(self) -> None:
        """Let the next process write."""
        os.close(self.descriptor)


def take_writer_lock(database: Path) -> WriterLock:
    """Take the writer's place of a database file; raises StoreUnavailable naming who has it."""
    path = database.with_name(f"{database.name}.writer")
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as exc:
        raise StoreUnavailable(
            f"{database} cannot be opened for writing: {exc.strerror} at {path}; create the folder "
            "or correct its rights"
        ) from exc
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as exc:
        holder = os.read(descriptor, 20).decode("ascii", "replace").strip() or "unknown"
        os.close(descriptor)
        raise StoreUnavailable(
            f"{database} is being written by another process (pid {holder}), and the SQLite "
            "library here is older than 3.51.3, in which two writing processes can corrupt a "
            "database; stop that process, use it over HTTP, or move to PostgreSQL",
            code="QT504",
        ) from exc
    os.ftruncate(descriptor, 0)
    os.write(descriptor, f"{os.getpid()}\n".encode())
    return WriterLock(descriptor)
