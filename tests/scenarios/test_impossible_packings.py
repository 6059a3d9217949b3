"""Cases and pallets: one piece is in one place, and comes out only of what holds it."""

from datetime import timedelta
from decimal import Decimal

import pytest

from qtcore.errors import Refused
from qtcore.services.discrepancies import review_nodes
from qtcore.services.events import EventInput, Line, Origin, Stored, write_all
from qtcore.services.nodes import LotRef, NodeBook
from qtcore.services.recording import record_event
from qtcore.services.site import Site
from qtcore.store.queries.discrepancies import open_discrepancies
from qtcore.testing import a_context, a_received_lot, line


def case(code: str, part: str) -> Line:
    return Line(LotRef(kind="logistic_unit", lot_no=code), part)


def told(site: Site, kind: str, *lines: Line, hours: int = 0) -> EventInput:
    return EventInput(kind, lines, site.sources.now() + timedelta(hours=hours))


def record(site: Site, kind: str, *lines: Line) -> Stored:
    return record_event(site, a_context(site, ["operator"]), told(site, kind, *lines))


def load(site: Site, *events: EventInput) -> list[str]:
    """Import events; gives the kinds of the discrepancies they leave open."""
    with site.store.write(site.system_context()) as work:
        stored = write_all(site, NodeBook(site, work), events, origin=Origin("import"))
        nodes = {node for each in stored for node in each.nodes}
        review_nodes(site, work, nodes)
    with site.store.read() as session:
        return sorted(row.kind for row in open_discrepancies(session, 1, nodes))


def test_a_case_inside_a_pallet_cannot_be_packed_into_another(site: Site) -> None:
    lot = a_received_lot(site)
    record(site, "packing", line(lot, "child", "10"), case("C1", "parent"))
    record(site, "packing", case("C1", "child"), case("P1", "parent"))
    with pytest.raises(Refused, match="logistic_unit C1 is inside logistic_unit P1"):
        record(site, "packing", case("C1", "child"), case("P2", "parent"))


def test_a_lot_may_be_divided_over_cases(site: Site) -> None:
    lot = a_received_lot(site)
    record(site, "packing", line(lot, "child", "10"), case("C1", "parent"))
    assert record(site, "packing", line(lot, "child", "10"), case("C2", "parent")).is_new


def test_what_is_not_inside_cannot_be_taken_out(site: Site) -> None:
    lot, other = a_received_lot(site), a_received_lot(site, lot_no="M-2")
    record(site, "packing", line(lot, "child", "10"), case("C1", "parent"))
    with pytest.raises(Refused, match="lot M-2 of MILK is not inside logistic_unit C1"):
        record(site, "unpacking", line(other, "child"), case("C1", "parent"))
    assert record(site, "unpacking", line(lot, "child"), case("C1", "parent")).is_new


def test_imported_packings_that_cannot_be_are_named_and_resolved_by_later_facts(site: Site) -> None:
    into_one = told(site, "packing", case("C1", "child"), case("P1", "parent"), hours=-9)
    into_two = told(site, "packing", case("C1", "child"), case("P2", "parent"), hours=-5)
    assert load(site, into_one, into_two) == ["packed_twice"]
    out = told(site, "unpacking", case("C1", "child"), case("P1", "parent"), hours=-7)
    assert load(site, out) == []
    again = told(site, "unpacking", case("C1", "child"), case("P1", "parent"), hours=-6)
    assert load(site, again) == ["unpacked_not_inside"]


def test_an_imported_event_of_the_year_2999_is_named(site: Site) -> None:
    a_received_lot(site)
    used = Line(LotRef(item="MILK", lot_no="M-1", source="SUPPLIER-A"), "subject", Decimal(1), "kg")
    assert load(site, told(site, "sampling", used, hours=24 * 365 * 900)) == ["future_event"]


def test_an_import_that_makes_a_lot_of_itself_is_named(site: Site) -> None:
    a_received_lot(site)
    ref = LotRef(item="MILK", lot_no="M-1", source="SUPPLIER-A")
    lines = (Line(ref, "input", Decimal(1), "kg"), Line(ref, "output", Decimal(1), "kg"))
    assert load(site, told(site, "production", *lines)) == ["made_from_itself"]
