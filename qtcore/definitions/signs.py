"""Signs that no text from outside may hold, and those that no name may hold as nobody sees them.

It must not know where a text comes from or what it is for.
"""

import re
import unicodedata
from typing import Final

# Control signs but tab, line ends and GS1's group separator; the marks that turn the direction of
# writing ("Trojan source"); the byte order mark; halves of pairs; what Unicode calls no character.
_HIDDEN: Final = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1c\x1e\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufeff"
    "\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]"
)
# Drawn as nothing or as a space, whatever their category says.
_BLANK: Final = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\uffa0\ufe00-\ufe0f"
    "\U000e0100-\U000e01ef]"
)
_UNSEEN: Final = frozenset({"Cc", "Cf", "Zl", "Zp"})
_NAMES: Final = {"\x00": "a NUL character", "\ufeff": "a byte order mark"}


def find_hidden(text: str) -> str | None:
    """Name the first sign of a text that is never accepted, or None."""
    found = _HIDDEN.search(text)
    if found is None:
        return None
    sign = found.group()
    if "\ud800" <= sign <= "\udfff":
        return "half of a surrogate pair"
    return _NAMES.get(sign) or f"the hidden sign U+{ord(sign):04X}"


def without_hidden(text: str) -> str:
    """Give a text with a mark in the place of each sign that is never accepted."""
    return _HIDDEN.sub("\N{REPLACEMENT CHARACTER}", text)


def find_unseen(name: str) -> str | None:
    """Say what of a name nobody sees, so that two names would look alike; None when all is seen.

    For what things and persons are called: lot numbers, codes, logins. It says too when accents
    stand as signs of their own: composed (NFC) the same name would be another one.
    """
    if not name.strip():
        return "nothing that can be seen"
    if name != name.strip():
        return "a space or line end before or after it"
    for sign in name:
        kind = unicodedata.category(sign)
        if kind in _UNSEEN or _BLANK.match(sign) or (kind == "Zs" and sign != " "):
            return f"the sign U+{ord(sign):04X}, which nobody sees"
    if not unicodedata.is_normalized("NFC", name):
        return "accents as signs of their own; write it composed (NFC)"
    return None
