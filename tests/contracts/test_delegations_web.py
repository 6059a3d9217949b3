"""Delegations over the API, on their page, and on the command line: each signed."""

import json
from collections.abc import Iterator

import pytest
from jsonschema import Draft202012Validator
from sqlmodel import select
from typer.testing import CliRunner

from qtcore.cli.main import app
from qtcore.http.api.openapi import build_openapi
from qtcore.http.api.routes import OPERATIONS
from qtcore.services.delegations import list_delegations
from qtcore.store.tables import Delegation
from qtcore.testing import PASSWORD, a_user
from qtcore.testing.sites import a_site, sqlite_url
from tests.web import Web, csrf_of, make_web, sign_sheet

UNTIL = "2026-06-30T20:00:00+02:00"
RUNNER = CliRunner()


@pytest.fixture(scope="module")
def web() -> Iterator[Web]:
    with a_site(packs=["food"]) as site:
        a_user(site, ["qa"])
        a_user(site, ["operator"])
        yield make_web(site)


BODY = {
    "principal": "qa",
    "delegate": "operator",
    "valid_to": UNTIL,
    "actions": ["deviation"],
    "reason": "on leave",
}


@pytest.fixture
def alone(web: Web) -> Iterator[Web]:
    """The one site; nobody acts for anybody when a test begins."""
    with web.site.store.write(web.site.system_context()) as work:
        for row in work.session.exec(select(Delegation)).all():
            if row.revoked_at is None:
                work.change(row, revoked_at=web.site.sources.now())
        work.log("delegation.revoke", "delegation", "")
    yield web


def fits(name: str, told: object) -> bool:
    """Say whether an answer is as the API page says."""
    components = build_openapi(OPERATIONS)["components"]
    schema = {"$ref": f"#/components/schemas/{name}", "components": components}
    return not list(Draft202012Validator(schema).iter_errors(told))


def test_a_delegation_is_signed_listed_and_ended_over_the_api(alone):
    with alone.program("qa") as api:
        for proof, code in (({}, "QT471"), ({"password": "guess"}, "QT472")):
            refused = api.post("/api/v1/delegations", json={**BODY, **proof})
            assert refused.status_code == 409, refused.text
            assert [each["code"] for each in refused.json()["refusals"]] == [code]
        made = api.post("/api/v1/delegations", json={**BODY, "password": PASSWORD})
        assert made.status_code == 201, made.text
        assert fits("Delegation", made.json())
        assert made.json()["to"] == "2026-06-30T18:00:00+00:00"
        assert [each["signer"] for each in made.json()["signatures"]] == ["Qa"]
        uid = made.json()["delegation_id"]
        listed = api.get("/api/v1/delegations", params={"login": "operator"}).json()
        assert uid in [each["delegation_id"] for each in listed["items"]]
        kept = api.get("/api/v1/signatures", params={"about": uid}).json()["items"][0]
        assert json.loads(kept["content"])["subject"]["id"] == uid
        again = api.post("/api/v1/delegations", json={**BODY, "password": PASSWORD})
        assert "acts for qa already" in again.json()["faults"][0]["message"]
        ended = api.post(f"/api/v1/delegations/{uid}/revoke", json={"reason": "back"})
        assert ended.json()["revoked_by"] == "qa"
        again = api.post(f"/api/v1/delegations/{uid}/revoke", json={"reason": "back"})
        assert again.status_code == 404
        wrong = api.post("/api/v1/delegations", json={**BODY, "delegate": "qa"})
        assert [fault["code"] for fault in wrong.json()["faults"]] == ["QT464"]


def test_a_program_sees_what_is_signed_and_signs_that(alone):
    with alone.program("qa") as api:
        intent = api.post("/api/v1/delegations/sign-intents", json=BODY)
        assert intent.status_code == 201, intent.text
        assert fits("SignIntent", intent.json())
        [item] = intent.json()["items"]
        signed = api.post(f"{intent.headers['location']}/sign", json={"password": PASSWORD})
        [made] = signed.json()["signed"]
        assert made["delegation_id"] == item["content"]["subject"]["id"]
        kept = api.get("/api/v1/signatures", params={"about": made["delegation_id"]}).json()
        assert kept["items"][0]["content"] == item["text"]


