"""A batch of food by its record: gates judge the lot it is about, findings hold and block it."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from sqlmodel import select

from qtcore.errors import Refused
from qtcore.services.jobs import deliver
from qtcore.services.nodes import resolve
from qtcore.services.record_views import read_record
from qtcore.services.records import RecordInput, submit_record
from qtcore.services.replay import Scope, replay
from qtcore.services.site import Site
from qtcore.services.transitions import Made, Step, fire_transition
from qtcore.store.queries.nodes import active_holds
from qtcore.store.tables import Decision
from qtcore.testing import (
    PASSWORD,
    a_context,
    a_made_lot,
    a_received_lot,
    a_site,
    a_user,
    an_item,
    release,
)

FOOD = {
    "label_version_approved": "L3",
    "ccp_checks_planned": 1,
    "foreign_body_checks_planned": 0,
    "storage_class": "ambient",
    "hold_until_result": False,
    "batch_record_kept": "required",
}
PLAN = {
    "line": "1",
    "planned_on": "2026-01-05",
    "allergen_sequence_checked": True,
    "haccp_plan_current": True,
    "pre_op_inspection_passed": True,
    "line_closing_checked": True,
}
CCP = {
    "ccp": "CCP-1",
    "hazard": "biological",
    "parameter": "core",
    "measured_value": "71",
    "unit": "Cel",
    "measured_at": "2026-01-05T08:00:00+00:00",
}
IN_LIMIT = {**CCP, "result": "in_limit"}
LOST = {
    **CCP,
    "result": "out_of_limit",
    "held_from": CCP["measured_at"],
    "held_to": CCP["measured_at"],
    "corrective_action": "heated again",
}


pytestmark = pytest.mark.heavy


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with a_site(packs=["food"]) as opened:
        an_item(opened, "SOUP", kind="finished", industry="food", extra=FOOD)
        milk = a_received_lot(opened)
        release(opened, milk)
        for number in ("S-1", "S-2", "S-3", "S-4", "S-5"):
            a_made_lot(opened, "SOUP", number, [(milk, "1")], extra={"label_version_used": "L3"})
        yield opened


def write(site: Site, kind: str, data: Mapping[str, Any], *lots: str) -> str:
    entry = RecordInput(data, lots)
    return submit_record(site, a_user(site, ["operator"], login="anna"), kind, entry).record.uid


def step(site: Site, record: str, name: str, who: tuple[str, str], reason: str = "") -> Made:
    login, role = who
    asked = Step(name, reason=reason, password=PASSWORD)
    return fire_transition(site, a_user(site, [role], login=login), ("record", record), asked)


def refused(site: Site, record: str, name: str, who: tuple[str, str]) -> list[str]:
    with pytest.raises(Refused) as caught:
        step(site, record, name, who)
    return [refusal.code for refusal in caught.value.refusals]


ANNA, BEN, EVA, PAUL = (
    ("anna", "operator"),
    ("ben", "operator"),
    ("eva", "qa"),
    ("paul", "prod_head"),
)


def holds(site: Site, number: str) -> list[str]:
    with site.store.read() as session:
        info = resolve(session, site.store.tenant_id, number)
        rows = active_holds(session, site.store.tenant_id, [info.node]).get(info.node, ())
    return [row.reason for row in rows]


def up_to_packed(site: Site, number: str) -> str:
    batch = write(site, "food_batch", PLAN, number)
    write(
        site,
        "cleaning_check",
        {"line": "1", "checked_at": CCP["measured_at"], "result": "pass"},
        number,
    )
    step(site, batch, "schedule", PAUL)
    step(site, batch, "start", ANNA)
    step(site, batch, "finish", ANNA)
    write(site, "ccp_check", IN_LIMIT, number)
    step(site, batch, "check_line", BEN)
    return batch


def test_the_steps_of_a_batch_ask_the_rules_of_its_lot(site: Site) -> None:
    batch = write(site, "food_batch", PLAN, "S-1")
    step(site, batch, "schedule", PAUL)
    assert refused(site, batch, "start", ANNA) == ["FD-41"]
    cleaned = {"line": "1", "checked_at": CCP["measured_at"], "result": "pass"}
    write(site, "cleaning_check", cleaned, "S-1")
    assert step(site, batch, "start", ANNA).to_state == "in_process"
    step(site, batch, "finish", ANNA)
    assert refused(site, batch, "check_line", BEN) == ["FD-01"]
    write(site, "ccp_check", IN_LIMIT, "S-1")
    assert refused(site, batch, "check_line", ANNA) == ["QT423"]
    assert step(site, batch, "check_line", BEN).to_state == "packed"
    assert refused(site, batch, "review", EVA) == ["FD-44"]


def test_a_batch_is_not_released_past_the_rules_of_release(site: Site) -> None:
    batch = up_to_packed(site, "S-2")
    with pytest.raises(Refused) as caught:
        release(site, "S-2")
    assert "FD-22" in [refusal.code for refusal in caught.value.refusals]
    assert refused(site, batch, "release", EVA) == ["QT421"]


def test_a_record_about_two_lots_cannot_ask_for_rules_of_one(site: Site) -> None:
    batch = write(site, "food_batch", PLAN, "S-3", "S-4")
    step(site, batch, "schedule", PAUL)
    with pytest.raises(Refused, match="about 2") as caught:
        step(site, batch, "start", ANNA)
    assert [refusal.fix for refusal in caught.value.refusals] == ["open a record for each lot"]
    alone = write(site, "food_batch", PLAN)
    step(site, alone, "schedule", PAUL)
    with pytest.raises(Refused, match="about none"):
        step(site, alone, "start", ANNA)


def test_loss_of_a_ccp_holds_the_lot_until_another_person_verified_the_correction(
    site: Site,
) -> None:
    check = write(site, "ccp_check", LOST, "S-3")
    assert holds(site, "S-3") == ["ccp_loss"]
    assert refused(site, check, "review", EVA) == ["QT421"]
    step(site, check, "correct", EVA, "heated again, core 75")
    assert holds(site, "S-3") == []


def test_a_batch_waiting_on_hold_is_blocked_when_a_loss_comes_to_light(site: Site) -> None:
    batch = up_to_packed(site, "S-5")
    step(site, batch, "hold", EVA, "late sample")
    write(site, "ccp_check", LOST, "S-5")
    deliver(site)
    view = read_record(site, a_context(site), batch)
    assert (view.record.state, view.changes[-1].actor) == ("blocked", "system")
    assert sorted(holds(site, "S-5")) == ["batch_blocked", "ccp_loss"]


def test_replay_decides_the_steps_of_a_batch_the_same(site: Site) -> None:
    report = replay(site, Scope(workflow="food_batch"))
    assert report.lines
    assert {line.result for line in report.lines} == {"same"}
    with site.store.read() as session:
        rows = session.exec(select(Decision).where(Decision.transition == "start")).all()
    assert all(row.document["own"]["pre_op_inspection_passed"] is True for row in rows if row.gate)
