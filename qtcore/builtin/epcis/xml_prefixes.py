"""Prefixes of one document: each namespace has one, however often the document renames it.

It must not know elements' meaning.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from qtcore.builtin.strict_xml import Element

STANDARD_CONTEXT: Final = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"
STANDARD_PREFIXES: Final[Mapping[str, str]] = {
    "epcis": "https://ref.gs1.org/epcis/",
    "cbv": "https://ref.gs1.org/cbv/",
    "cbvmda": "urn:epcglobal:cbv:mda:",
    "gs1": "https://gs1.org/voc/",
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "owl": "http://www.w3.org/2002/07/owl#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
    "dcterms": "http://purl.org/dc/terms/",
}
"""What the standard's own context declares."""

NO_PREFIXES: Final = frozenset(("http", "https", "urn"))
"""Beginnings of URIs: whoever declares one as a prefix does not mean every URI by it."""

_XML_SPACES: Final[Mapping[str, str]] = {"urn:epcglobal:cbv:mda": "cbvmda"}
"""Namespaces that XML writes without the closing sign of the JSON-LD context."""
_OTHER_SPACES: Final = ("urn:epcglobal:epcis", "http://www.w3.org/2001/XMLSchema")


@dataclass(slots=True)
class Prefixes:
    """Gives each namespace the prefix it was first written with, or one of its own."""

    _known: dict[str, str] = field(default_factory=dict)

    def of(self, space: str, element: Element) -> str:
        """Give the prefix of a namespace that an element uses."""
        if space not in self._known:
            self._known[space] = self._new(space, element)
        return self._known[space]

    def context(self, root: Element) -> list[Any]:
        """Give the JSON-LD context that declares them, with those that only values may use."""
        own = {p: space for space, p in self._known.items() if p not in STANDARD_PREFIXES}
        for prefix, space in root.scope.items():
            is_own = prefix and prefix not in (*STANDARD_PREFIXES, *NO_PREFIXES)
            if is_own and not space.startswith(_OTHER_SPACES):
                own.setdefault(prefix, space)
        return [STANDARD_CONTEXT, *({prefix: space} for prefix, space in own.items())]

    def _new(self, space: str, element: Element) -> str:
        standard = {uri: prefix for prefix, uri in STANDARD_PREFIXES.items()}
        if space in standard or space in _XML_SPACES:
            return standard.get(space) or _XML_SPACES[space]
        written = next((p for p, uri in element.scope.items() if uri == space and p), "ns")
        taken = {*self._known.values(), *STANDARD_PREFIXES}
        names = (written, *(f"{written}{number}" for number in range(1, len(taken) + 2)))
        return next(name for name in names if name not in taken)
