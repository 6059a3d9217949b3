"""An identity provider vouches for a signer without a password here; what it does not prove."""

import hashlib
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from qtcore.services.accounts import NewUser, add_user, find_account
from qtcore.services.delegations import list_delegations
from qtcore.services.id_tokens import Claims
from qtcore.services.identities import link_identity
from qtcore.services.manifestations import list_signatures
from qtcore.services.sessions import find_session
from qtcore.services.sign_demands import Needs
from qtcore.services.sign_intents import Act, make_intent
from qtcore.services.sign_proofs import Proof, check_proof, root_of, signing_nonce
from qtcore.services.sign_tries import find_standing
from qtcore.services.visits import Answer, Errand, begin_visit, finish_visit
from qtcore.services.vouching import Visit, is_fresh
from qtcore.testing.builders import PASSWORD, a_received_lot, a_user
from tests.identity_plant import ADDRESS, Client, Plant, a_plant, come_back, said, sign_in
from tests.web import csrf_of


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
    return at_work


@pytest.fixture
def client(plant: Plant) -> Client:
    assert sign_in(plant, plant.client).status_code == 303
    return plant.client


_LOTS = iter(range(1, 100))


def an_intent(plant: Plant, client: Client) -> str:
    """Freeze the release of a new lot in the session of the browser."""
    session = find_session(plant.site, client.cookies["qtcore_session"])
    lot = a_received_lot(plant.site, "MILK", f"M-{next(_LOTS)}")
    context = plant.site.system_context()
    told = type(context)(
        session.actor, context.at, context.request_id, session_id=session.session_id
    )
    return make_intent(plant.site, told, [Act("lot", lot.uid, "release")])


def leave(client: Client, intent: str) -> str:
    told = {"csrf_token": csrf_of(client), "next": "/lots"}
    sent = client.post(f"/sign/{intent}/with/company", data=told)
    assert sent.status_code == 200, sent.text
    return str(sent.headers["refresh"].removeprefix("0; url="))


def sign(plant: Plant, client: Client) -> Any:
    return come_back(client, plant.company.visit(leave(client, an_intent(plant, client))))


def failed(plant: Plant) -> int:
    with plant.site.store.read() as session:
        account = find_account(session, plant.site.store.tenant_id, "ben")
        assert account is not None
        standing = find_standing(session, plant.site.store.tenant_id, account.id)
    return standing.failed if standing else 0


@pytest.mark.clause("21 CFR 11.200(a)(1)")
def test_whoever_has_no_password_signs_at_the_provider_and_anybody_can_verify_it(plant, client):
    intent = an_intent(plant, client)
    shown = client.get(f"/sign/{intent}").text
    assert "Sign with Company account" in shown
    assert 'type="password"' not in shown
    address = leave(client, intent)
    answer = come_back(client, plant.company.visit(address))

    assert (answer.status_code, answer.headers["location"]) == (303, "/lots?done=release")
    assert "prompt=login" in address
    assert "max_age=0" in address
    row = list_signatures(plant.site, a_user(plant.site, ["qa"]))[-1].row
    assert (row.signer_login, row.method, row.components) == ("ben", "provider", 2)
    kept = row.assertion
    key = RSAKey.import_key(kept["key"])
    claims = jwt.decode(kept["id_token"], key, algorithms=["RS256"]).claims
    assert claims["nonce"] == signing_nonce(kept["nonce"], [row.content])
    assert kept["root"] == root_of([row.content])
    assert kept["leaves"] == [hashlib.sha256(row.content.encode()).hexdigest()]


def test_a_delegation_is_signed_at_the_provider_too(plant, client):
    a_user(plant.site, ["operator"], login="olga")
    told = {"delegate": "olga", "until": "2999-01-01", "reason": "away", "roles": "qp"}
    refused = client.post("/delegations", data={"csrf_token": csrf_of(client), **told})
    assert refused.status_code == 400 and "rests on a qualification" in said(refused)
    a_user(plant.site, ["qp"], login="paul")
    sheet = client.post(
        "/delegations", data={"csrf_token": csrf_of(client), **told, "delegate": "paul"}
    )
    intent = sheet.url.path.removeprefix("/sign/")
    come_back(client, plant.company.visit(leave(client, intent)))
    [made] = list_delegations(plant.site, plant.site.system_context(), login="ben")
    assert [each["method"] for each in made["signatures"]] == ["provider"]
    shown = client.get(f"/delegations/{made['delegation_id']}").text
    assert "Delegated by: <strong>Ben</strong>" in shown and "Identity provider" in shown


