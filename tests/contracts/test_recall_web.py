"""Recalls over HTTP: the API, the page of a recall, and the page a consignee answers on."""

import html
import re
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from sqlmodel import select

from qtcore.http.api.openapi import build_openapi
from qtcore.http.api.routes import OPERATIONS
from qtcore.services.events import EventInput
from qtcore.services.master import MasterInput, save_master
from qtcore.services.recall import RecallStart, start_recall
from qtcore.services.recording import record_event
from qtcore.services.transitions import Step, fire_transition
from qtcore.store.tables import IdempotencyKey
from qtcore.testing import a_context, a_received_lot, a_site, line, release
from qtcore.testing.builders import EVERYTHING, PASSWORD, a_user, an_item
from tests.web import EVERY_ROLE, Web, csrf_of, make_web, milk_and_butter, sign_sheet

DOCUMENT = build_openapi(OPERATIONS)
KEY = iter(range(10**6))


@pytest.fixture(scope="module")
def web() -> Iterator[Web]:
    with a_site() as site:
        _, butter = milk_and_butter(site)
        release(site, butter)
        sold = (line(butter, "subject", "4"),)
        event = EventInput("shipping", sold, site.sources.now(), to_party="SHOP")
        record_event(site, a_context(site, EVERYTHING), event)
        yield make_web(site)


@pytest.fixture(scope="module")
def recall(web: Web) -> Any:
    body = {
        "seeds": ["B-1"],
        "title": "Glass in butter",
        "reason": "a splinter",
        "data": {"plan": "food_cn", "recall_class": "I"},
    }
    return post(web, "/recalls", body, "Recall", 201)


def post(web: Web, path: str, body: dict[str, Any], schema: str, status: int = 200) -> Any:
    with web.program() as api:
        headers = {"idempotency-key": f"recall-{next(KEY)}"}
        answer = api.post(f"/api/v1{path}", json=body, headers=headers)
    assert answer.status_code == status, answer.text
    asked = {"$ref": f"#/components/schemas/{schema}", "components": DOCUMENT["components"]}
    assert not [m.message for m in Draft202012Validator(asked).iter_errors(answer.json())]
    return answer.json()


def link(web: Web, recall: dict[str, Any]) -> str:
    path = f"/recalls/{recall['number']}/links"
    return str(post(web, path, {"customer": "SHOP"}, "ReplyLink", 201)["path"])


def test_a_scope_is_asked_by_supplier_and_period(web):
    body = {"supplier": "SUPPLIER-A", "from": "2026-05-01T00:00:00Z", "to": "2026-07-01T00:00:00Z"}
    scope = post(web, "/recalls/scope", body, "RecallScope")
    assert {lot["lot_no"] for lot in scope["lots"]} == {"M-1", "B-1"}


def test_the_page_of_a_recall_shows_deadlines_replies_and_balance(web, recall):
    with web.person() as client:
        english = client.get(f"/recall/{recall['number']}").text
        chinese = client.get(f"/recall/{recall['number']}?lang=zh-CN").text
    assert "Deadlines and notices" in english and "Reconciliation" in english
    assert "期限与通知" in chinese and "通知直接购货方" in chinese


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_who_froze_and_opened_a_recall_is_told_by_name_with_the_login_as_a_title(
    web, recall, language
):
    login = "-".join(EVERY_ROLE)
    name = login.capitalize()
    assert name != login
    with web.person() as client:
        frozen = client.get(f"/recall/{recall['number']}?lang={language}").text
        record = client.get(f"/r/{recall['number']}?lang={language}").text
    for shown in (frozen, record):
        assert re.search(rf'title="{login}">[^<]*{name}', shown)
    assert f'<span title="{login}">{name}</span>' in record


def test_a_consignee_answers_on_a_page_that_needs_no_account(web, recall):
    address = link(web, recall)
    with web.visitor() as visitor:
        shown = visitor.get(address)
        answer = visitor.post(
            address,
            data={"acknowledged": "yes", "impact": "some", "quantity": "3", "unit": "kg"},
        )
        wrong = visitor.post(address, data={"impact": "some", "quantity": "many"})
    assert shown.status_code == 200 and "B-1" in shown.text and "M-1" not in shown.text
    assert shown.headers["referrer-policy"] == "same-origin"
    assert "script-src 'self'" in shown.headers["content-security-policy"]
    assert answer.status_code == 200 and "Answer number 1 is stored" in answer.text
    assert wrong.status_code == 400 and "many" in wrong.text
    assert address.rsplit("/", 1)[1] not in web.log.getvalue()


