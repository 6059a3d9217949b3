"""Many steps in one transaction: read together, and decided as if they were made one by one."""

from collections.abc import Iterator

import pytest

from qtcore.services import step_ahead
from qtcore.services.decisions import decisions_of
from qtcore.services.site import Site, with_registry
from qtcore.services.transitions import Step, fire_transitions
from qtcore.store.queries.evidence import parts_there
from qtcore.store.queries.records import state_changes_of
from qtcore.testing import a_made_lot, a_received_lot, a_site, a_user, release
from tests.statements import counted


@pytest.fixture(scope="module")
def plant() -> Iterator[Site]:
    with a_site(packs=["food"]) as opened:
        yield with_registry(opened, opened.registry, (), version=1)


def _lots(site: Site, name: str, count: int) -> list[str]:
    return [a_received_lot(site, lot_no=f"{name}-{at}").uid for at in range(count)]


def _statements(site: Site, lots: list[str]) -> int:
    by = a_user(site, ["qa"])
    with counted() as sent:
        fire_transitions(site, by, [(("lot", lot), Step("start_testing")) for lot in lots])
    return len(sent)


def test_a_further_lot_costs_one_statement(plant):
    _statements(plant, _lots(plant, "W", 2))
    few, many = _lots(plant, "A", 2), _lots(plant, "B", 12)
    # Its own change, by compare-and-set; and keys are drawn in growing blocks.
    assert _statements(plant, many) <= _statements(plant, few) + 10 + 4


def _block_and_test(site: Site, number: int) -> str:
    """Block a lot and take the one made of it into testing, at once; gives what was seen of it."""
    raw = a_received_lot(site, lot_no=f"R-{number}").uid
    release(site, raw)
    made = a_made_lot(site, "CHEESE", f"M-{number}", [(raw, "1")]).uid
    steps = [
        (("lot", raw), Step("block", reason="a doubt")),
        (("lot", made), Step("start_testing")),
    ]
    fire_transitions(site, a_user(site, ["qa"]), steps)
    with site.store.read() as session:
        decision = decisions_of(session, site.store.tenant_id, made)[-1]
    return str(decision.document["facts"]["inputs_unreleased"]["integer"])


def test_a_step_sees_what_an_earlier_one_of_the_same_transaction_did(plant):
    assert _block_and_test(plant, 1) == "1"


def test_it_would_not_if_what_has_inputs_were_read_ahead(plant, monkeypatch):
    everything = parts_there
    monkeypatch.setattr(
        step_ahead,
        "parts_there",
        lambda *asked: {n: found - {"inputs"} for n, found in everything(*asked).items()},
    )
    assert _block_and_test(plant, 2) == "0"


def test_a_second_step_of_the_same_lot_starts_from_the_first(plant):
    (lot,) = _lots(plant, "T", 1)
    other = _lots(plant, "U", 1)[0]
    by = a_user(plant, ["qa"])
    steps = [
        (("lot", lot), Step("start_testing")),
        (("lot", other), Step("start_testing")),
        (("lot", lot), Step("stop_testing", reason="wrong lot")),
    ]
    assert [made.to_state for made in fire_transitions(plant, by, steps)][-1] == "quarantine"
    with plant.store.read() as session:
        changes = state_changes_of(session, plant.store.tenant_id, lot)
    assert [(row.number, row.from_state) for row in changes[-2:]] == [
        (changes[-1].number - 1, "quarantine"),
        (changes[-1].number, "testing"),
    ]
