from datetime import date
from decimal import Decimal

import pytest
from sqlmodel import select

from qtcore.errors import InputRejected, Refused
from qtcore.services.events import EventInput
from qtcore.services.lots import get_lot
from qtcore.services.master import MasterInput, save_master
from qtcore.services.recording import record_event
from qtcore.services.site import Site
from qtcore.services.wire import decimal_text
from qtcore.store.tables import LedgerEvent
from qtcore.testing import a_context, a_received_lot, an_item, an_output


def _save(site: Site, **extra: object) -> str:
    entry = MasterInput("item", "TAB", "Tablets", values={"kind": "finished"}, extra=extra)
    return save_master(site, a_context(site, ["qa"]), entry)


def test_a_field_no_pack_declares_is_named_with_the_nearest(site: Site) -> None:
    with pytest.raises(InputRejected) as refused:
        _save(site, shelf_life_month=24)
    (fault,) = refused.value.faults
    assert fault.where == "extra/shelf_life_month"
    assert "shelf_life_months" in fault.message


def test_a_value_of_another_kind_is_refused_and_nothing_is_stored(site: Site) -> None:
    with pytest.raises(InputRejected, match="cannot be stored"):
        _save(site, shelf_life_months="soon")
    assert _save(site, shelf_life_months=24)


def test_a_new_lots_fields_are_checked_like_those_of_an_item(site: Site) -> None:
    an_item(site)
    made = an_output("MILK", "M-1", "5", extra={"yield_percent": "much"})
    event = EventInput("receiving", (made,), site.sources.now(), from_party="")
    with pytest.raises(InputRejected) as refused:
        record_event(site, a_context(site, ["operator"]), event)
    assert [f.where for f in refused.value.faults] == ["lines/0/extra/yield_percent"]


def test_a_fields_digits_are_kept(site: Site) -> None:
    lot = a_received_lot(site, extra={"yield_percent": Decimal("98.50")})
    assert get_lot(site, a_context(site), lot.uid).info.extra == {"yield_percent": "98.50"}


def test_a_small_quantity_has_no_exponent_outside() -> None:
    assert decimal_text(Decimal("0.000000000001")) == "0.000000000001"


def _receive_again(site: Site, **more: object) -> None:
    again = an_output("MILK", "M-1", "5", source="SUPPLIER-1", **more)
    told = EventInput("receiving", (again,), site.sources.now(), from_party="SUPPLIER-1")
    record_event(site, a_context(site, ["operator"]), told)


def test_a_second_delivery_that_contradicts_the_lot_is_refused_with_both_values(
    site: Site,
) -> None:
    lot = a_received_lot(site, source="SUPPLIER-1", extra={"yield_percent": Decimal("98.50")})
    with pytest.raises(Refused) as refused:
        _receive_again(site, extra={"yield_percent": "97"}, expiry_on=date(2030, 1, 1))
    texts = [refusal.message for refusal in refused.value.refusals]
    assert any("yield_percent is recorded as '98.50', here it is '97'" in text for text in texts)
    assert any("here it is 2030-01-01" in text for text in texts)
    assert get_lot(site, a_context(site), lot.uid).stock.quantity == 100


def test_a_second_delivery_completes_what_was_not_known_and_the_ledger_tells(site: Site) -> None:
    lot = a_received_lot(site, source="SUPPLIER-1")
    _receive_again(site, extra={"yield_percent": Decimal("98.50")})
    _receive_again(site, extra={"yield_percent": Decimal("98.50")})
    view = get_lot(site, a_context(site), lot.uid)
    assert view.info.extra == {"yield_percent": "98.50"}
    assert view.stock.quantity == 110
    assert view.info.expiry_on == lot.expiry_on
    with site.store.read() as session:
        acts = session.exec(
            select(LedgerEvent.action).where(LedgerEvent.action == "lot.complete")
        ).all()
    assert len(acts) == 1
