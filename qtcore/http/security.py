"""The gate before every route: who asks, may this request change anything, and safe headers.

It must not know any route but the few that are open. Deny by default: what is not listed as open
needs a session or a token, whatever route is added later.
"""

import hmac
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import anyio
import structlog
from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

from qtcore.context import Actor, Context
from qtcore.errors import NotSignedIn, QTCoreError
from qtcore.http.addresses import addresses_of
from qtcore.http.call import Call, read_pairs
from qtcore.http.cookies import LANGUAGE_COOKIE, cookie_name, read_cookies, visit_name
from qtcore.http.denied import note_refusal, note_token
from qtcore.http.epcis.problems import problem_bytes
from qtcore.http.epcis.settings import MAX_CAPTURE
from qtcore.http.methods import Methods
from qtcore.http.paths import (
    OPEN_FOLDER,
    is_api,
    is_epcis,
    is_guess,
    is_open,
    loggable,
    path_of,
    spell,
)
from qtcore.http.problems import MEDIA_TYPE, WebRefusal, problem_of
from qtcore.http.rendering import render_problem
from qtcore.http.settings import MAX_UPLOAD, UPLOADS, Settings
from qtcore.http.texts import choose_language
from qtcore.services.accounts import token_hash
from qtcore.services.serving import Serving
from qtcore.services.sessions import SignedIn, find_session
from qtcore.services.site import Site
from qtcore.services.tokens import actor_by_token

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
CSP = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "frame-ancestors 'none'; base-uri 'self'; form-action 'self'; object-src 'none'"
)
# What follows may be the rest of a body that nobody read.
UNREAD = frozenset({400, 408, 413, 429})
HTML = b"text/html; charset=utf-8"
HEADERS: Mapping[str, str] = {
    "content-security-policy": CSP,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "geolocation=(), microphone=(), payment=()",
}


