"""A plant of any size with a fixed seed: the edges every benchmark of traces runs on.

It must not need numpy. Batches run through steps: each takes one or two lots of the step before
and several raw lots of its time. What the last step made is split into packs, and packs are joined
to consignments that leave. A few raw lots (water, solvent) go into much of what is made while they
last. The median raw lot is used five times and reaches some three hundred lots by four hundred
links.
"""

import json
import random
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from qtcore.services.definitions import publish_registry
from qtcore.services.master import MasterInput, write_master
from qtcore.services.serving import settle_memory
from qtcore.services.site import Site, open_site
from qtcore.store.store import upgrade

SEED = 20261123
FILE = "bench.db"
STEPS = 7
RAWS, PACKS, JOINED = 7, 17, 4
"""For each batch of a step: raw lots, packs made of it; and how many packs leave together."""
NEAR, NEAR_RAW = 3, 30
FROM_STEP = (1, 1, 2, 2, 2)
POPULAR, TO_POPULAR = 8, 0.2
HUBS, HUB_LASTS, TO_HUB = 3, 2_400, 0.4
EDGES_EACH = 83
AT = "2026-01-01 00:00:00.000000"
_EVENT = 1 << 40
_EDGE = 1 << 41
_SHIPPED = 1 << 42
_RECEIVED = 1 << 43


