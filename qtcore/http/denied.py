"""Requests that are refused before any route: the history tells of them, of a flood not of each.

It must not decide what is refused.
"""

from dataclasses import replace

from qtcore.context import Actor
from qtcore.errors import NotSignedIn
from qtcore.http.call import Call
from qtcore.http.problems import WebRefusal
from qtcore.services.site import Site

_NOBODY = Actor(login="nobody", name="Nobody")


def note_refusal(call: Call, refusal: WebRefusal) -> None:
    """Tell the history of a forged write that came with somebody's session or token."""
    store = call.site.store
    if call.context is None or refusal.status != 403 or store.fence or not store.is_writable:
        return
    told = call.site.tally.count("request", call.context.at)
    if told is not None:
        path = call.path[:60]
        store.note(call.context, "denied", "request", path, reason=refusal.message, details=told)


def note_token(site: Site, refusal: NotSignedIn, seen: tuple[str, str, str, str]) -> None:
    """Tell the history of a request with a token that is none, never the token.

    `seen` is what is known of the request: its id, the program, the address, the peer's address.
    """
    if site.store.fence or not site.store.is_writable:
        return
    told = site.tally.count("token", site.sources.now())
    if told is None:
        return
    request_id, agent, ip, peer = seen
    context = replace(
        site.system_context(),
        actor=_NOBODY,
        request_id=request_id,
        device=agent[:200],
        ip=ip,
        peer_ip=peer,
    )
    site.store.note(context, "denied", "token", "", reason=refusal.message, details=told)
