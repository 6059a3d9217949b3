"""Which nodes a GS1 code means: by its global names, by GTIN and number, by number alone.

It must not know how results are shown.
"""

from collections.abc import Iterator

from sqlmodel import Session

from qtcore.builtin.gs1.elements import BadCode, Element
from qtcore.builtin.gs1.keys import canonical_identifier
from qtcore.builtin.gs1.links import make_link
from qtcore.builtin.gs1.reading import Reading, read_code
from qtcore.store.queries.codes import nodes_of_gtin
from qtcore.store.queries.nodes import find_nodes


def find_coded_nodes(session: Session, tenant_id: int, text: str) -> list[int]:
    """Find what a code in any notation of GS1 means; empty when it is none or nothing has it."""
    reading = read_code(text)
    if not reading.is_accepted or not reading.elements:
        return []
    return find_read_nodes(session, tenant_id, reading)


def find_read_nodes(session: Session, tenant_id: int, reading: Reading) -> list[int]:
    """Find what a code that was read means, the closest first: one piece, a lot, all of an item."""
    for name in _global_names(reading):
        found = find_nodes(session, tenant_id, name)
        if found:
            return found
    gtin = reading.value_of("01") or reading.value_of("02")
    for kind, ai in (("unit", "21"), ("lot", "10")):
        number = reading.value_of(ai)
        if not number:
            continue
        if gtin:
            found = nodes_of_gtin(session, tenant_id, _written(gtin), kind=kind, number=number)
        else:
            found = find_nodes(session, tenant_id, number)
        if found:
            return found
    if gtin and not reading.value_of("21") and not reading.value_of("10"):
        return nodes_of_gtin(session, tenant_id, _written(gtin), kind="lot")
    return []


def _global_names(reading: Reading) -> Iterator[str]:
    """List the names under which the thing may be known, from the piece to the lot inside."""
    gtin, lot = reading.value_of("01"), reading.value_of("10")
    if reading.value_of("00"):
        yield from _names(Element("00", reading.value_of("00")))
        yield reading.value_of("00")
    elif gtin:
        for ai in ("21", "235"):
            if reading.value_of(ai):
                yield from _names(Element("01", gtin), Element(ai, reading.value_of(ai)))
    elif reading.elements:
        yield from _names(*reading.elements)
    traded = gtin or reading.value_of("02")
    if traded and lot:
        yield from _names(Element("01", traded), Element("10", lot))


def _names(*elements: Element) -> Iterator[str]:
    try:
        link = make_link(elements)
    except BadCode:  # no key among them: nothing has such a global name
        return
    yield canonical_identifier(link)[1]


def _written(gtin: str) -> tuple[str, ...]:
    """List how a GTIN of 14 digits is also written: without its leading zeros."""
    short = (gtin[-length:] for length in (13, 12, 8) if not gtin[:-length].strip("0"))
    return (gtin, *short)
