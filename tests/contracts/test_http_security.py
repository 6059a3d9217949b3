"""Nothing is reachable without a right, and no other web site can act for a person."""

import json
from collections.abc import Iterator
from hashlib import sha256

import pytest
from sqlmodel import select

from qtcore.errors import InputRejected
from qtcore.http.json_body import MAX_DEPTH, read_json
from qtcore.http.pages.sessions import own_path
from qtcore.services.accounts import NewUser, add_user
from qtcore.store.tables import IdempotencyKey, LedgerEvent
from qtcore.testing.builders import PASSWORD, a_received_lot, a_user
from qtcore.testing.sites import FrozenClock, a_site
from tests.asgi_client import HOST
from tests.web import Web, csrf_of, make_web, milk_and_butter

# A consignee answers a recall without an account, by a link; tests/contracts/test_recall_web.py.
OPEN = {"/healthz", "/sign-in", "/static", "/reply/", "/welcome/"}
FORM = {"content-type": "application/x-www-form-urlencoded"}


@pytest.fixture(scope="module")
def clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture(scope="module")
def web(clock: FrozenClock) -> Iterator[Web]:
    with a_site(clock=clock) as site:
        milk_and_butter(site)
        yield make_web(site)


def routes_of(web: Web) -> list[tuple[str, str]]:
    return [
        (method, route.path)
        for route in web.app.routes
        for method in sorted(route.methods - {"OPTIONS", "HEAD"})
        if not any(route.path.startswith(path) for path in OPEN)
    ]


def test_no_route_answers_without_sign_in(web):
    routes = routes_of(web)
    assert len(routes) > 40
    with web.visitor() as client:
        for method, path in routes:
            answer = client.request(
                method,
                path.replace(":str", "").replace("{", "").replace("}", ""),
                content=b"{}",
                headers={"content-type": "application/json"},
                follow_redirects=False,
            )
            if path.startswith(("/api/v1", "/epcis")):
                assert answer.status_code == 401, (method, path)
            else:
                assert answer.status_code == 303, (method, path)
                assert answer.headers["location"].startswith("/sign-in?next=/"), (method, path)


def test_open_routes_say_nothing_about_the_site(web):
    with web.visitor() as client:
        assert client.get("/healthz").json()["status"] == "ok"
        assert client.get("/static/tokens.css").status_code == 200
        for path in ("/static/../app.py", "/static/%2e%2e/app.py", "/static/..%2fapp.py"):
            answer = client.get(path, follow_redirects=False)
            assert answer.status_code in (303, 404), path
            assert "make_app" not in answer.text


@pytest.mark.parametrize("token", ["", "nonsense", "Basic abc", "Bearer", "Bearer wrong"])
def test_a_wrong_token_is_refused_even_beside_a_good_session(web, token):
    with web.person() as client:
        answer = client.get("/api/v1/lots", headers={"authorization": token} if token else {})

    assert answer.status_code == (401 if token else 200)


def test_a_right_is_asked_for_each_act(web):
    with web.program("auditor") as client:
        allowed = client.get("/api/v1/ledger")
        refused = client.post("/api/v1/items", json={"code": "X", "name": "X"})

    assert allowed.status_code == 200
    assert refused.status_code == 403
    assert "roles" in refused.json()["refusals"][0]["fix"]


def test_sign_in_starts_a_new_session_whatever_cookie_came(web):
    context = a_user(web.site, ("qa",))
    with web.visitor() as client:
        client.cookies.set("qtcore_session", "attacker-chosen-id")
        answer = client.post(
            "/sign-in",
            data={"login": context.actor.login, "password": PASSWORD},
            follow_redirects=False,
        )
        cookie = answer.headers["set-cookie"]

    assert "attacker-chosen-id" not in cookie
    assert "HttpOnly" in cookie and "SameSite=lax" in cookie and "Path=/" in cookie
    with web.visitor() as thief:
        thief.cookies.set("qtcore_session", "attacker-chosen-id")
        assert thief.get("/", follow_redirects=False).status_code == 303


