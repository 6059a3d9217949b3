"""Notices of a recall on their way: by a real mail server, late, reminded, leaving no secret."""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text

from qtcore.errors import InputRejected, NotFound
from qtcore.services.events import EventInput
from qtcore.services.jobs import MOST_ATTEMPTS, run_round
from qtcore.services.master import MasterInput, save_master
from qtcore.services.recall import RecallStart, StartedRecall, start_recall
from qtcore.services.recall_cases import read_case
from qtcore.services.recall_notices import send_notices
from qtcore.services.recall_replies import ReplyInput, answer_link, open_link, revoke_links
from qtcore.services.recording import record_event
from qtcore.services.site import Site, public_url
from qtcore.testing import a_context, a_received_lot, a_site, line, release
from qtcore.testing.builders import EVERYTHING
from qtcore.testing.sites import FrozenClock
from tests.mail import MailServer, mail_server

pytestmark = pytest.mark.heavy
PUBLIC = "https://qt.example.com"


@pytest.fixture(scope="module")
def served() -> Iterator[MailServer]:
    with mail_server() as server:
        yield server


@pytest.fixture
def mail(served: MailServer, monkeypatch: pytest.MonkeyPatch) -> MailServer:
    monkeypatch.setenv("QTCORE_SMTP", served.setting)
    served.letters, served.refuses = [], False
    return served


CLOCK = FrozenClock()


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """Milk of which each test recalls a lot of its own; one shop reads Chinese."""
    with a_site(clock=CLOCK) as opened:
        for shop, language in (("SHOP-A", "en"), ("SHOP-B", "zh-CN")):
            contacts = {"email": f"{shop.lower()}@example.org", "language": language}
            values = {"roles": ["customer"], "contacts": contacts}
            entry = MasterInput("party", shop, shop, values=values)
            save_master(opened, opened.system_context(), entry)
        yield replace(opened, public_url=PUBLIC)


NUMBERS = iter(range(1, 100))


@pytest.fixture
def recall(site: Site, mail: MailServer) -> Iterator[StartedRecall]:
    lot_no = f"M-{next(NUMBERS)}"
    milk = a_received_lot(site, "MILK", lot_no, "100")
    release(site, milk)
    person = a_context(site, EVERYTHING)
    for shop in ("SHOP-A", "SHOP-B"):
        sold = EventInput("shipping", (line(milk, "subject", "4"),), CLOCK.at, to_party=shop)
        record_event(site, person, sold)
    data = {"plan": "food_cn", "recall_class": "I"}
    yield start_recall(site, person, RecallStart([lot_no], "Glass", "a splinter", data=data))
    mail.refuses = False
    CLOCK.advance(days=30)  # what this test left open was escalated before the next one begins
    run_round(site)


def notices(site: Site, recall: StartedRecall, node: str = "FD-N04") -> dict[str, Any]:
    view = read_case(site, a_context(site, EVERYTHING), recall.number)
    return {n["recipient"]: n for n in view.parts["notices"] if n["node"] == node}


def send(site: Site, recall: StartedRecall, **more: str) -> None:
    send_notices(site, a_context(site, EVERYTHING), recall.record_id, **more)
    run_round(site)


def tables_that_hold(site: Site, secret: str) -> list[str]:
    with site.store.read() as session:
        names = session.execute(text("SELECT name FROM sqlite_master WHERE type='table'"))
        return [
            name
            for (name,) in names.all()
            if secret in str(session.execute(text(f'SELECT * FROM "{name}"')).all())
        ]


def test_a_notice_reaches_its_reader_by_mail_with_a_link_that_opens(site, recall, mail):
    send(site, recall)

    assert {n["state"] for n in notices(site, recall).values()} == {"sent"}
    assert all(n["sent_at"] and n["attempts"] == 1 for n in notices(site, recall).values())
    letters = {str(letter["to"]): letter for letter in mail.letters}
    assert str(letters["shop-a@example.org"]["from"]) == "recall@example.org"
    assert "RECALL" in str(letters["shop-a@example.org"]["subject"])
    assert "召回通知" in str(letters["shop-b@example.org"]["subject"])
    assert "请通过以下链接回复" in letters["shop-b@example.org"].get_content()
    assert {open_link(site, secret).customer for secret in mail.links()} == {"SHOP-A", "SHOP-B"}


def test_no_table_holds_the_secret_while_it_waits_or_after_it_was_sent(site, recall, mail):
    send_notices(site, a_context(site, EVERYTHING), recall.record_id)
    assert tables_that_hold(site, f"{PUBLIC}/reply/") == []
    run_round(site)

    assert mail.links()
    for secret in mail.links():
        assert tables_that_hold(site, secret) == []
    assert "outbox" in tables_that_hold(site, PUBLIC)  # the search would have found it


