"""The JSON API on a real site: what it answers is what its own description promises."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from jsonschema import Draft202012Validator

from qtcore.http.api.openapi import build_openapi
from qtcore.http.api.routes import OPERATIONS
from qtcore.testing.builders import PASSWORD, a_received_lot
from qtcore.testing.sites import a_site
from tests.web import Web, make_web, milk_and_butter

JSON = {"content-type": "application/json"}
AT = "2026-05-31T10:00:00+08:00"
DOCUMENT = build_openapi(OPERATIONS)


@pytest.fixture(scope="module")
def web() -> Iterator[Web]:
    with a_site() as site:
        milk_and_butter(site)
        yield make_web(site)


@pytest.fixture
def api(web: Web) -> Iterator[httpx.Client]:
    with web.program() as client:
        yield client


def receiving(lot_no: str, **more: Any) -> dict[str, Any]:
    line = {
        "part": "output",
        "lot": {"item": "MILK", "lot_no": lot_no, "source": "SUPPLIER-A"},
        "quantity": "12.50",
        "unit": "kg",
    }
    return {"event_type": "receiving", "event_at": AT, "lines": [{**line, **more}]}


def lot_id(api: httpx.Client, lot_no: str) -> str:
    (found,) = api.get("/api/v1/lots", params={"lot_no": lot_no}).json()["items"]
    return str(found["lot_id"])


def assert_described(answer: Any, name: str) -> None:
    schema = {"$ref": f"#/components/schemas/{name}", "components": DOCUMENT["components"]}
    mistakes = [m.message for m in Draft202012Validator(schema).iter_errors(answer)]
    assert not mistakes


def test_the_list_of_lots_is_filtered_and_paged(web, api):
    for number in ("P-1", "P-2"):
        a_received_lot(web.site, "PAPER", number)
    asked = {"item": "PAPER", "limit": "1"}
    first = api.get("/api/v1/lots", params=asked).json()
    second = api.get("/api/v1/lots", params={**asked, "cursor": first["next"]}).json()

    assert [x["lot_no"] for x in (*first["items"], *second["items"])] == ["P-1", "P-2"]
    assert second["next"] is None
    assert api.get("/api/v1/lots", params={"state": "nowhere"}).json()["items"] == []
    assert_described(first, "LotList")


@pytest.mark.parametrize(
    ("path", "schema"),
    [
        ("/lots/{lot}", "Lot"),
        ("/lots/{lot}/trace", "Trace"),
        ("/lots/{lot}/release", "Release"),
        ("/items", "MasterList"),
        ("/parties", "MasterList"),
        ("/locations", "MasterList"),
        ("/equipment", "MasterList"),
        ("/ledger", "Ledger"),
        ("/records/deviation", "RecordList"),
    ],
)
def test_an_answer_is_what_the_description_promises(web, path, schema):
    with web.program("qa", "auditor") as api:
        answer = api.get("/api/v1" + path.format(lot=lot_id(api, "B-1")))

    assert answer.status_code == 200, answer.text
    assert_described(answer.json(), schema)


def undeclared(answer: Any, schema: dict[str, Any]) -> set[str]:
    if "$ref" in schema:
        return undeclared(answer, DOCUMENT["components"]["schemas"][schema["$ref"].split("/")[-1]])
    if isinstance(answer, list):
        return {name for part in answer for name in undeclared(part, schema["items"])}
    if not isinstance(answer, dict) or "properties" not in schema:
        return set()
    told = schema["properties"]
    inside = [undeclared(answer[name], told[name]) for name in told if name in answer]
    return (set(answer) - set(told)).union(*inside)


def test_lots_traces_and_scopes_hold_nothing_that_is_not_described(api):
    lot = lot_id(api, "B-1")
    answers = {
        "LotList": api.get("/api/v1/lots").json(),
        "Trace": api.get(f"/api/v1/lots/{lot}/trace").json(),
        "RecallScope": api.post("/api/v1/recalls/scope", json={"seeds": ["M-1"]}).json(),
    }
    for name, answer in answers.items():
        assert_described(answer, name)
        assert undeclared(answer, {"$ref": f"#/components/schemas/{name}"}) == set()
    assert undeclared({"next": None, "more": 1}, {"$ref": "#/components/schemas/LotList"})


def test_the_description_tells_limits_both_answers_and_the_token():
    depth = DOCUMENT["paths"]["/api/v1/lots/{lot_id}/trace"]["get"]["parameters"][-1]
    events = DOCUMENT["paths"]["/api/v1/events"]["post"]

    assert depth["name"] == "depth"
    assert depth["schema"]["anyOf"][0] == {"type": "integer", "minimum": 1, "maximum": 10_000}
    assert {"200", "201", "400", "405", "409", "413", "415"} <= set(events["responses"])
    assert [p["name"] for p in events["parameters"]] == ["Idempotency-Key", "X-CSRF-Token"]


def test_a_trace_names_focus_nodes_edges_and_certainty(api):
    answer = api.get(f"/api/v1/lots/{lot_id(api, 'B-1')}/trace", params={"direction": "backward"})

    found = answer.json()
    assert [(n["lot_no"], n["depth"], n["certainty"]) for n in found["nodes"]] == [
        ("B-1", 0, "recorded"),
        ("M-1", 1, "recorded"),
    ]
    assert [(e["quantity"], e["unit"]) for e in found["edges"]] == [("40.50", "kg")]
    assert found["focus"]["lot_no"] == "B-1"


def test_a_lot_is_found_by_any_identifier_also_one_with_slashes(web, api):
    a_received_lot(web.site, "MILK", "2026/07 A", "5")

    answer = api.get(f"/api/v1/lots/{quote('2026/07 A', safe='')}")

    assert answer.json()["lot_no"] == "2026/07 A"


def test_an_ambiguous_number_answers_with_its_candidates(web, api):
    for source in ("SUPPLIER-A", "SUPPLIER-B"):
        a_received_lot(web.site, "MILK", "TWICE", "5", source=source)

    answer = api.get("/api/v1/lots/TWICE")

    assert answer.status_code == 409
    assert {c["source"] for c in answer.json()["candidates"]} == {"SUPPLIER-A", "SUPPLIER-B"}


@pytest.mark.parametrize("quantity", ["12.50", 12.50], ids=["text", "number"])
def test_a_recorded_event_keeps_its_digits(api, quantity):
    body = receiving(f"D-{quantity!r}")
    answer = api.post(
        "/api/v1/events",
        content=json.dumps(body).replace('"12.50"', json.dumps(quantity)),
        headers=JSON,
    )

    assert answer.status_code == 201, answer.text
    assert answer.headers["location"] == f"/api/v1/events/{answer.json()['event_id']}"
    assert_described(answer.json(), "Event")
    lot = api.get(f"/api/v1/lots/{answer.json()['lots'][0]}").json()
    assert lot["stock"]["quantity"] == ("12.50" if quantity == "12.50" else "12.5")


def test_an_event_of_unreleased_milk_is_refused_with_reasons(web, api):
    fresh = a_received_lot(web.site, "MILK", "M-9", "5")
    body = {
        "event_type": "shipping",
        "event_at": web.site.sources.now().isoformat(),
        "to_party": "SHOP",
        "lines": [{"part": "subject", "lot": {"lot_id": fresh.uid}, "quantity": "1", "unit": "kg"}],
    }

    answer = api.post("/api/v1/events", json=body)

    assert answer.status_code == 409
    assert [r["code"] for r in answer.json()["refusals"]] == ["QT446"]
    assert answer.json()["refusals"][0]["fix"]


def test_a_recall_scope_names_lots_stock_balance_and_gaps(api):
    answer = api.post("/api/v1/recalls/scope", json={"seeds": ["M-1"]})

    found = answer.json()
    assert [lot["lot_no"] for lot in found["lots"]] == ["M-1", "B-1"]
    assert {(row["quantity"], row["unit"]) for row in found["on_hand"]} == {
        ("59.50", "kg"),
        ("20", "kg"),
    }
    assert found["balance"]["closes"] is True
    assert_described(found, "RecallScope")


def test_a_mock_recall_freezes_its_scope_and_holds_nothing(api):
    body = {
        "seeds": ["M-1"],
        "title": "Yearly exercise",
        "reason": "exercise",
        "is_mock": True,
        "data": {"plan": "cn_drug_2022"},
    }
    answer = api.post("/api/v1/recalls", json=body)

    assert answer.status_code == 201, answer.text
    assert answer.json()["held"] == []
    assert_described(answer.json(), "Recall")


def test_a_record_goes_from_submission_to_its_next_state(api):
    made = api.post(
        "/api/v1/records/deviation",
        json={"data": {"title": "Door was open", "severity": "minor"}, "lots": ["B-1"]},
    )
    assert made.status_code == 201, made.text
    where = made.headers["location"]
    record = api.get(where).json()
    assert record["title"] == "Door was open"
    assert_described(record, "Record")

    moved = api.post(f"{where}/transitions/investigate", json={})

    assert moved.json()["state"] == "investigating"
    assert api.get(where).json()["state"] == "investigating"


def test_a_corrected_record_keeps_its_reason_and_counts_its_revision(api):
    data = {"title": "Door was open", "severity": "minor"}
    made = api.post("/api/v1/records/deviation", json={"data": data, "lots": ["B-1"]})
    where = f"{made.headers['location']}/corrections"
    again = {"data": {**data, "severity": "major"}, "reason": "assessed again"}

    assert api.post(where, json={**again, "reason": ""}).status_code == 400
    corrected = api.post(where, json=again)

    assert corrected.status_code == 200, corrected.text
    assert (corrected.json()["revision"], corrected.json()["data"]["severity"]) == (2, "major")


def test_a_record_with_mistakes_answers_all_of_them(api):
    answer = api.post("/api/v1/records/deviation", json={"data": {"severity": "huge"}})

    assert answer.status_code == 400
    assert {fault["where"] for fault in answer.json()["faults"]} == {"title", "severity"}


def test_results_holds_and_the_release_of_a_lot_work_together(web, api):
    lot = a_received_lot(web.site, "MILK", "M-5", "5").uid
    base = f"/api/v1/lots/{lot}"
    result = api.post(f"{base}/results", json={"characteristic": "fat", "value": "3.50"})
    assert (result.status_code, result.json()["verdict"]) == (201, "none")
    held = api.post(f"{base}/holds", json={"reason": "smell"})
    assert_described(held.json(), "Hold")
    assert api.get(f"{base}/release").json()["may_be_released"] is False

    refused = api.post(f"{base}/transitions/release", json={"password": PASSWORD})
    assert refused.status_code == 409
    api.post(f"/api/v1/holds/{held.json()['hold_id']}/lift", json={"reason": "checked"})
    released = api.post(f"{base}/transitions/release", json={"password": PASSWORD})

    assert (released.status_code, released.json()["state"]) == (200, "released")
    assert api.get(base).json()["results"][0]["value"] == "3.50"


def test_master_data_is_made_and_changed_by_its_code(api):
    body = {"code": "SALT", "name": "Salt", "unit": "kg", "names": {"zh-CN": "盐"}}
    made = api.post("/api/v1/items", json=body)
    changed = api.post("/api/v1/items", json={**body, "name": "Sea salt"})

    assert made.status_code == 201
    assert made.json()["id"] == changed.json()["id"]
    listed = {x["code"]: x["name"] for x in api.get("/api/v1/items").json()["items"]}
    assert listed["SALT"] == "Sea salt"


def test_a_scanned_code_answers_with_its_elements_and_candidates(api):
    text = "(01)09506000134352(10)A"
    good = api.post("/api/v1/scan", json={"text": text})
    bad = api.post("/api/v1/scan", json={"text": f"\x1d{text}"})

    assert (good.status_code, good.json()["element_string"]) == (200, "^010950600013435210A")
    assert (bad.status_code, bad.json()["accepted"]) == (200, False)
    assert_described(good.json(), "Scan")
    assert_described(bad.json(), "Scan")


def test_the_history_verifies_through_the_api(web):
    with web.program("auditor") as api:
        answer = api.post("/api/v1/ledger/verify", json={})

    assert answer.json()["ok"] is True
    assert_described(answer.json(), "Verified")


def test_the_same_key_and_request_has_one_effect_and_one_answer(api):
    headers = {"idempotency-key": "k-1"}
    first = api.post("/api/v1/events", json=receiving("K-1"), headers=headers)
    again = api.post("/api/v1/events", json=receiving("K-1"), headers=headers)

    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert again.headers["location"] == first.headers["location"]
    lot = api.get(f"/api/v1/lots/{first.json()['lots'][0]}").json()
    assert lot["stock"]["quantity"] == "12.50"


def test_without_a_key_the_same_request_has_two_effects(api):
    api.post("/api/v1/events", json=receiving("K-2"))
    api.post("/api/v1/events", json=receiving("K-2"))

    assert api.get("/api/v1/lots/K-2").json()["stock"]["quantity"] == "25.00"


def test_a_key_with_another_request_is_a_conflict(api):
    headers = {"idempotency-key": "k-2"}
    api.post("/api/v1/events", json=receiving("K-3"), headers=headers)

    answer = api.post("/api/v1/events", json=receiving("K-4"), headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (409, "QT456")


def test_a_refused_request_frees_its_key(api):
    headers = {"idempotency-key": "k-3"}
    refused = api.post("/api/v1/events", json=receiving("K-5", unit="parsec"), headers=headers)
    accepted = api.post("/api/v1/events", json=receiving("K-5"), headers=headers)

    assert (refused.status_code, accepted.status_code) == (400, 201)


def test_fifty_equal_requests_at_once_have_one_effect(web):
    token = web.token()
    headers = {"authorization": f"Bearer {token}", "idempotency-key": "storm"}
    with web.visitor() as client, ThreadPoolExecutor(16) as pool:
        answers = list(
            pool.map(
                lambda _: client.post("/api/v1/events", json=receiving("K-6"), headers=headers),
                range(50),
            )
        )
        lot = client.get("/api/v1/lots/K-6", headers=headers).json()

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["event_id"] for answer in answers}) == 1
    assert lot["stock"]["quantity"] == "12.50"


def test_the_description_lists_every_route_of_the_api(web, api):
    told = api.get("/api/v1/openapi.json").json()["paths"]
    served = {
        (route.path.replace(":str", ""), method)
        for route in web.app.routes
        for method in route.methods
        if route.path.startswith("/api/v1/") and method != "OPTIONS"
    }

    assert {(path, method.upper()) for path in told for method in told[path]} == served - {
        ("/api/v1/openapi.json", "GET")
    }


def test_the_address_of_what_was_made_is_ascii_whatever_letters_name_it(web):
    with web.program("admin") as admin:
        made = admin.post("/api/v1/users", json={"login": "张三", "name": "张三", "roles": ["qa"]})
        assert made.status_code == 201, made.text
        assert made.headers["location"] == "/api/v1/users/%E5%BC%A0%E4%B8%89"
        assert admin.get(made.headers["location"]).json()["login"] == "张三"
