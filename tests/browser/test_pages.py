"""Every page in both languages and both lights, wide and narrow: quiet, in bounds, accessible.

A page is loaded once per language and then looked at twice: every pair of width, light and
language is seen. All eight together are for `pytest -m slow`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

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
    "later changes": "/ledger?changed=yes",
    "history of a lot": "/ledger?about={butter}",
    "bad day": "/ledger?since=junk",
    "trace of nothing": "/trace?lot=nobody",
    "recall of several": "/recall?seeds=nobody",
    "packs": "/config/packs",
    "check of definitions": "/config/check",
    "versions": "/config/versions",
    "version": "/config/versions/1",
    "draft": "/config/drafts/{draft}",
    "draft file": "/config/drafts/{draft}/file?pack=base&file=workflows%2Fdeviation.yaml",
    "decided release": "/l/{milk}/release",
    "api": "/api/docs",
    "me": "/me",
    "own sessions": "/me/sessions",
    "own signing": "/me/signing",
    "notifications": "/notifications",
    "workflows": "/config/workflows",
    "workflow": "/config/workflows/lot",
    "workflow of a draft": "/config/drafts/{draft}/workflows/deviation",
    "record edit": "/r/{deviation}/edit",
    "users": "/users",
    "user": "/users/everybody",
    "security events": "/security",
    "not found": "/l/nobody",
    "bad depth": "/trace?lot={milk}&depth=abc",
}
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
RAW_KEY = r"\b(event_form|problem|nav|chain|codes|actions)\.[a-z_]+"
RUN = "rules => axe.run({runOnly: rules, resultTypes: ['violations']}).then(r => r.violations)"
SHIFT = """() => new Promise(done => { let sum = 0;
  new PerformanceObserver(l => { for (const e of l.getEntries()) sum += e.value; })
    .observe({type: 'layout-shift', buffered: true});
  requestAnimationFrame(() => setTimeout(() => done(sum), 50)); })"""


class Look(NamedTuple):
    """How a page is looked at."""

    width: Literal[1366, 360]
    light: Literal["light", "dark"]


LOOKS = [Look(width, light) for width in (1366, 360) for light in ("light", "dark")]
# The first is the one in which the page loads: the wide one and the narrow one.
PAIRS = {
    "en": [Look(1366, "light"), Look(360, "dark")],
    "zh-CN": [Look(360, "light"), Look(1366, "dark")],
}


@dataclass(frozen=True, slots=True)
class Visit:
    """A page of one language, signed in, that notes what is said on it."""

    page: Page
    served: Served
    language: str
    said: list[str]

    def load(self, path: str, look: Look) -> None:
        self.look(look)
        self.said.clear()
        names = {name: getattr(self.served, name) for name in Served.__slots__}
        self.page.goto(self.served.address + path.format(**names))

    def look(self, look: Look) -> None:
        self.page.set_viewport_size({"width": look.width, "height": 800})
        self.page.emulate_media(color_scheme=look.light)


@pytest.fixture(scope="module", params=PAIRS)
def visit(request: pytest.FixtureRequest, browser: Browser, served: Served) -> Iterator[Visit]:
    with browser.new_context(locale=request.param) as context:
        page = context.new_page()
        sign_in(page, served, "zhongwen" if request.param == "zh-CN" else "everybody")
        said: list[str] = []
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("console", lambda line: said.append(line.text) if line.type == "error" else None)
        yield Visit(page, served, request.param, said)


def faults(page: Page) -> list[str]:
    """What the rules of accessibility and the edge of the window say of a page as it stands."""
    if not page.evaluate("!!window.axe"):
        page.evaluate(Axe().axe_script)
    found = [f"{e['id']}: {e['nodes'][0]['html'][:120]}" for e in page.evaluate(RUN, RULES)]
    root = "document.documentElement"
    over = page.evaluate(f"{root}.scrollWidth - {root}.clientWidth")
    return found if over == 0 else [*found, f"{over} px too wide"]


@pytest.mark.parametrize("path", PAGES.values(), ids=PAGES.keys())
def test_a_page_is_quiet_in_bounds_and_accessible(visit: Visit, path: str) -> None:
    first, second = PAIRS[visit.language]

    visit.load(path, first)
    shift = visit.page.evaluate(SHIFT)
    found = {first: faults(visit.page)}
    visit.look(second)
    found[second] = faults(visit.page)

    assert found == {first: [], second: []}
    assert [line for line in visit.said if "40" not in line] == []
    if shift > 0.01:  # on a busy machine a page is painted in pieces: what shifts, shifts again
        visit.load(path, first)
        shift = min(shift, visit.page.evaluate(SHIFT))
    assert shift <= 0.01
    assert not visit.page.locator(f"text=/{RAW_KEY}/").count()


@pytest.mark.slow
@pytest.mark.parametrize("path", PAGES.values(), ids=PAGES.keys())
def test_a_page_loads_well_in_every_look(visit: Visit, path: str) -> None:
    for look in LOOKS:
        visit.load(path, look)
        assert visit.page.evaluate(SHIFT) <= 0.01, look
        assert faults(visit.page) == [], look


def test_what_fails_the_checks_is_seen(visit: Visit) -> None:
    visit.page.set_content(f"<pre>{'x' * 3000}</pre><input>")

    found = faults(visit.page)

    assert [each for each in found if each.startswith("label: ")]
    assert [each for each in found if each.endswith(" px too wide")]
