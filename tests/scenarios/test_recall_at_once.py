"""Two people act on one recall at the same moment, on both databases: one of them is told so."""

import threading
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from qtcore.errors import Conflict, NotFound, QTCoreError, Refused
from qtcore.services.events import EventInput
from qtcore.services.holds import hold_all
from qtcore.services.recall import RecallStart, StartedRecall, start_recall
from qtcore.services.recall_cases import read_case
from qtcore.services.recall_replies import ReplyInput, answer_link, make_link, open_link
from qtcore.services.record_views import get_record
from qtcore.services.recording import record_event
from qtcore.services.site import Site
from qtcore.services.transitions import Step, fire_transition
from qtcore.testing import a_context, a_received_lot, a_site, a_user, line, release
from qtcore.testing.builders import EVERYTHING, PASSWORD, a_party
from qtcore.testing.sites import sqlite_url


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    is_sqlite = request.param == "sqlite"
    url = sqlite_url(tmp_path) if is_sqlite else request.getfixturevalue("postgres_url")
    with a_site(url) as opened:
        yield opened


def at_once(*acts: Callable[[], object]) -> list[QTCoreError | None]:
    ready = threading.Barrier(len(acts))
    outcomes: list[QTCoreError | None] = []

    def run(act: Callable[[], object]) -> None:
        ready.wait()
        try:
            act()
            outcomes.append(None)
        except QTCoreError as error:
            outcomes.append(error)

    threads = [threading.Thread(target=run, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


def take(site: Site, recall: StartedRecall, name: str, role: str, login: str) -> None:
    step = Step(name, reason="as agreed", password=PASSWORD)
    fire_transition(site, a_user(site, [role], login=login), ("record", recall.record_id), step)


def test_one_of_two_closes_a_recall_and_the_other_is_told(site):
    a_received_lot(site, "MILK", "M-1", "100")
    start = RecallStart(["M-1"], "Glass", "a splinter", data={"plan": "food_cn"})
    recall = start_recall(site, a_context(site, EVERYTHING), start)
    for name, role in (
        ("assess", "recall_coord"),
        ("classify", "recall_coord"),
        ("decide", "recall_head"),
        ("notify", "recall_coord"),
        ("execute", "recall_coord"),
        ("reconcile", "qa"),
    ):
        take(site, recall, name, role, f"{role}-{name}")
    for login in ("ann", "bob"):
        a_user(site, ["recall_head"], login=login)

    outcomes = at_once(
        lambda: take(site, recall, "close", "recall_head", "ann"),
        lambda: take(site, recall, "close", "recall_head", "bob"),
    )

    (told,) = [error for error in outcomes if error is not None]
    assert isinstance(told, Conflict | Refused) and told.message
    view = read_case(site, a_context(site, EVERYTHING), recall.number)
    assert view.record.state == "closed" and view.case.closure["closed_by"] in ("ann", "bob")


def test_a_lot_is_held_or_shipped_first_and_never_shipped_while_held(site):
    milk = a_received_lot(site, "MILK", "M-1", "100")
    a_party(site, "SHOP", "customer")
    release(site, milk)
    shipping = EventInput(
        "shipping", (line(milk, "subject", "10"),), site.sources.now(), to_party="SHOP"
    )
    context = a_context(site, EVERYTHING)

    outcomes = at_once(
        lambda: record_event(site, context, shipping),
        lambda: hold_all(site, context, [milk.uid], "metal"),
    )

    refused = [error for error in outcomes if error is not None]
    assert all(isinstance(e, Refused) and e.refusals[0].code == "QT445" for e in refused)
    with pytest.raises(Refused, match="on hold"):
        record_event(site, context, shipping)


def sold(site: Site) -> tuple[StartedRecall, str]:
    """A recall of milk of which a shop got some, and the shop's link."""
    milk = a_received_lot(site, "MILK", "M-1", "100")
    a_party(site, "SHOP", "customer")
    release(site, milk)
    event = EventInput(
        "shipping", (line(milk, "subject", "10"),), site.sources.now(), to_party="SHOP"
    )
    person = a_context(site, EVERYTHING)
    record_event(site, person, event)
    data = {"plan": "food_cn", "recall_class": "I"}
    recall = start_recall(site, person, RecallStart(["M-1"], "Metal", "metal", data=data))
    return recall, make_link(site, person, recall.record_id, "SHOP")


def test_answers_at_once_are_all_kept_one_after_the_other(site):
    recall, secret = sold(site)
    answers = [ReplyInput(True, "some", Decimal(n), "kg") for n in range(4)]

    assert (
        at_once(*(lambda a=a: answer_link(site, site.system_context(), secret, a) for a in answers))
        == [None] * 4
    )

    replies = read_case(site, a_context(site, EVERYTHING), recall.number).parts["replies"]
    assert [reply["number"] for reply in replies] == [1, 2, 3, 4]


def test_of_links_made_at_once_one_is_in_force(site):
    recall, first = sold(site)
    person, links = a_context(site, EVERYTHING), [first]

    def make() -> None:
        links.append(make_link(site, person, recall.record_id, "SHOP"))

    assert at_once(make, make, make) == [None] * 3

    def opens(secret: str) -> bool:
        try:
            return bool(open_link(site, secret))
        except NotFound:
            return False

    assert [opens(secret) for secret in links].count(True) == 1


def test_no_answer_comes_in_beside_the_closure(site):
    """The one who writes waits for the turn; what was closed meanwhile is not answered any more."""
    recall, secret = sold(site)
    outcomes: list[list[QTCoreError | None]] = []
    answer = ReplyInput(True, "some", Decimal(3), "kg")
    with site.store.write(site.system_context()) as work:
        # What closes a recall has its turn before it looks.
        work.take_turn()
        late = threading.Thread(
            target=lambda: outcomes.append(
                at_once(lambda: answer_link(site, site.system_context(), secret, answer))
            )
        )
        late.start()
        late.join(timeout=0.3)
        record = get_record(site, work.session, recall.record_id)
        work.change(record, closed_at=work.context.at)
        work.log("record.change", "record", record.uid)
    late.join()

    ((told,),) = outcomes
    assert isinstance(told, Conflict) and "is closed" in told.message
    assert read_case(site, a_context(site, EVERYTHING), recall.number).parts["replies"] == []
