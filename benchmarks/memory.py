"""The most memory that loading one large table takes: a file of any size, the same memory.

    python benchmarks/memory.py [--megabytes 1024] [--rows 10000]

Rows are padded by a column that the mapping leaves out, so that a large file is made of few events
and the run ends in minutes. A tenth of the file is loaded first, in a process of its own: what the
larger load takes more is what the size costs.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from qtcore.services.site import open_site
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=1024)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--table", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.table is not None:
        print(json.dumps(load(given.table, given.table.parent)))
        return
    size = given.megabytes * MEGABYTE
    runs = [measured(size // 10, given.rows // 10), measured(size, given.rows)]
    ratio = runs[1]["peak_megabytes"] / runs[0]["peak_megabytes"]
    print(json.dumps({"benchmark": "memory", "loads": runs, "peak_ratio": round(ratio, 2)}))


if __name__ == "__main__":
    main()
