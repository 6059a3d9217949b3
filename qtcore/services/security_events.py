"""What happened around sign-in and rights, as an administrator reads it: alerts and the rest.

It must not judge; what is an alert is told by the kind of event alone.
"""

from collections import Counter
from dataclasses import dataclass
from typing import Final

from qtcore.context import Context
from qtcore.services.rights import COMPANY, require
from qtcore.services.site import Site
from qtcore.store.queries.ledger import LedgerRow, list_ledger
from qtcore.store.queries.ledger_facets import Wanted

ALERTS: Final = (
    "sign.locked",
    "sign_in.locked",
    "sign.failed",
    "sign_in.new_address",
    "sign_in.failed",
    "denied",
)
"""The kinds that somebody should look at, the gravest first."""
_KINDS: Final = (
    *ALERTS,
    *("sign_in", "credential.", "identity.", "session.", "token.", "user."),
    *("signer.", "sign.unlocked", "factor.enrol", "factor.revoke", "policy.", "delegation."),
)
_MOST: Final = 100


@dataclass(frozen=True, slots=True)
class SecurityEvents:
    """The newest events, and how many of each kind of alert are among them."""

    rows: tuple[LedgerRow, ...]
    alerts: dict[str, int]


def list_security_events(site: Site, context: Context) -> SecurityEvents:
    """List the newest security events: sign-ins, failures, locks, denials, changes of accounts."""
    require(site, context, "user.manage", thing=COMPANY)
    found: dict[int, LedgerRow] = {}
    with site.store.read() as session:
        for kind in _KINDS:
            wanted = Wanted(action=kind)
            piece = list_ledger(session, site.store.tenant_id, wanted=wanted, limit=_MOST)
            found.update({row.number: row for row in piece})
    rows = tuple(found[number] for number in sorted(found, reverse=True)[:_MOST])
    counts = Counter(row.action for row in rows if row.action in ALERTS)
    return SecurityEvents(rows, {kind: counts[kind] for kind in ALERTS if counts[kind]})
