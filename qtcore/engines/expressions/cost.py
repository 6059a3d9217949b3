"""What an evaluation may cost: an estimate when an expression is checked, a budget when it runs.

It must not know values. A step is a part of the tree or a member of a list that is looked at; the
budget is counted in the same way by every evaluator, so that all of them give up together.
"""

from collections.abc import Mapping
from typing import Final

from qtcore.engines.expressions.kinds import FactType
from qtcore.engines.expressions.node import Node

MOST_STEPS: Final = 50_000
LIST_ESTIMATE: Final = 500
"""Members that an open list is taken to have: what forms accept unless they say otherwise."""


def estimate_cost(node: Node, types: Mapping[str, FactType]) -> int:
    """Say how many steps an evaluation takes with lists of the usual length."""
    return sum(1 + _members(step, types) for step in node.walk())


def _members(node: Node, types: Mapping[str, FactType]) -> int:
    if node.op != "fact":
        return 0
    kind = types[node.value]
    return (len(kind.values) or LIST_ESTIMATE) if kind.kind.endswith("_list") else 0
