"""The attack table of the web: each row beside what happens with its defence off.

Every case runs one attack twice: against the product, where it must fail, and with the defence
taken away or with the bare library, where it must work. Rows that are shown elsewhere:

- double release, equal requests: tests/faults/test_races.py; one signer: test_publication.py;
- bodies and addresses: test_http_problems.py, their controls here; every route: test_payloads.py;
- what is given out and templates: test_attack_table_output.py; uploads: test_attachments.py;
  calls to other hosts: test_outgoing.py.
"""

import io
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

import anyio
import pytest
from litestar import Litestar, Request, get, post
from litestar.enums import ScopeType
from litestar.middleware.session.server_side import ServerSideSessionConfig
from litestar.stores.memory import MemoryStore

from qtcore.errors import InputRejected
from qtcore.http import call as calls
from qtcore.http import json_body, logs, security
from qtcore.http.json_body import read_json
from qtcore.http.methods import Methods
from qtcore.http.pages import sessions
from qtcore.http.rendering import make_templates
from qtcore.http.security import Gate
from qtcore.http.settings import Settings
from qtcore.http.texts import load_texts
from qtcore.services.serving import Serving
from qtcore.store.tables import Item
from qtcore.testing.builders import PASSWORD, a_user
from qtcore.testing.sites import a_site
from tests.asgi_client import client_of
from tests.web import Web, csrf_of, make_web, milk_and_butter

Off = Callable[[pytest.MonkeyPatch], object]
EVIL = "https://evil.example"


@pytest.fixture(scope="module")
def web() -> Iterator[Web]:
    with a_site() as site:
        milk_and_butter(site)
        yield make_web(site)


# ------------------------------------------------------------------ requests


def form_without_token(web: Web) -> bool:
    with web.person() as client:
        return client.post("/language", data={"to": "zh-CN"}).status_code < 400


def form_with_a_stolen_token(web: Web) -> bool:
    with web.person("qa") as other:
        stolen = csrf_of(other)
    with web.person() as client:
        answer = client.post("/language", data={"to": "zh-CN", "csrf_token": stolen})
        return answer.status_code < 400


def json_as_a_simple_form(web: Web) -> bool:
    """What a form of another site may send without asking the browser's leave."""
    with web.program() as client:
        answer = client.post(
            "/api/v1/recalls/scope",
            content='{"seeds": ["M-1"]}',
            headers={"content-type": "text/plain"},
        )
        return answer.status_code < 400


def write_from_another_site(web: Web) -> bool:
    with web.person() as client:
        data = {"to": "en", "csrf_token": csrf_of(client)}
        answer = client.post("/language", data=data, headers={"origin": EVIL})
        return answer.status_code < 400


def page_in_a_frame(web: Web) -> bool:
    with web.person() as client:
        return "frame-ancestors 'none'" not in client.get("/").headers.get(
            "content-security-policy", ""
        )


def sign_in_that_leads_away(web: Web) -> bool:
    with web.person() as client:
        answer = client.get(f"/sign-in?next={EVIL}", follow_redirects=False)
        return answer.headers["location"].startswith(EVIL)


def hidden_direction_in_json(_: Web) -> bool:
    try:
        return bool(read_json('"LOT\u202e1"'.encode()))
    except InputRejected:
        return False


def hidden_direction_in_a_form(web: Web) -> bool:
    with web.person() as client:
        data = {"reason": "x\u202ey", "csrf_token": csrf_of(client)}
        return client.post("/l/M-1/holds", data=data).status_code < 400


def password_in_the_log(_: Web) -> bool:
    out = io.StringIO()
    logs.make_logger(out).info("request", password="hunter2", csrf_token="hunter2")
    return "hunter2" in out.getvalue()


def patch(module: object, name: str, value: object) -> Off:
    return lambda monkeypatch: monkeypatch.setattr(module, name, value)


def allow(*_: object, **__: object) -> None:
    """Stand where a check was."""


@pytest.mark.parametrize(
    ("attack", "off"),
    [
        (form_without_token, patch(security, "_check_write", allow)),
        (form_with_a_stolen_token, patch(security, "_check_write", allow)),
        (json_as_a_simple_form, patch(security, "_check_write", allow)),
        (write_from_another_site, patch(security, "check_origin", allow)),
        (page_in_a_frame, patch(security, "HEADERS", {})),
        (sign_in_that_leads_away, patch(sessions, "own_path", lambda text: text)),
        (hidden_direction_in_json, patch(json_body, "find_hidden", allow)),
        (hidden_direction_in_a_form, patch(calls, "find_hidden", allow)),
        (password_in_the_log, patch(logs, "mask_secrets", lambda _, __, event: event)),
    ],
    ids=lambda each: getattr(each, "__name__", ""),
)
def test_an_attack_fails_and_works_with_the_defence_off(
    web: Web, monkeypatch: pytest.MonkeyPatch, attack: Callable[[Web], bool], off: Off
):
    assert not attack(web)
    off(monkeypatch)
    assert attack(web)


