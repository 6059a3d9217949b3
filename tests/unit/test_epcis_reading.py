"""EPCIS documents are read whole, or refused with the place of every fault."""

import copy
import json
import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from qtcore.builtin.epcis.reading import EpcisDocument, read_epcis
from qtcore.builtin.epcis.strict_json import write_json
from tests.epcis_words import LOT, a_document, an_event

GS1 = "epcis/gs1/JSON"
Change = Callable[[dict[str, Any]], None]
PARENT = "urn:epc:id:sscc:0614141.1234567890"


def read(value: Any) -> EpcisDocument:
    return read_epcis(json.dumps(value).encode(), "test.jsonld")


def faults(value: Any) -> list[tuple[str, str]]:
    return [(fault.code, fault.where) for fault in read(value).faults]


def example_files(shared_data: Path) -> list[Path]:
    return sorted((shared_data / GS1).rglob("*.jsonld"))


def test_every_gs1_example_is_read_but_the_one_that_names_its_event_twice(
    shared_data: Path,
) -> None:
    refused = {
        path.name: [(fault.code, fault.where) for fault in document.faults]
        for path in example_files(shared_data)
        if (document := read_epcis(path.read_bytes(), path.name)).faults
    }
    assert refused == {"AssociationEvent-h.jsonld": [("QT702", "/epcisBody/eventList/0/eventID")]}


def test_connected_examples_are_read_with_every_event(shared_data: Path) -> None:
    folder = shared_data / "epcis/examples"
    counts = {
        path.name: len(read_epcis(path.read_bytes(), path.name).events)
        for path in folder.glob("*.jsonld")
    }
    expected = json.loads((folder / "expected_genealogy.json").read_bytes())
    assert counts == {name: each["events"] for name, each in expected.items()}


@pytest.mark.parametrize(
    ("change", "code", "where"),
    [
        pytest.param(lambda e: e.pop("eventTime"), "QT705", "", id="no-time"),
        pytest.param(lambda e: e.pop("eventTimeZoneOffset"), "QT705", "", id="no-offset"),
        pytest.param(
            lambda e: e.update(eventTime="2026-03-01T10:00:00"), "QT706", "/eventTime", id="local"
        ),
        pytest.param(
            lambda e: e.update(eventTime="2026-02-30T10:00:00Z"), "QT706", "/eventTime", id="no-day"
        ),
        pytest.param(
            lambda e: e.update(eventTimeZoneOffset="+1:00"), "QT706", "/eventTimeZoneOffset",
            id="offset",
        ),
        pytest.param(lambda e: e.update(type="LotEvent"), "QT706", "/type", id="kind"),
        pytest.param(lambda e: e.update(type=7), "QT706", "/type", id="kind-number"),
        pytest.param(lambda e: e.update(bizStep="shiping"), "QT706", "/bizStep", id="step"),
        pytest.param(
            lambda e: e.update(bizStep="urn:epcglobal:cbv:bizstep:shipping"), "QT706", "/bizStep",
            id="step-urn",
        ),
        pytest.param(lambda e: e.update(lotNumber="1"), "QT704", "/lotNumber", id="unknown"),
        pytest.param(
            lambda e: e.update(errorDeclaration={}), "QT705", "/errorDeclaration", id="error"
        ),
        pytest.param(
            lambda e: e.update(sensorElementList=[{"sensorReport": []}]), "QT706",
            "/sensorElementList/0/sensorReport", id="sensor",
        ),
    ],
)  # fmt: skip
def test_each_gs1_example_is_refused_with_the_place_when_its_last_event_is_broken(
    shared_data: Path, change: Change, code: str, where: str
) -> None:
    for path in example_files(shared_data):
        value = json.loads(path.read_text("utf-8-sig"))
        body = value["epcisBody"]
        events = body.get("queryResults", {}).get("resultsBody", body)["eventList"]
        change(events[-1])
        inside = "/queryResults/resultsBody" if "queryResults" in body else ""
        at = f"/epcisBody{inside}/eventList/{len(events) - 1}{where}"
        document = read_epcis(json.dumps(value).encode(), path.name)
        assert (code, at) in [(fault.code, fault.where) for fault in document.faults]
        assert document.events == ()


