"""Signing in at an identity provider: what is let in, and attacks on the way there and back.

What a token must say is in `test_identity_tokens`.
"""

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from qtcore.services.identities import link_identity, list_links, unlink_identity
from qtcore.services.throttles import count_failed
from qtcore.services.users import UserChange, change_user, get_user
from qtcore.testing.builders import a_user
from tests.identity_plant import Client, Plant, a_plant, begin, come_back, said, sign_in
from tests.identity_provider import SECRET, IdentityProvider, new_key
from tests.web import csrf_of


@pytest.fixture(scope="module")
def at_work() -> Iterator[Plant]:
    with a_plant() as made:
        yield made


@pytest.fixture
def plant(at_work: Plant) -> Plant:
    at_work.begin_anew()
    return at_work


@pytest.fixture
def client(plant: Plant) -> Client:
    return plant.client


# ------------------------------------------------------------------ the straight way


def test_a_linked_person_comes_in_where_they_wanted_to_go(plant: Plant, client: Client):
    assert "Company account" in client.get("/sign-in").text
    address = begin(client)
    asked = {name: texts[0] for name, texts in parse_qs(urlsplit(address).query).items()}
    answer = come_back(client, plant.company.visit(address))

    assert (answer.status_code, answer.headers["location"]) == (303, "/lots")
    assert "ann" in client.get("/me").text
    assert (asked["code_challenge_method"], asked["response_type"]) == ("S256", "code")
    assert SECRET not in address
    assert plant.actions()[0] == "sign_in"


def test_only_hashes_of_a_visit_are_stored(plant: Plant, client: Client):
    address = begin(client)
    asked = parse_qs(urlsplit(address).query)
    with plant.site.store.read() as session:
        connection: Any = session.connection().connection.driver_connection
        dump = "\n".join(connection.iterdump())
    secrets = [asked["state"][0], asked["nonce"][0], client.cookies["qtcore_visit"], SECRET]
    assert "provider_visit" in dump
    assert [each for each in secrets if each in dump] == []


@pytest.mark.parametrize(
    ("goal", "where"),
    [("/lots?q=1", "/lots?q=1"), ("https://evil.example/", "/"), ("//evil.example", "/"),
     ("/\\evil.example", "/"), ("", "/")],
)  # fmt: skip
def test_the_way_on_is_a_page_of_ours(plant: Plant, client: Client, goal: str, where: str):
    assert sign_in(plant, client, goal).headers["location"] == where


def test_signing_out_leads_to_the_end_of_the_providers_session(plant: Plant, client: Client):
    sign_in(plant, client)
    answer = client.post("/sign-out", data={"csrf_token": csrf_of(client)})

    assert answer.headers["refresh"].startswith(f"0; url={plant.company.issuer}/end?client_id=")
    assert client.get("/me", follow_redirects=False).status_code == 303


# ------------------------------------------------------------------ attacks on the way


def test_a_code_and_its_state_work_once(plant: Plant, client: Client):
    address = begin(client)
    words = plant.company.visit(address)
    kept = client.cookies["qtcore_visit"]
    assert come_back(client, words).status_code == 303

    client.cookies.clear()
    client.cookies.set("qtcore_visit", kept)
    again = come_back(client, words)
    assert again.status_code == 401
    assert "finished before" in said(again)
    # The code in a visit of its own, with its own state: the provider refuses it.
    fresh = plant.company.visit(begin(client))
    stolen = come_back(client, {**fresh, "code": words["code"]})
    assert stolen.status_code == 401
    assert "does not know this code" in said(stolen)
    assert plant.actions()[:2] == ["sign_in.failed", "sign_in.failed"]


def test_a_code_of_another_persons_visit_is_stopped_by_pkce(plant: Plant, client: Client):
    caught = plant.company.visit(begin(client))
    with plant.another_browser():
        own = plant.company.visit(begin(client))
        answer = come_back(client, {**own, "code": caught["code"]})
    assert answer.status_code == 401
    assert "does not know this code" in said(answer)


def test_a_link_with_somebody_elses_answer_signs_nobody_in(plant: Plant, client: Client):
    words = plant.company.visit(begin(client))
    with plant.another_browser():
        begin(client)
        assert "another browser" in said(come_back(client, words))
    words = plant.company.visit(begin(client))
    with plant.another_browser():
        assert come_back(client, words).status_code == 401


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"state": "guessed"}, "finished before"),
        ({"state": ""}, "finished before"),
        ({"iss": "https://other.example"}, "another provider"),
        ({"iss": ""}, "does not say which provider"),
        ({"code": ""}, "did not sign you in"),
        ({"error": "access_denied", "code": ""}, "did not sign you in: access_denied"),
        ({"error": "<b>call 555</b>", "code": ""}, "did not sign you in"),
    ],
)
def test_what_comes_back_must_be_the_answer(
    plant: Plant, client: Client, change: dict[str, str], words: str
):
    answer = come_back(client, {**plant.company.visit(begin(client)), **change})
    assert answer.status_code == 401
    assert words in said(answer)
    assert "call 555" not in answer.text


def test_an_answer_for_one_provider_is_not_taken_at_another(plant: Plant, client: Client):
    answer = come_back(client, plant.company.visit(begin(client)), provider="other")
    assert "another provider" in said(answer)


