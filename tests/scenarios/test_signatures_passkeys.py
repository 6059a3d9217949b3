"""Passkeys sign the very bytes: what is forged, phished, cloned or replayed signs nothing."""

import hashlib
import json
from dataclasses import replace

import pytest

from qtcore.errors import Denied, InputRejected, Refused
from qtcore.services.enrolment import begin_passkey, confirm_passkey
from qtcore.services.factors import RelyingParty, relying_party, revoke_factor
from qtcore.services.manifestations import list_signatures
from qtcore.services.sign_intents import Act, make_intent, sign_intent, view_intent
from qtcore.services.sign_proofs import Proof, root_of, signing_challenge
from qtcore.services.signers import read_signer
from qtcore.testing import PASSWORD, a_received_lot, a_user
from tests.authenticator import Authenticator, decode

PARTY = RelyingParty("plant.example", "https://plant.example")
LOGIN = Proof(PASSWORD, login="qp")


def in_session(site, name="s-1", **more):
    return replace(a_user(site, ["qp"]), session_id=name, at=site.sources.now(), **more)


def an_intent(site, context, lot_no="M-1"):
    lot = a_received_lot(site, "MILK", lot_no)
    return make_intent(site, context, [Act("lot", lot.uid, "release")])


# ------------------------------------------------------------------ passkeys


@pytest.fixture
def key(site):
    passkey = Authenticator()
    factor, options = begin_passkey(site, in_session(site), PARTY, LOGIN)
    confirm_passkey(site, in_session(site), factor, (passkey.make(options), PARTY, "key"))
    return passkey


def options_of(site, context, intent):
    return view_intent(site, context, intent, PARTY).passkey


def with_key(site, context, intent, answer, party=PARTY):
    return sign_intent(site, context, intent, Proof(), passkey=(answer, party))


@pytest.mark.clause("21 CFR 11.200(b)")
@pytest.mark.clause("21 CFR 11.70")
@pytest.mark.clause("CN ESL 13")
def test_a_passkey_signs_the_very_bytes_and_anybody_can_verify_it(site, key):
    qp = in_session(site)
    intent = an_intent(site, qp)
    with_key(site, qp, intent, key.sign(options_of(site, qp, intent)))
    row = list_signatures(site, qp)[-1].row
    assert (row.method, row.components) == ("passkey", 2)
    told = row.assertion
    expected = signing_challenge(told["nonce"], [row.content])
    assert decode(json.loads(decode(told["client_data"]))["challenge"]) == expected
    assert told["root"] == root_of([row.content])
    assert told["leaves"] == [hashlib.sha256(row.content.encode()).hexdigest()]


def stolen(**changed):
    return {"of " + name: {name: value} for name, value in changed.items()}


FORGED = stolen(origin="https://plant.example.evil", party="evil.example", verifies=False)


@pytest.mark.clause("21 CFR 11.200(b)")
@pytest.mark.parametrize("changed", FORGED.values(), ids=FORGED)
def test_a_passkey_that_is_phished_or_did_not_verify_its_user_signs_nothing(site, key, changed):
    qp = in_session(site)
    intent = an_intent(site, qp)
    thief = replace(key, **changed)
    with pytest.raises(Refused, match="does not fit what is signed"):
        with_key(site, qp, intent, thief.sign(options_of(site, qp, intent)))


@pytest.mark.clause("21 CFR 11.300(c)")
@pytest.mark.parametrize("who", ["the owner", "an administrator"])
def test_a_lost_passkey_is_revoked_and_whoever_finds_it_signs_nothing(site, key, who):
    qp = in_session(site)
    intent = an_intent(site, qp)
    answer = key.sign(options_of(site, qp, intent))
    [factor] = read_signer(site, qp)["factors"]
    acts = qp if who == "the owner" else a_user(site, ["admin"], login="root")
    with pytest.raises(Denied, match=r"user\.manage"):
        colleague = a_user(site, ["qa"])
        revoke_factor(site, colleague, factor["factor_id"], reason="mine now", login="qp")
    revoke_factor(site, acts, factor["factor_id"], reason="lost", login="qp")
    assert options_of(site, qp, intent) is None
    with pytest.raises(Refused, match="does not fit"):
        with_key(site, qp, intent, answer)


def test_a_passkey_answer_for_one_record_signs_no_other_and_no_later_one(site, key):
    qp = in_session(site)
    first, second = an_intent(site, qp, "M-1"), an_intent(site, qp, "M-2")
    answer = key.sign(options_of(site, qp, first))
    with pytest.raises(Refused, match="does not fit"):
        with_key(site, qp, second, answer)
    with_key(site, qp, first, answer)


def test_a_cloned_passkey_is_refused_by_its_counter(site, key):
    qp = in_session(site)
    clone = replace(key)
    first, second = an_intent(site, qp, "M-1"), an_intent(site, qp, "M-2")
    with_key(site, qp, first, key.sign(options_of(site, qp, first)))
    with pytest.raises(Refused, match="does not fit"):
        with_key(site, qp, second, clone.sign(options_of(site, qp, second)))


def test_one_gesture_of_a_passkey_signs_many_and_each_row_proves_its_place(site, key):
    qp = in_session(site)
    lots = [a_received_lot(site, "MILK", f"M-{n}") for n in range(3)]
    intent = make_intent(site, qp, [Act("lot", lot.uid, "release") for lot in lots])
    with_key(site, qp, intent, key.sign(options_of(site, qp, intent)))
    rows = [each.row for each in list_signatures(site, qp)][-3:]
    assert {row.assertion["root"] for row in rows} == {root_of([row.content for row in rows])}
    for row in rows:
        own = hashlib.sha256(row.content.encode()).hexdigest()
        assert own in row.assertion["leaves"]


def test_passkeys_are_never_bound_to_the_host_a_request_names(site):
    with pytest.raises(InputRejected, match="QTCORE_PUBLIC_URL"):
        relying_party(site, "plant.example.evil")
    known = replace(site, public_url="https://plant.example")
    assert relying_party(known, "evil").origin == "https://plant.example"
