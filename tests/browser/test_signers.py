"""The lock of a terminal, the sheet, many signatures and the signer's page, in Chromium."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from qtcore.testing.builders import PASSWORD
from tests.browser.conftest import Served, sign_in

pytestmark = pytest.mark.browser
FORM = "/forms/deviation/new"
PLACES = (FORM, "/to-sign?step=lot.reject", "/users/zhongwen/signing", "/security")


def test_a_locked_terminal_keeps_the_form_for_the_same_person_and_shows_another_nothing(
    browser: Browser, served: Served
) -> None:
    context = browser.new_context(viewport={"width": 1366, "height": 768}, locale="en")
    page = context.new_page()
    sign_in(page, served)
    page.goto(f"{served.address}{FORM}")
    title = page.locator("main form[method=post] input[type=text], main form[method=post] textarea")
    title.first.fill("Half a story")
    page.locator("header form[data-lock] button").focus()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_contain_text("This terminal is locked")
    assert "Half a story" not in page.content()

    other = browser.new_context(viewport={"width": 1366, "height": 768}, locale="en").new_page()
    sign_in(other, served, "zhongwen")
    other.goto(f"{served.address}{FORM}")
    assert "Half a story" not in other.content()
    other.context.close()

    page.fill("#login", "everybody")
    page.fill("#password", PASSWORD)
    page.press("#password", "Enter")
    expect(page.locator("[data-kept] [role=status]")).to_contain_text("is back")
    expect(title.first).to_have_value("Half a story")
    page.click("[data-kept] button")
    expect(page.locator("[data-kept]")).to_have_count(0)
    expect(title.first).to_have_value("")
    context.close()


def test_a_terminal_that_nobody_moves_locks_itself_and_keeps_the_form(
    browser: Browser, served: Served
) -> None:
    context = browser.new_context(viewport={"width": 1366, "height": 768}, locale="en")
    page = context.new_page()
    page.clock.install()
    sign_in(page, served)
    page.goto(f"{served.address}{FORM}")
    field = page.locator("main form[method=post] input[type=text]").first
    field.fill("Left alone")
    page.clock.fast_forward("14:20")
    expect(field).to_have_value("Left alone")  # the control: not before its time
    page.clock.fast_forward("00:15")
    page.clock.run_for(2000)
    expect(page.locator("main")).to_contain_text("This terminal is locked")
    page.fill("#login", "everybody")
    page.fill("#password", PASSWORD)
    page.press("#password", "Enter")
    expect(field).to_have_value("Left alone")
    page.click("[data-kept] button")
    context.close()


def checked(page: Page, width: int) -> None:
    found = Axe().run(page).response["violations"]
    assert [each["id"] for each in found] == [], page.url
    assert page.evaluate("document.documentElement.scrollWidth") <= width, page.url


@pytest.mark.parametrize(("width", "login"), [(360, "zhongwen"), (1366, "everybody")])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_of_signers_are_usable_by_all(
    browser: Browser, served: Served, width: int, login: str, scheme: str
) -> None:
    context = browser.new_context(
        viewport={"width": width, "height": 800},
        color_scheme="dark" if scheme == "dark" else "light",
    )
    page = context.new_page()
    sign_in(page, served, login)
    for place in PLACES:
        page.goto(f"{served.address}{place}")
        checked(page, width)
    page.goto(f"{served.address}/to-sign?step=lot.reject")
    page.locator("input[name=thing]").first.focus()
    page.keyboard.press("Space")
    page.fill("#reason", "sour")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("签名" if login == "zhongwen" else "Sign")
    checked(page, width)
    expect(page.locator("#password")).to_be_visible()
    context.close()
