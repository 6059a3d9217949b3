"""What a scanned or typed code says: its notation is recognised, read and judged as a whole.

It must not know lots or a database.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from qtcore.builtin.faults import shown
from qtcore.builtin.gs1.associations import check_associations
from qtcore.builtin.gs1.carriers import read_scan
from qtcore.builtin.gs1.check_digits import check_digit, has_check_digit
from qtcore.builtin.gs1.elements import (
    FNC1,
    SEPARATOR,
    BadCode,
    CodeProblem,
    Element,
    Elements,
    read_bracketed,
    read_raw,
    write_raw,
)
from qtcore.builtin.gs1.keys import read_key
from qtcore.builtin.gs1.links import is_link, read_link
from qtcore.builtin.gs1.rfid import TAG, read_tag

LONGEST_CODE: Final = 8192
"""More signs than any data carrier holds."""

_ACCEPTED: Final = (
    "accepted: (01)... in brackets, ^01... or a scanner's text beginning with ], a GS1 Digital "
    "Link, an EPC URN, a GTIN or SSCC with its check digit, the hexadecimal digits of a tag"
)
_UNPREFIXED = re.compile(r"(?:0[123]\d{14}|00\d{18})", re.ASCII)
_KEY_OF_LENGTH: Final[Mapping[int, str]] = {8: "01", 12: "01", 13: "01", 14: "01", 18: "00"}


@dataclass(frozen=True, slots=True)
class Reading:
    """The verdict on a code. `notation` names how it was written.

    `element_string` is what the carrier holds: elements after ``^``, or its plain text.
    """

    notation: str
    elements: tuple[Element, ...] = ()
    element_string: str = ""
    problems: tuple[CodeProblem, ...] = ()
    symbology: str = ""

    @property
    def is_accepted(self) -> bool:
        """Say whether no problem is fatal."""
        return not any(problem.is_fatal for problem in self.problems)

    def value_of(self, ai: str) -> str:
        """Give the value of an identifier, or nothing."""
        return next((e.value for e in self.elements if e.ai == ai), "")

    def as_json(self) -> dict[str, object]:
        """Give the shape of the API."""
        return {
            "accepted": self.is_accepted,
            "notation": self.notation,
            "symbology": self.symbology,
            "elements": {e.ai: e.value for e in self.elements},
            "element_string": self.element_string,
            "problems": [problem.as_json() for problem in self.problems],
        }


def read_code(text: str) -> Reading:
    """Read a code in any notation; never raises."""
    code = text.strip(" \t\r\n")  # GS counts as white space and must stay
    if len(code) > LONGEST_CODE:
        message = f"the text has {len(code)} signs; a code has at most {LONGEST_CODE}"
        return Reading("", problems=(CodeProblem("QT730", message),))
    for is_meant, read in _NOTATIONS:
        if is_meant(code):
            return read(code)
    return _read_nothing(code)


def _judged(notation: str, elements: Elements, *, is_whole: bool = False) -> Reading:
    """Judge elements together; what one carrier lacks may be on another of the same thing."""
    if elements.problems:
        return Reading(notation, elements.listed, problems=elements.problems)
    problems = check_associations(elements.listed)
    if not is_whole:
        problems = tuple(
            replace(p, is_fatal=False) if p.code == "QT733" and not p.found else p for p in problems
        )
    return Reading(notation, elements.listed, write_raw(elements.listed), problems)


def _read_bracketed(code: str) -> Reading:
    return _judged("bracketed", read_bracketed(code), is_whole=True)


def _read_raw(code: str) -> Reading:
    message = FNC1 + code[1:].replace(SEPARATOR, FNC1)
    judged = _judged("raw", read_raw(message))
    return replace(judged, element_string=message) if judged.element_string else judged


def _read_unprefixed(code: str) -> Reading:
    reading = _read_raw(f"{FNC1}{code.removeprefix(FNC1)}")
    message = "neither FNC1 nor a symbology identifier stands before the elements; read as if"
    doubt = CodeProblem("QT730", message, is_fatal=False)
    return replace(reading, problems=(*reading.problems, doubt))


def _read_link(code: str) -> Reading:
    return _judged("link", read_link(code))


def _read_scan(code: str) -> Reading:
    carrier = read_scan(code)
    if carrier.problem is not None:
        return Reading("scan", problems=(carrier.problem,), symbology=carrier.symbology)
    judged = _judged("scan", _message_elements(carrier.message))
    return replace(judged, element_string=carrier.message, symbology=carrier.symbology)


def _message_elements(message: str) -> Elements:
    """Read the elements of a message that was read from a carrier, so that they are sound."""
    if is_link(message):
        return read_link(message)
    linear, _, component = message.partition("|")
    listed: tuple[Element, ...] = ()
    if linear.startswith(FNC1):
        listed = read_raw(linear).listed
    elif len(linear) in (8, 13) and has_check_digit(linear):
        listed = (Element("01", linear.zfill(14)),)
    return Elements((*listed, *(read_raw(component).listed if component else ())))


def _read_key(code: str) -> Reading:
    key = read_key(code)
    if key.problem or key.scheme == "uri":
        message = f"{shown(code)} is no key: {key.problem or 'unknown kind of EPC URN'}"
        return Reading("urn", problems=(CodeProblem("QT739", message, found=code),))
    return _judged("urn", read_link(key.value))


def _read_digits(code: str) -> Reading:
    ai = _KEY_OF_LENGTH[len(code)]
    if has_check_digit(code):
        return _judged("digits", Elements((Element(ai, code.zfill(14)),)))
    name, right = {"00": "SSCC", "01": "GTIN"}[ai], check_digit(code[:-1])
    message = f"as {name} {code} has check digit {code[-1]}; accepted: {right}"
    return Reading("digits", problems=(CodeProblem("QT732", message, ai, code),))


def _read_tag(code: str) -> Reading:
    try:
        tag = read_tag(code)
    except BadCode as bad:
        return Reading("tag", problems=(bad.problem,))
    return _judged("tag", Elements(tag.elements()))


def _read_nothing(code: str) -> Reading:
    message = f"{shown(code)} is no code of GS1; {_ACCEPTED}"
    return Reading("", problems=(CodeProblem("QT730", message, found=code[:80]),))


def _is_digits(code: str) -> bool:
    return code.isascii() and code.isdigit() and len(code) in _KEY_OF_LENGTH


def _is_unprefixed(code: str) -> bool:
    match = _UNPREFIXED.match(code)
    return SEPARATOR in code or (match is not None and has_check_digit(match[0][2:]))


_NOTATIONS: Final[tuple[tuple[Callable[[str], bool], Callable[[str], Reading]], ...]] = (
    (lambda code: code.startswith("]"), _read_scan),
    (lambda code: code.startswith("("), _read_bracketed),
    (lambda code: code.startswith((FNC1, SEPARATOR)), _read_raw),
    (is_link, _read_link),
    (lambda code: code[:8].lower() == "urn:epc:", _read_key),
    (_is_digits, _read_digits),
    (lambda code: TAG.fullmatch(code) is not None, _read_tag),
    (_is_unprefixed, _read_unprefixed),
)