def test_a_consignee_reads_what_is_wrong_in_chinese(web, recall):
    address = f"{link(web, recall)}?lang=zh-CN"
    with web.visitor() as visitor:
        wrong = visitor.post(address, data={"impact": "some", "quantity": "很多"}).text
        unit = visitor.post(
            address, data={"impact": "much", "quantity": "1", "unit": "石", "completed": "yes"}
        ).text
    assert "“很多”不是有效数量" in wrong and 'href="#quantity"' in wrong
    assert "“石”不是可识别的单位" in unit and "请同时勾选" in unit and "请选择是否发现" in unit
    for english in ("is not", "accepted", "declared"):
        assert english not in wrong + unit


def test_a_link_is_shown_once_even_to_the_same_request(web, recall):
    with web.program() as api:
        path, headers = f"/api/v1/recalls/{recall['number']}/links", {"idempotency-key": "once"}
        made = api.post(path, json={"customer": "SHOP"}, headers=headers)
        again = api.post(path, json={"customer": "SHOP"}, headers=headers)
    assert (made.status_code, again.status_code) == (201, 409)
    assert "shown once" in again.text
    with web.site.store.read() as session:
        kept = session.exec(select(IdempotencyKey)).all()
    assert len(kept) > 1 and any(row.answer for row in kept)
    assert made.json()["token"] not in str([row.answer for row in kept])


def test_a_wrong_address_shows_nothing_and_another_site_cannot_answer(web, recall):
    address = link(web, recall)
    with web.visitor() as visitor:
        wrong = visitor.get("/reply/" + "x" * 43)
        foreign = visitor.post(
            address, data={"impact": "none"}, headers={"origin": "https://evil.example"}
        )
    assert wrong.status_code == 404 and recall["number"] not in wrong.text
    assert foreign.status_code == 403


def test_notices_are_sent_once_and_the_report_has_a_line_per_consignee(web, recall):
    path = f"/recalls/{recall['number']}"
    sent = post(web, f"{path}/notices/send", {"base_url": "https://qt.example"}, "NoticesSent")
    assert len(sent["sent"]) > 1
    with web.program() as api:
        rows = api.get(f"/api/v1{path}/report").json()["items"]
    with web.person() as client:
        saved = client.get(f"/recall/{recall['number']}/report.csv").text
        assert re.search("SHOP", saved) and csrf_of(client)
    assert [row["customer"] for row in rows] == ["SHOP"]


def test_a_coordinator_notes_on_the_page_what_happened(web, recall):
    path = f"/recall/{recall['number']}"
    open_ones = [n for n in case(web, recall)["notices"] if n["state"] != "acknowledged"]
    notice = open_ones[0]["notice_id"]
    acts = {
        "acknowledge": {"notice": notice, "shown": "receipt 7"},
        "heard": {"customer": "SHOP", "impact": "some", "quantity": "2.5", "unit": "kg"},
        "check": {"customer": "SHOP", "method": "phone", "notice_received": "yes"},
        "clock": {"event": "completed_at", "at": "2026-05-01T08:00"},
    }
    with web.person() as client:
        token = csrf_of(client, path)
        answers = {
            act: client.post(f"{path}/{act}", data={**data, "csrf_token": token})
            for act, data in acts.items()
        }

    assert {act: a.status_code for act, a in answers.items()} == dict.fromkeys(acts, 200)
    assert all("It is noted." in a.text for a in answers.values())
    now = case(web, recall)
    assert [n["state"] for n in now["notices"] if n["notice_id"] == notice] == ["acknowledged"]
    assert [r["quantity"] for r in now["replies"] if r["is_current"]] == ["2.5"]
    assert now["effectiveness"]["checks"][-1]["notice_received"] is True
    assert now["clock"]["completed_at"] == "2026-05-01T08:00:00+00:00"


