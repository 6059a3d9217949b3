"""What a signature binds: the bytes that were shown, one person, one use, and what it becomes."""

import csv
import io
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import select

from qtcore.engines.ledger import canonical_bytes
from qtcore.errors import Conflict, Denied, NotFound, Refused
from qtcore.services import manifestations
from qtcore.services.accounts import NewUser, add_user, find_account, write_user
from qtcore.services.delegation_signing import make_delegation
from qtcore.services.delegations import DelegationInput
from qtcore.services.integrity import books
from qtcore.services.integrity.fsck import check_database
from qtcore.services.manifestations import as_csv, find_fault, list_signatures
from qtcore.services.master import MasterInput, save_master
from qtcore.services.record_views import read_record
from qtcore.services.records import RecordInput, correct_record, submit_record
from qtcore.services.results import ResultInput, record_result
from qtcore.services.sign_content import read_content, text_digest
from qtcore.services.sign_intents import Act, make_intent, sign_intent, view_intent
from qtcore.services.sign_proofs import Proof
from qtcore.services.site import Site
from qtcore.services.transitions import Step, fire_transition
from qtcore.store.tables import Attachment, Person, Signature, UserAccount
from qtcore.testing import PASSWORD, a_received_lot, a_user, text_of

PROVEN = Proof(PASSWORD)
REVIEW = {"scope": "production", "records_complete": True, "conclusion": "acceptable"}


def a_review(site, lot, **data):
    """A batch review about a lot, which waits for the signature of its reviewer."""
    entry = RecordInput({**REVIEW, **data}, [lot.uid])
    return submit_record(site, a_user(site, ["qa"], login="author"), "batch_review", entry).record


def review_act(record):
    return Act("record", record.uid, "review")


def sign_review(site, record, login="rita"):
    person = a_user(site, ["qa"], login=login)
    return sign_intent(site, person, make_intent(site, person, [review_act(record)]), PROVEN)


def the_signature(site, subject):
    return list_signatures(site, a_user(site, ["qa"]), subject)[-1]


@pytest.mark.clause("21 CFR 11.70")
@pytest.mark.clause("CN ESL 13")
def test_the_rendering_is_read_from_the_bytes_that_are_signed_and_kept(site):
    lot = a_received_lot(site)
    qp = a_user(site, ["qp"])
    intent = make_intent(site, qp, [Act("lot", lot.uid, "release", "all good")])
    [shown] = view_intent(site, qp, intent, None).items
    sign_intent(site, qp, intent, PROVEN)
    kept = the_signature(site, lot.uid).row
    assert canonical_bytes(dict(shown.content)).decode() == shown.text == kept.content
    assert kept.content_sha256 == shown.sha256 == text_digest(kept.content)
    assert shown.content["record"]["lot_no"] == "M-1"
    assert shown.content["meaning"] == {"code": "released", "text": "Released by"}


@pytest.mark.clause("21 CFR 11.50(a)")
@pytest.mark.clause("21 CFR 11.50(b)")
@pytest.mark.clause("EU Annex 11.14")
def test_name_time_zone_meaning_and_role_are_in_json_and_csv(site):
    lot = a_received_lot(site)
    qp = a_user(site, ["qp"])
    sign_intent(site, qp, make_intent(site, qp, [Act("lot", lot.uid, "release")]), PROVEN)
    shown = the_signature(site, lot.uid)
    told = shown.as_json()
    assert (told["signer"], told["meaning_text"], told["roles"]) == ("Qp", "Released by", ["qp"])
    assert told["signed_at_local"] == "2026-06-01 08:00:00 +0000" and told["zone"] == "UTC"
    [row] = csv.DictReader(io.StringIO(as_csv([shown])))
    assert (row["signer"], row["meaning_text"], row["status"]) == ("Qp", "Released by", "current")
    assert row["signed_at_local"].endswith("+0000") and row["roles"] == "qp"


def other_value(site, record):
    a_corrected(site, record, {**REVIEW, "conclusion": "not_acceptable"})


def a_corrected(site, record, data):
    qa = a_user(site, ["qa"], login="author")
    correct_record(site, qa, record.uid, data, reason="typing error")


