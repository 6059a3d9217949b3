"""Changing one row by compare-and-set: the statement, and what is said when somebody was faster.

It must not know when a row may be changed.
"""

from functools import lru_cache

from sqlalchemy import Table, Update, and_, bindparam, update
from sqlmodel import SQLModel

from qtcore.errors import Conflict
from qtcore.store.queries.nodes import NodeInfo


@lru_cache(maxsize=1000)
def updating(table: Table, names: tuple[str, ...]) -> Update:
    """Make the statement that changes columns of one row, if it has the version that was seen."""
    written = {name: bindparam(f"new_{name}", type_=table.c[name].type) for name in names}
    same = [c == bindparam(f"of_{c.name}", type_=c.type) for c in table.primary_key.columns]
    if "version" in names:
        same.append(table.c.version == bindparam("before", type_=table.c.version.type))
    return update(table).values(written).where(and_(*same))


def conflict_of(table: Table, row: SQLModel | NodeInfo, seen: int | None) -> Conflict:
    """Name the row that has another version by now."""
    name = next(
        (
            str(getattr(row, c))
            for c in ("number", "code", "lot_no", "login", "uid")
            if hasattr(row, c)
        ),
        "",
    )
    since = "" if seen is None else f" since version {seen} was read"
    return Conflict(
        f"{table.name.replace('_', ' ')} {name!r} was changed by somebody else{since}; "
        "read it again and repeat"
    )
