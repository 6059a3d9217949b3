"""Traces while another process writes, and the same traces on PostgreSQL.

It must not gate anything by absolute times: a reader beside a writer is compared with the same
reader alone, and PostgreSQL with SQLite, each in one run. Times are of the wall clock.

    python benchmarks/readers.py --edges 100000 --out docs/benchmarks
"""

import json
import random
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psycopg

from benchmarks.plant import SEED, opened
from benchmarks.results import run_and_keep
from qtcore.services.site import Site, open_site
from qtcore.services.trace import trace
from tests.postgres import find_programs, initialise, start, stop

ROOTS, ROUNDS = 50, 3
TABLES = ("item", "party", "node", "lot", "event", "edge", "movement")
WRITER = """
import random, sqlite3, sys
path, lots = sys.argv[1], int(sys.argv[2])
database = sqlite3.connect(path, timeout=30, isolation_level=None)
database.execute("PRAGMA synchronous=FULL")
chance, key = random.Random(1), 1 << 50
event, at = database.execute("SELECT id, event_at FROM event LIMIT 1").fetchone()
while True:
    database.execute("BEGIN IMMEDIATE")
    for _ in range(7):
        key += 1
        src = chance.randint(4, 10)
        row = (key, src, lots - chance.randrange(lots // 8), event, at, at)
        database.execute("INSERT INTO edge (tenant_id, id, src, dst, kind, certainty, unit,"
            " event_id, event_at, recorded_at) VALUES (1, ?, ?, ?, 'transform', 'recorded', '',"
            " ?, ?, ?)", row)
    database.execute("COMMIT")
"""


def timed(site: Site, roots: Sequence[int]) -> dict[str, float]:
    """Trace each root in turn, several times over; milliseconds of every call."""
    context = site.system_context()
    calls = []
    for root in [*roots] * ROUNDS:
        started = time.perf_counter()
        json.dumps(trace(site, context, f"L{root:09d}", "forward").as_json())
        calls.append((time.perf_counter() - started) * 1000)
    calls.sort()
    return {
        "median": round(statistics.median(calls), 3),
        "p99": round(calls[int(len(calls) * 0.99)], 3),
    }


def beside_a_writer(site: Site, path: Path, roots: Sequence[int]) -> dict[str, Any]:
    """Time the same traces while a process of its own commits seven links at a time, flat out.

    The links lead from lots that are not traced, so that every trace reaches what it reached."""
    lots, before = _counted(path)
    command = [sys.executable, "-c", WRITER, str(path), str(lots)]
    with subprocess.Popen(command) as writer:
        try:
            return {**timed(site, roots), "links_written": _counted(path)[1] - before}
        finally:
            writer.terminate()


def _counted(path: Path) -> tuple[int, int]:
    with sqlite3.connect(path) as database:
        found: tuple[int, int] = database.execute(
            "SELECT (SELECT count(*) FROM node), (SELECT count(*) FROM edge)"
        ).fetchone()
    return found


def on_postgres(path: Path, roots: Sequence[int]) -> dict[str, float] | None:
    """Copy the plant into a server of its own and time the same traces; None without programs."""
    programs = find_programs()
    if programs is None:
        return None
    folder = Path(tempfile.mkdtemp(prefix="qtpg-"))
    try:
        initialise(programs, folder)
        start(programs, folder)
        url = f"postgresql://postgres@/postgres?host={folder}"
        site = open_site(url, create=True)
        try:
            _copy(path, url)
            return timed(site, roots)
        finally:
            site.close()
    finally:
        stop(programs, folder)
        shutil.rmtree(folder, ignore_errors=True)


def _copy(path: Path, url: str) -> None:
    with sqlite3.connect(path) as told, psycopg.connect(url) as server:
        server.execute("SET session_replication_role = replica")
        for table in TABLES:
            rows = told.execute(f'SELECT * FROM "{table}"')
            named = ", ".join(f'"{column[0]}"' for column in rows.description)
            server.execute(f'DELETE FROM "{table}"'.encode())
            with server.cursor().copy(f'COPY "{table}" ({named}) FROM STDIN'.encode()) as copy:
                for row in rows:
                    copy.write_row(row)
        server.commit()
        server.execute("ANALYZE")


def run(edges: int, plants: Path | None) -> dict[str, Any]:
    """Measure on a plant, built where none is kept; gives the result of one run."""
    with tempfile.TemporaryDirectory() as name:
        # The writer's links go into a copy: a plant that is kept stays as it was made.
        path = Path(name) / "copy.db"
        with opened(edges, plants) as plant, sqlite3.connect(path) as copy:
            roots = random.Random(SEED).sample(plant.raw[10:], min(ROOTS, len(plant.raw) - 10))
            plant.database.backup(copy)
        copy.close()
        server = on_postgres(path, roots)
        site = open_site(f"sqlite:///{path}", writable=False)
        try:
            quiet = timed(site, roots)
            times: dict[str, Any] = {
                "sqlite": quiet, "sqlite_beside_a_writer": beside_a_writer(site, path, roots),
            }  # fmt: skip
        finally:
            site.close()
        if server is not None:
            times["postgresql"] = server
        return {
            "edges": edges,
            "ms": times,
            "ratios": {
                f"{name}_to_sqlite_{part}": round(each[part] / quiet[part], 3)
                for name, each in times.items()
                for part in ("median", "p99")
                if name != "sqlite"
            },
        }


if __name__ == "__main__":
    run_and_keep("readers", __doc__, run)
