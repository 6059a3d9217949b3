"""Facts that do not fit, in any order, under any lens: answers as of a fresh database."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qtcore.errors import Conflict, InputRejected, NotFound
from qtcore.services import trace as tracing
from qtcore.services.balances import balance_lots
from qtcore.services.discrepancies import review_nodes
from qtcore.services.events import Origin, write_all
from qtcore.services.holds import place_hold
from qtcore.services.master import ensure_unknowns
from qtcore.services.nodes import NodeBook
from qtcore.services.same_lots import join_lots
from qtcore.services.site import Site
from qtcore.services.trace import trace
from qtcore.store.queries.lens import NOW, Lens
from qtcore.testing import FrozenClock, a_context, a_party, a_site, an_item
from qtcore.testing.builders import EVERYTHING
from tests.naive_facts import HOURS, LOTS, PARTIES, THINGS, Fact, Part, as_event, facts
from tests.naive_genealogy import at

pytestmark = pytest.mark.heavy
_NUMBERS = count()
few = settings(
    max_examples=settings().max_examples // 3,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


class Plant:
    """A site that many random lives share, each under names of its own."""

    def __init__(self, site: Site, clock: FrozenClock) -> None:
        self.site, self.clock = site, clock
        an_item(site, "ITEM")
        for party in ("MAKER", *PARTIES):
            a_party(site, party)
        with site.store.write(site.system_context()) as work:
            ensure_unknowns(work)

    def load(self, told: Sequence[Fact], prefix: str) -> None:
        """Import facts as one file."""
        with self.site.store.write(self.site.system_context()) as work:
            book = NodeBook(self.site, work)
            events = [as_event(fact, prefix) for fact in told]
            stored = write_all(self.site, book, events, origin=Origin("import"))
            review_nodes(self.site, work, {node for each in stored for node in each.nodes})

    def joins(self, prefix: str, pair: tuple[str, str]) -> bool:
        one, two = (prefix + name for name in pair)
        try:
            join_lots(self.site, a_context(self.site, EVERYTHING), one, two, reason="one label")
        except (InputRejected, Conflict, NotFound):
            return False
        return True

    def says(self, name: str, prefix: str, lens: Lens = NOW) -> dict[str, Any] | None:
        context = a_context(self.site, EVERYTHING)
        try:
            found = trace(self.site, context, prefix + name, "both", lens=lens)
        except NotFound:
            return None
        said = spoken(found.as_json())
        if name in LOTS:
            balance = balance_lots(self.site, context, [prefix + name], lens=lens).as_json()
            said["balance"] = {
                key: value if key == "unit" else Decimal(str(value))
                for key, value in balance.items()
                if key in ("on_hand", "shipped", "returned", "consumed", "produced", "unit")
            }
        return said


def spoken(answer: dict[str, Any]) -> dict[str, Any]:
    """Leave out what only our database made: public ids and times of recording."""
    names = {node["lot_id"]: node["lot_no"] for node in answer["nodes"]}
    return {
        "nodes": sorted(
            (n["lot_no"], n["depth"], n["side"], n["certainty"]) for n in answer["nodes"]
        ),
        "edges": sorted(
            (names[e["from"]], names[e["to"]], e["kind"], _moment_of(e), str(e["quantity"]))
            for e in answer["edges"]
        ),
        "customers": sorted(
            (c["lot_no"], c["customer"], str(c["via"]), str(c["quantity"]))
            for c in answer["customers"]
        ),
        # Which of the shortest ways round a cycle is told is no news.
        "gaps": sorted(
            (gap["kind"], gap["lot_no"], "" if gap["kind"] == "cycle" else gap["detail"])
            for gap in answer["gaps"]
        ),
    }


def _moment_of(edge: dict[str, Any]) -> str:
    """Give the moment of an event; that two names were joined is dated by the clock of a site."""
    return "" if edge["kind"] == "same_as" else str(edge["event_at"])


def a_plant(url: str | None = None) -> Iterator[Plant]:
    clock = FrozenClock()
    with a_site(clock=clock) if url is None else a_site(url, clock=clock) as site:
        yield Plant(site, clock)


@pytest.fixture(scope="module")
def one() -> Iterator[Plant]:
    yield from a_plant()


@pytest.fixture(scope="module")
def two() -> Iterator[Plant]:
    yield from a_plant()


@pytest.fixture
def on_postgres(postgres_url: str) -> Iterator[Plant]:
    yield from a_plant(postgres_url)


def a_prefix() -> str:
    return f"m{next(_NUMBERS)}-"


PAIRS = st.sampled_from([("L0", "L1"), ("L2", "L3"), None])


def check_then(
    full: Plant, fresh: Plant, told: Sequence[Fact], hour: int, pair: tuple[str, str] | None
) -> None:
    """Compare an answer as of an hour with a database that was fed nothing that came later."""
    prefix = a_prefix()
    full.load(told, prefix)
    fresh.load([fact for fact in told if fact.hour <= hour], prefix)
    is_joined = pair is not None and full.joins(prefix, pair)
    if is_joined and pair is not None and not fresh.joins(prefix, pair):
        return  # one of the two was not heard of yet
    for name in THINGS:
        noted, wanted = (fresh.says(name, prefix, lens) for lens in (NOW, Lens(as_of=at(hour))))
        if noted is None or wanted is None:
            continue  # not heard of yet
        assert full.says(name, prefix, Lens(as_of=at(hour))) == wanted, name
        # What was taken out of its case unused is no part of what was true at that hour.
        there = {lot_no for lot_no, *_ in wanted["nodes"]}
        assert wanted["gaps"] == [gap for gap in noted["gaps"] if gap[1] in there], name


@given(facts(), st.integers(0, HOURS), PAIRS)
@few
def test_what_did_not_fit_then_is_what_a_database_of_that_hour_would_say(
    one: Plant, two: Plant, told: list[Fact], hour: int, pair: tuple[str, str] | None
):
    check_then(one, two, told, hour, pair)


def kg(part: str, name: str, amount: int) -> Part:
    return Part(part, name, Decimal(amount), "kg")


LATE = [
    Fact(0, "receiving", 1, (kg("output", "L0", 4),)),
    Fact(1, "shipping", 2, (kg("subject", "L0", 6),), "X"),
    Fact(2, "receiving", 3, (kg("output", "L0", 4),)),
    Fact(3, "shipping", 4, (kg("subject", "L0", 9),), "X"),
    Fact(4, "receiving", 5, (kg("output", "L0", 9),)),
]


def gaps_at(plant: Plant, prefix: str, hour: int, **more: Any) -> list[tuple[str, str]]:
    said = plant.says("L0", prefix, Lens(as_of=at(hour), **more))
    return [] if said is None else [(kind, detail) for kind, _, detail in said["gaps"]]


def test_what_later_events_explain_did_not_fit_then_and_what_they_spoil_did(one: Plant):
    prefix = a_prefix()
    one.load(LATE, prefix)
    lot = f"{prefix}L0"
    assert [gaps_at(one, prefix, hour) for hour in range(1, 6)] == [
        [],
        [("negative_balance", f"2 kg more left {lot} than came in")],
        [],
        [("negative_balance", f"7 kg more left {lot} than came in")],
        [],
    ]


def test_what_did_not_fit_as_it_was_known_then_is_found_too(one: Plant):
    """Both times: what had happened by an hour, of what had been told by then."""
    prefix, clock = a_prefix(), one.clock
    one.load(LATE[:2], prefix)
    known_at = clock.now()
    clock.advance(hours=1)
    one.load(LATE[2:], prefix)
    assert [kind for kind, _ in gaps_at(one, prefix, 3, known_at=known_at)] == ["negative_balance"]
    assert gaps_at(one, prefix, 3, known_at=clock.now()) == []


def test_a_lot_that_left_on_hold_is_named_from_the_hour_it_left(one: Plant):
    prefix = a_prefix()
    hold_at = int((one.clock.now() - at(0)).total_seconds() // 3600)
    one.load([Fact(0, "receiving", 1, (kg("output", "L0", 9),))], prefix)
    context = a_context(one.site, EVERYTHING)
    place_hold(one.site, context, [f"{prefix}L0"], "smells")
    one.load([Fact(1, "shipping", hold_at + 1, (kg("subject", "L0", 6),), "X")], prefix)
    kinds = [[kind for kind, _ in gaps_at(one, prefix, hold_at + hour)] for hour in (0, 1)]
    assert kinds == [[], ["future_event", "shipped_on_hold"]]


def test_one_shipment_under_two_holds_is_one_finding(one: Plant):
    prefix, context = a_prefix(), a_context(one.site, EVERYTHING)
    hold_at = int((one.clock.now() - at(0)).total_seconds() // 3600)
    one.load([Fact(0, "receiving", 1, (kg("output", "L0", 9),))], prefix)
    for why in ("smells", "looks odd"):
        place_hold(one.site, context, [f"{prefix}L0"], why)
    one.load([Fact(1, "shipping", hold_at + 1, (kg("subject", "L0", 6),), "X")], prefix)
    gaps = trace(one.site, context, f"{prefix}L0").as_json()["gaps"]
    (held,) = [gap for gap in gaps if gap["kind"] == "shipped_on_hold"]
    assert "others" not in held["parts"] and "more" not in held["detail"]


def test_what_is_noted_today_does_not_tell_what_did_not_fit_then(
    one: Plant, two: Plant, monkeypatch: pytest.MonkeyPatch
):
    for hour in (2, 3):
        check_then(one, two, LATE, hour, None)
    monkeypatch.setattr(tracing, "findings_then", lambda *_: [])
    with pytest.raises(AssertionError):
        check_then(one, two, LATE, 2, None)


@given(facts(), PAIRS)
@few
def test_what_leads_forward_leads_backward(
    one: Plant, two: Plant, told: list[Fact], pair: tuple[str, str] | None
):
    check_mirror(one, two, told, pair)


def check_mirror(
    one: Plant, _two: Plant, told: Sequence[Fact], pair: tuple[str, str] | None
) -> None:
    """Compare who is reached from whom with who is reached backward."""
    prefix = a_prefix()
    one.load(told, prefix)
    if pair is not None:
        one.joins(prefix, pair)
    ways = {
        way: {n: _reached(one, prefix + n, way) for n in THINGS} for way in ("forward", "backward")
    }
    for name in THINGS:
        onward = ways["forward"][name]
        back = {other for other in THINGS if prefix + name in ways["backward"][other]}
        assert onward == {prefix + other for other in back}, name


def _reached(plant: Plant, lot: str, way: str) -> set[str]:
    try:
        found = trace(plant.site, a_context(plant.site, EVERYTHING), lot, way)
    except NotFound:
        return set()
    return {node.info.lot_no for node in found.nodes}


@given(facts(), st.randoms(use_true_random=False), PAIRS)
@few
def test_in_which_order_facts_are_told_makes_no_difference(
    one: Plant, two: Plant, told: list[Fact], chance: Any, pair: tuple[str, str] | None
):
    check_order(one, two, told, chance, pair)


def check_order(
    one: Plant, two: Plant, told: Sequence[Fact], chance: Any, pair: tuple[str, str] | None
) -> None:
    """Compare what two databases say that were told the same in another order."""
    prefix, other = a_prefix(), list(told)
    chance.shuffle(other)
    cut = chance.randint(0, len(other))
    one.load(told, prefix)
    two.load(other[:cut], prefix)
    two.load(other[cut:], prefix)
    if pair is not None:
        assert one.joins(prefix, pair) == two.joins(prefix, pair)
    for name in THINGS:
        assert one.says(name, prefix) == two.says(name, prefix), name


def test_two_cases_of_one_moment_are_told_alike_in_any_order(one: Plant, two: Plant):
    """Which of them comes first is decided by their names, not by who was heard of first."""
    child, moment = Part("child", "C1"), 3
    packed = [
        Fact(number, "packing", moment, (child, Part("parent", case)))
        for number, case in enumerate(("C0", "P0"))
    ]
    prefix = a_prefix()
    one.load(packed, prefix)
    two.load(packed[::-1], prefix)
    said = one.says("C1", prefix)
    assert said is not None and said == two.says("C1", prefix)
    assert [gap[0] for gap in said["gaps"]].count("packed_twice") == 1


@pytest.mark.postgres
@given(facts(10), st.integers(0, HOURS))
@settings(few, max_examples=few.max_examples // 3)
def test_postgresql_says_of_facts_that_do_not_fit_what_sqlite_does(
    one: Plant, on_postgres: Plant, told: list[Fact], hour: int
):
    check_alike(one, on_postgres, told, hour)


def check_alike(one: Plant, two: Plant, told: Sequence[Fact], hour: int) -> None:
    """Compare what two databases say of the same facts, now and as of an hour."""
    prefix = a_prefix()
    for each in (one, two):
        each.load(told, prefix)
    for name in THINGS:
        for lens in (NOW, Lens(as_of=at(hour))):
            assert one.says(name, prefix, lens) == two.says(name, prefix, lens), (name, lens)
