"""Deadlines of records: planned, reached once, ended when the state is left, told again."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from qtcore.definitions.folders import base_folders
from qtcore.pack import FolderPack
from qtcore.registry.load import load_packs
from qtcore.services.audit import verify_history
from qtcore.services.deadlines import settle_deadlines
from qtcore.services.record_views import read_record
from qtcore.services.records import RecordInput, correct_record, submit_record
from qtcore.services.site import Site
from qtcore.services.transitions import Step, fire_transition
from qtcore.store.tables import Notification, WorkflowTimer
from qtcore.testing import FrozenClock, a_context, a_received_lot, a_site

PACK = """\
pack: clocks
version: 0.1.0
requires_qtcore: ">=0.1,<1"
languages: [en]
title: {en: Clocks}
"""
FLOW = """\
calendars:
  - {id: plant, time_zone: Europe/Berlin, holidays: ["2026-06-04"]}
forms:
  - id: visit
    schema:
      type: object
      required: [title]
      properties:
        title: {type: string}
        planned_on: {type: string, format: date}
records:
  - {id: visit, form: visit, workflow: visit, number: VIS, about: [lot]}
workflows:
  - id: visit
    subject: record
    initial: open
    states:
      - {id: open, status: draft, may: [edit]}
      - id: busy
        status: testing
        may: [edit]
        parallel: true
        states:
          - {id: lab, states: [{id: lab_open}, {id: lab_done, final: true}]}
          - {id: qc, states: [{id: qc_open}, {id: qc_done, final: true}]}
      - {id: late, status: quarantine, may: [edit]}
      - {id: closed, status: released, final: true}
    transitions:
      - {id: begin, from: [open], to: busy, roles: [qa]}
      - {id: lab_pass, from: [lab_open], to: lab_done, roles: [qa, qc_analyst]}
      - {id: qc_pass, from: [qc_open], to: qc_done, roles: [qa], different_from_all: [lab_pass]}
      - {id: end, from: [busy], to: closed, when_done: true}
      - id: lapse
        from: [open]
        to: late
        roles: [qa]
        effects: [{do: hold, reason: visit_late}]
      - id: reopen
        from: [late]
        to: open
        roles: [qa]
        reason: true
        effects:
          - {do: create_record, record: deviation, fields: [{field: title, from: title}]}
      - {id: give_up, from: [late, open], to: closed, roles: [qa], guard: title == 'Stop'}
    timers:
      - {state: open, after: P3D, calendar: plant, fire: lapse, priority: high}
      - {state: busy, after: P1D, escalate_to: [qa, qp], repeat: P1D}
      - {state: late, date: planned_on, before: P1D, fire: give_up}
"""
TEXTS = """\
language: en
texts:
  records: {visit: Visit}
  forms: {visit: {title: Visit, fields: {title: Title, planned_on: Planned on}}}
  workflows:
    visit:
      title: Visit
      states: {open: Open, busy: Busy, lab: Laboratory, lab_open: Open, lab_done: Done, qc: QC,
               qc_open: Open, qc_done: Done, late: Late, closed: Closed}
      transitions: {begin: Begin, lab_pass: Laboratory passes, qc_pass: QC passes, end: End,
                    lapse: Lapse, reopen: Reopen, give_up: Give up}
