"""A second process that looks at every other piece of a long history, where a core is free.

It must not judge: of a piece in which anything does not fit at a glance it says nothing, and the
check itself looks at it. So it can be lost, late or wrong about the end without harm.
"""

import os
from collections.abc import Iterator
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from functools import cache
from multiprocessing import get_context
from typing import Any, Final, NamedTuple

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session

from qtcore.errors import QTCoreError
from qtcore.store.engines import open_engines, read_target
from qtcore.store.sealed_rows import read_piece, sealed_rows

# Starting a process takes about two seconds; by the clock both ways take as long at this size.
_WORTH_IT: Final = 300_000


class Glance(NamedTuple):
    """The leaf hashes and times of a piece in which every entry was found to be as recorded."""

    leaves: list[bytes]
    times: list[str]


def glance_at(url: str, tenant_id: int, first: int, end: int) -> Glance | None:
    """Look at the entries from `first` to before `end`; None where one is missing or unfit."""
    try:
        with Session(_readers(url), autoflush=False) as session:
            rows = sealed_rows(session, tenant_id, first, end, limit=end - first)
            if len(rows) != end - first:
                return None
            piece = read_piece(session, tenant_id, rows)
            told = piece.columns
            if not all(is_fitting for is_fitting, _ in piece.parts()):
                return None
    except (SQLAlchemyError, QTCoreError):
        return None
    is_in_order = [*told.seqs] == [*range(first, end)]
    return Glance([*told.leaves], [*told.times]) if is_in_order else None


@cache
def _readers(url: str) -> Engine:
    return open_engines(read_target(url), writable=False).readers


class SecondReader:
    """What is asked of the other process, and what it said."""

    def __init__(self, pool: ProcessPoolExecutor | None, url: str, tenant_id: int) -> None:
        self._pool, self._url, self._tenant_id = pool, url, tenant_id
        self._asked: dict[int, Future[Glance | None]] = {}

    def ask(self, first: int, end: int) -> None:
        """Ask for a piece, if it was not asked for already."""
        if self._pool is None or first in self._asked:
            return
        try:
            asked = self._pool.submit(glance_at, self._url, self._tenant_id, first, end)
        except (BrokenExecutor, RuntimeError):
            self._pool = None
        else:
            self._asked[first] = asked

    def answer(self, first: int) -> Glance | None:
        """Wait for what was found at a place that was asked for; None: look yourself."""
        for passed in [place for place in self._asked if place < first]:
            self._asked.pop(passed).cancel()
        asked = self._asked.pop(first, None)
        if asked is None:
            return None
        try:
            return asked.result()
        except (BrokenExecutor, OSError):
            self._pool = None
            return None


@contextmanager
def second_reader(url: str, tenant_id: int, entries: int) -> Iterator[SecondReader]:
    """Start the other process for a history of so many entries, if it is worth it."""
    if entries < _WORTH_IT or _free_cores() < 2:
        yield SecondReader(None, url, tenant_id)
        return
    # A forked process would share connections and locks of the threads of this one.
    pool = ProcessPoolExecutor(1, mp_context=get_context("spawn"))
    try:
        yield SecondReader(pool, url, tenant_id)
    finally:
        pool.shutdown(cancel_futures=True)


def _free_cores() -> int:
    allowed: Any = getattr(os, "sched_getaffinity", None)
    return len(allowed(0)) if allowed else os.cpu_count() or 1
