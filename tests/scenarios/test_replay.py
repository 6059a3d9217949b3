"""Recorded decisions decided again: all the same by their own versions, told apart by a draft."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlmodel import select

from qtcore.definitions.folders import base_folders
from qtcore.errors import Refusal, Refused
from qtcore.pack import FolderPack, LotFacts, hookimpl
from qtcore.registry.code import PackCode
from qtcore.registry.load import load_packs
from qtcore.registry.registry import PackTexts, Registry
from qtcore.registry.stored import compile_configuration, configuration_of
from qtcore.services.decisions import document_sha256
from qtcore.services.holds import place_hold
from qtcore.services.recorded_values import read_recorded, recorded_text, write_recorded
from qtcore.services.records import RecordInput, submit_record
from qtcore.services.rejudging import decide_again
from qtcore.services.replay import ReplayReport, Scope, replay
from qtcore.services.site import Site
from qtcore.services.transitions import Step, fire_transition
from qtcore.store.tables import Decision
from qtcore.testing import a_context, a_received_lot, a_registry, a_site, a_user, release

NEW_RULE = """
rules:
  - id: SITE-01
    check: {check}
"""
NEW_TEXTS = "language: en\ntexts: {rules: {SITE-01: {title: Our rule, fix: Mend it}}}\n"


def a_draft(**files: str) -> Registry:
    """The registry of the base alone, with one more pack of the site."""
    head = 'pack: plant\nversion: "1"\nrequires_qtcore: ">=0.1,<1"\nlayer: site\nlanguages: [en]\n'
    texts = {"pack.yaml": head + "packs: []\ntitle: {en: Plant}\n", **files}
    held = configuration_of(a_registry("food"))
    return compile_configuration(
        held.with_pack(PackTexts("plant", layer="site", files=texts))
    ).get_registry()


def a_stricter_one(check: str) -> Registry:
    return a_draft(**{"rules.yaml": NEW_RULE.format(check=check), "i18n/en.yaml": NEW_TEXTS})


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with a_site(packs=["food"]) as opened:
        for number in ("1", "2"):
            release(opened, a_received_lot(opened, lot_no=f"M-{number}"))
        held = a_received_lot(opened, lot_no="M-3")
        deviation = RecordInput({"title": "Dust", "severity": "major"}, [held.uid])
        submit_record(opened, a_context(opened, ["operator"]), "deviation", deviation)
        with pytest.raises(Refused):
            release(opened, held)
        with pytest.raises(Refused, match="password"):
            step = Step("reject", reason="bad", password="wrong")
            fire_transition(opened, a_user(opened, ["qp"]), ("lot", held.uid), step)
        yield opened


def results(report: ReplayReport) -> dict[str, str]:
    return {line.label.split()[-1]: line.result for line in report.lines}


def test_each_decision_comes_out_again_by_its_own_version(site: Site):
    report = replay(site, Scope())
    assert report.decisions >= 4
    assert report.reproduced == report.decisions
    assert set(results(report).values()) == {"same"}


def test_a_stricter_rule_blocks_what_was_released(site: Site):
    report = replay(site, Scope(gate="release"), a_stricter_one("open_deviations > 5"))
    assert results(report) == {"M-1": "blocked_earlier", "M-2": "blocked_earlier", "M-3": "same"}
    assert "SITE-01" in report.lines[0].reason
    assert report.lines[0].rules == ({"rule": "SITE-01", "then": "", "now": "fail"},)


def test_a_rule_that_asks_what_nobody_recorded_is_unknown_and_blocks(site: Site):
    facts = "facts:\n  - {id: moon_phase, type: integer, from: {field: lot.moon}}\n"
    fields = "fields:\n  - id: lot_moon\n    entity: lot\n    properties: {moon: {type: integer}}\n"
    texts = (
        "language: en\ntexts:\n  rules: {SITE-01: {title: Our rule, fix: Mend it}}\n"
        "  facts: {moon_phase: Phase of the moon}\n  fields: {lot: {moon: Moon}}\n"
    )
    draft = a_draft(
        **{
            "rules.yaml": NEW_RULE.format(check="moon_phase < 3"),
            "facts.yaml": facts,
            "fields.yaml": fields,
            "i18n/en.yaml": texts,
        }
    )
    report = replay(site, Scope(gate="release"), draft)
    assert results(report)["M-1"] == "blocked_earlier"
    assert "no value for moon_phase" in report.lines[0].reason


def test_a_looser_draft_would_have_let_pass(site: Site):
    base = configuration_of(a_registry("food")).find("base")
    assert base is not None
    files = dict(base.files)
    rules = files["workflows/rules.yaml"]
    files["workflows/rules.yaml"] = rules.replace("open_deviations == 0", "open_deviations >= 0")
    assert files["workflows/rules.yaml"] != rules
    held = configuration_of(a_registry("food")).with_pack(
        PackTexts("base", layer="base", files=files)
    )
    draft = compile_configuration(held).get_registry()
    report = replay(site, Scope(gate="release"), draft)
    assert results(report)["M-3"] == "would_have_passed"
    line = next(x for x in report.lines if x.label.endswith("M-3"))
    assert "refused then" in line.reason


def test_a_draft_without_the_state_cannot_continue(site: Site):
    base = configuration_of(a_registry("food")).find("base")
    assert base is not None
    flow = base.files["workflows/lot.yaml"]
    changed = flow.replace("registered", "announced").replace("quarantine", "fenced")
    changed = changed.replace("status: fenced", "status: quarantine")
    files = {**base.files, "workflows/lot.yaml": changed}
    texts = files["workflows/i18n/en.yaml"]
    files["workflows/i18n/en.yaml"] = texts
    held = configuration_of(a_registry("food")).with_pack(
        PackTexts("base", layer="base", files=files)
    )
    compiled = compile_configuration(held)
    report = replay(site, Scope(workflow="lot"), compiled.get_registry())
    assert set(results(report).values()) == {"cannot_continue"}
    assert {s["state"] for s in report.stranded} == {"quarantine"}


def test_lots_that_wait_are_judged_by_the_draft_on_the_facts_of_today(site: Site):
    draft = a_stricter_one("open_deviations > 5")
    report = replay(site, Scope(gate="release", open_lots=True), draft)
    assert [line.label.split()[-1] for line in report.lines if line.is_open] == ["M-3"]


def test_a_replay_writes_nothing(site: Site):
    before = _rows(site)
    replay(site, Scope(open_lots=True), a_stricter_one("open_deviations > 5"))
    assert _rows(site) == before


def test_documents_are_what_the_ledger_says(site: Site):
    with site.store.read() as session:
        rows = session.exec(select(Decision)).all()
    assert rows
    assert all(document_sha256(row.document) == row.content_sha256 for row in rows)
    of = {"on", "industry", "facts", "lot", "attempt", "values", "overridden", "own"}
    inputs = [{name: row.document[name] for name in of & set(row.document)} for row in rows]
    hashes = [row.document["inputs_sha256"] for row in rows]
    assert [*map(document_sha256, inputs)] == hashes
    facts = rows[0].document["facts"]
    assert all(write_recorded(read_recorded(raw)) == raw for raw in facts.values())
    assert all(json.loads(recorded_text(read_recorded(raw))) == raw for raw in facts.values())


def test_facts_that_were_altered_come_out_otherwise(site: Site):
    """The control: what replay compares can differ."""
    with site.store.read() as session:
        row = session.exec(
            select(Decision).where(Decision.outcome == "made", Decision.gate == "release")
        ).first()
    assert row is not None
    facts = {**row.document["facts"], "holds_active": {"integer": "3"}}
    told = {name: getattr(row, name) for name in Decision.model_fields}
    altered = Decision(**{**told, "document": {**row.document, "facts": facts}})
    flow = site.registry.get("workflows", "lot")
    outcomes = [decide_again(site.registry, flow, each, "quarantine") for each in (row, altered)]
    assert [again.is_made for again in outcomes] == [True, False]
    assert outcomes[1].refusals[0].code == "CORE-05"
    assert document_sha256(altered.document) != altered.content_sha256


def _rows(site: Site) -> bytes:
    target = site.store._engines.target.file
    assert target is not None
    with site.store.read() as session:
        session.connection().exec_driver_sql("SELECT 1")
    return target.read_bytes()


class Strict:
    """The Python of a pack: whether it objects to a release is what its version changes."""

    def __init__(self, *objects: str) -> None:
        self.objects = objects

    @hookimpl
    def judge_release(self, lot: LotFacts) -> list[Refusal]:
        return [Refusal(code, f"{lot.lot_no} is not nice") for code in self.objects]


def a_strict_one(folder: Path, digest: str, *objects: str) -> Registry:
    (folder / "pack.yaml").write_text(
        'pack: strict\nversion: "1"\nrequires_qtcore: ">=0.1,<1"\nlanguages: [en]\n'
        "title: {en: Strict}\n",
        encoding="utf-8",
    )
    code = PackCode(digest=digest, judge_release=Strict(*objects).judge_release)
    packs = {"base": FolderPack(*base_folders()), "strict": (FolderPack(folder), code)}
    return load_packs(packs).get_registry()


def test_the_stored_verdict_stands_in_for_python_that_is_gone_and_the_report_says_so(tmp_path):
    with a_site(registry=a_strict_one(tmp_path, "a" * 64)) as opened:
        release(opened, a_received_lot(opened, lot_no="M-1"))
        gone = replay(opened, Scope(gate="release"), a_strict_one(tmp_path, "b" * 64, "ST-1"))
        here = replay(opened, Scope(gate="release"), a_strict_one(tmp_path, "a" * 64, "ST-1"))
    assert results(gone) == {"M-1": "same"}
    (note,) = gone.notes
    assert note.startswith("stored verdict used: the Python of pack strict that judged then (aaaa")
    # The control: where the same Python is there, it is asked, and not what was stored.
    assert (results(here), here.notes) == ({"M-1": "blocked_earlier"}, ())


SINGLE = """
workflows:
  - id: check
    subject: record
    initial: open
    states:
      - {id: open, status: testing}
      - {id: done, status: released, final: true}
    transitions:
      - {id: finish, from: [open], to: done, roles: [qa], rules: [CORE-05]}
