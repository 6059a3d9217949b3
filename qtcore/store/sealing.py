"""Sealing: committed ledger entries become leaves of the tree, and its state is signed.

It must not run inside a business transaction, and never signs a tree that is not committed.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from sqlalchemy import and_, delete, func, insert, select, text
from sqlmodel import Session

from qtcore.engines.ledger import (
    Checkpoint,
    Frontier,
    NoteError,
    key_of,
    leaf_hash,
    new_nodes,
    read_vkey,
    sign_note,
)
from qtcore.errors import QTCoreError, StoreUnavailable
from qtcore.store.columns import as_bytes, table_of
from qtcore.store.queries.ledger import count_pending, sealed_up_to
from qtcore.store.store import Store
from qtcore.store.tables import (
    LedgerCheckpoint,
    LedgerEvent,
    LedgerPending,
    LedgerSeal,
    LedgerTile,
)

_EVENT: Final = table_of(LedgerEvent)
_PENDING: Final = table_of(LedgerPending)
_SEAL: Final = table_of(LedgerSeal)
_TILE: Final = table_of(LedgerTile)
_CHECKPOINT: Final = table_of(LedgerCheckpoint)

_KEY_FILE: Final = "ledger.key"
_VKEY_FILE: Final = "ledger.vkey"
# One sealer at a time where several processes write; it ends with the transaction.
_SEALERS_TURN: Final = text("SELECT pg_advisory_xact_lock(hashtext('qtcore.seal'), :tenant)")


@dataclass(frozen=True, slots=True)
class Signer:
    """The key that signs checkpoints. `name` is also the origin: the name of the log."""

    name: str
    private_key: Ed25519PrivateKey


def seal_pending(store: Store, signer: Signer, *, limit: int = 10_000) -> Checkpoint | None:
    """Seal at most `limit` waiting entries and sign the tree; returns what was signed, if anything.

    Tree and signature are one transaction, so a tree that nobody signed is never a crash: it was
    made by somebody without the key. Calling it with nothing to do only reads. Raises QTCoreError
    QT601 when an entry was altered before it was sealed, QT605 when sealed entries lack their
    signature: nothing is sealed then.
    """
    with store.read() as session:
        if not count_pending(session, store.tenant_id):
            return None
    with store.plumbing() as session:
        if store.dialect == "postgresql":
            session.execute(_SEALERS_TURN, {"tenant": store.tenant_id})
        _check_signed(session, store.tenant_id)
        _grow_tree(session, store, limit)
        return _sign_tree(session, store, signer)


def read_frontier(session: Session, tenant_id: int, size: int) -> Frontier:
    """Read the complete subtrees of the stored tree; raises QTCoreError when one is missing."""
    hashes, start = [], 0
    for level in reversed(range(size.bit_length())):
        if not size >> level & 1:
            continue
        found = session.execute(
            select(_TILE.c.hash).where(
                _TILE.c.tenant_id == tenant_id,
                _TILE.c.level == level,
                _TILE.c.index == start >> level,
            )
        ).scalar_one_or_none()
        if found is None:
            raise QTCoreError(
                f"the ledger's tree lacks the subtree of {1 << level} events from {start} on; "
                "nothing was sealed; run `qtcore audit verify` and restore a backup",
                code="QT602",
            )
        hashes.append(as_bytes(found))
        start += 1 << level
    return Frontier(size, tuple(hashes))


def load_or_make_signer(folder: Path) -> Signer:
    """Load the signing key of a folder, or make one; the folder is never inside a database.

    `ledger.vkey` beside it is its public side, to be given to whoever verifies. Raises
    StoreUnavailable for a key that others may read or that cannot be read.
    """
    key_file, vkey_file = folder / _KEY_FILE, folder / _VKEY_FILE
    try:
        if not key_file.exists():
            _make_key(folder)
        if key_file.stat().st_mode & 0o077:
            raise StoreUnavailable(
                f"the ledger's signing key {key_file} may be read by others; run "
                f"`chmod 400 {key_file}`, and make a new key if somebody may have copied it"
            )
        private_key = load_pem_private_key(key_file.read_bytes(), password=None)
        known = read_vkey(vkey_file.read_text(encoding="ascii").strip())
    except (OSError, ValueError, NoteError, UnsupportedAlgorithm) as exc:
        raise StoreUnavailable(
            f"the ledger's signing key in {folder} cannot be read: {exc}; restore both files "
            f"{_KEY_FILE} and {_VKEY_FILE} from their backup"
        ) from exc
    if not isinstance(private_key, Ed25519PrivateKey) or known != key_of(known.name, private_key):
        raise StoreUnavailable(
            f"{key_file} is not the Ed25519 key that {vkey_file} names; restore both from one "
            "backup"
        )
    return Signer(known.name, private_key)


def _make_key(folder: Path) -> None:
    private_key = Ed25519PrivateKey.generate()
    public = private_key.public_key().public_bytes_raw()
    name = f"qtcore/{public.hex()[:12]}"
    pem = private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    # The public side first: a key file alone would be taken for a whole signer.
    vkey = key_of(name, private_key).vkey
    _write_new(folder / _VKEY_FILE, f"{vkey}\n".encode("ascii"), 0o444)
    _write_new(folder / _KEY_FILE, pem, 0o400)


def _write_new(path: Path, content: bytes, mode: int) -> None:
    """Write a file that did not exist, down to the disk."""
    part = path.with_name(f"{path.name}.part")
    part.unlink(missing_ok=True)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def _grow_tree(session: Session, store: Store, limit: int) -> None:
    tenant_id = store.tenant_id
    waiting = _read_waiting(session, tenant_id, limit)
    if not waiting:
        return
    size = sealed_up_to(session, tenant_id)
    leaves = [_checked_leaf(row) for row in waiting]
    _, nodes = new_nodes(read_frontier(session, tenant_id, size), leaves)
    session.execute(
        insert(_SEAL),
        [
            {"tenant_id": tenant_id, "seq": size + at, "event_id": row.id, "leaf_hash": leaf}
            for at, (row, leaf) in enumerate(zip(waiting, leaves, strict=True))
        ],
    )
    session.execute(
        insert(_TILE),
        [
            {"tenant_id": tenant_id, "level": node.level, "index": node.index, "hash": node.hash}
            for node in nodes
        ],
    )
    # Only what was sealed leaves the set: an entry with a smaller key may have come meanwhile.
    sealed = select(_SEAL.c.event_id).where(_SEAL.c.tenant_id == tenant_id, _SEAL.c.seq >= size)
    session.execute(
        delete(_PENDING).where(_PENDING.c.tenant_id == tenant_id, _PENDING.c.event_id.in_(sealed))
    )


def _read_waiting(session: Session, tenant_id: int, limit: int) -> list[Any]:
    told = and_(
        _EVENT.c.tenant_id == _PENDING.c.tenant_id,
        _EVENT.c.id == _PENDING.c.event_id,
    )
    statement = (
        select(_EVENT.c.id, _EVENT.c.uid, _EVENT.c.head, _EVENT.c.leaf_hash)
        .select_from(_PENDING.join(_EVENT, told))
        .where(_PENDING.c.tenant_id == tenant_id)
        .order_by(_PENDING.c.event_id)
        .limit(limit)
    )
    return list(session.execute(statement))


def _checked_leaf(row: Any) -> bytes:
    """Hash an entry again from its content: a flipped bit must not become a leaf."""
    leaf = leaf_hash(as_bytes(row.head))
    if leaf != as_bytes(row.leaf_hash):
        raise QTCoreError(
            f"ledger entry {row.uid} was altered before it was sealed: its content no longer has "
            "the hash that was recorded; nothing was sealed; run `qtcore audit verify`",
            code="QT601",
        )
    return leaf


def _check_signed(session: Session, tenant_id: int) -> None:
    """Refuse to sign on from a tree whose last signature is gone: it may be another history."""
    signed, sealed = _signed_size(session, tenant_id), sealed_up_to(session, tenant_id)
    if signed != sealed:
        raise QTCoreError(
            f"the ledger holds {sealed} sealed events, its newest checkpoint signs {signed}: "
            "somebody removed or added some; nothing was sealed; run `qtcore audit verify` and "
            "restore a backup",
            code="QT605",
        )


def _sign_tree(session: Session, store: Store, signer: Signer) -> Checkpoint | None:
    size = sealed_up_to(session, store.tenant_id)
    if _signed_size(session, store.tenant_id) == size:
        return None
    root = read_frontier(session, store.tenant_id, size).root
    checkpoint = Checkpoint(signer.name, size, root)
    session.execute(
        insert(_CHECKPOINT),
        {
            "tenant_id": store.tenant_id,
            "size": size,
            "root": root,
            "note": sign_note(checkpoint.body, signer.name, signer.private_key),
            "sealed_at": store.sources.now(),
        },
    )
    return checkpoint


def _signed_size(session: Session, tenant_id: int) -> int:
    found = session.execute(
        select(func.max(_CHECKPOINT.c.size)).where(_CHECKPOINT.c.tenant_id == tenant_id)
    ).scalar_one()
    return int(found or 0)
