"""What cannot be delegated, or signed by a delegate any more, is refused with its reason."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlmodel import select

from qtcore.errors import Conflict, Denied, InputRejected
from qtcore.services import signed_steps, signing
from qtcore.services.delegations import revoke_delegation
from qtcore.services.records import RecordInput, submit_record
from qtcore.services.sign_intents import (
    Act,
    intend_delegation,
    make_intent,
    sign_intent,
    view_intent,
)
from qtcore.services.site import Site
from qtcore.services.users import UserChange, change_user
from qtcore.store.tables import UserAccount
from qtcore.testing import a_site, a_user
from tests.lending import CLOCK, PROVEN, People, some_people, stored


@pytest.fixture(scope="module")
def plant() -> Iterator[Site]:
    with a_site(clock=CLOCK) as opened:
        yield opened


@pytest.fixture
def people(plant: Site) -> People:
    return some_people(plant)


def test_nobody_delegates_to_himself_whichever_account_he_names(people):
    site = people.site
    wanted = people.lending("anna", "anna")
    assert "both logins belong to one person" in people.faults("anna", wanted)
    with site.store.write(site.system_context()) as work:
        query = select(UserAccount).where(UserAccount.login == people.login("anna"))
        person = work.session.exec(query).one().person_id
        other = select(UserAccount).where(UserAccount.login == people.login("dora"))
        row = work.session.exec(other).one()
        work.change(row, person_id=person)
        work.log("user.join", "user", row.uid)
    wanted = people.lending("anna", "dora")
    assert "both logins belong to one person" in people.faults("anna", wanted)


def test_what_is_lent_is_not_lent_on(people):
    people.lend("anna", "ben")
    wanted = people.lending("ben", "dora", roles=("qa",))
    assert "what is lent is not lent on" in people.faults("ben", wanted)
    people.roles("ben")
    assert "there is nothing to lend" in people.faults("boss", people.lending("ben", "dora"))


@pytest.mark.parametrize(
    ("first", "second", "meets"),
    [
        ({}, {}, True),
        ({"actions": ("deviation",)}, {"actions": ("deviation.close",)}, True),
        ({"actions": ("deviation.close",)}, {}, True),
        ({"actions": ("deviation.close",)}, {"actions": ("deviation.investigate",)}, False),
        ({"roles": ("qa",)}, {"roles": ("warehouse",)}, False),
    ],
)
def test_two_delegations_of_one_pair_do_not_overlap(people, first, second, meets):
    people.roles("anna", "qa", "warehouse")
    made = people.lend("anna", "carl", **first)
    wanted = people.lending("anna", "carl", **second)
    if meets:
        assert made["delegation_id"] in people.faults("anna", wanted)
    else:
        assert people.lend("anna", "carl", **second)


def test_the_next_one_begins_when_the_first_is_over_and_another_person_may_act_as_well(people):
    made = people.lend()
    ends = datetime.fromisoformat(made["to"])
    later = {"valid_from": ends, "valid_to": ends + timedelta(days=1)}
    early = {**later, "valid_from": ends - timedelta(seconds=1)}
    assert "acts for" in people.faults("anna", people.lending(**early))
    assert people.lend(**later)["from"] == made["to"]
    assert people.lend("anna", "carl")


def ends_meanwhile(people: People) -> dict[str, Any]:
    return {"valid_to": CLOCK.at + timedelta(minutes=3)}


def begins_meanwhile(people: People) -> dict[str, Any]:
    return {"valid_from": CLOCK.at + timedelta(minutes=3)}


def of_a_role(people: People) -> dict[str, Any]:
    return {"roles": ("qa",)}


def nothing(people: People) -> None:
    CLOCK.advance(minutes=4)


@pytest.mark.parametrize(
    ("asked", "happens", "named"),
    [
        (ends_meanwhile, nothing, "it ends before now"),
        (begins_meanwhile, nothing, "it cannot begin before now"),
        (of_a_role, lambda people: people.roles("anna", "warehouse"), "does not hold the role"),
        (of_a_role, lambda people: people.lend(), "acts for"),
        (
            of_a_role,
            lambda people: change_user(
                people.site,
                people.site.system_context(),
                people.login("ben"),
                UserChange(state="disabled", reason="left"),
            ),
            "there is no active user",
        ),
    ],
    ids=["its end passes", "its beginning passes", "role lost", "another was made", "switched off"],
)
def test_what_changed_since_the_sheet_was_shown_is_named_and_nothing_is_delegated(
    people, asked, happens, named
):
    site = people.site
    wanted = people.lending(**asked(people))
    intent = intend_delegation(site, people.act("boss"), wanted)
    happens(people)
    before = stored(people)
    with pytest.raises(InputRejected) as error:
        sign_intent(site, people.act("boss"), intent, PROVEN)
    assert named in str(error.value.faults)
    assert stored(people) == before


def test_a_maker_who_lost_the_right_or_a_role_meanwhile_signs_nothing(people):
    site = people.site
    lost = intend_delegation(site, people.act("boss"), people.lending())
    people.roles("boss", "auditor")
    with pytest.raises(Denied, match=r"user\.manage"):
        sign_intent(site, people.act("boss"), lost, PROVEN)
    own = intend_delegation(site, people.act("anna"), people.lending())
    people.roles("anna", "qa", "qp")
    with pytest.raises(Denied, match="your roles changed"):
        sign_intent(site, people.act("anna"), own, PROVEN)
    assert stored(people) == []


# ------------------------------------------------------------------ a delegate's sheet meanwhile


def is_over(people: People, _: str) -> str:
    CLOCK.advance(minutes=3)
    return "was over on"


def is_withdrawn(people: People, uid: str) -> str:
    revoke_delegation(people.site, people.act("anna"), uid, "back again")
    return f"was ended by {people.login('anna')}"


def lends_no_more(people: People, _: str) -> str:
    people.roles("anna", "operator")
    return "holds no such role any more"


@pytest.mark.clause("21 CFR 11.10(g)")
@pytest.mark.parametrize("delegate", ["ben", "carl"])
@pytest.mark.parametrize("happens", [is_over, is_withdrawn, lends_no_more])
def test_a_sheet_of_a_delegate_signs_nothing_once_the_delegation_is_gone(people, happens, delegate):
    site = people.site
    until = CLOCK.at + timedelta(minutes=3)
    uid = people.lend("anna", delegate, valid_to=until)["delegation_id"]
    act = Act("record", a_review(people), "review")
    intent = make_intent(site, people.act(delegate), [act])
    said = happens(people, uid)
    for do in (
        lambda: sign_intent(site, people.act(delegate), intent, PROVEN),
        lambda: view_intent(site, people.act(delegate), intent, None),
    ):
        with pytest.raises(Denied, match=said):
            do()


def test_without_both_looks_a_delegate_signs_for_somebody_who_came_back(people, monkeypatch):
    site = people.site
    uid = people.lend("anna", "carl")["delegation_id"]
    intent = make_intent(site, people.act("carl"), [Act("record", a_review(people), "review")])
    is_withdrawn(people, uid)
    monkeypatch.setattr(signed_steps, "require_still_lent", lambda *_: None)
    with pytest.raises(Conflict, match="delegations"):
        sign_intent(site, people.act("carl"), intent, PROVEN)
    monkeypatch.setattr(signing, "_require_seen", lambda *_: None)
    assert sign_intent(site, people.act("carl"), intent, PROVEN)


def a_review(people: People) -> str:
    data = {"scope": "production", "records_complete": True, "conclusion": "acceptable"}
    dora = a_user(people.site, ["prod_head"], login=people.login("head"))
    return submit_record(people.site, dora, "batch_review", RecordInput(data)).record.uid