"""


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    folder: Path = tmp_path_factory.mktemp("clocks")
    (folder / "i18n").mkdir()
    (folder / "pack.yaml").write_text(PACK, encoding="utf-8")
    (folder / "visit.yaml").write_text(FLOW, encoding="utf-8")
    (folder / "i18n" / "en.yaml").write_text(TEXTS, encoding="utf-8")
    packs = {"base": FolderPack(*base_folders()), "clocks": FolderPack(folder)}
    compiled = load_packs(packs)
    assert not [p for p in compiled.problems if "visit" in p.file and p.severity == "error"]
    return compiled.get_registry()


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture
def site(registry, clock) -> Iterator[Site]:
    with a_site(registry=registry, clock=clock) as opened:
        yield opened


def a_visit(site: Site, lots: tuple[str, ...] = (), **data: str) -> str:
    entry = RecordInput({"title": "Visit", **data}, lots)
    return submit_record(site, a_context(site), "visit", entry).record.uid


def state_of(site: Site, uid: str) -> str:
    return read_record(site, a_context(site), uid).record.state


def rows(site: Site, table: Any) -> list[Any]:
    with site.store.read() as session:
        return list(session.exec(select(table).order_by(table.id)).all())


def fire(site: Site, uid: str, step: str, *, login: str = "", reason: str = "") -> str:
    acting = a_context(site, ["qa"], login=login)
    return fire_transition(site, acting, ("record", uid), Step(step, reason)).to_state


def test_a_deadline_counts_working_days_of_its_calendar(site):
    a_visit(site)
    (row,) = rows(site, WorkflowTimer)
    # Monday 8:00 UTC is 10:00 in Berlin; Thursday is a holiday.
    assert (row.status, str(row.due_at)) == ("waiting", "2026-06-05 08:00:00+00:00")


def test_a_deadline_makes_its_step_once_and_with_its_effects(site, clock):
    lot = a_received_lot(site)
    uid = a_visit(site, (lot.uid,))
    clock.advance(days=3, hours=23)
    assert settle_deadlines(site) == 0
    clock.advance(hours=1)
    assert settle_deadlines(site) == 1
    assert settle_deadlines(site) == 0
    view = read_record(site, a_context(site), uid)
    assert (view.record.state, view.record.priority) == ("late", "high")
    assert (view.changes[-1].transition, view.changes[-1].actor) == ("lapse", "system")
    assert [c.transition for c in view.changes] == ["create", "lapse"]


def test_after_a_long_downtime_everything_overdue_is_settled_once(site, clock):
    uids = [a_visit(site) for _ in range(3)]
    clock.advance(days=400)
    assert settle_deadlines(site) == 3
    assert settle_deadlines(site) == 0
    assert [state_of(site, uid) for uid in uids] == ["late"] * 3


def test_a_clock_that_jumps_back_repeats_nothing(site, clock):
    uid = a_visit(site)
    clock.advance(days=5)
    assert settle_deadlines(site) == 1
    fire(site, uid, "reopen", reason="again")
    clock.advance(days=-3)
    assert settle_deadlines(site) == 0
    assert state_of(site, uid) == "open"


def test_leaving_a_state_ends_its_deadline(site, clock):
    uid = a_visit(site)
    fire(site, uid, "begin")
    clock.advance(hours=12)
    assert [(r.state, r.status) for r in rows(site, WorkflowTimer)] == [
        ("open", "left"),
        ("busy", "waiting"),
    ]
    clock.advance(days=30)
    settle_deadlines(site)
    assert state_of(site, uid) == "busy/lab_open+qc_open"


def test_roles_are_told_and_told_again_but_not_for_days_nobody_looked(site, clock):
    uid = a_visit(site)
    fire(site, uid, "begin")
    clock.advance(days=1)
    settle_deadlines(site)
    assert [(n.role, n.about_uid) for n in rows(site, Notification)] == [("qa", uid), ("qp", uid)]
    clock.advance(days=10)
    assert settle_deadlines(site) == 1
    assert len(rows(site, Notification)) == 4
    clock.advance(days=1)
    assert settle_deadlines(site) == 1


def test_regions_are_finished_one_after_the_other_and_the_whole_moves_on(site):
    uid = a_visit(site)
    assert fire(site, uid, "begin") == "busy/lab_open+qc_open"
    assert fire(site, uid, "lab_pass", login="li") == "busy/lab_done+qc_open"
    with pytest.raises(Exception, match="another person than lab_pass"):
        fire(site, uid, "qc_pass", login="li")
    assert fire(site, uid, "qc_pass", login="wang") == "closed"
    view = read_record(site, a_context(site), uid)
    assert [(c.transition, c.actor) for c in view.changes[-2:]] == [
        ("qc_pass", "wang"),
        ("end", "system"),
    ]
    assert view.record.closed_at is not None


def test_a_step_opens_a_record_with_mapped_fields(site, clock):
    uid = a_visit(site)
    clock.advance(days=5)
    settle_deadlines(site)
    fire(site, uid, "reopen", reason="again")
    found = [n for n in rows(site, WorkflowTimer) if n.state == "open" and n.subject_uid != uid]
    assert len(found) == 1
    opened = read_record(site, a_context(site), found[0].subject_uid)
    assert (opened.record.kind, opened.record.data) == ("deviation", {"title": "Visit"})


def test_the_day_of_a_deadline_follows_the_form(site, clock):
    uid = a_visit(site)
    clock.advance(days=5)
    settle_deadlines(site)
    waiting = [r for r in rows(site, WorkflowTimer) if r.state == "late"]
    assert [r.due_at for r in waiting] == [None]
    context = a_context(site)
    data = {"title": "Stop", "planned_on": "2026-06-20"}
    correct_record(site, context, uid, data, reason="now known")
    (row,) = [r for r in rows(site, WorkflowTimer) if r.state == "late"]
    assert str(row.due_at) == "2026-06-19 00:00:00+00:00"
    clock.advance(days=60)
    assert settle_deadlines(site) == 1
    assert state_of(site, uid) == "closed"


def test_a_step_that_is_refused_when_due_is_said_and_not_tried_for_ever(site, clock):
    uid = a_visit(site, planned_on="2026-06-20")
    clock.advance(days=60)
    assert settle_deadlines(site) == 2
    (row,) = [r for r in rows(site, WorkflowTimer) if r.state == "late"]
    assert (row.status, state_of(site, uid)) == ("refused", "late")
    assert "title == 'Stop'" in row.outcome
    assert settle_deadlines(site) == 0


def test_every_deadline_is_in_the_ledger(site, clock):
    a_visit(site)
    clock.advance(days=5)
    settle_deadlines(site)
    assert verify_history(site, a_context(site, ["auditor"])).verdict.ok


@pytest.mark.postgres
def test_deadlines_fire_escalate_and_repeat_once_on_postgresql_too(registry, clock, postgres_url):
    with a_site(postgres_url, registry=registry, clock=clock) as site:
        lapsing, waiting = a_visit(site), a_visit(site)
        fire(site, waiting, "begin")
        clock.advance(days=4)
        with ThreadPoolExecutor(2) as workers:
            settled = sum(workers.map(settle_deadlines, [site, site]))
        assert settled == 2
        assert state_of(site, lapsing) == "late"
        assert state_of(site, waiting) == "busy/lab_open+qc_open"
        assert [n.role for n in rows(site, Notification)] == ["qa", "qp"]
        clock.advance(days=2)
        assert settle_deadlines(site) == 1
        assert len(rows(site, Notification)) == 4
        assert verify_history(site, a_context(site, ["auditor"])).verdict.ok
