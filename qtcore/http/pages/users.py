"""Users and what happens around sign-in: who has which role where, sessions, tokens, alerts.

It must not know how a password is checked.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from qtcore.context import Actor
from qtcore.errors import (
    CannotVerify,
    InputRejected,
    NotFound,
    NotSignedIn,
    QTCoreError,
    Refused,
    TooManyTries,
)
from qtcore.http.call import Call
from qtcore.http.cookies import session_cookie
from qtcore.http.pages.leaving import send_away
from qtcore.http.pages.mistakes import word_error
from qtcore.http.pages.sessions import asked_by_nobody
from qtcore.http.pages.visits import Page, Redirect, Seen, page
from qtcore.services.accounts import NewUser, add_user, list_own_sites
from qtcore.services.identities import link_identity, list_links, unlink_identity
from qtcore.services.security_events import list_security_events
from qtcore.services.sessions import end_session, list_sessions
from qtcore.services.sign_proofs import require_proof
from qtcore.services.tokens import NewToken, list_tokens, make_token, revoke_token
from qtcore.services.users import (
    UserChange,
    change_own_password,
    change_user,
    check_ticket,
    end_sessions,
    get_user,
    has_password,
    list_users,
    reset_credential,
    use_ticket,
)
from qtcore.services.visits import Errand

_TYPED = ("login", "name", "email")


@page("GET", "/users")
def show_users(call: Call) -> Seen:
    """List the users."""
    return _users(call, ())


@page("POST", "/users")
def add(call: Call) -> Seen:
    """Make a user, then show the link with which they set their password."""
    login, name = call.field("login"), call.field("name")
    try:
        new = NewUser(login, name, tuple(call.form.get("roles", [])), email=call.field("email"))
        add_user(call.site, call.act(), new)
    except (InputRejected, Refused) as error:
        return _users(call, word_error(call, error))
    return Redirect(f"/users/{quote(login)}?done=made")


@page("GET", "/users/{login:str}")
def show_user(call: Call) -> Seen:
    """Show one user with roles, sessions and tokens."""
    return _user(call, ())


@page("POST", "/users/{login:str}")
def change(call: Call) -> Seen:
    """Change roles or state, reset the password, or end the sessions."""
    login, act = call.params["login"], call.field("act")
    try:
        if act == "reset":
            secret = reset_credential(call.site, call.act(), login)
            return _user(call, (), link=f"/welcome/{secret}")
        if act == "sessions":
            end_sessions(call.site, call.act(), login)
        elif act == "session":
            end_session(call.site, call.act(), call.field("session"))
        elif act == "link":
            provider, subject = call.field("provider"), call.field("subject")
            link_identity(call.site, call.act(), login, provider_id=provider, subject=subject)
        elif act == "unlink":
            unlink_identity(call.site, call.act(), login, call.field("link"))
        elif act == "state":
            change_of = UserChange(state=call.field("state"), reason=call.field("reason"))
            change_user(call.site, call.act(), login, change_of)
        else:
            pairs = [
                (at, role)
                for at, _, role in (each.partition("|") for each in call.form.get("site_roles", []))
            ]
            roles = call.form.get("roles", [])
            change_user(
                call.site, call.act(), login, UserChange(roles, pairs, reason=call.field("reason"))
            )
    except (InputRejected, Refused, NotFound) as error:
        return _user(call, word_error(call, error))
    return Redirect(f"/users/{quote(login)}?done={quote(act or 'roles')}")


@page("GET", "/me/sessions")
def show_sessions(call: Call) -> Seen:
    """Show where one is signed in, and one's tokens."""
    return own_page(call, ())


@page("POST", "/me/sessions")
def end_own(call: Call) -> Seen:
    """End one of one's sessions or tokens, or make a token."""
    context, act = call.act(), call.field("act")
    try:
        if act == "token":
            days = call.field("days")
            new = NewToken(
                context.actor.login,
                call.field("name"),
                tuple(call.field("scope").split()),
                days=int(days) if days.isascii() and days.isdecimal() and len(days) < 6 else 0,
            )
            return own_page(call, (), token=str(make_token(call.site, context, new)["token"]))
        if act == "revoke":
            revoke_token(call.site, context, call.field("token"))
        elif act == "unlink":
            unlink_identity(call.site, context, context.actor.login, call.field("link"))
        elif act == "link":
            return _link_own(call)
        else:
            end_session(call.site, context, call.field("session"))
    except (InputRejected, Refused, NotFound, CannotVerify) as error:
        return own_page(call, word_error(call, error))
    return Redirect("/me/sessions?done=ended")


