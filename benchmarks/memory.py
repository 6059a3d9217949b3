"""The memory that loading takes: one large table, or any number of links by the writer of events.

    python benchmarks/memory.py [--megabytes 1024] [--rows 10000]
    python benchmarks/memory.py --edges 1000000 [--out docs/benchmarks]

Rows are padded by a column that the mapping leaves out, so that a large file is made of few events
and the run ends in minutes. A tenth of the file is loaded first, in a process of its own: what the
larger load takes more is what the size costs. With ``--edges`` events of two links each are
written by the product itself, a thousand in a transaction, and what the process holds is read at
ten points: what it holds more at the end than at the second is what the size costs.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from benchmarks.charts import write_chart
from benchmarks.imports import PER_UNIT, prepare, some_events, write
from qtcore.services.site import Site, open_site
from qtcore.services.table_loads import import_table

RULES = """
mapping: bench
event: {type: receiving, key: "bench/{lot}", at: day}
lots: {fish: {part: output, item: cod, item_unit: kg, source: north, lot_no: "{lot}",
              quantity: kg, unit: kg}}
tables:
  landings:
    key: [lot]
    columns:
      lot: {required: true}
      day: {type: date, format: YYYY-MM-DD, required: true}
      kg: {type: decimal, result_of: fish}
      note: {ignored: true}
"""
MEGABYTE = 1 << 20
POINTS, LINKS = 10, 2


def write_table(path: Path, size: int, rows: int) -> None:
    """Write a table of so many bytes."""
    padding = "x" * max(0, size // rows - 40)
    with path.open("w", encoding="ascii") as file:
        file.write("lot,day,kg,note\n")
        for number in range(rows):
            file.write(f"L{number},2026-03-01,{number % 90}.50,{padding}\n")


def load(table: Path, folder: Path) -> dict[str, float]:
    """Load a table into a new site; gives the rows stored and the peak of this process."""
    site = open_site(f"sqlite:///{folder / 'site.db'}", create=True)
    try:
        rules = ("rules.yaml", RULES.encode())
        report = import_table(site, site.system_context(), [(table.name, table)], rules)
    finally:
        site.close()
    if report.refused or not report.stored:
        sys.exit(f"nothing was measured: {report.as_json()}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"stored": report.stored, "peak_megabytes": round(peak, 1)}


def measured(size: int, rows: int) -> dict[str, float]:
    """Load a table of one size in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "landings.csv"
        write_table(table, size, rows)
        command = [sys.executable, __file__, "--table", str(table)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        found: dict[str, float] = json.loads(done.stdout)
        return {"megabytes": round(table.stat().st_size / MEGABYTE, 1), **found}


def grow(edges: int) -> dict[str, Any]:
    """Write links with the product's own writer and note what this process holds meanwhile."""
    points: list[dict[str, float]] = []
    with tempfile.TemporaryDirectory() as folder:
        site = open_site(f"sqlite:///{Path(folder) / 'site.db'}", create=True)
        try:
            prepare(site)
            for told in written(site, edges):
                if told >= edges * (len(points) + 1) // POINTS:
                    points.append({"edges": told, "held_megabytes": held()})
        finally:
            site.close()
    return {"benchmark": "memory of links", "points": points, **summed(points)}


def summed(points: list[dict[str, float]]) -> dict[str, float]:
    """Say what more links cost, once everything was loaded that is loaded once."""
    first, last = points[min(1, len(points) - 1)], points[-1]
    more = last["held_megabytes"] - first["held_megabytes"]
    return {
        "held_ratio": round(last["held_megabytes"] / first["held_megabytes"], 3),
        "megabytes_more_for_a_million": round(
            more * 1e6 / (last["edges"] - first["edges"] or 1), 1
        ),
    }


def written(site: Site, edges: int) -> Iterator[int]:
    """Write events in transactions of their own; gives the links so far."""
    events, told = some_events(edges // LINKS), 0
    while part := list(islice(events, PER_UNIT)):
        write(site, part)
        told += len(part) * LINKS
        yield told


def held() -> float:
    """Give the megabytes this process holds now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return round(pages * resource.getpagesize() / MEGABYTE, 1)


def keep(result: dict[str, Any], folder: Path) -> None:
    """Keep a result of `grow` with its chart."""
    folder.mkdir(parents=True, exist_ok=True)
    place = folder / f"memory-{result['points'][-1]['edges']}"
    place.with_suffix(".json").write_text(json.dumps(result, indent=2) + "\n")
    bars = {f"{each['edges']} links": each["held_megabytes"] for each in result["points"]}
    place.with_suffix(".svg").write_text(
        write_chart("Megabytes held while links are written", bars)
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=1024)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--table", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--edges", type=int)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    if given.table is not None:
        print(json.dumps(load(given.table, given.table.parent)))
        return
    if given.edges is not None:
        result = grow(given.edges)
        print(json.dumps(result, indent=2))
        if given.out is not None:
            keep(result, given.out)
        return
    size = given.megabytes * MEGABYTE
    runs = [measured(size // 10, given.rows // 10), measured(size, given.rows)]
    ratio = runs[1]["peak_megabytes"] / runs[0]["peak_megabytes"]
    print(json.dumps({"benchmark": "memory", "loads": runs, "peak_ratio": round(ratio, 2)}))


if __name__ == "__main__":
    main()
