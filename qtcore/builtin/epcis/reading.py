"""Reads an EPCIS 2.0 document (JSON, JSON-LD) into facts: all of it, or nothing with the faults.

It must not know what is stored already.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from qtcore.builtin.epcis.checks import read_time
from qtcore.builtin.epcis.contents import content_hash
from qtcore.builtin.epcis.event_hash import event_hash
from qtcore.builtin.epcis.shapes import check_document
from qtcore.builtin.epcis.strict_json import pointer, read_json
from qtcore.builtin.epcis.verbs import part_of, verb_of
from qtcore.builtin.facts import ErrorDeclaration, MasterFact, PartyRole, Thing, TraceEvent
from qtcore.builtin.faults import Faults, ReadFault, shown
from qtcore.builtin.gs1 import read_key

_LISTS = (
    # (property with names, property with classes, role)
    ("epcList", "quantityList", "subject"),
    ("childEPCs", "childQuantityList", "child"),
    ("inputEPCList", "inputQuantityList", "input"),
    ("outputEPCList", "outputQuantityList", "output"),
)


@dataclass(frozen=True, slots=True)
class EpcisDocument:
    """What a document says; with `faults`, nothing of it counts and `events` is empty.

    `warnings` name what is accepted with doubt. `context` is the ``@context`` that gives its
    prefixes a meaning. `repeated` counts events that occur again with equal content.
    """

    name: str
    events: tuple[TraceEvent, ...] = ()
    master_data: tuple[MasterFact, ...] = ()
    faults: tuple[ReadFault, ...] = ()
    warnings: tuple[ReadFault, ...] = ()
    context: Any = None
    repeated: int = 0


def read_epcis(data: bytes, name: str) -> EpcisDocument:
    """Read a document; never raises for what the document holds."""
    faults = Faults()
    value = read_json(data, faults)
    if not faults.count:
        check_document(value, faults)
    if faults.count:
        return EpcisDocument(name, faults=faults.listed())
    context = value.get("@context") if isinstance(value, dict) else None
    events, repeated = _distinct([_event(e, at, context) for e, at in _events(value)], faults)
    if faults.count:
        return EpcisDocument(name, faults=faults.listed())
    return EpcisDocument(
        name,
        events=tuple(events),
        master_data=tuple(_master_data(value)),
        warnings=tuple(_warnings(events)),
        context=context,
        repeated=repeated,
    )


def _events(value: Any) -> Iterator[tuple[Mapping[str, Any], str]]:
    if isinstance(value, dict) and "epcisBody" not in value:
        yield value, ""
        return
    entries, at = value, ""
    if isinstance(value, dict):
        entries, at = value["epcisBody"], "/epcisBody"
        if "queryResults" in entries:
            entries, at = entries["queryResults"]["resultsBody"], f"{at}/queryResults/resultsBody"
        entries, at = entries["eventList"], f"{at}/eventList"
    for number, entry in enumerate(entries):
        yield entry, pointer(at, number)


def _distinct(events: list[TraceEvent], faults: Faults) -> tuple[list[TraceEvent], int]:
    """Keep an event that occurs again once; one id with other content is a fault."""
    kept: dict[tuple[str, bool], TraceEvent] = {}
    for event in events:
        key = (event.identity, event.error is not None)
        earlier = kept.setdefault(key, event)
        if earlier.content_hash != event.content_hash:
            faults.add(
                "QT708",
                f"eventID {shown(event.external_id)} has other content than the event at "
                f"{earlier.pointer}; give each event its own id",
                pointer(event.pointer, "eventID"),
            )
    return list(kept.values()), len(events) - len(kept)


def _event(value: Mapping[str, Any], at: str, context: Any) -> TraceEvent:
    identity = value.get("eventID") or event_hash(value, context)
    # Without an id the standard's hash is the identity: equal hashes are one event by definition.
    is_hashed = "eventID" not in value and "errorDeclaration" not in value
    kind, action = value["type"], value.get("action", "")
    step, disposition = value.get("bizStep", ""), value.get("disposition", "")
    verb = verb_of(kind, action, step, disposition)
    moment = read_time(value["eventTime"])
    if moment is None:  # checked before
        raise ValueError(value["eventTime"])
    return TraceEvent(
        pointer=at,
        kind=kind,
        action=action,
        verb=verb,
        external_id=value.get("eventID", ""),
        event_at=moment,
        event_time=value["eventTime"],
        utc_offset=value["eventTimeZoneOffset"],
        things=tuple(_things(value, verb, at)),
        content_hash=identity if is_hashed else content_hash(value),
        identity=identity,
        document=value,
        record_time=value.get("recordTime", ""),
        biz_step=step,
        disposition=disposition,
        read_point=value.get("readPoint", {}).get("id", ""),
        biz_location=value.get("bizLocation", {}).get("id", ""),
        sources=tuple(PartyRole(x["type"], x["source"]) for x in value.get("sourceList", ())),
        destinations=tuple(
            PartyRole(x["type"], x["destination"]) for x in value.get("destinationList", ())
        ),
        transformation_id=value.get("transformationID", ""),
        error=_error(value.get("errorDeclaration")),
    )


def _things(value: Mapping[str, Any], verb: str, at: str) -> Iterator[Thing]:
    if "parentID" in value:
        uri = value["parentID"]
        yield Thing(part_of(verb, "parent"), uri, read_key(uri), pointer=f"{at}/parentID")
    for names, classes, role in _LISTS:
        part = part_of(verb, role)
        for number, uri in enumerate(value.get(names, ())):
            yield Thing(part, uri, read_key(uri), pointer=f"{at}/{names}/{number}")
        for number, entry in enumerate(value.get(classes, ())):
            yield Thing(
                part,
                entry["epcClass"],
                read_key(entry["epcClass"], is_class=True),
                quantity=Decimal(entry["quantity"]) if "quantity" in entry else None,
                unit=entry.get("uom", ""),
                pointer=f"{at}/{classes}/{number}/epcClass",
            )


def _error(value: Any) -> ErrorDeclaration | None:
    if value is None:
        return None
    return ErrorDeclaration(
        declared=value["declarationTime"],
        reason=value.get("reason", ""),
        corrective_ids=tuple(value.get("correctiveEventIDs", ())),
    )


def _master_data(value: Any) -> Iterator[MasterFact]:
    if not isinstance(value, dict):
        return
    header = value.get("epcisHeader", {}).get("epcisMasterData", {})
    body = value.get("epcisBody", {}).get("queryResults", {}).get("resultsBody", {})
    for source in (header, body):
        for vocabulary in source.get("vocabularyList", ()):
            for entry in vocabulary.get("vocabularyElementList", ()):
                attributes = {x["id"]: x.get("attribute", "") for x in entry.get("attributes", ())}
                yield MasterFact(vocabulary["type"], entry["id"], attributes)


def _warnings(events: list[TraceEvent]) -> Iterator[ReadFault]:
    """Name each malformed key once: the sender's systems use it, so it is kept as it stands."""
    seen: set[str] = set()
    for event in events:
        if event.document.get("transformationID") == "":
            at = pointer(event.pointer, "transformationID")
            yield ReadFault("QT709", "the transformationID is empty; read as absent", at)
        for thing in event.things:
            if thing.key.problem and thing.uri not in seen:
                seen.add(thing.uri)
                text = f"{shown(thing.uri)} breaks its own rules: {thing.key.problem}"
                yield ReadFault("QT709", f"{text}; kept as it stands", thing.pointer)
