"""Home and the search box: what waits for this person, and what a typed or scanned text means.

It must not know how lots are judged or found.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from qtcore.errors import Ambiguous, NotFound
from qtcore.http.call import Call
from qtcore.http.pages.lot_words import read_lot_words
from qtcore.http.pages.visits import Page, Redirect, Seen, page
from qtcore.services.finding import find_exact
from qtcore.services.lots import search
from qtcore.services.record_views import read_record
from qtcore.services.to_sign import list_signed_steps
from qtcore.services.worklist import read_worklist
from qtcore.store.queries.nodes import NodeInfo


@page("GET", "/")
def home(call: Call) -> Seen:
    """List things to do: ready for release, blocked by cause, open records."""
    context = call.act()
    if not context.actor.may("lot.read"):
        return Page("home.html", {"work": None, "events": []})
    work = read_worklist(call.site, context)
    events = _own_forms(call, "events", "event.record")
    blocked = {view.info.node for cause in work.causes for view in cause.lots}
    things = len(work.ready) + len(blocked) + len(work.records)
    signs = bool(list_signed_steps(call.site, context))
    return Page("home.html", {"work": work, "events": events, "things": things, "signs": signs})


@page("GET", "/search")
def find(call: Call) -> Seen:
    """Open what is meant exactly; else show the candidates, else the nearest."""
    text = call.word("q").strip()
    if not text:
        return _found("", ())
    try:
        return Redirect(f"/l/{quote(find_exact(call.site, call.act(), text).uid)}")
    except Ambiguous as error:
        found = search(call.site, call.act(), text)
        wanted = {str(one["lot_id"]) for one in error.candidates}
        exact = [info for info in found if info.uid in wanted] or list(found)
        return _found(text, exact, is_ambiguous=True)
    except NotFound:
        record = _record(call, text)
        if record:
            return Redirect(f"/r/{quote(record)}")
        words = read_lot_words(call, text)
        if words is not None:
            return _found(text, (), words=words)
        return _found(text, search(call.site, call.act(), text))


def _found(
    text: str,
    found: Sequence[NodeInfo],
    *,
    is_ambiguous: bool = False,
    words: Mapping[str, Any] | None = None,
) -> Page:
    told = {"text": text, "found": found, "is_ambiguous": is_ambiguous, "words": words}
    return Page("search.html", told)


def _record(call: Call, text: str) -> str | None:
    if not call.act().actor.may("record.read"):
        return None
    try:
        return read_record(call.site, call.act(), text).record.number
    except NotFound:
        return None


def _own_forms(call: Call, kind: str, right: str) -> list[str]:
    actor = call.act().actor
    return [d.id for d in call.site.registry.list(kind) if actor.may(f"{right}:{d.id}")]


@page("GET", "/forms")
def forms(call: Call) -> Seen:
    """List every form this person may fill."""
    return Page(
        "forms.html",
        {
            "events": _own_forms(call, "events", "event.record"),
            "records": _own_forms(call, "records", "record.submit"),
        },
    )


ROUTES = (home, find, forms)
