"""The check of a whole history against its stored checkpoints, its keys and a witness.

It must not know the database the history was read from: everything it judges is an argument.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from qtcore.engines.ledger.checkpoint import Checkpoint, incarnation_origin, read_checkpoint
from qtcore.engines.ledger.contents import LedgerEvent, LedgerRun, check_contents
from qtcore.engines.ledger.note import NoteError, NoteKey, RetiredKey, open_note
from qtcore.engines.ledger.notices import HistoryNotice, Watch
from qtcore.engines.ledger.tree import EMPTY_TREE, Frontier, Growing, is_hash

ProblemKind = Literal[
    "CONTENT_MISMATCH",
    "COMMITMENT_MISMATCH",
    "GAP",
    "ROOT_FORK",
    "SHORTER_THAN_WITNESS",
    "BAD_SIGNATURE",
    "NOT_CANONICAL",
    "ORIGIN_MISMATCH",
    "REPLAY",
    "NOT_SIGNED",
    "UNTOLD_ERASURE",
    "NOT_IN_INSTANCE",
    "NOT_READABLE",
    "UNTOLD_ARCHIVE",
    "NOT_AS_TOLD",
    "NOT_WITNESSED",
    "BAD_STAMP",
]


@dataclass(frozen=True, slots=True)
class StoredCheckpoint:
    """A checkpoint as the database holds it: the columns, and the signed note beside them."""

    size: int
    root: bytes
    note: str


@dataclass(frozen=True, slots=True)
class Witnessed:
    """A state of the log that was kept outside the reach of whoever can write the database."""

    size: int
    root: bytes


@dataclass(frozen=True, slots=True)
class Trust:
    """What the check starts from: the log's name, the keys that may sign it, a witnessed state.

    A retired key is believed up to its last size. `restores` are
    the sizes from which the log goes on under the name of its next incarnation.
    """

    origin: str
    keys: tuple[NoteKey, ...]
    witness: Witnessed | None = None
    retired: tuple[RetiredKey, ...] = ()
    restores: tuple[int, ...] = ()

    def keys_for(self, size: int) -> tuple[NoteKey, ...]:
        """Give the keys that may have signed a state of this size."""
        older = (each.key for each in self.retired if size <= each.last_size)
        return (*self.keys, *older)

    def origin_for(self, size: int) -> str:
        """Give the name under which a state of this size is signed."""
        return incarnation_origin(self.origin, 1 + sum(size > each for each in self.restores))


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept of a beginning whose contents are not read: its subtrees, and older roots."""

    start: Frontier = EMPTY_TREE
    roots: Mapping[int, bytes] = field(default_factory=dict)


EVERYTHING: Final = Kept()


@dataclass(frozen=True, slots=True)
class HistoryProblem:
    """One broken promise; `seq` is the first place it touches, None for an unsealed event."""

    kind: ProblemKind
    seq: int | None
    message: str


@dataclass(frozen=True, slots=True)
class HistoryVerdict:
    """The answer, with the figures a page shows beside it.

    `root_hex` is the root over the stored leaf hashes of all sealed events; empty after a gap.
    `signed_size` is the largest size that a valid checkpoint or the witness confirms: what lies
    behind it is checked in itself only. `redacted` counts erased personal fields. `notices` break
    no promise, so they leave `ok` alone.
    """

    ok: bool
    events: int
    size: int
    root_hex: str
    problems: tuple[HistoryProblem, ...]
    pending: int = 0
    redacted: int = 0
    signed_size: int = 0
    notices: tuple[HistoryNotice, ...] = ()


def check_history(
    events: Iterable[LedgerEvent | LedgerRun],
    checkpoints: Iterable[StoredCheckpoint],
    trust: Trust,
    *,
    pending: Iterable[LedgerEvent] = (),
    kept: Kept = EVERYTHING,
) -> HistoryVerdict:
    """Check sealed `events`, given in sequence order, and `pending` ones; never raises.

    Events may come in runs of which a glance has shown that only the hashes are left to check.
    Every content is hashed again; there is no mode that believes the stored hashes. `kept` stands
    for a beginning that was archived or is not asked for: its hashes are bound by the roots alone.
    """
    audit = _Audit(trust, tuple(checkpoints), kept)
    for each in events:
        if isinstance(each, LedgerRun):
            audit.read_run(each)
        else:
            audit.read_event(each)
    waiting = 0
    for event in pending:
        waiting += 1
        audit.read_contents(event, f"unsealed event {waiting}", None)
    audit.close()
    return HistoryVerdict(
        ok=not audit.problems,
        events=audit.events,
        size=audit.next_seq,
        root_hex=audit.frontier.root.hex() if audit.frontier else "",
        problems=tuple(audit.problems),
        pending=waiting,
        redacted=audit.redacted,
        signed_size=audit.signed_size,
        notices=audit.watch.close(),
    )


