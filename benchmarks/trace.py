"""What a trace costs: the product's answer against bare sqlite3, naive code and memory kernels.

It must not gate anything by absolute times: on shared machines only ratios of one run count.

    python benchmarks/trace.py --edges 100000 --out docs/benchmarks [--plants FOLDER]
"""

import json
import os
import random
import resource
import sqlite3
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sql
from sqlmodel import Session, select

from benchmarks.charts import write_chart
from benchmarks.kernels import kernels
from benchmarks.plant import SEED, Plant, opened
from benchmarks.results import run_and_keep
from qtcore.http.api.operations import json_bytes
from qtcore.services.recall import recall_scope
from qtcore.services.site import Site
from qtcore.services.trace import node_json, trace_from
from qtcore.store.columns import table_of
from qtcore.store.queries.labels import label_nodes
from qtcore.store.queries.trace import reached_nodes
from qtcore.store.tables import Edge, Event, Item, Lot, Node, Party

ROOTS, MANY, SMALL = 60, 2000, 10_000
HEAD = ("lot_id", "kind", "item", "item_name", "lot_no", "source", "state")
TAIL = ("from", "to", "kind", "quantity", "unit", "event_id", "event_at", "certainty")
SALE = ("lot_id", "lot_no", "item", "quantity", "unit", "shipped_at", "event_id",
        "customer", "customer_name", "contacts")  # fmt: skip
_EDGE, _EVENT, _NODE, _LOT = (table_of(each) for each in (Edge, Event, Node, Lot))
_ITEM, _PARTY = table_of(Item), table_of(Party)
KERNELS = ("dict", "numba", "igraph", "networkx")
IDS = """
WITH RECURSIVE reached(node, tenant) AS (
  SELECT :start, 1 UNION
  SELECT e.dst, reached.tenant FROM reached JOIN edge e
    ON e.tenant_id = reached.tenant AND e.src = reached.node
    AND CASE WHEN reached.node IS NULL THEN 0 ELSE e.superseded_by END IS NULL)
SELECT node FROM reached
"""
EDGES = """
SELECT e.src, e.dst, e.kind, e.certainty, e.quantity, e.unit, v.uid, e.event_at
FROM edge e LEFT JOIN event v ON v.tenant_id = 1 AND v.id = e.event_id
WHERE e.tenant_id = 1 AND e.src IN (SELECT value FROM json_each(?)) AND e.superseded_by IS NULL
"""
NAMES = """
SELECT n.node, n.uid, n.kind, i.code, i.name, l.lot_no, p.code, l.state
FROM node n JOIN lot l ON l.tenant_id = 1 AND l.node = n.node
LEFT JOIN item i ON i.tenant_id = 1 AND i.id = l.item_id
LEFT JOIN party p ON p.tenant_id = 1 AND p.id = l.source_id
WHERE n.tenant_id = 1 AND n.node IN (SELECT value FROM json_each(?))
"""


SHIPPED = """
SELECT n.uid, l.lot_no, i.code, m.quantity, m.unit, v.event_at, v.uid, p.code, p.name, p.contacts
FROM movement m LEFT JOIN event v ON v.tenant_id = 1 AND v.id = m.event_id
LEFT JOIN node n ON n.tenant_id = 1 AND n.node = m.node
LEFT JOIN lot l ON l.tenant_id = 1 AND l.node = m.node
LEFT JOIN item i ON i.tenant_id = 1 AND i.id = l.item_id
LEFT JOIN party p ON p.tenant_id = 1 AND p.id = v.to_party_id
WHERE m.tenant_id = 1 AND m.node IN (SELECT value FROM json_each(?)) AND m.effect = 'shipped'
  AND v.superseded_by IS NULL
"""


def bare(database: sqlite3.Connection, start: int) -> str:
    """Answer nodes with names, edges and customers as JSON, nothing between us and sqlite3."""
    nodes = [row[0] for row in database.execute(IDS, {"start": start})]
    keys = json.dumps(nodes)
    named = database.execute(NAMES, (keys,)).fetchall()
    uids = {row[0]: row[1] for row in named}
    edges = [
        dict(zip(TAIL, (uids[s], uids[d], k, q, u, e, at, c), strict=True))
        for s, d, k, c, q, u, e, at in database.execute(EDGES, (keys,))
    ]
    lots = [dict(zip(HEAD, row[1:], strict=True)) for row in named]
    shipped = [dict(zip(SALE, row, strict=True)) for row in database.execute(SHIPPED, (keys,))]
    return json.dumps({"nodes": lots, "edges": edges, "customers": shipped})


