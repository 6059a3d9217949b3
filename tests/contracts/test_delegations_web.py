"""Delegations over the API, on the page of one's own account, and on the command line."""

import json
from collections.abc import Iterator

import pytest
from jsonschema import Draft202012Validator
from typer.testing import CliRunner

from qtcore.cli.main import app
from qtcore.http.api.openapi import build_openapi
from qtcore.http.api.routes import OPERATIONS
from qtcore.services.delegations import list_delegations
from qtcore.testing import a_user
from qtcore.testing.sites import a_site, sqlite_url
from tests.web import Web, csrf_of, make_web

UNTIL = "2026-06-30T20:00:00+02:00"
RUNNER = CliRunner()


@pytest.fixture(scope="module")
def web() -> Iterator[Web]:
    with a_site(packs=["food"]) as site:
        a_user(site, ["qa"])
        a_user(site, ["operator"])
        yield make_web(site)


def test_a_delegation_is_made_listed_and_ended_over_the_api(web):
    body = {
        "principal": "qa",
        "delegate": "operator",
        "valid_to": UNTIL,
        "actions": ["deviation"],
        "reason": "on leave",
    }
    with web.program("qa") as api:
        made = api.post("/api/v1/delegations", json=body)
        assert made.status_code == 201, made.text
        components = build_openapi(OPERATIONS)["components"]
        schema = {"$ref": "#/components/schemas/Delegation", "components": components}
        assert not list(Draft202012Validator(schema).iter_errors(made.json()))
        assert made.json()["to"] == "2026-06-30T18:00:00+00:00"
        uid = made.json()["delegation_id"]
        listed = api.get("/api/v1/delegations", params={"login": "operator"}).json()
        assert [each["delegation_id"] for each in listed["items"]] == [uid]
        ended = api.post(f"/api/v1/delegations/{uid}/revoke", json={"reason": "back"})
        assert ended.json()["revoked_by"] == "qa"
        again = api.post(f"/api/v1/delegations/{uid}/revoke", json={"reason": "back"})
        assert again.status_code == 404
        wrong = api.post("/api/v1/delegations", json={**body, "delegate": "qa"})
        assert [fault["code"] for fault in wrong.json()["faults"]] == ["QT464"]


def test_the_page_of_an_account_lets_somebody_act_for_its_person_and_ends_it(web):
    with web.person("qa") as client:
        form = {"csrf_token": csrf_of(client), "delegate": "operator", "reason": "on leave"}
        wrong = client.post("/me/delegations", data={**form, "until": "tomorrow"})
        assert wrong.status_code == 400
        assert 'value="operator"' in wrong.text
        shown = client.post("/me/delegations", data={**form, "until": "2026-07-01"})
        assert "operator acts for qa" in shown.text
        assert "2026-07-02 00:00 UTC" in shown.text
        (row,) = [
            each
            for each in list_delegations(web.site, web.site.system_context())
            if not each["revoked_at"]
        ]
        end = {"csrf_token": form["csrf_token"], "reason": "back again"}
        done = client.post(f"/me/delegations/{row['delegation_id']}", data=end)
        assert "ended 2026-06-01 08:00 by qa" in done.text


@pytest.mark.heavy
def test_the_commands_make_and_end_a_delegation(tmp_path):
    url = sqlite_url(tmp_path)
    with a_site(url) as site:
        a_user(site, ["qa"], login="anna")
        a_user(site, ["operator"], login="ben")

    def run(*words: str) -> dict[str, object]:
        done = RUNNER.invoke(app, ["user", "delegation", *words, "--db", url, "--json"])
        assert done.exit_code == 0, done.output
        return dict(json.loads(done.stdout))

    made = run("make", "anna", "ben", "--until", "2099-01-01", "--reason", "leave", "--role", "qa")
    assert (made["roles"], made["to"]) == (["qa"], "2099-01-01T23:59:59.999999+00:00")
    ended = run("revoke", str(made["delegation_id"]), "--reason", "back")
    assert str(ended["revoked_by"]).startswith("os:")
    assert run("list", "--login", "ben")["items"] == [ended]
