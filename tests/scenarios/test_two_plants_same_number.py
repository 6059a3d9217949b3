import pytest

from qtcore.errors import Ambiguous
from qtcore.services.lots import list_lots, search
from qtcore.services.recall import recall_scope
from qtcore.services.trace import trace
from qtcore.testing import a_context, a_made_lot, a_received_lot, release


def two_lots(site):
    first = a_received_lot(site, "COCOA", "L-7", "100", source="SUPPLIER-A")
    second = a_received_lot(site, "COCOA", "L-7", "100", source="SUPPLIER-B")
    for lot in (first, second):
        release(site, lot)
    return first, second


def test_each_supplier_s_lot_keeps_its_own_customers(site):
    first, second = two_lots(site)
    a_made_lot(site, "BAR", "B-1", [(first, "10")])
    a_made_lot(site, "BAR", "B-2", [(second, "10")])
    found = recall_scope(site, a_context(site), [first.uid]).as_json()
    assert {lot["lot_no"] for lot in found["lots"]} == {"L-7", "B-1"}


def test_the_number_alone_is_never_enough(site):
    two_lots(site)
    with pytest.raises(Ambiguous, match="fits 2 lots"):
        trace(site, a_context(site), "L-7", "forward")


def test_both_are_listed_and_told_apart_by_their_source(site):
    two_lots(site)
    page = list_lots(site, a_context(site), lot_no="L-7").as_json()
    assert [each["source"] for each in page["items"]] == ["SUPPLIER-A", "SUPPLIER-B"]
    assert {i.source_code for i in search(site, a_context(site), "L-7")} == {
        "SUPPLIER-A",
        "SUPPLIER-B",
    }


def test_two_plants_may_print_the_same_number(site):
    first, second = two_lots(site)
    one = a_made_lot(site, "BAR", "B-1", [(first, "10")], source="PLANT")
    other = a_made_lot(site, "BAR", "B-1", [(second, "10")], source="SUPPLIER-A")
    assert one.uid != other.uid
    assert {n.info.uid for n in trace(site, a_context(site), one.uid, "backward").nodes} == {
        one.uid,
        first.uid,
    }


def test_numbers_that_differ_in_zeros_or_case_stay_apart(site):
    for lot_no in ("0123", "123", "a123", "A123"):
        a_received_lot(site, "COCOA", lot_no)
    assert [i.lot_no for i in list_lots(site, a_context(site), item="COCOA").lots] == [
        "0123",
        "123",
        "a123",
        "A123",
    ]
    assert [i.lot_no for i in list_lots(site, a_context(site), lot_no="123").lots] == ["123"]
