"""Recalls in the API: scope, start, clock, notices, replies, checks, reports, closure; open orders.

It must not know how anything is found or decided.
"""

from qtcore.http.api.inputs import ReasonBody
from qtcore.http.api.operations import PREFIX, Sent, operation, plain_json
from qtcore.http.api.recall_inputs import (
    CheckBody,
    ClockBody,
    CloseBody,
    CustomerBody,
    CustomerReplyBody,
    EvidenceBody,
    OrderBody,
    OrderStateBody,
    RecallBody,
    ScopeBody,
    SendBody,
)
from qtcore.http.call import Call
from qtcore.http.idempotency import Answer
from qtcore.services.holds import lift_holds_of
from qtcore.services.orders import OrderInput, finish_order, reserve
from qtcore.services.recall import RecallStart, recall_scope, start_recall
from qtcore.services.recall_cases import read_case, report_rows
from qtcore.services.recall_checks import CheckInput, add_check
from qtcore.services.recall_notices import acknowledge, send_notices, start_clock
from qtcore.services.recall_renewal import renew_scope
from qtcore.services.recall_replies import (
    ReplyInput,
    make_link,
    note_reply,
    revoke_links,
)
from qtcore.services.transitions import Step, fire_transition

CASE = "/recalls/{recall_id:str}"


@operation(
    "POST",
    "/recalls/scope",
    summary="Find everything the given lots, window or supplier went into, and where it is",
    answer="RecallScope",
    body=ScopeBody,
)
def scope(call: Call, sent: Sent) -> Answer:
    """Compute a recall scope; nothing is changed by it."""
    found = recall_scope(call.site, call.act(), sent.body.as_question())
    return Answer(found.as_json())


@operation(
    "POST",
    "/recalls",
    summary="Open a recall, or a mock recall without effects",
    answer="Recall",
    status=201,
    body=RecallBody,
)
def start(call: Call, sent: Sent) -> Answer:
    """Open a recall: record, frozen scope and, unless it is a mock, a hold on every lot of it."""
    body: RecallBody = sent.body
    asked = RecallStart(
        body.seeds, body.title, body.reason, body.is_mock, body.data, body.as_question()
    )
    made = start_recall(call.site, call.act(), asked)
    return Answer(plain_json(made.as_json()), 201, f"{PREFIX}/records/recall/{made.record_id}")


@operation("GET", CASE, summary="Show a recall as it stands", answer="RecallCase")
def show(call: Call, _: Sent) -> Answer:
    """Show clock, notices, replies, balance, checks and what changed since the snapshot."""
    return Answer(plain_json(read_case(call.site, call.act(), call.params["recall_id"]).as_json()))


@operation("GET", CASE + "/report", summary="Report the progress per consignee", answer="Rows")
def report(call: Call, _: Sent) -> Answer:
    """Report the progress; the same rows as the CSV file."""
    view = read_case(call.site, call.act(), call.params["recall_id"])
    return Answer({"items": report_rows(view)})


@operation(
    "POST",
    CASE + "/snapshots",
    summary="Freeze the scope of a recall anew, with what came to be known since",
    answer="RecallRenewal",
    status=201,
    body=ReasonBody,
)
def renew(call: Call, sent: Sent) -> Answer:
    """Hold the lots that are new in the scope and plan the notices of new consignees."""
    made = renew_scope(call.site, call.act(), call.params["recall_id"], sent.body.reason)
    return Answer(plain_json(made.as_json()), 201)


@operation(
    "POST", CASE + "/lift-holds", summary="Lift the holds of a recall", answer="HoldsLifted",
    body=ReasonBody,
)  # fmt: skip
def lift(call: Call, sent: Sent) -> Answer:
    """Lift the holds this recall placed; holds with another cause stay."""
    view = read_case(call.site, call.act(), call.params["recall_id"])
    lifted = lift_holds_of(call.site, call.act(), view.record.uid, sent.body.reason)
    return Answer({"lifted": lifted})


@operation(
    "POST", CASE + "/notices/send", summary="Send the notices that wait", answer="NoticesSent",
    body=SendBody,
)  # fmt: skip
def send(call: Call, sent: Sent) -> Answer:
    """Hand the notices to their channels, each with a link under the site's public address."""
    found = send_notices(
        call.site, call.act(), call.params["recall_id"], public_url=sent.body.base_url
    )
    return Answer({"sent": found})


