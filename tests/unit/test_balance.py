"""The balance of a lot is exact, and what cannot be counted is named."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qtcore.engines.balance import INCOMING, KINDS, NEUTRAL, OUTGOING, Balance, Movement, balance
from qtcore.errors import InputRejected

FACTORS = {"kg": Decimal(1), "g": Decimal("0.001"), "t": Decimal(1000)}

amounts = st.decimals(min_value=0, max_value=10**12, places=6, allow_nan=False)
movements = st.lists(
    st.builds(Movement, st.sampled_from(KINDS), amounts, st.sampled_from(sorted(FACTORS)))
)


def convert(quantity: Decimal, unit: str, wanted: str) -> Decimal | None:
    if unit not in FACTORS or wanted not in FACTORS:
        return None
    return quantity * FACTORS[unit] / FACTORS[wanted]


def refuse(quantity: Decimal, unit: str, wanted: str) -> Decimal | None:
    raise InputRejected(f"unit {unit!r} is not declared")


def sides(result: Balance) -> tuple[Decimal, Decimal]:
    came = sum((result.of(kind) for kind in INCOMING), Decimal(0))
    went = sum((result.of(kind) for kind in OUTGOING), Decimal(0))
    return came, went + result.on_hand + result.unaccounted


def moved(**kinds: str) -> list[Movement]:
    return [Movement(kind, Decimal(text), "kg") for kind, text in kinds.items()]


@given(movements, st.none() | amounts)
def test_what_came_equals_what_went_plus_what_is_there_plus_what_is_missing(listed, counted):
    came, accounted = sides(balance(listed, convert, unit="kg", counted=counted))
    assert came == accounted


@given(movements)
def test_without_a_count_nothing_is_unaccounted(listed):
    assert balance(listed, convert, unit="kg").unaccounted == 0


@given(movements)
def test_the_order_of_movements_does_not_matter(listed):
    forwards = balance(listed, convert, unit="kg")
    backwards = balance(reversed(listed), convert, unit="kg")
    assert sides(forwards) == sides(backwards)
    assert forwards.on_hand == backwards.on_hand


def test_a_count_locates_the_difference():
    result = balance(moved(received="100", consumed="40.5"), convert, counted=Decimal("59.2"))
    assert (result.on_hand, result.unaccounted) == (Decimal("59.2"), Decimal("0.3"))
    assert result.is_complete
    assert not result.is_closed


def test_more_in_stock_than_the_records_explain_is_negative_unaccounted():
    assert balance(moved(received="1"), convert, counted=Decimal(2)).unaccounted == -1


def test_units_are_added_through_their_factors():
    listed = [Movement("received", Decimal("1.5"), "t"), Movement("sampled", Decimal(20), "g")]
    result = balance(listed, convert, unit="kg")
    assert (result.of("received"), result.on_hand) == (Decimal(1500), Decimal("1499.980"))


def test_an_adjustment_may_take_away():
    assert balance(moved(received="10", adjusted="-0.5"), convert).on_hand == Decimal("9.5")


def test_a_returned_quantity_comes_in():
    assert balance(moved(received="10", shipped="10", returned="4"), convert).on_hand == 4


@pytest.mark.parametrize("kind", NEUTRAL)
def test_a_change_of_place_changes_no_amount(kind):
    listed = [*moved(received="10"), Movement(kind, Decimal(3), "kg")]
    assert balance(listed, convert).on_hand == 10


@pytest.mark.parametrize(
    ("movement", "code", "words"),
    [
        (Movement("received", Decimal(1), "box", "E1"), "QT490", "declare a factor from 'box'"),
        (Movement("received", None, "kg", "E1"), "QT491", "has no quantity"),
        (Movement("received", Decimal("NaN"), "kg", "E1"), "QT491", "not an exact decimal"),
        (Movement("consumed", Decimal(-1), "kg", "E1"), "QT492", "is negative"),
        (Movement("eaten", Decimal(1), "kg", "E1"), "QT493", "accepted: received"),
        (Movement("received", Decimal("1e-300"), "kg", "E1"), "QT495", "more digits"),
    ],
    ids=["unit", "no quantity", "not a number", "negative", "kind", "digits"],
)
def test_a_movement_that_cannot_be_counted_is_named_and_left_out(movement, code, words):
    result = balance([*moved(received="10"), movement], convert, unit="kg")
    (problem,) = result.problems
    assert (problem.code, problem.where) == (code, "E1")
    assert words in problem.message
    assert (result.of("received"), result.is_complete) == (Decimal(10), False)


def test_the_words_of_a_refused_conversion_are_kept():
    result = balance([Movement("received", Decimal(1), "zz")], refuse, unit="kg")
    assert "unit 'zz' is not declared" in result.problems[0].message


def test_more_out_than_in_is_a_problem_and_is_shown():
    result = balance(moved(received="1", shipped="3"), convert)
    assert result.on_hand == -2
    assert result.problems[0].code == "QT494"


def test_sums_stay_exact_where_the_usual_precision_rounds():
    listed = moved(received="1000000000000000000000000000") + moved(received="0.0000000001")
    assert str(balance(listed, convert).of("received")) == "1000000000000000000000000000.0000000001"
    # The control: what the default context of the decimal module makes of it.
    assert Decimal("1000000000000000000000000000") + Decimal("0.0000000001") == Decimal(10) ** 27


def test_quantities_leave_as_text_with_their_digits():
    shown = balance(moved(received="1.10"), convert).as_json()
    assert (shown["received"], shown["unit"]) == ("1.10", "kg")
