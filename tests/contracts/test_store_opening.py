"""How databases are opened: settings, one writing process, and words for what cannot be opened."""

import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from qtcore.errors import StoreUnavailable
from qtcore.store import engines
from qtcore.store.columns import load_json
from qtcore.store.engines import dump_json, needs_single_writer, read_target
from qtcore.store.store import Store, open_store
from qtcore.store.tables import Lot
from tests.rows import a_context, a_plant

CHECKOUT = Path(__file__).parents[2]
OLD, MENDED = (3, 51, 2), (3, 51, 3)


def test_sqlite_writes_to_the_disk_before_it_answers(sqlite_store: Store):
    with sqlite_store.write(a_context()) as work:
        asked = {name: _pragma(work.session, name) for name in _SETTINGS}
    assert asked == _SETTINGS


_SETTINGS = {
    "journal_mode": "wal",
    "synchronous": 2,
    "foreign_keys": 1,
    "recursive_triggers": 1,
    "busy_timeout": 5000,
    "query_only": 0,
}


def test_readers_of_sqlite_cannot_write(sqlite_store: Store):
    with sqlite_store.read() as session:
        assert _pragma(session, "query_only") == 1
        assert _pragma(session, "busy_timeout") == 5000


def test_the_wal_is_there_before_the_first_act(sqlite_store: Store):
    assert Path(f"{sqlite_store.name}-wal").stat().st_size > 0


@pytest.mark.postgres
def test_postgresql_gives_up_in_time_and_commits_to_the_disk(postgres_url: str):
    store = open_store(postgres_url)
    with store.write(a_context()) as work:
        shown = {
            name: work.session.connection().exec_driver_sql(f"SHOW {name}").scalar_one()
            for name in (
                "statement_timeout",
                "lock_timeout",
                "idle_in_transaction_session_timeout",
                "jit",
                "timezone",
                "synchronous_commit",
            )
        }
    store.close()
    assert list(shown.values()) == ["1min", "5s", "1min", "off", "UTC", "on"]


@pytest.mark.parametrize(
    ("version", "needed"),
    [((3, 40, 1), True), (OLD, True), (MENDED, False), ((3, 52, 0), False), ((4, 0, 0), False)],
)
def test_a_library_with_the_wal_bug_gets_one_writing_process(version, needed: bool):
    assert needs_single_writer(version) is needed


@pytest.fixture
def held(tmp_path: Path, migrated_file: Path, request, monkeypatch) -> Iterator[Store]:
    """A store with two lots that this process has open, with the library version asked for."""
    monkeypatch.setattr(sqlite3, "sqlite_version_info", request.param)
    path = tmp_path / "site.db"
    path.write_bytes(migrated_file.read_bytes())
    store = open_store(f"sqlite:///{path}")
    a_plant(store, 2)
    yield store
    store.close()


_CHILD = """
import sqlite3, sys
sqlite3.sqlite_version_info = tuple(map(int, sys.argv[2].split(".")))
from qtcore.errors import StoreUnavailable
from qtcore.store.store import open_store
from tests.rows import a_context
try:
    store = open_store(sys.argv[1], writable=sys.argv[3] == "write")
except StoreUnavailable as error:
    sys.exit(error.message)
if sys.argv[3] == "write":
    store.note(a_context(), "x", "lot", "n")
with store.read() as session:
    print(len(session.connection().exec_driver_sql("SELECT 1 FROM lot").all()), flush=True)
if sys.argv[4:] == ["stay"]:
    sys.stdin.read()
"""


def _child(store: Store, mode: str, version=OLD) -> subprocess.CompletedProcess[str]:
    given = [store.url, ".".join(map(str, version)), mode]
    command = [sys.executable, "-c", _CHILD, *given]
    return subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("held", [OLD], indirect=True, ids=["old"])
def test_a_second_writing_process_is_refused_and_told_why(held: Store):
    child = _child(held, "write")
    assert child.returncode == 1
    assert "is being written by another process (pid " in child.stderr
    assert "older than 3.51.3" in child.stderr
    assert "use it over HTTP, or move to PostgreSQL" in child.stderr


@pytest.mark.heavy
@pytest.mark.parametrize("held", [OLD], indirect=True, ids=["old"])
def test_other_processes_may_read_meanwhile(held: Store):
    child = _child(held, "read")
    assert (child.returncode, child.stdout) == (0, "2\n")


@pytest.mark.heavy
@pytest.mark.parametrize("held", [MENDED], indirect=True, ids=["mended"])
def test_with_a_mended_library_two_processes_may_write(held: Store):
    child = _child(held, "write", MENDED)
    assert (child.returncode, child.stderr) == (0, "")
    held.note(a_context(), "x", "lot", "n")


