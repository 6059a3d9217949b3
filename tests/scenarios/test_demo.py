import pytest

from qtcore.cli import site as site_commands
from qtcore.demo.build import build_demo, demo_url
from qtcore.demo.data import as_stored, read_data
from qtcore.engines.forms import read_values
from qtcore.errors import Ambiguous, Conflict
from qtcore.services.accounts import actor_by_login, check_password
from qtcore.services.audit import read_ledger, verify_history
from qtcore.services.counts import count_site
from qtcore.services.evaluation import evaluator
from qtcore.services.lots import get_lot, list_lots
from qtcore.services.recall import read_snapshot, recall_scope
from qtcore.services.record_views import list_records, read_record
from qtcore.services.release import explain_release
from qtcore.services.replay import Scope, replay
from qtcore.services.trace import trace
from qtcore.testing import a_registry

pytestmark = pytest.mark.heavy

FINISHED = ("TAB-IBU-200", "TAB-PCM-500", "PB-SMOOTH-340", "CREAM-50")


def lots_of(demo, **filters):
    context = demo.site.system_context()
    return list_lots(demo.site, context, limit=200, **filters).lots


def test_it_holds_what_is_promised(demo):
    counts = demo.summary["counts"]
    assert counts["lots"] >= 200
    assert counts["depth"] >= 5
    assert min(counts["deviations_open"], counts["deviations_closed"], counts["released"]) >= 1


@pytest.mark.parametrize("item", FINISHED)
def test_each_plant_released_a_finished_lot_by_the_rules_with_a_signature(demo, item):
    lot = lots_of(demo, item=item, state="released")[0]
    context = demo.site.system_context()
    view = explain_release(demo.site, context, lot.uid)
    assert view.decided is not None
    verdicts = view.decided.as_json()["verdicts"]
    assert {v["outcome"] for v in verdicts} <= {"pass", "not_applicable"} | {
        v["outcome"] for v in verdicts if v["severity"] in ("warn", "info")
    }
    assert {v["pack"] for v in verdicts} == {"base", lot.industry}
    assert read_ledger(demo.site, context, about=lot.uid, action="sign").rows


def test_the_blocked_lot_says_why(demo):
    blocked = demo.summary["blocked_lot"]
    view = explain_release(demo.site, demo.site.system_context(), blocked["lot_id"])
    codes = {refusal.code for refusal in view.refusals}
    assert {"CORE-02", "CORE-03", "PH-02", "PH-03", "PH-04"} <= codes
    assert len(blocked["reasons"]) == len(view.refusals)
    assert [r.value for r in _results(demo, blocked["lot_id"], "dissolution")] == ["72"]


def test_its_refused_release_is_in_the_ledger(demo):
    rows = read_ledger(demo.site, demo.site.system_context(), action="lot.transition.refused").rows
    assert [row.object_uid for row in rows] == [demo.summary["blocked_lot"]["lot_id"]]


def test_a_lot_was_rejected_one_is_on_hold(demo):
    assert {i.lot_no for i in lots_of(demo, state="rejected")} == {"PB26007", "LA-666"}
    held = get_lot(demo.site, demo.site.system_context(), "CR26006")
    assert "skin irritation" in held.holds[0].reason


def test_a_return_and_its_scrap_are_counted(demo):
    effects = {
        m.effect for m in get_lot(demo.site, demo.site.system_context(), "IB26003").movements
    }
    assert {"returned", "scrapped", "sampled"} <= effects


def test_a_corrected_value_keeps_the_old_one(demo):
    uid = lots_of(demo, lot_no="PC26005")[0].uid
    found = {r.value: r.superseded_by is None for r in _results(demo, uid, "assay")}
    assert found == {"10.02": False, "100.2": True}


def test_a_conflict_of_two_laboratories_blocks(demo):
    uid = lots_of(demo, lot_no="IB26008")[0].uid
    assert len({r.value for r in _results(demo, uid, "assay")}) == 2
    view = explain_release(demo.site, demo.site.system_context(), uid)
    assert "CORE-11" in {refusal.code for refusal in view.refusals}


def test_two_suppliers_use_the_same_number(demo):
    with pytest.raises(Ambiguous, match="'2608-117' fits 3 lots"):
        get_lot(demo.site, demo.site.system_context(), "2608-117")


