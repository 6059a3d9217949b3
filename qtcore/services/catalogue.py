"""Lists of master data: items, parties, places and equipment, by code.

It must not know lots.
"""

from dataclasses import dataclass
from typing import Any

from sqlmodel import select

from qtcore.context import Context
from qtcore.errors import InputRejected
from qtcore.services.master import TABLES
from qtcore.services.rights import require
from qtcore.services.site import Site
from qtcore.services.veils import hidden_of, unveiled

MAX_LIMIT = 200
SHOWN = ("code", "name", "names", "kind", "industry", "unit", "roles", "contacts", "state", "extra")


@dataclass(frozen=True, slots=True)
class MasterPage:
    """A slice of a list; `next` is the code to continue after."""

    entries: tuple[dict[str, Any], ...]
    next: str | None

    def as_json(self) -> dict[str, Any]:
        """Give the shape of the API."""
        return {"items": list(self.entries), "next": self.next}


def list_master(
    site: Site, context: Context, entity: str, *, after: str = "", limit: int = 50
) -> MasterPage:
    """List entries of one kind of master data in the order of their codes."""
    require(site, context, "lot.read")
    if entity not in TABLES:
        raise InputRejected(f"no kind of master data {entity!r}; there are {sorted(TABLES)}")
    if not 1 <= limit <= MAX_LIMIT:
        raise InputRejected(f"limit {limit} is not accepted; give 1 to {MAX_LIMIT}")
    table: Any = TABLES[entity]
    query = (
        select(table)
        .where(table.tenant_id == site.store.tenant_id, table.code > after)
        .order_by(table.code)
        .limit(limit + 1)
    )
    with site.store.read() as session:
        hidden = hidden_of(site, context, entity)
        rows = [_shown(row, hidden) for row in session.exec(query)]
    following = rows[limit - 1]["code"] if len(rows) > limit else None
    return MasterPage(tuple(rows[:limit]), following)


def _shown(row: Any, hidden: frozenset[str]) -> dict[str, Any]:
    known = {name: getattr(row, name) for name in SHOWN if hasattr(row, name)}
    return {"id": row.uid, **known, "extra": unveiled(row.extra, hidden)}
