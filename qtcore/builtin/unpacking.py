"""Unpacks what came in gzip, within limits: a small file may hold a very large one.

It must not know what the content means.
"""

import zlib
from typing import Final

from qtcore.builtin.faults import ReadFault

MAX_SIZE: Final = 256 * 1024 * 1024
MAX_RATIO: Final = 200
_FREE: Final = 1024 * 1024
"""Below this size nothing is a bomb, however well it was packed."""

_CHUNK: Final = 1024 * 1024
_GZIP: Final = b"\x1f\x8b"
_ENDS_WITH_HEADER: Final = 31


def unpack(data: bytes) -> tuple[bytes, ReadFault | None]:
    """Give the content of a gzip file; other bytes as they are. A fault says why it is refused."""
    if len(data) > MAX_SIZE:
        return b"", _fault(f"the document has {len(data)} bytes; at most {MAX_SIZE}, split it")
    if not data.startswith(_GZIP):
        return data, None
    limit = min(MAX_SIZE, max(_FREE, MAX_RATIO * len(data)))
    found = bytearray()
    rest = data
    try:
        while rest:
            reader = zlib.decompressobj(_ENDS_WITH_HEADER)
            while rest and not reader.eof:
                found += reader.decompress(rest, _CHUNK)
                rest = reader.unconsumed_tail
                if len(found) > limit:
                    text = f"the gzip content swells past {limit} bytes; send it unpacked, in parts"
                    return b"", _fault(text)
            if not reader.eof:
                return b"", _fault("the gzip file is cut off; send it again")
            rest = reader.unused_data
    except zlib.error as error:
        return b"", _fault(f"the gzip file is broken ({error}); send it again")
    return bytes(found), None


def _fault(text: str) -> ReadFault:
    return ReadFault("QT714", text, "/")
