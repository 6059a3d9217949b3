"""The small expression language of rules, guards and visibility: check, evaluate, explain.

It must not know where facts come from, what a rule means, or any other engine.
"""

from qtcore.engines.expressions.check import check
from qtcore.engines.expressions.compiled import Compiled, ExpressionProblem
from qtcore.engines.expressions.evaluate import Evaluation, evaluate
from qtcore.engines.expressions.explain import Clause, Step, explain, explain_tree
from qtcore.engines.expressions.functions import list_functions
from qtcore.engines.expressions.kinds import (
    BOOLEAN,
    DATE,
    DATETIME,
    DECIMAL,
    DECIMAL_LIST,
    DURATION,
    INTEGER,
    TEXT,
    TEXT_LIST,
    FactType,
    Kind,
    Quantity,
    Unit,
    Value,
    enum_of,
)
from qtcore.engines.expressions.node import Node
from qtcore.engines.expressions.satisfy import Answer, Moment, find_example
from qtcore.engines.expressions.wire import read_value, write_value

__all__ = [
    "BOOLEAN",
    "DATE",
    "DATETIME",
    "DECIMAL",
    "DECIMAL_LIST",
    "DURATION",
    "INTEGER",
    "TEXT",
    "TEXT_LIST",
    "Answer",
    "Clause",
    "Compiled",
    "Evaluation",
    "ExpressionProblem",
    "FactType",
    "Kind",
    "Moment",
    "Node",
    "Quantity",
    "Step",
    "Unit",
    "Value",
    "check",
    "enum_of",
    "evaluate",
    "explain",
    "explain_tree",
    "find_example",
    "list_functions",
    "read_value",
    "write_value",
]
