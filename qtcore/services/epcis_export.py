"""Chooses events to export and gives every thing its URI: the sender's, else one made of its id.

It must not know the shape of the document; see `qtcore.builtin.epcis.writing`.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from sqlmodel import Session, col, select

from qtcore.builtin.epcis.strict_json import read_json
from qtcore.builtin.epcis.writing import EventOut, ThingOut
from qtcore.builtin.faults import Faults
from qtcore.builtin.gs1 import read_key
from qtcore.services.site import Site
from qtcore.services.veils import without
from qtcore.services.wire import decimal_text
from qtcore.store.queries.epcis import DECLARED
from qtcore.store.queries.nodes import NodeInfo, describe_nodes
from qtcore.store.tables import Event, Location, Movement, Party

_UNIT_CODE_LENGTH = (2, 3)
_BATCH = 500


def events_of(session: Session, tenant_id: int, nodes: Sequence[int] | None) -> list[Event]:
    """List events that name one of the nodes (None: all), the earliest first; void ones too."""
    statement = select(Event).where(Event.tenant_id == tenant_id)
    if nodes is None:
        rows = list(session.exec(statement))
    else:
        keys = {
            key
            for start in range(0, len(nodes), _BATCH)
            for key in session.exec(
                select(Movement.event_id).where(
                    Movement.tenant_id == tenant_id,
                    col(Movement.node).in_(nodes[start : start + _BATCH]),
                )
            )
        }
        ordered = sorted(keys)
        rows = [
            row
            for start in range(0, len(ordered), _BATCH)
            for row in session.exec(
                statement.where(col(Event.id).in_(ordered[start : start + _BATCH]))
            )
        ]
    return sorted(rows, key=lambda row: (row.event_at, row.id))


def read_events_out(
    site: Site, session: Session, rows: Sequence[Event], hidden: frozenset[str] = frozenset()
) -> list[EventOut]:
    """Turn stored events into what is written; without the fields that are hidden."""
    tenant = site.store.tenant_id
    moves: dict[int, list[Movement]] = defaultdict(list)
    own = [row.id for row in rows if row.document.get("format") != "epcis-2.0"]
    for start in range(0, len(own), _BATCH):
        statement = select(Movement).where(
            Movement.tenant_id == tenant, col(Movement.event_id).in_(own[start : start + _BATCH])
        )
        for move in session.exec(statement.order_by(col(Movement.id))):
            moves[move.event_id].append(move)
    nodes = {move.node for each in moves.values() for move in each}
    infos = describe_nodes(session, tenant, sorted(nodes))
    parties = _codes(session, tenant, Party)
    places = _codes(session, tenant, Location)
    writer = _Writer(site, infos, parties, places)
    told = (writer.event(row, moves[row.id]) for row in rows)
    return [_veiled(event, hidden) for event in told] if hidden else list(told)


def _veiled(event: EventOut, hidden: frozenset[str]) -> EventOut:
    return replace(
        event,
        document=without(event.document, hidden),
        ilmd=without(event.ilmd, hidden),
        extensions=without(event.extensions, hidden),
    )


class _Writer:
    def __init__(
        self,
        site: Site,
        infos: Mapping[int, NodeInfo],
        parties: Mapping[int, str],
        places: Mapping[int, str],
    ) -> None:
        self._site = site
        self._infos = infos
        self._parties = parties
        self._places = places

    def event(self, row: Event, moves: Sequence[Movement]) -> EventOut:
        event_id, at = row.external_id or f"urn:uuid:{row.uid}", _aware(row.event_at)
        event_id = event_id.removesuffix(DECLARED)
        if row.document.get("format") == "epcis-2.0":
            document, context = (_json(row.document[name]) for name in ("event", "context"))
            return EventOut(event_id, row.verb, at, document=document, context=context)
        lines = [move for move in moves if move.effect != "moved_in"]
        adjusted = [
            decimal_text(m.quantity) for m in lines if m.effect == "adjusted" and m.quantity
        ]
        extensions: dict[str, Any] = {"eventType": row.event_type}
        if adjusted:
            extensions["adjusted"] = adjusted
        return EventOut(
            # An id of a file's row is no URI; the standard wants one.
            event_id if ":" in event_id else f"urn:uuid:{row.uid}",
            row.verb,
            at,
            utc_offset=row.utc_offset,
            recorded_at=_aware(row.recorded_at),
            place=self._name(self._places, row.location_id, "location"),
            source=self._name(self._parties, row.from_party_id, "party"),
            destination=self._name(self._parties, row.to_party_id, "party"),
            things=tuple(self._thing(move) for move in lines),
            ilmd=self._ilmd(lines),
            extensions=extensions,
        )

    def _thing(self, move: Movement) -> ThingOut:
        info = self._infos[move.node]
        is_class = info.kind == "lot"
        return ThingOut(move.part, uri_of(info), is_class, move.quantity, self._unit(move.unit))

    def _unit(self, unit: str) -> str:
        """Find the UN/CEFACT code among the spellings of a unit; a count has none."""
        known = self._site.registry.unit(unit) if unit else None
        if known is None or known.code == "{count}":
            return ""
        low, high = _UNIT_CODE_LENGTH
        codes = (a for a in known.aliases if low <= len(a) <= high and a.isascii())
        return next((a for a in codes if a.isalnum() and a == a.upper()), "")

    def _ilmd(self, lines: Iterable[Movement]) -> dict[str, Any]:
        """Give the master data of the one lot an event makes."""
        made = [self._infos[m.node] for m in lines if m.part == "output"]
        lots = [info for info in made if info.kind == "lot"]
        if len(lots) != 1:
            return {}
        found = {"cbvmda:lotNumber": lots[0].lot_no}
        if lots[0].expiry_on is not None:
            found["cbvmda:itemExpirationDate"] = lots[0].expiry_on.isoformat()
        return found

    def _name(self, codes: Mapping[int, str], key: int | None, kind: str) -> str:
        code = codes.get(key, "") if key is not None else ""
        if not code or ":" in code:
            return code
        if code.isdigit() and len(code) == len("4012345000009"):
            return f"https://id.gs1.org/{'414' if kind == 'location' else '417'}/{code}"
        return f"urn:qtcore:{self._site.store.tenant_uid}:{kind}:{code.replace(' ', '%20')}"


def uri_of(info: NodeInfo) -> str:
    """Give the URI of a node: as it was sent, its global name, or one made of its public id."""
    names = [value for scheme, value in info.identifiers if scheme == "uri"]
    names += [value for _, value in info.identifiers if read_key(value).scheme != "uri"]
    return next((name for name in names if ":" in name), f"urn:uuid:{info.uid}")


def _codes(session: Session, tenant_id: int, table: type[Party] | type[Location]) -> dict[int, str]:
    rows = session.exec(select(table.id, table.code).where(table.tenant_id == tenant_id))
    return dict(rows.all())


def _json(text: str) -> Any:
    return read_json(text.encode(), Faults())


def _aware(at: datetime) -> datetime:
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)
