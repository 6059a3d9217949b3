"""What people do all day, with keys and clicks: find, trace, release, record, correct a mistake."""

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from qtcore.testing.builders import PASSWORD
from tests.browser.conftest import Served, sign_in

pytestmark = pytest.mark.browser


@pytest.fixture
def page(browser: Browser, served: Served) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1366, "height": 800}, locale="en")
    opened = context.new_page()
    sign_in(opened, served)
    yield opened
    context.close()


def test_from_the_scan_box_to_the_lot_its_trace_and_its_release(page: Page) -> None:
    page.keyboard.press("/")
    page.keyboard.type("B-1")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_contain_text("B-1")

    page.click("text=Whole trace")
    expect(page.locator("[data-node]")).to_have_count(2)
    expect(page.locator("svg.links path")).to_have_count(1)
    page.click("h1 a")

    page.click("text=Release review")
    page.click("button.primary[name=transition]")
    page.fill("#login", "everybody")
    page.fill("#password", PASSWORD)
    page.click("form[action^='/sign/'] button.primary")
    expect(page.locator("[role=status]")).to_contain_text("Done")
    expect(page.locator(".head .st")).to_have_text("Released")


def test_a_lot_on_hold_shows_why_and_offers_no_release(page: Page, served: Served) -> None:
    page.goto(f"{served.address}/l/{served.held}/release")

    expect(page.locator("text=No hold is active").first).to_be_visible()
    expect(page.locator("button[value=release]")).to_have_count(0)


def test_a_mistake_in_a_form_keeps_every_value_and_takes_the_focus(
    page: Page, served: Served
) -> None:
    page.goto(f"{served.address}/forms/receiving/new")
    page.fill("[name='event/output/0/lot_no']", "M-77")
    page.fill("[name='event/output/0/quantity']", "12,345")
    page.fill("[name='values/delivery_note']", "DN-1")
    page.click("button[type=submit].primary")

    expect(page.locator("#error-summary")).to_be_focused()
    expect(page.locator("#error-summary")).to_contain_text("There is a problem")
    assert page.title().startswith("Error:")
    expect(page.locator("[name='event/output/0/lot_no']")).to_have_value("M-77")
    expect(page.locator("[name='values/delivery_note']")).to_have_value("DN-1")
    found = Axe().run(page).response["violations"]
    assert [each["id"] for each in found] == []


def test_a_receipt_is_recorded_from_the_generated_form(page: Page, served: Served) -> None:
    page.goto(f"{served.address}/forms/receiving/new")
    for name, value in (
        ("item", "MILK"),
        ("lot_no", "M-78"),
        ("source", "SUPPLIER-A"),
        ("quantity", "12.50"),
        ("unit", "kg"),
    ):
        page.fill(f"[name='event/output/0/{name}']", value)
    page.fill("[name='event/event_at']", "2026-05-30T08:00")
    page.click("button[type=submit].primary")

    expect(page.locator("[role=status]")).to_contain_text("recorded")
    expect(page.locator("table")).to_contain_text("12.50")


def test_the_whole_site_turns_chinese_and_back(page: Page, served: Served) -> None:
    page.click("footer button")
    expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
    expect(page.locator("nav")).to_contain_text("追溯")
    page.click("footer button")
    expect(page.locator("html")).to_have_attribute("lang", "en")


def test_the_lanes_are_walked_with_the_arrow_keys(page: Page, served: Served) -> None:
    page.goto(f"{served.address}/l/{served.butter}")
    page.locator(".lane [data-node]").first.focus()
    page.keyboard.press("ArrowRight")

    expect(page.locator("[aria-current=true][data-node]")).to_be_focused()


FOLD = """() => {
  const nodes = [...document.querySelectorAll(".lane [data-node]")];
  const fold = document.createElement("details");
  const [last] = nodes.slice(-1);
  last.after(fold);
  fold.append(last);
  document.querySelector(".lanes").style.minHeight = "2000px";
}"""


def test_no_link_is_drawn_to_what_a_closed_list_holds(page: Page, served: Served) -> None:
    page.set_viewport_size({"width": 1366, "height": 800})
    page.goto(f"{served.address}/trace?lot={served.milk}")
    expect(page.locator("svg.links path")).to_have_count(1)
    page.evaluate(FOLD)
    expect(page.locator("svg.links path")).to_have_count(0)


def test_the_history_is_verified_at_a_press(page: Page, served: Served) -> None:
    page.goto(f"{served.address}/ledger")
    page.click("text=Verify now")

    expect(page.locator("#verdict")).to_contain_text("The history is whole")


def test_small_scripts_and_styles(served: Served, page: Page) -> None:
    sizes = {}
    for name in ("page.js", "lanes.js", "tokens.css", "pages.css"):
        sizes[name] = len(page.request.get(f"{served.address}/static/{name}").body())

    assert sizes["page.js"] + sizes["lanes.js"] < 40_000
    assert sizes["tokens.css"] + sizes["pages.css"] < 40_000
