"""Talks to identity providers: what they publish, their keys, and codes that become tokens.

It must not know accounts, browsers or what a sign-in is for. Every call goes to a checked address
(`qtcore.services.outgoing`), is bounded in size and time, and follows no redirect.
"""

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar
from urllib.parse import urlencode, urlsplit

from authlib.common.errors import AuthlibBaseError
from authlib.oauth2.client import OAuth2Client

from qtcore.errors import CannotVerify, NotFound, QTCoreError
from qtcore.services.id_tokens import (
    Claims,
    Ended,
    KeyUnknown,
    TokenRefused,
    Wanted,
    check_id_token,
    check_logout_token,
    read_keys,
)
from qtcore.services.outgoing import Question, Resolve, Told, ask, resolve
from qtcore.store.providers import Provider

KEPT_FOR: Final = timedelta(hours=1)
# An unknown key is looked for at most this often: a forger must not make us flood the provider.
LOOKED_FOR: Final = timedelta(seconds=10)
_TIMEOUT: Final = 8.0
_AT_ONCE: Final = 8
_PATH: Final = "/.well-known/openid-configuration"
_T = TypeVar("_T")
_ENDPOINTS: Final = ("authorization_endpoint", "token_endpoint", "jwks_uri")


@dataclass(frozen=True, slots=True)
class Published:
    """What a provider says of itself, and its keys; `at` is when it was read."""

    document: Mapping[str, Any]
    keys: Sequence[Mapping[str, Any]]
    at: datetime

    @property
    def names_itself(self) -> bool:
        """Say whether its answers name the issuer (RFC 9207)."""
        return self.document.get("authorization_response_iss_parameter_supported") is True


@dataclass(frozen=True, slots=True)
class Asked:
    """What one sign-in asks a provider for: where to come back to, and its three secrets.

    `again`: the person must prove who they are anew, whatever session the provider holds.
    """

    back: str
    state: str
    nonce: str
    verifier: str
    again: bool = False


