"""What the API takes: frozen models, unknown keys refused, quantities exact.

It must not know services' behaviour beyond their input types.
"""

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    StrictBool,
    StrictInt,
    StringConstraints,
)

from qtcore.http.json_body import Input, Quantity
from qtcore.services.events import Allocation, EventInput, Line
from qtcore.services.moments import read_lens
from qtcore.services.nodes import LotRef
from qtcore.store.queries.lens import Lens

Word = Annotated[str, StringConstraints(max_length=400)]
Short = Annotated[str, StringConstraints(max_length=120)]
Code = Annotated[str, StringConstraints(min_length=1, max_length=120)]


_OFFSET = r"^[+-](0[0-9]|1[0-4]):[0-5][0-9]$"
_WRITTEN_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?![0-9])")


def _aware(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError("the time has no zone; write 2026-11-20T14:02:00+08:00 or end it with Z")
    return value.astimezone(UTC)


def _is_text(value: object) -> object:
    """Refuse numbers, also those in quotes: they would be taken for seconds since 1970."""
    if not isinstance(value, str) or not _WRITTEN_DAY.match(value):
        raise ValueError('a time is a text such as "2026-11-20T14:02:00Z", a day "2026-11-20"')
    return value


def _small_count(value: object) -> object:
    text = str(value)
    if not text.isascii() or not text.isdecimal() or len(text) > 9:
        raise ValueError(f"{text[:30]!r} is not a count; give digits such as 50")
    return int(text)


def _digits(value: object) -> object:
    text = str(value)
    if not text.isascii() or not text.isdecimal() or len(text) > 18:
        raise ValueError(f"{text[:30]!r} is no number of an entry; give up to 18 digits")
    return int(text)


def _as_measured(value: object) -> object:
    """Keep a measured value as sent: digits of a number stay as they are."""
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return format(value, "f") if isinstance(value, Decimal) else str(value)
    return value


Measured = Annotated[
    str, BeforeValidator(_as_measured), StringConstraints(min_length=1, max_length=400)
]
Moment = Annotated[datetime, BeforeValidator(_is_text), AfterValidator(_aware)]
Day = Annotated[date, BeforeValidator(_is_text)]
Count = Annotated[int, BeforeValidator(_small_count)]
Number = Annotated[int, Field(ge=0, le=10**18 - 1), BeforeValidator(_digits)]
"""A key of a row: as many digits as the database counts to."""
# The limits stand inside and before the check: elsewhere they do not reach the published schema.
Depth = Annotated[int, Field(ge=1, le=10_000), BeforeValidator(_small_count)]


class LotQuery(Input):
    """Filters of the list of lots; all of them equal, none of them a pattern."""

    item: Word = ""
    lot_no: Word = ""
    source: Word = ""
    state: Word = ""
    kind: Literal["", "lot", "unit", "logistic_unit"] = ""
    limit: Count = Field(default=50, ge=1, le=200)
    cursor: Word = ""


class PageQuery(Input):
    """A slice of a list by code."""

    limit: Count = Field(default=50, ge=1, le=200)
    cursor: Word = ""


class RecordQuery(Input):
    """Filters of the list of records."""

    state: Word = ""
    limit: Count = Field(default=50, ge=1, le=200)


class LensQuery(Input):
    """As of when (event time), with the knowledge of when (record time), and which links.

    A day (2026-03-31) or a moment (2026-03-31T14:30:00Z); `kinds` are parted by commas.
    """

    as_of: Word = ""
    known_at: Word = ""
    since: Word = Field(default="", alias="from")
    until: Word = Field(default="", alias="to")
    kinds: Word = ""

    def lens(self) -> Lens:
        """Read what the answer is looked at through."""
        return read_lens(
            as_of=self.as_of,
            known_at=self.known_at,
            since=self.since,
            until=self.until,
            kinds=(self.kinds,),
        )


class TraceQuery(LensQuery):
    """Which way to walk and how far; no depth walks to the ends."""

    direction: Literal["backward", "forward", "both"] = "both"
    depth: Depth | None = None


class PathsQuery(LensQuery):
    """The lot that the question "why is it in the result" is about."""

    to_lot: Word = ""


class ReleaseQuery(Input):
    """`as_decided`: the view as it was decided instead of the one of today."""

    as_decided: bool = False


class LedgerQuery(Input):
    """A slice of the ledger, newest first."""

    about: Word = ""
    who: Short = ""
    action: Word = ""
    kind: Short = ""
    since: Moment | None = None
    until: Moment | None = None
    changed: bool = False
    before: Number | None = None
    limit: Count = Field(default=50, ge=1, le=500)
    device: Word = ""
    ip: Short = ""


class LotBody(Input):
    """A lot as somebody names it: `lot_id`, any `text`, or item + lot_no (+ source)."""

    lot_id: Word = ""
    text: Word = ""
    item: Word = ""
    lot_no: Word = ""
    source: Word = ""
    kind: Literal["lot", "unit", "logistic_unit"] = "lot"
    expiry_on: Day | None = None
    made_at: Moment | None = None
    extra: dict[str, Any] = Field(default_factory=dict)

    def as_ref(self) -> LotRef:
        """Give the reference the services take."""
        return LotRef(
            text=self.lot_id or self.text,
            item=self.item,
            lot_no=self.lot_no,
            source=self.source,
            kind=self.kind,
            expiry_on=self.expiry_on,
            made_at=self.made_at,
            extra=self.extra,
        )


class LineBody(Input):
    """One thing's part in an event."""

    part: Literal["input", "output", "subject", "parent", "child"]
    lot: LotBody
    quantity: Quantity | None = None
    unit: Short = ""


class AllocationBody(Input):
    """How much of the n-th input went into the m-th output (both from 0)."""

    source: StrictInt = Field(ge=0, le=10_000)
    target: StrictInt = Field(ge=0, le=10_000)
    quantity: Quantity
    unit: Short


class EventBody(Input):
    """An event as it is told."""

    event_type: Code
    event_at: Moment
    utc_offset: Annotated[str, StringConstraints(pattern=_OFFSET)] = "+00:00"
    lines: tuple[LineBody, ...] = Field(min_length=1, max_length=1000)
    allocations: tuple[AllocationBody, ...] = Field(default=(), max_length=10_000)
    location: Short = ""
    to_location: Short = ""
    from_party: Short = ""
    to_party: Short = ""
    equipment: Short = ""
    device: Short = ""
    step: Short = ""
    reason: Annotated[str, StringConstraints(max_length=2000)] = ""
    external_id: Annotated[str, StringConstraints(min_length=1, max_length=200)] | None = None
    values: dict[str, Any] = Field(default_factory=dict)

    def as_event(self) -> EventInput:
        """Give the event the services take."""
        same = ("event_type", "event_at", "utc_offset", "location", "to_location", "from_party",
                "to_party", "equipment", "device", "step", "reason", "external_id",
                "values")  # fmt: skip
        return EventInput(
            **{name: getattr(self, name) for name in same},
            lines=tuple(Line(x.lot.as_ref(), x.part, x.quantity, x.unit) for x in self.lines),
            allocations=tuple(
                Allocation(a.source, a.target, a.quantity, a.unit) for a in self.allocations
            ),
        )


class RecordBody(Input):
    """A record: the values of its form, and the lots it is about, by any identifier."""

    data: dict[str, Any] = Field(default_factory=dict)
    lots: tuple[Code, ...] = Field(default=(), max_length=500)
    title: Annotated[str, StringConstraints(max_length=300)] = ""


class CorrectionBody(Input):
    """New values of a record and the reason for the change."""

    data: dict[str, Any]
    reason: Annotated[str, StringConstraints(min_length=1, max_length=2000)]


class StepBody(Input):
    """What a transition may demand: a reason, and the proof of the signer for a signature."""

    reason: Annotated[str, StringConstraints(max_length=2000)] = ""
    password: Annotated[str, StringConstraints(max_length=400)] = ""
    login: Annotated[str, StringConstraints(max_length=120)] = ""
    code: Annotated[str, StringConstraints(max_length=12)] = ""
    values: dict[str, Any] = Field(default_factory=dict)
    expected_version: StrictInt | None = Field(default=None, ge=1, le=10**9)


class ResultBody(Input):
    """A measured value; a JSON number keeps its digits."""

    characteristic: Code
    value: Measured
    unit: Short = ""
    origin: Annotated[str, StringConstraints(max_length=200)] = ""
    measured_at: Moment | None = None
    device: Short = ""
    correct: StrictBool = False
    reason: Annotated[str, StringConstraints(max_length=2000)] = ""


class DocumentQuery(Input):
    """Which documents: those about one kind of subject, or all."""

    subject: Literal["", "lot", "record", "recall", "shipment"] = ""


class MessageQuery(Input):
    """Which messages: to one role, or only those not read yet."""

    role: Short = ""
    unread: Literal["true", "false"] = "false"
    limit: Count = Field(default=50, ge=1, le=200)


class ReadBody(Input):
    """The messages that were read; without the list all of them."""

    notification_ids: tuple[Short, ...] | None = Field(default=None, max_length=500)


class DelegationQuery(Input):
    """Whose delegations, by login; nobody means all that may be seen."""

    login: Short = ""


class ReasonBody(Input):
    """Why."""

    reason: Annotated[str, StringConstraints(min_length=1, max_length=2000)]


class OtherLotBody(ReasonBody):
    """Another lot, by any identifier, and why."""

    other: Code


class MasterBody(Input):
    """What every kind of master data has: a code of its own in the company, and a name."""

    code: Code
    name: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    names: dict[str, Annotated[str, StringConstraints(max_length=200)]] = Field(
        default_factory=dict
    )
    extra: dict[str, Any] = Field(default_factory=dict)


class ItemBody(MasterBody):
    """A product, material or packaging."""

    kind: Literal["raw", "packaging", "intermediate", "bulk", "finished"] = "raw"
    industry: Short = ""
    unit: Annotated[str, StringConstraints(max_length=20)] = ""


class PartyBody(MasterBody):
    """A supplier, customer or site."""

    roles: tuple[Short, ...] = Field(default=(), max_length=20)
    contacts: dict[str, Any] = Field(default_factory=dict)


class PlaceBody(MasterBody):
    """A plant, store, room or bin."""

    kind: Annotated[str, StringConstraints(max_length=20)] = "store"


class EquipmentBody(MasterBody):
    """A machine, vessel, balance or line."""

    kind: Annotated[str, StringConstraints(max_length=60)] = ""


class VerifyBody(Input):
    """A size and root kept outside the database; without them the signed checkpoints decide."""

    size: StrictInt | None = Field(default=None, ge=0, le=10**12)
    root: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")] | None = None


class ScanBody(Input):
    """What a scanner sent or a person typed; FNC1 as GS (hexadecimal 1D) or as ^."""

    text: Annotated[str, StringConstraints(min_length=1, max_length=8192)]


class LotTextBody(Input):
    """Free text of lot numbers, as a recall notice writes it; `item` limits the search."""

    text: Annotated[str, StringConstraints(min_length=1, max_length=100_000)]
    item: Annotated[str, StringConstraints(max_length=120)] = ""
