"""Searching the history: facets, periods, and what was changed after its first entry.

It must not verify; what is shown is read from the bytes that were hashed.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from qtcore.context import Context
from qtcore.errors import Ambiguous, InputRejected, NotFound
from qtcore.services.finding import find_exact
from qtcore.services.rights import require
from qtcore.services.sealing import SealingState, read_sealing
from qtcore.services.site import Site
from qtcore.services.veils import hidden_anywhere, veil_entry
from qtcore.store.queries.ledger import LedgerRow, list_ledger
from qtcore.store.queries.ledger_facets import Facets, Wanted, count_facets

MAX_ROWS: Final = 500
# A search for later changes reads this many entries at most before it offers to go on.
MOST_LOOKED_AT: Final = 5_000
_PIECE: Final = 500


@dataclass(frozen=True, slots=True)
class LedgerSearch:
    """What is looked for; empty means everything.

    `about`: any identifier of a lot, or a public id. `who`: a login. `action`: the beginning of a
    name. `kind`: what sort of thing. `changed`: only entries that gave another value to what had
    one. `before` continues after a row's number. `device` and `ip`: what an act came from.
    """

    about: str = ""
    who: str = ""
    action: str = ""
    kind: str = ""
    since: datetime | None = None
    until: datetime | None = None
    changed: bool = False
    before: int | None = None
    limit: int = 50
    device: str = ""
    ip: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """A slice of the history, newest first; `next` continues it, `facets` count what else fits."""

    rows: tuple[LedgerRow, ...]
    next: int | None
    facets: Facets
    state: SealingState
    about: str

    @property
    def sealed(self) -> int:
        """How many entries are sealed."""
        return self.state.sealed

    @property
    def pending(self) -> int:
        """How many entries wait for their seal."""
        return self.state.pending

    def as_json(self) -> dict[str, Any]:
        """Give the shape of the API."""
        return {
            "items": [row.as_json() for row in self.rows],
            "sealed": self.state.sealed,
            "pending": self.state.pending,
            "next": self.next,
            "facets": self.facets.as_json(),
            "state": self.state.as_json(),
        }


def search_ledger(site: Site, context: Context, asked: LedgerSearch) -> Found:
    """Search the history; raises InputRejected for a limit or period that cannot be."""
    require(site, context, "ledger.read")
    if not 1 <= asked.limit <= MAX_ROWS:
        raise InputRejected(f"limit {asked.limit} is not accepted; give 1 to {MAX_ROWS}")
    if asked.since and asked.until and asked.since > asked.until:
        raise InputRejected("the period ends before it begins; give the earlier time as `since`")
    about = _resolve(site, context, asked.about)
    wanted = Wanted(
        about=about,
        who=asked.who,
        action=asked.action,
        kind=asked.kind,
        since=asked.since,
        until=asked.until,
        device=asked.device,
        ip=asked.ip,
    )
    with site.store.read() as session:
        tenant = site.store.tenant_id
        facets = count_facets(session, tenant, wanted)
        rows, following = _rows(site, replace(asked, about=about), wanted)
    hidden = hidden_anywhere(site, context)
    rows = [veil_entry(row, hidden) for row in rows]
    return Found(tuple(rows), following, facets, read_sealing(site), about)


def is_later_change(row: LedgerRow) -> bool:
    """Say whether an entry gave another value to something that had one already.

    A step of a life cycle is no change of what was entered.
    """
    changes: Sequence[Sequence[Any]] = row.head.get("changes", [])
    return any(
        old not in (None, "", [], {}) and old != new and name != "state"
        for name, old, new in changes
    )


def _rows(site: Site, asked: LedgerSearch, wanted: Wanted) -> tuple[list[LedgerRow], int | None]:
    found: list[LedgerRow] = []
    before, looked = asked.before, 0
    size = _PIECE if asked.changed else asked.limit + 1
    with site.store.read() as session:
        while looked < MOST_LOOKED_AT:
            piece = list_ledger(
                session, site.store.tenant_id, wanted=wanted, before=before, limit=size
            )
            looked += len(piece)
            found += [row for row in piece if not asked.changed or is_later_change(row)]
            if len(found) > asked.limit:
                return found[: asked.limit], found[asked.limit - 1].number
            if len(piece) < size:
                return found, None
            before = piece[-1].number
    return found, before


def _resolve(site: Site, context: Context, text: str) -> str:
    """Give the public id that a text names; other texts are taken for a public id themselves."""
    if not text.strip():
        return ""
    try:
        return find_exact(site, context, text.strip()).uid
    except (NotFound, Ambiguous, InputRejected):
        return text.strip()
