"""The recall pages as a coordinator and a consignee use them: names, orders, clocks, mistakes."""

import csv
import html
import io
import json
import re
from collections.abc import Iterator
from datetime import timedelta

import pytest

from qtcore.http.units import show_unit, typed_unit
from qtcore.services.events import EventInput, Line
from qtcore.services.interchange import import_epcis
from qtcore.services.master import MasterInput, save_master
from qtcore.services.nodes import LotRef
from qtcore.services.profile import set_language
from qtcore.services.recall import RecallStart, start_recall
from qtcore.services.recall_notices import send_notices, start_clock
from qtcore.services.recording import record_event
from qtcore.testing import a_context, a_received_lot, a_site, line, release
from qtcore.testing.builders import EVERYTHING, a_user
from tests.epcis_words import LOT, a_document, an_event
from tests.scenarios.test_impossible_packings import load
from tests.web import EVERY_ROLE, Web, csrf_of, make_web

ORDER = [{"type": "po", "bizTransaction": "urn:epcglobal:cbv:bt:4012345000009:PO-1"}]
SHOP = {"type": "owning_party", "destination": "urn:epc:id:pgln:4012345.00001"}
FARM = {"type": "owning_party", "source": "urn:epc:id:pgln:4012345.00002"}


@pytest.fixture(scope="module")
def web() -> Iterator[Web]:
    """A lot that came by one order and left by another, and two lots of one number."""
    with a_site() as site:
        orders = [{"bizTransaction": "https://example.org/po/7", "type": "po"}]
        came = an_event(
            eventID="urn:x:in", bizStep="receiving", action="ADD", sourceList=[FARM],
            bizTransactionList=orders,
        )  # fmt: skip
        left = an_event(eventID="urn:x:out", destinationList=[SHOP], bizTransactionList=ORDER)
        data = json.dumps(a_document(came, left)).encode()
        import_epcis(site, site.system_context(), [("x.jsonld", data)])
        a_received_lot(site, "MILK", "TWICE", "5")
        a_received_lot(site, "MILK", "TWICE", "5", source="SUPPLIER-B")
        yield make_web(site)


@pytest.fixture(scope="module")
def number(web: Web) -> str:
    """A recall of that lot, decided an hour ago, whose letters no channel takes."""
    context = a_context(web.site, EVERYTHING)
    head = RecallStart([LOT], "Glass", "a splinter", False, {"plan": "food_cn"})
    recall = start_recall(web.site, context, head)
    ago = web.site.sources.now() - timedelta(hours=1)
    start_clock(web.site, context, recall.record_id, event="decided_at", at=ago)
    send_notices(web.site, context, recall.record_id)
    return recall.number


def test_the_numbers_of_orders_stand_on_every_page_and_in_the_list(web: Web, number: str) -> None:
    with web.person() as client:
        pages = [client.get(path).text for path in (f"/recall?seeds={LOT}", f"/recall/{number}")]
        rows = list(csv.DictReader(io.StringIO(client.get(f"/recall.csv?seeds={LOT}").text[1:])))
    for page in pages:
        assert "PO-1" in page, "the customer's order"
        assert re.search(r'data-label="Order no.">7</td>', page), "the supplier's order"
    assert [row["order_nos"] for row in rows] == ["PO-1"]
    link = linked(web, number)
    with web.visitor() as visitor:
        assert "PO-1" in visitor.get(link).text


def test_who_must_be_told_is_named_and_the_time_that_is_left_is_told(web: Web, number: str) -> None:
    with web.person() as client:
        page = client.get(f"/recall/{number}").text
    table = page[page.index('id="h-clock"') : page.index('id="h-replies"')]
    assert "It has run for 0 h 0 min." in table
    assert re.search(r"\d+ (h|d) \d+ (min|h) (left|over)", table)


def test_a_number_of_two_lots_is_chosen_from_on_the_page(web: Web) -> None:
    with web.person() as client:
        page = client.get("/recall?seeds=TWICE M-0").text
        assert "“TWICE” fits 2 lots" in page
        assert "M-0</textarea>" in page, "the other name stays, the doubtful one is gone"
        uids = re.findall(r'id="fits-\d+" name="seeds" value="([^"]+)"', page)
        assert len(uids) == 2
        assert "h-where" in client.get("/recall", params={"seeds": uids}).text


def linked(web: Web, number: str) -> str:
    """Make a link on the page; gives its path."""
    with web.person() as client:
        token = csrf_of(client)
        customer = re.search(
            r'id="link-customer"[^>]*><option value="([^"]+)"', client.get(f"/recall/{number}").text
        )
        assert customer is not None
        data = {"csrf_token": token, "customer": html.unescape(customer[1])}
        page = client.post(f"/recall/{number}/link", data=data).text
        assert "It is shown this once" in page
        found = re.search(r'id="link-address" readonly value="([^"]+)"', page)
        assert found is not None
        assert found[1] not in client.get(f"/recall/{number}").text
    return found[1]


