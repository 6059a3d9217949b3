"""Backup and restore: of a database in use, verified before it is believed, never overwriting."""

import os
import resource
import shutil
import signal
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from qtcore.cli.main import app
from qtcore.errors import InputRejected, QTCoreError, StoreUnavailable
from qtcore.services.audit import seal
from qtcore.services.backup import back_up, restore
from qtcore.services.definitions import publish_registry
from qtcore.services.site import open_site
from qtcore.services.witnessing import tell_witnesses
from qtcore.store.backups import copy_database, require_free
from qtcore.store.engines import read_target
from qtcore.store.migrate import migrate
from qtcore.store.signers import load_or_make_signer
from qtcore.testing import a_received_lot, a_site
from tests.attackers import note
from tests.postgres import PostgresServer


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A plant whose key lies where the product puts it."""
    file = tmp_path_factory.mktemp("plant") / "site.db"
    site = open_site(f"sqlite:///{file}", create=True)
    publish_registry(site, site.system_context())
    a_received_lot(site)
    seal(site)
    site.close()
    return file


def counted(file: Path) -> int:
    with closing(sqlite3.connect(file)) as db:
        return int(db.execute("SELECT count(*) FROM ledger_event").fetchone()[0])


@pytest.fixture
def keys(plant: Path) -> Path:
    return plant.with_name("site.db.keys")


@pytest.mark.clause("EU Annex 11.7.2")
@pytest.mark.clause("21 CFR 11.10(b)")
def test_a_backup_is_put_back_and_verified(plant: Path, keys: Path, tmp_path: Path) -> None:
    made = back_up(f"sqlite:///{plant}", tmp_path / "b.qtb")
    assert made.checked.is_sound
    assert made.sealed == counted(plant)
    assert "not in this backup" in made.as_json()["keys"]
    back = tmp_path / "again" / "site.db"
    assert restore(made.file, f"sqlite:///{back}", key_folder=keys).sealed == made.sealed
    assert counted(back) == counted(plant)
    # No part of the secret key is in the file.
    pem = (keys / "ledger.key").read_bytes().splitlines()[1]
    assert pem not in made.file.read_bytes()


@pytest.mark.heavy
def test_a_backup_that_witnesses_have_outgrown_is_put_back_and_fenced(
    plant: Path, tmp_path: Path
) -> None:
    file = tmp_path / "site.db"
    shutil.copytree(plant.with_name("site.db.keys"), tmp_path / "site.db.keys")
    worm = f'[[folder]]\npath = "{tmp_path / "worm"}"\n'
    (tmp_path / "site.db.keys" / "ledger.toml").write_text(worm)
    made = back_up(f"sqlite:///{plant}", tmp_path / "b.qtb")
    restore(made.file, f"sqlite:///{file}")
    site = open_site(f"sqlite:///{file}")
    note(site, "lot-1")
    seal(site)
    assert [seen.standing for seen in tell_witnesses(site)] == ["agrees"]
    site.close()
    again = tmp_path / "again.db"
    (tmp_path / "site.db.keys").rename(tmp_path / "again.db.keys")
    restore(made.file, f"sqlite:///{again}")
    site = open_site(f"sqlite:///{again}")
    assert [seen.standing for seen in tell_witnesses(site)] == ["ahead"]
    with pytest.raises(StoreUnavailable, match="read-only"):
        note(site, "lot-2")
    site.close()


@pytest.mark.heavy
def test_a_backup_of_a_database_in_use_is_one_consistent_state(tmp_path: Path) -> None:
    file = tmp_path / "busy.db"
    stop = threading.Event()
    with a_site(f"sqlite:///{file}", packs=["food"]) as site:
        load_or_make_signer(tmp_path / "keys")

        def work() -> None:
            for at in range(2000):
                if stop.is_set():
                    return
                note(site, f"lot-{at}")

        thread = threading.Thread(target=work)
        thread.start()
        try:
            made = back_up(f"sqlite:///{file}", tmp_path / "b.qtb", key_folder=tmp_path / "keys")
        finally:
            stop.set()
            thread.join()
    # The site of this test signs with a key in memory, so that only signatures are missing.
    kinds = {each.message.split(":")[0] for each in made.checked.violations}
    assert kinds <= {"BAD_SIGNATURE"}
    assert made.pending + made.sealed <= counted(file)


@pytest.mark.heavy
def test_nothing_is_overwritten(plant: Path, keys: Path, tmp_path: Path) -> None:
    made = back_up(f"sqlite:///{plant}", tmp_path / "b.qtb")
    with pytest.raises(InputRejected, match="exists; nothing was overwritten"):
        back_up(f"sqlite:///{plant}", made.file)
    before = plant.read_bytes()
    with pytest.raises(StoreUnavailable, match="exists; nothing was overwritten"):
        restore(made.file, f"sqlite:///{plant}", key_folder=keys)
    assert plant.read_bytes() == before


@pytest.mark.heavy
def test_a_damaged_backup_is_refused_and_nothing_is_restored(
    plant: Path, keys: Path, tmp_path: Path
) -> None:
    made = back_up(f"sqlite:///{plant}", tmp_path / "b.qtb")
    content = made.file.read_bytes()
    target = tmp_path / "new.db"
    url = f"sqlite:///{target}"
    with closing(sqlite3.connect(made.file)) as db, db:
        db.execute("UPDATE lot SET version = 9")
    with pytest.raises(InputRejected, match="it was changed"):
        restore(made.file, url, key_folder=keys)
    (tmp_path / "b.qtb.json").unlink()
    with pytest.raises(QTCoreError, match="is not sound: I") as caught:
        restore(made.file, url, key_folder=keys)
    assert caught.value.code == "QT630"
    made.file.write_bytes(content[: len(content) // 2])
    with pytest.raises(QTCoreError):
        restore(made.file, url, key_folder=keys)
    made.file.write_bytes(b"something else")
    with pytest.raises(InputRejected, match="no backup of QTCore"):
        restore(made.file, url, key_folder=keys)
    with pytest.raises(InputRejected, match="cannot be read"):
        restore(tmp_path / "nowhere", url, key_folder=keys)
    assert not target.exists()
    assert list(tmp_path.glob("*.part")) == []


BENT: dict[str, tuple[str, str, str]] = {
    "of a newer release": ("UPDATE alembic_version SET version_num = '9999'", "QT505", "9999"),
    "of no release": ("DELETE FROM alembic_version", "QT505", "another program"),
    "without its company": (
        "DELETE FROM tenant",
        "QT509",
        "entries of a company that is not in it",
    ),
    "without a table": ("DROP TABLE lot", "QT503", "no such table: lot"),
    "with text for a number": (
        "UPDATE item SET version = 'two'",
        "QT630",
        "it has version two",
    ),
    "with a history cut short": ("DROP TABLE ledger_tile", "QT630", "ledger_tile"),
}


@pytest.mark.heavy
@pytest.mark.parametrize(("statement", "code", "said"), BENT.values(), ids=BENT)
def test_a_backup_that_somebody_bent_is_refused_by_its_own_name(
    plant: Path, keys: Path, tmp_path: Path, statement: str, code: str, said: str
) -> None:
    file, target = tmp_path / "bent.qtb", tmp_path / "new.db"
    with closing(sqlite3.connect(plant)) as db, closing(sqlite3.connect(file)) as to:
        db.backup(to)
    with closing(sqlite3.connect(file)) as db, db:
        db.execute(statement)
    with pytest.raises(QTCoreError) as caught:
        restore(file, f"sqlite:///{target}", key_folder=keys)
    assert (caught.value.code, said in caught.value.message) == (code, True), caught.value.message
    assert caught.value.message.startswith(str(file))
    assert "qtcore-restore-" not in caught.value.message
    assert not target.exists()


@pytest.mark.heavy
def test_a_backup_of_somebody_elses_history_is_refused(plant: Path, tmp_path: Path) -> None:
    file, target = tmp_path / "b.qtb", tmp_path / "new.db"
    with closing(sqlite3.connect(plant)) as db, closing(sqlite3.connect(file)) as to:
        db.backup(to)
    load_or_make_signer(tmp_path / "other.keys")
    with pytest.raises(QTCoreError, match=r"is not sound: I8 .*BAD_SIGNATURE"):
        restore(file, f"sqlite:///{target}", key_folder=tmp_path / "other.keys")
    with pytest.raises(StoreUnavailable, match="its key is not in") as caught:
        restore(file, f"sqlite:///{target}", key_folder=tmp_path / "nowhere")
    assert str(file) in caught.value.message
    assert not target.exists()
    with pytest.raises(StoreUnavailable, match="its key is not in"):
        back_up(f"sqlite:///{plant}", tmp_path / "c.qtb", key_folder=tmp_path / "nowhere")
    assert not (tmp_path / "c.qtb").exists()


def in_a_process(act: Callable[[], object]) -> int:
    """Run an act in a copy of this process; gives how it ended, minus the signal when killed."""
    child = os.fork()
    if not child:
        try:
            act()
            os._exit(0)
        except QTCoreError:
            os._exit(3)
        except BaseException:
            os._exit(4)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


@pytest.mark.fault
@pytest.mark.heavy
def test_a_restore_that_is_killed_leaves_nothing_and_is_repeated(
    plant: Path, keys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = back_up(f"sqlite:///{plant}", tmp_path / "b.qtb")
    target = tmp_path / "new.db"
    linked, keep = os.link, str(target)

    def killed(one: object, two: object) -> None:
        if str(two) == keep:
            os.kill(os.getpid(), signal.SIGKILL)
        linked(one, two)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "link", killed)

    def act() -> object:
        return restore(made.file, f"sqlite:///{target}", key_folder=keys)

    assert in_a_process(act) == -signal.SIGKILL
    assert not target.exists()
    monkeypatch.undo()
    assert restore(made.file, f"sqlite:///{target}", key_folder=keys).checked.is_sound


@pytest.mark.fault
@pytest.mark.heavy
@pytest.mark.parametrize("pages", [0, 3, 60])
def test_a_full_disk_ends_a_backup_by_name_and_leaves_no_part_of_it(
    plant: Path, tmp_path: Path, pages: int
) -> None:
    def act() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (pages << 12, pages << 12))
        back_up(f"sqlite:///{plant}", tmp_path / "b.qtb")

    assert in_a_process(act) == 3
    assert [*tmp_path.iterdir()] == []


def test_a_disk_without_links_takes_a_backup_and_overwrites_nothing(
    plant: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(one: object, two: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refused)
    file = tmp_path / "b.qtb"
    copy_database(f"sqlite:///{plant}", file)
    assert counted(file) == counted(plant)
    with pytest.raises(StoreUnavailable, match="exists; nothing was overwritten"):
        copy_database(f"sqlite:///{plant}", file)


@pytest.mark.heavy
def test_the_commands_say_what_is_not_in_the_backup(plant: Path, tmp_path: Path) -> None:
    runner = CliRunner()
    file, target = tmp_path / "b.qtb", tmp_path / "site.db"
    said = runner.invoke(app, ["db", "backup", str(file), "--db", f"sqlite:///{plant}"])
    assert said.exit_code == 0, said.output
    assert "not in this backup" in said.output
    shutil.copytree(plant.with_name("site.db.keys"), tmp_path / "site.db.keys")
    said = runner.invoke(app, ["db", "restore", str(file), "--db", f"sqlite:///{target}"])
    assert said.exit_code == 0, said.output
    said = runner.invoke(app, ["db", "fsck", "--json", "--db", f"sqlite:///{target}"])
    assert said.exit_code == 0, said.output
    again = runner.invoke(app, ["db", "restore", str(file), "--db", f"sqlite:///{target}"])
    assert again.exit_code == 1


@pytest.mark.postgres
def test_a_postgres_database_is_backed_up_and_restored(
    postgres_server: PostgresServer, tmp_path: Path
) -> None:
    url, keys = postgres_server.new_database(), tmp_path / "keys"
    site = open_site(url, key_folder=keys)
    note(site, "lot-1")
    seal(site)
    site.close()
    made = back_up(url, tmp_path / "b.dump", key_folder=keys)
    assert made.checked.is_sound, made.checked.violations
    assert made.sealed == 1
    postgres_server.run("CREATE DATABASE restored_here")
    target = postgres_server.url("restored_here")
    assert restore(made.file, target, key_folder=keys).sealed == 1
    with pytest.raises(StoreUnavailable, match="holds tables"):
        restore(made.file, target, key_folder=keys)
    with pytest.raises(InputRejected, match="of the same kind"):
        restore(made.file, f"sqlite:///{tmp_path / 'x.db'}", key_folder=keys)


@pytest.mark.postgres
@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1"])
def test_a_postgres_database_of_another_encoding_is_refused_by_name(
    postgres_server: PostgresServer, tmp_path: Path, encoding: str
) -> None:
    """It would keep what is written in ASCII, and fail at the first name that is not."""
    name = f"other_{encoding.lower()}"
    postgres_server.run(
        f"CREATE DATABASE {name} TEMPLATE template0 ENCODING '{encoding}' LOCALE 'C'"
    )
    url = postgres_server.url(name)
    for act in (
        lambda: migrate(read_target(url)),
        lambda: require_free(url),
        lambda: open_site(url, key_folder=tmp_path / "keys").close(),
    ):
        with pytest.raises(StoreUnavailable, match=f"has the encoding {encoding}, UTF8 is needed"):
            act()
