"""Finding lots and showing one: the list of the API, the search box, the full page of a lot.

It must not know HTML; every figure here is also what the API answers.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from sqlmodel import Session

from qtcore.context import Context
from qtcore.errors import InputRejected
from qtcore.services.nodes import find_named
from qtcore.services.rights import require
from qtcore.services.same_lots import SameLot, same_lots
from qtcore.services.sight import get_seen, keep_read, keep_seen, thing_of_lot
from qtcore.services.site import Site
from qtcore.services.stock import Stock, stock_of_all_names, stock_of_nodes
from qtcore.services.trace import Trace, as_seen, node_json, trace_nodes
from qtcore.services.veils import veil_change, veil_node, veil_row
from qtcore.store.queries.events import MovementRow, movements_of, newest_movements
from qtcore.store.queries.lots import list_lot_nodes, search_nodes
from qtcore.store.queries.nodes import HoldRow, NodeInfo, active_holds, describe_nodes
from qtcore.store.queries.records import (
    RecordRow,
    ResultRow,
    StateChangeRow,
    records_about,
    results_of,
    state_changes_of,
)

MAX_LIMIT = 200


@dataclass(frozen=True, slots=True)
class LotPage:
    """A slice of the list and the cursor of the next one."""

    lots: tuple[NodeInfo, ...]
    next: str | None

    def as_json(self) -> dict[str, Any]:
        """Give the shape of the API."""
        return {"items": [list_json(i) for i in self.lots], "next": self.next}


@dataclass(frozen=True, slots=True)
class Newest:
    """How many movements are asked for, the newest, or those before a cursor of ours."""

    limit: int
    before: str = ""


@dataclass(frozen=True, slots=True)
class LotView:
    """Everything a person wants to see of one lot.

    `movements` are those that were asked for, as they happened, of `movement_count` in all;
    `next_movements` is the cursor of the older ones, empty when there are none.
    """

    info: NodeInfo
    stock: Stock
    trace: Trace
    holds: tuple[HoldRow, ...]
    movements: tuple[MovementRow, ...]
    results: tuple[ResultRow, ...]
    records: tuple[RecordRow, ...]
    changes: tuple[StateChangeRow, ...]
    same: tuple[SameLot, ...]
    movement_count: int
    next_movements: str = ""

    def as_json(self) -> dict[str, Any]:
        """Give the shape of the API."""
        return {
            **node_json(self.info),
            "names": self.info.names,
            "item_kind": self.info.item_kind,
            "industry": self.info.industry,
            "origin": self.info.origin,
            "expiry_on": self.info.expiry_on and self.info.expiry_on.isoformat(),
            "extra": self.info.extra,
            "stock": self.stock.as_json(),
            "holds": [
                {"hold_id": h.uid, "reason": h.reason, "placed_at": h.placed_at.isoformat()}
                for h in self.holds
            ],
            "same_as": [each.as_json() for each in self.same],
            "results": [r.as_json() for r in self.results],
            "records": [r.as_json() for r in self.records],
            "transitions": [c.as_json() for c in self.changes],
            "events": [m.as_json() for m in self.movements],
            "chain": self.trace.as_json(),
        }


def list_json(info: NodeInfo) -> dict[str, Any]:
    """Show a lot in a list; all texts."""
    return {
        "lot_id": info.uid,
        "kind": info.kind,
        "item": info.item_code,
        "lot_no": info.lot_no,
        "source": info.source_code,
        "state": info.state,
        "identifiers": [value for _, value in info.identifiers],
    }


def list_lots(
    site: Site,
    context: Context,
    *,
    limit: int = 50,
    cursor: str = "",
    **filters: str,
) -> LotPage:
    """List lots, units and logistic units in the order they were made known.

    Filters, all equal: item, lot_no (also a serial or a case's code), source, state, kind.
    Raises InputRejected for a limit outside 1..200 or a cursor that is not ours.
    """
    require(site, context, "lot.read")
    if not 1 <= limit <= MAX_LIMIT:
        raise InputRejected(f"limit {limit} is not accepted; give 1 to {MAX_LIMIT}")
    chosen = {name: value for name, value in filters.items() if value}
    after = _read_cursor(cursor)
    seen: list[NodeInfo] = []
    with site.store.read() as session:
        tenant = site.store.tenant_id
        while len(seen) <= limit:
            nodes = list_lot_nodes(session, tenant, after_node=after, limit=limit + 1, **chosen)
            described = describe_nodes(session, tenant, nodes)
            seen += keep_seen(site, context, session, (described[node] for node in nodes))
            if len(nodes) <= limit:
                break
            after = nodes[-1]
    following = _make_cursor(seen[limit - 1].node) if len(seen) > limit else None
    return LotPage(tuple(seen[:limit]), following)


def search(site: Site, context: Context, text: str, *, limit: int = 20) -> tuple[NodeInfo, ...]:
    """Find what a typed or scanned text may mean.

    What it names comes first, also as a GS1 code, then what contains the text.
    """
    require(site, context, "lot.read")
    if not text.strip():
        return ()
    with site.store.read() as session:
        tenant, wanted = site.store.tenant_id, text.strip()
        meant = find_named(session, tenant, wanted)
        nodes = list(dict.fromkeys([*meant, *search_nodes(session, tenant, wanted, limit)]))[:limit]
        described = describe_nodes(session, tenant, nodes)
        found = [described[n] for n in nodes if n in described]
        return tuple(keep_seen(site, context, session, found))


def get_lot(site: Site, context: Context, lot: str, newest: Newest | None = None) -> LotView:
    """Show one lot with its chain, stock, tests, records and events, all or the `newest`.

    Raises NotFound, Ambiguous, and InputRejected for a cursor that is not ours.
    """
    require(site, context, "lot.read", about=lot)
    with site.store.read() as session:
        tenant = site.store.tenant_id
        info = get_seen(site, context, session, lot)
        thing = thing_of_lot(site, session, info)
        require(site, context, "lot.read", about=lot, thing=thing)
        chain = trace_nodes(site, session, info, "both")
        chain = as_seen(site, context, session, chain)
        same = tuple(same_lots(session, tenant, info.node))
        about = records_about(session, tenant, [info.node])
        records = keep_read(site, context, session, about)
        moves, count, following = _movements(session, tenant, info.node, newest)
        return LotView(
            info=veil_node(site, context, info, thing),
            stock=_stock(site, session, info.node, same),
            trace=chain,
            holds=tuple(active_holds(session, tenant, [info.node]).get(info.node, ())),
            same=same,
            movements=tuple(moves),
            movement_count=count,
            next_movements=following,
            results=tuple(results_of(session, tenant, info.node)),
            records=tuple(veil_row(site, context, row) for row in records),
            changes=tuple(
                veil_change(site, context, row)
                for row in state_changes_of(session, tenant, info.uid)
            ),
        )


def _movements(
    session: Session, tenant: int, node: int, newest: Newest | None
) -> tuple[Sequence[MovementRow], int, str]:
    """Give movements of a node, how many it has, and the cursor of those before them."""
    if newest is None:
        rows = movements_of(session, tenant, [node])
        return rows, len(rows), ""
    before = _read_cursor(newest.before, _MOVEMENT) or None
    found = newest_movements(session, tenant, node, limit=newest.limit, before=before)
    following = _make_cursor(found.rows[0].id, _MOVEMENT) if found.older else ""
    return found.rows, found.total, following


def _stock(site: Site, session: Session, node: int, same: Sequence[SameLot]) -> Stock:
    if same:
        return stock_of_all_names(site, session, node, [one.info.node for one in same])
    return stock_of_nodes(site, session, [node])[node]


_NODE, _MOVEMENT = "n", "m"


def _make_cursor(key: int, kind: str = _NODE) -> str:
    return urlsafe_b64encode(f"{kind}{key}".encode()).decode().rstrip("=")


def _read_cursor(cursor: str, kind: str = _NODE) -> int:
    if not cursor:
        return 0
    with suppress(ValueError):
        text = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
        if text[:1] == kind and text[1:].isdecimal() and len(text) < 20:
            return int(text[1:])
    raise InputRejected(f"cursor {cursor!r} is not one of ours; use the `next` of the last answer")
