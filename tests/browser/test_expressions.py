"""The evaluator in the browser answers the shared vectors."""

from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import Served
from tests.expression_vectors import read_vectors, unfolded

pytestmark = pytest.mark.browser
ANSWER = """async (cases) => {
  const { evaluate } = await import("/static/expressions.js");
  return cases.map(([compiled, facts, rules]) => evaluate(compiled, facts, rules));
}"""


def test_the_browser_answers_every_vector(page_of_site: Page) -> None:
    cases: list[dict[str, Any]] = read_vectors()["cases"]
    asked = [[c["compiled"], unfolded(c["facts"]), c.get("rules", {})] for c in cases]
    answers = page_of_site.evaluate(ANSWER, asked)
    said = [
        case["text"]
        for case, answer in zip(cases, answers, strict=True)
        if answer
        != {
            "value": case["value"],
            "unknown": case.get("unknown", []),
            "reasons": case.get("reasons", []),
        }
    ]
    assert said == []


@pytest.fixture
def page_of_site(browser: Any, served: Served) -> Any:
    page = browser.new_page()
    page.goto(f"{served.address}/sign-in")
    yield page
    page.close()
