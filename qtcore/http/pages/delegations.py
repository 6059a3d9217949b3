"""Who acts for whom: listed, made with a signature, ended with a reason.

It must not know what a delegate does with it.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from qtcore.errors import Fault, InputRejected, NotFound, Refused
from qtcore.http.call import Call
from qtcore.http.pages.mistakes import word_error
from qtcore.http.pages.signing import sheet_of
from qtcore.http.pages.visits import Page, Redirect, Seen, page
from qtcore.services.delegations import (
    MANAGE,
    DelegationInput,
    list_delegations,
    read_delegation,
    revoke_delegation,
)
from qtcore.services.manifestations import list_signatures
from qtcore.services.printing import documents_of
from qtcore.services.sign_intents import intend_delegation

_ADDRESS = "/delegations"
_TYPED = ("principal", "delegate", "from", "until", "actions", "reason")


@page("GET", "/delegations")
def show_all(call: Call) -> Seen:
    """List delegations: one's own, or all for who manages users."""
    return _page(call)


@page("POST", "/delegations")
def make(call: Call) -> Seen:
    """Freeze a delegation, from the beginning of a day to the end of one (UTC), to be signed."""
    try:
        intent = intend_delegation(call.site, call.act(), _wanted(call))
    except (InputRejected, Refused) as error:
        return _page(call, word_error(call, error))
    return sheet_of(intent, _ADDRESS)


@page("GET", "/delegations/{delegation:str}")
def show(call: Call) -> Seen:
    """Show one delegation with the signatures under it."""
    return _one(call)


@page("POST", "/delegations/{delegation:str}")
def end(call: Call) -> Seen:
    """End a delegation."""
    uid = call.params["delegation"]
    try:
        revoke_delegation(call.site, call.act(), uid, call.field("reason"))
    except (InputRejected, Refused, NotFound) as error:
        return _one(call, word_error(call, error))
    return Redirect(f"{_ADDRESS}/{uid}?done=ended")


def _page(call: Call, mistakes: Sequence[str] = ()) -> Page:
    actor = call.act().actor
    manages = actor.may(MANAGE)
    roles = [each.id for each in call.site.registry.list("roles")]
    data = {
        "delegations": list_delegations(call.site, call.act()),
        "now": call.act().at.isoformat(),
        "manages": manages,
        "roles": roles if manages else sorted(actor.roles),
        "typed": {name: call.field(name) if mistakes else "" for name in _TYPED},
        "chosen": call.form.get("roles", []) if mistakes else [],
        "mistakes": _listed(mistakes),
        "done": call.word("done"),
    }
    return Page("delegations.html", data, 400 if mistakes else 200)


def _one(call: Call, mistakes: Sequence[str] = ()) -> Page:
    uid = call.params["delegation"]
    prints = documents_of(call.site, call.language)
    data = {
        "each": read_delegation(call.site, call.act(), uid),
        "signatures": list_signatures(call.site, call.act(), uid),
        "documents": [each for each in prints if each["subject"] == "delegation"],
        "now": call.act().at.isoformat(),
        "reason": call.field("reason") if mistakes else "",
        "mistakes": _listed(mistakes),
        "done": call.word("done"),
    }
    return Page("delegation.html", data, 400 if mistakes else 200)


def _listed(mistakes: Sequence[str]) -> list[dict[str, Any]]:
    return [{"message": text, "href": ""} for text in mistakes]


def _wanted(call: Call) -> DelegationInput:
    begins = _day(call, "from") if call.field("from") else None
    ends = _day(call, "until")
    actions = call.field("actions").replace(",", " ").replace("，", " ").split()
    return DelegationInput(
        principal=call.field("principal") or call.act().actor.login,
        delegate=call.field("delegate"),
        valid_to=_midnight(ends, days=1),
        reason=call.field("reason"),
        # Today has begun: one that is to begin today begins when it is signed.
        valid_from=_midnight(begins) if begins and begins != call.act().at.date() else None,
        roles=tuple(call.form.get("roles", [])),
        actions=tuple(actions),
    )


def _day(call: Call, name: str) -> date:
    text = call.field(name)
    try:
        return date.fromisoformat(text)
    except ValueError:
        which = "first" if name == "from" else "last"
        says = f"the {which} day: {text[:40]!r} is not a day; give one such as 2026-03-31"
        raise InputRejected(says, [Fault("QT411", says, name)]) from None


def _midnight(day: date, *, days: int = 0) -> datetime:
    try:
        return datetime.combine(day + timedelta(days=days), time(), UTC)
    except OverflowError:
        says = f"{day} is too late a day; give one before 9999-12-31"
        raise InputRejected(says, [Fault("QT411", says, "until")]) from None


ROUTES = (show_all, make, show, end)
