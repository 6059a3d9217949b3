"""EPC URNs written from keys; `keys` reads them.

It must not guess how long a company prefix is: nothing in a key tells it.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final
from urllib.parse import quote

from qtcore.builtin.faults import shown
from qtcore.builtin.gs1.elements import BadCode, Element, check_element

_URN_SIGNS: Final = "!'()*+,-.:;=_"
_NUMBERED: Final = 13
_Write = Callable[[Mapping[str, str], int], str]


def make_urn(elements: Sequence[Element], company_digits: int) -> str:
    """Write the URN of a key, with its serial or lot; a class without one becomes a pattern.

    `company_digits` is the length of the company prefix, 6 to 12. Raises BadCode.
    """
    if not 6 <= company_digits <= 12:
        raise BadCode("QT739", f"a company prefix has 6 to 12 digits, not {company_digits}")
    values = {e.ai: check_element(e.ai, e.value).value for e in elements}
    for ai, write in _WRITERS.items():
        if ai in values:
            return write(values, company_digits)
    accepted = ", ".join(f"({ai})" for ai in _WRITERS)
    message = f"{shown(', '.join(values))} has no URN here; accepted: {accepted}"
    raise BadCode("QT739", message)


def _escaped(text: str) -> str:
    return quote(text, safe=_URN_SIGNS)


def _split(body: str, company_digits: int) -> str:
    """Split a key that begins with an indicator or extension digit, which moves to the item."""
    company, rest = body[1 : 1 + company_digits], body[1 + company_digits :]
    return f"{company}.{body[0]}{rest}"


def _gtin(values: Mapping[str, str], company_digits: int) -> str:
    item = _split(values["01"][:-1], company_digits)
    if "21" in values:
        return f"urn:epc:id:sgtin:{item}.{_escaped(values['21'])}"
    if "235" in values:
        return f"urn:epc:id:upui:{item}.{_escaped(values['235'])}"
    if "10" in values:
        return f"urn:epc:class:lgtin:{item}.{_escaped(values['10'])}"
    return f"urn:epc:idpat:sgtin:{item}.*"


def _sscc(values: Mapping[str, str], company_digits: int) -> str:
    return f"urn:epc:id:sscc:{_split(values['00'][:-1], company_digits)}"


def _place(values: Mapping[str, str], company_digits: int) -> str:
    body = values["414"][:-1]
    extension = _escaped(values.get("254", "0"))
    return f"urn:epc:id:sgln:{body[:company_digits]}.{body[company_digits:]}.{extension}"


def _party(values: Mapping[str, str], company_digits: int) -> str:
    body = values["417"][:-1]
    return f"urn:epc:id:pgln:{body[:company_digits]}.{body[company_digits:]}"


def _asset(values: Mapping[str, str], company_digits: int) -> str:
    return _numbered("grai", values["8003"][1:], company_digits)


def _document(values: Mapping[str, str], company_digits: int) -> str:
    return _numbered("gdti", values["253"], company_digits)


def _coupon(values: Mapping[str, str], company_digits: int) -> str:
    return _numbered("sgcn", values["255"], company_digits)


def _numbered(scheme: str, value: str, company_digits: int) -> str:
    """Write a key of twelve digits, a check digit and a serial, or without serial its pattern."""
    kind = f"{value[:company_digits]}.{value[company_digits:12]}"
    if len(value) == _NUMBERED:
        return f"urn:epc:idpat:{scheme}:{kind}.*"
    return f"urn:epc:id:{scheme}:{kind}.{_escaped(value[_NUMBERED:])}"


def _free(scheme: str, ai: str) -> _Write:
    """Give the writer of a key that is a company prefix and whatever its owner adds."""

    def write(values: Mapping[str, str], company_digits: int) -> str:
        value = values[ai]
        if not value[:company_digits].isdigit() or len(value) <= company_digits:
            message = (
                f"({ai}){value} does not begin with a company prefix of {company_digits} digits"
            )
            raise BadCode("QT739", message, ai)
        return f"urn:epc:id:{scheme}:{value[:company_digits]}.{_escaped(value[company_digits:])}"

    return write


def _relation(scheme: str, ai: str) -> _Write:
    """Give the writer of a key of digits that end in a check digit."""

    def write(values: Mapping[str, str], company_digits: int) -> str:
        body = values[ai][:-1]
        return f"urn:epc:id:{scheme}:{body[:company_digits]}.{body[company_digits:]}"

    return write


def _component(values: Mapping[str, str], company_digits: int) -> str:
    urn = _free("cpi", "8010")(values, company_digits)
    if "8011" not in values:
        return urn.replace("urn:epc:id:", "urn:epc:idpat:", 1) + ".*"
    return f"{urn}.{values['8011']}"


def _piece(values: Mapping[str, str], company_digits: int) -> str:
    value = values["8006"]
    kind = f"{_split(value[:13], company_digits)}.{value[14:16]}.{value[16:18]}"
    if "21" not in values:
        return f"urn:epc:idpat:itip:{kind}.*"
    return f"urn:epc:id:itip:{kind}.{_escaped(values['21'])}"


_WRITERS: Final[Mapping[str, _Write]] = {
    "01": _gtin,
    "00": _sscc,
    "414": _place,
    "417": _party,
    "8003": _asset,
    "8004": _free("giai", "8004"),
    "8006": _piece,
    "8010": _component,
    "8017": _relation("gsrnp", "8017"),
    "8018": _relation("gsrn", "8018"),
    "253": _document,
    "255": _coupon,
    "401": _free("ginc", "401"),
    "402": _relation("gsin", "402"),
}
COMPANY_AT: Final[Mapping[str, int]] = {
    **dict.fromkeys(_WRITERS, 0),
    "00": 1,
    "01": 1,
    "8003": 1,
    "8006": 1,
}
"""Where the company prefix of each key begins: after an indicator or extension digit, if any."""