def test_a_session_that_came_with_the_request_is_not_taken_over(web: Web):
    """Session fixation: whoever plants a cookie before the sign-in must not be in after it."""
    planted = "chosen-by-the-attacker"
    login = a_user(web.site, ["qa"], login="fixed").actor.login
    with web.visitor() as client:
        client.cookies.set("qtcore_session", planted)
        told = client.post(
            "/sign-in", data={"login": login, "password": PASSWORD}, follow_redirects=False
        )
    assert told.status_code == 303 and planted not in told.headers["set-cookie"]
    with web.visitor() as attacker:
        attacker.cookies.set("qtcore_session", planted)
        assert attacker.get("/me", follow_redirects=False).status_code == 303

    @post("/sign-in", sync_to_thread=False)
    def sign_in_bare(request: Request[Any, Any, Any]) -> None:
        request.set_session({"login": "victim"})

    @get("/me", sync_to_thread=False)
    def me_bare(request: Request[Any, Any, Any]) -> str:
        return str(request.session.get("login"))

    bare = Litestar(
        [sign_in_bare, me_bare], middleware=[ServerSideSessionConfig().middleware],
        stores={"sessions": MemoryStore()}, openapi_config=None,
    )  # fmt: skip
    with client_of(bare) as victim, client_of(bare) as attacker:
        victim.cookies.set("session", planted)
        victim.post("/sign-in")
        attacker.cookies.set("session", planted)
        assert attacker.get("/me").text == "victim"


def test_nobody_says_by_a_header_where_they_are(web: Web):
    def told(proxies: int) -> str:
        own = make_web(web.site, proxies=proxies)
        with own.program() as client:
            seen = {"x-forwarded-for": "203.0.113.9"}
            body = {"code": f"FORGED-{proxies}", "name": "x"}
            assert client.post("/api/v1/items", json=body, headers=seen).status_code == 201
            newest = client.get("/api/v1/ledger?limit=1").json()["items"][0]
            return str(newest["private"]["ip"])

    assert told(proxies=0) != "203.0.113.9"
    assert told(proxies=1) == "203.0.113.9"


def test_the_host_header_reaches_no_page(web: Web):
    with web.person() as client:
        for path in ("/", "/l/M-1", "/recall?seeds=M-1", "/sign-in", "/api/v1/openapi.json"):
            answer = client.get(path, headers={"host": "evil.example"}, follow_redirects=False)
            assert "evil.example" not in answer.text + str(answer.headers), path

    @get("/", sync_to_thread=False)
    def bare(request: Request[Any, Any, Any]) -> str:
        return str(request.base_url)

    with client_of(Litestar([bare], openapi_config=None)) as client:
        assert "evil.example" in client.get("/", headers={"host": "evil.example"}).text


