"""Our cookies: their names, who may read them, how long they last.

It must not know what a session is.
"""

from litestar.datastructures import Cookie

LANGUAGE_COOKIE = "qtcore_language"


def cookie_name(*, is_secure: bool) -> str:
    """Name the session cookie; the prefix makes browsers insist on Secure, no domain, path /."""
    return "__Host-qtcore" if is_secure else "qtcore_session"


def session_cookie(secret: str, *, is_secure: bool, ends: bool = False) -> Cookie:
    """Make the cookie that starts a session, or ends it."""
    return Cookie(
        key=cookie_name(is_secure=is_secure),
        value=secret,
        path="/",
        httponly=True,
        samesite="lax",
        secure=is_secure,
        max_age=0 if ends else None,
    )


def visit_name(*, is_secure: bool) -> str:
    """Name the cookie that binds a visit to an identity provider to this browser."""
    return "__Host-qtcore-visit" if is_secure else "qtcore_visit"


def visit_cookie(secret: str, *, is_secure: bool) -> Cookie:
    """Make the cookie of a visit, for ten minutes; an empty secret ends it.

    Lax and not strict: the browser comes back from the provider's page and must bring it along.
    """
    return Cookie(
        key=visit_name(is_secure=is_secure), value=secret, path="/", httponly=True, samesite="lax",
        secure=is_secure, max_age=600 if secret else 0,
    )  # fmt: skip


def language_cookie(language: str, *, is_secure: bool) -> Cookie:
    """Make the cookie that remembers a language before sign-in."""
    return Cookie(
        key=LANGUAGE_COOKIE, value=language, path="/", httponly=True, samesite="lax",
        secure=is_secure, max_age=31_536_000,
    )  # fmt: skip


def read_cookies(header: str) -> dict[str, str]:
    """Read the Cookie header; a name that is repeated means its last value."""
    pairs = (part.strip().partition("=") for part in header.split(";"))
    return {name: value for name, _, value in pairs if name}
