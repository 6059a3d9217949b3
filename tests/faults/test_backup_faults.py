"""PostgreSQL: a copy of a database in use, and copies and restores that are cut short or run full.

It must not judge the copy itself: `qtcore db fsck` does, and what writers were told of.
"""

import os
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from qtcore.errors import QTCoreError, StoreUnavailable
from qtcore.services.audit import seal
from qtcore.services.backup import back_up, restore
from qtcore.services.definitions import publish_registry
from qtcore.services.site import open_site
from qtcore.testing import a_received_lot
from tests.attackers import note
from tests.postgres import PostgresServer

pytestmark = [pytest.mark.fault, pytest.mark.postgres, pytest.mark.heavy]


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("backups") / "keys"


@pytest.fixture(scope="module")
def url(postgres_server: PostgresServer, keys: Path) -> str:
    made = postgres_server.new_database()
    site = open_site(made, key_folder=keys)
    publish_registry(site, site.system_context())
    a_received_lot(site)
    seal(site)
    site.close()
    return made


@pytest.fixture(scope="module")
def copy(url: str, keys: Path) -> Path:
    return back_up(url, keys.with_name("b.dump"), key_folder=keys).file


def rows(url: str, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url, autocommit=True) as connection:
        return connection.execute(statement.encode()).fetchall()


