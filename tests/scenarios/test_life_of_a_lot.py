from dataclasses import replace

import pytest

from qtcore.errors import Refused
from qtcore.services.audit import read_ledger, seal, verify_history
from qtcore.services.events import EventInput, Line
from qtcore.services.holds import lift_hold, place_hold
from qtcore.services.lots import get_lot
from qtcore.services.manifestations import list_signatures
from qtcore.services.nodes import LotRef
from qtcore.services.recall import RecallStart, read_snapshot, recall_scope, start_recall
from qtcore.services.record_views import read_record
from qtcore.services.recording import record_event
from qtcore.services.records import RecordInput, submit_record
from qtcore.services.release import explain_release
from qtcore.services.site import Site
from qtcore.services.trace import trace
from qtcore.services.transitions import Step, fire_transition
from qtcore.testing import (
    PASSWORD,
    FrozenClock,
    a_context,
    a_made_lot,
    a_party,
    a_received_lot,
    a_user,
    line,
    release,
    text_of,
)
from tests.scenarios.dairy import PALLET, SHOP, a_dairy, a_shipment, on_pallet, ship


def a_deviation(site: Site, lot: str, severity: str = "major") -> str:
    data = {"title": "Curd too warm", "severity": severity}
    entry = RecordInput(data, [lot], "Curd too warm")
    return submit_record(site, a_context(site, ["operator"]), "deviation", entry).record.uid


def test_an_unreleased_material_is_not_used(site):
    milk = a_received_lot(site)
    with pytest.raises(Refused, match="in state 'quarantine', which does not allow: consume"):
        a_made_lot(site, "YOGHURT", "Y-1", [(milk, "10")])


def test_what_is_made_knows_what_it_was_made_of(site):
    dairy = a_dairy(site)
    found = trace(site, a_context(site), dairy.yoghurt.uid, "backward")
    assert {n.info.lot_no: n.depth for n in found.nodes} == {"Y-1": 0, "K-1": 1, "M-1": 2, "C-1": 2}


def test_forward_and_backward_say_the_same(site):
    dairy = a_dairy(site)
    forward = trace(site, a_context(site), dairy.milk.uid, "forward")
    assert dairy.yoghurt.node in {n.info.node for n in forward.nodes}
    assert {(e.src, e.dst) for e in forward.edges} <= {
        (e.src, e.dst) for e in trace(site, a_context(site), dairy.yoghurt.uid, "backward").edges
    }


def test_an_open_deviation_stops_the_release_with_its_reason(site):
    dairy = a_dairy(site)
    a_deviation(site, dairy.yoghurt.uid)
    with pytest.raises(Refused, match="Y-1 cannot release") as refused:
        release(site, dairy.yoghurt)
    assert [r.code for r in refused.value.refusals] == ["CORE-02"]
    assert "open_deviations = 1" in refused.value.refusals[0].message
    assert text_of(site, dairy.yoghurt, "state") == "quarantine"


def test_a_deviation_of_an_ingredient_stops_the_product_too(site):
    dairy = a_dairy(site)
    a_deviation(site, dairy.milk.uid, "critical")
    view = explain_release(site, a_context(site), dairy.yoghurt.uid)
    assert {r.code for r in view.refusals} == {"CORE-02", "CORE-02C"}


def test_a_closed_deviation_lets_the_lot_go(site):
    dairy = a_dairy(site)
    uid = a_deviation(site, dairy.yoghurt.uid)
    head, qa = a_user(site, ["prod_head"]), a_user(site, ["qa"])
    fire_transition(site, head, ("record", uid), Step("investigate"))
    fire_transition(site, qa, ("record", uid), Step("close", "No effect", PASSWORD))
    assert release(site, dairy.yoghurt).to_state == "released"


@pytest.mark.clause("21 CFR 11.10(f)")
def test_nobody_closes_what_they_investigated(site):
    dairy = a_dairy(site)
    uid = a_deviation(site, dairy.yoghurt.uid)
    qa = a_user(site, ["qa"])
    fire_transition(site, qa, ("record", uid), Step("investigate"))
    with pytest.raises(Refused, match="cannot close"):
        fire_transition(site, qa, ("record", uid), Step("close", "No effect", PASSWORD))
    assert read_record(site, qa, uid).record.state == "investigating"


@pytest.mark.clause("21 CFR 11.50(a)")
@pytest.mark.clause("EU Annex 11.15")
def test_a_release_is_signed_with_name_time_and_meaning(site):
    dairy = a_dairy(site)
    release(site, dairy.yoghurt)
    page = read_ledger(site, a_context(site), about=dairy.yoghurt.uid, action="sign")
    [signed] = [row.as_json() for row in page.rows]
    assert (signed["actor_name"], signed["details"]["meaning"]) == ("Qp", "released")
    assert signed["at"].startswith("2026-06-01T08:00:00")
    [kept] = list_signatures(site, a_context(site), dairy.yoghurt.uid)
    told = kept.as_json()
    assert (told["signer"], told["meaning_text"]) == ("Qp", "Released by")
    assert told["signed_at"].startswith("2026-06-01T08:00:00")


