"""What would let a recall look better than it is: checks of strangers, exercises, found stock."""

import json
from decimal import Decimal
from typing import Any

import pytest
from sqlmodel import func, select

from qtcore.errors import Conflict, InputRejected, NotFound, Refused
from qtcore.services.events import EventInput, Line, Origin, write_all
from qtcore.services.interchange import import_epcis
from qtcore.services.jobs import run_round
from qtcore.services.nodes import LotRef, NodeBook
from qtcore.services.recall import RecallStart, start_recall
from qtcore.services.recall_cases import read_case
from qtcore.services.recall_checks import CheckInput, add_check
from qtcore.services.recall_notices import acknowledge, send_notices
from qtcore.services.recall_replies import ReplyInput, answer_link, make_link, note_reply
from qtcore.services.recording import record_event
from qtcore.services.records import correct_record
from qtcore.store.tables import Notification, Outbox, WorkflowTimer
from qtcore.testing.builders import a_party, a_user, line
from tests.scenarios.recall_dairy import PLAN, Dairy
from tests.web import make_web

SHOP = "SHOP-A"


def a_check(customer: str) -> CheckInput:
    return CheckInput(customer, "phone", notice_received=True, understood=True, acted=True)


def test_a_check_of_somebody_who_received_nothing_is_refused(dairy: Dairy) -> None:
    a_party(dairy.site, "STRANGER", "customer")
    recall = dairy.start(data={"effectiveness_level": "A"})
    for name in ("STRANGER", "SUPPLIER-A"):
        with pytest.raises(NotFound, match=f"{name!r} received nothing of recall"):
            add_check(dairy.site, dairy.everyone(), recall.record_id, a_check(name))
    add_check(dairy.site, dairy.everyone(), recall.record_id, a_check("SHOP-A"))

    found = read_case(dairy.site, dairy.everyone(), recall.record_id).parts["effectiveness"]
    assert (found["required"], found["checked"], found["is_enough"]) == (2, 1, False)


def test_stock_that_nobody_saw_come_is_unaccounted_for(dairy: Dairy) -> None:
    site = dairy.site
    ref = LotRef(item="MILK", lot_no="FOUND", source="SUPPLIER-A")
    counted = Line(ref, "subject", Decimal(50), "kg")
    event = EventInput("observation", (counted,), site.sources.now(), step="stock_taking")
    with site.store.write(site.system_context()) as work:
        write_all(site, NodeBook(site, work), [event], origin=Origin("import"))
    start = RecallStart(["FOUND"], "Found", "found", data=PLAN)
    recall = start_recall(site, dairy.everyone(), start)

    view = read_case(site, dairy.everyone(), recall.record_id).as_json()
    assert [(t["total"], t["unaccounted"]) for t in view["balance"]["totals"]] == [("50", "50")]
    assert view["balance"]["unaccounted_percent"] == "100.00"
    assert view["located_percent"] == "0.00"
    dairy.up_to(recall, "reconcile")
    with pytest.raises(Refused, match=r"50 kg are unaccounted for, 100\.00 %"):
        dairy.step(recall, "close", "recall_head")


@pytest.mark.parametrize("is_mock", [True, False])
def test_an_exercise_stays_one_and_a_recall_a_recall(dairy: Dairy, is_mock: bool) -> None:
    recall = dairy.start(is_mock=is_mock)
    before = read_case(dairy.site, dairy.everyone(), recall.record_id)
    changed = {**before.record.data, "mock": not is_mock}
    with pytest.raises(InputRejected, match="and stays one") as told:
        correct_record(
            dairy.site, dairy.everyone(), recall.record_id, changed, reason="a wrong tick"
        )
    assert told.value.faults[0].where == "/data/mock"
    after = read_case(dairy.site, dairy.everyone(), recall.record_id)
    assert after.record.data == before.record.data
    again = {**before.record.data, "hazard": "Splinters"}
    correct_record(dairy.site, dairy.everyone(), recall.record_id, again, reason="assessed")


def test_nobody_is_told_of_an_exercise_and_no_deadline_of_it_passes(dairy: Dairy) -> None:
    site = dairy.site
    a_user(site, ["recall_head"], login="boss")

    def count() -> list[int]:
        with site.store.read() as session:
            tables = (Outbox, WorkflowTimer, Notification)
            return [session.exec(select(func.count()).select_from(t)).one() for t in tables]

    before = count()
    exercise = dairy.start(is_mock=True)
    data = read_case(site, dairy.everyone(), exercise.record_id).record.data
    more = {**data, "hazard": "Splinters"}
    correct_record(site, dairy.everyone(), exercise.record_id, more, reason="assessed")
    dairy.clock.advance(hours=30)
    run_round(site)
    assert count() == before

    dairy.start()
    dairy.clock.advance(hours=30)
    run_round(site)
    assert all(now > then for now, then in zip(count(), before, strict=True))


