"""Sealing: committed ledger entries become leaves of the tree, and its state is signed.

It must not run inside a business transaction, and never signs a tree that is not committed.
"""

from collections.abc import Mapping, Sequence
from itertools import repeat
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy import BigInteger, Table, and_, bindparam, delete, func, select, text
from sqlmodel import Session

from qtcore.engines.ledger import (
    Checkpoint,
    Frontier,
    TreeNode,
    incarnation_origin,
    leaf_hash,
    new_nodes,
    open_note,
    read_checkpoint,
    sign_note,
)
from qtcore.engines.ledger.note import NoteError
from qtcore.errors import QTCoreError
from qtcore.store.columns import as_bytes, table_of
from qtcore.store.driver import change_rows
from qtcore.store.inserts import insert_rows
from qtcore.store.key_changes import check_key
from qtcore.store.lease import hold_lease
from qtcore.store.proofs import find_checkpoint, read_subtrees
from qtcore.store.queries.keyset import TENANT, read_rows
from qtcore.store.queries.ledger import count_pending, sealed_up_to
from qtcore.store.signers import Signer
from qtcore.store.store import FIRST_TENANT, Store
from qtcore.store.tables import (
    LedgerCheckpoint,
    LedgerEvent,
    LedgerIncarnation,
    LedgerPending,
    LedgerRoot,
    LedgerSeal,
    LedgerTile,
)

_EVENT: Final = table_of(LedgerEvent)
_PENDING: Final = table_of(LedgerPending)
_SEAL: Final = table_of(LedgerSeal)
_TILE: Final = table_of(LedgerTile)
_CHECKPOINT: Final = table_of(LedgerCheckpoint)
_INCARNATION: Final = table_of(LedgerIncarnation)
_ROOT: Final = table_of(LedgerRoot)

_WAITING: Final = (
    select(_EVENT.c.id, _EVENT.c.uid, _EVENT.c.head, _EVENT.c.leaf_hash)
    .select_from(
        _PENDING.join(
            _EVENT,
            and_(_EVENT.c.tenant_id == _PENDING.c.tenant_id, _EVENT.c.id == _PENDING.c.event_id),
        )
    )
    .where(_PENDING.c.tenant_id == TENANT)
    .order_by(_PENDING.c.event_id)
    .limit(bindparam("most", type_=BigInteger))
)
_SEALED_LEAVE: Final = delete(_PENDING).where(
    _PENDING.c.tenant_id == TENANT,
    _PENDING.c.event_id.in_(
        select(_SEAL.c.event_id).where(
            _SEAL.c.tenant_id == TENANT, _SEAL.c.seq >= bindparam("size", type_=BigInteger)
        )
    ),
)
_SIGNED_SIZE: Final = select(func.max(_CHECKPOINT.c.size)).where(_CHECKPOINT.c.tenant_id == TENANT)
_NEWEST_INCARNATION: Final = select(func.max(_INCARNATION.c.number)).where(
    _INCARNATION.c.tenant_id == TENANT
)
_NOTHING: Final[Mapping[str, object]] = MappingProxyType({})
# The log of the instance holds every company's checkpoints; its rows stand under no company.
INSTANCE: Final = 0
# Companies seal on their own, but the instance has one log; the turn ends with the transaction.
_INSTANCES_TURN: Final = text("SELECT pg_advisory_xact_lock(hashtext('qtcore.seal'), 0)")


def seal_pending(store: Store, signer: Signer, *, limit: int = 10_000) -> Checkpoint | None:
    """Seal at most `limit` waiting entries and sign the tree; returns what was signed, if anything.

    Tree and signature are one transaction, so a tree that nobody signed is never a crash: it was
    made by somebody without the key. It runs under a lease: while another process holds it, nothing
    is sealed here. Calling it with nothing to do only reads. Raises QTCoreError QT601 when an entry
    was altered before it was sealed, QT605 when sealed entries lack their signature.
    """
    with store.read() as session:
        if not count_pending(session, store.tenant_id):
            return None
    with store.plumbing() as session:
        if not hold_lease(session, store):
            return None
        check_key(session, store, signer)
        before = _check_signed(session, store.tenant_id, signer)
        grown = _grow_tree(session, store, before, limit=limit)
        return None if grown is None else _sign_tree(session, store, signer, grown)


def read_frontier(session: Session, tenant_id: int, size: int) -> Frontier:
    """Read the complete subtrees of the stored tree; raises QTCoreError when one is missing."""
    if size < 0:
        raise QTCoreError(f"a state of the ledger is of {size} events", code="QT602")
    places, start = [], 0
    for level in reversed(range(size.bit_length())):
        if size >> level & 1:
            places.append((level, start >> level))
            start += 1 << level
    found = read_subtrees(session, tenant_id, places)
    return Frontier(size, tuple(found[place] for place in places))


