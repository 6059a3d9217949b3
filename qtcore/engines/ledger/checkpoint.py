"""The checkpoint of a log, as C2SP tlog-checkpoint writes it: origin, size, root, extensions.

It must not know how it is signed or stored.
"""

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Final

from qtcore.engines.ledger.note import NoteError
from qtcore.engines.ledger.tree import is_hash

MOST_SIZE: Final = 2**63 - 1
_SIZE: Final = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The state of one log; `origin` names the log, so that no other log's state passes for it."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for line in (self.origin, *self.extensions):
            if not line or "\n" in line:
                raise NoteError(f"checkpoint line {line[:80]!r} must be one line and not empty")
        if self.size < 0 or not is_hash(self.root):
            raise NoteError(f"checkpoint of {self.origin!r} needs a size and a root of 32 bytes")

    @property
    def body(self) -> str:
        """The text that is signed."""
        root = base64.b64encode(self.root).decode()
        return "\n".join((self.origin, str(self.size), root, *self.extensions)) + "\n"


def incarnation_origin(origin: str, number: int) -> str:
    """Name a log after its restores: the first incarnation has the plain name."""
    return origin if number < 2 else f"{origin}/incarnation-{number}"


def read_checkpoint(body: str) -> Checkpoint:
    """Read the text of an opened note; raises NoteError when it is no checkpoint."""
    lines = body.removesuffix("\n").split("\n")
    if not body.endswith("\n") or len(lines) < 3:
        raise NoteError("checkpoint needs three lines: origin, size, root")
    origin, size, encoded, *extensions = lines
    if not _SIZE.fullmatch(size):
        raise NoteError(f"checkpoint of {origin!r} has size {size[:30]!r}; plain digits expected")
    if int(size) > MOST_SIZE:  # a book and a database keep no larger one
        raise NoteError(f"checkpoint of {origin!r} has size {size}, at most {MOST_SIZE}")
    try:
        root = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError) as exc:
        raise NoteError(f"checkpoint of {origin!r} has a root that is not base64") from exc
    checkpoint = Checkpoint(origin, int(size), root, tuple(extensions))
    if checkpoint.body != body:
        raise NoteError(f"checkpoint of {origin!r} is not written in its one form")
    return checkpoint