@pytest.mark.parametrize(
    ("change", "where"),
    [
        pytest.param({"action": "MOVE"}, "/action", id="action"),
        pytest.param({"action": None}, "", id="no-action"),
        pytest.param({"eventTime": "0001-01-01T00:00:00+14:00"}, "/eventTime", id="first-day"),
        pytest.param({"eventTime": "9999-12-31T23:00:00-14:00"}, "/eventTime", id="last-day"),
        pytest.param({"epcList": ["not a uri"]}, "/epcList/0", id="identifier"),
        pytest.param({"epcList": [""]}, "/epcList/0", id="empty-identifier"),
        pytest.param({"epcList": [PARENT, PARENT]}, "/epcList/1", id="twice"),
        pytest.param({"epcList": [f"urn:{'x' * 400}"]}, "/epcList/0", id="long"),
        pytest.param({"quantityList": [{"quantity": 1}]}, "/quantityList/0", id="no-class"),
        pytest.param(
            {"quantityList": [{"epcClass": LOT, "quantity": -1}]}, "/quantityList/0/quantity",
            id="negative",
        ),
        pytest.param(
            {"quantityList": [{"epcClass": LOT, "quantity": "1"}]}, "/quantityList/0/quantity",
            id="quoted",
        ),
        pytest.param(
            {"quantityList": [{"epcClass": LOT, "quantity": True}]}, "/quantityList/0/quantity",
            id="boolean",
        ),
        pytest.param(
            {"quantityList": [{"epcClass": LOT, "quantity": 1, "uom": "kg"}]},
            "/quantityList/0/uom", id="unit",
        ),
        pytest.param({"quantityList": None}, "", id="nothing"),
        pytest.param({"ilmd": {"cbvmda:lotNumber": "1"}}, "/ilmd", id="ilmd-of-observed"),
        pytest.param({"action": "ADD", "ilmd": {"lotNumber": "1"}}, "/ilmd/lotNumber", id="ilmd"),
        pytest.param({"readPoint": "urn:x:y"}, "/readPoint", id="place"),
        pytest.param({"sourceList": [{"source": "urn:x:y"}]}, "/sourceList/0", id="source"),
        pytest.param({"persistentDisposition": {}}, "/persistentDisposition", id="disposition"),
        pytest.param(
            {"type": "AggregationEvent", "action": "ADD", "childEPCs": [PARENT],
             "quantityList": None}, "", id="no-parent",
        ),
        pytest.param(
            {"type": "AggregationEvent", "parentID": PARENT, "quantityList": None}, "",
            id="no-children",
        ),
        pytest.param(
            {"type": "TransformationEvent", "action": None, "quantityList": None,
             "inputEPCList": [PARENT]}, "", id="no-outputs",
        ),
    ],
)  # fmt: skip
def test_only_the_second_event_is_wrong_and_the_whole_document_is_refused(
    change: dict[str, Any], where: str
) -> None:
    other = an_event(eventID="urn:uuid:00000000-0000-7000-8000-000000000002", **change)
    found = faults(a_document(an_event(), other))
    assert [place for _, place in found] == [f"/epcisBody/eventList/1{where}"]
    assert read(a_document(an_event(), an_event())).faults == ()


