"""Queries kept under a name: made, listed, shown, run, removed.

It must not know how a query is run.
"""

from typing import Any

from qtcore.builtin.epcis.strict_json import read_json
from qtcore.builtin.faults import Faults
from qtcore.errors import Fault, InputRejected
from qtcore.http.epcis.doors import JSON_TYPES, PREFIX, Asked, Reply, body_kind, door
from qtcore.http.epcis.events import answer_query
from qtcore.http.epcis.paging import page_size, page_token, with_link
from qtcore.http.problems import WebRefusal
from qtcore.services import epcis_named_queries as named


@door("GET", "/queries")
def list_queries(asked: Asked) -> Reply:
    """List the queries kept here."""
    size = page_size(asked.call)
    found = named.list_queries(
        asked.call.site, asked.call.act(), after=page_token(asked.call), limit=size + 1
    )
    more = found[size - 1].name if len(found) > size else ""
    return Reply([_as_json(each) for each in found[:size]], headers=with_link(asked.call, more))


@door("POST", "/queries")
def make_query(asked: Asked) -> Reply:
    """Keep a query under a name."""
    if body_kind(asked) not in JSON_TYPES:
        raise WebRefusal("a query is sent as JSON", 415, code="QT418")
    faults = Faults()
    told = read_json(asked.call.body, faults)
    if faults.count:
        found = [Fault(f.code, f.message, f.where) for f in faults.listed()]
        raise InputRejected("the query is no JSON that can be read", found, code="QT761")
    query = named.make_query(asked.call.site, asked.call.act(), told)
    return Reply(_as_json(query), 201, {"Location": f"{PREFIX}/queries/{query.name}"})


@door("GET", "/queries/{query_name:str}")
def show_query(asked: Asked) -> Reply:
    """Show a kept query."""
    return Reply(_as_json(_get(asked)))


@door("DELETE", "/queries/{query_name:str}")
def remove_query(asked: Asked) -> Reply:
    """Remove a kept query."""
    named.remove_query(asked.call.site, asked.call.act(), asked.call.params["query_name"])
    return Reply(status=204)


@door("GET", "/queries/{query_name:str}/events")
def run_query(asked: Asked) -> Reply:
    """Run a kept query; paging may stand in the address."""
    query = _get(asked)
    allowed = {"perPage", "nextPageToken", "lang"}
    for name in asked.call.query:
        if name not in allowed:
            text = f"parameter {name[:40]!r} belongs into the query; here: perPage, nextPageToken"
            raise InputRejected(text, [Fault("QT760", text, f"/{name}")], code="QT760")
    fixed = {k: v for k, v in query.parameters.items() if k not in asked.call.query}
    return answer_query(asked, fixed, name=query.name)


def _get(asked: Asked) -> named.NamedQuery:
    name = asked.call.params["query_name"]
    return named.get_query(asked.call.site, asked.call.act(), name)


def _as_json(query: named.NamedQuery) -> dict[str, Any]:
    return {
        "name": query.name,
        "createdAt": query.created_at.isoformat(),
        "query": dict(query.told),
    }


ROUTES = (list_queries, make_query, show_query, remove_query, run_query)
