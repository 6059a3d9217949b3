"""Element strings: read raw (FNC1) or bracketed, each element checked by itself; written again.

It must not know which elements belong together; see `associations`. FNC1 is written ``^``.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from qtcore.builtin.faults import shown
from qtcore.builtin.gs1.check_digits import SIGNS_82
from qtcore.builtin.gs1.contents import RULES
from qtcore.builtin.gs1.table import ApplicationIdentifier, Part, find_identifier

FNC1: Final = "^"
SEPARATOR: Final = "\x1d"
"""What scanners send for FNC1 inside a message."""

_SIGNS: Final[Mapping[str, tuple[frozenset[str], str]]] = {
    "N": (frozenset("0123456789"), "digits"),
    "X": (frozenset(SIGNS_82), "letters, digits and !\"%&'()*+,-./:;<=>?_"),
    "Y": (frozenset("#-/0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"), "capital letters, digits and #-/"),
    "Z": (
        frozenset("-0123456789=ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"),
        "letters, digits, - and _ (base64 for file names)",
    ),
}


@dataclass(frozen=True, slots=True)
class CodeProblem:
    """One mistake in a code: about which identifier, and a sentence with found and accepted.

    Without `is_fatal` it is a doubt: the code is accepted all the same.
    """

    code: str
    message: str
    ai: str = ""
    found: str = ""
    is_fatal: bool = True

    def as_json(self) -> dict[str, object]:
        """Give the shape of the API."""
        return {
            "code": self.code,
            "ai": self.ai,
            "found": self.found,
            "message": self.message,
            "fatal": self.is_fatal,
        }


@dataclass(frozen=True, slots=True)
class Element:
    """An application identifier and its value."""

    ai: str
    value: str


@dataclass(frozen=True, slots=True)
class Elements:
    """The elements of a text in their order; with a problem, those before it."""

    listed: tuple[Element, ...] = ()
    problems: tuple[CodeProblem, ...] = ()


class BadCode(ValueError):
    """A text breaks a rule at one place; carries the problem."""

    def __init__(self, code: str, message: str, ai: str = "", *, found: str = "") -> None:
        super().__init__(message)
        self.problem = CodeProblem(code, message, ai, found)


def read_raw(text: str) -> Elements:
    """Read an element string that begins with FNC1; a superfluous separator is let pass."""
    return _collect(_raw(text))


def read_bracketed(text: str) -> Elements:
    r"""Read a text such as ``(01)...(10)...``; a bracket inside a value is written ``\(``."""
    return _collect(_bracketed(text))


def write_raw(elements: Iterable[Element]) -> str:
    """Write an element string: a separator follows each element that has no fixed length."""
    text, is_open = "", True
    for element in elements:
        text += f"{FNC1 if is_open else ''}{element.ai}{element.value}"
        identifier = find_identifier(element.ai)
        is_open = identifier is None or not identifier.is_fixed
    return text


def write_bracketed(elements: Iterable[Element]) -> str:
    """Write elements as people read them."""
    return "".join(f"({e.ai})" + e.value.replace("(", "\\(") for e in elements)


def check_element(ai: str, value: str) -> Element:
    """Check one element by itself; raises BadCode."""
    identifier = find_identifier(ai)
    if identifier is None or identifier.code != ai:
        raise BadCode("QT731", f"({ai}) is no application identifier of GS1", ai, found=ai)
    if not value:
        raise BadCode("QT732", f"{identifier.name} has no value", ai)
    if FNC1 in value or SEPARATOR in value:
        raise BadCode("QT732", f"({ai}) holds a separator inside its value", ai, found=value)
    used = _length(identifier, value)
    if used < len(value):
        raise _too_long(identifier, value, used)
    return Element(ai, value)


def _collect(found: Iterator[Element]) -> Elements:
    listed: list[Element] = []
    try:
        listed.extend(found)
    except BadCode as bad:
        return Elements(tuple(listed), (bad.problem,))
    return Elements(tuple(listed))


def _raw(text: str) -> Iterator[Element]:
    if not text.startswith(FNC1):
        raise BadCode("QT730", "the text does not begin with FNC1 (written ^)", found=text[:1])
    rest = text[1:]
    if not rest:
        raise BadCode("QT730", "nothing follows the FNC1; an element is needed")
    while rest:
        identifier = find_identifier(rest)
        if identifier is None:
            raise BadCode(
                "QT731",
                f"no application identifier begins {shown(rest[:4])}; the element before may be "
                "too long, or a separator is missing",
                found=rest[:4],
            )
        value = rest[len(identifier.code) :].partition(FNC1)[0]
        used = _length(identifier, value)
        if used < len(value) and not identifier.is_fixed:
            raise _too_long(identifier, value, used)
        yield Element(identifier.code, value[:used])
        rest = rest[len(identifier.code) + used :].removeprefix(FNC1)


def _bracketed(text: str) -> Iterator[Element]:
    rest = text
    while rest:
        if not rest.startswith("("):
            message = f"{shown(rest)} does not begin with an identifier in brackets, such as (01)"
            raise BadCode("QT730", message, found=rest)
        ai, closing, rest = rest[1:].partition(")")
        if not closing:
            raise BadCode("QT730", f"the bracket before {shown(ai)} is not closed", found=ai)
        value, rest = _bracketed_value(rest)
        yield check_element(ai, value)


def _bracketed_value(rest: str) -> tuple[str, str]:
    start = 0
    while (at := rest.find("(", start)) >= 0:
        if at == 0 or rest[at - 1] != "\\":
            return rest[:at].replace("\\(", "("), rest[at:]
        start = at + 1
    return rest.replace("\\(", "("), ""


def _length(identifier: ApplicationIdentifier, value: str) -> int:
    """Give how many signs of a text its parts take; raises BadCode for what they refuse."""
    used = 0
    for part in identifier.parts:
        piece = value[used : used + part.longest]
        if not piece and part.is_optional:
            continue
        _check_part(identifier, part, piece)
        used += len(piece)
    return used


def _check_part(identifier: ApplicationIdentifier, part: Part, piece: str) -> None:
    name = identifier.name
    if len(piece) < part.shortest:
        raise BadCode(
            "QT732",
            f"{name}: {shown(piece)} is too short; accepted: {_size(part)}",
            identifier.code,
            found=piece,
        )
    signs, words = _SIGNS[part.signs]
    if not signs.issuperset(piece):
        strange = next(sign for sign in piece if sign not in signs)
        message = f"{name}: {shown(strange)} in {shown(piece)} is not accepted; use {words}"
        raise BadCode("QT732", message, identifier.code, found=piece)
    for rule in part.rules:
        accepted = RULES[rule](piece)
        if accepted:
            message = f"{name}: {shown(piece)} is not accepted; accepted: {accepted}"
            raise BadCode("QT732", message, identifier.code, found=piece)


def _size(part: Part) -> str:
    _, words = _SIGNS[part.signs]
    if part.shortest == part.longest:
        return f"{part.longest} signs: {words}"
    return f"{part.shortest} to {part.longest} signs: {words}"


def _too_long(identifier: ApplicationIdentifier, value: str, used: int) -> BadCode:
    message = (
        f"{identifier.name}: {shown(value)} is {len(value) - used} signs too "
        f"long; accepted: {used} here"
    )
    return BadCode("QT732", message, identifier.code, found=value)
