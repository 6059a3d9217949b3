"""What is told of what went into what is true of the event, or nothing of it is stored."""

from collections.abc import Iterator
from decimal import Decimal

import pytest

from qtcore.errors import InputRejected
from qtcore.services.counts import count_site
from qtcore.services.events import Allocation, EventInput
from qtcore.services.recording import record_event
from qtcore.services.site import Site
from qtcore.services.trace import trace
from qtcore.testing import (
    a_context,
    a_party,
    a_received_lot,
    a_site,
    an_item,
    an_output,
    line,
    release,
)
from qtcore.testing.builders import EVERYTHING
from tests.web import make_web


@pytest.fixture(scope="module")
def plant() -> Iterator[Site]:
    with a_site() as site:
        for number in ("M-1", "M-2"):
            release(site, a_received_lot(site, "MILK", number, "100"))
        a_party(site, "PLANT")
        an_item(site, "BUTTER", kind="finished")
        yield site


def told(site: Site, name: str, *allocations: tuple[int, int, str, str]) -> EventInput:
    """Tell that 10 kg of M-1 and 5 kg of M-2 became two lots, and what went into what."""
    used = (line("M-1", "input", "10"), line("M-2", "input", "5"))
    made = (an_output("BUTTER", f"{name}1", "9"), an_output("BUTTER", f"{name}2", "4"))
    said = tuple(Allocation(s, t, Decimal(q), unit) for s, t, q, unit in allocations)
    return EventInput("production", (*used, *made), site.sources.now(), allocations=said)


BOTH = ((0, 0, "9", "kg"), (1, 1, "5", "kg"))


@pytest.mark.parametrize(
    ("allocations", "where", "says"),
    [
        ((*BOTH, (2, 0, "1", "kg")), "allocations/2/source", "the event has 2 inputs"),
        ((*BOTH, (0, 7, "1", "kg")), "allocations/2/target", "the event has 2 outputs"),
        ((*BOTH, (0, 1, "-1", "kg")), "allocations/2/quantity", "no positive quantity"),
        ((*BOTH, (0, 1, "0", "kg")), "allocations/2/quantity", "no positive quantity"),
        ((*BOTH, (0, 1, "1", "stone")), "allocations/2/unit", "'stone' of allocation 2"),
        ((*BOTH, (0, 1, "1", "pc")), "allocations/2/unit", "cannot be converted"),
        ((*BOTH, (0, 1, "1001", "g")), "allocations", "10.001 kg of M-1 are allocated, and 10 kg"),
        (((0, 0, "9", "kg"), (0, 1, "1", "kg")), "allocations", "what M-2 went into"),
        (((0, 0, "9", "kg"), (1, 0, "5", "kg")), "allocations", "A2 of PLANT came out of"),
    ],
    ids=["source", "target", "negative", "zero", "unknown", "factor", "more", "input", "output"],
)
def test_an_allocation_that_cannot_be_is_refused_by_name(plant: Site, allocations, where, says):
    before = count_site(plant, a_context(plant))
    with pytest.raises(InputRejected) as raised:
        record_event(plant, a_context(plant, EVERYTHING), told(plant, "A", *allocations))
    assert count_site(plant, a_context(plant)) == before
    (fault,) = raised.value.faults
    assert fault.where == where
    assert says in fault.message


def test_what_is_allocated_is_what_the_links_carry_and_a_loss_is_no_fault(plant: Site):
    event = told(plant, "B", (0, 0, "9000", "g"), (0, 1, "1", "kg"), (1, 1, "4", "kg"))
    record_event(plant, a_context(plant, EVERYTHING), event)
    found = trace(plant, a_context(plant, EVERYTHING), "B2", "backward").as_json()
    assert sorted(edge["quantity"] for edge in found["edges"]) == ["1", "4"]


@pytest.mark.parametrize("offset", ["+99:99", "+15:00", "-01:60"])
def test_an_offset_that_no_clock_has_is_refused(plant: Site, offset: str):
    body = {
        "event_type": "observation",
        "event_at": plant.sources.now().isoformat(),
        "utc_offset": offset,
        "lines": [{"part": "subject", "lot": {"text": "M-1"}}],
    }
    with make_web(plant).program() as client:
        answer = client.post("/api/v1/events", json=body)
        fine = client.post("/api/v1/events", json={**body, "utc_offset": "-09:30"})
    assert (answer.status_code, fine.status_code) == (400, 201)
    assert "utc_offset" in answer.text
