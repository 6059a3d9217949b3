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
    """Gives each namespace the prefix it was written with, or one of its own.

    What the root declares, the document's context declares. What an event declares stays with it:
    in another event the same letters may mean something else, or nothing.
    """

    root: Mapping[str, str] = field(default_factory=dict)
    _shared: dict[str, str] = field(default_factory=dict)
    _event: dict[str, str] | None = None
    _values: dict[str, str] = field(default_factory=dict)

    def of(self, space: str, element: Element) -> str:
        """Give the prefix of a namespace that an element uses."""
        is_shared = self._event is None or space in self.root.values()
        known = self._shared if is_shared or self._event is None else self._event
        if space not in known:
            known[space] = self._new(space, element)
        return known[space]

    def written(self, text: str, scope: Mapping[str, str]) -> str:
        """Give a value such as ``ex:step``, in full when only an inner element says what ex is."""
        prefix, colon, rest = text.partition(":")
        space = scope.get(prefix, "") if colon else ""
        is_known = space in (self.root.get(prefix), self._values.get(prefix))
        return text if not space or is_known or prefix in NO_PREFIXES else f"{space}{rest}"

    def begin_event(self, element: Element) -> None:
        """Note what an event itself declares: its values may use what no name uses."""
        self._event = {}
        self._values = {
            prefix: space
            for prefix, space in element.scope.items()
            if self.root.get(prefix) != space and _is_free(prefix, space)
        }

    def end_event(self) -> list[Any]:
        """Give the context of the event that ends, beyond what the root declares."""
        used = {p: s for s, p in (self._event or {}).items() if p not in STANDARD_PREFIXES}
        self._event = None
        return [{prefix: space} for prefix, space in {**self._values, **used}.items()]

    def context(self) -> list[Any]:
        """Give the context of the document."""
        own = {p: space for space, p in self._shared.items() if p not in STANDARD_PREFIXES}
        for prefix, space in self.root.items():
            if _is_free(prefix, space):
                own.setdefault(prefix, space)
        return [STANDARD_CONTEXT, *({prefix: space} for prefix, space in own.items())]

    def _new(self, space: str, element: Element) -> str:
        standard = {uri: prefix for prefix, uri in STANDARD_PREFIXES.items()}
        if space in standard or space in _XML_SPACES:
            return standard.get(space) or _XML_SPACES[space]
        known = [p for p, uri in element.scope.items() if uri == space and _is_free(p, uri)]
        is_own = element.space == space and element.prefix in known
        written = element.prefix if is_own else next(iter(known), "ns")
        taken = {*self._shared.values(), *(self._event or {}).values(), *STANDARD_PREFIXES}
        names = (written, *(f"{written}{number}" for number in range(1, len(taken) + 2)))
        return next(name for name in names if name not in taken)


def _is_free(prefix: str, space: str) -> bool:
    """Say whether a prefix is the sender's own, and no word of XML, EPCIS or URIs."""
    if not prefix or prefix in NO_PREFIXES or space.startswith(_OTHER_SPACES):
        return False
    return STANDARD_PREFIXES.get(prefix) is None
