"""Orders for what a recall holds, and who among the customers is one of our own sites."""

from datetime import timedelta
from decimal import Decimal

import pytest
from sqlmodel import select

from qtcore.errors import Refused
from qtcore.services.events import EventInput, Line, Origin, write_all
from qtcore.services.holds import lift_holds_of, place_hold
from qtcore.services.nodes import LotRef, NodeBook
from qtcore.services.orders import OrderInput, finish_order, reserve
from qtcore.services.recall_cases import read_case
from qtcore.services.recording import record_event
from qtcore.services.site import Site
from qtcore.store.tables import OrderLine
from qtcore.testing import a_party, line
from tests.scenarios.recall_dairy import Dairy, made


def learn(site: Site, *lines: Line) -> None:
    """Import what had happened and nobody had told."""
    with site.store.write(site.system_context()) as work:
        told = EventInput("production", lines, site.sources.now())
        write_all(site, NodeBook(site, work), [told], origin=Origin("import"))


def state_of(dairy: Dairy, order: str) -> str:
    with dairy.site.store.read() as session:
        return session.exec(select(OrderLine.state).where(OrderLine.uid == order)).one()


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


@pytest.mark.parametrize("way", ["itself", "in a case"])
def test_a_line_that_left_before_the_hold_can_be_said_to_have_left(dairy, way):
    """The goods are gone: keeping the line open would hide them among what can be stopped."""
    dairy.clock.at += timedelta(minutes=1)
    if way == "itself":
        dairy.ship("SHOP-A", "5")
    else:
        case = Line(LotRef(kind="logistic_unit", lot_no="C-1"), "parent")
        pack = EventInput("packing", (case, line(dairy.first, "child", "5")), dairy.clock.at)
        record_event(dairy.site, dairy.everyone(), pack)
        dairy.clock.at += timedelta(minutes=1)
        gone = EventInput("shipping", (line("C-1", "subject"),), dairy.clock.at, to_party="SHOP-A")
        record_event(dairy.site, dairy.everyone(), gone)
    dairy.clock.at += timedelta(minutes=1)
    dairy.start()
    finish_order(dairy.site, dairy.everyone(), dairy.order, "done")
    assert state_of(dairy, dairy.order) == "done"


def test_what_left_to_somebody_else_is_not_what_the_line_asked_for(dairy):
    dairy.clock.at += timedelta(minutes=1)
    dairy.ship("SHOP-B", "5")
    dairy.clock.at += timedelta(minutes=1)
    dairy.start()
    with pytest.raises(Refused, match="on hold since"):
        finish_order(dairy.site, dairy.everyone(), dairy.order, "done")


def test_a_serial_of_a_held_lot_is_neither_reserved_nor_said_to_have_left(dairy):
    piece = Line(LotRef(kind="unit", item="YOGHURT", lot_no="S-1"), "output", Decimal(1), "kg")
    learn(dairy.site, line(dairy.first, "input", "1"), piece)
    ask = (dairy.site, dairy.everyone())
    first = reserve(*ask, OrderInput("SO-8", 1, "SHOP-A", "S-1", Decimal(1), "kg"))
    place_hold(*ask, [dairy.first.uid], "a smell")
    with pytest.raises(Refused) as refused:
        finish_order(*ask, first, "done")
    assert [each.code for each in refused.value.refusals] == ["QT445"]
    with pytest.raises(Refused, match=r"unit S-1 is on hold since .*a smell"):
        reserve(*ask, OrderInput("SO-9", 1, "SHOP-A", "S-1", Decimal(1), "kg"))


def test_a_lot_made_of_what_a_recall_holds_has_not_left(dairy):
    dairy.start()
    learn(dairy.site, line("M-1", "input", "1"), made("Y-9"))
    ask = (dairy.site, dairy.everyone())
    with pytest.raises(Refused) as refused:
        reserve(*ask, OrderInput("SO-9", 1, "SHOP-A", "Y-9", Decimal(1), "kg"))
    assert [each.code for each in refused.value.refusals] == ["QT563"]


def test_a_line_whose_lot_turns_out_to_be_made_of_what_is_held_has_not_left(dairy):
    learn(dairy.site, made("Y-9"))
    ask = (dairy.site, dairy.everyone())
    order = reserve(*ask, OrderInput("SO-9", 1, "SHOP-A", "Y-9", Decimal(1), "kg"))
    dairy.start()
    learn(dairy.site, line("M-1", "input", "1"), line("Y-9", "output", "1"))
    with pytest.raises(Refused) as refused:
        finish_order(*ask, order, "done")
    assert [each.code for each in refused.value.refusals] == ["QT563"]
    finish_order(*ask, order, "cancelled")


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
    with pytest.raises(Refused, match="on hold since"):
        finish_order(dairy.site, dairy.everyone(), dairy.order, "done")
    lift_holds_of(dairy.site, dairy.everyone(), recall.record_id, "the wrong lot")
    finish_order(dairy.site, dairy.everyone(), dairy.order, "done")
    assert state_of(dairy, dairy.order) == "done"
