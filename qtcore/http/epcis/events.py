"""Events: the standard's query as an address, and each event under its id.

It must not know how events are found.
"""

from typing import Any

from qtcore.errors import NotFound
from qtcore.http.epcis.doors import EPC_FORMATS, Asked, Reply, door
from qtcore.http.epcis.paging import with_link
from qtcore.http.problems import WebRefusal
from qtcore.services.epcis_notation import unknown_companies, write_keys
from qtcore.services.epcis_queries import query_events

_NOT_OURS = frozenset(("lang",))


@door("GET", "/events")
def list_events(asked: Asked) -> Reply:
    """Answer a query whose parameters stand in the address."""
    return answer_query(asked, {})


@door("GET", "/events/{event_id:str}")
def show_event(asked: Asked) -> Reply:
    """Show one event; when it was declared wrong, with its declaration."""
    event_id = asked.call.params["event_id"]
    page = query_events(asked.call.site, asked.call.act(), {"EQ_eventID": [event_id]})
    document = page.document
    found = document["epcisBody"]["queryResults"]["resultsBody"]["eventList"]
    if not found:
        raise NotFound(f"there is no event {event_id!r}")
    if asked.gives_xml:
        return Reply(_translated(asked, document), is_document=True)
    chosen = next((event for event in found if "errorDeclaration" in event), found[0])
    return Reply(_translated(asked, {"@context": document["@context"], **chosen}), is_document=True)


def answer_query(
    asked: Asked, fixed: dict[str, list[Any]], *, name: str = "SimpleEventQuery"
) -> Reply:
    """Run a query with the parameters of the address beside `fixed` ones."""
    given: dict[str, list[Any]] = {k: list(v) for k, v in fixed.items()}
    for key, values in asked.call.query.items():
        if key not in _NOT_OURS:
            given[key] = [*given.get(key, []), *values]
    page = query_events(asked.call.site, asked.call.act(), given, name=name)
    headers = with_link(asked.call, page.next_page)
    return Reply(_translated(asked, page.document), headers=headers, is_document=True)


def _translated(asked: Asked, document: Any) -> Any:
    """Write the keys as the client wants them; raises WebRefusal when that cannot be."""
    notation = EPC_FORMATS[asked.epc_format]
    written, unknown = write_keys(asked.call.site, document, notation)
    if unknown:
        raise WebRefusal(unknown_companies(unknown), 406, code="QT763")
    return written


ROUTES = (list_events, show_event)
