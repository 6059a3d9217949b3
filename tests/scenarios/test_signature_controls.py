"""With a defence off, the attack it stops goes through: each test is the control of another."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlmodel import select

from qtcore.errors import (
    CannotVerify,
    Conflict,
    Denied,
    InputRejected,
    NotFound,
    Refused,
    TooManyTries,
)
from qtcore.services import (
    manifestations,
    sign_demands,
    sign_intents,
    sign_proofs,
    sign_tries,
    signed_steps,
    signing,
    step_asking,
    transitions,
)
from qtcore.services.accounts import find_account
from qtcore.services.delegation_signing import make_delegation
from qtcore.services.delegations import DelegationInput
from qtcore.services.manifestations import list_signatures, manifest
from qtcore.services.passwords import PasswordDesk
from qtcore.services.records import RecordInput, correct_record, submit_record
from qtcore.services.results import ResultInput, record_result
from qtcore.services.sign_content import read_content
from qtcore.services.sign_intents import Act, make_intent, sign_intent, view_intent
from qtcore.services.sign_proofs import Proof
from qtcore.services.signers import read_signer
from qtcore.services.standing import act_at
from qtcore.services.transitions import Step, fire_transition, fire_transitions
from qtcore.services.users import UserChange, change_user
from qtcore.store.tables import Signature, UserAccount
from qtcore.testing import PASSWORD, a_received_lot, a_user, text_of

PROVEN = Proof(PASSWORD)
LOGIN = Proof(PASSWORD, login="qp")
REVIEW = {"scope": "production", "records_complete": True, "conclusion": "acceptable"}


def off(*_args, **_more):
    """A defence that is not there."""


def a_review(site):
    entry = RecordInput(REVIEW, [a_received_lot(site).uid])
    return submit_record(site, a_user(site, ["qa"], login="author"), "batch_review", entry).record


def an_intent(site, who, lot_no="M-1"):
    lot = a_received_lot(site, "MILK", lot_no)
    return lot, make_intent(site, who, [Act("lot", lot.uid, "release")])


def changed(site, record):
    author = a_user(site, ["qa"], login="author")
    told = {**REVIEW, "conclusion": "not_acceptable"}
    correct_record(site, author, record.uid, told, reason="typo")


def reviewed(site, record):
    rita = a_user(site, ["qa"], login="rita")
    intent = make_intent(site, rita, [Act("record", record.uid, "review")])
    return sign_intent(site, rita, intent, PROVEN)


# ------------------------------------------------------------------ what is signed


def test_without_the_comparison_a_text_is_signed_that_nobody_saw(site, monkeypatch):
    record, rita = a_review(site), a_user(site, ["qa"], login="rita")
    intent = make_intent(site, rita, [Act("record", record.uid, "review")])
    [seen] = view_intent(site, rita, intent, None).items
    changed(site, record)
    monkeypatch.setattr(signing, "_require_seen", off)
    sign_intent(site, rita, intent, PROVEN)
    [kept] = list_signatures(site, rita, record.uid)
    assert kept.row.content != seen.text and "not_acceptable" in kept.row.content


def test_a_rendering_that_is_not_read_from_the_bytes_differs_from_them(site, monkeypatch):
    def lying(text):
        return {**read_content(text), "reason": "PASS"}

    monkeypatch.setattr(sign_intents, "read_content", lying)
    qp = a_user(site, ["qp"])
    _, intent = an_intent(site, qp)
    [shown] = view_intent(site, qp, intent, None).items
    assert shown.content != read_content(shown.text)


def test_without_the_look_at_the_record_an_old_signature_seems_to_hold(site, monkeypatch):
    record = a_review(site)
    reviewed(site, record)
    changed(site, record)
    reader = a_user(site, ["qa"])
    [shown] = list_signatures(site, reader, record.uid)
    assert shown.status == "superseded"
    monkeypatch.setattr(manifestations, "digest_of", lambda _: shown.row.subject_sha256)
    assert list_signatures(site, reader, record.uid)[0].status == "current"


def test_without_the_demand_a_step_builds_on_a_signature_that_is_void(site, monkeypatch):
    record = a_review(site)
    reviewed(site, record)
    changed(site, record)
    monkeypatch.setattr(transitions, "lapsed_signatures", lambda *_: [])
    paul = a_user(site, ["qp"], login="paul")
    step = Step("approve", password=PASSWORD)
    assert fire_transition(site, paul, ("record", record.uid), step).to_state == "approved"


def test_without_the_check_of_rows_a_forged_name_is_printed(site, monkeypatch):
    record = a_review(site)
    reviewed(site, record)
    with site.store.read() as session:
        row = session.exec(select(Signature).where(Signature.subject_uid == record.uid)).one()
        forged = Signature(**{**row.model_dump(), "signer_name": "Somebody Else"})
        assert manifest(site, session, [forged])[0].status == "void"
        monkeypatch.setattr(manifestations, "find_fault", lambda _: "")
        [shown] = manifest(site, session, [forged])
    assert (shown.status, shown.as_json()["signer"]) == ("current", "Somebody Else")


def test_one_by_one_the_first_of_two_is_signed_although_the_second_cannot_be(site):
    lots = [a_received_lot(site, "MILK", f"M-{n}") for n in range(2)]
    qp = a_user(site, ["qp"])
    intents = [make_intent(site, qp, [Act("lot", lot.uid, "release")]) for lot in lots]
    record_result(site, a_user(site, ["qc_analyst"]), lots[1].uid, ResultInput("fat", "3.4"))
    sign_intent(site, qp, intents[0], PROVEN)
    with pytest.raises(Conflict, match="fat"):
        sign_intent(site, qp, intents[1], PROVEN)
    assert [text_of(site, lot, "state") for lot in lots] == ["released", "quarantine"]


# ------------------------------------------------------------------ intents


def test_with_a_longer_life_an_old_intent_is_signed(site, clock, monkeypatch):
    monkeypatch.setattr(sign_intents, "VALID_FOR", timedelta(days=1))
    qp = a_user(site, ["qp"])
    _, intent = an_intent(site, qp)
    clock.advance(minutes=5)
    assert sign_intent(site, replace(qp, at=clock.at), intent, PROVEN)


def test_an_intent_that_were_not_bound_to_its_session_would_be_signed_in_another(site, monkeypatch):
    qp = replace(a_user(site, ["qp"]), session_id="s-1")
    _, intent = an_intent(site, qp)
    thief = replace(qp, session_id="s-2")
    with pytest.raises(NotFound):
        sign_intent(site, thief, intent, LOGIN)
    found = sign_intents._get
    monkeypatch.setattr(sign_intents, "_get", lambda s, _, uid: found(s, qp, uid))
    assert sign_intent(site, thief, intent, LOGIN)


def test_an_intent_that_kept_no_outcome_could_not_answer_the_second_click(site, monkeypatch):
    qp = a_user(site, ["qp"])
    _, intent = an_intent(site, qp)

    def forgetful(site, context, steps, *, beside):
        return fire_transitions(site, context, steps)

    monkeypatch.setattr(signed_steps, "fire_transitions", forgetful)
    sign_intent(site, qp, intent, PROVEN)
    with pytest.raises((Refused, Conflict)):
        sign_intent(site, qp, intent, PROVEN)


def test_a_role_lost_in_between_is_found_twice_and_with_neither_check_it_signs(site, monkeypatch):
    both = a_user(site, ["qp", "qa"], login="both")
    lot, intent = an_intent(site, both)
    change_user(site, site.system_context(), "both", UserChange(["qp"], reason="moved"))
    left = a_user(site, ["qp"], login="both")
    with pytest.raises(Denied, match="your roles changed"):
        sign_intent(site, left, intent, PROVEN)
    monkeypatch.setattr(sign_intents, "role_change", off)
    with pytest.raises(Conflict, match="changed since you saw it"):
        sign_intent(site, left, intent, PROVEN)
    monkeypatch.setattr(signing, "_require_seen", off)
    sign_intent(site, left, intent, PROVEN)
    assert text_of(site, lot, "state") == "released"


# ------------------------------------------------------------------ who signs


def as_one_person(site, login, other):
    with site.store.write(site.system_context()) as work:
        kept = find_account(work.session, work.tenant_id, login)
        assert kept is not None
        row = work.session.exec(select(UserAccount).where(UserAccount.login == other)).one()
        work.change(row, person_id=kept.person_id)
        work.log("user.join", "user", row.uid)


def test_by_accounts_instead_of_persons_one_person_would_sign_both_halves(site):
    record = a_review(site)
    reviewed(site, record)
    second = [Act("record", record.uid, "approve")]
    assert make_intent(site, a_user(site, ["qp"], login="rita2"), second)
    as_one_person(site, "rita", "rita2")
    with pytest.raises(Refused, match="another person than review"):
        make_intent(site, a_user(site, ["qp"], login="rita2"), second)


def test_a_delegate_who_stood_for_nobody_would_sign_both_halves(site, monkeypatch):
    record, rita = a_review(site), a_user(site, ["qa"], login="rita")
    willy = a_user(site, ["warehouse"], login="willy")
    until = site.sources.now() + timedelta(days=3)
    make_delegation(site, rita, DelegationInput("rita", "willy", until, "holiday"), PROVEN)
    reviewed(site, record)
    second = [Act("record", record.uid, "approve")]
    with pytest.raises(Refused, match="another person than review"):
        make_intent(site, willy, second)

    def forgetful(*given, **more):
        found = act_at(*given, **more)
        return replace(found, actor=replace(found.actor, stands_for=frozenset()))

    monkeypatch.setattr(step_asking, "act_at", forgetful)
    assert make_intent(site, willy, second)


def test_what_was_routed_before_a_delegation_began_is_signed_by_the_delegate(site, clock):
    record, rita = a_review(site), a_user(site, ["qa"], login="rita")
    willy = a_user(site, ["warehouse"], login="willy")
    act = [Act("record", record.uid, "review")]
    with pytest.raises(Refused, match="yours: warehouse"):
        make_intent(site, willy, act)
    now = site.sources.now()
    span = DelegationInput("rita", "willy", now + timedelta(days=2), "holiday", now)
    make_delegation(site, rita, span, PROVEN)
    assert sign_intent(site, willy, make_intent(site, willy, act), PROVEN)[0]["to"] == "reviewed"


def test_a_qualified_role_is_lent_to_who_holds_it_only(site, monkeypatch):
    lot = a_received_lot(site)
    pat, willy = a_user(site, ["qp"], login="pat"), a_user(site, ["warehouse"], login="willy")
    until = site.sources.now() + timedelta(days=3)
    with pytest.raises(InputRejected, match="cannot act for") as refused:
        make_delegation(
            site, pat, DelegationInput("pat", "willy", until, "holiday"), Proof(PASSWORD)
        )
    assert "rests on a qualification" in refused.value.faults[0].message
    other = a_user(site, ["qp"], login="other")
    assert make_delegation(
        site, pat, DelegationInput("pat", "other", until, "holiday"), Proof(PASSWORD)
    )
    assert make_intent(site, other, [Act("lot", lot.uid, "release")])
    lax = a_user(site, ["qp", "qa"], login="lax")
    make_delegation(site, lax, DelegationInput("lax", "willy", until, "holiday"), PROVEN)
    willy_acts = make_intent(site, willy, [Act("lot", lot.uid, "release")])
    told = view_intent(site, willy, willy_acts, None).items[0].content["signer"]
    assert "qp" not in told["roles"]  # what quality may do is lent, the qualification is not


# ------------------------------------------------------------------ proofs


def test_without_a_limit_the_right_password_is_found_after_any_number_of_guesses(site, monkeypatch):
    monkeypatch.setattr(sign_tries, "MOST_WRONG", 99)
    qp = a_user(site, ["qp"])
    _, intent = an_intent(site, qp)
    for _ in range(6):
        with pytest.raises(Refused, match="wrong"):
            sign_intent(site, qp, intent, Proof("guess"))
    assert sign_intent(site, qp, intent, PROVEN)


def test_a_desk_that_is_full_is_no_wrong_password_and_takes_no_place(site, monkeypatch):
    qp = a_user(site, ["qp"])
    _, intent = an_intent(site, qp)
    full = PasswordDesk(1, waiting=0)
    busy = replace(site, desk=full)
    with full._room:
        for _ in range(sign_tries.MOST_WRONG + 1):
            with pytest.raises(CannotVerify, match="cannot be verified now"):
                sign_intent(busy, qp, intent, PROVEN)
    assert read_signer(site, qp)["failed"] == 0
    assert sign_intent(site, qp, intent, PROVEN)


def test_places_that_were_not_given_back_would_shut_the_signer_out(site, monkeypatch):
    qp = a_user(site, ["qp"])
    _, intent = an_intent(site, qp)
    monkeypatch.setattr(sign_proofs, "give_back", off)

    def busy(*_):
        raise TooManyTries("busy", 5)

    with monkeypatch.context() as within:
        within.setattr(sign_proofs, "password_fits", busy)
        for _ in range(sign_tries.MOST_WRONG):
            with pytest.raises(CannotVerify):
                sign_intent(site, qp, intent, PROVEN)
    with pytest.raises(CannotVerify, match="are being checked"):
        sign_intent(site, qp, intent, PROVEN)


def test_without_the_question_for_components_a_password_alone_begins_a_period(site, monkeypatch):
    qp = replace(a_user(site, ["qp"]), session_id="s-1")
    _, intent = an_intent(site, qp)
    monkeypatch.setattr(sign_proofs, "_missing", off)
    assert sign_intent(site, qp, intent, PROVEN)


def test_with_a_longer_period_the_password_alone_goes_on(site, clock, monkeypatch):
    monkeypatch.setattr(sign_demands, "policies_of", lambda *_: [])
    monkeypatch.setattr(sign_demands, "DEFAULT_MINUTES", 60)
    for wait, proof in ((0, LOGIN), (16, PROVEN)):
        clock.advance(minutes=wait)
        qp = replace(a_user(site, ["qp"]), session_id="s-1", at=clock.at)
        _, intent = an_intent(site, qp, f"M-{wait}")
        assert sign_intent(site, qp, intent, proof)
