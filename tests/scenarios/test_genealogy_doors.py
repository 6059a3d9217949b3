"""The genealogy at its doors: other times, other databases, hard and impossible facts."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from qtcore.cli.main import app
from qtcore.errors import InputRejected
from qtcore.services.discrepancies import review_nodes
from qtcore.services.events import EventInput, Line, Origin, write_all
from qtcore.services.holds import place_hold
from qtcore.services.interchange import import_epcis
from qtcore.services.nodes import LotRef, NodeBook
from qtcore.services.recording import record_event
from qtcore.services.site import Site
from qtcore.services.trace import trace
from qtcore.store.queries.discrepancies import open_discrepancies
from qtcore.store.queries.lens import Lens
from qtcore.testing import FrozenClock, a_context, a_party, a_received_lot, a_site, an_item, line
from qtcore.testing.builders import EVERYTHING
from qtcore.testing.sites import sqlite_url
from tests.epcis_words import a_document, an_event
from tests.web import Web, make_web, milk_and_butter

LGTIN = "urn:epc:class:lgtin:4012345.011111.{}"


def lots(name: str) -> list[dict[str, object]]:
    return [{"epcClass": LGTIN.format(name), "quantity": 1, "uom": "KGM"}]


def turned(source: str, target: str, **more: Any) -> dict[str, object]:
    return (
        an_event(
            type="TransformationEvent",
            eventID=f"urn:x:event:{source}{target}",
            inputQuantityList=lots(source),
            outputQuantityList=lots(target),
            **dict.fromkeys(("action", "bizStep", "quantityList")),
        )
        | more
    )


def came(name: str, moment: str) -> dict[str, object]:
    return an_event(
        eventID=f"urn:x:event:came:{name}",
        action="ADD",
        bizStep="receiving",
        eventTime=moment,
        quantityList=lots(name),
    )


def send(site: Site, *events: dict[str, object]) -> None:
    data = json.dumps(a_document(*events)).encode()
    assert import_epcis(site, site.system_context(), [("x.jsonld", data)]).stored


def gaps(site: Site, lot: str, **lens: Any) -> list[tuple[str, str]]:
    found = trace(site, site.system_context(), LGTIN.format(lot), "both", lens=Lens(**lens))
    return sorted((gap["kind"], gap["lot_no"]) for gap in found.gaps)


WRONG = {"errorDeclaration": {"declarationTime": "2026-03-09T00:00:00Z"}}


def test_a_correction_that_opens_a_cycle_resolves_what_it_named(site: Site) -> None:
    send(site, turned("A", "B"), turned("B", "C"), turned("C", "A"))
    assert [gap for gap in gaps(site, "A") if gap[0] == "cycle"] == [
        ("cycle", "A"), ("cycle", "B"), ("cycle", "C"),
    ]  # fmt: skip
    send(site, turned("C", "A", **WRONG))
    assert [gap for gap in gaps(site, "A") if gap[0] == "cycle"] == []


def test_a_correction_elsewhere_leaves_the_cycle_named(site: Site) -> None:
    send(site, turned("A", "B"), turned("B", "A"), turned("B", "C"))
    send(site, turned("B", "C", **WRONG))
    assert [gap for gap in gaps(site, "A") if gap[0] == "cycle"] == [("cycle", "A"), ("cycle", "B")]


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def timed(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Site, FrozenClock]]:
    is_sqlite = request.param == "sqlite"
    url = sqlite_url(tmp_path) if is_sqlite else request.getfixturevalue("postgres_url")
    clock = FrozenClock()
    with a_site(url, clock=clock) as site:
        yield site, clock


def test_what_was_known_before_a_correction_is_still_answered(timed):
    site, clock = timed
    before = clock.now()
    clock.advance(hours=1)
    send(site, turned("A", "B"), turned("B", "C"))
    known = clock.now()
    clock.advance(hours=1)
    send(site, turned("B", "C", **WRONG))

    def reached(**lens: Any) -> list[str]:
        found = trace(site, site.system_context(), LGTIN.format("A"), "forward", lens=Lens(**lens))
        return [node.info.lot_no for node in found.nodes]

    assert reached(known_at=known) == ["A", "B", "C"]
    assert reached(known_at=before) == ["A"]
    assert reached() == reached(known_at=clock.now()) == ["A", "B"]


def test_what_was_only_mentioned_then_is_listed_for_then(timed):
    site, clock = timed
    send(site, turned("A", "B"))
    before = clock.now()
    clock.advance(hours=1)
    send(site, came("A", "2026-03-03T00:00:00Z"))
    known = clock.now()
    clock.advance(hours=1)
    send(site, came("A", "2026-03-03T00:00:00Z") | WRONG)

    mentioned = [("unverified_lot", "A")]
    assert [gap for gap in gaps(site, "B", known_at=before) if gap in mentioned] == mentioned
    assert [gap for gap in gaps(site, "B", known_at=known) if gap in mentioned] == []
    assert [gap for gap in gaps(site, "B") if gap in mentioned] == mentioned
    early = datetime(2026, 3, 2, 12, tzinfo=UTC)
    found = gaps(site, "B", known_at=known, as_of=early)
    assert [gap for gap in found if gap in mentioned] == mentioned


def shipped_units(site: Site, *, hours: int) -> list[str]:
    """Import that a unit was shipped; gives the kinds of the discrepancies that leaves open."""
    a_party(site, "CLINIC", "customer")
    unit = Line(LotRef(kind="unit", item="MILK", lot_no="M-1-1"), "subject", Decimal(1), "kg")
    told = EventInput(
        "shipping", (unit,), site.sources.now() + timedelta(hours=hours), to_party="CLINIC"
    )
    with site.store.write(site.system_context()) as work:
        stored = write_all(site, NodeBook(site, work), [told], origin=Origin("import"))
        nodes = {node for each in stored for node in each.nodes}
        review_nodes(site, work, nodes)
    with site.store.read() as session:
        return sorted(row.kind for row in open_discrepancies(session, 1, nodes))


@pytest.mark.parametrize(
    ("held", "hours", "kinds"),
    [(True, -1, ["shipped_on_hold"]), (True, -6, []), (False, -1, [])],
    ids=["of a held lot", "before the hold", "of a free lot"],
)
def test_an_imported_shipment_of_a_unit_of_a_held_lot_is_named(site, clock, held, hours, kinds):
    lot = a_received_lot(site, "MILK", "M-1", "100")
    unit = Line(LotRef(kind="unit", item="MILK", lot_no="M-1-1"), "output", Decimal(1), "kg")
    made = EventInput("production", (line(lot, "input", "1"), unit), site.sources.now())
    with site.store.write(site.system_context()) as work:
        write_all(site, NodeBook(site, work), [made], origin=Origin("import"))
    clock.advance(hours=5)
    if held:
        place_hold(site, a_context(site, EVERYTHING), [lot.uid], "glass")
    clock.advance(hours=5)
    assert shipped_units(site, hours=hours) == kinds


def test_a_chain_of_a_thousand_levels_is_traced_both_ways(site: Site) -> None:
    an_item(site, "ITEM")
    start = datetime(2026, 1, 1, tzinfo=UTC)

    def ref(number: int) -> LotRef:
        return LotRef(item="ITEM", lot_no=f"L{number}", source="unknown")

    told = [
        EventInput(
            "production",
            (Line(ref(n), "input", Decimal(1), "kg"), Line(ref(n + 1), "output", Decimal(1), "kg")),
            start + timedelta(minutes=n),
        )
        for n in range(1000)
    ]
    with site.store.write(site.system_context()) as work:
        write_all(site, NodeBook(site, work), told, origin=Origin("import"))
    context = site.system_context()
    onward, back = trace(site, context, "L0", "forward"), trace(site, context, "L1000", "backward")
    assert [found.nodes[-1].depth for found in (onward, back)] == [1000, 1000]
    assert len(onward.edges) == len(back.edges) == 1000


def receipt(site: Site, **more: Any) -> EventInput:
    a_party(site, "SUPPLIER-A")
    an_item(site, "MILK")
    ref = LotRef(item="MILK", lot_no="M-1", source="SUPPLIER-A")
    event = EventInput(
        "receiving", (Line(ref, "output", Decimal(5), "kg"),), site.sources.now(),
        from_party="SUPPLIER-A",
    )  # fmt: skip
    return replace(event, **more)


def test_a_clock_with_an_offset_names_the_same_moment(site: Site) -> None:
    shanghai = site.sources.now().astimezone(timezone(timedelta(hours=8)))
    record_event(site, a_context(site, EVERYTHING), receipt(site, event_at=shanghai))
    found = trace(site, site.system_context(), "M-1", "both", lens=Lens(as_of=site.sources.now()))
    assert found.focus.lot_no == "M-1"


def test_an_offset_that_makes_it_a_time_to_come_is_refused_with_both_moments(site: Site) -> None:
    wrong = site.sources.now().replace(tzinfo=timezone(timedelta(hours=-8)))
    with pytest.raises(InputRejected) as raised:
        record_event(site, a_context(site, EVERYTHING), receipt(site, event_at=wrong))
    (fault,) = raised.value.faults
    assert (fault.code, fault.where) == ("QT443", "event_at")
    assert "lies in the future" in fault.message


def test_a_quantity_that_is_missing_is_named_with_its_line(site: Site) -> None:
    event = receipt(site)
    unweighed = replace(event, lines=(replace(event.lines[0], quantity=None, unit=""),))
    with pytest.raises(InputRejected) as raised:
        record_event(site, a_context(site, EVERYTHING), unweighed)
    assert [(fault.code, fault.where) for fault in raised.value.faults] == [
        ("QT444", "lines/0/quantity")
    ]


@pytest.mark.slow
@pytest.mark.parametrize(
    "where", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)]
)
def test_a_hundred_thousand_units_in_one_event_are_stored_and_traced(where, request) -> None:
    url = request.getfixturevalue("postgres_url") if where == "postgresql" else "sqlite://"
    pallet = Line(LotRef(kind="logistic_unit", lot_no="P1"), "parent")
    units = (Line(LotRef(kind="unit", item="ITEM", lot_no=f"U{n}"), "child") for n in range(10**5))
    told = EventInput("packing", (pallet, *units), datetime(2026, 3, 1, tzinfo=UTC))
    with a_site(url) as site:
        an_item(site, "ITEM")
        with site.store.write(site.system_context()) as work:
            stored = write_all(site, NodeBook(site, work), [told], origin=Origin("import"))
            assert review_nodes(site, work, stored[0].nodes) == 0
        assert len(trace(site, site.system_context(), "P1", "backward").edges) == 10**5


@pytest.fixture(scope="module")
def web() -> Iterator[Web]:
    with a_site() as site:
        milk_and_butter(site)
        yield make_web(site)


def test_the_api_says_why_a_lot_is_in_the_result_and_how_much_of_it(web: Web) -> None:
    with web.program() as client:
        milk = client.get("/api/v1/lots", params={"item": "MILK"}).json()["items"][0]
        butter = client.get("/api/v1/lots", params={"item": "BUTTER"}).json()["items"][0]
        address = f"/api/v1/lots/{milk['lot_id']}/paths"
        told = client.get(address, params={"to_lot": butter["lot_id"]}).json()
        nameless = client.get(address)
        unknown = client.get(address, params={"to_lot": "NO-SUCH"})
    assert told["shortest"] == [milk["lot_id"], butter["lot_id"]]
    assert [edge["kind"] for edge in told["edges"]] == ["transform"]
    assert told["share"]["lower"] is not None
    assert (nameless.status_code, unknown.status_code) == (400, 400)
    assert "name the other lot" in nameless.text
    assert "NO-SUCH" in unknown.text


def test_the_api_balances_a_lot_over_a_period(web: Web) -> None:
    with web.program() as client:
        milk = client.get("/api/v1/lots", params={"item": "MILK"}).json()["items"][0]
        address = f"/api/v1/lots/{milk['lot_id']}/balance"
        told = client.get(address).json()
        before = client.get(address, params={"to": "2020-01-01"}).json()
        wrong = client.get(address, params={"from": "2026-02-01", "to": "2026-01-01"})
    assert Decimal(told["received"]) > 0
    assert told["closes"] is True
    assert Decimal(before["received"]) == 0
    assert wrong.status_code == 400
    assert "is later than to" in wrong.text


@pytest.fixture(scope="module")
def plant_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    url = sqlite_url(tmp_path_factory.mktemp("doors"))
    with a_site(url) as site:
        milk_and_butter(site)
    return url


def asked(url: str, *words: str) -> tuple[int, Any]:
    found = CliRunner().invoke(app, ["trace", *words, "--json", "--db", url])
    return found.exit_code, json.loads(found.stdout) if found.exit_code == 0 else found.output


@pytest.mark.parametrize(
    ("words", "reached"),
    [
        ((), 2),
        (("--kinds", "split"), 1),
        (("--as-of", "2020-01-01"), 1),
        (("--known-at", "2020-01-01"), 1),
        (("--from", "2020-01-01", "--depth", "1"), 2),
    ],
    ids=str,
)
def test_the_command_limits_a_trace(plant_url: str, words: tuple[str, ...], reached: int) -> None:
    code, told = asked(plant_url, "M-1", "--direction", "forward", *words)
    assert (code, len(told["nodes"])) == (0, reached)


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("--kinds", "gift"), 1, "none of transform, split, merge, rework, pack"),
        (("--from", "2026-02-01", "--to", "2026-01-01"), 1, "is later than to"),
        (("--known-at", "2999-01-01"), 1, "lies in the future"),
        (("--direction", "sideways"), 1, "backward, forward, both"),
        (("--depth", "0"), 2, "depth"),
    ],
    ids=str,
)
def test_a_limit_that_cannot_be_is_refused_by_name(plant_url, words, code, says):
    found, text = asked(plant_url, "M-1", *words)
    assert found == code
    assert says in " ".join(str(text).split())