def core(session: Session, start: int) -> str:
    """Answer the same through SQLAlchemy Core, as short as it can be written: the bar of a hub."""
    run = session.connection()
    first = sql.select(sql.literal(start).label("node"), sql.literal(1).label("tenant_id"))
    seed = first.cte("reached", recursive=True)
    # As in `qtcore.store.queries.trace`: plainer conditions read all edges after ANALYZE.
    leaning = sql.case((seed.c.node.is_(None), 0), else_=_EDGE.c.superseded_by).is_(None)
    here = sql.and_(_EDGE.c.tenant_id == seed.c.tenant_id, _EDGE.c.src == seed.c.node, leaning)
    step = sql.select(_EDGE.c.dst, seed.c.tenant_id).select_from(seed.join(_EDGE, here))
    nodes = [row[0] for row in run.execute(sql.select(seed.union(step).c.node))]
    current = sql.and_(_EDGE.c.tenant_id == 1, _EDGE.c.superseded_by.is_(None))
    keys = sql.select(sql.func.json_each(json.dumps(nodes)).table_valued("value").c.value)
    lots = (
        sql.select(_NODE.c.node, _NODE.c.uid, _NODE.c.kind, _ITEM.c.code, _ITEM.c.name,
                   _LOT.c.lot_no, _PARTY.c.code, _LOT.c.state)
        .join(_LOT, sql.and_(_LOT.c.tenant_id == 1, _LOT.c.node == _NODE.c.node))
        .outerjoin(_ITEM, sql.and_(_ITEM.c.tenant_id == 1, _ITEM.c.id == _LOT.c.item_id))
        .outerjoin(_PARTY, sql.and_(_PARTY.c.tenant_id == 1, _PARTY.c.id == _LOT.c.source_id))
        .where(_NODE.c.tenant_id == 1, _NODE.c.node.in_(keys))
    )  # fmt: skip
    named = run.execute(lots).all()
    uids = {row[0]: row[1] for row in named}
    links = (
        sql.select(_EDGE.c.src, _EDGE.c.dst, _EDGE.c.kind, _EDGE.c.quantity, _EDGE.c.unit,
                   _EVENT.c.uid, _EDGE.c.event_at, _EDGE.c.certainty)
        .outerjoin(_EVENT, sql.and_(_EVENT.c.tenant_id == 1, _EVENT.c.id == _EDGE.c.event_id))
        .where(current, _EDGE.c.src.in_(keys))
    )  # fmt: skip
    edges = [
        dict(zip(TAIL, (uids[s], uids[d], k, str(q), u, e, at.isoformat(), c), strict=True))
        for s, d, k, q, u, e, at, c in run.execute(links)
    ]
    return json.dumps(
        {"nodes": [dict(zip(HEAD, n[1:], strict=True)) for n in named], "edges": edges}
    )


def walk_singly(session: Session, start: int) -> set[int]:
    """Walk as naive code does: one ORM query per node, whole rows."""
    reached, waiting = {start}, [start]
    while waiting:
        node = waiting.pop()
        rows = session.exec(select(Edge).where(Edge.tenant_id == 1, Edge.src == node)).all()
        new = {row.dst for row in rows} - reached
        reached |= new
        waiting += new
    return reached


def measure(run: Callable[[int], Any], roots: Sequence[int]) -> dict[str, float]:
    """Run each root twice and keep the better; milliseconds of this process's own time."""
    return _summed([min(_timed(run, root), _timed(run, root)) for root in roots])


def measure_once(run: Callable[[int], Any], roots: Sequence[int]) -> dict[str, float]:
    """Run each of many roots once, so that no root finds its own neighbours in the cache."""
    run(roots[-1])
    return _summed([_timed(run, root) for root in roots])


def _timed(run: Callable[[int], Any], root: int) -> float:
    started = time.process_time()
    run(root)
    return (time.process_time() - started) * 1000


def _summed(taken: list[float]) -> dict[str, float]:
    ordered = sorted(taken)
    return {
        "median": round(statistics.median(ordered), 4),
        "p99": round(ordered[int(len(ordered) * 0.99)], 4),
    }


def run(edges: int, plants: Path | None) -> dict[str, Any]:
    """Measure on a plant, built where none is kept; gives the result of one run."""
    with opened(edges, plants) as large, opened(SMALL, plants) as small:
        result = _measure_all(large)
        growth = [_same_reach(plant) for plant in (small, large)]
        result["ratios"]["growth_at_equal_reach"] = round(growth[1] / growth[0], 3)
    return result