@pytest.mark.parametrize(
    ("data", "code", "where", "says"),
    [
        (b'{"a":1,"a":2}', "QT702", "/a", "occurs twice"),
        (b'{"a":{"b~/c":1,"b~/c":1}}', "QT702", "/a/b~0~1c", "occurs twice"),
        (b'{"a":[1,NaN]}', "QT701", "/a/1", "no number"),
        (b'{"a":-Infinity}', "QT701", "/a", "no number"),
        (b'{"a":1e999999999}', "QT701", "/a", "no number"),
        (b'{"a":' + b"9" * 5000 + b"}", "QT701", "/a", "no number"),
        (b'{"a":"\\ud800"}', "QT701", "/a", "surrogate"),
        (b'{"a":"\\u0000"}', "QT701", "/a", "U\\+0000"),
        (b'{"a":1 // why\n}', "QT701", "line 1, column 8", "comment"),
        (b'/* why */ {"a":1}', "QT701", "line 1, column 1", "comment"),
        (b'{"a":1', "QT701", "line 1, column 7", "not JSON"),
        (b'{"a":"\xff"}', "QT701", "byte 6", "not UTF-8"),
        ('{"a":1}'.encode("utf-16"), "QT700", "/", "UTF-16"),
        (b"<epcis/>", "QT700", "/epcis", "EPCISDocument in"),
        (b"PK\x03\x04zzz", "QT700", "/", "zip"),
        (b"\x1f\x8b\x08", "QT700", "/", "gzip"),
        (b"  ", "QT700", "/", "empty"),
        (b"batch;code\n1;2\n", "QT700", "/", "no JSON"),
        (b"[" * 200_000, "QT703", "/", "deeper"),
        (b'{"a":' * 80 + b"1" + b"}" * 80, "QT703", "/a" * 65, "deeper"),
        (b'{"type":"Invoice"}', "QT700", "/type", "EPCISDocument"),
        (b"3", "QT700", "/", "begins with"),
        (b"null", "QT700", "/", "begins with"),
    ],
)  # fmt: skip
def test_what_is_no_epcis_document_is_refused_with_the_place(
    data: bytes, code: str, where: str, says: str
) -> None:
    document = read_epcis(data, "x")
    assert [(fault.code, fault.where) for fault in document.faults] == [(code, where)]
    assert re.search(says, document.faults[0].message)


def test_a_byte_order_mark_is_no_fault() -> None:
    data = json.dumps(a_document(an_event())).encode("utf-8-sig")
    assert len(read_epcis(data, "x").events) == 1


def test_a_bare_event_a_list_and_a_query_document_are_read() -> None:
    bare = {"@context": [], **an_event()}
    query = a_document()
    query |= {"type": "EPCISQueryDocument"}
    results = {"queryName": "q", "resultsBody": {"eventList": [an_event()]}}
    query["epcisBody"] = {"queryResults": results}
    assert [len(read(value).events) for value in (bare, [an_event()], query)] == [1, 1, 1]


def test_one_id_with_equal_content_is_one_event() -> None:
    again = an_event(
        eventTime="2026-03-01T09:00:00.1234567Z",
        recordTime="2026-03-02T00:00:00Z",
        quantityList=[{"uom": "KGM", "quantity": 12.5, "epcClass": LOT}],
    )
    document = read(a_document(an_event(), again))
    assert (len(document.events), document.repeated) == (1, 1)


def test_one_id_with_other_content_is_refused() -> None:
    document = read(a_document(an_event(), an_event(bizStep="receiving")))
    assert [(f.code, f.where) for f in document.faults] == [
        ("QT708", "/epcisBody/eventList/1/eventID")
    ]
    assert "/epcisBody/eventList/0" in document.faults[0].message


def test_an_error_declaration_repeats_the_id_of_its_event() -> None:
    wrong = an_event(errorDeclaration={"declarationTime": "2026-03-02T00:00:00Z"})
    document = read(a_document(an_event(), wrong))
    event, declaration = document.events
    assert event.error is None
    assert declaration.error is not None
    assert event.identity == declaration.identity


def test_times_keep_their_text_and_are_cut_to_microseconds() -> None:
    event = read(a_document(an_event())).events[0]
    assert event.event_at.isoformat() == "2026-03-01T10:00:00.123456+01:00"
    assert event.event_time == "2026-03-01T10:00:00.1234567+01:00"
    assert event.utc_offset == "+01:00"


def test_quantities_keep_their_digits() -> None:
    text = json.dumps(a_document(an_event())).replace("12.5", "12.500000000000000000")
    event = read_epcis(text.encode(), "x").events[0]
    assert event.things[0].quantity == Decimal("12.5")
    assert str(event.things[0].quantity) == "12.500000000000000000"
    assert '"quantity":12.500000000000000000' in write_json(event.document)


