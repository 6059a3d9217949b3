"""Corrections in any order: sent before or after what they correct, they leave the same answer."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qtcore.errors import NotFound
from qtcore.services import epcis_settling
from qtcore.services.balances import balance_lots
from qtcore.services.interchange import import_epcis
from qtcore.services.site import Site
from qtcore.services.trace import trace
from qtcore.store.queries.lens import NOW, Lens
from qtcore.testing import FrozenClock, a_site
from tests.epcis_words import a_document, an_event
from tests.naive_genealogy import at

pytestmark = pytest.mark.heavy
NUMBERS = count(100_000)
LOTS = range(5)
few = settings(
    max_examples=settings().max_examples // 12,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


@dataclass(frozen=True)
class Told:
    """One message: a lot made of another, or shipped where it is its own target; or its error."""

    number: int
    hour: int
    source: int
    target: int
    is_error: bool = False


@st.composite
def messages(draw: st.DrawFn) -> list[Told]:
    """Draw facts, some of them wrong and declared so, some replaced, in the order they are sent."""
    facts = []
    for number in range(draw(st.integers(1, 6))):
        source = draw(st.integers(0, LOTS[-1]))
        target = draw(st.integers(source, LOTS[-1]))
        facts.append(Told(number, draw(st.integers(0, 6)), source, target))
    wrong = [fact for fact in facts if draw(st.booleans())]
    errors = [Told(f.number, f.hour, f.source, f.target, is_error=True) for f in wrong]
    return draw(st.permutations([*facts, *errors]))


def sent(told: Told, prefix: int) -> bytes:
    def lots(number: int) -> list[dict[str, Any]]:
        name = f"urn:epc:class:lgtin:4012345.012345.{prefix}-{number}"
        return [{"epcClass": name, "quantity": 1 + told.number, "uom": "KGM"}]

    moment = at(told.hour).isoformat().replace("+00:00", "Z")
    common = {
        "eventID": f"urn:x:{prefix}:{told.number}",
        "eventTime": moment,
        "eventTimeZoneOffset": "+00:00",
    }
    if told.source == told.target:
        shop = "urn:epc:id:pgln:4012345.00001"
        shown = an_event(
            **common,
            quantityList=lots(told.source),
            destinationList=[{"type": "owning_party", "destination": shop}],
        )
    else:
        shown = an_event(
            **common,
            type="TransformationEvent",
            inputQuantityList=lots(told.source),
            outputQuantityList=lots(told.target),
            **dict.fromkeys(("action", "bizStep", "quantityList")),
        )
    if told.is_error:
        shown["errorDeclaration"] = {"declarationTime": "2026-03-09T00:00:00Z"}
    return json.dumps(a_document(shown)).encode()


def feed(site: Site, told: Sequence[Told], prefix: int) -> None:
    for each in told:
        import_epcis(site, site.system_context(), [("x", sent(each, prefix))])


def answers(site: Site, prefix: int, lens: Lens = NOW) -> dict[int, Any]:
    """Give trace and balance of every lot, by what they say and not by our keys."""
    return {number: _answer(site, f"{prefix}-{number}", lens) for number in LOTS}


def _answer(site: Site, lot: str, lens: Lens) -> Any:
    name = f"urn:epc:class:lgtin:4012345.012345.{lot}"
    try:
        found = trace(site, site.system_context(), name, "both", lens=lens).as_json()
    except NotFound:
        return None
    names = {node["lot_id"]: node["lot_no"] for node in found["nodes"]}
    balance = balance_lots(site, site.system_context(), [name], lens=lens).as_json()
    gaps = sorted((gap["kind"], gap["lot_no"]) for gap in found["gaps"])
    return (
        sorted((n["lot_no"], n["depth"], n["side"], n["certainty"]) for n in found["nodes"]),
        sorted((names[e["from"]], names[e["to"]], e["event_at"]) for e in found["edges"]),
        sorted((c["lot_no"], c["customer"], str(c["quantity"])) for c in found["customers"]),
        gaps,
        {kind: balance[kind] for kind in ("produced", "consumed", "shipped", "on_hand")},
    )


class Pair:
    """Two sites; every example has names of its own in both."""

    def __init__(self, one: Site, other: Site, clock: FrozenClock) -> None:
        self.one, self.other, self.clock = one, other, clock


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    clock = FrozenClock()
    with a_site(clock=clock) as one, a_site(clock=clock) as other:
        yield Pair(one, other, clock)


def check_order(pair: Pair, told: Sequence[Told], other: Sequence[Told]) -> None:
    prefix = next(NUMBERS)
    feed(pair.one, told, prefix)
    feed(pair.other, other, prefix)
    assert answers(pair.one, prefix) == answers(pair.other, prefix)


@given(messages(), st.randoms(use_true_random=False))
@few
def test_a_correction_may_come_before_what_it_corrects(pair: Pair, told: list[Told], chance):
    other = list(told)
    chance.shuffle(other)
    check_order(pair, told, other)


def test_a_correction_that_is_only_looked_at_when_it_comes_would_be_lost(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
):
    fact, error = Told(0, 1, 0, 1), Told(0, 1, 0, 1, is_error=True)
    check_order(pair, [fact, error], [error, fact])
    settle = epcis_settling._settle
    late = lambda work, event, *rest: settle(work, event, *rest) if event.error else None  # noqa: E731
    monkeypatch.setattr(epcis_settling, "_settle", late)
    with pytest.raises(AssertionError):
        check_order(pair, [fact, error], [error, fact])


def check_then(pair: Pair, told: Sequence[Told], cut: int, lens_hour: int, hour: int) -> None:
    """Compare an answer of another time with a database that was fed nothing else."""
    prefix = next(NUMBERS)
    feed(pair.one, told[:cut], prefix)
    known_at = pair.clock.now()
    pair.clock.advance(hours=1)
    feed(pair.one, told[cut:], prefix)
    feed(pair.other, [each for each in told[:cut] if each.hour <= hour], prefix)
    lens = Lens(as_of=at(lens_hour), known_at=known_at)
    then, fresh = answers(pair.one, prefix, lens), answers(pair.other, prefix, Lens(as_of=at(99)))
    for number in LOTS:
        if fresh[number] is not None:
            assert then[number] == fresh[number], number
        elif then[number] is not None:  # known by name today, and nothing was known of it then
            assert then[number][1:3] == ([], []), number


@given(messages(), st.integers(0, 9), st.integers(0, 6))
@few
def test_as_of_both_times_equals_a_database_that_was_fed_nothing_else(
    pair: Pair, told: list[Told], cut: int, hour: int
):
    check_then(pair, told, cut, hour, hour)


def test_a_database_that_ended_earlier_gives_another_answer(pair: Pair):
    told = [Told(0, 1, 0, 1), Told(1, 3, 1, 2), Told(0, 1, 0, 1, is_error=True)]
    check_then(pair, told, 2, 3, 3)
    with pytest.raises(AssertionError):
        check_then(pair, told, 2, 3, 1)
