"""Random facts as files tell them: nothing has to fit.

It must not know what follows from them.
"""

from dataclasses import dataclass
from decimal import Decimal

from hypothesis import strategies as st

from qtcore.services.events import Allocation, EventInput, Line
from qtcore.services.lot_ref import LotRef
from tests.naive_genealogy import at

LOTS = ("L0", "L1", "L2", "L3", "L4")
CASES = ("C0", "C1", "P0")
UNITS = ("U0",)
THINGS = (*LOTS, *CASES, *UNITS)
PARTIES = ("X", "Y")
HOURS = 8
_PARTS = {
    "receiving": "output",
    "shipping": "subject",
    "returning": "subject",
    "scrapping": "subject",
    "sampling": "subject",
    "adjustment": "subject",
    "observation": "subject",
}


@dataclass(frozen=True)
class Part:
    """A line: which part of the event, what, how much."""

    part: str
    name: str
    quantity: Decimal | None = None
    unit: str = ""


@dataclass(frozen=True)
class Fact:
    """An event of an hour."""

    number: int
    kind: str
    hour: int
    parts: tuple[Part, ...]
    party: str = ""
    allocations: tuple[tuple[int, int, int], ...] = ()


@st.composite
def facts(draw: st.DrawFn, most: int = 14) -> list[Fact]:
    """Draw facts that may say anything: returns, scrap, samples, rework, units of any factor."""
    return [_fact(draw, number) for number in range(draw(st.integers(1, most)))]


def _fact(draw: st.DrawFn, number: int) -> Fact:
    kinds = ("production", "production", "packing", "unpacking", *_PARTS)
    kind, hour = draw(st.sampled_from(kinds)), draw(st.integers(0, HOURS))
    party = draw(st.sampled_from(PARTIES)) if kind in ("shipping", "returning") else ""
    if kind == "production":
        used = draw(st.lists(st.sampled_from(THINGS), min_size=1, max_size=2, unique=True))
        made = draw(st.lists(st.sampled_from(LOTS + UNITS), min_size=1, max_size=2, unique=True))
        parts = (
            *(_part(draw, "input", n) for n in used),
            *(_part(draw, "output", n) for n in made),
        )
        told: tuple[tuple[int, int, int], ...] = ()
        if draw(st.integers(0, 3)) == 0:
            told = tuple(
                (s, t, draw(st.integers(1, 9))) for s in range(len(used)) for t in range(len(made))
            )
        return Fact(number, kind, hour, parts, "", told)
    if kind in ("packing", "unpacking"):
        case = draw(st.sampled_from(CASES))
        inside = [thing for thing in THINGS if thing != case and (case == "P0" or thing != "P0")]
        some = draw(st.lists(st.sampled_from(inside), min_size=1, max_size=2, unique=True))
        if kind == "unpacking" and draw(st.integers(0, 3)) == 0:
            some = []
        parts = (*(_part(draw, "child", n) for n in some), Part("parent", case))
        return Fact(number, kind, hour, parts)
    name = draw(st.sampled_from(LOTS if kind == "receiving" else THINGS))
    return Fact(number, kind, hour, (_part(draw, _PARTS[kind], name),), party)


def _part(draw: st.DrawFn, part: str, name: str) -> Part:
    if name not in LOTS or draw(st.integers(0, 9)) == 0:
        return Part(part, name)
    unit = draw(st.sampled_from(("kg", "kg", "g", "pc")))
    amount = Decimal(draw(st.integers(1, 9))) * (1000 if unit == "g" else 1)
    return Part(part, name, amount, unit)


def as_event(fact: Fact, prefix: str) -> EventInput:
    """Write a fact as a file tells it."""
    is_return = fact.kind == "returning"
    return EventInput(
        fact.kind,
        tuple(Line(_ref(p.name, prefix), p.part, p.quantity, p.unit) for p in fact.parts),
        at(fact.hour),
        from_party=fact.party if is_return else "",
        to_party="" if is_return else fact.party,
        external_id=f"{prefix}{fact.number}",
        allocations=tuple(Allocation(s, t, Decimal(n), "kg") for s, t, n in fact.allocations),
    )


def _ref(name: str, prefix: str) -> LotRef:
    if name in CASES:
        return LotRef(kind="logistic_unit", lot_no=prefix + name)
    if name in UNITS:
        return LotRef(kind="unit", item="ITEM", lot_no=prefix + name)
    return LotRef(item="ITEM", lot_no=prefix + name, source="MAKER")