def tables_in(url: str) -> int:
    ((count,),) = rows(url, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
    return int(str(count))


def checks_of(server: PostgresServer) -> list[str]:
    found = rows(server.url("postgres"), "SELECT datname FROM pg_database ORDER BY datname")
    return [str(name) for (name,) in found if str(name).startswith("qtcore_check_")]


def test_a_copy_made_while_others_write_holds_a_beginning_of_each(
    postgres_server: PostgresServer, url: str, keys: Path, tmp_path: Path
) -> None:
    stop, told = threading.Event(), {"one": 0, "two": 0}

    def write(name: str) -> None:
        site = open_site(url, key_folder=keys)
        while not stop.is_set():
            note(site, f"{name}-{told[name] + 1}")
            told[name] += 1
            if told[name] % 20 == 0:
                seal(site)
        site.close()

    threads = [threading.Thread(target=write, args=(name,)) for name in told]
    for thread in threads:
        thread.start()
    try:
        while min(told.values()) < 5:
            time.sleep(0.01)
        before = dict(told)
        made = back_up(url, tmp_path / "b.dump", key_folder=keys)
        after = dict(told)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert made.checked.is_sound, made.checked.violations
    target = postgres_server.new_database("template0")
    assert restore(made.file, target, key_folder=keys).checked.is_sound
    assert min(after[name] - before[name] for name in told) > 0  # they did not wait for it
    for name in told:
        found = rows(target, f"SELECT object_uid FROM ledger_event WHERE object_uid ~ '^{name}-'")
        numbers = sorted(int(str(uid).rpartition("-")[2]) for (uid,) in found)
        assert numbers == [*range(1, len(numbers) + 1)]
        assert before[name] <= len(numbers) <= after[name] + 1


HANGS = """
CREATE FUNCTION hang() RETURNS event_trigger LANGUAGE plpgsql AS
  $$ BEGIN PERFORM pg_sleep(60); END $$;
CREATE EVENT TRIGGER hang ON ddl_command_end WHEN TAG IN ('CREATE INDEX') EXECUTE FUNCTION hang();
"""


def wait_for(found: Callable[[], object]) -> None:
    until = time.monotonic() + 60
    while not found():
        assert time.monotonic() < until
        time.sleep(0.02)


def working(target: str) -> bool:
    """Say whether something has come as far as the first index."""
    name = psycopg.conninfo.conninfo_to_dict(target)["dbname"]
    return bool(
        rows(
            target,
            "SELECT 1 FROM pg_stat_activity WHERE application_name = 'pg_restore' "
            f"AND datname = '{name}' AND wait_event = 'PgSleep'",
        )
    )


def kill_program(target: str) -> None:
    """End the program itself, as somebody out of memory would."""
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            pid, _, rest = status.read_text().partition(" (")
        except OSError:
            continue
        if rest.startswith("pg_restore)") and rest.split(") ")[1].split()[1] == str(os.getpid()):
            os.kill(int(pid), signal.SIGKILL)


def end_connection(target: str) -> None:
    rows(
        target,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE application_name = 'pg_restore'",
    )


@pytest.mark.slow
@pytest.mark.parametrize("end", [kill_program, end_connection])
def test_a_restore_that_is_cut_short_leaves_nothing_and_is_repeated(
    postgres_server: PostgresServer, copy: Path, keys: Path, end: Callable[[str], None]
) -> None:
    target = postgres_server.new_database("template0")
    with psycopg.connect(target, autocommit=True) as connection:
        connection.execute(HANGS.encode())
    said: list[QTCoreError] = []

    def put_back() -> None:
        try:
            restore(copy, target, key_folder=keys)
        except QTCoreError as error:
            said.append(error)

    thread = threading.Thread(target=put_back)
    thread.start()
    wait_for(lambda: working(target))
    end(target)
    thread.join(60)
    assert [type(each) for each in said] == [StoreUnavailable]
    assert "pg_restore" in said[0].message
    assert "nothing was restored" in said[0].message
    end_connection(target)
    wait_for(lambda: not working(target))
    assert tables_in(target) == 0
    with psycopg.connect(target, autocommit=True) as connection:
        connection.execute(b"DROP EVENT TRIGGER hang; DROP FUNCTION hang()")
    assert restore(copy, target, key_folder=keys).checked.is_sound
    assert tables_in(target) > 50
    assert checks_of(postgres_server) == []


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A disk of ten megabytes that the server may use: a new database fits, ours does not."""
    disk = Path(tempfile.mkdtemp())
    disk.chmod(0o755)
    size = ["mount", "-t", "tmpfs", "-o", "size=10m,mode=0777", "tmpfs", str(disk)]
    if subprocess.run(size, capture_output=True, check=False).returncode:
        pytest.skip("this machine lets nobody mount a disk of its own")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)
    disk.rmdir()


@pytest.mark.slow
def test_a_full_disk_ends_a_backup_by_name_and_leaves_nothing(
    postgres_server: PostgresServer, url: str, keys: Path, small_disk: Path
) -> None:
    filler = small_disk / "filler"
    filler.write_bytes(b"x" * (10 * (1 << 20) - (1 << 16)))
    with pytest.raises(StoreUnavailable, match=r"pg_dump failed: .*No space left") as caught:
        back_up(url, small_disk / "b.dump", key_folder=keys)
    assert "nothing was kept" in caught.value.message
    assert [*small_disk.iterdir()] == [filler]
    assert checks_of(postgres_server) == []
    filler.unlink()
    assert back_up(url, small_disk / "b.dump", key_folder=keys).checked.is_sound


@pytest.mark.slow
def test_a_full_disk_ends_a_restore_by_name_and_leaves_nothing(
    postgres_server: PostgresServer, copy: Path, keys: Path, small_disk: Path
) -> None:
    place = small_disk / "space"
    place.mkdir()
    if os.geteuid() == 0:
        subprocess.run(["chown", "postgres", str(place)], check=True)
    postgres_server.run(f"CREATE TABLESPACE small LOCATION '{place}'")
    postgres_server.run("CREATE DATABASE on_small TEMPLATE template0 TABLESPACE small")
    target = postgres_server.url("on_small")
    try:
        with pytest.raises(StoreUnavailable, match=r"pg_restore failed: .*No space left") as caught:
            restore(copy, target, key_folder=keys)
        assert "nothing was restored" in caught.value.message
        assert tables_in(target) == 0
        more = ["mount", "-o", "remount,size=200m", str(small_disk)]
        subprocess.run(more, check=True)
        assert restore(copy, target, key_folder=keys).checked.is_sound
    finally:
        postgres_server.run("DROP DATABASE on_small WITH (FORCE)")
        postgres_server.run("DROP TABLESPACE small")


@pytest.mark.slow
def test_what_a_killed_backup_left_on_the_server_goes_with_the_next(
    postgres_server: PostgresServer, url: str, keys: Path, tmp_path: Path
) -> None:
    def hang(*of: object, **more: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    child = os.fork()
    if not child:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("qtcore.services.backup.check_database", hang)
            back_up(url, tmp_path / "killed.dump", key_folder=keys)
        os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL
    (left,) = checks_of(postgres_server)
    mine = left.rpartition("_")[0]
    # One that somebody uses now, and one of another site: neither is ours to remove.
    for name in (f"{mine}_aaaa", "qtcore_check_of_others"):
        postgres_server.run(f"CREATE DATABASE {name} TEMPLATE template0")
    with psycopg.connect(url, autocommit=True) as user:
        lock = "SELECT pg_advisory_lock(hashtext('qtcore.check'), hashtext(%s))"
        user.execute(lock.encode(), (f"{mine}_aaaa",))
        back_up(url, tmp_path / "next.dump", key_folder=keys)
        assert checks_of(postgres_server) == [f"{mine}_aaaa", "qtcore_check_of_others"]
    back_up(url, tmp_path / "last.dump", key_folder=keys)
    assert checks_of(postgres_server) == ["qtcore_check_of_others"]
    postgres_server.run("DROP DATABASE qtcore_check_of_others")
