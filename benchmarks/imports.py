"""What an import costs: events written and table rows loaded, against bare sqlite3 writing them.

    python benchmarks/imports.py --events 20000 --out docs/benchmarks

Each event uses two lots and makes one. The limit is the same rows, with the same indexes and keys,
given to sqlite3 as finished tuples: nothing is read, checked or hashed there. `read` is the other
end: the table is read and checked, and nothing is stored.
"""

import argparse
import cProfile
import json
import pstats
import resource
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml

from benchmarks.charts import write_chart
from qtcore.builtin.tabular.mapping import check_mapping
from qtcore.builtin.tabular.reading import read_table
from qtcore.services.events import EventInput, Line, Origin, write_all
from qtcore.services.master import MasterInput, ensure_unknowns, write_master
from qtcore.services.nodes import LotRef, NodeBook
from qtcore.services.site import Site, open_site
from qtcore.services.table_loads import import_table

PER_UNIT = 1000
RULES = """
mapping: bench
event: {type: production, key: "bench/{batch}", at: made}
lots:
  milk: {part: input, item: milk, item_unit: kg, source: farm, lot_no: "{milk}", quantity: milk_kg,
         unit: kg}
  salt: {part: input, item: salt, item_unit: kg, source: farm, lot_no: "{salt}"}
  cheese: {part: output, item: cheese, item_kind: finished, source: dairy, lot_no: "{batch}",
           quantity: kg, unit: kg}
tables:
  batches:
    key: [batch]
    columns:
      batch: {required: true}
      made: {type: date, format: YYYY-MM-DD, required: true}
      milk: {required: true}
      milk_kg: {type: decimal}
      salt: {required: true}
      kg: {type: decimal}
"""
START = datetime(2026, 1, 1, tzinfo=UTC)


def some_events(count: int) -> Iterator[EventInput]:
    """Tell events: each takes milk of its own and one of the salts, and makes a cheese."""
    for n in range(count):
        yield EventInput(
            event_type="production",
            lines=(
                Line(LotRef(item="milk", lot_no=f"M{n}", source="farm"), "input", Decimal(9), "kg"),
                Line(LotRef(item="salt", lot_no=f"S{n // 50}", source="farm"), "input"),
                Line(
                    LotRef(item="cheese", lot_no=f"C{n}", source="dairy"),
                    "output",
                    Decimal("8.50"),
                    "kg",
                ),
            ),
            event_at=START + timedelta(minutes=n),
            external_id=f"bench/{n}",
        )


def a_table(count: int) -> bytes:
    """Write the same as a CSV file."""
    rows = (
        f"C{n},{START + timedelta(minutes=n):%Y-%m-%d},M{n},9,S{n // 50},8.50\n"
        for n in range(count)
    )
    return ("batch,made,milk,milk_kg,salt,kg\n" + "".join(rows)).encode()


def prepare(site: Site) -> None:
    """Make the master data."""
    with site.store.write(site.system_context()) as work:
        ensure_unknowns(work)
        for code in ("farm", "dairy"):
            write_master(work, MasterInput("party", code, code))
        for code in ("milk", "salt", "cheese"):
            write_master(work, MasterInput("item", code, code, values={"unit": "kg"}))


def write(site: Site, events: list[EventInput]) -> None:
    """Write events as an import does, some in each transaction."""
    for start in range(0, len(events), PER_UNIT):
        with site.store.write(site.system_context()) as work:
            write_all(
                site, NodeBook(site, work), events[start : start + PER_UNIT],
                origin=Origin("import"),
            )  # fmt: skip


def load(site: Site, table: bytes) -> None:
    """Load a table as a person does."""
    report = import_table(
        site, site.system_context(), [("b.csv", table)], ("r.yaml", RULES.encode())
    )
    if report.refused or report.problems:
        raise SystemExit(f"nothing was measured: {report.as_json()}")


def read(table: bytes) -> None:
    """Read and check a table as a load does, and keep nothing."""
    rules, _ = check_mapping(yaml.safe_load(RULES))
    if rules is None or any(row.faults for row in read_table([("b.csv", table)], rules).rows):
        raise SystemExit("nothing was measured: the table does not fit")


