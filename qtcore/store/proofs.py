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
from qtcore.errors import QTCoreError
from qtcore.store.columns import as_bytes, table_of
from qtcore.store.queries.keyset import TENANT, among, key_rows, read_rows, rows_for
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
_LEVEL_AT: Final = 56


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
    keys = list_keys_about(session, tenant_id, uid)
    return list_sealed(session, tenant_id, keys, below=below)


def list_sealed(
    session: Session, tenant_id: int, keys: Sequence[int], *, below: int
) -> list[SealedEntry]:
    """List those of some entries that are sealed, in order, up to a size of the tree."""
    rows = rows_for(session, _sealed_keys, tenant_id, keys)
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


def list_keys_about(session: Session, tenant_id: int, uid: str) -> list[int]:
    """List the keys of all entries about a public id, sealed or not."""
    return [key for (key,) in read_rows(session, _KEYS_ABOUT, {"tenant": tenant_id, "uid": uid})]


def find_checkpoint(
    session: Session, tenant_id: int, size: int | None = None
) -> StoredCheckpoint | None:
    """Find the signed state of a size, or the newest one."""
    asked: dict[str, Any] = {"tenant": tenant_id}
    if size is not None:
        asked["size"] = size
    found = read_rows(session, _checkpoint(of_size=size is not None), asked)
    return next((StoredCheckpoint(row.size, as_bytes(row.root), row.note) for row in found), None)


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
    wanted = {level << _LEVEL_AT | index: (level, index) for level, index in places}
    rows = rows_for(session, _tiles, tenant_id, wanted)
    found = {(level, index): as_bytes(kept) for level, index, kept in rows}
    lost = wanted.values() - found.keys()
    if lost:
        level, index = min(lost)
        raise QTCoreError(
            f"the ledger's tree lacks the subtree of {1 << level} events from "
            f"{index << level} on; nothing was changed; run `qtcore audit verify` and restore a "
            "backup",
            code="QT602",
        )
    return found


_KEYS_ABOUT: Final = select(_ABOUT.c.event_id).where(
    _ABOUT.c.tenant_id == TENANT, _ABOUT.c.uid == bindparam("uid")
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