@pytest.mark.clause("21 CFR 11.50(b)")
@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_the_page_shows_the_whole_of_it_has_it_signed_and_shows_by_whom(alone, language):
    at = f"?lang={language}"
    with alone.person("qa") as client:
        client.post("/language", data={"csrf_token": csrf_of(client), "to": language})
        form = {"csrf_token": csrf_of(client), "delegate": "operator", "reason": "on leave"}
        wrong = client.post("/delegations", data={**form, "until": "tomorrow"})
        assert wrong.status_code == 400
        assert 'value="operator"' in wrong.text
        told = {**form, "until": "2026-07-01", "roles": "qa", "actions": "deviation, capa"}
        sheet = client.post("/delegations", data=told)
        for part in ("Operator (operator)", "2026-07-02 00:00 UTC", "on leave", "deviation"):
            assert part in sheet.text
        guess = sign_sheet(client, sheet, login="qa", password="guess")
        assert guess.status_code == 400
        shown = sign_sheet(client, sheet, login="qa", password=PASSWORD)
        said = {
            "en": ("operator acts for qa", "signed by Qa"),
            "zh-CN": ("operator 代理 qa", "签署人：Qa"),
        }
        assert all(part in shown.text for part in said[language])
        row = next(
            each
            for each in list_delegations(alone.site, alone.site.system_context())
            if not each["revoked_at"]
        )
        one = f"/delegations/{row['delegation_id']}"
        seen = client.get(f"{one}{at}").text
        meaning = {"en": "Delegated by", "zh-CN": "委托"}[language]
        assert f"{meaning}: <strong>Qa</strong>" in seen
        printed = client.get(f"/print/delegation/{row['delegation_id']}").text
        assert f"{meaning}: Qa" in printed
        bare = client.post(one, data={"csrf_token": form["csrf_token"], "reason": " "})
        assert bare.status_code == 400
        done = client.post(one, data={"csrf_token": form["csrf_token"], "reason": "back again"})
        assert "back again" in done.text


def test_who_manages_users_sees_all_and_others_only_theirs(alone):
    with alone.program("qa") as api:
        made = api.post("/api/v1/delegations", json={**BODY, "password": PASSWORD}).json()
    one = f"/delegations/{made['delegation_id']}"
    with alone.person("admin") as client:
        assert "operator acts for qa" in client.get("/delegations").text
        assert client.get(one).status_code == 200
    with alone.person("warehouse") as client:
        assert "operator acts for qa" not in client.get("/delegations").text
        assert client.get(one).status_code == 403


@pytest.mark.heavy
def test_the_commands_make_sign_show_and_end_a_delegation(tmp_path):
    url = sqlite_url(tmp_path)
    with a_site(url) as site:
        a_user(site, ["qa"], login="anna")
        a_user(site, ["operator"], login="ben")

    def run(*words: str, typed: str = "") -> str:
        done = RUNNER.invoke(app, ["user", "delegation", *words, "--db", url, "--json"], typed)
        assert done.exit_code == 0, done.output
        return done.stdout

    what = ("make", "anna", "ben", "--until", "2099-01-01", "--reason", "leave", "--role", "qa")
    signs = ("--as", "anna", "--password-stdin")
    wrong = RUNNER.invoke(app, ["user", "delegation", *what, *signs, "--db", url], "guess\n")
    assert wrong.exit_code == 1 and "QT472" in wrong.output
    made = json.loads(run(*what, *signs, typed=f"{PASSWORD}\n"))
    assert (made["roles"], made["to"]) == (["qa"], "2099-01-01T23:59:59.999999+00:00")
    shown = RUNNER.invoke(
        app, ["signature", "list", made["delegation_id"], "--format", "csv", "--db", url]
    )
    assert "Delegated by" in shown.stdout and "Anna" in shown.stdout
    ended = json.loads(run("revoke", made["delegation_id"], "--reason", "back"))
    assert str(ended["revoked_by"]).startswith("os:")
    assert json.loads(run("list", "--login", "ben"))["items"] == [ended]
