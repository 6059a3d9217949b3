"""The standard's top-level resources: what occurs, and the events of each.

It must not know how values are found.
"""

from collections.abc import Mapping
from typing import Any, Final

from litestar.handlers import HTTPRouteHandler

from qtcore.builtin.epcis.query_parameters import ANY
from qtcore.builtin.epcis.vocabulary import EVENT_TYPES
from qtcore.builtin.epcis.xml_prefixes import STANDARD_CONTEXT
from qtcore.http.epcis.doors import DISCOVERY_HEADERS, Asked, Reply, door
from qtcore.http.epcis.events import answer_query
from qtcore.http.epcis.paging import page_size, page_token, with_link
from qtcore.services.epcis_queries import list_resources

RESOURCES: Final[Mapping[str, str]] = {
    # address -> the query parameter that finds its events
    "eventTypes": "eventType",
    "epcs": ANY,
    "bizSteps": "EQ_bizStep",
    "bizLocations": "EQ_bizLocation",
    "readPoints": "EQ_readPoint",
    "dispositions": "EQ_disposition",
}
_ALLOWED: Final[Mapping[str, str]] = {
    "": "GET, OPTIONS",
    "/capture": "GET, POST, OPTIONS",
    "/events": "GET, POST, OPTIONS",
    "/queries": "GET, POST, OPTIONS",
    **{f"/{name}": "GET, OPTIONS" for name in RESOURCES},
    "/capture/{capture_id:str}": "GET, OPTIONS",
    "/events/{event_id:str}": "GET, OPTIONS",
    "/queries/{query_name:str}": "GET, DELETE, OPTIONS",
    "/queries/{query_name:str}/events": "GET, OPTIONS",
    **{f"/{name}/{{value:str}}": "GET, OPTIONS" for name in RESOURCES},
    **{f"/{name}/{{value:str}}/events": "GET, OPTIONS" for name in RESOURCES},
}


@door("GET", "/")
def discover(asked: Asked) -> Reply:
    """List what is offered."""
    asked.call.act()
    links = [f"/epcis{path}" for path in _ALLOWED if path and "{" not in path]
    return Reply(_collection(links), headers=DISCOVERY_HEADERS)


def _collection(member: list[Any]) -> dict[str, Any]:
    return {"@context": STANDARD_CONTEXT, "type": "Collection", "member": member}


def _options(path: str, allowed: str) -> HTTPRouteHandler:
    @door("OPTIONS", path or "/")
    def options(_asked: Asked) -> Reply:
        return Reply(status=204, headers={**DISCOVERY_HEADERS, "Allow": allowed})

    return options


def _list(name: str) -> HTTPRouteHandler:
    @door("GET", f"/{name}")
    def list_values(asked: Asked) -> Reply:
        size = page_size(asked.call)
        context = asked.call.act()
        if name == "eventTypes":
            return Reply(_collection(list(EVENT_TYPES)))
        found = list_resources(
            asked.call.site, context, name, after=page_token(asked.call), limit=size + 1
        )
        more = found[size - 1] if len(found) > size else ""
        return Reply(_collection(list(found[:size])), headers=with_link(asked.call, more))

    return list_values


def _show(name: str) -> HTTPRouteHandler:
    @door("GET", f"/{name}/{{value:str}}")
    def show(asked: Asked) -> Reply:
        asked.call.act()
        return Reply(_collection(["events"]))

    return show


def _events(name: str, parameter: str) -> HTTPRouteHandler:
    @door("GET", f"/{name}/{{value:str}}/events")
    def list_events(asked: Asked) -> Reply:
        return answer_query(asked, {parameter: [asked.call.params["value"]]})

    return list_events


OPTIONS = tuple(_options(path, allowed) for path, allowed in _ALLOWED.items())
"""They come first: for an address without one the framework makes its own."""

ROUTES = (
    discover,
    *(_list(name) for name in RESOURCES),
    *(_show(name) for name in RESOURCES),
    *(_events(name, parameter) for name, parameter in RESOURCES.items()),
)
