"""Recording what happened: checks a command, then writes event, movements and edges at once.

It must not know files or pages. Commands refuse what is impossible; imports call `write_event`
directly and store facts as they are.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any

from qtcore.context import Context
from qtcore.engines.ledger import canonical_bytes
from qtcore.errors import Conflict
from qtcore.services.nodes import LotRef, NodeBook
from qtcore.services.site import Site
from qtcore.services.wire import decimal_text, optional_text
from qtcore.store.queries.events import find_event
from qtcore.store.tables import Edge, Event, Movement

EFFECT_OF_PART: Mapping[str, Mapping[str, str]] = {
    "receive": {"output": "received", "subject": "received"},
    "transform": {"input": "consumed", "output": "produced"},
    "pack": {"child": "observed", "parent": "observed"},
    "unpack": {"child": "observed", "parent": "observed"},
    "move": {"subject": "moved_out"},
    "ship": {"subject": "shipped"},
    "return": {"subject": "returned"},
    "sample": {"subject": "sampled"},
    "scrap": {"subject": "scrapped"},
    "adjust": {"subject": "adjusted"},
    "observe": {"subject": "observed"},
}
"""What the balance counts for each part of each verb (design, section 4)."""


@dataclass(frozen=True, slots=True)
class Line:
    """One thing's part in an event: input, output, subject, parent or child, and how much.

    `quantity` is None when nobody recorded it; `unit` is a declared unit or one of its aliases.
    """

    ref: LotRef
    part: str
    quantity: Decimal | None = None
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Allocation:
    """How much of an input went into an output, by their places among the inputs and outputs."""

    source: int
    target: int
    quantity: Decimal
    unit: str


@dataclass(frozen=True, slots=True)
class EventInput:
    """An event as it is told: what (lines), when, where, why, how.

    `event_type` is the id of an event definition; the verb comes from there. `external_id` is the
    sender's id: seen again with equal content it is stored once, with other content it is refused.
    """

    event_type: str
    lines: tuple[Line, ...]
    event_at: datetime
    utc_offset: str = "+00:00"
    location: str = ""
    to_location: str = ""
    from_party: str = ""
    to_party: str = ""
    equipment: str = ""
    step: str = ""
    reason: str = ""
    external_id: str | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    document: Mapping[str, Any] = field(default_factory=dict)
    allocations: tuple[Allocation, ...] = ()

    def part(self, name: str) -> list[Line]:
        """List the lines of one part."""
        return [line for line in self.lines if line.part == name]


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of an event: its public id, the nodes it names, and whether it was new."""

    event_id: str
    nodes: tuple[int, ...]
    is_new: bool
    made: tuple[int, ...] = ()


def content_hash(event: EventInput) -> str:
    """Hash what the event says, not when it was told, so that a repetition is recognised."""
    content: dict[str, Any] = dict(event.document) or {
        "type": event.event_type,
        "at": event.event_at.isoformat(),
        "lines": [
            [
                str(x.ref),
                x.ref.kind,
                x.part,
                optional_text(x.quantity),
                x.unit,
            ]
            for x in event.lines
        ],
        "where": [event.location, event.to_location, event.from_party, event.to_party],
        "how": [event.equipment, event.step, event.reason],
        "values": dict(event.values),
        "allocations": [
            [a.source, a.target, decimal_text(a.quantity), a.unit] for a in event.allocations
        ],
    }
    return sha256(canonical_bytes(content)).hexdigest()


@dataclass(frozen=True, slots=True)
class Origin:
    """How an event reached us: a command, or an import with the key of its run."""

    kind: str = "command"
    import_id: int | None = None


COMMAND = Origin()


def write_event(
    site: Site, book: NodeBook, event: EventInput, *, origin: Origin = COMMAND
) -> Stored:
    """Write one event with movements, edges and ledger entry into the unit of work of `book`.

    A lot that an import only mentions becomes ``unverified`` until an event brings it into being.
    Raises Conflict when the external id is known with other content.
    """
    digest = content_hash(event)
    known = _known(book, event, digest)
    if known is not None:
        return known
    verb = site.registry.get("events", event.event_type).verb
    before = len(book.made)
    nodes = tuple(_node(book, verb, line, origin) for line in event.lines)
    told = _Told(book, event, verb, digest, book.work.key(), nodes)
    return _write(told, origin, tuple(book.made[before:]))


@dataclass(frozen=True, slots=True)
class _Told:
    """An event whose lines are nodes by now."""

    book: NodeBook
    event: EventInput
    verb: str
    digest: str
    key: int
    nodes: tuple[int, ...]

    def lines(self) -> list[tuple[Line, int]]:
        return list(zip(self.event.lines, self.nodes, strict=True))

    def part(self, name: str) -> list[tuple[Line, int]]:
        return [(line, node) for line, node in self.lines() if line.part == name]


