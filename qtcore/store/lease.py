"""The lease of the sequencer: one holder at a time, and it runs out when the holder is gone.

It must not know what is done under it.
"""

from datetime import timedelta
from typing import Final

from sqlalchemy import delete, insert, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from qtcore.store.columns import table_of
from qtcore.store.store import Store
from qtcore.store.tables import LedgerLease

SEQUENCER: Final = "sequencer"
LEASE_FOR: Final = timedelta(seconds=30)
_LEASE: Final = table_of(LedgerLease)


def hold_lease(session: Session, store: Store, name: str = SEQUENCER) -> bool:
    """Take or renew a lease inside a running transaction; says whether it is this store's.

    The row is locked until the transaction ends, so that two holders cannot both believe it.
    """
    now = store.sources.now()
    taken = session.execute(
        update(_LEASE)
        .where(
            _LEASE.c.tenant_id == store.tenant_id,
            _LEASE.c.name == name,
            or_(_LEASE.c.holder == store.holder, _LEASE.c.expires_at <= now),
        )
        .values(holder=store.holder, expires_at=now + LEASE_FOR)
    )
    if taken.rowcount:  # type: ignore[attr-defined]
        return True
    if find_holder(session, store, name) is not None:
        return False
    row = {"name": name, "holder": store.holder, "expires_at": now + LEASE_FOR}
    try:
        with session.begin_nested():
            session.execute(insert(_LEASE), {"tenant_id": store.tenant_id, **row})
    except IntegrityError:
        return False  # another one was first, within this moment
    return True


def release_lease(store: Store, name: str = SEQUENCER) -> None:
    """Give a lease back, so that the next holder need not wait for its end."""
    with store.plumbing() as session:
        session.execute(
            delete(_LEASE).where(
                _LEASE.c.tenant_id == store.tenant_id,
                _LEASE.c.name == name,
                _LEASE.c.holder == store.holder,
            )
        )


def find_holder(session: Session, store: Store, name: str = SEQUENCER) -> str | None:
    """Say who holds a lease, also one that has run out."""
    found: str | None = session.execute(
        select(_LEASE.c.holder).where(_LEASE.c.tenant_id == store.tenant_id, _LEASE.c.name == name)
    ).scalar_one_or_none()
    return found
