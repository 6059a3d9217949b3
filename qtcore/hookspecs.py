"""Every point where a pack may take part, and the frozen facts that are handed to it.

It must not know how packs are found or called (`qtcore.registry.hooks`), nor any database.

A hook never receives a database handle; what it is given is frozen through and through. Results
are ordered by the name of the pack. Each pack is called inside a fence of its own, so that its
crash names it and never stops the others.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import TypeAlias

import pluggy

from qtcore.definitions.read import PackFolder
from qtcore.definitions.recalls import RecallDefinition, RecallNode
from qtcore.errors import Refusal

PROJECT = "qtcore"

hookspec = pluggy.HookspecMarker(PROJECT)

FactValue: TypeAlias = bool | int | Decimal | str | date | datetime | tuple[str, ...] | None


def freeze(value: object) -> object:
    """Give an unchangeable copy of plain data: mappings, lists and what they hold."""
    if isinstance(value, Mapping):
        return MappingProxyType({key: freeze(part) for key, part in value.items()})
    if isinstance(value, list | tuple):
        return tuple(freeze(part) for part in value)
    return frozenset(value) if isinstance(value, set) else value


class _Frozen:
    """Freezes what the fields of a fact hold, so that no pack can change what the next one sees."""

    __slots__ = ()

    def __post_init__(self) -> None:
        for name in self.__dataclass_fields__:  # type: ignore[attr-defined]  # only dataclasses
            object.__setattr__(self, name, freeze(getattr(self, name)))


@dataclass(frozen=True)
class LotFacts(_Frozen):
    """A lot as it stood when it was read.

    `fields` are the extra fields of the lot, `item_fields` those of its item; `facts` the values
    gathered for rules so far (None: unknown).
    """

    lot_id: str
    lot_no: str
    item: str
    item_kind: str = ""
    industry: str = ""
    source: str = ""
    state: str = ""
    status: str = ""
    quantity: Decimal | None = None
    unit: str = ""
    made_on: date | None = None
    expiry_on: date | None = None
    holds: tuple[str, ...] = ()
    fields: Mapping[str, object] = field(default_factory=dict)
    item_fields: Mapping[str, object] = field(default_factory=dict)
    facts: Mapping[str, FactValue] = field(default_factory=dict)


@dataclass(frozen=True)
class LotQuantity(_Frozen):
    """A lot and how much of it an event or shipment moves."""

    lot_id: str
    lot_no: str
    item: str
    quantity: Decimal | None = None
    unit: str = ""


@dataclass(frozen=True)
class EventFacts(_Frozen):
    """An event that was recorded, or is about to be."""

    event_id: str
    event_type: str
    verb: str
    event_at: datetime
    recorded_at: datetime | None = None
    inputs: tuple[LotQuantity, ...] = ()
    outputs: tuple[LotQuantity, ...] = ()
    party: str = ""
    location: str = ""
    fields: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class TransitionFacts(_Frozen):
    """A step of a life cycle: of a lot (then `lot` is given), of a record, of an inspection."""

    subject: str
    subject_id: str
    kind: str
    workflow: str
    transition: str
    from_state: str
    to_state: str
    actor: str = ""
    reason: str = ""
    values: Mapping[str, object] = field(default_factory=dict)
    lot: LotFacts | None = None


@dataclass(frozen=True)
class ShipmentFacts(_Frozen):
    """Goods about to leave for a customer."""

    shipment_id: str
    customer: str
    ship_at: datetime
    lots: tuple[LotFacts, ...] = ()
    quantities: tuple[LotQuantity, ...] = ()
    fields: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class RecallFacts(_Frozen):
    """A recall that somebody wants to close."""

    recall_id: str
    plan: str
    recall_class: str
    state: str
    is_mock: bool = False
    lots: tuple[str, ...] = ()
    customers: tuple[str, ...] = ()
    notices_open: tuple[str, ...] = ()
    shipped: Decimal | None = None
    returned: Decimal | None = None
    unaccounted: Decimal | None = None
    unit: str = ""
    values: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class ExchangeFormat:
    """A file format of a pack: `read` turns bytes into EPCIS 2.0 events (JSON objects)."""

    name: str
    title: str
    suffixes: tuple[str, ...]
    read: Callable[[bytes], Sequence[Mapping[str, object]]]


@dataclass(frozen=True)
class Channel:
    """A way to tell somebody: `send(recipient, subject, text)` raises when it could not."""

    name: str
    title: str
    send: Callable[[str, str, str], None]


GiveFact: TypeAlias = Callable[[LotFacts], FactValue]


@hookspec
def contribute_definitions() -> PackFolder:
    """Give the pack's definitions and texts; a Python pack without it gives its own folder.

    Called:  once per compile of the registry.
    Facts:   none.
    Result:  packs are merged by layer, then by name.
    Failure: QT122; the pack is switched off with all it brings and named in the problems.
    """
    raise NotImplementedError


@hookspec
def contribute_formats() -> Sequence[ExchangeFormat]:
    """Give file formats that `qtcore import` shall understand.

    Called:  once per compile of the registry.
    Facts:   none.
    Result:  joined in order of the packs; one name given twice is a problem.
    Failure: QT122; the pack is switched off with all it brings and named in the problems.
    """
    raise NotImplementedError


@hookspec
def contribute_channels() -> Sequence[Channel]:
    """Give ways to send notices, such as a mail or chat service of the company.

    Called:  once per compile of the registry.
    Facts:   none.
    Result:  joined in order of the packs; one name given twice is a problem.
    Failure: QT122; the pack is switched off with all it brings and named in the problems.
    """
    raise NotImplementedError


@hookspec
def contribute_recall_nodes(plan: RecallDefinition) -> Sequence[RecallNode]:
    """Give further people to notify under a recall plan, for example from a list kept elsewhere.

    Called:  once per plan and compile of the registry.
    Facts:   ``plan`` as the definition files say it.
    Result:  added behind the nodes of the plan; a node that the plan has is a problem.
    Failure: QT122; the pack is switched off with all it brings and named in the problems.
    """
    raise NotImplementedError


@hookspec
def contribute_facts() -> Mapping[str, GiveFact]:
    """Give a function for each fact that this pack declares with ``from: {pack: true}``.

    Called:  once per compile; the functions are called whenever facts of a lot are gathered.
    Facts:   the functions receive a frozen ``LotFacts``.
    Result:  by fact id; None means unknown, and unknown never passes a rule.
    Failure: QT122 here; a function that crashes leaves its fact unknown, and the pack is named.
    """
    raise NotImplementedError


@hookspec
def judge_receipt(lot: LotFacts, event: EventFacts) -> Sequence[Refusal]:
    """Say why a lot must not be taken in; return nothing when you have no objection.

    Called:  inside the receipt, once per lot, before anything is stored.
    Facts:   ``lot`` as it would be created, ``event`` as it would be recorded.
    Result:  refusals of all packs are joined, ordered by pack; one is enough to stop.
    Failure: a crash counts as refusal QT901 and names the pack.
    """
    raise NotImplementedError


@hookspec
def judge_transition(transition: TransitionFacts) -> Sequence[Refusal]:
    """Say why a step of a life cycle must not be made; return nothing to agree.

    Called:  inside each transition of a lot or record, after roles and guards have passed.
    Facts:   ``transition`` with the values of the form, and the lot when it is one.
    Result:  refusals of all packs are joined, ordered by pack; one is enough to stop.
    Failure: a crash counts as refusal QT901 and names the pack.
    """
    raise NotImplementedError


@hookspec
def judge_release(lot: LotFacts) -> Sequence[Refusal]:
    """Say why a lot must not be released; return nothing when you have no objection.

    Called:  inside the release transaction, once per attempt, beside the rules of the gate.
    Facts:   ``lot`` is frozen; everything it shows was read before.
    Result:  refusals of all packs are joined, ordered by pack; one is enough to stop.
    Failure: a crash counts as refusal QT901 and names the pack.
    """
    raise NotImplementedError


@hookspec
def judge_shipment(shipment: ShipmentFacts) -> Sequence[Refusal]:
    """Say why goods must not leave; return nothing when you have no objection.

    Called:  inside the shipping event, before anything is stored.
    Facts:   ``shipment`` with every lot it holds.
    Result:  refusals of all packs are joined, ordered by pack; one is enough to stop.
    Failure: a crash counts as refusal QT901 and names the pack.
    """
    raise NotImplementedError


@hookspec
def judge_recall_closure(recall: RecallFacts) -> Sequence[Refusal]:
    """Say why a recall must not be closed yet; return nothing when you have no objection.

    Called:  inside the closing transition of a recall.
    Facts:   ``recall`` with its scope, open notices and quantities.
    Result:  refusals of all packs are joined, ordered by pack; one is enough to stop.
    Failure: a crash counts as refusal QT901 and names the pack.
    """
    raise NotImplementedError


@hookspec
def after_event(event: EventFacts) -> None:
    """Hear of an event that was stored.

    Called:  after commit, from the outbox, at least once; expect the same event again.
    Facts:   ``event`` as it was stored.
    Result:  none.
    Failure: logged with the pack's name and tried again; the event stays stored.
    """


@hookspec
def after_transition(transition: TransitionFacts) -> None:
    """Hear of a step of a life cycle that was made.

    Called:  after commit, from the outbox, at least once; expect the same step again.
    Facts:   ``transition`` as it was made.
    Result:  none.
    Failure: logged with the pack's name and tried again; the step stays made.
    """
