"""One lot under two names: joined, traced and held as one, parted again without a trace left."""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from itertools import count

import pytest

from qtcore.errors import Conflict, Denied, InputRejected, NotFound, Refused
from qtcore.services.balances import balance_lots
from qtcore.services.events import EventInput, Line, Origin, write_all
from qtcore.services.holds import lift_hold, place_hold
from qtcore.services.lots import get_lot
from qtcore.services.nodes import LotRef, NodeBook
from qtcore.services.recall import recall_scope
from qtcore.services.recording import record_event
from qtcore.services.same_lots import join_lots, part_lots
from qtcore.services.site import Site
from qtcore.services.trace import trace
from qtcore.store.queries.nodes import NodeInfo
from qtcore.testing import a_context, a_made_lot, a_received_lot, a_site, line, release
from qtcore.testing.builders import EVERYTHING, a_party
from tests.web import csrf_of, make_web

REASON = "delivery note 7 names both"


NUMBERS = count(1)


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with a_site() as opened:
        a_party(opened, "SHOP", "customer")
        yield opened


def everyone(site: Site):
    return a_context(site, EVERYTHING)


def two_names(site: Site) -> tuple[NodeInfo, NodeInfo, NodeInfo]:
    """Milk under the supplier's number and under one of ours, of which butter was made."""
    number = next(NUMBERS)
    theirs = a_received_lot(site, "MILK", f"S-{number}", "100")
    ours = a_received_lot(site, "MILK", f"M-{number}", "100", source="DEPOT")
    release(site, ours)
    butter = a_made_lot(site, "BUTTER", f"B-{number}", [(ours, "20")], quantity="10")
    return theirs, ours, butter


def join(site: Site, one: NodeInfo, two: NodeInfo) -> None:
    join_lots(site, everyone(site), one.uid, two.uid, reason=REASON)


def reached(site: Site, lot: NodeInfo) -> set[str]:
    return {n.info.lot_no for n in trace(site, everyone(site), lot.uid, "forward").nodes}


def ship(site: Site, lot: NodeInfo) -> None:
    sold = EventInput("shipping", (line(lot, "subject", "1"),), site.sources.now(), to_party="SHOP")
    record_event(site, everyone(site), sold)


def test_a_trace_and_a_recall_of_one_name_find_what_was_made_of_the_other(site):
    theirs, ours, butter = two_names(site)
    assert reached(site, theirs) == {theirs.lot_no}

    join(site, theirs, ours)

    assert reached(site, theirs) == {theirs.lot_no, ours.lot_no, butter.lot_no}
    scope = recall_scope(site, everyone(site), [theirs.uid]).as_json()
    assert set(scope["proved"]) == {theirs.uid, ours.uid, butter.uid}


def test_a_hold_on_one_name_keeps_the_other_until_it_is_lifted_or_they_are_parted(site):
    theirs, ours, _ = two_names(site)
    join(site, theirs, ours)
    (hold,) = place_hold(site, everyone(site), [theirs.uid], "glass")

    with pytest.raises(Refused, match=rf"lot {ours.lot_no} of MILK is on hold since \S+: glass"):
        ship(site, ours)
    assert [h.reason for h in get_lot(site, everyone(site), ours.uid).holds] == ["glass"]

    part_lots(site, everyone(site), ours.uid, theirs.uid, reason="another drum")
    ship(site, ours)
    join(site, theirs, ours)
    with pytest.raises(Refused, match="glass"):
        ship(site, ours)
    lift_hold(site, everyone(site), hold, "a mistake")
    ship(site, ours)


def test_what_is_joined_through_a_third_is_one_as_well(site):
    theirs, ours, _ = two_names(site)
    third = a_received_lot(site, "MILK", f"X-{theirs.lot_no}", "5", source="AGENT")
    join(site, theirs, third)
    join(site, third, ours)
    place_hold(site, everyone(site), [theirs.uid], "glass")

    with pytest.raises(Refused, match="glass"):
        ship(site, ours)
    view = get_lot(site, everyone(site), ours.uid)
    assert {(s.info.lot_no, s.reason) for s in view.same} == {
        (third.lot_no, REASON),
        (theirs.lot_no, ""),
    }
    with pytest.raises(Conflict, match="are joined already"):
        join(site, theirs, ours)


def test_parting_leaves_exactly_the_earlier_state(site):
    theirs, ours, butter = two_names(site)
    before = [get_lot(site, everyone(site), lot.uid).as_json() for lot in (theirs, ours, butter)]
    join(site, theirs, ours)
    part_lots(site, everyone(site), theirs.uid, ours.uid, reason="no")

    after = [get_lot(site, everyone(site), lot.uid).as_json() for lot in (theirs, ours, butter)]
    assert after == before
    assert reached(site, theirs) == {theirs.lot_no}


