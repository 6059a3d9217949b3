"""A compiled tree as one chain of calls, made once and run for every evaluation.

It must not know expression text or how the tree was checked. Every part is always evaluated, so
what a run costs besides the members of lists is known when the chain is made.
"""

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Context, Decimal
from typing import Any, Final, TypeAlias

from qtcore.engines.expressions.cost import MOST_STEPS
from qtcore.engines.expressions.functions import FUNCTIONS
from qtcore.engines.expressions.kinds import FactType, Value, exact_context, find_fault, reader_of
from qtcore.engines.expressions.node import Node
from qtcore.engines.expressions.operators import ARITHMETIC, EQUALITY, calculate, compare, negate

_ORDER: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_LISTS: Final = (list, tuple, set, frozenset)


@dataclass(frozen=True, slots=True)
class Unknown:
    """No value, because of these facts or rules, for these reasons."""

    names: tuple[str, ...]
    reasons: tuple[str, ...]


Outcome: TypeAlias = Value | Unknown


class OutOfSteps(Exception):
    """The budget is used up; nothing is answered, not even what seemed decided already."""


class Run:
    """One evaluation: what is known, and how many steps are left."""

    __slots__ = ("facts", "left", "rules")

    def __init__(
        self, facts: Mapping[str, object], rules: Mapping[str, bool | None], left: int
    ) -> None:
        self.facts = facts
        self.rules = rules
        self.left = left


Step: TypeAlias = Callable[[Run], Outcome]


class Plan:
    """How to evaluate one tree on facts of these kinds."""

    def __init__(self, node: Node, types: Mapping[str, FactType]) -> None:
        self._types = types
        self._context = exact_context()
        self._cost = 0
        self._step = self._plan(node)

    def run(self, facts: Mapping[str, object], rules: Mapping[str, bool | None]) -> Outcome:
        """Give the value, or why there is none; raises OutOfSteps."""
        left = MOST_STEPS - self._cost
        if left < 0:
            raise OutOfSteps
        return self._step(Run(facts, rules, left))

    def _plan(self, node: Node) -> Step:
        self._cost += 1
        op = node.op
        if op == "fact":
            return _fact(node.value, self._types[node.value])
        if op in _CONSTANTS:
            value = _CONSTANTS[op](node)
            return lambda _: value
        if op in ("present", "missing"):
            name = node.args[0].value
            return _presence(name, _fact(name, self._types[name]), asked=op == "present")
        if op == "rule":
            return _rule(node.value)
        steps = [self._plan(arg) for arg in node.args]
        if op in ("and", "or"):
            return _joined(steps, deciding=op == "or")
        if op == "not":
            return _negated(steps[0])
        return self._calculated(node, steps)

    def _calculated(self, node: Node, steps: list[Step]) -> Step:
        op, context = node.op, self._context
        if op in _ORDER:
            return _pair(steps, _ORDER[op])
        if op in EQUALITY or op in ("in", "not in"):
            return _pair(steps, lambda left, right: compare(op, left, right))
        if op == "chain":
            ops = node.value.split(",")
            return _applied(op, steps, lambda values: _chain(ops, values))
        if op in ARITHMETIC:
            return _arithmetic(op, steps, context)
        if op == "neg":
            return _applied(op, steps, lambda values: negate(values[0], context))
        apply = FUNCTIONS[op].apply
        return _applied(op, steps, lambda values: apply(context, values))


def _fact(name: str, wanted: FactType) -> Step:
    absent, read = Unknown((name,), (f"{name} has no value",)), reader_of(wanted)

    def step(run: Run) -> Outcome:
        raw = run.facts.get(name)
        if raw is None:
            return absent
        if isinstance(raw, _LISTS):
            run.left -= len(raw)
            if run.left < 0:
                raise OutOfSteps
        value = read(raw)
        if value is None:
            return Unknown((name,), (f"{name} {find_fault(raw, wanted)}",))
        return value

    return step