class Plan:
    """How many lots there are; numbers go from raw lots over steps and packs to consignments."""

    def __init__(self, edges: int) -> None:
        self.width = max(20, edges // EDGES_EACH)
        self.raws = self.width * RAWS
        self.packs = self.raws + self.width * STEPS
        self.consignments = self.packs + self.width * PACKS
        self.lots = self.consignments + -(-self.width * PACKS // JOINED)

    def item_of(self) -> str:
        """Say in SQL which number the item of lot `n` has: raw, one for each step, pack, sent."""
        return (
            f"CASE WHEN n <= {self.raws} THEN 0"
            f" WHEN n <= {self.packs} THEN 1 + (n - {self.raws} - 1) / {self.width}"
            f" WHEN n <= {self.consignments} THEN {STEPS + 1} ELSE {STEPS + 2} END"
        )


@dataclass(frozen=True, slots=True)
class Plant:
    """A plant that is open: the product on it, the same file in bare sqlite3, and its raw lots.

    The hubs are the first of them.
    """

    site: Site
    path: Path
    database: sqlite3.Connection
    raw: range


@contextmanager
def opened(edges: int, folder: Path | None) -> Iterator[Plant]:
    """Open a plant of about so many edges; it is built where it is not kept in the folder."""
    with tempfile.TemporaryDirectory() as fleeting:
        kept = Path(folder or fleeting) / f"plant-{edges}"
        if not kept.exists():
            unfinished = kept.with_suffix(".unfinished")
            shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.mkdir(parents=True)
            _build(unfinished / FILE, edges)
            unfinished.rename(kept)
        path = kept / FILE
        upgrade(f"sqlite:///{path}")  # a kept plant may be older than the tables
        site, database = open_site(f"sqlite:///{path}"), sqlite3.connect(path)
        settle_memory()  # as a server does
        try:
            yield Plant(site, path, database, range(1, Plan(edges).raws + 1))
        finally:
            database.close()
            site.close()


def _build(path: Path, edges: int) -> None:
    site = open_site(f"sqlite:///{path}", create=True)
    try:
        publish_registry(site, site.system_context())
        fill(site, path, edges)
    finally:
        site.close()


def fill(site: Site, path: Path, edges: int) -> None:
    """Fill an empty site with about so many edges.

    Rows are written by sqlite3 itself: how fast the product writes is another benchmark.
    """
    context, plan = site.system_context(), Plan(edges)
    with site.store.write(context) as work:
        party = write_master(work, MasterInput("party", "p", "Maker"))
        items = [
            write_master(work, MasterInput("item", f"i{n}", f"Item {n}", values={"unit": "kg"}))
            for n in range(STEPS + 3)
        ]
        customer = write_master(work, MasterInput("party", "c", "Customer"))
        keys = [item.id for item in items], party.id, customer.id
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA synchronous=OFF")
        database.execute("PRAGMA cache_size=-400000")
        # Built in one go at the end: ten million edges would else go into them one by one.
        indexes = database.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
            " AND tbl_name IN ('node', 'lot', 'event', 'edge', 'movement')"
        ).fetchall()
        for name, _ in indexes:
            database.execute(f'DROP INDEX "{name}"')
        _write(database, plan, keys)
        for _, text in indexes:
            database.execute(text)
        database.execute("ANALYZE")
    database.close()


def _write(database: sqlite3.Connection, plan: Plan, keys: tuple[list[int], int, int]) -> None:
    items, maker, customer = keys
    database.executescript(
        f"""
        CREATE TEMP TABLE item_key AS SELECT value AS item FROM json_each('{json.dumps(items)}');
        CREATE TEMP TABLE number (n INTEGER PRIMARY KEY);
        INSERT INTO number WITH RECURSIVE counted(n) AS (
          SELECT 1 UNION ALL SELECT n + 1 FROM counted LIMIT {plan.lots}) SELECT n FROM counted;
        INSERT INTO node (tenant_id, node, uid, kind, recorded_at)
        SELECT 1, n, {_uid("7000-8000")}, 'lot', '{AT}' FROM number;
        INSERT INTO lot (tenant_id, node, item_id, source_id, lot_no, state, version, unit, origin,
          extra)
        SELECT 1, n, (SELECT item FROM item_key WHERE rowid = 1 + {plan.item_of()}), {maker},
          printf('L%09d', n), 'released', 1, 'kg', 'recorded', '{{}}' FROM number;
        {_told(_EVENT, ("7000-9000", "production", "transform", "NULL"))} WHERE n > {plan.raws};
        {_told(_SHIPPED, ("7000-a000", "shipping", "ship", str(customer)))}
        WHERE n > {plan.consignments};
        {_moved(_SHIPPED, ("subject", "shipped", "10"))} WHERE n > {plan.consignments};
        {_told(_RECEIVED, ("7000-b000", "receipt", "receive", "NULL"))} WHERE n <= {plan.raws};
        {_moved(_RECEIVED, ("output", "received", "2500"))} WHERE n <= {plan.raws};
        {_moved(_EVENT, ("output", "produced", "1250"))} WHERE n > {plan.raws};
        """
    )
    database.execute("CREATE TEMP TABLE pair (id INTEGER PRIMARY KEY, src, dst)")
    database.executemany("INSERT INTO pair (src, dst) VALUES (?, ?)", links(plan))
    database.execute(
        "INSERT INTO edge (tenant_id, id, src, dst, kind, certainty, quantity, unit, event_id,"
        f" event_at, recorded_at) SELECT 1, {_EDGE} + id, src, dst, 'transform', 'recorded',"
        f" '12.5', 'kg', {_EVENT} + dst, '{AT}', '{AT}' FROM pair"
    )


def _uid(middle: str) -> str:
    return f"printf('00000000-0000-{middle}-%012d', n)"


def _moved(first: int, how: tuple[str, str, str]) -> str:
    part, effect, quantity = how
    return f"""
        INSERT INTO movement (tenant_id, id, event_id, node, part, effect, quantity, unit)
        SELECT 1, {first} + n, {first} + n, n, '{part}', '{effect}', '{quantity}', 'kg'
        FROM number"""


def _told(first: int, about: tuple[str, str, str, str]) -> str:
    middle, kind, verb, customer = about
    return f"""
        INSERT INTO event (tenant_id, id, uid, content_hash, event_type, verb, event_at, utc_offset,
          recorded_at, origin, step, recorded_by, reason, "values", document, to_party_id)
        SELECT 1, {first} + n, {_uid(middle)}, '', '{kind}', '{verb}', '{AT}', '+00:00', '{AT}',
          'import', '', 'bench', '', '{{}}', '{{}}', {customer} FROM number"""


def links(plan: Plan) -> Iterator[tuple[int, int]]:
    """Give the edges, each once, in the order of what was made."""
    chance = random.Random(SEED)
    for step in range(STEPS):
        below, here = plan.raws + (step - 1) * plan.width, plan.raws + step * plan.width
        for place in range(plan.width):
            wanted = chance.randint(3, 12)
            sources = set(_hub(chance, plan, place))
            if step:
                for _ in range(chance.choice(FROM_STEP)):
                    near = place + chance.randint(-NEAR, NEAR)
                    sources.add(below + 1 + min(plan.width - 1, max(0, near)))
            while len(sources) < wanted:
                raw = place * RAWS + chance.randint(-NEAR_RAW, NEAR_RAW)
                raw = min(plan.raws - 1, max(0, raw))
                if chance.random() < TO_POPULAR:
                    raw -= raw % POPULAR
                sources.add(1 + raw)
            for source in sorted(sources):
                yield source, here + place + 1
    last = plan.packs - plan.width
    for pack in range(plan.width * PACKS):
        yield last + 1 + pack // PACKS, plan.packs + 1 + pack
    for pack in range(plan.width * PACKS):
        yield plan.packs + 1 + pack, plan.consignments + 1 + pack // JOINED


def _hub(chance: random.Random, plan: Plan, place: int) -> Iterator[int]:
    which = place // min(HUB_LASTS, max(5, plan.width // 8))
    if which < HUBS and chance.random() < TO_HUB:
        yield 1 + which
