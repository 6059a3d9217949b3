"""The scope of a running recall is frozen anew; what a reply says must be possible."""

from dataclasses import replace
from decimal import Decimal

import pytest

from qtcore.errors import Conflict, InputRejected, NotFound
from qtcore.services.events import EventInput, Origin, write_all
from qtcore.services.holds import lift_hold
from qtcore.services.nodes import NodeBook
from qtcore.services.recall_cases import read_case
from qtcore.services.recall_planning import notices_of
from qtcore.services.recall_renewal import renew_scope
from qtcore.services.recall_replies import ReplyInput, make_link, note_reply
from qtcore.store.queries.nodes import active_holds
from qtcore.testing import a_party, line
from tests.scenarios.recall_dairy import Dairy, made
from tests.web import csrf_of, make_web

PHONED = ReplyInput(acknowledged=True, impact="some", quantity=Decimal(2), unit="kg")


def learn(dairy: Dairy) -> None:
    """Load what happened before the recall and was not known: a third shop, a third lot."""
    now = dairy.site.sources.now()
    sent = (line(dairy.second, "subject", "3"),)
    used = (line(dairy.milk, "input", "5"), made("Y-3"))
    told = (
        EventInput("shipping", sent, now, to_party=a_party(dairy.site, "SHOP-C", "customer")),
        EventInput("production", used, now),
    )
    with dairy.site.store.write(dairy.site.system_context()) as work:
        write_all(dairy.site, NodeBook(dairy.site, work), told, origin=Origin("import"))


def recipients(dairy: Dairy, recall) -> set[str]:
    with dairy.site.store.read() as session:
        view = read_case(dairy.site, dairy.everyone(), recall.record_id)
        return {row.recipient for row in notices_of(session, view.record)}


def test_a_consignee_who_came_to_be_known_later_is_told_and_answers(dairy: Dairy) -> None:
    recall = dairy.start()
    learn(dairy)
    ask = (dairy.site, dairy.everyone(), recall.record_id)
    since = read_case(*ask).parts["since_snapshot"]
    assert [row["lot_no"] for row in since["added"]] == ["Y-3"]
    with pytest.raises(NotFound, match="freeze it anew"):
        make_link(*ask, "SHOP-C")

    renewed = renew_scope(*ask, "a list of deliveries was found")

    assert (renewed.number, len(renewed.added), len(renewed.held.holds)) == (2, 1, 1)
    assert "SHOP-C" in recipients(dairy, recall)
    assert make_link(*ask, "SHOP-C")
    assert note_reply(*ask, customer="SHOP-C", reply=PHONED) == 1
    assert read_case(*ask).parts["since_snapshot"]["added"] == []
    assert read_case(*ask).snapshot.number == 2


def test_a_hold_that_was_lifted_stays_lifted(dairy: Dairy) -> None:
    recall = dairy.start()
    with dairy.site.store.read() as session:
        hold = active_holds(session, 1, [dairy.second.node])[dairy.second.node][0]
    lift_hold(dairy.site, dairy.everyone(), hold.uid, "tested and good")
    learn(dairy)
    renew_scope(dairy.site, dairy.everyone(), recall.record_id, "more is known")
    with dairy.site.store.read() as session:
        assert active_holds(session, 1, [dairy.second.node]) == {}


def test_an_exercise_is_frozen_anew_without_a_hold(dairy: Dairy) -> None:
    recall = dairy.start(is_mock=True)
    learn(dairy)
    renewed = renew_scope(dairy.site, dairy.everyone(), recall.record_id, "more is known")
    assert (len(renewed.added), renewed.held.holds) == (1, ())


def test_a_scope_is_frozen_anew_with_a_reason(dairy: Dairy) -> None:
    recall = dairy.start()
    with pytest.raises(InputRejected, match="say why"):
        renew_scope(dairy.site, dairy.everyone(), recall.record_id, " ")


def test_a_closed_recall_is_not_frozen_anew(dairy: Dairy, monkeypatch) -> None:
    recall = dairy.start()
    with dairy.site.store.write(dairy.site.system_context()) as work:
        record = read_case(dairy.site, dairy.everyone(), recall.record_id).record
        record = work.session.merge(record)
        work.change(record, closed_at=work.context.at)
        work.log("record.change", "record", record.uid)
    with pytest.raises(Conflict, match="is closed"):
        renew_scope(dairy.site, dairy.everyone(), recall.record_id, "more is known")


def test_a_reply_in_a_unit_that_cannot_be_compared_is_refused(dairy: Dairy) -> None:
    recall = dairy.start()
    ask = (dairy.site, dairy.everyone(), recall.record_id)
    with pytest.raises(InputRejected, match="'m' cannot be compared with what was received"):
        note_reply(*ask, customer="SHOP-A", reply=replace(PHONED, unit="m"))
    assert note_reply(*ask, customer="SHOP-A", reply=replace(PHONED, unit="g")) == 1


def test_what_a_customer_gives_back_beyond_what_left_is_named(dairy: Dairy) -> None:
    recall = dairy.start()
    dairy.give_back("SHOP-A", "11")
    found = read_case(dairy.site, dairy.everyone(), recall.record_id).reconciled
    assert [each.in_english()[:23] for each in found.problems] == ["SHOP-A sent back 11 kg,"]


def test_what_went_into_another_lot_of_the_recall_counts_once(dairy: Dairy) -> None:
    """100 kg of milk, 60 of them in two lots of yoghurt: there were 100 kg, and 16 left."""
    found = read_case(dairy.site, dairy.everyone(), dairy.start().record_id).reconciled
    assert [(t["total"], t["unaccounted"]) for t in found.totals] == [("100", "16")]
    assert found.as_json()["unaccounted_percent"] == "16.00"


def test_the_page_shows_what_came_to_be_known_and_freezes_anew(dairy: Dairy) -> None:
    recall = dairy.start()
    learn(dairy)
    path = f"/recall/{recall.number}"
    with make_web(dairy.site).person() as client:
        page = client.get(path)
        assert page.status_code == 200
        assert "Y-3" in page.text
        assert f'action="{path}/renew"' in page.text
        told = {"csrf_token": csrf_of(client), "reason": "a list was found"}
        assert client.post(f"{path}/renew", data=told).status_code == 200
        after = client.get(path).text
    assert "Nothing changed since the snapshot" in after
    assert f"{path}/renew" not in after


def test_the_api_freezes_a_scope_anew(dairy: Dairy) -> None:
    recall = dairy.start()
    learn(dairy)
    with make_web(dairy.site).program() as api:
        answer = api.post(
            f"/api/v1/recalls/{recall.number}/snapshots",
            json={"reason": "a list was found"},
            headers={"idempotency-key": "renewal-1"},
        )
    assert answer.status_code == 201, answer.text
    assert answer.json()["number"] == 2


@pytest.mark.heavy
def test_the_page_of_a_large_recall_says_how_much_it_does_not_show(dairy: Dairy) -> None:
    used = line(dairy.milk, "input", "1")
    now = dairy.site.sources.now()
    told = [EventInput("production", (used, made(f"Z-{n}")), now) for n in range(220)]
    with dairy.site.store.write(dairy.site.system_context()) as work:
        write_all(dairy.site, NodeBook(dairy.site, work), told, origin=Origin("import"))
    recall = dairy.start()
    with make_web(dairy.site).person() as client:
        page = client.get(f"/recall/{recall.number}").text
    assert page.count("Shown are the first 200 of") == 3
    assert "Shown are the first 200 of 223" in page
