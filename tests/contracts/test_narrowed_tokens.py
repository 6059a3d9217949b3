"""A token for some rights or one site does nothing that its person may do without any right."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import count

import httpx
import pytest

from qtcore.context import Actor, Context, covers_some
from qtcore.engines import access
from qtcore.errors import Conflict, Denied, InputRejected, NotFound
from qtcore.registry.load import load_registry
from qtcore.services import idempotency, sign_intents
from qtcore.services.factors import revoke_factor
from qtcore.services.records import RecordInput, submit_record
from qtcore.services.sign_intents import Act, make_intent
from qtcore.services.signers import read_signer
from qtcore.services.site import Site
from qtcore.services.tokens import NewToken, make_token
from qtcore.testing.builders import PASSWORD, a_received_lot, a_user
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


def records(web: Web) -> dict[str, str]:
    """One deviation and one change; their public ids."""
    full = a_user(web.site, ("qa", "operator", "qp"), login="opener")
    bodies = {
        "deviation": {"title": "Smell", "severity": "minor"},
        "change": {"title": "New pump", "reason": "worn out"},
    }
    return {
        kind: submit_record(web.site, full, kind, RecordInput(data)).record.uid
        for kind, data in bodies.items()
    }


def test_a_right_over_one_kind_opens_that_kind_everywhere_and_nothing_else(
    web: Web, monkeypatch: pytest.MonkeyPatch
):
    one, other = records(web).values()

    def ask(method: str, path: str, body: object = None, *scope: str) -> httpx.Response:
        headers = {"authorization": token(web, *scope)["authorization"]}
        with web.visitor() as client:
            return client.request(method, f"/api/v1{path}", json=body, headers=headers)

    def read(path: str) -> httpx.Response:
        return ask("GET", path, None, "record.read:deviation")

    listed = read("/records/deviation")
    assert [each["record_id"] for each in listed.json()["items"]] == [one]
    assert read(f"/records/deviation/{one}").status_code == 200
    assert read("/records/change").status_code == 403
    assert read(f"/records/change/{other}").status_code == 404
    assert read(f"/signatures?about={one}").status_code == 200
    for path in ("/signatures", "/lots", "/devices", f"/signatures?about={other}"):
        assert read(path).status_code in (400, 403), path
    go = {"reason": "seen", "password": PASSWORD}
    acts = ("record.read", "record.transition:deviation")
    refused = ask("POST", f"/records/change/{other}/transitions/assess", go, *acts)
    assert refused.status_code == 403, refused.text
    made = ask("POST", f"/records/deviation/{one}/transitions/investigate", go, *acts)
    assert made.status_code == 200, made.text
    # The control: were a right over a kind one over all, the change would be read as well.
    monkeypatch.setattr(access, "_of_kind", lambda right, _: right.partition(":")[0])
    monkeypatch.setattr(access, "covers", covers_some)
    assert read(f"/records/change/{other}").status_code == 200


def test_what_was_signed_is_told_again_only_to_a_token_that_may_read_it(
    web: Web, monkeypatch: pytest.MonkeyPatch
):
    lot = a_received_lot(web.site, "MILK", "N-1").uid
    a_user(web.site, ("qp", "qa"), login="signer")

    def asking(method: str, path: str, *scope: str) -> httpx.Response:
        new = NewToken("signer", scope=scope)
        made = make_token(web.site, web.site.system_context(), new)
        act = {"kind": "lot", "id": lot, "transition": "release"}
        body = {"password": PASSWORD} if path.endswith("/sign") else {"acts": [act]}
        headers = {"authorization": f"Bearer {made['token']}"}
        with web.visitor() as client:
            sent = body if method == "POST" else None
            return client.request(method, f"/api/v1{path}", json=sent, headers=headers)

    path = f"/sign-intents/{asking('POST', '/sign-intents').json()['intent_id']}"
    first = asking("POST", f"{path}/sign")
    assert first.status_code == 200, first.text
    assert asking("POST", f"{path}/sign", "lot.read").json() == first.json()
    for refused in (asking("GET", path, "pack.read"), asking("POST", f"{path}/sign", "pack.read")):
        assert refused.status_code in (403, 404), refused.text
    monkeypatch.setattr(sign_intents, "_require_seen", lambda *_: None)
    assert "N-1" in asking("GET", path, "pack.read").text  # the control


def test_a_sheet_of_another_version_than_was_expected_is_not_made(web: Web):
    lot = a_received_lot(web.site, "MILK", "N-2").uid
    act = Act("lot", lot, "release", expected_version=99)
    with pytest.raises(Conflict, match="99 was expected"):
        make_intent(web.site, a_user(web.site, ("qp",), login="qp"), [act])


@pytest.mark.parametrize(
    ("scope", "said"),
    [
        ("record.read:deviatoin", "did you mean 'record.read:deviation'?"),
        ("lot.read:raw", "is not narrowed to a kind"),
        ("record.*:deviation", "Accepted are a right"),
        ("event.record:deviation", "there is no kind 'deviation' of events"),
        ("record.raed", "did you mean 'record.read'?"),
    ],
)
def test_a_scope_that_would_open_nothing_is_refused_with_what_is_accepted(web, scope, said):
    with pytest.raises(InputRejected) as error:
        token(web, scope)
    assert said in error.value.faults[0].message


KEY = {"idempotency-key": "a-device-of-ours"}
DEVICE = {"code": "SCALE-9", "name": "Scale, dispensing", "kind": "scale"}


def test_a_kept_answer_is_given_to_the_rights_only_under_which_it_came_about(
    web: Web, monkeypatch: pytest.MonkeyPatch
):
    a_user(web.site, ("admin",), login="chief")

    def register(*scope: str) -> httpx.Response:
        new = NewToken("chief", scope=scope)
        made = make_token(web.site, web.site.system_context(), new)
        with web.visitor() as client:
            headers = {"authorization": f"Bearer {made['token']}", **KEY}
            return client.post("/api/v1/devices", json=DEVICE, headers=headers)

    first = register()
    assert first.status_code == 201, first.text
    assert register().json() == first.json()
    for scope in ("lot.read", "device.manage"):
        refused = register(scope)
        assert refused.status_code == 403, refused.text
        assert refused.json()["refusals"][0]["code"] == "QT407"
        assert "Scale" not in refused.text
    # Without the defence a token that may read lots only is told all of it.
    monkeypatch.setattr(idempotency, "authority_of", lambda _: "")
    monkeypatch.setitem(KEY, "idempotency-key", "another")
    monkeypatch.setitem(DEVICE, "code", "SCALE-10")
    assert register().status_code == 201
    assert register("lot.read").json()["code"] == "SCALE-10"


@pytest.mark.parametrize(
    "act",
    [
        lambda site, me: revoke_factor(site, me, "none", reason="lost"),
        lambda site, me: revoke_factor(site, me, "none", reason="lost", login=OWNER),
        read_signer,
        lambda site, me: read_signer(site, me, OWNER),
    ],
    ids=[
        "take a factor away",
        "the same by name",
        "read one's own standing",
        "the same by name too",
    ],
)
def test_what_a_service_does_for_its_own_person_a_narrowed_token_does_not(
    web: Web, act: Callable[[Site, Context], object]
):
    full = a_user(web.site, ("qa",), login=OWNER)
    narrow = replace(full, actor=replace(full.actor, scope=frozenset({"lot.read"})))
    with pytest.raises(Denied, match=r"lot\.read only"):
        act(web.site, narrow)
    with suppress(NotFound):  # the person themselves: there is no such factor, and no denial
        act(web.site, full)


def test_a_narrowed_token_that_holds_the_right_over_others_holds_it_over_its_own(web: Web):
    a_user(web.site, ("admin",), login="boss")
    made = make_token(web.site, web.site.system_context(), NewToken("boss", scope=("user.manage",)))
    with web.visitor() as client:
        headers = {"authorization": f"Bearer {made['token']}"}
        assert client.get("/api/v1/tokens", headers=headers).status_code == 200
        assert client.get("/api/v1/lots", headers=headers).status_code == 403
