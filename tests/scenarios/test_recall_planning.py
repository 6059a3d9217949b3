"""Whom a plan asks to tell, by when: again and again, on working days, after the class changed."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from qtcore.errors import Conflict, InputRejected
from qtcore.registry.load import load_registry
from qtcore.services.events import EventInput
from qtcore.services.jobs import run_round
from qtcore.services.recall import RecallStart, StartedRecall, start_recall
from qtcore.services.recall_cases import read_case
from qtcore.services.recall_notices import acknowledge, send_notices, start_clock
from qtcore.services.recording import record_event
from qtcore.services.records import correct_record
from qtcore.services.site import Site
from qtcore.testing import a_context, a_received_lot, a_site, line, release
from qtcore.testing.builders import EVERYTHING, a_party
from qtcore.testing.sites import FrozenClock

PACK = """pack: harbour_site
version: 1.0.0
requires_qtcore: ">=0.1"
layer: site
languages: [en]
title: {en: Harbour}
packs: [food, pharma]
"""
PLAN = """calendars:
  - {id: harbour_days, holidays: [2026-06-03], time_zone: Asia/Shanghai}
recalls:
  - id: harbour
    jurisdiction: CN
    classes: [{id: I}, {id: II}, {id: III}]
    nodes:
      - {id: buyers, order: 1, recipient: direct_accounts, due: {I: PT4H, II: PT24H, III: P3D}}
      - id: office
        order: 2
        recipient: authority
        start_event: known_at
        due: {I: P2D, II: P2D}
        calendar: harbour_days
      - id: report
        order: 3
        recipient: authority
        start_event: known_at
        due: {I: P1D, II: P3D}
        repeat: {I: P1D, II: P3D}
      - {id: homes, order: 4, recipient: public, due: {I: PT24H}, when: depth == 'consumer'}
"""
TEXTS = """language: en
texts:
  recalls:
    harbour:
      title: Harbour
      classes: {I: One, II: Two, III: Three}
      nodes: {buyers: Buyers, office: Office, report: Report, homes: Homes}
