"""Saves of the library eventsourcing on a SQLite file, one new event in each: per second, by the
clock and by processor time.

It must not know QTCore; `ledger.py` runs it in a process of its own.

    python benchmarks/eventsourcing_peer.py --file /tmp/peer.db --count 200
"""

import argparse
import time
from uuid import UUID

from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event


class Lot(Aggregate):
    """A lot with a state, as the library's own examples are written."""

    @event("Made")
    def __init__(self, number: str) -> None:
        self.number = number
        self.state = "quarantine"

    @event("Moved")
    def move(self, state: str, reason: str) -> None:
        self.state = state
        self.reason = reason


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--file", required=True)
    parser.add_argument("--count", type=int, default=200)
    given = parser.parse_args()
    env = {"PERSISTENCE_MODULE": "eventsourcing.sqlite", "SQLITE_DBNAME": given.file}
    application: Application[UUID] = Application(env=env)
    lots = [Lot(f"L-{at}") for at in range(given.count)]
    for lot in lots:
        application.save(lot)
        lot.move("testing", "bench")
    started, spent = time.perf_counter(), time.process_time()
    for lot in lots:
        application.save(lot)
    by_clock, by_cpu = time.perf_counter() - started, time.process_time() - spent
    print(given.count / by_clock, given.count / by_cpu)


if __name__ == "__main__":
    main()
