"""Devices are cited in records, on pages, in tables; one that measures wrong is not taken."""

import json
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from typer.testing import CliRunner

from qtcore.cli.main import app
from qtcore.errors import Refused
from qtcore.registry.load import load_registry
from qtcore.services import recording, records
from qtcore.services.devices import (
    NewCalibration,
    NewDevice,
    calibrate_device,
    register_device,
    retire_device,
)
from qtcore.services.events import EventInput, Line
from qtcore.services.nodes import LotRef
from qtcore.services.recording import record_event
from qtcore.services.records import RecordInput, correct_record, submit_record
from qtcore.services.site import Site
from qtcore.services.table_loads import import_table
from qtcore.store.queries.discrepancies import open_discrepancies
from qtcore.store.queries.ledger import list_ledger
from qtcore.testing.builders import a_received_lot, a_user
from qtcore.testing.sites import a_site
from tests.web import Web, csrf_of, make_web

TODAY = date(2026, 6, 1)
PACK = """pack: plant
version: 0.1.0
requires_qtcore: ">=0.1,<1"
layer: site
languages: [en]
title: {en: Plant}
"""
DEFINITIONS = """
records:
  - {id: weighing, number: WG, form: weighing, workflow: deviation, about: [lot]}
forms:
  - id: weighing
    schema:
      type: object
      required: [title]
      properties:
        title: {type: string, maxLength: 80}
        scale: {type: string, maxLength: 120, x-qt: {entity: device}}
        rows:
          type: array
          maxItems: 9
          items:
            type: object
            properties: {by: {type: string, maxLength: 120, x-qt: {entity: device}}}
  - id: weighed
    schema:
      type: object
      properties: {scale: {type: string, maxLength: 120, x-qt: {entity: device}}}
events:
  - {id: weighed, verb: observe, form: weighed}
"""


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    folder = tmp_path_factory.mktemp("plant")
    (folder / "pack.yaml").write_text(PACK)
    (folder / "all.yaml").write_text(DEFINITIONS)
    with a_site(registry=load_registry(site_dir=folder).get_registry()) as site:
        for code in ("GOOD", "OVERDUE"):
            register_device(
                site, site.system_context(), NewDevice(code, "Scale", "scale", every_days=30)
            )
        on = {"GOOD": TODAY, "OVERDUE": TODAY - timedelta(days=31)}
        for code, day in on.items():
            calibrate_device(site, site.system_context(), code, NewCalibration(day, "C-1"))
        a_received_lot(site, "MILK", "M-1", "10")
        yield make_web(site)


@pytest.fixture
def site(web: Web) -> Site:
    return web.site


BAD = [
    ({"scale": "OVERDUE"}, "ended on 2026-05-31"),
    ({"scale": "UNKNOWN"}, "is not registered"),
    ({"rows": [{"by": "GOOD"}, {"by": "OVERDUE"}]}, "ended on 2026-05-31"),
]


@pytest.mark.parametrize(("values", "said"), BAD)
def test_a_record_cites_only_a_device_that_measures_right(site, monkeypatch, values, said):
    def weigh(cited):
        entry = RecordInput({"title": "Weighed", **cited}, ["M-1"])
        return submit_record(site, a_user(site, ["qa"]), "weighing", entry).record

    with pytest.raises(Refused, match=said):
        weigh(values)
    kept = weigh({"scale": "GOOD"})
    with pytest.raises(Refused, match=said):
        changed = {**kept.data, **values}
        correct_record(site, a_user(site, ["qa"]), kept.uid, changed, reason="mistyped")
    monkeypatch.setattr(records, "device_refusals", lambda *_: [])
    assert weigh(values).data == {"title": "Weighed", **values}


def test_the_form_of_an_event_cites_only_a_device_that_measures_right(site, monkeypatch):
    def weigh(scale):
        told = Line(LotRef(text="M-1"), "subject")
        event = EventInput("weighed", (told,), site.sources.now(), values={"scale": scale})
        return record_event(site, a_user(site, ["qa"]), event)

    with pytest.raises(Refused, match="ended on 2026-05-31"):
        weigh("OVERDUE")
    assert weigh("GOOD").event_id
    monkeypatch.setattr(recording, "device_refusals", lambda *_: [])
    assert weigh("OVERDUE").event_id


