"""What the ledger costs: audited transitions, writers beside the sequencer, verification, proofs.

It must not gate anything by absolute times: on shared machines only ratios of one run count.

    python benchmarks/ledger.py --events 20000 --transitions 200 [--postgres URL]

`transitions.ratio`: steps of a lot at service level against `Application.save` of the library
eventsourcing, both on a SQLite file that is written down to the disk with each commit;
`ledger_part` is the share of the entry in a step. `writers.ratio`: 16 writers on PostgreSQL that
make steps of lots with and without their entries, while a sequencer seals; `row_ratio`: the same
with one changed row and 5 ms of waiting in place of a step, against bare SQLAlchemy.
`verify.ratio`: `audit verify` against reading the same rows by bare sqlite3 and hashing the same
bytes; `ratio_to_hashing` leaves the reading out.
"""

import argparse
import hashlib
import json
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import cache
from importlib.util import find_spec
from itertools import cycle
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, update
from sqlmodel import Session, col, select

from qtcore.context import Context
from qtcore.offline import qtcore_verify
from qtcore.services.audit import seal, verify_history
from qtcore.services.proving import prove_lot
from qtcore.services.sealing import read_sealing
from qtcore.services.site import Site
from qtcore.services.transitions import Step, fire_transition
from qtcore.store import store
from qtcore.store.engines import read_target
from qtcore.store.tables import Item
from qtcore.store.unit import UnitOfWork
from qtcore.testing import FrozenClock, a_received_lot, a_site, a_user, an_item

WRITERS = 16
WORK_SECONDS = 0.005
BATCH = 500


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--transitions", type=int, default=200)
    parser.add_argument("--postgres", default="", help="URL of an empty database")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        result: dict[str, Any] = {
            "transitions": measure_transitions(Path(folder), given.transitions),
            **measure_history(Path(folder), given.events),
        }
    if given.postgres:
        result["writers"] = measure_writers(given.postgres)
    print(json.dumps(result, indent=1))


class LiveClock(FrozenClock):
    """A clock that goes on, for lags."""

    def now(self) -> Any:
        return self.at.fromtimestamp(time.time(), self.at.tzinfo)


def measure_transitions(folder: Path, count: int) -> dict[str, Any]:
    """Steps of lots per second at service level, against saves of the library eventsourcing."""
    with a_site(f"sqlite:///{folder / 'steps.db'}", packs=["food"]) as site:
        lots = [a_received_lot(site, lot_no=f"L-{at}").uid for at in range(count)]
        person = a_user(site, ["qa"])
        fire_transition(site, person, ("lot", lots[0]), Step("start_testing"))

        def step() -> None:
            for lot in lots[1:]:
                fire_transition(site, person, ("lot", lot), Step("start_testing"))

        ours = (count - 1) / timed(step)
        entry = statistics.median(timed(lambda: entry_only(site)) for _ in range(50))
    theirs = eventsourcing_saves(folder, count)
    return {
        "per_second": round(ours, 1),
        "eventsourcing_per_second": theirs and round(theirs, 1),
        "ratio": theirs and round(ours / theirs, 3),
        "ledger_part": round(entry * ours, 3),
        "entries_alone_per_second": round(1 / entry, 1),
        "entries_alone_ratio": theirs and round(1 / entry / theirs, 3),
    }


def entry_only(site: Site) -> None:
    """Write one entry in a transaction of its own."""
    with site.store.write(site.system_context()) as work:
        changes = {"state": ("quarantine", "testing")}
        work.log("lot.transition", "lot", "bench", changes=changes, reason="bench")


def eventsourcing_saves(folder: Path, count: int) -> float | None:
    """Saves of one event each; None where the library is not installed (extra `bench`)."""
    if find_spec("eventsourcing") is None:
        return None
    peer = Path(__file__).with_name("eventsourcing_peer.py")
    file = folder / "eventsourcing.db"
    command = [sys.executable, str(peer), "--file", str(file), "--count", str(count)]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(ran.stdout)


