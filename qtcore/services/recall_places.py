"""Where the lots of a recall are: in transit, with customers, in open orders, from which suppliers.

It must not decide what is affected.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

from sqlmodel import Session

from qtcore.services.arrivals import Arrivals, read_arrivals
from qtcore.services.order_numbers import order_numbers
from qtcore.services.orders import contact_json, order_json
from qtcore.services.shipments import Shipment
from qtcore.services.site import UNKNOWN_PARTY, Site
from qtcore.services.trace import Trace
from qtcore.services.wire import decimal_text, optional_text
from qtcore.store.queries.events import AnyMovement, MovementRow, movements_of
from qtcore.store.queries.nodes import NodeInfo, active_holds, describe_nodes
from qtcore.store.queries.recalls import (
    OrderRow,
    PartyRow,
    open_orders_of,
    parties_by_code,
)
from qtcore.store.queries.trace import reached_nodes


class OnHand:
    """What is on hand as it is written: lot by lot, in the bins of each place, under way."""

    def __init__(self, transit: Set[str]) -> None:
        self._transit = transit
        self.lots: list[dict[str, str]] = []
        self.in_vehicles: list[dict[str, Any]] = []
        self._bins: dict[str, list[dict[str, str]]] = defaultdict(list)

    def add(self, info: NodeInfo, unit: str, places: Mapping[str, Decimal]) -> None:
        """Add what there is of one lot; where nothing is left, nothing is said."""
        uid, lot_no = info.uid, info.lot_no
        for place, amount in sorted(places.items()):
            if not amount:
                continue
            much = decimal_text(amount)
            self.lots.append({"lot_id": uid, "place": place, "quantity": much, "unit": unit})
            if place in self._transit:
                self.in_vehicles.append(_under_way(uid, lot_no, (much, unit), place=place))
            else:
                self._bins[place].append(
                    {
                        "lot_id": uid,
                        "lot_no": lot_no,
                        "item": info.item_code,
                        "quantity": much,
                        "unit": unit,
                    }
                )

    def bins(self) -> list[dict[str, Any]]:
        """Group it by place: what a person with a trolley needs."""
        return [{"place": place, "lots": lots} for place, lots in sorted(self._bins.items())]


class Found(NamedTuple):
    """What is known of the lots of a scope: stock, movements by node, customers by code.

    `one_of` gives the one that stands for each of several names of a lot.
    """

    on_hand: OnHand
    movements: Mapping[int, Sequence[AnyMovement]]
    customers: Mapping[str, PartyRow]
    one_of: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """What a recall must reach: goods under way, orders to stop, customers, suppliers."""

    in_transit: tuple[dict[str, Any], ...]
    orders: tuple[tuple[OrderRow, bool], ...]
    customers: tuple[dict[str, Any], ...]
    suppliers: tuple[dict[str, Any], ...]
    on_hand: OnHand
    arrivals: Arrivals
    own_sites: frozenset[str]
    """Which of those who were shipped to are sites of ours."""

    def as_json(self, uids: Mapping[int, str]) -> dict[str, Any]:
        """Give the shape of the API."""
        return {
            "in_transit": list(self.in_transit),
            "open_orders": [order_json(row, uids, held) for row, held in self.orders],
            "shipped_sales_orders": list(self.customers),
            "stock_on_hand": self.on_hand.bins(),
            "purchase_orders": list(self.suppliers),
        }


def find_whereabouts(site: Site, session: Session, trace: Trace, found: Found) -> Whereabouts:
    """Find out where everything in a scope is, and whom to call."""
    tenant = site.store.tenant_id
    nodes = [n.info.node for n in trace.nodes]
    orders = open_orders_of(session, tenant, nodes)
    held = active_holds(session, tenant, [row.node for row in orders])
    numbers = order_numbers(session, tenant, [s.event_id for s in trace.customers])
    rows = [row for told in found.movements.values() for row in told]
    arrivals = read_arrivals(site, session, rows, found.one_of)
    own = frozenset(code for code, p in found.customers.items() if "site" in (p.roles or []))
    to_own = _to_own_sites(arrivals.under_way(trace.customers), own)
    return Whereabouts(
        in_transit=(*found.on_hand.in_vehicles, *to_own),
        orders=tuple((row, row.node in held) for row in orders),
        customers=tuple(_by_customer(trace.customers, found.customers, numbers)),
        suppliers=tuple(_suppliers(site, session, trace)),
        on_hand=found.on_hand,
        arrivals=arrivals,
        own_sites=own,
    )


def _to_own_sites(
    under_way: Iterable[tuple[Shipment, Decimal | None]], own: Set[str]
) -> list[dict[str, Any]]:
    """List what left for one of our own sites and has not been received since."""
    return [
        _under_way(
            ship.lot_id,
            ship.lot_no,
            (optional_text(quantity), ship.unit),
            to=ship.customer,
            event_id=ship.event_id,
        )
        for ship, quantity in under_way
        if ship.customer in own
    ]


def _under_way(uid: str, lot_no: str, much: tuple[str | None, str], **way: str) -> dict[str, Any]:
    quantity, unit = much
    return {
        "lot_id": uid,
        "lot_no": lot_no,
        "place": way.get("place", ""),
        "to": way.get("to", ""),
        "quantity": quantity,
        "unit": unit,
        "event_id": way.get("event_id", ""),
    }


def _by_customer(
    shipments: Sequence[Shipment],
    parties: Mapping[str, PartyRow],
    numbers: Mapping[str, Sequence[str]],
) -> list[dict[str, Any]]:
    """Group shipments by customer with the contacts and the lots each received."""
    groups: dict[str, list[Shipment]] = defaultdict(list)
    for ship in shipments:
        groups[ship.customer].append(ship)
    return [
        {
            "customer": code,
            "customer_name": rows[0].customer_name,
            **contact_json(rows[0].contacts, parties[code].extra if code in parties else None),
            "lots": [
                {
                    "lot_id": row.lot_id,
                    "lot_no": row.lot_no,
                    "item": row.item,
                    "quantity": optional_text(row.quantity),
                    "unit": row.unit,
                    "shipped_at": row.shipped_at.isoformat(),
                    "event_id": row.event_id,
                    "order_nos": numbers.get(row.event_id, []),
                    "via": row.via,
                }
                for row in rows
            ],
        }
        for code, rows in sorted(groups.items())
    ]


def _suppliers(site: Site, session: Session, trace: Trace) -> list[dict[str, Any]]:
    """List the receipts behind the seeds: who delivered what the recall may have come from."""
    tenant = site.store.tenant_id
    seeds = [n.info.node for n in trace.nodes if n.depth == 0]
    behind = reached_nodes(session, tenant, seeds, "backward")
    receipts = [row for row in movements_of(session, tenant, behind) if row.effect == "received"]
    known = describe_nodes(session, tenant, {row.node for row in receipts})
    code_of = {row.id: row.from_party or known[row.node].source_code for row in receipts}
    parties = parties_by_code(session, tenant, code_of.values())
    numbers = order_numbers(session, tenant, [row.event_uid for row in receipts])
    groups: dict[str, list[MovementRow]] = defaultdict(list)
    for row in receipts:
        groups[code_of[row.id]].append(row)
    return [
        {
            "supplier": code,
            "supplier_name": parties[code].name if code in parties else code,
            **(contact_json(parties[code].contacts or {}) if code in parties else contact_json({})),
            "lots": [
                {**_receipt_json(row, known[row.node]), "order_nos": numbers[row.event_uid]}
                for row in rows
            ],
        }
        for code, rows in sorted(groups.items())
        if code != UNKNOWN_PARTY
    ]


def _receipt_json(row: MovementRow, info: NodeInfo) -> dict[str, Any]:
    amount: Decimal | None = row.quantity
    return {
        "lot_id": info.uid,
        "lot_no": info.lot_no,
        "item": info.item_code,
        "quantity": optional_text(amount),
        "unit": row.unit,
        "received_at": row.event_at.isoformat(),
        "event_id": row.event_uid,
    }