def test_a_record_may_be_corrected_when_its_device_is_gone(site):
    register_device(site, site.system_context(), NewDevice("OLD", "Scale", "scale"))
    qa = a_user(site, ["qa"])
    kept = submit_record(site, qa, "weighing", RecordInput({"title": "Weigt", "scale": "OLD"}))
    retire_device(site, site.system_context(), "OLD", reason="sold")
    told = {"title": "Weighed", "scale": "OLD"}
    changed = correct_record(site, qa, kept.record.uid, told, reason="mistyped")
    assert changed.record.data == told


def test_pages_take_the_device_of_an_event_and_of_a_result(web):
    with web.person() as client:
        token = csrf_of(client)

        def sample(device: str) -> Any:
            told = {
                "event/event_at": "2026-06-01T08:00",
                "event/subject/0/lot": "M-1",
                "event/subject/0/quantity": "1",
                "event/subject/0/unit": "kg",
                "event/device": device,
            }
            return client.post("/forms/sampling/new", data={"csrf_token": token, **told}).text

        def measure(device: str) -> Any:
            told = {"characteristic": "fat", "value": "3.8", "device": device}
            return client.post("/l/M-1/results", data={"csrf_token": token, **told}).text

        assert '<option value="GOOD">' in client.get("/forms/sampling/new").text
        assert '<option value="OVERDUE">' not in client.get("/l/M-1").text
        for act in (sample, measure):
            assert "the calibration of device OVERDUE ended" in act("OVERDUE")
            assert "was not calibrated" not in act("GOOD")
    with web.site.store.read() as session:
        told = list_ledger(session, web.site.store.tenant_id)
    heads = [row.head for row in told]
    cited = {row["action"] for row in heads if row.get("details", {}).get("device") == "GOOD"}
    assert cited == {"event.sample", "result.record"}


RULES = """
mapping: weighed
event: {type: sampling, key: "w/{n}", at: day, device: "{scale}"}
lots:
  milk: {part: subject, item: MILK, source: SUPPLIER-A, lot_no: "{milk}", quantity: kg, unit: kg}
tables:
  rows:
    key: [n]
    columns:
      n: {required: true}
      day: {type: date, format: YYYY-MM-DD, required: true}
      milk: {}
      kg: {type: decimal}
      scale: {}
"""


def test_a_table_cites_devices_and_an_unfit_one_is_a_discrepancy(site):
    text = "n,day,milk,kg,scale\n" + "".join(
        f"{n},2026-06-01,T-{n},1,{scale}\n"
        for n, scale in enumerate(("GOOD", "OVERDUE", "", "NOBODY"))
    )
    report = import_table(
        site, site.system_context(), [("rows.csv", text.encode())], ("r.yaml", RULES.encode())
    )
    assert (report.stored, report.refused) == (3, 1)
    assert report.problems[0].code == "QT561"
    assert "'NOBODY' is not registered" in report.problems[0].message
    with site.store.read() as session:
        found = open_discrepancies(session, site.store.tenant_id, range(1, 99))
    assert [row.kind for row in found if row.kind == "device_not_fit"] == ["device_not_fit"]


@pytest.mark.heavy
def test_devices_are_managed_on_the_command_line(tmp_path):
    def run(*words: str) -> tuple[int, str]:
        done = CliRunner().invoke(app, ["device", *words, "--db", f"sqlite:///{tmp_path / 'x.db'}"])
        return done.exit_code, done.output

    made = ("add", "S-1", "--name", "Scale", "--kind", "scale", "--every", "30")
    assert run(*made) == (0, "registered S-1\n")
    assert run(*made)[0] == 1
    assert "was not calibrated" in run("list")[1]
    calibrated = ("calibrate", "S-1", "--evidence", "C-1")
    assert "no day; write it as" in run(*calibrated, "--on", "soon")[1]
    assert run(*calibrated, "--on", "2020-01-01", "--until", "2099-01-01") == (
        0,
        "S-1: may be used until 2099-01-01\n",
    )
    failed = run(*calibrated, "--on", "2020-01-02", "--failed")[1]
    assert "failed its calibration on 2020-01-02" in failed
    (told,) = json.loads(run("list", "--json")[1])["items"]
    assert (told["code"], told["is_fit"]) == ("S-1", False)
    assert run("retire", "S-1", "--reason", "sold") == (0, "retired S-1\n")
    assert run("retire", "S-1", "--reason", "sold")[0] == 1
    assert run("retire", "NO", "--reason", "x")[0] == 1