def test_a_release_without_password_is_refused(site):
    dairy = a_dairy(site)
    with pytest.raises(Refused, match="password is asked again"):
        fire_transition(site, a_user(site, ["qp"]), ("lot", dairy.yoghurt.uid), Step("release"))


def test_a_wrong_password_releases_nothing_and_is_noted(site):
    dairy = a_dairy(site)
    with pytest.raises(Refused, match="password for the signature is wrong"):
        fire_transition(
            site,
            a_user(site, ["qp"]),
            ("lot", dairy.yoghurt.uid),
            Step("release", password="wrong"),
        )
    assert text_of(site, dairy.yoghurt, "state") == "quarantine"
    assert read_ledger(site, a_context(site), action="sign.failed").rows


@pytest.mark.clause("21 CFR 11.10(g)")
@pytest.mark.clause("EU Annex 11.15")
def test_an_administrator_does_not_release(site):
    dairy = a_dairy(site)
    with pytest.raises(Refused, match="may not sign: none of their roles carries signatures"):
        release(site, dairy.yoghurt, roles=["admin"])


def test_a_lot_is_released_once(site):
    dairy = a_dairy(site)
    release(site, dairy.yoghurt)
    with pytest.raises(Refused, match="cannot release"):
        release(site, dairy.yoghurt)


def test_a_decision_is_explained_as_it_was_made(site, clock: FrozenClock):
    dairy = a_dairy(site)
    release(site, dairy.yoghurt)
    clock.advance(days=30)
    a_deviation(site, dairy.yoghurt.uid)
    view = explain_release(site, a_context(site), dairy.yoghurt.uid)
    assert view.decided is not None
    stored = {v["rule"]: v["outcome"] for v in view.decided.as_json()["verdicts"]}
    assert stored["CORE-02"] == "pass"
    assert {r.outcome.id: r.outcome.outcome for r in view.rules}["CORE-02"] == "fail"


def test_an_expired_lot_is_not_released(site, clock: FrozenClock):
    dairy = a_dairy(site)
    clock.advance(days=366)
    view = explain_release(site, a_context(site), dairy.yoghurt.uid)
    assert "CORE-10" in {r.code for r in view.refusals}


def test_only_released_goods_leave(site):
    dairy = a_dairy(site)
    with pytest.raises(Refused, match="does not allow: ship"):
        ship(site, a_shipment(dairy.yoghurt, "10"))


def test_a_pallet_with_unreleased_goods_inside_does_not_leave(site):
    dairy = a_dairy(site)
    on_pallet(site, dairy.yoghurt, "100")
    with pytest.raises(Refused, match="lot Y-1 of YOGHURT is in state 'quarantine'"):
        ship(site, Line(PALLET, "subject"))


def test_a_pallet_takes_its_contents_out_of_stock_and_names_the_customer(site):
    dairy = a_dairy(site)
    release(site, dairy.yoghurt)
    on_pallet(site, dairy.yoghurt, "100")
    ship(site, Line(PALLET, "subject"))
    view = get_lot(site, a_context(site), dairy.yoghurt.uid)
    assert str(view.stock.quantity) == "280"
    assert [(s.customer, str(s.quantity), s.via) for s in view.trace.customers] == [
        (SHOP, "100", PALLET.lot_no)
    ]


def test_a_pallet_leaves_once(site):
    dairy = a_dairy(site)
    release(site, dairy.yoghurt)
    on_pallet(site, dairy.yoghurt, "100")
    ship(site, Line(PALLET, "subject"))
    with pytest.raises(Refused, match="has left already"):
        ship(site, Line(PALLET, "subject"))


def test_a_hold_beats_a_release(site):
    dairy = a_dairy(site)
    release(site, dairy.yoghurt)
    qa = a_context(site)
    [hold] = place_hold(site, qa, [dairy.yoghurt.uid], "Complaint: mould")
    with pytest.raises(Refused, match="is on hold since 2026-06-01: Complaint: mould"):
        ship(site, a_shipment(dairy.yoghurt, "10"))
    lift_hold(site, qa, hold, "Not confirmed")
    ship(site, a_shipment(dairy.yoghurt, "10"))


def test_more_than_there_is_does_not_leave(site):
    dairy = a_dairy(site)
    release(site, dairy.yoghurt)
    with pytest.raises(Refused, match="has 380 kg on hand, 381 kg asked for"):
        ship(site, a_shipment(dairy.yoghurt, "381"))


