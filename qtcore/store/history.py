"""The stored history, read piece by piece for the check of `qtcore.engines.ledger`.

It must not judge hashes itself; what it adds is what only a database can get wrong: columns that
repeat the head, subtrees that are kept, entries that no seal waits for.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final, TypeAlias

from sqlalchemy import Select, and_, func, select
from sqlmodel import Session

from qtcore.engines.ledger import (
    EMPTY_TREE,
    HistoryProblem,
    HistoryVerdict,
    Kept,
    LedgerEvent,
    ProblemKind,
    StoredCheckpoint,
    Trust,
    Witnessed,
    check_history,
)
from qtcore.engines.ledger.contents import LedgerRun
from qtcore.errors import DatabaseDamaged, QTCoreError
from qtcore.store import tables
from qtcore.store.claims import check_archives
from qtcore.store.columns import as_bytes, table_of
from qtcore.store.company import check_company
from qtcore.store.handovers import check_handovers
from qtcore.store.queries.keyset import driver_rows
from qtcore.store.queries.ledger import sealed_up_to
from qtcore.store.sealed_rows import (
    COLUMNS,
    EntryRow,
    Piece,
    read_piece,
    sealed_rows,
    time_texts,
)
from qtcore.store.sealing import read_frontier
from qtcore.store.second_reader import SecondReader, Sharing, look_at, second_reader
from qtcore.store.store import Store

_EVENT: Final = table_of(tables.LedgerEvent)
_SEAL: Final = table_of(tables.LedgerSeal)
_HAPPENED: Final = table_of(tables.Event)
_PENDING: Final = table_of(tables.LedgerPending)
_CHECKPOINT: Final = table_of(tables.LedgerCheckpoint)
_ARCHIVE: Final = table_of(tables.LedgerArchive)
_ARCHIVED: Final = table_of(tables.LedgerArchived)
_INCARNATION: Final = table_of(tables.LedgerIncarnation)

_PIECE: Final = 2000


@dataclass(frozen=True, slots=True)
class Span:
    """The part that is checked: from `first`, or from what was archived, to a signed size."""

    first: int = 0
    last: int | None = None

    @property
    def is_whole(self) -> bool:
        """Say whether the whole history is meant."""
        return self.first == 0 and self.last is None


WHOLE: Final = Span()


def verify_store(
    store: Store,
    trust: Trust,
    *,
    span: Span = WHOLE,
    progress: Callable[[int, int], None] | None = None,
) -> HistoryVerdict:
    """Check the history of a store: every content is hashed again; nothing is believed.

    A span is checked up to the first signed state that covers its last event. What lies before it
    is bound by the hashes of the tree. `progress` is told how many events were checked, and of how
    many.
    """
    try:
        return _verify(store, trust, span, progress)
    except DatabaseDamaged as error:
        return HistoryVerdict(False, 0, 0, "", (not_readable(error),))


def not_readable(error: DatabaseDamaged) -> HistoryProblem:
    """Make a problem of a row that cannot be read: what stands in it, nobody can judge."""
    return HistoryProblem("NOT_READABLE", None, error.message)


def _verify(
    store: Store, trust: Trust, span: Span, progress: Callable[[int, int], None] | None
) -> HistoryVerdict:
    with store.read() as session:
        reader = _Reader(session, store.tenant_id, span, progress)
        checkpoints = reader.checkpoints()
        kept = reader.read_kept(checkpoints, trust.witness)
        trust = replace(trust, restores=reader.restores())
        pending = reader.unsealed() if span.is_whole else ()
        reader.total = (reader.end or sealed_up_to(session, store.tenant_id)) - reader.start
        with second_reader(store.url, store.tenant_id, reader.total) as second:
            sealed = reader.sealed(second)
            verdict = check_history(sealed, checkpoints, trust, pending=pending, kept=kept)
        if span.is_whole:
            reader.check_subtrees(verdict)
            reader.check_places()
            reader.check_replays()
            reader.check_strays()
            reader.check_signed(verdict)
            reader.check_told()
            reader.problems += check_archives(session, store.tenant_id)
            reader.problems += check_company(session, store.tenant_id)
            reader.problems += check_handovers(session, store.tenant_id, store.tenant_uid)
    if not reader.problems:
        return verdict
    return replace(verdict, ok=False, problems=(*verdict.problems, *reader.problems))


# The place after a piece, and what it consists of.
_Seen: TypeAlias = tuple[int, Iterable[LedgerEvent | LedgerRun]]


@dataclass
class _Reader:
    """One pass over the tables; at most a thousand entries are held at a time."""

    session: Session
    tenant_id: int
    span: Span = WHOLE
    progress: Callable[[int, int], None] | None = None
    problems: list[HistoryProblem] = field(default_factory=list)
    start: int = 0
    end: int | None = None
    total: int = 0

    def read_kept(
        self, checkpoints: list[StoredCheckpoint], witness: Witnessed | None = None
    ) -> Kept:
        """Decide what is read; give the subtrees and roots of what stands before it."""
        archived = self._read(
            select(func.max(_ARCHIVE.c.last)).where(_ARCHIVE.c.tenant_id == self.tenant_id)
        )[0][0]
        self.start = max(self.span.first, 0 if archived is None else int(archived) + 1)
        if self.span.last is not None:
            self.end = min((c.size for c in checkpoints if c.size > self.span.last), default=None)
            checkpoints[:] = [c for c in checkpoints if self.start < c.size <= (self.end or c.size)]
        try:
            start = read_frontier(self.session, self.tenant_id, self.start)
            asked = [each.size for each in (*checkpoints, witness) if each is not None]
            earlier = [size for size in asked if 0 <= size < self.start]
            roots = {
                size: read_frontier(self.session, self.tenant_id, size).root for size in earlier
            }
        except QTCoreError as error:
            self._report("ROOT_FORK", 0, error.message)
            return Kept(EMPTY_TREE)
        return Kept(start, roots)

    def restores(self) -> tuple[int, ...]:
        """Give the sizes at which a restored log went on under its next name."""
        rows = self._read(
            select(_INCARNATION.c.from_size)
            .where(_INCARNATION.c.tenant_id == self.tenant_id)
            .order_by(_INCARNATION.c.number)
        )
        return tuple(row.from_size for row in rows)

    def sealed(self, second: SecondReader) -> Iterator[LedgerEvent | LedgerRun]:
        """Give the sealed entries in order; one whose content is gone leaves a gap."""
        look = partial(look_at, self.session, self.tenant_id)
        sharing = Sharing(second, look, _PIECE, self.start + self.total)
        place = self.start
        while seen := self._see(place, sharing):
            place, parts = seen
            yield from parts
            if self.progress is not None:
                self.progress(place - self.start, max(self.total, place - self.start))

    def _see(self, place: int, sharing: Sharing) -> _Seen | None:
        """Take what was found in the next piece, or look at it."""
        glance = sharing.find(place)
        if glance:
            end = place + len(glance.leaves)
            again = partial(self._look_again, place, end)
            return end, [LedgerRun(range(place, end), *glance, one_by_one=again)]
        begun = sharing.begun_after(place)
        before = self.end if begun is None else begun
        rows = sealed_rows(self.session, self.tenant_id, place, before, limit=_PIECE)
        if rows:
            return rows[-1][0] + 1, self._runs(rows)
        return None if begun is None else (begun, ())

    def _look_again(self, first: int, end: int) -> Iterator[LedgerEvent]:
        rows = sealed_rows(self.session, self.tenant_id, first, end, limit=end - first)
        return self._look(read_piece(self.session, self.tenant_id, rows), slice(None))

    def unsealed(self) -> Iterator[LedgerEvent]:
        """Give the entries that no seal names."""
        seal = and_(_SEAL.c.tenant_id == _EVENT.c.tenant_id, _SEAL.c.event_id == _EVENT.c.id)
        wait = and_(_PENDING.c.tenant_id == _EVENT.c.tenant_id, _PENDING.c.event_id == _EVENT.c.id)
        statement = (
            select(*COLUMNS, _PENDING.c.event_id.label("waits"))
            .select_from(_EVENT.outerjoin(_SEAL, seal).outerjoin(_PENDING, wait))
            .where(_EVENT.c.tenant_id == self.tenant_id, _SEAL.c.seq.is_(None))
            .order_by(_EVENT.c.id)
            .limit(_PIECE)
        )
        found = self._driver_rows(statement)
        while found:
            rows = [row[:-1] for row in found]
            last = rows[-1][2]
            for _, _, _, uid, *_, waits in found:
                if waits is None:
                    self._report("GAP", None, f"entry {uid} has no seal and does not wait for one")
            yield from self._look(read_piece(self.session, self.tenant_id, rows), slice(None))
            found = self._driver_rows(statement.where(_EVENT.c.id > last))

    def checkpoints(self) -> list[StoredCheckpoint]:
        """Give all signed states."""
        rows = self._read(
            select(_CHECKPOINT.c.size, _CHECKPOINT.c.root, _CHECKPOINT.c.note).where(
                _CHECKPOINT.c.tenant_id == self.tenant_id
            )
        )
        return [StoredCheckpoint(row.size, as_bytes(row.root), str(row.note)) for row in rows]

    def check_signed(self, verdict: HistoryVerdict) -> None:
        """Name sealed entries behind the newest checkpoint: sealing signs in one transaction."""
        newest = max((each.size for each in self.checkpoints()), default=0)
        if newest < verdict.size:
            self._report(
                "NOT_SIGNED",
                newest,
                f"{verdict.size} events are sealed, the newest checkpoint signs {newest}: "
                "checkpoints were removed, or events added by somebody without the key",
            )

    def check_told(self) -> None:
        """Name the first event that the ledger does not tell of."""
        told = and_(
            _EVENT.c.tenant_id == _HAPPENED.c.tenant_id, _EVENT.c.object_uid == _HAPPENED.c.uid
        )
        away = and_(
            _ARCHIVED.c.tenant_id == _HAPPENED.c.tenant_id,
            _ARCHIVED.c.object_uid == _HAPPENED.c.uid,
        )
        untold = self._read(
            select(_HAPPENED.c.uid)
            .select_from(_HAPPENED.outerjoin(_EVENT, told).outerjoin(_ARCHIVED, away))
            .where(
                _HAPPENED.c.tenant_id == self.tenant_id,
                _EVENT.c.id.is_(None),
                _ARCHIVED.c.seq.is_(None),
            )
            .order_by(_HAPPENED.c.id)
            .limit(1)
        )
        for row in untold:
            self._report(
                "GAP", None, f"no entry tells of event {row.uid}, or of what came after it"
            )

    def check_subtrees(self, verdict: HistoryVerdict) -> None:
        """Compare the kept subtrees, from which the tree grows on, with what was calculated."""
        try:
            kept = read_frontier(self.session, self.tenant_id, verdict.size).root.hex()
        except QTCoreError as error:
            self._report("ROOT_FORK", 0, error.message)
            return
        if verdict.root_hex and kept != verdict.root_hex:
            self._report(
                "ROOT_FORK",
                0,
                f"the kept subtrees give the root {kept}, the events {verdict.root_hex}",
            )

    def check_places(self) -> None:
        """Name what is sealed before the first place of this history, where nothing is read."""
        for row in self._read(
            select(_SEAL.c.seq, _SEAL.c.event_id)
            .where(_SEAL.c.tenant_id == self.tenant_id, _SEAL.c.seq < self.start)
            .order_by(_SEAL.c.seq)
        ):
            self._report(
                "GAP",
                row.seq,
                f"entry with key {row.event_id} is sealed as event {row.seq}, before event "
                f"{self.start}, with which this history begins",
            )

    def check_replays(self) -> None:
        """Find an entry that is there twice: only after a constraint was taken away."""
        twice = (
            select(_EVENT.c.uid)
            .where(_EVENT.c.tenant_id == self.tenant_id)
            .group_by(_EVENT.c.uid)
            .having(func.count() > 1)
        )
        again = (
            select(_SEAL.c.event_id)
            .where(_SEAL.c.tenant_id == self.tenant_id)
            .group_by(_SEAL.c.event_id)
            .having(func.count() > 1)
        )
        for row in self._read(twice):
            self._report("REPLAY", None, f"entry {row.uid} is stored more than once")
        for row in self._read(again):
            self._report("REPLAY", None, f"entry with key {row.event_id} is sealed more than once")

    def check_strays(self) -> None:
        """Find a seal in front of the first event, and a waiting entry that is gone."""
        before = select(_SEAL.c.seq).where(
            _SEAL.c.tenant_id == self.tenant_id, _SEAL.c.seq < self.start
        )
        waits = and_(_EVENT.c.tenant_id == _PENDING.c.tenant_id, _EVENT.c.id == _PENDING.c.event_id)
        gone = (
            select(_PENDING.c.event_id)
            .select_from(_PENDING.outerjoin(_EVENT, waits))
            .where(_PENDING.c.tenant_id == self.tenant_id, _EVENT.c.id.is_(None))
        )
        for row in self._read(before.limit(1)):
            said = f"an event has the number {row.seq}, the first one here is {self.start}"
            self._report("GAP", row.seq, said)
        for row in self._read(gone.limit(1)):
            self._report(
                "GAP", None, f"entry with key {row.event_id} waits for its seal, and is gone"
            )

    def _read(self, statement: Select[Any]) -> Sequence[Any]:
        return self.session.execute(statement).all()

    def _driver_rows(self, statement: Select[Any]) -> Sequence[tuple[Any, ...]]:
        return driver_rows(self.session.execute(statement))

    def _runs(self, rows: Sequence[tuple[Any, ...]]) -> Iterator[LedgerEvent | LedgerRun]:
        """Give sealed entries in runs that fit at a glance; each other one by itself."""
        piece = read_piece(self.session, self.tenant_id, rows)
        told = piece.columns
        for is_fitting, part in piece.parts():
            look = partial(self._look, piece, part)
            if is_fitting:
                yield LedgerRun(told.seqs[part], told.leaves[part], told.times[part], look)
            else:
                yield from look()

    def _look(self, piece: Piece, part: slice) -> Iterator[LedgerEvent]:
        for row, private, about in piece.one_by_one(part):
            self._check_columns(row, about)
            yield row.as_event(private)

    def _check_columns(self, row: EntryRow, about: Iterable[str]) -> None:
        """Compare what is searched with what was hashed."""
        try:
            head = json.loads(as_bytes(row.head))
            told = head["object"]
            hashed = {
                "uid": head["id"],
                "action": head["action"],
                "object_kind": told["kind"],
                "object_uid": told["id"],
                "recorded_at": head["at"],
                "about": {told["id"], *head["about"]},
            }
        except (ValueError, KeyError, TypeError):
            return  # the check of the content names bytes that are no head
        columns = {
            "uid": row.uid,
            "action": row.action,
            "object_kind": row.object_kind,
            "object_uid": row.object_uid,
            "recorded_at": time_texts([row.recorded_at])[0],
            "about": set(about),
        }
        for name, value in columns.items():
            if value != hashed[name]:
                self._report(
                    "CONTENT_MISMATCH",
                    row.seq,
                    f"entry {row.uid} is listed with {name} {value!r}, but {hashed[name]!r} was "
                    "recorded",
                )
        if row.seq is not None and as_bytes(row.leaf_hash) != as_bytes(row.sealed_leaf):
            self._report("CONTENT_MISMATCH", row.seq, f"entry {row.uid} has two different hashes")

    def _report(self, kind: ProblemKind, seq: int | None, message: str) -> None:
        self.problems.append(HistoryProblem(kind, seq, message))
