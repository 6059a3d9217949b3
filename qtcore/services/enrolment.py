"""Enrolment of second factors: an authenticator app, a passkey.

It must not know what is signed with them. Who adds a factor proves who they are first: an open
screen is no identity. A factor counts only once its first code or its registration was verified.
"""

import json
from base64 import b32encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from io import BytesIO
from typing import Any, Final

import pyotp
import segno
import webauthn
from sqlmodel import Session, col, select
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from qtcore.context import Context
from qtcore.errors import Fault, InputRejected, NotFound, Refused
from qtcore.services.factors import RelyingParty, find_step, list_factors
from qtcore.services.sign_proofs import Proof, require_proof
from qtcore.services.sign_tries import clear_tries, count_wrong, take_try
from qtcore.services.site import Site
from qtcore.store.secret_box import seal_secret
from qtcore.store.tables import SigningFactor
from qtcore.store.unit import UnitOfWork

# A secret that was shown and never confirmed must not wait for whoever photographed it.
BEGUN_LASTS: Final = timedelta(minutes=15)
_MAX_NAME: Final = 80


@dataclass(frozen=True, slots=True)
class NewTotp:
    """A secret to be put into an authenticator app; shown once.

    `picture` is the address as a QR code: an SVG document, made here and by nobody else.
    """

    factor_id: str
    secret: str
    address: str
    picture: bytes


def begin_totp(site: Site, context: Context, name: str, proof: Proof) -> NewTotp:
    """Make the secret of a new authenticator app; it counts once its first code is confirmed.

    Raises Refused when the proof is wrong or missing.
    """
    require_proof(site, context, proof)
    raw = site.sources.random_bytes(20)
    secret = b32encode(raw).decode()
    with site.store.write(context) as work:
        row = _new(work, "totp", name)
        nonce = site.sources.random_bytes(12)
        row.material = seal_secret(site.signer, raw, owner=row.uid, nonce=nonce)
        work.add(row)
        work.log("factor.begin", "factor", row.uid, about=[context.actor.uid])
    address = pyotp.TOTP(secret).provisioning_uri(name=context.actor.login, issuer_name="QTCore")
    return NewTotp(row.uid, secret, address, qr_code(address))


def qr_code(text: str) -> bytes:
    """Draw a QR code as an SVG document, dark on white with the quiet zone a camera needs."""
    drawn = BytesIO()
    segno.make(text, error="m").save(drawn, kind="svg", scale=5, border=4, light="#fff")
    return drawn.getvalue()


def confirm_totp(site: Site, context: Context, factor_id: str, code: str) -> None:
    """Confirm a new authenticator app with a code it shows; wrong codes count as wrong proofs.

    Raises NotFound, or InputRejected for a wrong code.
    """
    with site.store.read() as session:
        row = _begun(session, site.store.tenant_id, (context, "totp", factor_id))
    locked = take_try(site, context)
    if locked is not None:
        raise Refused(locked.message, [locked])
    step = find_step(site, row, code)
    if step is None:
        count_wrong(site, context, method="totp")
        said = "this code does not fit; wait for the next one the app shows"
        raise InputRejected(f"the app is not enrolled: {said}", [Fault("QT472", said, "code")])
    clear_tries(site, context)
    _confirm(site, context, row, {"counter": step})


def begin_passkey(
    site: Site, context: Context, party: RelyingParty, proof: Proof
) -> tuple[str, dict[str, Any]]:
    """Give the id of the new factor, and the options for the browser to make a passkey with.

    Raises Refused when the proof is wrong or missing.
    """
    require_proof(site, context, proof)
    with site.store.read() as session:
        known = list_factors(session, site.store.tenant_id, context.actor.user_id or 0)
    with site.store.write(context) as work:
        row = _new(work, "passkey", "")
        row.material = site.sources.random_bytes(32)  # the challenge, until the key takes its place
        row.relying_party = party.name
        work.add(row)
        work.log("factor.begin", "factor", row.uid, about=[context.actor.uid])
    options = webauthn.generate_registration_options(
        rp_id=party.name,
        rp_name="QTCore",
        user_name=context.actor.login,
        user_display_name=context.actor.name or context.actor.login,
        user_id=context.actor.uid.encode(),
        challenge=row.material,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.PREFERRED,
            user_verification=UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=[
            PublicKeyCredentialDescriptor(id=base64url_to_bytes(each.credential_id))
            for each in known
            if each.kind == "passkey"
        ],
    )
    return row.uid, json.loads(webauthn.options_to_json(options))


def confirm_passkey(
    site: Site,
    context: Context,
    factor_id: str,
    answer: tuple[Mapping[str, Any], RelyingParty, str],
) -> None:
    """Keep the public key of a passkey; `answer` is the browser's, for whom, and a name for it.

    Raises NotFound, or InputRejected when the answer does not verify: another challenge, another
    origin, or a key that did not verify its user (21 CFR 11.200(b)).
    """
    credential, party, name = answer
    with site.store.read() as session:
        row = _begun(session, site.store.tenant_id, (context, "passkey", factor_id))
    try:
        verified = webauthn.verify_registration_response(
            credential=dict(credential),
            expected_challenge=row.material,
            expected_rp_id=party.name,
            expected_origin=party.origin,
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, KeyError, TypeError) as exc:
        fault = Fault("QT472", f"the passkey does not verify: {exc}", "passkey")
        raise InputRejected("the passkey is not enrolled", [fault]) from exc
    _confirm(
        site,
        context,
        row,
        {
            "material": verified.credential_public_key,
            "credential_id": bytes_to_base64url(verified.credential_id),
            "counter": verified.sign_count,
            "name": (name.strip() or row.name)[:_MAX_NAME],
        },
    )


def _confirm(site: Site, context: Context, row: SigningFactor, values: dict[str, Any]) -> None:
    with site.store.write(context) as work:
        work.change(row, confirmed_at=site.sources.now(), **values)
        details = {"kind": row.kind, "name": row.name}
        work.log("factor.enrol", "factor", row.uid, about=[context.actor.uid], details=details)


def _new(work: UnitOfWork, kind: str, name: str) -> SigningFactor:
    return SigningFactor(
        tenant_id=work.tenant_id,
        id=work.key(),
        uid=work.new_uid(),
        user_id=work.context.actor.user_id or 0,
        kind=kind,
        name=(name.strip() or kind)[:_MAX_NAME],
        material=b"",
        created_at=work.context.at,
    )


def _begun(session: Session, tenant_id: int, asked: tuple[Context, str, str]) -> SigningFactor:
    """Find an enrolment that this account began a short while ago; raises NotFound."""
    context, kind, factor_id = asked
    row = session.exec(
        select(SigningFactor).where(
            SigningFactor.tenant_id == tenant_id,
            SigningFactor.uid == factor_id,
            SigningFactor.kind == kind,
            SigningFactor.user_id == (context.actor.user_id or 0),
            col(SigningFactor.confirmed_at).is_(None),
            col(SigningFactor.revoked_at).is_(None),
        )
    ).first()
    if row is None or row.created_at + BEGUN_LASTS <= context.at:
        minutes = BEGUN_LASTS // timedelta(minutes=1)
        raise NotFound(
            f"this enrolment is not known, was finished, or is older than {minutes} minutes; "
            "begin it again"
        )
    return row