def _grow_tree(session: Session, store: Store, before: Frontier, *, limit: int) -> Frontier | None:
    """Append what waits to a tree; gives the tree as it is then, if anything waited."""
    tenant_id, size = store.tenant_id, before.size
    waiting = read_rows(session, _WAITING, {"tenant": tenant_id, "most": limit})
    if not waiting:
        return None
    leaves = [_checked_leaf(row) for row in waiting]
    grown, nodes = new_nodes(before, leaves)
    _write(
        session,
        _SEAL,
        tenant_id,
        seq=range(size, size + len(leaves)),
        event_id=[row.id for row in waiting],
        leaf_hash=leaves,
    )
    _write_nodes(session, tenant_id, nodes)
    # Only what was sealed leaves the set: an entry with a smaller key may have come meanwhile.
    change_rows(session.connection(), _SEALED_LEAVE, {"tenant": tenant_id, "size": size})
    return grown


def _write_nodes(session: Session, tenant_id: int, nodes: Sequence[TreeNode]) -> None:
    _write(
        session,
        _TILE,
        tenant_id,
        level=[node.level for node in nodes],
        index=[node.index for node in nodes],
        hash=[node.hash for node in nodes],
    )


def _write(session: Session, table: Table, tenant_id: int, **columns: Sequence[object]) -> None:
    """Write rows that are given column by column."""
    count = len(next(iter(columns.values())))
    given = {**columns, "tenant_id": repeat(tenant_id, count)}
    insert_rows(session.connection(), table, [_NOTHING] * count, given=given)


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


def _check_signed(session: Session, tenant_id: int, signer: Signer) -> Frontier:
    """Refuse to sign on from a tree that was not signed by us: it may be another history.

    Gives the tree that is there.
    """
    sealed, newest = sealed_up_to(session, tenant_id), find_checkpoint(session, tenant_id)
    signed = newest.size if newest else 0
    if signed != sealed:
        raise _not_ours(
            f"the ledger holds {sealed} sealed events, its newest checkpoint signs {signed}: "
            "somebody removed or added some"
        )
    before = read_frontier(session, tenant_id, sealed)
    if newest is None:
        return before
    try:
        keys = (signer.key, *(each.key for each in signer.retired))
        state = read_checkpoint(open_note(newest.note, keys).body)
    except NoteError as exc:
        raise _not_ours(f"the newest checkpoint, of {signed} events, is not ours: {exc}") from exc
    if (state.size, state.root) != (sealed, before.root):
        raise _not_ours(
            f"the newest checkpoint signs another tree than the {sealed} events that are there"
        )
    return before


def _not_ours(said: str) -> QTCoreError:
    return QTCoreError(
        f"{said}; nothing was sealed; run `qtcore audit verify` and restore a backup", code="QT605"
    )


def _sign_tree(session: Session, store: Store, signer: Signer, grown: Frontier) -> Checkpoint:
    origin = current_origin(session, store, signer)
    checkpoint = Checkpoint(origin, grown.size, grown.root)
    _write_checkpoint(session, store.tenant_id, checkpoint, (store, signer))
    _tell_instance(session, checkpoint, (store, signer))
    return checkpoint


def _tell_instance(session: Session, checkpoint: Checkpoint, by: tuple[Store, Signer]) -> None:
    """Append a company's checkpoint to the log of the instance, and sign that one as well."""
    store, signer = by
    if store.dialect == "postgresql":
        session.execute(_INSTANCES_TURN)
    place = _signed_size(session, INSTANCE)
    frontier, nodes = new_nodes(
        read_frontier(session, INSTANCE, place), (leaf_hash(checkpoint.body.encode()),)
    )
    _write_nodes(session, INSTANCE, nodes)
    _write(session, _ROOT, store.tenant_id, size=[checkpoint.size], seq=[place])
    state = Checkpoint(f"{signer.name}/instance", frontier.size, frontier.root)
    _write_checkpoint(session, INSTANCE, state, by)


def _write_checkpoint(
    session: Session, tenant_id: int, checkpoint: Checkpoint, by: tuple[Store, Signer]
) -> None:
    store, signer = by
    row = {
        "size": checkpoint.size,
        "root": checkpoint.root,
        "note": sign_note(checkpoint.body, signer.name, signer.private_key),
        "sealed_at": store.sources.now(),
    }
    insert_rows(session.connection(), _CHECKPOINT, [row], given={"tenant_id": [tenant_id]})


def base_origin(store: Store, signer: Signer) -> str:
    """Name the log of a company: the first one has the name of the key."""
    if store.tenant_id == FIRST_TENANT:
        return signer.name
    return f"{signer.name}/{store.tenant_uid}"


def current_origin(session: Session, store: Store, signer: Signer) -> str:
    """Name the log as it is signed now; after a restore it goes on under a new name."""
    ((number,),) = read_rows(session, _NEWEST_INCARNATION, {"tenant": store.tenant_id})
    return incarnation_origin(base_origin(store, signer), number or 1)


def _signed_size(session: Session, tenant_id: int) -> int:
    ((found,),) = read_rows(session, _SIGNED_SIZE, {"tenant": tenant_id})
    return int(found or 0)
