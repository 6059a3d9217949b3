"""What the JSON schema does not see is refused with its place: keys, prefixes, words, agreement."""

import json
from typing import Any

import pytest

from qtcore.builtin.epcis.reading import EpcisDocument, read_epcis
from qtcore.builtin.gs1 import check_digit
from tests.epcis_words import LOT, a_document, an_event

PALLET = "urn:epc:id:sscc:0614141.1234567890"
GTIN = "0952123454321"


def read(event: dict[str, Any], *context: Any) -> EpcisDocument:
    document = a_document(an_event(), {**event, "eventID": "urn:x:2"})
    document["@context"] += context
    return read_epcis(json.dumps(document).encode(), "x")


def found(event: dict[str, Any], *context: Any) -> list[tuple[str, str]]:
    at = "/epcisBody/eventList/1"
    return [(f.code, f.where.removeprefix(at)) for f in read(event, *context).faults]


@pytest.mark.parametrize(
    "uri",
    [
        "urn:epc:id:sgtin:0614141.10734.2017",
        "urn:epc:id:sgtin:0614141.107346",
        "urn:epc:id:sgtin:0614141.107346.",
        "urn:epc:id:sgtin:06141A1.107346.1",
        "urn:epc:id:sgtin:0614141.107346.123456789012345678901",
        "urn:epc:id:sgtin:0614141.107346.a b".replace(" ", "%20"),
        "urn:epc:id:sscc:0614141.12345678901",
        "urn:epc:id:sgln:0614141.0734.0",
        "urn:epc:id:grai:0614141.1234.1",
        "urn:epc:id:giai:06141.1",
        "urn:epc:id:gsrn:0614141.123",
        "urn:epc:id:gsrnp:0614141.123",
        "urn:epc:id:gdti:0614141.1234.1",
        "urn:epc:id:cpi:0614141.abc.1",
        "urn:epc:id:sgcn:0614141.12345.x",
        "urn:epc:id:gsin:0614141.1",
        "urn:epc:id:itip:4012345.012345.3.2.9",
        "urn:epc:id:upui:4012345.01234.AB",
        "urn:epc:id:pgln:4012345.0",
        "urn:epc:id:sgtun:0614141.107346.1",
        "urn:epc:class:sgtin:0614141.107346.1",
        f"https://id.gs1.org/01/0{GTIN[:12]}9/21/1",
        f"https://goods.example.com/shop/01/0{GTIN[:12]}9/21/1",
        f"HTTPS://ID.GS1.ORG/01/0{GTIN[:12]}9/21/1",
        "https://example.com/00/006141411234567891",
        "https://example.com/414/0614141073469",
        "https://example.com/8003/00614141123451A",
        "URN:EPC:id:sgtin:0614141.10734.2017",
        "urn:epc:ID:sgtin:0614141.107346.2017",
        "urn:epc:id:SGTIN:0614141.107346.2017",
        "urn:epc:id:sgtin:0614141.107346.a/b",
        "urn:epc:tag:sgtin-96:3.0614141.812345.6789",
        "urn:epc:raw:96.x302396D12A475094A080AD3B",
        "urn:epc:class:lgtin:4012345.012345.998877",
        "urn:epc:idpat:sgtin:4012345.012345.*",
        "https://id.gs1.org/01/04012345123456/10/998877",
        "https://example.com/01/04012345123456",
        "https://id.gs1.org/00/006141411234567891",
    ],
)
def test_a_malformed_key_is_refused(uri: str) -> None:
    assert found(an_event(epcList=[PALLET, uri])) == [("QT713", "/epcList/1")]
    assert found(an_event(type="AggregationEvent", parentID=uri, quantityList=None,
                          childEPCs=[PALLET])) == [("QT713", "/parentID")]  # fmt: skip


@pytest.mark.parametrize(
    "uri",
    [
        "urn:epc:class:lgtin:4012345.01234.1",
        "urn:epc:class:lgtin:4012345.012345.123456789012345678901",
        "urn:epc:idpat:sgtin:4012345.01234.*",
        "urn:epc:id:sgtin:4012345.012345.1",
        "urn:epc:raw:96.x302396D12A475094A080AD3B",
        PALLET,
    ],
)
def test_a_malformed_class_is_refused(uri: str) -> None:
    event = an_event(quantityList=[{"epcClass": LOT}, {"epcClass": uri}])
    assert found(event) == [("QT713", "/quantityList/1/epcClass")]


@pytest.mark.parametrize(
    "uri",
    [
        "https://example.com/orders/01/20260301A",
        "https://example.com/orders/01/20260301",
        "https://example.com/00/1234",
        "urn:epc:id:gid:1.2.3",
        "geo:55.6,12.5",
    ],
)
def test_a_name_that_only_resembles_a_key_is_a_name(uri: str) -> None:
    assert found(an_event(epcList=[PALLET, uri])) == []


@pytest.mark.parametrize(
    "uri",
    [
        "URN:EPC:id:sscc:0614141.1234567890",
        "urn:EPC:id:sscc:0614141.1234567890",
        "https://id.gs1.org/00/106141412345678908",
        "HTTPS://Id.GS1.org/00/106141412345678908",
        "http://example.com/units/00/106141412345678908",
    ],
)
def test_one_thing_in_two_notations_counts_once(uri: str) -> None:
    document = read(an_event(epcList=[PALLET, uri], quantityList=None))
    (thing,) = document.events[1].things
    assert thing.key == read(an_event(epcList=[PALLET])).events[1].things[0].key
    assert [(w.code, w.where[-10:]) for w in document.warnings] == [("QT709", "/epcList/1")]


