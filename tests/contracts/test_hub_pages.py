"""Pages of a lot with thousands of uses stay small, say how many there are, and lead to all."""

import csv
import io
import re
from collections.abc import Iterator

import httpx
import pytest

from qtcore.context import LANGUAGES
from qtcore.http.pages import chain
from qtcore.services.profile import set_language
from qtcore.testing.builders import a_user
from qtcore.testing.sites import a_site
from tests.hubs import Hub, a_hub
from tests.statements import counted
from tests.web import EVERY_ROLE, Web, make_web

pytestmark = pytest.mark.heavy
FEW, MANY = 500, 5_000
MOST_BYTES = {"/l/{water}": 160_000, "/trace?lot={water}": 400_000, "/l/{product}": 60_000}


def opened(uses: int) -> Iterator[tuple[Web, Hub]]:
    with a_site() as site:
        yield make_web(site), a_hub(site, uses)


@pytest.fixture(scope="module")
def few() -> Iterator[tuple[Web, Hub]]:
    yield from opened(FEW)


@pytest.fixture(scope="module")
def many() -> Iterator[tuple[Web, Hub]]:
    yield from opened(MANY)


def address(path: str, hub: Hub) -> str:
    return path.format(water=hub.water, product=hub.product)


@pytest.fixture(scope="module")
def person(many: tuple[Web, Hub]) -> Iterator[httpx.Client]:
    with many[0].person() as client:
        yield client


def sizes(web: Web, hub: Hub) -> dict[str, tuple[int, int]]:
    """Give for each page its bytes and its statements."""
    found = {}
    with web.person() as client:
        for path in MOST_BYTES:
            client.get(address(path, hub))
            with counted() as sent:
                answer = client.get(address(path, hub))
            assert answer.status_code == 200
            found[path] = (len(answer.content), len(sent))
    return found


def test_bytes_and_statements_of_a_page_do_not_grow_with_the_uses(few, many) -> None:
    small, large = sizes(*few), sizes(*many)
    assert {path: sent for path, (_, sent) in small.items()} == {
        path: sent for path, (_, sent) in large.items()
    }
    for path, (most, _) in large.items():
        assert most < MOST_BYTES[path], path
        assert most < small[path][0] + 4_000, path  # longer numbers, no more rows


def test_without_the_limit_of_the_lanes_a_trace_grows_with_them(many, person, monkeypatch) -> None:
    path = address("/trace?lot={water}", many[1])
    before = len(person.get(path).content)
    monkeypatch.setattr(chain, "MOST_MORE", 10**9)
    assert len(person.get(path).content) > 4 * before


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ("40 of 5001 are shown", "1 to 50 of 5000 are shown", "more are not listed here")),
        ("zh-CN", ("显示 40 条，共 5001 条", "显示第 1 至 50 项，共 5000 项", "项未在此列出")),
    ],
)
def test_a_lot_says_in_each_language_how_many_there_are(many, language, words) -> None:
    web, hub = many
    set_language(web.site, a_user(web.site, EVERY_ROLE), language)
    assert language in LANGUAGES
    with web.person() as client:
        text = client.get(address("/l/{water}", hub)).text
    set_language(web.site, a_user(web.site, EVERY_ROLE), "en")
    for each in words:
        assert each in text


def test_every_movement_is_met_once_on_the_way_to_the_oldest(few) -> None:
    web, hub = few
    met: list[str] = []
    with web.person() as client:
        path = f"/l/{hub.water}"
        while path:
            text = client.get(path).text
            rows = text[text.index('id="h-steps"') : text.index('id="h-records"')]
            met += re.findall(r'href="/e/([0-9a-f-]+)"', rows)
            older = re.search(r'href="\?(events_before=[^"#]+)#', rows)
            path = f"/l/{hub.water}?{older.group(1)}" if older else ""
    assert len(met) == len(set(met)) == FEW + 1


def test_every_lot_is_met_once_in_the_parts_of_the_table_and_in_the_csv(few) -> None:
    web, hub = few
    met: list[str] = []
    with web.person() as client:
        path = f"/trace?lot={hub.water}"
        while path:
            text = client.get(path).text
            rows = text[text.index('id="h-table"') : text.index('id="h-cust"')]
            met += re.findall(r'<a class="id" href="/l/([^"]+)"', rows)
            parts = re.findall(r'href="(\?[^"]*rows_from=(\d+))#h-table"', rows)
            onward = [link for link, first in parts if int(first) > len(met)]
            path = f"/trace{onward[0]}".replace("&amp;", "&") if onward else ""
        saved = client.get(f"/trace.csv?lot={hub.water}").text.lstrip("\ufeff")
    assert len(met) == len(set(met)) == FEW + 1
    assert {row["lot_id"] for row in csv.DictReader(io.StringIO(saved))} == set(met)


@pytest.mark.parametrize(
    "asked",
    ["/trace?lot={water}&rows_from=0", "/trace?lot={water}&ships_from=x", "/l/{water}?used_from=-1",
     "/l/{water}?events_before=bjE"],
)  # fmt: skip
def test_a_place_in_a_list_that_is_none_is_refused_with_what_would_be(many, person, asked) -> None:
    answer = person.get(address(asked, many[1]))
    assert answer.status_code == 400
    assert "leave it out" in answer.text or "not one of ours" in answer.text


def test_a_place_past_the_end_shows_the_last_part(many, person) -> None:
    text = person.get(address("/trace?lot={water}&rows_from=999999", many[1])).text
    assert (
        f"{MANY + 1} to {MANY + 1} of {MANY + 1} are shown" in text or "of 5001 are shown" in text
    )
