"""How much of a lot is where: a fold of its movements, in exact decimals and one unit.

It must not know why something moved.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from sqlmodel import Session

from qtcore.engines.balance import Movement
from qtcore.errors import InputRejected
from qtcore.services.contents import list_movements
from qtcore.services.site import Site
from qtcore.services.wire import decimal_text
from qtcore.store.queries.events import MovementRow

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


@dataclass(slots=True)
class Stock:
    """What is on hand of one node, in total and by place code; `unknown` counts lines without a
    quantity, `problems` names quantities whose unit does not convert.
    """

    node: int
    unit: str = ""
    quantity: Decimal = Decimal(0)
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
    """Fold the movements of nodes; a node without movements has none on hand."""
    return fold_stock(site, nodes, list_movements(session, site.store.tenant_id, nodes))


def fold_stock(site: Site, nodes: Iterable[int], rows: Iterable[MovementRow]) -> dict[int, Stock]:
    """Fold movements that were read already; those of other nodes are left out."""
    stocks = {node: Stock(node) for node in nodes}
    for row in rows:
        if row.node in stocks:
            _apply(site, stocks[row.node], row)
    return stocks


def _apply(site: Site, stock: Stock, row: MovementRow) -> None:
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
    stock.quantity += amount
    place = row.location_code or "unknown"
    stock.places[place] = stock.places.get(place, Decimal(0)) + amount


def movements_for_balance(rows: Sequence[MovementRow]) -> list[Movement]:
    """Choose the movements a balance counts: moves inside the company do not change it."""
    return [
        Movement(row.effect, row.quantity, row.unit)
        for row in rows
        if row.effect not in ("observed", "moved_in", "moved_out")
    ]