def another_attachment(site, record):
    with site.store.write(site.system_context()) as work:
        row = Attachment(
            tenant_id=work.tenant_id,
            id=work.key(),
            uid=work.new_uid(),
            owner_kind="record",
            owner_uid=record.uid,
            name="scan.pdf",
            media_type="application/pdf",
            size=3,
            sha256="0" * 64,
            recorded_at=site.sources.now(),
            recorded_by="author",
        )
        work.add(row)
        work.log("file.attach", "attachment", row.uid)


def another_name_of_the_item(site, record):
    save_master(site, site.system_context(), MasterInput("item", "MILK", "Milk, raw"))


CHANGES = [other_value, another_attachment, another_name_of_the_item]


@pytest.mark.clause("21 CFR 11.70")
@pytest.mark.parametrize("change", CHANGES)
def test_a_change_after_the_sheet_was_shown_is_refused_with_what_differs(site, change):
    record = a_review(site, a_received_lot(site))
    rita = a_user(site, ["qa"], login="rita")
    intent = make_intent(site, rita, [review_act(record)])
    change(site, record)
    with pytest.raises(Conflict, match=r"changed since you saw it.*→") as refused:
        sign_intent(site, rita, intent, PROVEN)
    assert refused.value.code == "QT474"
    assert not list_signatures(site, rita, record.uid)


def test_control_without_a_change_the_same_intent_is_signed(site):
    record = a_review(site, a_received_lot(site))
    assert sign_review(site, record)[0]["to"] == "reviewed"


@pytest.mark.clause("21 CFR 11.10(a)")
@pytest.mark.parametrize("change", CHANGES)
def test_a_later_change_shows_the_signature_as_superseded_and_stops_what_builds_on_it(site, change):
    record = a_review(site, a_received_lot(site))
    sign_review(site, record)
    assert the_signature(site, record.uid).status == "current"
    change(site, record)
    assert the_signature(site, record.uid).status == "superseded"
    qp = a_user(site, ["qp"], login="paul")
    with pytest.raises(Refused, match="void for what is written now"):
        fire_transition(site, qp, ("record", record.uid), Step("approve", password=PASSWORD))


def test_control_a_signature_that_holds_lets_the_next_step_be_made(site):
    record = a_review(site, a_received_lot(site))
    sign_review(site, record)
    qp = a_user(site, ["qp"], login="paul")
    fire_transition(site, qp, ("record", record.uid), Step("approve", password=PASSWORD))
    assert read_record(site, qp, record.uid).record.state == "approved"


def test_a_corrected_result_supersedes_the_release(site):
    lot = a_received_lot(site)
    qa, qp = a_user(site, ["qc_analyst"]), a_user(site, ["qp"])
    record_result(site, qa, lot.uid, ResultInput("fat", "3.4"))
    sign_intent(site, qp, make_intent(site, qp, [Act("lot", lot.uid, "release")]), PROVEN)
    record_result(site, qa, lot.uid, ResultInput("fat", "3.6", correct=True, reason="typo"))
    assert the_signature(site, lot.uid).status == "superseded"


COPIES: dict[str, dict[str, Any]] = {
    "to another record": {"subject_uid": "another"},
    "to another revision": {"subject_revision": 7},
    "with another meaning": {"meaning": "approved"},
    "with another printed meaning": {"meaning_text": "Rejected by"},
    "with another name": {"signer_name": "Somebody Else"},
    "with another content": {"content": "{}"},
    "with other digest": {"content_sha256": "0" * 64},
    "with another role": {"signer_roles": ["qp"]},
    "for somebody": {"on_behalf_of": "quinn"},
    "by a delegation": {"delegation_uid": "01"},
    "with another reason": {"reason": "none"},
    "in another language": {"language": "zh-CN"},
    "by another profile": {"profile": "simple"},
}


@pytest.mark.clause("21 CFR 11.70")
def test_a_signature_row_that_was_copied_or_altered_does_not_verify(site):
    record = a_review(site, a_received_lot(site))
    sign_review(site, record)
    with site.store.read() as session:
        row = session.exec(select(Signature).where(Signature.subject_uid == record.uid)).one()
    assert not find_fault(row)
    for what, forged in COPIES.items():
        assert find_fault(Signature(**{**row.model_dump(), **forged})), what