@pytest.mark.heavy
def test_the_place_of_a_killed_writer_is_free(
    tmp_path: Path, migrated_file: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sqlite3, "sqlite_version_info", OLD)
    path = tmp_path / "site.db"
    path.write_bytes(migrated_file.read_bytes())
    url = f"sqlite:///{path}"
    command = [sys.executable, "-c", _CHILD, url, "3.51.2", "write", "stay"]
    with subprocess.Popen(
        command, cwd=CHECKOUT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "0\n"
        with pytest.raises(StoreUnavailable, match=rf"\(pid {child.pid}\)"):
            open_store(url)
        child.send_signal(signal.SIGKILL)
    store = open_store(url)
    store.note(a_context(), "x", "lot", "n")
    store.close()


def test_a_store_for_reading_writes_nothing(tmp_path: Path, migrated_file: Path):
    path = tmp_path / "site.db"
    path.write_bytes(migrated_file.read_bytes())
    store = open_store(f"sqlite:///{path}", writable=False)
    with pytest.raises(StoreUnavailable, match="opened for reading only"):
        store.note(a_context(), "x", "lot", "n")
    with store.read() as session:
        assert session.exec(select(Lot)).all() == []
    store.close()


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("nothing", "'nothing' is no database URL; accepted are sqlite:///FILE"),
        ("mysql://x/y", "'mysql' databases are not supported; use sqlite:///FILE"),
        ("sqlite:////no/such/folder/site.db", "there is no database /no/such/folder/site.db; run"),
    ],
    ids=["no url", "other kind", "no file"],
)
def test_what_cannot_be_opened_is_named_with_the_next_step(url: str, said: str):
    with pytest.raises(StoreUnavailable, match=said):
        open_store(url)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path):
    with pytest.raises(StoreUnavailable, match=r"cannot be (opened|used).*(folder|file)"):
        open_store(f"sqlite:///{tmp_path}/none/site.db", create=True)


def test_a_file_that_is_no_database_is_named(tmp_path: Path):
    path = tmp_path / "notes.txt"
    path.write_text("these are notes, and long enough to be read as a header of a file\n" * 100)
    with pytest.raises(StoreUnavailable, match=r"notes.txt is a file, but no database"):
        open_store(f"sqlite:///{path}")
    assert path.read_text().startswith("these are notes")


def test_an_empty_database_is_not_filled_unasked(tmp_path: Path):
    path = tmp_path / "empty.db"
    path.touch()
    with pytest.raises(StoreUnavailable, match="holds no QTCore tables; run `qtcore db upgrade`"):
        open_store(f"sqlite:///{path}")


def test_a_server_that_is_away_is_named_without_its_password(tmp_path: Path):
    url = f"postgresql://qt:secret@/site?host={tmp_path}"
    with pytest.raises(StoreUnavailable, match="cannot be used") as caught:
        open_store(url)
    assert "secret" not in caught.value.message
    assert "qt:***@" in caught.value.message


@pytest.mark.parametrize("url", ["postgres://h/d", "postgresql://h/d", "postgresql+psycopg://h/d"])
def test_every_spelling_of_postgresql_is_understood(url: str):
    target = read_target(url)
    assert (target.dialect, target.url.drivername) == ("postgresql", "postgresql+psycopg")


def test_a_fleeting_database_goes_with_its_store():
    store = open_store("sqlite://", create=True)
    folder = Path(store.name).parent
    a_plant(store)
    assert folder.is_dir()
    store.close()
    assert not folder.exists()


def test_two_fleeting_databases_are_two():
    one, two = (open_store("sqlite://", create=True) for _ in range(2))
    a_plant(one)
    with two.read() as session:
        assert session.exec(select(Lot)).all() == []
    one.close()
    two.close()


def test_json_keeps_digits_and_refuses_what_it_cannot_keep():
    assert load_json('{"a": 1.10, "b": [2]}')["a"].as_tuple().exponent == -2
    assert dump_json({"a": load_json("1.10")}) == '{"a": "1.10"}'
    with pytest.raises(TypeError, match=r"object .* cannot be kept in a JSON column"):
        dump_json({"a": object()})
    with pytest.raises(ValueError, match="Out of range float"):
        dump_json({"a": float("nan")})


def test_only_one_thread_writes_at_a_time(sqlite_store: Store, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("qtcore.store.store.TURN_SECONDS", 0.05)
    assert engines.TURN_SECONDS == 30.0
    turn: Any = sqlite_store._engines.turn
    turn.acquire()
    with pytest.raises(StoreUnavailable, match=r"another write to .* takes longer"):
        sqlite_store.note(a_context(), "x", "lot", "n")
    turn.release()
    sqlite_store.note(a_context(), "x", "lot", "n")


def _pragma(session, name: str) -> object:
    return session.connection().exec_driver_sql(f"PRAGMA {name}").scalar_one()
