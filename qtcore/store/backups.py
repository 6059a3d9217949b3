"""Copies of a whole database while it is in use: SQLite's backup API, PostgreSQL's own programs.

It must not judge a copy; see `qtcore.services.backup`. A copy never holds the signing key.
"""

import os
import secrets
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, NullPool, TextClause, create_engine, inspect, text
from sqlalchemy.exc import SQLAlchemyError

from qtcore.errors import InputRejected, StoreUnavailable
from qtcore.store.engines import Target, open_postgres, read_target

_PLACES: Final = ("usr/lib/postgresql/*/bin", "usr/pgsql-*/bin", "opt/homebrew/opt/*/bin")
_SQLITE_HEAD: Final = b"SQLite format 3\x00"
_DUMP_HEAD: Final = b"PGDMP"
_PAGES: Final = 1000
# What is there after a program failed: a dump is kept when it is whole, a restore is one act.
_LEFT: Final = {"pg_dump": "nothing was kept", "pg_restore": "nothing was restored"}
# Temporary databases of ours; who uses one holds its lock, which ends with the process.
_CHECKS: Final = text(
    "SELECT datname FROM pg_database WHERE datname LIKE :mine "
    "AND pg_get_userbyid(datdba) = current_user"
)
_TRY: Final = text("SELECT pg_try_advisory_lock(hashtext('qtcore.check'), hashtext(:name))")
_HOLD: Final = text("SELECT pg_advisory_lock(hashtext('qtcore.check'), hashtext(:name))")
_LET_GO: Final = text("SELECT pg_advisory_unlock(hashtext('qtcore.check'), hashtext(:name))")
_SECONDS: Final = 3600


def copy_database(url: str, file: Path) -> None:
    """Write one consistent state of a database into a new file; others go on writing meanwhile."""
    target = read_target(url)
    part = _part_of(file)
    try:
        if target.dialect == "sqlite":
            _copy_sqlite(_file_of(target), part)
        else:
            _run(target, "pg_dump", ["--format=custom", "--no-owner", f"--file={part}"])
        _keep(part, file)
    finally:
        _drop(part)


def put_back(file: Path, url: str) -> None:
    """Fill a database that does not exist yet, or is empty, from a copy.

    Raises InputRejected for a file that is no such copy, StoreUnavailable for a place that holds
    something.
    """
    target = read_target(url)
    kind = kind_of(file)
    if kind != target.dialect:
        raise InputRejected(
            f"{file} is a copy of a {kind or 'different'} database, {target.name} is "
            f"{target.dialect}; give a database of the same kind"
        )
    require_free(url)
    if target.dialect == "sqlite":
        place = _file_of(target)
        part = _part_of(place)
        try:
            _copy_sqlite(file, part)
            _keep(part, place)
        finally:
            _drop(part)
        return
    options = ["--no-owner", "--single-transaction", "--exit-on-error", str(file)]
    _run(target, "pg_restore", options)


def require_free(url: str) -> None:
    """Refuse a place that holds something already; raises StoreUnavailable."""
    target = read_target(url)
    if target.dialect == "sqlite":
        place = _file_of(target)
        if place.exists():
            raise StoreUnavailable(
                f"{place} exists; nothing was overwritten: give a new file, or move it away first"
            )
        return
    engine = open_postgres(target)
    try:
        with engine.connect() as connection:
            tables = inspect(connection).get_table_names()
    except SQLAlchemyError as exc:
        raise StoreUnavailable(f"{target.name} cannot be used: {exc}") from exc
    finally:
        engine.dispose()
    if tables:
        raise StoreUnavailable(
            f"{target.name} holds tables, such as {min(tables)!r}; nothing was overwritten: give "
            "an empty database"
        )


