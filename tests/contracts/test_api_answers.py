"""Whatever the API answers stands in its description: every status, kind of content and field."""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator

from qtcore.errors import QTCoreError
from qtcore.http.api.openapi import build_openapi
from qtcore.http.api.routes import OPERATIONS
from qtcore.http.json_body import Input
from qtcore.registry.load import load_registry
from qtcore.testing.sites import a_site
from tests.walk_plant import ids_of
from tests.walking import QUERIES
from tests.web import make_web

pytestmark = pytest.mark.heavy
DOCUMENT = build_openapi(OPERATIONS)
READ = sorted(path for path, methods in DOCUMENT["paths"].items() if "get" in methods)


def closed(schema: Any) -> Any:
    """Let an object hold what its description lists, and no more; one without a list stays open."""
    if isinstance(schema, list):
        return [closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    told = {name: closed(part) for name, part in schema.items()}
    is_listed = told.get("type") == "object" and "properties" in told
    return {"additionalProperties": False, **told} if is_listed else told


COMPONENTS = {"schemas": closed(DOCUMENT["components"]["schemas"])}


@pytest.fixture(scope="module")
def asked() -> Iterator[tuple[httpx.Client, dict[str, str]]]:
    with a_site(registry=load_registry(packs=["food"]).get_registry()) as site:
        ids = {**ids_of(site), "device": "SCALE-1", "number": "1"}
        with make_web(site).program("admin", "qa", "auditor") as client:
            yield client, ids


def mistakes_in(path: str, answer: httpx.Response) -> list[str]:
    """Say how an answer differs from what its route declares."""
    declared = DOCUMENT["paths"][path]["get"]["responses"].get(str(answer.status_code))
    if declared is None:
        return [f"status {answer.status_code} is not declared"]
    content = declared["content"]
    kind = answer.headers["content-type"].partition(";")[0]
    if "json" not in kind:
        return [] if kind in content or "*/*" in content else [f"{kind} is not declared"]
    if kind not in content:
        return [f"{kind} is not declared"]
    schema = {"components": COMPONENTS, **content[kind]["schema"]}
    found = Draft202012Validator(schema).iter_errors(answer.json())
    return [f"{each.json_path}: {each.message}" for each in found]


@pytest.mark.parametrize("path", READ)
def test_an_answer_holds_nothing_that_is_not_described(asked, path: str):
    client, ids = asked
    address = re.sub(r"\{(\w+)\}", lambda name: ids.get(name[1], "none"), path)
    answer = client.get(f"{address}?{QUERIES.get(f'GET {path}', '')}".rstrip("?"))

    assert mistakes_in(path, answer) == []


def test_control_a_field_that_nobody_described_is_found(asked, monkeypatch: pytest.MonkeyPatch):
    client, ids = asked
    answer = client.get(f"/api/v1/events/{ids['event_id']}")
    monkeypatch.delitem(COMPONENTS["schemas"]["Event"]["properties"], "event_at")

    assert "event_at" in str(mistakes_in("/api/v1/events/{event_id}", answer))


def test_two_bodies_of_one_name_are_not_taken_for_each_other():
    made = next(each for each in OPERATIONS if each.path == "/tokens" and each.body is not None)
    twin = type("TokenBody", (Input,), {"__annotations__": {"other": str}})

    assert build_openapi([made, made])
    with pytest.raises(QTCoreError, match="two different bodies are called TokenBody"):
        build_openapi([made, replace(made, path="/others", body=twin)])


def test_a_token_is_asked_for_by_its_own_fields():
    body = DOCUMENT["paths"]["/api/v1/tokens"]["post"]["requestBody"]["content"]
    name = body["application/json"]["schema"]["$ref"].rpartition("/")[2]

    assert {"login", "scope", "site"} <= set(DOCUMENT["components"]["schemas"][name]["properties"])
