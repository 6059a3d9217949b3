"""Each property of the genealogy fails when what it guards is taken away."""

from collections.abc import Iterator
from random import Random
from typing import Any

import pytest

from qtcore.services import balances, shipments, trace
from qtcore.services.contents import held_in, list_movements
from qtcore.services.nodes import NodeBook
from qtcore.services.trace import certainty_of, read_reach
from qtcore.store.queries.lens import Lens
from qtcore.testing import FrozenClock, a_site
from tests.naive_genealogy import Op
from tests.scenarios import test_genealogy_properties as properties
from tests.scenarios.test_genealogy_properties import Bench

pytestmark = pytest.mark.heavy

RECEIVED = [Op("receive", 0, (), (lot,), (1000,)) for lot in ("L0", "L1", "L2")]
REUSED = [
    *RECEIVED,
    Op("pack", 1, ("L0",), ("C0",)),
    Op("unpack", 2, ("L0",), ("C0",)),
    Op("pack", 3, ("L1",), ("C0",)),
    Op("make", 4, ("C0",), ("L3",)),
    Op("pack", 5, ("C0",), ("P0",)),
    Op("ship", 6, ("P0",), (), customer="X"),
    Op("make", 7, ("L3", "L2"), ("L4",)),
]
MIXED = [
    Op("receive", 0, (), ("L0",), (120,)),
    Op("receive", 0, (), ("L1",), (60,)),
    Op("receive", 0, (), ("L2",), (90,)),
    Op("make", 1, ("L0", "L1"), ("L3",), (30, 20)),
    Op("make", 2, ("L3",), ("L4",), (10,)),
]


class Turned(Random):
    """Chance that turns a list round and cuts it in the middle."""

    def shuffle(self, x: Any) -> None:
        x.reverse()

    def randint(self, a: int, b: int) -> int:
        return (a + b) // 2


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    with a_site(clock=(clock := FrozenClock())) as site:
        yield Bench(site, clock)


@pytest.fixture(scope="module")
def other() -> Iterator[Bench]:
    with a_site(clock=(clock := FrozenClock())) as site:
        yield Bench(site, clock)


def timeless(edges: Any, *_: Any, **__: Any) -> set[int]:
    return {edge.id for edge in edges}


def shallow(*told: Any, **more: Any) -> Any:
    """Lose what is farthest on the way back."""
    found = read_reach(*told, **more)
    if told[3] == "forward" or not found.edges:
        return found
    lost = max(found.depths, key=lambda node: found.depths[node])
    return found._replace(depths={n: d for n, d in found.depths.items() if n != lost})


def unsure(edges: Any, starts: Any, side: str) -> dict[int, str]:
    return dict.fromkeys(certainty_of(edges, starts, side), "derived")


def outermost(contents: Any, container: int, at: Any, **_: Any) -> Any:
    """Look into a pallet and not into the cases on it."""
    within = [content for content in contents if content.container == container]
    return held_in(within, container, at)


def forgetful(*told: Any, **more: Any) -> Any:
    return list_movements(*told, **more)[:-1]


def of_today(*told: Any, lens: Lens, **more: Any) -> Any:
    return read_reach(*told, lens=Lens(kinds=lens.kinds), **more)


def unverified(*_: Any) -> None:
    return None


CONTROLS: dict[str, tuple[str, str, tuple[Any, str, Any], tuple[Any, ...]]] = {
    "times of cases": (
        "a_trace_finds_what_is_true_and_nothing_else",
        "reused", (trace, "keep_contained", timeless), (),
    ),
    "the way back": (
        "forward_and_backward_are_mirror_images", "mixed", (trace, "read_reach", shallow), (),
    ),
    "certainty": (
        "a_recall_of_recorded_allocations_is_the_truth_and_all_of_it_proved",
        "mixed", (trace, "certainty_of", unsure), (),
    ),
    "cases on pallets": (
        "a_recall_never_misses_what_may_be_in_it",
        "reused", (shipments, "held_in", outermost), (),
    ),
    "every movement": (
        "a_balance_conserves_every_gram", "mixed", (balances, "list_movements", forgetful), (),
    ),
    "event time": (
        "as_of_an_event_time_equals_a_plant_that_ended_there",
        "mixed", (trace, "read_reach", of_today), (0,),
    ),
    "record time": (
        "as_known_equals_a_fresh_database_fed_only_what_was_known",
        "mixed", (trace, "read_reach", of_today), ("other", 4),
    ),
    "what comes later": (
        "the_order_of_import_does_not_matter",
        "mixed", (NodeBook, "verify", unverified), ("other", Turned()),
    ),
}  # fmt: skip
PLANTS = {"reused": REUSED, "mixed": MIXED}


@pytest.mark.parametrize("name", CONTROLS)
def test_a_property_fails_without_what_it_guards(
    bench: Bench, other: Bench, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    claim, plant, patched, given = CONTROLS[name]
    check = getattr(properties, f"test_{claim}").hypothesis.inner_test
    sites = (bench, other) if "other" in given else (bench,)
    more = [each for each in given if each != "other"]
    check(*sites, PLANTS[plant], *more)
    monkeypatch.setattr(*patched)
    with pytest.raises(AssertionError):
        check(*sites, PLANTS[plant], *more)
