"""Random plants, and what is true of them, found instant by instant without any query or interval.

It must not use the engines or queries it is compared with.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import strategies as st

from qtcore.services.events import Allocation, EventInput, Line
from qtcore.services.lot_ref import LotRef

BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)
VERB_EVENTS = {
    "make": "production",
    "pack": "packing",
    "unpack": "unpacking",
    "ship": "shipping",
    "receive": "receiving",
}


@dataclass(frozen=True)
class Op:
    """Something that happened at an hour: what went in, what came out, how much of each."""

    verb: str
    hour: int
    sources: tuple[str, ...]
    targets: tuple[str, ...]
    amounts: tuple[int, ...] = ()
    customer: str = ""


def is_case(name: str) -> bool:
    return name[0] in "CP"


def at(hour: int) -> datetime:
    return BEGINNING + timedelta(hours=hour)


class Naive:
    """The truth about a plant."""

    def __init__(self, ops: Iterable[Op]) -> None:
        self.ops = sorted(ops, key=lambda op: op.hour)
        self.hours = range(max((op.hour for op in self.ops), default=0) + 2)

    def holders(self, name: str, hour: int) -> set[str]:
        """Name the cases and pallets that hold something at an hour, nested ones included."""
        directly: dict[str, set[str]] = {}
        for op in self.ops:
            if op.hour <= hour and op.verb in ("pack", "unpack"):
                for child in op.sources:
                    holding = directly.setdefault(child, set())
                    (holding.add if op.verb == "pack" else holding.discard)(op.targets[0])
        found: set[str] = set()
        waiting = [name]
        while waiting:
            new = directly.get(waiting.pop(), set()) - found
            found |= new
            waiting += new
        return found

    def holders_ever(self, name: str) -> set[str]:
        return {case for hour in self.hours for case in self.holders(name, hour)}

    def products(self, name: str) -> set[str]:
        """Name what was made out of something in one step, also out of the case it was in."""
        found: set[str] = set()
        for op in self.ops:
            if op.verb == "make" and {name, *self.holders(name, op.hour)} & set(op.sources):
                found |= set(op.targets)
        return found

    def forward(self, name: str) -> set[str]:
        """Name all that holds, or was made of, something."""
        reached, waiting = {name}, [name]
        while waiting:
            one = waiting.pop()
            new = self.products(one) - reached
            reached |= new
            waiting += new
        lots = [one for one in reached if one == name or not is_case(one)]
        return reached | {case for lot in lots for case in self.holders_ever(lot)}

    def customers(self, name: str) -> set[str]:
        """Name who got any of it, also inside a pallet."""
        lots = {one for one in self.forward(name) if one == name or not is_case(one)}
        return {
            op.customer
            for op in self.ops
            if op.verb == "ship"
            for lot in lots
            if {lot, *self.holders(lot, op.hour)} & set(op.sources)
        }


@st.composite
def plants(draw: st.DrawFn, most: int = 12) -> list[Op]:
    """Draw a plant: lots made of lots and cases, packed, unpacked, nested and shipped."""
    lots = ["L0", "L1", "L2"]
    ops = [Op("receive", 0, (), (lot,), (1000,)) for lot in lots]
    inside: dict[str, list[str]] = {}
    for hour in range(1, draw(st.integers(1, most)) + 1):
        verb = draw(st.sampled_from(["make", "make", "pack", "pack", "unpack", "ship"]))
        if verb == "make":
            pool = [*lots, *inside]
            sources = draw(st.lists(st.sampled_from(pool), min_size=1, max_size=3, unique=True))
            made = [f"L{len(lots) + n}" for n in range(draw(st.integers(1, 2)))]
            lots += made
            ops.append(Op("make", hour, tuple(sources), tuple(made)))
        elif verb == "pack":
            case = draw(st.sampled_from(["C0", "C1", "P0"]))
            pool = [*lots, *(c for c in inside if c[0] == "C" and case[0] == "P")]
            child = draw(st.sampled_from(pool))
            if child not in inside.setdefault(case, []):
                inside[case].append(child)
                ops.append(Op("pack", hour, (child,), (case,)))
        elif verb == "unpack" and any(inside.values()):
            case = draw(st.sampled_from([c for c, held in inside.items() if held]))
            child = draw(st.sampled_from(inside[case]))
            inside[case].remove(child)
            ops.append(Op("unpack", hour, (child,), (case,)))
        elif verb == "ship":
            one = draw(st.sampled_from([*lots, *inside]))
            ops.append(Op("ship", hour, (one,), (), customer=draw(st.sampled_from("XYZ"))))
    return ops


@st.composite
def mixtures(draw: st.DrawFn) -> list[Op]:
    """Draw a plant whose allocations are all recorded: `amounts` go from source i to target j."""
    left = {"L0": 120, "L1": 60, "L2": 90}
    ops = [Op("receive", 0, (), (lot,), (amount,)) for lot, amount in left.items()]
    for hour in range(1, draw(st.integers(1, 6)) + 1):
        pool = [lot for lot, amount in left.items() if amount]
        if not pool:
            break
        sources = draw(st.lists(st.sampled_from(pool), min_size=1, max_size=2, unique=True))
        targets = [f"L{len(left) + n}" for n in range(draw(st.integers(1, 2)))]
        taken = [draw(st.integers(1, left[lot])) for lot in sources]
        pairs = [
            part
            for amount in taken
            for first in [draw(st.integers(0, amount)) if len(targets) == 2 else amount]
            for part in ([first, amount - first] if len(targets) == 2 else [first])
        ]
        made = [sum(pairs[n :: len(targets)]) for n in range(len(targets))]
        if not all(made):
            continue
        for lot, amount in zip(sources, taken, strict=True):
            left[lot] -= amount
        left |= dict(zip(targets, made, strict=True))
        ops.append(Op("make", hour, tuple(sources), tuple(targets), tuple(pairs)))
    return ops


def as_events(ops: Iterable[Op], prefix: str) -> list[EventInput]:
    """Write a plant as the events an import tells."""
    return [_event(op, prefix) for op in ops]


def _event(op: Op, prefix: str) -> EventInput:
    sides = {
        "make": ("input", "output"),
        "pack": ("child", "parent"),
        "unpack": ("child", "parent"),
        "ship": ("subject", ""),
        "receive": ("", "output"),
    }[op.verb]
    count = len(op.targets)
    taken = [sum(op.amounts[n * count : (n + 1) * count]) for n in range(len(op.sources))]
    made = [sum(op.amounts[n::count]) for n in range(count)] if count else []
    exact = bool(op.amounts)
    lines = [
        *(_line(n, sides[0], prefix, taken[i] if exact else 0) for i, n in enumerate(op.sources)),
        *(_line(n, sides[1], prefix, made[i] if exact else 0) for i, n in enumerate(op.targets)),
    ]
    event = EventInput(
        VERB_EVENTS[op.verb],
        tuple(lines),
        at(op.hour),
        to_party=op.customer,
        external_id=f"{prefix}{op.verb}{op.hour}{''.join(op.sources + op.targets)}",
    )
    return replace(event, allocations=tuple(_allocations(op))) if op.verb == "make" else event


def _allocations(op: Op) -> Iterable[Allocation]:
    for place, amount in enumerate(op.amounts):
        if amount:
            source, target = divmod(place, len(op.targets))
            yield Allocation(source, target, Decimal(amount), "kg")


def _line(name: str, part: str, prefix: str, amount: int) -> Line:
    if is_case(name):
        return Line(LotRef(kind="logistic_unit", lot_no=prefix + name), part)
    ref = LotRef(item="ITEM", lot_no=prefix + name, source="MAKER")
    return Line(ref, part, Decimal(amount) if amount else None, "kg" if amount else "")


def named(lot_nos: Iterable[str], prefix: str) -> set[str]:
    return {lot_no.removeprefix(prefix) for lot_no in lot_nos}


def evenly(ops: Sequence[Op], source: str) -> dict[str, Decimal]:
    """Give how much of a lot is in each if every lot is evenly mixed."""
    size: dict[str, Decimal] = {}
    held: dict[str, Decimal] = {}
    for op in sorted(ops, key=lambda each: each.hour):
        if op.verb == "receive":
            size[op.targets[0]] = Decimal(op.amounts[0])
            held[op.targets[0]] = size[op.targets[0]] if op.targets[0] == source else Decimal(0)
            continue
        for n, target in enumerate(op.targets):
            parts = list(zip(op.sources, op.amounts[n :: len(op.targets)], strict=True))
            size[target] = Decimal(sum(part for _, part in parts))
            held[target] = sum((held[s] * part / size[s] for s, part in parts), Decimal(0))
    return held
