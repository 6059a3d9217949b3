"""What a trace costs: the product's answer against bare sqlite3, naive code and memory kernels.

It must not gate anything by absolute times: on shared machines only ratios of one run count.

    python benchmarks/trace.py --edges 100000 --out docs/benchmarks
"""

import argparse
import json
import random
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

from sqlmodel import Session, select

from benchmarks.charts import write_chart
from benchmarks.plant import SEED, fill
from qtcore.services.recall import recall_scope
from qtcore.services.site import Site, open_site
from qtcore.services.trace import trace_from
from qtcore.store.queries.nodes import label_nodes
from qtcore.store.queries.trace import reached_nodes
from qtcore.store.tables import Edge

ROOTS = 60
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


def bare(database: sqlite3.Connection, start: int) -> str:
    """Answer nodes with names and edges as JSON with nothing between us and sqlite3."""
    nodes = [row[0] for row in database.execute(IDS, {"start": start})]
    keys = json.dumps(nodes)
    named = database.execute(NAMES, (keys,)).fetchall()
    uids = {row[0]: row[1] for row in named}
    head = ("lot_id", "kind", "item", "item_name", "lot_no", "source", "state")
    tail = ("kind", "quantity", "unit", "event_id", "event_at", "certainty")
    edges = [
        dict(zip(("from", "to", *tail), (uids[s], uids[d], k, q, u, e, at, c), strict=True))
        for s, d, k, c, q, u, e, at in database.execute(EDGES, (keys,))
    ]
    lots = [dict(zip(head, row[1:], strict=True)) for row in named]
    return json.dumps({"nodes": lots, "edges": edges})


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


def measure(run: Callable[[int], Any], roots: Sequence[int]) -> dict[str, float]:
    """Time each root twice and keep the better; milliseconds."""
    best = []
    for root in roots:
        taken = []
        for _ in range(2):
            started = time.perf_counter()
            run(root)
            taken.append((time.perf_counter() - started) * 1000)
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

    def naive(root: int) -> None:
        with site.store.read() as session:
            walk_singly(session, root)

    context = site.system_context()
    times = {
        "trace": measure(ours, roots),
        "bare_sqlite3": measure(lambda r: bare(database, r), roots),
        "trace_hub": measure(ours, [hub]),
        "bare_sqlite3_hub": measure(lambda r: bare(database, r), [hub]),
        "ids_only": measure(ids, roots),
        "bare_ids": measure(lambda r: database.execute(IDS, {"start": r}).fetchall(), roots),
        "orm_walk": measure(naive, roots[:8]),
        "recall_scope": measure(
            lambda r: json.dumps(recall_scope(site, context, [f"L{r:09d}"]).as_json()), roots[:20]
        ),
        **{name: measure(kernel, roots) for name, kernel in kernels(database).items()},
    }

    def ratio(one: str, other: str) -> float:
        return round(times[one]["median"] / times[other]["median"], 3)

    reach = sorted(ids(root) for root in roots)
    return {
        "edges": database.execute("SELECT count(*) FROM edge").fetchone()[0],
        "reached_median": statistics.median(reach),
        "reached_by_hub": ids(hub),
        "ms": times,
        "ratios": {
            "trace_to_bare": ratio("trace", "bare_sqlite3"),
            "hub_to_bare": ratio("trace_hub", "bare_sqlite3_hub"),
            "recall_scope_to_trace": ratio("recall_scope", "trace"),
            "orm_walk_to_ids": ratio("orm_walk", "ids_only"),
            "ids_to_bare_ids": ratio("ids_only", "bare_ids"),
            **{
                f"ids_to_{name}": ratio("ids_only", name)
                for name in ("dict", "igraph", "networkx")
                if name in times
            },
        },
    }


def main() -> None:
    """Run from the command line; print one JSON result and keep it with its chart."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--edges", type=int, default=100_000)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    result = run(asked.edges)
    print(json.dumps(result, indent=2))
    if asked.out:
        asked.out.mkdir(parents=True, exist_ok=True)
        name = f"trace-{asked.edges}"
        (asked.out / f"{name}.json").write_text(json.dumps(result, indent=2) + "\n")
        bars = {key: value["median"] for key, value in result["ms"].items()}
        title = f"Trace at {result['edges']} edges: median ms"
        (asked.out / f"{name}.svg").write_text(write_chart(title, bars))


if __name__ == "__main__":
    main()
