"""Reads an EPCIS document (2.0 JSON or XML, 1.2 XML) into facts: all of it, or only its faults.

It must not know what is stored already.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from qtcore.builtin.epcis.cbv import bare_word
from qtcore.builtin.epcis.checks import read_time
from qtcore.builtin.epcis.contents import content_hash
from qtcore.builtin.epcis.event_hash import event_hash
from qtcore.builtin.epcis.meanings import Keys, Meanings
from qtcore.builtin.epcis.shapes import check_document
from qtcore.builtin.epcis.strict_json import pointer, read_json
from qtcore.builtin.epcis.verbs import part_of, verb_of
from qtcore.builtin.epcis.xml_places import Places
from qtcore.builtin.epcis.xml_reading import XmlReader
from qtcore.builtin.facts import ErrorDeclaration, MasterFact, PartyRole, Thing, TraceEvent
from qtcore.builtin.faults import FAULTS_PER_FILE, Faults, ReadFault, shown
from qtcore.builtin.strict_xml import read_xml

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
    prefixes a meaning. `repeated` counts events that occur again with equal content. `left_out`
    counts events that were not read because of the `refusals`, where that was asked for.
    """

    name: str
    events: tuple[TraceEvent, ...] = ()
    master_data: tuple[MasterFact, ...] = ()
    faults: tuple[ReadFault, ...] = ()
    warnings: tuple[ReadFault, ...] = ()
    context: Any = None
    repeated: int = 0
    places: Places | None = None
    left_out: int = 0
    refusals: tuple[ReadFault, ...] = ()

    @property
    def doubts_and_refusals(self) -> tuple[ReadFault, ...]:
        """List what a person should look at although events are stored."""
        return (*self.warnings, *self.refusals)

    def place(self, at: str) -> str:
        """Give the place of a JSON pointer as people find it: in XML, an XPath."""
        return at if self.places is None else self.places.xpath(at)


def read_epcis(data: bytes, name: str, *, partly: bool = False) -> EpcisDocument:
    """Read a document; never raises for what the document holds.

    With `partly`, events with faults are left out and the others read, as long as the document
    around them is right and its faults can all be listed.
    """
    faults, doubts = Faults(), Faults()
    value, places = _value(data, faults, doubts)
    if value is None:
        return EpcisDocument(name, faults=placed(faults, places), places=places)
    check_document(value, faults)
    context = value.get("@context") if isinstance(value, dict) else None
    meanings = Meanings(context, faults, doubts)
    found = list(_events(value))
    for event, at in found:
        meanings.check(event, at)
    left_out = _left_out(faults, [at for _, at in found]) if partly else frozenset()
    refusals = placed(faults, places)
    if faults.count and not left_out:
        return EpcisDocument(name, faults=refusals, places=places)
    found = [(event, at) for event, at in found if at not in left_out]
    faults = Faults()
    reader = _EventReader(context, meanings.keys)
    events, repeated = _distinct([reader.event(e, at) for e, at in found], faults)
    if faults.count:
        return EpcisDocument(name, faults=placed(faults, places), places=places)
    for event in events:
        _doubt(event, doubts)
    return EpcisDocument(
        name,
        events=tuple(events),
        master_data=tuple(_master_data(value)),
        warnings=placed(doubts, places),
        context=context,
        repeated=repeated,
        places=places,
        left_out=len(left_out),
        refusals=refusals,
    )


def _left_out(faults: Faults, places: list[str]) -> frozenset[str]:
    """Give the places of events with faults; nothing when a fault is in no event."""
    if faults.count > FAULTS_PER_FILE:
        return frozenset()
    known, found = frozenset(places), set[str]()
    for fault in faults.found:
        at = fault.where
        while at and at not in known:
            at = at.rpartition("/")[0]
        if at not in known:
            return frozenset()
        found.add(at)
    return frozenset(found)


def placed(faults: Faults, places: Places | None) -> tuple[ReadFault, ...]:
    """List faults; those of an XML document with XPaths in place of JSON pointers."""
    listed = faults.listed()
    if places is None:
        return listed
    return tuple(ReadFault(f.code, f.message, places.xpath(f.where)) for f in listed)


