"""The ledger pages: search, later changes, verification with progress, reviews, proof files.

They must not know hashes.
"""

import json
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, urlencode

from qtcore.errors import InputRejected, QTCoreError, Refused
from qtcore.http.call import Call
from qtcore.http.downloads import Download
from qtcore.http.pages.visits import Page, Redirect, Seen, page
from qtcore.services.ledger_search import LedgerSearch, search_ledger
from qtcore.services.proving import Asked, export_history, prove_lot
from qtcore.services.reviewing import read_reviews, review_history
from qtcore.services.verifying import Progress, read_verification, start_verification

PAGE_ROWS = 50
# A short history is verified while the page is waited for; a long one shows its progress.
WAIT_SECONDS = 2.0
FILTERS = ("about", "who", "action", "kind", "since", "until", "changed")


@page("GET", "/ledger")
def show(call: Call) -> Seen:
    """List entries, newest first, of one thing, person, kind of act or period."""
    return _page(call)


@page("POST", "/ledger/verify")
def verify(call: Call) -> Seen:
    """Re-hash the history, or a range of it, and say whether it is whole."""
    try:
        first, last = _number("from", call.field("from")), _number("to", call.field("to"))
        job = start_verification(
            call.site, call.act(), first=first or 0, last=last, wait_seconds=WAIT_SECONDS
        )
    except InputRejected as error:
        return _page(call, error=error)
    if job.is_over:
        return _page(call, job=job)
    return Redirect(f"/ledger/verify/{job.job_id}")


@page("GET", "/ledger/verify/{job:str}")
def progress(call: Call) -> Seen:
    """Show how far a verification is, or its verdict; the page comes again by itself."""
    return Page(
        "ledger_verify.html", {"job": read_verification(call.site, call.act(), call.params["job"])}
    )


@page("POST", "/ledger/review")
def review(call: Call) -> Seen:
    """Sign that the entries about a thing were reviewed."""
    subject = call.field("subject")
    try:
        remark = call.field("remark")
        review_history(call.site, call.act(), subject, proof=call.proof, remark=remark)
    except (InputRejected, Refused) as error:
        return _page(call, error=error, about=subject)
    return Redirect(f"/ledger?about={quote(subject, safe='')}&done=reviewed#h-review")


@page("GET", "/ledger/proof.json")
def proof(call: Call) -> Seen:
    """Hand out the proof file of one lot, or of a range."""
    asked = Asked(personal=call.word("personal") != "no")
    lot = call.word("lot").strip()
    if lot:
        made = prove_lot(call.site, call.act(), lot, asked)
        name = "lot"
    else:
        first, last = _number("from", call.word("from")), _number("to", call.word("to"))
        made = export_history(call.site, call.act(), first=first, last=last, asked=asked)
        name = f"events-{made.about['from']}-{made.about['to']}"
    content = json.dumps(made.as_json(), ensure_ascii=False, indent=1).encode()
    return Download(f"qtcore-proof-{name}.json", content, "application/json")


def _page(
    call: Call,
    *,
    job: Progress | None = None,
    error: QTCoreError | None = None,
    about: str = "",
) -> Page:
    filters = {name: call.word(name).strip() for name in FILTERS}
    if about:
        filters["about"] = about
    asked = LedgerSearch(
        about=filters["about"],
        who=filters["who"],
        action=filters["action"],
        kind=filters["kind"],
        since=_day("since", filters["since"]),
        until=_day("until", filters["until"], is_end=True),
        changed=filters["changed"] == "yes",
        before=_number("before", call.word("before")),
        limit=PAGE_ROWS,
    )
    found = search_ledger(call.site, call.act(), asked)
    reviews = read_reviews(call.site, call.act(), found.about) if found.about else None

    def link(**changes: object) -> str:
        pairs = {**filters, **{name: str(value) for name, value in changes.items()}}
        return "/ledger?" + urlencode({name: value for name, value in pairs.items() if value})

    data = {
        "found": found,
        "filters": filters,
        "link": link,
        "reviews": reviews,
        "job": job,
        "error": error,
        "done": call.word("done"),
    }
    return Page("ledger.html", data, 400 if error else 200)


def _number(name: str, text: str) -> int | None:
    """Read the number of an event; raises InputRejected for anything else."""
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) < 18):
        raise _unread(name, text, "the number of an event, from 0 on")
    return int(text)


def _day(name: str, text: str, *, is_end: bool = False) -> datetime | None:
    """Read a day; as an end it means up to its last moment. Raises InputRejected for no day."""
    if not text:
        return None
    try:
        day = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
        return day + timedelta(days=1, microseconds=-1) if is_end else day
    except (ValueError, OverflowError):
        raise _unread(name, text, "a day, written 2026-03-31") from None


def _unread(name: str, text: str, wanted: str) -> InputRejected:
    return InputRejected(f"{name!r} is {text[:40]!r}; accepted is {wanted}")


ROUTES = (show, verify, progress, review, proof)
