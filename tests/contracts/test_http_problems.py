"""Every mistake has one shape, says where it is, and is never a 500."""

import io
import json
from collections.abc import Iterator

import httpx
import pytest

from qtcore.context import LANGUAGES
from qtcore.errors import (
    Ambiguous,
    CannotVerify,
    Conflict,
    Denied,
    Fault,
    InputRejected,
    NotFound,
    NotSignedIn,
    QTCoreError,
    Refusal,
    Refused,
    StoreUnavailable,
)
from qtcore.http.logs import make_logger
from qtcore.http.problems import log_failure, problem_of
from qtcore.http.texts import load_texts
from qtcore.testing.sites import a_site
from tests.web import Web, make_web, milk_and_butter

JSON = {"content-type": "application/json"}
GOOD = {
    "event_type": "receiving",
    "event_at": "2026-05-31T10:00:00+08:00",
    "lines": [
        {
            "part": "output",
            "lot": {"item": "MILK", "lot_no": "X-1", "source": "SUPPLIER-A"},
            "quantity": "1.5",
            "unit": "kg",
        }
    ],
}


@pytest.fixture(scope="module")
def web() -> Iterator[Web]:
    with a_site() as site:
        milk_and_butter(site)
        yield make_web(site)


@pytest.fixture
def api(web: Web) -> Iterator[httpx.Client]:
    with web.program() as client:
        yield client


def bent(old: str, new: str) -> bytes:
    text = json.dumps(GOOD)
    assert old in text
    return text.replace(old, new).encode()


BODIES = {
    "duplicate key": bent('"unit": "kg"', '"unit": "kg", "unit": "g"'),
    "NaN": bent('"1.5"', "NaN"),
    "Infinity": bent('"1.5"', "-Infinity"),
    "exponent": bent('"1.5"', "1e5"),
    "huge exponent": bent('"1.5"', '"1e999999"'),
    "underscore": bent('"1.5"', '"1_000"'),
    "arabic digits": bent('"1.5"', '"١٢"'),
    "comma": bent('"1.5"', '"1,5"'),
    "huge integer": bent('"1.5"', "9" * 5000),
    "boolean quantity": bent('"1.5"', "true"),
    "negative quantity": bent('"1.5"', '"-1.5"'),
    "zero quantity": bent('"1.5"', '"0"'),
    "unknown unit": bent('"kg"', '"parsec"'),
    "unknown part": bent('"output"', '"sideways"'),
    "unknown key": bent('"unit"', '"colour": "red", "unit"'),
    "NUL": bent('"X-1"', '"X\\u0000"'),
    "lone surrogate": bent('"X-1"', '"\\ud800"'),
    "bad UTF-8": bent('"X-1"', '"X"').replace(b'"X"', b'"\xff\xfe"'),
    "byte order mark": b"\xef\xbb\xbf" + json.dumps(GOOD).encode(),
    "deep": b"[" * 5000,
    "deep in a value": bent('"X-1"', "[" * 60 + "]" * 60),
    "not an object": b"[1, 2]",
    "not JSON": b"{event_type: receiving}",
    "empty": b"",
    "no zone": bent("+08:00", ""),
    "time as a number": bent('"2026-05-31T10:00:00+08:00"', "1780000000"),
    "in the future": bent("2026-05-31", "2036-05-31"),
    "no lines": bent(json.dumps(GOOD["lines"]), "[]"),
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
def test_a_bad_body_is_400_with_where_and_why(api, body):
    answer = api.post("/api/v1/events", content=body, headers=JSON)

    assert answer.status_code == 400, answer.text
    assert answer.headers["content-type"].startswith("application/problem+json")
    problem = answer.json()
    assert problem["code"].startswith("QT")
    assert problem["faults"] and all(fault["message"] for fault in problem["faults"])
    assert problem["request_id"] == answer.headers["x-request-id"]


def test_one_mistake_in_a_list_is_told_once(api):
    body = bent('"1.5"', '"abc"')

    (fault,) = api.post("/api/v1/events", content=body, headers=JSON).json()["faults"]

    assert fault["where"] == "/lines/0/quantity"


@pytest.mark.parametrize(
    ("seeds", "message"),
    [([], "needs at least one lot to start from"), ("M-1", "'seeds' is not a list")],
    ids=["empty", "text"],
)
def test_a_wrong_list_is_told_in_plain_words(api, seeds, message):
    (fault,) = api.post("/api/v1/recalls/scope", json={"seeds": seeds}).json()["faults"]

    assert message in fault["message"]


def test_the_same_body_without_a_mistake_is_stored(api):
    assert api.post("/api/v1/events", json=GOOD).status_code == 201


@pytest.mark.parametrize(
    "query",
    [
        "limit=-1",
        "limit=0",
        "limit=abc",
        "limit=",
        "limit=201",
        f"limit={10**20}",
        "limit=١",
        "limit=1&limit=2",
        "cursor=%00",
        "cursor=!!",
        "lot_no=%ff",
        "colour=red",
    ],
)
def test_a_bad_query_is_400(api, query):
    answer = api.get(f"/api/v1/lots?{query}")

    assert answer.status_code == 400, answer.text
    assert answer.json()["detail"]


@pytest.mark.parametrize("query", ["", "limit=200", "lot_no=%25%27--", "state=&item="])
def test_a_good_query_is_answered(api, query):
    assert api.get(f"/api/v1/lots?{query}").status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/v1/lots/nobody", 404),
        ("GET", "/api/v1/lots/nobody/trace", 404),
        ("GET", "/api/v1/lots/M-1/trace?direction=sideways", 400),
        ("GET", "/api/v1/lots/M-1/trace?depth=0", 400),
        ("GET", "/api/v1/nothing", 404),
        ("PUT", "/api/v1/lots", 405),
        ("GET", "/api/v1/records/nothing", 404),
        ("GET", "/api/v1/records/deviation/DEV-1", 404),
        ("GET", "/api/v1/events/nothing", 404),
        ("POST", "/api/v1/lots/M-1/transitions/nothing", 404),
        ("POST", "/api/v1/holds/nothing/lift", 400),
    ],
)
def test_a_wrong_address_is_a_problem_document(api, method, path, status):
    answer = api.request(method, path, content=b"{}", headers=JSON)

    assert answer.status_code == status, answer.text
    assert answer.json()["status"] == status


