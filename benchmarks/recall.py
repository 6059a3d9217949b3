"""What a recall costs: its scope against the trace of the same lot, and a whole mock recall.

It must not gate anything by absolute times: on shared machines only ratios of one run count.

    python benchmarks/recall.py --edges 100000 --out docs/benchmarks
"""

import random
import time
from pathlib import Path
from typing import Any

from benchmarks.plant import SEED, opened
from benchmarks.results import run_and_keep
from benchmarks.trace import measure
from qtcore.http.api.operations import json_bytes
from qtcore.services.recall import RecallStart, recall_scope, start_recall
from qtcore.services.site import Site
from qtcore.services.trace import trace

ROOTS = 30


def run(edges: int, plants: Path | None) -> dict[str, Any]:
    """Measure on a plant, built where none is kept; gives the result of one run."""
    with opened(edges, plants) as plant:
        roots = random.Random(SEED).sample(plant.raw[10:], min(ROOTS, len(plant.raw) - 10))
        return {"edges": edges, **_measured(plant.site, roots, plant.raw[0])}


def _measured(site: Site, roots: list[int], hub: int) -> dict[str, Any]:
    context = site.system_context()

    def traced(root: int) -> bytes:
        return json_bytes(trace(site, context, _name(root), "forward").as_json())

    def scoped(root: int) -> bytes:
        found = recall_scope(site, context, [_name(root)], with_shares=False)
        return json_bytes(found.as_json())

    def shared(root: int) -> bytes:
        return json_bytes(recall_scope(site, context, [_name(root)]).as_json())

    times = {
        "trace": measure(traced, roots),
        "scope": measure(scoped, roots),
        "scope_with_shares": measure(shared, roots),
        "trace_hub": measure(traced, [hub]),
        "scope_hub": measure(scoped, [hub]),
        "scope_with_shares_hub": measure(shared, [hub]),
    }
    started = time.process_time()
    start = RecallStart([_name(roots[0])], "Drill", "a drill", is_mock=True, data=_PLAN)
    opened = start_recall(site, context, start)
    times["mock_recall"] = {"median": round((time.process_time() - started) * 1000, 4)}

    def ratio(one: str, other: str) -> float:
        return round(times[one]["median"] / times[other]["median"], 3)

    return {
        "lots_in_the_mock": len(opened.scope.trace.nodes),
        "ms": times,
        "ratios": {
            "scope_to_trace": ratio("scope", "trace"),
            "scope_to_trace_hub": ratio("scope_hub", "trace_hub"),
            "shares_to_scope": ratio("scope_with_shares", "scope"),
            "shares_to_scope_hub": ratio("scope_with_shares_hub", "scope_hub"),
            "mock_recall_to_scope": ratio("mock_recall", "scope"),
        },
    }


_PLAN = {"plan": "food_cn"}


def _name(node: int) -> str:
    return f"L{node:09d}"


if __name__ == "__main__":
    run_and_keep("recall", __doc__, run)
