"""What a PDF packs away in object streams (ISO 32000-1, 7.5.7), where its bytes say nothing.

It must not know what is looked for.
"""

import re
import zlib
from collections.abc import Iterator
from typing import Final

MOST_UNPACKED: Final = 20 * 1024 * 1024
# Bounds of the work on a hostile file: its streams, how long a dictionary is, what stands after it.
_MOST_STREAMS: Final = 20_000
_LONGEST_HEAD: Final = 4096
_LONGEST_TAIL: Final = 16
_ESCAPED: Final = re.compile(rb"#([0-9A-Fa-f]{2})")
_STREAM: Final = re.compile(rb"(?<!end)stream\r?\n")
_OBJECTS: Final = b"/ObjStm"
# One Flate filter over the plain text of objects; what else there is nobody needs for a print.
_FILTER: Final = re.compile(rb"/Filter\s*\[?\s*/FlateDecode\s*(?:\]|/|>)")
_OTHER: Final = (b"/Predictor", b"/LZWDecode", b"/ASCII85Decode", b"/ASCIIHexDecode", b"/Crypt")


class Unreadable(Exception):
    """Objects are packed so that nobody can look into them, or into too much."""


def unescaped(content: bytes) -> bytes:
    """Write names without their ``#xx`` escapes."""
    return _ESCAPED.sub(lambda found: bytes([int(found[1], 16)]), content)


def text_of_objects(content: bytes) -> bytes:
    """Give all that can be read of a PDF: its bytes, then what its object streams hold.

    Names are unescaped. Raises Unreadable.
    """
    plain = unescaped(content)
    packed = list(_packed(content)) if _OBJECTS in plain else []
    if plain.count(_OBJECTS) > len(packed):
        raise Unreadable
    return b"\n".join((plain, *map(unescaped, packed)))


def _packed(content: bytes) -> Iterator[bytes]:
    left = MOST_UNPACKED
    for number, found in enumerate(_STREAM.finditer(content)):
        if number >= _MOST_STREAMS:
            raise Unreadable
        before = content[max(0, found.start() - _LONGEST_HEAD) : found.start()]
        head = unescaped(before[before.rfind(b"obj") :])
        if _OBJECTS in head:
            text = _unpack(
                content[found.end() : content.find(b"endstream", found.end())], head, left
            )
            left -= len(text)
            yield text


def _unpack(packed: bytes, head: bytes, most: int) -> bytes:
    if most <= 0 or not _FILTER.search(head) or any(other in head for other in _OTHER):
        raise Unreadable
    reader = zlib.decompressobj()
    try:
        text = reader.decompress(packed, most)
    except zlib.error:
        raise Unreadable from None
    if not reader.eof or len(reader.unused_data) > _LONGEST_TAIL:
        raise Unreadable
    return text
