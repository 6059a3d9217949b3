"""What a pack's rules say of a lot that leaves: asked on the day of the shipment, for each lot."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from qtcore.errors import Refused
from qtcore.services.events import Line
from qtcore.services.site import Site
from qtcore.store.queries.nodes import NodeInfo
from qtcore.testing import a_received_lot, a_site, an_item
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
