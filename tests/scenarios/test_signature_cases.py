"""What happens to a signature when what was signed changes, whatever it is; and to forged rows."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlmodel import select

from qtcore.errors import Refused
from qtcore.services import manifestations, sign_content
from qtcore.services.attachments import Owner, attach_file
from qtcore.services.audit import seal
from qtcore.services.integrity import life_cycles
from qtcore.services.integrity.fsck import check_database
from qtcore.services.manifestations import list_signatures
from qtcore.services.master import MasterInput, save_master
from qtcore.services.records import RecordInput, correct_record, submit_record
from qtcore.services.results import ResultInput, record_result
from qtcore.services.sign_content import read_content, text_digest
from qtcore.services.sign_intents import Act, make_intent, sign_intent
from qtcore.services.sign_proofs import Proof
from qtcore.services.site import Site
from qtcore.services.transitions import Step, fire_transition
from qtcore.services.uploads import Upload
from qtcore.store.tables import Lot, Record, Signature
from qtcore.testing import PASSWORD, a_received_lot, a_site, a_user
from tests.site_packs import site_registry

PROVEN = Proof(PASSWORD)
DEFINITIONS = """
fields:
  - {id: own, entity: lot, properties: {shade: {type: string}, strength: {type: number}}}
forms:
  - id: everything
    schema:
      type: object
      properties:
        line: {type: string}
        story: {type: string, x-qt: {widget: longtext}}
        count: {type: integer}
        amount: {type: number, x-qt: {decimals: 3}}
        heat: {type: number, x-qt: {unit: Cel, decimals: 1}}
        on_day: {type: string, format: date}
        at_moment: {type: string, format: date-time}
        at_time: {type: string, format: time}
        mail: {type: string, format: email}
        place: {type: string, format: uri}
        mark: {type: string, format: uuid}
        is_clean: {type: boolean}
        choice: {type: string, enum: [yes_, no_]}
        choices: {type: array, items: {type: string, enum: [a, b, c]}}
        machine: {type: string, x-qt: {entity: equipment}}
        part:
          type: object
          properties: {name: {type: string}, size: {type: integer}}
        rows:
          type: array
          items:
            type: object
            properties: {step: {type: string}, weight: {type: number, x-qt: {decimals: 2}}}
records:
  - {id: everything, form: everything, workflow: batch_review, number: ALL, about: [lot]}
