"""What a trace costs: the product's answer against bare sqlite3, naive code and memory kernels.

It must not gate anything by absolute times: on shared machines only ratios of one run count.

    python benchmarks/trace.py --edges 100000 --out docs/benchmarks
"""

import itertools
import json
import random
import resource
import sqlite3
import statistics
import tempfile
import time
from collections import deque
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import sqlalchemy as sql
from sqlmodel import Session, select

from benchmarks.charts import write_chart
from benchmarks.plant import SEED, fill
from benchmarks.results import run_and_keep
from qtcore.services.recall import recall_scope
from qtcore.services.site import Site, open_site
from qtcore.services.trace import trace_from
from qtcore.store.columns import table_of
from qtcore.store.queries.labels import label_nodes
from qtcore.store.queries.trace import reached_nodes
from qtcore.store.tables import Edge, Event, Item, Lot, Node, Party

ROOTS = 60
HEAD = ("lot_id", "kind", "item", "item_name", "lot_no", "source", "state")
TAIL = ("from", "to", "kind", "quantity", "unit", "event_id", "event_at", "certainty")
SALE = ("lot_id", "lot_no", "item", "quantity", "unit", "shipped_at", "event_id",
        "customer", "customer_name", "contacts")  # fmt: skip
_EDGE, _EVENT, _NODE, _LOT = (table_of(each) for each in (Edge, Event, Node, Lot))
_ITEM, _PARTY = table_of(Item), table_of(Party)
_MOST_FOR_NETWORKX = 200_000
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


def kernels(database: sqlite3.Connection) -> dict[str, Callable[[int], Any]]:
    """Load the edges into memory for the limits: igraph and networkx, where installed."""
    pairs = database.execute("SELECT src, dst FROM edge").fetchall()
    found: dict[str, Callable[[int], Any]] = {}
    onward: dict[int, list[int]] = {}
    for src, dst in pairs:
        onward.setdefault(src, []).append(dst)

    def plain(start: int) -> set[int]:
        reached, waiting = {start}, deque([start])
        while waiting:
            for far in onward.get(waiting.popleft(), ()):
                if far not in reached:
                    reached.add(far)
                    waiting.append(far)
        return reached

    found["dict"] = plain
    if find_spec("numba"):
        found["numba"] = csr_kernel(pairs)
    if find_spec("igraph"):
        igraph = import_module("igraph")
        graph = igraph.Graph(n=max(max(p) for p in pairs) + 1, edges=pairs, directed=True)
        found["igraph"] = lambda start: graph.subcomponent(start, mode="out")
    else:
        print("igraph is not installed; install the bench extra")
    if len(pairs) <= _MOST_FOR_NETWORKX:
        networkx = import_module("networkx")
        digraph = networkx.DiGraph(pairs)
        found["networkx"] = lambda start: networkx.descendants(digraph, start)
    return found


def csr_kernel(pairs: Sequence[tuple[int, int]]) -> Callable[[int], Any]:
    """Walk arrays of neighbours by compiled code: what memory allows, with ids only."""
    numpy, numba = import_module("numpy"), import_module("numba")
    told = numpy.array(sorted(pairs), dtype=numpy.int64)
    count = int(told.max()) + 2
    first = numpy.searchsorted(told[:, 0], numpy.arange(count + 1))
    ends = numpy.ascontiguousarray(told[:, 1])
    mark, found = numpy.zeros(count, dtype=numpy.int64), numpy.empty(count, dtype=numpy.int64)

    def walk(graph: Any, room: Any, start: int, turn: int) -> int:
        (first, ends), (mark, found) = graph, room
        found[0], mark[start], size, at = start, turn, 1, 0
        while at < size:
            node = found[at]
            at += 1
            for place in range(first[node], first[node + 1]):
                far = ends[place]
                if mark[far] != turn:
                    mark[far] = turn
                    found[size] = far
                    size += 1
        return size

    compiled = numba.njit(walk)
    turns = itertools.count(1)
    return lambda start: found[: compiled((first, ends), (mark, found), start, next(turns))].copy()