@pytest.mark.parametrize(
    ("changes", "verb", "parts"),
    [
        ({}, "ship", ["subject"]),
        ({"bizStep": "receiving"}, "receive", ["output"]),
        ({"bizStep": "receiving", "disposition": "returned"}, "return", ["subject"]),
        ({"bizStep": "void_shipping"}, "return", ["subject"]),
        ({"bizStep": "loading"}, "observe", ["subject"]),
        ({"bizStep": None}, "observe", ["subject"]),
        ({"action": "ADD", "bizStep": "commissioning"}, "transform", ["output"]),
        ({"action": "ADD", "bizStep": "urn:gdst:bizStep:fishingEvent"}, "transform", ["output"]),
        ({"action": "DELETE", "bizStep": "decommissioning"}, "scrap", ["subject"]),
        ({"action": "DELETE", "bizStep": "retail_selling"}, "ship", ["subject"]),
        (
            {"type": "AggregationEvent", "action": "ADD", "parentID": PARENT,
             "childEPCs": ["urn:epc:id:sgtin:0614141.107346.2018"], "quantityList": None},
            "pack", ["parent", "child"],
        ),
        (
            {"type": "AggregationEvent", "action": "DELETE", "parentID": PARENT,
             "quantityList": None},
            "unpack", ["parent"],
        ),
        (
            {"type": "AssociationEvent", "action": "ADD", "parentID": PARENT,
             "childEPCs": ["urn:epc:id:giai:4000001.12345"], "quantityList": None},
            "observe", ["parent", "child"],
        ),
        (
            {"type": "TransformationEvent", "action": None, "quantityList": None,
             "transformationID": "urn:epc:id:gdti:4012345.55555.T1", "inputEPCList": [PARENT]},
            "transform", ["input"],
        ),
    ],
)  # fmt: skip
def test_each_kind_of_event_has_one_verb(
    changes: dict[str, Any], verb: str, parts: list[str]
) -> None:
    event = read(a_document(an_event(**changes))).events[0]
    assert (event.verb, [thing.part for thing in event.things]) == (verb, parts)


def test_a_malformed_key_is_kept_and_named_once() -> None:
    bad = "urn:epc:id:sscc:08600031303.0003"
    value = a_document(an_event(epcList=[bad]), an_event(eventID="urn:x:2", epcList=[bad]))
    document = read(value)
    assert [fault.where for fault in document.warnings] == ["/epcisBody/eventList/0/epcList/0"]
    assert document.events[0].things[0].key.value == bad


def test_master_data_gives_names() -> None:
    value = a_document(an_event())
    attributes = [{"id": "urn:epcglobal:cbv:mda#descriptionShort", "attribute": "Tuna"}]
    element = {"id": "urn:gdst:x:product:class:1", "attributes": attributes}
    vocabulary = {"type": "urn:epcglobal:epcis:vtype:EPCClass", "vocabularyElementList": [element]}
    value["epcisHeader"] = {"epcisMasterData": {"vocabularyList": [vocabulary]}}
    assert [(fact.uri, fact.name) for fact in read(value).master_data] == [
        ("urn:gdst:x:product:class:1", "Tuna")
    ]


def test_a_hundred_faults_are_listed_and_the_rest_counted() -> None:
    events = [an_event(eventID=f"urn:x:{n}", action="MOVE") for n in range(150)]
    document = read(a_document(*events))
    assert len(document.faults) == 101
    assert document.faults[-1].message.startswith("50 more mistakes")


def test_every_wrong_event_is_named_not_only_the_first() -> None:
    value = a_document(an_event(), an_event(action="A"), an_event(action="B"))
    before = copy.deepcopy(value)
    assert [where for _, where in faults(value)] == [
        "/epcisBody/eventList/1/action",
        "/epcisBody/eventList/2/action",
    ]
    assert value == before
