"""Each column of the ledger's own tables changed by hand: a verdict names it, or it is no evidence.

It must not go through the product where it attacks, as in `test_attacks`.
"""

import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from qtcore.context import Sources
from qtcore.services.audit import seal, verify_history
from qtcore.services.integrity.books import check_books
from qtcore.services.integrity.fsck import check_database
from qtcore.services.integrity.ground import Ground
from qtcore.services.integrity.life_cycles import check_signatures
from qtcore.services.integrity.times import check_time
from qtcore.services.keys import rotate_key
from qtcore.services.legal_holds import lift_legal_hold, place_legal_hold
from qtcore.services.restoring import accept_restore
from qtcore.services.retention import archive_history
from qtcore.services.reviewing import review_history
from qtcore.services.sign_proofs import Proof
from qtcore.services.site import Site
from qtcore.services.stamping import stamp_newest
from qtcore.services.verifying import start_verification
from qtcore.services.witnessing import tell_witnesses
from qtcore.store.columns import Row
from qtcore.store.outposts import Outposts, WitnessFolder
from qtcore.store.signers import load_or_make_signer
from qtcore.store.store import open_store
from qtcore.testing import (
    PASSWORD,
    FrozenClock,
    a_registry,
    a_site,
    a_user,
    seeded_bytes,
)
from tests.attackers import Dba, note
from tests.outposts import a_running_authority, a_running_witness

pytestmark = [pytest.mark.fault, pytest.mark.heavy]

# Columns that no verdict names, and why: docs/what-the-ledger-proves.md says it to readers.
KEY = "a key of the database, by which nothing outside finds the row"
DONE = "how far a check was and what it said: run it again, rather than believe it"
NO_EVIDENCE = {
    "ledger_job": {"*": DONE},
    "ledger_lease": {"*": "who seals at the moment"},
    "ledger_review": {"id": KEY},
    "legal_hold": {"id": KEY},
    "signature": {"id": KEY},
    "ledger_key": {"number": "the order only; each change names both its keys"},
    "ledger_cosignature": {
        "received_at": "when the answer came; the time that counts is in the signed line",
        "witness": "hidden from the check, as one that is gone",
        "-": "a proof that is gone shows nothing false, and the witness has its own",
    },
    "ledger_stamp": {
        "authority": "hidden from the check, as one that is gone",
        "-": "a proof that is gone shows nothing false",
    },
}
TABLES = sorted(
    name
    for name in Row.metadata.tables
    if name.startswith("ledger_") or name in ("legal_hold", "signature")
)


