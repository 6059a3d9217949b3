"""Units of numbers: operands brought to one unit by declared factors, or the words why not.

It must not know text, trees of Python or facts. Everything is settled when an expression is
checked: what remains in the compiled tree is a multiplication by an exact factor.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from qtcore.engines.expressions.kinds import FactType, Unit
from qtcore.engines.expressions.literals import Typed
from qtcore.engines.expressions.node import Node

_ONE: Final = Decimal(1)


def find_units(operands: Sequence[Typed]) -> tuple[Unit, ...]:
    """List the different units among the operands, in their order."""
    return tuple(dict.fromkeys(each.type.unit for each in operands if each.type.unit))


def align(operands: Sequence[Typed]) -> tuple[tuple[Typed, ...], str]:
    """Bring numbers to one unit, or say why they do not go together.

    A plain number beside one unit counts in that unit. Different units of one dimension are all
    turned into its base; then a plain number says too little.
    """
    units = find_units(operands)
    if len(units) < 2:
        unit = units[0] if units else None
        return tuple(Typed(each.node, each.type.counted_in(unit)) for each in operands), ""
    first = units[0]
    for other in units[1:]:
        if other.dimension != first.dimension:
            return (), f"no declared factor leads from {other.code} to {first.code}"
    for each in operands:
        if each.type.unit is None:
            return (), (
                f"a plain number beside {first.code} and {units[1].code} says too little; "
                f"write quantity(number, '{first.code}')"
            )
        if each.type.kind.endswith("_list"):
            return (), f"a list in {each.type.unit.code} does not convert to {first.code}"
    return tuple(_in_base(each) for each in operands), ""


def scale(typed: Typed, factor: Decimal, found: FactType) -> Typed:
    """Multiply by an exact factor; a factor of one leaves the part as it is."""
    if factor == _ONE:
        return Typed(typed.node, found)
    by = Node("dec", value=format(factor.normalize(), "f"))
    return Typed(Node("*", (typed.node, by)), found)


def divide(typed: Typed, factor: Decimal, found: FactType) -> Typed:
    """Divide by a factor, which may have no exact inverse."""
    if factor == _ONE:
        return Typed(typed.node, found)
    by = Node("dec", value=format(factor.normalize(), "f"))
    return Typed(Node("/", (typed.node, by)), found)


def find_product_unit(op: str, left: FactType, right: FactType) -> tuple[Unit | None, str]:
    """Give the unit of a product or quotient of aligned parts, or the words why there is none."""
    if left.unit is None and right.unit is None:
        return None, ""
    if op == "*" and (left.unit is None or right.unit is None):
        return left.unit or right.unit, ""
    if op == "/" and right.unit is None:
        return left.unit, ""
    if op == "/" and left.unit is not None:
        return None, ""
    between = f"{left.unit.code if left.unit else 'a plain number'} {op} "
    said = f"{between}{right.unit.code if right.unit else 'a plain number'}"
    return None, f"{said} gives a unit that is not declared; take in_unit(...) of one side"


def _in_base(typed: Typed) -> Typed:
    unit = typed.type.unit
    if unit is None:
        return typed
    codes = [name for name, factor in unit.spellings if factor == _ONE]
    base = Unit(codes[0] if codes else unit.dimension, unit.dimension, _ONE, unit.spellings)
    kind = FactType("decimal", unit=base)
    return scale(typed, unit.factor, kind)
