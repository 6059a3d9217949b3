"""What the ledger costs: audited transitions, verification, proofs.

It must not gate anything by absolute times: on shared machines only ratios of one run count.

    python benchmarks/ledger.py --events 20000 --transitions 200

`transitions.ratio`: steps of a lot at service level against `Application.save` of the library
eventsourcing, both on a SQLite file that is written down to the disk with each commit;
`at_once_per_second`: the same steps, all in one transaction; `ledger_part` is the share of the
entry in a step. `events`: one event that makes a lot of two others, with its two links and its
entry, one in each transaction. `cpu_ratio` compares the processor time of both processes, which
leaves the disk out.

`verify.ratio`: `audit verify` against reading the same rows by bare sqlite3 and hashing the same
bytes; `ratio_to_hashing` leaves the reading out. For writers beside the sequencer see `writers.py`.
"""

import argparse
import hashlib
import json
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from qtcore.offline import qtcore_verify
from qtcore.services.audit import seal, verify_history
from qtcore.services.events import EventInput, write_events
from qtcore.services.proving import prove_lot
from qtcore.services.serving import settle_memory
from qtcore.services.site import Site, with_registry
from qtcore.services.transitions import Step, fire_transition, fire_transitions
from qtcore.testing import a_received_lot, a_site, a_user, an_output, line

BATCH = 500


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--transitions", type=int, default=200)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        result: dict[str, Any] = {
            "transitions": measure_transitions(Path(folder), given.transitions),
            **measure_history(Path(folder), given.events),
        }
    print(json.dumps(result, indent=1))


def measure_transitions(folder: Path, count: int) -> dict[str, Any]:
    """Steps of lots per second at service level, against saves of the library eventsourcing."""
    with a_site(f"sqlite:///{folder / 'steps.db'}", packs=["food"]) as opened:
        site = with_registry(opened, opened.registry, (), version=1)  # as it is served
        lots = [a_received_lot(site, lot_no=f"L-{at}").uid for at in range(count)]
        person = a_user(site, ["qa"])
        fire_transition(site, person, ("lot", lots[0]), Step("start_testing"))

        def step(at: int) -> None:
            fire_transition(site, person, ("lot", lots[at]), Step("start_testing"))

        steps = rate_of(step, range(1, count))
        many = [a_received_lot(site, lot_no=f"M-{at}").uid for at in range(count)]
        asked = [(("lot", lot), Step("start_testing")) for lot in many]
        together = count / timed(lambda: fire_transitions(site, person, asked))
        entry_only(site)
        entries = rate_of(lambda _: entry_only(site), range(count))
        make_lot(site, 1)
        events = rate_of(lambda at: make_lot(site, at), range(2, count))
    saves = eventsourcing_saves(folder, count)
    return {
        "eventsourcing_per_second": saves and round(saves.by_clock, 1),
        "steps": steps.beside(saves),
        "at_once_per_second": round(together, 1),
        "ledger_part": round(steps.by_clock / entries.by_clock, 3),
        "entries_alone": entries.beside(saves),
        "events": events.beside(saves),
    }


class Rate(NamedTuple):
    """Acts per second: by the clock, and by the processor time of the process."""

    by_clock: float
    by_cpu: float

    def beside(self, peer: "Rate | None") -> dict[str, Any]:
        """Show it beside the rate of a peer, where there is one."""
        return {
            "per_second": round(self.by_clock, 1),
            "ratio": peer and round(self.by_clock / peer.by_clock, 3),
            "cpu_ratio": peer and round(self.by_cpu / peer.by_cpu, 3),
        }


def rate_of(act: Callable[[int], None], places: Sequence[int]) -> Rate:
    """Act once for each place."""
    began, spent = time.perf_counter(), time.process_time()
    for at in places:
        act(at)
    by_clock, by_cpu = time.perf_counter() - began, time.process_time() - spent
    return Rate(len(places) / by_clock, len(places) / by_cpu)


def make_lot(site: Site, at: int) -> None:
    """Write an event that makes a lot of two others, as it is, with its links and its entry."""
    used = [line(f"L-{number}", "input", "0.001") for number in (at, at - 1)]
    made = an_output("MILK", f"P-{at}", "1", source="SUPPLIER-A")
    told = EventInput("production", (*used, made), site.sources.now())
    write_events(site, site.system_context(), [told])


def entry_only(site: Site) -> None:
    """Write one entry in a transaction of its own."""
    with site.store.write(site.system_context()) as work:
        changes = {"state": ("quarantine", "testing")}
        work.log("lot.transition", "lot", "bench", changes=changes, reason="bench")


def eventsourcing_saves(folder: Path, count: int) -> Rate | None:
    """Saves of one event each; None where the library is not installed (extra `bench`)."""
    if find_spec("eventsourcing") is None:
        return None
    peer = Path(__file__).with_name("eventsourcing_peer.py")
    file = folder / "eventsourcing.db"
    command = [sys.executable, str(peer), "--file", str(file), "--count", str(count)]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    return Rate(*map(float, ran.stdout.split()))


def measure_history(folder: Path, events: int) -> dict[str, Any]:
    """Verification of a history and the proof of one lot in it."""
    file = folder / "history.db"
    with a_site(f"sqlite:///{file}", packs=["food"]) as site:
        lot = a_received_lot(site)
        for start in range(0, events, BATCH):
            write_batch(site, lot.uid if start == 0 else "", start)
        seal_seconds = timed(lambda: seal(site))
        settle_memory()  # as `qtcore serve` and `qtcore audit verify` do
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


def timed(work: Callable[[], Any]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
