"""A recall of a medicine and of a cosmetic from the signal to the signature; goods on their way."""

from collections.abc import Iterator
from decimal import Decimal

import pytest

from qtcore.errors import Refused
from qtcore.services.events import EventInput, Line
from qtcore.services.holds import place_hold
from qtcore.services.master import MasterInput, save_master
from qtcore.services.nodes import LotRef
from qtcore.services.recall import RecallStart, StartedRecall, recall_scope, start_recall
from qtcore.services.recall_cases import CaseView, read_case
from qtcore.services.recall_notices import acknowledge, send_notices
from qtcore.services.recall_replies import ReplyInput, note_reply
from qtcore.services.recording import record_event
from qtcore.services.records import correct_record
from qtcore.services.site import Site
from qtcore.services.transitions import Step, fire_transition
from qtcore.testing import a_context, a_received_lot, a_site, line, release
from qtcore.testing.builders import EVERYTHING, PASSWORD, a_party, a_user
from qtcore.testing.sites import FrozenClock

STEPS = (
    ("assess", "recall_coord"),
    ("classify", "recall_coord"),
    ("decide", "recall_head"),
    ("notify", "recall_coord"),
    ("execute", "recall_coord"),
    ("reconcile", "qa"),
)
NUMBERS = iter(range(1, 100))


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    clock = FrozenClock()
    with a_site(clock=clock) as opened:
        a_party(opened, "CLINIC", "customer")
        a_party(opened, "BRANCH", "site", "customer")
        van = MasterInput("location", "VAN-1", "Van 1", values={"kind": "vehicle"})
        save_master(opened, opened.system_context(), van)
        yield opened


def everyone(site: Site):
    return a_context(site, EVERYTHING)


def a_sold_lot(site: Site, quantity: str = "30") -> str:
    lot_no = f"L-{next(NUMBERS)}"
    lot = a_received_lot(site, "GOODS", lot_no, "100")
    release(site, lot)
    sold = EventInput(
        "shipping", (line(lot, "subject", quantity),), site.sources.now(), to_party="CLINIC"
    )
    record_event(site, everyone(site), sold)
    return lot.uid


def started(site: Site, lot: str, plan: str) -> StartedRecall:
    data = {"plan": plan, "recall_class": "I"}
    return start_recall(site, everyone(site), RecallStart([lot], "Wrong label", "label", data=data))


def seen(site: Site, recall: StartedRecall) -> CaseView:
    return read_case(site, everyone(site), recall.number)


def make_step(site: Site, recall: StartedRecall, name: str, role: str, **values: str) -> None:
    person = a_user(site, [role], login=f"{role}-{name}-{recall.number}")
    step = Step(name, reason="as agreed", password=PASSWORD, values=values)
    fire_transition(site, person, ("record", recall.record_id), step)


@pytest.mark.heavy
@pytest.mark.parametrize("plan", ["cn_drug_2022", "us_drug", "cosmetics_cn"])
def test_a_recall_of_each_industry_runs_by_its_plan_and_closes(site, plan):
    lot = a_sold_lot(site)
    klass = site.registry.get("recalls", plan).classes[0].id
    data = {"plan": plan, "recall_class": klass}
    start = RecallStart([lot], "Wrong label", "label", data=data)
    recall = start_recall(site, everyone(site), start)
    for name, role in STEPS:
        make_step(site, recall, name, role)
    send_notices(site, everyone(site), recall.record_id)
    notices = seen(site, recall).parts["notices"]
    asked = {n.id for n in site.registry.get("recalls", plan).nodes if klass in n.due}
    assert {n["node"] for n in notices} == asked
    assert "CLINIC" in {n["recipient"] for n in notices}

    with pytest.raises(Refused, match="30 kg are unaccounted for"):
        make_step(site, recall, "close", "recall_head")
    answer = ReplyInput(True, "all", Decimal(30), "kg", completed=True)
    note_reply(site, everyone(site), recall.record_id, customer="CLINIC", reply=answer)
    for notice in seen(site, recall).parts["notices"]:
        if notice["state"] != "acknowledged" and notice["round"] == 1:
            acknowledge(site, everyone(site), notice["notice_id"], "receipt")
    make_step(site, recall, "close", "recall_head")

    assert seen(site, recall).record.state == "closed"


