"""To an identity provider and back: to sign in, to link an account, to prove who signs.

It must not know tokens, nor what is signed.
"""

from collections.abc import Callable, Mapping
from typing import Final

from qtcore.context import Context
from qtcore.errors import (
    CannotVerify,
    InputRejected,
    NotFound,
    QTCoreError,
    TooManyTries,
)
from qtcore.http.call import Call
from qtcore.http.cookies import session_cookie, visit_cookie
from qtcore.http.pages.leaving import return_address, send_away
from qtcore.http.pages.mistakes import word_error
from qtcore.http.pages.sessions import asked_by_nobody, own_path, sign_in_page
from qtcore.http.pages.visits import Page, Redirect, Seen, page
from qtcore.services.identities import link_own
from qtcore.services.provider_sign_in import come_back, enter, redeem
from qtcore.services.visits import Answer, Arrived, Errand, VisitRefused

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
    try:
        back = return_address(call, name)
        arrived = come_back(call.site, context, Answer(name, words, call.visit), back)
    except _FAILURES as error:
        return _failed(call, "/", error)
    seen = _ERRANDS[arrived.purpose](call, context, arrived)
    if isinstance(seen, Redirect):
        return Redirect(seen.to, (*seen.cookies, ended))
    return seen


def _enter(call: Call, context: Context, arrived: Arrived) -> Seen:
    try:
        secret = enter(call.site, context, arrived, agent=call.agent)
    except (VisitRefused, CannotVerify) as error:
        return _failed(call, arrived.goal, error)
    return Redirect(arrived.goal, (session_cookie(secret, is_secure=call.is_secure),))


def _link(call: Call, context: Context, arrived: Arrived) -> Seen:
    provider = call.site.providers.get(arrived.provider)
    _, claims = redeem(call.site, context, arrived)
    link_own(call.site, context, provider, claims)
    return Redirect(f"{arrived.goal}?done=linked")


_ERRANDS: Final[Mapping[str, Callable[[Call, Context, Arrived], Seen]]] = {
    "sign_in": _enter,
    "link": _link,
}


def _failed(call: Call, goal: str, error: QTCoreError) -> Page:
    """Show the sign-in page again with what went wrong, or the plain reason to who is inside."""
    if call.context is not None:
        raise error
    status = {TooManyTries: 429, CannotVerify: 503, NotFound: 404, InputRejected: 400}
    said = " ".join(word_error(call, error))
    return sign_in_page(call, goal, said=said, status=status.get(type(error), 401))


ROUTES = (go, come)
