"""Sign-in, sign-out, and what a person chooses for themselves.

It must not know passwords' hashing or the session table.
"""

from dataclasses import replace

from qtcore.context import Actor, Context
from qtcore.errors import NotSignedIn, TooManyTries
from qtcore.http.call import Call
from qtcore.http.cookies import language_cookie, session_cookie
from qtcore.http.pages.leaving import leave_address, leaving_page
from qtcore.http.pages.visits import Page, Redirect, Seen, page
from qtcore.http.texts import choose_language
from qtcore.services.profile import set_language
from qtcore.services.sessions import sign_in, sign_out


@page("GET", "/sign-in")
def show_sign_in(call: Call) -> Seen:
    """Ask who it is; somebody who is signed in goes on."""
    goal = own_path(call.word("next", "/"))
    if call.context is not None:
        return Redirect(goal)
    return sign_in_page(call, goal)


def sign_in_page(
    call: Call, goal: str, *, mistake: str = "", said: str = "", status: int = 200
) -> Page:
    """Make the sign-in page; `mistake` names a text of ours, `said` is what a provider's told."""
    data = {
        "next": goal,
        "login": call.field("login") if call.method == "POST" else "",
        "mistake": mistake,
        "said": said,
        "providers": call.site.providers.providers,
        "locked": call.method == "GET" and call.word("locked") == "yes",
    }
    return Page("sign_in.html", data, status)


def early_page(call: Call, goal: str, error: TooManyTries) -> Page:
    """Make the sign-in page for whoever must wait, and say how long."""
    found = sign_in_page(call, goal, mistake="early", status=429)
    return replace(found, headers={"retry-after": str(error.seconds)})


def asked_by_nobody(call: Call) -> Context:
    """Make the context of a request by somebody who is not signed in yet."""
    return Context(
        actor=Actor(login=""),
        at=call.site.sources.now(),
        request_id=call.request_id,
        ip=call.ip,
        peer_ip=call.peer_ip,
        device=call.agent[:200],
        language=call.language,
    )


@page("POST", "/sign-in")
def do_sign_in(call: Call) -> Seen:
    """Check the password; the session is always a new one, whatever cookie came."""
    login, goal = call.field("login"), own_path(call.field("next") or "/")
    asked = replace(asked_by_nobody(call), actor=Actor(login=login[:120]))
    password = call.form.get("password", [""])[-1]
    try:
        secret = sign_in(call.site, asked, login, password, agent=call.agent)
    except NotSignedIn:
        return sign_in_page(call, goal, mistake="wrong", status=401)
    except TooManyTries as error:
        return early_page(call, goal, error)
    return Redirect(goal, (session_cookie(secret, is_secure=call.is_secure),))


@page("POST", "/sign-out")
def do_sign_out(call: Call) -> Seen:
    """End the session here and in the database, and at the provider that said who it was."""
    sign_out(call.site, call.act(), call.secret)
    cookies = (session_cookie("", is_secure=call.is_secure, ends=True),)
    provider = call.session.provider if call.session is not None else ""
    goes_to = leave_address(call, provider) if provider else ""
    if not goes_to:
        return Redirect("/sign-in", cookies)
    return leaving_page(call, provider, goes_to, cookies)


@page("POST", "/language")
def choose(call: Call) -> Seen:
    """Remember the language, for the person and for this browser."""
    language = choose_language(call.field("to"))
    set_language(call.site, call.act(), language)
    goal = own_path(call.field("back") or "/")
    return Redirect(goal, (language_cookie(language, is_secure=call.is_secure),))


@page("GET", "/me")
def me(call: Call) -> Seen:
    """Show who is signed in, with roles and rights."""
    actor = call.act().actor
    return Page("me.html", {"roles": sorted(actor.roles), "permissions": sorted(actor.permissions)})


def own_path(text: str) -> str:
    """Accept only a path of ours: an open redirect would help a forged sign-in page."""
    is_ours = text.startswith("/") and not text.startswith(("//", "/\\"))
    return text if is_ours and text.isprintable() and len(text) <= 2000 else "/"


ROUTES = (show_sign_in, do_sign_in, do_sign_out, choose, me)
