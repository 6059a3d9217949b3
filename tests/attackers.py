"""A sealed site, its witness, and somebody with every right on its database.

It must not judge: tests do.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from qtcore.context import Sources
from qtcore.engines.ledger import (
    EMPTY_TREE,
    Checkpoint,
    HistoryVerdict,
    leaf_hash,
    new_nodes,
    sign_note,
)
from qtcore.services.audit import seal, verify_history
from qtcore.services.site import Site
from qtcore.store.proofs import note_body
from qtcore.store.signers import Signer
from qtcore.store.store import open_store
from qtcore.testing import FrozenClock, a_registry, a_site, seeded_bytes

ORIGIN = "qtcore/test-1"
KEY = Ed25519PrivateKey.from_private_bytes(seeded_bytes(1)(32))
THIEF = Ed25519PrivateKey.from_private_bytes(bytes([9]) * 32)

State = tuple[int, str]


class Kept:
    """A sealed site, closed; the states its witness has seen, an older and the newest one."""

    def __init__(self, file: Path) -> None:
        self.file = file
        clock = FrozenClock()
        with a_site(f"sqlite:///{file}", clock=clock, packs=["food"]) as site:
            self.older = grow(site, clock, 4)
            backup = file.with_name("backup.db")
            with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(backup)) as to:
                source.backup(to)
            self.backup = backup
            self.newest = grow(site, clock, 4)


def grow(site: Site, clock: FrozenClock, count: int) -> State:
    """Write and seal some events; gives the state a witness would keep."""
    for at in range(count):
        clock.advance(minutes=1)
        note(site, f"lot-{at}")
    seal(site)
    return newest_state(site)


def note(site: Site, uid: str, **more: object) -> None:
    context = site.system_context()
    with site.store.write(context) as work:
        work.log("look", "lot", uid, reason="as usual", private={"seen_by": "Ana"}, **more)  # type: ignore[arg-type]


def newest_state(site: Site) -> State:
    verdict = judged(site)
    assert verdict.ok
    return verdict.size, verdict.root_hex


def judged(site: Site, witness: State | None = None) -> HistoryVerdict:
    return verify_history(site, site.system_context(), witness=witness).verdict


@contextmanager
def opened(file: Path, clock: FrozenClock | None = None) -> Iterator[Site]:
    shown = clock or FrozenClock(FrozenClock().at + timedelta(hours=1))
    sources = Sources(now=shown.now, random_bytes=seeded_bytes(2))
    store = open_store(f"sqlite:///{file}", sources=sources)
    site = Site(store, a_registry("food"), sources, Signer(ORIGIN, KEY))
    try:
        yield site
    finally:
        site.close()


def found(file: Path, witness: State | None = None) -> list[tuple[str, int | None]]:
    with opened(file) as site:
        verdict = judged(site, witness)
    assert verdict.ok is (not verdict.problems)
    return kinds_of(verdict)


def kinds_of(verdict: HistoryVerdict) -> list[tuple[str, int | None]]:
    return [(each.kind, each.seq) for each in verdict.problems]


class Dba:
    """Somebody with every right on the database."""

    def __init__(self, file: Path) -> None:
        self.db = sqlite3.connect(file, isolation_level=None)
        self.db.execute("PRAGMA foreign_keys = OFF")
        for (name,) in self.all("SELECT name FROM sqlite_master WHERE type = 'trigger'"):
            self.db.execute(f'DROP TRIGGER "{name}"')

    def all(self, statement: str, *values: object) -> list[tuple[object, ...]]:
        return self.db.execute(statement, values).fetchall()

    def key(self, seq: int) -> int:
        ((key,),) = self.all("SELECT event_id FROM ledger_seal WHERE seq = ?", seq)
        return int(str(key))

    def edit(self, seq: int, old: str = "as usual", new: str = "as asked") -> None:
        self.all(
            "UPDATE ledger_event SET head = CAST(replace(CAST(head AS TEXT), ?, ?) AS BLOB) "
            "WHERE id = ?",
            *(old, new, self.key(seq)),
        )

    def delete(self, seq: int) -> None:
        key = self.key(seq)
        for table in ("ledger_seal", "ledger_about", "ledger_private"):
            self.all(f"DELETE FROM {table} WHERE event_id = ?", key)
        self.all("DELETE FROM ledger_event WHERE id = ?", key)

    def renumber(self) -> None:
        rows = self.all("SELECT event_id, leaf_hash FROM ledger_seal ORDER BY seq")
        self.all("DELETE FROM ledger_seal")
        for seq, (key, leaf) in enumerate(rows):
            self.all("INSERT INTO ledger_seal VALUES (1, ?, ?, ?)", seq, key, leaf)

    def cut(self, size: int) -> None:
        """Take everything behind a size away, with the checkpoints that told of it."""
        for (seq,) in self.all("SELECT seq FROM ledger_seal WHERE seq >= ?", size):
            self.delete(int(str(seq)))
        self.all("DELETE FROM ledger_checkpoint WHERE tenant_id = 1 AND size > ?", size)
        self.all(
            'DELETE FROM ledger_tile WHERE tenant_id = 1 AND (("index" + 1) << level) > ?', size
        )
        self.all("DELETE FROM ledger_root WHERE size > ?", size)
        ((kept,),) = self.all("SELECT count(*) FROM ledger_root")
        self.all("DELETE FROM ledger_checkpoint WHERE tenant_id = 0 AND size > ?", kept)

    def swap(self, seq: int, other: int) -> None:
        rows = [self.all("SELECT * FROM ledger_seal WHERE seq = ?", at)[0] for at in (seq, other)]
        self.all("DELETE FROM ledger_seal WHERE seq IN (?, ?)", seq, other)
        for at, row in zip((other, seq), rows, strict=True):
            self.all("INSERT INTO ledger_seal VALUES (1, ?, ?, ?)", at, *row[2:])

    def rehash(self) -> None:
        """Make all hashes fit the contents again: leaves, seals, subtrees."""
        for key, head in self.all("SELECT id, head FROM ledger_event"):
            leaf = leaf_hash(head)  # type: ignore[arg-type]
            self.all("UPDATE ledger_event SET leaf_hash = ? WHERE id = ?", leaf, key)
            self.all("UPDATE ledger_seal SET leaf_hash = ? WHERE event_id = ?", leaf, key)
        leaves = [row[0] for row in self.all("SELECT leaf_hash FROM ledger_seal ORDER BY seq")]
        self.all("DELETE FROM ledger_tile WHERE tenant_id = 1")
        for node in new_nodes(EMPTY_TREE, leaves)[1]:  # type: ignore[arg-type]
            values = (node.level, node.index, node.hash)
            self.all("INSERT INTO ledger_tile VALUES (1, ?, ?, ?)", *values)

    def sign(self, key: Ed25519PrivateKey = KEY, origin: str = ORIGIN) -> None:
        """Sign every checkpoint anew over what is there now."""
        leaves = [row[0] for row in self.all("SELECT leaf_hash FROM ledger_seal ORDER BY seq")]
        for (size,) in self.all("SELECT size FROM ledger_checkpoint WHERE tenant_id = 1"):
            count = min(int(str(size)), len(leaves))
            root = new_nodes(EMPTY_TREE, leaves[:count])[0].root  # type: ignore[arg-type]
            text = sign_note(Checkpoint(origin, count, root).body, ORIGIN, key)
            self.all(
                "UPDATE ledger_checkpoint SET size = ?, root = ?, note = ? "
                "WHERE tenant_id = 1 AND size = ?",
                *(count, root, text, size),
            )
            self.all("UPDATE ledger_root SET size = ? WHERE size = ?", count, size)
        self.sign_instance(key)

    def sign_instance(self, key: Ed25519PrivateKey) -> None:
        """Write the log of the instance anew as well."""
        notes = self.all(
            "SELECT c.note FROM ledger_root r JOIN ledger_checkpoint c "
            "ON c.tenant_id = r.tenant_id AND c.size = r.size ORDER BY r.seq"
        )
        leaves = [leaf_hash(note_body(str(note)).encode()) for (note,) in notes]
        for size in range(1, len(leaves) + 1):
            state = Checkpoint(
                f"{ORIGIN}/instance", size, new_nodes(EMPTY_TREE, leaves[:size])[0].root
            )
            self.all(
                "UPDATE ledger_checkpoint SET root = ?, note = ? WHERE tenant_id = 0 AND size = ?",
                *(state.root, sign_note(state.body, ORIGIN, key), size),
            )
