"""Rows that no release ever wrote, put in by hand: each is named, and nothing ends in a traceback.

It must not go through the product where it writes: that is the attack.
"""

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from qtcore.errors import DatabaseDamaged, QTCoreError
from qtcore.services.audit import read_ledger, seal, verify_history
from qtcore.services.integrity.fsck import check_database
from qtcore.services.proving import export_history, prove_lot
from qtcore.services.retention import archive_history
from qtcore.services.sealing import read_sealing
from qtcore.services.site import Site
from qtcore.services.witnessing import tell_witnesses
from qtcore.store.claims import check_tiles
from qtcore.store.outposts import Outposts, WitnessFolder
from qtcore.store.proofs import find_checkpoint
from qtcore.testing import FrozenClock, a_received_lot, a_site
from tests.attackers import Dba, judged, note, opened

pytestmark = pytest.mark.fault

LOT = "M-1"
# What stands in a column, and what somebody writes there instead.
OTHERS: dict[type, tuple[object, ...]] = {
    int: ("x", -1, 1 << 62),
    str: (b"\xff", 7, ""),
    bytes: ("x", b"\xff"),
    type(None): ("x",),
}


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site with archived, sealed and waiting entries, which a folder has witnessed."""
    folder = tmp_path_factory.mktemp("rows")
    clock = FrozenClock()
    with a_site(f"sqlite:///{folder / 'site.db'}", clock=clock, packs=["food"]) as plain:
        site = replace(plain, outposts=outposts(folder))
        note(site, "old")
        seal(site)
        tell_witnesses(site)
        clock.advance(days=3)
        a_received_lot(site, lot_no=LOT)
        seal(site)
        before = clock.at - timedelta(days=1)
        archive_history(site, site.system_context(), before, folder / "old.json")
        seal(site)
        tell_witnesses(site)
        note(site, "waits")
    return folder / "site.db"


def outposts(folder: Path) -> Outposts:
    return Outposts((), (WitnessFolder(folder / "worm"),))


@pytest.fixture(scope="module")
def site(file: Path) -> Iterator[Site]:
    with opened(file, FrozenClock(FrozenClock().at + timedelta(days=3, seconds=30))) as plain:
        yield replace(plain, outposts=outposts(file.parent))


@pytest.fixture(scope="module")
def dba(file: Path, site: Site) -> Iterator[Dba]:
    made = Dba(file)
    made.db.execute("PRAGMA ignore_check_constraints = ON")
    yield made
    made.db.close()


ACTS: dict[str, Callable[[Site], Any]] = {
    "verify": lambda site: verify_history(site, site.system_context()).verdict,
    "prove": lambda site: prove_lot(site, site.system_context(), LOT),
}
MORE_ACTS: dict[str, Callable[[Site], Any]] = {
    "export": lambda site: export_history(site, site.system_context(), first=1),
    "state": read_sealing,
    "page": lambda site: read_ledger(site, site.system_context()),
    "fsck": lambda site: check_database(site, site.system_context()),
    "tell": tell_witnesses,
    "seal": seal,
}


def told(site: Site, act: Callable[[Site], Any]) -> str:
    """Do one act; gives the kinds of a verdict, or the code of the refusal, or nothing."""
    try:
        found = act(site)
    except QTCoreError as error:
        assert error.message
        return error.code
    return " ".join(each.kind for each in getattr(found, "problems", ()))


TABLES = [
    *("event", "private", "about", "pending", "seal", "tile", "checkpoint", "cosignature", "root"),
    *("archive", "archived"),
]


@pytest.mark.parametrize("table", TABLES)
def test_no_value_of_another_kind_ends_in_a_traceback(dba: Dba, site: Site, table: str) -> None:
    name = f"ledger_{table}"
    columns = [str(row[1]) for row in dba.all(f"PRAGMA table_info({name})")]
    row = dba.all(f"SELECT rowid, * FROM {name} ORDER BY rowid DESC LIMIT 1")[0]
    assert told(site, ACTS["verify"]) == ""
    found: dict[str, set[str]] = {}
    for column, value in zip(columns, row[1:], strict=True):
        for other in OTHERS[type(value)]:
            try:
                dba.all(f'UPDATE {name} SET "{column}" = ? WHERE rowid = ?', other, row[0])
            except sqlite3.IntegrityError:
                continue
            found.setdefault(column, set()).update(told(site, act) for act in ACTS.values())
            dba.all(f"DELETE FROM {name} WHERE rowid = ?", row[0])
            places = ", ".join("?" * len(row))
            listed = ", ".join(f'"{each}"' for each in columns)
            dba.all(f"INSERT INTO {name} (rowid, {listed}) VALUES ({places})", *row)
    assert told(site, ACTS["verify"]) == ""  # all is as it was
    assert found


NEWEST = "(SELECT max(seq) FROM ledger_seal)"
STATEMENTS = {
    "a place that is no number": (
        "UPDATE ledger_seal SET seq = 'x' WHERE seq = {newest}",
        "NOT_READABLE",
    ),
    "a place before the first": ("UPDATE ledger_seal SET seq = -3 WHERE seq = {newest}", "GAP"),
    "a size below nothing": (
        "UPDATE ledger_checkpoint SET size = -1 WHERE tenant_id = 1 AND size = {newest} + 1",
        "BAD_SIGNATURE",
    ),
    "a note in bytes": (
        "UPDATE ledger_checkpoint SET note = CAST(note AS BLOB)",
        "BAD_SIGNATURE",
    ),
    "a subtree that is no hash": ("UPDATE ledger_tile SET hash = x'00'", "ROOT_FORK"),
    "a state of the instance gone": (
        "DELETE FROM ledger_checkpoint WHERE tenant_id = 0 AND size = 1",
        "NOT_IN_INSTANCE",
    ),
    "another root of the instance": (
        "UPDATE ledger_checkpoint SET root = zeroblob(32) WHERE tenant_id = 0 AND size = 1",
        "NOT_IN_INSTANCE",
    ),
    "a waiting entry gone": (
        "DELETE FROM ledger_event WHERE id = (SELECT event_id FROM ledger_pending)",
        "GAP",
    ),
    "an entry with a key below nothing": (
        "INSERT INTO ledger_event SELECT 1, -9, 'forged', action, object_kind, object_uid, "
        "recorded_at, head, leaf_hash FROM ledger_event LIMIT 1",
        "GAP",
    ),
    "a forged entry under a place below nothing": (
        "INSERT INTO ledger_seal SELECT 1, -5, event_id, zeroblob(32) FROM ledger_pending",
        "GAP",
    ),
    "the newest state of the instance gone": (
        "DELETE FROM ledger_checkpoint WHERE tenant_id = 0 "
        "AND size = (SELECT max(size) FROM ledger_checkpoint WHERE tenant_id = 0)",
        "NOT_IN_INSTANCE",
    ),
    "contents taken away under a forged archive": (
        "INSERT INTO ledger_archive SELECT 1, last + 1, last + 2, file_name, file_sha256, "
        "event_uid, archived_at FROM ledger_archive",
        "UNTOLD_ARCHIVE",
    ),
    "an archive in another file": (
        "UPDATE ledger_archive SET file_sha256 = 'ff'",
        "UNTOLD_ARCHIVE",
    ),
    "an archive that nobody tells of": (
        "UPDATE ledger_archive SET event_uid = 'none'",
        "UNTOLD_ARCHIVE",
    ),
    "an archive with a hole in front": (
        "UPDATE ledger_archive SET first = 1",
        "UNTOLD_ARCHIVE",
    ),
    "an archived entry not listed": (
        "DELETE FROM ledger_archived WHERE seq = 0",
        "UNTOLD_ARCHIVE",
    ),
    "a time that is none": ("UPDATE ledger_checkpoint SET sealed_at = 'lately'", ""),
    "a personal value forged": (
        "UPDATE ledger_private SET value = 'Eve'",
        "COMMITMENT_MISMATCH",
    ),
}


@pytest.mark.parametrize(("statement", "kind"), STATEMENTS.values(), ids=STATEMENTS)
def test_a_row_written_by_hand_is_named(
    file: Path, tmp_path: Path, statement: str, kind: str
) -> None:
    copy = tmp_path / "site.db"
    with sqlite3.connect(file) as source, sqlite3.connect(copy) as to:
        source.backup(to)
    attacker = Dba(copy)
    attacker.all("PRAGMA ignore_check_constraints = ON")
    attacker.all(statement.format(newest=NEWEST))
    attacker.db.close()
    with opened(copy, FrozenClock(FrozenClock().at + timedelta(days=3, seconds=30))) as plain:
        site = replace(plain, outposts=outposts(file.parent))
        kinds = [each.kind for each in judged(site).problems]
        for act in (*ACTS.values(), *MORE_ACTS.values()):
            told(site, act)
    assert (kind in kinds) if kind else kinds == [], kinds


def test_without_the_look_at_kinds_such_a_row_is_a_bare_failure(
    dba: Dba, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: what is named above ends in a traceback, when nobody looks for it."""
    ((newest,),) = dba.all("SELECT max(seq) FROM ledger_seal")
    dba.all("UPDATE ledger_seal SET seq = 'x' WHERE seq = ?", newest)
    with pytest.raises(DatabaseDamaged, match="holds 'x' in seq, where a whole number belongs"):
        read_sealing(site)
    monkeypatch.setattr("qtcore.store.damage.find_damage", lambda connection: "")
    with pytest.raises(ValueError, match="invalid literal"):
        read_sealing(site)
    dba.all("UPDATE ledger_seal SET seq = ? WHERE seq = 'x'", newest)


