"""Words of the Core Business Vocabulary in their three notations: bare, URN, web URI.

It must not know which words there are; see `qtcore.builtin.epcis.vocabulary`.
"""

from collections.abc import Mapping
from typing import Final

WEB: Final = "https://ref.gs1.org/cbv/"
CBV_URN: Final = "urn:epcglobal:cbv:"
_KINDS: Final[Mapping[str, tuple[str, str]]] = {
    # property -> (URN part, part of the web URI)
    "bizStep": ("bizstep", "BizStep"),
    "disposition": ("disp", "Disp"),
    "set": ("disp", "Disp"),
    "unset": ("disp", "Disp"),
    "bizTransactionType": ("btt", "BTT"),
    "sourceType": ("sdt", "SDT"),
    "destinationType": ("sdt", "SDT"),
    "reason": ("er", "ER"),
    "component": ("comp", "Comp"),
}

WORDS: Final = _KINDS.keys()
"""The properties that hold a word of the vocabulary."""


def bare_word(name: str, text: str) -> str:
    """Give the bare word of a CBV word of a property in any notation; other texts stay."""
    kind = _KINDS.get(name)
    if kind is None:
        return text
    urn, web = kind
    for start in (
        f"{CBV_URN}{urn}:",
        f"{WEB}{web}-",
        f"http://ref.gs1.org/cbv/{web}-",
        f"cbv:{web}-",
    ):
        if text.startswith(start) and len(text) > len(start):
            return text[len(start) :]
    return text


def urn_word(name: str, word: str) -> str:
    """Give the URN of a bare word, as XML has it; other texts stay."""
    kind = _KINDS.get(name)
    return f"{CBV_URN}{kind[0]}:{word}" if kind and word and ":" not in word else word


def web_uri(name: str, word: str) -> str:
    """Give the web URI of a bare word; other texts stay."""
    kind = _KINDS.get(name)
    return f"{WEB}{kind[1]}-{word}" if kind and word and ":" not in word else word
