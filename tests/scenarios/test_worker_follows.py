"""The worker goes on by the definitions that are published while it runs."""

from qtcore.services.accounts import NewUser, add_user
from qtcore.services.jobs import Worker
from qtcore.services.records import RecordInput, submit_record
from qtcore.testing import PASSWORD, FrozenClock, a_context, a_site
from tests.mail import mail_server
from tests.scenarios.test_publication import TEXTS, a_draft, publish


def test_a_worker_speaks_by_what_is_published_while_it_runs(monkeypatch):
    clock = FrozenClock()
    with a_site(packs=["food"], clock=clock) as site, mail_server() as server:
        monkeypatch.setenv("QTCORE_SMTP", server.setting)
        quinn = NewUser("quinn", "Quinn", ("qa",), PASSWORD, email="quinn@example.org")
        add_user(site, site.system_context(), quinn)
        worker = Worker(site, every_seconds=3600)
        publish(site, a_draft(site, TEXTS, ": Open\n", ": Begun\n"))
        data = {"title": "Door open", "severity": "minor"}
        submit_record(site, a_context(site, ["qa"]), "deviation", RecordInput(data))
        clock.advance(days=4)
        worker.start()
        worker.stop()
        assert [letter["Subject"] for letter in server.letters] == [
            "DEV-2026-00001: deadline reached in state “Begun”"
        ]
