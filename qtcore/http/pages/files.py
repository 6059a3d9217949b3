"""Files on the pages of records and events: attached by a form, saved by a link, never shown.

It must not know what a file may hold.
"""

from typing import Final
from urllib.parse import quote

from qtcore.errors import Conflict, Fault, InputRejected, Refused
from qtcore.http.call import Call
from qtcore.http.downloads import Download
from qtcore.http.pages.mistakes import word_error
from qtcore.http.pages.records import event_page, record_page
from qtcore.http.pages.visits import Redirect, Seen, page
from qtcore.services.attachments import Owner, attach_file, read_file
from qtcore.services.event_views import read_event
from qtcore.services.record_views import read_record

_FIELD: Final = "file"


@page("POST", "/r/{record:str}/attachments")
def add_to_record(call: Call) -> Seen:
    """Attach a file to a record; a mistake comes back on its page."""
    view = read_record(call.site, call.act(), call.params["record"])
    try:
        _attach(call, Owner("record", view.record.uid))
    except (InputRejected, Conflict, Refused) as error:
        return record_page(call, view, word_error(call, error))
    return Redirect(f"/r/{quote(view.record.number)}?done=attached#h-files")


@page("POST", "/e/{event:str}/attachments")
def add_to_event(call: Call) -> Seen:
    """Attach a file to an event; a mistake comes back on its page."""
    view = read_event(call.site, call.act(), call.params["event"])
    try:
        _attach(call, Owner("event", view.event.uid))
    except (InputRejected, Conflict, Refused) as error:
        return event_page(call, view, word_error(call, error))
    return Redirect(f"/e/{quote(view.event.uid)}?done=attached#h-files")


@page("GET", "/files/{attachment:str}")
def save(call: Call) -> Seen:
    """Give a file to be saved."""
    file = read_file(call.site, call.act(), call.params["attachment"])
    return Download(file.row.name, file.content, file.row.media_type)


def _attach(call: Call, owner: Owner) -> None:
    sent = call.files(_FIELD)
    if len(sent) != 1:
        text = f"{len(sent)} files were sent; choose one file"
        raise InputRejected(text, [Fault("QT499", text, f"/{_FIELD}")], code="QT499")
    attach_file(call.site, call.act(), owner, sent[0])


ROUTES = (add_to_record, add_to_event, save)
