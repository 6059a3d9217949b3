"""How somebody names a lot, unit or logistic unit.

It must not know the database.
"""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, NamedTuple

from qtcore.services.site import UNKNOWN_PARTY


@dataclass(frozen=True, slots=True)
class LotRef:
    """A lot, unit or logistic unit as somebody names it.

    Either `text` (any identifier of something that exists), or `item` + `lot_no` (+ `source`,
    default the explicit unknown party) for a local number, or `identifier` for a globally unique
    one: (scheme, value). `kind` is lot, unit or logistic_unit; `others` are further identifiers.
    """

    text: str = ""
    item: str = ""
    lot_no: str = ""
    source: str = ""
    kind: str = "lot"
    identifier: tuple[str, str] | None = None
    others: tuple[tuple[str, str], ...] = ()
    item_name: str = ""
    item_unit: str = ""
    expiry_on: date | None = None
    made_at: datetime | None = None
    extra: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        if self.text:
            return self.text
        if self.identifier:
            return self.identifier[1]
        if self.kind != "lot":
            return f"{self.item} {self.lot_no}".strip()
        return f"{self.item} {self.lot_no} of {self.source or UNKNOWN_PARTY}"


Name = tuple[str, ...]
"""What one reference is looked up by; equal names are one node."""


class Wanted(NamedTuple):
    """A node that must be there: made with this origin and first state when it is not."""

    ref: LotRef
    origin: str = "recorded"
    state: str = ""


def name_of(ref: LotRef) -> Name:
    """Give the name a reference is looked up by."""
    if ref.text:
        return ("text", ref.text)
    if ref.identifier:
        return ("id", *ref.identifier)
    if ref.kind == "lot":
        return ("lot", ref.item, ref.source or UNKNOWN_PARTY, ref.lot_no)
    if ref.kind == "logistic_unit":
        return ("logistic_unit", ref.lot_no)
    return (ref.kind, ref.item, ref.lot_no)
