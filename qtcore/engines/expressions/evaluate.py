"""Evaluation of a compiled expression in three values: true, false, unknown.

It must not know expression text or how the tree was checked; it only follows the tree.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from qtcore.engines.expressions.compiled import Compiled
from qtcore.engines.expressions.cost import MOST_STEPS
from qtcore.engines.expressions.kinds import Value
from qtcore.engines.expressions.node import Node
from qtcore.engines.expressions.plan import OutOfSteps, Plan, Unknown

TOO_MANY_STEPS: Final = f"no answer within {MOST_STEPS} steps; shorten the lists"
NO_RULES: Final[Mapping[str, bool | None]] = MappingProxyType({})


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


_TRUE: Final = Evaluation(True)
_FALSE: Final = Evaluation(False)
_TOO_MANY: Final = Evaluation(None, (), (TOO_MANY_STEPS,))


def evaluate(
    compiled: Compiled,
    facts: Mapping[str, object],
    rules: Mapping[str, bool | None] = NO_RULES,
) -> Evaluation:
    """Evaluate on `facts` and on the outcomes of other `rules`; never raises.

    A fact that is absent, None, or not usable as its declared kind is unknown.
    """
    return _answer(compiled.plan, facts, rules)


def evaluate_node(
    compiled: Compiled,
    node: Node,
    *,
    facts: Mapping[str, object],
    rules: Mapping[str, bool | None],
) -> Evaluation:
    """Evaluate one part of the tree of `compiled`."""
    return _answer(Plan(node, dict(compiled.fact_types)), facts, rules)


def _answer(
    plan: Plan, facts: Mapping[str, object], rules: Mapping[str, bool | None]
) -> Evaluation:
    try:
        outcome = plan.run(facts, rules)
    except OutOfSteps:
        return _TOO_MANY
    if outcome is True:
        return _TRUE
    if outcome is False:
        return _FALSE
    if isinstance(outcome, Unknown):
        return Evaluation(None, outcome.names, outcome.reasons)
    return Evaluation(outcome)