def test_a_customer_is_counted_in_one_unit(dairy: Dairy) -> None:
    """10 kg and 500 g were sold to a shop; 10 kg came back, and it answers in grams."""
    site, now = dairy.site, dairy.site.sources.now()
    grams = EventInput("shipping", (line(dairy.first, "subject", "500", "g"),), now, to_party=SHOP)
    record_event(site, dairy.everyone(), grams)
    recall = dairy.start()
    dairy.give_back(SHOP, "10")

    def counted() -> tuple[list[str], list[tuple[str, str]]]:
        found = read_case(site, dairy.everyone(), recall.record_id).reconciled
        assert found.problems == ()
        (row,) = [row for row in found.customers if row["customer"] == SHOP]
        totals = [(total["total"], total["unit"]) for total in found.totals]
        return [row[n] for n in ("shipped", "returned", "unaccounted", "unit")], totals

    assert counted() == (["10.5", "10", "0.5", "kg"], [("100", "kg")])
    said = ReplyInput(True, "all", Decimal(10_500), "g", completed=True)
    note_reply(site, dairy.everyone(), recall.record_id, customer=SHOP, reply=said)
    assert counted()[0] == ["10.5", "10", "0.0", "kg"]


@pytest.mark.parametrize("typed", ["9" * 19, "1E+300", "1E-100000", "1E-19", "-0", "NaN", "-3"])
def test_a_reply_tells_a_quantity_that_somebody_can_mean(dairy: Dairy, typed: str) -> None:
    recall = dairy.start()
    secret = make_link(dairy.site, dairy.everyone(), recall.record_id, SHOP)
    said = ReplyInput(True, "some", Decimal(typed), "kg")
    with pytest.raises(InputRejected, match="at most 18 digits before and 18 after the point"):
        answer_link(dairy.site, dairy.everyone(), secret, said)


def test_the_page_of_a_reply_reads_plain_digits_only(dairy: Dairy) -> None:
    recall = dairy.start()
    secret = make_link(dairy.site, dairy.everyone(), recall.record_id, SHOP)
    answers = {}
    with make_web(dairy.site).visitor() as client:
        for typed in ("1_000", "1e5", "1,5", "5kg", "-0", "9" * 400, "１２．５", "3.50"):
            told = {"acknowledged": "yes", "impact": "some", "quantity": typed, "unit": "kg"}
            answers[typed] = client.post(f"/reply/{secret}", data=told).status_code
    assert list(answers.values()) == [400] * 6 + [200] * 2
    replies = read_case(dairy.site, dairy.everyone(), recall.record_id).parts["replies"]
    assert [reply["quantity"] for reply in replies] == ["12.5", "3.50"]


def test_of_a_recall_that_was_dismissed_nobody_is_told_or_reminded(dairy: Dairy) -> None:
    site, recall = dairy.site, dairy.start()
    dairy.step(recall, "assess", "recall_coord")
    dairy.step(recall, "dismiss", "recall_head")
    with pytest.raises(Conflict, match="is not_needed: nobody is told any more"):
        send_notices(site, dairy.everyone(), recall.record_id)

    dairy.clock.advance(days=9)
    run_round(site)

    notices = read_case(site, dairy.everyone(), recall.record_id).parts["notices"]
    assert {notice["escalated_at"] for notice in notices} == {None}
    (report,) = [n for n in notices if n["node"] == "FD-N07"]
    acknowledge(site, dairy.everyone(), report["notice_id"], "receipt 1")
    notices = read_case(site, dairy.everyone(), recall.record_id).parts["notices"]
    assert [n["round"] for n in notices if n["node"] == "FD-N07"] == [1]


LOT = "urn:epc:class:lgtin:4012345.012345.E1"


def a_document(*events: dict[str, Any]) -> bytes:
    shared = {"type": "ObjectEvent", "eventTimeZoneOffset": "+00:00", "quantityList": [
        {"epcClass": LOT, "quantity": 8, "uom": "KGM"},
    ]}  # fmt: skip
    return json.dumps(
        {
            "@context": ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"],
            "type": "EPCISDocument",
            "schemaVersion": "2.0",
            "creationDate": "2026-05-01T00:00:00Z",
            "epcisBody": {"eventList": [{**shared, **event} for event in events]},
        }
    ).encode()


