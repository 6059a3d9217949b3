"""Turns an EPCIS 1.2 or 2.0 XML document into the value its JSON form would have.

It must not judge what the document says; `shapes` does that for both notations. `Places` leads
from a JSON pointer of that value back to the element.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from qtcore.builtin.epcis import xml_names as names
from qtcore.builtin.epcis.cbv import WORDS, bare_word, urn_word
from qtcore.builtin.epcis.strict_json import pointer, read_number
from qtcore.builtin.epcis.xml_extensions import TRUTHS, Extensions
from qtcore.builtin.epcis.xml_frame import ELSEWHERE, is_own, strays
from qtcore.builtin.epcis.xml_old import old_findings
from qtcore.builtin.epcis.xml_places import Places
from qtcore.builtin.epcis.xml_prefixes import Prefixes
from qtcore.builtin.faults import Faults, shown
from qtcore.builtin.strict_xml import Element, describe

_ROOTS: Final[Mapping[str, str]] = {
    "EPCISDocument": "urn:epcglobal:epcis:xsd:",
    "EPCISQueryDocument": "urn:epcglobal:epcis-query:xsd:",
    "EPCISMasterDataDocument": "urn:epcglobal:epcis-masterdata:xsd:",
}
_VERSIONS: Final[Mapping[str, tuple[str, ...]]] = {"1": ("1", "1.0", "1.1", "1.2"), "2": ("2.0",)}


@dataclass(slots=True)
class XmlReader:
    """Reads one document; what cannot be put into words of JSON becomes a fault."""

    faults: Faults
    doubts: Faults = field(default_factory=Faults)
    is_old: bool = False
    places: Places = field(default_factory=Places)
    prefixes: Prefixes = field(default_factory=Prefixes)

    @property
    def extensions(self) -> Extensions:
        """Read what the standard does not know."""
        return Extensions(self.faults, self.places, self.prefixes)

    def document(self, root: Element) -> dict[str, Any]:
        """Read a whole document."""
        self.places.note("", root)
        self.prefixes.root = root.scope
        kind = root.name
        base = _ROOTS.get(kind)
        version = root.space.removeprefix(base) if base and root.space.startswith(base) else ""
        if version not in _VERSIONS:
            known = ", ".join(f"{name} in {space}1 or 2" for name, space in _ROOTS.items())
            text = (
                f"{describe(root)} in {shown(root.space)} is no EPCIS document; accepted: {known}"
            )
            self.faults.add("QT700", text, "")
            return {}
        self._check_version(root, version)
        self.is_old = version == "1"
        for stray in strays(root):
            self.faults.add(stray.code, stray.text, self._noted(stray.element, stray.attribute))
        value: dict[str, Any] = {
            "type": "EPCISQueryDocument" if kind == "EPCISQueryDocument" else "EPCISDocument",
            "schemaVersion": "2.0",
        }
        if ("", "creationDate") in root.attributes:
            value["creationDate"] = root.attributes["", "creationDate"].strip()
            self.places.note("/creationDate", root, "creationDate")
        header, body = root.first("EPCISHeader"), root.first("EPCISBody")
        vocabularies = self._header(header) if header is not None else []
        if body is None:
            self.faults.add("QT705", "'EPCISBody' is missing", "")
        else:
            self.places.note("/epcisBody", body)
            value["epcisBody"], more = self._body(body, kind)
            vocabularies += more
        if vocabularies:
            value["epcisHeader"] = {"epcisMasterData": {"vocabularyList": vocabularies}}
        return {"@context": self.prefixes.context(), **value}

    def _check_version(self, root: Element, version: str) -> None:
        found = root.attributes.get(("", "schemaVersion"), "").strip()
        if found not in _VERSIONS[version]:
            accepted = " or ".join(_VERSIONS[version])
            text = f"schemaVersion {shown(found)} does not fit {root.space}; give {accepted}"
            self.places.note("/schemaVersion", root, "schemaVersion")
            self.faults.add("QT706", text, "/schemaVersion")

    def _header(self, header: Element) -> list[Any]:
        self.places.note("/epcisHeader", header)
        holders = [header, *header.named("extension")]
        found = [each for holder in holders for each in holder.named("EPCISMasterData")]
        lists = [each for one in found for each in one.named("VocabularyList")]
        return self._vocabularies(lists)

    def _body(self, body: Element, kind: str) -> tuple[dict[str, Any], list[Any]]:
        if kind == "EPCISMasterDataDocument":
            return {"eventList": []}, self._vocabularies(list(body.named("VocabularyList")))
        at, holder = "/epcisBody", body
        if kind == "EPCISQueryDocument":
            return self._query_body(body)
        events = holder.first("EventList")
        if events is None:
            self.faults.add("QT705", "'EventList' is missing", at)
            return {"eventList": []}, []
        return {"eventList": self._events(events, f"{at}/eventList")}, []

    def _query_body(self, body: Element) -> tuple[dict[str, Any], list[Any]]:
        results = body.first("QueryResults")
        inside = results.first("resultsBody") if results is not None else None
        if results is None or inside is None:
            missing = "QueryResults" if results is None else "resultsBody"
            self.faults.add("QT705", f"{missing!r} is missing", "/epcisBody")
            return {}, []
        name = results.first("queryName")
        at = "/epcisBody/queryResults/resultsBody/eventList"
        events = inside.first("EventList")
        entries = self._events(events, at) if events is not None else []
        value = {
            "queryResults": {
                "queryName": name.text.strip() if name is not None else "",
                "resultsBody": {"eventList": entries},
            }
        }
        return value, self._vocabularies(list(inside.named("VocabularyList")))

    def _vocabularies(self, lists: list[Element]) -> list[Any]:
        found: list[Any] = []
        for vocabulary in (each for one in lists for each in one.named("Vocabulary")):
            at = f"/epcisHeader/epcisMasterData/vocabularyList/{len(found)}"
            self.places.note(at, vocabulary)
            entries = [
                self._vocabulary_element(each, f"{at}/vocabularyElementList/{number}")
                for number, each in enumerate(
                    e for one in vocabulary.named("VocabularyElementList")
                    for e in one.named("VocabularyElement")
                )
            ]  # fmt: skip
            kind = vocabulary.attributes.get(("", "type"), "")
            found.append({"type": kind, "vocabularyElementList": entries})
        return found

    def _vocabulary_element(self, element: Element, at: str) -> dict[str, Any]:
        self.places.note(at, element)
        value: dict[str, Any] = {"id": element.attributes.get(("", "id"), "")}
        attributes = [
            {"id": each.attributes.get(("", "id"), ""), "attribute": self.extensions.read(each, at)}
            for each in element.named("attribute")
        ]
        for attribute in attributes:
            if isinstance(attribute["attribute"], dict):  # its own id is no part of what it says
                attribute["attribute"].pop("@id", None)
                text = attribute["attribute"].get("#text")
                if set(attribute["attribute"]) <= {"#text"}:
                    attribute["attribute"] = text or ""
        children = [
            child.text.strip() for one in element.named("children") for child in one.named("id")
        ]
        value |= {"attributes": attributes} if attributes else {}
        return value | ({"children": children} if children else {})

    def _events(self, events: Element, at: str) -> list[Any]:
        self.places.note(at, events)
        return [
            self._event(each, pointer(at, number))
            for number, each in enumerate(_event_elements(events))
        ]

    def _event(self, element: Element, at: str) -> dict[str, Any]:
        self.places.note(at, element)
        self.prefixes.begin_event(element)
        if self.is_old and is_own(element):
            for old in old_findings(element):
                into = self.doubts if old.is_doubt else self.faults
                into.add(old.code, old.text, self._noted(old.element))
        kind = element.name if is_own(element) else self.extensions.name(element)
        value: dict[str, Any] = {"type": kind}
        self._fields(element, value, at, names.EVENT)
        context = self.prefixes.end_event()
        if context:
            value["@context"] = context
        if kind == "QuantityEvent":
            _as_object_event(value)
        return value

    def _fields(
        self, element: Element, value: dict[str, Any], at: str, readers: Mapping[str, str]
    ) -> None:
        """Read an element into a value: children, others' attributes; wrappers are opened."""
        for (space, name), text in element.attributes.items():
            if space and element.name in names.OPEN and space not in ELSEWHERE:
                value[f"{self.prefixes.of(space, element)}:{name}"] = text
        for child in element.children:
            if not is_own(child):
                self.extensions.add(child, value, at)
            elif child.name in names.WRAPPERS:
                self._fields(child, value, at, readers)
            else:
                self._field(child, value, at, readers.get(child.name, ""))
        self._check_no_text(element, at)

    def _field(self, child: Element, value: dict[str, Any], at: str, how: str) -> None:
        name = child.name
        inside = pointer(at, name)
        if name in names.REPEATED:
            found = value.setdefault(name, [])
            self.places.note(pointer(inside, len(found)), child)
            found.append(self._word(child, name))
            return
        if name in value:
            self.places.note(inside, child)
            self.faults.add("QT702", f"{describe(child)} occurs twice; keep one", inside)
            return
        self.places.note(inside, child)
        read = _READERS.get(how)
        value[name] = read(self, child, inside) if read else self._word(child, name)

    def _text(self, child: Element) -> str:
        """Give the text of an element that holds nothing else."""
        for inner in child.children:
            self.faults.add(
                "QT704", f"{describe(inner)} is not known inside {describe(child)}",
                self._noted(inner),
            )  # fmt: skip
        return child.text.strip()

    def _noted(self, element: Element, attribute: str = "") -> str:
        """Give a pointer for an element or attribute that has no place in the value."""
        at = f"/\x00{len(self.places.elements)}"
        self.places.note(at, element, attribute)
        return at

    def _word(self, child: Element, name: str) -> str:
        """Read a word; EPCIS 1.2 has no bare ones."""
        text = self._text(child)
        if self.is_old and name in WORDS and text and ":" not in text:
            wanted = urn_word(name, text)
            self.faults.add(
                "QT706", f"{shown(text)} is no URI; EPCIS 1.2 writes {wanted}", self._noted(child)
            )
        return bare_word(name, self.prefixes.written(text, child.scope))

    def _check_no_text(self, element: Element, at: str) -> None:
        if element.text.strip():
            text = f"text {shown(element.text.strip())} stands between the elements"
            self.faults.add("QT704", text, at)

    def _texts(self, element: Element, at: str) -> list[str]:
        return [self._text(child) for child, _ in self._entries(element, at)]

    def _entries(self, element: Element, at: str) -> Iterator[tuple[Element, str]]:
        """Give the entries of a list, each with its pointer; what is no entry is a fault."""
        accepted = names.ENTRIES.get(element.name, "")
        count = 0
        for child in element.children:
            if child.name != accepted or not is_own(child):
                text = f"{describe(child)} is not known here; accepted: {accepted}"
                self.faults.add("QT704", text, self._noted(child))
                continue
            inside = pointer(at, count)
            self.places.note(inside, child)
            count += 1
            yield child, inside
        self._check_no_text(element, at)

    def _quantities(self, element: Element, at: str) -> list[dict[str, Any]]:
        found = []
        for child, inside in self._entries(element, at):
            entry: dict[str, Any] = {}
            self._fields(child, entry, inside, names.QUANTITY)
            found.append(entry)
        return found

    def _number(self, element: Element, at: str) -> Any:
        return self._as_number(self._text(element), at, names.DECIMAL)

    def _as_number(self, text: str, at: str, form: re.Pattern[str] | None = None) -> Any:
        found = read_number(text, form) if form else read_number(text)
        if found is None:
            hint = ", without exponent (xsd:decimal)" if form is names.DECIMAL else ""
            self.faults.add("QT706", f"{shown(text)} is no number{hint}", at)
            return Decimal(0)
        return found

    def _typed(self, element: Element, at: str) -> list[dict[str, Any]]:
        found = []
        for child, inside in self._entries(element, at):
            entry: dict[str, Any] = {}
            kind = child.attributes.get(("", "type"))
            if kind is not None:
                self.places.note(pointer(inside, "type"), child, "type")
                entry["type"] = self._type(child, kind.strip(), pointer(inside, "type"))
            entry[child.name] = self._text(child)
            found.append(entry)
        return found

    def _type(self, element: Element, kind: str, at: str) -> str:
        name = f"{element.name}Type"
        if self.is_old and kind and ":" not in kind:
            text = f"{shown(kind)} is no URI; EPCIS 1.2 writes {urn_word(name, kind)}"
            self.faults.add("QT706", text, at)
        return bare_word(name, kind)

    def _object(self, element: Element, at: str) -> dict[str, Any]:
        value: dict[str, Any] = {}
        self._fields(element, value, at, {})
        return value

    def _error(self, element: Element, at: str) -> dict[str, Any]:
        value: dict[str, Any] = {}
        self._fields(element, value, at, names.ERROR)
        return value

    def _sensors(self, element: Element, at: str) -> list[Any]:
        found = []
        for child, inside in self._entries(element, at):
            entry: dict[str, Any] = {}
            for each in child.children:
                if each.space:
                    self.extensions.add(each, entry, inside)
                elif each.name == "sensorReport":
                    reports = entry.setdefault("sensorReport", [])
                    where = f"{inside}/sensorReport/{len(reports)}"
                    reports.append(self._by_attributes(each, where))
                elif each.name in names.WRAPPERS:
                    self._fields(each, entry, inside, {})
                elif each.name in entry:
                    text = f"{describe(each)} occurs twice; keep one"
                    self.faults.add("QT702", text, self._noted(each))
                else:
                    entry[each.name] = self._by_attributes(each, pointer(inside, each.name))
            found.append(entry)
        return found

    def _by_attributes(self, element: Element, at: str) -> dict[str, Any]:
        self.places.note(at, element)
        value: dict[str, Any] = {}
        for (space, name), text in element.attributes.items():
            key = f"{self.prefixes.of(space, element)}:{name}" if space else name
            inside = pointer(at, key)
            self.places.note(inside, element, name)
            if name in names.NUMBERS and not space:
                value[key] = self._as_number(text.strip(), inside)
            elif name == "booleanValue" and not space:
                value[key] = TRUTHS.get(text.strip(), text)
            else:
                value[key] = self._sensor_word(name, text.strip(), element.scope)
        for child in element.children:
            self.extensions.add(child, value, at)
        return value

    def _sensor_word(self, name: str, text: str, scope: Mapping[str, str]) -> str:
        prefix, colon, rest = text.partition(":")
        if name in ("type", "exception") and colon:
            space = scope.get(prefix, "https://gs1.org/voc/" if prefix == "gs1" else "")
            if space in names.GS1_VOCABULARY:
                return rest
            full = self.prefixes.written(text, scope)
            return next((full[len(s) :] for s in names.GS1_VOCABULARY if full.startswith(s)), full)
        return bare_word(name, self.prefixes.written(text, scope))


_READERS: Final[Mapping[str, Callable[[XmlReader, Element, str], Any]]] = {
    "texts": XmlReader._texts,
    "quantities": XmlReader._quantities,
    "number": XmlReader._number,
    "typed": XmlReader._typed,
    "object": XmlReader._object,
    "error": XmlReader._error,
    "sensors": XmlReader._sensors,
}


def _event_elements(events: Element) -> Iterator[Element]:
    """Give the events; 1.2 puts those of later versions into an extension, or two."""
    for each in events.children:
        if each.name in names.WRAPPERS and not each.space:
            yield from _event_elements(each)
        else:
            yield each


def _as_object_event(value: dict[str, Any]) -> None:
    """Say with an ObjectEvent what the QuantityEvent of EPCIS 1.0 said."""
    value["type"], value["action"] = "ObjectEvent", "OBSERVE"
    entry = {name: value.pop(name) for name in ("epcClass", "quantity") if name in value}
    value["quantityList"] = [entry]
