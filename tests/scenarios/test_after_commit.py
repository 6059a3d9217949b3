from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from qtcore.definitions.folders import base_folders
from qtcore.pack import EventFacts, FolderPack, TransitionFacts, hookimpl
from qtcore.registry.load import load_packs
from qtcore.services.audit import seal, verify_history
from qtcore.services.jobs import Worker, deliver, settle
from qtcore.services.site import Site
from qtcore.services.transitions import Step, fire_transition
from qtcore.store.lease import find_holder
from qtcore.store.queries.ledger import count_pending
from qtcore.testing import FrozenClock, a_context, a_received_lot, a_site

HEAD = """\
pack: listener
version: 0.1.0
requires_qtcore: ">=0.1,<1"
languages: [en]
title: {en: Listener}
"""


class Listener:
    def __init__(self) -> None:
        self.heard: list[str] = []
        self.is_broken = False

    @hookimpl
    def after_event(self, event: EventFacts) -> None:
        if self.is_broken:
            raise RuntimeError("the other system is away")
        self.heard.append(f"{event.event_type} {event.outputs[0].lot_no}")

    @hookimpl
    def after_transition(self, transition: TransitionFacts) -> None:
        self.heard.append(f"{transition.transition} to {transition.to_state}")


def _site(folder: Path, listener: Listener) -> AbstractContextManager[Site]:
    (folder / "pack.yaml").write_text(HEAD, encoding="utf-8")
    packs = {"base": FolderPack(*base_folders()), "listener": (FolderPack(folder), listener)}
    return a_site(registry=load_packs(packs).get_registry(), clock=FrozenClock())


def _pending(site: Site) -> int:
    with site.store.read() as session:
        return count_pending(session, site.store.tenant_id)


def test_packs_hear_of_what_was_stored_after_the_commit(tmp_path: Path) -> None:
    listener = Listener()
    with _site(tmp_path, listener) as site:
        a_received_lot(site, lot_no="M-7")
        fire_transition(site, a_context(site, ["qa"]), ("lot", "M-7"), Step("start_testing"))
        assert listener.heard == []
        settle(site)
        assert listener.heard == ["receiving M-7", "start_testing to testing"]


def test_what_was_delivered_is_not_told_again(tmp_path: Path) -> None:
    listener = Listener()
    with _site(tmp_path, listener) as site:
        a_received_lot(site, lot_no="M-7")
        settle(site)
        settle(site)
        assert listener.heard == ["receiving M-7"]


def test_a_pack_that_fails_hears_later_and_the_event_stays(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    listener = Listener()
    with _site(tmp_path, listener) as site:
        listener.is_broken = True
        a_received_lot(site, lot_no="M-7")
        settle(site)
        assert "listener" in capsys.readouterr().out
        listener.is_broken = False
        assert deliver(site) == 1
        assert listener.heard == ["receiving M-7"]


def test_the_worker_seals_what_was_committed_before_it_stops() -> None:
    with a_site() as site:
        a_received_lot(site)
        assert _pending(site) > 0
        worker = Worker(site)
        worker.start()
        worker.stop()
        assert _pending(site) == 0
        assert verify_history(site, a_context(site, ["auditor"])).verdict.ok


def test_a_worker_that_stops_leaves_the_lease_to_the_next_one() -> None:
    with a_site() as site:
        a_received_lot(site)
        seal(site, keeps_lease=True)
        worker = Worker(site)
        worker.start()
        with site.store.read() as session:
            assert find_holder(session, site.store) == site.store.holder
        worker.stop()
        with site.store.read() as session:
            assert find_holder(session, site.store) is None


def test_without_the_worker_committed_entries_wait_for_their_seal() -> None:
    with a_site() as site:
        a_received_lot(site)
        found = verify_history(site, a_context(site, ["auditor"])).verdict
        assert (found.ok, found.pending > 0) == (True, True)
