"""The mass balance of one lot: what came, what went, what is there, what nobody can account for.

It must not know lots, events or where unit factors come from. The identity, exact in one unit:

    received + produced + returned + adjusted
        = consumed + shipped + scrapped + sampled + on_hand + unaccounted

Every quantity is positive as it was recorded; only `adjusted` carries a sign (plus: found, minus:
lost). `on_hand` is what was counted; without a count it is computed, and then nothing is
unaccounted. A movement that cannot be counted is a named problem, never a guess.
"""

from collections.abc import Callable, Iterable, Mapping
from decimal import Context, Decimal, Inexact, InvalidOperation, Overflow, localcontext
from functools import lru_cache, wraps
from typing import Final, NamedTuple, ParamSpec, TypeVar

from qtcore.errors import Fault, InputRejected

Convert = Callable[[Decimal, str, str], Decimal | None]
"""Quantity, its unit, the wanted unit -> quantity, or None (or InputRejected) when no factor is
declared between the two."""

_P = ParamSpec("_P")
_R = TypeVar("_R")

INCOMING: Final = ("received", "produced", "returned", "adjusted")
OUTGOING: Final = ("consumed", "shipped", "scrapped", "sampled")
KINDS: Final = INCOMING + OUTGOING
NEUTRAL: Final = ("moved_in", "moved_out", "observed")
"""Kinds that change a place, not the amount: accepted and left out of the sums."""

_ZERO: Final = Decimal(0)

_MOST_PLACES: Final = 60
_MOST_DIGITS: Final = 200  # both sides of the point, and room for any number of movements
# A sum that would round raises instead: a balance is exact or it is a problem.
_ALL_DIGITS: Final = Context(prec=_MOST_DIGITS)
_EXACT: Final = Context(prec=_MOST_DIGITS, traps=[Inexact, InvalidOperation, Overflow])


class Movement(NamedTuple):
    """One quantity that moved; `quantity` is None when nobody recorded how much.

    `where` names the line it comes from (an event id) and is given back with a problem.
    """

    kind: str
    quantity: Decimal | None
    unit: str
    where: str = ""


class Balance(NamedTuple):
    """The sums per kind in `unit`. With `problems` the sums lack what the problems name.

    `sums` has what moved, and `of` gives the sum of any kind: most lots moved in one way or two.
    """

    sums: Mapping[str, Decimal]
    on_hand: Decimal
    unaccounted: Decimal
    unit: str
    problems: tuple[Fault, ...] = ()

    def of(self, kind: str) -> Decimal:
        """Give the sum of a kind."""
        return self.sums.get(kind, _ZERO)

    @property
    def is_complete(self) -> bool:
        """Say whether every movement could be counted."""
        return not self.problems

    @property
    def is_closed(self) -> bool:
        """Say whether everything is counted and nothing is unaccounted for."""
        return self.is_complete and self.unaccounted == 0

    def as_json(self) -> dict[str, object]:
        """Give the shape of the API: quantities as text with the digits kept."""
        shown: dict[str, object] = dict.fromkeys(KINDS, "0")
        for kind, amount in self.sums.items():
            shown[kind] = decimal_text(amount)
        shown["on_hand"] = decimal_text(self.on_hand)
        shown["unaccounted"] = decimal_text(self.unaccounted)
        shown["unit"] = self.unit
        shown["is_complete"] = self.is_complete
        shown["problems"] = [problem.as_json() for problem in self.problems]
        return shown


def exactly(act: Callable[_P, _R]) -> Callable[_P, _R]:
    """Let a function add quantities with all their digits, and not with the first 28 of the sum."""

    @wraps(act)
    def with_all_digits(*args: _P.args, **named: _P.kwargs) -> _R:
        with localcontext(_ALL_DIGITS):
            return act(*args, **named)

    return with_all_digits


