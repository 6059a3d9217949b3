"""With one check of a proof off, the attack it stops signs: the controls of the proofs' tests."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pyotp
import pytest
import webauthn
from sqlmodel import select

from qtcore.errors import CannotVerify, Denied, Refused
from qtcore.services import factors, sign_demands, sign_intents, sign_proofs
from qtcore.services.enrolment import begin_passkey, begin_totp, confirm_passkey, confirm_totp
from qtcore.services.factors import RelyingParty
from qtcore.services.manifestations import list_signatures
from qtcore.services.sign_intents import Act, make_intent, sign_intent, view_intent
from qtcore.services.sign_proofs import Proof
from qtcore.services.signers import read_signer
from qtcore.services.site import Site
from qtcore.store.tables import Person, SignIntent, UserAccount
from qtcore.testing import PASSWORD, FrozenClock, a_received_lot, a_site, a_user
from tests.authenticator import Authenticator
from tests.site_packs import site_registry

PARTY = RelyingParty("plant.example", "https://plant.example")
CLOCK = FrozenClock()
NUMBERS = iter(range(1, 1000))
TRAINED = """
policies:
  - id: signatures
    extends: {reason: part 11}
    accept: true
    identified: true
workflows:
  - id: lot
    extends: {reason: our procedure}
    transitions:
      - {id: release, signature: {meaning: released, training: [SOP-7]}}
