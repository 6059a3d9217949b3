"""One event may name a whole shift's units: its cost grows with the units and no faster."""

from datetime import UTC, datetime
from time import process_time

import pytest
from sqlalchemy import event

from qtcore.services.events import EventInput, Line, Origin, write_all
from qtcore.services.master import ensure_unknowns
from qtcore.services.nodes import LotRef, NodeBook
from qtcore.services.site import Site
from qtcore.store.tables import Edge, LedgerAbout, Movement, Unit
from qtcore.testing import a_site, an_item
from tests.counting import counts

pytestmark = pytest.mark.heavy
FEW, MANY = 300, 3000


def packed(name: str, count: int) -> EventInput:
    parent = Line(LotRef(kind="logistic_unit", lot_no=name), "parent")
    children = (
        Line(LotRef(kind="unit", item="ITEM", lot_no=f"{name}-{n}"), "child") for n in range(count)
    )
    return EventInput("packing", (parent, *children), datetime(2026, 3, 1, tzinfo=UTC))


def write(site: Site, told: EventInput) -> tuple[int, float]:
    """Write an event; gives the number of statements and the processor time."""
    statements: list[str] = []
    with site.store.write(site.system_context()) as work:
        connection = work.session.connection()
        event.listen(connection, "before_cursor_execute", lambda *each: statements.append(each[2]))
        began = process_time()
        write_all(site, NodeBook(site, work), [told], origin=Origin("import"))
    return len(statements), process_time() - began


def test_ten_times_the_units_take_no_more_statements_and_ten_times_the_time():
    with a_site() as site:
        an_item(site, "ITEM")
        with site.store.write(site.system_context()) as work:
            ensure_unknowns(work)
        few, many = write(site, packed("P1", FEW)), write(site, packed("P2", MANY))
        stored = counts(site, Unit, Edge, Movement)
    assert stored == {"unit": FEW + MANY, "edge": FEW + MANY, "movement": FEW + MANY + 2}
    assert many[0] <= few[0] + 2
    assert many[1] < 4 * (MANY / FEW) * few[1]


def test_the_entry_of_the_event_names_every_unit():
    with a_site() as site:
        an_item(site, "ITEM")
        before = counts(site, LedgerAbout)["ledger_about"]
        write(site, packed("P1", FEW))
        assert counts(site, LedgerAbout)["ledger_about"] - before == FEW + 2
