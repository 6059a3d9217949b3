"""A page as a function of a call: what it answers and how it becomes a response.

It must not know any one page.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote

import anyio
from litestar import Request, Response
from litestar.datastructures import Cookie
from litestar.enums import HttpMethod
from litestar.handlers import HTTPRouteHandler

from qtcore.http.call import Call, call_of
from qtcore.http.downloads import Download, render_download
from qtcore.http.rendering import render_page


@dataclass(frozen=True, slots=True)
class Page:
    """A template with its data."""

    template: str
    data: dict[str, Any] = field(default_factory=dict)
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    cookies: tuple[Cookie, ...] = ()


@dataclass(frozen=True, slots=True)
class Redirect:
    """Go on to another page of ours."""

    to: str
    cookies: tuple[Cookie, ...] = ()


@dataclass(frozen=True, slots=True)
class Sheet:
    """Something shown as it is, without the frame of the product."""

    content: bytes
    media_type: str


SHEET: Final = "sandbox allow-modals; default-src 'none'; style-src 'self'; img-src 'self' data:"
Seen = Page | Redirect | Download | Sheet
Show = Callable[[Call], Seen]


def page(method: str, path: str) -> Callable[[Show], HTTPRouteHandler]:
    """Declare a page."""

    def declare(show: Show) -> HTTPRouteHandler:
        def answer(call: Call) -> Response[bytes]:
            return _respond(call, show(call))

        async def endpoint(request: Request[Any, Any, Any]) -> Response[bytes]:
            return await anyio.to_thread.run_sync(answer, call_of(request))

        return HTTPRouteHandler(
            path,
            http_method=HttpMethod(method),
            name=f"page {method} {path}",
            include_in_schema=False,
            status_code=200,
        )(endpoint)

    return declare


def _respond(call: Call, seen: Seen) -> Response[bytes]:
    if isinstance(seen, Redirect):
        headers = {"location": quote(seen.to, safe="/?&=%#:;,+~@!$'()*")}
        return Response(b"", status_code=303, headers=headers, cookies=list(seen.cookies))
    if isinstance(seen, Download):
        return render_download(seen)
    if isinstance(seen, Sheet):
        # A template belongs to a pack: should it hold a script, the page does not run it.
        headers = {"content-security-policy": SHEET}
        return Response(seen.content, headers=headers, media_type=seen.media_type)
    html = render_page(call, seen.template, **seen.data)
    return Response(
        html.encode(),
        status_code=seen.status,
        media_type="text/html",
        headers=dict(seen.headers),
        cookies=list(seen.cookies),
    )
