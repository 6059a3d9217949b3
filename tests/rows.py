"""Few words for rows of a store: a plant of lots and the edges between them.

It must not check anything.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from qtcore.context import Actor, Context
from qtcore.store.store import Store
from qtcore.store.tables import Edge, Event, Item, Lot, Movement, NodeAlias, Party
from qtcore.store.unit import UnitOfWork

NOON = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)


def a_context(login: str = "qa.lead", at: datetime = NOON) -> Context:
    return Context(
        actor=Actor(login=login, name="Ana Novak", uid="u-1", roles=frozenset({"qa", "auditor"})),
        at=at,
        request_id="r-1",
        device="bench 4",
        ip="10.1.2.3",
        session_id="s-1",
        os_user="ana",
    )


@dataclass
class Plant:
    """An item, a party, and lots numbered L0, L1, ...; `nodes` are their keys."""

    item: Item
    party: Party
    nodes: list[int]
    uids: list[str]


def a_plant(store: Store, lots: int = 1) -> Plant:
    with store.write(a_context()) as work:
        item = Item(
            tenant_id=work.tenant_id,
            id=work.key(),
            uid=work.new_uid(),
            code="GRAN",
            name="Granulate",
        )
        party = Party(
            tenant_id=work.tenant_id, id=work.key(), uid=work.new_uid(), code="ACME", name="Acme"
        )
        nodes = work.new_nodes("lot", lots)
        work.add(item, party)
        work.insert(
            Lot,
            [
                {
                    "node": node.node,
                    "item_id": item.id,
                    "source_id": party.id,
                    "lot_no": f"L{at}",
                    "state": "quarantine",
                    "unit": "kg",
                }
                for at, node in enumerate(nodes)
            ],
        )
        work.log("plant.make", "item", item.uid)
    return Plant(item, party, [node.node for node in nodes], [node.uid for node in nodes])


def an_event(work: UnitOfWork, verb: str = "transform", **values: object) -> Event:
    event = Event(
        tenant_id=work.tenant_id,
        id=work.key(),
        uid=work.new_uid(),
        content_hash="0" * 64,
        event_type="production",
        verb=verb,
        event_at=NOON,
        recorded_at=NOON,
        recorded_by="qa.lead",
    )
    for name, value in values.items():
        setattr(event, name, value)
    work.add(event)
    return event


def link(store: Store, pairs: Iterable[tuple[int, int]], quantity: str | None = None) -> str:
    """Make edges from source to product nodes by one event; gives its public id."""
    with store.write(a_context()) as work:
        event = an_event(work)
        work.insert(
            Edge,
            [
                {
                    "id": work.key(),
                    "src": src,
                    "dst": dst,
                    "kind": "transform",
                    "certainty": "recorded",
                    "quantity": None if quantity is None else Decimal(quantity),
                    "unit": "kg",
                    "event_id": event.id,
                    "event_at": NOON,
                    "recorded_at": NOON,
                }
                for src, dst in pairs
            ],
        )
        work.log("event.transform", "event", event.uid)
    return event.uid


def alias(store: Store, node: int, same_as: int) -> None:
    with store.write(a_context()) as work:
        row = NodeAlias(
            tenant_id=work.tenant_id,
            id=work.key(),
            node=node,
            same_as=same_as,
            reason="two numbers of one drum",
            recorded_at=NOON,
        )
        work.add(row)
        work.log("node.merge", "node", str(node))


def move(work: UnitOfWork, event: Event, node: int, part: str, effect: str, **values: Any) -> None:
    work.add(
        Movement(
            tenant_id=work.tenant_id,
            id=work.key(),
            event_id=event.id,
            node=node,
            part=part,
            effect=effect,
            **values,
        )
    )
