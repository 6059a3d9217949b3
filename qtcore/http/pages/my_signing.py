"""What makes a person a signer, on their own page: second factors, policies, what is missing.

It must not know what is signed with a factor.
"""

import json
from base64 import b64encode
from typing import Any

from qtcore.errors import CannotVerify, InputRejected, NotFound, QTCoreError, Refused
from qtcore.http.call import Call
from qtcore.http.pages.leaving import send_away
from qtcore.http.pages.mistakes import word_error
from qtcore.http.pages.visits import Page, Redirect, Seen, page
from qtcore.http.passkeys import party_of, read_passkey
from qtcore.services.enrolment import begin_passkey, begin_totp, confirm_passkey, confirm_totp
from qtcore.services.factors import relying_party, revoke_factor
from qtcore.services.identities import own_providers
from qtcore.services.sign_demands import policy_text
from qtcore.services.sign_proofs import Proof
from qtcore.services.signers import accept_policy, read_signer
from qtcore.services.users import has_password
from qtcore.services.visits import Errand, Purpose

_ADDRESS = "/me/signing"


@page("GET", _ADDRESS)
def show(call: Call) -> Seen:
    """Show factors, policies and what an administrator has recorded."""
    return signing_page(call)


@page("POST", _ADDRESS)
def act(call: Call) -> Seen:
    """Add or take away a factor, or sign a policy; what is begun is finished on the same page."""
    do = {
        "totp": _begin_totp,
        "totp_code": _confirm_totp,
        "passkey": _begin_passkey,
        "passkey_answer": _confirm_passkey,
        "revoke": _revoke,
        "accept": _accept,
    }.get(call.field("act"))
    if do is None:
        raise InputRejected(f"{call.field('act')!r} is nothing that is done here")
    try:
        return do(call)
    except (Refused, InputRejected, NotFound, CannotVerify) as error:
        return signing_page(call, error=error)


def _begin_totp(call: Call) -> Seen:
    name = call.field("name")[:80]
    return _proven_there(call, "totp", name) or show_totp(call, name, call.proof)


def show_totp(call: Call, name: str, proof: Proof) -> Page:
    """Begin an authenticator app and show its secret, once."""
    new = begin_totp(call.site, call.act(), name, proof)
    shown = " ".join(new.secret[at : at + 4] for at in range(0, len(new.secret), 4))
    begun = {"factor": new.factor_id, "secret": shown, "address": new.address,
             "picture": b64encode(new.picture).decode()}  # fmt: skip
    return signing_page(call, totp=begun)


def _confirm_totp(call: Call) -> Seen:
    confirm_totp(call.site, call.act(), call.field("factor"), call.field("code"))
    return Redirect(f"{_ADDRESS}?done=factor")


def _begin_passkey(call: Call) -> Seen:
    return _proven_there(call, "passkey") or show_passkey(call, call.proof)


def show_passkey(call: Call, proof: Proof) -> Page:
    """Begin a passkey and show what the browser is to make it with."""
    party = relying_party(call.site, call.host)
    factor, options = begin_passkey(call.site, call.act(), party, proof)
    return signing_page(call, passkey={"factor": factor, "options": json.dumps(options)})


def _confirm_passkey(call: Call) -> Seen:
    given = read_passkey(call)
    if given is None:
        raise InputRejected("the passkey gave no answer; begin again")
    answer = (*given, call.field("name"))
    confirm_passkey(call.site, call.act(), call.field("factor"), answer)
    return Redirect(f"{_ADDRESS}?done=factor")


def _revoke(call: Call) -> Seen:
    revoke_factor(call.site, call.act(), call.field("factor"), reason=call.field("reason"))
    return Redirect(f"{_ADDRESS}?done=revoked")


def _accept(call: Call) -> Seen:
    policy = call.field("policy")
    away = _proven_there(call, "accept", policy[:80])
    if away is not None:
        return away
    accept_policy(call.site, call.act(), policy, call.proof)
    return Redirect(f"{_ADDRESS}?done=accepted")


def _proven_there(call: Call, purpose: Purpose, about: str = "") -> Page | None:
    """Send somebody to the provider they chose to prove who they are; None when they chose none."""
    provider = call.field("provider")
    if not provider:
        return None
    errand = Errand(purpose, _ADDRESS, about, again=True)
    return send_away(call, call.act(), provider, errand)


def signing_page(call: Call, *, error: QTCoreError | None = None, **begun: Any) -> Page:
    """Make the page of one's own signing, again with what went wrong."""
    texts = {
        each.id: policy_text(call.site, each, call.language)
        for each in call.site.registry.list("policies")
    }
    messages = word_error(call, error) if error else []
    return Page(
        "my_signing.html",
        {
            "signer": read_signer(call.site, call.act()),
            "texts": texts,
            "providers": own_providers(call.site, call.act()),
            "has_password": has_password(call.site, call.act().actor.login),
            "totp": begun.get("totp"),
            "passkey": begun.get("passkey"),
            "has_passkeys": party_of(call) is not None,
            "mistakes": [{"message": text, "href": ""} for text in messages],
            "done": call.word("done"),
        },
        503 if isinstance(error, CannotVerify) else 400 if error else 200,
    )


ROUTES = (show, act)
