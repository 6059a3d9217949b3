"""Printed documents: filled with what is known, escaped, and traceable to definition and ledger."""

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jinja2 import Environment
from jsonschema import Draft202012Validator
from sqlmodel import col, select
from typer.testing import CliRunner

from qtcore.cli.main import app
from qtcore.definitions.folders import base_folders
from qtcore.errors import Denied, InputRejected, NotFound
from qtcore.http.api.openapi import build_openapi
from qtcore.http.api.routes import OPERATIONS
from qtcore.pack import FolderPack
from qtcore.registry.load import load_packs
from qtcore.registry.templates import fill_template, template_mistakes
from qtcore.services.jobs import settle
from qtcore.services.ledger_search import LedgerSearch, search_ledger
from qtcore.services.print_seals import check_page
from qtcore.services.printing import list_documents, print_document
from qtcore.services.records import RecordInput, correct_record, submit_record
from qtcore.services.site import Site
from qtcore.services.transitions import Step, fire_transition
from qtcore.store.signers import Signer
from qtcore.store.tables import Event
from qtcore.testing import PASSWORD, a_context, a_received_lot, a_site, a_user, an_item, release
from qtcore.testing.sites import sqlite_url
from tests.scenarios.dairy import a_shipment, ship
from tests.web import make_web

