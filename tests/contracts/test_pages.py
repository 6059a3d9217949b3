"""Pages as people use them: forms that store, mistakes that keep what was typed."""

import csv
import html
import io
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import httpx
import pytest

from qtcore.context import LANGUAGES
from qtcore.definitions.packs import KINDS
from qtcore.http.pages.trace import write_csv
from qtcore.http.texts import load_texts
from qtcore.services.profile import set_language
from qtcore.services.record_views import read_record
from qtcore.services.records import RecordInput, submit_record
from qtcore.services.shipments import Shipment
from qtcore.services.trace import trace
from qtcore.testing.builders import a_received_lot, a_user, release
from qtcore.testing.sites import a_site
from tests.web import EVERY_ROLE, Web, csrf_of, make_web, milk_and_butter, sign_sheet


@pytest.fixture(scope="module")
def web() -> Iterator[Web]:
    with a_site() as site:
        milk_and_butter(site)
        yield make_web(site)


@pytest.fixture
def page(web: Web) -> Iterator[httpx.Client]:
    with web.person() as client:
        yield client


def names_of(web: Web, kind: str) -> list[str]:
    return [definition.id for definition in web.site.registry.list(kind)]


@pytest.mark.heavy
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_form_of_every_pack_is_drawn_and_refuses_an_empty_one_politely(web, language):
    context = a_user(web.site, EVERY_ROLE)
    set_language(web.site, context, language)
    with web.person() as client:
        token = csrf_of(client)
        for name in (*names_of(web, "records"), *names_of(web, "events")):
            drawn = client.get(f"/forms/{name}/new")
            assert drawn.status_code == 200, name
            assert f'lang="{language}"' in drawn.text
            sent = client.post(
                f"/forms/{name}/new",
                data={"csrf_token": token, "event/event_at": "x"},
                follow_redirects=False,
            )
            assert sent.status_code in (303, 400, 403), (name, sent.text)
            if sent.status_code == 400:
                assert 'id="error-summary"' in sent.text, name
    set_language(web.site, context, "en")


@pytest.mark.clause("21 CFR 11.10(e)")
def test_a_corrected_record_shows_what_it_was_who_changed_it_and_why(web, page):
    context = a_user(web.site, EVERY_ROLE)
    entry = RecordInput({"title": "Door was open", "severity": "minor"}, ("B-1",))
    number = submit_record(web.site, context, "deviation", entry).record.number
    values = {"values/title": "Door was open", "values/severity": "major"}
    token = csrf_of(page)

    refused = page.post(f"/r/{number}/edit", data={**values, "csrf_token": token})
    stored = page.post(
        f"/r/{number}/edit", data={**values, "csrf_token": token, "reason": "assessed again"}
    )

    assert refused.status_code == 400 and "reason" in refused.text
    assert "Δ" in stored.text and "was Minor" in stored.text and "assessed again" in stored.text


def test_a_hold_is_placed_and_lifted_from_the_page_of_the_lot(web, page):
    lot = a_received_lot(web.site, "MILK", "H-1", "5").uid
    token = csrf_of(page)
    held = page.post(f"/l/{lot}/holds", data={"csrf_token": token, "reason": "smells"})
    assert "On hold" in held.text and "smells" in held.text
    hold = web.site.hooks and held.text.split(f"/l/{lot}/holds/")[1].split('"')[0]

    refused = page.post(f"/l/{lot}/holds/{hold}", data={"csrf_token": token, "reason": ""})
    lifted = page.post(f"/l/{lot}/holds/{hold}", data={"csrf_token": token, "reason": "checked"})

    assert refused.status_code == 400 and "There is a problem" in refused.text
    assert "On hold" not in lifted.text


def test_a_result_is_entered_and_corrected_from_the_page_of_the_lot(web, page):
    lot = a_received_lot(web.site, "MILK", "T-1", "5").uid
    told = {"csrf_token": csrf_of(page), "characteristic": "fat", "value": "3.4"}
    page.post(f"/l/{lot}/results", data=told)
    corrected = {**told, "value": "3.6", "correct": "true", "reason": "typing error"}
    answer = page.post(f"/l/{lot}/results", data=corrected)

    assert "3.6" in answer.text and "Δ" in answer.text and "typing error" in answer.text