def test_a_provider_that_did_not_ask_anew_proves_nothing(plant, client):
    plant.company.ignores_prompt_since = plant.clock.now() - timedelta(minutes=3)
    before = failed(plant)
    answer = sign(plant, client)
    assert answer.status_code == 400
    assert "did so anew" in said(answer)
    assert failed(plant) == before + 1
    # The control: the same visit of somebody who did.
    plant.company.ignores_prompt_since = None
    assert sign(plant, client).status_code == 303
    assert failed(plant) == 0


@pytest.mark.parametrize(
    ("auth_time", "fresh"),
    [(1000, True), (971, True), (967, False), (1001, False), (None, False)],
)
def test_the_proof_must_lie_within_the_visit(auth_time: int | None, fresh: bool):
    claims = Claims("s", 1000, auth_time, {}, {})
    assert is_fresh(claims, timedelta(seconds=30)) is fresh


def test_another_person_at_the_provider_signs_nothing(plant, client):
    plant.company.subject = "sub-ann"
    answer = sign(plant, client)
    assert "another person signed in there" in said(answer)
    plant.company.subject = "sub-ben"
    assert sign(plant, client).status_code == 303


def test_a_token_for_one_intent_signs_no_other(plant, client):
    first, second = an_intent(plant, client), an_intent(plant, client)
    token: list[str] = []

    def keep(claims: dict[str, Any]) -> str:
        token.append(plant.company.sign(claims))
        return token[-1]

    plant.company.lie = keep
    assert come_back(client, plant.company.visit(leave(client, first))).status_code == 303
    plant.company.lie = lambda _: token[0]
    answer = come_back(client, plant.company.visit(leave(client, second)))
    assert "does not vouch" in said(answer)
    plant.company.lie = None
    assert come_back(client, plant.company.visit(leave(client, second))).status_code == 303


def test_what_was_begun_in_another_session_is_not_finished_here(plant, client):
    words = plant.company.visit(leave(client, an_intent(plant, client)))
    visit = client.cookies["qtcore_visit"]
    client.cookies.clear()
    sign_in(plant, client)
    client.cookies.delete("qtcore_visit")
    client.cookies.set("qtcore_visit", visit)
    answer = come_back(client, words)
    assert answer.status_code == 404


def test_a_provider_that_is_down_or_declines_is_counted_against_nobody(plant, client):
    before = failed(plant)
    words = plant.company.visit(leave(client, an_intent(plant, client)))
    plant.company.is_down = True
    answer = come_back(client, words)
    assert answer.status_code == 503
    assert "cannot be verified now" in said(answer)
    plant.company.is_down = False
    words = plant.company.visit(leave(client, an_intent(plant, client)))
    answer = come_back(client, {**words, "code": "", "error": "access_denied"})
    assert answer.status_code == 400
    assert "did not sign you in: access_denied" in said(answer)
    assert failed(plant) == before


def test_a_second_factor_is_met_only_when_the_provider_tells_of_one(plant, client):
    session = find_session(plant.site, client.cookies["qtcore_session"])
    system = plant.site.system_context()
    context = type(system)(session.actor, system.at, "r-1", session_id=session.session_id)
    back = f"{ADDRESS}/sign-in/from/company"
    errand = Errand("accept", about="signatures", again=True)

    def prove() -> Any:
        begun = begin_visit(plant.site, context, "company", errand, back=back)
        words = plant.company.visit(begun.address)
        arrived = finish_visit(plant.site, context, Answer("company", words, begun.secret), back)
        needs = Needs(2, second_factor=True)
        return check_proof(plant.site, context, needs, Proof(visit=Visit(arrived)))

    assert [refusal.code for refusal in prove()[1]] == ["QT478"]
    plant.company.claims = {"amr": ["pwd", "otp"]}
    assert prove()[0].method == "provider"


def test_an_administrator_ends_one_session_of_a_person_on_their_page(plant, client):
    session = find_session(plant.site, client.cookies["qtcore_session"])
    with plant.another_browser():
        client.post("/sign-in", data={"login": "root", "password": PASSWORD})
        assert session.session_id in client.get("/users/ben").text
        told = {"csrf_token": csrf_of(client), "act": "session", "session": session.session_id}
        assert str(client.post("/users/ben", data=told).url).endswith("/users/ben?done=session")
    assert client.get("/me", follow_redirects=False).status_code == 303


def test_five_wrong_proofs_lock_signing(plant, client):
    plant.company.subject = "sub-ann"
    for _ in range(4):
        assert "another person" in said(sign(plant, client))
    assert "signing is locked" in said(sign(plant, client))
