"""The stored ledger: no statement changes it, sealing misses nothing, tampering is named."""

import itertools
import json
import stat
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlmodel import col, select

from qtcore.engines.ledger import (
    Checkpoint,
    Trust,
    Witnessed,
    consistency_path,
    key_of,
    leaf_hash,
    verify_consistency,
    verify_field,
)
from qtcore.errors import QTCoreError, StoreUnavailable
from qtcore.store import sealing
from qtcore.store.history import verify_store
from qtcore.store.queries.ledger import count_pending, list_ledger, sealed_up_to
from qtcore.store.sealing import seal_pending
from qtcore.store.signers import Signer, load_or_make_signer
from qtcore.store.store import Store, open_store
from qtcore.store.tables import (
    LedgerCheckpoint,
    LedgerEvent,
    LedgerPrivate,
    LedgerSeal,
    LedgerTile,
)
from tests.rows import NOON, a_context, a_plant, an_event, link, move


@pytest.fixture(scope="module")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    return load_or_make_signer(tmp_path_factory.mktemp("keys"))


def test_the_head_says_who_what_when_and_why(store: Store):
    at = datetime(2026, 3, 1, 20, 0, 0, 5, tzinfo=timezone(timedelta(hours=8)))
    with store.write(a_context(at=at)) as work:
        work.log(
            "lot.release",
            "lot",
            "n-1",
            changes={"state": ("testing", "released"), "amount": (None, Decimal("1.10"))},
            reason="all tests pass",
            about=["n-2", "n-1"],
            details={"limit": Decimal("0.50"), "on": NOON, "tags": ("b", "a")},
        )
    (row,) = _entries(store)
    commitments = row.head.pop("commitments")
    assert sorted(commitments) == ["actor_login", "actor_name", "device", "ip", "os_user"]
    assert row.head == {
        "v": 1,
        "id": row.uid,
        "at": "2026-03-01T12:00:00.000005Z",
        "offset": "+08:00",
        "action": "lot.release",
        "object": {"kind": "lot", "id": "n-1"},
        "actor": "u-1",
        "roles": ["auditor", "qa"],
        "request": "r-1",
        "session": "s-1",
        "about": ["n-1", "n-2"],
        "changes": [["amount", None, "1.10"], ["state", "testing", "released"]],
        "reason": "all tests pass",
        "details": {"limit": "0.50", "on": "2026-03-01T12:00:00.123456Z", "tags": ["b", "a"]},
    }


def test_the_version_a_change_made_stands_in_the_head(store: Store):
    plant = a_plant(store)
    with store.write(a_context()) as work:
        work.change(plant.item, name="Granulate B")
        work.log("item.change", "item", plant.item.uid)
    assert _entries(store)[0].head["object"]["version"] == 2


def test_no_personal_value_stands_in_the_head(store: Store):
    with store.write(a_context()) as work:
        work.log("sign_in", "user", "u-1", private={"tried_login": "anna.k"})
    (row,) = _entries(store)
    stored = json.dumps(row.head)
    for value in ("qa.lead", "Ana Novak", "10.1.2.3", "bench 4", "anna.k"):
        assert value not in stored
    assert row.private["tried_login"] == "anna.k"
    with store.read() as session:
        kept = session.exec(select(LedgerPrivate)).all()
    assert {each.field for each in kept} == set(row.private)
    for each in kept:
        commitment = bytes.fromhex(row.head["commitments"][each.field])
        assert verify_field(commitment, each.salt or b"", each.field, each.value or "")


def test_a_lot_finds_the_entries_that_tell_of_it(store: Store):
    with store.write(a_context()) as work:
        work.log("event.transform", "event", "e-1", about=["n-1", "n-2"])
        work.log("lot.release", "lot", "n-1")
        work.log("lot.release", "lot", "n-2")
    with store.read() as session:
        rows = list_ledger(session, 1, about="n-1")
        assert [row.action for row in rows] == ["lot.release", "event.transform"]
        assert list_ledger(session, 1, about="n-1", action="event.") == rows[1:]
        assert list_ledger(session, 1, about="n-1", before=rows[0].number) == rows[1:]
        assert len(list_ledger(session, 1, limit=2)) == 2


