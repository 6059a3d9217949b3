"""What does not fit is said in the language of the page, every kind of it; the API keeps both."""

import html
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from string import Formatter
from typing import Any

import pytest
from sqlalchemy import update

from qtcore.http.finding_words import Speaker
from qtcore.http.texts import load_texts
from qtcore.services.devices import NewDevice, register_device
from qtcore.services.discrepancies import REVIEWED
from qtcore.services.events import EventInput
from qtcore.services.findings import SENTENCES, in_english
from qtcore.services.holds import place_hold
from qtcore.services.interchange import import_epcis
from qtcore.services.told_in_parts import NO_PRODUCTS, NO_SOURCES
from qtcore.store.columns import table_of
from qtcore.store.tables import Discrepancy
from qtcore.testing import a_context, a_received_lot, a_site, line
from qtcore.testing.builders import EVERYTHING
from tests.epcis_words import a_document, an_event
from tests.scenarios.test_impossible_packings import load, told
from tests.web import EVERY_ROLE, Web, csrf_of, make_web

LGTIN = "urn:epc:class:lgtin:4012345.022222.{}"
CASE = "urn:epc:id:sscc:4012345.00000000{:02d}"
PLAIN = dict.fromkeys(("action", "bizStep", "quantityList"))
EVERY_KIND = {*REVIEWED, NO_SOURCES, NO_PRODUCTS}
ENGLISH = re.compile(r"[A-Za-z]{2,}(?:[,:;]? [A-Za-z]{2,}){2,}")


def turned(name: str, source: str | None, target: str | None, **more: Any) -> dict[str, Any]:
    def lots(lot_no: str | None) -> list[dict[str, Any]] | None:
        amount = {"quantity": more.get("amount", 1), "uom": more.get("uom", "KGM")}
        return [{"epcClass": LGTIN.format(lot_no), **amount}] if lot_no else None

    return an_event(
        type="TransformationEvent",
        eventID=f"urn:x:words:{name}",
        eventTime=more.get("at", "2026-03-01T10:00:00Z"),
        transformationID=more.get("group"),
        inputQuantityList=lots(source),
        outputQuantityList=lots(target),
        **PLAIN,
    )


def packed(name: str, child: int, parent: int, action: str, hour: int) -> dict[str, Any]:
    return an_event(
        type="AggregationEvent",
        eventID=f"urn:x:words:{name}",
        eventTime=f"2026-03-01T{hour:02d}:00:00Z",
        parentID=CASE.format(parent),
        childEPCs=[CASE.format(child)],
        **{**PLAIN, "action": action, "bizStep": "packing" if action == "ADD" else "unpacking"},
    )


TOLD = (
    turned("c1", "CA", "CB"),
    turned("c2", "CB", "CA"),
    turned("s", "SA", "SA"),
    turned("u", "UA", "UB", uom="ZZZ"),
    turned("f", "FA", "FB", at="2999-01-01T00:00:00Z"),
    turned("e1", "EA", "EB", at="2026-03-01T05:00:00Z"),
    turned("e2", None, "EA", at="2026-03-01T07:00:00Z", group="urn:x:half:1"),
    turned("n1", "NA", None, group="urn:x:half:2"),
    turned("q1", "X", "QA", at="2026-03-01T01:00:00Z"),
    turned("q2", "QA", "QB", amount=5),
    packed("p1", 1, 2, "ADD", 1),
    packed("p2", 1, 3, "ADD", 2),
    packed("o", 4, 5, "DELETE", 1),
)


@pytest.fixture(scope="module")
def web() -> Iterator[Web]:
    """A plant with every kind of discrepancy."""
    with a_site() as site:
        data = json.dumps(a_document(*TOLD)).encode()
        import_epcis(site, site.system_context(), [("told.jsonld", data)])
        context = a_context(site, EVERYTHING)
        held = a_received_lot(site)
        place_hold(site, context, [held.uid], "?")
        scale = NewDevice("SC-1", "?", "scale", every_days=30)
        register_device(site, site.system_context(), scale)
        sold = told(site, "shipping", line(held, "subject", "1"))
        weighed = told(site, "sampling", line(held, "subject", "1"))
        load(site, sold, EventInput(**{**_fields(weighed), "device": "SC-1"}))
        yield make_web(site)


def _fields(event: EventInput) -> dict[str, Any]:
    return {name: getattr(event, name) for name in event.__slots__}


