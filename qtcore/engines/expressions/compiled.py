"""A checked expression as frozen data: its tree, its JSON form for the browser, its mistakes.

It must not know how text is parsed, nor how the tree is evaluated.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from qtcore.engines.expressions.kinds import FactType

Json: TypeAlias = "str | bool | list[Json] | dict[str, Json]"

LITERALS: Final = frozenset({"dec", "text", "date", "bool"})


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


@dataclass(frozen=True, slots=True)
class Node:
    """One step of the tree: an operator or function over `args`, or a leaf that holds `value`.

    `span` is where it stands in the text, from and to; (0, 0) for a step the check has added.
    """

    op: str
    args: tuple["Node", ...] = ()
    value: str = ""
    span: tuple[int, int] = field(default=(0, 0), compare=False, repr=False)

    def as_json(self) -> Json:
        """Give the form another evaluator reads: ["and", a, b], {"dec": "1.10"}, ["fact", n]."""
        if self.op == "bool":
            return {"bool": self.value == "true"}
        if self.op in LITERALS:
            return {self.op: self.value}
        if self.op == "list":
            return {"list": [arg.as_json() for arg in self.args]}
        head: list[Json] = [self.op]
        if self.op == "chain":
            head.append(list(self.value.split(",")))
        elif self.value:
            head.append(self.value)
        return head + [arg.as_json() for arg in self.args]

    def walk(self) -> Iterator["Node"]:
        """Visit this node and all below it, from left to right."""
        yield self
        for arg in self.args:
            yield from arg.walk()


@dataclass(frozen=True, slots=True)
class Compiled:
    """An expression without mistakes, ready to be evaluated any number of times.

    `clauses` are the operands of its `and` and `or`, each with its own source text.
    """

    text: str
    node: Node
    type: FactType
    fact_types: tuple[tuple[str, FactType], ...]
    clauses: tuple[tuple[str, Node], ...]

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
