"""A text that is longer than its place is refused with both numbers, and never cut.

Each text of just the longest length is the control: it is kept whole.
"""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from qtcore.context import Context
from qtcore.errors import Denied, InputRejected
from qtcore.services.audit import seal
from qtcore.services.drafts import DraftInput, open_draft
from qtcore.services.legal_holds import place_legal_hold
from qtcore.services.master import MasterInput, save_master
from qtcore.services.records import RecordInput, submit_record
from qtcore.services.results import ResultInput, record_result
from qtcore.services.reviewing import review_history
from qtcore.services.rights import require
from qtcore.services.sign_proofs import Proof
from qtcore.services.signers import TrainingInput, record_training, verify_identity
from qtcore.services.site import Site
from qtcore.services.training_tasks import Assignment, assign_training
from qtcore.store.columns import Row, as_bytes, table_of
from qtcore.store.tables import LedgerEvent, LedgerPrivate
from qtcore.testing import PASSWORD, a_received_lot, a_site, a_user
from tests.attackers import note


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def site(request: pytest.FixtureRequest) -> Iterator[Site]:
    url = "sqlite://" if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    with a_site(url, packs=["food"]) as made:
        yield made


def _review(site: Site, who: Context, text: str) -> object:
    note(site, "lot-9")
    seal(site)
    return review_history(site, who, "lot-9", proof=Proof(PASSWORD), remark=text)


def _assign(site: Site, who: Context, text: str) -> object:
    day = site.sources.now().date() + timedelta(days=1)
    return assign_training(site, who, "other", Assignment("hygiene", day, text))


def _party(site: Site, who: Context, text: str) -> object:
    phone = text[len('{"phone": ""}') :]
    entry = MasterInput("party", "P-1", "P", values={"contacts": {"phone": phone}})
    return save_master(site, who, entry)


def _deviation(site: Site, who: Context, text: str) -> object:
    entry = RecordInput({"title": "Smell", "severity": "minor"}, title=text)
    return submit_record(site, who, "deviation", entry)


ACTS: dict[str, tuple[int, Callable[[Site, Context, str], Any]]] = {
    "contacts": (2000, _party),
    "remark": (2000, _review),
    "legal hold": (2000, lambda s, c, t: place_legal_hold(s, c, "lot-1", reason=t)),
    "draft title": (300, lambda s, c, t: open_draft(s, c, DraftInput(title=t, reason="why"))),
    "draft reason": (2000, lambda s, c, t: open_draft(s, c, DraftInput(title="x", reason=t))),
    "record title": (300, _deviation),
    "method": (200, lambda s, c, t: verify_identity(s, c, "other", method=t, evidence="seen")),
    "evidence": (400, lambda s, c, t: verify_identity(s, c, "other", method="x", evidence=t)),
    "topic": (80, lambda s, c, t: record_training(s, c, "other", TrainingInput(t, "seen"))),
    "of training": (400, lambda s, c, t: record_training(s, c, "other", TrainingInput("a", t))),
    "task": (400, _assign),
    "value": (400, lambda s, c, t: record_result(s, c, "L-9", ResultInput("smell", t))),
}


@pytest.mark.parametrize("name", ACTS)
def test_a_text_is_kept_whole_or_refused(site: Site, name: str) -> None:
    most, act = ACTS[name]
    who = a_user(site, ["admin", "qa", "operator"], login="boss")
    a_user(site, ["operator"], login="other")
    a_received_lot(site, lot_no="L-9")
    for text in ("x" * (most + 1), "质" * (most + 1)):
        with pytest.raises(InputRejected) as caught:
            act(site, who, text)
        said = caught.value.message + " ".join(f.message for f in caught.value.faults)
        assert f"{most + 1:,} signs" in said and f"at most {most:,}" in said
    whole = "y" * most
    act(site, who, whole)
    assert (whole[len('{"phone": ""}') :] in everything(site)) is True


def everything(site: Site) -> str:
    with site.store.read() as session:
        return " ".join(
            str(tuple(row))
            for table in Row.metadata.sorted_tables
            if table.name not in ("ledger_event", "ledger_private")
            for row in session.execute(table.select())
        )


def test_a_personal_value_of_any_act_is_refused_rather_than_cut(site: Site) -> None:
    who = a_user(site, ["qa"], login="boss")
    with (
        pytest.raises(InputRejected, match="seen_by has 2,001 signs; at most 2,000"),
        site.store.write(who) as work,
    ):
        work.log("look", "lot", "lot-1", private={"seen_by": "x" * 2001})


def test_no_length_keeps_an_attempt_out_of_the_history(site: Site) -> None:
    who = a_user(site, ["operator"], login="op")
    with pytest.raises(Denied):
        require(site, who, "user.manage", about="x" * 2100)
    with site.store.read() as session:
        told = select(table_of(LedgerEvent).c.id, table_of(LedgerEvent).c.head)
        key, head = session.execute(told.where(table_of(LedgerEvent).c.action == "denied")).one()
        about = session.get_one(LedgerPrivate, (1, key, "about"))
    assert about.value == "x" * 2000
    assert json.loads(as_bytes(head))["details"] == {"cut": {"about": 2100}}
