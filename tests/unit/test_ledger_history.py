"""Attacks on a history: each one must be found and called by its own name.

It must not know databases: the attacker here bends what would be read from one.
"""

from dataclasses import dataclass, replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from qtcore.engines.ledger import (
    EMPTY_TREE,
    Checkpoint,
    HistoryVerdict,
    LedgerEvent,
    PrivateField,
    StoredCheckpoint,
    Trust,
    Witnessed,
    canonical_bytes,
    check_history,
    commit_field,
    key_of,
    leaf_hash,
    new_nodes,
    sign_note,
)

ORIGIN = "plant.example/audit/t1"
KEY = Ed25519PrivateKey.from_private_bytes(bytes([7]) * 32)
THIEF = Ed25519PrivateKey.from_private_bytes(bytes([9]) * 32)
SALT = bytes(16)


def an_event(seq: int | None, what: str) -> LedgerEvent:
    commitment = commit_field(SALT, "actor", f"person {what}").hex()
    head = canonical_bytes({"v": 1, "what": what, "commitments": {"actor": commitment}})
    private = (PrivateField("actor", SALT, f"person {what}"),)
    return LedgerEvent(seq, head, leaf_hash(head), private)


def root_of(events: list[LedgerEvent]) -> bytes:
    return new_nodes(EMPTY_TREE, [event.leaf_hash for event in events])[0].root


def signed(
    events: list[LedgerEvent], key: Ed25519PrivateKey = KEY, origin: str = ORIGIN
) -> StoredCheckpoint:
    root = root_of(events)
    note = sign_note(Checkpoint(origin, len(events), root).body, ORIGIN, key)
    return StoredCheckpoint(len(events), root, note)


@dataclass(frozen=True)
class Kept:
    """A history as the database holds it, and what the witness remembers."""

    events: list[LedgerEvent]
    checkpoints: list[StoredCheckpoint]
    witness: Witnessed | None

    def judged(self, pending: tuple[LedgerEvent, ...] = ()) -> HistoryVerdict:
        trust = Trust(ORIGIN, (key_of(ORIGIN, KEY),), self.witness)
        return check_history(iter(self.events), self.checkpoints, trust, pending=pending)


