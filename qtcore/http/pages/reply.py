"""The one page of a consignee: answer a recall notice without an account, and see nothing else.

It must not know who is signed in. The secret stands in the address, so it is sent to no other
site as a referrer, never logged, and every address that does not open is answered alike.
"""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final
from unicodedata import normalize

import anyio
from litestar import Request, Response
from litestar.enums import HttpMethod
from litestar.handlers import HTTPRouteHandler

from qtcore.errors import Conflict, Fault, InputRejected, NotFound
from qtcore.http.call import Call, call_of
from qtcore.http.pages.sessions import asked_by_nobody
from qtcore.http.rendering import render_page
from qtcore.services.recall_replies import OpenedLink, ReplyInput, answer_link, open_link

_PLAIN: Final = re.compile(r"[0-9]+(\.[0-9]+)?")
# A browser told to send no referrer sends the form of the page as from nowhere, which is refused:
# so it has the policy of all pages, by which no other site is told the address.
_HEADERS: Final = {"x-robots-tag": "noindex"}


def _answer(call: Call) -> Response[bytes]:
    secret = call.params["secret"]
    try:
        link = open_link(call.site, secret)
        if call.method == "POST":
            return _store(call, secret, link)
        newest = link.latest.number if link.latest else 0
        stored = newest if call.word("stored") == str(newest) else 0
        return _render(call, link, typed=_typed(link), stored=stored)
    except NotFound:
        return _render(call, None, status=404)


def _store(call: Call, secret: str, link: OpenedLink) -> Response[bytes]:
    typed = {n: call.field(n) for n in ("impact", "quantity", "unit", "contact", "note")}
    typed |= {n: call.field(n) == "yes" for n in ("acknowledged", "completed")}  # type: ignore[misc]
    try:
        reply = ReplyInput(
            acknowledged=bool(typed["acknowledged"]),
            impact=typed["impact"],
            quantity=read_quantity(typed["quantity"]),
            unit=typed["unit"],
            completed=bool(typed["completed"]),
            contact=typed["contact"],
            note=typed["note"],
        )
        number = answer_link(call.site, asked_by_nobody(call), secret, reply)
    except (InputRejected, Conflict) as error:
        return _render(call, link, status=400, mistakes=_mistakes(call, error, typed), typed=typed)
    # Sent on to the page, so that going back or loading anew sends nothing twice.
    to = f"/reply/{secret}?stored={number}"
    return Response(b"", status_code=303, headers={**_HEADERS, "location": to})


def _mistakes(
    call: Call, error: InputRejected | Conflict, typed: dict[str, Any]
) -> list[dict[str, str]]:
    """Word every fault in the language of the page, with what was typed and what is accepted."""
    if isinstance(error, Conflict):
        message = call.settings.texts.get("reply.closed", call.language)
        return [{"message": message, "href": ""}]
    return [
        {"message": message, "href": "impact-none" if name == "impact" else name}
        for name, message in word_reply(call, error, typed).items()
    ]


def word_reply(call: Call, error: InputRejected, typed: Mapping[str, Any]) -> dict[str, str]:
    """Word what is wrong with a reply, by its field, in the language of the page."""
    get, language = call.settings.texts.get, call.language
    places = {fault.where for fault in error.faults}
    return {
        name: get(f"reply.wrong.{name}", language, found=str(typed[name])[:40])
        for name in ("acknowledged", "impact", "quantity", "unit", "contact", "note")
        if name in places
    }


def read_quantity(text: str) -> Decimal | None:
    """Read a quantity as people type it, also with the digits of a Chinese keyboard.

    Nothing is None; InputRejected for what is no plain number.
    """
    if not text:
        return None
    digits = normalize("NFKC", text)
    if not _PLAIN.fullmatch(digits):
        message = f"{text[:40]!r} is not a number; write digits such as 12.5"
        raise InputRejected(message, [Fault("QT411", message, "quantity")])
    return Decimal(digits)


def _typed(link: OpenedLink) -> dict[str, Any]:
    last = link.latest
    units = [str(lot["unit"]) for lot in link.lots if lot.get("unit")]
    return {
        "acknowledged": last.acknowledged if last else False,
        "impact": last.impact if last else "",
        "quantity": format(last.quantity, "f") if last and last.quantity is not None else "",
        "unit": (last.unit if last else "") or next(iter(units), ""),
        "completed": last.completed if last else False,
        "contact": last.contact if last else "",
        "note": last.note if last else "",
    }


def _render(
    call: Call, link: OpenedLink | None, *, status: int = 200, **data: Any
) -> Response[bytes]:
    shown = {"mistakes": [], "stored": 0, "typed": {}, **data, "link": link}
    html = render_page(call, "reply.html", **shown)
    return Response(html.encode(), status_code=status, media_type="text/html", headers=_HEADERS)


def _route(method: str) -> HTTPRouteHandler:
    async def endpoint(request: Request[Any, Any, Any]) -> Response[bytes]:
        return await anyio.to_thread.run_sync(_answer, call_of(request))

    return HTTPRouteHandler(
        "/reply/{secret:str}",
        http_method=HttpMethod(method),
        name=f"page {method} /reply",
        include_in_schema=False,
        status_code=200,
    )(endpoint)


ROUTES = (_route("GET"), _route("POST"))
