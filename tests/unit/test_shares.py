"""How much of one lot is in another: exact where records are, bounded where they are not."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings

from qtcore.engines.shares import (
    Act,
    Amount,
    Flow,
    Plant,
    Share,
    find_share,
    find_shares,
)
from qtcore.engines.shares import (
    bounds as engine,
)
from qtcore.errors import InputRejected
from tests.naive_shares import SEED, Grain, History, Lot, histories

A, B, C, D, E, OTHER = range(6)


def kg(amount: str | None) -> Amount:
    return Amount(None if amount is None else Decimal(amount), "kg")


def convert(quantity: Decimal, given: str, wanted: str) -> Decimal:
    factors = {("g", "kg"): Decimal("0.001"), ("kg", "g"): Decimal(1000)}
    if (given, wanted) not in factors:
        raise InputRejected(f"no factor from {given} to {wanted}")
    return quantity * factors[given, wanted]


def a_plant(sizes: dict[int, Amount], flows: list[Flow], **acts: Act) -> Plant:
    """Make a plant where the first event that is told of a lot brought all of it."""
    inside = {A, *(flow.target for flow in flows)}
    events = {flow.target: flow.event for flow in reversed(flows)}
    brought = {node: {events.get(node, "came"): size} for node, size in sizes.items()}
    return Plant(sizes, brought, flows, acts, convert, inside)


def bounds(share: Share) -> tuple[object, object]:
    return share.lower, share.upper


def test_a_split_lot_shows_what_each_part_got_not_the_whole():
    plant = a_plant(
        {A: kg("100"), B: kg("60"), C: kg("40")},
        [Flow(A, B, "e", kg("60")), Flow(A, C, "e", kg("40"))],
    )
    assert bounds(find_share(plant, A, B)) == (60, 60)
    assert bounds(find_share(plant, A, C)) == (40, 40)


def test_a_part_of_a_part_is_exact_while_nothing_else_went_in():
    plant = a_plant(
        {A: kg("100"), B: kg("60"), C: kg("15")},
        [Flow(A, B, "e", kg("60")), Flow(B, C, "f", kg("15"))],
    )
    assert find_share(plant, A, C).is_exact
    assert bounds(find_share(plant, A, C)) == (15, 15)


def test_a_divided_blend_has_bounds_that_allow_every_way_of_dividing():
    plant = a_plant(
        {A: kg("60"), B: kg("100"), C: kg("70"), OTHER: kg("40")},
        [Flow(A, B, "e", kg("60")), Flow(OTHER, B, "e", kg("40")), Flow(B, C, "f", kg("70"))],
    )
    share = find_share(plant, A, C)
    assert bounds(share) == (30, 60)
    assert share.likely == 42


def test_two_halves_of_a_blend_are_the_whole():
    plant = a_plant(
        {A: kg("60"), B: kg("100"), C: kg("100"), OTHER: kg("40")},
        [
            Flow(A, B, "e", kg("60")),
            Flow(OTHER, B, "e", kg("40")),
            Flow(B, C, "f", kg("30")),
            Flow(B, C, "g", kg("70")),
        ],
    )
    assert bounds(find_share(plant, A, C)) == (60, 60)


def test_without_allocation_what_went_where_is_bounded_by_what_there_was():
    act = Act({A: kg("60"), OTHER: kg("40")}, {B: kg("70"), C: kg("30")})
    flows = [Flow(s, t, "e", kg(None)) for s in (A, OTHER) for t in (B, C)]
    plant = a_plant({A: kg("60"), B: kg("70"), C: kg("30"), OTHER: kg("40")}, flows, e=act)
    assert bounds(find_share(plant, A, B)) == (30, 60)
    assert bounds(find_share(plant, A, C)) == (0, 30)
    assert find_share(plant, A, B).likely == 42


def test_what_an_event_lost_was_of_no_part_or_of_one_and_makes_none_likelier():
    act = Act({A: kg("8")}, {B: kg("1"), C: kg("2"), D: kg("3")})
    flows = [Flow(A, target, "e", kg(None)) for target in (B, C, D)]
    share = find_share(a_plant({A: kg("8"), **act.made}, flows, e=act), A, B)
    assert bounds(share) == (1, 3)
    assert share.likely == 1


def test_units_convert_by_declared_factors_only():
    flows = [Flow(A, B, "e", Amount(Decimal(2500), "g"))]
    plant = a_plant({A: kg("10"), B: kg("2.5")}, flows)
    assert bounds(find_share(plant, A, B)) == (Fraction(5, 2), Fraction(5, 2))
    pieces = a_plant(
        {A: kg("10"), B: Amount(Decimal(100), "pc"), OTHER: Amount(Decimal(5), "L")},
        [
            Flow(A, B, "e", kg("10")),
            Flow(OTHER, B, "e", Amount(Decimal(5), "L")),
            Flow(B, C, "f", Amount(Decimal(50), "pc")),
        ],
    )
    assert bounds(find_share(pieces, A, B)) == (10, 10)
    assert bounds(find_share(pieces, A, C)) == (0, 10)
    assert find_share(pieces, A, C).likely == 5


@pytest.mark.parametrize(
    ("plant", "reason"),
    [
        (a_plant({}, [Flow(A, B, "e", kg("1"))]), "nobody recorded how much"),
        (a_plant({A: kg("0")}, [Flow(A, B, "e", kg("1"))]), "the quantity recorded of it is zero"),
        (
            a_plant({A: kg("1")}, [Flow(B, C, "e", kg("1")), Flow(C, B, "f", kg("1"))]),
            "comes from itself",
        ),
    ],
    ids=["no size", "nothing", "loop"],
)
def test_what_cannot_be_known_says_why(plant: Plant, reason: str):
    share = find_share(plant, A, B)
    assert bounds(share) == (None, None)
    assert reason in share.unknown


def test_a_share_that_never_ends_is_rounded_outwards():
    plant = a_plant(
        {A: kg("1"), B: kg("3"), C: kg("1"), OTHER: kg("2")},
        [Flow(A, B, "e", kg("1")), Flow(OTHER, B, "e", kg("2")), Flow(B, C, "f", kg("1"))],
    )
    answer = find_share(plant, A, C).as_json()
    assert (answer["lower"], answer["upper"], answer["fraction_upper"]) == ("0", "1", "1")
    assert answer["likely"] == "0." + "3" * 28


def test_several_sources_are_added_and_one_made_of_another_is_whole():
    plant = a_plant(
        {A: kg("60"), OTHER: Amount(Decimal(40_000), "g"), B: kg("100"), C: kg("30")},
        [Flow(A, B, "e", kg("60")), Flow(OTHER, B, "e", Amount(Decimal(40_000), "g")),
         Flow(B, C, "f", kg("30"))],
    )  # fmt: skip
    both = find_shares(plant, [A, OTHER])
    assert {node: bounds(share) for node, share in both.items()} == {
        A: (60, 60), OTHER: (40, 40), B: (100, 100), C: (30, 30),
    }  # fmt: skip
    nested = find_shares(plant, [A, B])
    assert (bounds(nested[B]), bounds(nested[C])) == ((100, 100), (30, 30))
    assert nested[C].whole == 160


def test_what_a_circle_or_an_unweighed_source_leaves_open_is_not_known_and_the_rest_is():
    plant = a_plant(
        {A: kg("10"), B: kg("4"), C: kg("6"), OTHER: kg("1")},
        [Flow(A, B, "e", kg("4")), Flow(A, C, "f", kg("6")), Flow(C, OTHER, "g", kg("1")),
         Flow(OTHER, C, "h", kg("1"))],
    )  # fmt: skip
    found = find_shares(plant, [A])
    assert bounds(found[B]) == (4, 4)
    assert "comes from itself" in found[C].unknown
    unweighed = find_shares(a_plant({B: kg("4")}, [Flow(A, B, "e", kg("4"))]), [A])
    assert "nobody recorded" in unweighed[B].unknown


def check_bounds(history: History) -> None:
    found = find_shares(history.plant(), [SEED])
    for name, lot in history.lots.items():
        share = found.get(name)
        lower, upper = (0, 0) if share is None else (share.lower or 0, share.upper or 0)
        assert lower <= lot.held <= upper, name


@given(histories())
@settings(max_examples=settings().max_examples * 5, deadline=None)
def test_no_way_a_plant_can_have_worked_lies_outside_the_bounds(history: History):
    check_bounds(history)


def a_blend(size: str, taken: str, first: str = "10") -> Plant:
    """Make a blend of two lots, and take some of it."""
    return a_plant(
        {A: kg(first), OTHER: kg("10"), B: kg(size), C: kg(taken)},
        [Flow(A, B, "e", kg(first)), Flow(OTHER, B, "e", kg("10")), Flow(B, C, "f", kg(taken))],
    )


def test_water_that_nobody_recorded_may_all_be_in_what_was_not_taken():
    """An even yield would say 2.5 at most, and 5 of the 40 may be nothing but the seed."""
    share = find_share(a_blend("40", "5"), A, C)
    assert (bounds(share), share.likely) == ((0, 5), Fraction(5, 4))


def test_what_dried_may_have_been_of_the_seed_alone():
    """5 of 10 kg may hold all of a seed that weighs nothing any more, or nothing of it."""
    assert bounds(find_share(a_blend("10", "1"), A, C)) == (0, 10)
    assert bounds(find_share(a_blend("19", "12"), A, C)) == (2, 10)


def test_what_one_event_added_makes_no_good_of_what_another_lost():
    flows = [Flow(A, B, "e", kg("20")), Flow(OTHER, B, "f", kg("10")), Flow(B, C, "g", kg("10"))]
    sizes = {A: kg("20"), OTHER: kg("10"), B: kg("30"), C: kg("10")}
    brought = {B: {"e": kg("10"), "f": kg("20")}, C: {"g": kg("10")}}
    plant = Plant(sizes, brought, flows, {}, convert, {A, B, C})
    assert bounds(find_share(plant, A, C)) == (0, 20)


def test_a_lot_that_was_also_received_is_not_of_one_source_alone():
    flows = [Flow(A, B, "e", kg("10")), Flow(B, C, "f", kg("10"))]
    brought = {B: {"e": kg("10"), "came": kg("10")}, C: {"f": kg("10")}}
    plant = Plant({A: kg("10"), B: kg("20")}, brought, flows, {}, convert, {A, B, C})
    assert bounds(find_share(plant, A, C)) == (0, 10)


def test_a_dried_lot_of_one_source_alone_is_alike_throughout():
    flows = [Flow(A, B, "e", kg("100")), Flow(B, C, "f", kg("5")), Flow(C, D, "g", kg("5")),
             Flow(OTHER, D, "g", kg("95")), Flow(D, E, "h", kg("1"))]  # fmt: skip
    plant = a_plant({A: kg("100"), B: kg("20"), C: kg("5"), D: kg("100"), E: kg("1")}, flows)
    assert bounds(find_share(plant, A, C)) == (25, 25)
    assert bounds(find_share(plant, A, E)) == (0, 21)


def test_the_bounds_fail_where_what_got_lost_is_not_counted(monkeypatch: pytest.MonkeyPatch):
    """5 of 10 kg are all that is left of 10 kg of the seed, the other 5 of something else."""
    seed = Grain(SEED, Fraction(10), Fraction(5))
    lots = {
        SEED: Lot([], 10, 0, held=Fraction(10)),
        1: Lot([], 10, 0),
        2: Lot([], 15, 10, brought={"e": 15}, held=Fraction(10)),
        3: Lot([seed], 5, 5, brought={"f": 5}, held=Fraction(10)),
    }
    flows = [Flow(SEED, 2, "e", kg("10")), Flow(1, 2, "e", kg("10")), Flow(2, 3, "f", kg("5"))]
    history = History(lots, flows)
    check_bounds(history)
    monkeypatch.setattr(engine, "lost_in", lambda *_: Fraction(0))
    with pytest.raises(AssertionError):
        check_bounds(history)