def measure_history(folder: Path, events: int) -> dict[str, Any]:
    """Verification of a history and the proof of one lot in it."""
    file = folder / "history.db"
    with a_site(f"sqlite:///{file}", packs=["food"]) as site:
        lot = a_received_lot(site)
        for start in range(0, events, BATCH):
            write_batch(site, lot.uid if start == 0 else "", start)
        seal_seconds = timed(lambda: seal(site))
        bare = statistics.median(timed(lambda: hash_rows(file)) for _ in range(3))
        hashing = statistics.median(hash_memory(file) for _ in range(3))
        ours = statistics.median(timed(lambda: check(site)) for _ in range(3))
        return {
            "verify": {
                "events": events,
                "seconds": round(ours, 3),
                "microseconds_per_event": round(ours / events * 1e6, 1),
                "ratio": round(ours / bare, 2),
                "ratio_to_hashing": round(ours / hashing, 2),
            },
            "seal": {"events_per_second": round(events / seal_seconds)},
            "proof": measure_proof(site, lot.uid),
        }


def write_batch(site: Site, lot: str, start: int) -> None:
    with site.store.write(site.system_context()) as work:
        for at in range(start, start + BATCH):
            work.log(
                "lot.transition",
                "lot",
                f"lot-{at}",
                changes={"state": ("quarantine", "released")},
                reason="all tests pass",
                about=[lot] if lot and at % 100 == 0 else [],
                details={"transition": "release", "rules": {"FD-01": "pass", "FD-02": "pass"}},
                private={"seen_by": "Ana Novak"},
            )


def check(site: Site) -> None:
    assert verify_history(site, site.system_context()).verdict.ok


SEALED = (
    "SELECT e.head FROM ledger_seal s JOIN ledger_event e "
    "ON e.tenant_id = s.tenant_id AND e.id = s.event_id ORDER BY s.seq"
)
PRIVATE = "SELECT salt, field, value FROM ledger_private"


def hash_rows(file: Path) -> None:
    """Read the same rows by bare sqlite3, and hash what verification has to hash."""
    with closing(sqlite3.connect(file)) as db:
        hash_all(db.execute(SEALED), db.execute(PRIVATE))


def hash_memory(file: Path) -> float:
    """Give the seconds that the same hashes take over bytes in memory."""
    with closing(sqlite3.connect(file)) as db:
        heads, private = db.execute(SEALED).fetchall(), db.execute(PRIVATE).fetchall()
    return timed(lambda: hash_all(iter(heads), iter(private)))


def hash_all(heads: Iterator[Any], private: Iterator[Any]) -> None:
    subtrees: list[bytes] = []
    for size, (head,) in enumerate(heads):
        found = hashlib.sha256(b"\x00" + head).digest()
        while size & 1:
            found = hashlib.sha256(b"\x01" + subtrees.pop() + found).digest()
            size >>= 1  # noqa: PLW2901  # the bits that are left
        subtrees.append(found)
    for salt, field, value in private:
        hashlib.sha256(b"\x03" + salt + field.encode() + b"\x00" + value.encode()).digest()


def measure_proof(site: Site, lot: str) -> dict[str, Any]:
    context = site.system_context()
    made = [timed(lambda: prove_lot(site, context, lot)) for _ in range(9)]
    document = json.dumps(prove_lot(site, context, lot).as_json()).encode()
    keys = [qtcore_verify.read_key(site.signer.key.vkey)]
    file = qtcore_verify.read_file(document)
    judged = [timed(lambda: qtcore_verify.judge(file, qtcore_verify.Trust(keys))) for _ in range(9)]
    count = len(file.events)
    return {
        "events_of_the_lot": count,
        "made_ms": round(statistics.median(made) * 1000, 2),
        "made_ms_per_event": round(statistics.median(made) * 1000 / count, 3),
        "verified_ms_per_event": round(statistics.median(judged) * 1000 / count, 3),
    }


