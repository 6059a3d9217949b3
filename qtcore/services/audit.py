"""The history: sealed, verified and shown.

It must not know business tables; what is shown is read from the bytes that were hashed.
"""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

from qtcore.context import Context
from qtcore.engines.ledger import HistoryProblem, HistoryVerdict, Trust, Witnessed
from qtcore.errors import DatabaseDamaged, InputRejected
from qtcore.services.outside import check_outside
from qtcore.services.rights import require
from qtcore.services.site import Site
from qtcore.services.veils import hidden_anywhere, veil_entry
from qtcore.store.history import WHOLE, Span, not_readable, verify_store
from qtcore.store.lease import release_lease
from qtcore.store.queries.ledger import LedgerRow, count_pending, list_ledger, sealed_up_to
from qtcore.store.sealing import base_origin, seal_pending

MAX_ROWS = 500
_ROOT: Final = re.compile("[0-9a-fA-F]{64}")


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
        places = sorted(found.problems, key=lambda p: (p.seq is None, p.seq or 0))
        problems = [{"kind": p.kind, "seq": p.seq, "message": p.message} for p in places]
        return {
            "ok": found.ok,
            "first_problem": problems[0] if problems else None,
            "events": found.events,
            "signed_size": found.signed_size,
            "pending": found.pending,
            "redacted": found.redacted,
            "root": found.root_hex,
            "problems": problems,
            "notices": [
                {"kind": n.kind, "seq": n.seq, "message": n.message} for n in found.notices
            ],
            "seconds": f"{self.seconds:.3f}",
        }


def seal(site: Site, *, keeps_lease: bool = False) -> int:
    """Seal every event that is committed now and not in the tree yet; returns the tree's size.

    What is committed meanwhile is left to the next call: others may write without end.
    `keeps_lease`: for a sequencer that comes again; others give it back at once. While another
    process holds the lease, that one seals, and nothing is done here.
    """
    tenant = site.store.tenant_id
    with site.store.read() as session:
        wanted = sealed_up_to(session, tenant) + count_pending(session, tenant)
    sealed = seal_pending(site.store, site.signer)
    has_sealed = sealed is not None
    while sealed is not None and sealed.size < wanted:
        sealed = seal_pending(site.store, site.signer)
    if has_sealed and not keeps_lease:
        release_lease(site.store)
    with site.store.read() as session:
        return sealed_up_to(session, tenant)


def trust_of(site: Site, witness: tuple[int, str] | None = None) -> Trust:
    """Give what a check starts from: the name of the log, its keys, and a witnessed state."""
    signer = site.signer
    return Trust(
        base_origin(site.store, signer),
        (signer.key,),
        witness=_witnessed(witness),
        retired=signer.retired,
    )


def read_span(site: Site, first: int = 0, last: int | None = None) -> tuple[Span, int]:
    """Give the span from `first` to `last` or the newest event, and the number of its last event.

    Raises InputRejected where not all of it is sealed.
    """
    with site.store.read() as session:
        sealed = sealed_up_to(session, site.store.tenant_id)
    end = sealed - 1 if last is None else last
    if first == 0 and last in (None, sealed - 1):
        return WHOLE, end
    if not 0 <= first <= end < sealed:
        there = f"0 to {sealed - 1} are" if sealed else "none is"
        raise InputRejected(f"events {first} to {end} are not all sealed; {there}")
    return Span(first, None if end == sealed - 1 else end), end


def verify_history(
    site: Site,
    context: Context,
    *,
    witness: tuple[int, str] | None = None,
    span: Span = WHOLE,
    progress: Callable[[int, int], None] | None = None,
) -> Verified:
    """Re-hash the history, or a span of it, and compare it with the tree and the checkpoints.

    The whole history is also held against the log of the instance and the copies of the witnesses.
    `witness` is a size and root (hex) kept outside the database: with it a cut or rewritten
    history is found even when the signing key was stolen. `progress` is told the events
    checked, and of how many.
    """
    require(site, context, "ledger.verify")
    started = time.perf_counter()
    trust = trust_of(site, witness)
    verdict = verify_store(site.store, trust, span=span, progress=progress)
    if span == WHOLE:
        problems = (*verdict.problems, *_check_outside(site, trust))
        verdict = replace(verdict, ok=not problems, problems=problems)
    return Verified(verdict, time.perf_counter() - started)


def _check_outside(site: Site, trust: Trust) -> tuple[HistoryProblem, ...]:
    try:
        with site.store.read() as session:
            return tuple(check_outside(session, site, trust))
    except DatabaseDamaged as error:
        return (not_readable(error),)


def _witnessed(witness: tuple[int, str] | None) -> Witnessed | None:
    if witness is None:
        return None
    size, root = witness
    if not _ROOT.fullmatch(root) or not 0 <= size < 1 << 63:
        raise InputRejected(
            f"size {size} and root {root[:80]!r} are no state of a log; a size is a whole number, "
            "a root 64 hexadecimal digits: copy both from one checkpoint"
        )
    return Witnessed(size, bytes.fromhex(root))


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
        hidden = hidden_anywhere(site, context)
        shown = tuple(veil_entry(row, hidden) for row in rows)
        return LedgerPage(shown, sealed_up_to(session, tenant), count_pending(session, tenant))