def test_a_drug_recall_that_does_not_add_up_needs_its_conclusion(site):
    """The objection is the pharma pack's own, beside the tolerance that a justification settles."""
    recall = started(site, a_sold_lot(site), "cn_drug_2022")
    for name, role in STEPS:
        make_step(site, recall, name, role)
    with pytest.raises(Refused) as stopped:
        make_step(site, recall, "close", "recall_head", justification="used up")
    assert [r.code for r in stopped.value.refusals] == ["PH-41"]

    data = {**seen(site, recall).record.data, "conclusion": "used by patients, see file 7"}
    correct_record(site, everyone(site), recall.record_id, data, reason="the clinic answered")
    make_step(site, recall, "close", "recall_head", justification="used up")

    assert seen(site, recall).record.state == "closed"


def test_goods_in_a_van_and_on_the_way_to_a_branch_are_in_transit_until_they_arrive(site):
    lot = a_received_lot(site, "GOODS", "T-1", "100")
    release(site, lot)
    goods = (line(lot, "subject", "10"),)
    moved = EventInput("transfer", goods, site.sources.now(), to_location="VAN-1")
    record_event(site, everyone(site), moved)
    sent = EventInput(
        "shipping", (line(lot, "subject", "25"),), site.sources.now(), to_party="BRANCH"
    )
    record_event(site, everyone(site), sent)

    found = recall_scope(site, everyone(site), [lot.uid]).as_json()

    rows = [(row["place"], row["to"], row["quantity"]) for row in found["in_transit"]]
    assert ("", "BRANCH", "25") in rows
    assert any(place == "VAN-1" for place, _, _ in rows)
    assert all(b["place"] != "VAN-1" for b in found["stock_on_hand"])

    came = EventInput("receiving", (line(lot, "output", "25"),), site.sources.now())
    record_event(site, everyone(site), came)
    found = recall_scope(site, everyone(site), [lot.uid]).as_json()
    assert [row["place"] for row in found["in_transit"]] == ["VAN-1"]


def test_a_held_lot_is_not_packed_and_a_unit_of_it_does_not_leave(site):
    lot = a_received_lot(site, "GOODS", "H-1", "100")
    release(site, lot)
    unit = LotRef(kind="unit", item="GOODS", lot_no="H-1-0001")
    made = EventInput(
        "production",
        (line(lot, "input", "1"), Line(unit, "output", Decimal(1), "kg")),
        site.sources.now(),
    )
    record_event(site, everyone(site), made)
    place_hold(site, everyone(site), [lot.uid], "glass")

    def refused(event: EventInput) -> str:
        with pytest.raises(Refused) as stopped:
            record_event(site, everyone(site), event)
        return " ".join(r.message for r in stopped.value.refusals)

    case = LotRef(kind="logistic_unit", lot_no="069900000000000039")
    packed = (line(lot, "child", "5"), Line(case, "parent"))
    assert "on hold" in refused(EventInput("packing", packed, site.sources.now()))
    left = (Line(unit, "subject", Decimal(1), "kg"),)
    shipped = EventInput("shipping", left, site.sources.now(), to_party="CLINIC")
    assert "unit H-1-0001 is on hold" in refused(shipped)


def test_a_unit_leaves_only_when_its_lot_may(site):
    lot = a_received_lot(site, "GOODS", "H-2", "100")
    release(site, lot)
    unit = LotRef(kind="unit", item="GOODS", lot_no="H-2-0001")
    parts = (line(lot, "input", "1"), Line(unit, "output", Decimal(1), "kg"))
    record_event(site, everyone(site), EventInput("production", parts, site.sources.now()))
    left = EventInput(
        "shipping",
        (Line(unit, "subject", Decimal(1), "kg"),),
        site.sources.now(),
        to_party="CLINIC",
    )
    fire_transition(
        site,
        a_user(site, ["qa"], login="qa-recall"),
        ("lot", lot.uid),
        Step("recall", reason="glass", password=PASSWORD),
    )

    with pytest.raises(Refused) as stopped:
        record_event(site, everyone(site), left)

    (refusal,) = stopped.value.refusals
    assert refusal.code == "QT446"
    assert "unit H-2-0001 belongs to lot H-2 of GOODS, which is in state 'recalled'" in str(refusal)
