"""EPCIS XML, 2.0 and 1.2, says the same as JSON, or is refused with the XPath of every fault."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from qtcore.builtin.epcis.event_hash import pre_hash
from qtcore.builtin.epcis.reading import EpcisDocument, read_epcis
from qtcore.builtin.epcis.strict_json import read_json
from qtcore.builtin.epcis.xml_writing import write_xml
from qtcore.builtin.faults import Faults
from tests.epcis_words import a_document

EXT = "https://ns.example.com/epcis/"
OBJECT_12 = """<ObjectEvent>
  <eventTime>2026-03-01T10:00:00.000+01:00</eventTime>
  <recordTime>2026-03-01T11:00:00Z</recordTime>
  <eventTimeZoneOffset>+01:00</eventTimeZoneOffset>
  <baseExtension><eventID>urn:uuid:00000000-0000-7000-8000-000000000001</eventID></baseExtension>
  <epcList><epc>urn:epc:id:sgtin:0614141.107346.2017</epc></epcList>
  <action>ADD</action>
  <bizStep>urn:epcglobal:cbv:bizstep:commissioning</bizStep>
  <disposition>urn:epcglobal:cbv:disp:active</disposition>
  <readPoint><id>urn:epc:id:sgln:0614141.07346.0</id></readPoint>
  <bizTransactionList>
    <bizTransaction type="urn:epcglobal:cbv:btt:po">urn:example:po:1</bizTransaction>
  </bizTransactionList>
  <extension>
    <quantityList><quantityElement>
      <epcClass>urn:epc:class:lgtin:4012345.012345.998877</epcClass>
      <quantity>12.50</quantity><uom>KGM</uom>
    </quantityElement></quantityList>
    <sourceList>
      <source type="urn:epcglobal:cbv:sdt:owning_party">urn:epc:id:pgln:4012345.00000</source>
    </sourceList>
    <ilmd><cbvmda:lotNumber>L1</cbvmda:lotNumber></ilmd>
  </extension>
  <ex:note>a</ex:note><ex:note>b</ex:note>
  <ex:more ex:kind="k"><ex:inner>1</ex:inner></ex:more>
