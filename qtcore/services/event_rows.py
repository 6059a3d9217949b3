"""The rows an event becomes: the event, what it moved, and the links it makes.

It must not know how the rows are written, nor refuse anything.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from qtcore.services.event_input import EventInput, Line, Origin
from qtcore.services.nodes import NodeBook

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


Link = tuple[int, int, str, Decimal | None, str]
"""Source, product, certainty, quantity, unit."""


@dataclass(frozen=True, slots=True)
class Told:
    """An event whose lines are nodes by now; `lines` pairs them."""

    book: NodeBook
    event: EventInput
    verb: str
    digest: str
    key: int
    uid: str
    nodes: Sequence[int]
    lines: Sequence[tuple[Line, int]]

    def part(self, name: str) -> list[tuple[Line, int]]:
        """List the lines of one part with their nodes."""
        return [pair for pair in self.lines if pair[0].part == name]


def event_row(told: Told, origin: Origin) -> dict[str, Any]:
    """Make the row of the event itself."""
    book, event = told.book, told.event

    def key(entity: str, code: str) -> int | None:
        return book.master(entity, code).id if code else None

    return {
        "id": told.key,
        "uid": told.uid,
        "external_id": event.external_id,
        "content_hash": told.digest,
        "event_type": event.event_type,
        "verb": told.verb,
        "event_at": event.event_at,
        "utc_offset": event.utc_offset,
        "recorded_at": book.work.context.at,
        "origin": origin.kind,
        "import_id": origin.import_id,
        "location_id": key("location", event.location),
        "from_party_id": key("party", event.from_party),
        "to_party_id": key("party", event.to_party),
        "equipment_id": key("equipment", event.equipment),
        "step": event.step,
        "recorded_by": book.work.context.actor.login,
        "definition_version_id": book.version_of("events", event.event_type),
        "reason": event.reason,
        "values": dict(event.values),
        "document": dict(event.document),
        "device": event.device,
    }


def movement_rows(told: Told) -> list[dict[str, Any]]:
    """Make a row for each line; a move arrives as well as it leaves."""
    book, event, verb, key = told.book, told.event, told.verb, told.key
    place = book.master("location", event.location).id if event.location else None
    target = book.master("location", event.to_location).id if event.to_location else None
    container = next((node for line, node in told.lines if line.part == "parent"), None)
    effects = EFFECT_OF_PART[verb]
    rows = [
        {
            "event_id": key,
            "node": node,
            "part": line.part,
            "effect": effects.get(line.part, "observed"),
            "container": container if line.part == "child" else None,
            "location_id": place,
            "quantity": line.quantity,
            "unit": line.unit,
        }
        for line, node in told.lines
    ]
    if verb != "move" or target is None:
        return rows
    arrival = {"effect": "moved_in", "location_id": target}
    return [moved for row in rows for moved in (row, {**row, **arrival})]


def edge_rows(told: Told, items: Mapping[int, int]) -> list[dict[str, Any]]:
    """Make a row for each link; `items` are the keys of the items of lots, by node."""
    links = {"pack": _pack_links, "transform": _transform_links}.get(told.verb)
    # A file may name one lot on both sides; that is a discrepancy of its movements, not a link.
    made = [link for link in (links(told) if links else ()) if link[0] != link[1]]
    kinds = _kinds(made, items) if told.verb == "transform" else {}
    at, recorded_at = told.event.event_at, told.book.work.context.at
    return [
        {
            "src": src,
            "dst": dst,
            "kind": kinds.get((src, dst), told.verb),
            "certainty": certainty,
            "quantity": quantity,
            "unit": unit,
            "event_id": told.key,
            "event_at": at,
            "recorded_at": recorded_at,
        }
        for src, dst, certainty, quantity, unit in made
    ]


def _kinds(links: Sequence[Link], items: Mapping[int, int]) -> dict[tuple[int, int], str]:
    """Name the links between lots of one item: a split, a merge, or rework of one lot."""
    alike = [(src, dst) for src, dst, *_ in links if src in items and items[src] == items.get(dst)]
    if not alike:
        return {}
    sources, targets = defaultdict(set), defaultdict(set)
    for src, dst in alike:
        sources[items[src]].add(src)
        targets[items[src]].add(dst)
    found = {}
    for src, dst in alike:
        came, went = len(sources[items[src]]), len(targets[items[src]])
        if came == 1 or went == 1:
            found[src, dst] = "rework" if came == went else "split" if came == 1 else "merge"
    return found


def _pack_links(told: Told) -> list[Link]:
    parents = [parent for _, parent in told.part("parent")]
    return [
        (child, parent, "recorded", line.quantity, line.unit)
        for line, child in told.part("child")
        for parent in parents
    ]


def _transform_links(told: Told) -> list[Link]:
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
