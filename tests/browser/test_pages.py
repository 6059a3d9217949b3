"""Every page in both languages and both lights, wide and narrow: quiet, in bounds, accessible."""

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page

from tests.browser.conftest import Served, sign_in

pytestmark = pytest.mark.browser

PAGES = {
    "home": "/",
    "search": "/search?q=M-",
    "lot": "/l/{butter}",
    "held lot": "/l/{held}",
    "release": "/l/{butter}/release",
    "blocked release": "/l/{held}/release",
    "trace": "/trace?lot={milk}",
    "forms": "/forms",
    "event form": "/forms/production/new",
    "record form": "/forms/deviation/new?lot={held}",
    "record": "/r/{deviation}",
    "recall": "/recall?seeds={milk}",
    "recall case": "/recall/{recall}",
    "ledger": "/ledger",
    "packs": "/config/packs",
    "check of definitions": "/config/check",
    "versions": "/config/versions",
    "version": "/config/versions/1",
    "draft": "/config/drafts/{draft}",
    "draft file": "/config/drafts/{draft}/file?pack=base&file=workflows%2Fdeviation.yaml",
    "decided release": "/l/{milk}/release",
    "api": "/api/docs",
    "me": "/me",
    "not found": "/l/nobody",
    "bad depth": "/trace?lot={milk}&depth=abc",
}
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
RAW_KEY = r"\b(event_form|problem|nav|chain|codes|actions)\.[a-z_]+"
SHIFT = """() => new Promise(done => { let sum = 0;
  new PerformanceObserver(l => { for (const e of l.getEntries()) sum += e.value; })
    .observe({type: 'layout-shift', buffered: true});
  requestAnimationFrame(() => setTimeout(() => done(sum), 50)); })"""


@pytest.fixture(
    scope="module",
    params=[(w, s, g) for w in (1366, 360) for s in ("light", "dark") for g in ("en", "zh-CN")],
    ids=lambda p: f"{p[0]}-{p[1]}-{p[2]}",
)
def visit(request: pytest.FixtureRequest, browser: Browser, served: Served) -> Iterator[Page]:
    width, scheme, language = request.param
    context: BrowserContext = browser.new_context(
        viewport={"width": width, "height": 800}, color_scheme=scheme, locale=language
    )
    page = context.new_page()
    sign_in(page, served, "zhongwen" if language == "zh-CN" else "everybody")
    yield page
    context.close()


@pytest.mark.parametrize("path", PAGES.values(), ids=PAGES.keys())
def test_a_page_is_quiet_in_bounds_and_accessible(visit: Page, served: Served, path: str) -> None:
    said: list[str] = []
    visit.on("pageerror", lambda error: said.append(str(error)))
    visit.on("console", lambda line: said.append(line.text) if line.type == "error" else None)
    address = path.format(**{name: getattr(served, name) for name in Served.__slots__})
    visit.goto(served.address + address)

    overflow = visit.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    found = Axe().run(visit, options={"runOnly": RULES}).response["violations"]

    assert overflow == 0
    assert [(each["id"], each["nodes"][0]["html"][:120]) for each in found] == []
    assert [line for line in said if "40" not in line] == []
    shift = visit.evaluate(SHIFT)
    if shift > 0.01:  # on a busy machine a page is painted in pieces: what shifts, shifts again
        visit.goto(served.address + address)
        shift = min(shift, visit.evaluate(SHIFT))
    assert shift <= 0.01
    assert not visit.locator(f"text=/{RAW_KEY}/").count()


def test_what_fails_the_checks_is_seen(visit: Page) -> None:
    visit.set_content(f"<pre>{'x' * 3000}</pre><input>")

    assert Axe().run(visit, options={"runOnly": RULES}).response["violations"]
    assert visit.evaluate("document.documentElement.scrollWidth") > 1366
