"""One browser and one served site per session; skipped with a visible reason without Chromium.

It must not assert anything.
"""

import io
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import uvicorn
from playwright.sync_api import Browser, Page, sync_playwright

from qtcore.http.app import make_app
from qtcore.http.logs import make_logger
from qtcore.http.rates import UNLIMITED
from qtcore.services.drafts import DraftInput, edit_draft, open_draft
from qtcore.services.events import EventInput
from qtcore.services.holds import place_hold
from qtcore.services.profile import set_language
from qtcore.services.recall import RecallStart, start_recall
from qtcore.services.recording import record_event
from qtcore.services.records import RecordInput, submit_record
from qtcore.services.results import ResultInput, record_result
from qtcore.services.site import Site
from qtcore.testing.builders import PASSWORD, a_received_lot, a_user, line, release
from qtcore.testing.sites import a_site, sqlite_url
from tests.web import EVERY_ROLE, milk_and_butter

ROLES = (*EVERY_ROLE, "auditor", "implementer", "admin")


@dataclass(frozen=True, slots=True)
class Served:
    """Where the site answers, and the public ids of its story."""

    address: str
    milk: str
    butter: str
    held: str
    deviation: str
    recall: str
    draft: str
    shipped: str


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = next(
        filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
    )
    if path is None:
        pytest.skip("no Chromium found; install the package chromium")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder: Path = tmp_path_factory.mktemp("browser")
    with a_site(sqlite_url(folder)) as site, Serving(site) as address:
        yield tell_story(site, address)


class Serving:
    """Serve a site on a free port in a thread of its own."""

    def __init__(self, site: Site) -> None:
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        app = make_app(site, logger=make_logger(io.StringIO()), rates=UNLIMITED)
        self._server = uvicorn.Server(uvicorn.Config(app, log_level="error", access_log=False))
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],))

    def __enter__(self) -> str:
        self._thread.start()
        until = time.monotonic() + 20
        while not self._server.started and time.monotonic() < until:
            time.sleep(0.01)
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(20)


def tell_story(site: Site, address: str) -> Served:
    milk, butter = milk_and_butter(site)
    everybody = a_user(site, ROLES, login="everybody")
    chinese = a_user(site, ROLES, login="zhongwen")
    set_language(site, chinese, "zh-CN")
    held = a_received_lot(site, "MILK", "M-2", "7.5")
    place_hold(site, everybody, [held.uid], "smells of plastic")
    for value in ("3.4", "3.6"):
        told = ResultInput("fat", value, "%", correct=value == "3.6", reason="typing error")
        record_result(site, everybody, butter.uid, told)
    record = submit_record(
        site,
        everybody,
        "deviation",
        RecordInput({"title": "Door was open", "severity": "minor"}, (held.uid,)),
    )
    shipped = a_received_lot(site, "MILK", "M-3", "9")
    release(site, shipped)
    out = EventInput(
        "shipping", (line(shipped, "subject", "4"),), site.sources.now(), to_party="SHOP"
    )
    record_event(site, everybody, out)
    start = RecallStart([milk.uid], "Exercise", "exercise", True, {"plan": "cn_drug_2022"})
    recall = start_recall(site, everybody, start)
    draft = a_rename(site)
    lots = milk.uid, butter.uid, held.uid
    return Served(address, *lots, record.record.number, recall.number, draft, shipped.uid)


def a_rename(site: Site) -> str:
    """A draft by somebody else that takes a state away from under a running record."""
    author = a_user(site, ["implementer"], login="ida")
    draft = open_draft(site, author, DraftInput("Another word for open", "clearer"))
    base = draft.configuration.find("base")
    assert base is not None
    file = "workflows/deviation.yaml"
    text = base.files[file].replace("open", "noted")
    edit_draft(site, author, draft.row.uid, {("base", file): text})
    return draft.row.uid


def sign_in(page: Page, served: Served, login: str = "everybody") -> None:
    page.goto(f"{served.address}/sign-in")
    page.fill("#login", login)
    page.fill("#password", PASSWORD)
    page.click("button.primary")
    page.wait_for_selector("#find")