def _link_own(call: Call) -> Seen:
    """Prove who one is here, then go to the provider and be linked to whom it names."""
    require_proof(call.site, call.act(), call.proof)
    return send_away(call, call.act(), call.field("provider"), Errand("link", "/me/sessions"))


@page("POST", "/me/password")
def change_password(call: Call) -> Seen:
    """Change one's own password; this browser stays signed in, under a new secret."""
    current, new = (call.form.get(name, [""])[-1] for name in ("current", "new"))
    try:
        secret = change_own_password(call.site, call.act(), current, new)
    except (InputRejected, NotSignedIn, TooManyTries) as error:
        return own_page(call, word_error(call, error))
    cookie = session_cookie(secret, is_secure=call.is_secure)
    return Redirect("/me/sessions?done=password", (cookie,))


@page("GET", "/security")
def show_security(call: Call) -> Seen:
    """Show what happened around sign-in, alerts first."""
    return Page("security.html", {"found": list_security_events(call.site, call.act())})


@page("GET", "/welcome/{secret:str}")
def welcome(call: Call) -> Seen:
    """Ask for a new password; the secret in the address is the right to set it."""
    login = check_ticket(call.site, call.params["secret"])
    return Page("welcome.html", {"login": login, "mistakes": []})


@page("POST", "/welcome/{secret:str}")
def set_password(call: Call) -> Seen:
    """Set the password and go on to sign in."""
    secret = call.params["secret"]
    login = check_ticket(call.site, secret)
    context = replace(asked_by_nobody(call), actor=Actor(login))
    try:
        use_ticket(call.site, context, secret, call.form.get("password", [""])[-1])
    except (InputRejected, TooManyTries) as error:
        return Page("welcome.html", {"login": login, "mistakes": _mistakes(call, error)}, 400)
    return Redirect("/sign-in")


def _mistakes(call: Call, error: QTCoreError) -> list[dict[str, str]]:
    return [{"message": text, "href": ""} for text in word_error(call, error)]


def _users(call: Call, mistakes: Sequence[str]) -> Page:
    data = {
        "users": list_users(call.site, call.act()),
        "roles": _roles(call),
        "typed": {
            each: call.field(each) if mistakes else "" for each in ("login", "name", "email")
        },
        "mistakes": [{"message": text, "href": "login"} for text in mistakes],
    }
    return Page("users.html", data, 400 if mistakes else 200)


def _user(call: Call, mistakes: Sequence[str], *, link: str = "") -> Page:
    login, context = call.params["login"], call.act()
    user = get_user(call.site, context, login)
    data: dict[str, Any] = {
        "user": user,
        "held": {f"{each['site']}|{each['role']}" for each in user["site_roles"]},
        "roles": _roles(call),
        "sites": list_own_sites(call.site),
        "sessions": list_sessions(call.site, context, login=login),
        "tokens": list_tokens(call.site, context, login=login),
        "links": list_links(call.site, context, login=login),
        "providers": call.site.providers.providers,
        "link": link,
        "mistakes": [{"message": text, "href": ""} for text in mistakes],
        "done": call.word("done"),
    }
    return Page("user.html", data, 400 if mistakes else 200)


def own_page(call: Call, mistakes: Sequence[str], *, token: str = "") -> Page:
    """Make the page of one's own sessions, links and tokens, again with mistakes."""
    context = call.act()
    login = context.actor.login
    data = {
        "sessions": list_sessions(call.site, context, login=login),
        "tokens": list_tokens(call.site, context, login=login),
        "links": list_links(call.site, context, login=login),
        "providers": call.site.providers.providers,
        "has_password": has_password(call.site, login),
        "token": token,
        "mistakes": [{"message": text, "href": ""} for text in mistakes],
        "done": call.word("done"),
    }
    return Page("own_sessions.html", data, 400 if mistakes else 200)


def _roles(call: Call) -> list[str]:
    return [role.id for role in call.site.registry.list("roles")]


ROUTES = (
    show_users, add, show_user, change, show_sessions, end_own, change_password, show_security,
    welcome, set_password,
)  # fmt: skip
