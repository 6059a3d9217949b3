"""The ledger pages: search, later changes, verification, reviews, proof files."""

import ast
import base64
import json
import re
import time
from collections.abc import Iterator
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import get_args
from urllib.parse import quote

import pytest

import qtcore
from qtcore.context import LANGUAGES
from qtcore.engines.ledger import ProblemKind
from qtcore.engines.ledger.notices import NoticeKind
from qtcore.http.texts import load_texts
from qtcore.offline import qtcore_verify
from qtcore.services.audit import seal
from qtcore.services.finding import find_exact
from qtcore.services.ledger_names import name_subjects
from qtcore.services.ledger_search import LedgerSearch, search_ledger
from qtcore.services.master import MasterInput, save_master
from qtcore.services.profile import set_language
from qtcore.services.verifying import read_verification, start_verification
from qtcore.testing.builders import PASSWORD, a_context, a_user
from qtcore.testing.sites import a_site
from tests.web import EVERY_ROLE, Web, csrf_of, make_web, milk_and_butter


@pytest.fixture(scope="module")
def web() -> Iterator[Web]:
    with a_site(packs=["food"]) as site:
        milk_and_butter(site)
        entry = MasterInput("item", "MILK", "Whole milk", values={"unit": "kg"})
        save_master(site, a_user(site, EVERY_ROLE), entry)
        seal(site)
        yield make_web(site, proxies=1)


def entries(web: Web, **asked):
    return search_ledger(web.site, web.site.system_context(), LedgerSearch(limit=500, **asked)).rows


def test_facets_count_what_a_search_can_be_narrowed_to(web: Web) -> None:
    found = search_ledger(web.site, web.site.system_context(), LedgerSearch())
    assert dict(found.facets.kind)["item"] == len(entries(web, kind="item"))
    for action, count in found.facets.action:
        exact = [row for row in entries(web, action=action) if row.action == action]
        assert len(exact) == count
    for login, count in found.facets.who:
        assert len(entries(web, who=login)) == count


def test_a_lot_is_searched_by_any_of_its_names(web: Web) -> None:
    named = entries(web, about="M-1")
    assert named
    assert named == entries(web, about=named[-1].head["about"][0])
    assert entries(web, about="no such lot") == ()


def test_only_what_was_changed_after_its_first_entry_is_shown_when_asked(web: Web) -> None:
    (changed,) = entries(web, changed=True)
    assert changed.action == "master.change"
    assert ["name", "MILK", "Whole milk"] in changed.head["changes"]


def test_pages_of_a_search_continue_without_gap_or_repeat(web: Web) -> None:
    whole = [row.number for row in entries(web)]
    read: list[int] = []
    before = None
    while True:
        asked = LedgerSearch(limit=7, before=before)
        found = search_ledger(web.site, web.site.system_context(), asked)
        read += [row.number for row in found.rows]
        before = found.next
        if before is None:
            break
    assert read == whole


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_shows_filters_facets_and_forms(web: Web, language: str) -> None:
    context = a_user(web.site, EVERY_ROLE)
    set_language(web.site, context, language)
    with web.person() as client:
        text = client.get("/ledger?kind=lot&changed=yes&since=2026-01-01").text
        assert 'value="2026-01-01"' in text and "checked" in text
        assert 'href="/ledger?' in text
        assert text.count("<h2") >= 4
    set_language(web.site, context, "en")


def test_a_range_is_verified_and_a_range_that_is_not_sealed_is_refused(web: Web) -> None:
    with web.person() as client:
        token = csrf_of(client)
        good = client.post("/ledger/verify", data={"csrf_token": token, "from": "2", "to": "5"})
        assert good.status_code == 200
        assert "The history is whole" in good.text
        bad = client.post("/ledger/verify", data={"csrf_token": token, "from": "5", "to": "999999"})
        assert bad.status_code == 400
        assert "are not all sealed; accepted is a range from 0 to" in bad.text
        bad = client.post("/ledger/verify", data={"csrf_token": token, "from": "all"})
        assert bad.status_code == 400
        assert "accepted is the number of an event" in bad.text