@dataclass
class _Audit:
    """One pass over a history: it holds the frontier, never the events."""

    trust: Trust
    checkpoints: tuple[StoredCheckpoint, ...]
    kept: Kept
    problems: list[HistoryProblem] = field(default_factory=list)
    frontier: Growing | None = None
    next_seq: int = 0
    events: int = 0
    redacted: int = 0
    signed_size: int = 0
    watch: Watch = field(default_factory=Watch)
    roots: dict[int, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        witness = self.trust.witness
        sizes = {each.size for each in self.checkpoints} | ({witness.size} if witness else set())
        self._asked = sorted(sizes)
        self.frontier, self.next_seq = Growing(self.kept.start), self.kept.start.size
        self.roots.update(self.kept.roots)
        self._keep_root()

    def report(self, kind: ProblemKind, seq: int | None, message: str) -> None:
        self.problems.append(HistoryProblem(kind, seq, message))

    def read_run(self, run: LedgerRun) -> None:
        """Take a run of sealed events at once; one by one where something does not fit."""
        first, tree = self.next_seq, self.frontier
        end = first + len(run.seqs)
        if tree is None or [*run.seqs] != [*range(first, end)]:
            for event in run.one_by_one():
                self.read_event(event)
            return
        self.watch.see(first, run.times)
        self.events += len(run.seqs)
        self.next_seq = end
        taken = first
        for stop in [*self._asked_between(first, end), end]:
            tree.extend(run.leaves[taken - first : stop - first])
            taken = stop
            self._keep_root()

    def read_event(self, event: LedgerEvent) -> None:
        """Take the next sealed event."""
        self._check_order(event.seq)
        self.events += 1
        self.read_contents(event, f"event {event.seq}", event.seq)
        if self.frontier is None:
            return
        if not is_hash(event.leaf_hash):
            self.frontier = None  # reported as a content mismatch
            return
        # The stored hash goes into the tree: an edited content is then named as such, and a root
        # that differs can only mean that the stored hashes were rewritten.
        self.frontier.extend([event.leaf_hash])
        self._keep_root()

    def read_contents(self, event: LedgerEvent, name: str, seq: int | None) -> None:
        """Check what an event says in itself, sealed or not."""
        verdict = check_contents(event, name)
        self.redacted += len(verdict.erased)
        if verdict.head is not None and seq is not None:
            self.watch.read(seq, verdict.head, verdict.erased)
        for kind, message in verdict.problems:
            self.report(kind, seq, message)

    def close(self) -> None:
        """Compare the roots found on the way with all that was signed or witnessed."""
        for seq, said in self.watch.untold():
            self.report("UNTOLD_ERASURE", seq, said)
        agreed = 0
        for stored in sorted(self.checkpoints, key=lambda each: each.size):
            if self._check_checkpoint(stored, agreed):
                agreed = stored.size
        self.signed_size = agreed
        if self.trust.witness:
            self._check_witness(self.trust.witness)

    def _check_order(self, seq: int | None) -> None:
        expected = self.next_seq
        if seq is None:
            self.report("GAP", expected, f"event without a number stands where {expected} belongs")
        elif seq > expected:
            missing = f"event {expected}" if seq == expected + 1 else f"events {expected}-{seq - 1}"
            self.report("GAP", expected, f"{missing} missing: after them comes event {seq}")
        elif seq < expected:
            self.report("GAP", seq, f"event {seq} comes again where event {expected} belongs")
        if seq != expected:
            self.frontier = None
        self.next_seq = max(expected, expected if seq is None else seq + 1)

    def _asked_between(self, first: int, end: int) -> list[int]:
        """Give the sizes between two for which a root was signed."""
        return self._asked[bisect_right(self._asked, first) : bisect_left(self._asked, end)]

    def _keep_root(self) -> None:
        size = -1 if self.frontier is None else self.frontier.size
        at = bisect_left(self._asked, size)
        if self.frontier is not None and self._asked[at : at + 1] == [size]:
            self.roots[size] = self.frontier.root

    def _check_checkpoint(self, stored: StoredCheckpoint, agreed: int) -> bool:
        signed = self._open_checkpoint(stored)
        if signed is None:
            return False
        if stored.size > self.next_seq:
            self.report(
                "GAP",
                self.next_seq,
                f"events {self.next_seq}-{stored.size - 1} missing: a checkpoint signs "
                f"{stored.size} events, {self.next_seq} are there",
            )
            return False
        return self._check_root(stored.size, stored.root, agreed, "signed checkpoint")

    def _open_checkpoint(self, stored: StoredCheckpoint) -> Checkpoint | None:
        last = max(stored.size - 1, 0)
        name = f"checkpoint of size {stored.size}"
        try:
            keys = self.trust.keys_for(stored.size)
            signed = read_checkpoint(open_note(stored.note, keys).body)
        except NoteError as exc:
            self.report("BAD_SIGNATURE", last, f"{name}: {exc}")
            return None
        expected = self.trust.origin_for(stored.size)
        if signed.origin != expected:
            said = f"{name} is of log {signed.origin!r}, expected {expected!r}"
            self.report("ORIGIN_MISMATCH", last, said)
            return None
        if (signed.size, signed.root) != (stored.size, stored.root):
            self.report(
                "BAD_SIGNATURE",
                last,
                f"{name} and root {stored.root.hex()}: its note signs size {signed.size} "
                f"and root {signed.root.hex()}",
            )
            return None
        return signed

    def _check_witness(self, witness: Witnessed) -> None:
        if witness.size > self.next_seq:
            self.report(
                "SHORTER_THAN_WITNESS",
                self.next_seq,
                f"events {self.next_seq}-{witness.size - 1} missing: the witness has seen "
                f"{witness.size} events, {self.next_seq} are there",
            )
            return
        # Checkpoints inside the database can be signed anew with a stolen key, so they do not
        # narrow down where the witnessed history was left.
        if self._check_root(witness.size, witness.root, 0, "witness"):
            self.signed_size = max(self.signed_size, witness.size)
        elif witness.size in self.roots:
            self.signed_size = 0

    def _check_root(self, size: int, root: bytes, agreed: int, said_by: str) -> bool:
        found = self.roots.get(size)
        if found is None:
            return False  # behind a gap, which is reported, no root can be calculated
        if found == root:
            return True
        self.report(
            "ROOT_FORK",
            agreed,
            f"events {agreed}-{max(size - 1, agreed)} are not those of the {said_by}: root of "
            f"{size} events expected {root.hex()}, calculated {found.hex()}",
        )
        return False