def _presence(name: str, fact: Step, *, asked: bool) -> Step:
    def step(run: Run) -> Outcome:
        if run.facts.get(name) is None:
            return not asked
        outcome = fact(run)
        # Something is there that cannot be used: neither present nor missing can be trusted.
        return outcome if outcome.__class__ is Unknown else asked

    return step


def _rule(name: str) -> Step:
    absent = Unknown((name,), (f"rule {name} has no outcome",))

    def step(run: Run) -> Outcome:
        passed = run.rules.get(name)
        return passed if isinstance(passed, bool) else absent

    return step


def _joined(steps: list[Step], *, deciding: bool) -> Step:
    def step(run: Run) -> Outcome:
        is_decided = False
        unknown: list[Unknown] = []
        for each in steps:
            outcome = each(run)
            if outcome is deciding:
                is_decided = True
            elif isinstance(outcome, Unknown):
                unknown.append(outcome)
        if is_decided:
            return deciding
        return _merge(unknown) if unknown else not deciding

    return step


def _negated(inner: Step) -> Step:
    def step(run: Run) -> Outcome:
        outcome = inner(run)
        return outcome if isinstance(outcome, Unknown) else not outcome

    return step


def _pair(steps: list[Step], holds: Callable[[Any, Any], bool]) -> Step:
    """Compare two values, which never fails; the commonest step of all."""
    first, second = steps

    def step(run: Run) -> Outcome:
        left, right = first(run), second(run)
        if left.__class__ is Unknown or right.__class__ is Unknown:
            return _merge([each for each in (left, right) if isinstance(each, Unknown)])
        return holds(left, right)

    return step


def _arithmetic(op: str, steps: list[Step], context: Context) -> Step:
    """Calculate; two numbers, of which no division by zero is asked, take the short way."""
    first, second = steps
    number = ARITHMETIC[op]

    def calculated(values: list[Any]) -> Value:
        return calculate(op, values[0], values[1], context)

    def step(run: Run) -> Outcome:
        left, right = first(run), second(run)
        if left.__class__ is right.__class__ is Decimal and right:
            return _calculate(op, number, (context, left, right))
        return _apply(op, [left, right], calculated)

    return step


def _applied(op: str, steps: list[Step], apply: Callable[[list[Any]], Value]) -> Step:
    def step(run: Run) -> Outcome:
        return _apply(op, [each(run) for each in steps], apply)

    return step


def _apply(op: str, values: list[Any], apply: Callable[[list[Any]], Value]) -> Outcome:
    unknown = [value for value in values if value.__class__ is Unknown]
    return _merge(unknown) if unknown else _calculate(op, apply, (values,))


def _calculate(op: str, apply: Callable[..., Value], values: tuple[Any, ...]) -> Outcome:
    try:
        return apply(*values)
    except ZeroDivisionError:
        return Unknown((), ("division by zero",))
    except (ArithmeticError, ValueError) as exc:
        said = str(exc) if type(exc) is ValueError else "the result is out of range"
        return Unknown((), (f"no value for '{op}': {said}",))


def _chain(ops: list[str], values: list[Any]) -> bool:
    pairs = zip(ops, values, values[1:], strict=False)
    return all(compare(op, left, right) for op, left, right in pairs)


def _listed(node: Node) -> Value:
    if node.args[0].op == "dec":
        return tuple(Decimal(arg.value) for arg in node.args)
    return tuple(arg.value for arg in node.args)


def _merge(unknown: list[Unknown]) -> Unknown:
    if len(unknown) == 1:
        return unknown[0]
    names = dict.fromkeys(name for each in unknown for name in each.names)
    reasons = dict.fromkeys(reason for each in unknown for reason in each.reasons)
    return Unknown(tuple(names), tuple(reasons))


_CONSTANTS: Final[Mapping[str, Callable[[Node], Value]]] = {
    "dec": lambda node: Decimal(node.value),
    "text": lambda node: node.value,
    "bool": lambda node: node.value == "true",
    "date": lambda node: date.fromisoformat(node.value),
    "list": _listed,
}