def test_sealing_takes_every_entry_once_and_can_be_repeated(store: Store, signer: Signer):
    _notes(store, 10)
    assert _seal(store, signer, limit=4).size == 4
    _notes(store, 3)
    assert _seal(store, signer, limit=100).size == 13
    assert seal_pending(store, signer) is None
    with store.read() as session:
        seals = session.exec(select(LedgerSeal).order_by(col(LedgerSeal.seq))).all()
        entries = session.exec(select(LedgerEvent.id).order_by(col(LedgerEvent.id))).all()
        assert [seal.seq for seal in seals] == list(range(13))
        assert [seal.event_id for seal in seals] == entries
        assert (count_pending(session, 1), sealed_up_to(session, 1)) == (0, 13)
    assert _verdict(store, signer).ok


def test_each_signed_state_continues_the_one_before(store: Store, signer: Signer):
    signed = []
    for count in (1, 2, 5, 8):
        _notes(store, count)
        signed.append(_seal(store, signer))
    with store.read() as session:
        own = session.exec(select(LedgerTile).where(LedgerTile.tenant_id == store.tenant_id))
        tiles = {(t.level, t.index): bytes(t.hash) for t in own}
    for old, new in itertools.pairwise(signed):
        path = consistency_path(old.size, new.size, lambda level, at: tiles[level, at])
        verify_consistency(old.size, new.size, root1=old.root, root2=new.root, proof=path)


def test_a_crash_between_tree_and_signature_leaves_neither(
    store: Store, signer: Signer, monkeypatch: pytest.MonkeyPatch
):
    _notes(store, 3)
    with monkeypatch.context() as broken:
        broken.setattr(sealing, "_sign_tree", _crash)
        with pytest.raises(KeyboardInterrupt, match="the power went"):
            seal_pending(store, signer)
    with store.read() as session:
        assert sealed_up_to(session, 1) == 0
        assert session.exec(select(LedgerCheckpoint)).all() == []
    assert _seal(store, signer).size == 3
    assert _verdict(store, signer).ok


def test_an_entry_altered_before_its_seal_is_not_sealed(store: Store, signer: Signer):
    _notes(store, 2)
    _tamper(
        store, "UPDATE ledger_event SET head = :head WHERE id = (SELECT MIN(id) FROM ledger_event)"
    )
    with pytest.raises(QTCoreError, match="was altered before it was sealed") as caught:
        seal_pending(store, signer)
    assert caught.value.code == "QT601"
    with store.read() as session:
        assert sealed_up_to(session, 1) == 0


def test_a_whole_history_verifies_and_unsealed_entries_are_counted(store: Store, signer: Signer):
    _notes(store, 5)
    seal_pending(store, signer)
    _notes(store, 2)
    verdict = _verdict(store, signer)
    assert verdict.ok
    assert (verdict.size, verdict.signed_size, verdict.pending) == (5, 5, 2)


def test_an_empty_history_verifies(store: Store, signer: Signer):
    assert seal_pending(store, signer) is None
    assert _verdict(store, signer).ok


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        ("UPDATE ledger_event SET head = :head WHERE id = {third}", "CONTENT_MISMATCH"),
        ("UPDATE ledger_event SET head = 'text' WHERE id = {third}", "CONTENT_MISMATCH"),
        ("UPDATE ledger_event SET action = 'nothing' WHERE id = {third}", "CONTENT_MISMATCH"),
        ("UPDATE ledger_event SET leaf_hash = :leaf WHERE id = {third}", "CONTENT_MISMATCH"),
        ("UPDATE ledger_event SET object_uid = 'n-77' WHERE id = {third}", "CONTENT_MISMATCH"),
        ("DELETE FROM ledger_about WHERE event_id = {third}", "CONTENT_MISMATCH"),
        ("DELETE FROM ledger_event WHERE id = {third}", "GAP"),
        ("DELETE FROM ledger_seal WHERE seq = 2", "GAP"),
        ("DELETE FROM ledger_seal WHERE seq = 5", "GAP"),
        ("UPDATE ledger_private SET value = 'Mallory'", "COMMITMENT_MISMATCH"),
        ("UPDATE ledger_tile SET hash = :leaf WHERE level = 2", "ROOT_FORK"),
        ("DELETE FROM ledger_tile WHERE level = 2", "ROOT_FORK"),
        ("UPDATE ledger_checkpoint SET root = :leaf", "BAD_SIGNATURE"),
        (
            "UPDATE ledger_seal SET event_id = -event_id, leaf_hash = :leaf WHERE seq = 2",
            "GAP",
        ),
    ],
)  # fmt: skip
@pytest.mark.clause("21 CFR 11.10(a)")
def test_tampering_by_hand_is_named(
    lasting_store: Store, signer: Signer, statement: str, kind: str
):
    _notes(lasting_store, 6)
    seal_pending(lasting_store, signer)
    assert _verdict(lasting_store, signer).ok
    with lasting_store.read() as session:
        keys = session.exec(select(LedgerEvent.id).order_by(col(LedgerEvent.id))).all()
    _tamper(lasting_store, statement.format(third=keys[2]))
    verdict = _verdict(lasting_store, signer)
    assert not verdict.ok
    assert kind in {problem.kind for problem in verdict.problems}


