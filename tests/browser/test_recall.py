"""A consignee answers a recall on a phone, and two people close one recall at once."""

import pytest
from playwright.sync_api import Browser, Page

from qtcore.http.pages import reply
from tests.browser.conftest import Served, sign_in
from tests.browser.test_pages import faults

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def address(browser: Browser, served: Served) -> str:
    """Start a recall on its page, make a link for the customer there; gives its address."""
    with browser.new_context(locale="en") as context:
        page = context.new_page()
        sign_in(page, served)
        page.goto(f"{served.address}/recall?seeds={served.shipped}")
        page.click("summary:has-text('Start')")
        page.fill("#title", "Glass")
        page.fill("#reason", "a splinter")
        page.select_option("#plan", "food_cn")
        page.check("#how-real")
        page.click("form[method=post][action='/recall'] button")
        page.click("#work-link summary")
        page.click("form[action$='/link'] button")
        assert page.evaluate("document.activeElement.id") == "link-address"
        return served.address + page.input_value("#link-address")


@pytest.fixture
def phone(browser: Browser) -> Page:
    return browser.new_context(
        locale="zh-CN", viewport={"width": 360, "height": 800}, color_scheme="dark"
    ).new_page()


def answer(page: Page, address: str, quantity: str) -> None:
    page.goto(address)
    page.check("#acknowledged")
    page.check("#impact-some")
    page.fill("#quantity", quantity)
    page.click("form.card button")
    page.wait_for_load_state()


def test_a_consignee_answers_from_a_phone_and_a_mistake_is_said(phone: Page, address: str) -> None:
    answer(phone, address, "-5")
    assert "“-5”不是有效数量" in phone.inner_text("#error-summary")
    assert faults(phone) == []
    answer(phone, address, "2")
    assert "已保存" in phone.inner_text(".note")
    assert phone.input_value("#quantity") == "2"
    assert faults(phone) == []
    phone.reload()  # sends nothing again
    assert "第 1 次" in phone.inner_text(".note")


def test_a_page_that_forbids_the_referrer_cannot_be_answered(
    phone: Page, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Control: what the page of the reply must not say, and did."""
    monkeypatch.setattr(reply, "_HEADERS", {"referrer-policy": "no-referrer"})
    answer(phone, address, "3")
    assert "请求来自其他网站" in phone.inner_text("main")


def test_an_address_altered_by_a_letter_opens_nothing(phone: Page, address: str) -> None:
    phone.goto(address[:-1] + ("A" if address[-1] != "A" else "B"))
    assert phone.inner_text("h1") == "此链接无效"
    assert "Glass" not in phone.content()
    assert faults(phone) == []


def test_a_mistake_on_the_page_of_a_recall_opens_its_form_with_what_was_typed(
    browser: Browser, served: Served, address: str
) -> None:
    with browser.new_context(locale="en") as context:
        page = context.new_page()
        sign_in(page, served)
        page.goto(f"{served.address}/recall")
        page.click("main a.id:has-text('RC-') >> nth=0")
        page.click("#work-heard summary")
        page.check("#heard-some")
        page.fill("#heard-quantity", "many")
        page.click("form[action$='/heard'] button")
        page.wait_for_load_state()
        assert page.evaluate("document.activeElement.id") == "error-summary"
        assert page.is_visible("#heard-quantity")
        assert page.input_value("#heard-quantity") == "many"
        assert page.is_checked("#heard-some")
        for width in (1366, 360):
            page.set_viewport_size({"width": width, "height": 800})
            assert faults(page) == []
