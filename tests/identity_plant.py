"""A site whose people sign in at a provider of the test, and a browser that goes there and back.

It must not hold assertions about what is let in.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from html import unescape
from typing import Any
from urllib.parse import urlencode

import httpx
from joserfc.jwk import RSAKey

from qtcore.registry.load import load_registry
from qtcore.services.identities import link_identity
from qtcore.services.site import Site
from qtcore.store.providers import Provider
from qtcore.store.queries.ledger import list_ledger
from qtcore.testing.builders import a_user
from qtcore.testing.sites import FrozenClock, a_site
from tests.identity_provider import CLIENT, SECRET, IdentityProvider
from tests.web import make_web

Client = httpx.Client
ADDRESS = "http://testserver.local"


@dataclass
class Plant:
    """One site for all tests; each begins two hours later, with a provider that tells the truth."""

    site: Site
    clock: FrozenClock
    company: IdentityProvider
    client: Client
    rsa: RSAKey

    def begins(self, **told: Any) -> None:
        entry = Provider(
            "company", "Company account", self.company.issuer, CLIENT, SECRET,
            algorithms=("RS256", "ES256"), **told,
        )  # fmt: skip
        other = Provider("other", "Other account", "https://other.example", "x")
        self.site.providers.providers = (entry, other)

    def actions(self) -> list[str]:
        with self.site.store.read() as session:
            return [row.action for row in list_ledger(session, self.site.store.tenant_id)]

    @contextmanager
    def another_browser(self) -> Iterator[None]:
        kept = list(self.client.cookies.jar)
        self.client.cookies.clear()
        yield
        self.client.cookies.clear()
        for cookie in kept:
            self.client.cookies.jar.set_cookie(cookie)

    def begin_anew(self) -> None:
        """Two hours later, with a provider that tells the truth, and nobody signed in."""
        self.clock.advance(hours=2)
        company = self.company
        company.keys, company.signs_with = {"one": self.rsa}, "one"
        company.subject, company.claims, company.document = "sub-ann", {}, {}
        company.lie, company.is_down = None, False
        company.read.clear()
        self.client.cookies.clear()
        self.begins()


@contextmanager
def a_plant() -> Iterator[Plant]:
    """Open a site where `ann` of quality assurance is linked and `root` manages the users."""
    clock = FrozenClock()
    rsa = RSAKey.generate_key(2048)
    company = IdentityProvider(clock.now, {"one": rsa}).start()
    registry = load_registry(packs=[]).get_registry()
    with a_site(clock=clock, registry=registry) as opened:
        site = replace(opened, public_url=ADDRESS)
        with make_web(site).visitor() as client:
            made = Plant(site, clock, company, client, rsa)
            made.begins()
            a_user(site, ["qa"], login="ann")
            root = a_user(site, ["admin"], login="root")
            link_identity(site, root, "ann", provider_id="company", subject="sub-ann")
            yield made
    company.stop()


def begin(client: Client, goal: str = "/lots", provider: str = "company") -> str:
    """Press the button; gives the address the browser goes on to."""
    sent = client.post(f"/sign-in/with/{provider}", data={"next": goal})
    assert sent.status_code == 200, sent.text
    assert sent.headers["refresh"].startswith("0; url=")
    return str(sent.headers["refresh"].removeprefix("0; url="))


def come_back(client: Client, words: dict[str, str], provider: str = "company") -> Any:
    return client.get(f"/sign-in/from/{provider}?{urlencode(words)}", follow_redirects=False)


def sign_in(plant: Plant, client: Client, goal: str = "/lots") -> Any:
    return come_back(client, plant.company.visit(begin(client, goal)))


def said(answer: Any) -> str:
    found = re.search(r'id="error-summary".*?</div>', answer.text, re.DOTALL)
    return unescape(found.group()) if found else ""