@pytest.mark.parametrize(
    ("act", "data", "told"),
    [
        ("acknowledge", {"notice": "nobody", "shown": "x"}, "there is no notice"),
        ("heard", {"customer": "SHOP", "impact": "some", "quantity": "many"}, "is not a quantity"),
        ("heard", {"customer": "NOBODY", "impact": "some"}, "NOBODY"),
        ("check", {"customer": "SHOP", "method": "pigeon"}, "pigeon"),
        ("clock", {"event": "closed_at", "at": "2026-05-01T08:00"}, "closed_at"),
        ("clock", {"event": "requested_at", "at": ""}, "is not a time"),
    ],
)
def test_what_cannot_be_noted_is_said_on_the_page(web, recall, act, data, told):
    path = f"/recall/{recall['number']}"
    before = case(web, recall)
    with web.person() as client:
        token = csrf_of(client, path)
        answer = client.post(f"{path}/{act}", data={**data, "csrf_token": token})

    assert answer.status_code == 400
    assert told in answer.text
    assert case(web, recall) == before


def test_the_page_asks_by_machine_supplier_and_time(web):
    with web.person() as client:
        found = client.get("/recall?supplier=SUPPLIER-A&from=2026-05-01T00:00&to=2026-07-01T00:00")
        wrong = client.get("/recall?supplier=SUPPLIER-A&from=yesterday")
        bounds = client.get("/recall?equipment=VAT-1")

    assert found.status_code == 200 and ">M-1</a>" in found.text
    assert "supplier=SUPPLIER-A&amp;from=" in found.text
    assert wrong.status_code == 400 and "&#39;yesterday&#39; is not a time" in wrong.text
    assert bounds.status_code == 400 and "needs both ends" in bounds.text


def test_the_page_and_the_api_take_in_what_was_made_at_no_recorded_machine(web):
    window = {"from": "2026-05-01T00:00:00Z", "to": "2026-07-01T00:00:00Z"}
    asked = {"seeds": ["M-1"], "equipment": "VAT-9", **window}
    address = "/recall?seeds=M-1&equipment=VAT-9&from=2026-05-01T00:00&to=2026-07-01T00:00"
    machine = MasterInput("equipment", "VAT-9", "Vat 9")
    save_master(web.site, web.site.system_context(), machine)
    with web.program() as api:
        told = api.post("/api/v1/recalls/scope", json=asked).json()
        wide = api.post("/api/v1/recalls/scope", json={**asked, "include_unrecorded": True}).json()
    with web.person() as client:
        pages = [client.get(f"{address}&lang={lang}").text for lang in ("zh-CN", "en")]
        ticked = client.get(f"{address}&include_unrecorded=1").text
    assert told["question"]["include_unrecorded"] is False
    assert told["not_recorded"]["events"] == wide["not_recorded"]["events"] > 0
    assert {start["cause"] for start in wide["starts"]} == {"named", "equipment_not_recorded"}
    assert "勾选设备旁的选项即可列入" in pages[0]
    assert "tick the box beside the machine" in pages[1]
    assert "They are in the recall as possible." in ticked
    assert 'value="1" checked' in ticked


def case(web: Web, recall: dict[str, Any]) -> Any:
    with web.program() as api:
        return api.get(f"/api/v1/recalls/{recall['number']}").json()


def reconcile(web: Web, record_id: str, mark: str) -> None:
    for name, role in (
        ("assess", "recall_coord"),
        ("classify", "recall_coord"),
        ("decide", "recall_head"),
        ("notify", "recall_coord"),
        ("execute", "recall_coord"),
        ("reconcile", "qa"),
    ):
        actor = a_user(web.site, [role], login=f"{role}-{name}-{mark}")
        step = Step(name, reason="as agreed", password=PASSWORD)
        fire_transition(web.site, actor, ("record", record_id), step)