class Plant:
    """A site with a changed key, witnesses, a stamp, a restore, an archive, reviews and holds."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.file = folder / "site.db"
        self.clock = FrozenClock()
        with a_site(f"sqlite:///{self.file}", clock=self.clock, packs=["food"]) as made:
            site = replace(made, signer=load_or_make_signer(folder / "keys"))
            note(site, "old")
            seal(site)
            self.clock.advance(days=1)
            a_user(site, ["qa"], login="quinn")
            self.signer = rotate_key(site, site.system_context(), reason="yearly").signer
        keys = (self.signer.key, *(each.key for each in self.signer.retired))
        self.outposts = Outposts(
            (stack.enter_context(a_running_witness(folder / "witness", keys, self.clock)),),
            (WitnessFolder(folder / "worm"),),
            (stack.enter_context(a_running_authority(folder / "tsa")),),
        )
        self.site = self.open()
        self._work()
        self._restore(folder / "backup.db")
        before = FrozenClock().at + timedelta(hours=1)
        archive_history(self.site, self.site.system_context(), before, folder / "old.json")
        self.tell()
        start_verification(self.site, self.site.system_context(), wait_seconds=30)
        seal(self.site, keeps_lease=True)
        note(self.site, "waits")

    def open(self) -> Site:
        sources = Sources(now=self.clock.now, random_bytes=seeded_bytes(2))
        store = open_store(f"sqlite:///{self.file}", sources=sources)
        return Site(store, a_registry("food"), sources, self.signer, outposts=self.outposts)

    def tell(self) -> None:
        self.clock.advance(minutes=5)
        note(self.site, "lot-1")
        seal(self.site)
        tell_witnesses(self.site)

    def _work(self) -> None:
        site = self.site
        self.tell()
        quinn = a_user(site, ["qa"], login="quinn")
        stamp_newest(site, self.outposts.authorities[0])
        review_history(site, quinn, "lot-1", proof=Proof(PASSWORD), remark="seen")
        lifted = place_legal_hold(site, quinn, "lot-7", reason="lawsuit")
        lift_legal_hold(site, quinn, lifted, reason="settled")
        place_legal_hold(site, quinn, "lot-8", reason="lawsuit")
        self.tell()

    def _restore(self, backup: Path) -> None:
        self.site.close()
        shutil.copy(self.file, backup)
        self.site = self.open()
        self.tell()
        self.site.close()
        shutil.copy(backup, self.file)
        self.site = self.open()
        tell_witnesses(self.site)
        quinn = a_user(self.site, ["qa"], login="quinn")
        accept_restore(self.site, quinn, password=PASSWORD, reason="disk")
        self.tell()


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    with ExitStack() as stack:
        made = Plant(tmp_path_factory.mktemp("side"), stack)
        yield made
        made.site.close()


@pytest.fixture(scope="module")
def dba(plant: Plant) -> Iterator[Dba]:
    made = Dba(plant.file)
    made.db.execute("PRAGMA ignore_check_constraints = ON")
    yield made
    made.db.close()


def is_named(site: Site) -> bool:
    """Say whether `audit verify` or `db fsck` finds anything; the quick checks first."""
    context = site.system_context()
    with site.store.read() as session:
        ground = Ground(site, session)
        for check in (check_books, check_signatures, check_time):
            if any(True for _ in check(ground)):
                return True
    if not verify_history(site, context).verdict.ok:
        return True
    return not check_database(site, context).is_sound


def another(value: Any) -> Any:
    """Give a value of the same kind that somebody might write there."""
    if isinstance(value, int):
        return value + 1
    if isinstance(value, bytes):
        return bytes([value[0] ^ 1]) + value[1:]
    if value is None:
        return "2026-05-01 08:00:00.000000"
    if value[:1] in ("[", "{"):
        return '["x"]' if value[0] == "[" else '{"x": 1}'
    if re.match(r"\d{4}-\d\d-\d\d ", value):
        return f"2026-05-01{value[10:]}"
    return f"{value}x"


class Rows:
    """One row of a table, changed in one column at a time and put back as it was."""

    def __init__(self, dba: Dba, table: str) -> None:
        self.dba = dba
        self.table = table
        self.columns = [str(row[1]) for row in dba.all(f"PRAGMA table_info({table})")]
        # The newest row; of personal values the oldest, whose entry is sealed.
        order = "ASC" if table == "ledger_private" else "DESC"
        self.row = dba.all(f"SELECT rowid, * FROM {table} ORDER BY rowid {order} LIMIT 1")[0]

    def change(self, column: str) -> bool:
        """Change a column, or delete the row (`-`); says whether the database let it."""
        try:
            if column == "-":
                self.dba.all(f"DELETE FROM {self.table} WHERE rowid = ?", self.row[0])
            else:
                value = another(self.row[1 + self.columns.index(column)])
                statement = f'UPDATE {self.table} SET "{column}" = ? WHERE rowid = ?'
                self.dba.all(statement, value, self.row[0])
        except sqlite3.IntegrityError:
            return False
        return True

    def put_back(self) -> None:
        self.dba.all(f"DELETE FROM {self.table} WHERE rowid = ?", self.row[0])
        listed = ", ".join(f'"{each}"' for each in self.columns)
        places = ", ".join("?" * len(self.row))
        self.dba.all(f"INSERT INTO {self.table} (rowid, {listed}) VALUES ({places})", *self.row)


@pytest.mark.parametrize("table", TABLES)
def test_no_column_beside_the_log_can_be_changed_without_a_verdict(
    plant: Plant, dba: Dba, table: str
) -> None:
    known = NO_EVIDENCE.get(table, {})
    if "*" in known:
        return
    rows = Rows(dba, table)
    unnamed = []
    for column in (*rows.columns, "-"):
        try:
            if rows.change(column) and not is_named(plant.site):
                unnamed.append(column)
        finally:
            rows.put_back()
    assert sorted(unnamed) == sorted(known)


def test_the_walk_finds_nothing_where_nobody_was(plant: Plant) -> None:
    """The control: every verdict above comes from the change alone."""
    assert verify_history(plant.site, plant.site.system_context()).verdict.problems == ()
    assert check_database(plant.site, plant.site.system_context()).violations == ()
