"""The story so far: the clock, who acts, the lots made, and what is left of each.

It must not know any plant; it turns one sentence of the story into one call of a service.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from qtcore.context import Actor, Context
from qtcore.demo.data import read_data
from qtcore.services.accounts import actor_by_login
from qtcore.services.events import EventInput, Line, Stored
from qtcore.services.nodes import LotRef
from qtcore.services.recording import record_event
from qtcore.services.records import RecordInput, submit_record
from qtcore.services.results import ResultInput, record_result
from qtcore.services.site import Site
from qtcore.services.transitions import Step, fire_transition
from qtcore.store.queries.nodes import describe_nodes

DAYS = 70
ZONE = "+08:00"


@dataclass(slots=True)
class Held:
    """A lot of the story: its names, and how much of it no plan has used yet."""

    item: str
    lot_no: str
    source: str
    unit: str
    left: Decimal
    uid: str = ""
    is_free: bool = False

    def ref(self) -> LotRef:
        """Name it to a service."""
        return LotRef(item=self.item, lot_no=self.lot_no, source=self.source)


@dataclass(frozen=True, slots=True)
class Making:
    """What brings a lot into being: how much, its date of expiry and its pack fields."""

    quantity: Decimal
    expiry_on: date | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Act:
    """One recorded act: who, with which event type, where, and what the form says."""

    by: str
    event: str
    place: str = ""
    to_place: str = ""
    party: str = ""
    equipment: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    reason: str = ""


class Story:
    """Ten weeks at one company, told to the services in the order of time."""

    def __init__(self, site: Site, password: str) -> None:
        self.site = site
        self.password = password
        today = (
            site.sources.now().astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        )
        self.first_day = today - timedelta(days=DAYS)
        self.now = self.first_day
        self.lots: dict[tuple[str, str, str], Held] = {}
        self.notes = 0
        self.units = 0
        self._item_units: dict[str, str] = {
            each["code"]: each["unit"] for each in read_data("items")["items"]
        }
        self._actors: dict[str, Actor] = {}
        self._plan: list[tuple[datetime, int, Callable[[], None]]] = []

    def at(self, day: int, hour: int, act: Callable[[], None]) -> None:
        """Plan an act; acts of one hour happen in the order they were planned."""
        moment = self.first_day + timedelta(days=day, hours=hour)
        self._plan.append((moment, len(self._plan), act))

    def run(self) -> None:
        """Live through the plan."""
        for moment, _, act in sorted(self._plan, key=lambda each: each[:2]):
            self.now = max(self.now, moment)
            act()
        self._plan.clear()

    def context(self, login: str) -> Context:
        """Act as a person; each act takes a minute."""
        if login not in self._actors:
            self._actors[login] = actor_by_login(self.site, login)
        self.now += timedelta(minutes=1)
        return Context(
            actor=self._actors[login],
            at=self.now,
            request_id=self.site.sources.new_id(),
            device="demo",
        )

    def unit_of(self, item: str) -> str:
        """Give the unit an item is counted in."""
        return self._item_units[item]

    def note_no(self) -> str:
        """Give the number of the next paper."""
        self.notes += 1
        return f"N{26000 + self.notes}"

    def record(self, act: Act, lines: Sequence[Line]) -> Stored:
        """Record one event."""
        context = self.context(act.by)
        return record_event(
            self.site,
            context,
            EventInput(
                event_type=act.event,
                lines=tuple(lines),
                event_at=context.at,
                utc_offset=ZONE,
                location=act.place,
                to_location=act.to_place,
                to_party=act.party if act.event.startswith("shipping") else "",
                from_party="" if act.event.startswith("shipping") else act.party,
                equipment=act.equipment,
                values=act.values,
                reason=act.reason,
            ),
        )

    def bring(self, act: Act, inputs: Sequence[Line], made: Sequence[tuple[Held, Making]]) -> None:
        """Record an event that brings lots into being, and remember them."""
        lines = [*inputs]
        for held, making in made:
            ref = LotRef(
                item=held.item,
                lot_no=held.lot_no,
                source=held.source,
                expiry_on=making.expiry_on,
                made_at=self.now,
                extra=dict(making.extra),
            )
            lines.append(Line(ref, "output", making.quantity, held.unit))
        stored = self.record(act, lines)
        with self.site.store.read() as session:
            described = describe_nodes(session, self.site.store.tenant_id, stored.made)
        uids = {(i.item_code, i.lot_no, i.source_code): i.uid for i in described.values()}
        for held, _ in made:
            key = (held.item, held.lot_no, held.source)
            held.uid = uids[key]
            self.lots[key] = held

    def use(self, item: str, quantity: Decimal) -> list[tuple[Held, Decimal]]:
        """Choose released lots of an item, the oldest first, and set the quantity aside."""
        chosen: list[tuple[Held, Decimal]] = []
        missing = quantity
        for held in self.lots.values():
            if held.item != item or not held.is_free or held.left <= 0 or missing <= 0:
                continue
            taken = min(held.left, missing)
            held.left -= taken
            missing -= taken
            chosen.append((held, taken))
        if missing > 0:
            raise LookupError(f"{self.now:%F}: {missing} of {item} are missing in the demo's plan")
        return chosen

    def test(self, lot: Held, characteristic: str, value: str, **more: Any) -> None:
        """Record a result of the laboratory."""
        given = ResultInput(characteristic, value, measured_at=self.now, **more)
        record_result(self.site, self.context("analyst"), lot.uid, given)

    def step(self, lot: Held, transition: str, by: str, reason: str = "") -> None:
        """Make a step of a lot's life cycle, signed with the person's password."""
        self._fire(("lot", lot.uid), transition, by, reason)
        if transition == "release":
            lot.is_free = True

    def sign(self, record_id: str, transition: str, by: str, reason: str = "") -> None:
        """Make a step of a record's life cycle."""
        self._fire(("record", record_id), transition, by, reason)

    def submit(
        self, kind: str, by: str, data: Mapping[str, Any], lots: Sequence[Held], *, title: str = ""
    ) -> str:
        """Submit a record about lots; gives its public id."""
        entry = RecordInput(dict(data), [lot.uid for lot in lots], title)
        return submit_record(self.site, self.context(by), kind, entry).record.uid

    def _fire(self, subject: tuple[str, str], transition: str, by: str, reason: str) -> None:
        given = Step(transition, reason=reason, password=self.password)
        fire_transition(self.site, self.context(by), subject, given)
