"""The attack list A1-A14: what somebody with the database, and sometimes the key, can do to it.

It must not go through the product where it attacks: triggers are dropped and rows written by hand,
as an administrator of the database can. docs/what-the-ledger-proves.md lists the verdicts.
"""

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from qtcore.engines.ledger import leaf_hash
from qtcore.services.audit import seal
from qtcore.store.second_reader import glance_at
from qtcore.testing import FrozenClock
from tests.attackers import (
    KEY,
    THIEF,
    Dba,
    Kept,
    found,
    grow,
    judged,
    kinds_of,
    note,
    opened,
)

pytestmark = pytest.mark.fault


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    return Kept(tmp_path_factory.mktemp("attacks") / "original.db")


@pytest.fixture
def file(original: Kept, tmp_path: Path) -> Path:
    return Path(shutil.copy(original.file, tmp_path / "site.db"))


@pytest.fixture
def dba(file: Path) -> Iterator[Dba]:
    made = Dba(file)
    yield made
    made.db.close()


def test_nothing_is_found_where_nobody_attacked(original: Kept, dba: Dba, file: Path) -> None:
    assert found(file, original.older) == []
    assert found(file, original.newest) == []


IN_ONE_ROW: dict[str, tuple[str, str]] = {
    "A1 content": (
        "UPDATE ledger_event SET head = CAST(replace(CAST(head AS TEXT), 'usual', 'asked') AS BLOB)"
        " WHERE id = :key",
        "CONTENT_MISMATCH",
    ),
    "A1 content as a text": (
        "UPDATE ledger_event SET head = 'gone' WHERE id = :key",
        "CONTENT_MISMATCH",
    ),
    "A1 hash": (
        "UPDATE ledger_seal SET leaf_hash = zeroblob(32) WHERE event_id = :key",
        "CONTENT_MISMATCH",
    ),
    "A1 what is searched": (
        "UPDATE ledger_event SET object_uid = 'other' WHERE id = :key",
        "CONTENT_MISMATCH",
    ),
    "A1 time that is none": (
        "UPDATE ledger_event SET recorded_at = 'lately' WHERE id = :key",
        "CONTENT_MISMATCH",
    ),
    "A1 hidden from its lot": (
        "DELETE FROM ledger_about WHERE event_id = :key",
        "CONTENT_MISMATCH",
    ),
    "A1 name of a person": (
        "UPDATE ledger_private SET value = 'Bo' WHERE event_id = :key AND field = 'seen_by'",
        "COMMITMENT_MISMATCH",
    ),
    "A1 salt": (
        "UPDATE ledger_private SET salt = zeroblob(16) WHERE event_id = :key",
        "COMMITMENT_MISMATCH",
    ),
    "A1 salt as text": (
        "UPDATE ledger_private SET salt = 'aaaaaaaaaaaaaaaa' WHERE event_id = :key",
        "COMMITMENT_MISMATCH",
    ),
    "A1 value without its salt": (
        "UPDATE ledger_private SET salt = NULL WHERE event_id = :key",
        "COMMITMENT_MISMATCH",
    ),
    "A1 field that was never promised": (
        "INSERT INTO ledger_private VALUES (1, :key, 'zzz', zeroblob(16), 'x')",
        "COMMITMENT_MISMATCH",
    ),
    "A1 field with a short salt": (
        "INSERT INTO ledger_private VALUES (1, :key, 'zzz', zeroblob(3), 'x')",
        "COMMITMENT_MISMATCH",
    ),
    "A1 field whose name is bytes": (
        "INSERT INTO ledger_private VALUES (1, :key, x'ff', zeroblob(16), 'x')",
        "COMMITMENT_MISMATCH",
    ),
    "A1 kind as bytes": (
        "UPDATE ledger_event SET object_kind = x'ff' WHERE id = :key",
        "CONTENT_MISMATCH",
    ),
    "A1 listed under what ends a text": (
        'INSERT INTO ledger_about VALUES (1, \'"],"action":"x\', :key)',
        "CONTENT_MISMATCH",
    ),
    "A3 entry deleted": ("DELETE FROM ledger_event WHERE id = :key", "GAP"),
    "A3 seal deleted": ("DELETE FROM ledger_seal WHERE event_id = :key", "GAP"),
}


