"""Hostile payloads over every route, made from the table of routes: no 500, no stack trace.

Every answer is one that the description promises; nothing hostile is stored by any of them.
"""

import copy
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from qtcore.http.api.openapi import build_openapi
from qtcore.http.api.routes import OPERATIONS
from qtcore.testing.sites import a_site
from tests.web import Web, csrf_of, make_web, milk_and_butter

DOCUMENT = build_openapi(OPERATIONS)
JSON = {"content-type": "application/json"}
TEXTS = [
    *("' OR 1=1 --", "%00", "../../etc/passwd", "{{7*7}}", "\u202egpj.exe", "=cmd|' /C calc'!A0"),
    *("x" * 5000, "\r\nX-Injected: 1", "\ud7ff\U0010ffff", "1e30", "-1", "٣", "NaN", "null"),
    "<script>alert(1)</script>",
]
SEGMENTS = [*(quote(text, safe="") for text in TEXTS), "%ff", "%ed%a0%80", "a%2fb"]
QUERY = ["%00", "%ff", "-1", "1e30", "9" * 400, "٣", "%ed%a0%80", "%e2%80%ae", "a&{name}=b"]
VALUES: list[Any] = [None, True, 0, -1, 10**17, [], {}, [[]], {"$ne": ""}, "", *TEXTS]
RAW = {
    "deep": b"[" * 5000,
    "deep object": b'{"a":' * 5000,
    "NUL": b'{"a": "\\u0000"}',
    "surrogate": b'{"a": "\\ud800"}',
    "surrogate key": b'{"\\udfff": 1}',
    "surrogate key twice": b'{"\\udfff": 1, "\\udfff": 1}',
    "bidi": '{"a": "\u202e"}'.encode(),
    "bad UTF-8": b'{"a": "\xff\xfe"}',
    "mark": b"\xef\xbb\xbf{}",
    "twice": b'{"a": 1, "a": 2}',
    "NaN": b'{"a": NaN}',
    "1e30": b'{"a": 1e30}',
    "1e999999999": b'{"a": 1e999999999}',
    "digits": b'{"a": ' + b"9" * 5000 + b"}",
    "list": b"[]",
    "text": b'"x"',
    "number": b"1",
    "null": b"null",
    "nothing": b"",
    "prototype": b'{"__proto__": {"a": 1}, "constructor": 1}',
    "cut": b'{"a": ',
}


ONE_OR_ALL = [
    pytest.param(1, marks=pytest.mark.heavy),
    pytest.param(10**6, marks=pytest.mark.slow),
]
"""Over all routes every payload has its turn in the short run as well."""


@pytest.fixture(scope="module")
def web() -> Iterator[Web]:
    with a_site() as site:
        milk_and_butter(site)
        yield make_web(site)


@pytest.fixture(scope="module")
def api(web: Web) -> Iterator[httpx.Client]:
    with web.program() as client:
        yield client


def operations() -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (path, method.upper(), told)
        for path, methods in DOCUMENT["paths"].items()
        for method, told in methods.items()
    ]


def filled(path: str, value: str = "M-1") -> str:
    parts = path.split("/")
    return "/".join(value if part.startswith("{") else part for part in parts)


def check(answer: Any, told: dict[str, Any], what: object) -> None:
    """The answer is promised, in the promised shape, and tells nothing of our inside."""
    status = str(answer.status_code)
    assert answer.status_code < 500, (what, answer.text[:300])
    assert status in told["responses"], (what, status, answer.text[:300])
    if answer.status_code >= 400:
        assert answer.headers["content-type"].startswith("application/problem+json"), what
        problem = answer.json()
        assert problem["status"] == answer.status_code and problem["code"].startswith("QT"), what
        assert "Traceback" not in answer.text and "sqlalchemy" not in answer.text, what
        json.dumps(problem, ensure_ascii=False).encode()
    assert "x-injected" not in answer.headers


def sample(schema: Any) -> Any:
    """Make the least value of the right form, so that one field at a time can be wrong."""
    if "$ref" in schema:
        return sample(DOCUMENT["components"]["schemas"][schema["$ref"].rsplit("/", 1)[-1]])
    for choice in ("anyOf", "oneOf", "allOf"):
        if choice in schema:
            return sample(schema[choice][0])
    if "const" in schema or "enum" in schema:
        return schema.get("const", schema.get("enum", [None])[0])
    match schema.get("type"):
        case "object":
            properties = schema.get("properties", {})
            return {name: sample(properties[name]) for name in schema.get("required", [])}
        case "array":
            return [sample(schema.get("items", {"type": "string"}))]
        case "integer":
            return max(1, int(schema.get("minimum", 1)))
        case "boolean":
            return False
    return schema.get("examples", ["2026-05-31T10:00:00Z"])[0]


def bent_bodies(schema: Any) -> Iterator[Any]:
    """Give the least body with each field of each level replaced by each hostile value."""
    whole = sample(schema)
    spots = list(places(whole, ()))
    for number, value in enumerate(VALUES):
        # Every value visits every place over the whole table; three places per route and value.
        for step in range(min(3, len(spots))):
            yield put(whole, spots[(number + step * 7) % len(spots)], value)
    yield {**whole, "tenant_id": 2, "id": 9, "uid": "x", "version": 99, "state": "released"}