@dataclass(slots=True)
class ProviderDesk:
    """The providers of a site, with what was read of each; one for all threads.

    A provider that hangs holds `_AT_ONCE` threads of the server at most, whoever else signs in.
    """

    providers: Sequence[Provider] = ()
    resolver: Resolve = resolve
    _read: dict[str, Published] = field(default_factory=dict)
    _failed: dict[str, tuple[datetime, CannotVerify]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _room: threading.BoundedSemaphore = field(
        default_factory=lambda: threading.BoundedSemaphore(_AT_ONCE)
    )

    def get(self, name: str) -> Provider:
        """Get a provider by its id; raises NotFound."""
        for each in self.providers:
            if each.id == name:
                return each
        raise NotFound(f"there is no identity provider {name[:40]!r} here")

    def published(self, provider: Provider, now: datetime) -> Published:
        """Give what a provider publishes, read at most once an hour; raises CannotVerify."""
        known = self._read.get(provider.id)
        if known is None or now - known.at >= KEPT_FOR:
            known = self._fetch(provider, now, known)
        return known

    def address(self, provider: Provider, asked: Asked, now: datetime) -> str:
        """Give the address to which the browser is sent: code flow with PKCE; CannotVerify."""
        told = self.published(provider, now).document
        extra = {"prompt": "login", "max_age": "0"} if asked.again else {}
        url, _ = _client(provider, told, _Calls(provider, self._ask)).create_authorization_url(
            told["authorization_endpoint"],
            state=asked.state,
            nonce=asked.nonce,
            code_verifier=asked.verifier,
            redirect_uri=asked.back,
            **extra,
        )
        return str(url)

    def leave(self, provider: Provider, back: str, now: datetime) -> str:
        """Give the address at which the provider's own session is ended; empty without one."""
        end = self.published(provider, now).document.get("end_session_endpoint")
        if not isinstance(end, str) or not _is_sound(provider, end):
            return ""
        said = urlencode({"client_id": provider.client_id, "post_logout_redirect_uri": back})
        return f"{end}{'&' if '?' in end else '?'}{said}"

    def redeem(
        self, provider: Provider, code: str, asked: Asked, now: datetime
    ) -> tuple[str, Claims]:
        """Turn a code into a verified ID token; gives the token and its claims.

        Raises TokenRefused when the code or the token is wrong, CannotVerify when the provider
        cannot be asked.
        """
        told = self.published(provider, now).document
        try:
            answer = _client(provider, told, _Calls(provider, self._ask)).fetch_token(
                told["token_endpoint"],
                code=code,
                grant_type="authorization_code",
                code_verifier=asked.verifier,
                redirect_uri=asked.back,
            )
        except AuthlibBaseError as error:
            if error.error == "invalid_grant":
                text = "the provider does not know this code: it was used, or is too old"
                raise TokenRefused(text) from error
            raise _silent(provider, f"it answered {str(error.error)[:80]!r}") from error
        except (OSError, ValueError, QTCoreError) as error:
            raise _silent(provider, str(error)) from error
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise TokenRefused("the provider's answer holds no signed token")
        return token, self.verify(provider, token, Wanted(asked.nonce, now))

    def verify(self, provider: Provider, token: str, wanted: Wanted) -> Claims:
        """Verify an ID token; raises TokenRefused, or CannotVerify when its keys cannot be read."""
        return self._with_keys(
            provider, wanted.at, lambda keys: check_id_token(provider, keys, token, wanted)
        )

    def read_logout(self, provider: Provider, token: str, now: datetime) -> Ended:
        """Verify what a provider tells of sessions that ended; TokenRefused, CannotVerify."""
        return self._with_keys(
            provider, now, lambda keys: check_logout_token(provider, keys, token, now)
        )

    def _with_keys(
        self, provider: Provider, now: datetime, check: Callable[[Sequence[Mapping[str, Any]]], _T]
    ) -> _T:
        known = self.published(provider, now)
        try:
            return check(known.keys)
        except KeyUnknown:
            # The provider may have changed its keys since they were read.
            if now - known.at < LOOKED_FOR:
                raise
            return check(self._fetch(provider, now, known).keys)

    def _fetch(self, provider: Provider, now: datetime, known: Published | None) -> Published:
        if not self._lock.acquire(timeout=_TIMEOUT):
            raise _silent(provider, "it is being asked by others and has not answered")
        try:
            newer = self._read.get(provider.id)
            if newer is not None and newer is not known:
                return newer
            since, error = self._failed.get(provider.id, (None, None))
            if error is not None and since is not None and now - since < LOOKED_FOR:
                raise error
            try:
                found = self._read_anew(provider, now)
            except CannotVerify as exc:
                self._failed[provider.id] = (now, exc)
                raise
            self._read[provider.id] = found
            return found
        finally:
            self._lock.release()

    def _read_anew(self, provider: Provider, now: datetime) -> Published:
        document = self._get(provider, f"{provider.issuer.rstrip('/')}{_PATH}")
        _check(provider, document)
        try:
            keys = read_keys(self._get(provider, document["jwks_uri"]))
        except TokenRefused as error:
            raise _silent(provider, error.message) from error
        return Published(document, keys, now)

    def _get(self, provider: Provider, url: str) -> dict[str, Any]:
        question = _question(provider, url, {"accept": "application/json"})
        try:
            told = self._ask(question)
            found = json.loads(told.content) if told.status == 200 else None
        except (OSError, ValueError, RecursionError, QTCoreError) as error:
            raise _silent(provider, str(error)) from error
        if not isinstance(found, dict):
            raise _silent(provider, f"{url} answers {told.status}, not a JSON object")
        return found

    def _ask(self, question: Question) -> Told:
        if not self._room.acquire(blocking=False):
            raise CannotVerify("many people are being signed in by it at this moment")
        try:
            return ask(question, resolver=self.resolver)
        finally:
            self._room.release()


def _check(provider: Provider, document: Mapping[str, Any]) -> None:
    """Refuse what another issuer says (mix-up), and endpoints that anybody on the way may read."""
    if document.get("issuer") != provider.issuer:
        found = str(document.get("issuer"))[:200]
        raise _silent(provider, f"it calls itself {found!r}, configured is {provider.issuer!r}")
    for name in _ENDPOINTS:
        if not _is_sound(provider, document.get(name)):
            raise _silent(provider, f"its {name} {document.get(name)!r} is no https address")


def _is_sound(provider: Provider, address: object) -> bool:
    if not isinstance(address, str) or not address.isascii() or not address.isprintable():
        return False
    if " " in address or "#" in address:
        return False
    parts, own = urlsplit(address), urlsplit(provider.issuer)
    if not parts.hostname or "@" in parts.netloc:
        return False
    # Plain http only for a provider on this very machine, and only there.
    return parts.scheme == "https" or (own.scheme == "http" and parts.netloc == own.netloc)


def _question(
    provider: Provider, url: str, headers: Mapping[str, str], data: bytes | None = None
) -> Question:
    return Question(url, data, headers, _TIMEOUT, is_private_allowed=provider.is_private)


def _silent(provider: Provider, why: str) -> CannotVerify:
    text = f"{provider.title} cannot be asked now: {why[:300]}. Nothing was counted; try again"
    return CannotVerify(text, code="QT551")


def _client(provider: Provider, told: Mapping[str, Any], calls: "_Calls") -> OAuth2Client:
    offered = told.get("token_endpoint_auth_methods_supported")
    method = "client_secret_basic" if provider.secret else "none"
    if provider.secret and isinstance(offered, list) and method not in offered:
        method = "client_secret_post"
    return OAuth2Client(
        calls,
        client_id=provider.client_id,
        client_secret=provider.secret or None,
        token_endpoint_auth_method=method,
        scope=provider.scopes,
        code_challenge_method="S256",
    )


@dataclass(frozen=True, slots=True)
class _Calls:
    """What the library calls instead of a session of its own: our way out, with its checks."""

    provider: Provider
    ask: Callable[[Question], Told]

    def post(
        self, url: str, *, data: Mapping[str, str], headers: Mapping[str, str], auth: Any
    ) -> "_Answer":
        url, sent, body = auth.prepare("POST", url, dict(headers), urlencode(data))
        told = self.ask(_question(self.provider, url, sent, body.encode()))
        return _Answer(told.status, told.content)


@dataclass(frozen=True, slots=True)
class _Answer:
    """An answer as the library reads it."""

    status_code: int
    content: bytes

    def json(self) -> Any:
        try:
            return json.loads(self.content)
        except RecursionError as error:
            raise ValueError("the answer is nested too deeply") from error

    def raise_for_status(self) -> None:
        if self.status_code >= 400:
            raise ValueError(f"it answers with status {self.status_code}")