"""
CLOCK = FrozenClock()
NUMBERS = iter(range(1, 100))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder: Path = tmp_path_factory.mktemp("harbour")
    (folder / "i18n").mkdir()
    for name, text in {"pack.yaml": PACK, "plan.yaml": PLAN, "i18n/en.yaml": TEXTS}.items():
        (folder / name).write_text(text)
    CLOCK.at = datetime(2026, 6, 1, 8, tzinfo=UTC)  # a Monday
    with a_site(registry=load_registry(site_dir=folder).get_registry(), clock=CLOCK) as opened:
        a_party(opened, "SHOP-A", "customer")
        yield opened


def begin(site: Site, klass: str = "I", **more: Any) -> StartedRecall:
    CLOCK.at = datetime(2026, 6, 1, 8, tzinfo=UTC)
    lot_no = f"M-{next(NUMBERS)}"
    milk = a_received_lot(site, "MILK", lot_no, "100")
    release(site, milk)
    sold = EventInput("shipping", (line(milk, "subject", "4"),), CLOCK.at, to_party="SHOP-A")
    record_event(site, a_context(site, EVERYTHING), sold)
    data = {"plan": "harbour", "recall_class": klass, **more}
    data = {name: value for name, value in data.items() if value}
    start = RecallStart([lot_no], "Glass", "a splinter", data=data)
    return start_recall(site, a_context(site, EVERYTHING), start)


def notices(site: Site, recall: StartedRecall) -> dict[tuple[str, int], dict[str, Any]]:
    view = read_case(site, a_context(site, EVERYTHING), recall.number)
    return {(n["node"], n["round"]): n for n in view.parts["notices"]}


def correct(site: Site, recall: StartedRecall, **values: Any) -> None:
    view = read_case(site, a_context(site, EVERYTHING), recall.number)
    data = {**view.record.data, **values}
    correct_record(site, a_context(site, EVERYTHING), recall.record_id, data, reason="assessed")


def test_a_working_day_of_the_plan_is_one_of_its_calendar(site):
    found = notices(site, begin(site))

    # Monday 16:00 in Shanghai; Wednesday is a holiday: Tuesday is one day, Thursday the other.
    assert found["office", 1]["due_at"] == "2026-06-04T08:00:00+00:00"


def test_what_is_due_again_has_a_next_round_once_it_was_answered(site):
    recall = begin(site)
    first = notices(site, recall)["report", 1]
    assert first["due_at"] == "2026-06-02T08:00:00+00:00"

    acknowledge(site, a_context(site, EVERYTHING), first["notice_id"], "receipt 1")
    second = notices(site, recall)["report", 2]
    acknowledge(site, a_context(site, EVERYTHING), second["notice_id"], "receipt 2")

    found = notices(site, recall)
    assert second["due_at"] == "2026-06-03T08:00:00+00:00"
    assert found["report", 3]["due_at"] == "2026-06-04T08:00:00+00:00"
    assert [key for key in found if key[0] == "office"] == [("office", 1)]


def test_a_missed_round_is_escalated_and_the_next_is_planned_all_the_same(site):
    recall = begin(site)
    CLOCK.at += timedelta(days=1, minutes=1)
    run_round(site)
    run_round(site)

    found = notices(site, recall)
    assert found["report", 1]["escalated_at"]
    assert [n["state"] for key, n in found.items() if key[0] == "report"] == ["planned", "planned"]


def test_a_lower_class_moves_deadlines_and_ends_what_it_does_not_ask_for(site):
    recall = begin(site, "I")
    assert notices(site, recall)["homes", 1]["state"] == "planned"

    correct(site, recall, recall_class="III", hazard="A cut")

    found = notices(site, recall)
    assert (found["buyers", 1]["due_after"], found["buyers", 1]["state"]) == ("P3D", "planned")
    assert "Class: III" in found["buyers", 1]["body"]
    assert "Health hazard: A cut" in found["buyers", 1]["body"]
    assert {found[n, 1]["state"] for n in ("office", "report", "homes")} == {"void"}


def test_what_was_sent_keeps_its_words_and_takes_the_new_deadline(site):
    recall = begin(site, "II")
    send_notices(site, a_context(site, EVERYTHING), recall.record_id)
    run_round(site)
    sent = notices(site, recall)["buyers", 1]

    correct(site, recall, recall_class="I")

    found = notices(site, recall)
    assert sent["state"] == found["buyers", 1]["state"] == "sent"
    assert found["buyers", 1]["body"] == sent["body"]
    assert found["buyers", 1]["due_after"] == "PT4H"
    assert found["homes", 1]["state"] == "planned"


def test_what_the_form_rules_out_is_not_planned_and_what_nobody_said_is(site):
    said, unsaid = begin(site, depth="retail"), begin(site)

    assert ("homes", 1) not in notices(site, said)
    assert notices(site, unsaid)["homes", 1]["state"] == "planned"

    correct(site, said, depth="consumer")
    assert notices(site, said)["homes", 1]["state"] == "planned"


def test_a_class_that_came_back_brings_its_notices_back(site):
    recall = begin(site, "I")
    correct(site, recall, recall_class="III")
    correct(site, recall, recall_class="I")

    found = notices(site, recall)
    assert {n["state"] for n in found.values()} == {"planned"}
    assert len(found) == 4


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"recall_class": "IV"}, "plan 'harbour' has no class 'IV'; it has: I, II, III"),
        ({"plan": "habour"}, "there is no recall plan 'habour'"),
    ],
)
def test_a_class_or_plan_that_is_none_changes_nothing(site, wrong, message):
    recall = begin(site)
    before = notices(site, recall)

    with pytest.raises(InputRejected, match=message):
        correct(site, recall, **wrong)

    assert notices(site, recall) == before


def test_a_plan_that_was_repealed_starts_no_recall(site):
    with pytest.raises(
        InputRejected, match="'cn_drug_2007' is in force from 2007-12-10 to 2022-10"
    ):
        begin(site, plan="cn_drug_2007")


def test_another_plan_ends_the_notices_of_the_first(site):
    recall = begin(site)

    correct(site, recall, plan="food_cn")

    found = notices(site, recall)
    assert {n["state"] for (node, _), n in found.items() if node in ("buyers", "office")} == {
        "void"
    }
    assert found["FD-N04", 1]["state"] == "planned"
    with pytest.raises(Conflict, match="asks for no notice to authority any more"):
        person = a_context(site, EVERYTHING)
        acknowledge(site, person, found["office", 1]["notice_id"], "receipt")


def test_a_mock_stays_one_when_it_is_planned_again(site):
    CLOCK.at = datetime(2026, 6, 1, 8, tzinfo=UTC)
    data = {"plan": "harbour", "recall_class": "I"}
    a_received_lot(site, "MILK", "M-MOCK", "5")
    start = RecallStart(["M-MOCK"], "Drill", "drill", is_mock=True, data=data)
    recall = start_recall(site, a_context(site, EVERYTHING), start)

    correct(site, recall, recall_class="II")

    assert {n["state"] for n in notices(site, recall).values()} <= {"mock", "void"}
    with pytest.raises(InputRejected, match="no clock"):
        start_clock(site, a_context(site, EVERYTHING), recall.record_id, event="x", at=CLOCK.at)


def test_a_plan_names_calendars_and_classes_that_exist(tmp_path):
    (tmp_path / "pack.yaml").write_text(PACK)
    wrong = PLAN.replace("calendar: harbour_days", "calendar: harbor_days")
    wrong = wrong.replace("repeat: {I: P1D, II", "repeat: {I: P1D, IV")
    (tmp_path / "plan.yaml").write_text(wrong)

    problems = [str(p) for p in load_registry(site_dir=tmp_path).problems]

    assert any("harbor_days" in text and "harbour_days" in text for text in problems)
    assert any("'IV'" in text for text in problems)
