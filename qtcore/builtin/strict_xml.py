"""Reads XML without forgiveness: no document type, no entities of its own, nothing is fetched.

It must not know what elements mean. Places are XPaths, or line and column when it is not XML.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final
from xml.parsers import expat

from qtcore.builtin.faults import Faults, shown

MAX_DEPTH: Final = 64
_SEPARATOR: Final = "\x1f"
_NOTHING: Final[Mapping[str, str]] = {}


@dataclass(slots=True, eq=False)
class Element:
    """One element: its namespace, local name, prefix as written, attributes, children, text.

    An attribute without a namespace has the key ``("", name)``. `scope` holds the prefixes that
    are declared here or around.
    """

    space: str
    name: str
    prefix: str
    scope: Mapping[str, str]
    parent: "Element | None" = None
    attributes: dict[tuple[str, str], str] = field(default_factory=dict)
    children: list["Element"] = field(default_factory=list)
    parts: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """Give the text that stands directly in it."""
        return "".join(self.parts)

    @property
    def tag(self) -> str:
        """Give the name as it is written."""
        return f"{self.prefix}:{self.name}" if self.prefix else self.name

    def named(self, name: str) -> Iterator["Element"]:
        """Give the children with a local name."""
        return (child for child in self.children if child.name == name)

    def first(self, name: str) -> "Element | None":
        """Give the first child with a local name."""
        return next(self.named(name), None)

    def xpath(self) -> str:
        """Say where it is; a position only where several siblings have its name."""
        steps, each = [], self
        while True:
            parent = each.parent
            alike = [] if parent is None else [c for c in parent.children if c.tag == each.tag]
            place = next((n for n, c in enumerate(alike, 1) if c is each), 1)
            steps.append(f"{each.tag}[{place}]" if len(alike) > 1 else each.tag)
            if parent is None:
                return "/" + "/".join(reversed(steps))
            each = parent


class _Refused(Exception):
    """What stands in the document is never read."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


def read_xml(data: bytes, faults: Faults) -> Element | None:
    """Read a document; None when it cannot be read, and the faults say why and where."""
    builder = _Builder()
    parser = expat.ParserCreate(namespace_separator=_SEPARATOR)
    parser.namespace_prefixes = True
    parser.buffer_text = True
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.text
    parser.StartNamespaceDeclHandler = builder.declare
    parser.StartDoctypeDeclHandler = _refuse_doctype
    parser.EntityDeclHandler = _refuse_doctype
    try:
        parser.Parse(data, True)
    except _Refused as refused:
        faults.add(refused.code, refused.message, _place(parser))
        return None
    except expat.ExpatError as error:
        where = f"line {error.lineno}, column {error.offset + 1}"
        faults.add("QT701", f"not XML: {expat.ErrorString(error.code)}", where)
        return None
    except (LookupError, UnicodeError, ValueError) as error:  # an encoding nobody knows
        faults.add("QT701", f"the text cannot be decoded ({error}); save it as UTF-8", "line 1")
        return None
    return builder.root


def _refuse_doctype(*_told: object) -> None:
    raise _Refused(
        "QT711",
        "a document type (DOCTYPE, entities) is never read: it can swell or fetch; remove it",
    )


def _place(parser: expat.XMLParserType) -> str:
    return f"line {parser.CurrentLineNumber}, column {parser.CurrentColumnNumber + 1}"


class _Builder:
    """Makes the tree from what the parser tells."""

    def __init__(self) -> None:
        self.root: Element | None = None
        self._open: list[Element] = []
        self._declared: dict[str, str] = {}

    def declare(self, prefix: str | None, uri: str | None) -> None:
        self._declared[prefix or ""] = uri or ""

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if len(self._open) >= MAX_DEPTH:
            raise _Refused(
                "QT703", f"elements are nested deeper than {MAX_DEPTH} levels; flatten them"
            )
        parent = self._open[-1] if self._open else None
        scope = parent.scope if parent is not None else _NOTHING
        if self._declared:
            scope = {**scope, **self._declared}
            self._declared = {}
        space, local, prefix = _split(name)
        element = Element(space, local, prefix, scope, parent)
        for each, value in attributes.items():
            element.attributes[_split(each)[:2]] = value
        if parent is None:
            self.root = element
        else:
            parent.children.append(element)
        self._open.append(element)

    def end(self, _name: str) -> None:
        self._open.pop()

    def text(self, text: str) -> None:
        self._open[-1].parts.append(text)


def _split(name: str) -> tuple[str, str, str]:
    """Split what the parser gives, ``uri local prefix``, into namespace, name and prefix."""
    parts = name.split(_SEPARATOR)
    if len(parts) == 1:
        return "", parts[0], ""
    return parts[0], parts[1], parts[2] if len(parts) > 2 else ""


def describe(element: Element) -> str:
    """Name an element in a sentence."""
    return shown(element.tag)
