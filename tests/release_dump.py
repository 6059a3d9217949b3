"""The database a release leaves behind, as SQL text: each later release must be able to upgrade it.

`python -m tests.release_dump tests/golden/release_X_Y_Z.sql`, once, when a release is made.
It must not change after that release: the text is what users have.
"""

import sqlite3
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from qtcore.context import Sources
from qtcore.store.lease import release_lease
from qtcore.store.sealing import seal_pending
from qtcore.store.signers import Signer
from qtcore.store.store import Store, open_store
from qtcore.store.tables import Hold, Identifier, Lot
from tests.rows import NOON, a_context, a_plant, alias, an_event, link, move

SIGNER = Signer("qtcore/release-fixture", Ed25519PrivateKey.from_private_bytes(b"\x01" * 32))


def fixed_sources() -> Sources:
    """A clock that ticks a second a look, and bytes that repeat from run to run."""
    ticks, draws = count(), count()

    def now() -> datetime:
        return datetime(2026, 3, 1, tzinfo=UTC) + timedelta(seconds=next(ticks))

    def random_bytes(length: int) -> bytes:
        return next(draws).to_bytes(8, "big").rjust(length, b"\x00")[-length:]

    return Sources(now=now, random_bytes=random_bytes)


def seed(store: Store) -> None:
    """A small plant: four lots in a row, an alias, a hold, a shipment, a sealed ledger."""
    plant = a_plant(store, 4)
    a, b, c, d = plant.nodes
    link(store, [(a, b), (b, c)], "12.50")
    alias(store, d, a)
    with store.write(a_context()) as work:
        event = an_event(work, "receive", reason="入库 — first delivery")
        exact = Decimal("12345678901234.123456789012")
        move(work, event, a, "output", "received", quantity=exact, unit="kg")
        hold: dict[str, Any] = {
            "node": c,
            "reason": "dust",
            "placed_at": NOON,
            "placed_by": "qa.lead",
        }
        names: dict[str, Any] = {
            "node": a,
            "scheme": "gtin",
            "value": "09506000134352",
            "is_global": True,
        }
        work.add(
            Hold(tenant_id=1, id=work.key(), uid=work.new_uid(), **hold),
            Identifier(tenant_id=1, id=work.key(), recorded_at=NOON, **names),
        )
        work.change(work.session.get_one(Lot, (1, b)), state="released")
        work.log("event.receive", "event", event.uid, about=plant.uids[:2], reason="入库")
        work.publish("event", {"event_id": event.uid})
    seal_pending(store, SIGNER)
    release_lease(store)
    store.note(a_context(), "lot.release.refused", "lot", plant.uids[2], reason="hold")


def make_dump(build: Callable[[Store], None] = seed) -> str:
    """Build the database and give its text."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "release.db"
        store = open_store(f"sqlite:///{path}", sources=fixed_sources(), create=True)
        build(store)
        store.close()
        connection = sqlite3.connect(path)
        text = "\n".join(connection.iterdump())
        connection.close()
    return text + "\n"


def load_dump(dump: Path, database: Path) -> None:
    """Make a database file of a text."""
    connection = sqlite3.connect(database)
    connection.executescript(dump.read_text(encoding="utf-8"))
    connection.close()


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(make_dump(), encoding="utf-8")
