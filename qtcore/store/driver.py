"""Statements that are run on the driver itself: compiled once, and rows as the driver has them.

It must not know any table. For statements that are made once and asked all day: SQLAlchemy's own
way costs a tenth of a millisecond for each before the database does anything.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Dialect, Executable
from sqlalchemy.exc import DBAPIError

_MOST_STATEMENTS: Final = 512


class Spoken(NamedTuple):
    """A statement in the words of a driver, and how its values are handed over.

    `order` are the names of the values where the driver counts them; `written` turns values into
    what the database takes.
    """

    text: str
    order: tuple[str, ...] | None
    fixed: dict[str, Any]
    written: tuple[tuple[str, Callable[[Any], Any]], ...]

    def values(self, given: Mapping[str, Any]) -> Any:
        """Give the values as the driver wants them."""
        told = {**self.fixed, **given}
        for name, write in self.written:
            told[name] = write(told[name])
        return told if self.order is None else tuple([told[name] for name in self.order])


def run_on_driver(connection: Connection, statement: Executable, given: Mapping[str, Any]) -> Any:
    """Run a statement that lives as long as the process; gives the cursor of the driver.

    Whoever listens on the engine hears of it, and faults come as SQLAlchemy's own.
    """
    spoken = _speak(statement, connection.dialect)
    values = spoken.values(given)
    with driver_faults(connection.dialect, spoken.text, values):
        cursor = connection.connection.cursor()
        for note in connection.dispatch.before_cursor_execute:
            note(connection, cursor, spoken.text, values, None, False)
        cursor.execute(spoken.text, values)
    return cursor


@contextmanager
def driver_faults(dialect: Dialect, text: str, values: Any = None) -> Iterator[None]:
    """Turn what a driver raises into what SQLAlchemy would raise for it."""
    driver: Any = dialect.loaded_dbapi
    try:
        yield
    except driver.Error as exc:
        raise DBAPIError.instance(text, values, exc, driver.Error, dialect=dialect) from exc


@lru_cache(maxsize=_MOST_STATEMENTS)
def _speak(statement: Executable, dialect: Dialect) -> Spoken:
    compiled: Any = statement.compile(dialect=dialect)  # type: ignore[attr-defined]
    if compiled.post_compile_params:
        raise TypeError("a list of values inside a statement has no text of its own; name each")
    binds = compiled.binds.items()
    writers = {
        name: bind.type.dialect_impl(dialect).bind_processor(dialect) for name, bind in binds
    }
    return Spoken(
        compiled.string,
        None if compiled.positiontup is None else tuple(compiled.positiontup),
        {name: bind.value for name, bind in binds if not bind.required},
        tuple((name, write) for name, write in writers.items() if write is not None),
    )
