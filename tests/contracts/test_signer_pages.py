"""Many signed with one gesture, and what administrators record of a signer, as people meet them."""

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest

from qtcore.errors import InputRejected, Refused
from qtcore.services import to_sign
from qtcore.services.ledger_search import LedgerSearch, search_ledger
from qtcore.services.manifestations import list_signatures
from qtcore.services.records import RecordInput, submit_record
from qtcore.services.sessions import sign_in
from qtcore.services.sign_intents import Act, make_intent, sign_intent
from qtcore.services.sign_proofs import Proof
from qtcore.services.users import unlock_sign_in
from qtcore.testing import PASSWORD, a_received_lot, a_site, a_user
from tests.web import Web, csrf_of, make_web, sign_sheet

QP = "qp"


@pytest.fixture(scope="module")
def web() -> Iterator[Web]:
    with a_site(packs=["food"]) as site:
        yield make_web(site)


def signed_of(web: Web, uid: str) -> int:
    return len(list_signatures(web.site, a_user(web.site, ["qa"]), uid))


def test_many_are_chosen_shown_in_full_and_signed_with_one_gesture(web):
    lots = [a_received_lot(web.site, "MILK", f"TS-{n}") for n in range(3)]
    entry = RecordInput({"title": "Label torn", "severity": "critical"}, [lots[2].uid])
    submit_record(web.site, a_user(web.site, ["operator"]), "deviation", entry)
    with web.person(QP) as client:
        listed = client.get("/to-sign?step=lot.release").text
        offered = re.findall(r'name="thing" value="([^"]+)"', listed)
        assert {lots[0].uid, lots[1].uid} <= set(offered) and lots[2].uid not in offered
        stopped = listed[listed.index('id="h-stopped"') :]
        assert "TS-2" in stopped and "deviation" in stopped
        told = {"csrf_token": csrf_of(client), "step": "lot.release"}
        sheet = client.post("/to-sign", data={**told, "thing": [lots[0].uid, lots[1].uid]})
        assert "TS-0" in sheet.text and "TS-1" in sheet.text and "<details" not in sheet.text
        after = sign_sheet(client, sheet, login=QP)
    assert "Each record has its own signature" in after.text
    assert [signed_of(web, lot.uid) for lot in lots] == [1, 1, 0]


def test_one_that_cannot_be_signed_stops_all_that_were_chosen_and_nothing_is_frozen(web):
    lots = [a_received_lot(web.site, "MILK", f"TA-{n}") for n in range(2)]
    entry = RecordInput({"title": "Torn", "severity": "critical"}, [lots[1].uid])
    submit_record(web.site, a_user(web.site, ["operator"]), "deviation", entry)
    with web.person(QP) as client:
        told = {"csrf_token": csrf_of(client), "step": "lot.release"}
        both = client.post("/to-sign", data={**told, "thing": [lot.uid for lot in lots]})
        none = client.post("/to-sign", data={**told, "thing": []})
        twice = client.post("/to-sign", data={**told, "thing": [lots[0].uid] * 2})
        other = client.post("/to-sign", data={**told, "step": "lot.nonsense", "thing": ["x"]})
    assert [each.status_code for each in (both, none, twice, other)] == [400, 400, 400, 404]
    assert f'value="{lots[0].uid}" checked' in both.text
    assert "sign between 1 and 200" in none.text and "chosen twice" in twice.text
    assert not signed_of(web, lots[0].uid)


def newest(web: Web) -> str:
    return search_ledger(web.site, a_user(web.site, ["auditor"]), LedgerSearch()).rows[0].uid


def test_a_look_at_what_waits_is_no_attempt_and_a_step_of_others_is_not_offered(web):
    qp = a_user(web.site, [QP])
    before = newest(web)
    assert to_sign.read_to_sign(web.site, qp, "lot.release").rows
    assert newest(web) == before
    with web.person("operator") as client:
        assert client.get("/to-sign?step=lot.release").status_code == 404
        assert "No step" not in client.get("/to-sign").text


def admin_of(web: Web, login: str, client, **told: str):
    given = {"csrf_token": csrf_of(client), **told}
    return client.post(f"/users/{login}/signing", data=given)


def test_an_administrator_records_identity_and_training_and_sees_what_ends(web):
    a_user(web.site, [QP])
    today = web.site.sources.now().date()
    with web.person("admin") as client:
        assert "not verified" in client.get("/users/qp/signing").text
        done = admin_of(web, "qp", client, act="identify", method="in person", evidence="ID 7")
        assert "by admin: in person" in done.text
        bare = admin_of(web, "qp", client, act="identify", method="in person", evidence="")
        assert bare.status_code == 400 and "evidence is missing" in bare.text
        span = {"valid_from": str(today), "valid_until": str(today + timedelta(days=9))}
        done = admin_of(web, "qp", client, act="train", topic="SOP-7", proof="test passed", **span)
        assert "SOP-7" in done.text and "test passed" in done.text
        bad = admin_of(web, "qp", client, act="train", topic="X", proof="y", valid_until="soon")
        assert bad.status_code == 400 and "write it as 2026-11-20" in bad.text
        own = admin_of(web, "admin", client, act="identify", method="mirror", evidence="me")
        assert own.status_code == 400 and "his own identity" in own.text
        assert "身份核实" in client.get("/users/qp/signing?lang=zh-CN").text
    with web.person("qa") as client:
        assert client.get("/users/qp/signing").status_code == 403


def test_a_locked_signer_is_alarmed_shown_and_unlocked_with_a_reason(web):
    qp = a_user(web.site, [QP], login="pia")
    lot = a_received_lot(web.site, "MILK", "LK-1")
    intent = make_intent(web.site, qp, [Act("lot", lot.uid, "release")])
    for _ in range(5):
        with pytest.raises(Refused):
            sign_intent(web.site, qp, intent, Proof("guess"))
    with web.person("admin") as client:
        alerts = client.get("/security").text
        assert "signing locked: 1" in alerts and "wrong proof at a signature: 5" in alerts
        assert "Signing is locked" in client.get("/users/pia/signing").text
        bare = admin_of(web, "pia", client, act="unlock", reason=" ")
        assert bare.status_code == 400 and "needs the reason" in bare.text
        done = admin_of(web, "pia", client, act="unlock", reason="asked her, it was the caps key")
        assert "Signing is locked" not in done.text
        assert "caps key" in client.get("/security").text
    assert sign_intent(web.site, qp, intent, Proof(PASSWORD))


def test_a_locked_sign_in_is_opened_by_another_person_with_a_reason(web):
    lena = a_user(web.site, ["qa"], login="lena")
    admin = a_user(web.site, ["admin"])
    for _ in range(10):
        with pytest.raises(Exception, match=r"do not fit|too many"):
            sign_in(web.site, lena, "lena", "guess")
    with pytest.raises(Exception, match=r"do not fit|too many"):
        sign_in(web.site, lena, "lena", PASSWORD)
    with pytest.raises(InputRejected, match="not unlocked"):
        unlock_sign_in(web.site, admin, "lena", reason="")
    unlock_sign_in(web.site, admin, "lena", reason="forgot it on holiday")
    assert sign_in(web.site, lena, "lena", PASSWORD)
