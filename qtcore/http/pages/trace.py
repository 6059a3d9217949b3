"""The trace page: lanes, the same data as a table, customers, gaps, and a list to save.

It must not know how a trace is found.
"""

import time
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar
from urllib.parse import urlencode

from qtcore.builtin.tabular.spreadsheet import write_csv_rows
from qtcore.errors import Fault, InputRejected
from qtcore.http.call import Call
from qtcore.http.downloads import Download
from qtcore.http.pages.chain import lanes_of, link_amounts
from qtcore.http.pages.parts import Cut, part_of, read_first
from qtcore.http.pages.visits import Page, Seen, page
from qtcore.services.moments import read_moment
from qtcore.services.paths import Paths, find_paths
from qtcore.services.trace import DIRECTIONS, Trace, trace
from qtcore.services.wire import optional_text
from qtcore.store.queries.lens import Lens

Value = TypeVar("Value")
MOST_ROWS = 200
MOST_GAPS = 50
_HEAD = ("side", "depth", "certainty", "lot_id", "item", "lot_no", "source", "state",
         "customer", "quantity", "unit", "shipped_at")  # fmt: skip


@page("GET", "/trace")
def show(call: Call) -> Seen:
    """Trace what the box names; without a lot, ask for one."""
    try:
        depth, lens = _read_limits(call)
        for name in ("rows_from", "ships_from", "gaps_from"):
            read_first(call, name)
    except InputRejected as error:
        return _refused(call, error)
    asked = {**_asked(call), "depth": depth}
    lot, direction = asked["lot"], asked["direction"]
    if not lot:
        return Page("trace.html", asked)
    started = time.perf_counter()
    found = trace(call.site, call.act(), lot, direction, max_depth=depth, lens=lens)
    other = call.word("why").strip()
    kept = {"lot": found.focus.uid, "direction": direction, "depth": depth}
    kept |= {name: call.word(name) for name in ("as_of", "known_at")}
    return Page(
        "trace.html",
        {
            **asked,
            **_why(find_paths(call.site, call.act(), lot, other, lens=lens) if other else None),
            "then": _query(call),
            "found": found,
            "chain": lanes_of(found),
            "amounts": link_amounts(found),
            "rows": part_of(call, Cut("rows_from", "h-table", MOST_ROWS, kept), found.nodes),
            "ships": part_of(call, Cut("ships_from", "h-cust", MOST_ROWS, kept), found.customers),
            "gaps": part_of(call, Cut("gaps_from", "h-gaps", MOST_GAPS, kept), found.gaps),
            "seconds": f"{time.perf_counter() - started:.2f}",
        },
    )


@page("GET", "/trace.csv")
def save(call: Call) -> Seen:
    """Give the trace as CSV; no cell can be taken for a formula."""
    direction = call.word("direction", "both") or "both"
    try:
        depth, lens = _read_limits(call)
    except InputRejected as error:
        return _refused(call, error)
    lot = call.word("lot")
    found = trace(call.site, call.act(), lot, direction, max_depth=depth, lens=lens)
    name = "".join(c for c in found.focus.lot_no if (c.isascii() and c.isalnum()) or c in "-_")
    return Download(f"trace-{name or 'lot'}.csv", write_csv(found), "text/csv; charset=utf-8")


def _read_limits(call: Call) -> tuple[int | None, Lens]:
    """Read how far and as of when; raises InputRejected, in the language of the page."""

    def read(name: str, reader: Callable[[str], Value], wrong: str) -> Value:
        text, texts = call.word(name), call.settings.texts
        try:
            return reader(text)
        except InputRejected:
            label = texts.get(f"trace.{name}", call.language)
            found = text if len(text) <= 40 else f"{text[:40]}…"
            says = texts.get(f"trace.wrong.{wrong}", call.language, label=label, found=found)
            raise InputRejected(says, [Fault("QT411", says, name)]) from None

    as_of = read("as_of", partial(read_moment, "as_of"), "time")
    known_at = read("known_at", partial(read_moment, "known_at"), "time")
    return read("depth", read_depth, "depth"), Lens(as_of, known_at)


def _asked(call: Call) -> dict[str, Any]:
    """Give what was asked, as it was typed."""
    return {
        "lot": call.word("lot").strip(),
        "direction": call.word("direction", "both") or "both",
        "depth": None,
        "directions": DIRECTIONS,
        "as_of": call.word("as_of"),
        "known_at": call.word("known_at"),
        "mistakes": [],
        "found": None,
    }


def _refused(call: Call, error: InputRejected) -> Page:
    """Ask again, with what was wrong on top."""
    told = [{"message": fault.message, "href": fault.where} for fault in error.faults]
    return Page("trace.html", {**_asked(call), "mistakes": told}, 400)


def _why(paths: Paths | None) -> dict[str, Any]:
    if paths is None:
        return {"why": None}
    names = {info.node: info for info in paths.nodes}
    return {"why": paths, "why_names": names, "why_share": paths.share.as_json()}


def _query(call: Call) -> str:
    """Give the part of the address that keeps the times asked for."""
    names = ("as_of", "known_at")
    return urlencode({name: call.word(name) for name in names if call.word(name)})


def read_depth(text: str) -> int | None:
    """Read a number of steps; nothing means to the ends."""
    if not text:
        return None
    if not text.isascii() or not text.isdecimal() or not 1 <= len(text) <= 4 or int(text) < 1:
        raise InputRejected(
            f"depth {text[:20]!r} is not a number of steps; give 1 to 9999, or leave it out",
            [Fault("QT411", f"depth {text[:20]!r} is not a number of steps", "/depth")],
        )
    return int(text)


def write_csv(found: Trace) -> bytes:
    """Write nodes, then shipments, with a mark that spreadsheets read as UTF-8."""
    rows: list[list[str]] = []
    amounts = link_amounts(found)
    for node in found.nodes:
        info = node.info
        head = [node.side, str(node.depth), node.certainty, info.uid, info.item_code, info.lot_no]
        told = amounts.get(info.node, ())
        # Of several units no one number says it; the lanes show each.
        moved = [optional_text(told[0][0]) or "", told[0][1]] if len(told) == 1 else ["", ""]
        rows.append([*head, info.source_code, info.state, "", *moved, ""])
    for ship in found.customers:
        amount = optional_text(ship.quantity) or ""
        head = ["shipment", "", "", ship.lot_id, ship.item, ship.lot_no, "", "", ship.customer]
        rows.append([*head, amount, ship.unit, ship.shipped_at.isoformat()])
    return b"\xef\xbb\xbf" + write_csv_rows(_HEAD, rows).encode()


ROUTES = (show, save)
