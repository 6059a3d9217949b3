"""Lots in the API: the list, one lot, its chain, its release, tests, holds and transitions.

It must not know how any of it is found or judged.
"""

from qtcore.http.api.inputs import (
    LensQuery,
    LotQuery,
    OtherLotBody,
    PathsQuery,
    ReasonBody,
    ReleaseQuery,
    ResultBody,
    StepBody,
    TraceQuery,
)
from qtcore.http.api.operations import Sent, operation, plain_json
from qtcore.http.call import Call
from qtcore.http.idempotency import Answer
from qtcore.services.balances import balance_lots
from qtcore.services.explaining import explain_lot
from qtcore.services.holds import lift_hold, place_hold
from qtcore.services.lots import get_lot, list_lots
from qtcore.services.paths import find_paths
from qtcore.services.results import ResultInput, record_result
from qtcore.services.same_lots import join_lots, part_lots
from qtcore.services.trace import trace
from qtcore.services.transitions import Step, fire_transition


@operation("GET", "/lots", summary="List lots", answer="LotList", query=LotQuery)
def list_all(call: Call, sent: Sent) -> Answer:
    """List lots in the order they were made known."""
    asked: LotQuery = sent.query
    page = list_lots(call.site, call.act(), **asked.model_dump())
    return Answer(page.as_json())


@operation("GET", "/lots/{lot_id:str}", summary="Show one lot, by any identifier", answer="Lot")
def show(call: Call, _: Sent) -> Answer:
    """Show a lot with stock, tests, records, events and one step of its chain."""
    return _lot(call)


def _lot(call: Call) -> Answer:
    return Answer(get_lot(call.site, call.act(), call.params["lot_id"]).as_json())


@operation(
    "GET",
    "/lots/{lot_id:str}/trace",
    summary="Trace a lot backward, forward or both",
    answer="Trace",
    query=TraceQuery,
)
def show_trace(call: Call, sent: Sent) -> Answer:
    """Trace to the ends, or `depth` steps."""
    asked: TraceQuery = sent.query
    found = trace(
        call.site,
        call.act(),
        call.params["lot_id"],
        asked.direction,
        max_depth=asked.depth,
        lens=asked.lens(),
    )
    return Answer(found.as_json())


@operation(
    "GET",
    "/lots/{lot_id:str}/paths",
    summary="Explain how one lot got into another, and how much of it",
    answer="Paths",
    query=PathsQuery,
)
def show_paths(call: Call, sent: Sent) -> Answer:
    """Give every link on a way from the lot to `to_lot`, and the share in bounds."""
    asked: PathsQuery = sent.query
    lot = call.params["lot_id"]
    found = find_paths(call.site, call.act(), lot, asked.to_lot, lens=asked.lens())
    return Answer(found.as_json())


@operation(
    "GET",
    "/lots/{lot_id:str}/balance",
    summary="Account for a lot: what came, what went, what is there, what nobody can explain",
    answer="LotBalance",
    query=LensQuery,
)
def show_balance(call: Call, sent: Sent) -> Answer:
    """Balance a lot, in a period when `from` or `to` are given."""
    asked: LensQuery = sent.query
    found = balance_lots(call.site, call.act(), [call.params["lot_id"]], lens=asked.lens())
    return Answer(found.as_json())


@operation(
    "GET",
    "/lots/{lot_id:str}/release",
    summary="Explain whether a lot may be released",
    answer="Release",
    query=ReleaseQuery,
)
def show_release(call: Call, sent: Sent) -> Answer:
    """Explain every rule with facts, sources, limit and version; `as_decided`: as it was then."""
    asked: ReleaseQuery = sent.query
    lot = call.params["lot_id"]
    found = explain_lot(call.site, call.act(), lot, as_decided=asked.as_decided)
    return Answer(plain_json(found.as_json(as_decided=asked.as_decided)))


@operation(
    "POST",
    "/lots/{lot_id:str}/transitions/{transition:str}",
    summary="Make a step of a lot's life cycle, such as release or reject",
    answer="Step",
    body=StepBody,
)
def step(call: Call, sent: Sent) -> Answer:
    """Fire a transition; every reason is named when it is refused."""
    body: StepBody = sent.body
    made = fire_transition(
        call.site,
        call.act(),
        ("lot", call.params["lot_id"]),
        Step(call.params["transition"], **body.model_dump()),
    )
    return Answer(dict(made.as_json()))


@operation(
    "POST",
    "/lots/{lot_id:str}/results",
    summary="Record a test result",
    answer="Result",
    status=201,
    body=ResultBody,
)
def add_result(call: Call, sent: Sent) -> Answer:
    """Record or correct a measured value; answers its verdict."""
    body: ResultBody = sent.body
    lot = call.params["lot_id"]
    verdict = record_result(call.site, call.act(), lot, ResultInput(**body.model_dump()))
    return Answer({"lot_id": lot, "characteristic": body.characteristic, "verdict": verdict}, 201)


@operation(
    "POST",
    "/lots/{lot_id:str}/holds",
    summary="Hold a lot",
    answer="Hold",
    status=201,
    body=ReasonBody,
)
def hold(call: Call, sent: Sent) -> Answer:
    """Place a hold; it beats every release."""
    lot, reason = call.params["lot_id"], sent.body.reason
    (hold_id,) = place_hold(call.site, call.act(), [lot], reason)
    return Answer({"hold_id": hold_id, "lot_id": lot, "reason": reason}, 201)


@operation(
    "POST", "/holds/{hold_id:str}/lift", summary="Lift a hold", answer="Lifted", body=ReasonBody
)
def lift(call: Call, sent: Sent) -> Answer:
    """Lift a hold for a reason."""
    hold_id = call.params["hold_id"]
    lift_hold(call.site, call.act(), hold_id, sent.body.reason)
    return Answer({"hold_id": hold_id, "lifted": True})


@operation(
    "POST",
    "/lots/{lot_id:str}/join",
    summary="Note that two lots are one under two names",
    answer="Lot",
    body=OtherLotBody,
)
def join(call: Call, sent: Sent) -> Answer:
    """Join two lots: traces go through both, a hold on one holds the other."""
    lot, body = call.params["lot_id"], sent.body
    join_lots(call.site, call.act(), lot, body.other, reason=body.reason)
    return _lot(call)


@operation(
    "POST",
    "/lots/{lot_id:str}/part",
    summary="Take back that two lots are one",
    answer="Lot",
    body=OtherLotBody,
)
def part(call: Call, sent: Sent) -> Answer:
    """Part two lots that were joined; exactly the earlier state is back."""
    lot, body = call.params["lot_id"], sent.body
    part_lots(call.site, call.act(), lot, body.other, reason=body.reason)
    return _lot(call)


ROUTES = (
    list_all,
    show,
    show_trace,
    show_paths,
    show_balance,
    show_release,
    step,
    add_result,
    hold,
    lift,
    join,
    part,
)