def balance(
    movements: Iterable[Movement],
    convert: Convert,
    *,
    unit: str = "",
    counted: Decimal | None = None,
) -> Balance:
    """Add up the movements in `unit` (default: the unit of the first one that has a quantity).

    `counted` is what a stock count found, in `unit`; the difference becomes `unaccounted`, which is
    negative when more is there than the records explain.
    """
    listed = tuple(movements)
    if not listed and counted is None:
        return _nothing(unit)
    unit = unit or next((m.unit for m in listed if m.quantity is not None and m.unit), "")
    sums: dict[str, Decimal] = {}
    problems: list[Fault] = []
    for movement in listed:
        if movement.kind in NEUTRAL:
            continue
        amount = _find_amount(movement, unit, convert)
        if isinstance(amount, Fault):
            problems.append(amount)
        elif _is_too_long(amount):
            problems.append(_fault("QT495", movement, "has more digits than can be added exactly"))
        else:
            sums[movement.kind] = _EXACT.add(sums.get(movement.kind, _ZERO), amount)
    return balance_sums(sums, unit, counted=counted, problems=problems)


def counts_as_it_is(kind: str, quantity: Decimal) -> bool:
    """Say whether `balance` adds a quantity of its own unit without asking any further."""
    return (
        quantity.is_finite()
        and (quantity >= 0 or kind == "adjusted")
        and not _is_too_long(quantity)
    )


def balance_sums(
    sums: Mapping[str, Decimal],
    unit: str,
    *,
    counted: Decimal | None = None,
    problems: Iterable[Fault] = (),
) -> Balance:
    """Balance what is added up by kind already; `problems` name what the sums lack."""
    came = went = _ZERO
    for kind, amount in sums.items():
        if kind in INCOMING:
            came = amount if came is _ZERO else _EXACT.add(came, amount)
        else:
            went = amount if went is _ZERO else _EXACT.add(went, amount)
    left = came if went is _ZERO else _EXACT.subtract(came, went)
    on_hand = left if counted is None else counted
    if on_hand < 0:
        problems = (*problems, _negative(on_hand, unit, came, went))
    return Balance(sums, on_hand, _EXACT.subtract(left, on_hand), unit, tuple(problems))


@lru_cache(maxsize=256)
def _nothing(unit: str) -> Balance:
    """Give the balance of what never moved."""
    return balance_sums({}, unit)


def _find_amount(movement: Movement, unit: str, convert: Convert) -> Decimal | Fault:
    quantity = movement.quantity
    if movement.kind not in KINDS:
        return _fault("QT493", movement, f"is of no known kind; accepted: {', '.join(KINDS)}")
    if quantity is None:
        return _fault("QT491", movement, "has no quantity; record how much it was")
    if not quantity.is_finite():
        return _fault("QT491", movement, "is not an exact decimal number; give a decimal")
    if quantity < 0 and movement.kind != "adjusted":
        return _fault("QT492", movement, "is negative; only an adjustment may be, give how much")
    if movement.unit == unit:
        return quantity
    return _converted(movement, quantity, unit, convert)


def _converted(
    movement: Movement, quantity: Decimal, unit: str, convert: Convert
) -> Decimal | Fault:
    try:
        amount = convert(quantity, movement.unit, unit)
    except InputRejected as rejected:
        return _fault("QT490", movement, f"cannot be counted in {unit!r}: {rejected.message}")
    if amount is None:
        text = f"cannot be counted in {unit!r}; declare a factor from {movement.unit!r} to {unit!r}"
        return _fault("QT490", movement, text)
    return amount


def _fault(code: str, movement: Movement, words: str) -> Fault:
    amount = "without quantity" if movement.quantity is None else format(movement.quantity, "f")
    return Fault(
        code, f"{movement.kind} {amount} {movement.unit}".rstrip() + f" {words}", movement.where
    )


def _is_too_long(amount: Decimal) -> bool:
    text = str(amount)
    if len(text) <= _MOST_PLACES and "E" not in text:
        return False
    exponent = amount.as_tuple().exponent
    return (
        not isinstance(exponent, int)
        or exponent < -_MOST_PLACES
        or amount.adjusted() > _MOST_PLACES
    )


def _negative(on_hand: Decimal, unit: str, came: Decimal, went: Decimal) -> Fault:
    text = (
        f"on hand is {decimal_text(on_hand)} {unit}: {decimal_text(went)} went out of "
        f"{decimal_text(came)} that came in; find the movement that was not recorded, or recorded "
        "twice"
    )
    return Fault("QT494", text)


def decimal_text(value: Decimal) -> str:
    """Write a decimal as it was typed: ``1E-12`` becomes ``0.000000000001``."""
    text = str(value)  # three times as fast, and the same wherever there is no exponent
    return format(value, "f") if "E" in text else text
