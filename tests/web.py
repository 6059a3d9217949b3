"""A site with a small story and clients that are signed in, for tests of the web."""

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from litestar import Litestar

from qtcore.http.app import make_app
from qtcore.http.logs import make_logger
from qtcore.http.rates import UNLIMITED
from qtcore.services.site import Site
from qtcore.services.tokens import add_token
from qtcore.store.queries.nodes import NodeInfo
from qtcore.testing.builders import (
    PASSWORD,
    a_made_lot,
    a_party,
    a_received_lot,
    a_user,
    an_item,
    release,
)
from tests.asgi_client import client_of

EVERY_ROLE = ("operator", "warehouse", "qc_analyst", "qa", "qp", "recall_coord", "recall_head")


@dataclass(slots=True)
class Web:
    """An application, its site and what it logged."""

    site: Site
    app: Litestar
    log: io.StringIO

    def visitor(self) -> httpx.Client:
        return client_of(self.app)

    def token(self, *roles: str) -> str:
        context = a_user(self.site, roles or EVERY_ROLE)
        return add_token(self.site, self.site.system_context(), context.actor.login)

    @contextmanager
    def program(self, *roles: str) -> Iterator[httpx.Client]:
        with self.visitor() as client:
            client.headers["authorization"] = f"Bearer {self.token(*roles)}"
            yield client

    @contextmanager
    def person(self, *roles: str) -> Iterator[httpx.Client]:
        context = a_user(self.site, roles or EVERY_ROLE)
        with self.visitor() as client:
            answer = client.post(
                "/sign-in",
                data={"login": context.actor.login, "password": PASSWORD},
                follow_redirects=False,
            )
            assert answer.status_code == 303, answer.text
            yield client


def make_web(site: Site, **options: Any) -> Web:
    log = io.StringIO()
    given = {"rates": UNLIMITED, **options}
    return Web(site, make_app(site, logger=make_logger(log), **given), log)


def csrf_of(client: httpx.Client, path: str = "/me") -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', client.get(path).text)
    assert found is not None
    return found.group(1)


def sign_sheet(client: httpx.Client, sheet: Any, **proof: str) -> Any:
    """Prove who signs on the sheet that an answer shows; gives the page after it."""
    assert "/sign/" in str(sheet.url), sheet.text
    found = re.search(r'name="next" value="([^"]+)"', sheet.text)
    assert found is not None, sheet.text
    given = {"login": "-".join(EVERY_ROLE), "password": PASSWORD, **proof}
    told = {"csrf_token": csrf_of(client), "next": found.group(1).replace("&amp;", "&"), **given}
    return client.post(str(sheet.url), data=told)


def milk_and_butter(site: Site) -> tuple[NodeInfo, NodeInfo]:
    """Two lots of milk, one released; butter made of the released one."""
    a_party(site, "SHOP", "customer")
    milk = a_received_lot(site, "MILK", "M-1", "100")
    release(site, milk)
    an_item(site, "BUTTER", kind="finished", name="Butter")
    butter = a_made_lot(site, "BUTTER", "B-1", [(milk, "40.50")], quantity="20")
    return milk, butter
