"""The tree of a checked expression as frozen data, and its JSON form for the browser.

It must not know how text is parsed, nor how the tree is evaluated.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, TypeAlias

Json: TypeAlias = "str | bool | list[Json] | dict[str, Json]"

LITERALS: Final = frozenset({"dec", "text", "date", "bool"})


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