@pytest.mark.clause("21 CFR 11.50(a)")
def test_a_person_renamed_later_is_printed_as_they_were_called_then(site):
    record = a_review(site, a_received_lot(site))
    sign_review(site, record)
    with site.store.write(site.system_context()) as work:
        person = work.session.exec(select(Person).where(Person.name == "Rita")).one()
        work.change(person, name="Rita Married")
        work.log("user.rename", "user", person.uid)
    assert the_signature(site, record.uid).as_json()["signer"] == "Rita"
    assert the_signature(site, record.uid).status == "current"


@pytest.mark.parametrize("name", ["Zoe\u0308 Mu\u0308ller", "Zo\u00eb M\u00fcller"])
def test_a_name_and_reason_typed_with_loose_accents_are_signed_as_well(
    site, name: str, monkeypatch: pytest.MonkeyPatch
):
    """On some keyboards an accent is a sign of its own; the signed text composes it (NFC)."""
    lot, login = a_received_lot(site, lot_no=f"LOOSE-{len(name)}"), f"zoe-{len(name)}"
    add_user(site, site.system_context(), NewUser(login, name, ("qa",), PASSWORD))
    signer = a_user(site, ["qa"], login=login)
    act = Act("lot", lot.uid, "reject", "de\u0301ja\u0300 vu")
    sign_intent(site, signer, make_intent(site, signer, [act]), PROVEN)
    assert the_signature(site, lot.uid).status == "current"

    assert not told_of_signatures(site)

    # Control: compared sign by sign, what was typed is not what was signed.
    monkeypatch.setattr(manifestations, "composed", lambda text: text)
    monkeypatch.setattr(books, "composed", lambda text: text)
    assert the_signature(site, lot.uid).status == "void"
    assert "its reason is" in told_of_signatures(site)[0]


def told_of_signatures(site: Site) -> list[str]:
    found = check_database(site, site.system_context()).violations
    return [each.message for each in found if each.place.startswith("signature")]


def test_the_meaning_stays_in_the_language_it_was_signed_in(site):
    lot = a_received_lot(site)
    qp = replace(a_user(site, ["qp"]), language="zh-CN")
    sign_intent(site, qp, make_intent(site, qp, [Act("lot", lot.uid, "release")]), PROVEN)
    told = the_signature(site, lot.uid).as_json()
    assert (told["language"], told["meaning_text"]) == ("zh-CN", "放行")


def test_the_language_of_the_reader_changes_no_word_that_was_signed(site):
    lot = a_received_lot(site)
    signer = replace(a_user(site, ["qp"]), language="zh-CN")
    intent = make_intent(site, signer, [Act("lot", lot.uid, "release")])
    english = replace(signer, language="en")
    [item] = view_intent(site, english, intent, None).items
    assert item.content["meaning"]["text"] == "放行"
    sign_intent(site, english, intent, PROVEN)
    row = the_signature(site, lot.uid).row
    assert (row.language, row.meaning_text) == ("zh-CN", "放行")


def test_an_intent_is_for_one_use_one_person_one_session_and_five_minutes(site, clock):
    lot = a_received_lot(site)
    qp = replace(a_user(site, ["qp"]), session_id="s-1")
    proof = Proof(PASSWORD, login="qp")
    intent = make_intent(site, qp, [Act("lot", lot.uid, "release")])
    for other in (replace(qp, session_id="s-2"), a_user(site, ["qp"], login="paul")):
        with pytest.raises(NotFound, match="no such signature"):
            sign_intent(site, other, intent, proof)
    clock.advance(minutes=5)
    with pytest.raises(Conflict, match="older than five minutes") as late:
        sign_intent(site, replace(qp, at=clock.at), intent, proof)
    assert late.value.code == "QT475"
    assert text_of(site, lot, "state") == "quarantine"


