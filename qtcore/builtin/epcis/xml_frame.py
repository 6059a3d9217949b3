"""What EPCIS XML holds that no reader looks at: each such thing is named, none is dropped.

It must not read values. Foreign elements around the events may be there (EPCIS 2.0, 9.4); they are
no part of an event.
"""

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from qtcore.builtin.epcis import xml_names as names
from qtcore.builtin.faults import listing, shown
from qtcore.builtin.strict_xml import Element, describe

XSI: Final = "http://www.w3.org/2001/XMLSchema-instance"
ELSEWHERE: Final = (XSI, "http://www.w3.org/XML/1998/namespace")
"""Namespaces of attributes that say nothing about what happened."""
_ONCE: Final[Mapping[str, tuple[str, ...]]] = {
    **dict.fromkeys(
        ("EPCISDocument", "EPCISQueryDocument", "EPCISMasterDataDocument"),
        ("EPCISHeader", "EPCISBody"),
    ),
    "EPCISHeader": ("extension", "EPCISMasterData"),
    "extension": ("EPCISMasterData",),
    "EPCISMasterData": ("VocabularyList",),
    "EPCISBody": ("EventList", "QueryResults", "VocabularyList"),
    "QueryResults": ("queryName", "subscriptionID", "resultsBody"),
    "resultsBody": ("EventList", "VocabularyList"),
    "Vocabulary": ("VocabularyElementList",),
    "VocabularyElement": ("children",),
}
_OFTEN: Final[Mapping[str, tuple[str, ...]]] = {
    "VocabularyList": ("Vocabulary",),
    "VocabularyElementList": ("VocabularyElement",),
    "VocabularyElement": ("attribute",),
    "children": ("id",),
}
_ATTRIBUTES: Final[Mapping[str, tuple[str, ...]]] = {
    **dict.fromkeys(
        ("EPCISDocument", "EPCISQueryDocument", "EPCISMasterDataDocument"),
        ("schemaVersion", "creationDate"),
    ),
    **dict.fromkeys(("Vocabulary", "bizTransaction", "source", "destination"), ("type",)),
    "VocabularyElement": ("id",),
}


class Stray(NamedTuple):
    """Something that is out of place: an element, or the attribute of it that `attribute` names."""

    code: str
    text: str
    element: Element
    attribute: str = ""


def is_own(element: Element) -> bool:
    """Say whether an element is one of EPCIS, not an extension."""
    return not element.space or element.space.startswith("urn:epcglobal:epcis")


def strays(root: Element) -> Iterator[Stray]:
    """Find what is out of place in a document."""
    yield from _attributes(root, keeps_others=True)
    yield from _text(root)
    once, often = _ONCE.get(root.name, ()), _OFTEN.get(root.name, ())
    seen: set[str] = set()
    for child in root.children:
        if not is_own(child):
            if child.name in (*once, *often):
                text = f"{describe(child)} is in {shown(child.space)}; EPCIS has it in no namespace"
                yield Stray("QT704", text, child)
            continue
        if child.name not in (*once, *often):
            accepted = listing((*once, *often)) or "nothing"
            text = f"{describe(child)} is not known inside {describe(root)}; accepted: {accepted}"
            yield Stray("QT704", text, child)
        elif child.name in once and child.name in seen:
            yield Stray("QT702", f"{describe(child)} occurs twice; keep one", child)
        elif child.name == "EventList":
            yield from _events(child)
        elif child.name in _ONCE or child.name in _OFTEN:
            yield from strays(child)
        seen.add(child.name)


def _events(events: Element) -> Iterator[Stray]:
    yield from _attributes(events, keeps_others=False)
    yield from _text(events)
    for child in events.children:
        if child.name in names.WRAPPERS and is_own(child):
            yield from _events(child)
        else:
            yield from _inside_event(child)


def _inside_event(element: Element) -> Iterator[Stray]:
    """Go through what an event is made of; sensors are read by their attributes, whatever these."""
    if element.name not in names.BY_ATTRIBUTES:
        yield from _attributes(element, keeps_others=element.name in names.OPEN)
    elif element.text.strip():
        yield from _text(element)
    for child in element.children:
        if is_own(child):
            yield from _inside_event(child)


def _attributes(element: Element, *, keeps_others: bool) -> Iterator[Stray]:
    accepted = _ATTRIBUTES.get(element.name, ())
    for space, name in element.attributes:
        if space in ELSEWHERE or (keeps_others and space) or (not space and name in accepted):
            continue
        known = f"; accepted: {listing(accepted)}" if accepted else ""
        text = f"attribute {shown(name)} is not known at {describe(element)}{known}"
        yield Stray("QT704", text, element, name)


def _text(element: Element) -> Iterator[Stray]:
    if element.text.strip():
        text = f"text {shown(element.text.strip())} stands between the elements"
        yield Stray("QT704", text, element)
