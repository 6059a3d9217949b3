"""RFID tags: SGTIN-96, SGTIN-198, SSCC-96 and SGLN-96 of the EPC Tag Data Standard, both ways.

It must not know other tag forms; they are refused by their header.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from qtcore.builtin.faults import shown
from qtcore.builtin.gs1.check_digits import SIGNS_82, check_digit
from qtcore.builtin.gs1.elements import BadCode, Element

Partitions = tuple[tuple[int, int, int, int], ...]
"""By partition 0 to 6: bits and digits of the company prefix, bits and digits of the reference."""

_COMPANY: Final = ((40, 12), (37, 11), (34, 10), (30, 9), (27, 8), (24, 7), (20, 6))


def _partitions(bits: tuple[int, ...], digits: int) -> Partitions:
    return tuple((*_COMPANY[n], bits[n], digits + n) for n in range(len(bits)))


_GOODS: Final = _partitions((4, 7, 10, 14, 17, 20, 24), 1)
_PALLETS: Final = _partitions((18, 21, 24, 28, 31, 34, 38), 5)
_PLACES: Final = _partitions((1, 4, 7, 11, 14, 17, 21), 0)


@dataclass(frozen=True, slots=True)
class _Form:
    """One kind of tag: its size, and how many bits follow the reference."""

    name: str
    scheme: str
    partitions: Partitions
    bits: int
    last_bits: int

    @property
    def holds_text(self) -> bool:
        """Say whether the serial is text, seven bits a sign."""
        return self.last_bits % 7 == 0


_FORMS: Final[Mapping[int, _Form]] = {
    0x30: _Form("SGTIN-96", "sgtin", _GOODS, 96, 38),
    0x31: _Form("SSCC-96", "sscc", _PALLETS, 96, 24),
    0x32: _Form("SGLN-96", "sgln", _PLACES, 96, 41),
    0x36: _Form("SGTIN-198", "sgtin", _GOODS, 198, 140),
}
_HEX: Final = re.compile(r"[0-9A-Fa-f]{24}|[0-9A-Fa-f]{50}|[0-9A-Fa-f]{52}", re.ASCII)
_NUMBER: Final = re.compile(r"0|[1-9][0-9]{0,12}", re.ASCII)
_HEADS: Final = ", ".join(f"{header:02X} ({form.name})" for header, form in _FORMS.items())
TAG: Final = re.compile(r"3[012][0-9A-Fa-f]{22}|36(?:[0-9A-Fa-f]{48}|[0-9A-Fa-f]{50})", re.ASCII)
"""What reads as a tag among other codes."""


@dataclass(frozen=True, slots=True)
class Tag:
    """What a tag says. `reference` begins with the indicator (SGTIN) or extension digit (SSCC).

    `serial` is the extension of an SGLN, 0 when the place has none.
    """

    scheme: str
    filter_value: int
    company_prefix: str
    reference: str
    serial: str = ""

    def uri(self) -> str:
        """Give the EPC URN."""
        from_text = "".join(_escaped(sign) for sign in self.serial)
        parts = [self.company_prefix, self.reference, *([from_text] if self.serial else [])]
        return f"urn:epc:id:{self.scheme}:{'.'.join(parts)}"

    def elements(self) -> tuple[Element, ...]:
        """Give the GS1 elements."""
        if self.scheme == "sgln":
            body = self.company_prefix + self.reference
            place = Element("414", body + check_digit(body))
            return (place,) if self.serial == "0" else (place, Element("254", self.serial))
        body = self.reference[:1] + self.company_prefix + self.reference[1:]
        key = body + check_digit(body)
        if self.scheme == "sscc":
            return (Element("00", key),)
        return (Element("01", key), Element("21", self.serial))


def _escaped(sign: str) -> str:
    """Escape what a URN of an EPC may not hold as it is (Tag Data Standard, table A-1)."""
    return f"%{ord(sign):02X}" if sign in '"%&/<>?' else sign


def read_tag(text: str) -> Tag:
    """Read the hexadecimal digits of a tag: 24, or of an SGTIN-198 50 or 52. Raises BadCode."""
    if not _HEX.fullmatch(text):
        message = f"{shown(text)} is no tag; accepted: 24 hexadecimal digits, or 50 or 52"
        raise BadCode("QT738", message, found=text)
    header = int(text[:2], 16)
    form = _FORMS.get(header)
    if form is None:
        message = f"header {header:02X} is not read; accepted: {_HEADS}"
        raise BadCode("QT738", message, found=f"{header:02X}")
    spare = len(text) * 4 - form.bits
    bits = int(text, 16)
    if not 0 <= spare < 16 or bits & (1 << spare) - 1:
        message = f"{len(text)} digits are no {form.name}; accepted: its {form.bits} bits, then 0"
        raise BadCode("QT738", message, found=text)
    return _tag(form, bits >> spare, text)


def _tag(form: _Form, bits: int, text: str) -> Tag:
    def part(start: int, length: int) -> int:
        return bits >> (form.bits - start - length) & (1 << length) - 1

    filter_value, partition = part(8, 3), part(11, 3)
    if partition >= len(form.partitions):
        raise BadCode("QT738", f"partition {partition} is not accepted; 0 to 6", found=text)
    company_bits, company_digits, reference_bits, reference_digits = form.partitions[partition]
    company = part(14, company_bits)
    reference = part(14 + company_bits, reference_bits)
    last = part(form.bits - form.last_bits, form.last_bits)
    if company >= 10**company_digits or reference >= 10**reference_digits:
        message = f"{company}.{reference} has more digits than partition {partition} holds"
        raise BadCode("QT738", message, found=text)
    if form.scheme == "sscc" and last:
        raise BadCode("QT738", f"the last 24 bits of an SSCC-96 are {last:X}; accepted: 0")
    return Tag(
        form.scheme,
        filter_value,
        str(company).zfill(company_digits),
        str(reference).zfill(reference_digits) if reference_digits else "",
        _serial(form, last),
    )


def _serial(form: _Form, last: int) -> str:
    if form.scheme == "sscc":
        return ""
    if not form.holds_text:
        return str(last)
    codes = [last >> shift & 0x7F for shift in range(form.last_bits - 7, -1, -7)]
    length = next((n for n, code in enumerate(codes) if code == 0), len(codes))
    text = "".join(map(chr, codes[:length]))
    if not text or any(codes[length:]) or set(text) - set(SIGNS_82):
        message = f"{shown(text)} is no serial; accepted: 1 to 20 signs, then zeros"
        raise BadCode("QT738", message, "21", found=text)
    return text


def write_tag(tag: Tag, size: int = 96) -> str:
    """Write a tag of 96 or 198 bits as hexadecimal digits; raises BadCode for what it cannot hold.

    198 bits are written as 52 digits, whole words of 16 bits, as readers give them.
    """
    found = [(h, f) for h, f in _FORMS.items() if (f.scheme, f.bits) == (tag.scheme, size)]
    if not found:
        raise BadCode("QT738", f"{shown(tag.scheme)} has no form of {size} bits here: {_HEADS}")
    header, form = found[0]
    partition = _partition(form, tag)
    company_bits, _, reference_bits, _ = form.partitions[partition]
    bits = header << 6 | tag.filter_value << 3 | partition
    bits = bits << company_bits | int(tag.company_prefix)
    bits = bits << reference_bits | int(tag.reference or 0)
    bits = bits << form.last_bits | _last(form, tag)
    words = -(-size // 16)
    return f"{bits << words * 16 - size:0{words * 4}X}"


def _partition(form: _Form, tag: Tag) -> int:
    """Find the row of the table that a company prefix chooses; raises BadCode."""
    sizes = [row[1] for row in form.partitions]
    digits = tag.company_prefix + tag.reference
    if len(tag.company_prefix) not in sizes or not (digits.isascii() and digits.isdigit()):
        message = f"company prefix {shown(tag.company_prefix)} is not accepted; 6 to 12 digits"
        raise BadCode("QT738", message, found=tag.company_prefix)
    partition = sizes.index(len(tag.company_prefix))
    reference_digits = form.partitions[partition][3]
    if len(tag.reference) != reference_digits or not 0 <= tag.filter_value <= 7:
        message = (
            f"reference {shown(tag.reference)} with filter {tag.filter_value} is not accepted; "
            f"{reference_digits} digits and 0 to 7"
        )
        raise BadCode("QT738", message, found=tag.reference)
    return partition


def _last(form: _Form, tag: Tag) -> int:
    serial, bits = tag.serial, form.last_bits
    if form.scheme == "sscc":
        return 0
    if form.holds_text:
        if not 0 < len(serial) <= bits // 7 or set(serial) - set(SIGNS_82):
            message = f"serial {shown(serial)} does not fit; accepted: 1 to {bits // 7} signs"
            raise BadCode("QT738", message, "21", found=serial)
        return int("".join(f"{ord(sign):07b}" for sign in serial).ljust(bits, "0"), 2)
    if not _NUMBER.fullmatch(serial) or int(serial) >= 1 << bits:
        message = (
            f"serial {shown(serial)} does not fit {bits} bits; accepted: a number without leading "
            f"zeros up to {(1 << bits) - 1}"
        )
        raise BadCode("QT738", message, "21", found=serial)
    return int(serial)
