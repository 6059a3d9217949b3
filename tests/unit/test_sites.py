"""A site for a test begins with a copy; it must be what a publication of its own would make."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from qtcore.services.site import Site
from qtcore.store.tables import KeyCounter, Lot
from qtcore.testing import a_received_lot, a_registry, a_site
from qtcore.testing.sites import IN_MEMORY, sqlite_url

_LOT = Lot.metadata.tables["lot"]


def rows_of(site: Site) -> dict[str, list[Any]]:
    """Every row, after an act that draws keys and ids; how often it was opened says nothing."""
    a_received_lot(site)
    with site.store.read() as session:
        found = {
            name: [tuple(row) for row in session.execute(select(table))]
            for name, table in KeyCounter.metadata.tables.items()
        }
    found["key_counter"] = [row for row in found["key_counter"] if "opened" not in row]
    return found


@pytest.fixture(scope="module")
def published() -> dict[str, list[Any]]:
    with a_site(registry=a_registry()) as site:
        return rows_of(site)


@pytest.mark.parametrize("is_file", [False, True], ids=["fleeting", "file"])
def test_a_copied_site_holds_what_a_published_one_does(tmp_path: Path, published, is_file):
    with a_site(sqlite_url(tmp_path) if is_file else IN_MEMORY) as site:
        assert rows_of(site) == published


def test_control_another_seed_makes_other_ids(published):
    with a_site(seed=2) as site:
        assert rows_of(site) != published


def test_a_file_that_is_there_is_not_written_over(tmp_path: Path):
    with a_site(sqlite_url(tmp_path)) as site:
        lot = a_received_lot(site)
    with a_site(sqlite_url(tmp_path)) as site, site.store.read() as session:
        assert session.execute(select(_LOT.c.lot_no)).all() == [(lot.lot_no,)]
