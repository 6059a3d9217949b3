"""A token for some rights or one site does nothing that its person may do without any right."""

from collections.abc import Iterator
from itertools import count

import httpx
import pytest

from qtcore.context import Actor
from qtcore.registry.load import load_registry
from qtcore.services.tokens import NewToken, make_token
from qtcore.testing.builders import PASSWORD, a_user
from qtcore.testing.sites import a_site
from tests.web import Web, make_web

OWNER = "keeper"
YEARS = count(2100)


@pytest.fixture(scope="module")
def web() -> Iterator[Web]:
    with a_site(registry=load_registry(packs=[]).get_registry()) as opened:
        a_user(opened, ("qa",), login=OWNER)
        a_user(opened, ("operator",), login="friend")
        yield make_web(opened)


def token(web: Web, *scope: str) -> dict[str, str]:
    found = make_token(web.site, web.site.system_context(), NewToken(OWNER, scope=scope))
    return {"id": found["token_id"], "authorization": f"Bearer {found['token']}"}


def asked(web: Web, act: str, *scope: str) -> httpx.Response:
    own, other = token(web, *scope), token(web)
    year = next(YEARS)
    lend = {
        **{"principal": OWNER, "delegate": "friend", "password": PASSWORD},
        **{"valid_from": f"{year}-01-01T00:00:00Z", "valid_to": f"{year}-12-31T00:00:00Z"},
    }
    method, path, body = {
        "read messages": ("GET", "/notifications", None),
        "mark messages as read": ("POST", "/notifications/read", {}),
        "lend one's roles": ("POST", "/delegations", {**lend, "reason": "away"}),
        "list delegations": ("GET", "/delegations", None),
        "list tokens": ("GET", "/tokens", None),
        "end another token": ("POST", f"/tokens/{other['id']}/revoke", {}),
        "list sessions": ("GET", "/sessions", None),
        "list links": ("GET", f"/users/{OWNER}/identities", None),
    }[act]
    headers = {"authorization": own["authorization"]}
    with web.visitor() as client:
        return client.request(method, f"/api/v1{path}", json=body, headers=headers)


@pytest.mark.parametrize(
    "act",
    [
        "read messages",
        "mark messages as read",
        "lend one's roles",
        "list delegations",
        "list tokens",
        "end another token",
        "list sessions",
        "list links",
    ],
)
def test_a_narrowed_token_acts_by_its_rights_alone(
    web: Web, monkeypatch: pytest.MonkeyPatch, act: str
):
    refused = asked(web, act, "lot.read")
    assert refused.status_code == 403, refused.text
    assert refused.json()["refusals"][0]["code"] == "QT407"
    assert asked(web, act).status_code < 300
    # Without the defence the same token does it.
    monkeypatch.setattr(Actor, "is_narrowed", property(lambda _: False))
    assert asked(web, act, "lot.read").status_code < 300


def test_a_narrowed_token_that_holds_the_right_over_others_holds_it_over_its_own(web: Web):
    a_user(web.site, ("admin",), login="boss")
    made = make_token(web.site, web.site.system_context(), NewToken("boss", scope=("user.manage",)))
    with web.visitor() as client:
        headers = {"authorization": f"Bearer {made['token']}"}
        assert client.get("/api/v1/tokens", headers=headers).status_code == 200
        assert client.get("/api/v1/lots", headers=headers).status_code == 403
