"""The ledger pages: search, later changes, verification with progress, reviews, proof files.

They must not know hashes.
"""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, urlencode

from qtcore.errors import InputRejected, QTCoreError, Refused
from qtcore.http.call import Call
from qtcore.http.downloads import Download
from qtcore.http.pages.mistakes import word_error
from qtcore.http.pages.visits import Page, Redirect, Seen, page
from qtcore.services.ledger_names import name_subjects
from qtcore.services.ledger_search import LedgerSearch, search_ledger
from qtcore.services.proving import Asked, export_history, prove_lot
from qtcore.services.reviewing import read_reviews, review_history
from qtcore.services.sealing import read_sealing
from qtcore.services.verifying import Progress, read_verification, start_verification

PAGE_ROWS = 50
# A short history is verified while the page is waited for; a long one shows its progress.
WAIT_SECONDS = 2.0
FILTERS = ("about", "who", "action", "kind", "since", "until", "changed", "device", "ip")


@page("GET", "/ledger")
def show(call: Call) -> Seen:
    """List entries, newest first, of one thing, person, kind of act or period."""
    return _page(call)


@page("POST", "/ledger/verify")
def verify(call: Call) -> Seen:
    """Re-hash the history, or a range of it, and say whether it is whole."""
    try:
        first, last = _range(call, call.field)
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
        first, last = _range(call, call.word)
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
        since=_day(call, "since", filters["since"]),
        until=_day(call, "until", filters["until"], is_end=True),
        changed=filters["changed"] == "yes",
        before=_number(call, "before", call.word("before")),
        limit=PAGE_ROWS,
        device=filters["device"],
        ip=filters["ip"],
    )
    found = search_ledger(call.site, call.act(), asked)
    reviews = read_reviews(call.site, call.act(), found.about) if found.about else None

    def link(**changes: object) -> str:
        pairs = {**filters, **{name: str(value) for name, value in changes.items()}}
        return "/ledger?" + urlencode({name: value for name, value in pairs.items() if value})

    data = {
        "found": found,
        "known": name_subjects(call.site, call.act(), found.rows),
        "filters": filters,
        "link": link,
        "reviews": reviews,
        "job": job,
        "mistakes": word_error(call, error) if error else (),
        "done": call.word("done"),
        "typed": {name: call.field(name) if error else "" for name in ("from", "to", "remark")},
    }
    return Page("ledger.html", data, 400 if error else 200)


def _range(call: Call, get: Callable[[str], str]) -> tuple[int | None, int | None]:
    """Read the range that was typed; raises InputRejected for one that is not sealed."""
    first, last = _number(call, "from", get("from")), _number(call, "to", get("to"))
    if first is None and last is None:
        return None, None  # all there is, which may be nothing yet
    sealed = read_sealing(call.site).sealed
    end = sealed - 1 if last is None else last
    if not sealed:
        raise _wrong(call, "unsealed", found=f"{first or 0}–{'' if last is None else last}")
    if not (first or 0) <= end < sealed:
        raise _wrong(call, "range", found=f"{first or 0}–{end}", last=sealed - 1)
    return first, last


def _number(call: Call, name: str, text: str) -> int | None:
    """Read the number of an event; raises InputRejected for anything else."""
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) < 18):
        label = call.settings.texts.get(f"ledger.{name}", call.language)
        raise _wrong(call, "number", label=label, found=text[:40])
    return int(text)


def _day(call: Call, name: str, text: str, *, is_end: bool = False) -> datetime | None:
    """Read a day; as an end it means up to its last moment. Raises InputRejected for no day."""
    if not text:
        return None
    try:
        day = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
        return day + timedelta(days=1, microseconds=-1) if is_end else day
    except (ValueError, OverflowError):
        label = call.settings.texts.get(f"ledger.{name}", call.language)
        raise _wrong(call, "day", label=label, found=text[:40]) from None


def _wrong(call: Call, what: str, **found: object) -> InputRejected:
    """Say what is wrong with a field, in the language of the page."""
    return InputRejected(call.settings.texts.get(f"ledger.wrong.{what}", call.language, **found))


ROUTES = (show, verify, progress, review, proof)
