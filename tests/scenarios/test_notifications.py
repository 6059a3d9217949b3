"""Messages to roles: read by each person alone, sent by mail once, shown with what is due."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlmodel import select

from qtcore.context import Context
from qtcore.errors import NotFound
from qtcore.services.accounts import NewUser, actor_by_login, add_user
from qtcore.services.deadlines import settle_deadlines
from qtcore.services.delegation_signing import make_delegation
from qtcore.services.delegations import DelegationInput
from qtcore.services.jobs import deliver
from qtcore.services.notifications import count_unread, list_messages, mark_read
from qtcore.services.records import RecordInput, submit_record
from qtcore.services.sign_proofs import Proof
from qtcore.services.site import Site
from qtcore.services.worklist import read_worklist
from qtcore.store.tables import NotificationReceipt
from qtcore.testing import PASSWORD, FrozenClock, a_site
from tests.mail import MailServer, mail_server
from tests.web import csrf_of, make_web

PEOPLE = (
    NewUser("quinn", "Quinn", ("qa",), PASSWORD, "quinn@example.org"),
    NewUser("wang", "Wang", ("qa", "qp"), email="wang@example.org", language="zh-CN"),
    NewUser("mute", "Mute", ("qa",)),
    NewUser("olga", "Olga", ("operator",), email="olga@example.org"),
)


@pytest.fixture(scope="module")
def server() -> Iterator[MailServer]:
    with mail_server() as opened:
        yield opened


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture
def site(clock: FrozenClock) -> Iterator[Site]:
    with a_site(clock=clock, packs=["food"]) as opened:
        for person in PEOPLE:
            add_user(opened, opened.system_context(), person)
        yield opened


@pytest.fixture
def mail(server: MailServer, monkeypatch: pytest.MonkeyPatch) -> MailServer:
    monkeypatch.setenv("QTCORE_SMTP", server.setting)
    server.letters, server.refuses = [], False
    return server


def person(site: Site, login: str, language: str = "en") -> Context:
    return Context(actor_by_login(site, login), site.sources.now(), "r", language=language)


def an_overdue_deviation(site: Site, clock: FrozenClock) -> str:
    entry = RecordInput({"title": "Door open", "severity": "minor"})
    number = submit_record(site, site.system_context(), "deviation", entry).record.number
    clock.advance(days=4)
    assert settle_deadlines(site) == 1
    return number


def test_a_message_to_a_role_is_new_for_each_person_until_that_person_reads_it(site, clock):
    number = an_overdue_deviation(site, clock)
    (message,) = list_messages(site, person(site, "quinn"))
    assert (message.name, message.role, message.read_at) == (number, "qa", None)
    assert message.words == "deadline reached in state “Open”"
    assert list_messages(site, person(site, "wang", "zh-CN"))[0].words.endswith("状态的期限已到")
    assert mark_read(site, person(site, "quinn"), [message.uid]) == 1
    assert mark_read(site, person(site, "quinn")) == 0
    assert [count_unread(site, person(site, who)) for who in ("quinn", "wang", "olga")] == [0, 1, 0]
    assert list_messages(site, person(site, "quinn"), unread=True) == ()
    assert list_messages(site, person(site, "wang"), role="qp") == ()
    with pytest.raises(NotFound, match="to one of your roles"):
        mark_read(site, person(site, "olga"), [message.uid])


def test_whoever_acts_for_another_sees_and_gets_the_messages_to_the_role(site, clock, mail):
    until = clock.at + timedelta(days=9)
    wanted = DelegationInput("quinn", "olga", until, "on leave")
    make_delegation(site, person(site, "quinn"), wanted, Proof(PASSWORD))
    an_overdue_deviation(site, clock)
    deliver(site)
    assert count_unread(site, person(site, "olga")) == 1
    assert "olga@example.org" in {letter["To"] for letter in mail.letters}


def test_each_person_with_an_address_gets_one_mail_in_their_language(site, clock, mail):
    number = an_overdue_deviation(site, clock)
    deliver(site)
    letters = {letter["To"]: letter for letter in mail.letters}
    assert letters.keys() == {"quinn@example.org", "wang@example.org"}
    assert letters["quinn@example.org"]["Subject"] == f"{number}: deadline reached in state “Open”"
    assert "Door open" not in letters["quinn@example.org"].get_content()
    assert "期限已到" in letters["wang@example.org"]["Subject"]
    deliver(site)
    assert len(mail.letters) == 2


def test_a_mail_that_was_refused_is_tried_again_and_nobody_gets_a_second_one(site, clock, mail):
    an_overdue_deviation(site, clock)
    mail.refuses = True
    deliver(site)
    with site.store.read() as session:
        rows = session.exec(select(NotificationReceipt)).all()
    assert {(row.attempts, row.sent_at, row.last_error[:20]) for row in rows} == {
        (1, None, "SMTPDataError: (554,")
    }
    mail.refuses = False
    deliver(site)
    deliver(site)
    assert sorted(letter["To"] for letter in mail.letters) == [
        "quinn@example.org",
        "wang@example.org",
    ]


def test_work_is_listed_by_priority_and_then_by_what_is_due(site, clock):
    late = an_overdue_deviation(site, clock)
    entry = RecordInput({"title": "New one", "severity": "minor"})
    new = submit_record(site, site.system_context(), "deviation", entry).record
    urgent = submit_record(site, site.system_context(), "deviation", entry).record
    with site.store.write(site.system_context()) as work:
        work.change(urgent, priority="urgent")
        work.log("record.correct", "record", urgent.uid)
    found = read_worklist(site, person(site, "quinn")).records
    assert [each.record.number for each in found] == [urgent.number, new.number, late]
    assert [each.due_at is None for each in found] == [False, False, True]
    clock.advance(days=4)
    assert [each.is_late for each in read_worklist(site, person(site, "quinn")).records] == [
        True, True, False,
    ]  # fmt: skip


def test_the_page_shows_new_messages_in_both_languages_and_marks_them_read(site, clock):
    number = an_overdue_deviation(site, clock)
    web = make_web(site)
    with web.person("qa") as client:
        token = csrf_of(client)
        assert "Messages (1)" in client.get("/").text
        client.post("/language", data={"csrf_token": token, "to": "zh-CN"})
        page = client.get("/notifications").text
        assert all(word in page for word in ("消息 (1)", "状态的期限已到", f"/r/{number}"))
        done = client.post("/notifications", data={"csrf_token": token})
        assert number not in done.text
        assert number in client.get("/notifications?show=all&role=qa").text
    with web.program("qa") as api:
        answer = api.get("/api/v1/notifications", params={"unread": "true"}).json()
        assert answer == {"items": [], "unread": 0}
        assert api.post("/api/v1/notifications/read", json={}).json() == {"read": 0}
