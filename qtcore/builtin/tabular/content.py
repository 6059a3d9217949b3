"""The bytes of a file that is read, from memory or from a disk, always streamed.

It must not know formats.
"""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

Content = bytes | Path
"""A small file as bytes; a large one by the path of a copy that nobody else writes."""

_CHUNK = 1 << 20


def open_content(content: Content) -> BinaryIO:
    """Open for reading from the start."""
    return io.BytesIO(content) if isinstance(content, bytes) else content.open("rb")


def head_of(content: Content, size: int) -> bytes:
    """Read the first bytes."""
    with open_content(content) as file:
        return file.read(size)


def chunks_of(content: Content) -> Iterator[bytes]:
    """Read piece by piece."""
    with open_content(content) as file:
        while chunk := file.read(_CHUNK):
            yield chunk
