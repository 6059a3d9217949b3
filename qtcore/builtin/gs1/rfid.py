"""RFID tags: the 96-bit EPC forms of SGTIN and SSCC, read and written.

It must not know other tag forms; they are refused by their header.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from qtcore.builtin.faults import shown
from qtcore.builtin.gs1.check_digits import check_digit
from qtcore.builtin.gs1.elements import BadCode, Element

# partition 0 to 6 -> (bits and digits of the company prefix, bits and digits of the reference)
_SGTIN: Final = (
    (40, 12, 4, 1), (37, 11, 7, 2), (34, 10, 10, 3), (30, 9, 14, 4), (27, 8, 17, 5), (24, 7, 20, 6),
    (20, 6, 24, 7),
)  # fmt: skip
_SSCC: Final = (
    (40, 12, 18, 5), (37, 11, 21, 6), (34, 10, 24, 7), (30, 9, 28, 8), (27, 8, 31, 9),
    (24, 7, 34, 10), (20, 6, 38, 11),
)  # fmt: skip
_FORMS: Final[Mapping[int, tuple[str, tuple[tuple[int, int, int, int], ...], int]]] = {
    0x30: ("sgtin", _SGTIN, 38),
    0x31: ("sscc", _SSCC, 24),
}
_BITS: Final = 96
_HEX: Final = re.compile(r"[0-9A-Fa-f]{24}", re.ASCII)
_NUMBER: Final = re.compile(r"0|[1-9][0-9]{0,12}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Tag:
    """What a tag says. `reference` begins with the indicator (SGTIN) or extension digit (SSCC)."""

    scheme: str
    filter_value: int
    company_prefix: str
    reference: str
    serial: str = ""

    def uri(self) -> str:
        """Give the EPC URN."""
        parts = [self.company_prefix, self.reference, *([self.serial] if self.serial else [])]
        return f"urn:epc:id:{self.scheme}:{'.'.join(parts)}"

    def elements(self) -> tuple[Element, ...]:
        """Give the GS1 elements."""
        body = self.reference[:1] + self.company_prefix + self.reference[1:]
        key = body + check_digit(body)
        if self.scheme == "sscc":
            return (Element("00", key),)
        return (Element("01", key), Element("21", self.serial))


def read_tag(text: str) -> Tag:
    """Read the 24 hexadecimal digits of a tag; raises BadCode."""
    if not _HEX.fullmatch(text):
        message = f"{shown(text)} is no 96-bit tag; accepted: 24 hexadecimal digits"
        raise BadCode("QT738", message, found=text)
    bits = int(text, 16)
    header = bits >> (_BITS - 8)
    if header not in _FORMS:
        message = f"header {header:02X} is not read; accepted: 30 (SGTIN-96), 31 (SSCC-96)"
        raise BadCode("QT738", message, found=f"{header:02X}")
    scheme, table, last_bits = _FORMS[header]
    filter_value, partition = bits >> 85 & 7, bits >> 82 & 7
    if partition >= len(table):
        raise BadCode("QT738", f"partition {partition} is not accepted; 0 to 6", found=text)
    company_bits, company_digits, reference_bits, reference_digits = table[partition]
    company = bits >> (82 - company_bits) & (1 << company_bits) - 1
    reference = bits >> last_bits & (1 << reference_bits) - 1
    last = bits & (1 << last_bits) - 1
    if company >= 10**company_digits or reference >= 10**reference_digits:
        message = f"{company}.{reference} has more digits than partition {partition} holds"
        raise BadCode("QT738", message, found=text)
    if scheme == "sscc" and last:
        raise BadCode("QT738", f"the last 24 bits of an SSCC-96 are {last:X}; accepted: 0")
    return Tag(
        scheme,
        filter_value,
        str(company).zfill(company_digits),
        str(reference).zfill(reference_digits),
        str(last) if scheme == "sgtin" else "",
    )


def write_tag(tag: Tag) -> str:
    """Write a tag as 24 hexadecimal digits; raises BadCode for what 96 bits cannot hold."""
    header = {form[0]: code for code, form in _FORMS.items()}.get(tag.scheme)
    if header is None:
        raise BadCode("QT738", f"{shown(tag.scheme)} has no 96-bit form here: sgtin, sscc")
    _, table, last_bits = _FORMS[header]
    sizes = [row[1] for row in table]
    digits = tag.company_prefix + tag.reference
    if len(tag.company_prefix) not in sizes or not (digits.isascii() and digits.isdigit()):
        message = f"company prefix {shown(tag.company_prefix)} is not accepted; 6 to 12 digits"
        raise BadCode("QT738", message, found=tag.company_prefix)
    partition = sizes.index(len(tag.company_prefix))
    company_bits, _, _, reference_digits = table[partition]
    if len(tag.reference) != reference_digits or not 0 <= tag.filter_value <= 7:
        message = (
            f"reference {shown(tag.reference)} with filter {tag.filter_value} is not accepted; "
            f"{reference_digits} digits and 0 to 7"
        )
        raise BadCode("QT738", message, found=tag.reference)
    bits = header << 88 | tag.filter_value << 85 | partition << 82
    bits |= int(tag.company_prefix) << (82 - company_bits)
    bits |= int(tag.reference) << last_bits | _last(tag, last_bits)
    return f"{bits:024X}"


def _last(tag: Tag, bits: int) -> int:
    if tag.scheme == "sscc":
        return 0
    serial = tag.serial
    if not _NUMBER.fullmatch(serial) or int(serial) >= 1 << bits:
        message = (
            f"serial {shown(serial)} does not fit {bits} bits; accepted: a number without leading "
            f"zeros up to {(1 << bits) - 1}"
        )
        raise BadCode("QT738", message, "21", found=serial)
    return int(serial)