"""
BEFORE: dict[str, Any] = {
    "line": "one", "story": "long ago", "count": 3, "amount": "1.250", "heat": "21.5",
    "on_day": "2026-05-01", "at_moment": "2026-05-01T08:00:00+00:00", "at_time": "08:00:00",
    "mail": "a@plant.example", "place": "https://plant.example/a",
    "mark": "00000000-0000-4000-8000-000000000001", "is_clean": True, "choice": "yes_",
    "choices": ["a", "b"], "part": {"name": "seal", "size": 4},
    "rows": [{"step": "mix", "weight": "2.50"}, {"step": "fill", "weight": "2.25"}],
}  # fmt: skip
AFTER: dict[str, Any] = {
    "line": "two", "story": "long ago, twice", "count": 4, "amount": "1.251", "heat": "21.6",
    "on_day": "2026-05-02", "at_moment": "2026-05-01T08:00:01+00:00", "at_time": "08:00:01",
    "mail": "b@plant.example", "place": "https://plant.example/b",
    "mark": "00000000-0000-4000-8000-000000000002", "is_clean": False, "choice": "no_",
    "choices": ["a", "c"], "part": {"name": "seal", "size": 5},
    "rows": [{"step": "mix", "weight": "2.50"}, {"step": "fill", "weight": "2.26"}],
}  # fmt: skip
REVIEW = {"scope": "production", "records_complete": True, "conclusion": "acceptable"}
NUMBERS = iter(range(1, 1000))


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with a_site(registry=site_registry(DEFINITIONS, "food")) as opened:
        a_received_lot(opened)
        yield opened


def author(site):
    return a_user(site, ["qa"], login="author")


def a_record(site, kind="everything", data=None, lots=()):
    entry = RecordInput(data or BEFORE, [each.uid for each in lots])
    return submit_record(site, author(site), kind, entry).record


def a_lot(site):
    number = next(NUMBERS)
    extra = {"shade": "blue", "strength": "2.5"}
    return a_received_lot(site, f"MILK-{number}", f"L-{number}", extra=extra)


def review(site, record):
    rita = a_user(site, ["qa"], login="rita")
    sign_intent(site, rita, make_intent(site, rita, [Act("record", record.uid, "review")]), PROVEN)


def approve(site, record):
    paul = a_user(site, ["qp"], login="paul")
    return fire_transition(site, paul, ("record", record.uid), Step("approve", password=PASSWORD))


def release(site, lot):
    paul = a_user(site, ["qp"], login="paul")
    sign_intent(site, paul, make_intent(site, paul, [Act("lot", lot.uid, "release")]), PROVEN)


def status(site, uid):
    return list_signatures(site, author(site), uid)[-1].status


def correct(site, record, **changed):
    data = {**record.data, **changed}
    correct_record(site, author(site), record.uid, data, reason="typing error")


# ------------------------------------------------------------------ content changed after signing


def test_the_form_of_these_tests_has_a_field_of_every_type(site):
    stored = a_record(site).data
    assert set(stored) == set(BEFORE) == set(AFTER)
    assert not [name for name in BEFORE if BEFORE[name] == AFTER[name]]


@pytest.mark.clause("21 CFR 11.70")
@pytest.mark.clause("21 CFR 11.10(a)")
@pytest.mark.clause("CN ESL 13")
@pytest.mark.parametrize("field", BEFORE)
def test_a_change_of_any_type_of_field_supersedes_the_signature(site, field, monkeypatch):
    record = a_record(site)
    review(site, record)
    assert status(site, record.uid) == "current"
    correct(site, record, **{field: AFTER[field]})
    assert status(site, record.uid) == "superseded"
    with pytest.raises(Refused, match="void for what is written now"):
        approve(site, record)
    # The control: were this field not part of what is signed, nobody would notice.
    whole = sign_content._record_part

    def without(*given):
        part = whole(*given)
        return {**part, "data": {k: v for k, v in part["data"].items() if k != field}}

    monkeypatch.setattr(sign_content, "_record_part", without)
    other = a_record(site)
    review(site, other)
    correct(site, other, **{field: AFTER[field]})
    assert status(site, other.uid) == "current"
    assert approve(site, other).to_state == "approved"


@pytest.mark.parametrize("field", ["line", "rows"])
def test_a_value_that_is_taken_out_supersedes_the_signature(site, field):
    record = a_record(site)
    review(site, record)
    left = {name: value for name, value in record.data.items() if name != field}
    correct_record(site, author(site), record.uid, left, reason="never was there")
    assert status(site, record.uid) == "superseded"


def by_hand(site, table, **values):
    """A change of a row that no page of the product makes: an importer, a pack, an upgrade."""

    def change(record, lot):
        with site.store.write(site.system_context()) as work:
            known = Lot.node == lot.node if table is Lot else Record.uid == record.uid
            work.change(work.session.exec(select(table).where(known)).one(), **values)
            work.log("test.change", "lot", lot.uid)

    return change


def an_attachment(site, record, lot):
    attach_file(site, author(site), Owner("record", record.uid), Upload("scan.txt", b"scan"))


def another_title(site, record, lot):
    by_hand(site, Record, title="Another title")(record, lot)


def another_name_of_the_item(site, record, lot):
    save_master(site, site.system_context(), MasterInput("item", lot.item_code, "Milk, raw"))


def an_extension_field_of_the_lot(site, record, lot):
    by_hand(site, Lot, extra={"shade": "red", "strength": "2.5"})(record, lot)


def a_shorter_life_of_the_lot(site, record, lot):
    by_hand(site, Lot, expiry_on=date(2026, 7, 1))(record, lot)


def another_unit_of_the_lot(site, record, lot):
    by_hand(site, Lot, unit="g")(record, lot)


def a_result_of_the_lot(site, record, lot):
    record_result(site, a_user(site, ["qc_analyst"]), lot.uid, ResultInput("fat", "3.4"))


OF_RECORDS = (an_attachment, another_title, another_name_of_the_item, a_shorter_life_of_the_lot,
              another_unit_of_the_lot)  # fmt: skip
OF_LOTS = (another_name_of_the_item, an_extension_field_of_the_lot, a_shorter_life_of_the_lot,
           another_unit_of_the_lot, a_result_of_the_lot)  # fmt: skip


@pytest.mark.clause("21 CFR 11.70")
@pytest.mark.parametrize("change", OF_RECORDS)
def test_what_belongs_to_a_record_supersedes_its_signature_when_it_changes(site, change):
    lot = a_lot(site)
    record = a_record(site, "batch_review", REVIEW, [lot])
    review(site, record)
    assert status(site, record.uid) == "current"  # the control: nothing changed
    change(site, record, lot)
    assert status(site, record.uid) == "superseded"
    with pytest.raises(Refused, match="void for what is written now"):
        approve(site, record)


@pytest.mark.clause("21 CFR 11.70")
@pytest.mark.parametrize("change", OF_LOTS)
def test_what_belongs_to_a_lot_supersedes_its_release_when_it_changes(site, change):
    lot = a_lot(site)
    release(site, lot)
    assert status(site, lot.uid) == "current"
    change(site, None, lot)
    assert status(site, lot.uid) == "superseded"


# ------------------------------------------------------------------ rows forged in the database


def executed(site, statement, **values):
    """Do what an administrator of the database can: no trigger holds him. As anybody else, it does.

    What the product itself may send is refused: rows of signatures are append-only.
    """
    engine = site.store._engines.writer
    with pytest.raises(IntegrityError, match="append-only"), engine.begin() as connection:
        connection.execute(text(statement), values)
    with engine.begin() as connection:
        known = "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'signature'"
        for (name,) in connection.execute(text(known)).all():
            connection.execute(text(f"DROP TRIGGER {name}"))
        connection.execute(text(statement), values)


def signature_of(site, uid):
    with site.store.read() as session:
        return session.exec(select(Signature).where(Signature.subject_uid == uid)).one()


def violations(site):
    seal(site)
    found = check_database(site, site.system_context()).violations
    return [each.message for each in found if each.invariant == "I5"]


@pytest.fixture
def forgeries() -> Iterator[Site]:
    """A site of its own: what is forged here stays in its database."""
    with a_site(registry=site_registry(DEFINITIONS, "food")) as opened:
        yield opened


@pytest.mark.clause("21 CFR 11.70")
@pytest.mark.clause("EU Annex 11.14")
@pytest.mark.clause("CN ESL 13")
def test_a_signature_that_is_moved_to_another_record_in_the_database_is_named(
    forgeries, monkeypatch
):
    site = forgeries
    lots = [a_lot(site), a_lot(site)]
    release(site, lots[0])
    assert violations(site) == []
    kept = signature_of(site, lots[0].uid)
    move = "UPDATE signature SET subject_uid = :to WHERE uid = :uid"
    executed(site, move, to=lots[1].uid, uid=kept.uid)
    assert status(site, lots[1].uid) == "void"
    found = violations(site)
    assert any(f"given under lot {lots[0].uid}" in each for each in found)
    assert any("and there is none" in each for each in found)  # the first lot lost its own
    # The control: without the comparison with what was signed the moved row looks like any other.
    for module in (manifestations, life_cycles):
        monkeypatch.setattr(module, "find_fault", lambda _: "")
    monkeypatch.setattr(life_cycles, "told_otherwise", lambda *_: "")
    assert status(site, lots[1].uid) != "void"
    assert not any("given under" in each for each in violations(site))


@pytest.mark.clause("21 CFR 11.70")
@pytest.mark.clause("CN ESL 13")
def test_a_forger_who_rewrites_text_and_digest_is_named_by_the_history(forgeries, monkeypatch):
    """Whoever can write the database makes the row fit itself; the sealed entry tells another."""
    site = forgeries
    lot = a_lot(site)
    release(site, lot)
    kept = signature_of(site, lot.uid)
    forged = kept.content.replace('"name":"Paul"', '"name":"Vera"')
    assert forged != kept.content
    executed(
        site,
        "UPDATE signature SET content = :text, content_sha256 = :digest, signer_name = 'Vera' "
        "WHERE uid = :uid",
        text=forged, digest=text_digest(forged), uid=kept.uid,
    )  # fmt: skip
    assert status(site, lot.uid) == "current"  # the row alone does not tell
    assert any("the history tells" in each for each in violations(site))
    monkeypatch.setattr(life_cycles, "told_otherwise", lambda *_: "")
    assert violations(site) == []


# ------------------------------------------------------------------ texts that change later


@pytest.mark.clause("21 CFR 11.50(a)")
def test_a_meaning_that_is_worded_anew_stays_as_it_was_signed(site, monkeypatch):
    lot = a_lot(site)
    release(site, lot)
    told = site.registry.text

    def anew(self, key, language):
        return "Waved through by" if key == "signatures.released" else told(key, language)

    monkeypatch.setattr(type(site.registry), "text", anew)
    [shown] = list_signatures(site, author(site), lot.uid)
    assert (shown.row.meaning_text, shown.status) == ("Released by", "current")
    assert read_content(shown.row.content)["meaning"]["text"] == "Released by"
    other = a_lot(site)
    release(site, other)  # the control: what is signed from now on says the new words
    assert signature_of(site, other.uid).meaning_text == "Waved through by"


@pytest.mark.clause("21 CFR 11.70")
def test_a_meaning_that_changes_between_sheet_and_signature_is_refused(site, monkeypatch):
    lot, paul = a_lot(site), a_user(site, ["qp"], login="paul")
    intent = make_intent(site, paul, [Act("lot", lot.uid, "release")])
    told = site.registry.text

    def anew(self, key, language):
        return "Waved through by" if key == "signatures.released" else told(key, language)

    with monkeypatch.context() as within:
        within.setattr(type(site.registry), "text", anew)
        with pytest.raises(Exception, match=r"meaning.text: Released by → Waved through by"):
            sign_intent(site, paul, intent, PROVEN)
    assert sign_intent(site, paul, intent, PROVEN)  # the control: the words are as they were


# ------------------------------------------------------------------ who releases


@pytest.mark.clause("EU Annex 11.15")
def test_a_lot_is_released_by_the_roles_of_its_life_cycle_and_by_no_other(site):
    lot = a_lot(site)
    act = [Act("lot", lot.uid, "release")]
    flow = site.registry.get("workflows", "lot")
    may = {role for step in flow.transitions if step.id == "release" for role in step.roles}
    others = sorted({role.id for role in site.registry.list("roles")} - may)
    assert {"admin", "operator", "prod_head", "warehouse"} <= set(others)
    for role in others:
        with pytest.raises(Refused):
            make_intent(site, a_user(site, [role], login=f"only-{role}"), act)
    release(site, lot)
    row = signature_of(site, lot.uid)
    assert (row.signer_name, row.signer_roles, row.meaning) == ("Paul", ["qp"], "released")


@pytest.mark.clause("21 CFR 11.10(f)")
def test_a_step_before_its_turn_is_refused_and_in_its_turn_it_is_made(site):
    record = a_record(site)
    with pytest.raises(Refused, match="drafted"):
        approve(site, record)
    review(site, record)
    assert approve(site, record).to_state == "approved"
