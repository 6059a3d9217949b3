"""Which passwords are taken: long enough, not about their person, not known from a breach.

It must not know who sets one, nor how it is hashed. Passwords are looked up in a file on this
machine; none of them, nor a part of its hash, is sent anywhere.
"""

import os
import re
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha1
from pathlib import Path
from typing import BinaryIO, Final

from qtcore.errors import Fault, InputRejected

MIN_PASSWORD: Final = 12
SETTING: Final = "QTCORE_BREACHED_PASSWORDS"
_FEWEST_SIGNS: Final = 5
_SHORTEST_WORD: Final = 4
_DIGEST: Final = 40
# What people take when twelve characters are asked for: words and rows of keys, made long enough.
_COMMON: Final = frozenset(
    "password administrator welcome changeme letmein iloveyou qwertyuiop qwerty asdfghjkl zxcvbnm "
    "1qaz2wsx3edc 1q2w3e4r5t 1234567890 abcdefgh abc123 monkey dragon football sunshine princess "
    "correcthorsebatterystaple qtcore".split()
)


@dataclass(frozen=True, slots=True)
class BreachedPasswords:
    """A file of SHA-1 digests in hexadecimal, one a line, in order, each perhaps with a count."""

    file: Path | None = None

    def holds(self, password: str) -> bool:
        """Say whether a password is in the file."""
        if self.file is None:
            return False
        wanted = sha1(password.encode(), usedforsecurity=False).hexdigest().upper().encode()
        with self.file.open("rb") as lines:
            size = lines.seek(0, os.SEEK_END)
            # By halves over the bytes: the file may be larger than the memory.
            place = bisect_left(range(size), wanted, key=lambda at: _next_digest(lines, at))
            return _next_digest(lines, place) == wanted


def read_breached_passwords() -> BreachedPasswords:
    """Read where the file is; raises InputRejected for one that is not what it must be."""
    text = os.environ.get(SETTING, "").strip()
    if not text:
        return BreachedPasswords()
    file = Path(text)
    try:
        with file.open("rb") as lines:
            first, second = lines.readline(60).upper(), lines.readline(60).upper()
    except OSError as exc:
        raise InputRejected(f"{SETTING} {text!r} cannot be read: {exc}") from exc
    if not re.match(rb"[0-9A-F]{40}(:|\s|$)", first) or (second and second < first):
        raise InputRejected(
            f"{SETTING} {text!r} is no list of SHA-1 digests in hexadecimal, one a line, in order"
        )
    return BreachedPasswords(file)


def password_faults(
    breached: BreachedPasswords, password: str, about: Iterable[str] = (), *, where: str = "new"
) -> list[Fault]:
    """Say why a password is not taken; `about`: login, name and address of its person."""
    if len(password) < MIN_PASSWORD:
        text = f"the password has {len(password)} characters; at least {MIN_PASSWORD} are needed"
    elif len(set(password)) < _FEWEST_SIGNS:
        text = f"the password has {len(set(password))} different characters; choose a longer text"
    elif _is_made_of(password, [*_COMMON, *_words(about)]):
        text = "the password is a common one, or made of your own name; choose another"
    elif breached.holds(password):
        text = "the password is known from a breach of another site; choose another"
    else:
        return []
    return [Fault("QT462", text, where)]


def _is_made_of(password: str, words: Sequence[str]) -> bool:
    """Say whether nothing that is worth guessing is left without these words and digits."""
    left = password.lower()
    for word in sorted(words, key=len, reverse=True):
        left = left.replace(word, "")
    return len(re.sub(r"[\W\d_]", "", left)) < _SHORTEST_WORD and left != password.lower()


def _words(about: Iterable[str]) -> list[str]:
    told = (word for text in about for word in re.split(r"[\W_]+", text.lower()))
    return [word for word in told if len(word) >= _SHORTEST_WORD]


def _next_digest(lines: BinaryIO, at: int) -> bytes:
    """Give the digest of the first line that begins at a place of the file or after it."""
    if at > 0:
        lines.seek(at - 1)
        lines.readline()
    else:
        lines.seek(0)
    return lines.readline()[:_DIGEST].upper() or b"\xff"
