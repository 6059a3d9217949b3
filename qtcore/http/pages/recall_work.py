"""What a coordinator notes while a recall runs: answers heard, checks, acknowledgements, clocks.

It must not know deadlines' arithmetic; each form is one act of a recall service.
"""

from collections.abc import Callable
from decimal import Decimal
from urllib.parse import quote

from qtcore.errors import Conflict, Fault, InputRejected, NotFound, Refused
from qtcore.http.call import Call
from qtcore.http.pages.mistakes import word_error
from qtcore.http.pages.recall import case_page
from qtcore.http.pages.reply import read_quantity
from qtcore.http.pages.visits import Redirect, Seen, page
from qtcore.services.moments import read_lens
from qtcore.services.recall_checks import CheckInput, add_check
from qtcore.services.recall_notices import acknowledge, start_clock
from qtcore.services.recall_renewal import renew_scope
from qtcore.services.recall_replies import ReplyInput, note_reply
from qtcore.services.record_views import read_record


@page("POST", "/recall/{record:str}/acknowledge")
def note_acknowledgement(call: Call) -> Seen:
    """Note that a recipient took note, with what shows it."""
    return _act(
        call,
        lambda _: acknowledge(call.site, call.act(), call.field("notice"), call.field("shown")),
    )


@page("POST", "/recall/{record:str}/check")
def note_check(call: Call) -> Seen:
    """Note what a check of one consignee found."""
    said = {name: call.field(name) == "yes" for name in ("notice_received", "understood", "acted")}
    customer, method, note = (call.field(n) for n in ("customer", "method", "note"))
    check = CheckInput(customer, method, **said, note=note)
    return _act(call, lambda record: add_check(call.site, call.act(), record, check))


@page("POST", "/recall/{record:str}/heard")
def note_answer(call: Call) -> Seen:
    """Note what a consignee said by phone or letter."""

    def write(record: str) -> None:
        reply = ReplyInput(
            acknowledged=call.field("acknowledged") == "yes",
            impact=call.field("impact"),
            quantity=_quantity(call),
            unit=call.field("unit"),
            completed=call.field("completed") == "yes",
            contact=call.field("contact"),
            note=call.field("note"),
        )
        customer = call.field("customer")
        note_reply(call.site, call.act(), record, customer=customer, reply=reply)

    return _act(call, write)


@page("POST", "/recall/{record:str}/clock")
def note_clock(call: Call) -> Seen:
    """Start one clock of the plan: what happened, and when."""

    def write(record: str) -> None:
        at = read_lens(since=call.field("at")).since
        if at is None:
            message = "say when it happened, such as 2026-05-01T08:00"
            raise InputRejected(message, [Fault("QT411", message, "at")])
        start_clock(call.site, call.act(), record, event=call.field("event"), at=at)

    return _act(call, write)


@page("POST", "/recall/{record:str}/renew")
def note_renewal(call: Call) -> Seen:
    """Freeze the scope anew, with what came to be known since."""
    return _act(
        call, lambda record: renew_scope(call.site, call.act(), record, call.field("reason"))
    )


def _quantity(call: Call) -> Decimal | None:
    return read_quantity(call.field("quantity"))


def _act(call: Call, write: Callable[[str], object]) -> Seen:
    """Do one act and go back to the recall; what was wrong is said above it."""
    view = read_record(call.site, call.act(), call.params["record"])
    try:
        write(view.record.uid)
    except (Refused, InputRejected, Conflict, NotFound) as error:
        return case_page(call, view, word_error(call, error))
    return Redirect(f"/recall/{quote(view.record.number)}?done=noted")


ROUTES = (note_acknowledgement, note_check, note_answer, note_clock, note_renewal)