def measure_writers(url: str) -> dict[str, Any]:
    """16 writers on PostgreSQL, with and without their ledger entries."""
    with a_site(url, packs=["food"], clock=LiveClock()) as site:
        codes = [an_item(site, f"W-{at}") for at in range(WRITERS)]
        lots = [a_received_lot(site, lot_no=f"W-{at}").uid for at in range(WRITERS)]
        person = a_user(site, ["qa"])
        takers = [stepper(site, person, lot) for lot in lots]
        lags: list[float] = []
        with sequencer(site, lags):
            steps = compared(
                lambda at: take_step(takers[at], UnitOfWork),
                lambda at: take_step(takers[at], Untold),
            )
            rows = compared(
                lambda at: change_item(site, codes[at]), lambda at: change_row(site, codes[at])
            )
    lags.sort()
    return {
        "per_second": round(steps[0], 1),
        "without_ledger_per_second": round(steps[1], 1),
        "ratio": round(steps[0] / steps[1], 3),
        "row_ratio": round(rows[0] / rows[1], 3),
        "lag_p99_seconds": round(lags[int(len(lags) * 0.99) - 1], 3),
    }


def compared(told: Callable[[int], None], untold: Callable[[int], None]) -> tuple[float, float]:
    """Give the medians of acts per second, the two ways of acting taking turns."""
    rates = [(load(told), load(untold)) for _ in range(3)]
    return statistics.median(r for r, _ in rates), statistics.median(r for _, r in rates)


class Untold(UnitOfWork):
    """A unit of work that does all but its ledger entries."""

    def log(self, *_: Any, **__: Any) -> str:
        return self.new_uid()

    def finish(self) -> None:
        self._write_entries()


def stepper(site: Site, person: Context, lot: str) -> Iterator[None]:
    """Take a lot into testing, out of it, and so on: a step each time it is asked."""
    for name in cycle(("start_testing", "stop_testing")):
        fire_transition(site, person, ("lot", lot), Step(name, reason="bench"))
        yield


def take_step(taker: Iterator[None], works: type[UnitOfWork]) -> None:
    store.UnitOfWork = works  # type: ignore[attr-defined]  # all writers of a turn write alike
    next(taker)


@contextmanager
def sequencer(site: Site, lags: list[float]) -> Iterator[None]:
    stop = threading.Event()

    def sealing() -> None:
        while not stop.wait(0.5):
            seal(site, keeps_lease=True)

    def watching() -> None:
        while not stop.wait(0.05):
            lags.append(read_sealing(site).lag.total_seconds())

    threads = [threading.Thread(target=each) for each in (sealing, watching)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def load(act: Callable[[int], None], *, seconds: float = 4.0) -> float:
    """Give the acts per second of 16 threads, each of which is told its number."""
    done = [0] * WRITERS
    end = time.monotonic() + seconds

    def write(at: int) -> None:
        while time.monotonic() < end:
            act(at)
            done[at] += 1

    threads = [threading.Thread(target=write, args=(at,)) for at in range(WRITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(done) / seconds


def change_item(site: Site, code: str) -> None:
    """Read a row, change it, work for a while, and commit, with its ledger entry."""
    with site.store.write(site.system_context()) as work:
        row = work.session.exec(
            select(Item).where(Item.tenant_id == work.tenant_id, Item.code == code)
        ).one()
        changes = work.change(row, name=os.urandom(8).hex())
        time.sleep(WORK_SECONDS)
        work.log("master.change", "item", row.uid, changes=changes)


def change_row(site: Site, code: str) -> None:
    """Do the same by bare SQLAlchemy, without an entry."""
    with Session(engine_of(site.store.url)) as session, session.begin():
        row = session.exec(select(Item).where(Item.tenant_id == 1, Item.code == code)).one()
        session.execute(
            update(Item)
            .where(col(Item.tenant_id) == 1, col(Item.id) == row.id)
            .where(col(Item.version) == row.version)
            .values(name=os.urandom(8).hex(), version=row.version + 1)
        )
        time.sleep(WORK_SECONDS)


@cache
def engine_of(url: str) -> Engine:
    return create_engine(read_target(url).url, pool_size=WRITERS)


def timed(work: Callable[[], Any]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