SHOWN = "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;{{ 7 * 7 }}"
EVIL = "<script>alert('x')</script>{{ 7 * 7 }}"
HEAD = """\
pack: papers
version: 0.1.0
requires_qtcore: ">=0.1,<1"
languages: [en]
title: {en: Papers}
"""
DOCUMENTS = """\
documents:
  - {id: sheet, subject: record, template: templates/sheet.html}
  - {id: note, subject: shipment, template: templates/note.html}
  - {id: gap, subject: record, template: templates/gap.html}
  - {id: lie, subject: record, template: templates/lie.html}
"""
SHEET = """\
<h1>{{ record.number }} {{ record.title }}</h1>
{% for field in record.fields %}<p>{{ field.label }}: {{ field.value }}</p>{% endfor %}
{% for step in record.steps %}<p>{{ step.transition }} {{ step.by }}</p>{% endfor %}
<p>{{ ledger.event_id }} {{ document.fingerprint }}</p>
"""
NOTE = "{% for each in shipment.lines %}<p>{{ each.lot_no }} {{ each.quantity }}</p>{% endfor %}"
TEXTS = """\
language: en
texts:
  documents: {sheet: Sheet, note: Delivery note, gap: Gap, lie: Lie}
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder: Path = tmp_path_factory.mktemp("papers")
    for name, text in (
        ("pack.yaml", HEAD),
        ("documents.yaml", DOCUMENTS),
        ("i18n/en.yaml", TEXTS),
        ("templates/sheet.html", SHEET),
        ("templates/note.html", NOTE),
        ("templates/lie.html", "<p>PASS, signed by everybody</p>"),
        ("templates/gap.html", "{{ record.data.no_such_field }}"),
    ):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    pharma = Path(__file__).parents[2] / "plugins" / "pharma" / "qt_pharma"
    packs = {
        "base": FolderPack(*base_folders()),
        "pharma": FolderPack(pharma),
        "papers": FolderPack(folder),
    }
    with a_site(registry=load_packs(packs).get_registry()) as opened:
        yield opened


def a_deviation(site: Site) -> str:
    data = {"title": EVIL, "severity": "minor", "description": EVIL}
    return submit_record(site, a_context(site), "deviation", RecordInput(data)).record.number


def test_what_people_entered_is_shown_and_never_run(site):
    printed = print_document(site, a_context(site), "sheet", a_deviation(site))
    assert SHOWN in printed.body
    assert "<script" not in printed.page()


def test_a_sheet_names_its_definition_and_the_last_entry_of_its_history(site):
    number = a_deviation(site)
    settle(site)
    printed = print_document(site, a_context(site), "sheet", number)
    entries = search_ledger(site, a_context(site), LedgerSearch(about=printed.subject_id))
    last = entries.as_json()["items"][0]
    assert (printed.ledger["event_id"], printed.ledger["seq"]) == (last["event_id"], last["seq"])
    assert printed.ledger["seq"] is not None
    foot = printed.page().split("<footer")[1]
    assert printed.fingerprint in foot and printed.ledger["event_id"] in foot
    again = print_document(site, a_context(site), "sheet", a_deviation(site))
    assert again.fingerprint == printed.fingerprint
    other = print_document(site, a_context(site), "note", shipped(site, "N-1"))
    assert other.fingerprint != printed.fingerprint


def shipped(site: Site, lot_no: str) -> str:
    lot = a_received_lot(site, "BOX", lot_no, "5")
    release(site, lot)
    ship(site, a_shipment(lot, "2"))
    with site.store.read() as session:
        query = select(Event.uid).where(Event.verb == "ship").order_by(col(Event.id).desc())
        return str(session.exec(query).first())


def test_a_shipment_is_printed_and_nothing_else_is_taken_for_one(site):
    printed = print_document(site, a_context(site), "note", shipped(site, "S-1"))
    assert "<p>S-1 2</p>" in printed.body
    with pytest.raises(NotFound):
        print_document(site, a_context(site), "note", "no such event")
    with pytest.raises(NotFound, match="nonsense"):
        print_document(site, a_context(site), "nonsense", "S-1")


@pytest.mark.clause("21 CFR 11.30")
def test_a_page_that_was_changed_after_it_was_printed_is_told_from_what_was_printed(site):
    """A13 of the attack list."""
    an_item(site, "PILL", name="Pill", kind="finished", industry="pharma")
    lot = a_received_lot(site, "PILL", "A-13", "90")
    printed = print_document(site, a_context(site), "drug_release_certificate", lot.uid)
    page = printed.page()
    found = check_page(site, a_context(site), page)
    assert (found.verdict, found.event_id, found.later) == (
        "HOLDS",
        printed.ledger["event_id"],
        0,
    )
    for changed in (
        page.replace("<dd>90 kg</dd>", "<dd>900 kg</dd>"),
        page.replace("</style>", "dd { display: none }</style>"),
        page.replace("<footer", "<p>Released.</p><footer"),
    ):
        assert changed != page
        assert check_page(site, a_context(site), changed).verdict == "PAGE_CHANGED"
    other = replace(printed, signer=Signer(site.signer.name, Ed25519PrivateKey.generate()))
    assert check_page(site, a_context(site), other.page()).verdict == "BAD_SIGNATURE"
    elsewhere = replace(printed, ledger={**printed.ledger, "event_id": "never-told"})
    assert check_page(site, a_context(site), elsewhere.page()).verdict == "NOT_IN_LEDGER"
    fire_transition(site, a_user(site, ["qa"]), ("lot", lot.uid), Step("start_testing"))
    assert check_page(site, a_context(site), page).later == 1
    for bare in ("", printed.body, page.replace("qtcore-document", "another")):
        with pytest.raises(InputRejected, match="without a seal"):
            check_page(site, a_context(site), bare)


def test_the_release_certificate_is_printed_in_both_languages(site):
    an_item(site, "PILL", name="Pill", kind="finished", industry="pharma")
    lot = a_received_lot(site, "PILL", "P-1", "90")
    english = print_document(site, a_context(site), "drug_release_certificate", lot.uid)
    chinese = print_document(site, a_context_in(site, "zh-CN"), "drug_release_certificate", lot.uid)
    assert "<dd>90 kg</dd>" in english.body and "Release certificate" in english.body
    assert "成品放行单" in chinese.body and "历史记录的最后一条" in chinese.page()
    assert 'lang="zh-CN"' in chinese.page()


def a_context_in(site: Site, language: str) -> Any:
    return replace(a_context(site), language=language)


def test_a_value_that_is_not_there_is_a_mistake_and_no_blank(site):
    with pytest.raises(InputRejected, match=r"gap: the template cannot be filled.*no_such_field"):
        print_document(site, a_context(site), "gap", a_deviation(site))


@pytest.mark.clause("21 CFR 11.50(b)")
def test_whatever_a_template_shows_the_print_holds_the_signatures_as_they_are(site):
    lot = a_received_lot(site, "MILK", "SIG-1")
    told = {"scope": "production", "records_complete": True, "conclusion": "acceptable"}
    author = a_user(site, ["qa"], login="author")
    uid = submit_record(site, author, "batch_review", RecordInput(told, [lot.uid])).record.uid
    fire_transition(site, a_user(site, ["qa"]), ("record", uid), Step("review", password=PASSWORD))

    def printed(language: str) -> str:
        page = print_document(site, a_context_in(site, language), "lie", uid).page()
        return page[page.index("document-signatures") :]

    assert "Reviewed by: Qa · 2026-06-01 08:00:00 +0000 UTC · revision 1" in printed("en")
    assert "superseded" not in printed("en") and "Laid out by pack papers" in printed("en")
    correct_record(site, author, uid, {**told, "conclusion": "not_acceptable"}, reason="typo")
    assert "superseded: the record has changed since" in printed("en")
    assert "电子签名" in printed("zh-CN") and "已失效" in printed("zh-CN")
    bare = print_document(site, a_context(site), "lie", a_deviation(site)).page()
    assert "document-signatures" not in bare  # the control: nobody signed


def test_who_may_not_read_a_record_may_not_print_it(site):
    number = a_deviation(site)
    with pytest.raises(Denied):
        print_document(site, a_context(site, []), "sheet", number)


ATTACKS = (
    "{{ record.__class__.__mro__ }}",
    "{{ record.keys() }}",
    "{{ ''.join.__globals__ }}",
    "{% autoescape false %}{{ record.title }}{% endautoescape %}",
    "{% include '/etc/passwd' %}",
    "{{ 'a' * 1000000000 }}",
    "{{ record.title|safe }}",
    "{{ range(10) }}",
)


ROWS = {"record": {"title": "x" * 4000, "rows": ["y" * 400] * 500}}
GREEDY = {
    "loops that show nothing": (
        "{% for a in record.rows %}{% for b in record.rows %}{% endfor %}{% endfor %}",
        "turn more than",
    ),
    "loops that show much": (
        "{% for a in record.rows %}{% for b in record.rows %}{{ record.title }}{% endfor %}"
        "{% endfor %}",
        "more than 2000000 signs",
    ),
    "a join of joins": (
        "{{ record.rows|join(record.rows|join(record.title)) }}", "join would make more than",
    ),
    "a text times a number": ("{{ record.title * 1000000000 }}", "is not for documents"),
}  # fmt: skip
DOUBLING = {
    "set": "{% set a = record.title %}" + "{% set a = a ~ a %}" * 40 + "{{ a }}",
    "set as a block": "{% set a %}{{ record.title }}{% endset %}" * 2 + "{{ a }}",
    "with": "{% with a = record.title ~ record.title %}{{ a }}{% endwith %}",
    "filter as a block": "{% filter upper %}{{ record.title }}{% endfilter %}",
    "a list of lists": "{% for a in [record.rows, record.rows] %}{{ a }}{% endfor %}",
    "loops in loops": "{% for a in record.rows %}" * 5 + "{% endfor %}" * 5,
}


@pytest.mark.parametrize("name", GREEDY)
def test_a_template_that_makes_much_of_little_is_stopped(name):
    template, said = GREEDY[name]
    started = time.process_time()
    with pytest.raises(InputRejected, match=said):
        fill_template(template, ROWS)
    assert time.process_time() - started < 2


@pytest.mark.parametrize("name", DOUBLING)
def test_a_template_that_keeps_and_doubles_is_no_template(name):
    assert list(template_mistakes(DOUBLING[name], "record"))
    bare = Environment()  # the control: the library takes it
    small = DOUBLING[name].replace("{% set a = a ~ a %}" * 40, "{% set a = a ~ a %}" * 3)
    assert bare.from_string(small).render(record={"title": "x", "rows": ["y"]}) is not None


def test_a_template_shows_lists_by_loops_and_joins(site):
    template = (
        "{% for a, b in record.pairs %}{{ a }}={{ b }}{% if not loop.last %}, {% endif %}"
        "{% endfor %} {{ record.rows|join('; ') }} {{ 'yes' if record.title in ['t', 'u'] }}"
    )
    told = {"record": {"pairs": [("a", "<"), ("b", 2)], "rows": ["<i>", 1], "title": "t"}}
    assert list(template_mistakes(template, "record")) == []
    assert fill_template(template, told) == "a=&lt;, b=2 &lt;i&gt;; 1 yes"


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_template_can_neither_reach_inside_nor_switch_the_escaping_off(attack):
    values = {"record": {"title": EVIL}}
    found = list(template_mistakes(attack, "record"))
    try:
        filled = fill_template(attack, values)
    except InputRejected:
        filled = ""
    assert found or not filled
    assert "<script" not in filled or found


def test_the_bare_library_does_what_the_sandbox_refuses():
    bare = Environment()  # the control: without our sandbox
    assert "<script" in bare.from_string(ATTACKS[3]).render(record={"title": EVIL})
    assert "dict" in bare.from_string(ATTACKS[0]).render(record={})


@pytest.mark.clause("21 CFR 11.10(b)")
def test_documents_are_reached_over_the_api_and_as_a_page(site):
    number = a_deviation(site)
    web = make_web(site)
    with web.program("qa") as api:
        listed = api.get("/api/v1/documents", params={"subject": "record"}).json()["items"]
        assert [each["document"] for each in listed] == ["gap", "lie", "sheet"]
        answer = api.get(f"/api/v1/documents/sheet/{number}").json()
        schema = {
            "$ref": "#/components/schemas/Document",
            "components": build_openapi(OPERATIONS)["components"],
        }
        assert not list(Draft202012Validator(schema).iter_errors(answer))
        assert api.get(f"/api/v1/documents/gap/{number}").json()["code"] == "QT438"
    with web.person("qa") as client:
        assert f'href="/print/sheet/{number}"' in client.get(f"/r/{number}").text
        page = client.get(f"/print/sheet/{number}")
        assert page.headers["content-security-policy"].startswith("sandbox")
        assert 'href="/print/style.css"' in page.text and SHOWN in page.text
        assert "@page" in client.get("/print/style.css").text


@pytest.mark.heavy
def test_the_command_writes_a_page_that_needs_nothing_else(tmp_path):
    url = sqlite_url(tmp_path)
    with a_site(url) as made:
        assert list_documents(made, made.system_context())
        an_item(made, "PILL", kind="finished", industry="pharma")
        a_received_lot(made, "PILL", "P-9", "90")
    out = tmp_path / "sheet.html"
    command = ["document", "print", "drug_release_certificate", "P-9", "--out", str(out)]
    done = CliRunner().invoke(app, [*command, "--db", url])
    assert done.exit_code == 0, done.output
    page = out.read_text("utf-8")
    assert "<style>" in page
    check = ["document", "check", str(out), "--db", url]
    done = CliRunner().invoke(app, [*check, "--json"])
    assert (done.exit_code, json.loads(done.output)["verdict"]) == (0, "HOLDS")
    assert "HOLDS: the page is what was printed" in CliRunner().invoke(app, check).output
    for bent, verdict in [
        (page.replace("P-9", "P-8"), "PAGE_CHANGED"),
        (page.replace("qtcore-document\n", "qtcore-document\n0", 1), "BAD_SIGNATURE"),
    ]:
        out.write_text(bent, "utf-8")
        done = CliRunner().invoke(app, [*check, "--json"])
        assert (done.exit_code, json.loads(done.output)["verdict"]) == (1, verdict)
    for unread, said in [(b"<html>", "ends without a seal"), (b"\xff", "cannot be read as a page")]:
        out.write_bytes(unread)
        done = CliRunner().invoke(app, check)
        assert done.exit_code == 1
        assert said in done.output
    out.unlink()
    assert "cannot be read as a page" in CliRunner().invoke(app, check).output