def test_a_rejection_without_a_reason_says_so_and_changes_nothing(web, page):
    lot = a_received_lot(web.site, "MILK", "J-1", "5").uid
    token = csrf_of(page)
    data = {"csrf_token": token, "transition": "reject"}

    refused = page.post(f"/l/{lot}/release", data=data)
    done = sign_sheet(page, page.post(f"/l/{lot}/release", data={**data, "reason": "sour"}))

    assert refused.status_code == 400 and 'id="error-summary"' in refused.text
    assert "Rejected" in done.text


def test_the_checklist_is_shown_now_and_as_it_was_decided(web, page):
    lot = a_received_lot(web.site, "MILK", "J-9", "5")
    release(web.site, lot)
    deviation = RecordInput({"title": "Door was open", "severity": "minor"}, (lot.uid,))
    number = submit_record(web.site, a_user(web.site, ["qa"]), "deviation", deviation).record.number

    now = page.get(f"/l/{lot.uid}/release").text
    then = page.get(f"/l/{lot.uid}/release?as=decided").text
    told = page.get(f"/api/v1/lots/{lot.uid}/release").json()

    broken = next(rule for rule in told["rules"] if rule["rule"] == "CORE-02")
    assert broken["deciding_facts"] == ["open_deviations"]
    assert broken["explained"]["is_deciding"] and broken["explained"]["value"] is False
    assert f">{number}</a>" in now and "does not hold · <strong>this decides" in now
    assert "As it was decided by" in then and "open_deviations (0) == 0" in then


def test_a_wrong_password_signs_nothing(web, page):
    lot = a_received_lot(web.site, "MILK", "J-2", "5").uid
    sheet = page.post(
        f"/l/{lot}/release", data={"csrf_token": csrf_of(page), "transition": "release"}
    )

    answer = sign_sheet(page, sheet, password="wrong wrong wrong")

    assert answer.status_code == 400
    assert "password" in answer.text and "Released" not in page.get(f"/l/{lot}").text


def test_the_search_box_opens_an_exact_hit_and_lists_the_nearest(web, page):
    exact = page.get("/search", params={"q": "B-1"}, follow_redirects=False)
    near = page.get("/search", params={"q": "utte"})
    nothing = page.get("/search", params={"q": "zzzz"})

    assert exact.status_code == 303 and exact.headers["location"].startswith("/l/")
    assert "B-1" in near.text
    assert "Nothing is called" in nothing.text


def test_a_mock_recall_is_started_and_shown_frozen(page):
    data = {
        "csrf_token": csrf_of(page),
        "seeds": "M-1",
        "title": "Exercise",
        "reason": "yearly",
        "plan": "cn_drug_2022",
        "how": "mock",
    }
    answer = page.post("/recall", data=data)

    assert answer.url.path.startswith("/recall/RC-")
    assert "Mock recall" in answer.text and "SHA-256" in answer.text and "B-1" in answer.text


@pytest.mark.parametrize("path", ["/trace.csv?lot=M-1", "/recall.csv?seeds=M-1"])
def test_a_list_is_saved_as_a_file_that_spreadsheets_read(page, path):
    answer = page.get(path)

    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.content.startswith(b"\xef\xbb\xbf")


def test_a_trace_tells_how_much_of_each_lot_went_along_its_links(page):
    saved = csv.DictReader(io.StringIO(page.get("/trace.csv?lot=B-1").text.lstrip("\ufeff")))
    assert [(row["quantity"], row["unit"]) for row in saved if row["lot_no"] == "M-1"] == [
        ("40.50", "kg")
    ]
    assert 'data-label="Amount" class="n">40.50\u202fkg</td>' in page.get("/trace?lot=B-1").text


