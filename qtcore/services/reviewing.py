"""Review of the history: somebody has looked at all that was done to a thing, and signs for it.

It must not judge what was done. A review counts up to a place in the sealed order; what comes later
is not reviewed (EU GMP Annex 11, 9).
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from qtcore.context import Context
from qtcore.definitions.workflows import SignatureDemand
from qtcore.errors import InputRejected, Refused
from qtcore.services.lengths import MOST_REASON, refuse_long
from qtcore.services.rights import require
from qtcore.services.sealing import aware
from qtcore.services.sign_content import SignedContent
from qtcore.services.sign_proofs import Proof
from qtcore.services.signing import prove_signer, write_signature
from qtcore.services.site import Site
from qtcore.store.columns import table_of
from qtcore.store.proofs import list_entries_about
from qtcore.store.queries.ledger import sealed_up_to
from qtcore.store.tables import LedgerAbout, LedgerReview, LedgerSeal

DEMAND = SignatureDemand(meaning="reviewed", profile="session")
_REVIEW = table_of(LedgerReview)
_SEAL = table_of(LedgerSeal)
_ABOUT = table_of(LedgerAbout)


@dataclass(frozen=True, slots=True)
class Review:
    """One review: up to which place, how many entries, by whom and when, with its signature."""

    up_to: int
    entries: int
    reviewed_by: str
    reviewed_at: datetime
    remark: str
    signature_id: str

    def as_json(self) -> dict[str, Any]:
        """Give the shape of the API."""
        return {
            "up_to": self.up_to,
            "entries": self.entries,
            "reviewed_by": self.reviewed_by,
            "reviewed_at": self.reviewed_at.isoformat(),
            "remark": self.remark,
            "signature_id": self.signature_id,
        }


@dataclass(frozen=True, slots=True)
class Reviews:
    """The reviews of a thing, newest first, and how many sealed entries came after the last."""

    done: tuple[Review, ...]
    open: int


def review_history(
    site: Site, context: Context, subject: str, *, proof: Proof, remark: str = ""
) -> Review:
    """Sign that all sealed entries about a public id were reviewed.

    Raises Denied without the right, Refused when the signature cannot be taken, InputRejected when
    nothing is sealed about it or nothing new came since the last review.
    """
    require(site, context, "ledger.review", about=subject)
    refuse_long("the review is not signed", MOST_REASON, remark=remark)
    tenant = site.store.tenant_id
    with site.store.read() as session:
        sealed = sealed_up_to(session, tenant)
        entries, _ = list_entries_about(session, tenant, subject, below=sealed)
    if not entries:
        raise InputRejected(f"nothing that is sealed tells of {subject!r}: nothing to review")
    if not read_reviews(site, context, subject).open:
        raise InputRejected("all entries are reviewed already")
    proven, refusals = prove_signer(site, context, [DEMAND], proof)
    if proven is None:
        raise Refused(f"the review is not signed: {refusals[0].message}", refusals)
    up_to = entries[-1].seq
    with site.store.write(context) as work:
        content = {"subject": subject, "up_to": up_to, "entries": len(entries), "remark": remark}
        signed = SignedContent("history", subject, up_to, content)
        signature = write_signature(site, work, DEMAND, signed, proven=proven, reason=remark)
        row = LedgerReview(
            tenant_id=work.tenant_id,
            id=work.key(),
            uid=work.new_uid(),
            subject_uid=subject,
            up_to=up_to,
            entries=len(entries),
            reviewed_by=context.actor.name or context.actor.login,
            reviewed_at=context.at,
            remark=remark,
            signature_uid=signature.uid,
        )
        work.add(row)
        details = {"up_to": up_to, "entries": len(entries)}
        work.log(
            "ledger.review", "review", row.uid, reason=remark, about=[subject], details=details
        )
        return _review(row)


def read_reviews(site: Site, context: Context, subject: str) -> Reviews:
    """Read the reviews of a public id, and how many entries came after the last one.

    The entries that the review itself leaves do not count as new.
    """
    require(site, context, "ledger.read")
    tenant = site.store.tenant_id
    with site.store.read() as session:
        rows = session.execute(
            select(_REVIEW)
            .where(_REVIEW.c.tenant_id == tenant, _REVIEW.c.subject_uid == subject)
            .order_by(_REVIEW.c.up_to.desc(), _REVIEW.c.id.desc())
        ).all()
        last = rows[0].up_to if rows else -1
        signed = [row.signature_uid for row in rows] + [row.uid for row in rows]
        own = select(_ABOUT.c.event_id).where(
            _ABOUT.c.tenant_id == tenant, _ABOUT.c.uid.in_(signed)
        )
        about = select(_ABOUT.c.event_id).where(
            _ABOUT.c.tenant_id == tenant, _ABOUT.c.uid == subject
        )
        waiting = session.execute(
            select(func.count())
            .select_from(_SEAL)
            .where(
                _SEAL.c.tenant_id == tenant,
                _SEAL.c.seq > last,
                _SEAL.c.event_id.in_(about),
                _SEAL.c.event_id.not_in(own),
            )
        ).scalar_one()
    return Reviews(tuple(_review(row) for row in rows), int(waiting))


def _review(row: Any) -> Review:
    return Review(
        row.up_to,
        row.entries,
        row.reviewed_by,
        aware(row.reviewed_at),
        row.remark,
        row.signature_uid,
    )