def _value(data: bytes, faults: Faults, doubts: Faults) -> tuple[Any, Places | None]:
    """Read either notation into the value that JSON would have; None when it cannot be read."""
    if not is_xml(data):
        value = read_json(data, faults)
        if value is None and not faults.count:
            faults.add("QT700", "null is no EPCIS document; it begins with { or [", "/")
        return (None if faults.count else value), None
    root = read_xml(data, faults)
    reader = XmlReader(faults, doubts)
    value = reader.document(root) if root is not None else {}
    return value or None, reader.places


def is_xml(data: bytes) -> bool:
    """Say whether a file is XML by its first sign."""
    head = data[:64].removeprefix(b"\xef\xbb\xbf").lstrip()
    return head.startswith((b"<", b"\xff\xfe<\x00", b"\xfe\xff\x00<"))


def _events(value: Any) -> Iterator[tuple[Any, str]]:
    """Find the events in a value of any shape."""
    entries, at = value, ""
    if isinstance(value, dict):
        if "eventTime" in value:
            yield value, ""
            return
        entries, at = value.get("epcisBody"), "/epcisBody"
        for name in ("queryResults", "resultsBody", "eventList"):
            if isinstance(entries, dict) and name in entries:
                entries, at = entries[name], f"{at}/{name}"
    for number, entry in enumerate(entries if isinstance(entries, list) else []):
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


@dataclass(frozen=True, slots=True)
class _EventReader:
    """Reads checked events under the context of their document."""

    context: Any
    keys: Keys

    def event(self, value: Mapping[str, Any], at: str) -> TraceEvent:
        """Read one event."""
        digest = event_hash(value, self.context)
        kind, action = value["type"], value.get("action", "")
        step = bare_word("bizStep", value.get("bizStep", ""))
        disposition = bare_word("disposition", value.get("disposition", ""))
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
            things=tuple(self._things(value, verb, at)),
            content_hash=content_hash(value, digest),
            # Without an id the hash is the identity: equal hashes are one event by definition.
            identity=value.get("eventID") or digest,
            document=value,
            record_time=value.get("recordTime", ""),
            biz_step=step,
            disposition=disposition,
            read_point=value.get("readPoint", {}).get("id", ""),
            biz_location=value.get("bizLocation", {}).get("id", ""),
            sources=tuple(_roles(value, "source")),
            destinations=tuple(_roles(value, "destination")),
            transformation_id=value.get("transformationID", ""),
            error=_error(value.get("errorDeclaration")),
        )

    def _things(self, value: Mapping[str, Any], verb: str, at: str) -> Iterator[Thing]:
        if "parentID" in value:
            uri = value["parentID"]
            yield Thing(
                part_of(verb, "parent"), uri, self.keys[uri, False], pointer=f"{at}/parentID"
            )
        for names, classes, role in _LISTS:
            part = part_of(verb, role)
            listed = set[str]()
            for number, uri in enumerate(value.get(names, ())):
                key = self.keys[uri, False]
                if key.value not in listed:  # in two notations, it is one thing all the same
                    listed.add(key.value)
                    yield Thing(part, uri, key, pointer=f"{at}/{names}/{number}")
            for number, entry in enumerate(value.get(classes, ())):
                yield Thing(
                    part,
                    entry["epcClass"],
                    self.keys[entry["epcClass"], True],
                    quantity=Decimal(entry["quantity"]) if "quantity" in entry else None,
                    unit=entry.get("uom", ""),
                    pointer=f"{at}/{classes}/{number}/epcClass",
                )


def _roles(value: Mapping[str, Any], name: str) -> Iterator[PartyRole]:
    for entry in value.get(f"{name}List", ()):
        yield PartyRole(bare_word(f"{name}Type", entry["type"]), entry[name])


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


def _doubt(event: TraceEvent, doubts: Faults) -> None:
    if event.document.get("transformationID") == "":
        at = pointer(event.pointer, "transformationID")
        doubts.add("QT709", "the transformationID is empty; read as absent", at)
