"""How many statements an act sends: the same number on each run, so no measurement of time.

A number may fall. One that rises is a read or write that was added to every act of every person:
see decision 0061 before it is changed here.
"""

from collections.abc import Iterator

import pytest

from qtcore.services.events import EventInput
from qtcore.services.jobs import deliver
from qtcore.services.recording import record_event
from qtcore.services.site import Site, with_registry
from qtcore.services.transitions import Step, fire_transition
from qtcore.testing import PASSWORD, a_context, a_received_lot, a_site, a_user, an_output, line
from qtcore.testing.builders import EVERYTHING
from tests.statements import counted


@pytest.fixture(
    params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)], scope="module"
)
def plant(request: pytest.FixtureRequest) -> Iterator[Site]:
    """A site at which a lot was received, tested and released before: its memory is warm."""
    url = "sqlite://"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres_server").new_database()
    with a_site(url) as opened:
        site = with_registry(opened, opened.registry, (), version=1)
        _step(site, a_received_lot(site, lot_no="M-0").uid, "start_testing")
        _step(site, "M-0", "release", "qp")
        deliver(site)
        yield site


def _turns(site: Site) -> int:
    """On PostgreSQL a unit of work asks for its turn, and for the keys of its entries at the end.

    On SQLite every one has its turn from the start, and its first keys are as good as its last.
    """
    return int(site.store.dialect == "postgresql")


def _step(site: Site, lot: str, transition: str, role: str = "qa") -> list[str]:
    by = a_user(site, [role])
    with counted() as sent:
        fire_transition(site, by, ("lot", lot), Step(transition, password=PASSWORD))
    return sent


def _record(site: Site, event_type: str, *lines: object, **more: object) -> list[str]:
    by = a_context(site, EVERYTHING)
    event = EventInput(event_type, tuple(lines), site.sources.now(), **more)  # type: ignore[arg-type]
    with counted() as sent:
        record_event(site, by, event)
    return sent


def test_the_statements_of_steps_are_bounded(plant):
    lot = a_received_lot(plant, lot_no="M-1").uid
    assert len(_step(plant, lot, "start_testing")) <= 16 + _turns(plant)
    assert len(_step(plant, lot, "release", "qp")) <= 28 + 3 * _turns(plant)


def test_the_statements_of_events_are_bounded_whatever_the_number_of_lines(plant):
    few = [an_output("MILK", f"F-{n}", "5", source="SUPPLIER-A") for n in range(2)]
    many = [an_output("MILK", f"G-{n}", "5", source="SUPPLIER-A") for n in range(12)]
    first = _record(plant, "receiving", *few, from_party="SUPPLIER-A")
    second = _record(plant, "receiving", *many, from_party="SUPPLIER-A")
    assert len(first) <= 16 + 2 * _turns(plant)
    # Keys are drawn in growing blocks: more lines may need one more.
    assert len(second) <= len(first) + 1


def test_the_statements_of_a_production_are_bounded(plant):
    used = line("M-0", "input", "5")
    made = an_output("MILK", "P-1", "5", source="SUPPLIER-A")
    assert len(_record(plant, "production", used, made)) <= 23 + 2 * _turns(plant)


def test_messages_are_delivered_with_as_many_statements_however_many_there_are(plant):
    deliver(plant)
    a_received_lot(plant, lot_no="D-1")
    with counted() as one:
        deliver(plant)
    for number in range(5):
        a_received_lot(plant, lot_no=f"E-{number}")
    with counted() as five:
        deliver(plant)
    assert len(one) <= 4
    assert len(five) == len(one)
