"""Each parameter of the standard's event query finds what fits, and nothing else."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from qtcore.services.epcis_queries import query_events
from qtcore.services.interchange import import_epcis
from qtcore.services.site import Site
from qtcore.store.queries.epcis import Search, find_candidates
from qtcore.testing import a_site
from qtcore.testing.builders import a_received_lot
from tests.epcis_words import LOT, a_document, an_event

ITEM = "urn:epc:id:sgtin:0614141.107346"
PALLET = "urn:epc:id:sscc:0614141.1234567890"
PLACE = "urn:epc:id:sgln:0614141.07346.0"
NS = "https://ns.example.com/epcis/"

EVENTS: dict[str, dict[str, Any]] = {
    "ship": {
        "epcList": [f"{ITEM}.1"], "disposition": "in_transit",
        "readPoint": {"id": PLACE}, "bizLocation": {"id": PLACE},
        "bizTransactionList": [{"type": "po", "bizTransaction": "urn:x:po:1"}],
        "sourceList": [{"type": "owning_party", "source": "urn:x:seller"}],
        "destinationList": [{"type": "possessing_party", "destination": "urn:x:buyer"}],
    },
    "make": {
        "type": "TransformationEvent", "action": None, "quantityList": None,
        "bizStep": "commissioning", "transformationID": "urn:epc:id:gdti:0614141.12345.400",
        "inputQuantityList": [{"epcClass": LOT, "quantity": 7, "uom": "KGM"}],
        "outputEPCList": [f"{ITEM}.2"], "eventTime": "2026-03-02T00:00:00Z",
        "ilmd": {"ex:farm": "North", "ex:size": 12, "ex:deep": {"ex:inner": "x"}},
        "persistentDisposition": {"set": ["completeness_verified"]},
    },
    "pack": {
        "type": "AggregationEvent", "action": "ADD", "quantityList": None, "bizStep": "packing",
        "parentID": PALLET, "childEPCs": [f"{ITEM}.3"], "eventTime": "2026-03-03T00:00:00Z",
    },
    "measure": {
        "bizStep": "sensor_reporting", "eventTime": "2026-03-04T00:00:00Z",
        "readPoint": {"id": "urn:x:gate"}, "quantityList": None,
        "sensorElementList": [{
            "sensorMetadata": {"deviceID": "urn:epc:id:giai:4000001.111",
                               "time": "2026-03-04T00:00:00Z"},
            "sensorReport": [{"type": "Temperature", "value": 26.5, "uom": "CEL"}],
        }],
    },
    "note": {
        "eventTime": "2026-03-05T00:00:00Z", "bizStep": "holding", "ex:level": 5,
        "ex:word": {"#text": "w", "@ex:kind": "k"},
        "quantityList": [{"epcClass": "urn:epc:idpat:sgtin:0614141.107346.*", "quantity": 3}],
    },
    "wrong": {
        "eventTime": "2026-03-06T00:00:00Z", "bizStep": "arriving",
        "errorDeclaration": {"declarationTime": "2026-03-07T00:00:00Z", "reason": "did_not_occur",
                             "correctiveEventIDs": ["urn:x:right"], "ex:why": "typo"},
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with a_site() as site:
        events = [an_event(eventID=f"urn:x:{name}", **told) for name, told in EVENTS.items()]
        document = a_document(*events)
        document["@context"].append({"ex": NS})
        report = import_epcis(site, site.system_context(), [("x", json.dumps(document).encode())])
        assert not report.problems, report.problems
        yield site


def found(site: Site, **asked: Any) -> list[str]:
    asked = {k: v if isinstance(v, list) else [v] for k, v in asked.items()}
    page = query_events(site, site.system_context(), asked)
    results = page.document["epcisBody"]["queryResults"]["resultsBody"]["eventList"]
    return [event["eventID"].removeprefix("urn:x:") for event in results]


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        ({"eventType": "TransformationEvent,AggregationEvent"}, "make pack"),
        ({"GE_eventTime": "2026-03-04T00:00:00Z"}, "measure note wrong"),
        ({"LT_eventTime": "2026-03-02T01:00:00+01:00"}, "ship"),
        ({"GE_recordTime": "2000-01-01T00:00:00Z", "eventType": "AggregationEvent"}, "pack"),
        ({"LT_recordTime": "2000-01-01T00:00:00Z"}, ""),
        ({"EQ_action": "ADD"}, "pack"),
        ({"EQ_bizStep": ["packing", "holding"]}, "pack note"),
        ({"EQ_bizStep": "packing|holding"}, "pack note"),
        ({"EQ_bizStep": "https://ref.gs1.org/cbv/BizStep-packing"}, "pack"),
        ({"EQ_bizStep": "urn:epcglobal:cbv:bizstep:packing"}, "pack"),
        ({"EQ_disposition": "in_transit"}, "ship"),
        ({"EQ_persistentDisposition_set": "completeness_verified"}, "make"),
        ({"EQ_persistentDisposition_unset": "completeness_verified"}, ""),
        ({"EQ_readPoint": "https://id.gs1.org/414/0614141073467"}, "ship"),
        ({"WD_readPoint": PLACE}, "ship"),
        ({"EQ_bizLocation": PLACE}, "ship"),
        ({"WD_bizLocation": PLACE}, "ship"),
        ({"EQ_transformationID": "urn:epc:id:gdti:0614141.12345.400"}, "make"),
        ({"MATCH_epc": f"{ITEM}.1"}, "ship"),
        ({"MATCH_epc": f"{ITEM}.3"}, "pack"),
        ({"MATCH_epc": f"{ITEM}.2"}, ""),
        ({"MATCH_epc": "https://id.gs1.org/01/10614141073464/21/1"}, "ship"),
        ({"MATCH_epc": "urn:epc:idpat:sgtin:0614141.107346.*"}, "ship pack"),
        ({"MATCH_epc": "urn:epc:idpat:sgtin:0614141.*.*"}, "ship pack"),
        ({"MATCH_epc": "URN:EPC:idpat:sgtin:0614141.*.*"}, "ship pack"),
        ({"MATCH_epc": "urn:epc:idpat:sgtin:0614142.*.*"}, ""),
        ({"MATCH_anyEPC": f"{ITEM}.2"}, "make"),
        ({"MATCH_anyEPC": PALLET}, "pack"),
        ({"MATCH_parentID": PALLET}, "pack"),
        ({"MATCH_parentID": "urn:epc:idpat:sscc:0614141.*"}, "pack"),
        ({"MATCH_outputEPC": f"{ITEM}.2"}, "make"),
        ({"MATCH_inputEPC": f"{ITEM}.2"}, ""),
        ({"MATCH_epcClass": LOT}, "ship wrong"),
        ({"MATCH_inputEPCClass": LOT}, "make"),
        ({"MATCH_outputEPCClass": LOT}, ""),
        ({"MATCH_anyEPCClass": LOT}, "ship make wrong"),
        ({"MATCH_anyEPCClass": "urn:epc:idpat:lgtin:4012345.012345.*"}, "ship make wrong"),
        ({"MATCH_epcClass": "urn:epc:idpat:sgtin:0614141.107346.*"}, "note"),
        ({"MATCH_epc": f"{ITEM}.1", "MATCH_epcClass": LOT}, "ship"),
        ({"EQ_quantity": "7"}, "make"),
        ({"GT_quantity": "7"}, "ship wrong"),
        ({"LE_quantity": "3.0"}, "note"),
        ({"EQ_bizTransaction_po": "urn:x:po:1"}, "ship"),
        ({"EQ_bizTransaction_inv": "urn:x:po:1"}, ""),
        ({"EQ_bizTransaction": "urn:x:po:1"}, "ship"),
        ({"EQ_source_owning_party": "urn:x:seller"}, "ship"),
        ({"EQ_source_urn:epcglobal:cbv:sdt:owning_party": "urn:x:seller"}, "ship"),
        ({"EQ_destination_owning_party": "urn:x:buyer"}, ""),
        ({"EQ_destination_possessing_party": "urn:x:buyer"}, "ship"),
        ({"EQ_eventID": ["urn:x:ship", "urn:x:none"]}, "ship"),
        ({"EXISTS_errorDeclaration": ""}, "wrong"),
        ({"GE_errorDeclarationTime": "2026-03-07T00:00:00Z"}, "wrong"),
        ({"LT_errorDeclaration_Time": "2026-03-07T00:00:00Z"}, ""),
        ({"EQ_errorReason": "did_not_occur"}, "wrong"),
        ({"EQ_correctiveEventID": "urn:x:right"}, "wrong"),
        ({"EQ_ERROR_DECLARATION_ex:why": "typo"}, "wrong"),
        ({f"EQ_ILMD_{NS}farm": "North"}, "make"),
        ({f"EQ_ILMD_{NS}#farm": "North"}, "make"),
        ({"EQ_ILMD_ex:farm": "South"}, ""),
        ({"GE_ILMD_ex:size": "12"}, "make"),
        ({"GT_ILMD_ex:size": "12"}, ""),
        ({"EXISTS_ILMD_ex:farm": ""}, "make"),
        ({"EQ_INNER_ILMD_ex:inner": "x"}, "make"),
        ({"EQ_INNER_ILMD_ex:farm": "North"}, ""),
        ({"EQ_ex:level": "5.0"}, "note"),
        ({"LT_ex:level": "6"}, "note"),
        ({"EXISTS_ex:level": ""}, "note"),
        ({"EQ_ex:word": "w"}, "note"),
        ({"HASATTR_ex:word": "ex:kind"}, "note"),
        ({"EQ_ATTR_ex:word_ex:kind": "k"}, "note"),
        ({"EQ_type": "gs1:Temperature"}, "measure"),
        ({"EQ_type": "Mass"}, ""),
        ({"GT_value_CEL": "26"}, "measure"),
        ({"GT_value_FAH": "26"}, ""),
        ({"LE_value": "26"}, ""),
        ({"EQ_deviceID": "urn:epc:id:giai:4000001.111"}, "measure"),
        ({"GE_time": "2026-03-04T00:00:00Z"}, "measure"),
        ({"EXISTS_sensorElementList": ""}, "measure"),
        ({"orderBy": "eventTime", "eventCountLimit": "2"}, "wrong note"),
        ({"orderBy": "eventTime", "orderDirection": "ASC", "perPage": "2"}, "ship make"),
        ({"orderBy": "ex:level", "eventCountLimit": "1"}, "note"),
    ],
    ids=lambda value: "&".join(value) if isinstance(value, dict) else "",
)
def test_a_parameter_finds_what_fits(site: Site, asked: dict[str, Any], names: str) -> None:
    assert found(site, **asked) == names.split()


def test_what_was_recorded_here_is_answered_too() -> None:
    with a_site() as site:
        a_received_lot(site, "MILK", "M-1", "100")
        (event,) = found(site, eventType="ObjectEvent", EQ_bizStep="receiving")
        assert event.startswith("urn:uuid:")


def test_a_match_reads_no_event_that_does_not_name_it(site: Site) -> None:
    with site.store.read() as session:
        search = Search(event_ids=frozenset())
        assert find_candidates(session, site.store.tenant_id, search, 10) == []