def test_a_second_click_gives_the_same_answer_and_no_second_signature(site):
    lot = a_received_lot(site)
    qp = a_user(site, ["qp"])
    intent = make_intent(site, qp, [Act("lot", lot.uid, "release")])
    first = sign_intent(site, qp, intent, PROVEN)
    assert sign_intent(site, qp, intent, Proof("whatever")) == first
    assert len(list_signatures(site, qp, lot.uid)) == 1


@pytest.mark.clause("21 CFR 11.10(g)")
def test_a_role_that_was_lost_between_sheet_and_signature_is_denied(site):
    lot = a_received_lot(site)
    qp = a_user(site, ["qp"])
    intent = make_intent(site, qp, [Act("lot", lot.uid, "release")])
    with pytest.raises(Denied):
        lesser = a_user(site, ["operator"]).actor
        bare = replace(qp.actor, roles=lesser.roles, permissions=lesser.permissions)
        sign_intent(site, replace(qp, actor=bare), intent, PROVEN)
    assert text_of(site, lot, "state") == "quarantine"


def test_one_gesture_signs_many_records_each_over_its_own_bytes(site):
    lots = [a_received_lot(site, "MILK", f"M-{n}") for n in range(3)]
    qp = a_user(site, ["qp"])
    acts = [Act("lot", lot.uid, "release") for lot in lots]
    intent = make_intent(site, qp, acts)
    assert len(view_intent(site, qp, intent, None).items) == 3
    sign_intent(site, qp, intent, PROVEN)
    kept = [the_signature(site, lot.uid).row for lot in lots]
    assert [read_content(row.content)["record"]["lot_no"] for row in kept] == ["M-0", "M-1", "M-2"]
    assert len({row.content_sha256 for row in kept}) == len({row.uid for row in kept}) == 3
    assert {row.intent_uid for row in kept} == {intent}


def test_one_gesture_signs_all_of_them_or_none(site):
    lots = [a_received_lot(site, "MILK", f"M-{n}") for n in range(2)]
    qp = a_user(site, ["qp"])
    intent = make_intent(site, qp, [Act("lot", lot.uid, "release") for lot in lots])
    record_result(site, a_user(site, ["qc_analyst"]), lots[1].uid, ResultInput("fat", "3.4"))
    with pytest.raises(Conflict, match="fat"):
        sign_intent(site, qp, intent, PROVEN)
    assert not any(list_signatures(site, qp, lot.uid) for lot in lots)
    assert [text_of(site, lot, "state") for lot in lots] == ["quarantine"] * 2


@pytest.mark.clause("21 CFR 11.10(f)")
def test_two_accounts_of_one_person_are_one_person(site):
    record = a_review(site, a_received_lot(site))
    sign_review(site, record)
    with site.store.write(site.system_context()) as work:
        rita = find_account(work.session, work.tenant_id, "rita")
        assert rita is not None
        other = write_user(site, work, NewUser("rita2", "Rita", ("qp",), PASSWORD))
        work.flush()
        row = work.session.exec(select(UserAccount).where(UserAccount.uid == other.uid)).one()
        work.change(row, person_id=rita.person_id)
    with pytest.raises(Refused, match="another person than review"):
        act = [Act("record", record.uid, "approve")]
        make_intent(site, a_user(site, ["qp"], login="rita2"), act)


@pytest.mark.clause("21 CFR 11.10(g)")
def test_a_delegate_signs_as_themselves_for_another_and_never_both_halves(site):
    record = a_review(site, a_received_lot(site))
    rita = a_user(site, ["qa"], login="rita")
    stand_in = a_user(site, ["warehouse"], login="willy")
    until = site.sources.now() + timedelta(days=3)
    make_delegation(site, rita, DelegationInput("rita", "willy", until, "holiday"), PROVEN)
    sign_intent(site, stand_in, make_intent(site, stand_in, [review_act(record)]), PROVEN)
    told = the_signature(site, record.uid).as_json()
    assert (told["signer"], told["on_behalf_of"]) == ("Willy", "rita") and told["delegations"]
    with pytest.raises(Refused, match="another person than review"):
        make_intent(site, rita, [Act("record", record.uid, "approve")])