class _Reader(HTMLParser):
    """Collects what a person reads, wherever it stands, but what a script or style is."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._skip = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        is_law = tag == "dd" and ("lang", "en") in attrs  # has its name in its own language
        self._skip = tag if is_law or tag in ("script", "style", "code") else self._skip

    def handle_endtag(self, tag: str) -> None:
        self._skip = "" if tag == self._skip else self._skip

    def handle_data(self, data: str) -> None:
        if not self._skip and data.strip():
            self.texts.append(" ".join(data.split()))


def english_in(page: str) -> list[str]:
    reader = _Reader()
    reader.feed(page)
    return [text for text in reader.texts if ENGLISH.search(text)]


THINGS = (
    "M-1",
    *(LGTIN.format(name) for name in ("CA", "SA", "UA", "FA", "EA", "NA", "QA")),
    CASE.format(1),
    CASE.format(4),
)


def gaps_of(web: Web) -> list[dict[str, Any]]:
    found = []
    with web.program() as api:
        for name in THINGS:
            answer = api.get(f"/api/v1/lots/{name}/trace")
            assert answer.status_code == 200, answer.text
            found += answer.json()["gaps"]
    return found


def test_the_api_says_every_kind_in_english_and_gives_what_fills_the_sentence(web: Web) -> None:
    gaps = gaps_of(web)
    assert {gap["kind"] for gap in gaps} == EVERY_KIND | {"unverified_lot"}
    for gap in gaps:
        assert gap["detail"] == in_english(gap["kind"], gap["parts"])
        assert gap["parts"]["lot_no"] == gap["lot_no"]


def pages_of(web: Web, language: str) -> dict[str, str]:
    """Give the pages that show what does not fit, of everything in the plant."""
    found = {}
    gaps = {gap["lot_id"] for gap in gaps_of(web)}
    with web.person(*EVERY_ROLE, "auditor") as client:
        token = csrf_of(client)
        client.post("/language", data={"csrf_token": token, "to": language, "back": "/me"})
        for lot in sorted(gaps):
            for path in (
                f"/trace?lot={lot}",
                f"/recall?seeds={lot}",
                f"/l/{lot}",
                f"/l/{lot}/release",
                f"/ledger?about={lot}",
            ):
                answer = client.get(path)
                if answer.status_code != 400:  # a case, which is never released
                    assert answer.status_code == 200, (path, answer.text)
                    found[path] = answer.text
        found["/devices/SC-1"] = client.get("/devices/SC-1").text
    return found


def test_no_page_in_chinese_holds_an_english_sentence(web: Web) -> None:
    pages = pages_of(web, "zh-CN")
    assert {path: told for path, page in pages.items() if (told := english_in(page))} == {}
    everything = html.unescape("".join(pages.values()))
    for kind in EVERY_KIND | {"unverified_lot"}:
        rest = re.split(r"{\w+}", load_texts().get(f"found.{kind}", "zh-CN"))
        assert all(each in everything for each in rest), kind


def test_what_an_older_release_found_is_shown_as_it_is(web: Web) -> None:
    with changed_parts(web, {}):
        pages = pages_of(web, "zh-CN")
    page = next(text for text in pages.values() if "on hold" in text)
    assert '<span lang="en">shipped on ' in page
    assert any("while on hold" in text for text in english_in(page))


@contextmanager
def changed_parts(web: Web, parts: dict[str, str]) -> Iterator[None]:
    """Change what a discrepancy keeps, past the services, and put it back."""
    site, table = web.site, table_of(Discrepancy)
    held = table.c.kind == "shipped_on_hold"
    with site.store.read() as session:
        kept = session.execute(table.select().where(held)).one().parts
    for each in (parts, kept):
        with site.store.write(site.system_context()) as work:
            work.session.execute(update(table).where(held).values(parts=each))
            work.log("test", "discrepancy", "")
        if each is parts:
            yield


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_every_kind_has_a_sentence_with_the_same_gaps(language: str) -> None:
    for kind, english in SENTENCES.items():
        said = load_texts().get(f"found.{kind}", language)
        assert gaps_in(said) == gaps_in(english), kind
        assert language != "en" or said == english


def gaps_in(sentence: str) -> set[str | None]:
    return {name for _, name, _, _ in Formatter().parse(sentence) if name}


def test_reconciliation_is_said_in_chinese() -> None:
    """What cannot be counted, with amounts in the units of the page."""
    with a_site() as site:
        parts = {"customer": "SHOP", "amount": "5", "known": "4", "unit": "{count}"}
        say = Speaker(site.registry, load_texts(), "zh-CN").say
        said = say("reports_too_much", parts)
        assert said.startswith("SHOP 报告 5\u202f")
        assert not ENGLISH.search(said)
        fault = {"code": "QT491", "text": "shipped without quantity has no quantity"}
        said = say("uncounted", fault)
        assert said == "有移动记录没有准确数量；请补记数量"


@pytest.mark.parametrize("asked", ["/trace?lot=M-1&gaps_from=0", "/l/M-1?used_from=-1"])
def test_a_row_that_is_none_is_refused_in_the_language_of_the_page(web: Web, asked: str) -> None:
    with web.person() as client:
        change = {"csrf_token": csrf_of(client), "to": "zh-CN", "back": "/me"}
        client.post("/language", data=change)
        answer = client.get(asked)
    assert answer.status_code == 400
    assert "不是有效行号" in answer.text and "leave it out" not in answer.text
