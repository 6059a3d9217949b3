"""Who sees which field where, through prints and signatures: role x site x field x door."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from sqlmodel import select

from qtcore.context import Context
from qtcore.errors import Conflict, Refused
from qtcore.registry.load import load_registry
from qtcore.services import steps
from qtcore.services.accounts import NewUser, actor_by_login, add_user
from qtcore.services.event_views import read_event
from qtcore.services.events import EventInput
from qtcore.services.manifestations import list_signatures
from qtcore.services.overrides import justify_rules
from qtcore.services.printing import print_document
from qtcore.services.record_views import read_record
from qtcore.services.recording import record_event
from qtcore.services.records import RecordInput, correct_record, submit_record
from qtcore.services.sign_intents import Act, make_intent, sign_intent, view_intent
from qtcore.services.sign_proofs import Proof
from qtcore.services.site import Site
from qtcore.services.transitions import Step, fire_transition
from qtcore.store.tables import Record, StateChange
from qtcore.testing import PASSWORD, a_site
from qtcore.testing.builders import an_output
from tests.two_sites import furnish

PACK = """pack: plants
version: 0.1.0
requires_qtcore: ">=0.1,<1"
layer: site
languages: [en]
title: {en: Two plants}
"""
DEFINITIONS = """
fields:
  - {id: prices, entity: lot, properties: {price: {type: string}}}
facts:
  - {id: lot_price, type: text, from: {field: lot.price}}
rules:
  - id: SITE-1
    gate: release
    check: lot_price != 'too dear'
    severity: block_override
veils:
  - {id: lot_prices, of: lot, fields: [price], visible_to: [qp], editable_by: [qp]}
  - id: remarks
    of: "record:batch_review"
    fields: [remarks]
    visible_to: [qp, qa]
    editable_by: [qa]
documents:
  - {id: lot_sheet, subject: lot, template: templates/lot.html}
  - {id: review_sheet, subject: record, template: templates/record.html}
"""
TEXTS = """language: en
texts:
  fields: {lot: {price: Price}}
  facts: {lot_price: Price of the lot}
  rules: {SITE-1: {title: Not too dear, fix: Ask for another price}}
  documents: {lot_sheet: Sheet of a lot, review_sheet: Sheet of a review}
