"""One PostgreSQL server for a test run: found on the machine, started in a folder of its own.

It must not use a server that is already there.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import psycopg
import pytest

from qtcore.store.store import open_store

_TEMPLATE = "qtcore_template"
_SHARED = "qtcore_shared"
# A fresh copy of the template takes a third of a second, this 4 ms.
_EMPTY = b"""
DO $$ DECLARE name text; BEGIN
  SET LOCAL session_replication_role = replica;
  FOR name IN SELECT tablename FROM pg_tables
    WHERE schemaname = 'public' AND tablename NOT IN ('alembic_version', 'tenant')
  LOOP EXECUTE 'DELETE FROM ' || quote_ident(name); END LOOP;
END $$
"""
# What the shared server holds is thrown away with it. Tests of what a crash leaves start their own.
_HASTY = "-c fsync=off -c full_page_writes=off"
_PLACES = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql*/bin")


@dataclass
class PostgresServer:
    folder: Path
    numbers: Iterator[int] = field(default_factory=count)

    def url(self, database: str) -> str:
        return f"postgresql://postgres@/{database}?host={self.folder}"

    def run(self, statement: str) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement.encode())

    def new_database(self, template: str = _TEMPLATE) -> str:
        name = f"test_{next(self.numbers)}"
        self.run(f"CREATE DATABASE {name} TEMPLATE {template}")
        return self.url(name)

    def emptied_database(self) -> str:
        with psycopg.connect(self.url(_SHARED), autocommit=True) as connection:
            connection.execute("SET lock_timeout = '5s'")
            connection.execute(_EMPTY)
        return self.url(_SHARED)


def find_programs() -> Path | None:
    found = [path for place in _PLACES for path in Path("/").glob(place.removeprefix("/"))]
    whole = [path for path in found if (path / "initdb").exists() and (path / "postgres").exists()]
    return max(whole, key=str, default=None)


def _as_postgres() -> list[str]:
    """PostgreSQL refuses to run as root."""
    return ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []


def initialise(programs: Path, folder: Path) -> None:
    """Make the files of a server that trusts who can reach it."""
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres")
    _run(programs, folder, "initdb", "-U", "postgres", "-A", "trust", "-E", "UTF8", "-N")


def start(
    programs: Path, folder: Path, *, address: str = "", space: str = "", more: str = ""
) -> None:
    """Start it, on its socket and at an address, if any; `space` is a network namespace."""
    options = f"-k {folder} -c listen_addresses='{address}' -c max_connections=60"
    options += f" -c shared_buffers=64MB {more}"
    start = ("pg_ctl", "-l", str(folder / "log"), "-w", "-o", options, "start")
    _run(programs, folder, *start, space=space)


def stop(programs: Path, folder: Path) -> None:
    """Stop it at once, as a crash does: nothing is written that was not."""
    _run(programs, folder, "pg_ctl", "-m", "immediate", "-w", "stop", check=False)


def _run(
    programs: Path, folder: Path, program: str, *more: str, space: str = "", check: bool = True
) -> None:
    within = ["ip", "netns", "exec", space] if space else []
    command = [*within, *_as_postgres(), str(programs / program), "-D", str(folder / "data"), *more]
    subprocess.run(
        command,
        check=check,
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "LC_ALL": "C.UTF-8"},
    )


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    programs = find_programs()
    if programs is None:
        pytest.skip(f"no PostgreSQL server programs (postgres, initdb) in {', '.join(_PLACES)}")
    # Not below pytest's own folder: that is closed to the user postgres, and the name of a
    # socket may have 107 characters only.
    folder = Path(tempfile.mkdtemp(prefix="qtpg-"))
    try:
        initialise(programs, folder)
        start(programs, folder, more=_HASTY)
        server = PostgresServer(folder)
        server.run(f"CREATE DATABASE {_TEMPLATE}")
        open_store(server.url(_TEMPLATE), create=True).close()
        server.run(f"CREATE DATABASE {_SHARED} TEMPLATE {_TEMPLATE}")
        yield server
    finally:
        stop(programs, folder)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> str:
    """A database without rows but the company's; for changing tables take `new_database()`."""
    return postgres_server.emptied_database()
