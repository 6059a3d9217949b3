"""Acting for another person: with their role, as the same person wherever two are needed."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlmodel import select

from qtcore.errors import Denied, InputRejected, NotFound, Refused
from qtcore.services.delegation_signing import make_delegation
from qtcore.services.delegations import DelegationInput, list_delegations, revoke_delegation
from qtcore.services.ledger_search import LedgerSearch, search_ledger
from qtcore.services.record_views import read_record
from qtcore.services.records import RecordInput, submit_record
from qtcore.services.replay import Scope, replay
from qtcore.services.sign_proofs import Proof
from qtcore.services.site import Site
from qtcore.services.transitions import Step, fire_transition
from qtcore.store.tables import Delegation, UserAccount
from qtcore.testing import FrozenClock, a_context, a_site, a_user
from qtcore.testing.builders import PASSWORD

ANNA, BEN, CARL, BOSS = (
    ("anna", ["qa"]),
    ("ben", ["operator"]),
    ("carl", ["qa"]),
    ("boss", ["admin"]),
)
WHO = dict((ANNA, BEN, CARL, BOSS))
PROVEN = Proof(PASSWORD)


@pytest.fixture(scope="module")
def clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture(scope="module")
def plant(clock: FrozenClock) -> Iterator[Site]:
    with a_site(clock=clock, packs=["food"]) as opened:
        for login in WHO:
            act(opened, login)
        yield opened


@pytest.fixture
def site(plant: Site) -> Iterator[Site]:
    """Give the one plant; nobody acts for anybody when a test begins and ends."""
    yield plant
    with plant.store.write(plant.system_context()) as work:
        for row in work.session.exec(select(Delegation)).all():
            work.change(row, revoked_at=plant.sources.now())
        work.log("delegation.revoke", "delegation", "")


def act(site: Site, login: str) -> Any:
    return a_user(site, WHO[login], login=login)


def lend(site: Site, principal: str, delegate: str, *, days: int = 7, **more: Any) -> str:
    wanted = DelegationInput(
        principal, delegate, site.sources.now() + timedelta(days=days), "on leave", **more
    )
    return str(make_delegation(site, act(site, principal), wanted, PROVEN)["delegation_id"])


def a_deviation(site: Site, login: str = "boss") -> str:
    entry = RecordInput({"title": "Spill", "severity": "minor"})
    return submit_record(site, act(site, login), "deviation", entry).record.uid


def go(site: Site, login: str, uid: str, *steps: str) -> str:
    state = ""
    for name in steps:
        step = Step(name, reason="seen", password=PASSWORD)
        state = fire_transition(site, act(site, login), ("record", uid), step).to_state
    return state


def codes(error: pytest.ExceptionInfo[Refused]) -> set[str]:
    return {refusal.code for refusal in error.value.refusals}


def test_a_delegate_acts_with_the_role_that_was_lent_and_the_history_says_for_whom(site):
    uid = a_deviation(site)
    with pytest.raises(Refused) as error:
        go(site, "ben", uid, "investigate")
    assert codes(error) == {"QT422"}
    made = lend(site, "anna", "ben")
    assert go(site, "ben", uid, "investigate") == "investigating"
    change = read_record(site, a_context(site), uid).changes[-1]
    assert (change.actor, change.acting_for, len(change.stands_for)) == ("ben", "anna", 1)
    entries = search_ledger(site, a_context(site), LedgerSearch(about=uid)).as_json()["items"]
    assert made in str(entries)


def test_both_halves_of_what_two_persons_must_do_are_refused_to_person_and_delegate(site):
    lend(site, "anna", "ben")
    before, after = a_deviation(site), a_deviation(site)
    go(site, "anna", before, "investigate")
    with pytest.raises(Refused, match="another person than investigate") as error:
        go(site, "ben", before, "close")
    assert codes(error) == {"QT423"}
    go(site, "ben", after, "investigate")
    with pytest.raises(Refused, match="another person than investigate"):
        go(site, "anna", after, "close")
    assert go(site, "carl", after, "close") == "closed"


def test_a_delegate_who_holds_the_role_himself_counts_as_the_person_all_the_same(site):
    uid, other = a_deviation(site), a_deviation(site)
    go(site, "anna", uid, "investigate")
    go(site, "anna", other, "investigate")
    assert go(site, "carl", other, "close") == "closed"
    lend(site, "anna", "carl")
    with pytest.raises(Refused, match="another person than investigate"):
        go(site, "carl", uid, "close")


def test_the_delegate_of_a_delegate_counts_as_the_first_person_but_is_lent_nothing_of_hers(site):
    lend(site, "anna", "carl")
    lend(site, "carl", "ben")
    uid = a_deviation(site)
    go(site, "anna", uid, "investigate")
    with pytest.raises(Refused, match="another person than investigate"):
        go(site, "ben", uid, "close")
    lend(site, "ben", "boss")
    with pytest.raises(Refused) as error:
        go(site, "boss", a_deviation(site), "investigate")
    assert "QT422" in codes(error)


@pytest.mark.parametrize(
    ("more", "step", "works"),
    [
        ({"actions": ("deviation",)}, "investigate", True),
        ({"actions": ("deviation.investigate",)}, "investigate", True),
        ({"actions": ("deviation.close", "capa")}, "investigate", False),
        ({"roles": ("qa",), "actions": ("deviation.cancel",)}, "cancel", True),
    ],
)
def test_a_delegation_reaches_as_far_as_its_scope(
    site: Site, more: dict[str, Any], step: str, works: bool
) -> None:
    lend(site, "anna", "ben", **more)
    uid = a_deviation(site)
    if works:
        assert go(site, "ben", uid, step)
    else:
        with pytest.raises(Refused) as error:
            go(site, "ben", uid, step)
        assert codes(error) == {"QT422"}


def test_a_delegation_lends_nothing_before_after_or_once_it_is_ended(site, clock):
    starts = clock.at + timedelta(days=1)
    ended = lend(site, "anna", "ben", days=2, valid_from=starts)
    uid = a_deviation(site)

    def refused() -> bool:
        with pytest.raises(Refused) as error:
            go(site, "ben", uid, "investigate")
        return codes(error) == {"QT422"}

    assert refused()
    clock.advance(days=1)
    assert go(site, "ben", uid, "investigate") == "investigating"
    revoke_delegation(site, act(site, "anna"), ended, "back again")
    assert go(site, "anna", uid, "send_back") == "open"
    assert refused()
    with pytest.raises(NotFound, match="no delegation"):
        revoke_delegation(site, act(site, "anna"), ended, "once more")
    lend(site, "anna", "ben", days=1)
    clock.advance(days=1)
    assert refused()


def test_a_principal_lends_no_role_that_was_taken_from_her(site):
    lend(site, "anna", "ben")
    with site.store.write(site.system_context()) as work:
        query = select(UserAccount).where(UserAccount.login == "anna")
        row = work.session.exec(query).one()
        work.change(row, roles=["warehouse"])
        work.log("user.change", "user", row.uid)
    with pytest.raises(Refused) as error:
        go(site, "ben", a_deviation(site), "investigate")
    assert codes(error) == {"QT422"}
    with site.store.write(site.system_context()) as work:
        work.change(work.session.exec(query).one(), roles=["qa"])
        work.log("user.change", "user", row.uid)


def test_whoever_manages_users_may_delegate_for_others_but_not_to_himself(site, clock):
    until = clock.at + timedelta(days=1)
    with pytest.raises(Denied, match=r"user\.manage"):
        make_delegation(
            site, act(site, "ben"), DelegationInput("anna", "ben", until, "mine"), PROVEN
        )
    with pytest.raises(Refused, match="cannot give himself") as error:
        make_delegation(
            site, act(site, "boss"), DelegationInput("anna", "boss", until, "mine"), PROVEN
        )
    assert codes(error) == {"QT465"}
    made = make_delegation(
        site, act(site, "boss"), DelegationInput("anna", "ben", until, "ill"), PROVEN
    )
    assert list_delegations(site, act(site, "ben"))[0] == made
    seen = list_delegations(site, act(site, "carl"), login="anna")
    assert made["delegation_id"] not in {each["delegation_id"] for each in seen}


def test_every_mistake_of_a_delegation_is_named_at_once_and_nothing_is_stored(site, clock):
    before = list_delegations(site, act(site, "boss"))
    wanted = DelegationInput(
        "anna", "nobody", clock.at - timedelta(days=1), " ", None, (), ("deviation.clos",)
    )
    with pytest.raises(InputRejected) as error:
        make_delegation(site, act(site, "anna"), wanted, PROVEN)
    assert {fault.where for fault in error.value.faults} == {
        "valid_to", "delegate", "reason", "actions",
    }  # fmt: skip
    assert "did you mean 'deviation.close'?" in str(error.value.faults)
    for bad in (
        DelegationInput("anna", "anna", clock.at + timedelta(days=1), "self"),
        DelegationInput("anna", "ben", clock.at + timedelta(days=1), "role", None, ("qp",)),
        DelegationInput("anna", "ben", datetime(2027, 1, 1), "zone"),  # noqa: DTZ001
        DelegationInput(
            "anna", "ben", clock.at + timedelta(days=1), "past", clock.at - timedelta(days=1)
        ),
    ):
        with pytest.raises(InputRejected, match="cannot act for"):
            make_delegation(site, act(site, "anna"), bad, PROVEN)
    assert list_delegations(site, act(site, "boss")) == before


def test_a_record_opened_by_a_delegate_was_opened_for_the_person_represented(site):
    lend(site, "anna", "ben", actions=("deviation.create",))
    view = read_record(site, a_context(site), a_deviation(site, "ben"))
    assert (view.changes[0].actor, view.changes[0].acting_for) == ("ben", "anna")


def test_a_step_made_by_a_delegate_is_decided_the_same_again(site):
    lend(site, "anna", "ben")
    uid = a_deviation(site)
    go(site, "ben", uid, "investigate")
    with pytest.raises(Refused):
        go(site, "anna", uid, "close")
    report = replay(site, Scope())
    assert report.decisions == report.reproduced >= 2