"""
LOT_SHEET = "{% for n in lot.fields %}{{ n }}={{ lot.fields[n] }};{% endfor %}"
LOT_SHEET += "{% for r in release.rules %}{{ r.id }} {{ r.outcome }};{% endfor %}"
RECORD_SHEET = "{% for n in record.data %}{{ n }}={{ record.data[n] }};{% endfor %}"
RECORD_SHEET += "{% for f in record.fields %}{{ f.value }};{% endfor %}"
REVIEW = {"scope": "production", "records_complete": True, "conclusion": "acceptable"}
SECRET = "bribed by the supplier"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("plants")
    for name, text in {
        "pack.yaml": PACK,
        "all.yaml": DEFINITIONS,
        "i18n/en.yaml": TEXTS,
        "templates/lot.html": LOT_SHEET,
        "templates/record.html": RECORD_SHEET,
    }.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, "utf-8")
    loaded = load_registry(site_dir=folder, packs=[])
    assert not loaded.problems
    with a_site(registry=loaded.get_registry()) as opened:
        furnish(opened)
        yield opened


def person(site: Site, login: str, *roles: str, at: str = "") -> Context:
    sited = tuple((at, role) for role in roles) if at else ()
    user = NewUser(login, login.title(), () if at else roles, PASSWORD, site_roles=sited)
    add_user(site, site.system_context(), user)
    return replace(site.system_context(), actor=actor_by_login(site, login))


@pytest.fixture(scope="module")
def people(site: Site) -> dict[str, Context]:
    return {
        "qp": person(site, "paul", "qp"),
        "qp east": person(site, "eva", "qp", at="EAST"),
        "qa": person(site, "quinn", "qa"),
        "qa east": person(site, "erik", "qa", at="EAST"),
        "head": person(site, "chen", "prod_head"),
    }


def a_lot(site: Site, number: str, price: str = "42.00") -> str:
    came = an_output("MILK", number, "100", source="FARM", extra={"price": price} if price else {})
    told = EventInput(
        "receiving", (came,), site.sources.now(), location="EAST-HALL", from_party="FARM"
    )
    stored = record_event(site, site.system_context(), told)
    return read_event(site, site.system_context(), stored.event_id).lines[0][1].uid


@pytest.fixture(scope="module")
def lot(site: Site) -> str:
    return a_lot(site, "E-1")


def a_review(site: Site, lot: str, **data: str) -> str:
    entry = RecordInput({**REVIEW, **data}, [lot])
    return submit_record(site, site.system_context(), "batch_review", entry).record.uid


# who, what of, door -> does the value come out?
SEES = [
    ("qp", "lot", True),
    ("qp east", "lot", True),
    ("qa", "lot", False),
    ("qa east", "lot", False),
    ("head", "lot", False),
    ("qp", "record", True),
    ("qp east", "record", True),
    ("qa", "record", True),
    ("qa east", "record", True),
    ("head", "record", False),
]


@pytest.mark.parametrize(("who", "of", "is_seen"), SEES)
def test_a_print_holds_what_its_reader_sees(site, people, lot, who, of, is_seen):
    subject = lot if of == "lot" else a_review(site, lot, remarks=SECRET)
    sheet = "lot_sheet" if of == "lot" else "review_sheet"
    body = print_document(site, people[who], sheet, subject).body
    assert (("42.00" if of == "lot" else SECRET) in body) is is_seen
    assert ("price" if of == "lot" else "remarks") in body or not is_seen


@pytest.mark.parametrize("who", ["qp", "qp east"])
def test_who_sees_every_field_is_shown_and_signs_it(site, people, who):
    lot = a_lot(site, f"S-{who}")
    intent = make_intent(site, people[who], [Act("lot", lot, "release")])
    [shown] = view_intent(site, people[who], intent, None).items
    assert shown.content["record"]["extra"] == {"price": "42.00"}
    assert sign_intent(site, people[who], intent, Proof(PASSWORD))[0]["to"] == "released"


BLIND = "holds what your role does not see: "


@pytest.mark.parametrize("who", ["qa", "qa east"])
@pytest.mark.parametrize("door", ["sheet", "at once"])
def test_nobody_signs_a_lot_with_a_field_they_do_not_see(site, people, who, door):
    lot = a_lot(site, f"B-{who}-{door}")
    with pytest.raises(Refused, match=BLIND) as refused:
        if door == "sheet":
            make_intent(site, people[who], [Act("lot", lot, "reject", "sour")])
        else:
            step = Step("reject", "sour", password=PASSWORD)
            fire_transition(site, people[who], ("lot", lot), step)
    assert [each.code for each in refused.value.refusals] == ["QT470"]
    assert "42.00" not in str(refused.value.message) + str(refused.value.refusals)
    assert not list_signatures(site, people["qp"], lot)


def test_control_a_lot_without_such_a_value_is_signed_by_the_same_person(site, people):
    lot = a_lot(site, "N-1", price="")
    act = Act("lot", lot, "reject", "sour")
    intent = make_intent(site, people["qa"], [act])
    assert sign_intent(site, people["qa"], intent, Proof(PASSWORD))[0]["to"] == "rejected"


def test_control_without_the_question_the_sheet_shows_what_is_veiled(site, people, monkeypatch):
    monkeypatch.setattr(steps, "require_sight", lambda *_: None)
    lot = a_lot(site, "C-1")
    intent = make_intent(site, people["qa"], [Act("lot", lot, "reject", "sour")])
    assert "42.00" in view_intent(site, people["qa"], intent, None).items[0].text


def test_what_differs_is_told_to_nobody_who_does_not_see_it(site, people):
    review = a_review(site, a_lot(site, "D-1", price=""))
    act = [Act("record", review, "review")]
    open_intent, blind_intent = (make_intent(site, people[w], act) for w in ("qa", "head"))
    told = {**REVIEW, "remarks": SECRET}
    correct_record(site, site.system_context(), review, told, reason="more")
    with pytest.raises(Refused, match=BLIND + "remarks") as refused:
        sign_intent(site, people["head"], blind_intent, Proof(PASSWORD))
    assert SECRET not in str(refused.value.refusals)
    with pytest.raises(Conflict, match=SECRET):  # the control: quality sees what was added
        sign_intent(site, people["qa"], open_intent, Proof(PASSWORD))


def test_nobody_justifies_a_rule_over_a_lot_they_see_in_part(site, people):
    asked = (["SITE-1"], "agreed", Proof(PASSWORD))
    with pytest.raises(Refused, match=BLIND + "price"):
        justify_rules(site, people["qa"], a_lot(site, "J-1"), asked)
    assert justify_rules(site, people["qp"], a_lot(site, "J-2"), asked)


@pytest.mark.parametrize(("who", "is_seen"), [("qp", True), ("head", False)])
def test_the_steps_of_a_record_tell_hidden_facts_to_who_sees_them(site, people, lot, who, is_seen):
    uid = a_review(site, lot)
    verdict = {"rule": "SITE-1", "facts": {"lot_price": "42.00"}, "missing": [], "because": "42.00"}
    with site.store.write(site.system_context()) as work:
        row = work.session.exec(select(Record).where(Record.uid == uid)).one()
        step = StateChange(
            tenant_id=work.tenant_id,
            id=work.key(),
            uid=work.new_uid(),
            subject_kind="record",
            subject_uid=uid,
            number=99,
            transition="review",
            from_state="drafted",
            to_state="reviewed",
            actor="somebody",
            verdicts=[verdict],
            workflow_version_id=row.workflow_version_id,
            at=work.context.at,
        )
        work.add(step)
        work.log("step", "record", uid)
    assert ("42.00" in str(read_record(site, people[who], uid).as_json())) is is_seen
