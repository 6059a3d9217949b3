"""Signing in with what an identity provider says; every attempt is in the history.

It must not know pages. What fails is told as it is, since the person proved who they are elsewhere;
what could not be asked is never called wrong.
"""

from dataclasses import replace
from typing import Final

from qtcore.context import Actor, Context
from qtcore.errors import CannotVerify, QTCoreError
from qtcore.services.id_tokens import Claims, TokenRefused
from qtcore.services.identities import account_of
from qtcore.services.sessions import start_session
from qtcore.services.site import Site
from qtcore.services.throttles import check_throttle, count_failed
from qtcore.services.visits import Answer, Arrived, VisitRefused, finish_visit
from qtcore.store.providers import Provider

LONGEST_SID: Final = 255
_NOBODY: Final = Actor(login="nobody", name="Nobody")


def come_back(site: Site, context: Context, answer: Answer, back: str) -> Arrived:
    """Finish a visit, whatever it was for; a failure is noted and slows the address down.

    Raises VisitRefused, CannotVerify, TooManyTries, NotFound.
    """
    check_throttle(site, "", context.ip)
    try:
        return finish_visit(site, context, answer, back)
    except (VisitRefused, CannotVerify) as error:
        note_failure(site, context, answer.provider, error)
        raise


def enter(site: Site, context: Context, arrived: Arrived, *, agent: str = "") -> str:
    """Start a session for whom the provider names; returns its secret for the cookie.

    Raises VisitRefused with what is wrong, CannotVerify when the provider cannot be asked.
    """
    provider, claims = redeem(site, context, arrived)
    try:
        account = account_of(site, context, provider, claims)
    except VisitRefused as error:
        note_failure(site, context, provider.id, error)
        raise
    who = replace(context, actor=Actor(login=account.login))
    told = claims.values.get("sid")
    sid = told if isinstance(told, str) and len(told) <= LONGEST_SID else ""
    way = f"provider:{provider.id}"
    return start_session(site, who, account, agent=agent, way=way, provider=(provider.id, sid))


def redeem(site: Site, context: Context, arrived: Arrived) -> tuple[Provider, Claims]:
    """Turn what a visit brought into what the provider vouches for; a failure is noted.

    Raises VisitRefused with what is wrong, CannotVerify when the provider cannot be asked.
    """
    provider = site.providers.get(arrived.provider)
    try:
        now = site.sources.now()
        _, claims = site.providers.redeem(provider, arrived.code, arrived.asked, now)
    except TokenRefused as error:
        note_failure(site, context, provider.id, error)
        raise VisitRefused(error.message) from error
    except CannotVerify as error:
        note_failure(site, context, provider.id, error)
        raise
    return provider, claims


def note_failure(site: Site, context: Context, provider_id: str, error: QTCoreError) -> None:
    """Tell the history of an attempt that did not succeed, and count it where it was wrong."""
    is_open = isinstance(error, CannotVerify)
    action = "sign_in.unverified" if is_open else "sign_in.failed"
    if not is_open:
        count_failed(site, "", context.ip)
    is_stranger = not context.actor.login
    # Anybody may send answers that are none: the history tells of the first, then ever fewer.
    told = site.tally.count(f"{action} at a provider", context.at) if is_stranger else {}
    if told is None:
        return
    actor = _NOBODY if is_stranger else context.actor
    site.store.note(
        replace(context, actor=actor),
        action,
        "user",
        actor.uid,
        reason=error.message[:400],
        details={"way": f"provider:{provider_id[:40]}", **told},
    )