def a_history(count: int = 10) -> Kept:
    events = [an_event(seq, f"event {seq}") for seq in range(count)]
    checkpoints = [signed(events[:size]) for size in sorted({0, count // 3, count})]
    return Kept(events, checkpoints, Witnessed(count, root_of(events)))


def renumbered(events: list[LedgerEvent]) -> list[LedgerEvent]:
    return [replace(event, seq=seq) for seq, event in enumerate(events)]


def found(verdict: HistoryVerdict) -> list[tuple[str, int | None]]:
    assert verdict.ok is (not verdict.problems)
    return [(problem.kind, problem.seq) for problem in verdict.problems]


def test_an_honest_history_holds() -> None:
    kept = a_history()
    verdict = kept.judged(pending=(an_event(None, "waiting"),))
    assert verdict.ok
    assert (verdict.events, verdict.size, verdict.signed_size, verdict.pending) == (10, 10, 10, 1)
    assert verdict.root_hex == root_of(kept.events).hex()


def test_an_empty_history_holds() -> None:
    assert Kept([], [], None).judged().ok
    assert a_history(0).judged().ok


def test_events_behind_the_last_checkpoint_are_not_called_signed() -> None:
    kept = a_history()
    verdict = Kept(kept.events, kept.checkpoints[:2], None).judged()
    assert (verdict.ok, verdict.size, verdict.signed_size) == (True, 10, 3)


def test_an_edited_value_is_a_content_mismatch_at_its_place() -> None:
    kept = a_history()
    kept.events[4] = replace(kept.events[4], head=an_event(4, "edited").head)
    verdict = kept.judged()
    assert ("CONTENT_MISMATCH", 4) in found(verdict)
    assert "event 4 is not what was recorded" in verdict.problems[0].message


def test_an_edit_with_its_hash_and_tree_redone_is_a_fork() -> None:
    kept = a_history()
    kept.events[4] = an_event(4, "edited")
    assert found(kept.judged()) == [("ROOT_FORK", 3), ("ROOT_FORK", 0)]


def test_an_edit_signed_anew_with_a_stolen_key_forks_from_the_witness() -> None:
    kept = a_history()
    kept.events[4] = an_event(4, "edited")
    stolen = Kept(kept.events, [signed(kept.events[:3]), signed(kept.events)], kept.witness)
    verdict = stolen.judged()
    assert found(verdict) == [("ROOT_FORK", 0)]
    assert "witness" in verdict.problems[0].message
    assert verdict.signed_size == 0


def test_a_deleted_row_is_a_gap() -> None:
    kept = a_history()
    del kept.events[4]
    verdict = kept.judged()
    assert found(verdict) == [("GAP", 4)]
    assert verdict.problems[0].message == "event 4 missing: after them comes event 5"
    assert verdict.root_hex == ""


def test_a_deleted_row_with_renumbering_is_a_gap_and_shorter_than_the_witness() -> None:
    kept = a_history()
    bent = Kept(renumbered(kept.events[:4] + kept.events[5:]), kept.checkpoints, kept.witness)
    assert found(bent.judged()) == [("GAP", 9), ("SHORTER_THAN_WITNESS", 9)]


def test_a_cut_tail_with_its_checkpoints_is_shorter_than_the_witness() -> None:
    kept = a_history()
    bent = Kept(kept.events[:7], kept.checkpoints[:2], kept.witness)
    assert found(bent.judged()) == [("SHORTER_THAN_WITNESS", 7)]


def test_a_cut_tail_under_its_own_checkpoint_is_a_gap() -> None:
    kept = a_history()
    bent = Kept(kept.events[:7], kept.checkpoints, None)
    assert found(bent.judged()) == [("GAP", 7)]


def test_a_restored_backup_that_went_on_is_a_fork() -> None:
    kept = a_history()
    events = kept.events[:6] + [an_event(seq, f"after restore {seq}") for seq in range(6, 12)]
    bent = Kept(events, [signed(events[:3]), signed(events)], kept.witness)
    assert found(bent.judged()) == [("ROOT_FORK", 0)]


@pytest.mark.parametrize("attack", ["swap", "back-date"])
def test_another_order_is_a_fork(attack: str) -> None:
    kept = a_history()
    events = list(kept.events)
    if attack == "swap":
        events[5], events[6] = events[6], events[5]
    else:
        events.insert(5, an_event(5, "back-dated"))
    bent = Kept(renumbered(events), kept.checkpoints, kept.witness)
    assert found(bent.judged()) == [("ROOT_FORK", 3), ("ROOT_FORK", 0)]


@pytest.mark.parametrize("order", [[0, 1, 2, 2, 3], [0, 2, 1, 3]])
def test_a_number_that_comes_again_is_a_gap(order: list[int]) -> None:
    kept = a_history(4)
    bent = Kept([kept.events[seq] for seq in order], kept.checkpoints, kept.witness)
    assert {kind for kind, _ in found(bent.judged())} == {"GAP"}


def test_a_sealed_event_without_a_number_is_a_gap() -> None:
    assert found(Kept([an_event(None, "x")], [], None).judged()) == [("GAP", 0)]


def test_a_forged_personal_field_is_a_commitment_mismatch() -> None:
    kept = a_history()
    forged = (PrivateField("actor", SALT, "somebody else"),)
    kept.events[2] = replace(kept.events[2], private=forged)
    verdict = kept.judged()
    assert found(verdict) == [("COMMITMENT_MISMATCH", 2)]
    assert "FORGED" in verdict.problems[0].message


@pytest.mark.parametrize("gone", [(), (PrivateField("actor", None, None),)])
def test_an_erased_field_is_counted_and_the_proof_still_holds(
    gone: tuple[PrivateField, ...],
) -> None:
    kept = a_history()
    kept.events[2] = replace(kept.events[2], private=gone)
    verdict = kept.judged()
    assert (found(verdict), verdict.redacted) == ([("UNTOLD_ERASURE", 2)], 1)


@pytest.mark.parametrize(
    "private",
    [
        (PrivateField("actor", None, "person event 2"),),
        (PrivateField("actor", SALT, None),),
        (PrivateField("actor", SALT[:8], "person event 2"),),
        (PrivateField("ip", SALT, "10.0.0.1"),),
        (PrivateField("actor", SALT, "person event 2"),) * 2,
        (PrivateField("actor", SALT, "\ud800"),),
    ],
)
def test_a_personal_field_that_was_not_committed_to_is_a_mismatch(
    private: tuple[PrivateField, ...],
) -> None:
    kept = a_history()
    kept.events[2] = replace(kept.events[2], private=private)
    assert found(kept.judged())[0] == ("COMMITMENT_MISMATCH", 2)


@pytest.mark.parametrize(
    "head",
    [b'{"a": 1}', b"[]", b'{"commitments":[]}', b"\xff", b'{"a":1,"a":1}', b"[" * 9999],
)
def test_a_head_that_is_not_canonical_is_named(head: bytes) -> None:
    event = LedgerEvent(0, head, leaf_hash(head))
    assert found(Kept([event], [signed([event])], None).judged()) == [("NOT_CANONICAL", 0)]


def test_a_commitment_that_is_no_hash_is_a_mismatch() -> None:
    head = canonical_bytes({"commitments": {"actor": "zz"}})
    event = LedgerEvent(0, head, leaf_hash(head), (PrivateField("actor", SALT, "x"),))
    assert found(Kept([event], [], None).judged()) == [("COMMITMENT_MISMATCH", 0)]


def test_a_checkpoint_of_an_unknown_key_is_a_bad_signature() -> None:
    kept = a_history()
    bent = Kept(kept.events, [signed(kept.events, THIEF)], kept.witness)
    assert found(bent.judged()) == [("BAD_SIGNATURE", 9)]


def test_a_checkpoint_whose_note_signs_something_else_is_a_bad_signature() -> None:
    kept = a_history()
    for bent in (
        replace(kept.checkpoints[1], note=kept.checkpoints[2].note),
        replace(kept.checkpoints[1], root=bytes(32)),
        replace(kept.checkpoints[1], note=sign_note("hello\n", ORIGIN, KEY)),
        replace(kept.checkpoints[1], note=""),
    ):
        assert found(Kept(kept.events, [bent], None).judged()) == [("BAD_SIGNATURE", 2)]


def test_a_checkpoint_of_another_log_is_an_origin_mismatch() -> None:
    kept = a_history()
    other = signed(kept.events, origin="plant.example/audit/t2")
    assert found(Kept(kept.events, [other], None).judged()) == [("ORIGIN_MISMATCH", 9)]


def test_an_edited_unsealed_event_is_found_too() -> None:
    waiting = replace(an_event(None, "waiting"), leaf_hash=bytes(32))
    verdict = a_history().judged(pending=(waiting,))
    assert found(verdict) == [("CONTENT_MISMATCH", None)]
    assert "unsealed event 1" in verdict.problems[0].message


def test_a_stored_hash_that_is_no_hash_is_a_content_mismatch() -> None:
    kept = a_history()
    kept.events[4] = replace(kept.events[4], leaf_hash=b"")
    assert found(kept.judged()) == [("CONTENT_MISMATCH", 4)]


@given(st.data())
def test_any_changed_byte_of_any_event_is_found(data: st.DataObject) -> None:
    kept = a_history(7)
    at = data.draw(st.integers(0, 6))
    part = data.draw(st.sampled_from(["head", "leaf_hash"]))
    raw = bytearray(getattr(kept.events[at], part))
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    bent = bytes(raw)
    change = replace(kept.events[at], head=bent) if part == "head" else None
    kept.events[at] = change or replace(kept.events[at], leaf_hash=bent)
    assert ("CONTENT_MISMATCH", at) in found(kept.judged())
