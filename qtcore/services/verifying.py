"""Verifying a long history in the background, with progress that a page can show.

It must not judge; see `qtcore.services.audit`.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import structlog
from sqlmodel import select

from qtcore.context import Context
from qtcore.errors import NotFound, QTCoreError
from qtcore.services.audit import read_span, verify_history
from qtcore.services.rights import require
from qtcore.services.site import Site
from qtcore.store.history import Span
from qtcore.store.tables import LedgerJob

_TELL_EVERY: Final = 0.5
_LOG = structlog.get_logger("qtcore.verify")


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a verification is; `verdict` is empty until it is `finished` or has `failed`."""

    job_id: str
    state: str
    first: int
    last: int
    done: int
    verdict: dict[str, Any]

    @property
    def total(self) -> int:
        """How many events are to be checked."""
        return max(self.last - self.first + 1, 0)

    @property
    def is_over(self) -> bool:
        """Say whether nothing more will come."""
        return self.state != "running"

    def as_json(self) -> dict[str, Any]:
        """Give the shape of the API."""
        return {
            "job_id": self.job_id,
            "state": self.state,
            "from": self.first,
            "to": self.last,
            "done": self.done,
            "total": self.total,
            "verdict": self.verdict,
        }


def start_verification(
    site: Site,
    context: Context,
    *,
    first: int = 0,
    last: int | None = None,
    wait_seconds: float = 0.0,
) -> Progress:
    """Begin to verify a range in the background; waits a moment in case it is over at once.

    Raises InputRejected for a range that is not sealed, Denied without the right.
    """
    require(site, context, "ledger.verify")
    span, end = read_span(site, first, last)
    uid = site.sources.new_id()
    with site.store.write(context) as work:
        row = LedgerJob(
            tenant_id=work.tenant_id,
            id=work.key(),
            uid=uid,
            state="running",
            first=first,
            last=end,
            asked_by=context.actor.login,
            started_at=context.at,
        )
        work.add(row)
    work_on = threading.Thread(
        target=_run, args=(site, context, uid, span), name="qtcore-verify", daemon=True
    )
    work_on.start()
    work_on.join(wait_seconds)
    return read_verification(site, context, uid)


def read_verification(site: Site, context: Context, uid: str) -> Progress:
    """Read how far a verification is; raises NotFound."""
    require(site, context, "ledger.verify")
    with site.store.read() as session:
        row = session.exec(
            select(LedgerJob).where(
                LedgerJob.tenant_id == site.store.tenant_id, LedgerJob.uid == uid
            )
        ).first()
    if row is None:
        raise NotFound(f"there is no verification {uid!r}")
    return Progress(row.uid, row.state, row.first, row.last, row.done, row.verdict)


def _run(site: Site, context: Context, uid: str, span: Span) -> None:
    try:
        found = verify_history(site, context, span=span, progress=_teller(site, uid))
        _tell(site, uid, state="finished", done=found.verdict.events, verdict=found.as_json())
    except QTCoreError as error:
        _LOG.error("verification failed", code=error.code, error=error.message)
        _tell(site, uid, state="failed", verdict={"code": error.code, "message": error.message})


def _teller(site: Site, uid: str) -> Callable[[int, int], None]:
    told = time.monotonic()

    def tell(done: int, _total: int) -> None:
        nonlocal told
        if time.monotonic() - told >= _TELL_EVERY:
            told = time.monotonic()
            _tell(site, uid, done=done)

    return tell


def _tell(site: Site, uid: str, **values: Any) -> None:
    with site.store.plumbing() as session:
        row = session.exec(
            select(LedgerJob).where(
                LedgerJob.tenant_id == site.store.tenant_id, LedgerJob.uid == uid
            )
        ).one()
        for name, value in values.items():
            setattr(row, name, value)
        if values.get("state"):
            row.finished_at = site.sources.now()