@contextmanager
def a_temporary_place(url: str, folder: Path) -> Iterator[str]:
    """Give the URL of an empty database of the same kind, which is gone afterwards."""
    target = read_target(url)
    if target.dialect == "sqlite":
        yield f"sqlite:///{folder / 'restored.db'}"
        return
    mine = f"qtcore_check_{sha256(str(target.url.database).encode()).hexdigest()[:8]}_"
    name = f"{mine}{secrets.token_hex(6)}"
    with _server(target) as order:
        for (stale,) in order(_CHECKS, mine=f"{mine}%"):
            if order(_TRY, name=stale) == [(True,)]:
                order(text(f'DROP DATABASE IF EXISTS "{stale}" WITH (FORCE)'))
                order(_LET_GO, name=stale)
        # Held while this connection lives: when this process is killed, the next backup gets it.
        order(_HOLD, name=name)
        order(text(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'"))
        try:
            yield target.url.set(drivername="postgresql", database=name).render_as_string(
                hide_password=False
            )
        finally:
            with _server(target) as order_last:
                order_last(text(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))


def kind_of(file: Path) -> str | None:
    """Say of which kind of database a file is a copy; None when it is none."""
    try:
        with file.open("rb") as opened:
            head = opened.read(16)
    except OSError as exc:
        raise InputRejected(f"{file} cannot be read: {exc.strerror}") from exc
    if head == _SQLITE_HEAD:
        return "sqlite"
    return "postgresql" if head.startswith(_DUMP_HEAD) else None


def _copy_sqlite(source: Path, to: Path) -> None:
    if not source.is_file():
        raise StoreUnavailable(f"there is no database {source}")
    try:
        with (
            closing(sqlite3.connect(f"file:{_quoted(source)}?mode=ro", uri=True)) as old,
            closing(sqlite3.connect(to)) as new,
        ):
            # A copy that others wrote during is begun anew by SQLite; page by page, so that
            # nobody waits for it.
            old.backup(new, pages=_PAGES, sleep=0.01)
            new.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.Error as exc:
        raise StoreUnavailable(f"{source} cannot be copied: {exc}") from exc


def _quoted(path: Path) -> str:
    return str(path.absolute()).replace("%", "%25").replace("?", "%3f").replace("#", "%23")


def _part_of(file: Path) -> Path:
    part = file.with_name(f".{file.name}.{secrets.token_hex(4)}.part")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise StoreUnavailable(f"{file.parent} cannot be made: {exc.strerror}") from exc
    return part


def _drop(part: Path) -> None:
    for end in ("", "-journal"):
        part.with_name(f"{part.name}{end}").unlink(missing_ok=True)


def _keep(part: Path, file: Path) -> None:
    """Give a finished file its name, down to the disk; an existing file is never overwritten."""
    try:
        part.chmod(0o600)
        _sync(part)
        _link(part, file)
        _sync(file.parent)
    except FileExistsError as exc:
        raise StoreUnavailable(f"{file} exists; nothing was overwritten: give a new name") from exc
    except OSError as exc:
        raise StoreUnavailable(f"{file} cannot be written: {exc.strerror}") from exc


def _link(part: Path, file: Path) -> None:
    try:
        os.link(part, file)
    except FileExistsError:
        raise
    except OSError:  # a disk that knows no second name of a file, such as a memory stick
        if file.exists():
            raise FileExistsError(file) from None
        part.rename(file)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _file_of(target: Target) -> Path:
    if target.file is None or target.is_fleeting:
        raise InputRejected("a fleeting database cannot be copied; give sqlite:///FILE")
    return target.file


@contextmanager
def _server(target: Target) -> Iterator[Callable[..., list[Any]]]:
    """Give a way to order things of a server outside of any transaction, in one connection."""
    engine = create_engine(target.url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    connections: list[Connection] = []

    def order(statement: TextClause, **values: str) -> list[Any]:
        try:
            if not connections:
                connections.append(engine.connect())
            found = connections[0].execute(statement, values)
            return [tuple(row) for row in found] if found.returns_rows else []
        except SQLAlchemyError as exc:
            raise StoreUnavailable(
                f"a temporary database beside {target.name} cannot be made or removed: {exc}; the "
                "copy is verified there, so the user needs the right CREATEDB"
            ) from exc

    try:
        yield order
    finally:
        for connection in connections:
            connection.close()
        engine.dispose()


def _run(target: Target, program: str, options: Sequence[str]) -> None:
    url = target.url.set(drivername="postgresql")
    plain = url.set(password=None).render_as_string(hide_password=False) if url.password else None
    address = plain or url.render_as_string(hide_password=False)
    env = {**os.environ, **({"PGPASSWORD": str(url.password)} if url.password else {})}
    try:
        ran = subprocess.run(  # noqa: S603  # no shell; the address is an argument of its own
            [_program(program), f"--dbname={address}", *options],
            env=env,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as exc:
        raise StoreUnavailable(f"{program} did not run: {exc}") from exc
    if ran.returncode:
        said = ran.stderr.strip()[-600:] or f"it ended with {ran.returncode}"
        raise StoreUnavailable(f"{program} failed: {said}; {_LEFT[program]}, try again")


def _program(name: str) -> str:
    """Find a program of PostgreSQL, the newest one: an older one refuses a newer server."""
    found = [path for place in _PLACES for path in Path("/").glob(f"{place}/{name}")]
    newest = max(found, key=str, default=None)
    chosen = str(newest) if newest else shutil.which(name)
    if chosen is None:
        raise StoreUnavailable(
            f"the program {name} is missing; install PostgreSQL's client programs"
        )
    return chosen
