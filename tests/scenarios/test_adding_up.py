"""What is added up without asking is what reading every movement finds, on random movements."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from qtcore.engines.balance import balance_sums, exactly
from qtcore.services.balances import balance_lot
from qtcore.services.site import Site
from qtcore.services.stock import SIGN, add_up, fold_stock
from qtcore.store.queries.events import AmountRow
from qtcore.store.queries.nodes import NodeInfo
from qtcore.testing import a_received_lot, a_site

START = datetime(2026, 1, 1, tzinfo=UTC)
AMOUNTS = st.sampled_from(["0", "1", "2.50", "-3", "1E-61", "1E+61", "0.000000000001", "-0"])


def a_row(
    number: int, effect: str, amount: str | None, unit: str = "kg", place: str = ""
) -> AmountRow:
    quantity = None if amount is None else Decimal(amount)
    verb, step = ("observe", "stock_taking") if effect == "observed" else ("move", "")
    at = START + timedelta(hours=number)
    return AmountRow(
        number, 1, "subject", effect, None, quantity, unit, place, f"e{number}", "move", verb, at,
        step, "", "",
    )  # fmt: skip


ROWS = st.builds(
    a_row,
    st.integers(1, 9),
    st.sampled_from([*SIGN, *SIGN, "observed"]),
    st.sampled_from(["1", "2.50", "12"]) | AMOUNTS | st.none(),
    st.sampled_from(["kg"] * 9 + ["g", ""]),
    st.sampled_from(["", "A", "B"]),
)


@pytest.fixture(scope="module")
def plant() -> Iterator[tuple[Site, NodeInfo]]:
    with a_site() as site:
        yield site, a_received_lot(site)


@given(st.lists(ROWS, max_size=5))
def test_what_is_added_up_is_what_reading_each_movement_finds(
    plant: tuple[Site, NodeInfo], rows: list[AmountRow]
) -> None:
    site, info = plant
    added = exactly(add_up)(rows)
    event("added up" if added else "read one by one")
    if added is None:
        return
    stock = fold_stock(site, [1], rows)[1]
    assert {place: str(n) for place, n in added.places.items()} == {
        place: str(n) for place, n in stock.places.items()
    }
    assert added.unit == stock.unit or not added.places
    quick = balance_sums(added.sums, added.unit or info.unit)
    assert quick.as_json() == balance_lot(site, info, rows).sums.as_json()


@pytest.mark.parametrize(
    "odd",
    [
        a_row(2, "observed", "1"),
        a_row(2, "consumed", "1", "g"),
        a_row(2, "consumed", "1", ""),
        a_row(2, "consumed", None),
        a_row(2, "consumed", "-1"),
        a_row(2, "consumed", "1E-61"),
        a_row(2, "consumed", "NaN"),
        a_row(2, "adjusted", "-1E+61"),
    ],
    ids=lambda row: f"{row.effect} {row.quantity} {row.unit}",
)
def test_what_takes_more_than_adding_is_not_added_up(odd: AmountRow) -> None:
    plain = a_row(1, "received", "5")
    assert add_up([plain]) is not None
    assert add_up([plain, odd]) is None
