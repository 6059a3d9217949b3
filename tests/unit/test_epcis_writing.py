"""What is written is EPCIS 2.0, and reads back as the same events."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import jsonschema
import pytest

from qtcore.builtin.epcis.reading import read_epcis
from qtcore.builtin.epcis.strict_json import write_json
from qtcore.builtin.epcis.writing import EventOut, ThingOut, write_epcis
from qtcore.builtin.epcis.xml_prefixes import STANDARD_CONTEXT

AT = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
LOT, OTHER = "urn:epc:class:lgtin:4012345.012345.998877", "urn:uuid:0190aaaa-0000-7000-8000-1"
PALLET = "urn:epc:id:sscc:0614141.1234567890"
PARTS = {
    "receive": ["output"],
    "transform": ["input", "output"],
    "pack": ["parent", "child"],
    "unpack": ["parent", "child"],
}
VERBS = "receive transform pack unpack ship return sample scrap observe".split()


def our_event(verb: str) -> EventOut:
    uris = {"parent": PALLET, "child": LOT, "input": OTHER}
    things = tuple(
        ThingOut(part, uris.get(part, LOT), part != "parent", Decimal("1.50"), "KGM")
        for part in PARTS.get(verb, ["subject"])
    )
    return EventOut(
        "urn:uuid:0190aaaa-0000-7000-8000-2", verb, AT, place="urn:epc:id:sgln:0614141.07346.0",
        things=things,
    )  # fmt: skip


def text_of(*events: EventOut) -> str:
    return write_json(write_epcis(events, AT))


@pytest.mark.parametrize("verb", VERBS)
def test_an_event_of_ours_reads_back_with_its_verb_and_quantities(verb: str) -> None:
    document = read_epcis(text_of(our_event(verb)).encode(), "own")
    assert document.faults == ()
    event = document.events[0]
    assert (event.verb, event.event_at) == (verb, AT)
    assert [thing.part for thing in event.things] == PARTS.get(verb, ["subject"])
    assert {str(t.quantity) for t in event.things if t.part != "parent"} == {"1.50"}


@pytest.mark.parametrize("verb", [*VERBS, "move", "adjust"])
def test_what_we_write_fits_the_official_schema(verb: str, shared_data: Path) -> None:
    schema = json.loads((shared_data / "epcis/gs1/EPCIS-JSON-Schema.json").read_bytes())
    written = json.loads(text_of(our_event(verb)))
    assert list(jsonschema.Draft7Validator(schema).iter_errors(written)) == []


def test_documents_of_others_are_written_as_they_were_sent(shared_data: Path) -> None:
    for path in sorted((shared_data / "epcis/examples").glob("*.jsonld")):
        sent = read_epcis(path.read_bytes(), path.name)
        events = [
            EventOut(e.external_id, e.verb, e.event_at, document=e.document, context=sent.context)
            for e in sent.events
        ]
        again = read_epcis(text_of(*events).encode(), "again")
        assert again.faults == ()
        assert [e.document for e in again.events] == [e.document for e in sent.events]


def test_a_prefix_with_two_meanings_stays_with_its_event() -> None:
    document = read_epcis(text_of(our_event("ship")).encode(), "own").events[0].document
    events = [
        EventOut("a", "ship", AT, document=document, context=[{"ex": meaning}])
        for meaning in ("urn:one:", "urn:two:")
    ]
    written = write_epcis(events, AT)
    assert written["@context"] == [STANDARD_CONTEXT]
    contexts = [event["@context"] for event in written["epcisBody"]["eventList"]]
    assert contexts == [[{"ex": "urn:one:"}], [{"ex": "urn:two:"}]]


def test_a_prefix_that_every_event_shares_stands_in_the_document() -> None:
    document = read_epcis(text_of(our_event("ship")).encode(), "own").events[0].document
    event = EventOut("a", "ship", AT, document=document, context=[{"ex": "urn:one:"}])
    written = write_epcis([event, event], AT)
    assert written["@context"] == [STANDARD_CONTEXT, {"ex": "urn:one:"}]


def test_a_negative_adjustment_is_told_by_an_extension_only() -> None:
    thing = ThingOut("subject", LOT, True, Decimal(-2), "KGM")
    event = EventOut("urn:x:1", "adjust", AT, things=(thing,), extensions={"adjusted": "-2"})
    written = write_epcis([event], AT)["epcisBody"]["eventList"][0]
    assert written["quantityList"] == [{"epcClass": LOT}]
    assert written["qtcore:adjusted"] == "-2"
