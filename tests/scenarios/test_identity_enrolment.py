"""Who has no password here enrols and signs all the same: proven at the provider, page or API."""

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from html import unescape
from typing import Any

import pyotp
import pytest

from qtcore.services import vouching
from qtcore.services.accounts import NewUser, add_user
from qtcore.services.identities import link_identity
from qtcore.services.manifestations import list_signatures
from qtcore.services.signers import read_signer
from qtcore.services.tokens import add_token
from qtcore.testing.builders import a_received_lot, a_user
from tests.authenticator import Authenticator
from tests.identity_plant import ADDRESS, Client, Plant, a_plant, come_back, said, sign_in
from tests.identity_provider import CLIENT
from tests.web import csrf_of, make_web

PROGRAM = "line-7"
_LOTS = iter(range(1, 100))


@pytest.fixture(scope="module")
def at_work() -> Iterator[Plant]:
    with a_plant() as made:
        add_user(made.site, made.site.system_context(), NewUser("ben", "Ben", ("qp",)))
        root = a_user(made.site, ["admin"], login="root")
        link_identity(made.site, root, "ben", provider_id="company", subject="sub-ben")
        yield made


@pytest.fixture
def plant(at_work: Plant) -> Plant:
    at_work.begin_anew()
    at_work.company.subject = "sub-ben"
    at_work.company.ignores_prompt_since = None
    at_work.begins(programs=(PROGRAM,))
    return at_work


@pytest.fixture
def client(plant: Plant) -> Client:
    assert sign_in(plant, plant.client).status_code == 303
    return plant.client


def enrol(plant: Plant, client: Client, act: str) -> Any:
    shown = client.get("/me/signing").text
    assert "Prove who you are with Company account" in shown
    assert 'type="password"' not in shown
    told = {"csrf_token": csrf_of(client), "act": act, "provider": "company", "name": "phone"}
    sent = client.post("/me/signing", data=told)
    address = str(sent.headers["refresh"].removeprefix("0; url="))
    return come_back(client, plant.company.visit(address))


def hidden(answer: Any, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]+)"', answer.text)
    assert found is not None, answer.text
    return unescape(found.group(1))


def factors(plant: Plant) -> list[tuple[str, str]]:
    signer = read_signer(plant.site, plant.site.system_context(), "ben")
    return [(each["kind"], each["name"]) for each in signer["factors"]]


def test_an_app_is_enrolled_by_who_proved_anew_at_the_provider(plant, client):
    begun = enrol(plant, client, "totp")
    assert begun.status_code == 200, said(begun)
    found = re.search(r'<code class="id">([A-Z2-7 ]+)</code>', begun.text)
    assert found is not None
    code = pyotp.TOTP(found.group(1).replace(" ", "")).at(plant.clock.now())
    told = {"csrf_token": csrf_of(client), "act": "totp_code", "code": code}
    done = client.post("/me/signing", data={**told, "factor": hidden(begun, "factor")})
    assert "The factor is enrolled" in done.text
    assert ("totp", "phone") in factors(plant)


def test_a_passkey_is_enrolled_by_who_proved_anew_at_the_provider(plant, client):
    begun = enrol(plant, client, "passkey")
    assert begun.status_code == 200, said(begun)
    found = re.search(r'data-passkey="([^"]+)"', begun.text)
    assert found is not None
    answer = Authenticator(party="testserver.local", origin=ADDRESS).make(
        json.loads(unescape(found.group(1)))
    )
    told = {
        "csrf_token": csrf_of(client), "act": "passkey_answer", "name": "key",
        "passkey": json.dumps(answer), "factor": hidden(begun, "factor"),
    }  # fmt: skip
    assert "The factor is enrolled" in client.post("/me/signing", data=told).text
    assert ("passkey", "key") in factors(plant)


def test_an_open_screen_enrols_nothing_at_a_provider_that_did_not_ask_anew(plant, client):
    before = factors(plant)
    plant.company.ignores_prompt_since = plant.clock.now() - timedelta(minutes=3)
    answer = enrol(plant, client, "totp")
    assert answer.status_code == 400
    assert "did so anew" in said(answer)
    assert "otpauth" not in answer.text
    plant.company.ignores_prompt_since = None
    plant.company.subject = "sub-ann"
    assert "another person" in said(enrol(plant, client, "passkey"))
    assert factors(plant) == before


# ------------------------------------------------------------------ the API


