"""What new events of other companies mean for those stored before, and the reverse.

It must not write events. Parts of a transformation are joined, events that are declared wrong are
taken back, whichever of the two was told first; what only a wrong event said of a lot goes with it.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlmodel import col, select

from qtcore.builtin.epcis.strict_json import read_json
from qtcore.builtin.facts import TraceEvent
from qtcore.builtin.faults import Faults
from qtcore.services.corrections import Group, groups_of, link_group, supersede_event
from qtcore.services.epcis_facts import ilmd_day, stored_id
from qtcore.store.queries.epcis import DECLARED
from qtcore.store.queries.events import BROUGHT
from qtcore.store.queries.keyset import batched
from qtcore.store.tables import Event, Lot, Movement
from qtcore.store.unit import UnitOfWork


@dataclass(slots=True)
class Settled:
    """The nodes of events that were taken back, and the groups whose parts changed."""

    nodes: set[int] = field(default_factory=set)
    groups: set[Group] = field(default_factory=set)


def settle_events(work: UnitOfWork, events: Iterable[TraceEvent], ids: Collection[str]) -> Settled:
    """Join the parts of transformations, then apply error declarations, old and new.

    `ids` are all that is stored of the document, declarations about its events included.
    """
    settled = Settled()
    for event in events:
        _settle(work, event, ids, settled)
    return settled


def _settle(work: UnitOfWork, event: TraceEvent, ids: Collection[str], settled: Settled) -> None:
    own, declared = stored_id(event), event.error is not None
    is_part = not declared and bool(event.transformation_id) and event.verb == "transform"
    if not (is_part or declared or f"{own}{DECLARED}" in ids):
        return
    row = _event_of(work, own)
    if is_part and row is not None:
        group = Group(event.transformation_id)
        link_group(work, group, row)
        settled.groups.add(group)
    wrong = _event_of(work, own.removesuffix(DECLARED)) if declared else row
    declaration = row if declared else _event_of(work, f"{own}{DECLARED}")
    if wrong is not None and declaration is not None and wrong.superseded_by is None:
        groups = groups_of(work, [wrong.id])
        nodes = supersede_event(work, wrong, declaration, groups[0] if groups else None)
        work.flush()
        _restate_lots(work, wrong, nodes)
        settled.nodes |= nodes
        settled.groups.update(groups)


def _event_of(work: UnitOfWork, external_id: str) -> Event | None:
    return work.session.exec(
        select(Event).where(Event.tenant_id == work.tenant_id, Event.external_id == external_id)
    ).first()


def _restate_lots(work: UnitOfWork, wrong: Event, nodes: Collection[int]) -> None:
    """Let what only a wrong event said of lots go with it: that they came to be, when, till when.

    What a person said of a lot when it was recorded here stays.
    """
    told = _tellings(work, nodes, wrong)
    for few in batched(sorted(told)):
        lots = work.session.exec(
            select(Lot).where(Lot.tenant_id == work.tenant_id, col(Lot.node).in_(few))
        )
        for lot in lots.all():
            _restate(work, lot, wrong, told[lot.node])


def _tellings(work: UnitOfWork, nodes: Collection[int], wrong: Event) -> dict[int, list[Event]]:
    """Give for each lot that the wrong event brought the other events that did."""
    found: dict[int, list[Event]] = defaultdict(list)
    brought: set[int] = set()
    for few in batched(sorted(nodes)):
        rows = work.session.exec(
            select(Movement.node, Event)
            .join(
                Event,
                (col(Event.tenant_id) == Movement.tenant_id) & (col(Event.id) == Movement.event_id),
            )
            .where(
                Movement.tenant_id == work.tenant_id,
                col(Movement.node).in_(few),
                col(Movement.effect).in_(BROUGHT),
            )
        )
        for node, event in rows:
            if event.id == wrong.id:
                brought.add(node)
            elif event.superseded_by is None:
                found[node].append(event)
    return {node: found[node] for node in brought}


def _restate(work: UnitOfWork, lot: Lot, wrong: Event, others: Collection[Event]) -> None:
    values: dict[str, Any] = {} if others else {"origin": "unverified"}
    if all(other.document for other in others):
        (expiry, made), rest = _says(wrong), [_says(other) for other in others]
        if expiry is not None and lot.expiry_on == expiry:
            values["expiry_on"] = min((day for day, _ in rest if day), default=None)
        if made is not None and lot.made_at == made:
            values["made_at"] = min((moment for _, moment in rest if moment), default=None)
    changes = work.change(lot, **values)
    if changes:
        uid = work.uid_of(lot.node)
        work.log("lot.complete", "lot", uid, changes=changes, about=[uid])


def _says(event: Event) -> tuple[date | None, datetime | None]:
    """Give expiry and birth as an event told them of what it brought."""
    made = event.event_at if event.verb == "transform" else None
    text = event.document.get("event")
    sent = read_json(text.encode(), Faults()) if isinstance(text, str) else None
    ilmd = sent.get("ilmd") if isinstance(sent, Mapping) else None
    return ilmd_day(ilmd, "itemExpirationDate") if isinstance(ilmd, Mapping) else None, made
