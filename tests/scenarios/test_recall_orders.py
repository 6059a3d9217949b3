"""Orders for what a recall holds, and who among the customers is one of our own sites."""

import pytest

from qtcore.errors import Refused
from qtcore.services.holds import lift_holds_of
from qtcore.services.orders import finish_order
from qtcore.services.recall_cases import read_case
from qtcore.testing import a_party


def test_a_line_of_a_held_lot_has_not_left_and_can_be_cancelled(dairy):
    recall = dairy.start()
    ask = (dairy.site, dairy.everyone(), dairy.order)
    with pytest.raises(Refused, match=r"Y-1 of YOGHURT is on hold since .*metal found") as refused:
        finish_order(*ask, "done")
    (reason,) = refused.value.refusals
    assert reason.code == "QT445" and "as cancelled" in reason.fix
    left = read_case(dairy.site, dairy.everyone(), recall.number).as_json()["now"]["open_orders"]
    assert [order["order_no"] for order in left] == ["SO-7"]
    finish_order(*ask, "cancelled")


def test_a_site_of_ours_is_told_as_a_place_and_not_as_a_customer(dairy):
    a_party(dairy.site, "DEPOT", "site")
    dairy.ship("DEPOT", "3")
    recall = dairy.start()
    notices = read_case(dairy.site, dairy.everyone(), recall.number).parts["notices"]
    told = {(row["node"], row["recipient"]) for row in notices}
    plan = dairy.site.registry.get("recalls", "food_cn")
    kinds = {node.id: node.recipient for node in plan.nodes}
    assert {kinds[node] for node, to in told if to == "DEPOT"} == {"own_sites"}
    assert {to for node, to in told if kinds[node] == "direct_accounts"} == {"SHOP-A", "SHOP-B"}


def test_a_line_leaves_once_the_hold_is_lifted(dairy):
    recall = dairy.start()
    lift_holds_of(dairy.site, dairy.everyone(), recall.record_id, "the wrong lot")
    finish_order(dairy.site, dairy.everyone(), dairy.order, "done")
