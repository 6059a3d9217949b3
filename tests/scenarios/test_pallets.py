from decimal import Decimal

import pytest

from qtcore.errors import Refused
from qtcore.services.events import EventInput, Line
from qtcore.services.holds import place_hold
from qtcore.services.lots import get_lot
from qtcore.services.master import MasterInput, save_master
from qtcore.services.nodes import LotRef
from qtcore.services.recall import recall_scope
from qtcore.services.recording import record_event
from qtcore.testing import a_context, a_party, a_received_lot, an_item, line, release
from tests.scenarios.dairy import PALLET, SHOP, a_shipment, on_pallet, ship

CASE = LotRef(kind="logistic_unit", lot_no="069900000000000022")


def a_released_lot(site, **more):
    lot = a_received_lot(site, **more)
    release(site, lot)
    return lot


def record(site, event_type, *lines, **more):
    event = EventInput(event_type, lines, site.sources.now(), **more)
    record_event(site, a_context(site, ["operator"]), event)


def in_a_case_on_the_pallet(site, lot, quantity):
    record(site, "packing", line(lot, "child", quantity), Line(CASE, "parent"))
    record(site, "packing", Line(CASE, "child"), Line(PALLET, "parent"))


def on_hand(site, lot):
    return str(get_lot(site, a_context(site), lot.uid).stock.quantity)


def test_packing_takes_nothing_out_of_stock(site):
    lot = a_released_lot(site)
    on_pallet(site, lot, "40")
    assert on_hand(site, lot) == "100"


def test_what_is_in_a_case_on_the_pallet_leaves_with_it(site):
    lot = a_released_lot(site)
    in_a_case_on_the_pallet(site, lot, "40")
    ship(site, Line(PALLET, "subject"))
    assert on_hand(site, lot) == "60"


def test_a_case_that_was_taken_off_stays(site, clock):
    lot = a_released_lot(site)
    in_a_case_on_the_pallet(site, lot, "40")
    clock.advance(hours=1)
    record(site, "unpacking", Line(CASE, "child"), Line(PALLET, "parent"))
    clock.advance(hours=1)
    on_pallet(site, lot, "10")
    ship(site, Line(PALLET, "subject"))
    assert on_hand(site, lot) == "90"


def test_a_held_lot_deep_inside_keeps_the_pallet(site):
    lot = a_released_lot(site)
    in_a_case_on_the_pallet(site, lot, "40")
    place_hold(site, a_context(site), [lot.uid], "Glass found")
    with pytest.raises(Refused, match="lot M-1 of MILK is on hold since 2026-06-01: Glass found"):
        ship(site, Line(PALLET, "subject"))
    assert on_hand(site, lot) == "100"


def test_a_returned_pallet_brings_its_contents_back_and_may_leave_again(site, clock):
    lot = a_released_lot(site)
    on_pallet(site, lot, "40")
    ship(site, Line(PALLET, "subject"))
    clock.advance(days=1)
    record(site, "returning", Line(PALLET, "subject"), from_party=SHOP)
    assert on_hand(site, lot) == "100"
    clock.advance(days=1)
    ship(site, Line(PALLET, "subject"))
    assert on_hand(site, lot) == "60"


def test_a_shipment_that_names_the_pallet_and_the_lot_counts_once(site):
    lot = a_released_lot(site)
    on_pallet(site, lot, "40")
    ship(site, Line(PALLET, "subject"), a_shipment(lot, "40"))
    assert on_hand(site, lot) == "60"


def test_a_recall_finds_what_left_on_a_pallet_and_the_balance_closes(site):
    lot = a_released_lot(site)
    in_a_case_on_the_pallet(site, lot, "40")
    ship(site, Line(PALLET, "subject"))
    scope = recall_scope(site, a_context(site), [lot.uid]).as_json()
    assert [(s["customer"], s["quantity"], s["via"]) for s in scope["shipments"]] == [
        (SHOP, "40", PALLET.lot_no)
    ]
    balance = next(b for b in scope["balance"]["lots"] if b["lot_id"] == lot.uid)
    assert (balance["received"], balance["shipped"], balance["on_hand"]) == ("100", "40", "60")
    assert scope["balance"]["closes"]


def test_the_packs_judge_what_is_on_the_pallet(site):
    listed = {"ftl_status": "listed", "ftl_category": "cheese"}
    # As packaging, so that no rule of its release asks for what only the shipment shall.
    an_item(site, "CHEESE", industry="food", kind="packaging", extra=listed)
    lot = a_released_lot(site, item="CHEESE", lot_no="CH-1", extra={"market": "US"})
    in_a_case_on_the_pallet(site, lot, "40")
    with pytest.raises(Refused, match="lot CH-1 of CHEESE: Listed food leaves with its lot code"):
        ship(site, Line(PALLET, "subject"))


def test_a_pallet_that_moves_takes_the_places_of_its_contents_along(site):
    for code in ("STORE", "DOCK"):
        save_master(site, site.system_context(), MasterInput("location", code, code))
    a_party(site, SHOP, "customer")
    lot = a_released_lot(site)
    record(
        site,
        "transfer",
        line(lot, "subject", "100"),
        location="unknown",
        to_location="STORE",
    )
    record(site, "packing", line(lot, "child", "40"), Line(PALLET, "parent"), location="STORE")
    record(site, "transfer", Line(PALLET, "subject"), location="STORE", to_location="DOCK")
    places = get_lot(site, a_context(site), lot.uid).stock.places
    assert (places["STORE"], places["DOCK"]) == (Decimal(60), Decimal(40))