def test_a_page_answers_its_mistakes_as_a_page(web):
    with web.person() as client:
        answer = client.get("/l/nobody")

    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/html")
    assert "Not found" in answer.text and "nobody" in answer.text


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (InputRejected("x", [Fault("QT400", "y", "/z")]), 400),
        (NotSignedIn("x"), 401),
        (Denied("x", [Refusal("QT403", "y")]), 403),
        (NotFound("x"), 404),
        (Ambiguous("x", [{"lot_id": "1"}]), 409),
        (Refused("x", [Refusal("PH-03", "y")]), 409),
        (Conflict("x"), 409),
        (StoreUnavailable("x"), 503),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else str(value),
)
def test_every_error_of_the_product_has_its_status(error, status):
    problem = problem_of(error, "r-1").as_json()

    assert (problem["status"], problem["code"], problem["detail"]) == (status, error.code, "x")


def test_an_unexpected_error_tells_its_number_and_nothing_else():
    problem = problem_of(ZeroDivisionError("secret inside"), "r-1").as_json()

    assert problem["status"] == 500
    assert "r-1" in problem["detail"]
    assert "secret" not in json.dumps(problem)


def logged(error: Exception) -> list[dict[str, str]]:
    out = io.StringIO()
    try:
        raise error from OSError(28, "No space left on device")
    except type(error) as raised:
        log_failure(make_logger(out), raised, problem_of(raised, "r-1"))
    return [json.loads(line) for line in out.getvalue().splitlines()]


@pytest.mark.parametrize("error", [CannotVerify("x"), StoreUnavailable("x", code="QT620")])
def test_a_refusal_that_is_expected_is_one_line_of_the_log_without_a_trace(error):
    (line,) = logged(error)
    assert (line["event"], line["code"], line["error"]) == ("not available", error.code, "x")
    assert "No space left" in line["cause"] and "Traceback" not in json.dumps(line)


@pytest.mark.parametrize("error", [ZeroDivisionError("x"), QTCoreError("x", code="QT510")])
def test_what_nobody_expected_is_logged_with_its_trace(error):
    """The control."""
    (line,) = logged(error)
    assert line["event"] == "unexpected" and "Traceback" in line["trace"]
    assert logged(NotSignedIn("x")) == []


def test_both_languages_hold_the_same_texts():
    catalogues = load_texts().catalogues

    assert set(catalogues["en"]) == set(catalogues["zh-CN"])
    assert all(text.strip() for language in LANGUAGES for text in catalogues[language].values())


@pytest.mark.parametrize("quantity", ["9" * 37, "1e400", "0." + "1" * 20])
def test_a_quantity_that_is_too_long_says_how_long_it_may_be(api, quantity):
    answer = api.post("/api/v1/events", content=bent('"1.5"', f'"{quantity}"'), headers=JSON)
    (fault,) = answer.json()["faults"]
    assert "at most 18 before and 18 after the point" in fault["message"]
