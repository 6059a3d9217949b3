"""The event hashes of a document, without storing anything.

It must not know the database.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from qtcore.builtin.epcis.event_hash import event_hash, pre_hash
from qtcore.builtin.epcis.reading import read_epcis
from qtcore.errors import Fault, InputRejected


@dataclass(frozen=True, slots=True)
class HashedEvent:
    """One event of a document: where it stands, its own id, its hash and the text hashed."""

    place: str
    event_id: str
    hash: str
    pre_hash: str

    def as_json(self) -> Mapping[str, Any]:
        """Give the shape of the command's answer."""
        return {
            "place": self.place,
            "event_id": self.event_id,
            "hash": self.hash,
            "pre_hash": self.pre_hash,
        }


def hash_events(data: bytes, name: str) -> list[HashedEvent]:
    """Compute the event hash (CBV 2.0, 8.9) of each event; raises InputRejected with the faults.

    An event that occurs twice in the document is listed once.
    """
    document = read_epcis(data, name)
    if document.faults:
        faults = [Fault(f.code, f.message, f"{name}#{f.where}") for f in document.faults]
        raise InputRejected(f"{name} is no EPCIS document that can be read", faults, code="QT700")
    return [
        HashedEvent(
            document.place(event.pointer),
            event.external_id,
            event_hash(event.document, document.context),
            pre_hash(event.document, document.context),
        )
        for event in document.events
    ]
