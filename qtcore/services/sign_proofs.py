"""How a signer proves who they are: password, code, passkey over the very bytes, provider.

It must not know what is signed, nor count tries; see `qtcore.services.sign_tries`. "It could not be
checked" is never "it was wrong".
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256
from typing import Any, Final

import webauthn
from sqlmodel import col, select
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import PublicKeyCredentialDescriptor, UserVerificationRequirement

from qtcore.context import Context
from qtcore.engines.ledger import inclusion_path, leaf_hash, node_hash
from qtcore.errors import CannotVerify, Refusal, Refused, StoreUnavailable, TooManyTries
from qtcore.services.accounts import password_fits
from qtcore.services.factors import RelyingParty, find_step, list_factors
from qtcore.services.sign_demands import Needs, require_sure
from qtcore.services.sign_tries import (
    MOST_WRONG,
    clear_tries,
    count_wrong,
    give_back,
    locked_refusal,
    take_try,
)
from qtcore.services.site import Site
from qtcore.services.vouching import Brought, Visit, vouch, vouch_token
from qtcore.store.tables import LedgerEvent, SigningFactor

MOST_BEHIND: Final = timedelta(minutes=1)
TAG: Final = b"qtcore-signature/1\n"


@dataclass(frozen=True, slots=True)
class Passkey:
    """A passkey's answer, who it must be for, and the texts its challenge was made of."""

    answer: Mapping[str, Any]
    party: RelyingParty
    nonce: str
    texts: Sequence[str]


@dataclass(frozen=True, slots=True)
class Proof:
    """What somebody gave to prove who they are; what is empty was not given."""

    password: str = ""
    login: str = ""
    code: str = ""
    passkey: Passkey | None = None
    visit: Visit | Brought | None = None

    @property
    def is_empty(self) -> bool:
        """Say whether nothing was given at all."""
        return not (self.password or self.code or self.passkey or self.visit)


@dataclass(frozen=True, slots=True)
class Proven:
    """A proof that was checked: by which method, how many components, with which factor.

    `expects` are the digests of the texts the signer saw, and the texts; empty when the step and
    its signature were asked for at once. `intent_id` names the intent.
    """

    method: str
    components: int
    factor_id: str = ""
    assertion: Mapping[str, Any] = field(default_factory=dict)
    expects: Mapping[str, str] = field(default_factory=dict)
    intent_id: str = ""


def signing_challenge(nonce: str, texts: Sequence[str]) -> bytes:
    """Give what a passkey signs: a hash over a nonce and the Merkle root of the texts."""
    return sha256(TAG + bytes.fromhex(nonce) + bytes.fromhex(root_of(texts))).digest()


def signing_nonce(nonce: str, texts: Sequence[str]) -> str:
    """Give what an identity provider's token must repeat: the same challenge, as text."""
    return bytes_to_base64url(signing_challenge(nonce, texts))


def root_of(texts: Sequence[str]) -> str:
    """Give the RFC 9162 root over the bytes of each text, in their order, in hexadecimal."""
    leaves = [leaf_hash(text.encode()) for text in texts]
    return _subtree(leaves, 0, len(leaves)).hex()


def path_of(texts: Sequence[str], index: int) -> list[str]:
    """Give the hashes that join one text to the root, from below."""
    leaves = [leaf_hash(text.encode()) for text in texts]

    def hash_of(level: int, place: int) -> bytes:
        return _subtree(leaves, place << level, (place + 1) << level)

    return [each.hex() for each in inclusion_path(index, len(leaves), hash_of)]