def test_a_quantity_that_is_no_number_is_a_violation_and_the_others_are_checked(
    dba: Dba, site: Site
) -> None:
    ((kept,),) = dba.all("SELECT quantity FROM movement LIMIT 1")
    dba.all("UPDATE movement SET quantity = 'plenty'")
    try:
        found = check_database(site, site.system_context())
    finally:
        dba.all("UPDATE movement SET quantity = ?", kept)
    said = [each.message for each in found.violations if each.place == "database"]
    assert said
    assert "holds 'plenty' in quantity, where a decimal belongs" in said[0]
    assert len(found.counts) == 14


SUBTREES = {
    "gone": "DELETE FROM ledger_tile WHERE rowid = {row}",
    "another one": "UPDATE ledger_tile SET hash = zeroblob(32) WHERE rowid = {row}",
    "one too many": "INSERT INTO ledger_tile SELECT tenant_id, level, 9, hash FROM ledger_tile "
    "WHERE rowid = {row}",
}


@pytest.mark.parametrize("tenant", [0, 1])
@pytest.mark.parametrize("statement", SUBTREES.values(), ids=SUBTREES)
def test_a_subtree_that_no_proof_could_use_is_a_violation(
    dba: Dba, site: Site, statement: str, tenant: int
) -> None:
    """The history holds without it; but nobody could be shown a proof."""
    rows = dba.all("SELECT rowid, * FROM ledger_tile")
    ((row,),) = dba.all(
        'SELECT rowid FROM ledger_tile WHERE tenant_id = ? AND level = 0 AND "index" = 0', tenant
    )
    try:
        dba.all(statement.format(row=row))
        assert told(site, ACTS["verify"]) == ""
        with site.store.read() as session:
            newest = find_checkpoint(session, tenant)
            assert newest is not None
            found = list(check_tiles(session, tenant, newest.size))
        assert len(found) == 1
    finally:
        dba.all("DELETE FROM ledger_tile")
        for each in rows:
            dba.all(
                'INSERT INTO ledger_tile (rowid, tenant_id, level, "index", hash) '
                "VALUES (?, ?, ?, ?, ?)",
                *each,
            )
    assert check_database(site, site.system_context()).violations == ()