def test_a_refusal_that_repeats_the_letter_leaves_no_secret_and_is_tried_again(site, recall, mail):
    mail.refuses = True
    send(site, recall)

    waiting = notices(site, recall)["SHOP-A"]
    assert waiting["state"] == "failed" and "554" in waiting["last_error"]
    assert f"{PUBLIC}/reply/..." in waiting["last_error"]
    hashed = {"outbox", "recall_notice"}
    assert hashed <= set(tables_that_hold(site, f"{PUBLIC}/reply/..."))
    assert set(re.findall(rf"{PUBLIC}/reply/(\S+)", waiting["last_error"])) <= {"...", "...')"}
    mail.refuses = False
    run_round(site)
    assert notices(site, recall)["SHOP-A"]["state"] == "sent"
    assert notices(site, recall)["SHOP-A"]["attempts"] == 2 < MOST_ATTEMPTS


def test_every_letter_to_one_consignee_can_be_answered_until_its_links_end(site, recall, mail):
    send(site, recall)
    CLOCK.advance(hours=2)
    run_round(site)  # half of its four hours are over: this is the reminder
    mine = [x for x in mail.links() if open_link(site, x).customer == "SHOP-A"]
    assert len(mine) >= 2
    for secret in mine:
        assert answer_link(site, site.system_context(), secret, ReplyInput(False, "none")) >= 1

    revoke_links(site, a_context(site, EVERYTHING), recall.record_id, "SHOP-A")
    for secret in mine:
        with pytest.raises(NotFound):
            open_link(site, secret)


def subjects(mail: MailServer) -> list[str]:
    return [str(x["subject"]) for x in mail.letters if x["to"] == "shop-a@example.org"]


def test_a_reminder_goes_out_before_the_deadline_and_an_escalation_after_it_each_once(
    site, recall, mail
):
    send(site, recall)
    CLOCK.advance(hours=1, minutes=59)
    run_round(site)
    assert not [x for x in subjects(mail) if "REMINDER" in x]
    for _ in range(2):
        CLOCK.advance(minutes=1)
        run_round(site)
    assert len([x for x in subjects(mail) if "REMINDER" in x]) == 1
    reminded = notices(site, recall)["SHOP-A"]
    assert reminded["reminded_at"] and not reminded["escalated_at"]

    CLOCK.advance(hours=2)
    run_round(site)
    late = notices(site, recall)["SHOP-A"]
    assert late["escalated_at"] == CLOCK.at.isoformat() and late["is_late"]
    assert len([x for x in subjects(mail) if "REMINDER" in x]) == 2
    CLOCK.advance(hours=1)
    run_round(site)
    assert notices(site, recall)["SHOP-A"] == late
    assert len([x for x in subjects(mail) if "REMINDER" in x]) == 2


def test_who_answered_is_neither_reminded_nor_escalated(site, recall, mail):
    send(site, recall)
    mine = next(x for x in mail.links() if open_link(site, x).customer == "SHOP-A")
    answer_link(site, site.system_context(), mine, ReplyInput(True, "none"))
    CLOCK.advance(hours=9)
    run_round(site)
    found = notices(site, recall)
    assert found["SHOP-A"]["state"] == "acknowledged" and not found["SHOP-A"]["escalated_at"]
    assert found["SHOP-B"]["escalated_at"]


def test_what_was_never_sent_is_escalated_and_never_reminded_of(site, recall, mail):
    CLOCK.advance(hours=3)
    run_round(site)
    assert not notices(site, recall)["SHOP-A"]["reminded_at"]
    CLOCK.advance(hours=2)
    run_round(site)
    assert notices(site, recall)["SHOP-A"]["escalated_at"] and not mail.letters


def test_links_follow_the_public_address_and_no_other(site, recall, mail):
    with pytest.raises(InputRejected, match="not the public address"):
        send(site, recall, public_url="https://evil.example")
    assert not mail.letters
    send(replace(site, public_url=""), recall)
    assert mail.letters and not mail.links()


@pytest.mark.parametrize(
    "wrong", ["qt.example.com", "ftp://x.example", "https://", "https://a@b/?q"]
)
def test_a_public_address_that_is_none_is_refused_by_name(wrong, monkeypatch):
    monkeypatch.setenv("QTCORE_PUBLIC_URL", wrong)
    with pytest.raises(InputRejected, match="QTCORE_PUBLIC_URL"):
        public_url()
    monkeypatch.setenv("QTCORE_PUBLIC_URL", f"{PUBLIC}/")
    assert public_url() == PUBLIC
