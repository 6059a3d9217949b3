import pytest, json
from decimal import Decimal
from datetime import timedelta, datetime, UTC
from qtcore.services.interchange import import_epcis
from qtcore.services.recall import recall_scope
from qtcore.services.lots import get_lot
from qtcore.testing import *
from qtcore.testing.builders import EVERYTHING
from tests.scenarios.test_recall_at_once import site as bothsite
LOT="urn:epc:class:lgtin:4012345.012345.998877"
SSCC="urn:epc:id:sscc:4012345.1111111111"
def ev(typ, n, **k):
    base={"type":typ,"eventTime":f"2026-04-0{n}T10:00:00Z","eventTimeZoneOffset":"+00:00","eventID":f"urn:uuid:0000000{n}-0000-4000-8000-000000000001"}
    base.update(k); return base
def q(x): return [{"epcClass":LOT,"quantity":x,"uom":"KGM"}]
BIZ="https://ref.gs1.org/cbv/"
def chain():
    return [
     ev("ObjectEvent",1,action="ADD",bizStep="commissioning",disposition="active",quantityList=q(100),readPoint={"id":"urn:epc:id:sgln:4012345.00001.0"}),
     ev("AggregationEvent",2,action="ADD",bizStep="packing",parentID=SSCC,childQuantityList=q(40)),
     ev("ObjectEvent",3,action="OBSERVE",bizStep="shipping",disposition="in_transit",epcList=[SSCC],readPoint={"id":"urn:epc:id:sgln:4012345.00001.0"},
        sourceList=[{"type":"owning_party","source":"urn:epc:id:pgln:4012345.00000"}],destinationList=[{"type":"owning_party","destination":"urn:epc:id:pgln:4099999.00000"}]),
     ev("ObjectEvent",4,action="OBSERVE",bizStep="receiving",disposition="in_progress",epcList=[SSCC],readPoint={"id":"urn:epc:id:sgln:4099999.00001.0"},
        sourceList=[{"type":"owning_party","source":"urn:epc:id:pgln:4012345.00000"}],destinationList=[{"type":"owning_party","destination":"urn:epc:id:pgln:4099999.00000"}]),
     ev("AggregationEvent",5,action="DELETE",bizStep="unpacking",parentID=SSCC,childQuantityList=q(40)),
     ev("TransformationEvent",6,bizStep="commissioning",inputQuantityList=q(30),outputQuantityList=[{"epcClass":"urn:epc:class:lgtin:4099999.012345.X1","quantity":30,"uom":"KGM"}],readPoint={"id":"urn:epc:id:sgln:4099999.00001.0"}),
    ]
def doc(evs): 
    return json.dumps({"@context":["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"],"type":"EPCISDocument","schemaVersion":"2.0","creationDate":"2026-05-01T00:00:00Z","epcisBody":{"eventList":evs}}).encode()
def test_chain(bothsite):
    site=bothsite
    r=import_epcis(site, site.system_context(), [("a.json", doc(chain()))])
    print(r.as_json())
    c=a_context(site, EVERYTHING)
    s=recall_scope(site,c,["998877"]).as_json()
    for b in s["balance"]["lots"]: print({k:v for k,v in b.items() if v not in ("0",[])})
    print("HAND", s["on_hand"]); print("SHIP",[(x["customer"],x["quantity"],x["via"]) for x in s["shipments"]]); print("TRANSIT", s["in_transit"]); print("GAPS", s["gaps"])
    print([ (l["lot_no"],l["verdict"],l["lower"],l["upper"],l["contains"]) for l in s["lots"]])
