"""How databases are opened: every pragma, time-out, pool size and transaction mode is here.

It must not know any table.
"""

import json
import shutil
import sqlite3
import tempfile
import threading
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL, Connection, Engine, NullPool, QueuePool, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError

from qtcore.errors import StoreUnavailable
from qtcore.store.columns import ExactSum, JsonText, load_json
from qtcore.store.driver import run
from qtcore.store.guard import watch_writes
from qtcore.store.writer_lock import WriterLock, take_writer_lock

BUSY_MS: Final = 5000
TURN_SECONDS: Final = 30.0

# FULL: with NORMAL a power cut loses commits that were already answered for.
# secure_delete: without it what was erased stays readable in the free parts of pages.
# recursive_triggers: without it INSERT OR REPLACE removes rows behind the append-only triggers.
_SQLITE: Final = {
    "busy_timeout": str(BUSY_MS),
    "foreign_keys": "ON",
    "recursive_triggers": "ON",
    "temp_store": "MEMORY",
    "cache_size": "-32768",
}
_SQLITE_WRITER: Final = {"journal_mode": "WAL", "synchronous": "FULL", "secure_delete": "ON"}

# Milliseconds. A dead network is noticed within seconds, and no lock outlives its owner for long.
_POSTGRES_OPTIONS: Final = {
    "statement_timeout": "60000",
    "lock_timeout": str(BUSY_MS),
    "idle_in_transaction_session_timeout": "60000",
    "jit": "off",
    "timezone": "UTC",
}

# The library of every earlier version can corrupt a WAL that two processes write and checkpoint.
_WAL_RESET_FIXED: Final = (3, 51, 3)


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Target:
    """Which database is meant: its URL in SQLAlchemy's spelling, and the file, if it is one.

    `is_fleeting` marks ``sqlite://``: a file in a private folder that goes when the store closes.
    A database in memory has no WAL and no readers beside the writer; this one behaves as a real
    one does.
    """

    url: URL
    dialect: str
    file: Path | None = None
    is_fleeting: bool = False

    @property
    def name(self) -> str:
        """The name for messages: never the password."""
        return str(self.file or self.url.render_as_string(hide_password=True))


@dataclass(frozen=True, slots=True)
class Engines:
    """The two ways to one database. `turn` lets one writer at a time in; None: the server does.

    `writer` is None when this process may only read.
    """

    target: Target
    readers: Engine
    writer: Engine | None
    turn: "threading.Lock | None"
    writer_lock: WriterLock | None

    def close(self) -> None:
        """Give back connections, the writer's lock, and a fleeting database."""
        for engine in (self.readers, self.writer):
            if engine is not None:
                engine.dispose()
        if self.writer_lock is not None:
            self.writer_lock.release()
        if self.target.is_fleeting and self.target.file is not None:
            shutil.rmtree(self.target.file.parent, ignore_errors=True)


def read_target(url: str) -> Target:
    """Read a database URL; raises StoreUnavailable for what is not one that we know."""
    try:
        parsed = make_url(url)
    except ArgumentError as exc:
        raise StoreUnavailable(
            f"{url!r} is no database URL; accepted are sqlite:///FILE and "
            "postgresql://USER@HOST/NAME"
        ) from exc
    family = parsed.get_backend_name()
    if family == "sqlite":
        return _sqlite_target(parsed)
    if family in ("postgresql", "postgres"):
        return Target(parsed.set(drivername="postgresql+psycopg"), "postgresql")
    raise StoreUnavailable(
        f"{family!r} databases are not supported; use sqlite:///FILE or postgresql://USER@HOST/NAME"
    )


def _sqlite_target(parsed: URL) -> Target:
    if parsed.database and parsed.database != ":memory:":
        file = Path(parsed.database).absolute()
        return Target(URL.create("sqlite", database=str(file)), "sqlite", file)
    folder = Path(tempfile.mkdtemp(prefix="qtcore-"))
    file = folder / "fleeting.db"
    target = Target(URL.create("sqlite", database=str(file)), "sqlite", file, is_fleeting=True)
    weakref.finalize(target, shutil.rmtree, folder, ignore_errors=True)
    return target


