"""EPCIS documents in few words, for tests that break them on purpose."""

from typing import Any

LOT = "urn:epc:class:lgtin:4012345.012345.998877"


def an_event(**changes: Any) -> dict[str, Any]:
    """Make an event; a change to None leaves the property out."""
    event = {
        "type": "ObjectEvent",
        "eventID": "urn:uuid:00000000-0000-7000-8000-000000000001",
        "eventTime": "2026-03-01T10:00:00.1234567+01:00",
        "eventTimeZoneOffset": "+01:00",
        "action": "OBSERVE",
        "bizStep": "shipping",
        "quantityList": [{"epcClass": LOT, "quantity": 12.50, "uom": "KGM"}],
    }
    return {k: v for k, v in {**event, **changes}.items() if v is not None}


def a_document(*events: dict[str, Any]) -> dict[str, Any]:
    """Make a document of events."""
    return {
        "@context": ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"],
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": "2026-03-01T10:00:00Z",
        "epcisBody": {"eventList": list(events)},
    }
