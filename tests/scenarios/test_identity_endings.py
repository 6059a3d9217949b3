"""A provider tells that sessions ended there: they end here, those and no others."""

from collections.abc import Iterator
from typing import Any

import pytest

from qtcore.services.id_tokens import Ended
from qtcore.services.identities import link_identity
from qtcore.testing.builders import a_user
from tests.identity_plant import Client, Plant, a_plant, sign_in
from tests.identity_provider import new_key
from tests.signing_in import enter

EVENTS: dict[str, Any] = {"http://schemas.openid.net/event/backchannel-logout": {}}


@pytest.fixture(scope="module")
def opened() -> Iterator[Plant]:
    with a_plant() as made:
        a_user(made.site, ["qa"], login="bob")
        root = a_user(made.site, ["admin"], login="root")
        link_identity(made.site, root, "bob", provider_id="company", subject="sub-bob")
        yield made


@pytest.fixture
def plant(opened: Plant) -> Plant:
    opened.begin_anew()
    return opened


@pytest.fixture
def client(plant: Plant) -> Client:
    return plant.client


def token(plant: Plant, **changed: Any) -> str:
    now = int(plant.clock.now().timestamp())
    claims: dict[str, Any] = {
        "iss": plant.company.issuer, "aud": "qtcore-test", "iat": now, "exp": now + 120,
        "jti": "j-1", "events": EVENTS, "sub": "sub-ann", **changed,
    }  # fmt: skip
    return plant.company.sign({k: v for k, v in claims.items() if v is not None})


def tell(plant: Plant, text: str, provider: str = "company") -> Any:
    with plant.another_browser():
        return plant.client.post(f"/sign-in/ended/{provider}", data={"logout_token": text})


def is_in(client: Client) -> bool:
    return client.get("/me", follow_redirects=False).status_code == 200


@pytest.mark.parametrize(
    ("said", "ends"),
    [
        ({}, True),
        ({"sid": "s-1"}, True),
        ({"sub": None, "sid": "s-1"}, True),
        ({"sid": "s-2"}, False),
        ({"sub": "sub-bob"}, False),
        ({"sub": "sub-bob", "sid": "s-1"}, False),
        ({"sub": "sub-nobody"}, False),
    ],
    ids=str,
)
def test_what_ended_there_ends_here(plant: Plant, client: Client, said: Any, ends: bool):
    plant.company.claims = {"sid": "s-1"}
    sign_in(plant, client)
    assert is_in(client)
    answer = tell(plant, token(plant, **said))
    assert (answer.status_code, answer.text) == (200, "")
    assert answer.headers["cache-control"] == "no-store"
    assert is_in(client) is not ends
    assert (plant.actions()[0] == "session.end") is ends


WRONG = {
    "no event": {"events": {}},
    "no events at all": {"events": None},
    "an ID token": {"nonce": "n"},
    "nobody": {"sub": None},
    "another issuer": {"iss": "https://other.example"},
    "another application": {"aud": "somebody-else"},
    "too old": {"iat": 1, "exp": 2},
    "a time that is none": {"iat": float("1e308")},
    "no id": {"jti": None},
    "a sub that is no text": {"sub": ["sub-ann"]},
}


@pytest.mark.parametrize("said", WRONG.values(), ids=WRONG)
def test_a_token_that_is_none_ends_nothing(plant: Plant, client: Client, said: Any):
    sign_in(plant, client)
    assert tell(plant, token(plant, **said)).status_code == 400
    assert is_in(client)


def test_nobody_else_signs_it(plant: Plant, client: Client, monkeypatch: pytest.MonkeyPatch):
    sign_in(plant, client)
    plant.company.keys = {**plant.company.keys, "mine": new_key()}
    forged = plant.company.sign({"sub": "sub-ann", "events": EVENTS}, name="mine")
    for text in ("", "x", forged, "a.b.c"):
        assert tell(plant, text).status_code == 400
    assert tell(plant, token(plant), "nobody").status_code == 404
    assert is_in(client)
    # The control: whatever were sent would end the session, if nothing were verified.
    ended = Ended("sub-ann", "", plant.clock.now())
    desk = type(plant.site.providers)
    monkeypatch.setattr(desk, "read_logout", lambda *_: ended)
    assert tell(plant, "x").status_code == 200
    assert not is_in(client)


def test_a_token_that_is_sent_again_ends_nothing_new(plant: Plant, client: Client):
    sign_in(plant, client)
    text = token(plant, exp=int(plant.clock.now().timestamp()) + 600)
    tell(plant, text)
    assert not is_in(client)
    plant.clock.advance(minutes=5)
    client.cookies.clear()
    sign_in(plant, client)
    assert tell(plant, text).status_code == 200
    assert is_in(client)


def test_sessions_by_password_are_not_the_providers(plant: Plant, client: Client):
    client.cookies.set("qtcore_session", enter(plant.site, "ann"))
    tell(plant, token(plant))
    assert is_in(client)


def test_wrong_tokens_make_an_address_rest(plant: Plant, client: Client):
    codes = [tell(plant, "a.b.c").status_code for _ in range(61)]
    assert codes[:60] == [400] * 60
    assert codes[60] == 429
