import pytest, json
from dataclasses import replace
from decimal import Decimal
from datetime import timedelta
from qtcore.errors import *
from qtcore.services.events import EventInput, Line, Origin, write_all
from qtcore.services.nodes import NodeBook, LotRef
from qtcore.services.recall_cases import read_case
from qtcore.services.recall import *
from qtcore.services.recall_replies import *
from qtcore.services.recall_replies import note_reply
from qtcore.services.master import MasterInput, save_master
from qtcore.services.recording import record_event
from qtcore.testing import *
from qtcore.testing.builders import a_party, a_user, PASSWORD
from tests.scenarios.recall_dairy import made
from tests.scenarios.test_recall_at_once import site as bothsite
from qtcore.services.holds import *

def told(site, *events):
    with site.store.write(site.system_context()) as work:
        write_all(site, NodeBook(site, work), list(events), origin=Origin("import"))

def ship(d, lot, who, q, u="kg"):
    now = d.site.sources.now()
    record_event(d.site, d.everyone(), EventInput("shipping", (line(lot, "subject", q, u),), now, to_party=who))

def show(d, r): 
    v = read_case(d.site, d.everyone(), r.record_id)
    print(json.dumps(v.reconciled.as_json(), indent=None)); return v

def test_units(dairy):
    ship(dairy, dairy.first, "SHOP-A", "500", "g")
    r = dairy.start()
    show(dairy, r)
    dairy.give_back("SHOP-A", "10")
    print("after 10 kg back"); show(dairy, r)
    note_reply(dairy.site, dairy.everyone(), r.record_id, customer="SHOP-A", reply=ReplyInput(True, "all", Decimal("10500"), "g", completed=True))
    print("after 10500 g said"); show(dairy, r)

def test_own_site(dairy):
    d = dairy
    save_master(d.site, d.site.system_context(), MasterInput("party", "PLANT-B", "PLANT-B", values={"roles": ["site"]}))
    save_master(d.site, d.site.system_context(), MasterInput("party", "PLANT-C", "PLANT-C", values={"roles": ["site"]}))
    save_master(d.site, d.site.system_context(), MasterInput("location", "B-STORE", "B store"))
    ship(d, d.second, "PLANT-B", "5"); ship(d, d.second, "PLANT-C", "7")
    sc = recall_scope(d.site, d.everyone(), ["M-1"]).as_json()
    print("TRANSIT before", sc["in_transit"])
    d.clock.advance(hours=1)
    import inspect
    record_event(d.site, d.everyone(), EventInput("receiving", (Line(LotRef(text=d.second.uid), "output", Decimal("5"), "kg"),), d.site.sources.now(), location="B-STORE", from_party=""))
    sc = recall_scope(d.site, d.everyone(), ["M-1"]).as_json()
    print("TRANSIT after B", sc["in_transit"])
    print("BAL", [b for b in sc["balance"]["lots"] if b["lot_id"]==d.second.uid], sc["quantities"])
    print("SOLD", [(c["customer"], c["email"]) for c in sc["shipped_sales_orders"]])
    r = d.start()
    v = show(d, r)
    print([(n["node"], n["recipient"]) for n in v.parts["notices"]])