def test_a_recall_is_closed_on_its_page_with_a_justification(web, recall):
    number = recall["number"]
    reconcile(web, recall["record_id"], "first")
    with web.person("recall_coord") as client:
        for language, said in (("en", "Closing is signed by"), ("zh-CN", "签名关闭")):
            seen = client.get(f"/recall/{number}?lang={language}").text
            assert 'id="h-close"' not in seen and said in seen
    with web.person("recall_head") as client:
        told = {"csrf_token": csrf_of(client), "reason": "all done"}
        shown = client.get(f"/recall/{number}?lang=zh-CN").text
        refused = client.post(f"/recall/{number}/close", data=told)
        told["justification"] = "eaten, says the shop"
        sheet = client.post(f"/recall/{number}/close?lang=en", data=told)
        closed = sign_sheet(client, sheet, login="recall_head")
    assert "未结事项的理由" in shown and "签名关闭" not in shown
    assert refused.status_code == 400 and 'role="alert"' in refused.text
    assert closed.status_code == 200 and "eaten, says the shop" in closed.text
    assert 'id="justification"' not in closed.text


@pytest.mark.parametrize(("language", "unit"), [("en", "box"), ("zh-CN", "盒")])
def test_a_refusal_says_its_units_in_words(web: Web, language: str, unit: str) -> None:
    item, number = f"BOX-{language}", f"BX-{language}"
    an_item(web.site, item, unit="{box}")
    lot = a_received_lot(web.site, item, number, "29040", unit="{box}")
    release(web.site, lot)
    sold = EventInput(
        "shipping",
        (line(lot, "subject", "29040", "{box}"),),
        web.site.sources.now(),
        to_party="SHOP",
    )
    record_event(web.site, a_context(web.site, EVERYTHING), sold)
    start = RecallStart(
        [lot.uid], "Glass", "a splinter", False, {"plan": "food_cn", "recall_class": "I"}
    )
    made = start_recall(web.site, a_context(web.site, EVERYTHING), start)
    reconcile(web, made.record_id, language)
    with web.person("recall_head") as client:
        told = {"csrf_token": csrf_of(client), "reason": "all done"}
        refused = client.post(f"/recall/{made.number}/close?lang={language}", data=told)
    assert refused.status_code == 400
    said = refused.text.partition('id="error-summary"')[2].partition("</ul>")[0]
    assert f"29040 {unit}" in said
    assert "{box}" not in said


def test_a_sentence_of_a_notice_becomes_the_lots_it_names(web: Web) -> None:
    with web.person() as page:
        found = page.get("/recall", params={"seeds": "lots B-1 through B-9"})
        named = page.get("/search", params={"q": "batch numbers B-0 to B-5"})
        exact = page.get("/recall", params={"seeds": "B-1"})
    assert found.status_code == 200
    assert "1 lot is certain" in found.text
    assert 'name="seeds" value="B-1"' not in found.text
    assert 'href="/recall.csv?seeds=' in found.text
    assert "Start a recall or a mock recall" in found.text
    assert "1 lot is certain" in named.text
    assert "/recall?seeds=batch%20numbers%20B-0%20to%20B-5" in named.text
    assert "lot_words" not in exact.text
    assert "h-words" not in exact.text


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("lots B-1 and B-77", "No lot here is called B-77."),
        ("Lots B-1 and 0012345-0012350", "0012345 through 0012350"),
        ("lots B-1 to A-7", "no exact range"),
        ("all lots", "of which item? give its code"),
    ],
)
def test_what_a_notice_leaves_open_is_shown_to_the_person(web: Web, text: str, says: str) -> None:
    with web.person() as page:
        for path, name in (("/recall", "seeds"), ("/search", "q")):
            shown = page.get(path, params={name: text}).text
            assert 'id="lot-doubts"' in shown
            assert says in html.unescape(shown), path


def test_all_lots_of_one_item_are_found_when_the_item_is_named(web: Web) -> None:
    with web.person() as page:
        shown = page.get("/recall", params={"seeds": "all lots", "item": "BUTTER"}).text
        wrong = page.get("/recall", params={"seeds": "all lots", "item": "NONE"}).text
    assert "1 lot is certain" in shown
    assert 'id="lot-doubts"' not in shown
    assert "there is no item 'NONE'" in html.unescape(wrong)


def test_a_place_that_nobody_recorded_is_said_so_in_the_language_of_the_page(web: Web) -> None:
    with web.person() as client:
        for language, words in (("en", "Place not recorded"), ("zh-CN", "未记录地点")):
            page = client.get("/recall", params={"seeds": "M-1", "lang": language}).text
            assert words in page
            assert "<td>unknown</td>" not in page