def places(value: Any, path: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    parts = value.items() if isinstance(value, dict) else enumerate(value)
    for name, part in parts:
        yield (*path, name)
        if isinstance(part, dict | list):
            yield from places(part, (*path, name))


def put(whole: Any, path: tuple[Any, ...], value: Any) -> Any:
    made = copy.deepcopy(whole)
    at = made
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = value
    return made


def picked(items: list[Any], number: int, count: int) -> list[Any]:
    """Pick a few; over all routes every one has its turn."""
    return [items[(number * count + step) % len(items)] for step in range(min(count, len(items)))]


def try_bodies(api: httpx.Client, number: int, count: int) -> None:
    """Send a route bodies that are broken, and whole ones with one hostile value."""
    path, method, told = operations()[number]
    for name, raw in picked(list(RAW.items()), number, count):
        answer = api.request(method, filled(path), content=raw, headers=JSON)
        check(answer, told, name)
        if "requestBody" in told and name != "nothing":
            assert answer.status_code in (400, 403, 404), (name, answer.text[:200])
    if "requestBody" in told:
        schema = told["requestBody"]["content"]["application/json"]["schema"]
        for body in picked(list(bent_bodies(schema)), number, count):
            check(api.request(method, filled(path), json=body), told, body)


def try_addresses(api: httpx.Client, number: int, count: int) -> None:
    """Ask a route with hostile parts of its path and hostile parameters."""
    path, method, told = operations()[number]
    body: dict[str, Any] = {} if method == "GET" else {"content": b"{}", "headers": JSON}
    for text in picked(SEGMENTS, number, count) if "{" in path else []:
        check(api.request(method, filled(path, text), **body), told, text)
    names = [each["name"] for each in told["parameters"] if each["in"] == "query"]
    pairs = [(n, value) for n in [*names, "no_such_parameter"] for value in QUERY]
    # A step that shares no factor with the number of values: parameters and values both change.
    for name, value in picked(pairs, number * 7, count):
        asked = f"{filled(path)}?{name}={value.replace('{name}', name)}"
        check(api.request(method, asked, **body), told, (name, value))


@pytest.mark.parametrize("count", ONE_OR_ALL, ids=["one each", "all each"])
def test_no_payload_breaks_a_route(api: httpx.Client, count: int):
    for number, (_, method, _told) in enumerate(operations()):
        if method != "GET":
            try_bodies(api, number, count)
        try_addresses(api, number, count)


OTHER_METHODS = ("PUT", "PATCH", "DELETE", "TRACE", "POST", "GET")


def test_other_methods_name_what_is_taken(api: httpx.Client):
    for number, (path, methods) in enumerate(DOCUMENT["paths"].items()):
        taken = {method.upper() for method in methods}
        others = [each for each in OTHER_METHODS if each not in taken]
        for method in ("BREW", others[number % len(others)]):
            answer = api.request(method, filled(path))
            assert answer.status_code == 405, (method, path)
            assert set(answer.headers["allow"].split(", ")) == taken | {"OPTIONS"}
        answer = api.options(filled(path))
        assert set(answer.headers["allow"].split(", ")) == taken | {"OPTIONS"}


FORM_VALUES = ["%00", "%ff", "\u202e", "x" * 5000, "-1", "1e30", "٣", "{{7*7}}"]
FIELDS = ("lot", "reason", "title", "seeds", "values/title", "event/event_at", "to")
NO_PAGES = ("/api", "/epcis", "/static", "/sign-out")


@pytest.mark.parametrize("count", ONE_OR_ALL, ids=["one each", "all each"])
def test_no_value_breaks_a_page(web: Web, count: int):
    pages = [
        (route.path, method)
        for route in web.app.routes
        for method in sorted(route.methods - {"OPTIONS", "HEAD"})
        if not route.path.startswith(NO_PAGES)
    ]
    with web.person() as client:
        token = csrf_of(client)
        for number, (path, method) in enumerate(pages):
            for value in picked(FORM_VALUES, number, count):
                query = f"?lot={value}&depth={value}&q={value}&before={value}&as_of={value}"
                data = {"csrf_token": token, **dict.fromkeys(FIELDS, value)}
                sent: dict[str, Any] = {} if method == "GET" else {"data": data}
                asked = filled(path) + (query if method == "GET" else "")
                answer = client.request(method, asked, follow_redirects=False, **sent)
                assert answer.status_code < 500, (method, path, value, answer.text[:500])
                assert "Traceback" not in answer.text


def test_an_unknown_name_in_a_body_is_a_wrong_value_and_in_the_address_nothing(
    api: httpx.Client,
):
    line = {
        "part": "output",
        "lot": {"item": "NO-SUCH", "lot_no": "1", "source": "SUPPLIER-A"},
        "quantity": "1",
        "unit": "kg",
    }
    event = {"event_type": "receiving", "event_at": "2026-05-31T10:00:00Z", "lines": [line]}
    answer = api.post("/api/v1/events", json=event)
    assert (answer.status_code, answer.json()["code"]) == (400, "QT404")
    assert "NO-SUCH" in answer.json()["faults"][0]["message"]
    assert api.post("/api/v1/recalls/scope", json={"seeds": ["NO-SUCH"]}).status_code == 400
    assert api.post("/api/v1/lots/NO-SUCH/holds", json={"reason": "x"}).status_code == 404


def test_the_description_tells_of_both_cookies_and_every_refusal():
    schemes = DOCUMENT["components"]["securitySchemes"]
    assert {each["name"] for each in schemes.values() if each["type"] == "apiKey"} == {
        "qtcore_session",
        "__Host-qtcore",
    }
    for path, method, told in operations():
        refusals = {"400", "401", "403", "405", "409", "429", "503"}
        refusals |= {"413", "415"} if method != "GET" else set()
        refusals |= {"404"} if "{" in path else set()
        assert refusals <= set(told["responses"]), (method, path)
        assert "Allow" in told["responses"]["405"]["headers"]
