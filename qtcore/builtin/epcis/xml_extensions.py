"""Reads what the standard does not know: elements of other namespaces, typed texts, mixed contents.

It must not know which properties an event has.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from qtcore.builtin.epcis import xml_names as names
from qtcore.builtin.epcis.strict_json import pointer, read_number
from qtcore.builtin.epcis.xml_frame import XSI
from qtcore.builtin.epcis.xml_places import Places
from qtcore.builtin.epcis.xml_prefixes import Prefixes
from qtcore.builtin.faults import Faults, shown
from qtcore.builtin.strict_xml import Element

TRUTHS: Final[Mapping[str, bool]] = {"true": True, "1": True, "false": False, "0": False}


@dataclass(frozen=True, slots=True)
class Extensions:
    """Reads the extensions of one document; names get the prefixes of the document."""

    faults: Faults
    places: Places
    prefixes: Prefixes

    def add(self, child: Element, value: dict[str, Any], at: str) -> None:
        name = self.name(child)
        inside = pointer(at, name)
        found = self.read(child, inside)
        if name not in value:
            self.places.note(inside, child)
            value[name] = found
        elif isinstance(value[name], list):
            value[name].append(found)
        else:
            value[name] = [value[name], found]

    def read(self, element: Element, at: str) -> Any:
        """Read what the standard does not know: text, or an object when it holds more."""
        kind = element.attributes.get((XSI, "type"), "")
        others = {key: each for key, each in element.attributes.items() if key[0] != XSI}
        if not element.children and not others:
            return self._typed_text(element, kind, at)
        value: dict[str, Any] = {}
        for (space, name), text in others.items():
            key = f"{self.prefixes.of(space, element)}:{name}" if space else name
            value[f"@{key}"] = text
        for child in element.children:
            self.add(child, value, at)
        if element.text.strip():
            value["#text"] = element.text.strip()
        return value

    def _typed_text(self, element: Element, kind: str, at: str) -> Any:
        """Read a text whose XML Schema type is told; without one it stays text."""
        text, (prefix, _, name) = element.text.strip(), kind.rpartition(":")
        if kind and prefix not in element.scope:
            self.faults.add("QT712", f"prefix {shown(prefix)} of xsi:type is not declared", at)
        found: Any = element.text
        if name in names.NUMBER_TYPES:
            found = read_number(text)
        elif name == "boolean":
            found = TRUTHS.get(text)
        if found is None:
            self.faults.add("QT706", f"{shown(text)} is no {kind}, as its xsi:type says", at)
        return found

    def name(self, element: Element) -> str:
        if not element.space:
            return element.name
        return f"{self.prefixes.of(element.space, element)}:{element.name}"
