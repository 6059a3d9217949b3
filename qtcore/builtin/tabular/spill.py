"""What a whole file must remember, kept on disk: a file of any size is read in the same memory.

It must not know what is remembered. The tables stand in a temporary file that SQLite removes.
"""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field

_CACHE = 8 * 1024
"""Kilobytes of it that stay in memory."""


def _open() -> sqlite3.Connection:
    """Open a private database whose name is empty: a file that SQLite makes and removes itself."""
    found = sqlite3.connect("", isolation_level=None, check_same_thread=False)
    for statement in (f"cache_size = -{_CACHE}", "journal_mode = OFF", "synchronous = OFF"):
        found.execute(f"PRAGMA {statement}")
    return found


@dataclass(slots=True)
class SeenKeys:
    """Remembers under which row a key stood first, and with which content."""

    _database: sqlite3.Connection = field(default_factory=_open)

    def __post_init__(self) -> None:
        self._database.execute(
            "CREATE TABLE seen (key TEXT PRIMARY KEY, number INTEGER, content TEXT) WITHOUT ROWID"
        )

    def first(self, key: str, number: int, content: str) -> tuple[int, str]:
        """Note a key; gives the row and content it was noted with first."""
        asked = "INSERT INTO seen VALUES (?, ?, ?) ON CONFLICT (key) DO NOTHING"
        if self._database.execute(asked, (key, number, content)).rowcount == 1:
            return number, content
        asked = "SELECT number, content FROM seen WHERE key = ?"
        found: tuple[int, str] = self._database.execute(asked, (key,)).fetchone()
        return found

    def close(self) -> None:
        """Give the file back."""
        self._database.close()


@dataclass(slots=True)
class SeenValues:
    """Remembers which values stood for a place, each with its rows, in the order of the rows."""

    _database: sqlite3.Connection = field(default_factory=_open)

    def __post_init__(self) -> None:
        self._database.execute(
            "CREATE TABLE seen (place TEXT, value TEXT, text TEXT, number INTEGER)"
        )

    def note(self, place: str, value: str, text: str, number: int) -> None:
        """Note a value: equal values have one `value`, `text` is how a row writes it."""
        row = (place, value, text, number)
        self._database.execute("INSERT INTO seen VALUES (?, ?, ?, ?)", row)

    def differing(self) -> Iterator[tuple[str, list[tuple[str, str, int]]]]:
        """List each place with more than one value: value, text and row of each note."""
        self._database.execute("CREATE INDEX IF NOT EXISTS by_place ON seen (place, value)")
        asked = (
            "SELECT place FROM seen GROUP BY place HAVING count(DISTINCT value) > 1 "
            "ORDER BY min(rowid)"
        )
        for (place,) in self._database.execute(asked).fetchall():
            told = "SELECT value, text, number FROM seen WHERE place = ? ORDER BY rowid"
            yield place, self._database.execute(told, (place,)).fetchall()

    def close(self) -> None:
        """Give the file back."""
        self._database.close()
