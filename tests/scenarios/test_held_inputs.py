"""A lot that came to be known after the recall was opened: made of what is held, not held itself.

It can neither be released nor shipped, on both databases, until somebody settled it on purpose.
"""

from collections.abc import Iterator
from decimal import Decimal

import pytest

from qtcore.context import Context
from qtcore.errors import Refused
from qtcore.services.accounts import NewUser, actor_by_login, add_user
from qtcore.services.events import EventInput, Line, Origin, write_all
from qtcore.services.holds import lift_hold, place_hold, write_holds
from qtcore.services.nodes import LotRef, NodeBook, resolve
from qtcore.services.recall import RecallStart, StartedRecall, start_recall
from qtcore.services.recall_renewal import renew_scope
from qtcore.services.record_views import get_record
from qtcore.services.recording import record_event
from qtcore.services.records import RecordInput, write_record
from qtcore.services.release import explain_release
from qtcore.services.site import Site
from qtcore.services.trace import trace
from qtcore.store.queries.nodes import NodeInfo, active_holds
from qtcore.testing import (
    a_context,
    a_made_lot,
    a_party,
    a_received_lot,
    a_site,
    an_item,
    an_output,
    line,
    release,
)
from qtcore.testing.builders import EVERYTHING, PASSWORD
from tests.statements import counted
from tests.two_sites import furnish

PLAN = {"plan": "food_cn", "recall_class": "I"}


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def site(request: pytest.FixtureRequest) -> Iterator[Site]:
    is_sqlite = request.param == "sqlite"
    with a_site("sqlite://" if is_sqlite else request.getfixturevalue("postgres_url")) as opened:
        a_party(opened, "SHOP", "customer")
        a_party(opened, "PLANT", "site")
        an_item(opened, "YOGHURT", kind="finished")
        for number in ("M-1", "M-9"):
            release(opened, a_received_lot(opened, "MILK", number, "100"))
        yield opened


def everyone(site: Site):
    return a_context(site, EVERYTHING)


def recall(site: Site, *, mock: bool = False) -> StartedRecall:
    asked = RecallStart(["M-1"], "Metal", "metal found", data=dict(PLAN), is_mock=mock)
    return start_recall(site, everyone(site), asked)


def a_good_lot(site: Site, lot_no: str = "Y-1", made_of: str = "M-9") -> NodeInfo:
    lot = a_made_lot(site, "YOGHURT", lot_no, [(made_of, "10")], quantity="10")
    release(site, lot)
    return lot


def learn(site: Site, *lines: Line, event_type: str = "production") -> None:
    """Import what had happened and nobody had told."""
    event = EventInput(event_type, lines, site.sources.now())
    with site.store.write(site.system_context()) as work:
        write_all(site, NodeBook(site, work), [event], origin=Origin("import"))


def ship(site: Site, lot: NodeInfo | str, amount: str = "1", unit: str = "kg") -> None:
    left = (line(lot, "subject", amount, unit),)
    event = EventInput("shipping", left, site.sources.now(), to_party="SHOP")
    record_event(site, everyone(site), event)


def shipped(site: Site, lot: NodeInfo) -> int:
    """Count what left of a lot."""
    return len(trace(site, everyone(site), lot.uid, "forward").customers)


def codes(site: Site, lot: NodeInfo | str) -> list[str]:
    with pytest.raises(Refused) as refused:
        ship(site, lot)
    return [each.code for each in refused.value.refusals]


def found(site: Site, name: str) -> NodeInfo:
    with site.store.read() as session:
        return resolve(session, site.store.tenant_id, name)


def hold_on(site: Site, lot: NodeInfo) -> str:
    with site.store.read() as session:
        return active_holds(session, site.store.tenant_id, [lot.node])[lot.node][0].uid


