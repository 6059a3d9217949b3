"""A link says what was done: split, merged, blended, reworked; returns, scrap and samples count."""

from dataclasses import replace
from datetime import timedelta, timezone
from decimal import Decimal

import pytest

from qtcore.errors import InputRejected
from qtcore.services.balances import balance_lots
from qtcore.services.events import Allocation, EventInput, Line, Origin, write_all
from qtcore.services.master import MasterInput, save_master
from qtcore.services.nodes import LotRef, NodeBook
from qtcore.services.recording import record_event
from qtcore.services.site import Site
from qtcore.services.trace import trace
from qtcore.store.queries.lens import Lens
from qtcore.store.queries.nodes import NodeInfo
from qtcore.testing import a_context, a_party, a_received_lot, an_item, an_output, line, release
from qtcore.testing.builders import EVERYTHING


def record(site: Site, kind: str, *lines: Line, **more: object) -> None:
    event = EventInput(kind, lines, site.sources.now())
    record_event(site, a_context(site, EVERYTHING), replace(event, **more))  # type: ignore[arg-type]


def received(site: Site, lot_no: str, item: str = "MILK") -> NodeInfo:
    lot = a_received_lot(site, item, lot_no, "100")
    release(site, lot)
    return lot


def kinds(site: Site, lot: str) -> list[tuple[str, str]]:
    found = trace(site, a_context(site, EVERYTHING), lot, "both").as_json()
    return sorted((edge["kind"], edge["quantity"] or "") for edge in found["edges"])


@pytest.fixture
def plant(site: Site) -> Site:
    a_party(site, "PLANT")
    an_item(site, "BLEND", kind="intermediate")
    return site


@pytest.mark.parametrize(
    ("came", "went", "kind"),
    [
        ((("MILK", "M-1"),), (("MILK", "A"), ("MILK", "B")), "split"),
        ((("MILK", "M-1"), ("MILK", "M-2")), (("MILK", "A"),), "merge"),
        ((("MILK", "M-1"),), (("MILK", "A"),), "rework"),
        ((("MILK", "M-1"), ("OIL", "O-1")), (("BLEND", "A"),), "transform"),
    ],
    ids=["split", "merge", "rework", "blend"],
)
def test_a_link_is_named_by_what_was_done(plant, came, went, kind):
    used = [line(received(plant, lot_no, item), "input", "10") for item, lot_no in came]
    made = [an_output(item, lot_no, "5") for item, lot_no in went]
    record(plant, "production", *used, *made)
    found = kinds(plant, "A")
    assert [name for name, _ in found] == [kind] * len(came)


def test_each_part_of_a_split_shows_what_it_got_and_not_the_whole(plant):
    lot = received(plant, "M-1")
    parts = (an_output("MILK", "A", "30"), an_output("MILK", "B", "70"))
    told = tuple(Allocation(0, n, Decimal(q), "kg") for n, q in enumerate(("30", "70")))
    record(plant, "production", line(lot, "input", "100"), *parts, allocations=told)
    assert kinds(plant, "A") == [("split", "30")]
    assert kinds(plant, "M-1") == [("split", "30"), ("split", "70")]


def test_returns_scrap_samples_and_what_is_left_of_a_used_lot_add_up(plant):
    lot = received(plant, "M-1")
    a_party(plant, "SHOP", "customer")
    record(plant, "production", line(lot, "input", "20"), an_output("BLEND", "A", "20"))
    record(plant, "shipping", line(lot, "subject", "30"), to_party="SHOP")
    record(plant, "returning", line(lot, "subject", "5"), from_party="SHOP", reason="warm")
    record(plant, "scrapping", line(lot, "subject", "4"), values={"cause": "damaged"})
    record(plant, "sampling", line(lot, "subject", "1"))
    found = balance_lots(plant, a_context(plant, EVERYTHING), ["M-1"]).as_json()
    told = {
        name: Decimal(str(found[name]))
        for name in ("received", "consumed", "shipped", "returned", "scrapped", "sampled")
    }
    assert told == {
        "received": 100, "consumed": 20, "shipped": 30, "returned": 5, "scrapped": 4, "sampled": 1,
    }  # fmt: skip
    assert (Decimal(str(found["on_hand"])), found["closes"]) == (Decimal(50), True)


