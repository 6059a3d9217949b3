"""Sending a browser to an identity provider: to prove who its person is, or to sign out there too.

It must not know what comes back.
"""

from collections.abc import Sequence

from litestar.datastructures import Cookie

from qtcore.context import Context
from qtcore.errors import InputRejected, QTCoreError
from qtcore.http.call import Call
from qtcore.http.cookies import visit_cookie
from qtcore.http.pages.visits import Page
from qtcore.services.factors import relying_party
from qtcore.services.visits import Errand, begin_visit


def return_address(call: Call, provider_id: str) -> str:
    """Give the address a provider sends the browser back to; each has its own (mix-up).

    Raises NotFound, InputRejected without a public address.
    """
    provider = call.site.providers.get(provider_id)
    return f"{relying_party(call.site, call.host).origin}/sign-in/from/{provider.id}"


def send_away(call: Call, context: Context, provider_id: str, errand: Errand) -> Page:
    """Begin a visit and send the browser there.

    Raises NotFound, CannotVerify, InputRejected without a public address.
    """
    back = return_address(call, provider_id)
    begun = begin_visit(call.site, context, provider_id, errand, back=back)
    cookies = (visit_cookie(begun.secret, is_secure=call.is_secure),)
    return leaving_page(call, provider_id, begun.address, cookies)


def leave_address(call: Call, provider_id: str) -> str:
    """Give where the provider's own session is ended; empty when it cannot be told now."""
    try:
        provider = call.site.providers.get(provider_id)
        back = f"{relying_party(call.site, call.host).origin}/sign-in"
        return call.site.providers.leave(provider, back, call.site.sources.now())
    except (InputRejected, QTCoreError):
        return ""


def leaving_page(call: Call, provider_id: str, address: str, cookies: Sequence[Cookie]) -> Page:
    """Make the page that leads to a provider; the browser goes on by itself."""
    title = call.site.providers.get(provider_id).title
    scheme, _, rest = address.partition("://")
    data = {"title": title, "is_https": scheme == "https", "rest": rest}
    # Not a redirect: a browser would hold it against `form-action 'self'` of the form before it.
    headers = {"refresh": f"0; url={address}"}
    return Page("leaving.html", data, cookies=tuple(cookies), headers=headers)
