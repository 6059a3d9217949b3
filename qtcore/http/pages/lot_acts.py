"""What a person does on the page of a lot: enter a test result, place a hold, lift one.

It must not know limits or what a hold prevents.
"""

from urllib.parse import quote

from qtcore.errors import Ambiguous, Conflict, InputRejected, NotFound, QTCoreError, Refused
from qtcore.http.call import Call
from qtcore.http.pages.lot import RESULT_FIELDS, lot_data
from qtcore.http.pages.mistakes import word_error
from qtcore.http.pages.visits import Page, Redirect, Seen, page
from qtcore.services.holds import lift_hold, place_hold
from qtcore.services.results import ResultInput, record_result
from qtcore.services.same_lots import join_lots, part_lots

# How people write the result of a test that is passed or not.
_YES_NO = {"yes": "true", "no": "false", "是": "true", "否": "false"}


@page("POST", "/l/{lot:str}/results")
def add_result(call: Call) -> Seen:
    """Enter a measured value, or correct one with the reason."""
    result = ResultInput(
        characteristic=call.field("characteristic"),
        value=_YES_NO.get(call.field("value").lower(), call.field("value")),
        device=call.field("device").strip(),
        correct=call.field("correct") == "true",
        reason=call.field("reason"),
    )
    lot = call.params["lot"]
    try:
        verdict = record_result(call.site, call.act(), lot, result)
    except (InputRejected, Refused, Conflict) as error:
        return _again(call, error)
    return Redirect(f"/l/{quote(lot, safe='')}?done=result_{verdict}#h-tests")


@page("POST", "/l/{lot:str}/holds")
def hold(call: Call) -> Seen:
    """Place a hold."""
    lot = call.params["lot"]
    try:
        place_hold(call.site, call.act(), [lot], call.field("reason"))
    except (InputRejected, Refused, Conflict) as error:
        return _again(call, error)
    return Redirect(f"/l/{quote(lot, safe='')}?done=held")


@page("POST", "/l/{lot:str}/holds/{hold:str}")
def lift(call: Call) -> Seen:
    """Lift a hold."""
    try:
        lift_hold(call.site, call.act(), call.params["hold"], call.field("reason"))
    except (InputRejected, Refused, Conflict) as error:
        return _again(call, error)
    return Redirect(f"/l/{quote(call.params['lot'], safe='')}?done=lifted")


@page("POST", "/l/{lot:str}/join")
def join(call: Call) -> Seen:
    """Note that this lot is another one under a second name."""
    lot, other = call.params["lot"], call.field("other")
    try:
        join_lots(call.site, call.act(), lot, other, reason=call.field("reason"))
    except (InputRejected, Refused, Conflict, NotFound, Ambiguous) as error:
        return _again(call, error)
    return Redirect(f"/l/{quote(lot, safe='')}?done=joined")


@page("POST", "/l/{lot:str}/part")
def part(call: Call) -> Seen:
    """Take back that this lot is another one."""
    lot, other = call.params["lot"], call.field("other")
    try:
        part_lots(call.site, call.act(), lot, other, reason=call.field("reason"))
    except (InputRejected, Refused, Conflict, NotFound) as error:
        return _again(call, error)
    return Redirect(f"/l/{quote(lot, safe='')}?done=parted")


def _again(call: Call, error: QTCoreError) -> Page:
    """Show the lot again with what was wrong on top, and what was typed kept."""
    data = lot_data(call)
    data["mistakes"] = [{"message": text, "href": ""} for text in word_error(call, error)]
    data["typed"] = {name: call.field(name) for name in RESULT_FIELDS}
    return Page("lot.html", data, 400)


ROUTES = (add_result, hold, lift, join, part)
