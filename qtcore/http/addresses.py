"""Which address a request came from, where proxies stand before us: only as many as are configured.

It must not know requests beyond their peer and one header.
"""

from collections.abc import Iterable
from ipaddress import ip_address

from litestar.types import HTTPScope


def addresses_of(scope: HTTPScope, proxies: int) -> tuple[str, str]:
    """Give the addresses of the client and of the peer that a request came from."""
    client = scope["client"]
    peer = client[0] if client else ""
    forwarded = [v.decode("latin-1") for k, v in scope["headers"] if k == b"x-forwarded-for"]
    return client_address(peer, forwarded, proxies), peer


def client_address(peer: str, forwarded: Iterable[str], proxies: int) -> str:
    """Give the client's address, believing the last `proxies` hops and nobody before them.

    `forwarded` are the X-Forwarded-For headers in order. Each proxy appends whom it was asked by;
    what stands further left was written by the client itself and may be anything. An entry that is
    no address is not believed: then the peer is the answer.
    """
    hops = [part.strip() for header in forwarded for part in header.split(",")]
    chain = [*hops, peer]
    found = chain[max(len(chain) - 1 - proxies, 0)] if proxies else peer
    return found if _is_address(found) else peer


def _is_address(text: str) -> bool:
    try:
        ip_address(text.strip("[]"))
    except ValueError:
        return False
    return True