@pytest.mark.parametrize(("statement", "kind"), IN_ONE_ROW.values(), ids=IN_ONE_ROW)
def test_one_altered_row_is_named_with_its_place(
    dba: Dba, file: Path, statement: str, kind: str
) -> None:
    assert glance_at(f"sqlite:///{file}", 1, 8, 9)
    dba.db.execute(statement, {"key": dba.key(8)})
    assert (kind, 8) in found(file)
    assert glance_at(f"sqlite:///{file}", 1, 8, 9) is None  # the second process names nothing


@pytest.mark.parametrize(("key", "seq"), [(999999, -5), (-5, None)])
def test_a_made_up_entry_is_named_wherever_it_is_put(
    dba: Dba, file: Path, key: int, seq: int | None
) -> None:
    columns = "INSERT INTO ledger_event SELECT 1, ?, 'made-up', 'x', 'lot', 'x', recorded_at, ?, ?"
    leaf = leaf_hash(b"{}")
    dba.all(f"{columns} FROM ledger_event WHERE id = ?", key, b"{}", leaf, dba.key(8))
    if seq is not None:
        dba.all("INSERT INTO ledger_seal VALUES (1, ?, ?, ?)", seq, key, leaf)
    assert ("GAP", seq) in found(file)


def test_a2_a_rewrite_with_the_stolen_key_is_a_fork_for_the_witness_only(
    original: Kept, dba: Dba, file: Path
) -> None:
    dba.edit(8)
    dba.rehash()
    dba.sign()
    assert found(file) == []  # why a witness outside is needed
    assert found(file, original.newest) == [("ROOT_FORK", 0)]


def test_a2_a_rewrite_without_the_key_shows_in_the_signatures(dba: Dba, file: Path) -> None:
    dba.edit(8)
    dba.rehash()
    assert {kind for kind, _ in found(file)} == {"ROOT_FORK"}
    dba.sign(THIEF)
    assert {kind for kind, _ in found(file)} == {"BAD_SIGNATURE", "NOT_IN_INSTANCE"}


def test_a3_a_deleted_entry_with_all_renumbered_is_a_fork(
    original: Kept, dba: Dba, file: Path
) -> None:
    dba.delete(5)
    assert ("GAP", 5) in found(file)
    dba.renumber()
    dba.rehash()
    assert "GAP" in {kind for kind, _ in found(file)}  # a checkpoint signs one event more
    dba.sign()
    assert found(file) == []
    assert found(file, original.older) == [("ROOT_FORK", 0)]
    assert found(file, original.newest)[0][0] == "SHORTER_THAN_WITNESS"


def test_a4_a_cut_tail_is_shorter_than_the_witness(original: Kept, dba: Dba, file: Path) -> None:
    dba.cut(original.older[0])
    assert found(file) == []
    assert found(file, original.newest) == [("SHORTER_THAN_WITNESS", original.older[0])]


def test_a5_work_after_a_restored_backup_is_a_fork(original: Kept, tmp_path: Path) -> None:
    file = Path(shutil.copy(original.backup, tmp_path / "restored.db"))
    assert found(file, original.newest) == [("SHORTER_THAN_WITNESS", original.older[0])]
    with opened(file) as site:
        for at in range(9):
            note(site, f"again-{at}")
        seal(site)
        assert judged(site).size > original.newest[0]
    assert found(file) == []
    assert found(file, original.older) == []
    assert found(file, original.newest) == [("ROOT_FORK", 0)]


@pytest.mark.parametrize("has_key", [False, True], ids=["without the key", "with the key"])
def test_a6_two_events_that_changed_places_are_a_fork(
    original: Kept, dba: Dba, file: Path, *, has_key: bool
) -> None:
    dba.swap(6, 8)
    dba.rehash()
    if has_key:
        dba.sign()
        assert found(file) == []
    assert ("ROOT_FORK", 0) in found(file, original.newest)