@pytest.mark.parametrize("asked", ["since=junk", "until=2026-02-30", "before=x"])
def test_a_search_by_what_is_no_day_is_refused_not_widened(web: Web, asked: str) -> None:
    with web.person() as client:
        found = client.get(f"/ledger?{asked}")
    assert found.status_code == 400
    assert "accepted is" in found.text


def test_progress_is_shown_without_scripts(web: Web) -> None:
    context = web.site.system_context()
    job = start_verification(web.site, context)
    with web.person() as client:
        for _ in range(200):
            text = client.get(f"/ledger/verify/{job.job_id}").text
            if "The history is whole" in text:
                break
            assert 'http-equiv="refresh"' in text and "<progress" in text
            time.sleep(0.02)
        assert 'http-equiv="refresh"' not in text
        assert client.get("/ledger/verify/none").status_code == 404
    found = read_verification(web.site, context, job.job_id)
    assert (found.state, found.done) == ("finished", found.total)


@pytest.mark.clause("EU Annex 11.9")
def test_a_review_is_signed_and_new_entries_are_not_reviewed(web: Web) -> None:
    lot = entries(web, about="B-1")[-1].head["about"]
    subject = next(uid for uid in lot if entries(web, about=uid) == entries(web, about="B-1"))
    page = f"/ledger?about={quote(subject)}"
    # Several entries: a review up to the first of them would leave the others open.
    for _ in range(2):
        with web.site.store.write(a_context(web.site)) as work:
            work.log("look", "lot", subject)
    seal(web.site)
    with web.person() as client:
        token = csrf_of(client)
        data = {"csrf_token": token, "subject": subject, "password": "wrong", "remark": "ok"}
        data["login"] = "-".join(EVERY_ROLE)
        assert client.post("/ledger/review", data=data).status_code == 400
        data["password"] = PASSWORD
        assert "reviewed up to entry" in client.post("/ledger/review", data=data).text
        again = client.post("/ledger/review", data=data)
        assert (again.status_code, "reviewed already" in again.text) == (400, True)
        seal(web.site)
        assert "0 sealed entries are not reviewed" in client.get(page).text
        with web.site.store.write(a_context(web.site)) as work:
            work.log("look", "lot", subject)
        seal(web.site)
        assert "1 sealed entries are not reviewed" in client.get(page).text
    with web.person("auditor") as client:
        assert 'name="password"' not in client.get(page).text


def test_proof_files_are_handed_out_and_hold(web: Web) -> None:
    keys = [qtcore_verify.read_key(web.site.signer.key.vkey)]
    with web.person() as client:
        for query in ("lot=M-1", "from=2&to=4", "", "from=0&to=3&personal=no"):
            answer = client.get(f"/ledger/proof.json?{query}")
            assert answer.headers["content-disposition"].startswith("attachment")
            file = qtcore_verify.read_file(answer.content)
            verdict = qtcore_verify.judge(file, qtcore_verify.Trust(keys))
            assert verdict.fails == 0, verdict.lines
        assert client.get("/ledger/proof.json?lot=none").status_code == 404


def test_a_lots_file_holds_nothing_of_other_lots(web: Web) -> None:
    with web.person() as client:
        document = client.get("/ledger/proof.json?lot=M-1").json()
    heads = [json.loads(base64.b64decode(e["head"])) for e in document["events"]]
    uid = document["about"]["lot"]
    assert heads
    assert all(uid in {head["object"]["id"], *head["about"]} for head in heads)


