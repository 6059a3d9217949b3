"""GS1 keys in both notations, EPC URN and Digital Link URI, and other globally unique names.

It must not know events. The same key is the same thing in either notation: the canonical value is
the Digital Link at id.gs1.org, because a URN can always be turned into it, not the other way.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote, unquote

from qtcore.builtin.gs1.check_digits import check_digit, has_check_digit

ANY_LOT = "*"
"""The lot number of a class named without one, as in the EPC pattern ``urn:epc:idpat:...*``."""

_GS1_HOST = "id.gs1.org"
_CANONICAL = f"https://{_GS1_HOST}"
_GTIN_LENGTHS = (12, 13, 14)
"""Eight digits on a domain of any owner are as often a date."""
_URN = re.compile(r"urn:epc:(id|class|idpat):([a-z]+):(.+)", re.ASCII)
_PATTERN = re.compile(r"urn:epc:idpat:(grai|gdti|sgcn|cpi):([0-9]{6,12})\.([^.]*)\.\*", re.ASCII)
_LINK = re.compile(r"https?://([^/?#]+)((?:/[^/?#]*)+)(?:[?#].*)?", re.ASCII)
_ANY_CASE = re.compile(r"urn:[a-z0-9-]+:|https?://[^/?#@]+(?=[/?#]|$)", re.ASCII | re.IGNORECASE)
_URN_SERIAL = re.compile(r"(?:%[0-9A-Fa-f]{2}|[A-Za-z0-9!'()*+,.:;=_-])+", re.ASCII)
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})", re.ASCII)
_OTHER_LOT = re.compile(r"(urn:gdst:[^:]+:product:)lot:class:(.+)\.([^.]+)")
_OTHER_SERIAL = re.compile(r"(urn:gdst:[^:]+:product:)serial:(?:obj|class):(.+)\.([^.]+)")
_OTHER_CLASS = re.compile(r"urn:gdst:[^:]+:product:class:.+")
_STEM = re.compile(r"(.*[:/.#])([^:/.#]+)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class GlobalKey:
    """A globally unique name, read.

    `value` is canonical: equal for both notations. `kind` says what it names: lot, unit or
    logistic_unit (assets, documents and places that hold things count as these). `item` and
    `number` are for display; together they are unique. `problem` says what is wrong with its form.
    """

    scheme: str
    value: str
    kind: str
    item: str
    number: str
    problem: str = ""


class _Malformed(ValueError):
    """The name looks like a GS1 key and breaks its rules; the text says how."""


def _are_digits(text: str) -> bool:
    """Say whether a text is plain digits; other scripts have digits too, and so have powers."""
    return text.isascii() and text.isdigit()


def plain_start(uri: str) -> str:
    """Write in small letters where a URI knows no case.

    These are scheme and host (RFC 3986, 6.2.2.1), of a URN its namespace (RFC 8141, 3.1); what
    follows keeps its letters.
    """
    match = _ANY_CASE.match(uri)
    return uri if match is None else match[0].lower() + uri[match.end() :]


def has_bad_escape(uri: str) -> bool:
    """Say whether a % is not followed by two hexadecimal digits (RFC 3986, 2.1)."""
    return _BAD_ESCAPE.search(uri) is not None


def canonical_identifier(uri: str) -> tuple[str, str]:
    """Give scheme and canonical value of a name; names that are no GS1 key keep their text."""
    key = read_key(uri)
    return key.scheme, key.value


def canonical_uri(uri: str) -> str:
    """Give the canonical Digital Link of any EPC URI, patterns included; other texts stay.

    Patterns of assets and documents are no lots, so that `read_key` leaves them alone.
    """
    match = _PATTERN.fullmatch(plain_start(uri))
    if match is None:
        return canonical_identifier(uri)[1]
    scheme, company, reference = match.groups()
    try:
        elements = _URN_ELEMENTS[scheme](company, reference, "0")
    except _Malformed:
        return uri
    primary = _IDENTIFYING[scheme][0]
    # All but the component end in their serial, which a pattern does not have.
    whole = elements[primary] if scheme == "cpi" else elements[primary][:-1]
    return _key(scheme, {primary: whole}).value


# One document names each thing several times, and the places in every event.
@lru_cache(maxsize=16_384)
def read_key(uri: str, *, is_class: bool = False) -> GlobalKey:
    """Read a name; never raises.

    `is_class` says that it stood where a class or lot is named (EPCIS epcClass): it decides what an
    unknown notation means.
    """
    uri = plain_start(uri)
    try:
        key = _from_urn(uri) or _from_link(uri)
    except _Malformed as malformed:
        return _other(uri, is_class, str(malformed))
    return key or _other(uri, is_class, "")


def _from_urn(uri: str) -> GlobalKey | None:
    match = _URN.fullmatch(uri)
    if match is None:
        return None
    level, scheme, rest = match.groups()
    if level == "idpat":
        return _from_pattern(scheme, rest)
    if (level == "class") != (scheme == "lgtin") or scheme not in _URN_PARTS:
        return None
    parts = rest.split(".", _URN_PARTS[scheme] - 1)
    if len(parts) != _URN_PARTS[scheme]:
        raise _Malformed(f"{scheme} URN has {len(parts)} parts, it needs {_URN_PARTS[scheme]}")
    if not _are_digits(parts[0]) or not 6 <= len(parts[0]) <= 12:
        raise _Malformed(f"company prefix {parts[0]!r} is not 6 to 12 digits")
    return _key(scheme, _URN_ELEMENTS[scheme](*parts))


def _from_pattern(scheme: str, rest: str) -> GlobalKey | None:
    """Read a class without serial: ``urn:epc:idpat:sgtin:CP.ITEM.*``."""
    parts = rest.split(".")
    if parts[-1] != "*" or scheme not in ("sgtin", "itip"):
        return None
    if len(parts) != _URN_PARTS[scheme]:
        raise _Malformed(f"{scheme} pattern has {len(parts)} parts, it needs {_URN_PARTS[scheme]}")
    if scheme == "itip":
        return _key("itip", {"8006": _gtin(parts[0], parts[1]) + "".join(parts[2:-1])})
    return _key("gtin", {"01": _gtin(parts[0], parts[1])})


def _from_link(uri: str) -> GlobalKey | None:
    match = _LINK.fullmatch(uri)
    if match is None:
        return None
    segments = match.group(2).split("/")[1:]
    is_gs1 = match.group(1) == _GS1_HOST
    for start, segment in enumerate(segments):
        if segment not in _PRIMARY or (len(segments) - start) % 2:
            continue
        pairs = segments[start:]
        try:
            elements = {ai: _unescape(v) for ai, v in zip(pairs[::2], pairs[1::2], strict=True)}
        except _Malformed:
            if is_gs1:
                raise
            continue
        if segment in ("01", "8006") and _are_digits(elements[segment]):
            elements[segment] = elements[segment].rjust(14, "0")
        if not is_gs1 and segment not in _CHECKED:
            continue  # without a check digit nothing tells a key from any other web address
        if not _well_formed(segment, elements[segment]):
            if is_gs1 or _is_meant(segment, pairs[1]):
                raise _Malformed(_what_is_wrong(segment, elements[segment]))
            continue
        return _key(_scheme_of(segment, elements), elements)
    return None


def _well_formed(ai: str, value: str) -> bool:
    length = _CHECKED.get(ai)
    if length is None:
        return 0 < len(value) <= 30
    return _are_digits(value[:length]) and len(value) >= length and has_check_digit(value[:length])


def _is_meant(ai: str, value: str) -> bool:
    """Say whether a segment on a domain of any owner has the digits of a key.

    Only its check digit can be wrong then. Other segments are parts of any web address.
    """
    if ai == "01":
        return _are_digits(value) and len(value) in _GTIN_LENGTHS
    length = _CHECKED[ai]
    is_long_enough = len(value) == length or (ai in _WITH_SERIAL and len(value) > length)
    return is_long_enough and _are_digits(value[:length])


def _what_is_wrong(ai: str, value: str) -> str:
    length = _CHECKED.get(ai, 30)
    if not _are_digits(value[:length]) or len(value) < length:
        return f"({ai}){value} does not begin with {length} digits"
    right = check_digit(value[: length - 1])
    return f"({ai}){value} has check digit {value[length - 1]}, it should be {right}"


def _scheme_of(primary: str, elements: Mapping[str, str]) -> str:
    if primary == "01":
        return (
            "sgtin"
            if "21" in elements
            else "upui"
            if "235" in elements
            else ("lgtin" if "10" in elements else "gtin")
        )
    return _PRIMARY[primary]


def _key(scheme: str, elements: Mapping[str, str]) -> GlobalKey:
    """Build the key from its elements; qualifiers that do not identify are left out."""
    primary, qualifier = _IDENTIFYING[scheme]
    value = f"{_CANONICAL}/{primary}/{quote(elements[primary], safe='-._~')}"
    number = elements.get(qualifier, "") if qualifier else ""
    if number:
        value += f"/{qualifier}/{quote(number, safe='-._~')}"
    whole = elements[primary]
    if scheme in ("sgtin", "upui", "cpi") or (scheme == "itip" and number):
        return GlobalKey(scheme, value, "unit", whole, number)
    if scheme in ("lgtin", "gtin", "itip"):
        return GlobalKey(scheme, value, "lot", whole, number or ANY_LOT)
    return GlobalKey(scheme, value, "logistic_unit", "", whole + (f".{number}" if number else ""))


def _other(uri: str, is_class: bool, problem: str) -> GlobalKey:
    """Read a name that is no GS1 key: its own text is canonical."""
    lot, serial = _OTHER_LOT.fullmatch(uri), _OTHER_SERIAL.fullmatch(uri)
    if lot is not None:
        return GlobalKey("uri", uri, "lot", f"{lot[1]}class:{lot[2]}", lot[3], problem)
    if serial is not None:
        return GlobalKey("uri", uri, "unit", f"{serial[1]}class:{serial[2]}", serial[3], problem)
    if _OTHER_CLASS.fullmatch(uri) or uri.startswith("urn:epc:idpat:"):
        return GlobalKey("uri", uri, "lot", uri, ANY_LOT, problem)
    if uri.startswith("urn:epc:id:") and not uri.startswith("urn:epc:id:sgtin:"):
        scheme, _, number = uri.removeprefix("urn:epc:id:").partition(":")
        return GlobalKey("uri", uri, "logistic_unit", "", number or scheme or uri, problem)
    stem = _STEM.fullmatch(uri)
    item, number = (stem[1], stem[2]) if stem else ("", uri)
    return GlobalKey("uri", uri, "lot" if is_class else "unit", item, number, problem)


def party_code(uri: str) -> str:
    """Give the code of a party or place: its GLN (with extension) when it has one."""
    key = read_key(uri)
    return key.number if key.scheme in ("sgln", "pgln") else key.value


def _digits(company: str, rest: str, total: int, what: str) -> str:
    body = company + rest
    if not _are_digits(body) or len(body) != total:
        raise _Malformed(f"{what} needs {total} digits before the check digit, found {len(body)}")
    return body + check_digit(body)


def _gtin(company: str, item: str) -> str:
    return _digits(item[:1] + company, item[1:], 13, "GTIN")


def _sscc(company: str, serial: str) -> dict[str, str]:
    return {"00": _digits(serial[:1] + company, serial[1:], 17, "SSCC")}


def _serial(text: str) -> str:
    """Undo the escapes of a serial in a URN."""
    if not text:
        raise _Malformed("the serial is empty")
    found = _unescape(text)
    if _URN_SERIAL.fullmatch(text) is None:
        raise _Malformed(f"{text!r} holds a sign that a URN writes as %XX (TDS, appendix A)")
    return found


def _unescape(text: str) -> str:
    """Undo the escapes of a part; refuses what cannot be shown: two names would look alike."""
    if has_bad_escape(text):
        raise _Malformed(f"% in {text!r} is not followed by two hexadecimal digits")
    try:
        found = unquote(text, errors="strict")
    except UnicodeDecodeError as exc:
        raise _Malformed(f"{text!r} has escapes that are no UTF-8") from exc
    if not found.isprintable():
        raise _Malformed(f"{text!r} holds a sign that cannot be shown")
    return found


def _sgln(company: str, location: str, extension: str) -> dict[str, str]:
    gln = {"414": _digits(company, location, 12, "GLN")}
    return gln if extension == "0" else {**gln, "254": _serial(extension)}


_PRIMARY: Mapping[str, str] = {
    "00": "sscc", "01": "gtin", "253": "gdti", "255": "sgcn", "401": "ginc", "402": "gsin",
    "414": "sgln", "417": "pgln", "8003": "grai", "8004": "giai", "8006": "itip", "8010": "cpi",
    "8017": "gsrnp", "8018": "gsrn",
}  # fmt: skip
_CHECKED: Mapping[str, int] = {
    "00": 18, "01": 14, "253": 13, "255": 13, "402": 17, "414": 13, "417": 13, "8003": 14,
    "8006": 14, "8017": 18, "8018": 18,
}  # fmt: skip
"""How many leading digits end in a check digit."""
_WITH_SERIAL = frozenset(("253", "255", "8003", "8006"))
"""Keys in which more may follow the check digit."""
_IDENTIFYING: Mapping[str, tuple[str, str]] = {
    **{scheme: (ai, "") for ai, scheme in _PRIMARY.items()},
    "sgtin": ("01", "21"), "lgtin": ("01", "10"), "upui": ("01", "235"), "sgln": ("414", "254"),
    "itip": ("8006", "21"), "cpi": ("8010", "8011"),
}  # fmt: skip
_URN_PARTS: Mapping[str, int] = {
    "sgtin": 3, "lgtin": 3, "sscc": 2, "sgln": 3, "pgln": 2, "grai": 3, "giai": 2, "gsrn": 2,
    "gsrnp": 2, "gdti": 3, "cpi": 3, "sgcn": 3, "ginc": 2, "gsin": 2, "itip": 5, "upui": 3,
}  # fmt: skip
_URN_ELEMENTS: Mapping[str, Callable[..., dict[str, str]]] = {
    "sgtin": lambda c, i, s: {"01": _gtin(c, i), "21": _serial(s)},
    "lgtin": lambda c, i, s: {"01": _gtin(c, i), "10": _serial(s)},
    "upui": lambda c, i, s: {"01": _gtin(c, i), "235": _serial(s)},
    "sscc": _sscc,
    "sgln": _sgln,
    "pgln": lambda c, r: {"417": _digits(c, r, 12, "GLN")},
    "grai": lambda c, t, s: {"8003": f"0{_digits(c, t, 12, 'GRAI')}{_serial(s)}"},
    "giai": lambda c, r: {"8004": c + _serial(r)},
    "gsrn": lambda c, r: {"8018": _digits(c, r, 17, "GSRN")},
    "gsrnp": lambda c, r: {"8017": _digits(c, r, 17, "GSRN")},
    "gdti": lambda c, t, s: {"253": _digits(c, t, 12, "GDTI") + _serial(s)},
    "cpi": lambda c, r, s: {"8010": c + _serial(r), "8011": _serial(s)},
    "sgcn": lambda c, t, s: {"255": _digits(c, t, 12, "GCN") + _serial(s)},
    "ginc": lambda c, r: {"401": c + _serial(r)},
    "gsin": lambda c, r: {"402": _digits(c, r, 16, "GSIN")},
    "itip": lambda c, i, p, t, s: {"8006": _gtin(c, i) + p + t, "21": _serial(s)},
}
