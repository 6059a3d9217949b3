"""A client that calls an application directly: no server, no life span, one loop for all of them.

The framework's own one opens a loop and two streams for each client and leaves a stream to the
garbage collector; here a client costs nothing until it asks.
"""

import atexit
from contextlib import ExitStack
from functools import cache
from typing import Any

import httpx
from anyio.from_thread import BlockingPortal, start_blocking_portal

HOST = "http://testserver.local"
_KEPT = ExitStack()
# Later, while the interpreter goes down, the thread of the loop could no longer end it.
atexit.register(_KEPT.close)


@cache
def _portal() -> BlockingPortal:
    """The one loop, in a thread of its own until the process ends: a browser may hold this one."""
    return _KEPT.enter_context(start_blocking_portal())


class Direct(httpx.BaseTransport):
    """Hands requests to an application and gives its answers whole."""

    def __init__(self, app: Any) -> None:
        async def stateful(scope: Any, receive: Any, send: Any) -> None:
            await app({**scope, "state": {}}, receive, send)

        self._transport = httpx.ASGITransport(stateful, client=("testclient", 50000))

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return _portal().call(self._ask, request)

    async def _ask(self, request: httpx.Request) -> httpx.Response:
        told = await self._transport.handle_async_request(request)
        stream = httpx.ByteStream(await told.aread())
        return httpx.Response(told.status_code, headers=told.headers.raw, stream=stream)


def client_of(app: Any) -> httpx.Client:
    """Make a client that keeps cookies and follows redirects, as people's browsers do."""
    return httpx.Client(transport=Direct(app), base_url=HOST, follow_redirects=True, timeout=None)
