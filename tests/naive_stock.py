"""What lies where after random acts on lots, cases and a pallet, found act by act without a query.

It must not use the folds, balances or intervals it is compared with.
"""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from qtcore.services.events import EventInput, Line
from qtcore.services.lot_ref import LotRef

BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)
PLACES = ("W1", "W2")
CUSTOMERS = ("SHOP", "KIOSK")
_OF_LOTS = {
    "shipping": "shipped",
    "returning": "returned",
    "scrapping": "scrapped",
    "sampling": "sampled",
}
_OF_CASES = {"shipping": "shipped", "receiving": "received", "returning": "returned"}
_OUT = {"shipped", "scrapped", "sampled", "consumed"}
_Sums = dict[str, dict[str, Decimal]]


def _sums() -> _Sums:
    return defaultdict(lambda: defaultdict(Decimal))


@dataclass
class Yard:
    """The truth, and the events that tell of it in time."""

    chance: Random
    events: list[EventInput] = field(default_factory=list)
    lots: list[str] = field(default_factory=list)
    there: _Sums = field(default_factory=_sums)
    moved: _Sums = field(default_factory=_sums)
    sold: _Sums = field(default_factory=_sums)
    inside: dict[str, dict[str, Decimal | None]] = field(default_factory=lambda: defaultdict(dict))

    def held(self, case: str) -> dict[str, Decimal]:
        """Add up what a case holds, through the cases inside it."""
        sums: dict[str, Decimal] = defaultdict(Decimal)
        for name, amount in self.inside[case].items():
            within = self.held(name) if amount is None else {name: amount}
            for lot, part in within.items():
                sums[lot] += part
        return sums

    def count(self, lot: str, effect: str, amount: Decimal, place: str) -> None:
        """Note one movement."""
        self.moved[lot][effect] += amount
        self.there[lot][place] += -amount if effect in _OUT else amount

    def tell(self, kind: str, *lines: Line, **more: Any) -> None:
        """Write the event of an act, an hour after the one before."""
        at = BEGINNING + timedelta(hours=len(self.events))
        name = f"e{len(self.events)}"
        self.events.append(EventInput(kind, lines, at, external_id=name, **more))


def a_yard(seed: int, acts: int) -> Yard:
    """Draw a yard: lots come, are made, packed, nested, unpacked, shipped and sent back."""
    yard = Yard(Random(seed))  # not for secrets
    _receive(yard)
    choices: list[Callable[[Yard], None]] = [
        *(_receive, _make, _pack, _pack, _nest, _unpack), *(_move_lot,) * 3, *(_move_case,) * 3,
    ]  # fmt: skip
    while len(yard.events) < acts:
        yard.chance.choice(choices)(yard)
    return yard


def _line(name: str, part: str, amount: Decimal | None = None) -> Line:
    if name[0] != "L":
        return Line(LotRef(kind="logistic_unit", lot_no=name), part)
    return Line(LotRef(item="ITEM", lot_no=name, source="MAKER"), part, amount, "kg")


def _new(yard: Yard, effect: str, amount: Decimal, place: str) -> str:
    name = f"L{len(yard.lots)}"
    yard.lots.append(name)
    yard.count(name, effect, amount, place)
    return name


def _receive(yard: Yard) -> None:
    amount, place = Decimal(yard.chance.randint(20, 90)), yard.chance.choice(PLACES)
    name = _new(yard, "received", amount, place)
    yard.tell("receiving", _line(name, "output", amount), location=place)


def _make(yard: Yard) -> None:
    used, amount = yard.chance.choice(yard.lots), Decimal(yard.chance.randint(1, 9))
    place = yard.chance.choice(PLACES)
    yard.count(used, "consumed", amount, place)
    name = _new(yard, "produced", amount, place)
    lines = (_line(used, "input", amount), _line(name, "output", amount))
    yard.tell("production", *lines, location=place)


def _pack(yard: Yard) -> None:
    case, name = yard.chance.choice(("C0", "C1")), yard.chance.choice(yard.lots)
    if name not in yard.inside[case]:
        amount = yard.inside[case][name] = Decimal(yard.chance.randint(1, 5))
        yard.tell("packing", _line(name, "child", amount), _line(case, "parent"))


def _nest(yard: Yard) -> None:
    case = yard.chance.choice(("C0", "C1"))
    if case not in yard.inside["P0"]:
        yard.inside["P0"][case] = None
        yard.tell("packing", _line(case, "child"), _line("P0", "parent"))


def _unpack(yard: Yard) -> None:
    case = yard.chance.choice(("C0", "C1", "P0"))
    if yard.inside[case]:
        name = yard.chance.choice(list(yard.inside[case]))
        amount = yard.inside[case].pop(name)
        yard.tell("unpacking", _line(name, "child", amount), _line(case, "parent"))


def _move_lot(yard: Yard) -> None:
    name, amount = yard.chance.choice(yard.lots), Decimal(yard.chance.randint(1, 5))
    place, kind = yard.chance.choice(PLACES), yard.chance.choice([*_OF_LOTS, "transfer"])
    line = _line(name, "subject", amount)
    if kind == "transfer":
        other = yard.chance.choice(PLACES)
        yard.there[name][place] -= amount
        yard.there[name][other] += amount
        yard.tell(kind, line, location=place, to_location=other)
        return
    yard.count(name, _OF_LOTS[kind], amount, place)
    who = yard.chance.choice(CUSTOMERS)
    if kind == "shipping":
        yard.sold[who][name] += amount
    yard.tell(kind, line, location=place, **_party(kind, who))


def _move_case(yard: Yard) -> None:
    case, kind = yard.chance.choice(("C0", "C1", "P0")), yard.chance.choice([*_OF_CASES])
    place, who = yard.chance.choice(PLACES), yard.chance.choice(CUSTOMERS)
    held = yard.held(case)
    if not held:
        return
    for name, amount in held.items():
        yard.count(name, _OF_CASES[kind], amount, place)
        if kind == "shipping":
            yard.sold[who][name] += amount
    part = "output" if kind == "receiving" else "subject"
    yard.tell(kind, _line(case, part), location=place, **_party(kind, who))


def _party(kind: str, who: str) -> dict[str, str]:
    side = {"shipping": "to_party", "returning": "from_party"}.get(kind)
    return {side: who} if side else {}
