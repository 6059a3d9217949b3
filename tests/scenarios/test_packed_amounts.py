"""No command packs, takes out or ships in a case more than there is."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from qtcore.errors import InputRejected, Refused
from qtcore.services.balances import balance_lots
from qtcore.services.events import EventInput, Line, Origin, write_all
from qtcore.services.nodes import LotRef, NodeBook
from qtcore.services.paths import find_paths
from qtcore.services.recording import record_event
from qtcore.services.site import Site
from qtcore.testing import FrozenClock, a_context, a_party, a_received_lot, a_site, line, release
from qtcore.testing.builders import EVERYTHING

LEFT = "logistic_unit {} has left already: {} on 2026-06-01"


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture
def plant(clock: FrozenClock) -> Iterator[Site]:
    with a_site(clock=clock) as site:
        release(site, a_received_lot(site, "MILK", "M-1", "10"))
        a_party(site, "SHOP", "customer")
        yield site


def a_case(name: str, part: str = "parent") -> Line:
    return Line(LotRef(kind="logistic_unit", lot_no=name), part)


def tell(site: Site, kind: str, *lines: Line, to: str = "", **more: Any) -> None:
    customer = to or ("SHOP" if kind == "shipping" else "")
    event = EventInput(kind, lines, site.sources.now(), to_party=customer, **more)
    record_event(site, a_context(site, EVERYTHING), event)


def test_more_than_there_is_is_not_packed(plant: Site):
    with pytest.raises(Refused, match="has 10 kg on hand, 11 kg asked for"):
        tell(plant, "packing", line("M-1", "child", "11"), a_case("C-1"))


def test_more_than_is_inside_is_not_taken_out(plant: Site):
    tell(plant, "packing", line("M-1", "child", "4"), a_case("C-1"))
    with pytest.raises(Refused, match="4000 g are inside, 4001 g are taken out"):
        tell(plant, "unpacking", line("M-1", "child", "4001", "g"), a_case("C-1"))
    tell(plant, "unpacking", line("M-1", "child", "4"), a_case("C-1"))


def test_what_lies_in_a_case_is_not_packed_into_another(plant: Site):
    tell(plant, "packing", line("M-1", "child", "6"), a_case("C-1"))
    with pytest.raises(Refused, match="has 4 kg outside of cases, 5 kg asked for"):
        tell(plant, "packing", line("M-1", "child", "5"), a_case("C-2"))
    tell(plant, "packing", line("M-1", "child", "4000", "g"), a_case("C-2"))
    tell(plant, "unpacking", line("M-1", "child", "1"), a_case("C-1"))
    tell(plant, "packing", line("M-1", "child", "1"), a_case("C-2"))


def test_what_left_in_a_case_lies_in_none_here(plant: Site):
    tell(plant, "packing", line("M-1", "child", "6"), a_case("C-1"))
    tell(plant, "packing", a_case("C-1", "child"), a_case("P-1"))
    tell(plant, "shipping", a_case("P-1", "subject"))
    with pytest.raises(Refused, match="has 4 kg on hand, 5 kg asked for"):
        tell(plant, "packing", line("M-1", "child", "5"), a_case("C-2"))
    tell(plant, "packing", line("M-1", "child", "4"), a_case("C-2"))


def why_not_shipped(site: Site, case: str) -> list[str]:
    with pytest.raises(Refused) as raised:
        tell(site, "shipping", a_case(case, "subject"))
    return [one.message for one in raised.value.refusals if "has left" in one.message]


@pytest.fixture
def sent(plant: Site) -> Site:
    """All of M-1 left in C-1, on the pallet P-1, for our own site EAST."""
    a_party(plant, "EAST", "site")
    tell(plant, "packing", line("M-1", "child", "10"), a_case("C-1"))
    tell(plant, "packing", a_case("C-1", "child"), a_case("P-1"))
    tell(plant, "shipping", a_case("P-1", "subject"), to="EAST")
    return plant


@pytest.mark.parametrize("came", ["C-1", "P-1"])
def test_what_came_in_again_in_its_case_lies_in_it(sent: Site, came: str):
    tell(sent, "receiving", a_case(came, "output"), to="EAST")
    with pytest.raises(Refused, match="has 0 kg outside of cases, 10 kg asked for"):
        tell(sent, "packing", line("M-1", "child", "10"), a_case("C-2"))


def test_what_left_again_after_it_came_lies_in_no_case(sent: Site):
    tell(sent, "receiving", a_case("P-1", "output"), to="EAST")
    tell(sent, "shipping", a_case("P-1", "subject"))
    with pytest.raises(Refused, match="has 0 kg on hand, 10 kg asked for"):
        tell(sent, "packing", line("M-1", "child", "10"), a_case("C-2"))


def test_what_a_pallet_did_before_a_case_was_on_it_is_not_of_the_case(
    plant: Site, clock: FrozenClock
):
    tell(plant, "packing", line("M-1", "child", "1"), a_case("P-1"))
    tell(plant, "shipping", a_case("P-1", "subject"))
    tell(plant, "packing", line("M-1", "child", "9"), a_case("C-1"))
    clock.advance(hours=1)
    tell(plant, "packing", a_case("C-1", "child"), a_case("P-1"))
    with pytest.raises(Refused, match="has 0 kg outside of cases, 9 kg asked for"):
        tell(plant, "packing", line("M-1", "child", "9"), a_case("C-2"))


def test_a_case_that_came_in_at_a_site_of_ours_is_shipped_on_once(sent: Site):
    assert why_not_shipped(sent, "P-1") == [LEFT.format("P-1", "shipped")]
    tell(sent, "receiving", a_case("P-1", "output"), to="EAST")
    tell(sent, "shipping", a_case("P-1", "subject"))
    assert why_not_shipped(sent, "P-1") == [LEFT.format("P-1", "shipped")]


def test_a_case_that_a_customer_received_has_left(plant: Site):
    tell(plant, "packing", line("M-1", "child", "10"), a_case("C-1"))
    tell(plant, "shipping", a_case("C-1", "subject"))
    tell(plant, "receiving", a_case("C-1", "output"), to="SHOP")
    assert why_not_shipped(plant, "C-1") == [LEFT.format("C-1", "shipped")]


def test_a_case_that_was_scrapped_is_not_there_for_a_receipt(plant: Site):
    tell(plant, "packing", line("M-1", "child", "10"), a_case("C-1"))
    tell(plant, "scrapping", a_case("C-1", "subject"), values={"cause": "damaged"})
    tell(plant, "receiving", a_case("C-1", "output"))
    assert why_not_shipped(plant, "C-1") == [LEFT.format("C-1", "scrapped")]


def test_two_equal_packings_of_one_moment_are_two(plant: Site):
    for _ in range(2):
        tell(plant, "packing", line("M-1", "child", "5"), a_case("C-1"))
    with pytest.raises(Refused, match="has 0 kg outside of cases, 5 kg asked for"):
        tell(plant, "packing", line("M-1", "child", "5"), a_case("C-2"))


def test_nothing_is_packed_into_a_lot(plant: Site):
    a_received_lot(plant, "MILK", "M-2", "10")
    new = Line(LotRef(item="MILK", lot_no="M-9"), "parent")
    for lot, name in ((Line(LotRef(text="M-2"), "parent"), "lot M-2 of MILK"), (new, "MILK M-9")):
        with pytest.raises(Refused, match=f"{name}.* is a lot, which holds nothing"):
            tell(plant, "packing", line("M-1", "child", "1"), lot)


def test_cases_that_hold_more_than_there_is_do_not_leave(plant: Site):
    ref = LotRef(item="MILK", lot_no="M-1", source="SUPPLIER-A")
    told = [
        EventInput(
            "packing",
            (Line(ref, "child", Decimal(6), "kg"), a_case(name)),
            plant.sources.now(),
            external_id=name,
        )
        for name in ("C-1", "C-2")
    ]
    with plant.store.write(plant.system_context()) as work:  # a file tells more than can be
        write_all(plant, NodeBook(plant, work), told, origin=Origin("import"))
    tell(plant, "shipping", a_case("C-1", "subject"))
    with pytest.raises(Refused, match="has 4 kg on hand, 6 kg asked for"):
        tell(plant, "shipping", a_case("C-2", "subject"))
    found = balance_lots(plant, a_context(plant, EVERYTHING), ["M-1"]).as_json()
    assert Decimal(found["on_hand"]) == 4


def test_one_thing_is_not_packed_into_two_cases_at_once(plant: Site):
    with pytest.raises(InputRejected) as raised:
        tell(plant, "packing", line("M-1", "child", "1"), a_case("C-1"), a_case("C-2"))
    assert [fault.message for fault in raised.value.faults] == [
        "packing names 2 cases; tell one event for each"
    ]


def test_what_a_pallet_brought_is_known_on_every_way(plant: Site):
    """60 kg came packed, and only the pallet is said to be received; half of it was used."""
    packed = LotRef(item="MILK", lot_no="X-1", source="SUPPLIER-A")
    made = LotRef(item="MILK", lot_no="Z-1", source="SUPPLIER-A")

    def told(kind: str, *lines: Line) -> EventInput:
        return EventInput(kind, lines, plant.sources.now())

    events = (
        told("packing", Line(packed, "child", Decimal(60), "kg"), a_case("P-1")),
        told("receiving", a_case("P-1", "output")),
        told(
            "production",
            Line(packed, "input", Decimal(30), "kg"),
            Line(made, "output", Decimal(30), "kg"),
        ),
    )
    with plant.store.write(plant.system_context()) as work:
        write_all(plant, NodeBook(plant, work), events, origin=Origin("import"))
    share = find_paths(plant, a_context(plant, EVERYTHING), "X-1", "Z-1").share.as_json()
    assert (share["lower"], share["upper"], share["of"]) == ("30", "30", "60")