def test_a_secure_session_cookie_has_the_host_prefix(web):
    secure = make_web(web.site, secure_cookies=True)
    context = a_user(web.site, ("qa",))
    with secure.visitor() as client:
        answer = client.post(
            "/sign-in",
            data={"login": context.actor.login, "password": PASSWORD},
            follow_redirects=False,
        )

    assert answer.headers["set-cookie"].startswith("__Host-qtcore=")
    assert "Secure" in answer.headers["set-cookie"]
    assert answer.headers["strict-transport-security"].startswith("max-age=")


def test_a_wrong_password_says_nothing_about_the_login(web):
    context = a_user(web.site, ("qa",))
    with web.visitor() as client:
        known = client.post("/sign-in", data={"login": context.actor.login, "password": "no"})
        unknown = client.post("/sign-in", data={"login": "nobody", "password": "no"})

    assert known.status_code == unknown.status_code == 401
    assert known.text.replace(context.actor.login, "") == unknown.text.replace("nobody", "")


def test_an_idle_session_ends(web, clock):
    with web.person() as client:
        assert client.get("/me", follow_redirects=False).status_code == 200
        clock.advance(minutes=16)
        assert client.get("/me", follow_redirects=False).status_code == 303


@pytest.mark.parametrize(("chosen", "shown"), [("", "zh-CN"), ("en", "en"), ("zh-CN", "zh-CN")])
def test_who_chose_no_language_keeps_that_of_the_browser(web, chosen, shown):
    login = f"speaks-{chosen or 'none'}"
    new = NewUser(login, "Wang", ("qa",), PASSWORD, language=chosen)
    add_user(web.site, web.site.system_context(), new)
    with web.visitor() as client:
        client.headers["accept-language"] = "zh-CN,zh;q=0.9"
        told = {"login": login, "password": PASSWORD}
        assert '<html lang="zh-CN"' in client.get("/sign-in").text
        assert f'<html lang="{shown}"' in client.post("/sign-in", data=told).text


def test_a_language_that_we_do_not_speak_is_refused(web):
    new = NewUser("speaks-french", "Marie", ("qa",), language="fr")
    with pytest.raises(InputRejected, match="cannot be made") as refused:
        add_user(web.site, web.site.system_context(), new)
    assert "none of en, zh-CN" in refused.value.faults[0].message


def test_signing_out_ends_the_session_in_the_database(web):
    with web.person() as client:
        secret = client.cookies["qtcore_session"]
        client.post("/sign-out", data={"csrf_token": csrf_of(client)})
        client.cookies.set("qtcore_session", secret)
        assert client.get("/me", follow_redirects=False).status_code == 303


def test_a_request_with_a_token_that_is_none_is_told_of_without_the_token(web):
    with web.visitor() as client:
        before = len(denied_tokens(web))
        for path in ("/api/v1/lots", "/api/v1/lots?x=1"):
            client.get(path, headers={"authorization": "Bearer qt_madeup", "user-agent": "probe"})
        client.get("/api/v1/lots")
    told = denied_tokens(web)[before:]
    assert [json.loads(row.head)["reason"][:22] for row in told] == ["the token is not valid"] * 2
    assert all(b"qt_madeup" not in row.head for row in told)


def denied_tokens(web):
    with web.site.store.read() as session:
        rows = session.exec(select(LedgerEvent).where(LedgerEvent.action == "denied")).all()
    return [row for row in rows if row.object_kind == "token"]


@pytest.mark.parametrize("token", ["", "wrong", "of-another"])
def test_a_form_without_the_token_of_its_session_is_refused(web, token):
    with web.person("qa") as other:
        stolen = csrf_of(other)
    with web.person() as client:
        value = stolen if token == "of-another" else token
        answer = client.post("/language", data={"to": "zh-CN", "csrf_token": value})

    assert answer.status_code == 403
    assert "QT419" in answer.text


def test_a_form_with_its_token_is_accepted(web):
    with web.person() as client:
        answer = client.post(
            "/language",
            data={"to": "en", "csrf_token": csrf_of(client), "back": "/me"},
            follow_redirects=False,
        )

    assert (answer.status_code, answer.headers["location"]) == (303, "/me")


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
    ids=str,
)
def test_a_write_from_another_web_site_is_refused(web, headers):
    with web.person() as client:
        data = {"to": "en", "csrf_token": csrf_of(client)}
        assert client.post("/language", data=data, headers=headers).status_code == 403
        own = {"origin": HOST, "sec-fetch-site": "same-origin"}
        assert client.post("/language", data=data, headers=own).status_code == 200


