"""Name, time with zone and meaning of each signature: on screen, in print, as JSON and as CSV.

One record is signed under each profile, by a delegate, in the one or the other language (21 CFR
11.50).
"""

import csv
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from html import unescape
from zoneinfo import ZoneInfo

import pytest

from qtcore.services import manifestations
from qtcore.services.delegation_signing import make_delegation
from qtcore.services.delegations import DelegationInput
from qtcore.services.manifestations import as_csv, list_signatures
from qtcore.services.printing import print_document
from qtcore.services.records import RecordInput, submit_record
from qtcore.services.sign_content import text_digest
from qtcore.services.sign_intents import Act, make_intent, sign_intent
from qtcore.services.sign_proofs import Proof
from qtcore.services.tokens import add_token
from qtcore.testing import PASSWORD, FrozenClock, a_site, a_user
from tests.site_packs import site_registry
from tests.web import Web, make_web

DEFINITIONS = """
forms:
  - {id: note, schema: {type: object, properties: {text: {type: string}}}}
workflows:
  - id: notes
    subject: record
    initial: written
    states:
      - {id: written, status: draft, may: [edit]}
      - {id: seen, status: testing, may: [edit]}
      - {id: checked, status: testing, may: [edit]}
      - {id: closed, status: released, final: true}
    transitions:
      - id: strictly
        from: [written]
        to: seen
        roles: [qa]
        signature: {meaning: checked, profile: strict, roles: [qa]}
      - id: on
        from: [seen]
        to: checked
        roles: [qa]
        signature: {meaning: reviewed, profile: session, roles: [qa]}
      - id: simply
        from: [checked]
        to: closed
        roles: [qa]
        signature: {meaning: approved, profile: simple, roles: [qa]}
    verify:
      - {id: by_one, accepts_same_person: {transition: simply, reason: each profile by one}}
records:
  - {id: note, form: note, workflow: notes, number: NOTE}
documents:
  - {id: note_sheet, subject: record, template: templates/sheet.html}
"""
STEPS = ("strictly", "on", "simply")
PROFILES = ("strict", "session", "simple")
MEANINGS: Mapping[str, tuple[str, ...]] = {
    "en": ("Checked by", "Reviewed by", "Approved by"),
    "zh-CN": ("复核", "审核", "批准"),
}
WHEN = "2026-06-01 16:00:00 +0800"


@dataclass(frozen=True, slots=True)
class Signed:
    """A record with a signature of each profile, and by which delegation they were given."""

    uid: str
    language: str
    delegation: str


@pytest.fixture(scope="module")
def web() -> Iterator[Web]:
    registry = site_registry(DEFINITIONS, template="<h1>{{ record.number }}</h1>")
    with a_site(clock=FrozenClock(), registry=registry) as opened:
        sources = replace(opened.sources, zone=ZoneInfo("Asia/Shanghai"))
        yield make_web(replace(opened, sources=sources))


@pytest.fixture(scope="module")
def lent(web: Web) -> str:
    site = web.site
    rita, _ = a_user(site, ["qa"], login="rita"), a_user(site, ["warehouse"], login="willy")
    until = site.sources.now() + timedelta(days=3)
    wanted = DelegationInput("rita", "willy", until, "holiday")
    return str(make_delegation(site, rita, wanted, Proof(PASSWORD))["delegation_id"])


@pytest.fixture(scope="module", params=["en", "zh-CN"])
def signed(web: Web, lent: str, request: pytest.FixtureRequest) -> Signed:
    site, language = web.site, str(request.param)
    rita, willy = a_user(site, ["qa"], login="rita"), a_user(site, ["warehouse"], login="willy")
    record = submit_record(site, rita, "note", RecordInput({"text": "seen"})).record
    own = replace(willy, language=language)
    for step in STEPS:
        intent = make_intent(site, own, [Act("record", record.uid, step)])
        sign_intent(site, own, intent, Proof(PASSWORD))
    return Signed(record.uid, language, lent)


def plain(html: str) -> str:
    """The words of a page as somebody reads them, in one line."""
    told = " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())
    return told.replace("( ", "(").replace(" )", ")")


@pytest.mark.clause("21 CFR 11.50(a)")
@pytest.mark.clause("21 CFR 11.50(b)")
@pytest.mark.parametrize("reader", ["en", "zh-CN"])
def test_the_screen_shows_name_time_zone_and_meaning_of_each_profile(web, signed, reader):
    with web.person("qa") as person:
        shown = plain(person.get(f"/r/{signed.uid}?lang={reader}").text)
    for meaning in MEANINGS[signed.language]:
        assert f"{meaning}: Willy {WHEN} (Asia/Shanghai)" in shown
    place, by = {"en": ("In the place of", "delegation"), "zh-CN": ("代为签署", "授权")}[reader]
    assert shown.count(f"{place} rita ({by} {signed.delegation})") == len(STEPS)


@pytest.mark.clause("21 CFR 11.50(b)")
@pytest.mark.clause("EU Annex 11.14")
@pytest.mark.parametrize("reader", ["en", "zh-CN"])
def test_the_print_shows_name_time_zone_and_meaning_of_each_profile(web, signed, reader):
    context = replace(a_user(web.site, ["qa"]), language=reader)
    page = plain(print_document(web.site, context, "note_sheet", signed.uid).page())
    acting = {"en": "for rita, delegation", "zh-CN": "代 rita, 授权"}[reader]
    for meaning in MEANINGS[signed.language]:
        head = f"{meaning}: Willy ({acting} {signed.delegation})"
        assert f"{head} · {WHEN} Asia/Shanghai" in page


@pytest.mark.clause("21 CFR 11.50(b)")
@pytest.mark.clause("21 CFR 11.10(b)")
def test_json_and_csv_hold_name_time_zone_and_meaning_of_each_profile(web, signed):
    with web.visitor() as program:
        token = add_token(web.site, web.site.system_context(), "rita")
        program.headers["authorization"] = f"Bearer {token}"
        told = program.get(f"/api/v1/signatures?about={signed.uid}").json()["items"]
    found = list_signatures(web.site, a_user(web.site, ["qa"]), signed.uid)
    rows = list(csv.DictReader(io.StringIO(as_csv(found))))
    for items in (told, rows):
        assert tuple(each["profile"] for each in items) == PROFILES
        assert tuple(each["meaning_text"] for each in items) == MEANINGS[signed.language]
        assert {each["signer"] for each in items} == {"Willy"}
        assert {each["on_behalf_of"] for each in items} == {"rita"}
        assert {(each["signed_at_local"], each["zone"]) for each in items} == {
            (WHEN, "Asia/Shanghai")
        }
        assert {each["status"] for each in items} == {"current"}
    assert all(text_digest(each["content"]) == each["content_sha256"] for each in told)
    assert [each["delegations"] for each in told] == [[signed.delegation]] * 3
    assert [each["delegations"] for each in rows] == [signed.delegation] * 3


def test_control_a_form_that_left_an_item_out_would_be_noticed(web, signed, monkeypatch):
    left = tuple(name for name in manifestations.COLUMNS if name != "zone")
    monkeypatch.setattr(manifestations, "COLUMNS", left)
    found = list_signatures(web.site, a_user(web.site, ["qa"]), signed.uid)
    assert "Asia/Shanghai" not in as_csv(found)