"""


@pytest.fixture(scope="module")
def plant() -> Iterator[Site]:
    with a_site(clock=CLOCK, packs=["food"]) as opened:
        yield opened


@pytest.fixture
def site(plant: Site) -> Site:
    CLOCK.advance(minutes=20)
    return plant


def person(site, login=""):
    """A qualified person of their own, in a session of their own."""
    name = login or f"pia{next(NUMBERS)}"
    return replace(a_user(site, ["qp"], login=name), session_id=f"s-{name}", at=CLOCK.at)


def again(site, me):
    return person(site, me.actor.login)


def full(me, **more):
    return Proof(PASSWORD, login=me.actor.login, **more)


def an_intent(site, me):
    lot = a_received_lot(site, "MILK", f"M-{next(NUMBERS)}")
    return make_intent(site, me, [Act("lot", lot.uid, "release")])


# ------------------------------------------------------------------ passkeys


def with_key(site):
    me, key = person(site), Authenticator()
    factor, options = begin_passkey(site, me, PARTY, full(me))
    confirm_passkey(site, me, factor, (key.make(options), PARTY, "key"))
    return me, key


def answer(site, me, intent, key):
    return key.sign(view_intent(site, me, intent, PARTY).passkey)


def sign_with(site, me, intent, answered):
    return sign_intent(site, me, intent, Proof(), passkey=(answered, PARTY))


def lax(monkeypatch, **changed):
    """Let the library check everything but what is changed here."""
    verify = webauthn.verify_authentication_response
    monkeypatch.setattr(
        webauthn,
        "verify_authentication_response",
        lambda **told: verify(**{**told, **changed}),
    )


def test_without_the_hash_as_challenge_an_answer_for_one_lot_signs_another(site, monkeypatch):
    me, key = with_key(site)
    first, second = an_intent(site, me), an_intent(site, me)
    kept = answer(site, me, first, key)
    with pytest.raises(Refused, match="does not fit"):
        sign_with(site, me, second, kept)
    challenge = sign_proofs.signing_challenge
    shown = [each.text for each in view_intent(site, me, first, None).items]
    nonce = nonce_of(site, first)
    monkeypatch.setattr(sign_proofs, "signing_challenge", lambda *_: challenge(nonce, shown))
    assert sign_with(site, me, second, kept)


def nonce_of(site, intent):
    with site.store.read() as session:
        query = select(SignIntent.nonce).where(SignIntent.uid == intent)
        return session.exec(query).one()


THIEVES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "user verification": ({"verifies": False}, {"require_user_verification": False}),
    "origin": (
        {"origin": "https://plant.example.evil"},
        {"expected_origin": "https://plant.example.evil"},
    ),
    "party": ({"party": "evil.example"}, {"expected_rp_id": "evil.example"}),
}


@pytest.mark.parametrize(("thief", "left_out"), THIEVES.values(), ids=THIEVES)
def test_without_one_of_its_checks_a_passkey_of_a_thief_signs(site, thief, left_out, monkeypatch):
    me, key = with_key(site)
    intent = an_intent(site, me)
    stolen = answer(site, me, intent, replace(key, **thief))
    with pytest.raises(Refused, match="does not fit"):
        sign_with(site, me, intent, stolen)
    lax(monkeypatch, **left_out)
    assert sign_with(site, me, intent, stolen)


def test_without_the_counter_a_cloned_passkey_signs(site, monkeypatch):
    me, key = with_key(site)
    clone, second = replace(key), None
    sign_with(site, me, (first := an_intent(site, me)), answer(site, me, first, key))
    second = an_intent(site, me)
    cloned = answer(site, me, second, clone)
    with pytest.raises(Refused, match="does not fit"):
        sign_with(site, me, second, cloned)
    lax(monkeypatch, credential_current_sign_count=0)
    monkeypatch.setattr(sign_proofs, "_use_up", lambda *_: True)
    assert sign_with(site, me, second, cloned)


# ------------------------------------------------------------------ codes


def with_app(site):
    me = person(site)
    new = begin_totp(site, me, "phone", full(me))
    app = pyotp.TOTP(new.secret)
    confirm_totp(site, me, new.factor_id, app.at(CLOCK.at))
    CLOCK.advance(minutes=2)
    return again(site, me), app


def test_without_using_codes_up_one_that_was_overheard_signs_again(site, monkeypatch):
    me, app = with_app(site)
    proof = full(me, code=app.at(CLOCK.at))
    sign_intent(site, me, an_intent(site, me), proof)
    second = an_intent(site, me)
    with pytest.raises(Refused, match="used before"):
        sign_intent(site, me, second, proof)
    find = factors.find_step

    def forgetful(of, row, code):
        return find(of, type(row)(**{**row.model_dump(), "counter": 0}), code)

    monkeypatch.setattr(sign_proofs, "find_step", forgetful)
    monkeypatch.setattr(sign_proofs, "_use_up", lambda *_: True)
    assert sign_intent(site, me, second, proof)


@pytest.mark.parametrize("seconds", [-90, 90])
def test_with_a_wider_drift_a_code_of_another_minute_signs(site, seconds, monkeypatch):
    me, app = with_app(site)
    intent = an_intent(site, me)
    stale = full(me, code=app.at(CLOCK.at + timedelta(seconds=seconds)))
    with pytest.raises(Refused, match="wrong"):
        sign_intent(site, me, intent, stale)
    monkeypatch.setattr(factors, "DRIFT_STEPS", 3)
    assert sign_intent(site, me, intent, stale)


def test_without_the_look_at_the_clock_a_right_code_is_called_wrong(site, monkeypatch):
    me, app = with_app(site)
    intent, right = an_intent(site, me), full(me, code=app.at(CLOCK.at))
    CLOCK.advance(minutes=-3)
    late = replace(me, at=CLOCK.at)
    with pytest.raises(CannotVerify, match="the clock"):
        sign_intent(site, late, intent, right)
    monkeypatch.setattr(sign_proofs, "_require_clock", lambda _: None)
    with pytest.raises(Refused, match="wrong"):
        sign_intent(site, late, intent, right)
    CLOCK.advance(minutes=3)
    assert read_signer(site, me)["failed"] == 1


# ------------------------------------------------------------------ before the first signature


@pytest.fixture(scope="module")
def strict() -> Iterator[Site]:
    with a_site(clock=CLOCK, registry=site_registry(TRAINED, "food")) as opened:
        yield opened


def test_policy_identity_and_training_are_each_asked_and_without_the_questions_it_is_signed(
    strict, monkeypatch
):
    me = person(strict)
    intent = an_intent(strict, me)
    told = view_intent(strict, me, intent, None).refusals
    assert [each.code for each in told] == ["QT477"] * 3
    assert {each.source for each in told} == {
        "21 CFR 11.100(b)", "21 CFR 11.10(j)", "21 CFR 11.10(i)",
    }  # fmt: skip
    with pytest.raises(Refused, match="identity"):
        sign_intent(strict, me, intent, full(me))
    # One after the other is switched off; what is left still stops the signature.
    monkeypatch.setattr(sign_demands, "_untrained", lambda *_: [])
    with pytest.raises(Refused, match="identity"):
        sign_intent(strict, me, intent, full(me))
    everything = {(each.id, each.version) for each in strict.registry.list("policies")}
    monkeypatch.setattr(sign_demands, "accepted_policies", lambda *_: everything)
    with pytest.raises(Refused, match="identity"):
        sign_intent(strict, me, intent, full(me))
    lenient = [p.model_copy(update={"identified": False}) for p in strict.registry.list("policies")]
    monkeypatch.setattr(sign_demands, "policies_of", lambda *_: lenient)
    assert sign_intent(strict, me, intent, full(me))


def test_without_the_look_at_the_account_one_that_was_switched_off_signs(site, monkeypatch):
    me, key = with_key(site)
    intent = an_intent(site, me)
    answered = answer(site, me, intent, key)
    with site.store.write(site.system_context()) as work:
        row = work.session.get_one(UserAccount, (work.tenant_id, me.actor.user_id))
        work.change(row, state="disabled")
        work.log("user.change", "user", row.uid)
    with pytest.raises(Denied, match="is switched off"):
        sign_with(site, me, intent, answered)
    assert read_signer(site, site.system_context(), me.actor.login)["failed"] == 0
    monkeypatch.setattr(sign_intents, "_require_active", lambda *_: None)
    assert sign_with(site, me, intent, answered)


def test_were_the_name_looked_up_a_later_one_would_stand_under_the_old_signature(site):
    me = person(site)
    lot = a_received_lot(site, "MILK", f"M-{next(NUMBERS)}")
    sign_intent(site, me, make_intent(site, me, [Act("lot", lot.uid, "release")]), full(me))
    with site.store.write(site.system_context()) as work:
        row = work.session.get_one(Person, (work.tenant_id, me.actor.person_id))
        work.change(row, name="Somebody Married")
        work.log("user.rename", "user", row.uid)
    [shown] = list_signatures(site, me, lot.uid)
    assert (shown.as_json()["signer"], shown.status) == (me.actor.name, "current")
    assert again(site, me).actor.name == "Somebody Married"  # the control: what a lookup gives
