"""Devices: who registers them, when one measures right, and what an unfit one may not tell."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from qtcore.errors import Denied, InputRejected, NotFound, Refused
from qtcore.registry.load import load_registry
from qtcore.registry.registry import Registry
from qtcore.services.accounts import NewUser, actor_by_login, add_user
from qtcore.services.device_reminders import remind_of_calibrations
from qtcore.services.devices import (
    NewCalibration,
    NewDevice,
    calibrate_device,
    get_device,
    list_devices,
    register_device,
    retire_device,
)
from qtcore.services.discrepancies import review_nodes
from qtcore.services.events import EventInput, Origin, write_event
from qtcore.services.evidence import read_evidence
from qtcore.services.facts import gather_facts
from qtcore.services.nodes import NodeBook
from qtcore.services.notifications import list_messages
from qtcore.services.recording import record_event
from qtcore.services.results import ResultInput, record_result
from qtcore.services.site import Site
from qtcore.store.queries.discrepancies import open_discrepancies
from qtcore.store.queries.ledger import list_ledger
from qtcore.store.queries.nodes import NodeInfo
from qtcore.testing.builders import a_party, a_received_lot, a_user, an_output
from qtcore.testing.sites import FrozenClock, a_site

TODAY = date(2026, 6, 1)


@pytest.fixture(scope="module")
def base() -> Registry:
    return load_registry(packs=[]).get_registry()


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture
def site(clock: FrozenClock, base: Registry) -> Iterator[Site]:
    with a_site(clock=clock, registry=base) as opened:
        yield opened


def admin(site: Site) -> Any:
    return a_user(site, ["admin"], login="root")


def a_scale(site: Site, code: str = "SCALE-1", **more: Any) -> str:
    new = NewDevice(code, "Scale", "scale", **{"every_days": 365, **more})
    register_device(site, admin(site), new)
    return code


def calibrated(site: Site, code: str, on: date = TODAY, **more: Any) -> dict[str, Any]:
    return calibrate_device(site, admin(site), code, NewCalibration(on, "CERT-1", **more))


def measure(site: Site, lot: NodeInfo, device: str, **more: Any) -> str:
    result = ResultInput("ph", "6.7", device=device, **more)
    return record_result(site, a_user(site, ["qa"]), lot.uid, result)


def calibrated_fact(site: Site, lot: NodeInfo) -> object:
    with site.store.read() as session:
        evidence = read_evidence(site, session, lot, TODAY)
    return gather_facts(site, evidence).get("device_calibrated")


@pytest.mark.clause("21 CFR 11.10(h)")
def test_a_scale_is_taken_only_while_it_is_known_to_measure_right(site, clock):
    lot = a_received_lot(site, "MILK", "M-1")
    with pytest.raises(Refused, match="not registered"):
        measure(site, lot, "SCALE-1")
    a_scale(site)
    with pytest.raises(Refused, match="not calibrated by 2026-06-01"):
        measure(site, lot, "SCALE-1")
    assert calibrated(site, "SCALE-1")["due_on"] == "2027-06-01"
    assert measure(site, lot, "SCALE-1") == "none"
    clock.advance(days=366)
    with pytest.raises(Refused, match="ended on 2027-06-01"):
        measure(site, lot, "SCALE-1")
    calibrated(site, "SCALE-1", clock.now().date(), is_passed=False)
    with pytest.raises(Refused, match="failed its calibration"):
        measure(site, lot, "SCALE-1")
    with site.store.read() as session:
        actions = [row.action for row in list_ledger(session, site.store.tenant_id)]
    assert [each for each in actions if each.startswith("device.")] == [
        "device.calibrate", "device.calibrate", "device.register",
    ]  # fmt: skip


def test_what_was_measured_before_is_judged_by_its_own_day(site, clock):
    lot = a_received_lot(site, "MILK", "M-1")
    a_scale(site)
    calibrated(site, "SCALE-1", TODAY - timedelta(days=30), valid_until=TODAY - timedelta(days=10))
    at = clock.now() - timedelta(days=15)
    assert measure(site, lot, "SCALE-1", measured_at=at) == "none"
    with pytest.raises(Refused, match="ended on"):
        measure(site, lot, "SCALE-1")


def test_a_retired_device_tells_nothing_more_and_a_scanner_needs_no_calibration(site):
    lot = a_received_lot(site, "MILK", "M-1")
    a_scale(site, "SCAN-1", every_days=None)
    assert measure(site, lot, "SCAN-1") == "none"
    with pytest.raises(InputRejected, match="not retired"):
        retire_device(site, admin(site), "SCAN-1", reason=" ")
    retire_device(site, admin(site), "SCAN-1", reason="broken")
    with pytest.raises(Refused, match="was retired"):
        measure(site, lot, "SCAN-1")
    with pytest.raises(InputRejected, match="was retired"):
        calibrated(site, "SCAN-1")


@pytest.mark.clause("21 CFR 11.10(h)")
def test_an_event_of_an_unfit_device_is_refused_and_imported_it_is_a_discrepancy(site):
    a_received_lot(site, "MILK", "M-1")
    event = EventInput(
        "receiving",
        (an_output("MILK", "M-2", "10", source="SUPPLIER-A"),),
        site.sources.now(),
        from_party="SUPPLIER-A",
        device="SCALE-1",
    )
    user = a_user(site, ["qa", "warehouse"])
    a_scale(site)
    with pytest.raises(Refused, match="not calibrated"):
        record_event(site, user, event)

    with site.store.write(site.system_context()) as work:
        stored = write_event(site, NodeBook(site, work), event, origin=Origin("import"))
        review_nodes(site, work, stored.nodes)
    with site.store.read() as session:
        found = open_discrepancies(session, site.store.tenant_id, list(stored.nodes))
    assert [row.kind for row in found] == ["device_not_fit"]
    # The certificate turns up: the discrepancy settles itself.
    calibrated(site, "SCALE-1", TODAY - timedelta(days=1))
    with site.store.write(site.system_context()) as work:
        review_nodes(site, work, stored.nodes)
    with site.store.read() as session:
        assert not open_discrepancies(session, site.store.tenant_id, list(stored.nodes))


def test_a_rule_may_ask_whether_devices_were_calibrated(site, clock):
    lot = a_received_lot(site, "MILK", "M-1")
    assert calibrated_fact(site, lot) is None
    a_scale(site)
    calibrated(site, "SCALE-1")
    measure(site, lot, "SCALE-1")
    assert calibrated_fact(site, lot) is True
    # A later finding that it was wrong on that day reaches what it measured.
    calibrated(site, "SCALE-1", is_passed=False)
    assert calibrated_fact(site, lot) is False


def test_a_device_is_told_of_two_weeks_before_it_is_due_and_each_week_after(site, clock):
    a_scale(site)
    calibrated(site, "SCALE-1", valid_until=TODAY + timedelta(days=20))
    assert remind_of_calibrations(site) == 0
    clock.advance(days=6)
    assert (remind_of_calibrations(site), remind_of_calibrations(site)) == (1, 0)
    told = [m for m in list_messages(site, admin(site)) if m.name == "SCALE-1"]
    assert told[0].link == "/devices/SCALE-1"
    assert "due within two weeks" in told[0].words
    reminded = []
    for _ in range(30):
        clock.advance(days=1)
        reminded.append(remind_of_calibrations(site))
    # Due on the 14th of these days: overdue from the next one on.
    assert [day for day, count in enumerate(reminded, 1) if count] == [15, 22, 29]
    newest = next(m for m in list_messages(site, admin(site)) if m.name == "SCALE-1")
    assert newest.words == "calibration is overdue"
    calibrated(site, "SCALE-1", clock.now().date(), valid_until=clock.now().date())
    assert remind_of_calibrations(site) == 1
    retire_device(site, admin(site), "SCALE-1", reason="sold")
    clock.advance(days=30)
    assert remind_of_calibrations(site) == 0


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"code": ""}, "QT560"),
        ({"code": "a/b"}, "QT560"),
        ({"code": " x"}, "QT560"),
        ({"name": " "}, "QT560"),
        ({"kind": "toaster"}, "QT560"),
        ({"site": "NOWHERE"}, "QT467"),
        ({"every_days": 0}, "QT560"),
        ({"every_days": 99999}, "QT560"),
    ],
)
def test_what_is_registered_must_make_sense(site, change, code):
    new = replace(NewDevice("S-1", "Scale", "scale", every_days=30), **change)
    with pytest.raises(InputRejected, match="not registered") as refused:
        register_device(site, admin(site), new)
    assert [fault.code for fault in refused.value.faults] == [code]


def test_a_code_is_never_used_again_and_a_calibration_lies_in_the_past(site):
    a_scale(site)
    with pytest.raises(InputRejected, match="not registered"):
        a_scale(site)
    for new in (
        NewCalibration(TODAY + timedelta(days=1), "C"),
        NewCalibration(TODAY, " "),
        NewCalibration(TODAY, "C", valid_until=TODAY - timedelta(days=1)),
    ):
        with pytest.raises(InputRejected, match="not recorded"):
            calibrate_device(site, admin(site), "SCALE-1", new)


def test_a_role_at_one_site_sees_and_manages_the_devices_of_that_site(site):
    for code in ("EAST", "WEST"):
        a_party(site, code, "site")
    add_user(site, site.system_context(), NewUser("eve", "Eve", (), site_roles=(("EAST", "qa"),)))
    east = replace(admin(site), actor=actor_by_login(site, "eve"))
    register_device(site, admin(site), NewDevice("W-1", "Scale", "scale", "WEST"))
    register_device(site, east, NewDevice("E-1", "Scale", "scale", "EAST"))
    assert [each["code"] for each in list_devices(site, east)] == ["E-1"]
    with pytest.raises(NotFound, match="no device"):
        get_device(site, east, "W-1")
    with pytest.raises(NotFound, match="no device"):
        calibrate_device(site, east, "W-1", NewCalibration(TODAY, "C"))
    with pytest.raises(Denied, match="may not do this"):
        register_device(site, east, NewDevice("W-2", "Scale", "scale", "WEST"))
    with pytest.raises(Denied, match="may not do this"):
        register_device(site, east, NewDevice("ALL", "Scale", "scale"))
    with pytest.raises(Denied, match=r"device\.manage"):
        register_device(site, a_user(site, ["operator"]), NewDevice("O-1", "Scale", "scale"))