def copy_rows(source: Path, target: Path, events: int) -> tuple[Callable[[], None], int]:
    """Read every row of one database; gives what writes them into another, and their number."""
    told: list[tuple[str, list[Any]]] = []
    with sqlite3.connect(source) as database:
        names = [
            row[0]
            for row in database.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name IN"
                " ('node', 'lot', 'state_change', 'event', 'movement', 'edge', 'ledger_event',"
                " 'ledger_private', 'ledger_about', 'ledger_pending', 'outbox', 'import_row')"
            )
        ]
        for name in names:
            rows = database.execute(f"SELECT * FROM {name}").fetchall()
            if rows:
                marks = ", ".join("?" * len(rows[0]))
                told.append((f"INSERT OR IGNORE INTO {name} VALUES ({marks})", rows))
    database.close()

    def run() -> None:
        parts = max(1, events // PER_UNIT)
        with sqlite3.connect(target, isolation_level=None) as into:
            into.execute("PRAGMA journal_mode=WAL")
            into.execute("PRAGMA synchronous=FULL")
            into.execute("PRAGMA cache_size=-32768")
            for part in range(parts):
                into.execute("BEGIN IMMEDIATE")
                for statement, rows in told:
                    size = -(-len(rows) // parts)
                    into.executemany(statement, rows[part * size : (part + 1) * size])
                into.execute("COMMIT")
        into.close()

    return run, sum(len(rows) for _, rows in told)


def measured(run: Callable[[], None], events: int) -> dict[str, float]:
    """Run once; events a second by the clock and by this process's time."""
    began, spent = time.perf_counter(), time.process_time()
    run()
    by_clock, by_cpu = time.perf_counter() - began, time.process_time() - spent
    return {"per_second": round(events / by_clock), "per_cpu_second": round(events / by_cpu)}


def run(count: int, profile: str = "") -> dict[str, Any]:
    """Measure each way once, on a database of its own."""
    found: dict[str, dict[str, float]] = {}
    events, table = list(some_events(count)), a_table(count)
    with tempfile.TemporaryDirectory() as folder:

        def fresh(name: str) -> Site:
            return open_site(f"sqlite:///{folder}/{name}.db", create=True)

        ways: dict[str, Callable[[Site], None]] = {
            "events": lambda site: write(site, events),
            "table": lambda site: load(site, table),
        }
        for name, way in ways.items():
            site = fresh(name)
            prepare(site)
            if profile == name:
                with cProfile.Profile() as seen:
                    way(site)
                pstats.Stats(seen).sort_stats("tottime").print_stats(45)
            else:
                found[name] = measured(lambda site=site, way=way: way(site), count)  # type: ignore[misc]
            site.close()
            fresh(f"bare-{name}").close()
            bare, rows = copy_rows(
                Path(folder, f"{name}.db"), Path(folder, f"bare-{name}.db"), count
            )
            found[f"bare_{name}"] = measured(bare, count)
        found["read"] = measured(lambda: read(table), count)
    return {
        "events": count,
        "rows_per_event": round(rows / count, 1),
        "rates": found,
        "ratios": {
            f"bare_to_{name}": round(
                found[f"bare_{name}"]["per_cpu_second"] / found[name]["per_cpu_second"], 2
            )
            for name in ways
            if name in found
        },
        "rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


def main() -> None:
    """Run from the command line; print one JSON result and keep it with its chart."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--profile", choices=("events", "table"), default="")
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    result = run(asked.events, asked.profile)
    print(json.dumps(result, indent=2))
    if asked.out:
        asked.out.mkdir(parents=True, exist_ok=True)
        name = f"imports-{asked.events}"
        (asked.out / f"{name}.json").write_text(json.dumps(result, indent=2) + "\n")
        bars = {key: value["per_second"] for key, value in result["rates"].items()}
        title = f"Import of {asked.events} events: events a second"
        (asked.out / f"{name}.svg").write_text(write_chart(title, bars))


if __name__ == "__main__":
    main()