records:
  - {id: check, form: deviation, workflow: check, number: CHK, about: [lot]}
"""
SINGLE_TEXTS = """\
language: en
texts:
  records: {check: Check}
  workflows:
    check: {title: Check, states: {open: Open, done: Done}, transitions: {finish: Finish}}
"""


def test_a_step_that_asks_for_single_rules_is_decided_the_same_again():
    registry = a_draft(**{"check.yaml": SINGLE, "i18n/en.yaml": SINGLE_TEXTS})
    with a_site(registry=registry) as opened:
        free, held = (a_received_lot(opened, lot_no=number) for number in ("F-1", "H-1"))
        place_hold(opened, a_context(opened, ["qa"]), [held.uid], "wet")
        context = a_context(opened, ["qa"])
        for lot in (free, held):
            entry = RecordInput({"title": "Look", "severity": "minor"}, [lot.uid])
            uid = submit_record(opened, context, "check", entry).record.uid
            if lot is held:
                with pytest.raises(Refused) as error:
                    fire_transition(opened, context, ("record", uid), Step("finish"))
                assert [refusal.code for refusal in error.value.refusals] == ["CORE-05"]
            else:
                fire_transition(opened, context, ("record", uid), Step("finish"))
        report = replay(opened, Scope(workflow="check"))
    assert (report.decisions, report.reproduced) == (2, 2)
