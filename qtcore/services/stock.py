"""How much of a lot is where: a fold of its movements, in exact decimals and one unit.

It must not know why something moved.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final, NamedTuple

from sqlmodel import Session

from qtcore.engines.balance import NEUTRAL, Movement, counts_as_it_is, exactly
from qtcore.errors import InputRejected
from qtcore.services.contents import list_movements
from qtcore.services.site import Site
from qtcore.services.wire import decimal_text
from qtcore.store.queries.events import AnyMovement
from qtcore.store.queries.sums import Sum, sums_of

SIGN: Mapping[str, int] = {
    "received": 1,
    "produced": 1,
    "returned": 1,
    "moved_in": 1,
    "adjusted": 1,
    "consumed": -1,
    "shipped": -1,
    "scrapped": -1,
    "sampled": -1,
    "moved_out": -1,
}
_ZERO: Final = Decimal(0)
_NOWHERE: Final = "unknown"


@dataclass(slots=True)
class Stock:
    """What is on hand of one node, in total and by place code; `unknown` counts lines without a
    quantity, `problems` names quantities whose unit does not convert.
    """

    node: int
    unit: str = ""
    quantity: Decimal = _ZERO
    places: dict[str, Decimal] = field(default_factory=dict)
    unknown: int = 0
    problems: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, object]:
        """Give the shape of the API; places without stock are left out."""
        return {
            "quantity": decimal_text(self.quantity),
            "unit": self.unit,
            "places": {k: decimal_text(v) for k, v in sorted(self.places.items()) if v},
            "unknown": self.unknown,
            "problems": list(self.problems),
        }


def stock_of_nodes(site: Site, session: Session, nodes: Sequence[int]) -> dict[int, Stock]:
    """Say what is on hand of nodes; a node without movements has none on hand."""
    return stock_of_sums(site, session, nodes, sums_of(session, site.store.tenant_id, nodes))


@exactly
def stock_of_sums(
    site: Site, session: Session, nodes: Sequence[int], added: Iterable[Sum]
) -> dict[int, Stock]:
    """Say what is on hand of nodes whose acts the database has added up.

    Where neither units nor cases must be looked at, that is enough: a lot may have gone into
    thousands of others.
    """
    sums: dict[int, list[Sum]] = {node: [] for node in nodes}
    for row in added:
        if row.node in sums:
            sums[row.node].append(row)
    plain = {
        node: _added(node, rows) for node, rows in sums.items() if rows and _is_plain(site, rows)
    }
    rest = [node for node in nodes if node not in plain]
    return plain | fold_stock(site, rest, list_movements(session, site.store.tenant_id, rest))


def _is_plain(site: Site, rows: Iterable[Sum]) -> bool:
    units = {row.unit for row in rows if row.effect in SIGN and row.quantity is not None}
    known = len(units) < 2 and all(site.registry.unit(unit) for unit in units)
    return known and not any(row.is_packing for row in rows)


def _added(node: int, rows: Iterable[Sum]) -> Stock:
    stock = Stock(node)
    for row in rows:
        sign = SIGN.get(row.effect)
        if sign is None:
            continue
        stock.unknown += row.untold
        if row.quantity is not None:
            stock.unit = row.unit
            _put(stock, row.location_code, row.quantity * sign)
    return stock


def stock_of_all_names(site: Site, session: Session, node: int, others: Iterable[int]) -> Stock:
    """Say what is on hand of a lot that others were found to be the same as."""
    rows = list_movements(session, site.store.tenant_id, [node, *others])
    return fold_stock(site, [node], [row._replace(node=node) for row in rows])[node]


class Added(NamedTuple):
    """What moved of one lot, all of it in `unit`: the sum of each effect, what is at each place."""

    unit: str
    sums: Mapping[str, Decimal]
    places: Mapping[str, Decimal]


def add_up(rows: Iterable[AnyMovement]) -> Added | None:
    """Add up the movements of one lot; None where that takes more: a factor, a count, a guess.

    It is called where quantities are added with all their digits (`exactly`).
    """
    sums: dict[str, Decimal] = {}
    places: dict[str, Decimal] = {}
    unit = ""
    for row in rows:
        quantity, sign = row.quantity, SIGN.get(row.effect)
        if quantity is None and sign is None:
            continue
        unit = unit or row.unit
        if quantity is None or row.unit != unit or not unit or row.verb == "observe":
            return None
        if sign is None:
            continue
        if not counts_as_it_is(row.effect, quantity):
            return None
        if row.effect not in NEUTRAL:
            sums[row.effect] = sums.get(row.effect, _ZERO) + quantity
        place = row.location_code or _NOWHERE
        places[place] = places.get(place, _ZERO) + quantity * sign
    return Added(unit, sums, places)


@exactly
def fold_stock(site: Site, nodes: Iterable[int], rows: Iterable[AnyMovement]) -> dict[int, Stock]:
    """Fold movements that were read already; those of other nodes are left out."""
    stocks = {node: Stock(node) for node in nodes}
    for row in rows:
        if row.node in stocks:
            _apply(site, stocks[row.node], row)
    return stocks


def _apply(site: Site, stock: Stock, row: AnyMovement) -> None:
    sign = SIGN.get(row.effect)
    if sign is None:
        return
    if row.quantity is None:
        stock.unknown += 1
        return
    stock.unit = stock.unit or row.unit
    try:
        amount = site.registry.convert(row.quantity, row.unit, stock.unit) * sign
    except InputRejected as fault:
        stock.problems.append(fault.message)
        return
    _put(stock, row.location_code, amount)


def _put(stock: Stock, location_code: str, amount: Decimal) -> None:
    stock.quantity += amount
    place = location_code or _NOWHERE
    stock.places[place] = stock.places.get(place, _ZERO) + amount


def movements_for_balance(rows: Sequence[AnyMovement]) -> list[Movement]:
    """Choose the movements a balance counts: moves inside the company do not change it."""
    return [
        Movement(row.effect, row.quantity, row.unit)
        for row in rows
        if row.effect not in ("observed", "moved_in", "moved_out")
    ]
