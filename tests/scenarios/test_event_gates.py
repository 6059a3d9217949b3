"""What rules say of an event before it is recorded: for each lot, on the day of the event."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlmodel import func, select

from qtcore.errors import Refused
from qtcore.services.events import EventInput, Line
from qtcore.services.master import MasterInput, save_master
from qtcore.services.nodes import LotRef
from qtcore.services.recording import record_event
from qtcore.services.site import Site
from qtcore.store.queries.nodes import NodeInfo
from qtcore.store.tables import Event, Lot
from qtcore.testing import a_context, a_received_lot, a_site, an_item, an_output, line
from qtcore.testing.builders import EVERYTHING
from tests.scenarios.dairy import a_shipment, on_pallet, ship


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with a_site(packs=["food"]) as site:
        listed = {"ftl_status": "listed", "date_mark": "best_before"}
        an_item(site, "SALAD", industry="food", extra=listed)
        an_item(site, "SOUP", industry="food", extra={**listed, "date_mark": "use_by"})
        yield site


def codes(site: Site, *lots: NodeInfo) -> list[str]:
    with pytest.raises(Refused) as caught:
        ship(site, *(a_shipment(lot, "1") for lot in lots))
    return [refusal.code for refusal in caught.value.refusals]


def test_listed_food_does_not_leave_without_its_lot_code(site: Site) -> None:
    bare = a_received_lot(site, "SALAD", "S-1", extra={"market": "US"})
    coded = {"market": "US", "tlc": "T", "tlc_source_location": "FARM"}
    told = a_received_lot(site, "SALAD", "S-2", extra=coded)
    abroad = a_received_lot(site, "SALAD", "S-3", extra={"market": "EU"})
    assert "FD-31" in codes(site, bare)
    assert "FD-31" not in codes(site, told)
    assert "FD-31" not in codes(site, abroad)


def test_food_past_its_use_by_date_does_not_leave(site: Site) -> None:
    today = site.sources.now().date()
    old = a_received_lot(site, "SOUP", "O-1", expiry_on=today - timedelta(days=1))
    last = a_received_lot(site, "SOUP", "O-2", expiry_on=today)
    assert "FD-32" in codes(site, old)
    assert "FD-32" not in codes(site, last)


def test_each_lot_of_a_shipment_is_named(site: Site) -> None:
    lots = [
        a_received_lot(site, "SALAD", number, extra={"market": "US"}) for number in ("N-1", "N-2")
    ]
    with pytest.raises(Refused) as caught:
        ship(site, *(a_shipment(lot, "1") for lot in lots))
    named = [r.message for r in caught.value.refusals if r.code == "FD-31"]
    assert [message.split(":")[0] for message in named] == ["lot N-1 of SALAD", "lot N-2 of SALAD"]
    assert all(r.asked_by == "food" for r in caught.value.refusals if r.code == "FD-31")


def test_what_is_inside_a_pallet_is_asked_too(site: Site) -> None:
    lot = a_received_lot(site, "SALAD", "P-1", extra={"market": "US"})
    pallet = on_pallet(site, lot, "1")
    with pytest.raises(Refused) as caught:
        ship(site, Line(pallet, "subject"))
    assert "FD-31" in [refusal.code for refusal in caught.value.refusals]


CODE = {"market": "US", "tlc": "L-77", "tlc_source_location": "PACKHOUSE"}


def refused_codes(site: Site, event: EventInput) -> list[str]:
    before = count_rows(site)
    with pytest.raises(Refused) as caught:
        record_event(site, a_context(site, EVERYTHING), event)
    assert count_rows(site) == before
    return [refusal.code for refusal in caught.value.refusals]


def count_rows(site: Site) -> tuple[int, ...]:
    with site.store.read() as session:
        return tuple(session.exec(select(func.count()).select_from(t)).one() for t in (Lot, Event))


def arrival(site: Site, lot_no: str, place: str = "", **more: str) -> EventInput:
    came = an_output("SALAD", lot_no, "5", source="SUPPLIER-A", extra={**CODE, **more})
    at = site.sources.now()
    return EventInput("receiving", (came,), at, from_party="SUPPLIER-A", location=place)


def test_a_lot_code_is_told_with_the_goods_and_assigned_where_the_rule_says(site: Site) -> None:
    for code in ("PACKHOUSE", "DOCK"):
        save_master(site, site.system_context(), MasterInput("location", code, code))
    record_event(site, a_context(site, EVERYTHING), arrival(site, "A-1", "DOCK"))
    assert "FD-33" in refused_codes(site, arrival(site, "A-2", "PACKHOUSE"))
    bare = a_received_lot(site, "SALAD", "A-3", extra={"market": "US"})
    told = Line(LotRef(text=bare.uid, extra=CODE), "subject", Decimal(1), "kg")
    at = site.sources.now()
    for event in (
        EventInput("observation", (told,), at),
        EventInput("transfer", (told,), at, to_location="DOCK"),
    ):
        assert "FD-33" in refused_codes(site, event)


def test_what_is_transformed_does_not_keep_the_code_of_what_went_into_it(site: Site) -> None:
    an_item(site, "LEAF", industry="food", extra={"ftl_status": "listed"})
    leaf = a_received_lot(site, "LEAF", "F-1", extra=CODE)
    used = line(leaf, "input", "1")
    same = an_output("SALAD", "T-1", "1", extra=CODE)
    own = an_output("SALAD", "T-2", "1", extra={**CODE, "tlc": "L-78"})
    at = site.sources.now()
    assert "FD-34" in refused_codes(site, EventInput("production", (used, same), at))
    assert "FD-34" not in refused_codes(site, EventInput("production", (used, own), at))
