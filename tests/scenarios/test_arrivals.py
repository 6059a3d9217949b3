"""What left for another site of ours and came in there is counted once, wherever it is counted."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from qtcore.services.arrivals import Sites, find_arrivals
from qtcore.services.events import EventInput, Line
from qtcore.services.interchange import import_epcis
from qtcore.services.lot_ref import LotRef
from qtcore.services.master import MasterInput, get_master, save_master
from qtcore.services.recall import recall_scope
from qtcore.services.recall_cases import read_case
from qtcore.services.recording import record_event
from qtcore.services.same_lots import join_lots
from qtcore.services.site import Site
from qtcore.store.queries.events import AmountRow
from qtcore.testing import a_party, a_received_lot, a_site, an_output, line
from qtcore.testing.builders import SUPPLIER
from qtcore.testing.sites import sqlite_url
from tests.scenarios.recall_dairy import Dairy


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def either(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    is_sqlite = request.param == "sqlite"
    url = sqlite_url(tmp_path) if is_sqlite else request.getfixturevalue("postgres_url")
    with a_site(url) as opened:
        yield opened


@pytest.fixture
def branches(dairy: Dairy) -> Dairy:
    """Two sites of ours with a store each; 5 kg of Y-2 left for EAST, 7 kg for WEST."""
    for code, amount in (("EAST", "5"), ("WEST", "7")):
        a_party(dairy.site, code, "site")
        with dairy.site.store.read() as session:
            party = get_master(session, dairy.site.store.tenant_id, "party", code)
        store = MasterInput("location", f"{code}-STORE", code, values={"party_id": party.id})
        save_master(dairy.site, dairy.site.system_context(), store)
        dairy.ship(code, amount, dairy.second)
    dairy.clock.advance(hours=1)
    return dairy


def receive(dairy: Dairy, amount: str, **more: Any) -> None:
    came = Line(LotRef(text=dairy.second.uid), "output", Decimal(amount), "kg")
    event = EventInput("receiving", (came,), dairy.site.sources.now(), **more)
    record_event(dairy.site, dairy.everyone(), event)


def scope_of(dairy: Dairy, lot: str = "M-1") -> dict[str, Any]:
    return recall_scope(dairy.site, dairy.everyone(), [lot]).as_json()


def how_much_of(dairy: Dairy, lot: str) -> set[tuple[str, str]]:
    """Say how much there is of a lot and its other names, and how much its shares are of."""
    listed = [each for each in scope_of(dairy, lot)["lots"] if each["kind"] == "lot"]
    return {(each["upper"], share["of"]) for each in listed for share in each["contains"]}


def under_way(dairy: Dairy) -> list[tuple[str, str]]:
    return [(row["to"], row["quantity"]) for row in scope_of(dairy)["in_transit"]]


@pytest.mark.parametrize(
    ("amount", "place", "rest"),
    [
        ("7", "WEST-STORE", [("EAST", "5")]),
        ("5", "EAST-STORE", [("WEST", "7")]),
        ("3", "WEST-STORE", [("EAST", "5"), ("WEST", "4")]),
        ("6", "", [("WEST", "6")]),
    ],
)
def test_what_came_in_at_one_site_leaves_the_rest_under_way(branches, amount, place, rest):
    assert under_way(branches) == [("EAST", "5"), ("WEST", "7")]
    receive(branches, amount, location=place)
    assert under_way(branches) == rest


def test_what_came_in_again_is_no_more_than_there_was(branches):
    before = scope_of(branches)
    receive(branches, "5", location="EAST-STORE")
    after = scope_of(branches)

    assert before["quantities"] == after["quantities"]

    def told(scope: dict[str, Any]) -> list[Any]:
        return [(lot["lot_no"], lot["upper"], lot["contains"]) for lot in scope["lots"]]

    assert told(before) == told(after)
    recall = branches.start()
    found = read_case(branches.site, branches.everyone(), recall.record_id).reconciled
    owed = {row["customer"]: row["unaccounted"] for row in found.customers}
    assert owed == {"WEST": "7", "SHOP-A": "10", "SHOP-B": "6"}
    assert [total["total"] for total in found.totals] == ["100"]


def test_a_further_delivery_of_a_supplier_is_no_arrival(branches):
    """A customer who has 10 kg still has them, and what the supplier brings is more."""
    receive(branches, "9", from_party=SUPPLIER)
    assert under_way(branches) == [("EAST", "5"), ("WEST", "7")]
    (lot,) = [lot for lot in scope_of(branches)["lots"] if lot["lot_no"] == "Y-2"]
    assert lot["upper"] == "29"


def test_what_left_under_one_name_comes_in_under_another(dairy: Dairy) -> None:
    """Another site of ours may give goods a number of its own: they are still the same goods."""
    a_party(dairy.site, "EAST", "site")
    before = scope_of(dairy)["quantities"]
    dairy.ship("EAST", "14", dairy.second)
    came = an_output("YOGHURT", "E-77", "12", source="EAST")
    event = EventInput("receiving", (came,), dairy.site.sources.now(), to_party="EAST")
    record_event(dairy.site, dairy.everyone(), event)
    join_lots(dairy.site, dairy.everyone(), dairy.second.uid, "E-77", reason="one label")
    assert under_way(dairy) == [("EAST", "2")]
    assert scope_of(dairy)["quantities"] == before
    assert how_much_of(dairy, "Y-2") == {("20", "20"), ("0", "20")}  # counted under one


def test_a_case_that_held_a_lot_twice_brings_both(dairy: Dairy) -> None:
    """Of 8 kg that left for EAST in a case, 2 kg came back by themselves: 2 kg more came in it."""
    a_party(dairy.site, "EAST", "site")

    def tell(kind: str, *lines: Line, **more: Any) -> None:
        event = EventInput(kind, lines, dairy.site.sources.now(), **more)
        record_event(dairy.site, dairy.everyone(), event)

    def case(part: str) -> Line:
        return Line(LotRef(kind="logistic_unit", lot_no="C-1"), part)

    for amount in ("5", "3"):
        tell("packing", line(dairy.second, "child", amount), case("parent"))
    tell("shipping", case("subject"), to_party="EAST")
    tell("returning", line(dairy.second, "subject", "2"), from_party="EAST")
    tell("receiving", case("output"), to_party="EAST")
    assert how_much_of(dairy, "Y-2") == {("22", "22")}


class CountedReads(dict[str, str]):
    """Whose each place is, and how often it was asked."""

    asked = 0

    def get(self, key: str, default: Any = None) -> Any:
        self.asked += 1
        return super().get(key, default)


@pytest.mark.parametrize("party", ["SHOP", "EAST"])
def test_each_of_many_receipts_looks_for_its_shipment_once(party: str) -> None:
    at, many = datetime(2026, 1, 1, tzinfo=UTC), 200

    def row(number: int, effect: str, to: str) -> AmountRow:
        when = at + timedelta(hours=number)
        much = (None, Decimal(1), "kg", "", f"e{number}", "", "")
        return AmountRow(number, 1, "", effect, *much, when, "", "", to)

    rows = [row(n, "received" if n % 2 else "shipped", party) for n in range(2 * many)]
    owners = CountedReads()
    found = find_arrivals({1: rows}, Sites({"EAST"}, owners), lambda much, *_: much)
    assert len(found.found) == many - 1
    assert owners.asked <= 3 * many


LOT = "urn:epc:class:lgtin:4012345.012345.A1"
MADE = "urn:epc:class:lgtin:4099999.012345.B1"
PALLET = "urn:epc:id:sscc:4012345.1111111111"
MAKER, BUYER = "urn:epc:id:pgln:4012345.00000", "urn:epc:id:pgln:4099999.00000"


def a_document(order: tuple[int, ...]) -> bytes:
    def amount(name: str, quantity: int) -> list[dict[str, Any]]:
        return [{"epcClass": name, "quantity": quantity, "uom": "KGM"}]

    def place(company: str) -> dict[str, str]:
        return {"id": f"urn:epc:id:sgln:{company}.00001.0"}

    ends = {
        "sourceList": [{"type": "owning_party", "source": MAKER}],
        "destinationList": [{"type": "owning_party", "destination": BUYER}],
    }
    seen: dict[str, Any] = {"type": "ObjectEvent", "action": "OBSERVE", "epcList": [PALLET], **ends}
    packed = {"type": "AggregationEvent", "parentID": PALLET, "childQuantityList": amount(LOT, 40)}
    events: list[dict[str, Any]] = [
        {"type": "ObjectEvent", "action": "ADD", "bizStep": "commissioning",
         "quantityList": amount(LOT, 100), "readPoint": place("4012345")},
        {**packed, "action": "ADD", "bizStep": "packing"},
        {**seen, "bizStep": "shipping", "readPoint": place("4012345")},
        {**seen, "bizStep": "receiving", "readPoint": place("4099999")},
        {**packed, "action": "DELETE", "bizStep": "unpacking"},
        {"type": "TransformationEvent", "bizStep": "commissioning", "readPoint": place("4099999"),
         "inputQuantityList": amount(LOT, 30), "outputQuantityList": amount(MADE, 30)},
    ]  # fmt: skip
    told = [
        {
            "eventID": f"urn:uuid:00000000-0000-4000-8000-00000000000{n}",
            "eventTime": f"2026-04-0{n + 1}T10:00:00Z",
            "eventTimeZoneOffset": "+00:00",
            **event,
        }
        for n, event in enumerate(events)
    ]
    return json.dumps(
        {
            "@context": ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"],
            "type": "EPCISDocument",
            "schemaVersion": "2.0",
            "creationDate": "2026-05-01T00:00:00Z",
            "epcisBody": {"eventList": [told[n] for n in order]},
        }
    ).encode()


@pytest.mark.parametrize("order", [*permutations(range(6))][:: 719 // 3])
def test_a_pallet_that_comes_in_brings_what_is_inside(either: Site, order: tuple[int, ...]) -> None:
    site = either
    assert not import_epcis(site, site.system_context(), [("a.json", a_document(order))]).problems

    scope = recall_scope(site, site.system_context(), ["A1"]).as_json()
    held = {(row["place"], row["quantity"]) for row in scope["on_hand"]}
    maker, buyer = "4012345000016", "4099999000012"
    assert held == {(maker, "60"), (buyer, "10"), (buyer, "30")}
    lots = {lot["lot_no"]: lot for lot in scope["lots"] if lot["kind"] == "lot"}
    assert (lots["A1"]["upper"], lots["B1"]["contains"][0]["upper"]) == ("100", "30")
    assert lots["B1"]["contains"][0]["of"] == "100"


def test_a_supplier_lot_that_comes_twice_is_twice_there(dairy: Dairy) -> None:
    lot = a_received_lot(dairy.site, "MILK", "M-9", "30")
    more = Line(LotRef(text=lot.uid), "output", Decimal(12), "kg")
    now = dairy.site.sources.now()
    record_event(dairy.site, dairy.everyone(), EventInput("receiving", (more,), now))
    (found,) = recall_scope(dairy.site, dairy.everyone(), ["M-9"]).as_json()["quantities"]
    assert found["upper"] == "42"


def test_what_came_in_again_does_not_make_more_of_the_goods_located(branches):
    """Of 20 kg of Y-2 that were made, a count does not find 4: whatever came in again."""

    def located() -> str:
        return str(scope_of(branches)["balance"]["located_percent"])

    counted = line(branches.second, "subject", "4")
    event = EventInput("observation", (counted,), branches.site.sources.now(), step="stock_taking")
    record_event(branches.site, branches.everyone(), event)
    before = located()
    branches.clock.advance(hours=1)
    receive(branches, "5", location="EAST-STORE")
    assert (before, located()) == ("93.33", "93.33")
