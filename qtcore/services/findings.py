"""What does not fit: a kind and what fills its sentence, so each reader has it in their language.

It must not know languages but English, which is that of the API, the command line and the ledger;
the pages have the same sentences, by the same keys, in each of theirs.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

Parts = Mapping[str, str]

SENTENCES: Final[Mapping[str, str]] = {
    "negative_balance": "{amount} more left {lot_no} than came in",
    "shipped_on_hold": "shipped on {at} while on hold",
    "cycle": "comes from itself: {way}",
    "packed_twice": "{lot_no} was packed into {case} on {at} while inside {other}",
    "unpacked_not_inside": "{lot_no} was taken out of {case} on {at}, which did not hold it",
    "used_before_made": "{lot_no} was {done} on {at}, before it came into being on {made_at}",
    "unknown_unit": "unit '{name}' is not declared in any pack; declare it",
    "future_event": "{event} is dated {at}, after it was told on {told_at}; correct its time",
    "made_from_itself": "{lot_no} is used and made by one event on {at}",
    "no_sources": "made on {at}, and nothing says of what (transformation {name})",
    "no_products": "used on {at}, and nothing says what was made of it (transformation {name})",
    "unverified_lot": "{lot_no} is only mentioned: nothing says where it came from",
    "device_not_fit": "told on {on}, but {why}",
    "device_unknown": "device '{device}' is not registered",
    "device_retired": "device {device} was retired on {day}",
    "device_not_calibrated": "device {device} was not calibrated by {day}",
    "device_failed": "device {device} failed its calibration on {day}",
    "device_overdue": "the calibration of device {device} ended on {day}",
    "sent_back_too_much": (
        "{customer} sent back {amount}, and {known} are known to have left for them: find the "
        "shipment, or correct the quantity"
    ),
    "reports_too_much": (
        "{customer} reports {amount}, and {known} are known to have left for them: find the "
        "shipment, or correct the quantity"
    ),
    "sent_back_by_nobody": (
        "{amount} came back, and the return does not name from whom: correct it, so that it counts"
    ),
    "equipment_not_recorded": (
        "{lot_no} was made or packed in the window by event {reference}, at a machine that nobody "
        "recorded; it may have been {equipment}"
    ),
    "shipped_unmeasured": "how much of {lot_no} went to {customer} was not recorded",
    "returned_unmeasured": (
        "how much of {lot_no} came back was not recorded; correct event {reference}"
    ),
    "uncounted": "{text}",
    "and_more": "{text} (and {others} more)",
}
"""A sentence per kind. Its `why` is another kind; an amount is in the part `unit`."""

AMOUNTS: Final = frozenset({"amount", "known"})
MOMENTS: Final = frozenset({"at", "made_at", "told_at"})


@dataclass(frozen=True, slots=True)
class Finding:
    """What does not fit: what fills the sentence of its kind, but the number of the lot.

    `others` counts what does not fit in the same way besides.
    """

    kind: str
    parts: Parts = field(default_factory=dict)
    event_id: int | None = None
    others: int = 0

    def as_parts(self, **more: str) -> dict[str, str]:
        """Give all that fills the sentence, as it is kept and as the API has it."""
        others = {"others": str(self.others)} if self.others else {}
        return {**self.parts, **more, **others}

    def in_english(self, **more: str) -> str:
        """Say it in English."""
        return in_english(self.kind, self.as_parts(**more))


def in_english(kind: str, parts: Parts) -> str:
    """Say what does not fit in English."""
    filled = {**parts}
    for name in AMOUNTS & filled.keys():
        filled[name] = f"{parts[name]} {parts.get('unit', '')}".rstrip()
    if "why" in parts:
        filled["why"] = SENTENCES[parts["why"]].format_map(filled)
    said = SENTENCES[kind].format_map(filled)
    return SENTENCES["and_more"].format(text=said, **_others(parts)) if _others(parts) else said


def _others(parts: Parts) -> dict[str, str]:
    return {"others": parts["others"]} if "others" in parts else {}


def moment_text(at: datetime) -> str:
    """Write a time into what is found."""
    return at.isoformat(timespec="minutes")