def test_a_saved_trace_writes_a_small_quantity_in_digits(web):
    found = trace(web.site, a_user(web.site, EVERY_ROLE), "M-1")
    row = Shipment(
        event_id="E",
        shipped_at=datetime(2026, 6, 1, tzinfo=UTC),
        customer="SHOP",
        customer_name="Shop",
        contacts={},
        node=1,
        lot_id="L",
        lot_no="M-1",
        item="MILK",
        quantity=Decimal("0.00000012"),
        unit="kg",
    )

    text = write_csv(replace(found, customers=(row,))).decode()

    assert '"SHOP","0.00000012","kg"' in text


def test_a_person_without_the_right_sees_what_is_missing_and_who_has_it(web):
    with web.person("operator") as client:
        answer = client.get("/ledger")

    assert answer.status_code == 403
    assert "auditor" in answer.text


def test_a_refusal_is_worded_in_the_language_of_the_page(web):
    lot = a_received_lot(web.site, "MILK", "Z-1", "5").uid
    context = a_user(web.site, EVERY_ROLE)
    set_language(web.site, context, "zh-CN")
    with web.person() as client:
        data = {"csrf_token": csrf_of(client), "transition": "release"}
        sheet = client.post(f"/l/{lot}/release", data=data)
        answer = sign_sheet(client, sheet, password="wrong")
    set_language(web.site, context, "en")

    assert answer.status_code == 400
    assert "签名验证不正确" in answer.text and "有错误" in answer.text


def test_the_trace_page_goes_back_in_time_and_says_why(page, web):
    then = page.get("/trace?lot=M-1&as_of=2020-01-01").text
    assert "This is not the trace of now" in then
    found = trace(web.site, a_user(web.site, EVERY_ROLE), "M-1")
    other = next(node.info for node in found.nodes if node.side == "forward")
    why = page.get(f"/trace?lot=M-1&why={other.uid}").text
    assert f"Why {other.lot_no} is in the result" in why
    assert "How much:" in why
    assert page.get("/trace?lot=M-1&as_of=yesterday").status_code == 400


@pytest.mark.parametrize(
    ("language", "time", "steps"),
    [("en", "is no time; accepted is", "is no number of steps"),
     ("zh-CN", "不是有效时间", "不是有效层数")],
)  # fmt: skip
@pytest.mark.parametrize("asked", ["as_of=yesterday", "known_at=yesterday", "depth=yesterday"])
def test_a_wrong_limit_of_a_trace_is_told_once_in_the_language_of_the_page(
    page, asked, language, time, steps
):
    answer = page.get(f"/trace?lot=M-1&{asked}&lang={language}")
    assert answer.status_code == 400
    said = html.unescape(answer.text)
    assert said.count("“yesterday”") == 1
    assert (steps if "depth" in asked else time) in said
    assert "is not a" not in said


def test_a_time_without_a_zone_is_utc_on_a_page_when_stored_and_when_corrected(web, page):
    values = {
        "ccp": "CCP-1",
        "hazard": "biological",
        "parameter": "core temperature",
        "measured_value": "71.5",
        "unit": "Cel",
        "result": "in_limit",
    }
    data = {f"values/{name}": value for name, value in values.items()}
    data["csrf_token"] = csrf_of(page)
    refused = page.post("/forms/ccp_check/new", data={**data, "values/measured_at": "soon"})
    assert refused.status_code == 400 and 'value="soon"' in refused.text
    data["values/measured_at"] = "2026-01-05T08:00"
    stored = page.post("/forms/ccp_check/new", data=data, follow_redirects=False)
    assert stored.status_code == 303, stored.text
    number = stored.headers["location"].split("/r/")[1].split("?")[0]
    context = a_user(web.site, EVERY_ROLE)
    assert _measured_at(web, context, number) == "2026-01-05T08:00:00+00:00"
    data |= {"values/measured_at": "2026-01-05T09:30", "reason": "typing error"}
    corrected = page.post(f"/r/{number}/edit", data=data, follow_redirects=False)
    assert corrected.status_code == 303, corrected.text
    assert _measured_at(web, context, number) == "2026-01-05T09:30:00+00:00"


def _measured_at(web, context, number):
    return read_record(web.site, context, number).record.data["measured_at"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_kind_of_definition_has_a_name_on_the_page_of_packs(language):
    texts = load_texts()
    assert [kind for kind in KINDS if not texts.find(f"packs.kind_{kind}", language)] == []