@pytest.mark.parametrize("name", ["x-http-method-override", "x-method-override", "x-http-method"])
def test_no_header_makes_a_read_a_write(web: Web, name: str):
    def attack(app: Any) -> int:
        with client_of(app) as client:
            return client.request(
                "GET",
                "/api/v1/items?_method=POST" if app is web.app else "/api/v1/items",
                content=json.dumps({"code": f"BY-{name}", "name": "x"}),
                headers={
                    name: "POST",
                    "content-type": "application/json",
                    "authorization": f"Bearer {token}",
                },
            ).status_code

    async def honouring(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == ScopeType.HTTP:
            told = dict(scope["headers"]).get(name.encode())
            scope["method"] = told.decode() if told else scope["method"]
        await web.app(scope, receive, send)

    token = web.token()
    assert attack(web.app) == 400  # _method is an unknown parameter
    assert attack(honouring) == 201


# ------------------------------------------------------------------ sizes and slowness


def gate_of(web: Web, **changed: Any) -> Gate:
    settings = Settings(load_texts(), make_templates(dev=False), logs.make_logger(io.StringIO()))
    return Gate(web.app, Serving(web.site), replace(settings, **changed), Methods(()))


def ask(gate: Gate, receive: Callable[[], Any], seconds: float = 5.0) -> int | None:
    """Send a POST to the gate; gives the status, or None when it does not answer in time."""
    scope: Any = {
        "type": ScopeType.HTTP, "method": "POST", "path": "/api/v1/items", "query_string": b"",
        "raw_path": b"/api/v1/items", "headers": [(b"content-type", b"application/json")],
        "scheme": "http", "client": ("127.0.0.1", 1), "state": {},
    }  # fmt: skip
    statuses: list[int] = []

    async def send(message: Any) -> None:
        statuses.append(message.get("status", 0))

    async def run() -> None:
        with anyio.move_on_after(seconds):
            await gate(scope, receive, send)

    # In a thread: the one of the tests may hold the running loop of a browser.
    with ThreadPoolExecutor(1) as aside:
        aside.submit(anyio.run, run).result()
    return statuses[0] if statuses else None


def test_a_body_that_never_ends_holds_nobody_up(web: Web):
    async def never() -> Any:
        await anyio.Event().wait()

    assert ask(gate_of(web, body_seconds=0.02), never) == 408
    assert ask(gate_of(web, body_seconds=60.0), never, seconds=0.2) is None


def test_a_body_without_a_length_is_counted_as_it_comes(web: Web):
    def chunks(most: int) -> Callable[[], Any]:
        left = [most]

        async def receive() -> Any:
            left[0] -= 1
            return {"type": "http.request", "body": b"x" * 65_536, "more_body": left[0] > 0}

        return receive

    assert ask(gate_of(web), chunks(10**9)) == 413
    assert ask(gate_of(web, max_body=10**9), chunks(40)) == 401  # read whole, then asked who it is


# ------------------------------------------------------------------ what is sent


STOLEN = {"code": "MASS", "name": "x", "id": 9, "tenant_id": 2, "merged_into": 1, "uid": "u"}


def test_a_request_sets_only_what_its_model_names(web: Web):
    with web.program() as client:
        answer = client.post("/api/v1/items", json=STOLEN)
        nested = client.post(
            "/api/v1/items", json={"code": "M", "name": "x", "extra": {"tenant_id": 2}}
        )
    assert answer.status_code == nested.status_code == 400
    told = {fault["where"] for fault in answer.json()["faults"]}
    assert told == {"/id", "/tenant_id", "/merged_into", "/uid"}
    bare = Item.model_validate({**STOLEN, "made_at": None, "status": "released"})
    assert (bare.id, bare.tenant_id) == (9, 2)


def test_a_value_of_another_type_is_refused(web: Web):
    wrong = [{"$ne": ""}, ["A"], 1, True, None]
    with web.program() as client:
        for value in wrong:
            answer = client.post("/api/v1/items", json={"code": value, "name": "x"})
            assert answer.status_code == 400, value
    kept: Any = Item(uid="u", code={"$ne": ""}, name=1)  # type: ignore[arg-type]
    assert kept.code == {"$ne": ""}


@pytest.mark.parametrize(
    ("body", "bare"),
    [
        (b'{"a": 1, "a": 2}', lambda b: json.loads(b) == {"a": 2}),
        (b"NaN", lambda b: json.loads(b) != json.loads(b)),
        (b"1e999", lambda b: json.loads(b) == float("inf")),
        (b"1e30", lambda b: json.loads(b) == 1e30),
        (b'"\\ud800"', lambda b: json.loads(b) == "\ud800"),
        (b'"\\u0000"', lambda b: json.loads(b) == "\x00"),
        (b"9" * 40, lambda b: json.loads(b) == int(b)),
    ],
    ids=["twice", "NaN", "infinite", "1e30", "surrogate", "NUL", "long"],
)
def test_the_stock_reader_takes_what_ours_refuses(body: bytes, bare: Callable[[bytes], bool]):
    with pytest.raises(InputRejected, match=r"is|holds|has"):
        read_json(body)
    assert bare(body)


def test_depth_stops_the_stock_reader_and_is_a_mistake_to_ours():
    deep = b"[" * 100_000
    with pytest.raises(InputRejected, match="nested deeper"):
        read_json(deep)
    with pytest.raises(RecursionError):
        json.loads(deep)


@pytest.mark.parametrize("text", ["1e999999", "1_000", "١٢", " 1 ", "+1", "1e30", "Infinity"])
def test_a_quantity_that_a_decimal_would_take_is_refused(web: Web, text: str):
    body = {
        "event_type": "receiving",
        "event_at": "2026-05-31T10:00:00Z",
        "lines": [
            {
                "part": "output",
                "lot": {"item": "MILK", "lot_no": "Q", "source": "SUPPLIER-A"},
                "quantity": text,
                "unit": "kg",
            }
        ],
    }
    with web.program() as client:
        assert client.post("/api/v1/events", json=body).status_code == 400
    assert isinstance(Decimal(text), Decimal)


def test_a_parameter_given_twice_has_no_meaning(web: Web):
    query = "limit=1&limit=200"
    with web.program() as client:
        assert client.get(f"/api/v1/lots?{query}").status_code == 400
    assert dict(parse_qsl(query)) == {"limit": "200"}
