"""A small dairy for scenarios: milk and culture become yoghurt, which goes to a shop on a pallet.

It must not hold assertions.
"""

from dataclasses import dataclass
from decimal import Decimal

from qtcore.services.events import EventInput, Line
from qtcore.services.nodes import LotRef
from qtcore.services.recording import record_event
from qtcore.services.site import Site
from qtcore.store.queries.nodes import NodeInfo
from qtcore.testing import (
    a_context,
    a_made_lot,
    a_party,
    a_received_lot,
    an_item,
    line,
    release,
)

PALLET = LotRef(kind="logistic_unit", lot_no="069900000000000015")
SHOP = "SHOP"


@dataclass(frozen=True)
class Dairy:
    milk: NodeInfo
    culture: NodeInfo
    curd: NodeInfo
    yoghurt: NodeInfo


def a_dairy(site: Site) -> Dairy:
    """Receive, release and use: milk + culture -> curd -> yoghurt, which waits for its release."""
    milk = a_received_lot(site, "MILK", "M-1", "1000")
    culture = a_received_lot(site, "CULTURE", "C-1", "5", source="SUPPLIER-B")
    release(site, milk)
    release(site, culture)
    an_item(site, "CURD", kind="intermediate")
    curd = a_made_lot(site, "CURD", "K-1", [(milk, "400"), (culture, "2")], quantity="390")
    yoghurt = a_made_lot(site, "YOGHURT", "Y-1", [(curd, "390")], quantity="380")
    return Dairy(milk, culture, curd, yoghurt)


def on_pallet(site: Site, lot: NodeInfo, quantity: str) -> LotRef:
    """Pack a quantity of a lot onto the pallet."""
    lines = (line(lot, "child", quantity), Line(PALLET, "parent"))
    record_event(
        site, a_context(site, ["operator"]), EventInput("packing", lines, site.sources.now())
    )
    return PALLET


def ship(site: Site, *lines: Line) -> None:
    """Ship to the shop, who has a telephone."""
    a_party(site, SHOP, "customer")
    event = EventInput("shipping", lines, site.sources.now(), to_party=SHOP)
    record_event(site, a_context(site, ["warehouse"]), event)


def a_shipment(lot: NodeInfo, quantity: str) -> Line:
    """Write the line of a shipment of loose goods."""
    return Line(LotRef(text=lot.uid), "subject", Decimal(quantity), "kg")
