"""16 writers on PostgreSQL that make steps with and without their ledger entries, while it seals.

It must not gate anything by absolute times: on shared machines only ratios of one run count.

    python benchmarks/writers.py --postgres URL [--processes 4]

The arrangement is that of `qtcore serve`: several processes of threads that write, each with the
worker that delivers and seals; one of them holds the lease of the sequencer. `ratio`: steps with
their entries against the same steps without; `row_ratio`: the same with one changed row and 5 ms of
waiting in place of a step, against bare SQLAlchemy. `lag`: from the time an entry names, which is
before its commit, to the time of the first checkpoint that covers it, of every entry that was made.
"""

import argparse
import json
import multiprocessing
import os
import statistics
import threading
import time
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from itertools import cycle
from typing import Any

from sqlalchemy import Engine, create_engine, func, update
from sqlmodel import Session, col, select

from qtcore.context import Context, Sources
from qtcore.services.jobs import Worker, settle
from qtcore.services.nodes import resolve
from qtcore.services.sealing import aware, read_sealing
from qtcore.services.site import Site, with_registry
from qtcore.services.transitions import Step, fire_transition
from qtcore.store import store
from qtcore.store.engines import read_target
from qtcore.store.store import open_store
from qtcore.store.tables import Item, LedgerCheckpoint, LedgerEvent, LedgerSeal
from qtcore.store.unit import UnitOfWork
from qtcore.testing import FrozenClock, a_received_lot, a_site, a_user, an_item

WRITERS = 16
WORK_SECONDS = 0.005
SECONDS = 5.0
_FORK = multiprocessing.get_context("fork")
Act = Callable[[Site, int], Callable[[], None]]


class LiveClock(FrozenClock):
    """A clock that goes on, for lags."""

    def now(self) -> Any:
        return self.at.fromtimestamp(time.time(), self.at.tzinfo)


class Untold(UnitOfWork):
    """A unit of work that does all but its ledger entries."""

    def log(self, *_: Any, **__: Any) -> str:
        return self.new_uid()

    def finish(self) -> None:
        self._write_entries()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--postgres", required=True, help="URL of an empty database")
    parser.add_argument("--processes", type=int, default=4, help="of 16 writers in all")
    given = parser.parse_args()
    print(json.dumps(measure_writers(given.postgres, given.processes), indent=1))


def measure_writers(url: str, processes: int = 4) -> dict[str, Any]:
    """Rates and ratios of 16 writers, and how long entries waited for their checkpoint."""
    with a_site(url, packs=["food"], clock=LiveClock()) as opened:
        site = with_registry(opened, opened.registry, (), version=1)  # as it is served
        codes = [an_item(site, f"W-{at}") for at in range(WRITERS)]
        lots = [a_received_lot(site, lot_no=f"W-{at}").uid for at in range(WRITERS)]
        person = a_user(site, ["qa"])
        settle(site)
        started = site.sources.now()
        step: Act = lambda its, at: stepper(its, person, lots[at])  # noqa: E731
        told, untold = compared(site, processes, (step, UnitOfWork), (step, Untold))
        lags = lags_since(site, started)
        item: Act = lambda its, at: lambda: change_item(its, codes[at])  # noqa: E731
        row: Act = lambda its, at: lambda: change_row(its, codes[at])  # noqa: E731
        rows = compared(site, processes, (item, UnitOfWork), (row, UnitOfWork))
    return {
        "processes": processes,
        "per_second": round(told, 1),
        "without_ledger_per_second": round(untold, 1),
        "ratio": round(told / untold, 3),
        "row_ratio": round(rows[0] / rows[1], 3),
        "entries": len(lags),
        "lag_median_seconds": round(statistics.median(lags), 3),
        "lag_p99_seconds": round(lags[int(len(lags) * 0.99) - 1], 3),
    }


def compared(
    site: Site, processes: int, *ways: tuple[Act, type[UnitOfWork]]
) -> tuple[float, float]:
    """Give the medians of acts per second, the two ways of acting taking turns."""
    rates = [[load(site, processes, *way) for way in ways] for _ in range(3)]
    return statistics.median(r for r, _ in rates), statistics.median(r for _, r in rates)


def load(site: Site, processes: int, act: Act, works: type[UnitOfWork]) -> float:
    """Give the acts per second of 16 threads in some processes."""
    answers: Any = _FORK.Queue()
    ready = _FORK.Barrier(processes)
    share = WRITERS // processes

    def serve(number: int) -> None:
        store.UnitOfWork = works  # type: ignore[attr-defined]  # all writers of a turn write alike
        # Connections do not survive a fork: each process opens the database for itself.
        its = replace(site, store=open_store(site.store.url, sources=Sources()))
        worker = Worker(its)
        ready.wait()
        worker.start()
        acts = [act(its, number * share + at) for at in range(share)]
        answers.put(sum(write_for(acts)) / SECONDS)
        # Nobody stops before all is sealed: who holds the lease seals for the others as well.
        ready.wait()
        while read_sealing(its).pending:
            time.sleep(0.05)
        ready.wait()
        worker.stop()
        answers.close()
        answers.join_thread()
        os._exit(0)

    started = [_FORK.Process(target=serve, args=(number,)) for number in range(processes)]
    for process in started:
        process.start()
    rate = sum(answers.get() for _ in started)
    for process in started:
        process.join()
    return float(rate)


def write_for(acts: list[Callable[[], None]]) -> list[int]:
    """Act in a thread each for some seconds; gives how often each did."""
    done = [0] * len(acts)
    end = time.monotonic() + SECONDS

    def write(at: int) -> None:
        while time.monotonic() < end:
            acts[at]()
            done[at] += 1

    threads = [threading.Thread(target=write, args=(at,)) for at in range(len(acts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return done


def stepper(site: Site, person: Context, lot: str) -> Callable[[], None]:
    """Give what takes a lot into testing, out of it, and so on: a step each time it is called."""
    steps: Iterator[str] = cycle(("start_testing", "stop_testing"))
    with site.store.read() as session:
        if resolve(session, site.store.tenant_id, lot).state == "testing":
            next(steps)

    def act() -> None:
        now = replace(person, at=site.sources.now())
        fire_transition(site, now, ("lot", lot), Step(next(steps), reason="bench"))

    return act


def lags_since(site: Site, started: Any) -> list[float]:
    """Give the seconds that each entry waited for a checkpoint, ascending."""
    tenant = site.store.tenant_id
    with site.store.read() as session:
        signed = session.execute(
            select(LedgerCheckpoint.size, LedgerCheckpoint.sealed_at)
            .where(LedgerCheckpoint.tenant_id == tenant)
            .order_by(col(LedgerCheckpoint.size))
        ).all()
        entries = session.execute(
            select(LedgerSeal.seq, LedgerEvent.recorded_at)
            .join(LedgerEvent, col(LedgerEvent.id) == LedgerSeal.event_id)
            .where(LedgerSeal.tenant_id == tenant, LedgerEvent.tenant_id == tenant)
        ).all()
        told = session.execute(
            select(func.count()).select_from(LedgerEvent).where(LedgerEvent.tenant_id == tenant)
        ).scalar_one()
    if told != len(entries):
        raise RuntimeError(f"{told - len(entries)} entries were not sealed")
    sizes = [size for size, _ in signed]
    waited = [
        (aware(signed[bisect_right(sizes, seq)][1]) - aware(at)).total_seconds()
        for seq, at in entries
        if aware(at) >= started
    ]
    return sorted(waited)


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


if __name__ == "__main__":
    main()