@pytest.mark.parametrize("uri", ["https://example.com/a%zz", "urn:x:50%", "https://e.com/%4"])
def test_an_escape_that_is_none_is_refused(uri: str) -> None:
    assert found(an_event(readPoint={"id": uri})) == [("QT706", "/readPoint/id")]


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"bizStep": "ex:blending"}, "/bizStep"),
        ({"disposition": "ex:mixed"}, "/disposition"),
        ({"sourceList": [{"type": "ex:t", "source": "urn:x:1"}]}, "/sourceList/0/type"),
        ({"sensorElementList": [{"sensorReport": [{"type": "ex:pH"}]}]},
         "/sensorElementList/0/sensorReport/0/type"),
    ],
)  # fmt: skip
def test_a_word_whose_prefix_is_not_declared_is_refused(change: dict[str, Any], where: str) -> None:
    assert found(an_event(**change)) == [("QT712", where)]
    assert found(an_event(**change), {"ex": "https://ns.example.com/"}) == []


def test_a_place_whose_prefix_is_not_declared_is_a_doubt() -> None:
    document = read(an_event(readPoint={"id": "ex:dock"}))
    assert [(w.code, w.where[-13:]) for w in document.warnings] == [("QT709", "/readPoint/id")]


def test_a_unit_of_a_sensor_is_a_code() -> None:
    report = {"type": "Temperature", "value": 4, "uom": "celsius"}
    event = an_event(sensorElementList=[{"sensorReport": [report]}])
    assert found(event) == [("QT706", "/sensorElementList/0/sensorReport/0/uom")]


def test_places_and_parties_are_checked_too() -> None:
    event = an_event(
        readPoint={"id": "urn:epc:id:sgln:0614141.1.0"},
        sourceList=[{"type": "owning_party", "source": "https://id.gs1.org/417/9521234543218"}],
    )
    assert {where for _, where in found(event)} == {"/readPoint/id", "/sourceList/0/source"}


def test_a_right_check_digit_is_accepted() -> None:
    body = "0" + GTIN[:12]
    assert found(an_event(epcList=[f"https://id.gs1.org/01/{body}{check_digit(body)}/21/1"])) == []


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"ex:note": 1}, "/ex:note"),
        ({"action": "ADD", "ilmd": {"ex:a": {"ex:b": 1}}}, "/ilmd/ex:a"),
        ({"readPoint": {"id": "urn:x:1", "ex:b": 1}}, "/readPoint/ex:b"),
        ({"sensorElementList": [{"sensorReport": [{"type": "Mass", "ex:b": 1}]}]},
         "/sensorElementList/0/sensorReport/0/ex:b"),
    ],
)  # fmt: skip
def test_an_extension_whose_prefix_is_not_declared_is_refused(
    change: dict[str, Any], where: str
) -> None:
    event = an_event(**change)
    assert ("QT712", where) in found(event)
    assert found(event, {"ex": "https://ns.example.com/"}) == []
    assert found({**event, "@context": [{"ex": "https://ns.example.com/"}]}) == []


def test_a_prefix_of_a_context_that_is_not_fetched_is_a_doubt() -> None:
    document = read(an_event(**{"ex:note": 1}), "https://example.com/context.jsonld")
    assert [w.code for w in document.warnings] == ["QT709"]
    assert not document.faults


@pytest.mark.parametrize(
    ("change", "is_accepted"),
    [
        ({"bizStep": "https://ref.gs1.org/cbv/BizStep-shipping"}, True),
        ({"bizStep": "cbv:BizStep-shipping"}, True),
        ({"bizStep": "https://ref.gs1.org/cbv/BizStep-shiping"}, False),
        ({"bizStep": "https://ref.gs1.org/cbv/Disp-in_transit"}, False),
        ({"bizStep": "https://example.com/steps/blending"}, True),
        ({"disposition": "https://ref.gs1.org/cbv/Disp-in_transit"}, True),
        ({"disposition": "https://ref.gs1.org/cbv/Disp-in_transition"}, False),
        ({"disposition": "shipping"}, False),
    ],
)
def test_a_word_of_the_standard_must_exist_in_every_notation(
    change: dict[str, Any], is_accepted: bool
) -> None:
    assert (found(an_event(**change)) == []) is is_accepted


def test_a_step_is_the_same_in_both_notations() -> None:
    web = read(an_event(bizStep="https://ref.gs1.org/cbv/BizStep-receiving")).events[1]
    assert (web.biz_step, web.verb) == ("receiving", "receive")


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"type": "AggregationEvent", "parentID": PALLET, "childEPCs": [PALLET],
          "quantityList": None}, "/childEPCs"),
        ({"type": "TransactionEvent", "bizTransactionList": []}, "/bizTransactionList"),
        ({"errorDeclaration": {"declarationTime": "2026-03-02T00:00:00Z",
                               "correctiveEventIDs": ["urn:x:2"]}},
         "/errorDeclaration/correctiveEventIDs"),
        ({"quantityList": [{"epcClass": LOT, "uom": "KGM"}]}, "/quantityList/0/uom"),
    ],
)  # fmt: skip
def test_parts_that_contradict_each_other_are_refused(change: dict[str, Any], where: str) -> None:
    assert found(an_event(**change)) == [("QT707", where)]