def test_a_count_that_finds_less_says_between_which_events_it_was_lost(plant, clock):
    lot = received(plant, "M-1")
    clock.advance(hours=1)
    record(plant, "sampling", line(lot, "subject", "1"))
    clock.advance(hours=1)
    counted_at = clock.now()
    record(plant, "observation", line(lot, "subject", "90"), step="stock_taking")
    found = balance_lots(plant, a_context(plant, EVERYTHING), ["M-1"]).as_json()
    (lost,) = found["located"]
    assert (lost["kind"], Decimal(lost["quantity"]), lost["unit"]) == ("count", Decimal(9), "kg")
    assert lost["before"]["event_type"] == "sampling"
    assert lost["after"]["at"] == counted_at.isoformat()
    assert (Decimal(found["unaccounted"]), found["closes"]) == (Decimal(9), False)


def test_a_count_at_one_place_says_nothing_of_what_lies_elsewhere(plant, clock):
    for code in ("WH-1", "WH-2"):
        entry = MasterInput("location", code, code, values={"kind": "store"})
        save_master(plant, plant.system_context(), entry)
    lot = received(plant, "M-1")
    record(plant, "transfer", line(lot, "subject", "40"), to_location="WH-2")
    clock.advance(hours=1)
    counted = line(lot, "subject", "60")
    record(plant, "observation", counted, step="stock_taking", location="WH-1")
    clock.advance(hours=1)
    whole = balance_lots(plant, a_context(plant, EVERYTHING), ["M-1"]).as_json()
    assert (whole["located"], whole["closes"]) == ([], True)
    counted = line(lot, "subject", "39")
    record(plant, "observation", counted, step="stock_taking", location="WH-2")
    missing = balance_lots(plant, a_context(plant, EVERYTHING), ["M-1"]).as_json()
    assert (missing["unaccounted"], missing["on_hand"]) == ("1", "99")


def test_a_period_begins_with_what_was_there(plant, clock):
    lot = received(plant, "M-1")
    record(plant, "sampling", line(lot, "subject", "1"))
    start = clock.advance(hours=1)
    clock.advance(hours=1)
    record(plant, "scrapping", line(lot, "subject", "4"), values={"cause": "damaged"})
    context = a_context(plant, EVERYTHING)
    found = balance_lots(plant, context, ["M-1"], lens=Lens(since=start)).as_json()
    told = [Decimal(found[n]) for n in ("opening", "received", "sampled", "scrapped", "on_hand")]
    assert told == [99, 0, 0, 4, 95]
    before = balance_lots(plant, context, ["M-1"], lens=Lens(until=start)).as_json()
    assert [Decimal(before[n]) for n in ("received", "sampled", "scrapped")] == [100, 1, 0]


def test_a_period_lacks_what_its_opening_lacks(plant, clock):
    received(plant, "M-1")
    told = EventInput(
        "shipping", (Line(LotRef(text="M-1"), "subject", Decimal(3), "pc"),), clock.at
    )
    with plant.store.write(plant.system_context()) as work:
        write_all(plant, NodeBook(plant, work), [told], origin=Origin("import"))
    for lens in (Lens(), Lens(since=clock.advance(hours=1))):
        found = balance_lots(plant, a_context(plant, EVERYTHING), ["M-1"], lens=lens).as_json()
        assert [problem["code"] for problem in found["problems"]] == ["QT490"]
        assert not found["closes"]


def test_a_period_that_is_named_in_another_zone_is_the_same_period(plant, clock):
    lot = received(plant, "M-1")
    start = clock.advance(hours=1)
    clock.advance(hours=1)
    record(plant, "observation", line(lot, "subject", "98"), step="stock_taking")
    for begin in (start, start.astimezone(timezone(timedelta(hours=8)))):
        found = balance_lots(
            plant, a_context(plant, EVERYTHING), ["M-1"], lens=Lens(since=begin)
        ).as_json()
        assert (found["opening"], found["on_hand"], found["unaccounted"]) == ("100", "98", "2")


def test_a_period_that_ends_before_it_begins_is_refused(plant, clock):
    received(plant, "M-1")
    start = clock.now()
    with pytest.raises(InputRejected, match="is later than to"):
        balance_lots(
            plant, a_context(plant, EVERYTHING), ["M-1"],
            lens=Lens(since=clock.advance(hours=1), until=start),
        )  # fmt: skip


def test_the_number_of_a_unit_is_no_second_lot(plant):
    lot = received(plant, "M-1")
    unit = Line(LotRef(kind="unit", item="MILK", lot_no="M-1-1"), "output", Decimal(1), "kg")
    record(plant, "production", line(lot, "input", "1"), unit)
    found = trace(plant, a_context(plant, EVERYTHING), "M-1", "forward").as_json()
    assert {node["lot_no"]: node["kind"] for node in found["nodes"]} == {
        "M-1": "lot",
        "M-1-1": "unit",
    }
