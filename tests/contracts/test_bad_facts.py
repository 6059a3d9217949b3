"""What cannot be is refused by the API in words; told by an import, it is named in the trace."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from typer.testing import CliRunner

from qtcore.cli.main import app
from qtcore.services.interchange import import_epcis
from qtcore.store.tables import Edge, Event, Movement
from qtcore.testing import a_received_lot, a_site, release
from qtcore.testing.sites import sqlite_url
from tests.counting import counts
from tests.epcis_words import a_document, an_event
from tests.web import Web, make_web, milk_and_butter

LGTIN = "urn:epc:class:lgtin:4012345.022222.{}"
CASE = "urn:epc:id:sscc:4012345.00000000{:02d}"
PLAIN = dict.fromkeys(("action", "bizStep", "quantityList"))


@dataclass(frozen=True)
class Doors:
    web: Web
    url: str

    def tell(self, *events: dict[str, Any]) -> dict[str, Any]:
        """Import a document; gives its report."""
        data = json.dumps(a_document(*events)).encode()
        site = self.web.site
        return import_epcis(site, site.system_context(), [("told.jsonld", data)]).as_json()

    def traced(self, lot: str) -> str:
        """Trace on the command line; gives what a person reads."""
        return CliRunner().invoke(app, ["trace", lot, "--db", self.url]).output


@pytest.fixture(scope="module")
def doors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doors]:
    folder = tmp_path_factory.mktemp("doors")
    with a_site(sqlite_url(folder)) as site:
        milk_and_butter(site)
        a_received_lot(site, "MILK", "TWICE", "5")
        a_received_lot(site, "MILK", "TWICE", "5", source="SUPPLIER-B")
        release(site, a_received_lot(site, "MILK", "M-2", "50"))
        web = make_web(site)
        with web.program() as api:
            for child, parent in (("M-2", "C1"), ("C1", "P1")):
                answer = api.post("/api/v1/events", json=packing("packing", child, parent))
                assert answer.status_code == 201, answer.text
        yield Doors(web, sqlite_url(folder))


def lot(name: str) -> dict[str, str]:
    if name[0] in "CP":
        return {"kind": "logistic_unit", "lot_no": name}
    item, source = ("BUTTER", "PLANT") if name[0] == "B" else ("MILK", "SUPPLIER-A")
    return {"item": item, "lot_no": name, "source": source}


def event(kind: str, *lines: tuple[str, str, str, str], **more: Any) -> dict[str, Any]:
    shown = [
        {"part": part, "lot": lot(name)} | ({"quantity": amount, "unit": unit} if amount else {})
        for part, name, amount, unit in lines
    ]
    return {"event_type": kind, "event_at": "2026-06-01T08:00:00Z", "lines": shown, **more}


def packing(kind: str, child: str, parent: str) -> dict[str, Any]:
    amount = ("1", "kg") if child[0] == "M" else ("", "")
    return event(kind, ("child", child, *amount), ("parent", parent, "", ""))


REFUSED = {
    "cycle": (
        event("production", ("input", "B-1", "1", "kg"), ("output", "M-1", "1", "kg")),
        "lot M-1 of MILK is already a source of lot B-1 of BUTTER",
    ),
    "of itself": (
        event("production", ("input", "M-2", "1", "kg"), ("output", "M-2", "1", "kg")),
        "lot M-2 of MILK is already a source of lot M-2 of MILK",
    ),
    "negative": (
        event("sampling", ("subject", "M-2", "-1", "kg")),
        "quantity -1 is negative; give a positive number",
    ),
    "missing": (
        event("sampling", ("subject", "M-2", "", "")),
        "has no quantity; a sample needs one",
    ),
    "undeclared unit": (
        event("sampling", ("subject", "M-2", "1", "bushel")),
        "use a declared unit such as kg",
    ),
    "no factor": (
        event("sampling", ("subject", "M-2", "1", "L")),
        "'L' (volume) cannot be converted to 'kg' (mass)",
    ),
    "more than there is": (
        event("sampling", ("subject", "M-2", "51", "kg")),
        "lot M-2 of MILK has 50 kg on hand, 51 kg asked for",
    ),
    "to come": (
        event("sampling", ("subject", "M-2", "1", "kg"), event_at="2999-01-01T00:00:00Z"),
        "the event lies in the future",
    ),
    "offset": (
        event("sampling", ("subject", "M-2", "1", "kg"), event_at="2026-06-01T08:00:00-09:00"),
        "the event lies in the future: 2026-06-01T17:00:00+00:00",
    ),
    "no zone": (
        event("sampling", ("subject", "M-2", "1", "kg"), event_at="2026-06-01T08:00:00"),
        "end it with Z",
    ),
    "two cases": (packing("packing", "C1", "P2"), "logistic_unit C1 is inside logistic_unit P1"),
    "not inside": (
        packing("unpacking", "M-1", "C1"),
        "lot M-1 of MILK is not inside logistic_unit C1",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_the_api_refuses_it_with_what_was_found_and_stores_nothing(doors: Doors, name: str) -> None:
    body, words = REFUSED[name]
    with doors.web.program() as api:
        before = counts(doors.web.site, Event, Movement, Edge)
        answer = api.post("/api/v1/events", json=body)
    assert counts(doors.web.site, Event, Movement, Edge) == before
    assert answer.status_code in (400, 409), answer.text
    assert words in json.dumps(answer.json(), ensure_ascii=False), answer.json()


def turned(name: str, source: str, target: str, **more: Any) -> dict[str, Any]:
    def lots(lot_no: str) -> list[dict[str, Any]]:
        return [{"epcClass": LGTIN.format(lot_no), "quantity": 1, "uom": more.get("uom", "KGM")}]

    return an_event(
        type="TransformationEvent",
        eventID=f"urn:x:bad:{name}",
        eventTime=more.get("at", "2026-03-01T10:00:00Z"),
        inputQuantityList=lots(source),
        outputQuantityList=lots(target),
        **PLAIN,
    )


def packed(name: str, child: int, parent: int, action: str, hour: int) -> dict[str, Any]:
    return an_event(
        type="AggregationEvent",
        eventID=f"urn:x:bad:{name}",
        eventTime=f"2026-03-01T{hour:02d}:00:00Z",
        parentID=CASE.format(parent),
        childEPCs=[CASE.format(child)],
        **{**PLAIN, "action": action, "bizStep": "packing" if action == "ADD" else "unpacking"},
    )


TOLD = {
    "cycle": (
        [turned("c1", "CA", "CB"), turned("c2", "CB", "CA")],
        LGTIN.format("CA"),
        "comes from itself",
    ),
    "of itself": ([turned("s", "SA", "SA")], LGTIN.format("SA"), "is used and made by one event"),
    "undeclared unit": (
        [turned("u", "UA", "UB", uom="ZZZ")],
        LGTIN.format("UA"),
        "unit 'ZZZ' is not declared in any pack; declare it",
    ),
    "to come": (
        [turned("f", "FA", "FB", at="2999-01-01T00:00:00Z")],
        LGTIN.format("FA"),
        "is dated 2999-01-01T00:00+00:00, after it was told on",
    ),
    "two cases": (
        [packed("p1", 1, 2, "ADD", 1), packed("p2", 1, 3, "ADD", 2)],
        CASE.format(1),
        "while inside",
    ),
    "not inside": ([packed("o", 4, 5, "DELETE", 1)], CASE.format(4), "which did not hold it"),
}


@pytest.mark.parametrize("name", TOLD)
def test_an_import_keeps_it_and_a_trace_names_it(doors: Doors, name: str) -> None:
    events, thing, words = TOLD[name]
    report = doors.tell(*events)
    assert (report["stored"], report["refused"]) == (len(events), 0), report
    assert words in doors.traced(thing)


def test_a_number_of_two_lots_shows_both_at_every_door(doors: Doors) -> None:
    with doors.web.program() as api:
        told = api.post("/api/v1/recalls/scope", json={"seeds": ["TWICE"]})
    assert told.status_code == 409
    assert {c["source"] for c in told.json()["candidates"]} == {"SUPPLIER-A", "SUPPLIER-B"}
    said = doors.traced("TWICE")
    assert "'TWICE' fits 2 lots; name one by its lot_id" in said
    assert "SUPPLIER-A" in said and "SUPPLIER-B" in said


@pytest.mark.heavy
def test_a_chain_of_a_thousand_is_traced_at_every_door(doors: Doors) -> None:
    chain = [turned(f"k{n}", f"K{n}", f"K{n + 1}") for n in range(1000)]
    assert doors.tell(*chain)["stored"] == 1000
    assert "K1000" in doors.traced(LGTIN.format("K0"))
    with doors.web.program() as api:
        first = api.get("/api/v1/lots", params={"lot_no": "K0"}).json()["items"][0]["lot_id"]
        told = api.get(f"/api/v1/lots/{first}/trace").json()
        scope = api.post("/api/v1/recalls/scope", json={"seeds": [first]}).json()
    assert told["nodes"][-1]["depth"] == 1000
    assert len(scope["lots"]) == 1001
    # Nobody told how much of the first there was: how much of it is in the last is not known.
    assert "nobody recorded how much" in scope["lots"][-1]["contains"][0]["unknown"]


def test_clocks_of_several_zones_name_one_moment(doors: Doors) -> None:
    at = doors.web.site.sources.now()
    body = event("observation", ("subject", "M-2", "", ""))
    with doors.web.program() as api:
        for offset in ("+08:00", "-05:00", "+14:00"):
            hours = int(offset[:3])
            local = (at + timedelta(hours=hours)).replace(tzinfo=None)
            answer = api.post("/api/v1/events", json={**body, "event_at": f"{local}{offset}"})
            assert answer.status_code == 201, answer.text
            assert_moment(api.get(f"/api/v1/events/{answer.json()['event_id']}").json(), at)


def assert_moment(shown: dict[str, Any], at: Any) -> None:
    assert shown["event_at"] == at.isoformat()