def test_a_lot_made_of_what_a_recall_holds_is_not_shipped_until_it_is_settled(site):
    lot = a_good_lot(site)
    started = recall(site)
    learn(site, line("M-1", "input", "5"), an_output("YOGHURT", "Y-1", "5"))

    with pytest.raises(Refused) as refused:
        ship(site, lot)
    (reason,) = refused.value.refusals
    assert reason.code == "QT563"
    assert reason.message.startswith("lot Y-1 of YOGHURT was made of lot M-1 of MILK, which is on ")
    assert f"{started.number}: metal found; accepted is only a lot" in reason.message
    assert f"freeze the scope of recall {started.number} anew" in reason.fix
    assert "if it is still in the scope" in reason.fix

    renew_scope(site, everyone(site), started.record_id, "a list was found")
    assert codes(site, lot) == ["QT445"]
    lift_hold(site, everyone(site), hold_on(site, lot), "tested and good")
    ship(site, lot)


def test_a_lot_made_of_what_a_recall_holds_is_not_released_and_says_of_what(site):
    started = recall(site)
    learn(site, line("M-1", "input", "5"), an_output("YOGHURT", "Y-3", "5"))

    view = explain_release(site, everyone(site), "Y-3")
    told = next(rule for rule in view.as_json()["rules"] if rule["rule"] == "CORE-14")
    assert (told["outcome"], told["facts"]) == ("fail", {"inputs_held": 1})
    (source,) = told["evidence"][0]["sources"]
    assert source["label"] == f"lot M-1 of MILK: {started.number}: metal found"
    assert source["id"] == hold_on(site, found(site, "M-1"))
    assert "CORE-14" in [reason.code for reason in view.refusals]


def test_a_hold_that_is_lifted_on_the_input_frees_what_was_made_of_it(site):
    lot = a_good_lot(site)
    recall(site)
    learn(site, line("M-1", "input", "5"), an_output("YOGHURT", "Y-1", "5"))
    assert codes(site, lot) == ["QT563"]
    lift_hold(site, everyone(site), hold_on(site, found(site, "M-1")), "the wrong lot")
    ship(site, lot)
    assert shipped(site, lot) == 1


def test_what_was_settled_settles_what_came_of_it_but_no_other_way_to_the_held_lot(site):
    """M-1 -> B-1 (lifted) -> Y-1 is good; M-1 -> Y-2 beside it is not."""
    bulk = a_made_lot(site, "BULK", "B-1", [("M-1", "10")], quantity="10")
    first, second = a_good_lot(site), a_good_lot(site, "Y-2")
    recall(site)
    lift_hold(site, everyone(site), hold_on(site, bulk), "tested and good")
    learn(site, line("B-1", "input", "1"), an_output("YOGHURT", "Y-1", "1"))
    learn(site, line("B-1", "input", "1"), an_output("YOGHURT", "Y-2", "1"))
    learn(site, line("M-1", "input", "1"), an_output("YOGHURT", "Y-2", "1"))
    ship(site, first)
    assert codes(site, second) == ["QT563"]


@pytest.mark.parametrize("why", ["exercise", "manual", "closed"])
def test_only_what_a_running_recall_holds_counts(site, why):
    lot = a_good_lot(site)
    if why == "manual":
        place_hold(site, everyone(site), ["M-1"], "a smell")
    else:
        started = recall(site, mock=why == "exercise")
    if why == "closed":
        with site.store.write(site.system_context()) as work:
            work.change(
                get_record(site, work.session, started.record_id), closed_at=work.context.at
            )
            work.log("record.change", "record", started.record_id)
    learn(site, line("M-1", "input", "5"), an_output("YOGHURT", "Y-1", "5"))
    ship(site, lot)
    assert shipped(site, lot) == 1


def test_a_recall_of_a_release_that_kept_no_case_beside_its_record_counts(site):
    lot = a_good_lot(site)
    definition = site.registry.get("records", "recall")
    with site.store.write(everyone(site)) as work:
        work.take_turn()
        entry = RecordInput({**PLAN, "title": "Metal", "mock": False}, ["M-1"], "Metal")
        record = write_record(site, work, definition, entry)
        node = resolve(work.session, work.tenant_id, "M-1").node
        write_holds(work, [node], "metal found", cause="recall", record_uid=record.uid)
        work.log("record.create", "record", record.uid)
    learn(site, line("M-1", "input", "5"), an_output("YOGHURT", "Y-1", "5"))
    assert codes(site, lot) == ["QT563"]


