"""How much of one lot is in another: a lower and an upper bound, exact where records are.

It must not know the database. Nobody mixes or cuts a lot in a known way, so where a mixed lot is
divided the bounds allow every way; `likely` is the amount if each lot is evenly mixed.

What an event made weighs more or less than what was recorded as used: then something came in that
nobody recorded, or something got lost, and nobody knows of what. The bounds allow every way of
that, too. Only what came of one source alone is taken to be alike throughout.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from fractions import Fraction
from math import gcd, lcm
from typing import Any, Final, NamedTuple

from qtcore.engines.shares.flows import (
    Amount,
    Flow,
    Plant,
    convert,
    joined,
    lost_in,
    taken,
    unit_of,
)

_DOWN: Final = Context(prec=28, rounding=ROUND_FLOOR)
_UP: Final = Context(prec=28, rounding=ROUND_CEILING)
_CIRCLE: Final = "the records say that a lot comes from itself"


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
    """How much of the sources is in a node: `lost` of it at most weighs nothing there any more.

    `lost` is None where weights cannot be compared. All four are whole numbers of `1 / parts`: a
    bound is exact, and adding whole numbers is many times faster than adding fractions, each of
    which looks for its own smallest form. `is_pure` says that it came of one source alone.
    """

    lower: int
    upper: int
    likely: int | None
    lost: int | None
    parts: int
    is_pure: bool = False


_NOTHING: Final = _Content(0, 0, 0, 0, 1)


class _Whole(NamedTuple):
    """How much there was of all sources together."""

    amount: Fraction
    unit: str


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
    known = {source: convert(plant, plant.sizes.get(source), unit) for source in sources}
    whole = _Whole(sum((size for size in known.values() if size), Fraction(0)), unit)
    into: dict[int, list[Flow]] = defaultdict(list)
    for flow in plant.flows:
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
    return _Content(amount, amount, amount, 0, parts, is_pure=True)


def _shown(found: _Content, whole: _Whole) -> Share:
    lower, upper = Fraction(found.lower, found.parts), Fraction(found.upper, found.parts)
    likely = None if found.likely is None else Fraction(found.likely, found.parts)
    return Share(lower, lower if found.lower == found.upper else upper, likely, *whole)


def _of_source(size: Fraction | None, unit: str) -> Share:
    if size is None:
        return _unknown("nobody recorded how much there was of it", unit)
    if size <= 0:
        said = "zero" if size == 0 else "less than zero"
        return _unknown(f"the quantity recorded of it is {said}", unit)
    return Share(size, size, size, size, unit)


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
    lost: int | None = 0
    for flow in joined(flows):
        came = contents.get(flow.source)
        part = _NOTHING if came is None else _part(plant, flow, came, whole.unit)
        common = lcm(parts, part.parts)
        here, there, parts = common // parts, common // part.parts, common
        most *= here
        lower, upper = lower * here + part.lower * there, upper * here + part.upper * there
        likely = _added(likely, here, part.likely, there)
        lost = _added(lost, here, part.lost, there)
    lower, upper = min(lower, most), min(upper, most)
    shared = gcd(lower, upper, likely or 0, lost or 0, parts)
    mixed = _Content(
        lower // shared,
        upper // shared,
        None if likely is None else likely // shared,
        None if lost is None else lost // shared,
        parts // shared,
        is_pure=_is_pure(plant, flows, contents),
    )
    return mixed if mixed.is_pure else _lighter(mixed, lost_in(plant, flows, whole.unit))


def _is_pure(plant: Plant, flows: Sequence[Flow], contents: Mapping[int, _Content]) -> bool:
    """Say whether all of a node came of one source, which is pure, and of nothing else."""
    came = contents.get(flows[0].source)
    if came is None or not came.is_pure or any(f.source != flows[0].source for f in flows):
        return False
    return plant.brought.get(flows[0].target, {}).keys() <= {flow.event for flow in flows}


def _lighter(mixed: _Content, lost: Fraction | None) -> _Content:
    """Say that some of a mixture may have got lost while it was made; nobody knows of what."""
    lower, upper, likely, before, parts, _ = mixed
    if lost is None or before is None:
        return mixed._replace(lost=None)
    if not lost:
        return mixed
    amount, per = lost.as_integer_ratio()
    return _Content(
        lower * per,
        upper * per,
        None if likely is None else likely * per,
        before * per + amount * parts,
        parts * per,
    )


def _added(one: int | None, here: int, other: int | None, there: int) -> int | None:
    return None if one is None or other is None else one * here + other * there


def _part(plant: Plant, flow: Flow, came: _Content, unit: str) -> _Content:
    """Say what one link brings: a stretch of how much of its source, and what that held."""
    least, most, likely = taken(plant, flow)
    own = unit_of(plant, flow)
    size = convert(plant, plant.sizes.get(flow.source), own)
    if most is None or size is None or size.numerator <= 0:
        return _Content(0, came.upper, None, None, came.parts)
    low, high, guess, of = _as_parts(size, least or Fraction(0), most, likely)
    low, high = min(low, of), min(high, of)
    whole = size if own == unit else convert(plant, plant.sizes.get(flow.source), unit)
    weight, per = (0, 1) if whole is None else whole.as_integer_ratio()
    weight, scale = weight * came.parts, of * per
    parts = came.parts * scale
    spread = None if guess is None or came.likely is None else came.likely * guess * per
    if came.is_pure:
        lower, upper = came.lower * low * per, came.upper * high * per
        lost = None if whole is None else max(0, upper - weight * high)
        return _Content(lower, upper, spread, lost, parts)
    lower, upper = came.lower * scale, came.upper * scale
    lost = None if came.lost is None or whole is None else came.lost * scale
    if low == of:
        return _Content(lower, upper, spread, lost, parts)
    if lost is None:
        return _Content(0, upper, spread, None, parts)
    # What is taken, and what is left, hold their own weight and what weighs nothing any more.
    left = weight * (of - low) + lost
    return _Content(max(0, lower - left), min(upper, weight * high + lost), spread, lost, parts)


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


def _unknown(why: str, unit: str, whole: Fraction | None = None) -> Share:
    return Share(None, None, None, whole, unit, why)


def _text(value: Fraction | None, rounding: Context) -> str | None:
    if value is None:
        return None
    found = rounding.divide(Decimal(value.numerator), Decimal(value.denominator))
    return format(found.normalize(rounding) if found else Decimal(0), "f")
