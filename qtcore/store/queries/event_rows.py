"""Events of some types in a span of time with their lines, for reports about what happened.

It must not know what a report makes of them.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select

from qtcore.store.tables import Event, Movement

_BATCH = 500


@dataclass(frozen=True, slots=True)
class EventSpan:
    """Which events: types, from (inclusive), until (exclusive), and nodes they name (None: any)."""

    types: Collection[str]
    since: datetime | None = None
    until: datetime | None = None
    nodes: Collection[int] | None = None


def events_in(session: Session, tenant_id: int, span: EventSpan) -> list[Event]:
    """List events that nothing superseded, the earliest first."""
    statement = select(Event).where(
        Event.tenant_id == tenant_id,
        col(Event.event_type).in_(sorted(span.types)),
        col(Event.superseded_by).is_(None),
    )
    if span.since is not None:
        statement = statement.where(Event.event_at >= span.since)
    if span.until is not None:
        statement = statement.where(Event.event_at < span.until)
    rows = {row.id: row for row in session.exec(statement)}
    if span.nodes is not None:
        named = {
            key
            for part in _parts(sorted(span.nodes))
            for key in session.exec(
                select(Movement.event_id).where(
                    Movement.tenant_id == tenant_id, col(Movement.node).in_(part)
                )
            )
        }
        rows = {key: row for key, row in rows.items() if key in named}
    return sorted(rows.values(), key=lambda row: (row.event_at, row.id))


def lines_of(
    session: Session, tenant_id: int, events: Sequence[Event]
) -> dict[int, list[Movement]]:
    """Give the lines of events in their order, by the event's key; moves count once."""
    found: dict[int, list[Movement]] = defaultdict(list)
    for part in _parts([event.id for event in events]):
        statement = select(Movement).where(
            Movement.tenant_id == tenant_id,
            col(Movement.event_id).in_(part),
            Movement.effect != "moved_in",
        )
        for move in session.exec(statement.order_by(col(Movement.id))):
            found[move.event_id].append(move)
    return found


def _parts(keys: Sequence[int]) -> Iterator[Sequence[int]]:
    return (keys[start : start + _BATCH] for start in range(0, len(keys), _BATCH))
