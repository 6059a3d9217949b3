"""A recall of yoghurt, from the signal to the signed closure, as a dairy lives it."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from qtcore.errors import Conflict, InputRejected, NotFound, Refused
from qtcore.services import recall_unrecorded
from qtcore.services.events import EventInput, Origin, write_all
from qtcore.services.holds import hold_all, lift_hold, lift_holds_of
from qtcore.services.nodes import NodeBook
from qtcore.services.orders import OrderInput, reserve
from qtcore.services.recall import Question, RecallStart, recall_scope, start_recall
from qtcore.services.recall_cases import question_of, read_case, report_rows
from qtcore.services.recall_checks import CheckInput, add_check
from qtcore.services.recall_notices import send_notices
from qtcore.services.recall_replies import (
    ReplyInput,
    answer_link,
    make_link,
    open_link,
    revoke_links,
)
from qtcore.services.recording import record_event
from qtcore.services.records import correct_record
from qtcore.testing import a_party, an_output, line
from tests.scenarios.recall_dairy import PLAN, made


def test_the_scope_says_who_has_it_where_it_is_and_which_order_can_be_stopped(dairy):
    scope = recall_scope(dairy.site, dairy.everyone(), ["M-1"]).as_json()

    (first,) = [lot for lot in scope["lots"] if lot["lot_no"] == "Y-1"]
    assert [edge["from"] for edge in first["because"]] == [dairy.milk.uid]
    assert (first["upper"], first["unit"]) == ("40", "kg")
    told = {lot["lot_no"]: lot["contains"][0] for lot in scope["lots"]}
    assert {name: (c["lower"], c["upper"], c["of"]) for name, c in told.items()} == {
        "M-1": ("100", "100", "100"),
        "Y-1": ("40", "40", "100"),
        "Y-2": ("20", "20", "100"),
    }
    customers = {c["customer"]: c for c in scope["shipped_sales_orders"]}
    assert customers["SHOP-A"]["email"] == "shop-a@example.org"
    assert customers["SHOP-A"]["lots"][0]["quantity"] == "10"
    (order,) = scope["open_orders"]
    assert (order["order_no"], order["is_stopped"]) == ("SO-7", False)
    assert [row["supplier"] for row in scope["purchase_orders"]] == ["SUPPLIER-A"]
    assert scope["quantities"] == [
        {"item": "MILK", "unit": "kg", "lower": "100", "upper": "100"},
        {"item": "YOGHURT", "unit": "kg", "lower": "60", "upper": "60"},
    ]


def test_a_sibling_shares_the_milk_and_is_not_in_the_scope(dairy):
    scope = recall_scope(dairy.site, dairy.everyone(), ["Y-1"]).as_json()

    assert [lot["lot_no"] for lot in scope["lots"]] == ["Y-1"]
    assert [(s["lot_no"], s["cause"], s["shared"]) for s in scope["siblings"]] == [
        ("Y-2", "supplier_lot", "MILK M-1")
    ]


def test_a_supplier_over_a_period_is_a_seed(dairy):
    now = dairy.site.sources.now()
    hour = timedelta(hours=1)
    asked = Question(supplier="SUPPLIER-A", since=now - hour, until=now + hour)
    scope = recall_scope(dairy.site, dairy.everyone(), asked).as_json()
    assert {lot["lot_no"] for lot in scope["lots"]} == {"M-1", "Y-1", "Y-2"}

    with pytest.raises(InputRejected, match="nothing was made"):
        early = Question(supplier="SUPPLIER-A", since=now - 3 * hour, until=now - hour)
        recall_scope(dairy.site, dairy.everyone(), early)


def test_a_supplier_over_a_period_takes_its_lots_whoever_brought_them(dairy):
    site, now = dairy.site, dairy.site.sources.now()
    hour = timedelta(hours=1)
    for number, ago in (("M-2", 0), ("M-3", 9)):
        came = an_output("MILK", number, "5", source="SUPPLIER-A")
        record_event(site, dairy.everyone(), EventInput("receiving", (came,), now - ago * hour))
    mentioned = EventInput("observation", (replace(came, part="subject"),), now)
    unknown = replace(mentioned.lines[0], ref=replace(came.ref, lot_no="M-4"))
    with site.store.write(site.system_context()) as work:
        told = replace(mentioned, lines=(unknown,))
        write_all(site, NodeBook(site, work), [told], origin=Origin("import"))

    asked = Question(supplier="SUPPLIER-A", since=now - hour, until=now + hour)
    starts = recall_scope(site, dairy.everyone(), asked).as_json()["starts"]
    assert {start["lot_no"]: start["verdict"] for start in starts} == {
        "M-1": "proved", "M-2": "proved", "M-4": "possible",
    }  # fmt: skip


def test_a_machine_window_takes_what_was_made_in_it(dairy):
    site, now = dairy.site, dairy.site.sources.now()
    extra = EventInput(
        "production",
        (line(dairy.milk, "input", "5"), made("Y-3")),
        now + timedelta(hours=2),
        equipment="VAT-1",
    )
    dairy.clock.advance(hours=3)
    record_event(site, dairy.everyone(), extra)
    asked = Question(equipment="VAT-1", since=now, until=now + timedelta(hours=3))
    scope = recall_scope(site, dairy.everyone(), asked).as_json()
    assert [lot["lot_no"] for lot in scope["lots"]] == ["Y-3"]

    condition = replace(asked, equipment="", where="equipment == 'VAT-1'")
    found = recall_scope(site, dairy.everyone(), condition).as_json()
    # At which machine the others were made nobody recorded: it may have been this one.
    verdicts = {lot["lot_no"]: lot["verdict"] for lot in found["lots"]}
    assert verdicts == {"Y-1": "possible", "Y-2": "possible", "Y-3": "proved"}
    elsewhere = replace(condition, where="equipment == 'VAT-1' and verb == 'receive'")
    with pytest.raises(InputRejected, match="nothing was made"):  # no machine receives
        recall_scope(site, dairy.everyone(), elsewhere)
    with pytest.raises(InputRejected, match="cannot be used"):
        recall_scope(site, dairy.everyone(), replace(condition, where="equipmnt == 'VAT-1'"))
    with pytest.raises(InputRejected, match="both ends"):
        recall_scope(site, dairy.everyone(), replace(asked, until=None))


def at_a_machine(dairy, *made_at: tuple[str, str]) -> Question:
    """Make lots, each at a machine or where nobody recorded one; gives the window of VAT-1."""
    now = dairy.clock.at
    dairy.clock.advance(hours=3)
    for hours, (lot_no, machine) in enumerate(made_at, start=1):
        parts = (line(dairy.milk, "input", "1"), made(lot_no))
        at = now + timedelta(hours=hours)
        record_event(
            dairy.site, dairy.everyone(), EventInput("production", parts, at, equipment=machine)
        )
    return Question(
        equipment="VAT-1", since=now + timedelta(minutes=1), until=now + timedelta(hours=3)
    )


def test_a_machine_window_counts_and_lists_what_was_made_at_no_recorded_machine(dairy):
    asked = at_a_machine(dairy, ("Y-3", "VAT-1"), ("Y-4", ""))
    told = recall_scope(dairy.site, dairy.everyone(), asked).as_json()
    assert [lot["lot_no"] for lot in told["lots"]] == ["Y-3"]
    assert told["not_recorded"] == {"events": 1, "lots": 1, "listed": 1, "included": False}
    assert [(g["kind"], g["lot_no"]) for g in told["gaps"]] == [("equipment_not_recorded", "Y-4")]

    all_of_it = replace(asked, include_unrecorded=True)
    wide = recall_scope(dairy.site, dairy.everyone(), all_of_it).as_json()
    verdicts = {lot["lot_no"]: lot["verdict"] for lot in wide["lots"]}
    assert verdicts == {"Y-3": "proved", "Y-4": "possible"}
    assert wide["not_recorded"] == {"events": 1, "lots": 1, "listed": 0, "included": True}
    assert wide["gaps"] == []
    start = RecallStart([], "Metal", "found", is_mock=True, data=PLAN, question=all_of_it)
    number = start_recall(dairy.site, dairy.everyone(), start).number
    view = read_case(dairy.site, dairy.everyone(), number)
    assert question_of(view.case) == all_of_it


def test_a_machine_window_of_unrecorded_machines_only_is_refused_with_their_number(dairy):
    asked = at_a_machine(dairy, ("Y-3", ""), ("Y-4", ""))
    with pytest.raises(InputRejected, match="2 lots were made in it at a machine that nobody rec"):
        recall_scope(dairy.site, dairy.everyone(), asked)
    narrow = replace(asked, where="verb == 'receive'", include_unrecorded=True)
    with pytest.raises(InputRejected, match=r"the times$"):
        recall_scope(dairy.site, dairy.everyone(), narrow)


def test_of_many_lots_at_no_recorded_machine_some_are_listed_and_all_counted(dairy, monkeypatch):
    asked = at_a_machine(dairy, ("Y-3", "VAT-1"), ("Y-4", ""), ("Y-5", ""))
    monkeypatch.setattr(recall_unrecorded, "MOST_LISTED", 1)
    told = recall_scope(dairy.site, dairy.everyone(), asked).as_json()
    assert told["not_recorded"] == {"events": 2, "lots": 2, "listed": 1, "included": False}
    assert [gap["lot_no"] for gap in told["gaps"]] == ["Y-4"]


def test_a_recall_holds_all_and_names_the_order_it_stops(dairy):
    recall = dairy.start()

    assert len(recall.held) == 3
    assert [(b["order_no"], b["customer"]) for b in recall.broken] == [("SO-7", "SHOP-A")]
    with pytest.raises(Refused, match="on hold"):
        dairy.ship("SHOP-A", "1")
    with pytest.raises(Refused, match="on hold"):
        event = EventInput(
            "production", (line(dairy.milk, "input", "1"), made("Y-9")), dairy.site.sources.now()
        )
        record_event(dairy.site, dairy.everyone(), event)
    with pytest.raises(Refused, match="on hold"):
        order = OrderInput("SO-8", 1, "SHOP-B", dairy.first.uid, Decimal(1), "kg")
        reserve(dairy.site, dairy.everyone(), order)


def test_lifting_one_hold_leaves_the_other_and_lifting_all_restores_the_order(dairy):
    other = hold_all(dairy.site, dairy.everyone(), [dairy.first.uid], "dent in the lid")
    recall = dairy.start()
    assert recall.broken == ()  # the order was stopped before

    lift_holds_of(dairy.site, dairy.everyone(), recall.record_id, "the metal was in another vat")
    with pytest.raises(Refused, match="dent in the lid"):
        dairy.ship("SHOP-A", "1")
    lift_hold(dairy.site, dairy.everyone(), other.holds[0], "lid is fine")
    scope = recall_scope(dairy.site, dairy.everyone(), ["Y-1"]).as_json()
    assert [o["is_stopped"] for o in scope["open_orders"]] == [False]
    dairy.ship("SHOP-A", "1")


def test_a_mock_recall_changes_nothing_and_is_filed_with_its_time(dairy):
    recall = dairy.start(is_mock=True)

    assert recall.held == () and recall.timings["located_percent"] == "100.00"
    view = read_case(dairy.site, dairy.everyone(), recall.number)
    assert {n["state"] for n in view.parts["notices"]} == {"mock"}
    assert send_notices(dairy.site, dairy.everyone(), recall.record_id) == []
    with pytest.raises(InputRejected, match="mock"):
        make_link(dairy.site, dairy.everyone(), recall.record_id, "SHOP-A")
    dairy.ship("SHOP-A", "1")


def test_what_happens_later_shows_as_a_difference_to_the_snapshot(dairy):
    recall = dairy.start()
    dairy.give_back("SHOP-A", "4")

    since = read_case(dairy.site, dairy.everyone(), recall.number).parts["since_snapshot"]
    (changed,) = since["changed"]
    assert changed["lot_no"] == "Y-1"
    assert since["added"] == [] and since["removed"] == []


def test_deadlines_follow_the_plan_and_are_late_after_it(dairy):
    recall = dairy.start()
    notices = read_case(dairy.site, dairy.everyone(), recall.number).parts["notices"]
    buyers = [n for n in notices if n["node"] == "FD-N04"]
    assert {n["recipient"] for n in buyers} == {"SHOP-A", "SHOP-B"}
    assert buyers[0]["due_at"] == (dairy.clock.at + timedelta(hours=4)).isoformat()
    assert "Y-1" in buyers[0]["body"] and not buyers[0]["is_late"]

    dairy.clock.advance(hours=5)
    notices = read_case(dairy.site, dairy.everyone(), recall.number).parts["notices"]
    assert all(n["is_late"] for n in notices if n["node"] == "FD-N04")


def test_a_link_shows_one_consignee_only_and_keeps_every_reply(dairy):
    recall = dairy.start()
    secret = make_link(dairy.site, dairy.everyone(), recall.record_id, "SHOP-A")
    opened = open_link(dairy.site, secret)
    assert [lot["quantity"] for lot in opened.lots] == ["10"]

    first = ReplyInput(True, "some", Decimal(3), "kg")
    assert answer_link(dairy.site, dairy.site.system_context(), secret, first) == 1
    assert (
        answer_link(
            dairy.site, dairy.site.system_context(), secret, replace(first, quantity=Decimal(4))
        )
        == 2
    )
    replies = read_case(dairy.site, dairy.everyone(), recall.number).parts["replies"]
    assert [(r["quantity"], r["is_current"]) for r in replies] == [("3", False), ("4", True)]
    with pytest.raises(InputRejected, match="impact"):
        answer_link(dairy.site, dairy.site.system_context(), secret, replace(first, impact="much"))
    with pytest.raises(InputRejected, match="unit"):
        answer_link(
            dairy.site, dairy.site.system_context(), secret, replace(first, unit="stone age")
        )


def test_wrong_expired_and_revoked_links_are_answered_alike(dairy):
    recall = dairy.start()
    secret = make_link(dairy.site, dairy.everyone(), recall.record_id, "SHOP-A")
    said = set()
    with pytest.raises(NotFound) as wrong:
        open_link(dairy.site, "x" * 43)
    said.add(wrong.value.message)
    revoke_links(dairy.site, dairy.everyone(), recall.record_id, "SHOP-A")
    with pytest.raises(NotFound) as revoked:
        open_link(dairy.site, secret)
    said.add(revoked.value.message)
    again = make_link(dairy.site, dairy.everyone(), recall.record_id, "SHOP-A")
    assert open_link(dairy.site, again).customer == "SHOP-A"
    dairy.clock.advance(days=91)
    with pytest.raises(NotFound) as expired:
        open_link(dairy.site, again)
    said.add(expired.value.message)
    assert len(said) == 1


@pytest.mark.heavy
def test_it_closes_only_when_it_adds_up_or_somebody_says_why(dairy):
    recall = dairy.start()
    dairy.up_to(recall, "reconcile")
    with pytest.raises(Refused, match="16 kg are unaccounted for"):
        dairy.step(recall, "close", "recall_head")

    dairy.give_back("SHOP-A", "10")
    secret = make_link(dairy.site, dairy.everyone(), recall.record_id, "SHOP-B")
    answer_link(
        dairy.site,
        dairy.site.system_context(),
        secret,
        ReplyInput(True, "all", Decimal(6), "kg", completed=True),
    )
    rows = report_rows(read_case(dairy.site, dairy.everyone(), recall.number))
    assert [(r["customer"], r["unaccounted"]) for r in rows] == [("SHOP-A", "0"), ("SHOP-B", "0")]
    dairy.step(recall, "close", "recall_head")
    view = read_case(dairy.site, dairy.everyone(), recall.number)
    assert view.case.closure["justification"] == "" and view.record.state == "closed"
    with pytest.raises(Conflict, match="closed"):
        answer_link(dairy.site, dairy.site.system_context(), secret, ReplyInput(True, "none"))


def test_what_comes_back_from_somebody_nothing_was_shipped_to_is_named_with_its_quantity(dairy):
    recall = dairy.start()
    a_party(dairy.site, "SHOP-Z", "customer")
    dairy.give_back("SHOP-Z", "4")
    dairy.give_back("", "3")
    told = read_case(dairy.site, dairy.everyone(), recall.number).as_json()["balance"]
    rows = {r["customer"]: (r["shipped"], r["returned"], r["unaccounted"], r["unit"])
            for r in told["customers"]}  # fmt: skip
    assert rows == {
        "": ("0", "3", "0", "kg"),
        "SHOP-A": ("10", "0", "10", "kg"),
        "SHOP-B": ("6", "0", "6", "kg"),
        "SHOP-Z": ("0", "4", "0", "kg"),
    }
    assert [text.split(":")[0] for text in told["problems"]] == [
        "3 kg came back, and the return does not name from whom",
        "SHOP-Z sent back 4 kg, and 0 kg are known to have left for them",
    ]
    total = next(row for row in told["totals"] if row["unit"] == "kg")
    assert (total["returned"], total["unaccounted"]) == ("7", "16")


@pytest.mark.heavy
def test_a_justification_closes_what_stays_open_and_is_kept(dairy):
    recall = dairy.start(data={"effectiveness_level": "A"})
    dairy.up_to(recall, "reconcile")
    check = CheckInput("SHOP-A", "phone", notice_received=True, understood=True, acted=True)
    add_check(dairy.site, dairy.everyone(), recall.record_id, check)
    with pytest.raises(Refused) as stopped:
        dairy.step(recall, "close", "recall_head")
    assert {"QT496", "QT498"} <= {r.code for r in stopped.value.refusals}

    dairy.step(recall, "close", "recall_head", values={"justification": "eaten, says SHOP-B"})
    closure = read_case(dairy.site, dairy.everyone(), recall.number).case.closure
    assert closure["justification"] == "eaten, says SHOP-B"
    assert closure["unaccounted"] == {"kg": "16"}


@pytest.mark.heavy
def test_a_tolerance_raised_after_opening_closes_only_with_a_justification(dairy):
    recall = dairy.start(data={"tolerance_percent": "5"})
    dairy.up_to(recall, "reconcile")
    told = read_case(dairy.site, dairy.everyone(), recall.number).record.data
    correct_record(
        dairy.site,
        dairy.everyone(),
        recall.record_id,
        {**told, "tolerance_percent": "100"},
        reason="to get it off the list",
    )
    with pytest.raises(Refused) as stopped:
        dairy.step(recall, "close", "recall_head")
    (raised,) = [r for r in stopped.value.refusals if r.code == "QT564"]
    assert (
        "16.00 % of what there was; 100 % are tolerated since a correction, 5 %" in raised.message
    )

    dairy.step(recall, "close", "recall_head", values={"justification": "eaten, says SHOP-B"})
    closure = read_case(dairy.site, dairy.everyone(), recall.number).case.closure
    assert (closure["justification"], closure["tolerance_percent"]) == ("eaten, says SHOP-B", "100")


def test_what_the_same_machine_made_within_a_day_is_a_sibling_and_later_is_not(dairy):
    site, begin = dairy.site, dairy.clock.at
    dairy.clock.advance(hours=26)
    for lot_no, hours in (("Y-3", 0), ("Y-4", 23), ("Y-5", 26)):
        parts = (line(dairy.milk, "input", "5"), made(lot_no))
        at = begin + timedelta(hours=hours)
        record_event(site, dairy.everyone(), EventInput("production", parts, at, equipment="VAT-1"))

    scope = recall_scope(site, dairy.everyone(), ["Y-3"]).as_json()
    assert [lot["lot_no"] for lot in scope["lots"]] == ["Y-3"]
    same = [(s["lot_no"], s["shared"]) for s in scope["siblings"] if s["cause"] == "equipment"]
    assert same == [("Y-4", "VAT-1")]
