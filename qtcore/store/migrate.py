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
from sqlalchemy import Connection, Engine

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


def migrate(target: Target) -> str:
    """Bring the tables to the newest revision, all steps in one transaction; returns it."""
    if target.is_fleeting and target.file is not None:
        # The steps take a third of a second, and a test run opens hundreds of these.
        target.file.write_bytes(_empty_database())
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
            command.upgrade(_config(connection), "head")
            _check_references(connection)
    finally:
        engine.dispose()
    return latest_revision()


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
