"""How much of one lot is in another: a lower and an upper bound, exact where records are.

It must not know the database. Nobody mixes or cuts a lot in a known way, so where a mixed lot is
divided the bounds allow every way; `likely` is the amount if each lot is evenly mixed.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from fractions import Fraction
from math import gcd, lcm
from typing import Any, Final, NamedTuple

from qtcore.errors import InputRejected

Convert = Callable[[Decimal, str, str], Decimal | None]
_DOWN: Final = Context(prec=28, rounding=ROUND_FLOOR)
_UP: Final = Context(prec=28, rounding=ROUND_CEILING)
_CIRCLE: Final = "the records say that a lot comes from itself"


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
            "lower": _text(self.lower, _DOWN),
            "upper": _text(self.upper, _UP),
            "likely": _text(self.likely, _DOWN),
            "of": _text(whole, _DOWN),
            "unit": self.unit,
            "fraction_lower": None if part is None else str((self.lower or 0) / part),
            "fraction_upper": None if part is None else str((self.upper or 0) / part),
            "is_exact": self.is_exact,
            "unknown": self.unknown,
        }


class _Content(NamedTuple):
    """How much of the sources is in a node, and how much of anything (None: not comparable).

    All four are whole numbers of `1 / parts`: a bound is exact, and adding whole numbers is many
    times faster than adding fractions, each of which looks for its own smallest form.
    """

    lower: int
    upper: int
    likely: int | None
    total: int | None
    parts: int


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
    whole = _Whole(sum((size for size in known.values() if size), Fraction(0)), unit)
    into: dict[int, list[Flow]] = defaultdict(list)
    for flow in _joined(plant.flows):
        if flow.target not in known and flow.target in plant.inside:
            into[flow.target].append(flow)
    shares = {source: _of_source(size, unit) for source, size in known.items()}
    contents = {source: _all_of(size) for source, size in known.items() if size}
    unsure = {source: share.unknown for source, share in shares.items() if share.unknown}
    for node in _order(plant, into):
        why = next((unsure[flow.source] for flow in into[node] if flow.source in unsure), "")
        if why:
            unsure[node], shares[node] = why, _unknown(why, unit, whole.amount or None)
            continue
        contents[node] = found = _mix(plant, into[node], contents, whole)
        shares[node] = _shown(found, whole)
    for node in into.keys() - shares.keys():
        shares[node] = _unknown(_CIRCLE, unit, whole.amount or None)
    return shares


def _all_of(size: Fraction) -> _Content:
    amount, parts = size.as_integer_ratio()
    return _Content(amount, amount, amount, amount, parts)


def _shown(found: _Content, whole: _Whole) -> Share:
    lower, upper = Fraction(found.lower, found.parts), Fraction(found.upper, found.parts)
    likely = None if found.likely is None else Fraction(found.likely, found.parts)
    return Share(lower, lower if found.lower == found.upper else upper, likely, *whole)


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
    most, parts = whole.amount.as_integer_ratio()
    lower = upper = 0
    likely: int | None = 0
    total: int | None = 0
    for flow in flows:
        part = _part(plant, flow, contents.get(flow.source), whole.unit)
        common = lcm(parts, part.parts)
        here, there, parts = common // parts, common // part.parts, common
        most *= here
        lower, upper = lower * here + part.lower * there, upper * here + part.upper * there
        likely = _added(likely, here, part.likely, there)
        total = _added(total, here, part.total, there)
    lower, upper = min(lower, most), min(upper, most)
    shared = gcd(lower, upper, likely or 0, total or 0, parts)
    return _Content(
        lower // shared,
        upper // shared,
        None if likely is None else likely // shared,
        None if total is None else total // shared,
        parts // shared,
    )


def _added(one: int | None, here: int, other: int | None, there: int) -> int | None:
    return None if one is None or other is None else one * here + other * there


def _part(plant: Plant, flow: Flow, came: _Content | None, unit: str) -> _Content:
    """Say what one link brings: a stretch of how much of its source, and what that held."""
    least, most, likely = _taken(plant, flow)
    if came is None:
        known = _in_unit(plant, flow, most if least is most or least == most else None, unit)
        amount, parts = (None, 1) if known is None else known.as_integer_ratio()
        return _Content(0, 0, 0, amount, parts)
    size = _size_in(plant, flow.source, _unit_of(plant, flow))
    if most is None or size is None or size.numerator <= 0:
        return _Content(0, came.upper, None, None, came.parts)
    low, high, guess, of = _as_parts(size, least or Fraction(0), most, likely)
    low, high, parts = min(low, of), min(high, of), came.parts * of
    spread = None if guess is None or came.likely is None else came.likely * guess
    if came.total is None:
        return _Content(came.lower * of if low == of else 0, came.upper * of, spread, None, parts)
    lower = max(0, came.lower * of - came.total * (of - low))
    upper = min(came.upper * of, came.total * high)
    return _Content(lower, upper, spread, came.total * high if low == high else None, parts)


def _as_parts(
    size: Fraction, least: Fraction, most: Fraction, likely: Fraction | None
) -> tuple[int, int, int | None, int]:
    """Give three amounts as parts of a size, and how many parts it has."""
    (whole, per), (low, below), (high, above) = (
        each.as_integer_ratio() for each in (size, least, most)
    )
    if likely is least is most:
        return low * per, low * per, low * per, whole * below
    guess, among = (0, 1) if likely is None else likely.as_integer_ratio()
    common = lcm(below, above, among)
    low, high, guess = (
        amount * per * (common // under)
        for amount, under in ((low, below), (high, above), (guess, among))
    )
    return low, high, None if likely is None else guess, whole * common


def _taken(plant: Plant, flow: Flow) -> tuple[Fraction | None, Fraction | None, Fraction | None]:
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
    went = _convert(plant, act.made.get(flow.target), used.unit)
    if made is None or went is None or made <= 0:
        return Fraction(0), given, None
    took = _total(plant, act.used, used.unit)
    if took is None:
        return Fraction(0), given, given * went / made
    # What got lost in the event is a part that went nowhere.
    parted = max(made, took)
    return max(Fraction(0), given + went - parted), min(given, went), given * went / parted


def _unit_of(plant: Plant, flow: Flow) -> str:
    if flow.amount.quantity is not None:
        return flow.amount.unit
    act = plant.acts.get(flow.event)
    used = act.used.get(flow.source) if act else None
    return used.unit if used else ""


def _size_in(plant: Plant, node: int, unit: str) -> Fraction | None:
    return _convert(plant, plant.sizes.get(node), unit)


def _in_unit(plant: Plant, flow: Flow, amount: Fraction | None, unit: str) -> Fraction | None:
    if amount is None or _unit_of(plant, flow) == unit:
        return amount
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
        return _fraction(amount.quantity)
    try:
        found = plant.convert(amount.quantity, amount.unit, unit)
    except InputRejected:
        return None
    return None if found is None else _fraction(found)


def _fraction(number: Decimal) -> Fraction:
    # Made of two whole numbers a fraction does not ask first what kind of number it was given.
    return Fraction(*number.as_integer_ratio())


def _sum(one: Fraction | None, other: Fraction | None) -> Fraction | None:
    return None if one is None or other is None else one + other


def _unknown(why: str, unit: str, whole: Fraction | None = None) -> Share:
    return Share(None, None, None, whole, unit, why)


def _text(value: Fraction | None, rounding: Context) -> str | None:
    if value is None:
        return None
    found = rounding.divide(Decimal(value.numerator), Decimal(value.denominator))
    return format(found.normalize(rounding) if found else Decimal(0), "f")
