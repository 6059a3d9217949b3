"""Where the lots of a recall are: in transit, with customers, in open orders, from which suppliers.

It must not decide what is affected.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlmodel import Session

from qtcore.services.arrivals import Arrivals, read_arrivals
from qtcore.services.order_numbers import order_numbers
from qtcore.services.orders import contact_json, order_json
from qtcore.services.shipments import Shipment
from qtcore.services.site import UNKNOWN_PARTY, Site
from qtcore.services.stock import Stock
from qtcore.services.trace import Trace
from qtcore.services.wire import decimal_text, optional_text
from qtcore.store.queries.events import MovementRow, movements_of
from qtcore.store.queries.nodes import NodeInfo, active_holds, describe_nodes
from qtcore.store.queries.recalls import (
    OrderRow,
    PartyRow,
    open_orders_of,
    parties_by_code,
    transit_places,
)
from qtcore.store.queries.trace import reached_nodes

Found = tuple[Mapping[int, Stock], Mapping[int, Sequence[MovementRow]]]


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """What a recall must reach: goods under way, orders to stop, customers, suppliers."""

    in_transit: tuple[dict[str, Any], ...]
    orders: tuple[tuple[OrderRow, bool], ...]
    customers: tuple[dict[str, Any], ...]
    suppliers: tuple[dict[str, Any], ...]
    bins: tuple[dict[str, Any], ...]
    arrivals: Arrivals

    def as_json(self, uids: Mapping[int, str]) -> dict[str, Any]:
        """Give the shape of the API."""
        return {
            "in_transit": list(self.in_transit),
            "open_orders": [order_json(row, uids, held) for row, held in self.orders],
            "shipped_sales_orders": list(self.customers),
            "stock_on_hand": list(self.bins),
            "purchase_orders": list(self.suppliers),
        }


def find_whereabouts(site: Site, session: Session, trace: Trace, found: Found) -> Whereabouts:
    """Find out where everything in a scope is, and whom to call."""
    stocks, movements = found
    tenant = site.store.tenant_id
    nodes = [n.info.node for n in trace.nodes]
    orders = open_orders_of(session, tenant, nodes)
    held = active_holds(session, tenant, [row.node for row in orders])
    parties = parties_by_code(session, tenant, [s.customer for s in trace.customers])
    numbers = order_numbers(session, tenant, [s.event_id for s in trace.customers])
    transit = transit_places(session, tenant)
    infos = {n.info.node: n.info for n in trace.nodes}
    under_way = _in_vehicles(infos, stocks, transit)
    arrivals = read_arrivals(site, session, [row for rows in movements.values() for row in rows])
    under_way += _to_own_sites(arrivals.under_way(trace.customers), parties)
    return Whereabouts(
        in_transit=tuple(under_way),
        orders=tuple((row, row.node in held) for row in orders),
        customers=tuple(_by_customer(trace.customers, parties, numbers)),
        suppliers=tuple(_suppliers(site, session, trace)),
        bins=tuple(_bins(infos, stocks, transit)),
        arrivals=arrivals,
    )


def _in_vehicles(
    infos: Mapping[int, NodeInfo], stocks: Mapping[int, Stock], transit: set[str]
) -> list[dict[str, Any]]:
    return [
        {
            "lot_id": infos[node].uid,
            "lot_no": infos[node].lot_no,
            "place": place,
            "to": "",
            "quantity": decimal_text(amount),
            "unit": stock.unit,
            "event_id": "",
        }
        for node, stock in stocks.items()
        for place, amount in sorted(stock.places.items())
        if amount and place in transit
    ]


def _to_own_sites(
    under_way: Iterable[tuple[Shipment, Decimal | None]], parties: Mapping[str, PartyRow]
) -> list[dict[str, Any]]:
    """List what left for one of our own sites and has not been received since."""
    return [
        {
            "lot_id": ship.lot_id,
            "lot_no": ship.lot_no,
            "place": "",
            "to": ship.customer,
            "quantity": optional_text(quantity),
            "unit": ship.unit,
            "event_id": ship.event_id,
        }
        for ship, quantity in under_way
        if ship.customer in parties and "site" in (parties[ship.customer].roles or [])
    ]


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


def _bins(
    infos: Mapping[int, NodeInfo], stocks: Mapping[int, Stock], transit: set[str]
) -> list[dict[str, Any]]:
    """Group what is on hand by place: what a person with a trolley needs."""
    places: dict[str, list[dict[str, str]]] = defaultdict(list)
    for node, stock in stocks.items():
        for place, amount in stock.places.items():
            if amount and place not in transit:
                places[place].append(
                    {
                        "lot_id": infos[node].uid,
                        "lot_no": infos[node].lot_no,
                        "item": infos[node].item_code,
                        "quantity": decimal_text(amount),
                        "unit": stock.unit,
                    }
                )
    return [{"place": place, "lots": lots} for place, lots in sorted(places.items())]


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