class Gate:
    """The outermost layer: request id, limits, sign-in, CSRF, headers, one log line."""

    def __init__(
        self, app: ASGIApp, serving: Serving, settings: Settings, methods: Methods
    ) -> None:
        self._app = app
        self._methods = methods
        self._serving = serving
        self._sources = serving.now().sources
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await send({"type": "websocket.close", "code": 1008, "reason": "not offered"})
            return
        await self._serve(scope, receive, send)

    async def _serve(self, scope: HTTPScope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        request_id = self._sources.new_id()
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        status: list[int] = [500]
        guarded = self._with_headers(scope, send, request_id, status)
        spell(scope)
        try:
            await self._admit(scope, receive, guarded, request_id)
        except QTCoreError as error:
            await self._refuse(scope, guarded, error, request_id)
        finally:
            self._settings.logger.info(
                "request",
                method=scope["method"],
                path=loggable(path_of(scope)),
                status=status[0],
                ms=round((time.perf_counter() - started) * 1000, 1),
            )

    async def _count(self, scope: HTTPScope) -> None:
        """Count a request by its address before anything of it is read."""
        path = scope["path"]
        if path.startswith(OPEN_FOLDER):
            return
        guess = is_guess(path, is_write=scope["method"] not in SAFE_METHODS)
        ip, _ = addresses_of(scope, self._settings.proxies)
        await self._settings.rates.admit(ip, is_guess=guess)

    async def _admit(self, scope: HTTPScope, receive: Receive, send: Send, request_id: str) -> None:
        headers = _headers(scope)
        await self._count(scope)
        try:
            with anyio.fail_after(self._settings.body_seconds):
                body = await self._read_body(scope, receive, headers)
        except TimeoutError:
            seconds = f"{self._settings.body_seconds:g}"
            text = f"the body did not arrive within {seconds} seconds; send it at once, or in parts"
            raise WebRefusal(text, 408, code="QT408") from None
        call = await anyio.to_thread.run_sync(self._make_call, scope, headers, body, request_id)
        if call.context is None and not is_open(call.path):
            raise NotSignedIn(
                "you are not signed in; sign in, or send `Authorization: Bearer <token>`"
            )
        taken = self._check_method(call)
        if call.method == "OPTIONS" and taken and not is_epcis(call.path):
            await _answer(send, 204, [(b"allow", taken.encode())], b"")
            return
        if call.method not in SAFE_METHODS:
            try:
                check_origin(headers)
                _check_write(call, headers)
            except WebRefusal as refusal:
                await anyio.to_thread.run_sync(note_refusal, call, refusal)
                raise
        scope["state"]["call"] = call
        if call.context is not None:
            structlog.contextvars.bind_contextvars(login=call.context.actor.login)

        async def replay() -> Any:
            return {"type": "http.request", "body": body, "more_body": False}

        await self._app(scope, replay, send)

    def _check_method(self, call: Call) -> str:
        """List what the address takes; refuse another method before its body is looked at."""
        taken = self._methods.of(call.path)
        allow = ", ".join(sorted(taken or ()))
        if taken is not None and call.method not in taken:
            text = f"this address does not take {call.method[:20]}; it takes {allow}"
            raise WebRefusal(text, 405, code="QT415", allow=allow)
        return allow

    async def _read_body(
        self, scope: HTTPScope, receive: Receive, headers: Mapping[str, str]
    ) -> bytes:
        limit = self._settings.max_body
        if is_epcis(scope["path"]) and scope["method"] == "POST":
            limit = max(limit, MAX_CAPTURE)
        if scope["path"].endswith(UPLOADS):
            limit = max(limit, MAX_UPLOAD)
        told = headers.get("content-length", "0")
        if "content-length" in headers and "transfer-encoding" in headers:
            # Two lengths: a proxy before us may believe the other one (request smuggling).
            raise WebRefusal("Content-Length and Transfer-Encoding exclude each other", 400)
        too_large = WebRefusal(
            f"the body is larger than {limit} bytes; send less at once", 413, code="QT416"
        )
        if not told.isascii() or not told.isdecimal() or len(told) > 18:
            raise WebRefusal("the Content-Length header is not a number", 400, code="QT414")
        if int(told) > limit:
            raise too_large
        body = bytearray()
        while True:
            message = await receive()
            if message["type"] != "http.request":
                break
            body += message.get("body", b"")
            if len(body) > limit:
                raise too_large
            if not message.get("more_body"):
                break
        return bytes(body)

    def _make_call(
        self, scope: HTTPScope, headers: Mapping[str, str], body: bytes, request_id: str
    ) -> Call:
        site = self._serving.now()
        query = scope["query_string"].decode("latin-1")
        cookies = read_cookies(headers.get("cookie", ""))
        is_secure = self._is_secure(scope)
        secret = cookies.get(cookie_name(is_secure=is_secure), "")
        path = path_of(scope)
        ip, peer = addresses_of(scope, self._settings.proxies)
        agent = headers.get("user-agent", "")[:300]
        try:
            session, actor = self._find_actor(site, headers, secret, path=path, ip=ip)
        except NotSignedIn as refusal:
            self._settings.rates.count_wrong_token(ip)
            note_token(site, refusal, (request_id, agent, ip, peer))
            raise
        if actor is not None and not path.startswith(OPEN_FOLDER):
            self._settings.rates.admit_person(_person_key(session, headers))
        asked = read_pairs(query).get("lang", [""])[-1] if "lang=" in query else ""
        language = choose_language(
            asked,
            session.language if session else "",
            cookies.get(LANGUAGE_COOKIE, ""),
            headers.get("accept-language", ""),
        )
        context = None
        if actor is not None:
            context = Context(
                actor=actor,
                at=site.sources.now(),
                request_id=request_id,
                device=agent[:200],
                ip=ip,
                peer_ip=peer,
                session_id=session.session_id if session else "",
                language=language,
            )
        return Call(
            site=site,
            settings=self._settings,
            context=context,
            session=session,
            secret=secret,
            language=language,
            request_id=request_id,
            is_secure=is_secure,
            ip=ip,
            peer_ip=peer,
            agent=agent,
            host=headers.get("host", "localhost")[:200],
            method=scope["method"],
            path=path,
            query_string=query,
            content_type=headers.get("content-type", "").lower(),
            content_type_as_sent=headers.get("content-type", ""),
            body=body,
            idempotency_key=headers.get("idempotency-key", ""),
            visit=cookies.get(visit_name(is_secure=is_secure), ""),
        )

    def _find_actor(
        self, site: Site, headers: Mapping[str, str], secret: str, *, path: str, ip: str
    ) -> tuple[SignedIn | None, Actor | None]:
        scheme, token = _token_in(headers)
        if scheme:
            # A token that is wrong is refused even when a cookie would do: no silent change of who.
            if scheme.lower() != "bearer" or not is_api(path):
                raise NotSignedIn(
                    "only `Authorization: Bearer <token>` for /api and /epcis is accepted"
                )
            return None, actor_by_token(site, token, ip=ip)
        if not secret:
            return None, None
        try:
            session = find_session(site, secret)
        except NotSignedIn:
            return None, None
        return session, session.actor

    def _is_secure(self, scope: HTTPScope) -> bool:
        chosen = self._settings.secure_cookies
        return scope["scheme"] == "https" if chosen is None else chosen

    def _with_headers(
        self, scope: HTTPScope, send: Send, request_id: str, status: list[int]
    ) -> Send:
        added = {**HEADERS, "x-request-id": request_id}
        if self._is_secure(scope):
            added["strict-transport-security"] = "max-age=31536000; includeSubDomains"

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                status[0] = message["status"]
                own = {name for name, _ in message.get("headers", [])}
                extra = [
                    (name.encode(), value.encode())
                    for name, value in added.items()
                    if name.encode() not in own
                ]
                if b"cache-control" not in own:
                    extra.append((b"cache-control", b"no-store"))
                message["headers"] = [*message.get("headers", []), *extra]
            await send(message)

        return guarded

    async def _refuse(
        self, scope: HTTPScope, send: Send, error: QTCoreError, request_id: str
    ) -> None:
        problem = problem_of(error, request_id)
        own = [(name.encode(), value.encode()) for name, value in problem.headers.items()]
        path = path_of(scope)
        if problem.status == 401 and not is_api(path):
            goal = quote(path, safe="/") if scope["method"] in SAFE_METHODS else "/"
            query = scope["query_string"].decode("latin-1")
            if query and scope["method"] in SAFE_METHODS:
                goal += quote(f"?{query}", safe="")
            headers = [(b"location", f"/sign-in?next={goal}".encode("ascii", "ignore"))]
            await _answer(send, 303, headers, b"")
            return
        if not is_api(path):
            language = choose_language(_headers(scope).get("accept-language", ""))
            page = render_problem(self._settings, problem, language).encode()
            await _answer(send, problem.status, [(b"content-type", HTML), *own], page)
            return
        headers = [(b"content-type", MEDIA_TYPE.encode()), *own]
        told = problem_bytes(problem) if is_epcis(path) else problem.as_bytes()
        await _answer(send, problem.status, headers, told)


def check_origin(headers: Mapping[str, str]) -> None:
    """Refuse a write that another web site sent through this person's browser."""
    fetched = headers.get("sec-fetch-site", "")
    origin = headers.get("origin", "")
    foreign = fetched not in ("", "same-origin", "none")
    # An origin is written scheme://host:port by every browser; anything else is foreign.
    if origin and origin.partition("://")[2].lower() != headers.get("host", "").lower():
        foreign = True
    if foreign:
        raise WebRefusal(
            "this request comes from another web site; open the page here and send it again",
            403,
            code="QT417",
        )


def _check_write(call: Call, headers: Mapping[str, str]) -> None:
    """Refuse a write without the token of this very session, or with the wrong content type."""
    by_program = is_api(call.path)
    # The standard's addresses take XML too, and check what they take themselves.
    if (
        by_program
        and not is_epcis(call.path)
        and call.content_type.split(";")[0].strip() != "application/json"
    ):
        raise WebRefusal(
            f"the content type is {call.content_type or 'not given'!r}; send application/json",
            415,
            code="QT418",
        )
    if call.session is None:
        return
    token = headers.get("x-csrf-token", "") if by_program else call.field("csrf_token")
    if not hmac.compare_digest(token.encode(), call.session.csrf_token.encode()):
        raise WebRefusal(
            "the form's token is missing or belongs to another session; reload the page and send "
            "it again"
            if not by_program
            else "the X-CSRF-Token header is missing or wrong",
            403,
            code="QT419",
        )


async def _answer(send: Send, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    sized = [*headers, (b"content-length", str(len(body)).encode())]
    if status in UNREAD:
        sized.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": status, "headers": sized})
    await send({"type": "http.response.body", "body": body, "more_body": False})


def _person_key(session: SignedIn | None, headers: Mapping[str, str]) -> str:
    """Name who is counted: a person in all their sessions, each token for itself."""
    if session is not None:
        return f"user:{session.actor.login}"
    return f"token:{token_hash(_token_in(headers)[1])}"


def _token_in(headers: Mapping[str, str]) -> tuple[str, str]:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return scheme, token.strip()


def _headers(scope: HTTPScope) -> dict[str, str]:
    return {k.decode("latin-1").lower(): v.decode("latin-1") for k, v in scope["headers"]}
