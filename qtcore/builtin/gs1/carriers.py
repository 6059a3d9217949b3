"""Data carriers: what a scanner sends (symbology identifier and data) and the message behind it.

It must not know what the elements mean. A message: ``^`` and elements, or a plain text; a composite
component follows after ``|``; a plain text that begins with ``^`` is written with a backslash.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from qtcore.builtin.faults import shown
from qtcore.builtin.gs1.check_digits import check_digit, has_check_digit
from qtcore.builtin.gs1.elements import (
    FNC1,
    SEPARATOR,
    BadCode,
    CodeProblem,
    read_raw,
)
from qtcore.builtin.gs1.links import is_link, read_link
from qtcore.builtin.gs1.table import find_identifier


@dataclass(frozen=True, slots=True)
class Carrier:
    """A scanned message: the kind of carrier and its data; with a problem, what was read."""

    symbology: str
    message: str = ""
    problem: CodeProblem | None = None


# identifier -> (carrier, whether its data are elements)
_SCANNED: Final[Mapping[str, tuple[str, bool]]] = {
    "C1": ("GS1_128_CCA", True), "e0": ("DataBarExpanded", True), "d1": ("DM", False),
    "d2": ("DM", True), "Q1": ("QR", False), "Q3": ("QR", True), "J0": ("DotCode", False),
    "J1": ("DotCode", True), "E0": ("EAN13", False), "E4": ("EAN8", False),
}  # fmt: skip
_PLAIN_LENGTH: Final[Mapping[str, int]] = {"EAN13": 13, "EAN8": 8}
_MATRIX: Final[Mapping[str, tuple[str, str]]] = {
    "QR": ("Q1", "Q3"), "DM": ("d1", "d2"), "DotCode": ("J0", "J1"),
}  # fmt: skip
_LINEAR: Final = frozenset(("GS1_128_CCA", "GS1_128_CCC"))
_EXPANDED: Final = frozenset(("DataBarExpanded", "DataBarExpandedStacked"))
_GTIN_ONLY: Final = frozenset(
    "DataBarOmni DataBarTruncated DataBarStacked DataBarStackedOmni DataBarLimited".split()
)
_RETAIL: Final[Mapping[str, int]] = {"EAN13": 13, "UPCA": 12, "UPCE": 12, "EAN8": 8}
_ESCAPED = re.compile(r"\\*\^")
_COMPOSITE = "|]e0"


def read_scan(text: str) -> Carrier:
    """Read what a scanner sent, beginning with its symbology identifier; never raises."""
    try:
        return _read(text)
    except BadCode as bad:
        return Carrier("NONE", problem=bad.problem)


def make_scan(symbology: str, message: str) -> str:
    """Write what a scanner would send; raises BadCode for a message the carrier cannot hold."""
    linear, bar, component = message.partition("|")
    if symbology in _MATRIX:
        return _make_matrix(symbology, message)
    if bar and not component.startswith(FNC1):
        raise BadCode("QT736", "the composite component does not begin with FNC1", found=component)
    if symbology in _RETAIL:
        tail = f"{_COMPOSITE}{_sent(component)}" if bar else ""
        return _make_retail(symbology, linear) + tail
    if symbology in _GTIN_ONLY:
        linear = f"{FNC1}01{_gtin_of(symbology, linear)}"
    elif symbology not in _LINEAR | _EXPANDED:
        raise BadCode("QT736", f"{shown(symbology)} is no carrier known here", found=symbology)
    _check_elements(linear)
    identifier = "C1" if symbology in _LINEAR and not bar else "e0"
    return f"]{identifier}{_sent(_joined(linear, component))}"


def _read(text: str) -> Carrier:
    identifier, data = text[1:3], text[3:]
    if identifier not in _SCANNED or not text.startswith("]"):
        accepted = ", ".join(f"]{each}" for each in _SCANNED)
        message = f"symbology identifier {shown(text[:3])} is not read; accepted: {accepted}"
        raise BadCode("QT736", message, found=text[:3])
    symbology, has_elements = _SCANNED[identifier]
    if symbology in _PLAIN_LENGTH:
        return Carrier(symbology, _retail_message(data, _PLAIN_LENGTH[symbology]))
    if not has_elements:
        if is_link(data):
            _raise_first(read_link(data).problems)
        return Carrier(symbology, f"\\{data}" if _ESCAPED.match(data) else data)
    message = _element_message(data)
    return Carrier(symbology, message)


def _element_message(data: str) -> str:
    if FNC1 in data:
        raise BadCode("QT736", "a scanner sends FNC1 as GS (hexadecimal 1D), found ^", found=data)
    message = FNC1 + data.replace(SEPARATOR, FNC1)
    _check_elements(message)
    return message


def _retail_message(data: str, length: int) -> str:
    digits, rest = data[:length], data[length:]
    if rest and not rest.startswith(_COMPOSITE):
        raise BadCode("QT736", f"{shown(rest)} follows the {length} digits", found=rest)
    if len(digits) != length or not has_check_digit(digits):
        raise BadCode("QT732", _wrong_digits(digits, length), "01", found=digits)
    return f"{digits}|{_element_message(rest[len(_COMPOSITE) :])}" if rest else digits


def _wrong_digits(digits: str, length: int) -> str:
    if len(digits) != length or not (digits.isascii() and digits.isdigit()):
        return f"{shown(digits)} is not accepted; accepted: {length} digits"
    right = check_digit(digits[:-1])
    return f"{shown(digits)} is not accepted; accepted: check digit {right}, found {digits[-1]}"


def _check_elements(message: str) -> None:
    _raise_first(read_raw(message).problems)


def _raise_first(problems: tuple[CodeProblem, ...]) -> None:
    for problem in problems:
        raise BadCode(problem.code, problem.message, problem.ai, found=problem.found)


def _make_matrix(symbology: str, message: str) -> str:
    plain, elements = _MATRIX[symbology]
    if message.startswith(FNC1):
        _check_elements(message)
        return f"]{elements}{_sent(message)}"
    if is_link(message):
        _raise_first(read_link(message).problems)
    is_escaped = message.startswith("\\") and _ESCAPED.match(message)
    return f"]{plain}{message[1:] if is_escaped else message}"


def _make_retail(symbology: str, linear: str) -> str:
    length = _RETAIL[symbology]
    gtin = linear.removeprefix(f"{FNC1}01") if linear.startswith(FNC1) else linear
    digits = gtin[-length:] if len(gtin) == 14 and not gtin[:-length].strip("0") else gtin
    if len(digits) != length or not has_check_digit(digits):
        raise BadCode("QT732", _wrong_digits(digits, length), "01", found=digits)
    if symbology == "UPCE" and not _is_zero_suppressed(digits):
        raise BadCode("QT736", f"{shown(digits)} cannot be shortened to UPC-E", "01", found=digits)
    return f"]E4{digits}" if symbology == "EAN8" else f"]E0{digits.zfill(13)}"


def _is_zero_suppressed(digits: str) -> bool:
    forms = r"0(?:\d\d[012]0000\d{3}|\d\d[3-9]00000\d\d|\d{4}00000\d|\d{5}0000[5-9])\d"
    return re.fullmatch(forms, digits, re.ASCII) is not None


def _gtin_of(symbology: str, linear: str) -> str:
    gtin = linear.removeprefix(f"{FNC1}01") if linear.startswith(FNC1) else linear
    if len(gtin) != 14 or not has_check_digit(gtin):
        raise BadCode("QT732", _wrong_digits(gtin, 14), "01", found=gtin)
    if symbology == "DataBarLimited" and gtin[0] not in "01":
        raise BadCode("QT736", "DataBar Limited holds GTINs that begin with 0 or 1", "01")
    return gtin


def _joined(linear: str, component: str) -> str:
    """Join both parts; a separator stands between them unless the last element has its length."""
    if not component:
        return linear
    _check_elements(component)
    last = read_raw(linear).listed[-1]
    identifier = find_identifier(last.ai)
    is_fixed = identifier is not None and identifier.is_fixed
    return linear.removesuffix(FNC1) + (component[1:] if is_fixed else component)


def _sent(message: str) -> str:
    return message[1:].replace(FNC1, SEPARATOR)