def test_a_shipment_declared_an_error_shows_as_withdrawn(dairy: Dairy) -> None:
    site, person = dairy.site, dairy.everyone()
    name = "urn:uuid:00000000-0000-4000-8000-00000000000"
    made = {"eventID": f"{name}1", "eventTime": "2026-04-01T10:00:00Z", "action": "ADD",
            "bizStep": "commissioning"}  # fmt: skip
    buyer = {"type": "owning_party", "destination": "urn:epc:id:pgln:4099999.00000"}
    sent = {"eventID": f"{name}2", "eventTime": "2026-04-02T10:00:00Z", "action": "OBSERVE",
            "bizStep": "shipping", "destinationList": [buyer]}  # fmt: skip
    wrong = {"declarationTime": "2026-05-02T10:00:00Z", "reason": "did_not_occur"}
    import_epcis(site, site.system_context(), [("a.json", a_document(made, sent))])
    recall = start_recall(site, person, RecallStart(["E1"], "Metal", "metal", data=PLAN))
    before = read_case(site, person, recall.record_id).parts["since_snapshot"]
    told = a_document({**sent, "errorDeclaration": wrong})
    import_epcis(site, site.system_context(), [("b.json", told)])

    after = read_case(site, person, recall.record_id).parts["since_snapshot"]
    assert before["withdrawn"] == after["shipped"] == []
    (gone,) = after["withdrawn"]
    assert (gone["lot_no"], gone["customer"], gone["quantity"]) == ("E1", "4099999000005", "8")
    with make_web(site).person() as client:
        page = client.get(f"/recall/{recall.number}").text
    assert "E1</a> not shipped after all" in page
    assert f'action="/recall/{recall.number}/renew"' in page


def test_a_pallet_that_came_back_counts_for_what_was_in_it(dairy: Dairy) -> None:
    site, pallet = dairy.site, LotRef(kind="logistic_unit", lot_no="P-1")

    def tell(kind: str, *lines: Line, **more: Any) -> None:
        record_event(site, dairy.everyone(), EventInput(kind, lines, site.sources.now(), **more))

    tell("packing", line(dairy.second, "child", "20"), Line(pallet, "parent"))
    tell("shipping", Line(pallet, "subject"), to_party=SHOP)
    tell(dairy.returning(), Line(pallet, "subject"), from_party=SHOP)
    recall = dairy.start()
    found = read_case(site, dairy.everyone(), recall.record_id).reconciled
    (row,) = [row for row in found.customers if row["customer"] == SHOP]
    assert (row["shipped"], row["returned"], found.problems) == ("30", "20", ())


def test_a_return_that_nobody_measured_is_named(dairy: Dairy) -> None:
    site = dairy.site
    back = Line(LotRef(text=dairy.first.uid), "subject")
    event = EventInput(dairy.returning(), (back,), site.sources.now(), from_party=SHOP)
    with site.store.write(site.system_context()) as work:
        (stored,) = write_all(site, NodeBook(site, work), [event], origin=Origin("import"))
    recall = dairy.start()
    problems = read_case(site, dairy.everyone(), recall.record_id).reconciled.problems
    (parts,) = [each.parts for each in problems if each.kind == "returned_unmeasured"]
    assert parts == {"lot_no": "Y-1", "reference": stored.event_id}


def test_nobody_and_our_own_sites_are_no_consignees_of_checks(dairy: Dairy) -> None:
    site = dairy.site
    a_party(site, "EAST", "site")
    dairy.ship("EAST", "5", dairy.second)
    event = EventInput("shipping", (line(dairy.second, "subject", "1"),), site.sources.now())
    with site.store.write(site.system_context()) as work:
        write_all(site, NodeBook(site, work), [event], origin=Origin("import"))
    recall = dairy.start(data={"effectiveness_level": "A"})
    for shop in ("SHOP-A", "SHOP-B"):
        add_check(site, dairy.everyone(), recall.record_id, a_check(shop))
    found = read_case(site, dairy.everyone(), recall.record_id).parts["effectiveness"]
    assert (found["consignees"], found["required"], found["is_enough"]) == (2, 2, True)
    assert found["shipments_without_customer"] == 1
    with make_web(site).person() as person:
        page = person.get(f"/recall/{recall.number}").text
    assert "Shipments that name no customer, so that nobody can be checked: 1." in page
