"""Signatures: name, time and meaning, bound to the bytes that were signed (21 CFR 11.50, 11.70).

It must not know workflows, nor how a proof is checked.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from sqlmodel import Session

from qtcore.context import Context
from qtcore.definitions.workflows import SignatureDemand
from qtcore.engines.ledger import canonical_bytes
from qtcore.errors import Conflict, Denied, Refusal
from qtcore.services.sign_content import (
    FORMAT,
    SignedContent,
    digest_of,
    list_differences,
    read_content,
    text_digest,
)
from qtcore.services.sign_demands import needs_of, standing_refusals
from qtcore.services.sign_proofs import Proof, Proven, check_proof
from qtcore.services.site import Site
from qtcore.store.tables import Signature
from qtcore.store.unit import UnitOfWork

Asks = Callable[[Site, Session, Context, SignatureDemand], list[Refusal]]


def prove_signer(
    site: Site,
    context: Context,
    demands: Sequence[SignatureDemand],
    proof: Proof,
    *,
    asks: Asks = standing_refusals,
) -> tuple[Proven | None, list[Refusal]]:
    """Say why this person's signature cannot be taken, or how they proved who they are.

    `asks` says why a signature would not count yet. A wrong proof is counted and noted in the
    ledger. Raises CannotVerify when it could be neither right nor wrong.
    """
    with site.store.read() as session:
        refusals = [
            refusal for demand in demands for refusal in asks(site, session, context, demand)
        ]
    if refusals:
        return None, list(dict.fromkeys(refusals))
    return check_proof(site, context, needs_of(site, context, demands), proof)


def write_signature(
    site: Site,
    work: UnitOfWork,
    demand: SignatureDemand,
    signed: SignedContent,
    *,
    proven: Proven,
    reason: str = "",
) -> Signature:
    """Write a signature inside the unit of work that makes the signed change.

    Raises Conflict when what would be signed is not what the signer saw.
    """
    text = signed_text(site, work.context, demand, signed, reason=reason)
    digest = text_digest(text)
    _require_seen(proven, text, digest)
    actor, language = work.context.actor, work.context.language
    row = Signature(
        tenant_id=work.tenant_id,
        id=work.key(),
        uid=work.new_uid(),
        subject_kind=signed.kind,
        subject_uid=signed.uid,
        subject_revision=signed.revision,
        content_sha256=digest,
        content=text,
        subject_sha256=signed.part_sha256 if signed.part else "",
        person_id=actor.person_id,
        signer_login=actor.login,
        signer_name=actor.name,
        signer_roles=sorted(actor.roles),
        meaning=demand.meaning,
        meaning_text=site.registry.text(f"signatures.{demand.meaning}", language),
        language=language,
        signed_at=work.context.at,
        **_place(site, work.context),
        method=proven.method,
        components=proven.components,
        factor_uid=proven.factor_id,
        assertion=dict(proven.assertion),
        intent_uid=proven.intent_id,
        delegation_uid=",".join(actor.delegations)[:400],
        on_behalf_of=", ".join(actor.acting_for)[:400],
        profile=demand.profile,
        reason=reason,
        registry_fingerprint=site.registry.fingerprint,
    )
    work.add(row)
    work.log(
        "sign",
        "signature",
        row.uid,
        reason=reason,
        about=[signed.uid],
        details=_told(row),
        private={"signer_name": row.signer_name},
    )
    return row


def _told(row: Signature) -> dict[str, object]:
    """Say in the history what was signed and how it was proven; of a passkey's answer the digest.

    `check_books` holds the row against it.
    """
    return {
        "meaning": row.meaning,
        "meaning_text": row.meaning_text,
        "content": row.content_sha256,
        "revision": row.subject_revision,
        "method": row.method,
        "components": row.components,
        "zone": row.zone,
        "factor": row.factor_uid,
        "intent": row.intent_uid,
        "assertion": digest_of(row.assertion),
    }


def signed_text(
    site: Site, context: Context, demand: SignatureDemand, signed: SignedContent, *, reason: str
) -> str:
    """Give the canonical text that is signed: who, which meaning, in whose place, and the content.

    It holds no moment: the same text is made when it is shown and when it is signed.
    """
    actor = context.actor
    head = {
        "format": FORMAT,
        "subject": {"kind": signed.kind, "id": signed.uid, "revision": signed.revision},
        "meaning": {
            "code": demand.meaning,
            "text": site.registry.text(f"signatures.{demand.meaning}", context.language),
        },
        "language": context.language,
        "signer": {
            "name": actor.name,
            "account": actor.uid,
            "roles": sorted(actor.roles),
            "for": list(actor.acting_for),
            "delegations": list(actor.delegations),
        },
        "profile": demand.profile,
        "reason": reason,
        "definitions": site.registry.fingerprint,
    }
    part = {"record": dict(signed.part)} if signed.part else {}
    text: bytes = canonical_bytes({**head, **part, "content": dict(signed.content)})
    return text.decode()


def _place(site: Site, context: Context) -> dict[str, str]:
    """Say where the signer was: session, device, address, and the local time's offset and zone."""
    local = local_time(site, context.at)
    offset = local.strftime("%z")
    return {
        "session_uid": context.session_id,
        "device": context.device[:200],
        "ip": context.ip[:60],
        "utc_offset": f"{offset[:3]}:{offset[3:5]}",
        "zone": str(local.tzinfo)[:60],
    }


def local_time(site: Site, moment: datetime) -> datetime:
    """Give a moment in the zone of the site."""
    return moment.astimezone(site.sources.zone)


def _require_seen(proven: Proven, text: str, digest: str) -> None:
    if not proven.expects or digest in proven.expects:
        return
    seen = _nearest(proven.expects.values(), text)
    told = read_content(text)
    changed = "; ".join(list_differences(read_content(seen), told))
    part = told.get("record", {})
    name = part.get("number") or part.get("lot_no") or "the record"
    raise Conflict(
        f"{name} changed since you saw it, nothing is signed: {changed}. Open it again, "
        "review it, and sign what it says now",
        code="QT474",
    )


def _nearest(seen: Iterable[str], text: str) -> str:
    """Of the texts that were shown, take the one about the same thing."""
    subject = read_content(text).get("subject", {}).get("id")
    texts = list(seen)
    same = [each for each in texts if read_content(each).get("subject", {}).get("id") == subject]
    return (same or texts)[0]


def role_change(context: Context, roles: Sequence[str]) -> None:
    """Refuse when the roles are not those the signer held when the record was shown; Denied."""
    if sorted(context.actor.roles) == sorted(roles):
        return
    text = "your roles changed since the record was shown to you; nothing is signed"
    raise Denied(text, [Refusal("QT470", text, fix="open the record again")])
