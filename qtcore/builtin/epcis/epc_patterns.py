"""EPC patterns of a query: a name, or a class of names with ``*`` in place of parts.

It must not know events.
"""

import re
from dataclasses import dataclass

from qtcore.builtin.gs1 import canonical_identifier
from qtcore.builtin.gs1.keys import canonical_uri, plain_start

_PATTERN = re.compile(r"urn:epc:(?:idpat|class):([a-z]+):(.+)", re.ASCII)
_CANONICAL = "https://id.gs1.org/"
_INDICATORS = "0123456789"
_OF_GTIN = {
    "sgtin": ("01", "21"),
    "lgtin": ("01", "10"),
    "itip": ("8006", "21"),
    "upui": ("01", "235"),
}
_STARTS = {
    "grai": "8003/0", "gdti": "253/", "sgcn": "255/", "giai": "8004/", "cpi": "8010/",
    "gsrn": "8018/", "gsrnp": "8017/", "sgln": "414/", "pgln": "417/", "ginc": "401/",
    "gsin": "402/",
}  # fmt: skip
_BY_COMPANY = frozenset(("giai", "gsrn", "gsrnp", "pgln", "ginc", "gsin"))


@dataclass(frozen=True, slots=True)
class Pattern:
    """What a MATCH value means, in canonical names.

    A name fits when it is one of `exact`, or begins with one of `starts` and goes on (where a
    start ends in digits, by a serial or an item of the company).
    """

    exact: tuple[str, ...]
    starts: tuple[str, ...] = ()

    def fits(self, name: str) -> bool:
        """Say whether a name, in any notation, fits."""
        value = canonical_uri(name)
        return value in self.exact or any(value.startswith(start) for start in self.starts)


def read_pattern(text: str) -> Pattern:
    """Read a value of MATCH: an identifier in either notation, or an EPC pattern."""
    text = plain_start(text)
    match = _PATTERN.fullmatch(text)
    if match is None or not text.endswith("*"):
        return Pattern((canonical_identifier(text)[1],))
    scheme, parts = match.group(1), match.group(2).split(".")
    fixed = parts[: parts.index("*")]
    return _pattern(text, scheme, fixed, len(parts))


def _pattern(text: str, scheme: str, fixed: list[str], count: int) -> Pattern:
    whole = canonical_uri(text)
    exact = (whole, text) if whole != text else (text,)
    if not fixed or not fixed[0].isdigit():
        return Pattern(exact)
    company = fixed[0]
    if scheme in _OF_GTIN:
        primary, serial = _OF_GTIN[scheme]
        if len(fixed) == 1:
            starts = tuple(f"{_CANONICAL}{primary}/{digit}{company}" for digit in _INDICATORS)
            return Pattern((text,), starts)
        key = canonical_uri(f"urn:epc:idpat:sgtin:{company}.{fixed[1]}.*").rpartition("/")[2]
        tail = "".join(fixed[2:4])
        return Pattern(exact, (f"{_CANONICAL}{primary}/{key}{tail}/{serial}/",))
    if scheme == "sscc":
        return Pattern((text,), tuple(f"{_CANONICAL}00/{d}{company}" for d in _INDICATORS))
    start = _STARTS.get(scheme)
    if start is None:
        return Pattern((text,), (text.removesuffix("*").replace(":idpat:", ":id:"),))
    if len(fixed) == 1 or scheme in _BY_COMPANY:
        return Pattern((text,), (f"{_CANONICAL}{start}{''.join(fixed)}",))
    return Pattern(exact, (whole,) if whole != text and count > len(fixed) else ())
