"""What differs between the tables a database has and those the code describes.

It must not change either.
"""

import warnings
from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, MetaData

# Indexes over lower(...) are written by hand in the revisions; SQLite cannot describe them.
_FOLDED = "_folded"


def find_drift(connection: Connection, metadata: MetaData) -> list[Any]:
    """List the steps that would make the database what the code describes; empty is good."""
    context = MigrationContext.configure(
        connection, opts={"compare_type": True, "include_object": is_compared}
    )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Skipped unsupported reflection")
        return list(compare_metadata(context, metadata))


def is_compared(_item: object, name: str | None, kind: str, *_rest: object) -> bool:
    """Say whether Alembic looks at this table, column, index or constraint."""
    return not (kind == "index" and name is not None and name.endswith(_FOLDED))
