"""A file that is saved: always an attachment, never shown in a page of ours.

It must not know what the file holds.
"""

from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from litestar import Response

from qtcore.services.file_names import safe_name

# Should a browser show it all the same, it runs nothing, loads nothing and has no origin.
SANDBOX: Final = "sandbox; default-src 'none'; frame-ancestors 'none'"


@dataclass(frozen=True, slots=True)
class Download:
    """A file to save."""

    name: str
    content: bytes
    media_type: str


def render_download(file: Download) -> Response[bytes]:
    """Answer with a file; the browser is told to save it and to guess nothing."""
    headers = {
        "content-disposition": disposition(file.name),
        "content-security-policy": SANDBOX,
        "cross-origin-resource-policy": "same-origin",
        "x-content-type-options": "nosniff",
    }
    return Response(file.content, headers=headers, media_type=file.media_type)


def disposition(name: str) -> str:
    """Write the Content-Disposition of a file to save (RFC 6266)."""
    safe = safe_name(name)
    plain = safe.encode("ascii", "replace").decode().replace("?", "_")
    told = f'attachment; filename="{plain}"'
    return told if plain == safe else f"{told}; filename*=UTF-8''{quote(safe, safe='')}"
