"""Whatever real documents say, their export says again: in JSON, in XML, and in XML of 1.2."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from qtcore.builtin.epcis.links import Urns, as_digital_links, companies_in
from qtcore.builtin.epcis.reading import EpcisDocument, read_epcis
from qtcore.builtin.epcis.strict_json import write_json
from qtcore.builtin.epcis.writing import EventOut, write_epcis
from qtcore.builtin.epcis.xml_layouts import untold
from qtcore.builtin.epcis.xml_writing import write_xml

AT = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)


def real_documents(shared_data: Path) -> list[tuple[Path, EpcisDocument]]:
    """Read every real document that the standard accepts."""
    folder = shared_data / "epcis"
    paths = [p for p in folder.rglob("*") if p.suffix in (".jsonld", ".xml")]
    paths = [p for p in paths if p.name != "epcis-context.jsonld"]
    read = [(path, read_epcis(path.read_bytes(), path.name)) for path in sorted(paths)]
    found = [(path, document) for path, document in read if not document.faults]
    assert len(found) > 45, [(p.name, d.faults[:2]) for p, d in read if d.faults]
    return found


def exported(document: EpcisDocument) -> dict[str, Any]:
    events = [
        EventOut(e.identity, e.verb, e.event_at, document=e.document, context=document.context)
        for e in document.events
    ]
    return write_epcis(events, AT)


def said(document: EpcisDocument) -> list[tuple[object, ...]]:
    """Give what must come back: hash and id, verb, moment, and each thing with its amount."""
    return [
        (
            e.content_hash,
            e.verb,
            e.event_at,
            sorted((t.part, t.key.value, str(t.quantity), t.unit) for t in e.things),
        )
        for e in document.events
    ]


@pytest.mark.parametrize("notation", ["json", "xml"])
def test_every_real_document_comes_back_the_same(shared_data: Path, notation: str) -> None:
    for path, document in real_documents(shared_data):
        written = exported(document)
        text = write_json(written) if notation == "json" else write_xml(written)
        again = read_epcis(text.encode(), "again")
        assert again.faults == (), path
        assert said(again) == said(document), path


def test_what_epcis_12_can_tell_comes_back_from_it_and_the_rest_is_named(shared_data: Path) -> None:
    told = named = 0
    for path, document in real_documents(shared_data):
        written = exported(document)
        faults = list(untold(written, "1.2"))
        if faults:
            named += 1
            assert all(f.where.startswith("/epcisBody/eventList/") for f in faults)
            continue
        told += 1
        text = write_xml(written, version="1.2")
        again = read_epcis(text.encode(), "again")
        assert 'schemaVersion="1.2"' in text[:2000]
        assert again.faults == (), path
        assert said(again) == said(document), path
    assert (told > 20, named > 20) == (True, True)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"type": "AssociationEvent"}, "an AssociationEvent has no place in EPCIS 1.2"),
        ({"sensorElementList": []}, "sensorElementList of an ObjectEvent has no place"),
        ({"persistentDisposition": {}, "certificationInfo": "a:b"},
         "certificationInfo, persistentDisposition of an ObjectEvent"),
        ({"ex:own": 1}, ""),
    ],
)  # fmt: skip
def test_what_has_no_place_in_12_is_named_with_its_event(change: dict[str, Any], says: str) -> None:
    event = {"type": "ObjectEvent", "eventTime": "2026-03-01T10:00:00Z", "action": "OBSERVE"}
    document = {"epcisBody": {"eventList": [event, {**event, **change}]}}
    found = [(fault.where, fault.message) for fault in untold(document, "1.2")]
    assert [where for where, _ in found] == (["/epcisBody/eventList/1"] if says else [])
    assert all(says in text for _, text in found)
    assert list(untold(document, "2.0")) == []


def test_the_elements_of_12_stand_in_the_order_of_its_schema(shared_data: Path) -> None:
    path = shared_data / "epcis/gs1/JSON/Example_9.6.2-ObjectEvent.jsonld"
    text = write_xml(exported(read_epcis(path.read_bytes(), "x")), version="1.2")
    names = "eventTime eventTimeZoneOffset baseExtension epcList action bizStep".split()
    places = [text.index(f"<{name}") for name in names]
    assert places == sorted(places)


def test_keys_of_real_documents_become_links_and_urns_again(shared_data: Path) -> None:
    for path, document in real_documents(shared_data):
        written = exported(document)
        urns = Urns(frozenset(companies_in(written)))
        back = urns.write(as_digital_links(written))
        if urns.unknown:
            continue  # no URN in this document tells how long the company prefix is
        again = read_epcis(write_json(back).encode(), "again")
        assert again.faults == (), path
        things = [{t.key.value for t in e.things} for e in again.events]
        assert things == [{t.key.value for t in e.things} for e in document.events], path


def test_a_link_without_a_known_company_prefix_is_named_and_left() -> None:
    link = "https://id.gs1.org/01/10614141073464/21/2017"
    known, unknown, torn = (
        Urns(frozenset({"0614141"})),
        Urns(),
        Urns(frozenset({"0614141", "061414"})),
    )
    assert known.write({"epcList": [link, "urn:x:1"]}) == {
        "epcList": ["urn:epc:id:sgtin:0614141.107346.2017", "urn:x:1"]
    }
    assert unknown.write({"epcList": [link]}) == {"epcList": [link]}
    assert torn.write({"epcList": [link]}) == {"epcList": [link]}
    assert (known.unknown, unknown.unknown, torn.unknown) == (set(), {link}, {link})
