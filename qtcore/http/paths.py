"""What the path of a request says before any route is chosen: its one spelling, and whose it is.

It must not know the routes, but the few that are open. Whoever asks what a path is, asks here, so
that a second spelling of it never meets a weaker rule than the first.
"""

import re
from typing import Final
from urllib.parse import unquote_to_bytes

from litestar.types import HTTPScope

from qtcore.http.call import SLASH

OPEN_PATHS: Final = frozenset({"/sign-in", "/healthz", "/favicon.ico"})
OPEN_FOLDER: Final = "/static/"
SIGN_IN_FOLDER: Final = "/sign-in/"  # to an identity provider and back
# A consignee's answer, a new password: the secret in the address is the right, never logged.
SECRET_FOLDERS: Final = ("/reply/", "/welcome/")
_MANY: Final = re.compile("//+")


def spell(scope: HTTPScope) -> None:
    """Write the path as the router will read it.

    An encoded slash stays inside its segment, because identifiers hold slashes; several slashes
    are one, as they are to the router.
    """
    raw = scope["raw_path"].split(b"?")[0]
    if b"%2f" in raw.lower():
        parts = [unquote_to_bytes(part) for part in raw.split(b"/")]
        texts = [part.decode("utf-8", "replace").replace("/", SLASH) for part in parts]
        scope["path"] = "/".join(texts)
    scope["path"] = _MANY.sub("/", scope["path"])


def path_of(scope: HTTPScope) -> str:
    """Give the path with its slashes, as people read it."""
    return scope["path"].replace(SLASH, "/")


def is_open(path: str) -> bool:
    """Say whether a path is served to nobody in particular."""
    return path in OPEN_PATHS or path.startswith((OPEN_FOLDER, SIGN_IN_FOLDER, *SECRET_FOLDERS))


def is_guess(path: str, *, is_write: bool) -> bool:
    """Say whether a request may try a password or a secret."""
    return path.startswith((SIGN_IN_FOLDER, *SECRET_FOLDERS)) or (path == "/sign-in" and is_write)


def is_api(path: str) -> bool:
    """Say whether programs ask here."""
    return path.startswith("/api/v1") or is_epcis(path)


def is_epcis(path: str) -> bool:
    """Say whether it is an address of the EPCIS standard."""
    return path == "/epcis" or path.startswith("/epcis/")


def loggable(path: str) -> str:
    """Give a path without the secret that it may hold."""
    return next((f"{each}..." for each in SECRET_FOLDERS if path.startswith(each)), path)
