"""What the tables around the tree claim of it: archives, and the subtrees that proofs are made of.

It must not read the contents of events beyond those that tell of an archive.
"""

import json
from collections.abc import Iterator
from hashlib import sha256
from typing import Any, Final

from sqlalchemy import func, select
from sqlmodel import Session

from qtcore.engines.ledger import HistoryProblem, node_hash
from qtcore.store.columns import as_bytes, table_of
from qtcore.store.sealed_rows import time_texts
from qtcore.store.tables import LedgerArchive, LedgerArchived, LedgerEvent, LedgerSeal, LedgerTile

_ARCHIVE: Final = table_of(LedgerArchive)
_ARCHIVED: Final = table_of(LedgerArchived)
_EVENT: Final = table_of(LedgerEvent)
_SEAL: Final = table_of(LedgerSeal)
_TILE: Final = table_of(LedgerTile)


def check_archives(session: Session, tenant_id: int) -> Iterator[HistoryProblem]:
    """Find what left the database without an event that tells of it.

    The event of an older archive may itself be in a newer one; the newest one stands here.
    """
    rows = session.execute(
        select(_ARCHIVE, _EVENT.c.head, _EVENT.c.action)
        .outerjoin_from(
            _ARCHIVE,
            _EVENT,
            (_EVENT.c.tenant_id == _ARCHIVE.c.tenant_id) & (_EVENT.c.uid == _ARCHIVE.c.event_uid),
        )
        .where(_ARCHIVE.c.tenant_id == tenant_id)
        .order_by(_ARCHIVE.c.first)
    ).all()
    expected = 0
    for row in rows:
        if row.first != expected or row.last < row.first:
            yield _untold(row, f"an archive begins at event {row.first}, {expected} comes next")
            return
        is_newest = row is rows[-1]
        if not (_tells(session, row) if row.head is not None else not is_newest):
            yield _untold(row, "no event tells of it as it stands there")
        expected = row.last + 1
    gone, last = session.execute(
        select(func.count(), func.max(_ARCHIVED.c.seq)).where(_ARCHIVED.c.tenant_id == tenant_id)
    ).one()
    if (gone, -1 if last is None else last) != (expected, expected - 1):
        said = f"{expected} events are told to be archived, {gone} are listed, up to {last}"
        yield HistoryProblem("UNTOLD_ARCHIVE", None, said)


def _tells(session: Session, row: Any) -> bool:
    """Say whether the event of an archive names the same part, file, time and entries."""
    try:
        head = json.loads(as_bytes(row.head))
        told, at = head["details"], head["at"]
        found = (told["from"], told["to"], told["file"], told["sha256"], at)
    except (ValueError, KeyError, TypeError):
        return False
    listed = (row.first, row.last, row.file_name, row.file_sha256, time_texts([row.archived_at])[0])
    if row.action != "ledger.archive" or found != listed:
        return False
    # Archives of the first releases do not tell which entries went.
    return "listed" not in told or told["listed"] == digest_archived(
        session, row.tenant_id, (row.first, row.last)
    )


def digest_archived(session: Session, tenant_id: int, span: tuple[int, int]) -> str:
    """Hash the list of what an archive took away: place, key and thing of each entry."""
    rows = session.execute(
        select(_ARCHIVED.c.seq, _ARCHIVED.c.event_id, _ARCHIVED.c.object_uid)
        .where(_ARCHIVED.c.tenant_id == tenant_id, _ARCHIVED.c.seq.between(*span))
        .order_by(_ARCHIVED.c.seq)
    )
    return sha256(json.dumps([[*row] for row in rows], default=str).encode()).hexdigest()


def _untold(row: Any, said: str) -> HistoryProblem:
    return HistoryProblem(
        "UNTOLD_ARCHIVE",
        row.first,
        f"events {row.first} to {row.last} are said to be in the archive {row.file_name!r}: {said}",
    )


def check_tiles(session: Session, tenant_id: int, size: int) -> Iterator[str]:
    """Find a subtree that is gone, or is not the hash of its halves: proofs are made of them."""
    rows = session.execute(
        select(_TILE.c.level, _TILE.c.index, _TILE.c.hash)
        .where(_TILE.c.tenant_id == tenant_id)
        .order_by(_TILE.c.level, _TILE.c.index)
    )
    levels: dict[int, list[bytes]] = {}
    for level, index, hash_ in rows:
        found = levels.setdefault(level, [])
        if index != len(found):
            yield f"the subtree of {1 << level} events from {len(found) << level} on is gone"
            return
        found.append(as_bytes(hash_))
    for level in range(size.bit_length()):
        found, below = levels.get(level, []), levels.get(level - 1, [])
        if len(found) != size >> level:
            yield f"{len(found)} subtrees of {1 << level} events are kept, {size >> level} belong"
            return
        for index in range(len(found) if level else 0):
            if found[index] != node_hash(*below[2 * index : 2 * index + 2]):
                yield f"the subtree of {1 << level} events from {index << level} on is another one"
                return
    leaves = session.execute(
        select(_SEAL.c.seq, _SEAL.c.leaf_hash).where(_SEAL.c.tenant_id == tenant_id)
    )
    kept = levels.get(0, [])
    for seq, leaf in leaves:
        if 0 <= seq < len(kept) and as_bytes(leaf) != kept[seq]:
            yield f"the hash kept of event {seq} is not the one that was sealed"
            return
