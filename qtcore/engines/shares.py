"""How much of one lot is in another: a lower and an upper bound, exact where records are.

It must not know the database. Nobody mixes or cuts a lot in a known way, so where a mixed lot is
divided the bounds allow every way; `likely` is the amount if each lot is evenly mixed.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from fractions import Fraction
from typing import Any, Final, NamedTuple

from qtcore.errors import InputRejected

Convert = Callable[[Decimal, str, str], Decimal | None]
_PLACES: Final = 28
_CIRCLE: Final = "the records say that a lot comes from itself"


@dataclass(frozen=True, slots=True)
class Amount:
    """A quantity with its unit; None when nobody recorded how much."""

    quantity: Decimal | None
    unit: str


@dataclass(frozen=True, slots=True)
class Flow:
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
class Share:
    """How much of a lot is in another, in `unit`; without bounds, `unknown` says why."""

    lower: Fraction | None
    upper: Fraction | None
    likely: Fraction | None
    whole: Fraction | None
    unit: str
    unknown: str = ""

    @property
    def is_exact(self) -> bool:
        """Say whether the bounds meet."""
        return self.lower is not None and self.lower == self.upper

    def of_nothing(self) -> "Share":
        """Give the share of what nothing of this went into."""
        none = None if self.unknown else Fraction(0)
        return replace(self, lower=none, upper=none, likely=none)

    def as_json(self) -> dict[str, Any]:
        """Give the shape of the API: bounds are rounded outwards where they never end."""
        whole = self.whole
        part = None if not whole or self.upper is None or self.lower is None else whole
        return {
            "lower": _text(self.lower, ROUND_FLOOR),
            "upper": _text(self.upper, ROUND_CEILING),
            "likely": _text(self.likely, ROUND_FLOOR),
            "of": _text(whole, ROUND_FLOOR),
            "unit": self.unit,
            "fraction_lower": None if part is None else str((self.lower or 0) / part),
            "fraction_upper": None if part is None else str((self.upper or 0) / part),
            "is_exact": self.is_exact,
            "unknown": self.unknown,
        }


@dataclass(slots=True)
class _Content:
    """How much of the lot is in a node, and how much of anything (None: not comparable)."""

    lower: Fraction = Fraction(0)
    upper: Fraction = Fraction(0)
    likely: Fraction | None = Fraction(0)
    total: Fraction | None = Fraction(0)


class _Whole(NamedTuple):
    """How much there was of all sources together."""

    amount: Fraction
    unit: str


@dataclass(frozen=True, slots=True)
class Plant:
    """What was recorded: how much of each node there ever was, links, and acts by event."""

    sizes: Mapping[int, Amount]
    flows: Sequence[Flow]
    acts: Mapping[str, Act]
    convert: Convert
    inside: Collection[int] = field(default_factory=frozenset)


def find_share(plant: Plant, source: int, target: int) -> Share:
    """Find how much of `source` is in `target`; see `find_shares`."""
    found = find_shares(plant, [source])
    return found.get(target) or found[source].of_nothing()


def find_shares(plant: Plant, sources: Collection[int]) -> dict[int, Share]:
    """Find how much of the sources together is in each node that anything of them may be in.

    `plant.flows` are all links into the nodes below the sources (`plant.inside`), those from other
    lots included: without them nothing says how thin a source is there. The sources are measured in
    the unit of the first; one that was made of another is a source as a whole.
    """
    sizes = [plant.sizes.get(source, Amount(None, "")) for source in sources]
    unit = next((size.unit for size in sizes if size.quantity is not None), "")
    known = {source: _size_in(plant, source, unit) for source in sources}
    whole = sum((size for size in known.values() if size), Fraction(0))
    into: dict[int, list[Flow]] = defaultdict(list)
    for flow in _joined(plant.flows):
        if flow.target not in known and flow.target in plant.inside:
            into[flow.target].append(flow)
    shares = {source: _of_source(size, unit) for source, size in known.items()}
    contents = {source: _Content(size, size, size, size) for source, size in known.items() if size}
    unsure = {source: share.unknown for source, share in shares.items() if share.unknown}
    for node in _order(plant, into):
        why = next((unsure[flow.source] for flow in into[node] if flow.source in unsure), "")
        if why:
            unsure[node], shares[node] = why, _unknown(why, unit, whole or None)
            continue
        found = contents[node] = _mix(plant, into[node], contents, _Whole(whole, unit))
        shares[node] = Share(found.lower, found.upper, found.likely, whole, unit)
    for node in into.keys() - shares.keys():
        shares[node] = _unknown(_CIRCLE, unit, whole or None)
    return shares


def _of_source(size: Fraction | None, unit: str) -> Share:
    if size is None or size <= 0:
        return _unknown("nobody recorded how much there was of it", unit)
    return Share(size, size, size, size, unit)


def _joined(flows: Sequence[Flow]) -> list[Flow]:
    """Add up what one lot gave another at several times: two halves are the whole."""
    sums: dict[tuple[int, int, str], Decimal] = defaultdict(Decimal)
    for flow in flows:
        if flow.amount.quantity is not None:
            sums[flow.source, flow.target, flow.amount.unit] += flow.amount.quantity
    joined = [Flow(s, t, "", Amount(amount, unit)) for (s, t, unit), amount in sums.items()]
    return [*joined, *(flow for flow in flows if flow.amount.quantity is None)]


def _order(plant: Plant, into: Mapping[int, Sequence[Flow]]) -> list[int]:
    """Name the nodes, each after all that went into it; what a circle keeps waiting is left out."""
    onward: dict[int, set[int]] = defaultdict(set)
    waits: dict[int, int] = {}
    for node, flows in into.items():
        before = {flow.source for flow in flows if flow.source in into}
        waits[node] = len(before)
        for source in before:
            onward[source].add(node)
    ready = [node for node, count in waits.items() if not count]
    for node in ready:  # grows while it is walked
        for far in onward[node]:
            waits[far] -= 1
            if not waits[far]:
                ready.append(far)
    return ready


def _mix(
    plant: Plant, flows: Sequence[Flow], contents: Mapping[int, _Content], whole: _Whole
) -> _Content:
    mixed = _Content()
    for flow in flows:
        came = contents.get(flow.source)
        part = _part(plant, flow, came, whole.unit)
        mixed.lower += part.lower
        mixed.upper += part.upper
        mixed.likely = _sum(mixed.likely, part.likely)
        mixed.total = _sum(mixed.total, part.total)
    mixed.lower, mixed.upper = min(mixed.lower, whole.amount), min(mixed.upper, whole.amount)
    return mixed


def _part(plant: Plant, flow: Flow, came: _Content | None, unit: str) -> _Content:
    """Say what one link brings: a stretch of how much of its source, and what that held."""
    least, most, likely = _taken(plant, flow)
    if came is None:
        known = most if least == most else None
        return _Content(total=_in_unit(plant, flow, known, unit))
    size = _size_in(plant, flow.source, _unit_of(plant, flow))
    if most is None or size is None or size <= 0:
        return _Content(Fraction(0), came.upper, None, None)
    low, high = min((least or Fraction(0)) / size, Fraction(1)), min(most / size, Fraction(1))
    guess = None if likely is None or came.likely is None else came.likely * likely / size
    if came.total is None:
        lower = came.lower if low == 1 else Fraction(0)
        return _Content(lower, came.upper, guess, None)
    rest = came.total * (1 - low)
    lower = max(Fraction(0), came.lower - rest)
    upper = min(came.upper, came.total * high)
    total = came.total * high if low == high else None
    return _Content(lower, upper, guess, total)


def _taken(plant: Plant, flow: Flow) -> tuple[Fraction | None, Fraction | None, Fraction | None]:
    """Say how much of the source went this way: at least, at most, and if evenly spread."""
    if flow.amount.quantity is not None:
        exact = Fraction(flow.amount.quantity)
        return exact, exact, exact
    act = plant.acts.get(flow.event)
    used = act.used.get(flow.source) if act else None
    if act is None or used is None or used.quantity is None:
        return None, None, None
    given = Fraction(used.quantity)
    if len(act.made) == 1:
        return given, given, given
    made = _total(plant, act.made, used.unit)
    went = _convert(plant, act.made.get(flow.target), used.unit)
    if made is None or went is None or made <= 0:
        return Fraction(0), given, None
    took = _total(plant, act.used, used.unit)
    elsewhere = max(made, took) - went if took is not None else None
    least = Fraction(0) if elsewhere is None else max(Fraction(0), given - elsewhere)
    return least, min(given, went) if took is not None else given, given * went / made


def _unit_of(plant: Plant, flow: Flow) -> str:
    if flow.amount.quantity is not None:
        return flow.amount.unit
    act = plant.acts.get(flow.event)
    used = act.used.get(flow.source) if act else None
    return used.unit if used else ""


def _size_in(plant: Plant, node: int, unit: str) -> Fraction | None:
    return _convert(plant, plant.sizes.get(node), unit)


def _in_unit(plant: Plant, flow: Flow, amount: Fraction | None, unit: str) -> Fraction | None:
    if amount is None:
        return None
    one = _convert(plant, Amount(Decimal(1), _unit_of(plant, flow)), unit)
    return None if one is None else amount * one


def _total(plant: Plant, amounts: Mapping[int, Amount], unit: str) -> Fraction | None:
    total: Fraction | None = Fraction(0)
    for amount in amounts.values():
        total = _sum(total, _convert(plant, amount, unit))
    return total


def _convert(plant: Plant, amount: Amount | None, unit: str) -> Fraction | None:
    if amount is None or amount.quantity is None:
        return None
    if amount.unit == unit:
        return Fraction(amount.quantity)
    try:
        found = plant.convert(amount.quantity, amount.unit, unit)
    except InputRejected:
        return None
    return None if found is None else Fraction(found)


def _sum(one: Fraction | None, other: Fraction | None) -> Fraction | None:
    return None if one is None or other is None else one + other


def _unknown(why: str, unit: str, whole: Fraction | None = None) -> Share:
    return Share(None, None, None, whole, unit, why)


def _text(value: Fraction | None, rounding: str) -> str | None:
    if value is None:
        return None
    context = Context(prec=_PLACES, rounding=rounding)
    found = context.divide(Decimal(value.numerator), Decimal(value.denominator))
    return format(found.normalize(context) if found else Decimal(0), "f")