def narrow(database: sqlite3.Connection) -> Callable[[int], Any]:
    """Walk pairs of integers in a table that has nothing else: as fast as SQL can be."""
    pairs = sqlite3.connect(":memory:")
    pairs.execute("CREATE TABLE pair (src, dst, PRIMARY KEY (src, dst)) WITHOUT ROWID")
    pairs.executemany(
        "INSERT INTO pair VALUES (?, ?)", database.execute("SELECT src, dst FROM edge")
    )
    walk = (
        "WITH RECURSIVE r(n) AS (SELECT ? UNION SELECT dst FROM r JOIN pair ON src = n)"
        " SELECT n FROM r"
    )
    return lambda start: pairs.execute(walk, (start,)).fetchall()


def measure(run: Callable[[int], Any], roots: Sequence[int]) -> dict[str, float]:
    """Run each root twice and keep the better; milliseconds of this process's own time."""
    best = []
    for root in roots:
        taken = []
        for _ in range(2):
            started = time.process_time()
            run(root)
            taken.append((time.process_time() - started) * 1000)
        best.append(min(taken))
    ordered = sorted(best)
    return {
        "median": round(statistics.median(best), 4),
        "p99": round(ordered[int(len(ordered) * 0.99)], 4),
    }


def run(edges: int) -> dict[str, Any]:
    """Build, measure and give the result of one run."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bench.db"
        site = open_site(f"sqlite:///{path}", create=True)
        raw = fill(site, path, edges)
        database = sqlite3.connect(path)
        database.execute("ANALYZE")
        database.commit()
        roots = random.Random(SEED).sample(raw[10:], min(ROOTS, len(raw) - 10))
        result = _measure_all(site, database, roots, raw[0])
        database.close()
        site.close()
    return result


def _measure_all(
    site: Site, database: sqlite3.Connection, roots: Sequence[int], hub: int
) -> dict[str, Any]:
    def ours(root: int) -> str:
        with site.store.read() as session:
            (focus,) = label_nodes(session, 1, [root]).values()
            return json.dumps(trace_from(site, session, [focus], "forward").as_json())

    def ids(root: int) -> int:
        with site.store.read() as session:
            return len(reached_nodes(session, 1, [root], "forward"))

    def by_core(root: int) -> str:
        with site.store.read() as session:
            return core(session, root)

    def naive(root: int) -> None:
        with site.store.read() as session:
            walk_singly(session, root)

    context = site.system_context()
    times = {
        "trace": measure(ours, roots),
        "bare_sqlite3": measure(lambda r: bare(database, r), roots),
        "trace_hub": measure(ours, [hub]),
        "bare_sqlite3_hub": measure(lambda r: bare(database, r), [hub]),
        "core": measure(by_core, roots),
        "core_hub": measure(by_core, [hub]),
        "ids_only": measure(ids, roots),
        "bare_ids": measure(lambda r: database.execute(IDS, {"start": r}).fetchall(), roots),
        "narrow_ids": measure(narrow(database), roots),
        "orm_walk": measure(naive, roots[:8]),
        "recall_scope": measure(
            lambda r: json.dumps(recall_scope(site, context, [f"L{r:09d}"]).as_json()), roots[:20]
        ),
        **{name: measure(kernel, roots) for name, kernel in kernels(database).items()},
    }

    reach = sorted(ids(root) for root in roots)
    return {
        "edges": database.execute("SELECT count(*) FROM edge").fetchone()[0],
        "reached_median": statistics.median(reach),
        "reached_by_hub": ids(hub),
        "rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "ms": times,
        "ratios": _ratios(times),
    }


def _ratios(times: dict[str, dict[str, float]]) -> dict[str, float]:
    def ratio(one: str, other: str) -> float:
        return round(times[one]["median"] / times[other]["median"], 3)

    return {
        "trace_to_bare": ratio("trace", "bare_sqlite3"),
        "hub_to_bare": ratio("trace_hub", "bare_sqlite3_hub"),
        "trace_to_core": ratio("trace", "core"),
        "hub_to_core": ratio("trace_hub", "core_hub"),
        "recall_scope_to_trace": ratio("recall_scope", "trace"),
        "orm_walk_to_ids": ratio("orm_walk", "ids_only"),
        "ids_to_bare_ids": ratio("ids_only", "bare_ids"),
        **{
            f"narrow_ids_to_{name}": ratio("narrow_ids", name)
            for name in ("numba", "igraph")
            if name in times
        },
        **{
            f"ids_to_{name}": ratio("ids_only", name)
            for name in ("dict", "numba", "igraph", "networkx")
            if name in times
        },
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