def test_a_link_is_made_on_the_page_and_ends_the_one_before(web: Web, number: str) -> None:
    first, second = linked(web, number), linked(web, number)
    with web.visitor() as visitor:
        assert visitor.get(first).status_code == 404
        assert visitor.get(second).status_code == 200


def test_an_answer_is_sent_on_so_that_loading_anew_sends_nothing(web: Web, number: str) -> None:
    address = linked(web, number)
    with web.visitor() as visitor:
        data = {"acknowledged": "yes", "impact": "none", "quantity": "", "unit": ""}
        sent = visitor.post(address, data=data, follow_redirects=False)
        assert sent.status_code == 303
        stored = re.search(r"stored=(\d+)", sent.headers["location"])
        assert stored is not None
        assert f"Answer number {stored[1]} is stored" in visitor.get(sent.headers["location"]).text
        assert "is stored" not in visitor.get(f"{address}?stored=99").text


@pytest.mark.parametrize(
    ("act", "data", "told"),
    [
        ("heard", {"impact": "some", "quantity": "many", "note": "by phone"}, "“many”不是有效数量"),
        ("heard", {"impact": "some", "quantity": "1", "unit": "wagon"}, "“wagon”不是可识别的单位"),
        ("clock", {"event": "decided_at", "at": "soon"}, "“soon”不是有效时间"),
        (
            "clock",
            {"event": "decided_at", "at": "2999-01-01T00:00"},
            "2999-01-01 00:00 UTC 尚未",
        ),
        ("acknowledge", {"notice": "x", "shown": ""}, "请填写凭据"),
    ],
)
def test_a_mistake_is_said_in_chinese_and_what_was_typed_is_kept(
    web: Web, number: str, act: str, data: dict[str, str], told: str
) -> None:
    context = a_user(web.site, EVERY_ROLE)
    set_language(web.site, context, "zh-CN")
    with web.person() as client:
        page = client.get(f"/recall/{number}").text
        customer = re.search(r'id="heard-customer"[^>]*><option value="([^"]+)"', page)
        assert customer is not None
        sent = {**data, "csrf_token": csrf_of(client), "customer": html.unescape(customer[1])}
        answer = client.post(f"/recall/{number}/{act}", data=sent)
    set_language(web.site, context, "en")
    assert answer.status_code == 400
    assert told in answer.text
    form = {"heard": "heard", "clock": "clock", "acknowledge": "ack"}[act]
    opened = answer.text[answer.text.index(f'id="work-{form}" open') :].partition("</details>")[0]
    for name in ("quantity", "note", "unit"):
        assert data.get(name, "") in opened
    assert answer.text.count("<details id=") > 1
    assert answer.text.count(" open>") == 1


def test_what_is_on_hand_is_held_and_customers_are_called_by_their_names() -> None:
    with a_site() as site:
        lot = a_received_lot(site)
        shop = MasterInput("party", "C-7", "Corner Shop", values={"roles": ["customer"]})
        save_master(site, site.system_context(), shop)
        release(site, lot)
        sold = EventInput(
            "shipping", (line(lot, "subject", "4"),), site.sources.now(), to_party="C-7"
        )
        record_event(site, a_context(site, EVERYTHING), sold)
        web = make_web(site)
        head = RecallStart([lot.uid], "Glass", "a splinter", False, {"plan": "food_cn"})
        recall = start_recall(site, a_context(site, EVERYTHING), head)
        with web.person() as client:
            page = client.get(f"/recall/{recall.number}").text
        assert "On hold" in page
        told = page[page.index('id="h-clock"') : page.index('id="h-since"')]
        assert told.count('">Corner Shop</td>') >= 1 and "C-7<" not in told
        exercise = RecallStart([lot.uid], "Glass", "exercise", True, {"plan": "food_cn"})
        mock = start_recall(site, a_context(site, EVERYTHING), exercise)
        with web.person() as client:
            assert "Not on hold" not in client.get(f"/recall/{mock.number}").text


def test_a_unit_in_a_field_is_read_again_as_it_is_written() -> None:
    with a_site() as site:
        for unit in ("kg", "{box}", "{count}", "[lb_av]", "{never declared}"):
            for language in ("en", "zh-CN"):
                shown = typed_unit(site.registry, language, unit)
                found = site.registry.unit(shown)
                assert found is site.registry.unit(unit)
        assert show_unit(site.registry, "zh-CN", "{box}") == "盒"


def test_what_cannot_be_counted_is_said_of_a_recall_also_where_no_customer_is_meant() -> None:
    with a_site() as site:
        lot = a_received_lot(site)
        untold = Line(LotRef(text=lot.uid), "subject", None, "")
        load(site, EventInput("scrapping", (untold,), site.sources.now()))
        head = RecallStart([lot.uid], "Glass", "a splinter", False, {"plan": "food_cn"})
        recall = start_recall(site, a_context(site, EVERYTHING), head)
        with make_web(site).person() as client:
            answer = client.get(f"/recall/{recall.number}")
        assert answer.status_code == 200
        assert "Not everything can be counted:" in answer.text
        assert "has no quantity" in answer.text
