"""To an identity provider and back: to sign in, to link an account, to prove who signs.

It must not know tokens, nor what is signed.
"""

from collections.abc import Callable, Mapping
from typing import Final

from qtcore.context import Context
from qtcore.errors import (
    CannotVerify,
    Conflict,
    InputRejected,
    NotFound,
    QTCoreError,
    Refused,
    TooManyTries,
)
from qtcore.http.call import Call
from qtcore.http.cookies import session_cookie, visit_cookie
from qtcore.http.pages.leaving import return_address, send_away
from qtcore.http.pages.mistakes import word_error
from qtcore.http.pages.my_signing import show_passkey, show_totp, signing_page
from qtcore.http.pages.sessions import asked_by_nobody, early_page, own_path, sign_in_page
from qtcore.http.pages.signing import sheet, signed
from qtcore.http.pages.users import own_page
from qtcore.http.pages.visits import Page, Redirect, Seen, Sheet, page
from qtcore.services.identities import link_own
from qtcore.services.provider_sign_in import come_back, enter, redeem
from qtcore.services.provider_sign_out import end_by_provider
from qtcore.services.sign_intents import sign_intent
from qtcore.services.sign_proofs import Proof
from qtcore.services.signers import accept_policy
from qtcore.services.visits import Answer, Arrived, Errand, VisitRefused, read_errand
from qtcore.services.vouching import Visit

_FAILURES: Final = (VisitRefused, CannotVerify, TooManyTries, InputRejected, NotFound)


@page("POST", "/sign-in/with/{provider:str}")
def go(call: Call) -> Seen:
    """Send somebody who is not signed in to the provider."""
    goal = own_path(call.field("next") or "/")
    try:
        errand = Errand("sign_in", goal)
        return send_away(call, asked_by_nobody(call), call.params["provider"], errand)
    except _FAILURES as error:
        return _failed(call, goal, error)


@page("GET", "/sign-in/from/{provider:str}")
def come(call: Call) -> Seen:
    """Take what the browser brings back, once, and do what it was sent for."""
    name = call.params["provider"]
    context = call.context or asked_by_nobody(call)
    words = {key: values[-1] for key, values in call.query.items() if len(values) == 1}
    ended = visit_cookie("", is_secure=call.is_secure)
    meant = read_errand(call.site, words.get("state", ""))
    try:
        back = return_address(call, name)
        arrived = come_back(call.site, context, Answer(name, words, call.visit), back)
        seen = _ERRANDS[arrived.purpose](call, context, arrived)
    except (*_FAILURES, Refused, Conflict) as error:
        seen = _again(call, meant, error)
    if isinstance(seen, Redirect):
        return Redirect(seen.to, (*seen.cookies, ended))
    return seen


@page("POST", "/sign-in/ended/{provider:str}")
def ended(call: Call) -> Seen:
    """Take from a provider that sessions ended there, and end them here (back-channel logout)."""
    name, token = call.params["provider"], call.field("logout_token")
    end_by_provider(call.site, asked_by_nobody(call), name, token)
    return Sheet(b"", "text/plain")


def _enter(call: Call, context: Context, arrived: Arrived) -> Seen:
    secret = enter(call.site, context, arrived, agent=call.agent)
    return Redirect(arrived.goal, (session_cookie(secret, is_secure=call.is_secure),))


def _link(call: Call, context: Context, arrived: Arrived) -> Seen:
    provider = call.site.providers.get(arrived.provider)
    _, claims = redeem(call.site, context, arrived)
    link_own(call.site, context, provider, claims)
    return Redirect(f"{arrived.goal}?done=linked")


def _sign(call: Call, context: Context, arrived: Arrived) -> Seen:
    proof = Proof(visit=Visit(arrived))
    return signed(arrived.goal, sign_intent(call.site, context, arrived.about, proof))


def _accept(call: Call, context: Context, arrived: Arrived) -> Seen:
    accept_policy(call.site, context, arrived.about, Proof(visit=Visit(arrived)))
    return Redirect(f"{arrived.goal}?done=accepted")


def _enrol_totp(call: Call, _: Context, arrived: Arrived) -> Seen:
    return show_totp(call, arrived.about, Proof(visit=Visit(arrived)))


def _enrol_passkey(call: Call, _: Context, arrived: Arrived) -> Seen:
    return show_passkey(call, Proof(visit=Visit(arrived)))


_ERRANDS: Final[Mapping[str, Callable[[Call, Context, Arrived], Seen]]] = {
    "sign_in": _enter,
    "link": _link,
    "sign": _sign,
    "accept": _accept,
    "totp": _enrol_totp,
    "passkey": _enrol_passkey,
}


def _again(call: Call, meant: Errand, error: QTCoreError) -> Seen:
    """Show the page on which it was begun, with what went wrong."""
    if call.context is None or meant.purpose == "sign_in":
        return _failed(call, meant.goal, error)
    if meant.purpose == "sign":
        return sheet(call, meant.about, meant.goal, error)
    if meant.purpose in ("accept", "totp", "passkey"):
        return signing_page(call, error=error)
    return own_page(call, word_error(call, error))


def _failed(call: Call, goal: str, error: QTCoreError) -> Page:
    """Show the sign-in page again with what went wrong, or the plain reason to who is inside."""
    if call.context is not None:
        raise error
    if isinstance(error, TooManyTries):
        return early_page(call, goal, error)
    status = {CannotVerify: 503, NotFound: 404, InputRejected: 400}
    said = " ".join(word_error(call, error))
    return sign_in_page(call, goal, said=said, status=status.get(type(error), 401))


ROUTES = (go, come, ended)