def test_a_cut_tail_is_named_by_the_witness(store: Store, signer: Signer):
    _notes(store, 4)
    seen = _seal(store, signer)
    for table, column in (("checkpoint", "size"), ("tile", "level"), ("seal", "seq")):
        _tamper(store, f"DELETE FROM ledger_{table} WHERE {column} >= 0")
    for table in ("ledger_pending", "ledger_private", "ledger_about", "ledger_event"):
        _tamper(store, f"DELETE FROM {table}")
    assert _verdict(store, signer).ok
    verdict = _verdict(store, signer, Witnessed(seen.size, seen.root))
    assert [problem.kind for problem in verdict.problems] == ["SHORTER_THAN_WITNESS"]


def test_an_erased_personal_value_leaves_the_proof_whole(store: Store, signer: Signer):
    _notes(store, 2)
    seal_pending(store, signer)
    with store.plumbing() as session:
        session.connection().execute(
            text("UPDATE ledger_private SET salt = NULL, value = NULL WHERE field = 'actor_name'")
        )
    verdict = _verdict(store, signer)
    assert {problem.kind for problem in verdict.problems} == {"UNTOLD_ERASURE"}
    assert verdict.redacted == 2
    assert _entries(store)[0].actor_name == "qa.lead"


_REFUSED = [
    "UPDATE ledger_event SET action = 'x'",
    "DELETE FROM ledger_event",
    "UPDATE ledger_seal SET seq = seq + 1",
    "DELETE FROM ledger_seal",
    "UPDATE ledger_tile SET level = 9",
    "DELETE FROM ledger_tile",
    "UPDATE ledger_checkpoint SET note = ''",
    "DELETE FROM ledger_checkpoint",
    "DELETE FROM ledger_private",
    "UPDATE ledger_private SET value = 'x'",
    "UPDATE ledger_private SET field = 'x', salt = NULL, value = NULL",
    "DELETE FROM ledger_about",
    "UPDATE event SET reason = 'x'",
    "UPDATE event SET superseded_by = 2",
    "DELETE FROM event",
    "UPDATE edge SET dst = src",
    "DELETE FROM edge",
    "UPDATE movement SET quantity = NULL",
    "DELETE FROM movement",
]


@pytest.mark.clause("21 CFR 11.10(e)")
def test_no_statement_changes_what_was_recorded(store: Store, signer: Signer):
    plant = a_plant(store, 2)
    link(store, [(plant.nodes[0], plant.nodes[1])])
    with store.write(a_context()) as work:
        event = an_event(work, "receive")
        move(work, event, plant.nodes[0], "output", "received", quantity=Decimal(1))
        work.log("event.receive", "event", event.uid)
    seal_pending(store, signer)
    _run(store, "UPDATE event SET superseded_by = 1, superseded_at = recorded_at")
    for statement in _REFUSED:
        with pytest.raises(DBAPIError, match="append-only"):
            _run(store, statement)


@pytest.mark.postgres
def test_postgresql_refuses_to_truncate_the_ledger(postgres_url: str):
    opened = open_store(postgres_url)
    try:
        with pytest.raises(DBAPIError, match="append-only"):
            _run(opened, "TRUNCATE ledger_event CASCADE")
    finally:
        opened.close()


