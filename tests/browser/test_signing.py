"""A passkey made and used in Chromium, and the sheet as hands, keys and screen readers meet it."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect

from qtcore.testing.builders import PASSWORD
from tests.browser.conftest import Served

pytestmark = pytest.mark.browser

KEY = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@pytest.mark.clause("21 CFR 11.200(b)")
def test_a_passkey_is_made_and_signs_a_step_on_a_sheet_that_all_can_use(
    browser: Browser, served: Served
) -> None:
    address = served.address.replace("127.0.0.1", "localhost")
    context = browser.new_context(viewport={"width": 360, "height": 740}, locale="en")
    page = context.new_page()
    devices = context.new_cdp_session(page)
    devices.send("WebAuthn.enable")
    devices.send("WebAuthn.addVirtualAuthenticator", {"options": KEY})
    page.goto(f"{address}/sign-in?next=/me/signing")
    page.fill("#login", "everybody")
    page.fill("#password", PASSWORD)
    page.click("button.primary")

    page.click("text=Add a passkey")
    page.fill("#login-passkey", "everybody")
    page.fill("#password-passkey", PASSWORD)
    page.press("#password-passkey", "Enter")
    page.click("[data-passkey-button]")
    expect(page.locator("[role=status]")).to_contain_text("enrolled")

    page.goto(f"{address}/l/{served.held}/release")
    page.fill("#reason", "sour")
    page.click("button[value=reject]")
    expect(page.locator("h1")).to_have_text("Sign")
    found = Axe().run(page).response["violations"]
    assert [each["id"] for each in found] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.focus("[data-passkey-button]")
    page.keyboard.press("Enter")
    expect(page.locator("[role=status]").first).to_contain_text("Done")
    expect(page.locator("main")).to_contain_text("Passkey")
    context.close()