def test_a7_an_entry_gone_before_its_seal_leaves_no_trace_here(file: Path) -> None:
    with opened(file) as site:
        note(site, "soon gone")
    dba = Dba(file)
    ((key,),) = dba.all("SELECT event_id FROM ledger_pending")
    dba.all("DELETE FROM ledger_pending")
    assert found(file) == [("GAP", None)]  # taken from the waiting ones only
    for table in ("ledger_about", "ledger_private"):
        dba.all(f"DELETE FROM {table} WHERE event_id = ?", key)
    dba.all("DELETE FROM ledger_event WHERE id = ?", key)
    assert found(file) == []  # the documented limit: seal within seconds
    dba.db.close()


def test_a7_an_entry_altered_before_its_seal_is_never_sealed(file: Path) -> None:
    with opened(file) as site:
        note(site, "soon bent")
        dba = Dba(file)
        ((key,),) = dba.all("SELECT event_id FROM ledger_pending")
        dba.all("UPDATE ledger_event SET head = x'7b7d' WHERE id = ?", key)
        dba.db.close()
        with pytest.raises(Exception, match="altered before it was sealed"):
            seal(site)
        assert "CONTENT_MISMATCH" in {each.kind for each in judged(site).problems}


def test_a8_a_clock_set_back_is_noticed_and_the_order_holds(file: Path) -> None:
    clock = FrozenClock(FrozenClock().at + timedelta(hours=1))
    with opened(file, clock) as site:
        note(site, "before")
        clock.advance(days=-3)
        note(site, "after")
        note(site, "and on")
        seal(site)
        verdict = judged(site)
    assert verdict.ok
    assert [(n.kind, n.seq) for n in verdict.notices] == [("CLOCK_BACK", verdict.size - 2)]


def test_a8_small_steps_of_the_clock_are_not_noticed(file: Path) -> None:
    clock = FrozenClock(FrozenClock().at + timedelta(hours=2))
    with opened(file, clock) as site:
        for minutes in (0, -20, 30, -20):
            clock.advance(minutes=minutes)
            note(site, "now")
        seal(site)
        assert judged(site).notices == ()


def test_a9_an_event_cannot_be_replayed_while_its_id_is_unique(dba: Dba) -> None:
    copied = "INSERT INTO ledger_event SELECT 1, 999999, uid, action, object_kind, object_uid, "
    with pytest.raises(sqlite3.IntegrityError, match="UNIQUE"):
        dba.all(f"{copied}recorded_at, head, leaf_hash FROM ledger_event WHERE id = ?", dba.key(8))
    with pytest.raises(sqlite3.IntegrityError, match="UNIQUE"):
        dba.all("INSERT INTO ledger_seal SELECT 1, 9999, event_id, leaf_hash FROM ledger_seal")


@pytest.mark.parametrize("has_key", [False, True], ids=["without the key", "with the key"])
def test_a9_a_replayed_event_is_named_where_the_constraint_was_taken_away(
    dba: Dba, file: Path, *, has_key: bool
) -> None:
    dba.all("PRAGMA legacy_alter_table = ON")
    dba.all("ALTER TABLE ledger_seal RENAME TO kept")
    dba.all("CREATE TABLE ledger_seal AS SELECT * FROM kept")
    dba.all("UPDATE ledger_seal SET event_id = ? WHERE seq = 9", dba.key(8))
    dba.rehash()
    if has_key:
        dba.sign()
    kinds = {kind for kind, _ in found(file)}
    assert kinds == {"REPLAY", "GAP"} | (set() if has_key else {"ROOT_FORK"})


def test_a10_a_second_sealer_makes_no_second_checkpoint(file: Path) -> None:
    with opened(file) as site:
        for at in range(40):
            note(site, f"lot-{at}")
        with ThreadPoolExecutor(8) as threads:
            sizes = set(threads.map(lambda _: seal(site), range(16)))
        verdict = judged(site)
    assert verdict.ok
    assert max(sizes) == verdict.size == verdict.signed_size


def test_a10_the_place_of_an_event_and_a_size_are_given_once(dba: Dba) -> None:
    with pytest.raises(sqlite3.IntegrityError, match="UNIQUE"):
        dba.all("INSERT INTO ledger_seal VALUES (1, 8, 999999, zeroblob(32))")
    with pytest.raises(sqlite3.IntegrityError, match="UNIQUE"):
        dba.all("INSERT INTO ledger_checkpoint SELECT * FROM ledger_checkpoint")


