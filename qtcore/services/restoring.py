"""After a restored backup: QA signs what was lost, and the log goes on as its next incarnation.

It must not restore anything itself; see `qtcore.services.backup`.
"""

from dataclasses import dataclass

from sqlalchemy import func, select

from qtcore.context import Context
from qtcore.definitions.workflows import SignatureDemand
from qtcore.errors import InputRejected, Refused
from qtcore.services.audit import seal
from qtcore.services.rights import require
from qtcore.services.sign_content import SignedContent
from qtcore.services.sign_proofs import Proof
from qtcore.services.signing import prove_signer, write_signature
from qtcore.services.site import Site
from qtcore.services.witnessing import tell_witnesses
from qtcore.store.columns import table_of
from qtcore.store.queries.ledger import sealed_up_to
from qtcore.store.tables import LedgerCosignature, LedgerIncarnation

DEMAND = SignatureDemand(meaning="approved", profile="strict")
_COSIGNATURE = table_of(LedgerCosignature)
_INCARNATION = table_of(LedgerIncarnation)


@dataclass(frozen=True, slots=True)
class Lost:
    """What a witness has seen and the database does not hold; both ends are numbers of events."""

    witness: str
    first: int
    last: int
    incarnation: int

    def as_json(self) -> dict[str, object]:
        """Give the shape of the API."""
        return {
            "witness": self.witness,
            "from": self.first,
            "to": self.last,
            "incarnation": self.incarnation,
        }


def find_lost(site: Site) -> Lost | None:
    """Ask the witnesses what the database has lost; None when they all agree with it."""
    ahead = [s for s in tell_witnesses(site) if s.standing in ("ahead", "fork")]
    if not ahead:
        return None
    worst = max(ahead, key=lambda seen: seen.size or 0)
    with site.store.read() as session:
        tenant = site.store.tenant_id
        sealed = sealed_up_to(session, tenant)
        number = session.execute(
            select(func.max(_INCARNATION.c.number)).where(_INCARNATION.c.tenant_id == tenant)
        ).scalar_one()
        agreed = session.execute(
            select(func.max(_COSIGNATURE.c.size)).where(
                _COSIGNATURE.c.tenant_id == tenant, _COSIGNATURE.c.witness == worst.witness
            )
        ).scalar_one()
    # What was written here while the witness was away stands where lost events stood: the loss
    # begins at the last state that this witness has seen of both.
    first = min(sealed, int(agreed or (sealed if worst.standing == "ahead" else 0)))
    last = max((worst.size or 0) - 1, first)
    return Lost(worst.witness, first, last, max(int(number or 1) + 1, 2))


def accept_restore(site: Site, context: Context, *, password: str, reason: str) -> Lost:
    """Sign the loss and go on: an event names the lost range, and writing is allowed again.

    Raises InputRejected when nothing was lost or no reason is given, Refused when this person's
    signature cannot be taken, Denied without the right.
    """
    fence, site.store.fence = site.store.fence, ""
    is_done = False
    try:
        lost = _accept(site, context, password=password, reason=reason)
        is_done = True
    finally:
        if not is_done:
            site.store.fence = fence
    seal(site)
    tell_witnesses(site)
    return lost


def _accept(site: Site, context: Context, *, password: str, reason: str) -> Lost:
    require(site, context, "ledger.review", about="restore")
    if not reason.strip():
        raise InputRejected("say why the backup was restored: a reason is needed")
    lost = find_lost(site)
    site.store.fence = ""
    if lost is None:
        raise InputRejected("no witness has seen more than this database holds: nothing was lost")
    proven, refusals = prove_signer(site, context, [DEMAND], Proof(password))
    if proven is None:
        raise Refused(f"the restore is not accepted: {refusals[0].message}", refusals)
    with site.store.write(context) as work:
        content = {**lost.as_json(), "reason": reason}
        signed = SignedContent("ledger", site.store.tenant_uid, lost.incarnation, content)
        write_signature(site, work, DEMAND, signed, proven=proven, reason=reason)
        size = sealed_up_to(work.session, work.tenant_id)
        details = {**lost.as_json(), "size": size}
        uid = site.store.tenant_uid
        event = work.log("ledger.restore", "ledger", uid, reason=reason, details=details)
        work.add(
            LedgerIncarnation(
                tenant_id=work.tenant_id,
                number=lost.incarnation,
                from_size=size,
                lost_to=lost.last,
                witness=lost.witness,
                event_uid=event,
                accepted_at=context.at,
            )
        )
    return lost
