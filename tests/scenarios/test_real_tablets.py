"""A real tablet plant is loaded from its two tables: nothing dropped, nothing guessed."""

import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlmodel import select

from qtcore.services.imports import ImportReport
from qtcore.services.site import Site
from qtcore.services.table_loads import import_table
from qtcore.services.trace import trace_nodes
from qtcore.store.queries.nodes import describe_nodes
from qtcore.store.tables import Edge, Event, InspectionResult, Lot, Movement
from qtcore.testing import a_site
from tests.counting import counts

pytestmark = pytest.mark.heavy

MAPPING = Path(__file__).parents[2] / "examples/tablets/mapping.yaml"
LABORATORY, PROCESS = "Laboratory_1_500.csv", "Process_1_500.csv"
TABLES = (Event, Edge, Lot, InspectionResult, Movement)


def load(site: Site, shared_data: Path, *names: str) -> ImportReport:
    files = [(name, (shared_data / "tablets" / name).read_bytes()) for name in names]
    mapping = (MAPPING.name, MAPPING.read_bytes())
    return import_table(site, site.system_context(), files, mapping)


@pytest.fixture(scope="module")
def loaded(shared_data: Path) -> Iterator[tuple[Site, ImportReport]]:
    with a_site() as site:
        yield site, load(site, shared_data, PROCESS, LABORATORY)


def test_all_batches_materials_and_edges_are_there(loaded: tuple[Site, ImportReport]) -> None:
    site, report = loaded
    assert (report.read, report.stored, report.refused, report.lots) == (500, 500, 0, 664)
    with site.store.read() as session:
        origins = session.exec(select(Lot.origin)).all()
        assert (origins.count("recorded"), origins.count("unverified")) == (500, 164)
        assert len(session.exec(select(Edge)).all()) == 2000


def test_each_material_lot_leads_to_exactly_its_batches(
    loaded: tuple[Site, ImportReport], shared_data: Path
) -> None:
    site, _ = loaded
    found: dict[str, dict[str, list[int]]] = defaultdict(dict)
    with site.store.read() as session:
        nodes = session.exec(select(Lot.node).where(Lot.origin == "unverified")).all()
        for info in describe_nodes(session, site.store.tenant_id, nodes).values():
            answer = trace_nodes(site, session, info, "forward")
            key = f"{info.source_code}-{info.lot_no}" if info.item_code == "api" else info.lot_no
            batches = sorted(int(node.info.lot_no) for node in answer.nodes if node.depth)
            found[info.item_code][key] = batches
    expected = json.loads((shared_data / "tablets/expected_forward_1_500.json").read_bytes())
    assert found == {
        item: {key: sorted(batches) for key, batches in lots.items()}
        for item, lots in expected["batches_by_material_lot"].items()
    }


def test_conflicting_laboratory_values_are_listed_and_both_kept(
    loaded: tuple[Site, ImportReport],
) -> None:
    site, report = loaded
    conflicts = [problem.message for problem in report.problems if problem.code == "QT725"]
    assert len(conflicts) == len(report.problems) == 150
    assert (
        "lot 5-119 of api: api_water 1.67 (row 63) and 1.91 (row 64): conflicting; "
        "correct it with a reason" in conflicts
    )
    with site.store.read() as session:
        lot = session.exec(
            select(Lot.node).where(Lot.lot_no == "119", Lot.origin == "unverified")
        ).all()
        values = session.exec(
            select(InspectionResult.value, InspectionResult.origin).where(
                InspectionResult.characteristic == "api_water",
                InspectionResult.node.in_(lot),  # type: ignore[attr-defined]
            )
        ).all()
    assert {("1.67", f"{LABORATORY} row 63"), ("1.91", f"{LABORATORY} row 64")} <= set(values)


def test_a_month_is_stored_with_its_precision(loaded: tuple[Site, ImportReport]) -> None:
    site, _ = loaded
    with site.store.read() as session:
        event = session.exec(select(Event).where(Event.external_id == "tablet-plant/batch/1")).one()
    assert (event.event_at.isoformat()[:10], event.values["event_time"]) == ("2018-11-01", "nov.18")
    assert event.values["event_time_precision"] == "month"
    assert event.values["weekend"] == "no"


def test_loading_the_plant_again_changes_nothing(
    loaded: tuple[Site, ImportReport], shared_data: Path
) -> None:
    site, _ = loaded
    before = counts(site, *TABLES)
    again = load(site, shared_data, LABORATORY, PROCESS)
    assert (again.stored, again.duplicates, again.refused) == (0, 500, 0)
    assert counts(site, *TABLES) == before