def test_the_history_tells_device_session_and_both_addresses(web: Web) -> None:
    with web.person() as client:
        client.headers["user-agent"] = "Scanner 7"
        client.headers["x-forwarded-for"] = "6.6.6.6, 203.0.113.7"
        data = {"csrf_token": csrf_of(client), "language": "en"}
        client.post("/me/language", data=data)
        assert client.post("/ledger/verify", data={"csrf_token": "forged"}).status_code == 403
    denied = next(row for row in entries(web, action="denied") if row.object_kind == "request")
    for asked in ({"device": "Scanner 7"}, {"ip": "203.0.113.7"}):
        assert denied.number in {row.number for row in entries(web, **asked)}
        assert entries(web, **dict.fromkeys(asked, "another")) == ()
    assert denied.private["ip"] == "203.0.113.7"
    assert denied.private["peer_ip"] == "testclient"
    assert denied.private["device"] == "Scanner 7"
    assert denied.head["session"]
    with web.person() as client:
        shown = client.get("/ledger?action=denied&kind=request").text
    for told in (denied.head["session"], denied.head["request"], denied.head["at"], denied.uid):
        assert told in shown
    for told in ("203.0.113.7", "testclient", "Scanner 7", "clock of the site"):
        assert told in shown
    assert "6.6.6.6" not in shown


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_history_is_narrowed_by_the_station_and_the_address_of_an_act(
    web: Web, language: str
) -> None:
    with web.person() as client:
        client.headers["user-agent"] = "Weighing station 3"
        client.headers["x-forwarded-for"] = "203.0.113.9"
        client.post("/ledger/verify", data={"csrf_token": "forged"})
        page = client.get(f"/ledger?lang={language}").text
        assert "device=Weighing+station+3" in page and "ip=203.0.113.9" in page
        narrowed = client.get("/ledger?device=Weighing+station+3&ip=203.0.113.9").text
    assert f"<h3>{load_texts().get('ledger.device', language)}</h3>" in page
    assert 'aria-current="true"' in narrowed
    found = search_ledger(web.site, web.site.system_context(), LedgerSearch())
    for name in ("device", "ip"):
        values = getattr(found.facets, name)
        assert values
        for value, count in values:
            assert len(entries(web, **{name: value})) == count


def test_the_api_searches_with_the_same_facets(web: Web) -> None:
    with web.program() as client:
        answer = client.get("/api/v1/ledger?kind=item&changed=true").json()
        assert [item["action"] for item in answer["items"]] == ["master.change"]
        assert answer["state"]["alarm"] is False
        bad = "/api/v1/ledger?since=2026-02-01T00:00:00Z&until=2026-01-01T00:00:00Z"
        assert client.get(bad).status_code == 400


@pytest.mark.parametrize("language", LANGUAGES)
def test_rows_name_what_they_are_about_and_keep_its_id_as_a_title(web: Web, language: str) -> None:
    milk = find_exact(web.site, web.site.system_context(), "M-1")
    butter = find_exact(web.site, web.site.system_context(), "B-1")
    reader = a_user(web.site, EVERY_ROLE)
    set_language(web.site, reader, language)
    with web.person() as client:
        named = f'href="/l/{milk.uid}" title="{milk.uid}">M-1</a>'
        assert named in client.get("/ledger?kind=lot").text
        # An event has no number: it is told by the lots it tells of.
        made = client.get("/ledger?action=event.transform").text
        assert f'title="{butter.uid}">B-1</a>' in made
        assert named in made
        item = entries(web, action="master.change", kind="item")[0]
        assert f'title="{item.object_uid}">MILK</span>' in client.get("/ledger?kind=item").text
        user = entries(web, kind="user")[0]
        shown = client.get("/ledger?kind=user").text
        assert f'title="{user.object_uid}">{"-".join(EVERY_ROLE)}<' in shown
    set_language(web.site, reader, "en")


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", (">Closure<", ">Unaccounted for<", ">quarantine<", ">released<", ">Name<")),
        ("zh-CN", (">关闭记录<", ">未平衡数量<", ">待验<", ">已放行<", ">名称<")),
    ],
)
def test_what_changed_is_told_in_words_and_nested_values_as_a_list(
    web: Web, language: str, said: tuple[str, ...]
) -> None:
    closure = {"unaccounted": {"kg": "3"}, "notes": ["a", "b"], "other": {}}
    deep = "[" * 5_000 + "]" * 5_000
    with web.site.store.write(a_context(web.site)) as work:
        work.log("look", "record", "nested", changes={"closure": (deep, closure)})
    with web.person() as client:
        shown = client.get(f"/ledger?about=nested&lang={language}").text
        lots = client.get(f"/ledger?action=lot.transition&lang={language}").text
        items = client.get(f"/ledger?changed=yes&kind=item&lang={language}").text
    # The letters that were kept stand beside, for whoever points at the list.
    assert f'<div title="{json.dumps(closure, sort_keys=True)}">' in unescape(shown)
    assert "&#34;" not in re.sub(r'title="[^"]*"', "", shown)
    assert "<li><code>kg</code>: 3</li>" in shown
    comma = load_texts().get("list.comma", language)
    assert f"<li><code>notes</code>: a{comma}b</li>" in shown
    told = shown + lots + items
    assert [each for each in said if each.casefold() not in told.casefold()] == []