def test_a_pallet_leaves_only_without_such_a_lot_and_only_for_what_is_inside_now(site):
    good, doubtful = a_good_lot(site), a_good_lot(site, "Y-2")
    pallet = Line(LotRef(kind="logistic_unit", lot_no="P-1"), "parent")
    packing = (pallet, line(good, "child", "2"), line(doubtful, "child", "3"))
    record_event(site, everyone(site), EventInput("packing", packing, site.sources.now()))
    recall(site)
    learn(site, line("M-1", "input", "5"), an_output("YOGHURT", "Y-2", "5"))
    assert codes(site, "P-1") == ["QT563"]
    out = (line("P-1", "parent"), line(doubtful, "child", "3"))
    record_event(site, everyone(site), EventInput("unpacking", out, site.sources.now()))
    left = EventInput("shipping", (line("P-1", "subject"),), site.sources.now(), to_party="SHOP")
    record_event(site, everyone(site), left)


def test_a_shipment_costs_one_statement_for_recalls_when_none_runs(site):
    def asked(act) -> int:
        with counted() as sent:
            act()
        return sum("recall_case" in text for text in sent)

    lots = [a_good_lot(site, f"Y-{number}") for number in range(3)]
    assert asked(lambda: ship(site, lots[0])) == 1
    recall(site)
    left = tuple(line(lot, "subject", "1") for lot in lots)
    many = EventInput("shipping", left, site.sources.now(), to_party="SHOP")
    assert asked(lambda: record_event(site, everyone(site), many)) == 2


def test_a_serial_of_a_good_lot_is_kept_back_by_what_went_into_itself(site):
    a_good_lot(site)
    recall(site)
    piece = Line(LotRef(kind="unit", item="YOGHURT", lot_no="S-1"), "output", Decimal(1), "kg")
    learn(site, line("M-1", "input", "1"), line("Y-1", "input", "1"), piece)
    with pytest.raises(Refused) as refused:
        ship(site, "S-1")
    (reason,) = refused.value.refusals
    assert reason.code == "QT563" and "was made of lot M-1 of MILK" in reason.message


def test_a_lot_of_another_site_is_not_named_to_whom_may_not_see_it(site):
    furnish(site)
    for number, at in (("W-SECRET", "WEST-HALL"), ("E-1", "EAST-HALL")):
        got = an_output("MILK", number, "10", source="FARM")
        event = EventInput("receiving", (got,), site.sources.now(), from_party="FARM", location=at)
        record_event(site, everyone(site), event)
        release(site, number)
    start_recall(site, everyone(site), RecallStart(["W-SECRET"], "Metal", "hush", data=dict(PLAN)))
    learn(site, line("W-SECRET", "input", "5"), line("E-1", "output", "5"))
    roles = (("EAST", "operator"), ("EAST", "warehouse"))
    add_user(site, site.system_context(), NewUser("eva", "Eva", (), PASSWORD, site_roles=roles))
    eva = Context(actor_by_login(site, "eva"), site.sources.now(), site.sources.new_id())

    left = (line("E-1", "subject", "1"),)
    event = EventInput("shipping", left, site.sources.now(), to_party="SHOP", location="EAST-HALL")
    with pytest.raises(Refused) as refused:
        record_event(site, eva, event)
    (reason,) = [each for each in refused.value.refusals if each.code == "QT563"]
    told = next(
        rule
        for rule in explain_release(site, eva, "E-1").as_json()["rules"]
        if rule["rule"] == "CORE-14"
    )
    (source,) = told["evidence"][0]["sources"]
    assert source["label"] == "an input you may not see is held by a recall"
    assert source["label"] in reason.message
    for words in (reason.message, reason.fix, source["label"]):
        assert not [name for name in ("SECRET", "hush", "REC-") if name in words]
    with pytest.raises(Refused, match="was made of lot W-SECRET of MILK"):
        record_event(site, everyone(site), event)