def test_the_mock_recall_is_closed_and_nothing_is_held_by_it(demo):
    context, mock = demo.site.system_context(), demo.summary["mock_recall"]
    record = read_record(demo.site, context, mock["number"])
    assert (record.record.state, record.record.data["mock"]) == ("closed", True)
    frozen = read_snapshot(demo.site, context, mock["number"])
    assert frozen is not None
    assert float(mock["seconds"]) < 60
    assert len({s["customer"] for s in frozen.scope["shipments"]}) == mock["customers"] >= 2


def test_the_trace_of_the_released_lot_reaches_raw_materials_and_customers(demo):
    found = trace(demo.site, demo.site.system_context(), demo.summary["released_lot"]["lot_id"])
    items = {n.info.item_code for n in found.nodes}
    assert {"API-IBU", "COR-IBU", "PKG-CARTON"} <= items
    assert {c.contacts["email"] for c in found.customers if c.contacts}
    assert found.gaps == ()


def test_nothing_in_the_demo_is_unaccounted_for(demo):
    seeds = [i.uid for i in lots_of(demo, item="PEANUT")]
    scope = recall_scope(demo.site, demo.site.system_context(), seeds).as_json()
    assert scope["balance"]["closes"]
    assert all(not each["quantity"].startswith("-") for each in scope["on_hand"])


def test_the_history_is_sealed_and_verifies(demo):
    found = verify_history(demo.site, demo.site.system_context()).verdict
    assert (found.ok, found.problems) == (True, ())
    assert demo.summary["ledger"]["sealed"] == demo.summary["ledger"]["events"] > 1000


def test_records_of_many_kinds_are_open_and_closed(demo):
    records = list_records(demo.site, demo.site.system_context(), limit=500)
    kinds = {record.kind for record in records}
    assert {"deviation", "oos", "capa", "complaint", "supplier_review", "batch_review"} <= kinds


def test_people_sign_in_with_a_generated_password(demo):
    sign_in = demo.summary["sign_in"]
    context = demo.site.system_context()
    assert {"qa", "qp", "operator", "auditor"} <= set(sign_in["logins"])
    for login in sign_in["logins"]:
        check_password(demo.site, context, login, sign_in["password"])
    assert actor_by_login(demo.site, "auditor").may("ledger.verify")
    assert not actor_by_login(demo.site, "auditor").may("event.record:receiving")


def test_the_summary_has_three_things_to_try(demo):
    assert len([text for text in demo.summary["try"] if "http://127.0.0.1:8000/" in text]) == 3


def test_a_second_run_on_the_same_database_says_so_and_changes_nothing(demo):
    context = demo.site.system_context()
    before = count_site(demo.site, context)
    with pytest.raises(Conflict, match="holds the demo already and is left as it is"):
        build_demo(demo.site, address="http://127.0.0.1:8000")
    assert count_site(demo.site, context) == before


def test_the_default_database_is_a_fresh_file_and_nothing_else_is_removed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "qtcore-demo"
    folder.mkdir()
    (folder / "demo.db").write_text("old")
    (folder / "mine.db").write_text("kept")
    assert demo_url() == f"sqlite:///{folder / 'demo.db'}"
    assert [file.name for file in folder.iterdir()] == ["mine.db"]


@pytest.mark.parametrize("entry", read_data("items")["items"], ids=lambda entry: entry["code"])
def test_the_fields_of_each_item_are_those_of_its_pack(entry):
    registry, extra = a_registry(), as_stored(entry.get("extra", {}))
    schema = {"type": "object", "properties": registry.fields_of("item")}
    evaluate = evaluator(registry, "fields:item")
    read = read_values(schema, extra, evaluate=evaluate, facts={"item_kind": entry["kind"]})
    # Fields of other packs are missing, which is right.
    assert [fault for fault in read.faults if fault.where in extra or fault.code == "QT480"] == []


def test_the_text_shows_what_a_newcomer_needs(demo):
    text = site_commands._demo_text(demo.summary)
    for needed in (demo.summary["sign_in"]["password"], "IB26006", "CORE-03", "verified", "Try:"):
        assert needed in text
    assert max(len(line) for line in text.splitlines()) < 140


def _results(demo, uid, characteristic):
    view = get_lot(demo.site, demo.site.system_context(), uid)
    return [r for r in view.results if r.characteristic == characteristic]


def test_every_decision_of_the_demo_comes_out_again(demo):
    report = replay(demo.site, Scope())
    assert report.decisions > 0
    assert report.reproduced == report.decisions
    assert report.counts()["same"] == len(report.lines)
