"""Signatures: name, time and meaning, bound to the bytes that were signed (21 CFR 11.50, 11.70).

It must not know workflows; the profile asked for decides how the signer proves who they are.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from qtcore.context import Context
from qtcore.definitions.workflows import SignatureDemand
from qtcore.engines.ledger import canonical_bytes
from qtcore.errors import NotSignedIn, Refusal
from qtcore.services.accounts import check_password
from qtcore.services.site import Site
from qtcore.store.tables import Signature
from qtcore.store.unit import UnitOfWork


@dataclass(frozen=True, slots=True)
class SignedContent:
    """What is signed: its kind, public id, revision and content."""

    kind: str
    uid: str
    revision: int
    content: Mapping[str, Any]


def signature_refusals(
    site: Site, context: Context, demand: SignatureDemand | None, password: str
) -> list[Refusal]:
    """Say why this person's signature cannot be taken; a wrong password is noted in the ledger."""
    if demand is None:
        return []
    roles = [site.registry.find("roles", role) for role in sorted(context.actor.roles)]
    if not any(role is not None and role.may_sign for role in roles):
        return [
            Refusal(
                "QT470",
                f"{context.actor.name or context.actor.login} may not sign: none of their roles "
                "carries signatures",
                fix="somebody with a quality or production role signs",
            )
        ]
    if not password:
        return [
            Refusal(
                "QT471",
                f"this step is signed as {demand.meaning!r}: the password is asked again",
                fix="enter your password to sign",
            )
        ]
    try:
        check_password(site, context, context.actor.login, password)
    except NotSignedIn:
        return [Refusal("QT472", "the password for the signature is wrong", fix="try again")]
    return []


def write_signature(
    site: Site,
    work: UnitOfWork,
    demand: SignatureDemand,
    signed: SignedContent,
    *,
    reason: str = "",
) -> Signature:
    """Write a signature inside the unit of work that makes the signed change."""
    actor, language = work.context.actor, work.context.language
    row = Signature(
        tenant_id=work.tenant_id,
        id=work.key(),
        uid=work.new_uid(),
        subject_kind=signed.kind,
        subject_uid=signed.uid,
        subject_revision=signed.revision,
        content_sha256=sha256(canonical_bytes(dict(signed.content))).hexdigest(),
        person_id=actor.person_id,
        signer_login=actor.login,
        signer_name=actor.name,
        signer_roles=sorted(actor.roles),
        meaning=demand.meaning,
        meaning_text=site.registry.text(f"signatures.{demand.meaning}", language),
        language=language,
        signed_at=work.context.at,
        method="password",
        profile=demand.profile,
        reason=reason,
    )
    work.add(row)
    work.log(
        "sign",
        "signature",
        row.uid,
        reason=reason,
        about=[signed.uid],
        details={
            "meaning": row.meaning,
            "meaning_text": row.meaning_text,
            "content": row.content_sha256,
            "revision": row.subject_revision,
        },
        private={"signer_name": row.signer_name},
    )
    return row
