"""Asking the packs: turns what was read into frozen facts and joins the packs' refusals.

It must not know pluggy, and it never lets a pack remove a refusal of the core.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from sqlmodel import Session

from qtcore.definitions.stored_states import status_in
from qtcore.errors import Refusal
from qtcore.hookspecs import EventFacts, LotFacts, LotQuantity, ShipmentFacts
from qtcore.services.events import EventInput, Line
from qtcore.services.site import Site
from qtcore.store.queries.lots import item_extras
from qtcore.store.queries.nodes import HoldRow, NodeInfo, active_holds

NO_FACTS: Final[Mapping[str, Any]] = MappingProxyType({})


def freeze_lot(
    site: Site,
    info: NodeInfo,
    read: tuple[Sequence[HoldRow], Mapping[str, Any]],
    facts: Mapping[str, Any] = NO_FACTS,
) -> LotFacts:
    """Freeze what a pack may see of a lot whose holds and item's fields were read before."""
    holds, item_fields = read
    workflow = site.registry.get("workflows", "lot")
    status = status_in(workflow, info.state) if info.state else ""
    return LotFacts(
        lot_id=info.uid,
        lot_no=info.lot_no,
        item=info.item_code,
        item_kind=info.item_kind,
        industry=info.industry,
        source=info.source_code,
        state=info.state,
        status=status,
        unit=info.unit,
        made_on=info.made_at.date() if info.made_at else None,
        expiry_on=info.expiry_on,
        holds=tuple(hold.reason for hold in holds),
        fields=info.extra,
        item_fields=item_fields,
        facts=dict(facts),
    )


def event_refusals(
    site: Site,
    session: Session,
    verb: str,
    told: tuple[EventInput, Sequence[NodeInfo | None]],
) -> list[Refusal]:
    """Ask the packs about a receipt or a shipment; other verbs have no judge.

    `told` is the event with what each of its lines names, or None for what is new.
    """
    event, infos = told
    if verb not in ("receive", "ship"):
        return []
    lots = _told_lots(site, session, told)
    if verb == "receive":
        receipt = _event_facts(verb, event)
        return [refusal for lot in lots for refusal in site.hooks.judge_receipt(lot, receipt)]
    known = [(line, info) for line, info in zip(event.lines, infos, strict=True) if info]
    shipment = ShipmentFacts(
        shipment_id=event.external_id or "",
        customer=event.to_party,
        ship_at=event.event_at,
        lots=tuple(lot for lot, info in zip(lots, infos, strict=True) if info),
        quantities=tuple(_quantity(line, info) for line, info in known),
        fields=event.values,
    )
    return list(site.hooks.judge_shipment(shipment))


def _told_lots(
    site: Site, session: Session, told: tuple[EventInput, Sequence[NodeInfo | None]]
) -> list[LotFacts]:
    """Freeze what a pack may see of each line's lot, of one that is new what the event tells."""
    event, infos = told
    lines, tenant = list(zip(event.lines, infos, strict=True)), site.store.tenant_id
    holds = active_holds(session, tenant, [info.node for info in infos if info])
    codes = [info.item_code if info else line.ref.item for line, info in lines]
    extras = item_extras(session, tenant, codes)
    return [
        freeze_lot(site, info, (holds.get(info.node, ()), extras.get(code) or {}))
        if info
        else _new_lot(line, extras.get(code) or {})
        for (line, info), code in zip(lines, codes, strict=True)
    ]


def _new_lot(line: Line, item_fields: Mapping[str, Any]) -> LotFacts:
    ref = line.ref
    return LotFacts(
        lot_id="",
        lot_no=ref.lot_no,
        item=ref.item,
        source=ref.source,
        quantity=line.quantity,
        unit=line.unit,
        expiry_on=ref.expiry_on,
        fields=ref.extra,
        item_fields=item_fields,
    )


def _quantity(line: Line, info: NodeInfo | None) -> LotQuantity:
    if info is None:
        return LotQuantity("", line.ref.lot_no, line.ref.item, line.quantity, line.unit)
    return LotQuantity(info.uid, info.lot_no, info.item_code, line.quantity, line.unit)


def _event_facts(verb: str, event: EventInput) -> EventFacts:
    return EventFacts(
        event_id="",
        event_type=event.event_type,
        verb=verb,
        event_at=event.event_at,
        outputs=tuple(_quantity(line, None) for line in event.part("output")),
        party=event.from_party or event.to_party,
        location=event.location,
        fields=event.values,
    )
