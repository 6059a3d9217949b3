"""One event as it was recorded: what, when, where, why, how, and every line with its thing.

It must not know how events are checked or written.
"""

from dataclasses import dataclass
from typing import Any

from sqlmodel import select

from qtcore.context import Context
from qtcore.errors import NotFound
from qtcore.services.rights import COMPANY, Thing, require
from qtcore.services.sight import keep_seen, withhold
from qtcore.services.site import Site
from qtcore.services.veils import hidden_of, unveiled
from qtcore.services.wire import optional_text
from qtcore.store.queries.nodes import NodeInfo, describe_nodes
from qtcore.store.queries.sites import owners_of_places
from qtcore.store.tables import Event, Movement


@dataclass(frozen=True, slots=True)
class EventView:
    """An event and its lines, each with what it names."""

    event: Event
    lines: tuple[tuple[Movement, NodeInfo], ...]
    hidden: frozenset[str] = frozenset()
    thing: Thing = COMPANY

    @property
    def values(self) -> dict[str, Any]:
        """What was filled in, without what the reader does not see."""
        return unveiled(self.event.values, self.hidden)

    def as_json(self) -> dict[str, Any]:
        """Give the shape of the API; `lots` are the public ids of everything it names."""
        row = self.event
        return {
            "event_id": row.uid,
            "external_id": row.external_id,
            "event_type": row.event_type,
            "verb": row.verb,
            "event_at": row.event_at.isoformat(),
            "recorded_at": row.recorded_at.isoformat(),
            "recorded_by": row.recorded_by,
            "step": row.step,
            "reason": row.reason,
            "values": self.values,
            "is_superseded": row.superseded_by is not None,
            "lots": list(dict.fromkeys(info.uid for _, info in self.lines)),
            "lines": [
                {
                    "part": move.part,
                    "effect": move.effect,
                    "lot_id": info.uid,
                    "item": info.item_code,
                    "lot_no": info.lot_no,
                    "quantity": optional_text(move.quantity),
                    "unit": move.unit,
                }
                for move, info in self.lines
            ],
        }


def read_event(site: Site, context: Context, event_id: str) -> EventView:
    """Read an event by its public id or the sender's; raises NotFound."""
    require(site, context, "lot.read", about=event_id)
    tenant = site.store.tenant_id
    with site.store.read() as session:
        event = session.exec(
            select(Event).where(
                Event.tenant_id == tenant,
                (Event.uid == event_id) | (Event.external_id == event_id),
            )
        ).first()
        if event is None:
            raise missing_event(event_id)
        moves = session.exec(
            select(Movement)
            .where(Movement.tenant_id == tenant, Movement.event_id == event.id)
            .order_by(Movement.id)  # type: ignore[arg-type]
        ).all()
        infos = describe_nodes(session, tenant, sorted({move.node for move in moves}))
        if infos and not keep_seen(site, context, session, infos.values()):
            raise missing_event(event_id)
        shown = withhold(site, context, session, infos)
        hidden = hidden_of(site, context, f"event:{event.event_type}")
        owner = owners_of_places(session, tenant).get(event.location_id or 0, "")
        thing = Thing("this event", event.event_type, sites=frozenset({owner} - {""}))
        lines = tuple((move, shown[move.node]) for move in moves)
        return EventView(event, lines, hidden, thing)


def missing_event(event_id: str) -> NotFound:
    """Say that there is no such event, or none that this person sees."""
    return NotFound(f"there is no event {event_id!r}; give the id the recording answered")