</ObjectEvent>"""
OBJECT_JSON: dict[str, Any] = {
    "type": "ObjectEvent",
    "eventID": "urn:uuid:00000000-0000-7000-8000-000000000001",
    "eventTime": "2026-03-01T09:00:00Z",
    "eventTimeZoneOffset": "+01:00",
    "epcList": ["https://id.gs1.org/01/10614141073464/21/2017"],
    "action": "ADD",
    "bizStep": "commissioning",
    "disposition": "active",
    "readPoint": {"id": "https://id.gs1.org/414/0614141073467"},
    "bizTransactionList": [{"type": "po", "bizTransaction": "urn:example:po:1"}],
    "quantityList": [
        {"epcClass": "urn:epc:class:lgtin:4012345.012345.998877", "quantity": 12.5, "uom": "KGM"}
    ],
    "sourceList": [{"type": "owning_party", "source": "https://id.gs1.org/417/4012345000009"}],
    "ilmd": {"cbvmda:lotNumber": "L1"},
    "ex:note": ["a", "b"],
    "ex:more": {"@ex:kind": "k", "ex:inner": 1},
}


def xml(events: str, *, version: str = "1.2", head: str = "", header: str = "") -> bytes:
    spaces = f'xmlns:epcis="urn:epcglobal:epcis:xsd:{version[0]}" xmlns:ex="{EXT}"'
    return f"""{head}<epcis:EPCISDocument {spaces} xmlns:cbvmda="urn:epcglobal:cbv:mda"
      schemaVersion="{version}" creationDate="2026-03-01T10:00:00Z">{header}
      <EPCISBody><EventList>{events}</EventList></EPCISBody></epcis:EPCISDocument>""".encode()


def in_json(event: dict[str, Any]) -> EpcisDocument:
    document = a_document(event)
    document["@context"].append({"ex": EXT})
    return read_epcis(json.dumps(document).encode(), "x.jsonld")


def faults(data: bytes) -> list[tuple[str, str]]:
    return [(fault.code, fault.where) for fault in read_epcis(data, "x.xml").faults]


def test_the_reference_hashes_are_reproduced_from_xml(shared_data: Path) -> None:
    files = sorted((shared_data / "epcis/event-hash").glob("*.xml"))
    assert files
    for path in files:
        document = read_epcis(path.read_bytes(), path.name)
        assert [e.identity for e in document.events] == (
            path.with_suffix(".hashes").read_text().split()
        )
        wanted = path.with_suffix(".prehashes").read_text().strip()
        if "httpspc" not in wanted:
            assert pre_hash(document.events[0].document, document.context) == wanted


def test_an_event_of_epcis_12_is_the_event_that_json_tells() -> None:
    (old,), (new,) = read_epcis(xml(OBJECT_12), "x").events, in_json(OBJECT_JSON).events
    assert (old.content_hash, old.verb) == (new.content_hash, new.verb)
    assert [t.key for t in old.things] == [t.key for t in new.things]
    assert old.document["quantityList"][0]["quantity"] == Decimal("12.50")


def test_a_transformation_of_12_stands_in_an_extension() -> None:
    inside = """<extension><TransformationEvent>
      <eventTime>2026-03-01T10:00:00Z</eventTime><eventTimeZoneOffset>+00:00</eventTimeZoneOffset>
      <inputEPCList><epc>urn:epc:id:sgtin:0614141.107346.1</epc></inputEPCList>
      <outputEPCList><epc>urn:epc:id:sgtin:0614141.107346.2</epc></outputEPCList>
    </TransformationEvent></extension>"""
    (event,) = read_epcis(xml(inside), "x").events
    assert (event.kind, [t.part for t in event.things]) == (
        "TransformationEvent", ["input", "output"],
    )  # fmt: skip


def test_sensor_data_has_numbers_and_bare_words() -> None:
    inside = OBJECT_12.replace(
        "<ex:note>a</ex:note>",
        """<sensorElementList><sensorElement>
        <sensorMetadata time="2026-03-01T10:00:00Z" deviceID="urn:epc:id:giai:4000001.111"/>
        <sensorReport xmlns:gs1="https://gs1.org/voc/" type="gs1:Temperature" value="26.0"
          uom="CEL" booleanValue="true" ex:more="x"/>
        </sensorElement></sensorElementList><ex:note>a</ex:note>""",
    )
    (event,) = read_epcis(xml(inside, version="2.0"), "x").events
    assert event.sensors[0]["sensorReport"] == [
        {"type": "Temperature", "value": Decimal("26.0"), "uom": "CEL", "booleanValue": True,
         "ex:more": "x"}
    ]  # fmt: skip


def test_a_prefix_is_kept_apart_from_another_namespace_of_the_same_prefix() -> None:
    inside = OBJECT_12.replace(
        "<ex:note>b</ex:note>", '<ex:note xmlns:ex="urn:other:ns">b</ex:note>'
    )
    document = read_epcis(xml(inside), "x")
    (event,) = document.events
    assert (event.document["ex:note"], event.document["ex1:note"]) == ("a", "b")
    assert {"ex1": "urn:other:ns"} in event.document["@context"]


def test_master_data_of_the_header_is_read() -> None:
    header = """<EPCISHeader><extension><EPCISMasterData><VocabularyList>
      <Vocabulary type="urn:epcglobal:epcis:vtype:EPCClass"><VocabularyElementList>
      <VocabularyElement id="urn:epc:idpat:sgtin:4012345.066666.*">
        <attribute id="urn:epcglobal:cbv:mda#descriptionShort">Tuna</attribute>
        <children><id>urn:epc:id:sgln:0614141.07346.0</id></children>
      </VocabularyElement></VocabularyElementList></Vocabulary>
      </VocabularyList></EPCISMasterData></extension></EPCISHeader>"""
    document = read_epcis(xml(OBJECT_12, header=header), "x")
    assert not document.faults
    assert [(m.vocabulary[-8:], m.name) for m in document.master_data] == [("EPCClass", "Tuna")]


@pytest.mark.parametrize(
    ("data", "code", "where"),
    [
        (b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "QT711", "line 1, column 13"),
        (b'<!DOCTYPE a SYSTEM "http://example.com/x.dtd"><a/>', "QT711", "line 1, column 46"),
        (b"<a>&b;</a>", "QT701", "line 1, column 4"),
        (b"<a>&#0;</a>", "QT701", "line 1, column 4"),
        (b"<a>", "QT701", "line 1, column 4"),
        (b"<a>\xff</a>", "QT701", "line 1, column 4"),
        (b'<?xml version="1.0" encoding="x-none"?><a/>', "QT701", "line 1"),
        (b"<a>" * 5000, "QT703", "line 1, column 193"),
        (b'<a xmlns="urn:x"/>', "QT700", "/a"),
        (b'<EPCISDocument xmlns="urn:epcglobal:epcis:xsd:9"/>', "QT700", "/EPCISDocument"),
    ],
)  # fmt: skip
def test_what_is_no_plain_xml_is_refused_with_the_place(data: bytes, code: str, where: str) -> None:
    found = faults(data)
    assert len(found) == 1
    assert found[0][0] == code
    assert found[0][1].startswith(where[:8])


def test_an_entity_is_refused_before_it_swells() -> None:
    lines = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10 if n else "x" * 100}">' for n in range(10))
    assert faults(xml("&e9;", head=f"<!DOCTYPE a [{lines}]>"))[0][0] == "QT711"


BODY = "/epcis:EPCISDocument/EPCISBody/EventList"


@pytest.mark.parametrize(
    ("old", "new", "code", "where"),
    [
        ("bizstep:commissioning", "bizstep:comissioning", "QT706", "/bizStep"),
        ("T10:00:00.000+01:00", "T10:00:00", "QT706", "/eventTime"),
        ("<action>ADD</action>", "", "QT705", ""),
        ("<action>ADD</action>", "<action>ADD</action><action>ADD</action>", "QT702", "/action[2]"),
        ("<quantity>12.50<", "<quantity>12,50<", "QT706",
         "/extension/quantityList/quantityElement/quantity"),
        ("btt:po", "btt:pp", "QT706", "/bizTransactionList/bizTransaction/@type"),
        ("<epc>", "<epcc>", "QT701", ""),
        ("sgtin:0614141.107346.2017", "sgtin:0614141.10734.2017", "QT713", "/epcList/epc"),
        ("<ex:note>a</ex:note>", "<note>a</note>", "QT704", "/note"),
        ("<ex:note>a</ex:note>", "stray", "QT704", ""),
        ("<epc>urn", "<id>x</id><epc>urn", "QT704", "/epcList/id"),
    ],
)  # fmt: skip
def test_only_the_second_event_is_wrong_and_its_xpath_is_told(
    old: str, new: str, code: str, where: str
) -> None:
    second = OBJECT_12.replace("000000000001", "000000000002")
    assert old in second
    found = faults(xml(OBJECT_12 + second.replace(old, new)))
    if code == "QT701":
        assert [each[0] for each in found] == [code]
    else:
        assert found[0] == (code, f"{BODY}/ObjectEvent[2]{where}")


ONLY_20 = "<persistentDisposition><set>urn:epcglobal:cbv:disp:active</set></persistentDisposition>"
SENSORS = "<sensorElementList><sensorElement><sensorReport/></sensorElement></sensorElementList>"


@pytest.mark.parametrize(
    ("old", "new", "code", "where"),
    [
        ("<ObjectEvent>", '<ObjectEvent foo="1">', "QT704", "/ObjectEvent/@foo"),
        ("<epc>", '<epc foo="1">', "QT704", "/ObjectEvent/epcList/epc/@foo"),
        ("<epcList>", '<epcList ex:foo="1">', "QT704", "/ObjectEvent/epcList/@foo"),
        ("<epc>", "<epc><more/>", "QT704", "/ObjectEvent/epcList/epc/more"),
        ("<ObjectEvent>", "stray<ObjectEvent>", "QT704", ""),
        ("12.50", "1e3", "QT706", "/ObjectEvent/extension/quantityList/quantityElement/quantity"),
        ("urn:epcglobal:cbv:bizstep:", "", "QT706", "/ObjectEvent/bizStep"),
        ("urn:epcglobal:cbv:btt:", "", "QT706",
         "/ObjectEvent/bizTransactionList/bizTransaction/@type"),
        ("urn:epcglobal:cbv:bizstep:", "nowhere:", "QT712", "/ObjectEvent/bizStep"),
        ("<ex:note>a", '<ex:note xmlns:i="http://www.w3.org/2001/XMLSchema-instance" '
         'i:type="no:int">a', "QT712", "/ObjectEvent/ex:note[1]"),
        ("</epcList>", f"</epcList>{ONLY_20}", "QT715", "/ObjectEvent/persistentDisposition"),
        ("</epcList>", f"</epcList>{SENSORS}", "QT715", "/ObjectEvent/sensorElementList"),
        ("ObjectEvent>", "AssociationEvent>", "QT715", "/AssociationEvent"),
        ("<action>ADD</action>\n", "<action>ADD</action><epcList/>", "QT704",
         "/ObjectEvent/epcList[2]"),
    ],
)  # fmt: skip
def test_what_epcis_12_does_not_have_is_refused(old: str, new: str, code: str, where: str) -> None:
    assert old in OBJECT_12
    assert (code, f"{BODY}{where}") in faults(xml(OBJECT_12.replace(old, new)))


def test_elements_out_of_the_order_of_12_are_refused() -> None:
    moved = OBJECT_12.replace("<action>ADD</action>", "")
    moved = moved.replace("</disposition>", "</disposition><action>ADD</action>")
    assert faults(xml(moved)) == [("QT704", f"{BODY}/ObjectEvent/action")]
    assert not faults(xml(moved, version="2.0"))


def test_elements_of_12_without_their_wrapper_are_read_and_named() -> None:
    bare = OBJECT_12
    for wrapper in ("<baseExtension>", "</baseExtension>", "<extension>", "</extension>"):
        bare = bare.replace(wrapper, "")
    document = read_epcis(xml(bare), "x")
    assert document.events[0].content_hash == read_epcis(xml(OBJECT_12), "x").events[0].content_hash
    assert {warning.code for warning in document.warnings} == {"QT709"}
    assert not read_epcis(xml(bare, version="2.0"), "x").warnings


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("<EPCISBody>", "<EPCISBody>stray", "QT704"),
        ("<EPCISBody>", "<EPCISBody><more/>", "QT704"),
        ("<EPCISBody>", '<EPCISBody foo="1">', "QT704"),
        ("</EPCISBody>", "<EventList/></EPCISBody>", "QT702"),
        ("creationDate", 'foo="1" creationDate', "QT704"),
        ("EventList>", "ex:EventList>", "QT704"),
    ],
)
def test_nothing_around_the_events_is_dropped_in_silence(old: str, new: str, code: str) -> None:
    document = xml(OBJECT_12).decode()
    assert old in document
    assert code in {each for each, _ in faults(document.replace(old, new).encode())}


def test_an_attribute_of_another_namespace_is_kept() -> None:
    (event,) = read_epcis(
        xml(OBJECT_12.replace("<ObjectEvent>", '<ObjectEvent ex:a="1">')), "x"
    ).events
    assert event.document["ex:a"] == "1"


def test_a_prefix_that_only_a_sensor_declares_is_written_in_full() -> None:
    sensor = SENSORS.replace("<sensorReport", f'<sensorReport xmlns:q="{EXT}" type="q:pH"')
    inside = OBJECT_12.replace("<ilmd>", f"{sensor}<ilmd>")
    (event,) = read_epcis(xml(inside, version="2.0"), "x").events
    assert event.sensors[0]["sensorReport"] == [{"type": f"{EXT}pH"}]


def test_every_fault_of_a_document_is_told_at_once() -> None:
    bad = OBJECT_12.replace("T10", "").replace("12.50", "many").replace("btt:po", "btt:x")
    assert sorted(code for code, _ in faults(xml(bad))) == ["QT706"] * 3


def test_a_wrong_schema_version_is_refused() -> None:
    assert faults(xml(OBJECT_12).replace(b'"1.2"', b'"3"')) == [
        ("QT706", "/epcis:EPCISDocument/@schemaVersion")
    ]


@pytest.mark.parametrize("version", ["2.0", "1.2"])
def test_a_number_with_an_exponent_is_written_without(version: str) -> None:
    document = {**a_document(OBJECT_JSON | {"eventID": "urn:x:1"})}
    document["@context"].append({"ex": EXT})
    told = json.dumps(document).replace("12.5", "1.25e3")
    value = read_json(told.encode(), Faults())
    again = read_epcis(write_xml(value, version=version).encode(), "x")
    assert again.events[0].document["quantityList"][0]["quantity"] == Decimal(1250)
    assert again.events[0].content_hash == read_epcis(told.encode(), "x").events[0].content_hash
