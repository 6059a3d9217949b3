"""An event as it is told, before anything of it is stored.

It must not know the database.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any

from qtcore.engines.ledger import canonical_bytes
from qtcore.services.lot_ref import LotRef
from qtcore.services.wire import decimal_text, optional_text


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
    `device` is the code of the one that told it, such as the scale.
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
    device: str = ""
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
        # Said only where there is one: what was stored before devices keeps its hash.
        **({"device": event.device} if event.device else {}),
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