@pytest.fixture
def program(plant: Plant) -> Iterator[Client]:
    """A program of ben's, with a token and without a browser."""
    with make_web(plant.site).visitor() as visitor:
        token = add_token(plant.site, plant.site.system_context(), "ben")
        visitor.headers["authorization"] = f"Bearer {token}"
        yield visitor


def an_intent(plant: Plant, program: Client) -> dict[str, Any]:
    lot = a_received_lot(plant.site, "MILK", f"M-{next(_LOTS)}")
    act = {"kind": "lot", "id": lot.uid, "transition": "release"}
    made = program.post("/api/v1/sign-intents", json={"acts": [act]})
    assert made.status_code == 201, made.text
    return dict(made.json())


def token_for(plant: Plant, intent: dict[str, Any], **told: Any) -> str:
    """The token that the program gets at the provider, as its own client, for this intent."""
    [offered] = [each for each in intent["providers"] if each["provider"] == "company"]
    words = {"subject": "sub-ben", "nonce": offered["nonce"], "max_age": "0"}
    claims = {**plant.company.claims_of(words), "aud": offered["programs"][0], **told}
    return plant.company.sign(claims)


def sign(program: Client, intent: dict[str, Any], token: str) -> Any:
    proof = {"provider": {"provider": "company", "id_token": token}}
    return program.post(f"/api/v1/sign-intents/{intent['intent_id']}/sign", json=proof)


def test_a_program_signs_with_a_token_of_the_provider_for_this_very_intent(plant, program):
    intent = an_intent(plant, program)
    answer = sign(program, intent, token_for(plant, intent))
    assert answer.status_code == 200, answer.text
    row = list_signatures(plant.site, a_user(plant.site, ["qa"]))[-1].row
    assert (row.signer_login, row.method, row.components) == ("ben", "provider", 2)
    assert row.assertion["leaves"] == [item["sha256"] for item in intent["items"]]


OTHERS: dict[str, dict[str, Any]] = {
    "of another intent": {"nonce": "another"},
    "of another person": {"sub": "sub-ann"},
    "for the site itself": {"aud": CLIENT},
    "for another application": {"aud": "canteen"},
    "for two, by another": {"aud": [PROGRAM, "canteen"], "azp": "canteen"},
    "of a login of this morning": {"auth_time": 1},
    "without a login": {"auth_time": None},
}


@pytest.mark.parametrize("told", OTHERS.values(), ids=OTHERS)
def test_a_token_that_proves_less_signs_nothing_and_is_counted(plant, program, told):
    intent = an_intent(plant, program)
    answer = sign(program, intent, token_for(plant, intent, **told))
    assert answer.status_code == 409
    assert answer.json()["refusals"][0]["code"] == "QT472"
    assert sign(program, intent, token_for(plant, intent)).status_code == 200  # the control


def test_where_no_program_is_listed_none_is_offered_and_no_token_is_taken(plant, program):
    intent = an_intent(plant, program)
    token = token_for(plant, intent)
    plant.begins()
    assert an_intent(plant, program)["providers"] == []
    assert sign(program, intent, token).status_code == 409
    plant.begins(programs=(PROGRAM,))
    assert sign(program, intent, token).status_code == 200


def test_a_provider_that_is_unknown_or_down_is_no_wrong_proof(plant, program):
    intent = an_intent(plant, program)
    proof = {"provider": {"provider": "nobody", "id_token": "x"}}
    path = f"/api/v1/sign-intents/{intent['intent_id']}/sign"
    assert program.post(path, json=proof).status_code in (400, 404)
    plant.site.providers._read.clear()
    plant.company.is_down = True
    assert sign(program, intent, token_for(plant, intent)).status_code == 503
    plant.company.is_down = False
    plant.clock.advance(seconds=20)
    assert read_signer(plant.site, plant.site.system_context(), "ben")["failed"] == 0
    assert sign(program, intent, token_for(plant, intent)).status_code == 200


def test_control_without_the_look_at_its_age_an_old_login_signs(plant, program, monkeypatch):
    monkeypatch.setattr(vouching, "is_fresh", lambda *_: True)
    intent = an_intent(plant, program)
    assert sign(program, intent, token_for(plant, intent, auth_time=1)).status_code == 200


def test_an_intent_that_is_not_there_is_named_as_not_found(program):
    for path in ("/api/v1/sign-intents/none", "/api/v1/sign-intents/019e8232-0000"):
        answer = program.get(path)
        assert (answer.status_code, answer.json()["code"]) == (404, "QT404")
    answer = program.post("/api/v1/sign-intents/none/sign", json={"password": "x"})
    assert (answer.status_code, answer.json()["code"]) == (404, "QT404")
