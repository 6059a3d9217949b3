"""The generated forms of the critical tracking events fit a desk and a phone, in both languages."""

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import Served, sign_in

pytestmark = pytest.mark.browser

FORMS = {
    "receiving_food": "event/output/0/extra/tlc",
    "cooling": "values/farm_location",
    "initial_packing": "values/field_name",
    "shipping_food": "values/recipient_location",
    "transformation_food": "values/reference_document_number",
    "first_land_based_receiving": "values/catch_date_from",
}
WIDTHS = (1366, 360)


@pytest.mark.parametrize("login", ["everybody", "zhongwen"])
@pytest.mark.parametrize("width", WIDTHS)
def test_every_form_fits_its_screen(
    browser: Browser, served: Served, login: str, width: int
) -> None:
    with browser.new_context(viewport={"width": width, "height": 900}) as context:
        page = context.new_page()
        sign_in(page, served, login)
        for form, field in FORMS.items():
            page.goto(f"{served.address}/forms/{form}/new")
            expect(page.locator(f"[name='{field}']")).to_be_attached()
            wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
            assert wide <= 0, f"{form} is {wide} px wider than {width} px in {login}"
            shown = page.locator("main").inner_text()
            assert any("\u4e00" <= sign <= "\u9fff" for sign in shown) == (login == "zhongwen")
