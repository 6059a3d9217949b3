"""What a proof is made from: sealed entries with their bytes, signed states, kept subtrees.

It must not build proofs nor judge them; see `qtcore.engines.ledger`.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any, Final, NamedTuple

from sqlalchemy import BigInteger, Select, and_, bindparam, select, tuple_
from sqlmodel import Session

from qtcore.engines.ledger import StoredCheckpoint
from qtcore.engines.ledger.proofs import Place, Range, range_places, range_root
from qtcore.engines.ledger.tree import is_hash
from qtcore.errors import QTCoreError
from qtcore.store.columns import as_bytes, table_of
from qtcore.store.queries.keyset import TENANT, key_rows, reader, rows_for
from qtcore.store.queries.ledger import private_rows
from qtcore.store.tables import (
    LedgerAbout,
    LedgerArchive,
    LedgerCheckpoint,
    LedgerEvent,
    LedgerSeal,
    LedgerTile,
)

_ABOUT: Final = table_of(LedgerAbout)
_ARCHIVE: Final = table_of(LedgerArchive)
_CHECKPOINT: Final = table_of(LedgerCheckpoint)
_EVENT: Final = table_of(LedgerEvent)
_SEAL: Final = table_of(LedgerSeal)
_TILE: Final = table_of(LedgerTile)

_LEVEL_AT: Final = 56


class SealedEntry(NamedTuple):
    """An entry with its place; `private` holds (field, salt, value) of what was not erased."""

    seq: int
    head: bytes
    private: tuple[tuple[str, bytes, str], ...]


def list_entries_about(
    session: Session, tenant_id: int, uid: str, *, below: int
) -> tuple[list[SealedEntry], int]:
    """List what is sealed about a public id, in order, up to a size; count what is not."""
    asked = {"tenant": tenant_id, "uid": uid}
    rows = reader(session).execute(_ABOUT_ONE, asked).all()
    # Sorted here: for an order by place SQLite walks the whole order of seals.
    sealed = sorted(row for row in rows if row.seq is not None and row.seq < below)
    return _entries(session, tenant_id, sealed), len(rows) - len(sealed)


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


class Archive(NamedTuple):
    """A part of the beginning that is in a file and no longer here."""

    first: int
    last: int
    file_name: str

    def __str__(self) -> str:
        return f"events {self.first} to {self.last} in {self.file_name}"


def list_archives(session: Session, tenant_id: int) -> tuple[Archive, ...]:
    """List what was moved into archives, in order."""
    rows = session.execute(
        select(_ARCHIVE.c.first, _ARCHIVE.c.last, _ARCHIVE.c.file_name)
        .where(_ARCHIVE.c.tenant_id == tenant_id)
        .order_by(_ARCHIVE.c.first)
    )
    return tuple(Archive(*row) for row in rows)


def find_checkpoint(
    session: Session, tenant_id: int, size: int | None = None
) -> StoredCheckpoint | None:
    """Find the signed state of a size, or the newest one."""
    asked: dict[str, Any] = {"tenant": tenant_id}
    if size is not None:
        asked["size"] = size
    row = reader(session).execute(_checkpoint(of_size=size is not None), asked).one_or_none()
    return None if row is None else StoredCheckpoint(row.size, as_bytes(row.root), str(row.note))


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


def read_paths(
    session: Session, tenant_id: int, paths: Sequence[Sequence[Range]]
) -> list[tuple[bytes, ...]]:
    """Give the hashes of paths from the subtrees that are kept, each of them read once.

    Raises QTCoreError QT602 when one is missing.
    """
    ranges = {each for path in paths for each in path}
    places = {place for each in ranges for place in range_places(each)}
    kept = read_subtrees(session, tenant_id, places)
    roots = {each: range_root(each, lambda level, at: kept[level, at]) for each in ranges}
    return [tuple(roots[each] for each in path) for path in paths]


def read_subtrees(session: Session, tenant_id: int, places: Iterable[Place]) -> dict[Place, bytes]:
    """Read the hashes of complete subtrees; raises QTCoreError QT602 when one is missing."""
    wanted = {level << _LEVEL_AT | index: (level, index) for level, index in places}
    rows = rows_for(session, _tiles, tenant_id, wanted)
    found = {(level, index): as_bytes(kept) for level, index, kept in rows}
    lost = set(wanted.values()) - {place for place, kept in found.items() if is_hash(kept)}
    if lost:
        level, index = min(lost)
        raise QTCoreError(
            f"the ledger's tree lacks the subtree of {1 << level} events from "
            f"{index << level} on; run `qtcore db fsck` and restore a backup",
            code="QT602",
        )
    return found


_ABOUT_ONE: Final = (
    select(_SEAL.c.seq, _ABOUT.c.event_id.label("id"), _EVENT.c.head)
    .select_from(
        _ABOUT.outerjoin(
            _SEAL,
            and_(_SEAL.c.tenant_id == _ABOUT.c.tenant_id, _SEAL.c.event_id == _ABOUT.c.event_id),
        ).outerjoin(
            _EVENT, and_(_EVENT.c.tenant_id == _ABOUT.c.tenant_id, _EVENT.c.id == _ABOUT.c.event_id)
        )
    )
    .where(_ABOUT.c.tenant_id == TENANT, _ABOUT.c.uid == bindparam("uid"))
)


@cache
def _checkpoint(*, of_size: bool) -> Select[Any]:
    found = select(_CHECKPOINT.c.size, _CHECKPOINT.c.root, _CHECKPOINT.c.note)
    found = found.where(_CHECKPOINT.c.tenant_id == TENANT)
    if of_size:
        return found.where(_CHECKPOINT.c.size == bindparam("size", type_=BigInteger))
    return found.order_by(_CHECKPOINT.c.size.desc()).limit(1)


@cache
def _tiles(dialect: str) -> Select[Any]:
    # Level and index travel as one number, so that one statement reads the subtrees of all levels.
    key = key_rows(dialect).subquery().c.node
    level, index = key.op(">>")(_LEVEL_AT), key.op("&")((1 << _LEVEL_AT) - 1)
    return select(_TILE.c.level, _TILE.c.index, _TILE.c.hash).where(
        _TILE.c.tenant_id == TENANT, tuple_(_TILE.c.level, _TILE.c.index).in_(select(level, index))
    )


def _entries(session: Session, tenant_id: int, rows: Sequence[Any]) -> list[SealedEntry]:
    private: dict[int, list[tuple[str, bytes, str]]] = defaultdict(list)
    for entry, name, salt, value in private_rows(session, tenant_id, [row.id for row in rows]):
        if salt is not None and value is not None:
            private[entry].append((name, as_bytes(salt), value))
    return [SealedEntry(row.seq, as_bytes(row.head), tuple(private[row.id])) for row in rows]
