"""What a token of an identity provider must say; every lie beside the truth it is made from."""

import hashlib
import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from joserfc.jwk import RSAKey

from tests.identity_plant import Client, Plant, a_plant, said, sign_in
from tests.identity_provider import CLIENT, IdentityProvider, new_key


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


# ------------------------------------------------------------------ attacks on the token


def _b64(value: object) -> str:
    return urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def unsigned(company: IdentityProvider, claims: dict[str, Any]) -> str:
    return f"{_b64({'alg': 'none', 'kid': 'one'})}.{_b64(claims)}."


def by_public_key(company: IdentityProvider, claims: dict[str, Any]) -> str:
    """HS256 with the published key as the shared secret."""
    told = f"{_b64({'alg': 'HS256', 'kid': 'one'})}.{_b64(claims)}"
    secret = RSAKey.import_key(company.keys["one"].as_dict(private=False)).as_pem()
    made = hmac.digest(secret, told.encode(), hashlib.sha256)
    return f"{told}.{urlsafe_b64encode(made).decode().rstrip('=')}"


def by_own_key(company: IdentityProvider, claims: dict[str, Any]) -> str:
    """A key of the attacker's under the name of the provider's."""
    forger = IdentityProvider(company.clock, {"one": new_key()})
    return forger.sign(claims)


def bent(company: IdentityProvider, claims: dict[str, Any]) -> str:
    head, _, signature = company.sign(claims).split(".")
    return f"{head}.{_b64({**claims, 'sub': 'sub-root'})}.{signature}"


def told(**changes: Any) -> Callable[[IdentityProvider, dict[str, Any]], str]:
    def sign(company: IdentityProvider, claims: dict[str, Any]) -> str:
        said = {**claims, **changes}
        return company.sign({name: value for name, value in said.items() if value is not None})

    return sign


def later(seconds: int, *names: str) -> Callable[[IdentityProvider, dict[str, Any]], str]:
    def sign(company: IdentityProvider, claims: dict[str, Any]) -> str:
        now = int(company.clock().timestamp())
        return company.sign({**claims, **dict.fromkeys(names, now + seconds)})

    return sign


@pytest.mark.parametrize(
    ("lie", "words"),
    [
        pytest.param(told(), "", id="the truth"),
        pytest.param(told(nonce="replayed"), "another sign-in", id="nonce of another visit"),
        pytest.param(told(nonce=None), "nonce", id="no nonce"),
        pytest.param(told(iss="https://other.example"), "iss", id="issuer of another"),
        pytest.param(told(aud="another-app"), "aud", id="audience of another"),
        pytest.param(told(aud=[CLIENT, "another-app"]), "another application", id="shared"),
        pytest.param(told(aud=[CLIENT, "another-app"], azp=CLIENT), "", id="shared, for us"),
        pytest.param(told(azp="another-app"), "another application", id="azp of another"),
        pytest.param(told(sub=""), "sub", id="nobody"),
        pytest.param(told(sub="sub-eve"), "no account here", id="a stranger"),
        pytest.param(told(exp=None), "exp", id="no end"),
        pytest.param(later(-61, "exp"), "expired", id="ended before the skew"),
        pytest.param(later(-59, "exp"), "", id="ended within the skew"),
        pytest.param(later(61, "iat"), "future", id="made after the skew"),
        pytest.param(later(59, "iat"), "", id="made within the skew"),
        pytest.param(unsigned, "'none'", id="alg none"),
        pytest.param(by_public_key, "'HS256'", id="HS256 by the public key"),
        pytest.param(by_own_key, "not accepted", id="a forger's key"),
        pytest.param(bent, "not accepted", id="another body"),
        pytest.param(lambda *_: "no token", "no signed token", id="no token"),
    ],
)
def test_a_token_is_believed_only_as_a_whole(plant: Plant, client: Client, lie: Any, words: str):
    plant.company.lie = lambda claims: lie(plant.company, claims)
    answer = sign_in(plant, client)
    if not words:
        assert answer.status_code == 303, said(answer)
        return
    assert answer.status_code == 401
    assert words in said(answer)
    assert client.get("/me", follow_redirects=False).status_code == 303
    assert plant.actions()[0] == "sign_in.failed"


def test_without_the_list_of_algorithms_the_public_key_signs(plant: Plant, client: Client):
    """The control of RS/HS confusion: what a naive verifier accepts."""
    token = by_public_key(plant.company, {"sub": "sub-ann"})
    head, body, signature = token.split(".")
    naive = hmac.digest(plant.rsa.as_pem(private=False), f"{head}.{body}".encode(), hashlib.sha256)
    assert urlsafe_b64encode(naive).decode().rstrip("=") == signature