def test_a_visit_that_took_too_long_is_begun_again(plant: Plant, client: Client):
    words = plant.company.visit(begin(client))
    plant.clock.advance(minutes=11)
    assert "older than ten minutes" in said(come_back(client, words))


def test_many_wrong_answers_make_an_address_rest(plant: Plant, client: Client):
    assert come_back(client, {"state": "x", "code": "y"}).status_code == 401
    for _ in range(59):
        count_failed(plant.site, "", "testclient")
    assert come_back(client, {"state": "x", "code": "y"}).status_code == 429


# ------------------------------------------------------------------ keys and reach


def test_a_new_key_is_found_and_the_old_one_forgotten(plant: Plant, client: Client):
    assert sign_in(plant, client).status_code == 303
    client.cookies.clear()
    old = plant.company.keys.pop("one")
    plant.company.keys["two"], plant.company.signs_with = new_key(), "two"
    plant.clock.advance(seconds=30)
    assert sign_in(plant, client).status_code == 303
    client.cookies.clear()
    signer = IdentityProvider(plant.clock.now, {"one": old})
    plant.company.lie = signer.sign
    assert "does not publish" in said(sign_in(plant, client))


def test_unknown_keys_do_not_make_us_flood_the_provider(plant: Plant, client: Client):
    forger = IdentityProvider(plant.company.clock, {"forged": new_key()}, signs_with="forged")
    plant.company.lie = forger.sign
    for _ in range(5):
        assert sign_in(plant, client).status_code == 401
    assert plant.company.read.count("/keys") == 1


@pytest.mark.parametrize(
    "document",
    [
        {"issuer": "https://other.example"},
        {"token_endpoint": "http://elsewhere.example/token"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"jwks_uri": None},
    ],
)
def test_a_document_of_another_issuer_or_an_open_way_is_not_followed(
    plant: Plant, client: Client, document
):
    plant.company.document = document
    answer = client.post("/sign-in/with/company", data={"next": "/"})
    assert answer.status_code == 503
    assert "cannot be asked now" in said(answer)


def test_a_provider_that_is_down_is_not_called_wrong(plant: Plant, client: Client):
    words = plant.company.visit(begin(client))
    plant.company.is_down = True
    answer = come_back(client, words)
    assert answer.status_code == 503
    assert "Nothing was counted" in said(answer)
    assert plant.actions()[0] == "sign_in.unverified"
    plant.company.is_down = False
    assert sign_in(plant, client).status_code == 303


# ------------------------------------------------------------------ whose account


def test_whoever_was_switched_off_or_unlinked_stays_out(plant: Plant, client: Client):
    admin = a_user(plant.site, ["admin"], login="root")
    change_user(plant.site, admin, "ann", UserChange(state="disabled", reason="left"))
    assert "switched off" in said(sign_in(plant, client))
    change_user(plant.site, admin, "ann", UserChange(state="active", reason="back"))
    assert sign_in(plant, client).status_code == 303
    link = list_links(plant.site, admin, login="ann")[0]
    unlink_identity(plant.site, admin, "ann", link["link_id"])
    assert client.get("/me", follow_redirects=False).status_code == 303
    assert "no account here" in said(sign_in(plant, client))
    link_identity(plant.site, admin, "ann", provider_id="company", subject="sub-ann")


def test_an_email_or_a_login_links_nobody(plant: Plant, client: Client):
    plant.company.subject = "sub-eve"
    plant.company.claims = {"email": "ann@plant.example", "preferred_username": "ann"}
    assert "ask an administrator" in said(sign_in(plant, client))


ROLES = {"qt-qa": ("qa",), "qt-east": ("operator@EAST",)}


def test_claims_make_an_account_and_keep_its_roles_only_where_the_site_says_so(
    plant: Plant, client: Client
):
    plant.begins(roles=ROLES)
    company = plant.company
    company.subject, company.claims = "sub-new", {"preferred_username": "nina", "name": "Nina N"}
    admin = a_user(plant.site, ["admin"], login="root")
    assert "no role here" in said(sign_in(plant, client))
    company.claims["groups"] = ["qt-qa", "others"]
    assert sign_in(plant, client).status_code == 303
    assert get_user(plant.site, admin, "nina")["roles"] == ["qa"]
    company.claims["groups"] = ["others"]
    with plant.another_browser():
        assert "no role here" in said(sign_in(plant, client))
    # The session that was given the role has ended with it.
    assert client.get("/me", follow_redirects=False).status_code == 303
    assert get_user(plant.site, admin, "nina")["roles"] == []


def test_claims_never_take_over_a_login_that_exists(plant: Plant, client: Client):
    plant.begins(roles=ROLES)
    plant.company.subject = "sub-eve"
    plant.company.claims = {"preferred_username": "root", "groups": ["qt-qa"]}
    assert "exists or existed" in said(sign_in(plant, client))


def test_roles_of_a_linked_account_are_kept_here(plant: Plant, client: Client):
    plant.begins(roles=ROLES)
    plant.company.claims = {"groups": ["qt-east"]}
    assert sign_in(plant, client).status_code == 303
    admin = a_user(plant.site, ["admin"], login="root")
    assert get_user(plant.site, admin, "ann")["roles"] == ["qa"]