@pytest.fixture(scope="module")
def milk(site) -> NodeInfo:
    same = a_received_lot(site, "MILK", "SAME", "100")
    release(site, same)
    a_received_lot(site, "CREAM", "CREAM-1", "5")
    a_made_lot(site, "MILK", "M-OUT", [(same, "20")], quantity="10")
    return same


@pytest.mark.parametrize(
    ("other", "error", "message"),
    [
        ("SAME", InputRejected, "is one lot already"),
        ("CREAM-1", InputRejected, "are of different items"),
        ("M-OUT", InputRejected, "lot M-OUT of PLANT was made from lot SAME of SUPPLIER-A"),
        ("NONE", NotFound, "nothing is called 'NONE'"),
    ],
)
def test_what_cannot_be_one_lot_is_refused(site, milk, other, error, message):
    with pytest.raises(error, match=message):
        join_lots(site, everyone(site), milk.uid, other, reason=REASON)


def test_a_reason_and_the_right_are_needed(site):
    theirs, ours, _ = two_names(site)
    with pytest.raises(InputRejected, match="say what shows that they are one lot"):
        join_lots(site, everyone(site), theirs.uid, ours.uid, reason=" ")
    with pytest.raises(Denied):
        join_lots(site, a_context(site, ["operator"]), theirs.uid, ours.uid, reason=REASON)
    with pytest.raises(NotFound, match="are not joined with each other"):
        part_lots(site, everyone(site), theirs.uid, ours.uid, reason=REASON)


def test_the_page_and_the_api_join_and_part(site):
    theirs, ours, _ = two_names(site)
    web = make_web(site)
    body = {"other": ours.uid, "reason": REASON}
    with web.program() as api:
        path = f"/api/v1/lots/{theirs.uid}"
        joined = api.post(f"{path}/join", json=body, headers={"idempotency-key": "j-1"})
        parted = api.post(f"{path}/part", json=body, headers={"idempotency-key": "p-1"})
    assert [row["lot_no"] for row in joined.json()["same_as"]] == [ours.lot_no]
    assert (parted.status_code, parted.json()["same_as"]) == (200, [])
    with web.person() as client:
        path = f"/l/{theirs.uid}"
        data = {"other": ours.uid, "reason": REASON, "csrf_token": csrf_of(client, path)}
        joined = client.post(f"{path}/join", data=data)
        wrong = client.post(f"{path}/join", data={**data, "other": "NONE"})
        parted = client.post(f"{path}/part", data=data)
    assert "The lots are joined." in joined.text and REASON in joined.text
    assert wrong.status_code == 400 and "NONE" in wrong.text
    assert "The lots are parted." in parted.text and REASON not in parted.text


def test_what_came_under_one_name_is_used_under_the_other_and_counted_once(site):
    theirs, _, _ = two_names(site)
    number = f"I-{theirs.lot_no}"
    told = LotRef(item="MILK", lot_no=number, source="AGENT")
    used = EventInput(
        "production",
        (
            Line(told, "input", Decimal(30), "kg"),
            Line(LotRef(item="BUTTER", lot_no=f"B-{number}", source="PLANT"), "output"),
        ),
        site.sources.now(),
    )
    a_party(site, "AGENT")
    with site.store.write(site.system_context()) as work:
        write_all(site, NodeBook(site, work), [used], origin=Origin("import"))
    release(site, theirs)
    sample = EventInput("sampling", (line(theirs, "subject", "80"),), site.sources.now())
    record_event(site, everyone(site), sample)
    more = replace(sample, lines=(Line(told, "subject", Decimal(1), "kg"),))
    with pytest.raises(Refused, match="has -30 kg on hand"):
        record_event(site, everyone(site), more)

    join_lots(site, everyone(site), theirs.uid, number, reason=REASON)

    # 100 came, 80 and 30 are gone: 10 are missing under whichever name it is asked.
    for name in (theirs.uid, number):
        (counted,) = balance_lots(site, everyone(site), [name, theirs.uid]).lots
        assert [counted.sums.of("received"), counted.sums.on_hand] == [100, -10]
    scope = recall_scope(site, everyone(site), [number]).as_json()
    assert [row["received"] for row in scope["balance"]["lots"] if row["received"] != "0"] == [
        "100"
    ]
    with pytest.raises(Refused, match="has -10 kg on hand"):
        record_event(site, everyone(site), more)
    view = get_lot(site, everyone(site), theirs.uid)
    gaps = {gap["kind"] for gap in view.trace.gaps}
    assert view.stock.quantity == -10
    assert gaps == {"negative_balance", "unverified_lot"}
    part_lots(site, everyone(site), theirs.uid, number, reason="another drum")
    after = get_lot(site, everyone(site), theirs.uid)
    assert after.stock.quantity == 20
    assert after.trace.gaps == ()
