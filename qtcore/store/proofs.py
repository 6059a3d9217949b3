"""What a proof is made from: sealed entries with their bytes, signed states, kept subtrees.

It must not build proofs nor judge them; see `qtcore.engines.ledger`.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Any, Final, NamedTuple

from sqlalchemy import Select, and_, func, select
from sqlmodel import Session

from qtcore.engines.ledger import StoredCheckpoint
from qtcore.errors import QTCoreError
from qtcore.store.columns import as_bytes, table_of
from qtcore.store.queries.keyset import TENANT, among, rows_for
from qtcore.store.queries.ledger import private_rows
from qtcore.store.tables import (
    LedgerAbout,
    LedgerCheckpoint,
    LedgerEvent,
    LedgerSeal,
    LedgerTile,
)

_ABOUT: Final = table_of(LedgerAbout)
_CHECKPOINT: Final = table_of(LedgerCheckpoint)
_EVENT: Final = table_of(LedgerEvent)
_SEAL: Final = table_of(LedgerSeal)
_TILE: Final = table_of(LedgerTile)

Place = tuple[int, int]  # level and index of a subtree


class SealedEntry(NamedTuple):
    """An entry with its place; `private` holds (field, salt, value) of what was not erased."""

    seq: int
    head: bytes
    private: tuple[tuple[str, bytes, str], ...]


def list_entries_about(
    session: Session, tenant_id: int, uid: str, *, below: int
) -> list[SealedEntry]:
    """List what is sealed about a public id, in order, up to a size of the tree."""
    # In two steps: left to itself, SQLite walks the whole order of seals to answer in that order.
    named = session.execute(
        select(_ABOUT.c.event_id).where(_ABOUT.c.tenant_id == tenant_id, _ABOUT.c.uid == uid)
    )
    rows = rows_for(session, _sealed_keys, tenant_id, named.scalars())
    return _entries(session, tenant_id, sorted(row for row in rows if row.seq < below))


def list_entries_between(
    session: Session, tenant_id: int, first: int, last: int
) -> list[SealedEntry]:
    """List what is sealed from `first` to `last`, both included."""
    told = and_(_EVENT.c.tenant_id == _SEAL.c.tenant_id, _EVENT.c.id == _SEAL.c.event_id)
    statement = (
        select(_SEAL.c.seq, _EVENT.c.id, _EVENT.c.head)
        .select_from(_SEAL.join(_EVENT, told))
        .where(_SEAL.c.tenant_id == tenant_id, _SEAL.c.seq.between(first, last))
        .order_by(_SEAL.c.seq)
    )
    return _entries(session, tenant_id, session.execute(statement).all())


def count_entries_about(session: Session, tenant_id: int, uid: str) -> int:
    """Count the entries about a public id, sealed or not."""
    count: int = session.execute(
        select(func.count())
        .select_from(_ABOUT)
        .where(_ABOUT.c.tenant_id == tenant_id, _ABOUT.c.uid == uid)
    ).scalar_one()
    return count


def find_checkpoint(
    session: Session, tenant_id: int, size: int | None = None
) -> StoredCheckpoint | None:
    """Find the signed state of a size, or the newest one."""
    statement = (
        select(_CHECKPOINT.c.size, _CHECKPOINT.c.root, _CHECKPOINT.c.note)
        .where(_CHECKPOINT.c.tenant_id == tenant_id)
        .order_by(_CHECKPOINT.c.size.desc())
        .limit(1)
    )
    if size is not None:
        statement = statement.where(_CHECKPOINT.c.size == size)
    row = session.execute(statement).one_or_none()
    return None if row is None else StoredCheckpoint(row.size, as_bytes(row.root), row.note)


def note_body(note: str) -> str:
    """Give the text of a stored note, which is what its signatures cover."""
    return note.rpartition("\n\n")[0] + "\n"


def list_checkpoint_sizes(session: Session, tenant_id: int, limit: int = 5) -> list[int]:
    """List the newest sizes that were signed."""
    statement = (
        select(_CHECKPOINT.c.size)
        .where(_CHECKPOINT.c.tenant_id == tenant_id)
        .order_by(_CHECKPOINT.c.size.desc())
        .limit(limit)
    )
    return list(session.execute(statement).scalars())


def read_subtrees(session: Session, tenant_id: int, places: Iterable[Place]) -> dict[Place, bytes]:
    """Read the hashes of complete subtrees; raises QTCoreError QT602 when one is missing."""
    levels: dict[int, set[int]] = defaultdict(set)
    for level, index in places:
        levels[level].add(index)
    found: dict[Place, bytes] = {}
    for level, indexes in levels.items():
        rows = rows_for(session, _tiles(level), tenant_id, indexes)
        found.update(((level, row.index), as_bytes(row.hash)) for row in rows)
        lost = indexes - {row.index for row in rows}
        if lost:
            raise QTCoreError(
                f"the ledger's tree lacks the subtree of {1 << level} events from "
                f"{min(lost) << level} on; run `qtcore audit verify` and restore a backup",
                code="QT602",
            )
    return found


@cache
def _tiles(level: int) -> Callable[[str], Select[Any]]:
    """Give the statement for one level; there are never more than 63."""

    @cache
    def build(dialect: str) -> Select[Any]:
        return select(_TILE.c.index, _TILE.c.hash).where(
            _TILE.c.tenant_id == TENANT, _TILE.c.level == level, among(dialect, _TILE.c.index)
        )

    return build


@cache
def _sealed_keys(dialect: str) -> Select[Any]:
    told = and_(_EVENT.c.tenant_id == _SEAL.c.tenant_id, _EVENT.c.id == _SEAL.c.event_id)
    return (
        select(_SEAL.c.seq, _EVENT.c.id, _EVENT.c.head)
        .select_from(_SEAL.join(_EVENT, told))
        .where(
            _SEAL.c.tenant_id == TENANT,
            among(dialect, _SEAL.c.event_id),
        )
    )


def _entries(session: Session, tenant_id: int, rows: Sequence[Any]) -> list[SealedEntry]:
    private: dict[int, list[tuple[str, bytes, str]]] = defaultdict(list)
    for entry, name, salt, value in private_rows(session, tenant_id, [row.id for row in rows]):
        if salt is not None and value is not None:
            private[entry].append((name, as_bytes(salt), value))
    return [SealedEntry(row.seq, as_bytes(row.head), tuple(private[row.id])) for row in rows]