def passkey_options(
    site: Site, context: Context, party: RelyingParty, asked: tuple[str, Sequence[str]]
) -> dict[str, Any] | None:
    """Give the options for the browser to sign with a passkey; None when there is none for here."""
    nonce, texts = asked
    with site.store.read() as session:
        known = list_factors(session, site.store.tenant_id, context.actor.user_id or 0)
    usable = [each for each in known if each.relying_party == party.name]
    if not usable:
        return None
    options = webauthn.generate_authentication_options(
        rp_id=party.name,
        challenge=signing_challenge(nonce, texts),
        allow_credentials=[
            PublicKeyCredentialDescriptor(id=base64url_to_bytes(each.credential_id))
            for each in usable
        ],
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    found: dict[str, Any] = json.loads(webauthn.options_to_json(options))
    return found


def check_proof(
    site: Site, context: Context, needs: Needs, proof: Proof
) -> tuple[Proven | None, list[Refusal]]:
    """Check a proof; a wrong one is counted and noted in the ledger, and the fifth locks.

    Raises CannotVerify when it could be neither right nor wrong; then nothing is counted.
    """
    missing = _missing(site, context, needs, proof)
    if missing:
        return None, [missing]
    locked = take_try(site, context)
    if locked is not None:
        return None, [locked]
    try:
        proven = _verify(site, context, needs, proof)
    except (CannotVerify, StoreUnavailable, TooManyTries) as exc:
        give_back(site, context)
        raise CannotVerify(f"your identity cannot be verified now: {exc.message}") from exc
    if proven is None:
        method = _method_of(proof)
        if count_wrong(site, context, method=method):
            return None, [locked_refusal()]
        return None, [_wrong(method)]
    clear_tries(site, context)
    if needs.second_factor and proven.method == "provider" and not proven.assertion["strong"]:
        return None, [_weak()]
    return proven, []


def _method_of(proof: Proof) -> str:
    if proof.visit:
        return "provider"
    return "passkey" if proof.passkey else "totp" if proof.code else "password"


def _weak() -> Refusal:
    return Refusal(
        "QT478",
        "this signature needs a second factor, and the identity provider told of none (amr)",
        fix="sign in there with a second factor, or use your passkey here",
        source="21 CFR 11.200(a)(1)",
    )


def require_proof(site: Site, context: Context, proof: Proof) -> None:
    """Let only the person themselves go on: an open screen is no identity.

    Raises Refused when the proof is wrong or missing, or when it is not sure who the person is;
    CannotVerify.
    """
    require_sure(site, context)
    _, refusals = check_proof(site, context, Needs(1), proof)
    if refusals:
        raise Refused(f"nothing is added: {refusals[0].message}", refusals)


def _wrong(method: str) -> Refusal:
    said = {
        "password": "the password for the signature is wrong",
        "totp": "the password or the code for the signature is wrong, or the code was used before",
        "passkey": "the passkey's answer does not fit what is signed here",
        "provider": "the identity provider does not vouch for this signature: another person "
        "signed in there, or nobody did so anew",
    }[method]
    return Refusal("QT472", said, fix=f"try again; {MOST_WRONG} wrong proofs lock signing")


def _missing(site: Site, context: Context, needs: Needs, proof: Proof) -> Refusal | None:
    """Say which component was not given at all; nothing is counted for that."""
    if proof.passkey is not None or proof.visit is not None:
        return None
    if not proof.password:
        return Refusal(
            "QT471",
            "this is signed: the password is asked again, or a passkey; neither was given",
            fix="enter your password to sign, or use your passkey",
        )
    # A request without a web session names its account itself, by token or on the command line.
    if needs.components == 2 and context.session_id and not proof.login:
        return Refusal(
            "QT478",
            "this signature begins a period of signing: it needs all components, and the "
            "login was not given",
            fix="enter login and password; in a continuous period the password alone suffices",
            source="21 CFR 11.200(a)(1)",
        )
    if proof.code or not asks_code(site, context, needs):
        return None
    return Refusal(
        "QT478",
        "this signature needs a second factor: no code was given",
        fix="enter the code of your authenticator app, or use your passkey; to enrol one open "
        "your name, Signing",
        source="21 CFR 11.200(a)(1)",
    )


def asks_code(site: Site, context: Context, needs: Needs) -> bool:
    """Say whether a password needs a code beside it: always for whoever enrolled an app."""
    if needs.second_factor or needs.components < 2:
        return needs.second_factor
    return any(each.kind == "totp" for each in _factors(site, context))


def _factors(site: Site, context: Context) -> list[SigningFactor]:
    with site.store.read() as session:
        return list_factors(session, site.store.tenant_id, context.actor.user_id or 0)


def _verify(site: Site, context: Context, needs: Needs, proof: Proof) -> Proven | None:
    if proof.passkey is not None:
        return _verify_passkey(site, context, proof.passkey)
    if proof.visit is not None:
        return _verify_visit(site, context, proof.visit)
    if proof.login and proof.login != context.actor.login:
        return None
    if not password_fits(site, context.actor.login, proof.password):
        return None
    components = 2 if proof.login or not context.session_id else 1
    if not proof.code:
        return Proven("password", components)
    factor = _verify_code(site, context, proof.code)
    return Proven("password+totp", 2, factor.uid) if factor is not None else None


def _verify_code(site: Site, context: Context, code: str) -> SigningFactor | None:
    """Check a time-based code and use it up: the same code is not taken a second time."""
    _require_clock(site)
    for each in _factors(site, context):
        step = find_step(site, each, code) if each.kind == "totp" else None
        if step is not None:
            return each if _use_up(site, context, each, step) else None
    return None


def _use_up(site: Site, context: Context, factor: SigningFactor, counter: int) -> bool:
    with site.store.write(context) as work:
        work.take_turn()
        known = list_factors(work.session, work.tenant_id, factor.user_id)
        row = next((each for each in known if each.uid == factor.uid), None)
        if row is None or row.counter >= counter > 0:
            return False
        if row.counter != counter:
            work.change(row, counter=counter)
            work.log("factor.use", "factor", row.uid, about=[context.actor.uid])
    return True


def _require_clock(site: Site) -> None:
    """Refuse to judge time-based codes by a clock that runs behind the history it wrote."""
    with site.store.read() as session:
        newest = session.exec(
            select(LedgerEvent.recorded_at)
            .where(LedgerEvent.tenant_id == site.store.tenant_id)
            .order_by(col(LedgerEvent.id).desc())
            .limit(1)
        ).first()
    now = site.sources.now()
    if newest is not None and newest - now > MOST_BEHIND:
        raise CannotVerify(
            f"the clock shows {now:%Y-%m-%d %H:%M} UTC and the history ends at "
            f"{newest:%Y-%m-%d %H:%M}; set the clock, or sign with password or passkey"
        )


def _verify_passkey(site: Site, context: Context, given: Passkey) -> Proven | None:
    known = {each.credential_id: each for each in _factors(site, context)}
    factor = known.get(str(given.answer.get("id", "")))
    if factor is None or factor.kind != "passkey":
        return None
    try:
        verified = webauthn.verify_authentication_response(
            credential=dict(given.answer),
            expected_challenge=signing_challenge(given.nonce, given.texts),
            expected_rp_id=given.party.name,
            expected_origin=given.party.origin,
            credential_public_key=factor.material,
            credential_current_sign_count=factor.counter,
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, KeyError, TypeError):
        return None
    if not _use_up(site, context, factor, verified.new_sign_count):
        return None
    response = given.answer.get("response", {})
    assertion = {
        "credential_id": factor.credential_id,
        "public_key": factor.material.hex(),
        "relying_party": given.party.name,
        "origin": given.party.origin,
        "client_data": str(response.get("clientDataJSON", "")),
        "authenticator_data": str(response.get("authenticatorData", "")),
        "signature": str(response.get("signature", "")),
        "nonce": given.nonce,
        "root": root_of(given.texts),
        "leaves": [sha256(text.encode()).hexdigest() for text in given.texts],
    }
    # A key that verified its user is something held and something only this person has or is.
    return Proven("passkey", 2, factor.uid, assertion)


def _verify_visit(site: Site, context: Context, given: Visit | Brought) -> Proven | None:
    if isinstance(given, Visit):
        vouched = vouch(site, context, given.arrived)
    else:
        nonce = signing_nonce(given.nonce, given.texts)
        vouched = vouch_token(site, context, given, nonce)
    if vouched is None:
        return None
    texts = given.texts
    assertion = {
        **vouched.evidence,
        "strong": vouched.is_strong,
        "nonce": given.nonce,
        "root": root_of(texts) if texts else "",
        "leaves": [sha256(text.encode()).hexdigest() for text in texts],
    }
    # Whoever proves anew who they are there gives all components there, never only one.
    return Proven("provider", 2, vouched.link_id, assertion)


def _subtree(leaves: Sequence[bytes], start: int, end: int) -> bytes:
    if end - start == 1:
        return leaves[start]
    # The largest power of two below the number of leaves (RFC 9162, 2.1.1).
    middle = start + (1 << ((end - start - 1).bit_length() - 1))
    return node_hash(_subtree(leaves, start, middle), _subtree(leaves, middle, end))
