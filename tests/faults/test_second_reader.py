"""A long history is looked at by two processes: they find what one finds, and one suffices.

It must not alter hashes; the attacks on them stand in `test_attacks`.
"""

import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from multiprocessing import Pipe, get_context
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from qtcore.store import history, second_reader
from qtcore.store.second_reader import Glance, SecondReader, Sharing
from tests.attackers import Dba, Kept, found

pytestmark = [pytest.mark.fault, pytest.mark.heavy]


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    return Kept(tmp_path_factory.mktemp("two") / "original.db")


@pytest.fixture
def file(original: Kept, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a copy of a short history that is treated like a long one."""
    monkeypatch.setattr(second_reader, "_WORTH_IT", 1)
    monkeypatch.setattr(second_reader, "_free_cores", lambda: 2)
    monkeypatch.setattr(history, "_PIECE", 2)
    return Path(shutil.copy(original.file, tmp_path / "site.db"))


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, Glance | None]]:
    """Give what the other process says, for which the first one waits from the beginning."""
    told: list[tuple[int, Glance | None]] = []
    real = SecondReader.hear

    def hear(self: SecondReader, *, waits: bool = False) -> Iterator[tuple[int, Glance | None]]:
        for each in real(self, waits=waits or not self._is_up):
            told.append(each)
            yield each

    monkeypatch.setattr(SecondReader, "hear", hear)
    return told


def test_a_second_process_finds_what_one_finds(
    original: Kept, file: Path, said: list[tuple[int, Glance | None]]
) -> None:
    assert found(file, original.newest) == []
    assert sum(each is not None for _, each in said) >= 2
    dba = Dba(file)
    dba.edit(4)
    dba.edit(8)
    dba.db.close()
    assert found(file) == [("CONTENT_MISMATCH", 4), ("CONTENT_MISMATCH", 8)]


@contextmanager
def in_a_thread(url: str, tenant_id: int, _entries: int) -> Iterator[SecondReader]:
    """Start what the other process does in a thread of this one, which takes no seconds."""
    ours, theirs = Pipe()
    look = partial(second_reader.glance_at, url, tenant_id)
    thread = threading.Thread(target=second_reader._answer, args=(theirs, look))
    thread.start()
    yield SecondReader(ours)
    ours.close()
    thread.join()


@pytest.mark.parametrize("missing", [[3], [4], [3, 4], [2, 3, 4, 5, 6], [7]])
def test_a_gap_is_named_whoever_comes_upon_it(
    original: Kept,
    file: Path,
    said: list[tuple[int, Glance | None]],
    monkeypatch: pytest.MonkeyPatch,
    missing: list[int],
) -> None:
    dba = Dba(file)
    for seq in missing:
        dba.db.execute("DELETE FROM ledger_seal WHERE seq = ?", (seq,))
    dba.db.close()
    monkeypatch.setattr(second_reader, "_WORTH_IT", 100)
    by_one = found(file, original.newest)
    assert by_one[0] == ("GAP", missing[0])
    assert not said
    monkeypatch.setattr(history, "second_reader", in_a_thread)
    assert found(file, original.newest) == by_one
    assert said


def lose(*_: object) -> None:
    """End the process that looks at pieces."""
    os._exit(1)


def test_a_history_is_checked_to_its_end_when_the_second_process_is_lost(
    original: Kept,
    file: Path,
    said: list[tuple[int, Glance | None]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(second_reader, "glance_at", lose)
    assert found(file, original.newest) == []
    assert said[0][1] is None


def check_in_a_daemon(file: Path, newest: tuple[int, str], link: Connection) -> None:
    """Check a history where no process may be started; forked, it treats it like a long one."""
    link.send(found(file, newest))


def test_one_process_checks_it_all_where_a_second_cannot_be_started(
    original: Kept, file: Path
) -> None:
    ours, theirs = Pipe()
    asked = (file, original.newest, theirs)
    daemon = get_context("fork").Process(target=check_in_a_daemon, args=asked, daemon=True)
    daemon.start()
    theirs.close()
    assert ours.poll(30) and ours.recv() == []
    daemon.join()


def test_a_piece_that_cannot_be_looked_at_is_left_to_the_first_process() -> None:
    def look(first: int, _end: int) -> Glance:
        if first == 0:
            raise ValueError("what nobody thought of")
        return Glance([], [])

    ours, theirs = Pipe()
    thread = threading.Thread(target=second_reader._answer, args=(theirs, look), daemon=True)
    thread.start()
    second = SecondReader(ours)
    second.ask(0, 10)
    second.ask(10, 20)
    said: list[tuple[int, Glance | None]] = []
    while len(said) < 2 and thread.is_alive():
        said += second.hear(waits=True)
    assert said == [(0, None), (10, Glance([], []))]
    ours.close()
    thread.join()


class _Slow(SecondReader):
    """Another process that answers only when it is waited for."""

    is_free = property(lambda self: len(self.asked) < 1)

    def hear(self, *, waits: bool = False) -> Iterator[tuple[int, Glance | None]]:
        if waits:
            yield from [(first, Glance([], [])) for first in self.asked]
            self.asked.clear()


def test_pieces_are_looked_at_ahead_while_the_other_process_is_not_done() -> None:
    looked = []

    def look(first: int, _end: int) -> None:
        looked.append(first)

    sharing = Sharing(_Slow(), look, 10, 200)
    assert sharing.find(0) is None
    assert looked == []  # the first piece is for whoever asks
    assert sharing.begun_after(0) == 10
    assert sharing.find(10) == Glance([], [])
    assert looked == [20, 30, 40, 50, 60, 70, 80]  # no more than are to be held
    assert [sharing.find(at) for at in looked] == [None] * 7
    assert looked[-1] == 80


def test_a_process_that_says_nothing_any_more_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(second_reader, "_PATIENCE", 0.01)
    ours, theirs = Pipe()
    second = SecondReader(ours)
    assert not second.is_free  # it is asked for nothing before it says that it is up
    theirs.send(None)
    assert [*second.hear()] == []
    assert second.is_free
    second.ask(0, 10)
    assert [*second.hear()] == []  # it may take its time while there is something else to do
    assert [*second.hear(waits=True)] == [(0, None)]
    assert not second.is_free
