"""A plant of any size with a fixed seed: the edges every benchmark of traces runs on.

It must not need numpy. Lots are made in layers out of lots made shortly before; a few raw lots
(water, solvent) go into a large part of everything.
"""

import random
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from qtcore.services.master import MasterInput, write_master
from qtcore.services.site import Site

SEED = 20261123
LAYERS = 8
NEAR = 5
HUBS = 3
TO_HUB = 0.004


def fill(site: Site, path: Path, edges: int) -> list[int]:
    """Fill an empty site with about so many edges; returns the nodes of its raw lots, hubs first.

    Rows are written by sqlite3 itself: how fast the product writes is another benchmark.
    """
    context = site.system_context()
    with site.store.write(context) as work:
        party = write_master(work, MasterInput("party", "p", "Maker"))
        items = [
            write_master(work, MasterInput("item", f"i{n}", f"Item {n}", values={"unit": "kg"}))
            for n in range(LAYERS)
        ]
        customer = write_master(work, MasterInput("party", "c", "Customer"))
        keys = [item.id for item in items], party.id, customer.id
    width = max(20, edges // (6 * (LAYERS - 1)))
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA synchronous=OFF")
        _write(database, width, keys)
    database.close()
    return list(range(1, width + 1))


def _write(database: sqlite3.Connection, width: int, keys: tuple[list[int], int, int]) -> None:
    items, maker, customer = keys
    count = width * LAYERS
    at = "2026-01-01 00:00:00.000000"
    database.executemany(
        "INSERT INTO node (tenant_id, node, uid, kind, recorded_at) VALUES (1, ?, ?, 'lot', ?)",
        ((n, f"00000000-0000-7000-8000-{n:012d}", at) for n in range(1, count + 1)),
    )
    database.executemany(
        "INSERT INTO lot (tenant_id, node, item_id, source_id, lot_no, state, version, unit,"
        " origin, extra) VALUES (1, ?, ?, ?, ?, 'released', 1, 'kg', 'recorded', '{}')",
        ((n, items[(n - 1) // width], maker, f"L{n:09d}") for n in range(1, count + 1)),
    )
    first = 10_000_000
    database.executemany(
        "INSERT INTO event (tenant_id, id, uid, content_hash, event_type, verb, event_at,"
        ' utc_offset, recorded_at, origin, step, recorded_by, reason, "values", document,'
        " to_party_id) VALUES (1, ?, ?, '', ?, ?, ?, '+00:00', ?, 'import', '', 'bench', '',"
        " '{}', '{}', ?)",
        (
            (first + n, f"00000000-0000-7000-9000-{n:012d}", *_event_of(n, width, customer, at))
            for n in range(width + 1, count + width + 1)
        ),
    )
    database.executemany(
        "INSERT INTO edge (tenant_id, id, src, dst, kind, certainty, quantity, unit, event_id,"
        " event_at, recorded_at) VALUES (1, ?, ?, ?, 'transform', 'recorded', '12.5', 'kg', ?,"
        " ?, ?)",
        (
            (2 * first + number, src, dst, first + dst, at, at)
            for number, (src, dst) in enumerate(links(width))
        ),
    )
    database.executemany(
        "INSERT INTO movement (tenant_id, id, event_id, node, part, effect, quantity, unit)"
        " VALUES (1, ?, ?, ?, 'subject', 'shipped', '10', 'kg')",
        ((4 * first + n, first + n + width, n) for n in range(count - width + 1, count + 1)),
    )


def _event_of(n: int, width: int, customer: int, at: str) -> tuple[object, ...]:
    if n <= width * LAYERS:
        return ("production", "transform", at, at, None)
    return ("shipping", "ship", at, at, customer)


def links(width: int) -> Iterator[tuple[int, int]]:
    """Give the edges, each once, in the order of what was made."""
    chance = random.Random(SEED)
    for layer in range(1, LAYERS):
        below = (layer - 1) * width + 1
        for place in range(width):
            sources = {
                below + min(width - 1, max(0, place + chance.randint(-NEAR, NEAR)))
                for _ in range(chance.randint(3, 10))
            }
            if layer == 1 and chance.random() < TO_HUB * HUBS:
                sources.add(1 + chance.randrange(HUBS))
            for source in sorted(sources):
                yield source, layer * width + place + 1
