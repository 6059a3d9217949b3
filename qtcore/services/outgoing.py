"""Calls to other hosts: the name is resolved once, every address is checked, that one is called.

It must not know what is asked. A name that answers with an address inside our own network, now or
at a second question (DNS rebinding), would let whoever owns the name speak to our machines as us.
"""

import http.client
import socket
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any, Final
from urllib.parse import urlsplit

from qtcore.errors import QTCoreError

MOST_ANSWER: Final = 65_536
_PIECE: Final = 8192
_PORTS: Final = {"http": 80, "https": 443}
# What the standard library calls global although a gateway may lead it back to us: NAT64, 6to4,
# Teredo, and the carriers' shared space.
_DETOURS: Final = tuple(
    ip_network(each)
    for each in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "100.64.0.0/10")
)

Address = IPv4Address | IPv6Address
Resolve = Callable[[str, int], Sequence[str]]


class OutgoingRefused(QTCoreError):
    """Raised when an address may not be called, or gives no whole answer in time."""

    code = "QT623"


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of another host.

    `is_private_allowed`: the address was configured as one of our own network, so a private or
    loopback address may be called; a link-local one (cloud metadata) never.
    """

    url: str
    data: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    timeout: float = 10.0
    is_private_allowed: bool = False


@dataclass(frozen=True, slots=True)
class Told:
    """What another host answered; redirects are answers too, and never followed."""

    status: int
    content: bytes


def resolve(host: str, port: int) -> Sequence[str]:
    """Ask the resolver of this machine for the addresses of a host."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(each[4][0]) for each in found]


def ask(question: Question, *, resolver: Resolve = resolve) -> Told:
    """Ask another host once; raises OutgoingRefused, or OSError when it cannot be reached."""
    target = _read_target(question.url)
    address = find_address(
        target.host, target.port, is_private=question.is_private_allowed, resolver=resolver
    )
    connection = _Pinned(target, str(address), question.timeout)
    ends = time.monotonic() + question.timeout
    try:
        connection.request(
            "GET" if question.data is None else "POST",
            target.path,
            body=question.data,
            headers=dict(question.headers),
        )
        answer = connection.getresponse()
        return Told(answer.status, _read(answer, ends, question.url))
    except (http.client.HTTPException, ssl.SSLError) as error:
        raise OutgoingRefused(f"{question.url} gives no proper answer: {error}") from error
    finally:
        connection.close()


def find_address(
    host: str, port: int, *, is_private: bool = False, resolver: Resolve = resolve
) -> Address:
    """Resolve a name once and give the address to call; raises OutgoingRefused.

    One bad address among several refuses the name: which of them is called would be chance.
    """
    try:
        found = [ip_address(each.partition("%")[0]) for each in resolver(host, port)]
    except ValueError as error:
        raise OutgoingRefused(f"{host} has no proper address: {error}") from error
    except UnicodeError as error:
        raise OutgoingRefused(f"{host[:60]!r} is no name of a host") from error
    if not found:
        raise OutgoingRefused(f"{host} has no address")
    for address in found:
        why = why_not(address, is_private=is_private)
        if why:
            raise OutgoingRefused(
                f"{host} leads to {address}, {why}; if it is a machine of yours, add "
                "`private = true` to its entry (for mail, `&private=true` to its address)"
            )
    return found[0]


def why_not(address: Address, *, is_private: bool) -> str:
    """Say why an address is not called; empty when it may be."""
    plain = getattr(address, "ipv4_mapped", None) or address
    if plain.is_link_local or plain.is_multicast or plain.is_unspecified:
        return "a link-local, multicast or empty address, which is never called"
    if any(plain in network for network in _DETOURS if network.version == plain.version):
        return "an address that a gateway may lead into a private network"
    if is_private and (plain.is_private or plain.is_loopback):
        return ""
    return "" if plain.is_global else "an address of a private network or of this machine"


@dataclass(frozen=True, slots=True)
class _Target:
    scheme: str
    host: str
    port: int
    path: str


def _read_target(url: str) -> _Target:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise OutgoingRefused(f"{url[:200]!r} is no address: {error}") from error
    if parts.scheme not in _PORTS or not parts.hostname:
        raise OutgoingRefused(f"{url[:200]!r} is no address of http or https")
    if parts.username is not None or "@" in parts.netloc:
        raise OutgoingRefused(f"{parts.hostname} stands behind an @; leave user and password out")
    if not url.isascii() or any(sign <= " " or sign in "\x7f\\" for sign in url):
        raise OutgoingRefused(f"{url[:200]!r} holds signs that an address does not hold")
    path = parts.path or "/"
    return _Target(
        parts.scheme,
        parts.hostname,
        _PORTS[parts.scheme] if port is None else port,
        f"{path}?{parts.query}" if parts.query else path,
    )


class _Pinned(http.client.HTTPConnection):
    """A connection to one address that was checked; name and certificate are those of the host."""

    def __init__(self, target: _Target, address: str, timeout: float) -> None:
        super().__init__(target.host, target.port, timeout=timeout)
        self._target, self._address = target, address

    def connect(self) -> None:
        """Open the connection to the checked address; nothing is resolved again."""
        plain = socket.create_connection((self._address, self._target.port), self.timeout)
        if self._target.scheme == "https":
            context = ssl.create_default_context()
            self.sock = context.wrap_socket(plain, server_hostname=self._target.host)
        else:
            self.sock = plain


def _read(answer: Any, ends: float, url: str) -> bytes:
    """Read an answer of bounded size in bounded time, however slowly it drips."""
    held = bytearray()
    while piece := answer.read1(_PIECE):
        held += piece
        if len(held) > MOST_ANSWER:
            raise OutgoingRefused(f"{url} answers more than {MOST_ANSWER} bytes")
        if time.monotonic() > ends:
            raise OutgoingRefused(f"{url} answers too slowly")
    return bytes(held)