def test_a11_an_erasure_that_no_event_of_two_persons_tells_of_is_named(
    dba: Dba, file: Path
) -> None:
    dba.all(
        "UPDATE ledger_private SET salt = NULL, value = NULL WHERE event_id = ? AND field = ?",
        *(dba.key(8), "seen_by"),
    )
    ((uid,),) = dba.all("SELECT uid FROM ledger_event WHERE id = ?", dba.key(8))
    with opened(file) as site:
        assert kinds_of(judged(site)) == [("UNTOLD_ERASURE", 8)]
        told = {"fields": [[uid, "seen_by"]]}
        for approved_by, kinds in (("", [("UNTOLD_ERASURE", 8)]), ("somebody else", [])):
            with site.store.write(site.system_context()) as work:
                details = {**told, "approved_by": approved_by}
                work.log("ledger.erase", "ledger", "x", details=details)
            seal(site)
            verdict = judged(site)
            assert (kinds_of(verdict), verdict.redacted) == (kinds, 1)


def test_a11_an_erased_name_takes_its_salt_along(dba: Dba, file: Path) -> None:
    statement = "UPDATE ledger_private SET value = NULL WHERE event_id = ? AND field = 'seen_by'"
    dba.all(statement, dba.key(8))
    assert found(file) == [("COMMITMENT_MISMATCH", 8)]


def test_a12_the_state_of_another_log_is_not_of_this_one(dba: Dba, file: Path) -> None:
    dba.sign(KEY, "qtcore/another-company")
    assert {kind for kind, _ in found(file)} == {"ORIGIN_MISMATCH"}


def test_a14_one_flipped_bit_in_the_file_is_named(original: Kept, file: Path) -> None:
    content = bytearray(file.read_bytes())
    at = content.rindex(b'"reason":"as usual"') + 12
    content[at] ^= 1
    file.write_bytes(content)
    assert "CONTENT_MISMATCH" in {kind for kind, _ in found(file, original.newest)}


def test_a14_commits_lost_behind_a_flipped_bit_of_the_wal_are_missed_by_the_witness(
    original: Kept, file: Path, tmp_path: Path
) -> None:
    clock = FrozenClock(FrozenClock().at + timedelta(hours=1))
    copies = [tmp_path / "whole.db", tmp_path / "bent.db"]
    with opened(file, clock) as site:
        witness = grow(site, clock, 20)
        for copy in copies:
            for end in ("", "-wal"):
                shutil.copy(f"{file}{end}", f"{copy}{end}")
    bent = Path(f"{copies[1]}-wal")
    content = bytearray(bent.read_bytes())
    content[len(content) // 4] ^= 1
    bent.write_bytes(content)
    assert found(copies[0], witness) == []
    assert found(copies[1]) == []  # SQLite opens it as if nothing had been
    assert [kind for kind, _ in found(copies[1], witness)] == ["SHORTER_THAN_WITNESS"]


ATTACKS: dict[str, Callable[[Dba], None]] = {
    "edit": lambda dba: dba.edit(8),
    "cut": lambda dba: dba.cut(6),
    "thief": lambda dba: dba.sign(THIEF),
    "other log": lambda dba: dba.sign(KEY, "other"),
    "swap": lambda dba: dba.swap(6, 8),
    "gap": lambda dba: dba.delete(8),
}


def test_each_kind_of_attack_gets_a_verdict_of_its_own(original: Kept, tmp_path: Path) -> None:
    named: dict[str, str] = {}
    for name, attack in ATTACKS.items():
        file = Path(shutil.copy(original.file, tmp_path / "one.db"))
        dba = Dba(file)
        attack(dba)
        dba.db.close()
        named[name] = found(file, original.newest)[0][0]
    assert named == {
        "edit": "CONTENT_MISMATCH",
        "cut": "SHORTER_THAN_WITNESS",
        "thief": "BAD_SIGNATURE",
        "other log": "ORIGIN_MISMATCH",
        "swap": "ROOT_FORK",
        "gap": "GAP",
    }


def test_the_triggers_that_the_attacker_drops_refuse_everybody_else(file: Path) -> None:
    db = sqlite3.connect(file)
    for table in ("ledger_event", "ledger_seal", "ledger_checkpoint", "ledger_about"):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            db.execute(f"DELETE FROM {table}")
    db.close()
