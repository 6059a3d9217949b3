"""Signs that no text from outside may hold: they hide what is written, or turn it around.

It must not know where a text comes from or what it is for.
"""

import re
from typing import Final

# Control signs but tab, line ends and GS1's group separator; the marks that turn the direction of
# writing ("Trojan source"); the byte order mark; halves of pairs; what Unicode calls no character.
_HIDDEN: Final = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1c\x1e\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufeff"
    "\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]"
)
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