def _write(told: _Told, origin: Origin, made: tuple[int, ...]) -> Stored:
    work, event = told.book.work, told.event
    row = _event_row(told, origin)
    work.add(row)
    work.flush()
    work.insert(Movement, _movements(told))
    work.insert(Edge, _edges(told))
    lines = [
        [line.part, work.uid_of(node), optional_text(line.quantity), line.unit]
        for line, node in told.lines()
    ]
    work.log(
        f"event.{told.verb}",
        "event",
        row.uid,
        reason=event.reason,
        about=[work.uid_of(node) for node in dict.fromkeys(told.nodes)],
        details={"type": event.event_type, "content": told.digest, "lines": lines},
    )
    work.publish("event", {"event_id": row.uid, "type": event.event_type})
    return Stored(row.uid, told.nodes, True, made)


def _known(book: NodeBook, event: EventInput, digest: str) -> Stored | None:
    if not event.external_id:
        return None
    found = find_event(book.work.session, book.work.tenant_id, event.external_id)
    if found is None:
        return None
    if found.content_hash != digest:
        raise Conflict(
            f"event {event.external_id!r} is already stored with other content; a correction needs "
            "an id of its own and must name the event it corrects",
            code="QT441",
        )
    return Stored(found.uid, (), False)


def _node(book: NodeBook, verb: str, line: Line, origin: Origin) -> int:
    if origin.kind != "import":
        return book.get_or_make(line.ref)
    brings_into_being = line.part == "output" or verb == "receive"
    node = book.get_or_make(line.ref, origin="recorded" if brings_into_being else "unverified")
    if brings_into_being:
        book.verify(node)
    return node


def _event_row(told: _Told, origin: Origin) -> Event:
    work, event = told.book.work, told.event

    def key(entity: str, code: str) -> int | None:
        return told.book.master(entity, code).id if code else None

    return Event(
        tenant_id=work.tenant_id,
        id=told.key,
        uid=work.new_uid(),
        external_id=event.external_id,
        content_hash=told.digest,
        event_type=event.event_type,
        verb=told.verb,
        event_at=event.event_at,
        utc_offset=event.utc_offset,
        recorded_at=work.context.at,
        origin=origin.kind,
        import_id=origin.import_id,
        location_id=key("location", event.location),
        from_party_id=key("party", event.from_party),
        to_party_id=key("party", event.to_party),
        equipment_id=key("equipment", event.equipment),
        step=event.step,
        recorded_by=work.context.actor.login,
        definition_version_id=told.book.version_of("events", event.event_type),
        reason=event.reason,
        values=dict(event.values),
        document=dict(event.document),
    )


def _movements(told: _Told) -> list[dict[str, Any]]:
    book, event = told.book, told.event
    place = book.master("location", event.location).id if event.location else None
    container = next((node for _, node in told.part("parent")), None)
    rows = []
    for line, node in told.lines():
        row = {
            "id": book.work.key(),
            "event_id": told.key,
            "node": node,
            "part": line.part,
            "effect": EFFECT_OF_PART[told.verb].get(line.part, "observed"),
            "container": container if line.part == "child" else None,
            "location_id": place,
            "quantity": line.quantity,
            "unit": line.unit,
        }
        rows.append(row)
        if told.verb == "move" and event.to_location:
            target = book.master("location", event.to_location).id
            moved = {"id": book.work.key(), "effect": "moved_in", "location_id": target}
            rows.append({**row, **moved})
    return rows


def _edges(told: _Told) -> list[dict[str, Any]]:
    links = {"pack": _pack_links, "transform": _transform_links}.get(told.verb)
    return [
        {
            "id": told.book.work.key(),
            "src": src,
            "dst": dst,
            "kind": told.verb,
            "certainty": certainty,
            "quantity": quantity,
            "unit": unit,
            "event_id": told.key,
            "event_at": told.event.event_at,
            "recorded_at": told.book.work.context.at,
        }
        for src, dst, certainty, quantity, unit in (links(told) if links else ())
        # A file may name one lot on both sides; that is rework shown as movements, not a link.
        if src != dst
    ]


Link = tuple[int, int, str, Decimal | None, str]


def _pack_links(told: _Told) -> list[Link]:
    return [
        (child, parent, "recorded", line.quantity, line.unit)
        for line, child in told.part("child")
        for _, parent in told.part("parent")
    ]


def _transform_links(told: _Told) -> list[Link]:
    """Link inputs to outputs: as allocated, else all of one event to all (certainty says which)."""
    inputs, outputs = told.part("input"), told.part("output")
    if told.event.allocations:
        return [
            (inputs[a.source][1], outputs[a.target][1], "recorded", a.quantity, a.unit)
            for a in told.event.allocations
        ]
    known = len(inputs) == 1 or len(outputs) == 1
    merged: dict[tuple[int, int], Link] = {}
    for line, src in inputs:
        for _, dst in outputs:
            quantity = line.quantity if len(outputs) == 1 else None
            unit = line.unit if quantity is not None else ""
            before = merged.get((src, dst))
            if before is not None and before[3] is not None and quantity is not None:
                quantity = before[3] + quantity if before[4] == unit else None
            merged[src, dst] = (src, dst, "recorded" if known else "derived", quantity, unit)
    return list(merged.values())


def write_events(site: Site, context: Context, events: Sequence[EventInput]) -> list[Stored]:
    """Write several events in one transaction: all or none."""
    with site.store.write(context) as work:
        book = NodeBook(site, work)
        return [write_event(site, book, event) for event in events]
