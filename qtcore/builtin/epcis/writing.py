"""Writes EPCIS 2.0 documents: events of others as they were sent, our own as the standard has them.

It must not know our database; the caller gives each thing its URI.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from qtcore.builtin.epcis.xml_prefixes import STANDARD_CONTEXT

OWN_CONTEXT: Mapping[str, str] = {"qtcore": "urn:qtcore:epcis:"}
"""The prefix of our extensions; it stands in every document that has events of our own."""

_OBJECT_EVENTS: Mapping[str, tuple[str, str]] = {
    # (action, business step) that `verb_of` reads as the same verb again
    "receive": ("OBSERVE", "receiving"),
    "ship": ("OBSERVE", "shipping"),
    "return": ("OBSERVE", "receiving"),
    "sample": ("OBSERVE", "sampling"),
    "scrap": ("DELETE", "destroying"),
    "transform": ("ADD", "commissioning"),
    "move": ("OBSERVE", "storing"),
    "adjust": ("OBSERVE", "stock_taking"),
    "observe": ("OBSERVE", "inspecting"),
}
_AGGREGATIONS: Mapping[str, tuple[str, str]] = {
    "pack": ("ADD", "packing"),
    "unpack": ("DELETE", "unpacking"),
}


@dataclass(frozen=True, slots=True)
class ThingOut:
    """One thing of our own event; `unit` is a UN/CEFACT code, empty for a count."""

    part: str
    uri: str
    is_class: bool
    quantity: Decimal | None = None
    unit: str = ""


@dataclass(frozen=True, slots=True)
class EventOut:
    """One event to write.

    With `document` it is written as it was sent, under the prefixes of its `context`; else it is
    made from the other parts. `extensions` are written with our prefix.
    """

    event_id: str
    verb: str
    event_at: datetime
    utc_offset: str = "+00:00"
    recorded_at: datetime | None = None
    place: str = ""
    source: str = ""
    destination: str = ""
    things: tuple[ThingOut, ...] = ()
    ilmd: Mapping[str, Any] = field(default_factory=dict)
    extensions: Mapping[str, Any] = field(default_factory=dict)
    document: Mapping[str, Any] | None = None
    context: Any = None


def write_epcis(
    events: Sequence[EventOut], created_at: datetime, vocabularies: Sequence[Any] = ()
) -> dict[str, Any]:
    """Write a document; feed it to `write_json`, which keeps the digits of every number.

    `vocabularies` are the master data that go with the events.
    """
    entries, context = _entries(events)
    header = {"epcisHeader": {"epcisMasterData": {"vocabularyList": list(vocabularies)}}}
    return {
        "@context": context,
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": _time(created_at),
        **(header if vocabularies else {}),
        "epcisBody": {"eventList": entries},
    }


def write_query_result(
    events: Sequence[EventOut], created_at: datetime, name: str, *, recorded: Sequence[datetime]
) -> dict[str, Any]:
    """Write the answer to a query; `recorded` holds when each event was recorded here."""
    entries, context = _entries(events)
    for entry, event, at in zip(entries, events, recorded, strict=True):
        entry["recordTime"] = _time(at)
        entry.setdefault("eventID", event.event_id)
    results = {"queryName": name, "resultsBody": {"eventList": entries}}
    return {
        "@context": context,
        "type": "EPCISQueryDocument",
        "schemaVersion": "2.0",
        "creationDate": _time(created_at),
        "epcisBody": {"queryResults": results},
    }


def entry_of(event: EventOut) -> dict[str, Any]:
    """Give an event as it is written, without the prefixes of its document."""
    return dict(event.document) if event.document is not None else _own_event(event)


def _entries(events: Sequence[EventOut]) -> tuple[list[dict[str, Any]], list[Any]]:
    """Give the events as they are written, and the context of their document.

    Only what every event was told under is lifted into the document. A prefix of one event would
    give a meaning to the same letters in another, and that changes what the other says.
    """
    given = [_declared(event) for event in events]
    shared = given[0] if given and all(each == given[0] for each in given) else []
    entries = []
    for event, own in zip(events, given, strict=True):
        entry = entry_of(event)
        if own and not shared:
            inside = entry.get("@context", [])
            entry["@context"] = [*own, *(inside if isinstance(inside, list) else [inside])]
        entries.append(entry)
    return entries, [STANDARD_CONTEXT, *shared]


def _declared(event: EventOut) -> list[Any]:
    """Give the context of an event without the standard's own, whose versions all agree."""
    context = event.context if event.document is not None else [dict(OWN_CONTEXT)]
    listed = context if isinstance(context, list) else [context] if context else []
    return [e for e in listed if not (isinstance(e, str) and "/epcis-context.jsonld" in e)]


def _own_event(event: EventOut) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "type": "ObjectEvent",
        "eventID": event.event_id,
        "eventTime": _time(event.event_at),
        "eventTimeZoneOffset": event.utc_offset,
    }
    if event.recorded_at is not None:
        entry["recordTime"] = _time(event.recorded_at)
    has_inputs = any(thing.part == "input" for thing in event.things)
    if event.verb == "transform" and has_inputs:
        entry |= {"type": "TransformationEvent", "bizStep": "creating_class_instance"}
        entry |= _lists(event, "input", "inputEPCList", "inputQuantityList")
        entry |= _lists(event, "output", "outputEPCList", "outputQuantityList")
    elif event.verb in _AGGREGATIONS:
        action, step = _AGGREGATIONS[event.verb]
        entry |= {"type": "AggregationEvent", "action": action, "bizStep": step}
        parents = [thing.uri for thing in event.things if thing.part == "parent"]
        entry |= {"parentID": parents[0]} if parents else {}
        entry |= _lists(event, "child", "childEPCs", "childQuantityList")
    else:
        action, step = _OBJECT_EVENTS[event.verb]
        entry |= {"action": action, "bizStep": step, "epcList": []}
        entry |= _lists(event, "", "epcList", "quantityList")
        if event.verb == "return":
            entry["disposition"] = "returned"
    return entry | _where_and_who(event)


def _where_and_who(event: EventOut) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if event.place:
        found["bizLocation"] = {"id": event.place}
    if event.source:
        found["sourceList"] = [{"type": "owning_party", "source": event.source}]
    if event.destination:
        found["destinationList"] = [{"type": "owning_party", "destination": event.destination}]
    if event.ilmd and event.verb == "transform":
        found["ilmd"] = dict(event.ilmd)
    return found | {f"qtcore:{name}": value for name, value in event.extensions.items()}


def _lists(event: EventOut, part: str, names: str, classes: str) -> dict[str, Any]:
    """Write the two lists of one part (all parts when empty); an empty list is left out."""
    things = [thing for thing in event.things if not part or thing.part == part]
    found = {
        names: [thing.uri for thing in things if not thing.is_class],
        classes: [_quantity(thing) for thing in things if thing.is_class],
    }
    return {name: entries for name, entries in found.items() if entries}


def _quantity(thing: ThingOut) -> dict[str, Any]:
    entry: dict[str, Any] = {"epcClass": thing.uri}
    # The standard has no negative quantities: those are told by an extension.
    if thing.quantity is not None and thing.quantity >= 0:
        entry["quantity"] = thing.quantity
        if thing.unit:
            entry["uom"] = thing.unit
    return entry


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="auto").replace("+00:00", "Z")
