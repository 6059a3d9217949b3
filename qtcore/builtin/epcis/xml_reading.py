"""Turns an EPCIS 1.2 or 2.0 XML document into the value its JSON form would have.

It must not judge what the document says; `shapes` does that for both notations. `Places` leads
from a JSON pointer of that value back to the element.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from qtcore.builtin.epcis import xml_names as names
from qtcore.builtin.epcis.cbv import bare_word
from qtcore.builtin.epcis.strict_json import pointer, read_number
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
_WRAPPERS: Final = frozenset(("extension", "baseExtension"))
_TRUTHS: Final[Mapping[str, bool]] = {"true": True, "1": True, "false": False, "0": False}
_XSI: Final = "http://www.w3.org/2001/XMLSchema-instance"


@dataclass(slots=True)
class XmlReader:
    """Reads one document; what cannot be put into words of JSON becomes a fault."""

    faults: Faults
    places: Places = field(default_factory=Places)
    prefixes: Prefixes = field(default_factory=Prefixes)

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
            {"id": each.attributes.get(("", "id"), ""), "attribute": self._extension(each, at)}
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
        known = not element.space or element.space.startswith("urn:epcglobal:epcis")
        self.prefixes.begin_event(element)
        kind = element.name if known else self._name(element)
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
        """Read the children of an element into a value; wrappers of 1.2 are opened."""
        for child in element.children:
            is_own = not child.space or child.space.startswith("urn:epcglobal:epcis")
            if not is_own:
                self._add_extension(child, value, at)
            elif child.name in _WRAPPERS:
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
            found.append(self._word(name, child.text))
            return
        if name in value:
            self.places.note(inside, child)
            self.faults.add("QT702", f"{describe(child)} occurs twice; keep one", inside)
            return
        self.places.note(inside, child)
        read = _READERS.get(how)
        value[name] = read(self, child, inside) if read else self._simple(child, name)

    def _simple(self, child: Element, name: str) -> Any:
        for inner in child.children:
            self.faults.add(
                "QT704", f"{describe(inner)} is not known inside {describe(child)}",
                self._noted(inner),
            )  # fmt: skip
        return self._word(name, child.text)

    def _noted(self, element: Element) -> str:
        """Give a pointer for an element that has no place in the value."""
        at = f"/\x00{len(self.places.elements)}"
        self.places.note(at, element)
        return at

    def _word(self, name: str, text: str) -> str:
        return bare_word(name, text.strip())

    def _check_no_text(self, element: Element, at: str) -> None:
        if element.text.strip():
            text = f"text {shown(element.text.strip())} stands between the elements"
            self.faults.add("QT704", text, at)

    def _texts(self, element: Element, at: str) -> list[str]:
        return [child.text.strip() for child, _ in self._entries(element, at)]

    def _entries(self, element: Element, at: str) -> Iterator[tuple[Element, str]]:
        """Give the entries of a list, each with its pointer; what is no entry is a fault."""
        accepted = names.ENTRIES.get(element.name, "")
        count = 0
        for child in element.children:
            if child.name != accepted:
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
        return self._as_number(element.text, at)

    def _as_number(self, text: str, at: str) -> Any:
        found = read_number(text.strip())
        if found is None:
            self.faults.add("QT706", f"{shown(text.strip())} is no number", at)
            return Decimal(0)
        return found

    def _typed(self, element: Element, at: str) -> list[dict[str, Any]]:
        found = []
        for child, inside in self._entries(element, at):
            entry: dict[str, Any] = {}
            kind = child.attributes.get(("", "type"))
            if kind is not None:
                self.places.note(pointer(inside, "type"), child, "type")
                entry["type"] = bare_word(f"{child.name}Type", kind.strip())
            entry[child.name] = child.text.strip()
            found.append(entry)
        return found

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
                    self._add_extension(each, entry, inside)
                elif each.name == "sensorReport":
                    reports = entry.setdefault("sensorReport", [])
                    where = f"{inside}/sensorReport/{len(reports)}"
                    reports.append(self._by_attributes(each, where))
                elif each.name in _WRAPPERS:
                    self._fields(each, entry, inside, {})
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
                value[key] = self._as_number(text, inside)
            elif name == "booleanValue" and not space:
                value[key] = _TRUTHS.get(text.strip(), text)
            else:
                value[key] = self._sensor_word(name, text.strip(), element.scope)
        for child in element.children:
            self._add_extension(child, value, at)
        return value

    def _sensor_word(self, name: str, text: str, scope: Mapping[str, str]) -> str:
        prefix, colon, rest = text.partition(":")
        if name in ("type", "exception") and colon:
            space = scope.get(prefix, "https://gs1.org/voc/" if prefix == "gs1" else "")
            if space in names.GS1_VOCABULARY:
                return rest
            return next((text[len(s) :] for s in names.GS1_VOCABULARY if text.startswith(s)), text)
        return bare_word(name, text)

    def _add_extension(self, child: Element, value: dict[str, Any], at: str) -> None:
        name = self._name(child)
        inside = pointer(at, name)
        found = self._extension(child, inside)
        if name not in value:
            self.places.note(inside, child)
            value[name] = found
        elif isinstance(value[name], list):
            value[name].append(found)
        else:
            value[name] = [value[name], found]

    def _extension(self, element: Element, at: str) -> Any:
        """Read what the standard does not know: text, or an object when it holds more."""
        kind = element.attributes.get((_XSI, "type"), "")
        others = {key: each for key, each in element.attributes.items() if key[0] != _XSI}
        if not element.children and not others:
            return _typed_text(element.text, kind)
        value: dict[str, Any] = {}
        for (space, name), text in others.items():
            key = f"{self.prefixes.of(space, element)}:{name}" if space else name
            value[f"@{key}"] = text
        for child in element.children:
            self._add_extension(child, value, at)
        if element.text.strip():
            value["#text"] = element.text.strip()
        return value

    def _name(self, element: Element) -> str:
        if not element.space:
            return element.name
        return f"{self.prefixes.of(element.space, element)}:{element.name}"


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
        if each.name in _WRAPPERS and not each.space:
            yield from _event_elements(each)
        else:
            yield each


def _as_object_event(value: dict[str, Any]) -> None:
    """Say with an ObjectEvent what the QuantityEvent of EPCIS 1.0 said."""
    value["type"], value["action"] = "ObjectEvent", "OBSERVE"
    entry = {name: value.pop(name) for name in ("epcClass", "quantity") if name in value}
    value["quantityList"] = [entry]


def _typed_text(text: str, kind: str) -> Any:
    """Read a text whose XML Schema type is told; without one it stays text."""
    name = kind.rpartition(":")[2]
    if name in names.NUMBER_TYPES:
        found = read_number(text.strip())
        return text if found is None else found
    return _TRUTHS.get(text.strip(), text) if name == "boolean" else text