@pytest.mark.parametrize("typed", ["[]", "{}", "[1, 2]", "[NaN]", '{"a": 1}'])
def test_a_typed_text_is_told_as_it_was_typed(web: Web, typed: str) -> None:
    with web.site.store.write(a_context(web.site)) as work:
        work.log("look", "item", typed, changes={"name": ("", typed)}, details={"note": typed})
    with web.person() as client:
        shown = unescape(client.get("/ledger", params={"about": typed}).text)
    assert shown.count(f"→ {typed}</div>") == 2
    assert f"<dd>{typed}</dd>" in shown


def test_a_row_does_not_tell_the_number_of_what_its_reader_may_not_read(web: Web) -> None:
    rows = entries(web, kind="lot")
    blind = a_user(web.site, ("auditor",))
    blind = replace(blind, actor=replace(blind.actor, scope=frozenset({"ledger.read"})))
    assert name_subjects(web.site, web.site.system_context(), rows)[rows[0].number]
    assert not any(name_subjects(web.site, blind, rows).values())


def told_by_name() -> Iterator[tuple[str, str]]:
    """Find the kinds of acts and of things that the code writes into the history by name."""
    for file in Path(qtcore.__file__).parent.glob("services/**/*.py"):
        for call in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute)):
                continue
            names = [str(a.value) for a in call.args[:2] if isinstance(a, ast.Constant)]
            has_kind = len(call.args) > 2 or call.keywords
            if call.func.attr in ("log", "note") and has_kind and "." in str(names[:1]):
                yield names[0], names[-1] if call.func.attr == "log" else ""


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_kind_of_act_has_words(language: str) -> None:
    words = load_texts()
    told = {*(act for act, _ in told_by_name()), "lot.deadline", "record.deadline"}
    assert len(told) > 60
    assert [each for each in sorted(told) if not words.find(f"actions.{each}", language)] == []
    things = {thing for _, thing in told_by_name() if thing and "." not in thing}
    assert len(things) > 15
    assert [each for each in things if not words.find(f"ledger_things.{each}", language)] == []
    kinds = {*get_args(ProblemKind), *get_args(NoticeKind)}
    assert [each for each in kinds if not words.find(f"ledger_kinds.{each}", language)] == []


@pytest.mark.parametrize(
    ("language", "words"), [("en", "none is yet"), ("zh-CN", "没有任何条目封存")]
)
def test_before_the_first_seal_all_is_verified_and_a_range_says_why_not(
    language: str, words: str
) -> None:
    with a_site(packs=["food"]) as site:
        set_language(site, a_user(site, EVERY_ROLE), language)
        with make_web(site).person() as client:
            token = csrf_of(client)
            whole = client.post("/ledger/verify", data={"csrf_token": token})
            assert whole.status_code == 200 and 'id="verdict"' in whole.text
            part = client.post("/ledger/verify", data={"csrf_token": token, "from": "0", "to": "3"})
            assert part.status_code == 400 and words in part.text
