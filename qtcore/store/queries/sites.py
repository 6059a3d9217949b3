"""At which of our sites things stand or stood: the parties that own the places of their events.

It must not know who may see what.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, Final

from sqlalchemy import Select, and_, func, select
from sqlmodel import Session

from qtcore.store.columns import table_of
from qtcore.store.queries.keyset import TENANT, among, among_texts, rows_for
from qtcore.store.tables import Event, Location, Lot, Movement, Party, Unit

_EVENT: Final = table_of(Event)
_LOCATION: Final = table_of(Location)
_LOT: Final = table_of(Lot)
_MOVEMENT: Final = table_of(Movement)
_PARTY: Final = table_of(Party)
_UNIT: Final = table_of(Unit)


def owners_of_places(session: Session, tenant_id: int) -> Mapping[int, str]:
    """Give the party code that owns each place, its own or that of the nearest place around it."""
    rows = session.execute(
        select(_LOCATION.c.id, _LOCATION.c.parent_id, _PARTY.c.code)
        .select_from(
            _LOCATION.outerjoin(
                _PARTY,
                and_(
                    _PARTY.c.tenant_id == _LOCATION.c.tenant_id, _PARTY.c.id == _LOCATION.c.party_id
                ),
            )
        )
        .where(_LOCATION.c.tenant_id == tenant_id)
    ).all()
    around = {row.id: row.parent_id for row in rows}
    named = {row.id: row.code for row in rows if row.code is not None}
    found: dict[int, str] = {}
    for place in around:
        seen: set[int] = set()
        above: int | None = place
        while above is not None and above not in named and above not in seen:
            seen.add(above)
            above = around.get(above)
        if above in named:
            found[place] = named[above]
    return found


def owners_by_code(session: Session, tenant_id: int, codes: Iterable[str]) -> dict[str, str]:
    """Give the party code that owns each of some places, by their codes; nobody's are left out."""
    rows = rows_for(session, _named_places, tenant_id, set(codes) - {""})
    owners = owners_of_places(session, tenant_id) if rows else {}
    return {row.code: owners[row.id] for row in rows if row.id in owners}


def site_of_place(session: Session, tenant_id: int, code: str) -> str:
    """Give the party code that owns a place by its code; empty when nobody does."""
    place = session.execute(
        select(_LOCATION.c.id).where(_LOCATION.c.tenant_id == tenant_id, _LOCATION.c.code == code)
    ).scalar_one_or_none()
    return owners_of_places(session, tenant_id).get(place, "") if place is not None else ""


def sites_of_nodes(
    session: Session, tenant_id: int, nodes: Iterable[int]
) -> dict[int, frozenset[str]]:
    """Give the party codes at whose places each node was, and who made it; a unit follows its lot.

    A node that never had a place of ours and was not made by us is left out.
    """
    wanted = list(dict.fromkeys(nodes))
    lots = {row.node: row.lot for row in rows_for(session, _unit_lots, tenant_id, wanted)}
    asked = [*wanted, *lots.values()]
    owners = owners_of_places(session, tenant_id)
    found: dict[int, set[str]] = defaultdict(set)
    for row in rows_for(session, _places, tenant_id, asked):
        if row.place in owners:
            found[row.node].add(owners[row.place])
    for row in rows_for(session, _makers, tenant_id, asked):
        found[row.node].add(row.code)
    for unit, lot in lots.items():
        found[unit] |= found[lot]
    return {node: frozenset(found[node]) for node in wanted if found[node]}


@cache
def _named_places(dialect: str) -> Select[Any]:
    return select(_LOCATION.c.id, _LOCATION.c.code).where(
        _LOCATION.c.tenant_id == TENANT, among_texts(dialect, _LOCATION.c.code)
    )


@cache
def _unit_lots(dialect: str) -> Select[Any]:
    return select(_UNIT.c.node, _UNIT.c.lot).where(
        _UNIT.c.tenant_id == TENANT, among(dialect, _UNIT.c.node), _UNIT.c.lot.is_not(None)
    )


@cache
def _places(dialect: str) -> Select[Any]:
    of_event = and_(
        _EVENT.c.tenant_id == _MOVEMENT.c.tenant_id,
        _EVENT.c.id == _MOVEMENT.c.event_id,
        _EVENT.c.superseded_by.is_(None),
    )
    place = func.coalesce(_MOVEMENT.c.location_id, _EVENT.c.location_id)
    return (
        select(_MOVEMENT.c.node, place.label("place"))
        .select_from(_MOVEMENT.join(_EVENT, of_event))
        .where(_MOVEMENT.c.tenant_id == TENANT, among(dialect, _MOVEMENT.c.node))
        .distinct()
    )


@cache
def _makers(dialect: str) -> Select[Any]:
    of_party = and_(_PARTY.c.tenant_id == _LOT.c.tenant_id, _PARTY.c.id == _LOT.c.source_id)
    return (
        select(_LOT.c.node, _PARTY.c.code)
        .select_from(_LOT.join(_PARTY, of_party))
        .where(_LOT.c.tenant_id == TENANT, among(dialect, _LOT.c.node))
    )
