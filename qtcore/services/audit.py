"""The history: sealed, verified and shown.

It must not know business tables; what is shown is read from the bytes that were hashed.
"""

import time
from dataclasses import dataclass
from typing import Any

from qtcore.context import Context
from qtcore.engines.ledger import HistoryVerdict, Trust, Witnessed, key_of
from qtcore.errors import InputRejected
from qtcore.services.rights import require
from qtcore.services.site import Site
from qtcore.store.history import verify_store
from qtcore.store.queries.ledger import LedgerRow, count_pending, list_ledger, sealed_up_to
from qtcore.store.sealing import seal_pending

MAX_ROWS = 500


@dataclass(frozen=True, slots=True)
class LedgerPage:
    """A slice of the ledger, newest first, with how far it is sealed."""

    rows: tuple[LedgerRow, ...]
    sealed: int
    pending: int

    def as_json(self) -> dict[str, Any]:
        """Give the shape of the API."""
        return {
            "items": [row.as_json() for row in self.rows],
            "sealed": self.sealed,
            "pending": self.pending,
        }


@dataclass(frozen=True, slots=True)
class Verified:
    """The verdict on a history and the seconds it took."""

    verdict: HistoryVerdict
    seconds: float

    def as_json(self) -> dict[str, Any]:
        """Give the shape of the API."""
        found = self.verdict
        return {
            "ok": found.ok,
            "events": found.events,
            "signed_size": found.signed_size,
            "pending": found.pending,
            "redacted": found.redacted,
            "root": found.root_hex,
            "problems": [
                {"kind": p.kind, "seq": p.seq, "message": p.message} for p in found.problems
            ],
            "seconds": f"{self.seconds:.3f}",
        }


def seal(site: Site) -> int:
    """Seal every committed event that is not in the tree yet; returns the size of the tree."""
    tenant = site.store.tenant_id
    while True:
        seal_pending(site.store, site.signer)
        with site.store.read() as session:
            if count_pending(session, tenant) == 0:
                return sealed_up_to(session, tenant)


def verify_history(
    site: Site, context: Context, *, witness: tuple[int, str] | None = None
) -> Verified:
    """Re-hash the whole history and compare it with the tree and the signed checkpoints.

    `witness` is a size and root (hex) kept outside the database: with it a cut or rewritten
    history is found even when the signing key was stolen.
    """
    require(site, context, "ledger.verify")
    key = key_of(site.signer.name, site.signer.private_key)
    trust = Trust(site.signer.name, (key,), witness=_witnessed(witness))
    started = time.perf_counter()
    verdict = verify_store(site.store, trust)
    return Verified(verdict, time.perf_counter() - started)


def _witnessed(witness: tuple[int, str] | None) -> Witnessed | None:
    if witness is None:
        return None
    size, root = witness
    try:
        return Witnessed(size, bytes.fromhex(root))
    except ValueError as exc:
        raise InputRejected(f"root {root!r} is not hexadecimal; copy it from a checkpoint") from exc


def read_ledger(
    site: Site,
    context: Context,
    *,
    about: str = "",
    action: str = "",
    before: int | None = None,
    limit: int = 50,
) -> LedgerPage:
    """List ledger events, newest first; `about` is a public id, `action` a prefix such as ``lot.``.

    `before` continues after a row's number.
    """
    require(site, context, "ledger.read")
    if not 1 <= limit <= MAX_ROWS:
        raise InputRejected(f"limit {limit} is not accepted; give 1 to {MAX_ROWS}")
    tenant = site.store.tenant_id
    with site.store.read() as session:
        rows = list_ledger(session, tenant, about=about, action=action, before=before, limit=limit)
        return LedgerPage(
            tuple(rows), sealed_up_to(session, tenant), count_pending(session, tenant)
        )
