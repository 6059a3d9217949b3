"""The key in the folder and the changes the database tells of: do they fit?

It must not make or sign anything; see `qtcore.services.keys`.
"""

from pathlib import Path
from typing import Any, Final

from sqlalchemy import select
from sqlmodel import Session

from qtcore.errors import QTCoreError, StoreUnavailable
from qtcore.store.columns import table_of
from qtcore.store.proofs import find_checkpoint
from qtcore.store.queries.keyset import TENANT, reader
from qtcore.store.signers import KEY_FILE, Signer, find_next_key, put_next_to_use
from qtcore.store.store import Store
from qtcore.store.tables import LedgerKey

# The line of the last old checkpoint by which the old key names its follower.
NEXT_KEY: Final = "qtcore-next-key"
_KEY: Final = table_of(LedgerKey)
_NOTES: Final = select(_KEY.c.note).where(_KEY.c.tenant_id == TENANT).order_by(_KEY.c.number)


def settle_signer(store: Store, signer: Signer) -> Signer:
    """Give the signer that the database expects; finish a change that was cut short in between.

    Raises StoreUnavailable when the folder holds another key than the last one told of.
    """
    with store.read() as session:
        last = _last_change(session, store.tenant_id)
    if last is None or last.vkey == signer.key.vkey:
        return signer
    made = find_next_key(signer)
    if made is not None and made.key.vkey == last.vkey and store.is_writable:
        return put_next_to_use(signer, size=last.from_size)
    if not store.is_writable:
        return signer
    raise StoreUnavailable(
        f"the ledger is signed with the key {last.vkey}, the folder holds {signer.key.vkey}: it is "
        "older than the last change of keys; restore the folder of the key from its backup",
        code="QT606",
    )


def require_key(store: Store, folder: Path) -> None:
    """Refuse to make a new key for a history that is signed already: the old one must come back.

    Raises StoreUnavailable QT607.
    """
    if (folder / KEY_FILE).exists():
        return
    with store.read() as session:
        signed = find_checkpoint(session, store.tenant_id)
    if signed is not None:
        raise StoreUnavailable(
            f"the history in {store.name} is signed, and its key is not in {folder}; put the key "
            "folder there from its backup (it is never part of a database backup)",
            code="QT607",
        )


def check_key(session: Session, store: Store, signer: Signer) -> None:
    """Refuse to sign with a key that another process has retired; raises QTCoreError QT606."""
    last = _last_change(session, store.tenant_id)
    if last is not None and last.vkey != signer.key.vkey:
        raise QTCoreError(
            "the signing key was changed by another process; nothing was sealed; restart this one",
            code="QT606",
        )


def list_key_notes(session: Session, tenant_id: int) -> tuple[str, ...]:
    """List the notes by which one key hands over to the next, in order."""
    return tuple(map(str, reader(session).execute(_NOTES, {"tenant": tenant_id}).scalars()))


def _last_change(session: Session, tenant_id: int) -> Any:
    return session.execute(
        select(_KEY.c.vkey, _KEY.c.from_size)
        .where(_KEY.c.tenant_id == tenant_id)
        .order_by(_KEY.c.number.desc())
        .limit(1)
    ).one_or_none()
