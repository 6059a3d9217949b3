"""What is stored of one event of another company: chosen from what it says, in our words.

It must not know the database.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Any

from qtcore.builtin.epcis.checks import read_time
from qtcore.builtin.epcis.contents import content_hash
from qtcore.builtin.epcis.event_hash import event_hash
from qtcore.builtin.epcis.strict_json import read_json, write_json
from qtcore.builtin.facts import PartyRole, TraceEvent
from qtcore.builtin.faults import Faults
from qtcore.builtin.gs1 import party_code
from qtcore.store.queries.epcis import DECLARED
from qtcore.store.tables import Event

_ILMD = re.compile(r"[:#/]")


def local_name(name: str) -> str:
    """Give a name without its prefix or namespace."""
    return _ILMD.split(name)[-1]


def ilmd_text(ilmd: Mapping[str, Any], name: str) -> str:
    """Find a text of the instance/lot master data, whatever prefix it was given."""
    for key, value in ilmd.items():
        if local_name(key) == name and isinstance(value, str):
            return value.strip()
    return ""


def as_sent(event: TraceEvent, context: Any) -> dict[str, Any]:
    """Give what is kept of an event as its sender wrote it; `context` is that of its document."""
    return {
        "format": "epcis-2.0",
        "content": event.content_hash,
        "event": write_json(event.document),
        "context": context,
    }


def ilmd_day(ilmd: Mapping[str, Any], name: str) -> date | None:
    """Find a day of the master data, told as a date or as a moment; None when it is neither."""
    text = ilmd_text(ilmd, name)
    moment = read_time(text)
    if moment is not None:
        return moment.date()
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def place_of(event: TraceEvent) -> str:
    """Choose the place whose stock changes; coordinates are no place with stock."""
    for uri in (event.biz_location, event.read_point):
        if uri and not uri.startswith("geo:"):
            return party_code(uri)
    return ""


def parties_of(event: TraceEvent) -> tuple[PartyRole, ...]:
    """List sources and destinations."""
    return (*event.sources, *event.destinations)


def party_of(roles: Iterable[PartyRole]) -> str:
    """Choose who owns, else who holds the goods."""
    found = {role.role: role.uri for role in reversed(list(roles))}
    uri = found.get("owning_party") or found.get("possessing_party") or ""
    return party_code(uri) if uri else ""


def error_text(event: TraceEvent) -> str:
    """Say in words what an error declaration declares; empty without one."""
    if event.error is None:
        return ""
    by = ", ".join(event.error.corrective_ids)
    text = f"declared wrong on {event.error.declared}: {event.error.reason or 'no reason given'}"
    return (f"{text}; corrected by {by}" if by else text)[:2000]


def values_of(event: TraceEvent) -> Iterator[tuple[str, str]]:
    """List what is shown with the event; everything else stays in its document."""
    for name, text in (
        ("event_time", event.event_time),
        ("record_time", event.record_time),
        ("disposition", event.disposition),
        ("read_point", event.read_point),
        ("transformation_id", event.transformation_id),
    ):
        if text:
            yield name, text


def born(events: Iterable[TraceEvent]) -> dict[str, tuple[date | None, datetime | None]]:
    """Give expiry and birth of what the events bring into being, by its global name.

    The earliest of several dates, so that the order of documents makes no difference.
    """
    found: dict[str, tuple[date | None, datetime | None]] = {}
    for event in events:
        outputs = event.part("output") if event.error is None else []
        if outputs:
            expiry = ilmd_day(event.ilmd, "itemExpirationDate")
            made = event.event_at.astimezone(UTC) if event.verb == "transform" else None
            for thing in outputs:
                earlier = found.get(thing.key.value, (None, None))
                found[thing.key.value] = (
                    min((d for d in (expiry, earlier[0]) if d), default=None),
                    min((m for m in (made, earlier[1]) if m), default=None),
                )
    return found


def stored_id(event: TraceEvent) -> str:
    """Give the id an event is stored under; without one of its own, the standard's event hash."""
    return f"{event.identity}{DECLARED}" if event.error is not None else event.identity


def says_the_same(row: Event, event: TraceEvent) -> bool:
    """Say whether a stored event is equal in content, also one stored under an older hash."""
    if row.document.get("content") == event.content_hash:
        return True
    if row.document.get("format") != "epcis-2.0":
        return False
    stored, context = (read_json(row.document[n].encode(), Faults()) for n in ("event", "context"))
    return content_hash(stored, event_hash(stored, context)) == event.content_hash
