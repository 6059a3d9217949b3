"""A second process that looks at pieces of a long history beside the first, where a core is free.

It must not judge: of a piece in which anything does not fit at a glance it says nothing, and the
check itself looks at it. So it can be lost, late or wrong about the end without harm.
"""

import gc
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache, partial
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any, Final, NamedTuple

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session

from qtcore.errors import QTCoreError
from qtcore.store.engines import open_engines, read_target
from qtcore.store.sealed_rows import read_piece, sealed_rows

# Starting a process takes one to two seconds: what one process checks of this many in that time.
_WORTH_IT: Final = 200_000
# One piece in hand and one that waits, so that the process never waits for the first one.
_AT_ONCE: Final = 2
# No room for one more process; the caller is a daemon process, which may have none of its own.
_NOT_STARTED: Final = (OSError, AssertionError)
# What content written by hand can raise in a check that does not expect it.
_UNREADABLE: Final = (
    SQLAlchemyError, QTCoreError, ValueError, TypeError, LookupError, ArithmeticError,
    AttributeError, RecursionError, MemoryError,
)  # fmt: skip
# So many pieces may be looked at ahead of the one whose turn it is: their hashes are held.
_AHEAD: Final = 8
_PATIENCE: Final = 60.0
# Rows are tuples that no circle holds: the collector would look through them a dozen times.
_COLLECTED_AFTER: Final = (50_000, 20, 50)


class Glance(NamedTuple):
    """The leaf hashes and times of a piece in which every entry was found to be as recorded."""

    leaves: list[bytes]
    times: list[str]


def look_at(session: Session, tenant_id: int, first: int, end: int) -> Glance | None:
    """Look at the entries from `first` to before `end`; None where one is missing or unfit."""
    rows = sealed_rows(session, tenant_id, first, end, limit=end - first)
    if len(rows) != end - first:
        return None
    piece = read_piece(session, tenant_id, rows)
    told = piece.columns
    is_whole = all(is_fitting for is_fitting, _ in piece.parts())
    is_in_order = [*told.seqs] == [*range(first, end)]
    return Glance([*told.leaves], [*told.times]) if is_whole and is_in_order else None


def glance_at(url: str, tenant_id: int, first: int, end: int) -> Glance | None:
    """Look at some entries of a database; None as well where they cannot be read."""
    try:
        with Session(_readers(url), autoflush=False) as session:
            return look_at(session, tenant_id, first, end)
    except (SQLAlchemyError, QTCoreError):
        return None


@cache
def _readers(url: str) -> Engine:
    return open_engines(read_target(url), writable=False).readers


_Look = Callable[[int, int], Glance | None]


class SecondReader:
    """What the other process is asked, and what it has said; without a link, there is none."""

    def __init__(self, link: "Connection | None" = None) -> None:
        self._link = link
        self._is_up = False
        self.asked: dict[int, None] = {}

    @property
    def is_free(self) -> bool:
        """Say whether it would begin with a piece at once, or soon."""
        return self._is_up and self._link is not None and len(self.asked) < _AT_ONCE

    def ask(self, first: int, end: int) -> None:
        """Ask for a piece."""
        self.asked[first] = None
        try:
            if self._link is not None:
                self._link.send((first, end))
        except OSError:
            self._link = None

    def hear(self, *, waits: bool = False) -> Iterator[tuple[int, Glance | None]]:
        """Take what was found by now; all that was asked is answered with None by one lost."""
        try:
            while self._link is not None and self._link.poll(_PATIENCE if waits else 0):
                said = self._link.recv()
                if self._is_up:
                    first = next(iter(self.asked))
                    del self.asked[first]
                    yield first, said
                self._is_up, waits = True, False
            if waits:
                self._link = None  # it is late for good
        except (EOFError, OSError):
            self._link = None
        if self._link is None:
            yield from dict.fromkeys([*self.asked]).items()
            self.asked.clear()


class Sharing:
    """Who looks at which piece: whoever is free takes the next one; they are given in order."""

    def __init__(self, second: SecondReader, look: _Look, size: int, end: int) -> None:
        self._second, self._look, self._size, self._end = second, look, size, end
        self._found: dict[int, Glance | None] = {}
        self._next = 0

    def find(self, place: int) -> Glance | None:
        """Give what was found in the piece that begins at a place; None: look yourself.

        While the other process is not done with it, pieces behind it are looked at here.
        """
        self._found = {first: each for first, each in self._found.items() if first >= place}
        self._hear()
        if not self._is_begun(place):
            self._next = max(self._next, place + self._size)
        last = place + _AHEAD * self._size
        self._hand_out(last)
        while place in self._second.asked:
            if self._is_open(last):
                self._found[self._next] = self._look(self._next, self._next + self._size)
                self._next += self._size
                self._hear()
            else:
                self._hear(waits=True)
            self._hand_out(last)
        return self._found.pop(place, None)

    def begun_after(self, place: int) -> int | None:
        """Give the next place behind one with which somebody has begun."""
        begun = [*self._found, *self._second.asked]
        return min((first for first in begun if first > place), default=None)

    def _is_begun(self, place: int) -> bool:
        return place in self._found or place in self._second.asked

    def _is_open(self, last: int) -> bool:
        return self._next < last and self._next + self._size <= self._end

    def _hand_out(self, last: int) -> None:
        while self._second.is_free and self._is_open(last):
            self._second.ask(self._next, self._next + self._size)
            self._next += self._size

    def _hear(self, *, waits: bool = False) -> None:
        self._found.update(self._second.hear(waits=waits))


@contextmanager
def second_reader(url: str, tenant_id: int, entries: int) -> Iterator[SecondReader]:
    """Start the other process for a history of so many entries, if it is worth it."""
    if entries < _WORTH_IT or _free_cores() < 2:
        yield SecondReader()
        return
    # A forked process would share connections and locks of the threads of this one.
    spawned = get_context("spawn")
    ours, theirs = spawned.Pipe()
    look = partial(glance_at, url, tenant_id)
    process = spawned.Process(target=_answer, args=(theirs, look), daemon=True)
    try:
        process.start()
    except _NOT_STARTED:
        ours.close()
        yield SecondReader()
        return
    finally:
        theirs.close()
    try:
        yield SecondReader(ours)
    finally:
        ours.close()
        process.terminate()
        process.join()


def _answer(link: "Connection", look: _Look) -> None:
    """Say that the process is up, then what it finds, until nobody asks any more."""
    gc.set_threshold(*_COLLECTED_AFTER)
    with suppress(EOFError, OSError, KeyboardInterrupt):
        link.send(None)
        while True:
            link.send(_look_or_none(look, *link.recv()))


def _look_or_none(look: _Look, first: int, end: int) -> Glance | None:
    try:
        return look(first, end)
    except _UNREADABLE:
        return None  # the first process looks itself, and says what is wrong


def _free_cores() -> int:
    allowed: Any = getattr(os, "sched_getaffinity", None)
    return len(allowed(0)) if allowed else os.cpu_count() or 1
