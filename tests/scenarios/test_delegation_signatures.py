"""A delegation is signed: over its text, by each way of proof, and never over what is no more."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pyotp
import pytest
from sqlalchemy import text

from qtcore.errors import Denied, InputRejected, Refused
from qtcore.services import delegation_signing, manifestations
from qtcore.services.audit import seal
from qtcore.services.delegation_signing import make_delegation
from qtcore.services.delegations import revoke_delegation
from qtcore.services.enrolment import begin_passkey, begin_totp, confirm_passkey, confirm_totp
from qtcore.services.factors import RelyingParty
from qtcore.services.integrity.fsck import check_database
from qtcore.services.ledger_search import LedgerSearch, search_ledger
from qtcore.services.manifestations import as_csv, list_signatures
from qtcore.services.printing import print_document
from qtcore.services.sign_intents import (
    intend_delegation,
    sign_intent,
    view_intent,
)
from qtcore.services.sign_proofs import Proof, Proven, signing_challenge
from qtcore.services.site import Site
from qtcore.testing import PASSWORD, a_site
from tests.authenticator import Authenticator
from tests.lending import CLOCK, PROVEN, People, some_people, stored

PARTY = RelyingParty("plant.example", "https://plant.example")


@pytest.fixture(scope="module")
def plant() -> Iterator[Site]:
    with a_site(clock=CLOCK) as opened:
        yield opened


@pytest.fixture
def people(plant: Site) -> People:
    return some_people(plant)


# ------------------------------------------------------------------ what is signed, and how


@pytest.mark.clause("21 CFR 11.10(g)")
@pytest.mark.clause("21 CFR 11.50(a)")
@pytest.mark.clause("21 CFR 11.70")
def test_what_the_sheet_shows_is_what_is_signed_kept_and_lent(people):
    site, anna = people.site, people.act("anna")
    wanted = people.lending(roles=("qa",), actions=("deviation.close",))
    intent = intend_delegation(site, anna, wanted)
    [shown] = view_intent(site, anna, intent, None).items
    assert stored(people) == []
    told = shown.content
    assert (told["meaning"]["text"], told["reason"]) == ("Delegated by", "on leave")
    assert told["content"]["words"]["delegate"].endswith(f"({people.login('ben')})")
    assert (told["record"]["roles"], told["record"]["from"]) == (["qa"], None)
    CLOCK.advance(minutes=2)
    [made] = sign_intent(site, people.act("anna"), intent, PROVEN)
    assert made["from"] == CLOCK.at.isoformat()
    [kept] = list_signatures(site, anna, made["delegation_id"])
    assert (kept.row.content, kept.row.content_sha256) == (shown.text, shown.sha256)
    assert (kept.status, kept.row.method, kept.row.intent_uid) == ("current", "password", intent)
    [told] = made["signatures"]
    assert (told["signer"], told["meaning_text"]) == (anna.actor.name, "Delegated by")
    search = LedgerSearch(about=made["delegation_id"])
    entries = search_ledger(site, site.system_context(), search).as_json()["items"]
    assert kept.row.uid in str(entries)


def with_password(people: People, intent: str) -> str:
    sign_intent(people.site, people.act("anna"), intent, PROVEN)
    return "password"


def with_code(people: People, intent: str) -> str:
    site = people.site
    new = begin_totp(site, people.act("anna"), "phone", PROVEN)
    app = pyotp.TOTP(new.secret)
    confirm_totp(site, people.act("anna"), new.factor_id, app.at(CLOCK.at))
    CLOCK.advance(minutes=1)
    with pytest.raises(Refused, match="no code was given"):
        sign_intent(site, people.act("anna"), intent, PROVEN)
    sign_intent(site, people.act("anna"), intent, Proof(PASSWORD, code=app.at(CLOCK.at)))
    return "password+totp"


def with_passkey(people: People, intent: str) -> str:
    site, key = people.site, Authenticator()
    factor, options = begin_passkey(site, people.act("anna"), PARTY, PROVEN)
    confirm_passkey(site, people.act("anna"), factor, (key.make(options), PARTY, "key"))
    asked = view_intent(site, people.act("anna"), intent, PARTY).passkey
    assert asked is not None
    answer = key.sign(dict(asked))
    sign_intent(site, people.act("anna"), intent, Proof(), passkey=(answer, PARTY))
    row = list_signatures(site, people.act("anna"), stored(people)[0])[0].row
    challenge = signing_challenge(row.assertion["nonce"], [row.content])
    assert row.assertion["leaves"] and challenge
    return "passkey"


@pytest.mark.clause("21 CFR 11.200(a)(1)")
@pytest.mark.parametrize("way", [with_password, with_code, with_passkey])
def test_a_delegation_is_signed_by_each_way_of_proof(people, way):
    intent = intend_delegation(people.site, people.act("anna"), people.lending())
    method = way(people, intent)
    [uid] = stored(people)
    [kept] = list_signatures(people.site, people.act("anna"), uid)
    assert (kept.row.method, kept.row.components) == (method, 2)


def test_with_a_wrong_proof_nothing_is_delegated_and_the_try_is_counted(people, monkeypatch):
    site, anna = people.site, people.act("anna")
    intent = intend_delegation(site, anna, people.lending())
    for sign in (
        lambda: sign_intent(site, anna, intent, Proof("guess")),
        lambda: make_delegation(site, anna, people.lending(), Proof("guess")),
    ):
        with pytest.raises(Refused, match="password for the signature is wrong"):
            sign()
    with pytest.raises(Refused, match="neither was given"):
        make_delegation(site, anna, people.lending(), Proof())
    in_session = replace(anna, session_id="s-1")
    with pytest.raises(Refused, match="the login was not given"):
        make_delegation(site, in_session, people.lending(), PROVEN)
    assert stored(people) == []
    # The control: without the question who signs, whoever sits at an open screen delegates.
    passed: tuple[Proven, list[Any]] = (Proven("password", 2), [])
    monkeypatch.setattr(delegation_signing, "prove_signer", lambda *_, **__: passed)
    assert make_delegation(site, anna, people.lending(), Proof("guess"))


def test_a_second_click_gives_the_same_delegation_and_another_session_none(people):
    site, anna = people.site, people.act("anna")
    intent = intend_delegation(site, anna, people.lending())
    first = sign_intent(site, anna, intent, PROVEN)
    assert sign_intent(site, anna, intent, Proof("whatever")) == first
    assert stored(people) == [first[0]["delegation_id"]]


def test_only_a_person_signs_and_nobody_else_sees_the_signature(people):
    system = people.site.system_context()
    with pytest.raises(Denied, match="only a person with an account signs"):
        make_delegation(people.site, system, people.lending(), PROVEN)
    uid = people.lend()["delegation_id"]
    assert list_signatures(people.site, people.act("ben"), uid)
    with pytest.raises(Denied, match=r"user\.manage"):
        list_signatures(people.site, people.act("dora"), uid)


def test_print_json_and_csv_tell_who_signed_when_and_in_which_meaning(people):
    site, anna = people.site, people.act("anna")
    uid = people.lend()["delegation_id"]
    shown = list_signatures(site, anna, uid)
    told = shown[0].as_json()
    head, row = as_csv(shown).splitlines()[:2]
    when = told["signed_at_local"]
    printed = print_document(site, anna, "delegation", uid).page()
    for form in (printed, row, str(told)):
        for part in (anna.actor.name, when, "Delegated by"):
            assert part in form
    assert "meaning_text" in head and "on leave" in printed
    chinese = print_document(site, replace(anna, language="zh-CN"), "delegation", uid).page()
    assert "委托书" in chinese and "被代理人" in chinese


# ------------------------------------------------------------------ ended, forged


def test_an_end_is_told_with_name_and_reason_and_the_signature_stays(people):
    uid = people.lend()["delegation_id"]
    with pytest.raises(InputRejected, match="needs a reason"):
        revoke_delegation(people.site, people.act("anna"), uid, "  ")
    ended = revoke_delegation(people.site, people.act("ben"), uid, "I am ill myself")
    assert (ended["revoked_by"], ended["revoke_reason"]) == (
        people.login("ben"),
        "I am ill myself",
    )
    assert [each["status"] for each in ended["signatures"]] == ["current"]


def test_a_delegation_that_was_widened_by_hand_is_superseded_and_named(monkeypatch):
    with a_site(clock=CLOCK) as site:
        people = People(site, 0)
        people.act("ben")
        uid = people.lend(actions=("deviation.close",))["delegation_id"]
        assert violations(site) == []
        by_hand(site, "UPDATE delegation SET actions = '[]'")
        assert [e.status for e in list_signatures(site, people.act("anna"), uid)] == ["superseded"]
        assert violations(site) == ["it lends something else than what was signed"]
        by_hand(site, "UPDATE delegation SET uid = 'by-hand'")
        assert violations(site) == ["no entry of the history tells that it was made"]


def test_control_without_its_part_a_widened_delegation_looks_as_signed(people, monkeypatch):
    uid = people.lend(actions=("deviation.close",))["delegation_id"]
    by_hand(people.site, f"UPDATE delegation SET actions = '[]' WHERE uid = '{uid}'")
    [shown] = list_signatures(people.site, people.act("anna"), uid)
    assert shown.status == "superseded"
    monkeypatch.setattr(manifestations, "digest_of", lambda _: shown.row.subject_sha256)
    assert list_signatures(people.site, people.act("anna"), uid)[0].status == "current"


def by_hand(site: Site, statement: str) -> None:
    engine = site.store._engines.writer
    assert engine is not None
    with engine.begin() as connection:
        connection.execute(text(statement))


def violations(site: Site) -> list[str]:
    seal(site)
    found = check_database(site, site.system_context()).violations
    return [each.message for each in found if each.place.startswith("delegation")]
