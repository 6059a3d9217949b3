"""Sign-in, sign-out, and what a person chooses for themselves.

It must not know passwords' hashing or the session table.
"""

from collections.abc import Sequence

from qtcore.context import Actor, Context
from qtcore.errors import NotSignedIn, TooManyTries
from qtcore.http.call import Call
from qtcore.http.cookies import language_cookie, session_cookie
from qtcore.http.pages.visits import Page, Redirect, Seen, page
from qtcore.http.texts import choose_language
from qtcore.services.delegations import list_delegations
from qtcore.services.profile import set_language
from qtcore.services.sessions import sign_in, sign_out


@page("GET", "/sign-in")
def show_sign_in(call: Call) -> Seen:
    """Ask who it is; somebody who is signed in goes on."""
    goal = own_path(call.word("next", "/"))
    if call.context is not None:
        return Redirect(goal)
    return Page("sign_in.html", {"next": goal, "login": "", "mistake": ""})


@page("POST", "/sign-in")
def do_sign_in(call: Call) -> Seen:
    """Check the password; the session is always a new one, whatever cookie came."""
    login, goal = call.field("login"), own_path(call.field("next") or "/")
    asked = Context(
        actor=Actor(login=login[:120]),
        at=call.site.sources.now(),
        request_id=call.request_id,
        ip=call.ip,
        peer_ip=call.peer_ip,
        device=call.agent[:200],
        language=call.language,
    )
    password = call.form.get("password", [""])[-1]
    try:
        secret = sign_in(call.site, asked, login, password, agent=call.agent)
    except NotSignedIn:
        return Page("sign_in.html", {"next": goal, "login": login, "mistake": "wrong"}, 401)
    except TooManyTries as error:
        data = {"next": goal, "login": login, "mistake": "early"}
        return Page("sign_in.html", data, 429, {"retry-after": str(error.seconds)})
    return Redirect(goal, (session_cookie(secret, is_secure=call.is_secure),))


@page("POST", "/sign-out")
def do_sign_out(call: Call) -> Seen:
    """End the session here and in the database."""
    sign_out(call.site, call.act(), call.secret)
    return Redirect("/sign-in", (session_cookie("", is_secure=call.is_secure, ends=True),))


@page("POST", "/language")
def choose(call: Call) -> Seen:
    """Remember the language, for the person and for this browser."""
    language = choose_language(call.field("to"))
    set_language(call.site, call.act(), language)
    goal = own_path(call.field("back") or "/")
    return Redirect(goal, (language_cookie(language, is_secure=call.is_secure),))


@page("GET", "/me")
def me(call: Call) -> Seen:
    """Show who is signed in, with roles, rights, and who acts for whom."""
    return me_page(call)


def me_page(call: Call, mistakes: Sequence[str] = ()) -> Page:
    """Make the page of one's own account, again with mistakes when something was refused."""
    actor = call.act().actor
    own = list_delegations(call.site, call.act(), login=actor.login) if actor.person_id else []
    data = {
        "roles": sorted(actor.roles),
        "permissions": sorted(actor.permissions),
        "delegations": own,
        "now": call.act().at.isoformat(),
        "typed": {
            name: call.field(name) if mistakes else "" for name in ("delegate", "until", "reason")
        },
        "mistakes": [{"message": text, "href": ""} for text in mistakes],
    }
    return Page("me.html", data, 400 if mistakes else 200)


def own_path(text: str) -> str:
    """Accept only a path of ours: an open redirect would help a forged sign-in page."""
    is_ours = text.startswith("/") and not text.startswith(("//", "/\\"))
    return text if is_ours and text.isprintable() and len(text) <= 2000 else "/"


ROUTES = (show_sign_in, do_sign_in, do_sign_out, choose, me)
