"""What follows from a step: recalls with a frozen scope, holds of their own, chains that end."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from qtcore.definitions.folders import base_folders
from qtcore.engines.ledger import canonical_bytes
from qtcore.errors import Refused
from qtcore.pack import FolderPack
from qtcore.registry.load import load_packs
from qtcore.services.deadlines import settle_deadlines
from qtcore.services.jobs import deliver
from qtcore.services.recall import RecallStart, read_snapshot, start_recall
from qtcore.services.record_views import read_record
from qtcore.services.records import RecordInput, submit_record
from qtcore.services.results import ResultInput, record_result
from qtcore.services.site import Site
from qtcore.services.transitions import Step, fire_transition
from qtcore.store.tables import Hold, RecallCase, RecallNotice, Record, WorkflowTimer
from qtcore.testing import FrozenClock, a_context, a_made_lot, a_received_lot, a_site, release

PACK = """\
pack: followed
version: 0.1.0
requires_qtcore: ">=0.1,<1"
languages: [en]
title: {en: Followed}
"""
ECHO = (
    "{do: create_record, record: echo, "
    "fields: [{field: title, from: title}, {field: again, from: again}]}"
)
FLOW = """\
forms:
  - id: finding
    schema:
      type: object
      required: [title]
      properties:
        title: {type: string, minLength: 1}
        plan: {type: string}
        again: {type: boolean, default: true}
records:
  - {id: finding, form: finding, workflow: finding, number: FIN, about: [lot]}
  - {id: echo, form: finding, workflow: echo, number: ECH, about: [lot]}
  - {id: watch, form: finding, workflow: watch, number: WAT, about: [lot]}
workflows:
  - id: finding
    subject: record
    initial: open
    states:
      - {id: open, status: draft, may: [edit]}
      - {id: held, status: quarantine, may: [edit]}
      - {id: recalled, status: recalled, may: [edit]}
      - {id: closed, status: released, final: true}
    transitions:
      - {id: block, from: [open], to: held, roles: [qa], effects: [{do: hold, reason: seen}]}
      - {id: unblock, from: [held], to: open, roles: [qa], effects: [{do: lift_hold}]}
      - id: recall
        from: [open, held]
        to: recalled
        roles: [qa]
        effects:
          - do: start_recall
            fields: [{field: title, from: title}, {field: plan, from: plan}]
      - {id: echo, from: [open], to: held, roles: [qa], effects: [&e]}
      - {id: close, from: [open, held, recalled], to: closed, roles: [qa]}
    timers:
      - {state: open, after: P1D, fire: recall, escalate_to: [qa]}
  - id: echo
    subject: record
    initial: born
    states:
      - {id: born, status: draft, may: [edit]}
      - {id: done, status: released, final: true}
    transitions:
      - id: sound
        from: [born]
        to: done
        automatic: true
        guard: again
        effects: [&e]
  - id: watch
    subject: record
    initial: waiting
    states:
      - {id: waiting, status: testing, may: [edit]}
      - {id: alarmed, status: quarantine}
      - {id: over, status: released, final: true}
    transitions:
      - id: alarm
        from: [waiting]
        to: alarmed
        automatic: true
        guard: holds_active > 0 or inputs_recalled > 0 or open_deviations > 0
      - {id: end, from: [waiting, alarmed], to: over, roles: [qa]}
""".replace("&e", ECHO)
TEXTS = """\
language: en
texts:
  records: {finding: Finding, echo: Echo, watch: Watch}
  forms: {finding: {title: Finding, fields: {title: Title, plan: Plan, again: Again}}}
  workflows:
    finding:
      title: Finding
      states: {open: Open, held: Held, recalled: Recalled, closed: Closed}
      transitions: {block: Block, unblock: Unblock, recall: Recall, echo: Echo, close: Close}
    echo: {title: Echo, states: {born: Born, done: Done}, transitions: {sound: Sound}}
    watch:
      title: Watch
      states: {waiting: Waiting, alarmed: Alarmed, over: Over}
      transitions: {alarm: Alarm, end: End}
