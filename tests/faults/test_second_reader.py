"""A long history is looked at by two processes: they find what one finds, and one suffices.

It must not alter hashes; the attacks on them stand in `test_attacks`.
"""

import os
import shutil
from pathlib import Path

import pytest

from qtcore.store import history, second_reader
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


def test_a_second_process_finds_what_one_finds(
    original: Kept, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = []
    real = second_reader.SecondReader.answer

    def told(self: second_reader.SecondReader, first: int) -> second_reader.Glance | None:
        answers.append(real(self, first))
        return answers[-1]

    monkeypatch.setattr(second_reader.SecondReader, "answer", told)
    assert found(file, original.newest) == []
    assert sum(each is not None for each in answers) >= 2
    dba = Dba(file)
    dba.edit(4)
    dba.edit(8)
    dba.db.close()
    assert found(file) == [("CONTENT_MISMATCH", 4), ("CONTENT_MISMATCH", 8)]


def lose(*_: object) -> None:
    """End the process that looks at pieces."""
    os._exit(1)


def test_a_history_is_checked_to_its_end_when_the_second_process_is_lost(
    original: Kept, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(second_reader, "glance_at", lose)
    assert found(file, original.newest) == []
