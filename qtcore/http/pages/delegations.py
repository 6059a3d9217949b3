"""Letting somebody act for oneself, and ending it, from the page of one's own account.

It must not know what a delegate does with it.
"""

from datetime import UTC, date, datetime, time, timedelta

from qtcore.errors import Fault, InputRejected, Refused
from qtcore.http.call import Call
from qtcore.http.pages.mistakes import word_error
from qtcore.http.pages.sessions import me_page
from qtcore.http.pages.visits import Redirect, Seen, page
from qtcore.services.delegations import DelegationInput, make_delegation, revoke_delegation


@page("POST", "/me/delegations")
def make(call: Call) -> Seen:
    """Let somebody act for the person who is signed in, to the end of a day (UTC)."""
    context = call.act()
    try:
        wanted = DelegationInput(
            principal=context.actor.login,
            delegate=call.field("delegate"),
            valid_to=_end_of(call.field("until")),
            reason=call.field("reason"),
        )
        make_delegation(call.site, context, wanted)
    except (InputRejected, Refused) as error:
        return me_page(call, word_error(call, error))
    return Redirect("/me#h-delegations")


@page("POST", "/me/delegations/{delegation:str}")
def end(call: Call) -> Seen:
    """End a delegation."""
    try:
        revoke_delegation(call.site, call.act(), call.params["delegation"], call.field("reason"))
    except (InputRejected, Refused) as error:
        return me_page(call, word_error(call, error))
    return Redirect("/me#h-delegations")


def _end_of(text: str) -> datetime:
    try:
        return datetime.combine(date.fromisoformat(text) + timedelta(days=1), time(), UTC)
    except (ValueError, OverflowError):
        says = f"{text[:40]!r} is not a day; give one such as 2026-03-31"
        raise InputRejected(says, [Fault("QT411", says, "until")]) from None


ROUTES = (make, end)
