"""Who received a lot: shipments of the lot itself, and of what it was inside when it left.

It must not know recalls. A pallet counts only for what was in it at the time it was shipped.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from operator import attrgetter
from typing import Any, Final

from sqlmodel import Session

from qtcore.services.contents import held_in
from qtcore.services.wire import optional_text
from qtcore.store.queries.events import AnyMovement
from qtcore.store.queries.lens import NOW, Lens
from qtcore.store.queries.nodes import NodeInfo
from qtcore.store.queries.recalls import PartyRow
from qtcore.store.queries.shipments import ContentRow, ShipmentRow, contents_of, shipments_of


@dataclass(frozen=True, slots=True)
class Shipment:
    """One line of a shipment: what went to whom; `via` is the logistic unit it travelled in."""

    event_id: str
    shipped_at: datetime
    customer: str
    customer_name: str
    contacts: dict[str, Any]
    node: int
    lot_id: str
    lot_no: str
    item: str
    quantity: Decimal | None
    unit: str
    via: str = ""

    def as_json(self) -> dict[str, Any]:
        """Give the shape of the API."""
        return {
            "customer": self.customer,
            "customer_name": self.customer_name,
            "contacts": self.contacts,
            "lot_id": self.lot_id,
            "lot_no": self.lot_no,
            "item": self.item,
            "quantity": optional_text(self.quantity),
            "unit": self.unit,
            "shipped_at": self.shipped_at.isoformat(),
            "event_id": self.event_id,
            "via": self.via,
        }


_IN_TIME: Final = attrgetter("event_at", "id")
_NOBODY: Final[tuple[str, str, dict[str, Any]]] = ("", "", {})


def shipped_among(
    rows: Iterable[AnyMovement],
    known: Mapping[int, NodeInfo],
    parties: Mapping[str, PartyRow],
) -> list[ShipmentRow]:
    """Give what `shipments_of` gives, of nodes whose movements have been read already."""
    found = []
    for row in sorted((row for row in rows if row.effect == "shipped"), key=_IN_TIME):
        info, party = known[row.node], parties.get(row.to_party)
        customer = _NOBODY if party is None else (party.code, party.name, party.contacts or {})
        thing = (info.node, info.uid, info.kind, info.lot_no, info.item_code)
        told = (row.event_uid, row.event_at, *thing, row.quantity, row.unit)
        found.append(ShipmentRow(*told, *customer))
    return found


def shipped_to(
    session: Session,
    tenant_id: int,
    nodes: Sequence[int],
    *,
    whole: Collection[int] = (),
    known: Mapping[int, NodeInfo] | None = None,
    lens: Lens = NOW,
    rows: Sequence[ShipmentRow] | None = None,
) -> tuple[Shipment, ...]:
    """List the shipments of lots and units, directly or inside a case or pallet that held them.

    `known` are the nodes where they have been described already; `whole` are cases that are asked
    about themselves, whatever they hold; `rows` are what left of the nodes themselves, if it has
    been read already.
    """
    if rows is None:
        rows = shipments_of(session, tenant_id, nodes, lens=lens, known=known)
    wanted = set(nodes)
    cases = [row.node for row in rows if row.kind == "logistic_unit"]
    contents = contents_of(session, tenant_id, cases, lens=lens)
    found: list[Shipment] = []
    for row in rows:
        if row.kind != "logistic_unit" or row.node in whole:
            found.append(_direct(row))
            continue
        inside = held_in(contents, row.node, row.event_at, with_cases=bool(whole))
        found += [
            _inside_of(row, content)
            for content in inside
            if content.node in (whole if content.kind == "logistic_unit" else wanted)
        ]
    return tuple(sorted(found, key=lambda s: (s.shipped_at, s.customer, s.lot_no)))


def _direct(row: ShipmentRow) -> Shipment:
    return Shipment(
        row.event_uid,
        row.event_at,
        row.customer_code,
        row.customer_name,
        row.contacts,
        row.node,
        row.node_uid,
        row.lot_no,
        row.item_code,
        row.quantity,
        row.unit,
    )


def _inside_of(row: ShipmentRow, content: ContentRow) -> Shipment:
    return Shipment(
        row.event_uid,
        row.event_at,
        row.customer_code,
        row.customer_name,
        row.contacts,
        content.node,
        content.node_uid,
        content.lot_no,
        content.item_code,
        content.quantity,
        content.unit,
        via=row.lot_no,
    )