def _same_reach(plant: Plant) -> float:
    """Time the traces that reach about so many lots, whatever the size of the plant."""
    ids, trace = _ids(plant.site), _whole(plant.site)
    drawn = random.Random(SEED).sample(plant.raw[10:], min(400, len(plant.raw) - 10))
    alike = [root for root in drawn if 250 <= ids(root) <= 350]
    return measure(trace, alike[:ROOTS])["median"]


def _whole(site: Site) -> Callable[[int], bytes]:
    def ours(root: int) -> bytes:
        with site.store.read() as session:
            (focus,) = label_nodes(session, 1, [root]).values()
            return json_bytes(trace_from(site, session, [focus], "forward").as_json())

    return ours


def _names(site: Site) -> Callable[[int], bytes]:
    def named(root: int) -> bytes:
        """Answer the lots with their names, without the links between them."""
        with site.store.read() as session:
            reached = reached_nodes(session, 1, [root], "forward")
            return json_bytes([node_json(n) for n in label_nodes(session, 1, reached).values()])

    return named


def _ids(site: Site) -> Callable[[int], int]:
    def ids(root: int) -> int:
        with site.store.read() as session:
            return len(reached_nodes(session, 1, [root], "forward"))

    return ids


def _measure_all(plant: Plant) -> dict[str, Any]:
    site, database, hub = plant.site, plant.database, plant.raw[0]
    roots = random.Random(SEED).sample(plant.raw[10:], min(ROOTS, len(plant.raw) - 10))
    many = random.Random(SEED + 1).sample(plant.raw[10:], min(MANY, len(plant.raw) - 10))
    ours, ids = _whole(site), _ids(site)

    def by_core(root: int) -> str:
        with site.store.read() as session:
            return core(session, root)

    def naive(root: int) -> None:
        with site.store.read() as session:
            walk_singly(session, root)

    def scoped(root: int) -> bytes:
        """Answer customers, quantities, balances and places; how much is in each is a question."""
        asked = site.system_context(), [f"L{root:09d}"]
        return json_bytes(recall_scope(site, *asked, with_shares=False).as_json())

    times = {
        "trace": measure(ours, roots),
        "bare_sqlite3": measure(lambda r: bare(database, r), roots),
        "trace_hub": measure(ours, [hub]),
        "bare_sqlite3_hub": measure(lambda r: bare(database, r), [hub]),
        "core": measure(by_core, roots),
        "core_hub": measure(by_core, [hub]),
        "names": measure(_names(site), roots),
        "orm_walk": measure(naive, roots[:8]),
        "ids_of_those": measure(ids, roots[:8]),
        "recall_scope": measure(scoped, roots[:20]),
        "trace_of_those": measure(ours, roots[:20]),
        "ids_only": measure_once(ids, many),
        "bare_ids": measure_once(lambda r: database.execute(IDS, {"start": r}).fetchall(), many),
        **{name: measure_once(kernel, many) for name, kernel in kernels(database).items()},
    }
    shown = [json.loads(ours(root)) for root in roots]
    return {
        "edges": database.execute("SELECT count(*) FROM edge").fetchone()[0],
        "reached_median": statistics.median(len(each["nodes"]) for each in shown),
        "links_median": statistics.median(len(each["edges"]) for each in shown),
        "reached_by_hub": ids(hub),
        "rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "load": os.getloadavg()[0],
        "ms": times,
        "ratios": _ratios(times),
    }


def _ratios(times: dict[str, dict[str, float]]) -> dict[str, float]:
    wanted = {
        "trace_to_bare": ("trace", "bare_sqlite3"),
        "hub_to_bare": ("trace_hub", "bare_sqlite3_hub"),
        "trace_to_core": ("trace", "core"),
        "hub_to_core": ("trace_hub", "core_hub"),
        "recall_scope_to_trace": ("recall_scope", "trace_of_those"),
        "orm_walk_to_ids": ("orm_walk", "ids_of_those"),
        "ids_to_bare_ids": ("ids_only", "bare_ids"),
        **{f"narrow_ids_to_{name}": ("narrow_ids", name) for name in ("numba", "igraph")},
        **{f"ids_to_{name}": ("ids_only", name) for name in KERNELS},
    }
    return {
        name: round(times[one]["median"] / times[other]["median"], 3)
        for name, (one, other) in wanted.items()
        if one in times and other in times
    }


def main() -> None:
    """Run from the command line; print one JSON result and keep it with its chart."""
    result, place = run_and_keep("trace", __doc__, run)
    if place:
        bars = {key: value["median"] for key, value in result["ms"].items()}
        title = f"Trace at {result['edges']} edges: median ms"
        place.with_suffix(".svg").write_text(write_chart(title, bars))


if __name__ == "__main__":
    main()
