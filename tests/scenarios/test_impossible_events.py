from datetime import timedelta
from decimal import Decimal

import pytest

from qtcore.errors import InputRejected, Refused
from qtcore.services.events import EventInput, Line, Stored
from qtcore.services.nodes import LotRef
from qtcore.services.recording import record_event
from qtcore.services.site import Site
from qtcore.testing import FrozenClock, a_context, a_party, a_received_lot, an_item, an_output, line


def _record(site: Site, kind: str, *lines: Line, days_ago: int = 0) -> Stored:
    at = site.sources.now() - timedelta(days=days_ago)
    return record_event(site, a_context(site, ["operator"]), EventInput(kind, lines, at))


def test_an_event_before_its_lot_came_into_being_is_refused(site: Site, clock: FrozenClock) -> None:
    lot = a_received_lot(site)
    with pytest.raises(Refused, match="came into being on 2026-06-01 08:00, after this event"):
        _record(site, "sampling", line(lot, "subject", "1"), days_ago=3)


def test_an_event_at_the_moment_of_the_receipt_is_accepted(site: Site) -> None:
    assert _record(site, "sampling", line(a_received_lot(site), "subject", "1")).is_new


def test_a_receipt_in_a_unit_that_never_becomes_the_items_own_is_refused(site: Site) -> None:
    an_item(site)
    with pytest.raises(InputRejected) as refused:
        _record(site, "receiving", an_output("MILK", "M-1", "5", unit="m"))
    (fault,) = refused.value.faults
    assert (fault.code, fault.where) == ("QT433", "lines/0/unit")
    assert "'m' (length) cannot be converted to 'kg' (mass)" in fault.message


def test_a_receipt_in_another_unit_of_the_same_kind_is_accepted(site: Site) -> None:
    an_item(site)
    a_party(site, "PLANT")
    assert _record(site, "receiving", an_output("MILK", "M-1", "5000", unit="g")).is_new


def test_a_cycle_told_in_three_commands_is_refused_at_the_third(site: Site) -> None:
    a_party(site, "PLANT")
    for code in ("A", "B", "C"):
        an_item(site, code, kind="intermediate")
    a_received_lot(site, "A", "1")
    for source, target in (("A", "B"), ("B", "C")):
        used = Line(
            LotRef(item=source, lot_no="1", source=_source(source)), "input", Decimal(1), "kg"
        )
        _record(site, "production", used, an_output(target, "1", "50"))
    last = Line(LotRef(item="C", lot_no="1", source=_source("C")), "input", Decimal(1), "kg")
    with pytest.raises(Refused, match="is already a source of lot 1 of C"):
        _record(site, "production", last, an_output("A", "1", "1", source=_source("A")))


def _source(item: str) -> str:
    return "SUPPLIER-A" if item == "A" else "PLANT"