"""


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder: Path = tmp_path_factory.mktemp("followed")
    (folder / "i18n").mkdir()
    (folder / "pack.yaml").write_text(PACK, encoding="utf-8")
    (folder / "flow.yaml").write_text(FLOW, encoding="utf-8")
    (folder / "i18n" / "en.yaml").write_text(TEXTS, encoding="utf-8")
    food = Path(__file__).parents[2] / "plugins" / "food" / "qt_food"
    packs = {
        "base": FolderPack(*base_folders()),
        "food": FolderPack(food),
        "followed": FolderPack(folder),
    }
    compiled = load_packs(packs)
    assert not [str(p) for p in compiled.problems if p.severity == "error"]
    return compiled.get_registry()


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture
def site(registry: Any, clock: FrozenClock) -> Iterator[Site]:
    with a_site(registry=registry, clock=clock) as opened:
        yield opened


def a_record(site: Site, kind: str, *lots: str, **data: Any) -> str:
    entry = RecordInput({"title": "Glass", **data}, lots)
    return submit_record(site, a_context(site), kind, entry).record.uid


def go(site: Site, uid: str, step: str) -> str:
    return fire_transition(site, a_context(site), ("record", uid), Step(step, "seen")).to_state


def rows(site: Site, table: Any) -> list[Any]:
    with site.store.read() as session:
        return list(session.exec(select(table).order_by(table.id)).all())


def milk_and_cheese(site: Site) -> tuple[Any, Any]:
    milk = a_received_lot(site)
    release(site, milk)
    return milk, a_made_lot(site, "CHEESE", "C-1", [(milk, "40")])


def test_a_recall_begun_by_a_step_is_the_one_a_person_would_have_begun(site):
    milk, cheese = milk_and_cheese(site)
    go(site, a_record(site, "finding", milk.uid, plan="food_us"), "recall")
    (case,) = rows(site, RecallCase)
    (record,) = [r for r in rows(site, Record) if r.kind == "recall"]
    snapshot = read_snapshot(site, a_context(site, ["recall_coord"]), record.uid)
    assert snapshot is not None
    held = {row.node for row in rows(site, Hold) if row.record_uid == record.uid}
    assert held == {milk.node, cheese.node}
    start = RecallStart([milk.uid], "Glass", "Glass", data={"plan": "food_us"})
    other = start_recall(site, a_context(site, ["recall_coord"]), start)
    volatile = {"where", "question"}
    by_person = {k: v for k, v in other.scope.as_json().items() if k not in volatile}
    by_step = {k: v for k, v in snapshot.scope.items() if k not in volatile}
    assert canonical_bytes(by_step) == canonical_bytes(by_person)
    assert case.plan["id"] == "food_us"
    assert [n.node_id for n in rows(site, RecallNotice) if n.record_id == record.id]


def test_a_step_whose_recall_has_no_plan_or_no_lot_is_refused_with_the_reason(site, clock):
    milk, _ = milk_and_cheese(site)
    for lots, data, said in (
        ((milk.uid,), {"plan": "none_such"}, "no recall plan 'none_such'"),
        ((), {"plan": "food_us"}, "seed"),
    ):
        uid = a_record(site, "finding", *lots, **data)
        with pytest.raises(Refused, match=said) as error:
            go(site, uid, "recall")
        assert [refusal.code for refusal in error.value.refusals] == ["QT435"]
        assert read_record(site, a_context(site), uid).record.state == "open"
    assert [r.kind for r in rows(site, Record)] == ["finding", "finding"]
    clock.advance(days=1)
    assert settle_deadlines(site) == 2
    assert settle_deadlines(site) == 0
    found = rows(site, WorkflowTimer)
    assert [row.status for row in found] == ["refused", "refused"]
    assert all("would start recall" in row.outcome for row in found)


def test_records_that_open_each_other_without_end_are_refused_and_none_is_stored(site):
    endless = a_record(site, "finding", again=True)
    with pytest.raises(Refused, match="more than 8 records would open each other") as error:
        go(site, endless, "echo")
    assert [refusal.code for refusal in error.value.refusals] == ["QT434"]
    assert [r.kind for r in rows(site, Record)] == ["finding"]
    go(site, a_record(site, "finding", again=False), "echo")
    assert [r.kind for r in rows(site, Record)] == ["finding", "finding", "echo"]


def test_a_record_lifts_the_holds_it_placed_and_no_others(site):
    milk, _ = milk_and_cheese(site)
    first, second = (a_record(site, "finding", milk.uid) for _ in range(2))
    go(site, first, "block")
    go(site, second, "block")
    go(site, first, "unblock")
    lifted = {row.record_uid: row.lifted_at is not None for row in rows(site, Hold)}
    assert lifted == {first: True, second: False}
    go(site, second, "unblock")
    assert all(row.lifted_at is not None for row in rows(site, Hold))


def test_a_record_goes_on_when_something_is_found_about_its_lot_or_what_went_into_it(site):
    milk, cheese = milk_and_cheese(site)
    other = a_received_lot(site, lot_no="M-2")
    by_lot, by_input, apart = (a_record(site, "watch", each.uid) for each in (milk, cheese, other))
    deliver(site)
    states = [read_record(site, a_context(site), uid).record.state for uid in (by_lot, by_input)]
    assert states == ["waiting", "waiting"]
    deviation = RecordInput({"title": "Dirty tank", "severity": "minor"}, (milk.uid,))
    submit_record(site, a_context(site), "deviation", deviation)
    deliver(site)
    views = [read_record(site, a_context(site), uid) for uid in (by_lot, by_input, apart)]
    assert [view.record.state for view in views] == ["alarmed", "alarmed", "waiting"]
    assert (views[0].changes[-1].transition, views[0].changes[-1].actor) == ("alarm", "system")
    result = ResultInput("colour", "green")
    record_result(site, a_context(site, ["qc_analyst"]), other.uid, result)
    deliver(site)
    assert read_record(site, a_context(site), apart).record.state == "waiting"
