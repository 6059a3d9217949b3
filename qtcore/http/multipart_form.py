"""Reads a form that carries files: fields as texts, files as bytes with the name they came with.

It must not know what a file is for; names and contents are not trusted here.
"""

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from multipart import MultipartError, MultipartParser, parse_options_header

from qtcore.errors import InputRejected
from qtcore.services.uploads import MAX_FILE, Upload

MULTIPART: Final = "multipart/form-data"
_MOST_PARTS: Final = 16


@dataclass(frozen=True, slots=True)
class SentForm:
    """The fields and files of one posted form, in the order they came."""

    fields: Mapping[str, list[str]] = field(default_factory=dict)
    files: Mapping[str, list[Upload]] = field(default_factory=dict)


def read_multipart(body: bytes, content_type: str) -> SentForm:
    """Read a body strictly; raises InputRejected for one that is broken or too large."""
    options = parse_options_header(content_type)[1]
    most = MAX_FILE + 1024
    fields: dict[str, list[str]] = {}
    files: dict[str, list[Upload]] = {}
    try:
        parser = MultipartParser(
            io.BytesIO(body),
            options.get("boundary", ""),
            len(body),
            strict=True,
            part_limit=_MOST_PARTS,
            partsize_limit=most,
            spool_limit=most,
            memory_limit=_MOST_PARTS * most,
        )
        for part in parser:
            if part.filename is None:
                fields.setdefault(part.name, []).append(part.value)
            else:
                files.setdefault(part.name, []).append(Upload(part.filename, part.raw))
    except (MultipartError, UnicodeDecodeError, ValueError) as error:
        raise InputRejected(f"the form cannot be read: {error}; send it again") from error
    return SentForm(fields, files)
