"""What a coordinator notes while a recall runs: answers heard, checks, acknowledgements, clocks.

It must not know deadlines' arithmetic; each form is one act of a recall service.
"""

from collections.abc import Callable
from urllib.parse import quote

from qtcore.errors import Conflict, Fault, InputRejected, NotFound, Refused
from qtcore.http.call import Call
from qtcore.http.pages.mistakes import word_error
from qtcore.http.pages.recall import case_page, typed_work
from qtcore.http.pages.reply import read_quantity, word_reply
from qtcore.http.pages.visits import Redirect, Seen, page
from qtcore.http.rendering import show_time
from qtcore.services.moments import read_lens
from qtcore.services.recall_checks import CheckInput, add_check
from qtcore.services.recall_notices import acknowledge, start_clock
from qtcore.services.recall_renewal import renew_scope
from qtcore.services.recall_replies import ReplyInput, make_link, note_reply
from qtcore.services.record_views import read_record


@page("POST", "/recall/{record:str}/acknowledge")
def note_acknowledgement(call: Call) -> Seen:
    """Note that a recipient took note, with what shows it."""

    def write(_: str) -> None:
        if not call.field("shown"):
            raise _wrong(call, "shown")
        acknowledge(call.site, call.act(), call.field("notice"), call.field("shown"))

    return _act(call, "ack", write)


@page("POST", "/recall/{record:str}/check")
def note_check(call: Call) -> Seen:
    """Note what a check of one consignee found."""
    said = {name: call.field(name) == "yes" for name in ("notice_received", "understood", "acted")}
    customer, method, note = (call.field(n) for n in ("customer", "method", "note"))
    check = CheckInput(customer, method, **said, note=note)
    return _act(call, "check", lambda record: add_check(call.site, call.act(), record, check))


@page("POST", "/recall/{record:str}/heard")
def note_answer(call: Call) -> Seen:
    """Note what a consignee said by phone or letter."""

    def write(record: str) -> None:
        try:
            reply = ReplyInput(
                acknowledged=call.field("acknowledged") == "yes",
                impact=call.field("impact"),
                quantity=read_quantity(call.field("quantity")),
                unit=call.field("unit"),
                completed=call.field("completed") == "yes",
                contact=call.field("contact"),
                note=call.field("note"),
            )
            customer = call.field("customer")
            note_reply(call.site, call.act(), record, customer=customer, reply=reply)
        except InputRejected as error:
            told = word_reply(call, error, typed_work(call, "heard")["typed"])
            faults = [Fault("QT411", text, name) for name, text in told.items()]
            raise InputRejected(error.message, faults or error.faults) from error

    return _act(call, "heard", write)


@page("POST", "/recall/{record:str}/link")
def hand_link(call: Call) -> Seen:
    """Make a link for one consignee and show it this once; earlier ones of theirs end."""
    view = read_record(call.site, call.act(), call.params["record"])
    customer = call.field("customer")
    try:
        secret = make_link(call.site, call.act(), view.record.uid, customer)
    except (Refused, InputRejected, Conflict, NotFound) as error:
        return case_page(call, view, word_error(call, error), work=typed_work(call, "link"))
    link = {"customer": customer, "address": f"{call.site.public_url}/reply/{secret}"}
    return case_page(call, view, (), work={**typed_work(call, ""), "link": link})


@page("POST", "/recall/{record:str}/clock")
def note_clock(call: Call) -> Seen:
    """Start one clock of the plan: what happened, and when."""

    def write(record: str) -> None:
        try:
            at = read_lens(since=call.field("at")).since
        except InputRejected:
            at = None
        if at is None:
            raise _wrong(call, "clock_time", found=call.field("at")[:40] or "–")
        if at > call.act().at:
            raise _wrong(call, "clock_future", found=show_time(at))
        start_clock(call.site, call.act(), record, event=call.field("event"), at=at)

    return _act(call, "clock", write)


@page("POST", "/recall/{record:str}/renew")
def note_renewal(call: Call) -> Seen:
    """Freeze the scope anew, with what came to be known since."""

    def write(record: str) -> None:
        renew_scope(call.site, call.act(), record, call.field("reason"))

    return _act(call, "renew", write)


def _wrong(call: Call, name: str, **found: str) -> InputRejected:
    """Say what is wrong with a field, in the language of the page."""
    return InputRejected(call.settings.texts.get(f"recall.wrong.{name}", call.language, **found))


def _act(call: Call, form: str, write: Callable[[str], object]) -> Seen:
    """Do one act and go back; what was wrong is said above the recall, and what was typed kept."""
    view = read_record(call.site, call.act(), call.params["record"])
    try:
        write(view.record.uid)
    except (Refused, InputRejected, Conflict, NotFound) as error:
        return case_page(call, view, word_error(call, error), work=typed_work(call, form))
    return Redirect(f"/recall/{quote(view.record.number)}?done=noted#h-work")


ROUTES = (note_acknowledgement, note_check, note_answer, hand_link, note_clock, note_renewal)
