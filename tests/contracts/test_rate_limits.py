"""Too many requests: 429 with Retry-After to programs and people, by token, person and address.

Each limit has its control: the same requests go through where it is off.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from qtcore.http.api.openapi import build_openapi
from qtcore.http.api.routes import OPERATIONS
from qtcore.http.logs import make_logger
from qtcore.http.methods import Methods
from qtcore.http.rates import UNLIMITED, Rate, RateRules, Rates
from qtcore.http.rendering import make_templates
from qtcore.http.security import Gate
from qtcore.http.settings import Settings
from qtcore.http.texts import load_texts
from qtcore.registry.load import load_registry
from qtcore.services.serving import Serving
from qtcore.services.site import Site
from qtcore.services.tallies import Tally
from qtcore.testing.builders import PASSWORD
from qtcore.testing.sites import a_site
from tests.signing_in import told as tried
from tests.web import Web, make_web

# So slow that no test sees a bucket fill.
FEW = Rate(0.001, 3)


@pytest.fixture(scope="module")
def web() -> Iterator[Web]:
    with a_site(registry=load_registry(packs=[]).get_registry()) as opened:
        yield make_web(opened)


def limited(web: Web, site: Site | None = None, **rates: Any) -> Web:
    """Give the same application behind a gate of its own with limits."""
    settings = Settings(
        load_texts(),
        make_templates(dev=False),
        make_logger(web.log),
        proxies=1,
        rates=Rates(replace(UNLIMITED, hold=0, **rates)),
    )
    site = site or web.site
    gate: Any = Gate(web.app, Serving(site), settings, Methods(()))
    return Web(site, gate, web.log)


def statuses(client, path, count=5, **headers):
    found = [client.get(path, headers=headers, follow_redirects=False) for _ in range(count)]
    return [each.status_code for each in found]


@pytest.mark.parametrize("path", ["/api/v1/lots", "/epcis"])
def test_a_token_that_sends_too_much_is_told_when_to_go_on(web: Web, path: str):
    slow = limited(web, person=FEW)
    with slow.program("operator") as client, slow.program("qa") as other:
        assert statuses(client, path) == [200, 200, 200, 429, 429]
        refused = client.get(path)
        assert statuses(other, path, 1) == [200]
    problem = refused.json()
    assert (problem["code"], problem["status"]) == ("QT437", 429)
    assert int(refused.headers["retry-after"]) >= 1
    assert refused.headers["content-type"].startswith("application/problem+json")
    with web.program("operator") as client:
        assert statuses(client, path) == [200] * 5


def test_a_person_that_sends_too_much_is_told_so_on_a_page(web: Web):
    slow = limited(web, person=FEW)
    with slow.person("qa") as client:
        assert statuses(client, "/me") == [200, 200, 200, 429, 429]
        refused = client.get("/me", headers={"accept-language": "zh-CN"})
        assert statuses(client, "/static/pages.css", 9) == [200] * 9
    assert "请求过于频繁" in refused.text and refused.headers["retry-after"]
    with web.person("qa") as client:
        assert statuses(client, "/me") == [200] * 5


def test_an_address_is_counted_before_anything_is_read_and_no_forged_one_is_believed(web: Web):
    slow = limited(web, address=FEW)
    told = {"x-forwarded-for": "203.0.113.1, 192.0.2.1"}
    with slow.visitor() as client:
        assert statuses(client, "/lots", **told) == [303, 303, 303, 429, 429]
        forged = {"x-forwarded-for": "203.0.113.99, 192.0.2.1"}
        assert statuses(client, "/lots", 1, **forged) == [429]
        other = {"x-forwarded-for": "203.0.113.1, 192.0.2.2"}
        assert statuses(client, "/lots", 1, **other) == [303]
    with web.visitor() as client:
        assert statuses(client, "/lots", **told) == [303] * 5


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/sign-in"), ("GET", "/reply/x"), ("POST", "/welcome/x")]
)
def test_passwords_and_secrets_are_tried_slowly(web: Web, method: str, path: str):
    def sent(asked: Web) -> list[int]:
        with asked.visitor() as client:
            data = {"login": "nobody", "password": PASSWORD} if method == "POST" else None
            return [client.request(method, path, data=data).status_code for _ in range(5)]

    assert sent(limited(web, guess=FEW))[3:] == [429, 429]
    assert 429 not in sent(web)


def test_guesses_of_many_addresses_wait_for_one_another(web: Web):
    def sent(asked: Web) -> list[int]:
        with asked.visitor() as client:
            heads = [{"x-forwarded-for": f"192.0.2.{n}"} for n in range(5)]
            return [client.post("/welcome/x", headers=each).status_code for each in heads]

    assert sent(limited(web, guesses=FEW)) == [404, 404, 404, 429, 429]
    assert sent(limited(web, guesses=UNLIMITED.guesses)) == [404] * 5


def entries(site: Site) -> int:
    with site.store.read() as session:
        found = session.connection().exec_driver_sql("SELECT count(*) FROM ledger_event")
        return int(found.scalar_one())


@pytest.mark.parametrize(("most", "told"), [(4, 4 + 3), (1000, 40)], ids=["capped", "control"])
def test_a_flood_of_wrong_tokens_does_not_fill_the_history(web: Web, most: int, told: int):
    site = replace(web.site, tally=Tally(most))
    before = entries(site)
    with limited(web, site).visitor() as client:
        for number in range(40):
            headers = {"authorization": f"Bearer wrong-{number}"}
            assert client.get("/api/v1/lots", headers=headers).status_code == 401
    assert entries(site) - before == told


@pytest.mark.parametrize(("most", "told"), [(4, 4 + 3), (1000, 40)], ids=["capped", "control"])
def test_a_flood_of_forged_writes_does_not_fill_the_history(web: Web, most: int, told: int):
    site = replace(web.site, tally=Tally(most))
    with limited(web, site).person("qa") as client:
        before = entries(site)
        for _ in range(40):
            assert client.post("/language", data={"csrf_token": "forged"}).status_code == 403
    assert entries(site) - before == told


@pytest.mark.parametrize(("most", "told"), [(2, 2 + 2), (1000, 8)], ids=["capped", "control"])
def test_a_flood_of_unknown_logins_does_not_fill_the_history(web: Web, most: int, told: int):
    site = replace(web.site, tally=Tally(most))
    before = entries(site)
    for number in range(8):
        assert tried(site, f"nobody-{most}-{number}", PASSWORD)[0] == "NotSignedIn"
    assert entries(site) - before == told


def test_wrong_tokens_weigh_more_than_requests(web: Web):
    def sent(asked: Web) -> list[int]:
        with asked.visitor() as client:
            told: list[int] = statuses(client, "/api/v1/lots", 4, authorization="Bearer wrong")
            return told

    assert sent(limited(web, address=Rate(0.001, 15))) == [401, 401, 429, 429]
    assert sent(limited(web, address=Rate(0.001, 150))) == [401] * 4


def test_every_operation_says_that_it_may_be_too_much():
    document = build_openapi(OPERATIONS)
    for path, methods in document["paths"].items():
        for method, told in methods.items():
            assert "Retry-After" in told["responses"]["429"]["headers"], (method, path)


def test_limits_are_on_where_nobody_turned_them_off():
    rules = RateRules()
    assert rules.address.a_second and rules.person.a_second and rules.guess.a_second