def test_a_recall_scope_holds_lots_customers_stock_and_balance(site):
    dairy = a_dairy(site)
    release(site, dairy.yoghurt)
    ship(site, a_shipment(dairy.yoghurt, "80"))
    scope = recall_scope(site, a_context(site), [dairy.milk.uid]).as_json()
    assert {lot["lot_no"] for lot in scope["lots"]} == {"M-1", "K-1", "Y-1"}
    assert [(s["customer"], s["quantity"]) for s in scope["shipments"]] == [(SHOP, "80")]
    left = {each["lot_id"]: each["quantity"] for each in scope["on_hand"]}
    assert left[dairy.yoghurt.uid] == "300"
    assert scope["balance"]["closes"]


def test_a_recall_holds_everything_and_a_mock_nothing(site):
    dairy = a_dairy(site)
    release(site, dairy.yoghurt)
    start = RecallStart([dairy.milk.uid], "Milk", "Glass", is_mock=True, data={"plan": "food_cn"})
    mock = start_recall(site, a_context(site), start)
    assert mock.held == ()
    real = start_recall(site, a_context(site), replace(start, is_mock=False))
    assert len(real.held) == 3
    with pytest.raises(Refused, match="on hold"):
        ship(site, a_shipment(dairy.yoghurt, "10"))


def test_a_frozen_scope_does_not_change_when_more_becomes_known(site):
    dairy = a_dairy(site)
    start = RecallStart([dairy.milk.uid], "Milk", "Glass", is_mock=True, data={"plan": "food_cn"})
    started = start_recall(site, a_context(site), start)
    a_made_lot(site, "CREAM", "S-1", [(dairy.milk, "50")])
    frozen = read_snapshot(site, a_context(site), started.record_id)
    assert frozen is not None
    assert {lot["lot_no"] for lot in frozen.scope["lots"]} == {"M-1", "K-1", "Y-1"}


def test_what_comes_back_is_counted(site):
    dairy = a_dairy(site)
    release(site, dairy.yoghurt)
    ship(site, a_shipment(dairy.yoghurt, "80"))
    back = EventInput(
        "returning", (line(dairy.yoghurt, "subject", "30"),), site.sources.now(), from_party=SHOP
    )
    record_event(site, a_context(site, ["warehouse"]), back)
    assert str(get_lot(site, a_context(site), dairy.yoghurt.uid).stock.quantity) == "330"


def test_the_history_of_a_whole_life_verifies(site):
    dairy = a_dairy(site)
    release(site, dairy.yoghurt)
    ship(site, a_shipment(dairy.yoghurt, "80"))
    size = seal(site)
    found = verify_history(site, a_context(site))
    assert found.verdict.ok
    assert (found.verdict.events, found.verdict.signed_size, found.verdict.pending) == (
        size,
        size,
        0,
    )


def test_every_refused_attempt_stays_in_the_history(site):
    dairy = a_dairy(site)
    a_deviation(site, dairy.yoghurt.uid)
    with pytest.raises(Refused, match="cannot release"):
        release(site, dairy.yoghurt)
    rows = read_ledger(site, a_context(site), action="lot.transition.refused").rows
    assert len(rows) == 1
    assert "open_deviations" in rows[0].as_json()["reason"]


def test_the_same_event_told_twice_is_stored_once(site):
    milk = a_received_lot(site)
    a_party(site, SHOP, "customer")
    seen = EventInput(
        "observation", (line(milk, "subject"),), site.sources.now(), external_id="scan-1"
    )
    first = record_event(site, a_context(site, ["operator"]), seen)
    again = record_event(site, a_context(site, ["operator"]), seen)
    assert (again.event_id, first.is_new, again.is_new) == (first.event_id, True, False)


def test_a_lot_is_found_by_its_number_and_its_pallet(site):
    dairy = a_dairy(site)
    on_pallet(site, dairy.yoghurt, "100")
    assert get_lot(site, a_context(site), "Y-1").info.uid == dairy.yoghurt.uid
    inside = trace(site, a_context(site), PALLET.lot_no, "backward")
    assert "Y-1" in {n.info.lot_no for n in inside.nodes}


def test_a_return_of_an_unknown_lot_is_refused(site):
    a_party(site, SHOP, "customer")
    back = EventInput(
        "returning",
        (Line(LotRef(item="YOGHURT", lot_no="Y-9", source="PLANT"), "subject"),),
        site.sources.now(),
        from_party=SHOP,
    )
    with pytest.raises(Exception, match="there is no lot YOGHURT Y-9 of PLANT"):
        record_event(site, a_context(site, ["warehouse"]), back)
