"""How far the history is sealed, how long the oldest entry has waited, and whether that is late.

It must not seal; see `qtcore.services.audit`.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import and_, func, select

from qtcore.services.site import Site
from qtcore.store.columns import table_of
from qtcore.store.lease import find_holder
from qtcore.store.queries.ledger import count_pending, sealed_up_to
from qtcore.store.tables import LedgerCheckpoint, LedgerEvent, LedgerPending

ALARM_AFTER: Final = timedelta(seconds=60)
_PENDING: Final = table_of(LedgerPending)
_EVENT: Final = table_of(LedgerEvent)
_CHECKPOINT: Final = table_of(LedgerCheckpoint)


@dataclass(frozen=True, slots=True)
class SealingState:
    """How many entries are sealed and how many wait; `lag` is the age of the oldest that waits.

    `fence` says why nothing may be written, or is empty.
    """

    sealed: int
    pending: int
    lag: timedelta
    signed_at: datetime | None
    holder: str
    fence: str

    @property
    def is_late(self) -> bool:
        """Say whether an entry has waited so long that somebody must look."""
        return self.lag > ALARM_AFTER

    def as_json(self) -> dict[str, Any]:
        """Give the shape of the API."""
        return {
            "sealed": self.sealed,
            "pending": self.pending,
            "lag_seconds": f"{self.lag.total_seconds():.3f}",
            "alarm": self.is_late,
            "signed_at": self.signed_at.isoformat() if self.signed_at else None,
            "sequencer": self.holder,
            "read_only": self.fence,
        }


def read_sealing(site: Site) -> SealingState:
    """Read the state; it asks no right, because it says nothing of what was recorded."""
    store, tenant = site.store, site.store.tenant_id
    with store.read() as session:
        pending = count_pending(session, tenant)
        oldest = None
        if pending:
            told = and_(
                _EVENT.c.tenant_id == _PENDING.c.tenant_id, _EVENT.c.id == _PENDING.c.event_id
            )
            oldest = session.execute(
                select(_EVENT.c.recorded_at)
                .select_from(_PENDING.join(_EVENT, told))
                .where(_PENDING.c.tenant_id == tenant)
                .order_by(_PENDING.c.event_id)
                .limit(1)
            ).scalar_one_or_none()
        signed_at = session.execute(
            select(func.max(_CHECKPOINT.c.sealed_at)).where(_CHECKPOINT.c.tenant_id == tenant)
        ).scalar_one()
        lag = store.sources.now() - aware(oldest) if oldest else timedelta(0)
        return SealingState(
            sealed_up_to(session, tenant),
            pending,
            max(lag, timedelta(0)),
            aware(signed_at) if signed_at else None,
            find_holder(session, store) or "",
            store.fence,
        )


def aware(at: datetime) -> datetime:
    """Give a stored time its zone: SQLite keeps UTC without one."""
    return at if at.tzinfo else at.replace(tzinfo=UTC)
