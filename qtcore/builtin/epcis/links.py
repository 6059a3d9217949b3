"""Writes the keys of a document in one notation: Digital Links at id.gs1.org, or EPC URNs.

It must not know what else an event says, nor how a company prefix becomes known.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from qtcore.builtin.gs1.elements import BadCode
from qtcore.builtin.gs1.keys import canonical_uri
from qtcore.builtin.gs1.links import CANONICAL_STEM, read_link
from qtcore.builtin.gs1.urns import COMPANY_AT, make_urn

_KEYS: Final = frozenset(
    """epcList childEPCs inputEPCList outputEPCList parentID epcClass id source destination
    bizTransaction transformationID member children""".split()
)
_URN: Final = re.compile(r"urn:epc:(?:id|class|idpat):[a-z]+:([0-9]{6,12})\..+")
_SHORTEST, _LONGEST = 6, 12


def as_digital_links(value: Any) -> Any:
    """Give a copy in which every GS1 key is a Digital Link; other names stay as they are."""
    return _translated(value, "", canonical_uri)


@dataclass(slots=True)
class Urns:
    """Writes keys as EPC URNs by the company prefixes that are known.

    A Digital Link does not tell how long its company prefix is. `unknown` collects the keys whose
    prefix none of `companies` is; they stay as they are.
    """

    companies: frozenset[str] = frozenset()
    unknown: set[str] = field(default_factory=set)

    def write(self, value: Any) -> Any:
        """Give a copy in which every GS1 key is a URN."""
        return _translated(value, "", self._urn)

    def _urn(self, text: str) -> str:
        if _URN.fullmatch(text):
            return text
        link = canonical_uri(text)
        digits = _digits(link)
        if not digits:
            return text
        found = {len(start) for start in starts_of(digits) if start in self.companies}
        if len(found) != 1:
            self.unknown.add(text)
            return text
        try:
            return make_urn(read_link(link).listed, found.pop())
        except BadCode:
            self.unknown.add(text)
            return text


def companies_in(value: Any) -> Iterator[str]:
    """List the company prefixes that the URNs of a document tell."""
    for text in keys_in(value):
        match = _URN.fullmatch(text)
        if match is not None:
            yield match[1]


def links_in(value: Any) -> Iterator[str]:
    """List the digits, company prefix first, of the keys of a document that are no URNs."""
    for text in keys_in(value):
        digits = "" if _URN.fullmatch(text) else _digits(canonical_uri(text))
        if digits:
            yield digits


def starts_of(digits: str) -> list[str]:
    """List what may be the company prefix of a key."""
    longest = min(_LONGEST, len(digits))
    starts = (digits[:length] for length in range(_SHORTEST, longest + 1))
    return [start for start in starts if start.isdigit()]


def _digits(link: str) -> str:
    """Give the part of a key that begins with the company prefix; nothing for other names."""
    if not link.startswith(f"{CANONICAL_STEM}/"):
        return ""
    elements = read_link(link).listed
    if not elements or elements[0].ai not in COMPANY_AT:
        return ""
    return elements[0].value[COMPANY_AT[elements[0].ai] :]


def _translated(value: Any, name: str, write: Callable[[str], str]) -> Any:
    if isinstance(value, dict):
        return {key: _translated(each, key, write) for key, each in value.items()}
    if isinstance(value, list):
        written = [_translated(each, name, write) for each in value]
        if name in _KEYS and all(isinstance(each, str) for each in written):
            # A document may name one thing in both notations; its list holds each name once.
            return list(dict.fromkeys(written))
        return written
    return write(value) if name in _KEYS and isinstance(value, str) else value


def keys_in(value: Any, name: str = "") -> Iterator[str]:
    """List the names of things, places, parties and documents in an event or a document."""
    if isinstance(value, dict):
        for key, each in value.items():
            yield from keys_in(each, key)
    elif isinstance(value, list):
        for each in value:
            yield from keys_in(each, name)
    elif name in _KEYS and isinstance(value, str):
        yield value


def names_in(value: Any) -> Iterator[str]:
    """List whatever reads as a URI in a value, extensions included."""
    if isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from names_in(each)
    elif isinstance(value, str) and ":" in value:
        yield value
