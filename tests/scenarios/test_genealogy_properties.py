"""Traces, shares and balances of random plants equal what an independent count finds."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qtcore.services.balances import balance_lots, balance_nodes
from qtcore.services.discrepancies import review_nodes
from qtcore.services.events import Origin, write_all
from qtcore.services.master import ensure_unknowns
from qtcore.services.nodes import NodeBook
from qtcore.services.paths import find_paths
from qtcore.services.recall import recall_scope
from qtcore.services.site import Site
from qtcore.services.stock import stock_of_nodes
from qtcore.services.trace import trace
from qtcore.store.queries.lens import NOW, Lens
from qtcore.testing import FrozenClock, a_context, a_party, a_site, an_item
from qtcore.testing.builders import EVERYTHING
from tests.naive_genealogy import Naive, Op, as_events, at, evenly, mixtures, named, plants

pytestmark = pytest.mark.heavy
_NUMBERS = count()
quick = settings(
    max_examples=settings().max_examples // 10,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


class Bench:
    """A site that many random plants share, each under names of its own."""

    def __init__(self, site: Site, clock: FrozenClock) -> None:
        self.site, self.clock = site, clock
        an_item(site, "ITEM")
        for party in ("MAKER", "X", "Y", "Z"):
            a_party(site, party)
        with site.store.write(site.system_context()) as work:
            ensure_unknowns(work)

    def load(self, ops: Sequence[Op], prefix: str) -> None:
        with self.site.store.write(self.site.system_context()) as work:
            book = NodeBook(self.site, work)
            told = write_all(self.site, book, as_events(ops, prefix), origin=Origin("import"))
            review_nodes(self.site, work, {node for each in told for node in each.nodes})

    def reach(
        self, name: str, prefix: str, way: str = "forward", lens: Lens = NOW
    ) -> tuple[set[str], set[str]]:
        found = trace(self.site, a_context(self.site), prefix + name, way, lens=lens)
        nodes = named((n.info.lot_no for n in found.nodes), prefix)
        return nodes, {shipment.customer for shipment in found.customers}


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    clock = FrozenClock()
    with a_site(clock=clock) as site:
        yield Bench(site, clock)


@pytest.fixture(scope="module")
def other() -> Iterator[Bench]:
    clock = FrozenClock()
    with a_site(clock=clock) as site:
        yield Bench(site, clock)


@pytest.fixture
def on_postgres(postgres_url: str) -> Iterator[Bench]:
    clock = FrozenClock()
    with a_site(postgres_url, clock=clock) as site:
        yield Bench(site, clock)


def a_prefix() -> str:
    return f"p{next(_NUMBERS)}-"


def names_in(ops: Sequence[Op]) -> list[str]:
    return sorted({name for op in ops for name in (*op.sources, *op.targets)})


@given(plants())
@quick
def test_a_trace_finds_what_is_true_and_nothing_else(bench: Bench, ops: list[Op]):
    prefix, truth = a_prefix(), Naive(ops)
    bench.load(ops, prefix)
    for name in names_in(ops):
        nodes, customers = bench.reach(name, prefix)
        assert nodes == truth.forward(name), name
        assert customers == truth.customers(name), name


@given(plants())
@quick
def test_forward_and_backward_are_mirror_images(bench: Bench, ops: list[Op]):
    prefix = a_prefix()
    bench.load(ops, prefix)
    names = names_in(ops)
    onward = {name: bench.reach(name, prefix)[0] for name in names}
    back = {name: bench.reach(name, prefix, "backward")[0] for name in names}
    for one in names:
        assert {other for other in names if one in back[other]} == onward[one], one


@given(plants(), st.randoms(use_true_random=False))
@quick
def test_the_order_of_import_does_not_matter(bench: Bench, other: Bench, ops: list[Op], chance):
    prefix, shuffled = a_prefix(), list(ops)
    chance.shuffle(shuffled)
    cut = chance.randint(0, len(ops))
    bench.load(ops, prefix)
    other.load(shuffled[:cut], prefix)
    other.load(shuffled[cut:], prefix)
    for name in names_in(ops):
        answers = []
        for each in (bench, other):
            found = trace(each.site, a_context(each.site), prefix + name, "both")
            answers.append(_said(found.as_json()))
        assert answers[0] == answers[1], name


def _said(answer: dict[str, Any]) -> dict[str, Any]:
    """Leave out what only our database made: public ids and times of recording."""
    names = {node["lot_id"]: node["lot_no"] for node in answer["nodes"]}
    return {
        "nodes": sorted(
            (n["lot_no"], n["depth"], n["side"], n["certainty"]) for n in answer["nodes"]
        ),
        "edges": sorted(
            (names[e["from"]], names[e["to"]], e["kind"], e["event_at"], e["certainty"])
            for e in answer["edges"]
        ),
        "customers": sorted((c["lot_no"], c["customer"], c["via"]) for c in answer["customers"]),
        "gaps": sorted((gap["kind"], gap["lot_no"]) for gap in answer["gaps"]),
    }


@given(plants(), st.integers(0, 12))
@quick
def test_as_of_an_event_time_equals_a_plant_that_ended_there(
    bench: Bench, ops: list[Op], hour: int
):
    prefix = a_prefix()
    bench.load(ops, prefix)
    truth = Naive([op for op in ops if op.hour <= hour])
    for name in names_in(truth.ops):
        nodes, customers = bench.reach(name, prefix, lens=Lens(as_of=at(hour)))
        assert customers == truth.customers(name), name
        lots = {node for node in nodes if node[0] == "L"}
        assert lots == {node for node in truth.forward(name) if node[0] == "L"}, name
        assert truth.holders(name, hour) <= nodes, name


@given(plants(), st.integers(0, 12))
@quick
def test_as_known_equals_a_fresh_database_fed_only_what_was_known(
    bench: Bench, other: Bench, ops: list[Op], cut: int
):
    prefix = a_prefix()
    bench.load(ops[:cut], prefix)
    known_at = bench.clock.now()
    bench.clock.advance(hours=1)
    bench.load(ops[cut:], prefix)
    other.load(ops[:cut], prefix)
    for name in names_in(ops[:cut]):
        lens = Lens(known_at=known_at)
        then = trace(bench.site, a_context(bench.site), prefix + name, "both", lens=lens)
        fresh = trace(other.site, a_context(other.site), prefix + name, "both")
        assert _said(then.as_json()) == _said(fresh.as_json()), name


@given(mixtures())
@quick
def test_shares_hold_the_even_mixture_and_are_exact_for_what_is_divided_only(
    bench: Bench, ops: list[Op]
):
    prefix = a_prefix()
    bench.load(ops, prefix)
    truth = evenly(ops, "L0")
    for name, held in truth.items():
        found = find_paths(bench.site, a_context(bench.site), f"{prefix}L0", prefix + name)
        if found.start.lot_no != f"{prefix}L0":
            continue
        share = found.share
        assert share.lower is not None
        assert share.likely is not None
        assert share.upper is not None
        assert share.lower <= share.likely <= share.upper
        assert abs(share.likely - Fraction(held)) < Fraction(1, 10**20)


def contained(bench: Bench, prefix: str, seeds: Sequence[str]) -> dict[str, dict[str, Any]]:
    context = a_context(bench.site, EVERYTHING)
    told = recall_scope(bench.site, context, [prefix + seed for seed in seeds]).as_json()
    return {lot["lot_no"].removeprefix(prefix): lot["contains"][0] for lot in told["lots"]}


def check_bounds(told: dict[str, dict[str, Any]], truth: dict[str, Decimal]) -> None:
    for name, share in told.items():
        lower, upper = Fraction(share["lower"]), Fraction(share["upper"])
        assert lower - Fraction(1, 10**20) <= Fraction(truth[name]), name
        assert Fraction(truth[name]) <= upper + Fraction(1, 10**20), name


@given(mixtures())
@quick
def test_a_recall_bounds_how_much_of_all_its_seeds_is_in_each_lot(bench: Bench, ops: list[Op]):
    prefix = a_prefix()
    bench.load(ops, prefix)
    one, two = evenly(ops, "L0"), evenly(ops, "L1")
    check_bounds(contained(bench, prefix, ["L0"]), one)
    check_bounds(
        contained(bench, prefix, ["L0", "L1"]), {name: one[name] + two[name] for name in one}
    )


def test_bounds_of_one_seed_do_not_hold_for_two(bench: Bench):
    prefix = a_prefix()
    ops = [
        Op("receive", 0, (), ("L0",), (120,)),
        Op("receive", 0, (), ("L1",), (60,)),
        Op("make", 1, ("L0", "L1"), ("L2",), (10, 20)),
    ]
    bench.load(ops, prefix)
    with pytest.raises(AssertionError):
        check_bounds(contained(bench, prefix, ["L0"]), {"L0": Decimal(120), "L2": Decimal(30)})


@given(mixtures())
@quick
def test_a_recall_of_recorded_allocations_is_the_truth_and_all_of_it_proved(
    bench: Bench, ops: list[Op]
):
    prefix = a_prefix()
    bench.load(ops, prefix)
    for source in ("L0", "L1"):
        truth = {name for name, held in evenly(ops, source).items() if held} | {source}
        scope = recall_scope(bench.site, a_context(bench.site, EVERYTHING), [prefix + source])
        found = {lot["lot_no"]: lot["verdict"] for lot in scope.as_json()["lots"]}
        assert found == dict.fromkeys((prefix + name for name in truth), "proved")


@given(plants())
@quick
def test_a_recall_never_misses_what_may_be_in_it(bench: Bench, ops: list[Op]):
    """Nobody recorded what went where: all of it may be concerned, and nothing else is."""
    prefix, truth = a_prefix(), Naive(ops)
    bench.load(ops, prefix)
    for name in names_in(ops)[:4]:
        scope = recall_scope(bench.site, a_context(bench.site, EVERYTHING), [prefix + name])
        told = scope.as_json()
        assert named((lot["lot_no"] for lot in told["lots"]), prefix) == truth.forward(name)
        assert {ship["customer"] for ship in told["shipments"]} == truth.customers(name)


def check_scope_adds_up(bench: Bench, prefix: str, names: Sequence[str]) -> None:
    """Compare a scope with what trace, balance and stock answer, which read each for themselves."""
    site, context = bench.site, a_context(bench.site, EVERYTHING)
    for name in names:
        scope = recall_scope(site, context, [prefix + name])
        told = scope.as_json()
        assert (
            told["shipments"]
            == trace(site, context, prefix + name, "forward").as_json()["customers"]
        )
        nodes = list(scope.balances)
        with site.store.read() as session:
            stocks = stock_of_nodes(site, session, nodes)
            balanced = {lot.info.node: lot.sums for lot in balance_nodes(site, session, nodes).lots}
        assert scope.balances == balanced
        there = {(row["lot_id"], row["place"]): row["quantity"] for row in told["on_hand"]}
        uids = {node.info.node: node.info.uid for node in scope.trace.nodes}
        assert there == {
            (uids[node], place): format(amount, "f")
            for node, stock in stocks.items()
            for place, amount in stock.places.items()
            if amount
        }


@given(plants(8))
@quick
def test_a_scope_says_what_trace_balance_and_stock_say(bench: Bench, ops: list[Op]):
    prefix = a_prefix()
    bench.load(ops, prefix)
    check_scope_adds_up(bench, prefix, names_in(ops)[:4])


@pytest.mark.postgres
@given(plants(8))
@settings(quick, max_examples=quick.max_examples // 3)
def test_a_scope_says_so_on_postgresql(on_postgres: Bench, ops: list[Op]):
    prefix = a_prefix()
    on_postgres.load(ops, prefix)
    check_scope_adds_up(on_postgres, prefix, names_in(ops)[:4])


@given(mixtures())
@quick
def test_a_balance_conserves_every_gram(bench: Bench, ops: list[Op]):
    prefix = a_prefix()
    bench.load(ops, prefix)
    lots = [prefix + name for name in names_in(ops)]
    found = balance_lots(bench.site, a_context(bench.site), lots)
    came = sum(Decimal(op.amounts[0]) for op in ops if op.verb == "receive")
    assert sum(lot.sums.on_hand for lot in found.lots) == came
    assert found.as_json()["closes"]
    assert found.process == ()


def check_alike(one: Bench, other: Bench, prefix: str, names: Sequence[str], hour: int) -> None:
    """Compare what two databases answer, through every kind of lens."""
    lenses = (
        NOW,
        Lens(as_of=at(hour)),
        Lens(since=at(1), until=at(hour + 1), kinds=("transform",)),
    )
    for name in names:
        for lens in lenses:
            first, second = (
                trace(each.site, a_context(each.site), prefix + name, "both", lens=lens)
                for each in (one, other)
            )
            assert _said(first.as_json()) == _said(second.as_json()), (name, lens)


@pytest.mark.postgres
@given(plants(8), st.integers(0, 8))
@settings(quick, max_examples=quick.max_examples // 3)
def test_postgresql_answers_as_sqlite_does(
    bench: Bench, on_postgres: Bench, ops: list[Op], hour: int
):
    prefix = a_prefix()
    for each in (bench, on_postgres):
        each.load(ops, prefix)
    check_alike(bench, on_postgres, prefix, names_in(ops)[:4], hour)


@pytest.mark.postgres
def test_a_database_that_was_told_less_answers_otherwise(bench: Bench, on_postgres: Bench):
    """With an unpacking that only one of two databases knows, the property above does not hold."""
    prefix = a_prefix()
    ops = [
        Op("receive", 0, (), ("L0",), (120,)),
        Op("make", 1, ("L0",), ("L1",)),
        Op("pack", 2, ("L1",), ("C0",)),
    ]
    bench.load(ops, prefix)
    on_postgres.load(ops, prefix)
    check_alike(bench, on_postgres, prefix, names_in(ops), 2)
    bench.load([Op("unpack", 3, ("L1",), ("C0",))], prefix)
    check_alike(bench, on_postgres, prefix, ["L0"], 2)
    with pytest.raises(AssertionError):
        check_alike(bench, on_postgres, prefix, ["C0"], 4)


def test_the_clock_of_the_bench_runs(bench: Bench):
    before = bench.clock.now()
    assert bench.clock.advance(hours=1) - before == timedelta(hours=1)