@operation(
    "POST", "/recall-notices/{notice_id:str}/acknowledge",
    summary="Note that a notice was received", answer="Done", body=EvidenceBody,
)  # fmt: skip
def confirm(call: Call, sent: Sent) -> Answer:
    """Note the evidence that a recipient took note."""
    acknowledge(call.site, call.act(), call.params["notice_id"], sent.body.evidence)
    return Answer({"done": True})


@operation(
    "POST", CASE + "/clock", summary="Start a clock of the plan", answer="Done", body=ClockBody
)
def clock(call: Call, sent: Sent) -> Answer:
    """Start a clock, such as ``completed_at``."""
    start_clock(
        call.site, call.act(), call.params["recall_id"], event=sent.body.event, at=sent.body.at
    )
    return Answer({"done": True})


@operation(
    "POST", CASE + "/links", summary="Make a link for one consignee", answer="ReplyLink",
    status=201, body=CustomerBody,
)  # fmt: skip
def link(call: Call, sent: Sent) -> Answer:
    """Make a link; its secret is shown this once, and earlier ones of the consignee end."""
    secret = make_link(call.site, call.act(), call.params["recall_id"], sent.body.customer)
    return Answer({"token": secret, "path": f"/reply/{secret}"}, 201, is_secret=True)


@operation(
    "POST", CASE + "/links/revoke", summary="End the links of a consignee", answer="Revoked",
    body=CustomerBody,
)  # fmt: skip
def revoke(call: Call, sent: Sent) -> Answer:
    """End the links of a consignee."""
    count = revoke_links(call.site, call.act(), call.params["recall_id"], sent.body.customer)
    return Answer({"revoked": count})


@operation(
    "POST", CASE + "/replies", summary="Note what a consignee said", answer="Numbered",
    status=201, body=CustomerReplyBody,
)  # fmt: skip
def reply(call: Call, sent: Sent) -> Answer:
    """Note a reply that came by phone or letter."""
    given = sent.body.model_dump()
    customer = given.pop("customer")
    number = note_reply(
        call.site,
        call.act(),
        call.params["recall_id"],
        customer=customer,
        reply=ReplyInput(**given),
    )
    return Answer({"number": number}, 201)


@operation(
    "POST", CASE + "/checks", summary="Note an effectiveness check", answer="Checked",
    status=201, body=CheckBody,
)  # fmt: skip
def check(call: Call, sent: Sent) -> Answer:
    """Note whether a consignee was told, understood and acted."""
    entry = CheckInput(**sent.body.model_dump())
    return Answer(
        {"check_id": add_check(call.site, call.act(), call.params["recall_id"], entry)}, 201
    )


@operation("POST", CASE + "/close", summary="Close a recall, signed", answer="Step", body=CloseBody)
def close(call: Call, sent: Sent) -> Answer:
    """Close a recall; refused while quantity is unaccounted for and nobody justifies it."""
    view = read_case(call.site, call.act(), call.params["recall_id"])
    values = {"justification": sent.body.justification}
    step = Step("close", sent.body.reason, sent.body.password, values)
    made = fire_transition(call.site, call.act(), ("record", view.record.uid), step)
    return Answer(plain_json(made.as_json()))


@operation(
    "POST", "/orders", summary="Reserve a lot for an order line", answer="OrderLine", status=201,
    body=OrderBody,
)  # fmt: skip
def add_order(call: Call, sent: Sent) -> Answer:
    """Reserve a lot; a held lot is refused."""
    order = OrderInput(**sent.body.model_dump())
    return Answer({"order_line_id": reserve(call.site, call.act(), order)}, 201)


@operation(
    "POST", "/orders/{order_line_id:str}/finish", summary="Finish an order line", answer="Done",
    body=OrderStateBody,
)  # fmt: skip
def end_order(call: Call, sent: Sent) -> Answer:
    """Say that a line has left or will not."""
    finish_order(call.site, call.act(), call.params["order_line_id"], sent.body.state)
    return Answer({"done": True})


ROUTES = (
    scope,
    start,
    show,
    report,
    renew,
    lift,
    send,
    confirm,
    clock,
    link,
    revoke,
    reply,
    check,
    close,
    add_order,
    end_order,
)
