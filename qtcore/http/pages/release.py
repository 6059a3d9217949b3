"""The release page: every rule with its evidence, failing ones first, and the signed decision.

It must not know any rule; what may be decided comes from the lot's workflow.
"""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from qtcore.definitions.workflows import Transition
from qtcore.errors import CannotVerify, Conflict, InputRejected, Refused
from qtcore.http.call import Call
from qtcore.http.pages.lot import lot_steps
from qtcore.http.pages.mistakes import word_error
from qtcore.http.pages.signing import make_or_sign
from qtcore.http.pages.visits import Page, Redirect, Seen, page
from qtcore.services.explaining import Explanation, explain_lot
from qtcore.services.manifestations import Manifestation, list_signatures
from qtcore.services.overrides import justify_rules
from qtcore.services.release import ReleaseView, RuleView, explain_release
from qtcore.services.sign_intents import Act

_ORDER = {"fail": 0, "unknown": 1, "pass": 2, "not_applicable": 3}


@page("GET", "/l/{lot:str}/release")
def show(call: Call) -> Seen:
    """Show the checklist, the verdict and what this person may decide."""
    as_decided = call.word("as") == "decided"
    found = explain_lot(call.site, call.act(), call.params["lot"], as_decided=as_decided)
    return _page(call, found.now, mistakes=(), decided=found)


@page("POST", "/l/{lot:str}/release")
def decide(call: Call) -> Seen:
    """Make the decision, or go and sign it; a refusal keeps the words that were typed."""
    view = explain_release(call.site, call.act(), call.params["lot"])
    back = f"/l/{quote(view.info.uid)}/release"
    act = Act("lot", view.info.uid, call.field("transition"), call.field("reason"))
    try:
        return make_or_sign(call, act, back)
    except (Refused, InputRejected, Conflict) as error:
        view = explain_release(call.site, call.act(), view.info.uid)
        return _page(call, view, mistakes=word_error(call, error))


def _page(
    call: Call, view: ReleaseView, *, mistakes: Sequence[str], decided: Explanation | None = None
) -> Page:
    made = decided.decided if decided else None
    as_decided = made is not None and call.word("as") == "decided"
    shown = made.rules if as_decided and made else [rule.as_json() for rule in view.rules]
    rules = sorted(shown, key=lambda rule: (_ORDER.get(rule["outcome"], 9), rule["rule"]))
    data: dict[str, Any] = {
        "view": view,
        "as_decided": as_decided,
        "decision": made.as_json() if made else None,
        "differences": [each.as_json() for each in decided.differences] if decided else [],
        "info": view.info,
        "rules": rules,
        "other": [] if as_decided else _other_refusals(view),
        "steps": _offered(call, view),
        "justifiable": _justifiable(call, view),
        "signatures": _signatures(call, view.info.uid),
        "mistakes": [{"message": text, "href": ""} for text in mistakes],
        "reason": call.field("reason") if mistakes else "",
        "chosen": call.field("transition") if mistakes else "",
        "done": call.word("done"),
    }
    return Page("release.html", data, 400 if mistakes else 200)


def _signatures(call: Call, uid: str) -> Sequence[Manifestation]:
    may_see = call.act().actor.may("record.read")
    return list_signatures(call.site, call.act(), uid) if may_see else ()


def _other_refusals(view: ReleaseView) -> list[Any]:
    """List the reasons that are no rule: what packs in Python say, broken packs."""
    ids = {rule.outcome.id for rule in view.rules}
    return [refusal for refusal in view.refusals if refusal.code not in ids]


def _offered(call: Call, view: ReleaseView) -> list[Transition]:
    """Offer what the workflow and the roles allow; a blocked release is shown, never offered."""
    steps = lot_steps(call.site, view.info.state, call.act())
    return [step for step in steps if not (step.gate and view.refusals)]


@page("POST", "/l/{lot:str}/justify")
def justify(call: Call) -> Seen:
    """Sign why rules that may be justified need not stop the release; another person releases."""
    view = explain_release(call.site, call.act(), call.params["lot"])
    asked = (call.form.get("rule", []), call.field("justification"), call.proof)
    try:
        justify_rules(call.site, call.act(), view.info.uid, asked)
    except (Refused, InputRejected, Conflict, CannotVerify) as error:
        return _page(call, view, mistakes=word_error(call, error))
    return Redirect(f"/l/{quote(view.info.uid)}/release")


def _justifiable(call: Call, view: ReleaseView) -> list[RuleView]:
    """List the rules that stop the release and that this person may justify."""
    if not call.act().actor.may("release.decide"):
        return []
    stopping = {refusal.code for refusal in view.refusals}
    return [
        rule
        for rule in view.rules
        if rule.outcome.id in stopping and rule.outcome.severity == "block_override"
    ]


ROUTES = (show, decide, justify)
