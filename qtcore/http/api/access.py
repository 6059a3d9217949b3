"""People in the API: users and their roles, sessions, tokens.

It must not know how a person signs in.
"""

from typing import Annotated

from pydantic import Field, StrictInt

from qtcore.http.api.inputs import Code, Short, Word
from qtcore.http.api.operations import PREFIX, Sent, operation
from qtcore.http.call import Call
from qtcore.http.idempotency import Answer
from qtcore.http.json_body import Input
from qtcore.services.accounts import NewUser, add_user
from qtcore.services.identities import link_identity, list_links, unlink_identity
from qtcore.services.sessions import end_session, list_sessions
from qtcore.services.tokens import NewToken, list_tokens, make_token, revoke_token
from qtcore.services.users import (
    UserChange,
    change_user,
    end_sessions,
    get_user,
    list_users,
    reset_credential,
)


class LoginQuery(Input):
    """Whose; one's own when it is left out."""

    login: Short = ""


class SiteRole(Input):
    """A role that is held at one site."""

    site: Code
    role: Code


SiteRoles = Annotated[list[SiteRole], Field(max_length=200)]
Roles = Annotated[list[Code], Field(max_length=50)]


class UserBody(Input):
    """A person with an account; the answer of `credential` gives the link for the password.

    Without a `language` the pages speak that of the browser until one is chosen.
    """

    login: Code
    name: Code
    email: Short = ""
    language: Short = ""
    roles: Roles = Field(default_factory=list)
    site_roles: SiteRoles = Field(default_factory=list)


class UserChangeBody(Input):
    """What is changed; what is left out stays."""

    roles: Roles | None = None
    site_roles: SiteRoles | None = None
    state: Short | None = None
    reason: Word = ""


class TokenBody(Input):
    """A token: whose, for which rights, at which site, for how many days."""

    login: Code
    name: Short = ""
    scope: Annotated[list[Code], Field(max_length=60, default_factory=list)]
    site: Short = ""
    days: StrictInt | None = None


class IdentityBody(Input):
    """Who somebody is at an identity provider: the provider's id here, and its `sub`."""

    provider: Code
    subject: Annotated[str, Field(min_length=1, max_length=255)]


@operation("GET", "/users", summary="List the users", answer="UserList")
def list_people(call: Call, _: Sent) -> Answer:
    """List all accounts."""
    return Answer({"items": list_users(call.site, call.act())})


@operation("POST", "/users", summary="Make a user", answer="User", status=201, body=UserBody)
def add(call: Call, sent: Sent) -> Answer:
    """Make a person with an account, without a password."""
    body: UserBody = sent.body
    pairs = tuple((each.site, each.role) for each in body.site_roles)
    new = NewUser(
        body.login, body.name, tuple(body.roles), "", body.email, body.language, site_roles=pairs
    )
    add_user(call.site, call.act(), new)
    return Answer(get_user(call.site, call.act(), body.login), 201, f"{PREFIX}/users/{body.login}")


@operation("GET", "/users/{login:str}", summary="Show a user", answer="User")
def show(call: Call, _: Sent) -> Answer:
    """Show one account."""
    return Answer(get_user(call.site, call.act(), call.params["login"]))


@operation(
    "POST",
    "/users/{login:str}",
    summary="Change roles or state of a user; their sessions end",
    answer="User",
    body=UserChangeBody,
)
def change(call: Call, sent: Sent) -> Answer:
    """Change an account."""
    body: UserChangeBody = sent.body
    pairs = None if body.site_roles is None else [(s.site, s.role) for s in body.site_roles]
    wanted = UserChange(body.roles, pairs, body.state, body.reason)
    return Answer(change_user(call.site, call.act(), call.params["login"], wanted))


@operation(
    "POST",
    "/users/{login:str}/credential",
    summary="Take the password away and give a link to set a new one, good once for a day",
    answer="CredentialLink",
)
def reset(call: Call, _: Sent) -> Answer:
    """Reset a password."""
    login = call.params["login"]
    secret = reset_credential(call.site, call.act(), login)
    return Answer({"login": login, "path": f"/welcome/{secret}"})


@operation(
    "POST",
    "/users/{login:str}/sessions/end",
    summary="End all sessions of a user",
    answer="Ended",
)
def end_all(call: Call, _: Sent) -> Answer:
    """End every session of one person."""
    ended = end_sessions(call.site, call.act(), call.params["login"])
    return Answer({"ended": str(ended)})


@operation(
    "GET",
    "/users/{login:str}/identities",
    summary="List whom of an identity provider a user is",
    answer="IdentityList",
)
def identities(call: Call, _: Sent) -> Answer:
    """List the links of an account."""
    return Answer({"items": list_links(call.site, call.act(), login=call.params["login"])})


@operation(
    "POST",
    "/users/{login:str}/identities",
    summary="Link a user to a subject of an identity provider",
    answer="Identity",
    status=201,
    body=IdentityBody,
)
def link(call: Call, sent: Sent) -> Answer:
    """Link an account."""
    body: IdentityBody = sent.body
    login = call.params["login"]
    made = link_identity(
        call.site, call.act(), login, provider_id=body.provider, subject=body.subject
    )
    return Answer(made, 201, f"{PREFIX}/users/{login}/identities")


@operation(
    "POST",
    "/users/{login:str}/identities/{link_id:str}/end",
    summary="End the link of a user to a provider; their sessions end",
    answer="Ended",
)
def unlink(call: Call, _: Sent) -> Answer:
    """End a link."""
    unlink_identity(call.site, call.act(), call.params["login"], call.params["link_id"])
    return Answer({"ended": call.params["link_id"]})


@operation(
    "GET", "/sessions", summary="List sessions in force", answer="SessionList", query=LoginQuery
)
def sessions(call: Call, sent: Sent) -> Answer:
    """List one's own sessions, or those of somebody else."""
    login = sent.query.login or call.act().actor.login
    return Answer({"items": list_sessions(call.site, call.act(), login=login)})


@operation("POST", "/sessions/{session_id:str}/end", summary="End a session now", answer="Ended")
def end_one(call: Call, _: Sent) -> Answer:
    """End one session."""
    end_session(call.site, call.act(), call.params["session_id"])
    return Answer({"ended": call.params["session_id"]})


@operation("GET", "/tokens", summary="List tokens", answer="TokenList", query=LoginQuery)
def tokens(call: Call, sent: Sent) -> Answer:
    """List one's own tokens, or those of somebody else."""
    login = sent.query.login or call.act().actor.login
    return Answer({"items": list_tokens(call.site, call.act(), login=login)})


@operation(
    "POST",
    "/tokens",
    summary="Make a token; it is shown once",
    answer="NewToken",
    status=201,
    body=TokenBody,
)
def make(call: Call, sent: Sent) -> Answer:
    """Make a token."""
    body: TokenBody = sent.body
    new = NewToken(body.login, body.name, tuple(body.scope), body.site, body.days)
    return Answer(make_token(call.site, call.act(), new), 201, f"{PREFIX}/tokens")


@operation("POST", "/tokens/{token_id:str}/revoke", summary="End a token now", answer="Ended")
def revoke(call: Call, _: Sent) -> Answer:
    """End one token."""
    revoke_token(call.site, call.act(), call.params["token_id"])
    return Answer({"ended": call.params["token_id"]})


ROUTES = (
    list_people, add, show, change, reset, end_all, identities, link, unlink, sessions, end_one,
    tokens, make, revoke,
)  # fmt: skip
