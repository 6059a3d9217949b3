"""EPC URNs written from keys; `keys` reads them.

It must not guess how long a company prefix is: nothing in a key tells it.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final
from urllib.parse import quote

from qtcore.builtin.faults import shown
from qtcore.builtin.gs1.elements import BadCode, Element, check_element

_URN_SIGNS: Final = "!'()*+,-.:;=_"


def make_urn(elements: Sequence[Element], company_digits: int) -> str:
    """Write the URN of a key: SGTIN, LGTIN, GTIN, SSCC, SGLN or PGLN.

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


_WRITERS: Final[Mapping[str, Callable[[Mapping[str, str], int], str]]] = {
    "01": _gtin,
    "00": _sscc,
    "414": _place,
    "417": _party,
}