def test_sign_in_cannot_be_forged_from_another_web_site(web):
    with web.visitor() as client:
        answer = client.post(
            "/sign-in", data={"login": "qa", "password": "x"}, headers={"origin": "https://evil"}
        )

    assert answer.status_code == 403


def test_the_api_with_a_cookie_needs_its_header_and_with_a_token_needs_none(web):
    body = {"seeds": ["M-1"]}
    with web.person() as client:
        bare = client.post("/api/v1/recalls/scope", json=body)
        headers = {"x-csrf-token": csrf_of(client)}
        with_header = client.post("/api/v1/recalls/scope", json=body, headers=headers)
    with web.program() as program:
        by_token = program.post("/api/v1/recalls/scope", json=body)

    assert [x.status_code for x in (bare, with_header, by_token)] == [403, 200, 200]


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_json_under_another_name_is_refused(web, kind):
    with web.program() as client:
        answer = client.post(
            "/api/v1/recalls/scope",
            content=json.dumps({"seeds": ["M-1"]}),
            headers={"content-type": kind},
        )

    assert answer.status_code == 415


@pytest.mark.parametrize("path", ["/sign-in", "/", "/api/v1/lots", "/nothing", "/api/v1/nothing"])
@pytest.mark.parametrize("signed_in", [True, False])
def test_every_answer_carries_the_headers(web, path, signed_in):
    with web.person() if signed_in else web.visitor() as client:
        headers = client.get(path, follow_redirects=False).headers

    assert "script-src 'self'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["cache-control"] == "no-store"
    assert len(headers["x-request-id"]) == 36


def test_a_body_that_is_too_large_is_refused(web):
    small = make_web(web.site)
    with small.program() as client:
        answer = client.post(
            "/api/v1/events",
            content=b'"' + b"x" * 1_100_000 + b'"',
            headers={"content-type": "application/json"},
        )

    assert (answer.status_code, answer.json()["code"]) == (413, "QT416")


def test_no_secret_reaches_the_log(web):
    own = make_web(web.site)
    token = own.token()
    with own.visitor() as client:
        client.post("/sign-in", data={"login": "qa", "password": "hunter2 hunter2"})
        client.get("/api/v1/lots?lot_no=a%0d%0ainfo", headers={"authorization": f"Bearer {token}"})
    lines = own.log.getvalue().splitlines()

    assert len(lines) == 2
    assert all(json.loads(line)["request_id"] for line in lines)
    assert "hunter2" not in own.log.getvalue() and token not in own.log.getvalue()


def test_no_hash_in_the_database_helps_to_guess_a_password(web):
    lot = a_received_lot(web.site, "MILK", "SIGNED", "5").uid
    path = f"/api/v1/lots/{lot}/transitions/release"
    with web.program() as client:
        answer = client.post(
            path, json={"password": PASSWORD}, headers={"idempotency-key": "signed"}
        )
    with web.site.store.read() as session:
        kept = session.exec(select(IdempotencyKey.request_sha256)).all()

    assert answer.status_code == 200, answer.text
    told = json.dumps(["POST", path, "", {}]).encode()
    assert kept == [sha256(told).hexdigest()]


def test_what_a_person_typed_is_never_markup(web):
    with web.person() as client:
        answer = client.get("/search", params={"q": '<script>alert(1)</script>"'})

    assert "<script>alert" not in answer.text
    assert "&lt;script&gt;" in answer.text


@pytest.mark.parametrize(
    "text", ["//evil", "https://evil", "/\\evil", "javascript:x", "", "/a\r\nb"]
)
def test_sign_in_leads_only_to_pages_of_ours(text):
    assert own_path(text) == "/"


def test_sign_in_leads_back_to_the_page_that_was_asked_for():
    assert own_path("/l/1?x=2") == "/l/1?x=2"


def test_depth_is_counted_outside_of_texts():
    deep = "[" * MAX_DEPTH + "]" * MAX_DEPTH

    assert read_json(b'"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["') == "[" * 40
    assert read_json(deep.encode())
