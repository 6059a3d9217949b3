"""What a document of another company says happened, read but not yet judged or stored.

It must not know the notation it was written in, nor our database.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from qtcore.builtin.gs1 import GlobalKey


@dataclass(frozen=True, slots=True)
class Thing:
    """One thing's part in an event, and how much; `uri` is the name as it was written.

    `part` is input, output, subject, child or parent. `unit` is the sender's code, empty for a
    count; `quantity` is None when nobody gave one. `pointer` leads to it in the document.
    """

    part: str
    uri: str
    key: GlobalKey
    quantity: Decimal | None = None
    unit: str = ""
    pointer: str = ""


@dataclass(frozen=True, slots=True)
class PartyRole:
    """A source or destination: owning_party, possessing_party or location, and who."""

    role: str
    uri: str


@dataclass(frozen=True, slots=True)
class ErrorDeclaration:
    """The sender says that an earlier event is wrong; it may name what replaces it."""

    declared: str
    reason: str = ""
    corrective_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TraceEvent:
    """One event of a document.

    `verb` is the core verb it maps to; `event_time` the text of the time (`event_at` is cut to
    microseconds); `content_hash` covers all but recordTime, so that a repetition is recognised;
    `identity` is its id, or the standard's event hash; a declaration has that of its event.
    `document` is the event as it was sent, with numbers as Decimal or int.
    """

    pointer: str
    kind: str
    action: str
    verb: str
    external_id: str
    event_at: datetime
    event_time: str
    utc_offset: str
    things: tuple[Thing, ...]
    content_hash: str
    identity: str
    document: Mapping[str, Any]
    record_time: str = ""
    biz_step: str = ""
    disposition: str = ""
    read_point: str = ""
    biz_location: str = ""
    sources: tuple[PartyRole, ...] = ()
    destinations: tuple[PartyRole, ...] = ()
    transformation_id: str = ""
    error: ErrorDeclaration | None = None

    def part(self, name: str) -> list[Thing]:
        """List the things with one part."""
        return [thing for thing in self.things if thing.part == name]

    @property
    def ilmd(self) -> Mapping[str, Any]:
        """Give the master data of what this event brought into being."""
        found: Mapping[str, Any] = self.document.get("ilmd", {})
        return found

    @property
    def sensors(self) -> list[Mapping[str, Any]]:
        """List the sensor elements."""
        found: list[Mapping[str, Any]] = self.document.get("sensorElementList", [])
        return found


@dataclass(frozen=True, slots=True)
class MasterFact:
    """One entry of a document's master data: its vocabulary, id and attributes."""

    vocabulary: str
    uri: str
    attributes: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Give the name or short description among the attributes, else an empty text."""
        for key, value in self.attributes.items():
            if key.rsplit("#", 1)[-1].rsplit(":", 1)[-1] in ("descriptionShort", "name"):
                return str(value).strip()
        return ""
