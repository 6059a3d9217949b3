"""Whether a text or nested data holds one of some values: as a word, not as a part of another one.

It must not know what is done about it. A login of one letter stands in every public id by its
letters; whoever is called so must not take the answers of all others along.
"""

import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping
from typing import Final

# From this length a value is looked for in the middle of words too, where people make up names.
_LONG: Final = 6
_LETTER: Final = r"[^\W_]"


class HeldValues:
    """Finds any of some values; an empty one stands nowhere."""

    def __init__(self, values: Collection[str]) -> None:
        wanted = [each for each in dict.fromkeys(values) if each]
        self._long = [each for each in wanted if len(each) >= _LONG]
        self._word = re.compile("|".join(map(_as_word, wanted)) or r"(?!)")

    def in_key(self, key: str) -> bool:
        """Say whether a key, which its sender made up, holds one."""
        return any(each in key for each in self._long) or bool(self._word.search(key))

    def in_data(self, told: object) -> bool:
        """Say whether a text anywhere in nested data holds one as a word; names too."""
        return any(self._word.search(text) for text in _texts(told))


def _as_word(value: str) -> str:
    before = "" if _is_alone(value[0]) else f"(?<!{_LETTER})"
    after = "" if _is_alone(value[-1]) else f"(?!{_LETTER})"
    return f"{before}{re.escape(value)}{after}"


def _is_alone(sign: str) -> bool:
    """Say whether a sign needs no border: punctuation, and letters of scripts without spaces."""
    return unicodedata.category(sign)[0] not in "LN" or unicodedata.category(sign) == "Lo"


def _texts(told: object) -> Iterator[str]:
    """Give every text in nested data, names too."""
    if isinstance(told, str):
        yield told
    elif isinstance(told, Mapping):
        for name, value in told.items():
            yield str(name)
            yield from _texts(value)
    elif isinstance(told, list | tuple):
        for value in told:
            yield from _texts(value)
