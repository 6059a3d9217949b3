"""Which revision a database's tables have, and how they are brought to the newest.

It must not know what the revisions do; see `qtcore/store/migrations`.
"""

import shutil
from functools import cache
from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, inspect

from qtcore.errors import StoreUnavailable
from qtcore.store.engines import Target, open_for_migration, read_target

MIGRATIONS: Final = Path(__file__).with_name("migrations")


def current_revision(engine: Engine) -> str | None:
    """Read the revision of a database; None when it holds no tables of ours."""
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


@cache
def latest_revision() -> str:
    """Give the revision this release needs."""
    found = ScriptDirectory.from_config(_config()).get_current_head()
    if found is None:
        raise StoreUnavailable(f"no migrations at {MIGRATIONS}; install QTCore again")
    return found


def is_current(engine: Engine) -> bool:
    """Say whether a database has the tables of this release."""
    return current_revision(engine) == latest_revision()


def migrate(target: Target, content: bytes = b"") -> str:
    """Bring the tables to the newest revision, all steps in one transaction; returns it.

    A fleeting database is a copy: of `content`, or of an empty one that is made once.
    """
    if target.is_fleeting and target.file is not None:
        # The steps take a third of a second, and a test run opens hundreds of these.
        target.file.write_bytes(content or _empty_database())
        return latest_revision()
    return _run_steps(target)


@cache
def _empty_database() -> bytes:
    target = read_target("sqlite://")
    if target.file is None:
        raise StoreUnavailable("a fleeting database has no file")
    _run_steps(target)
    content = target.file.read_bytes()
    shutil.rmtree(target.file.parent)
    return content


def _run_steps(target: Target) -> str:
    engine = open_for_migration(target)
    try:
        with engine.begin() as connection:
            _require_ours(connection, target)
            command.upgrade(_config(connection), "head")
            _check_references(connection)
    finally:
        engine.dispose()
    return latest_revision()


def _require_ours(connection: Connection, target: Target) -> None:
    """Refuse tables that are not ours to change: of a newer release, or of another program."""
    found = MigrationContext.configure(connection).get_current_revision()
    known = {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}
    if found is not None and found not in known:
        raise StoreUnavailable(
            f"{target.name} has the tables of revision {found}, which this QTCore does not know; "
            "use the QTCore that wrote it",
            code="QT505",
        )
    others = set(inspect(connection).get_table_names()) - {"alembic_version"}
    if found is None and others:
        raise StoreUnavailable(
            f"{target.name} belongs to another program: it has a table {min(others)!r}; give a new "
            "file or an empty database",
            code="QT505",
        )


def _check_references(connection: Connection) -> None:
    """Look for rows that point nowhere: SQLite does not watch while its tables are rebuilt."""
    if connection.dialect.name != "sqlite":
        return
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
    if broken:
        raise StoreUnavailable(
            f"{len(broken)} rows point to rows that are not there, first in table {broken[0][0]}; "
            "nothing was changed; restore a backup and report this"
        )


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config
