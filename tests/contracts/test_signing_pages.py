"""The signing sheet and the page of one's own factors, as people and programs meet them."""

import json
import re
from base64 import b64decode
from collections.abc import Iterator
from html import unescape

import pyotp
import pytest

from qtcore.services.enrolment import qr_code
from qtcore.services.records import RecordInput, submit_record
from qtcore.testing import PASSWORD, a_received_lot, a_site, a_user
from tests.web import EVERY_ROLE, Web, csrf_of, make_web, sign_sheet

LOGIN = "-".join(EVERY_ROLE)


@pytest.fixture(scope="module")
def web() -> Iterator[Web]:
    with a_site(packs=["food"]) as site:
        yield make_web(site)


def released(client, lot):
    return client.post(
        f"/l/{lot}/release", data={"csrf_token": csrf_of(client), "transition": "release"}
    )


@pytest.mark.clause("21 CFR 11.50(b)")
def test_the_sheet_shows_what_is_signed_and_the_page_after_it_the_manifestation(web):
    lot = a_received_lot(web.site, "MILK", "S-1").uid
    with web.person() as client:
        sheet = released(client, lot)
        for told in ("S-1", "Released by", "Quarantine → Released", "SUPPLIER-A", "CORE-01"):
            assert told in sheet.text, told
        after = sign_sheet(client, sheet)
        assert "Released by: <strong>" in after.text and "2026-06-01 08:00:00 +0000" in after.text
        again = client.get(str(sheet.url), follow_redirects=False)
    assert again.status_code == 303


def test_a_sheet_of_a_record_that_changed_says_what_and_offers_to_review_it_again(web):
    lot = a_received_lot(web.site, "MILK", "S-2").uid
    with web.person() as client:
        sheet = released(client, lot)
        told = {"csrf_token": csrf_of(client), "characteristic": "fat", "value": "3.4"}
        client.post(f"/l/{lot}/results", data=told)
        refused = sign_sheet(client, sheet)
    assert refused.status_code == 409
    assert "changed since you saw it" in refused.text and "Review it again" in refused.text
    assert 'name="password"' not in refused.text


def test_an_app_is_enrolled_on_the_page_and_its_code_is_asked_from_then_on(web):
    with web.person("qp", "qa") as client:
        proof = {"login": "qp-qa", "password": PASSWORD}
        told = {"csrf_token": csrf_of(client), "act": "totp", "name": "phone", **proof}
        page = client.post("/me/signing", data=told).text
        secret = re.search(r'<code class="id">([A-Z2-7 ]+)</code>', page)
        factor = re.search(r'name="factor" value="([^"]+)"', page)
        picture = re.search(r'src="data:image/svg\+xml;base64,([^"]+)"', page)
        assert secret is not None
        assert factor is not None
        assert picture is not None
        address = re.search(r'href="(otpauth:[^"]+)"', page)
        assert address is not None
        assert b64decode(picture.group(1)) == qr_code(unescape(address.group(1)))
        code = pyotp.TOTP(secret.group(1).replace(" ", "")).at(web.site.sources.now())
        told = {"csrf_token": csrf_of(client), "act": "totp_code", "factor": factor.group(1)}
        wrong = client.post("/me/signing", data={**told, "code": "000000"})
        right = client.post("/me/signing", data={**told, "code": code})
        assert (wrong.status_code, right.status_code) == (400, 200)
        assert "Authenticator app – phone" in right.text
        sheet = released(client, a_received_lot(web.site, "MILK", "S-3").uid)
        assert 'name="code"' in sheet.text


def test_a_policy_is_read_and_signed_on_the_page_in_both_languages(web):
    with web.person("qa") as client:
        assert "本人的电子签名" in client.get("/me/signing?lang=zh-CN").text
        told = {"csrf_token": csrf_of(client), "act": "accept", "policy": "signatures"}
        done = client.post("/me/signing", data={**told, "login": "qa", "password": PASSWORD})
    assert "You have signed this version" in done.text


def test_programs_freeze_show_and_sign_with_one_answer_per_intent(web):
    lot = a_received_lot(web.site, "MILK", "S-4").uid
    with web.program() as api:
        acts = [{"kind": "lot", "id": lot, "transition": "release"}]
        made = api.post("/api/v1/sign-intents", json={"acts": acts})
        assert made.status_code == 201, made.text
        path = f"/api/v1/sign-intents/{made.json()['intent_id']}"
        assert api.get(path).json()["items"][0]["content"]["record"]["lot_no"] == "S-4"
        wrong = api.post(f"{path}/sign", json={"password": "no"})
        assert (wrong.status_code, wrong.json()["refusals"][0]["code"]) == (409, "QT472")
        first = api.post(f"{path}/sign", json={"password": PASSWORD})
        assert first.json() == api.post(f"{path}/sign", json={"password": PASSWORD}).json()
        [kept] = api.get(f"/api/v1/signatures?about={lot}").json()["items"]
    assert kept["status"] == "current" and '"lot_no":"S-4"' in kept["content"]


def test_a_passkey_where_none_can_be_verified_is_said_and_not_left_aside(web):
    lot = a_received_lot(web.site, "MILK", "S-6").uid
    given = {"password": PASSWORD, "passkey": {"id": "x", "response": {}}}
    with web.program() as api:
        acts = [{"kind": "lot", "id": lot, "transition": "release"}]
        path = api.post("/api/v1/sign-intents", json={"acts": acts}).headers["location"]
        answer = api.post(f"{path}/sign", json=given)
        assert (answer.status_code, answer.json()["code"]) == (503, "QT473")
        assert "cannot be verified now" in answer.json()["detail"]
        assert "QTCORE_PUBLIC_URL" in answer.json()["detail"]
        assert api.get(f"/api/v1/signatures?about={lot}").json()["items"] == []
    lines = [line for line in web.log.getvalue().splitlines() if "QT473" in line]
    assert len(lines) == 1 and "Traceback" not in web.log.getvalue()
    with web.person() as client:
        sheet = released(client, lot)
        told = {"password": PASSWORD, "passkey": json.dumps(given["passkey"])}
        assert sign_sheet(client, sheet, **told).status_code == 503
    with web.program() as api:
        # The control: left aside, as it was, the password beside it signs.
        path = api.post("/api/v1/sign-intents", json={"acts": acts}).headers["location"]
        assert api.post(f"{path}/sign", json={"password": PASSWORD}).status_code == 200


def test_an_exception_is_justified_on_the_release_page_and_stays_for_another_person(web):
    lot = a_received_lot(web.site, "MILK", "S-5").uid
    entry = RecordInput({"title": "Label torn", "severity": "minor"}, [lot])
    submit_record(web.site, a_user(web.site, ["operator"]), "deviation", entry)
    told = {"rule": "CORE-02", "justification": "carton only", "login": "qp", "password": PASSWORD}
    with web.person("qp") as client:
        assert 'value="CORE-02"' in client.get(f"/l/{lot}/release").text
        told["csrf_token"] = csrf_of(client)
        assert "Exception justified by" in client.post(f"/l/{lot}/justify", data=told).text
        assert (
            'button type="submit" name="transition" value="release"'
            not in client.get(f"/l/{lot}/release").text
        )
    with web.person() as client:
        assert sign_sheet(client, released(client, lot)).status_code == 200
