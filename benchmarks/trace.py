"""What a trace costs: ours against the same walk in bare sqlite3 and a walk over single queries.

It must not gate anything by absolute times: on shared machines only ratios of one run count.

    python benchmarks/trace.py --edges 100000
"""

import argparse
import json
import random
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from sqlmodel import Session, select

from qtcore.services.master import MasterInput, write_master
from qtcore.services.site import Site, open_site
from qtcore.store.queries.nodes import describe_nodes
from qtcore.store.queries.trace import trace_edges
from qtcore.store.tables import Edge, Event, Lot

SEED = 20261123
LAYERS = 8
FAN_IN = 7
ROOTS = 50
BARE = """
WITH RECURSIVE reached(node) AS (
  SELECT :start UNION
  SELECT e.dst FROM reached JOIN edge e
    ON e.tenant_id = 1 AND e.src = reached.node AND e.superseded_by IS NULL)
SELECT node FROM reached
"""


def build(site: Site, edges: int) -> list[int]:
    """Fill a site with a layered plant; returns the nodes of its raw lots."""
    chance = random.Random(SEED)
    context = site.system_context()
    count = max(LAYERS, edges // FAN_IN)
    width = count // LAYERS
    with site.store.write(context) as work:
        party = write_master(work, MasterInput("party", "p", "p"))
        item = write_master(work, MasterInput("item", "i", "i", values={"unit": "kg"}))
        nodes = [n.node for n in work.new_nodes("lot", width * LAYERS)]
        work.insert(Lot, [_lot(node, item.id, party.id) for node in nodes])
        event = _event(work.key(), work.new_uid(), context.at)
        work.insert(Event, [event])
        work.flush()
        links = {
            (nodes[(layer - 1) * width + chance.randrange(width)], nodes[layer * width + place])
            for layer in range(1, LAYERS)
            for place in range(width)
            for _ in range(chance.randint(3, 2 * FAN_IN - 2))
        }
        rows = [_edge(work.key(), pair, event) for pair in sorted(links)]
        for start in range(0, len(rows), 10_000):
            work.insert(Edge, rows[start : start + 10_000])
        work.log("benchmark.load", "edge", "benchmark", details={"edges": len(rows)})
    return nodes[:width]


def _lot(node: int, item_id: int, source_id: int) -> dict[str, Any]:
    keys = {"node": node, "item_id": item_id, "source_id": source_id}
    texts = {"lot_no": f"L{node:08d}", "state": "released", "unit": "kg", "origin": "recorded"}
    return {**keys, **texts, "version": 1, "extra": {}}


def _event(key: int, uid: str, at: Any) -> dict[str, Any]:
    texts = {"content_hash": "0" * 64, "event_type": "production", "verb": "transform"}
    rest = {"utc_offset": "+00:00", "origin": "command", "step": "", "reason": ""}
    times = {"event_at": at, "recorded_at": at, "recorded_by": "benchmark"}
    return {"id": key, "uid": uid, **texts, **rest, **times, "values": {}, "document": {}}


def _edge(key: int, pair: tuple[int, int], event: dict[str, Any]) -> dict[str, Any]:
    texts = {"kind": "transform", "certainty": "recorded", "unit": "kg"}
    times = {"event_id": event["id"], "event_at": event["event_at"]}
    ends = {"id": key, "src": pair[0], "dst": pair[1], "recorded_at": event["event_at"]}
    return {**ends, **texts, **times}


def walk_singly(session: Session, start: int) -> set[int]:
    """Walk as naive code does: one ORM query per node."""
    reached, waiting = {start}, [start]
    while waiting:
        node = waiting.pop()
        rows = session.exec(select(Edge).where(Edge.tenant_id == 1, Edge.src == node)).all()
        new = {row.dst for row in rows} - reached
        reached |= new
        waiting += new
    return reached


def measure(run: Callable[[int], Any], roots: Sequence[int]) -> dict[str, float]:
    """Time one call per root; milliseconds."""
    taken = []
    for root in roots:
        started = time.perf_counter()
        run(root)
        taken.append((time.perf_counter() - started) * 1000)
    ordered = sorted(taken)
    return {"median": statistics.median(taken), "p99": ordered[int(len(ordered) * 0.99)]}


def run(edges: int) -> dict[str, Any]:
    """Build, measure and give the result of one run."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bench.db"
        site = open_site(f"sqlite:///{path}", create=True)
        raw = build(site, edges)
        roots = random.Random(SEED).sample(raw, min(ROOTS, len(raw)))
        bare = sqlite3.connect(f"file:{path}?mode=ro", uri=True)

        def ours(root: int) -> None:
            with site.store.read() as session:
                found = trace_edges(session, 1, [root], "forward")
                describe_nodes(session, 1, {e.dst for e in found} | {root})

        def naive(root: int) -> None:
            with site.store.read() as session:
                walk_singly(session, root)

        result: dict[str, Any] = {
            "edges": bare.execute("SELECT count(*) FROM edge").fetchone()[0],
            "bare_cte_ms": measure(lambda r: bare.execute(BARE, {"start": r}).fetchall(), roots),
            "trace_with_names_ms": measure(ours, roots),
            "one_query_per_node_ms": measure(naive, roots[:10]),
        }
        site.close()
        bare.close()
    ours_ms = result["trace_with_names_ms"]["median"]
    result["ratio_to_bare_cte"] = ours_ms / result["bare_cte_ms"]["median"]
    result["ratio_of_naive_to_ours"] = result["one_query_per_node_ms"]["median"] / ours_ms
    return result


def main() -> None:
    """Run from the command line and print one JSON result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--edges", type=int, default=100_000)
    print(json.dumps(run(parser.parse_args().edges), indent=2))


if __name__ == "__main__":
    main()