def test_replacing_a_row_on_sqlite_is_refused_too(sqlite_store: Store):
    _notes(sqlite_store, 1)
    with pytest.raises(DBAPIError, match="append-only"):
        _run(
            sqlite_store,
            "INSERT OR REPLACE INTO ledger_event SELECT tenant_id, id, uid, 'x', object_kind, "
            "object_uid, recorded_at, head, leaf_hash FROM ledger_event",
        )


def test_a_key_is_made_once_and_only_its_owner_may_read_it(tmp_path: Path):
    first = load_or_make_signer(tmp_path / "keys")
    again = load_or_make_signer(tmp_path / "keys")
    assert key_of(first.name, first.private_key) == key_of(again.name, again.private_key)
    assert stat.S_IMODE((tmp_path / "keys/ledger.key").stat().st_mode) == 0o400


def test_a_key_that_others_may_read_is_refused(tmp_path: Path):
    load_or_make_signer(tmp_path)
    (tmp_path / "ledger.key").chmod(0o444)
    with pytest.raises(StoreUnavailable, match="may be read by others; run `chmod 400"):
        load_or_make_signer(tmp_path)


@pytest.mark.parametrize("name", ["ledger.key", "ledger.vkey"])
def test_a_damaged_key_is_named(tmp_path: Path, name: str):
    load_or_make_signer(tmp_path)
    (tmp_path / name).chmod(0o600)
    (tmp_path / name).write_text("nothing\n")
    with pytest.raises(StoreUnavailable, match=r"cannot be read: .*restore both files"):
        load_or_make_signer(tmp_path)


def test_a_key_of_somebody_else_is_refused(tmp_path: Path):
    for folder in ("a", "b"):
        load_or_make_signer(tmp_path / folder)
    (tmp_path / "b/ledger.vkey").replace(tmp_path / "a/ledger.vkey")
    with pytest.raises(StoreUnavailable, match="is not the Ed25519 key that"):
        load_or_make_signer(tmp_path / "a")


def _crash(*_args: object) -> None:
    raise KeyboardInterrupt("the power went")


def _seal(store: Store, signer: Signer, limit: int = 10_000) -> Checkpoint:
    checkpoint = seal_pending(store, signer, limit=limit)
    assert checkpoint is not None
    return checkpoint


def _notes(store: Store, count: int) -> None:
    with store.write(a_context()) as work:
        for at in range(count):
            work.log("lot.note", "lot", f"n-{at}", reason="seen")


def _entries(store: Store):
    with store.read() as session:
        return list_ledger(session, 1)


def _verdict(store: Store, signer: Signer, witness: Witnessed | None = None):
    key = key_of(signer.name, signer.private_key)
    return verify_store(store, Trust(signer.name, (key,), witness))


def _run(store: Store, statement: str) -> None:
    with store.write(a_context()) as work:
        work.session.connection().execute(text(statement))
        work.log("by_hand", "table", "x")


def _tamper(store: Store, statement: str) -> None:
    """Do what an administrator of the database can do: no trigger and no foreign key holds."""
    head = b'{"v":1}'
    given = {"head": head, "leaf": leaf_hash(b"other")}
    used = {name: value for name, value in given.items() if f":{name}" in statement}
    engine: Any = store._engines.writer
    with engine.connect() as connection:
        if store.dialect == "postgresql":
            connection.execute(text("SET session_replication_role = replica"))
            connection.execute(text(statement), used)
            connection.execute(text("SET session_replication_role = origin"))
            connection.commit()
            return
        raw: Any = connection.connection.driver_connection
        with suppress(Exception):
            connection.rollback()
        raw.execute("PRAGMA foreign_keys=OFF")
        triggers = raw.execute(
            "SELECT name, sql FROM sqlite_master WHERE type='trigger'"
        ).fetchall()
        for name, _ in triggers:
            raw.execute(f"DROP TRIGGER {name}")
        raw.execute(statement, used)
        for _, sql in triggers:
            raw.execute(sql)
        raw.execute("PRAGMA foreign_keys=ON")
