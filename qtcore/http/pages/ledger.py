"""The ledger page: who did what, when and why, and whether the history is whole.

It must not know hashes.
"""

from qtcore.http.call import Call
from qtcore.http.pages.visits import Page, Seen, page
from qtcore.services.audit import Verified, read_ledger, verify_history

PAGE_ROWS = 50


@page("GET", "/ledger")
def show(call: Call) -> Seen:
    """List entries, newest first, of one thing or one kind of act."""
    return _page(call, None)


@page("POST", "/ledger/verify")
def verify(call: Call) -> Seen:
    """Re-hash the whole history and say whether it is whole, and how long that took."""
    return _page(call, verify_history(call.site, call.act()))


def _page(call: Call, verified: Verified | None) -> Page:
    about, action, before = call.word("about").strip(), call.word("action"), call.word("before")
    start = int(before) if before.isascii() and before.isdecimal() and len(before) < 18 else None
    found = read_ledger(
        call.site, call.act(), about=about, action=action, before=start, limit=PAGE_ROWS
    )
    return Page(
        "ledger.html",
        {
            "found": found,
            "about": about,
            "action": action,
            "verified": verified,
            "next": found.rows[-1].number if len(found.rows) == PAGE_ROWS else None,
        },
    )


ROUTES = (show, verify)
