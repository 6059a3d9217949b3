"""Where each part of a value stands in the XML document it was read from.

It must not know what the parts mean.
"""

from dataclasses import dataclass, field

from qtcore.builtin.strict_xml import Element


@dataclass(slots=True)
class Places:
    """Where each part of the value stands in the XML document."""

    elements: dict[str, tuple[Element, str]] = field(default_factory=dict)

    def note(self, at: str, element: Element, attribute: str = "") -> None:
        """Remember where the value at a pointer comes from."""
        self.elements[at] = (element, attribute)

    def xpath(self, at: str) -> str:
        """Give the XPath of a pointer, or of the nearest element around it."""
        if at and not at.startswith("/"):
            return at  # line and column
        at = at.removesuffix("/")
        while at and at not in self.elements:
            at = at.rpartition("/")[0]
        found = self.elements.get(at)
        if found is None:
            return "/"
        element, attribute = found
        return f"{element.xpath()}/@{attribute}" if attribute else element.xpath()
