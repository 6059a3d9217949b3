"""Fields follow their conditions while a form is filled in; without a script all are shown."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Served, sign_in

pytestmark = pytest.mark.browser

FORM = "/forms/ccp_check/new"
CORRECTION = "values/corrective_action"
PLAIN = {
    "ccp": "CCP-1",
    "parameter": "core temperature",
    "measured_value": "71.5",
    "unit": "Cel",
    "measured_at": "2026-01-05T08:00",
}


@pytest.fixture
def page(browser: Browser, served: Served) -> Iterator[Page]:
    with browser.new_context(viewport={"width": 1366, "height": 900}) as context:
        page = context.new_page()
        page.on("pageerror", lambda error: pytest.fail(str(error)))
        sign_in(page, served)
        page.goto(served.address + FORM)
        yield page


def test_a_field_is_hidden_and_required_as_its_condition_says(page: Page) -> None:
    field = page.locator(f"[name='{CORRECTION}']")
    optional = page.locator(f"[data-field='{CORRECTION}'] [data-optional]")
    expect(field).to_be_visible()
    page.check("[name='values/result'][value='in_limit']")
    expect(field).to_be_hidden()
    page.check("[name='values/result'][value='out_of_limit']")
    expect(field).to_be_visible()
    expect(field).to_have_attribute("aria-required", "true")
    expect(optional).to_be_hidden()


def test_what_is_hidden_is_not_stored_and_nothing_more_is_asked(page: Page) -> None:
    for name, value in PLAIN.items():
        page.fill(f"[name='values/{name}']", value)
    page.select_option("[name='values/hazard']", "biological")
    page.check("[name='values/result'][value='out_of_limit']")
    page.fill(f"[name='{CORRECTION}']", "held back")
    page.check("[name='values/result'][value='in_limit']")
    page.click("button.primary[type=submit]")
    expect(page.locator("main")).to_contain_text("71.5")
    expect(page.locator("main")).not_to_contain_text("held back")
    assert "/r/" in page.url


def test_a_section_of_an_event_follows_as_well(page: Page, served: Served) -> None:
    page.goto(f"{served.address}/forms/initial_packing/new")
    seeds = page.locator("[name='values/seed_grower']")
    expect(seeds).to_be_hidden()  # "no" is what the form begins with
    page.check("[name='values/is_sprouts'][value='true']")
    expect(seeds).to_be_visible()
    page.check("[name='values/growing_kind'][value='aquaculture']")
    expect(page.locator("[name='values/container_name']")).to_have_attribute(
        "aria-required", "true"
    )
    expect(page.locator("[name='values/field_name']")).not_to_have_attribute(
        "aria-required", "true"
    )


def test_without_a_script_everything_is_shown(browser: Browser, served: Served) -> None:
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        sign_in(page, served)
        page.goto(served.address + FORM)
        page.check("[name='values/result'][value='in_limit']")
        page.click("button.primary[type=submit]")
        expect(page.locator("#error-summary")).to_be_visible()
        expect(page.locator(f"[name='{CORRECTION}']")).to_be_visible()
