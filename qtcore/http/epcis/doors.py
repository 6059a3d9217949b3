"""A route of the standard: its headers, what it takes and gives, and how it is run.

It must not know any one route. Versions and notations are agreed here, once for all routes.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import anyio
from litestar import Request, Response
from litestar.enums import HttpMethod
from litestar.handlers import HTTPRouteHandler

from qtcore.builtin.epcis.strict_json import write_json
from qtcore.builtin.epcis.xml_writing import write_xml
from qtcore.http.call import Call, call_of
from qtcore.http.epcis.settings import MAX_CAPTURE
from qtcore.http.problems import WebRefusal
from qtcore.services.epcis_capture import MOST_EVENTS
from qtcore.services.epcis_notation import AS_SENT, DIGITAL_LINK, URN

PREFIX: Final = "/epcis"
JSON_TYPES: Final = ("application/json", "application/ld+json")
XML_TYPES: Final = ("application/xml", "text/xml")
VERSION: Final = "2.0.0"
STANDARD_HEADERS: Final[Mapping[str, str]] = {
    "GS1-EPCIS-Version": VERSION,
    "GS1-EPCIS-Min": VERSION,
    "GS1-EPCIS-Max": VERSION,
    "GS1-CBV-Version": VERSION,
    "GS1-CBV-Min": VERSION,
    "GS1-CBV-Max": VERSION,
    "GS1-Extensions": "qtcore=urn:qtcore:epcis:",
}
DISCOVERY_HEADERS: Final[Mapping[str, str]] = {
    **STANDARD_HEADERS,
    "GS1-Vendor-Version": "1",
    "GS1-EPC-Format": "Never_Translates",
    "GS1-CBV-XML-Format": "Always_URN",
    "GS1-EPCIS-Capture-Limit": str(MOST_EVENTS),
    "GS1-EPCIS-Capture-File-Size-Limit": str(MAX_CAPTURE),
    "GS1-Capture-Error-Behaviour": "rollback",
}
EPC_FORMATS: Final[Mapping[str, str]] = {
    "No_Preference": AS_SENT,
    "Never_Translates": AS_SENT,
    "Always_GS1_Digital_Link": DIGITAL_LINK,
    "Always_EPC_URN": URN,
}
_CBV_FORMATS: Final = ("No_Preference", "Never_Translates", "Always_URN", "Always_Web_URI")
_OLDEST, _NEWEST = "GS1-EPCIS-Min", "GS1-EPCIS-Max"


@dataclass(frozen=True, slots=True)
class Asked:
    """A request: the call, its headers by lower-case name, and what the client wants back."""

    call: Call
    headers: Mapping[str, str]
    gives_xml: bool = False
    epc_format: str = "No_Preference"
    cbv_format: str = "No_Preference"


@dataclass(frozen=True, slots=True)
class Reply:
    """What a route answers; `content` is a value written as JSON, or as XML for documents."""

    content: Any = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    is_document: bool = False


Run = Callable[[Asked], Reply]


def door(method: str, path: str) -> Callable[[Run], HTTPRouteHandler]:
    """Declare a route under /epcis."""

    def declare(run: Run) -> HTTPRouteHandler:
        def reply(call: Call, headers: Mapping[str, str]) -> Response[bytes]:
            asked = _agree(call, headers)
            return render(asked, run(asked))

        async def endpoint(request: Request[Any, Any, Any]) -> Response[bytes]:
            headers = {name.lower(): value for name, value in request.headers.items()}
            return await anyio.to_thread.run_sync(reply, call_of(request), headers)

        return HTTPRouteHandler(
            PREFIX + path,
            http_method=HttpMethod(method),
            name=f"epcis {method} {path}",
            include_in_schema=False,
            status_code=200,  # each answer carries its own
        )(endpoint)

    return declare


def render(asked: Asked, reply: Reply) -> Response[bytes]:
    """Write an answer in the notation asked for."""
    headers = {**STANDARD_HEADERS, **reply.headers}
    if reply.is_document:
        told = asked.epc_format
        headers["GS1-EPC-Format"] = "Never_Translates" if told == "No_Preference" else told
    if reply.content is None:
        return Response(b"", status_code=reply.status, headers=headers)
    if asked.gives_xml and reply.is_document:
        web = asked.cbv_format == "Always_Web_URI"
        headers["GS1-CBV-XML-Format"] = "Always_Web_URI" if web else "Always_URN"
        content = write_xml(reply.content, web_words=web).encode()
        return Response(
            content, status_code=reply.status, headers=headers, media_type="application/xml"
        )
    content = write_json(reply.content).encode()
    kind = "application/ld+json" if reply.is_document else "application/json"
    return Response(content, status_code=reply.status, headers=headers, media_type=kind)


def _agree(call: Call, headers: Mapping[str, str]) -> Asked:
    """Settle versions and notations; raises WebRefusal for what we cannot give."""
    for name in (_OLDEST, _NEWEST, "GS1-EPCIS-Version", "GS1-CBV-Version"):
        told = headers.get(name.lower(), "")
        if told and not _reaches(name, told):
            text = f"{name} {told[:20]!r} cannot be met; this is EPCIS and CBV {VERSION}"
            raise WebRefusal(text, 406, code="QT763")
    epc = _chosen(headers, "GS1-EPC-Format", tuple(EPC_FORMATS))
    cbv = _chosen(headers, "GS1-CBV-XML-Format", _CBV_FORMATS)
    return Asked(call, headers, _wants_xml(headers.get("accept", "")), epc, cbv)


def _reaches(name: str, told: str) -> bool:
    """Say whether 2.0 satisfies a version asked for."""
    parts = told.strip().split(".")
    if not all(part.isascii() and part.isdigit() and len(part) < 4 for part in parts):
        return False
    number = tuple(int(part) for part in parts)
    if name == _OLDEST:
        return number <= (2, 0, 0)
    if name == _NEWEST:
        return number >= (2,)
    return number[:2] == (2, 0) or number == (2,)


def _chosen(headers: Mapping[str, str], name: str, accepted: tuple[str, ...]) -> str:
    told = headers.get(name.lower(), "").strip() or accepted[0]
    if told not in accepted:
        text = f"{name} {told[:40]!r} is not offered; accepted: {', '.join(accepted)}"
        raise WebRefusal(text, 406, code="QT763")
    return told


def _wants_xml(accept: str) -> bool:
    kinds = [part.partition(";")[0].strip().lower() for part in accept.split(",") if part.strip()]
    for kind in kinds:
        if kind in XML_TYPES:
            return True
        if kind in (*JSON_TYPES, "*/*", "application/*", "application/problem+json"):
            return False
    if kinds:
        accepted = ", ".join((*JSON_TYPES, *XML_TYPES))
        text = f"Accept {accept[:60]!r} cannot be met; accepted: {accepted}"
        raise WebRefusal(text, 406, code="QT763")
    return False


def body_kind(asked: Asked) -> str:
    """Give the content type of what was sent; raises WebRefusal for one we do not take."""
    kind = asked.call.content_type.partition(";")[0].strip()
    if kind not in (*JSON_TYPES, *XML_TYPES):
        accepted = ", ".join((*JSON_TYPES, *XML_TYPES))
        text = f"the content type is {kind or 'not given'!r}; send {accepted}"
        raise WebRefusal(text, 415, code="QT418")
    return kind
