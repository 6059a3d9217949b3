"""A file may tell a cycle: it is stored as a fact, and no customer is lost on it."""

import json
from itertools import permutations

import pytest

from qtcore.services.interchange import import_epcis
from qtcore.services.trace import trace
from qtcore.testing import a_site
from tests.epcis_words import a_document, an_event

LGTIN = "urn:epc:class:lgtin:4012345.011111.{}"
ONE, OTHER = (LGTIN.format(name) for name in ("A", "B"))


def lots(uri: str) -> list[dict[str, object]]:
    return [{"epcClass": uri, "quantity": 1, "uom": "KGM"}]


def test_a_trace_both_ways_names_every_customer_of_the_trace_forward() -> None:
    turned = [
        an_event(
            type="TransformationEvent",
            eventID=f"urn:x:event:{source[-1]}",
            inputQuantityList=lots(source),
            outputQuantityList=lots(target),
            **dict.fromkeys(("action", "bizStep", "quantityList")),
        )
        for source, target in ((ONE, OTHER), (OTHER, ONE))
    ]
    shipped = an_event(quantityList=lots(OTHER))
    with a_site() as site:
        context = site.system_context()
        data = json.dumps(a_document(*turned, shipped)).encode()
        assert import_epcis(site, context, [("cycle.jsonld", data)]).stored == 3
        forward, both = (trace(site, context, ONE, way).customers for way in ("forward", "both"))
        assert [row.lot_no for row in both] == ["B"]
        assert both == forward


def turn(source: str, target: str) -> dict[str, object]:
    return an_event(
        type="TransformationEvent",
        eventID=f"urn:x:event:{source}{target}",
        inputQuantityList=lots(LGTIN.format(source)),
        outputQuantityList=lots(LGTIN.format(target)),
        **dict.fromkeys(("action", "bizStep", "quantityList")),
    )


@pytest.mark.parametrize("order", list(permutations(("AB", "BC", "CA"))), ids="".join)
def test_every_lot_of_a_cycle_is_named_whatever_came_first(order: tuple[str, ...]) -> None:
    with a_site() as site:
        context = site.system_context()
        for each in ("XA", "CY", *order):
            data = json.dumps(a_document(turn(*each))).encode()
            import_epcis(site, context, [("part.jsonld", data)])
        gaps = trace(site, context, LGTIN.format("A"), "both").gaps
    assert sorted(gap["lot_no"] for gap in gaps if gap["kind"] == "cycle") == ["A", "B", "C"]
    assert {len(gap["detail"].split(" -> ")) for gap in gaps if gap["kind"] == "cycle"} == {4}


def test_two_cycles_are_two_and_a_lot_between_them_is_on_none() -> None:
    turned = [turn(*each) for each in ("AB", "BA", "BM", "MC", "CD", "DC")]
    with a_site() as site:
        context = site.system_context()
        import_epcis(site, context, [("x.jsonld", json.dumps(a_document(*turned)).encode())])
        gaps = trace(site, context, LGTIN.format("A"), "both").gaps
    assert sorted(gap["lot_no"] for gap in gaps if gap["kind"] == "cycle") == ["A", "B", "C", "D"]
