"""Two real EPCIS chains are loaded, traced both ways, and written again."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from qtcore.errors import InputRejected
from qtcore.services.interchange import ExportForm, export_epcis, export_text, import_epcis
from qtcore.services.site import Site
from qtcore.services.trace import trace
from qtcore.store.tables import Edge, Event, Item, Location, Lot, Node, Party
from qtcore.testing import a_site
from qtcore.testing.sites import IN_MEMORY
from tests.counting import counts

DOCUMENTS = ("epcisquerydoc-example01.jsonld", "gdst_data_withmasterdata.jsonld")
TABLES = (Event, Edge, Node, Lot)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def site(request: pytest.FixtureRequest) -> Iterator[Site]:
    is_sqlite = request.param == "sqlite"
    with a_site(IN_MEMORY if is_sqlite else request.getfixturevalue("postgres_url")) as site:
        yield site


def load(site: Site, shared_data: Path, *names: str) -> dict[str, Any]:
    files = [(name, (shared_data / "epcis/examples" / name).read_bytes()) for name in names]
    return import_epcis(site, site.system_context(), files).as_json()


def reached(site: Site, uri: str, direction: str) -> set[str]:
    found = trace(site, site.system_context(), uri, direction).as_json()
    names = [node["identifiers"] for node in found["nodes"] if node["depth"]]
    return {next(name for name in each if name.startswith("urn:")) for each in names}


@pytest.mark.parametrize("order", [DOCUMENTS, DOCUMENTS[::-1]], ids=["forward", "backward"])
def test_every_identifier_has_its_upstream_and_downstream_in_any_load_order(
    site: Site, shared_data: Path, order: tuple[str, ...]
) -> None:
    load(site, shared_data, *order)
    expected = json.loads((shared_data / "epcis/examples/expected_genealogy.json").read_bytes())
    lots = {uri: lot for name in DOCUMENTS for uri, lot in expected[name]["lots"].items()}
    assert {uri: reached(site, uri, "backward") for uri in lots} == {
        uri: set(lot["up"]) for uri, lot in lots.items()
    }
    assert {uri: reached(site, uri, "forward") for uri in lots} == {
        uri: set(lot["down"]) for uri, lot in lots.items()
    }


def test_loading_twice_changes_nothing(site: Site, shared_data: Path) -> None:
    first = load(site, shared_data, *DOCUMENTS)
    before = counts(site, *TABLES)
    second = load(site, shared_data, *DOCUMENTS)
    assert (first["stored"], first["duplicates"], first["refused"]) == (48, 0, 0)
    assert (second["stored"], second["duplicates"], second["refused"]) == (0, 48, 0)
    assert counts(site, *TABLES) == before


def test_an_export_holds_every_event_as_it_was_sent(site: Site, shared_data: Path) -> None:
    load(site, shared_data, *DOCUMENTS)
    text = export_text(export_epcis(site, site.system_context()))
    again = import_epcis(site, site.system_context(), [("again", text.encode())])
    assert (again.stored, again.duplicates) == (0, 48)


@pytest.mark.parametrize("form", [ExportForm("xml"), ExportForm("json", keys="digital_link")])
def test_an_export_makes_the_same_chains_and_master_data_elsewhere(
    site: Site, shared_data: Path, form: ExportForm
) -> None:
    load(site, shared_data, *DOCUMENTS)
    text = export_text(export_epcis(site, site.system_context(), keys=form.keys), form)
    with a_site(IN_MEMORY) as other:
        report = import_epcis(other, other.system_context(), [("export", text.encode())])
        assert (report.stored, report.refused) == (48, 0)
        assert counts(other, *TABLES) == counts(site, *TABLES)
        assert told(other) == told(site)
        assert len(told(site)) > 10


def told(site: Site) -> set[tuple[str, str, str, str]]:
    """List the attributes of master data: table, code, name of the attribute, its value."""
    tables: tuple[Any, ...] = (Item, Location, Party)
    with site.store.read() as session:
        return {
            (table.__tablename__, row.code, name, value)
            for table in tables
            for row in session.exec(select(table))
            for name, value in row.extra.get("epcis", {}).items()
        }


def test_an_export_as_12_holds_a_chain_or_names_what_it_cannot(
    site: Site, shared_data: Path
) -> None:
    load(site, shared_data, *DOCUMENTS)
    form = ExportForm("xml", "1.2")
    document = export_epcis(site, site.system_context())
    with pytest.raises(InputRejected, match="1 events cannot be told in EPCIS 1") as refused:
        export_text(added(document, sensorElementList=[{}]), form)
    assert refused.value.faults[0].where == "/epcisBody/eventList/0"
    again = import_epcis(
        site, site.system_context(), [("again", export_text(document, form).encode())]
    )
    assert (again.stored, again.duplicates) == (0, 48)


def added(document: dict[str, Any], **more: Any) -> dict[str, Any]:
    first, *rest = document["epcisBody"]["eventList"]
    return {**document, "epcisBody": {"eventList": [{**first, **more}, *rest]}}


@pytest.mark.parametrize(
    ("form", "says"),
    [
        (("csv",), "the format 'csv' is not offered; accepted: json, xml"),
        (("xml", "1.1"), "the schema version '1.1' is not offered; accepted: 2.0, 1.2"),
        (("json", "1.2"), "EPCIS 1.2 has no JSON"),
        (("json", "2.0", "gtin"), "the notation of keys 'gtin' is not offered"),
    ],
)
def test_a_form_the_standard_does_not_have_is_refused(form: tuple[str, ...], says: str) -> None:
    with pytest.raises(InputRejected, match=says):
        ExportForm(*form)


def test_an_export_of_one_lot_holds_its_chain_only(site: Site, shared_data: Path) -> None:
    load(site, shared_data, *DOCUMENTS)
    lot = "urn:gdst:example.org:product:lot:class:processor.2u.v1-0122-2022"
    document = export_epcis(site, site.system_context(), lot=lot)
    events = document["epcisBody"]["eventList"]
    assert {event["eventID"][-1] for event in events} == {"U"}
    assert len(events) == 17
    mine, every = ids_of(document), ids_of(export_epcis(site, site.system_context()))
    assert mine < every
    assert lot.removesuffix(".v1-0122-2022").replace("lot:class", "class") in mine


def ids_of(document: dict[str, Any]) -> set[str]:
    """Give the ids of the master data in a document."""
    lists = document["epcisHeader"]["epcisMasterData"]["vocabularyList"]
    return {each["id"] for one in lists for each in one["vocabularyElementList"]}
