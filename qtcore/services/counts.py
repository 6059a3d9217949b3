"""How much a site holds: lots, events, links, deviations.

It must not know what the figures are for.
"""

from dataclasses import asdict, dataclass

from sqlmodel import Session, col, func, select

from qtcore.context import Context
from qtcore.services.facts import CLOSED_STATES
from qtcore.services.rights import COMPANY, require
from qtcore.services.site import Site
from qtcore.store.tables import Edge, Event, Lot, Record


@dataclass(frozen=True, slots=True)
class Counts:
    """What is there; `lot_states` counts the lots by state."""

    lots: int
    events: int
    edges: int
    deviations_open: int
    deviations_closed: int
    lot_states: dict[str, int]

    def as_json(self) -> dict[str, object]:
        """Give the shape of the API."""
        return asdict(self)


def count_site(site: Site, context: Context) -> Counts:
    """Count what a site holds, in a fixed number of queries."""
    require(site, context, "lot.read", thing=COMPANY)
    tenant = site.store.tenant_id
    with site.store.read() as session:
        states = session.exec(
            select(Lot.state, func.count()).where(Lot.tenant_id == tenant).group_by(Lot.state)
        ).all()
        deviations = _deviations(session, tenant)
        events = select(func.count()).where(col(Event.tenant_id) == tenant)
        edges = select(func.count()).where(
            col(Edge.tenant_id) == tenant, col(Edge.superseded_by).is_(None)
        )
        return Counts(
            lots=sum(number for _, number in states),
            events=session.exec(events).one(),
            edges=session.exec(edges).one(),
            deviations_open=sum(n for state, n in deviations if state not in CLOSED_STATES),
            deviations_closed=sum(n for state, n in deviations if state in CLOSED_STATES),
            lot_states=dict(sorted(states)),
        )


def _deviations(session: Session, tenant: int) -> list[tuple[str, int]]:
    found = session.exec(
        select(Record.state, func.count())
        .where(Record.tenant_id == tenant, Record.kind == "deviation")
        .group_by(Record.state)
    )
    return list(found.all())
