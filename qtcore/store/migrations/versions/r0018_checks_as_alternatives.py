"""The words a column may hold, said as alternatives where many rows are written.

SQLite builds a temporary index of a list of words for every row it checks; on `movement` that took
more than half of the time of an insert. PostgreSQL takes both alike and is left alone.

It must not import the tables: a revision says itself what they were when it was written.
"""

import re
from collections.abc import Callable

from alembic import op

revision = "0018"
down_revision = "0020"
branch_labels = None
depends_on = None

TABLES = ("node", "event", "movement", "edge")
LISTED = re.compile(r"CHECK \((\w+) IN \(([^()]*)\)\)")
ALTERNATIVES = re.compile(r"CHECK \((\w+) = ('\w+'(?: OR \w+ = '\w+')*)\)")


def upgrade() -> None:
    _rewrite(LISTED, _as_alternatives)


def downgrade() -> None:
    _rewrite(ALTERNATIVES, _as_list)


def _as_alternatives(found: re.Match[str]) -> str:
    words = [word.strip() for word in found[2].split(",")]
    return f"CHECK ({' OR '.join(f'{found[1]} = {word}' for word in words)})"


def _as_list(found: re.Match[str]) -> str:
    words = re.findall(r"'\w+'", found[2])
    return f"CHECK ({found[1]} IN ({', '.join(words)}))"


def _rewrite(pattern: re.Pattern[str], replacement: Callable[[re.Match[str]], str]) -> None:
    """Change the text of the checks only: they allow what they allowed, no row is rewritten.

    See https://www.sqlite.org/lang_altertable.html, "changes that do not affect the content".
    """
    connection = op.get_bind()
    if connection.dialect.name != "sqlite":
        return
    version = connection.exec_driver_sql("PRAGMA schema_version").scalar_one()
    connection.exec_driver_sql("PRAGMA writable_schema=ON")
    for table in TABLES:
        told = connection.exec_driver_sql(
            "SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = ?", (table,)
        ).scalar_one()
        connection.exec_driver_sql(
            "UPDATE sqlite_schema SET sql = ? WHERE type = 'table' AND name = ?",
            (pattern.sub(replacement, told), table),
        )
    connection.exec_driver_sql(f"PRAGMA schema_version={version + 1}")
    connection.exec_driver_sql("PRAGMA writable_schema=OFF")
