"""What links and events say of weights: how much went this way, and what got lost on it.

It must not know the database, nor what is asked: it reads what was recorded, in one unit.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Context, Decimal
from fractions import Fraction
from typing import NamedTuple

from qtcore.errors import InputRejected

Convert = Callable[[Decimal, str, str], Decimal | None]
_ZERO = Fraction(0)
_ALL_DIGITS = Context(prec=200)


class Amount(NamedTuple):
    """A quantity with its unit; None when nobody recorded how much."""

    quantity: Decimal | None
    unit: str


class Flow(NamedTuple):
    """A link: `amount` of the source went into the target in an event."""

    source: int
    target: int
    event: str
    amount: Amount


@dataclass(frozen=True, slots=True)
class Act:
    """What an event used and made, by node; for links whose amount was not recorded."""

    used: Mapping[int, Amount]
    made: Mapping[int, Amount]


@dataclass(frozen=True, slots=True)
class Plant:
    """What was recorded: how much of each node there ever was, links, and acts by event.

    `brought` says of each node what which event brought of it; together that is its size.
    """

    sizes: Mapping[int, Amount]
    brought: Mapping[int, Mapping[str, Amount]]
    flows: Sequence[Flow]
    acts: Mapping[str, Act]
    convert: Convert
    inside: Collection[int] = field(default_factory=frozenset)


def joined(flows: Iterable[Flow]) -> list[Flow]:
    """Add up what one lot gave another at several times: two halves are the whole."""
    sums: dict[tuple[int, int, str], list[Flow]] = defaultdict(list)
    for flow in flows:
        if flow.amount.quantity is not None:
            sums[flow.source, flow.target, flow.amount.unit].append(flow)
    found = [Flow(s, t, "", _sum(told)) for (s, t, _), told in sums.items()]
    return [*found, *(flow for flow in flows if flow.amount.quantity is None)]


def taken(plant: Plant, flow: Flow) -> tuple[Fraction | None, Fraction | None, Fraction | None]:
    """Say how much of the source went this way: at least, at most, and if evenly spread."""
    if flow.amount.quantity is not None:
        exact = _fraction(flow.amount.quantity)
        return exact, exact, exact
    act = plant.acts.get(flow.event)
    used = act.used.get(flow.source) if act else None
    if act is None or used is None or used.quantity is None:
        return None, None, None
    given = _fraction(used.quantity)
    if len(act.made) == 1:
        return given, given, given
    made = _total(plant, act.made, used.unit)
    went = convert(plant, act.made.get(flow.target), used.unit)
    if made is None or went is None or made <= 0:
        return _ZERO, given, None
    took = _total(plant, act.used, used.unit)
    if took is None:
        return _ZERO, given, given * went / made
    # What got lost in the event went nowhere, or was of this part before it got lost.
    lost = max(_ZERO, took - made)
    least = max(_ZERO, given + went - made - lost)
    return least, min(given, went + lost), given * went / (made + lost)


def unit_of(plant: Plant, flow: Flow) -> str:
    """Name the unit in which it is said how much went this way."""
    if flow.amount.quantity is not None:
        return flow.amount.unit
    act = plant.acts.get(flow.event)
    used = act.used.get(flow.source) if act else None
    return used.unit if used else ""


def lost_in(plant: Plant, flows: Sequence[Flow], unit: str) -> Fraction | None:
    """Say how much less was made than went into a node, event by event; None: nobody knows.

    What one event added makes no good of what another lost.
    """
    events: dict[str, list[Flow]] = defaultdict(list)
    for flow in flows:
        events[flow.event].append(flow)
    lost = _ZERO
    for event, told in events.items():
        went, made = _went_and_made(plant, event, told, unit=unit)
        if went is None or made is None:
            return None
        lost += max(_ZERO, went - made)
    return lost


def _went_and_made(
    plant: Plant, event: str, told: Sequence[Flow], *, unit: str
) -> tuple[Fraction | None, Fraction | None]:
    if all(flow.amount.quantity is not None for flow in told):
        went = {n: flow.amount for n, flow in enumerate(told)}
        made = plant.brought.get(told[0].target, {}).get(event)
        return _total(plant, went, unit), convert(plant, made, unit)
    act = plant.acts.get(event)
    if act is None:
        return None, None
    return _total(plant, act.used, unit), _total(plant, act.made, unit)


def convert(plant: Plant, amount: Amount | None, unit: str) -> Fraction | None:
    """Give an amount in a unit; None where nobody recorded it, or no factor is declared."""
    if amount is None or amount.quantity is None:
        return None
    if amount.unit == unit:
        return _fraction(amount.quantity)
    try:
        found = plant.convert(amount.quantity, amount.unit, unit)
    except InputRejected:
        return None
    return None if found is None else _fraction(found)


def _sum(flows: Sequence[Flow]) -> Amount:
    total = Decimal(0)
    for flow in flows:
        total = _ALL_DIGITS.add(total, flow.amount.quantity or Decimal(0))
    return Amount(total, flows[0].amount.unit)


def _total(plant: Plant, amounts: Mapping[int, Amount], unit: str) -> Fraction | None:
    total = _ZERO
    for amount in amounts.values():
        one = convert(plant, amount, unit)
        if one is None:
            return None
        total += one
    return total


def _fraction(number: Decimal) -> Fraction:
    # Made of two whole numbers a fraction does not ask first what kind of number it was given.
    return Fraction(*number.as_integer_ratio())
