"""Random ways a plant can have worked, grain by grain, and what of each was recorded.

It must not use the engine it is compared with. Every grain has an origin, how much of it was used,
and what it weighs now: grains dry, water comes in, lots are divided to the advantage of a side.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from hypothesis import strategies as st

from qtcore.engines.shares import Act, Amount, Flow, Plant

SEED = 0
WATER = -1
WAYS = ("first", "last", "evenly")
"""Whether what came of the seed goes first, last, or with all the rest."""


class Grain(NamedTuple):
    """Something of one origin: how much of that was used, and what it weighs."""

    origin: int
    used: Fraction
    weight: Fraction


@dataclass
class Lot:
    """What there is of a lot, what it weighed, and the lots it was made of."""

    grains: list[Grain]
    size: int
    left: int
    is_pure: bool = False
    brought: dict[str, int] = field(default_factory=dict)
    sources: set[int] = field(default_factory=set)
    held: Fraction = Fraction(0)


@dataclass
class History:
    """What happened, and what was recorded of it."""

    lots: dict[int, Lot] = field(default_factory=dict)
    flows: list[Flow] = field(default_factory=list)
    acts: dict[str, Act] = field(default_factory=dict)

    def plant(self) -> Plant:
        return Plant(
            sizes={name: kg(lot.size) for name, lot in self.lots.items()},
            brought={
                name: {event: kg(amount) for event, amount in lot.brought.items()}
                for name, lot in self.lots.items()
            },
            flows=self.flows,
            acts=self.acts,
            convert=lambda quantity, given, wanted: quantity,
            inside=set(self.lots),
        )


def kg(amount: int) -> Amount:
    return Amount(Decimal(amount), "kg")


def held(grains: Iterable[Grain]) -> Fraction:
    return sum((grain.used for grain in grains if grain.origin == SEED), Fraction(0))


def divide(grains: Sequence[Grain], weight: int, way: str) -> tuple[list[Grain], list[Grain]]:
    """Take a weight out of grains; gives what is taken and what is left."""
    whole = sum((grain.weight for grain in grains), Fraction(0))
    if weight >= whole:
        return list(grains), []
    if way == "evenly":
        part = weight / whole
        return (
            [Grain(o, used * part, heavy * part) for o, used, heavy in grains],
            [Grain(o, used * (1 - part), heavy * (1 - part)) for o, used, heavy in grains],
        )
    taken, left, wanted = [], [], Fraction(weight)
    for grain in _in_turn(grains, way):
        part = Fraction(1) if grain.weight <= wanted and wanted else Fraction(0)
        if grain.weight and not part:
            part = wanted / grain.weight
        origin, used, heavy = grain
        taken.append(Grain(origin, used * part, heavy * part))
        left.append(Grain(origin, used * (1 - part), heavy * (1 - part)))
        wanted -= heavy * part
    return [g for g in taken if g.used or g.weight], [g for g in left if g.used or g.weight]


def _in_turn(grains: Sequence[Grain], way: str) -> list[Grain]:
    """Order grains by how much of the seed a weight of them holds."""

    def richness(grain: Grain) -> tuple[bool, Fraction]:
        if grain.origin != SEED:
            return False, Fraction(0)
        return True, grain.used / grain.weight if grain.weight else Fraction(10**9)

    return sorted(grains, key=richness, reverse=way == "first")


def weigh(grains: Sequence[Grain], weight: int, way: str) -> list[Grain]:
    """Let grains dry, or water come in, until they weigh that much."""
    whole = sum((grain.weight for grain in grains), Fraction(0))
    if weight >= whole:
        return [*grains, Grain(WATER, Fraction(0), weight - whole)]
    gone, dried = whole - weight, []
    for grain in _in_turn(grains, way):
        less = grain.weight * (1 - weight / whole) if way == "evenly" else min(grain.weight, gone)
        gone -= less
        dried.append(grain._replace(weight=grain.weight - less))
    return dried


def alike(grains: Iterable[Grain]) -> list[Grain]:
    """Mix what came of one source alone: it is taken to be alike throughout."""
    listed = list(grains)
    return [Grain(SEED, held(listed), sum((g.weight for g in listed), Fraction(0)))]


@st.composite
def histories(draw: st.DrawFn) -> History:
    """Draw a plant of three received lots, and what was made of them."""
    found = History()
    for name, size in enumerate(draw(st.lists(st.integers(1, 30), min_size=3, max_size=3))):
        grain = Grain(name, Fraction(size), Fraction(size))
        found.lots[name] = Lot([grain], size, size, name == SEED, {"came": size})
        found.lots[name].held = held([grain])
    for number in range(draw(st.integers(1, 5))):
        _make(draw, found, f"e{number}")
    return found


def _make(draw: st.DrawFn, history: History, event: str) -> None:
    lots = history.lots
    pool = [name for name, lot in lots.items() if lot.left]
    if not pool:
        return
    names = draw(st.lists(st.sampled_from(pool), min_size=1, max_size=2, unique=True))
    amounts = [draw(st.integers(1, lots[name].left)) for name in names]
    mixed: list[Grain] = []
    parts: list[list[Grain]] = []
    for name, amount in zip(names, amounts, strict=True):
        lot = lots[name]
        taken, lot.grains = divide(lot.grains, amount, _way(draw, lot))
        lot.left -= amount
        parts.append(taken)
        mixed += taken
    fresh = [max(lots) + 1, max(lots) + 2][: draw(st.integers(1, 2))]
    unused = [n for n, lot in lots.items() if n > 2 and lot.left == lot.size and n not in names]
    if len(fresh) == 1 and unused and draw(st.booleans()):
        fresh = [draw(st.sampled_from(unused))]
    if len(fresh) == 2 and draw(st.booleans()):
        _allocated(draw, history, event, (names, amounts, parts, fresh))
    else:
        _told_together(draw, history, event, (names, amounts, mixed, fresh))


def _way(draw: st.DrawFn, lot: Lot) -> str:
    return "evenly" if lot.is_pure else draw(st.sampled_from(WAYS))


def _told_together(
    draw: st.DrawFn,
    history: History,
    event: str,
    told: tuple[list[int], list[int], list[Grain], list[int]],
) -> None:
    """Record what was used and what was made, and not what went into what."""
    names, amounts, mixed, fresh = told
    total = draw(st.integers(len(fresh), max(len(fresh), 2 * sum(amounts))))
    rest = weigh(mixed, total, draw(st.sampled_from(WAYS)))
    first = total if len(fresh) == 1 else draw(st.integers(1, total - 1))
    one, other = divide(rest, first, draw(st.sampled_from(WAYS)))
    made = dict(zip(fresh, ((first, one), (total - first, other)), strict=False))
    history.acts[event] = Act(
        {name: kg(amount) for name, amount in zip(names, amounts, strict=True)},
        {name: kg(size) for name, (size, _) in made.items()},
    )
    for target, (size, grains) in made.items():
        for name, amount in zip(names, amounts, strict=True):
            sure = kg(amount) if len(fresh) == 1 else Amount(None, "")
            history.flows.append(Flow(name, target, event, sure))
        _bring(history, event, (target, size, grains), names)


def _allocated(
    draw: st.DrawFn,
    history: History,
    event: str,
    told: tuple[list[int], list[int], list[list[Grain]], list[int]],
) -> None:
    """Record how much of each went into each; what came out of it was weighed as well."""
    names, amounts, parts, fresh = told
    went: dict[int, list[tuple[int, int]]] = {target: [] for target in fresh}
    into: dict[int, list[Grain]] = {target: [] for target in fresh}
    for name, amount, grains in zip(names, amounts, parts, strict=True):
        first = draw(st.integers(0, amount))
        pair = divide(grains, first, _way(draw, history.lots[name]))
        for target, size, some in zip(fresh, (first, amount - first), pair, strict=True):
            if size:
                went[target].append((name, size))
                into[target] += some
    for target in fresh:
        amount = sum(size for _, size in went[target])
        if not amount:
            continue
        weight = draw(st.integers(1, 2 * amount))
        grains = weigh(into[target], weight, draw(st.sampled_from(WAYS)))
        history.flows += [Flow(name, target, event, kg(size)) for name, size in went[target]]
        _bring(history, event, (target, weight, grains), [name for name, _ in went[target]])


def _bring(
    history: History, event: str, made: tuple[int, int, list[Grain]], names: Sequence[int]
) -> None:
    target, size, grains = made
    lot = history.lots.setdefault(target, Lot([], 0, 0))
    lot.size += size
    lot.left += size
    lot.grains += grains
    lot.brought[event] = lot.brought.get(event, 0) + size
    lot.sources.update(names)
    lot.held = held(lot.grains)
    lot.is_pure = len(lot.sources) == 1 and history.lots[next(iter(lot.sources))].is_pure
    if lot.is_pure:
        lot.grains = alike(lot.grains)
