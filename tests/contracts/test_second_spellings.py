"""A request that says the same in another spelling meets the same rule; each has its control."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from qtcore.errors import InputRejected
from qtcore.http import json_body, security
from qtcore.http.json_body import Input, read_json, read_model
from qtcore.http.rates import UNLIMITED, Rate, RateRules
from qtcore.registry.load import load_registry
from qtcore.testing.builders import PASSWORD
from qtcore.testing.sites import a_site
from tests.asgi_client import HOST
from tests.web import Web, csrf_of, make_web

FEW = Rate(0.001, 3)


@pytest.fixture(scope="module")
def web() -> Iterator[Web]:
    with a_site(registry=load_registry(packs=[]).get_registry()) as opened:
        yield make_web(opened)


def limited(web: Web, **rates: Rate) -> Web:
    return make_web(web.site, rates=RateRules(**{**vars_of(UNLIMITED), **rates}))


def vars_of(rules: RateRules) -> dict[str, Any]:
    return {name: getattr(rules, name) for name in RateRules.__slots__} | {"hold": 0}


@pytest.mark.parametrize("origin", ["http://[", "http://[::1", "//", "null", "http://", "x"])
def test_an_origin_that_is_no_address_is_another_web_site(web: Web, origin: str):
    with web.visitor() as client:
        told = client.post("/sign-in", data={"login": "x"}, headers={"origin": origin})
    assert told.status_code == 403
    assert "QT417" in told.text


def test_a_password_is_tried_as_slowly_with_two_slashes(web: Web, monkeypatch: pytest.MonkeyPatch):
    def tried() -> list[int]:
        with limited(web, guess=FEW).person("qa") as client:
            form = {"login": "nobody", "password": PASSWORD, "csrf_token": csrf_of(client)}
            path = f"{HOST}//sign-in"
            return [client.post(path, data=form).status_code for _ in range(5)]

    assert tried()[-2:] == [429, 429]
    monkeypatch.setattr(security, "spell", lambda scope: None)
    assert 429 not in tried()


def test_a_secret_in_the_address_is_not_logged_with_two_slashes(
    web: Web, monkeypatch: pytest.MonkeyPatch
):
    def logged(secret: str) -> bool:
        with web.visitor() as client:
            client.get(f"{HOST}//reply/{secret}")
        return secret in web.log.getvalue()

    assert not logged("first-secret")
    monkeypatch.setattr(security, "spell", lambda scope: None)
    assert logged("second-secret")


def test_a_token_is_counted_once_however_it_is_written(web: Web, monkeypatch: pytest.MonkeyPatch):
    def sent() -> list[int]:
        slow = limited(web, person=FEW)
        ways = ("Bearer ", "bearer ", "BEARER  ", "Bearer    ", "beareR ")
        token = slow.token("qa")
        with slow.visitor() as client:
            return [
                client.get("/api/v1/lots", headers={"authorization": way + token}).status_code
                for way in ways
            ]

    assert sent() == [200, 200, 200, 429, 429]
    # As it was: the header as sent is the key.
    monkeypatch.setattr(security, "_person_key", lambda _, headers: headers["authorization"])
    assert 429 not in sent()


def cost_of(body: bytes) -> float:
    started = time.thread_time()
    with pytest.raises(InputRejected, match=r"given twice|unused"):
        read_json(body)
    return time.thread_time() - started


def slow_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    keys = [key for key, _ in pairs]
    twice = next((key for key in keys if keys.count(key) > 1), None)
    if twice is not None:
        raise json_body._Mistake(f"key {twice!r} is given twice in one object")
    return dict(pairs)


def test_a_key_that_is_given_twice_among_many_costs_no_more_than_reading_them(
    monkeypatch: pytest.MonkeyPatch,
):
    def body(count: int) -> bytes:
        keys = [*(f"k{number:05}" for number in range(count)), f"k{count - 1:05}"]
        return ("{" + ",".join(f'"{key}":1' for key in keys) + "}").encode()

    def growth() -> float:
        return cost_of(body(4000)) / cost_of(body(400))

    assert growth() < 40  # ten times as many keys, some ten times the work
    monkeypatch.setattr(json_body, "_read_object", slow_object)
    assert growth() > 40


class _One(Input):
    name: str = ""


@pytest.mark.parametrize(("most", "told"), [(100, 100), (1000, 300)], ids=["capped", "control"])
def test_a_flood_of_mistakes_is_counted_and_not_answered_one_by_one(
    monkeypatch: pytest.MonkeyPatch, most: int, told: int
):
    monkeypatch.setattr(json_body, "MOST_FAULTS", most)
    body = ("{" + ",".join(f'"k{number}":1' for number in range(300)) + "}").encode()
    with pytest.raises(InputRejected, match="300 mistakes") as refused:
        read_model(body, _One)
    assert len(refused.value.faults) == told
    assert ("the first 100 are told" in refused.value.message) == (told == 100)