def open_engines(target: Target, *, writable: bool = True) -> Engines:
    """Open a database for reading, and for writing when asked.

    Raises StoreUnavailable when another process holds the one writer's place.
    """
    if target.dialect == "postgresql":
        engine = _postgres_engine(target)
        readers: Engine = engine.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )
        return Engines(target, readers, engine if writable else None, None, None)
    lock = None
    if writable and target.file is not None and needs_single_writer(sqlite3.sqlite_version_info):
        lock = take_writer_lock(target.file)
    readers = _sqlite_engine(target, {**_SQLITE, "query_only": "ON"}, "BEGIN", size=8)
    writer = None
    if writable:
        writer = _sqlite_engine(target, _writer_pragmas(target), "BEGIN IMMEDIATE", size=1)
        watch_writes(writer)
    return Engines(target, readers, writer, threading.Lock(), lock)


def open_for_migration(target: Target) -> Engine:
    """Open a connection of its own for changing tables.

    Foreign keys are off on SQLite, because a table is changed there by building it anew.
    """
    if target.dialect == "postgresql":
        return open_postgres(target)
    pragmas = {**_writer_pragmas(target), "foreign_keys": "OFF"}
    return _sqlite_engine(target, pragmas, "BEGIN IMMEDIATE", size=1)


def open_postgres(target: Target) -> Engine:
    """Open a PostgreSQL database for work that keeps no connection."""
    engine = create_engine(target.url, poolclass=NullPool, connect_args={"connect_timeout": 5})
    return _only_utf8(engine, target)


def _only_utf8(engine: Engine, target: Target) -> Engine:
    """Refuse a database of another encoding: it keeps the first name it cannot write for later."""

    def on_connect(driver_connection: Any, _record: Any) -> None:
        found = driver_connection.info.parameter_status("server_encoding")
        if found != "UTF8":
            raise StoreUnavailable(
                f"{target.name} has the encoding {found}, UTF8 is needed: make a new database with "
                "createdb --encoding UTF8 --template template0"
            )

    event.listen(engine, "connect", on_connect, insert=True)  # before anything is read from it
    return engine


def needs_single_writer(version: tuple[int, ...]) -> bool:
    """Say whether this SQLite library can corrupt a database that two processes write."""
    return version < _WAL_RESET_FIXED


def dump_json(value: Any) -> str:
    """Write a JSON column: decimals become text with their digits, times ISO text."""
    return str(value) if type(value) is JsonText else _WRITER.encode(value)


def _as_text(value: object) -> str:
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime | date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} {value!r} cannot be kept in a JSON column")


# Made once: `json.dumps` would make one for every value.
_WRITER: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False, default=_as_text)


def _writer_pragmas(target: Target) -> dict[str, str]:
    pragmas = {**_SQLITE, **_SQLITE_WRITER}
    # Nothing of a fleeting database is promised to outlive the process.
    return {**pragmas, "synchronous": "OFF"} if target.is_fleeting else pragmas


def _sqlite_engine(target: Target, pragmas: Mapping[str, str], begin: str, *, size: int) -> Engine:
    engine = create_engine(
        target.url,
        poolclass=QueuePool,
        pool_size=size,
        max_overflow=0,
        pool_timeout=TURN_SECONDS,
        # isolation_level None: the driver begins nothing by itself, we say BEGIN.
        connect_args={"isolation_level": None, "check_same_thread": False},
        json_serializer=dump_json,
        json_deserializer=load_json,
    )
    event.listen(engine, "connect", _set_pragmas(pragmas))
    event.listen(engine, "begin", _begin_with(begin))
    return engine


def _set_pragmas(pragmas: Mapping[str, str]) -> Callable[[Any, Any], None]:
    def on_connect(driver_connection: Any, _record: Any) -> None:
        for name, value in pragmas.items():
            driver_connection.execute(f"PRAGMA {name}={value}").fetchall()
        driver_connection.create_aggregate(ExactSum.NAME, 1, ExactSum)

    return on_connect


def _begin_with(statement: str) -> Callable[[Connection], None]:
    def on_begin(connection: Connection) -> None:
        run(connection, statement, ()).close()

    return on_begin


def _postgres_engine(target: Target) -> Engine:
    options = " ".join(f"-c {name}={value}" for name, value in _POSTGRES_OPTIONS.items())
    engine = create_engine(
        target.url,
        pool_size=10,
        max_overflow=10,
        pool_timeout=TURN_SECONDS,
        pool_pre_ping=True,
        connect_args={"options": options, "connect_timeout": 5, "tcp_user_timeout": 3000},
        json_serializer=dump_json,
        json_deserializer=load_json,
    )
    watch_writes(engine)
    return _only_utf8(engine, target)
