"""What an administrator records of a person as a signer: identity, training, the end of a lock.

It must not know who may sign what.
"""

from collections.abc import Sequence
from datetime import date
from urllib.parse import quote

from qtcore.errors import Fault, InputRejected, NotFound, Refused
from qtcore.http.call import Call
from qtcore.http.pages.mistakes import word_error
from qtcore.http.pages.visits import Page, Redirect, Seen, page
from qtcore.services.factors import revoke_factor
from qtcore.services.sign_tries import unlock_signer
from qtcore.services.signers import (
    TrainingInput,
    list_training_demands,
    read_signer,
    record_training,
    verify_identity,
)
from qtcore.services.training_tasks import Assignment, assign_training, end_assignment
from qtcore.services.users import get_user, unlock_sign_in

_TYPED = (
    "method", "evidence", "topic", "proof", "valid_from", "valid_until", "reason", "assigned",
    "due_on",
)  # fmt: skip


@page("GET", "/users/{login:str}/signing")
def show(call: Call) -> Seen:
    """Show what is known of a person as a signer, and what their steps ask for."""
    return _page(call, ())


@page("POST", "/users/{login:str}/signing")
def act(call: Call) -> Seen:
    """Record an identity, record or assign a training, take a factor away, or end a lock."""
    login, context, what = call.params["login"], call.act(), call.field("act")
    try:
        if what == "identify":
            method, evidence = call.field("method"), call.field("evidence")
            verify_identity(call.site, context, login, method=method, evidence=evidence)
        elif what == "train":
            record_training(call.site, context, login, _training(call))
        elif what == "assign":
            assign_training(call.site, context, login, _assignment(call))
        elif what == "unassign":
            task, reason = call.field("task"), call.field("reason")
            end_assignment(call.site, context, login, task, reason=reason)
        elif what == "unlock":
            unlock_signer(call.site, context, login, reason=call.field("reason"))
        elif what == "unlock_sign_in":
            unlock_sign_in(call.site, context, login, reason=call.field("reason"))
        elif what == "revoke":
            reason = call.field("reason")
            revoke_factor(call.site, context, call.field("factor"), reason=reason, login=login)
        else:
            raise InputRejected(f"{what!r} is nothing that is done here")
    except (InputRejected, NotFound, Refused) as error:
        return _page(call, word_error(call, error))
    return Redirect(f"/users/{quote(login, safe='')}/signing?done={quote(what)}")


def _training(call: Call) -> TrainingInput:
    begins, ends = (_day(call, name) for name in ("valid_from", "valid_until"))
    return TrainingInput(call.field("topic"), call.field("proof"), begins, ends)


def _assignment(call: Call) -> Assignment:
    due_on = _day(call, "due_on")
    if due_on is None:
        fault = Fault("QT477", "the day by which it is due is missing", "due_on")
        raise InputRejected("no training is assigned", [fault])
    return Assignment(call.field("assigned"), due_on, call.field("reason"))


def _day(call: Call, name: str) -> date | None:
    text = call.field(name)
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as error:
        said = f"{name} {text[:40]!r} is no day; write it as 2026-11-20"
        raise InputRejected("the training is not recorded", [Fault("QT477", said, name)]) from error


def _page(call: Call, mistakes: Sequence[str]) -> Page:
    login, context = call.params["login"], call.act()
    signer = read_signer(call.site, context, login)
    data = {
        "user": get_user(call.site, context, login),
        "signer": signer,
        "demands": list_training_demands(call.site, context, login),
        "today": context.at.date().isoformat(),
        "is_self": login == context.actor.login,
        "typed": {name: call.field(name) if mistakes else "" for name in _TYPED},
        "mistakes": [{"message": text, "href": ""} for text in mistakes],
        "done": call.word("done"),
    }
    return Page("signer.html", data, 400 if mistakes else 200)


ROUTES = (show, act)
