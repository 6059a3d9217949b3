"""Evaluation of a compiled expression in three values: true, false, unknown.

It must not know expression text or how the tree was checked; it only follows the tree.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from types import MappingProxyType
from typing import Final, TypeAlias

from qtcore.engines.expressions.compiled import Compiled, Node
from qtcore.engines.expressions.cost import MOST_STEPS
from qtcore.engines.expressions.functions import FUNCTIONS
from qtcore.engines.expressions.kinds import FactType, Value, exact_context, find_fault, find_value
from qtcore.engines.expressions.operators import calculate, compare, negate

TOO_MANY_STEPS: Final = f"no answer within {MOST_STEPS} steps; shorten the lists"
NO_RULES: Final[Mapping[str, bool | None]] = MappingProxyType({})
_ARITHMETIC: Final = frozenset({"+", "-", "*", "/"})


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What came out: `value` is None when unknown. Numbers are Decimal.

    `unknown` names the facts and rules without which there is no answer, `reasons` say why, also
    when nothing was missing (a division by zero).
    """

    value: Value | None
    unknown: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()

    @property
    def is_met(self) -> bool:
        """Say whether a condition passes; unknown never does."""
        return self.value is True


@dataclass(frozen=True, slots=True)
class Unknown:
    """No value, because of these facts or rules, for these reasons."""

    names: tuple[str, ...]
    reasons: tuple[str, ...]


Outcome: TypeAlias = Value | Unknown


def evaluate(
    compiled: Compiled,
    facts: Mapping[str, object],
    rules: Mapping[str, bool | None] = NO_RULES,
) -> Evaluation:
    """Evaluate on `facts` and on the outcomes of other `rules`; never raises.

    A fact that is absent, None, or not usable as its declared kind is unknown.
    """
    return evaluate_node(compiled, compiled.node, facts=facts, rules=rules)


def evaluate_node(
    compiled: Compiled,
    node: Node,
    *,
    facts: Mapping[str, object],
    rules: Mapping[str, bool | None],
) -> Evaluation:
    """Evaluate one part of the tree of `compiled`."""
    try:
        outcome = _Evaluator(dict(compiled.fact_types), facts, rules).find_outcome(node)
    except _OutOfSteps:
        return Evaluation(None, (), (TOO_MANY_STEPS,))
    if isinstance(outcome, Unknown):
        return Evaluation(None, outcome.names, outcome.reasons)
    return Evaluation(outcome)


class _OutOfSteps(Exception):
    """The budget is used up; nothing is answered, not even what seemed decided already."""


class _Evaluator:
    """Follows a tree and counts its steps: each part of the tree, and each member of a list."""

    def __init__(
        self,
        types: Mapping[str, FactType],
        facts: Mapping[str, object],
        rules: Mapping[str, bool | None],
    ) -> None:
        self._types = types
        self._facts = facts
        self._rules = rules
        self._context = exact_context()
        self._left = MOST_STEPS

    def find_outcome(self, node: Node) -> Outcome:
        """Give the value of a node, or why there is none."""
        self._spend(1)
        step = _STEPS.get(node.op)
        return step(self, node) if step else self._calculated(node)

    def _spend(self, steps: int) -> None:
        self._left -= steps
        if self._left < 0:
            raise _OutOfSteps

    def _calculated(self, node: Node) -> Outcome:
        known: list[Value] = []
        unknown: list[Unknown] = []
        for arg in node.args:
            outcome = self.find_outcome(arg)
            if isinstance(outcome, Unknown):
                unknown.append(outcome)
            else:
                known.append(outcome)
        if unknown:
            return _merge(unknown)
        try:
            return self._apply(node, known)
        except ZeroDivisionError:
            return Unknown((), ("division by zero",))
        except (ArithmeticError, ValueError) as exc:
            said = str(exc) if type(exc) is ValueError else "the result is out of range"
            return Unknown((), (f"no value for '{node.op}': {said}",))

    def _apply(self, node: Node, values: list[Value]) -> Value:
        if node.op in _ARITHMETIC:
            return calculate(node.op, values[0], values[1], self._context)
        if node.op == "chain":
            pairs = zip(node.value.split(","), values, values[1:], strict=False)
            return all(compare(op, left, right) for op, left, right in pairs)
        if node.op == "neg":
            return negate(values[0], self._context)
        if node.op in FUNCTIONS:
            return FUNCTIONS[node.op].apply(self._context, values)
        return compare(node.op, values[0], values[1])

    def _fact(self, node: Node) -> Outcome:
        raw = self._facts.get(node.value)
        if raw is None:
            return Unknown((node.value,), (f"{node.value} has no value",))
        wanted = self._types[node.value]
        if isinstance(raw, list | tuple | set | frozenset):
            self._spend(len(raw))
        value = find_value(raw, wanted)
        if value is None:
            return Unknown((node.value,), (f"{node.value} {find_fault(raw, wanted)}",))
        return value

    def _rule(self, node: Node) -> Outcome:
        passed = self._rules.get(node.value)
        if not isinstance(passed, bool):
            return Unknown((node.value,), (f"rule {node.value} has no outcome",))
        return passed

    def _presence(self, node: Node) -> Outcome:
        name = node.args[0].value
        if self._facts.get(name) is None:
            return node.op == "missing"
        outcome = self._fact(node.args[0])
        # Something is there that cannot be used: neither present nor missing can be trusted.
        return outcome if isinstance(outcome, Unknown) else node.op == "present"

    def _joined(self, node: Node) -> Outcome:
        deciding = node.op == "or"
        outcomes = [self.find_outcome(arg) for arg in node.args]
        if any(outcome is deciding for outcome in outcomes):
            return deciding
        unknown = [outcome for outcome in outcomes if isinstance(outcome, Unknown)]
        return _merge(unknown) if unknown else not deciding

    def _negated(self, node: Node) -> Outcome:
        outcome = self.find_outcome(node.args[0])
        return outcome if isinstance(outcome, Unknown) else not outcome

    def _listed(self, node: Node) -> Outcome:
        if node.args[0].op == "dec":
            return tuple(Decimal(arg.value) for arg in node.args)
        return tuple(arg.value for arg in node.args)


def _merge(unknown: list[Unknown]) -> Unknown:
    names = dict.fromkeys(name for each in unknown for name in each.names)
    reasons = dict.fromkeys(reason for each in unknown for reason in each.reasons)
    return Unknown(tuple(names), tuple(reasons))


_STEPS: Final[Mapping[str, Callable[[_Evaluator, Node], Outcome]]] = {
    "dec": lambda _, node: Decimal(node.value),
    "text": lambda _, node: node.value,
    "bool": lambda _, node: node.value == "true",
    "date": lambda _, node: date.fromisoformat(node.value),
    "list": _Evaluator._listed,
    "fact": _Evaluator._fact,
    "rule": _Evaluator._rule,
    "present": _Evaluator._presence,
    "missing": _Evaluator._presence,
    "and": _Evaluator._joined,
    "or": _Evaluator._joined,
    "not": _Evaluator._negated,
}
