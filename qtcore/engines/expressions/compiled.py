"""A checked expression as frozen data: its text, its tree, the kinds of its facts; its mistakes.

It must not know how text is parsed, nor the values it is evaluated on.
"""

from dataclasses import dataclass
from functools import cached_property

from qtcore.engines.expressions.kinds import FactType
from qtcore.engines.expressions.node import Json, Node
from qtcore.engines.expressions.plan import Plan


@dataclass(frozen=True, slots=True)
class ExpressionProblem:
    """One mistake in an expression; `column` counts characters from 1."""

    code: str
    message: str
    column: int
    suggestion: str | None = None

    def __str__(self) -> str:
        hint = f" (did you mean {self.suggestion!r}?)" if self.suggestion else ""
        return f"{self.column}: {self.code} {self.message}{hint}"


@dataclass(frozen=True)
class Compiled:
    """An expression without mistakes, ready to be evaluated any number of times.

    `clauses` are the operands of its `and` and `or`, each with its own source text.
    """

    text: str
    node: Node
    type: FactType
    fact_types: tuple[tuple[str, FactType], ...]
    clauses: tuple[tuple[str, Node], ...]

    @cached_property
    def plan(self) -> Plan:
        """How it is evaluated, made at the first time."""
        return Plan(self.node, dict(self.fact_types))

    @property
    def names(self) -> tuple[str, ...]:
        """The facts it uses, sorted."""
        return tuple(name for name, _ in self.fact_types)

    @property
    def rules(self) -> tuple[str, ...]:
        """The rules whose outcome it uses, sorted."""
        return tuple(sorted({node.value for node in self.node.walk() if node.op == "rule"}))

    @property
    def ir(self) -> Json:
        """A fresh JSON form of the tree."""
        return self.node.as_json()

    def as_json(self) -> dict[str, Json]:
        """Give all that another evaluator needs: the tree, and the kinds of the facts it uses."""
        return {
            "tree": self.ir,
            "kind": self.type.kind,
            "facts": {name: kind_json(kind) for name, kind in self.fact_types},
        }


def kind_json(kind: FactType) -> dict[str, Json]:
    """Give the JSON form of a kind: its name, closed values, and unit with its factors."""
    found: dict[str, Json] = {"kind": kind.kind}
    if kind.values:
        found["values"] = [*kind.values]
    if kind.unit is not None:
        found["unit"] = {
            "code": kind.unit.code,
            "factor": format(kind.unit.factor, "f"),
            "spellings": {name: format(factor, "f") for name, factor in kind.unit.spellings},
        }
    return found
