"""A file may tell a cycle: it is stored as a fact, and no customer is lost on it."""

import json

from qtcore.services.interchange import import_epcis
from qtcore.services.trace import trace
from qtcore.testing import a_site
from tests.epcis_words import a_document, an_event

ONE, OTHER = (f"urn:epc:class:lgtin:4012345.011111.{name}" for name in ("A", "B"))


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
