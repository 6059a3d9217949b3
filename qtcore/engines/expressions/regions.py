"""The values that one fact may still have: a list of members, or an interval with holes.

It must not know trees or facts by name. A region may hold more than is possible, never less.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any, Final

from qtcore.engines.expressions.kinds import FactType, Kind, Value
from qtcore.engines.expressions.operators import compare

_MOST_SAMPLES: Final = 12
_MOST_TRIES: Final = 200
_WHOLE: Final = frozenset({"integer", "date"})


@dataclass(frozen=True, slots=True)
class Bound:
    """One end of an interval; an open end is not part of it."""

    value: Any
    is_open: bool = False


@dataclass(frozen=True, slots=True)
class Region:
    """What is left of a kind: `members` when they are listed, else all between the bounds."""

    kind: Kind
    members: tuple[Value, ...] | None = None
    low: Bound | None = None
    high: Bound | None = None
    holes: frozenset[Value] = frozenset()

    def limit(self, op: str, value: Any) -> "Region":
        """Keep what compares true with a value; an operator that cannot narrow changes nothing."""
        if self.members is not None:
            return replace(self, members=tuple(m for m in self.members if compare(op, m, value)))
        if op in {"==", "in"}:
            wanted = value if op == "in" else (value,)
            return replace(self, members=tuple(dict.fromkeys(v for v in wanted if self.has(v))))
        if op in {"!=", "not in"}:
            gone = value if op == "not in" else (value,)
            return replace(self, holes=self.holes | frozenset(gone))
        bound = self._whole(Bound(value, op in {"<", ">"}), is_low=op in {">", ">="})
        if bound is None:
            return replace(self, members=())
        return self._tighten(bound, is_low=op in {">", ">="})

    def has(self, value: Any) -> bool:
        """Say whether a value is part of the region."""
        if self.members is not None:
            return value in self.members
        if value in self.holes or (self.kind == "integer" and value != value.to_integral_value()):
            return False
        return _is_above(value, self.low) and _is_below(value, self.high)

    @property
    def is_empty(self) -> bool:
        """Say whether surely no value is left."""
        if self.members is not None:
            return not self.members
        if self.low is None or self.high is None:
            return False
        if self.low.value > self.high.value:
            return True
        if self.kind in _WHOLE:
            inside = sum(1 for hole in self.holes if replace(self, holes=frozenset()).has(hole))
            return _count_whole(self.low.value, self.high.value) <= inside
        is_point = self.low.value == self.high.value
        return is_point and (self.low.is_open or self.high.is_open or self.low.value in self.holes)

    def samples(self) -> Iterator[Value]:
        """Give some of the values, the plainest first."""
        found: dict[Value, None] = {}
        for tries, value in enumerate(self._candidates()):
            if len(found) >= _MOST_SAMPLES or tries >= _MOST_TRIES:
                break
            if value not in found and self.has(value):
                found[value] = None
                yield value

    def _tighten(self, bound: Bound, *, is_low: bool) -> "Region":
        held = self.low if is_low else self.high
        if held is not None:
            is_wider = bound.value < held.value if is_low else bound.value > held.value
            is_same = bound.value == held.value
            if is_wider or (is_same and held.is_open):
                return self
        return replace(self, low=bound) if is_low else replace(self, high=bound)

    def _whole(self, bound: Bound, *, is_low: bool) -> Bound | None:
        """Close a bound of whole numbers or days; None when nothing lies behind it."""
        if self.kind not in _WHOLE:
            return bound
        step = 1 if is_low else -1
        if self.kind == "date":
            if not bound.is_open:
                return bound
            if bound.value == (date.max if is_low else date.min):
                return None
            return Bound(bound.value + timedelta(days=step))
        rounding = ROUND_CEILING if is_low else ROUND_FLOOR
        # Whole numbers of Python: no context of decimals may round a bound to the wrong side.
        whole = int(bound.value.to_integral_value(rounding=rounding))
        is_moved = bound.is_open and whole == bound.value
        return Bound(Decimal(whole + step if is_moved else whole))

    def _candidates(self) -> Iterator[Any]:
        if self.members is not None:
            yield from self.members
            return
        if self.kind in {"text_list", "decimal_list"}:
            yield ()
            return
        if self.kind == "text":
            yield from ("a", *(f"a{number}" for number in range(_MOST_TRIES)))
            return
        yield from self._points()

    def _points(self) -> Iterator[Any]:
        ends = [bound.value for bound in (self.low, self.high) if bound is not None]
        origin = _ORIGIN[self.kind]
        steps = _STEPS[self.kind]
        yield from ends
        yield origin
        if len(ends) == 2:
            middle = ends[0] + (ends[1] - ends[0]) / 2
            yield middle.to_integral_value() if self.kind == "integer" else middle
        for number in range(1, _MOST_TRIES):
            for step in steps:
                for start in (*ends, origin):
                    yield from _around(start, step * number)


def region_of(kind: FactType) -> Region:
    """Give all values of a kind."""
    if kind.kind == "boolean":
        return Region("boolean", members=(True, False))
    if kind.kind == "text" and kind.values:
        return Region("text", members=kind.values)
    if kind.kind == "date":
        return Region("date", low=Bound(date.min), high=Bound(date.max))
    return Region(kind.kind)


_ORIGIN: Final[dict[str, Any]] = {
    "integer": Decimal(0),
    "decimal": Decimal(0),
    "date": date(2026, 1, 1),
    "datetime": datetime(2026, 1, 1, tzinfo=UTC),
    "duration": timedelta(0),
}
_STEPS: Final[dict[str, tuple[Any, ...]]] = {
    "integer": (Decimal(1),),
    "decimal": (Decimal(1), Decimal("0.01")),
    "date": (timedelta(days=1),),
    "datetime": (timedelta(days=1), timedelta(seconds=1)),
    "duration": (timedelta(days=1), timedelta(seconds=1)),
}


def _around(start: Any, width: Any) -> Iterator[Any]:
    for moved in (1, -1):
        with suppress(OverflowError):
            yield start + moved * width


def _is_above(value: Any, low: Bound | None) -> bool:
    return low is None or (value > low.value if low.is_open else value >= low.value)


def _is_below(value: Any, high: Bound | None) -> bool:
    return high is None or (value < high.value if high.is_open else value <= high.value)


def _count_whole(low: Any, high: Any) -> int:
    between = (high - low).days if isinstance(low, date) else int(high) - int(low)
    return int(between) + 1
