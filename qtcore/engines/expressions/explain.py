"""Which part of an expression said what, with the values it looked at, ready for a page.

It must not know how values are calculated: it asks the evaluator for each part.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from qtcore.engines.expressions.compiled import Compiled
from qtcore.engines.expressions.evaluate import NO_RULES, evaluate_node
from qtcore.engines.expressions.kinds import Value
from qtcore.engines.expressions.node import Node
from qtcore.engines.expressions.wire import write_value

_WORD: Final = re.compile(r"'[^']*'|\"[^\"]*\"|[A-Za-z_]\w*")


@dataclass(frozen=True, slots=True)
class Clause:
    """One operand of the `and`s and `or`s: its text, its outcome, and what it looked at."""

    text: str
    value: Value | None
    facts: tuple[tuple[str, object], ...]
    rules: tuple[tuple[str, bool | None], ...] = ()
    reasons: tuple[str, ...] = ()

    @property
    def with_values(self) -> str:
        """The text with each value behind its name: ``assay (106.0) <= 105.0``."""
        return _WORD.sub(self._show, self.text)

    def _show(self, match: re.Match[str]) -> str:
        word = match.group()
        seen: dict[str, object] = dict(self.facts)
        if word[0] in "'\"":
            seen = {f"{word[0]}{rule}{word[0]}": passed for rule, passed in self.rules}
        if word not in seen:
            return word
        value = seen[word]
        return f"{word} ({'missing' if value is None else value})"


def explain(
    compiled: Compiled,
    facts: Mapping[str, object],
    rules: Mapping[str, bool | None] = NO_RULES,
) -> tuple[Clause, ...]:
    """Give every clause in the order of the text, decided or not."""
    clauses = []
    for text, node in compiled.clauses:
        outcome = evaluate_node(compiled, node, facts=facts, rules=rules)
        clauses.append(
            Clause(
                text,
                outcome.value,
                tuple((name, facts.get(name)) for name in _list_used(node, "fact")),
                tuple((rule, rules.get(rule)) for rule in _list_used(node, "rule")),
                outcome.reasons,
            )
        )
    return tuple(clauses)


@dataclass(frozen=True, slots=True)
class Step:
    """One part of an expression with what came out of it; `value` is None when unknown.

    `is_deciding` says that the outcome of the whole rests on this part: all parts of a true `and`,
    but only the false ones of a false `and`. `raw` is what a fact held, `steps` are the parts
    below. The facts of deciding comparisons are the ones that decided.
    """

    text: str
    op: str
    value: Value | None
    is_deciding: bool
    reasons: tuple[str, ...] = ()
    steps: tuple["Step", ...] = ()
    fact: str = ""
    raw: object = None

    @property
    def deciding_facts(self) -> tuple[str, ...]:
        """Name the facts on which the outcome rests, in order of the text."""
        return tuple(dict.fromkeys(self._find_deciding()))

    @property
    def parts(self) -> tuple["Step", ...]:
        """The operands of the `and`s and `or`s, as the clauses of `explain` in order."""
        if self.op not in ("and", "or"):
            return (self,)
        return tuple(part for step in self.steps for part in step.parts)

    def _find_deciding(self) -> Iterator[str]:
        if self.is_deciding and self.fact:
            yield self.fact
        for step in self.steps:
            yield from step._find_deciding()

    def as_json(self) -> dict[str, object]:
        """Give the shape that `--json` and the API show; values as text, unknown as null."""
        found: dict[str, object] = {
            "text": self.text,
            "op": self.op,
            "value": None if self.value is None else write_value(self.value),
            "is_deciding": self.is_deciding,
        }
        if self.reasons:
            found["reasons"] = [*self.reasons]
        if self.fact:
            found["fact"] = self.fact
        if self.steps:
            found["steps"] = [step.as_json() for step in self.steps]
        return found


def explain_tree(
    compiled: Compiled,
    facts: Mapping[str, object],
    rules: Mapping[str, bool | None] = NO_RULES,
) -> Step:
    """Give the whole expression as a tree of outcomes that shows what decided."""

    def step(node: Node, *, is_deciding: bool) -> Step:
        found = evaluate_node(compiled, node, facts=facts, rules=rules)
        start, end = node.span
        is_fact = node.op == "fact"
        return Step(
            compiled.text[start:end],
            node.op,
            found.value,
            is_deciding,
            found.reasons,
            tuple(below(node, arg, found.value, is_deciding=is_deciding) for arg in _parts(node)),
            node.value if is_fact else "",
            facts.get(node.value) if is_fact else None,
        )

    def below(node: Node, arg: Node, outcome: object, *, is_deciding: bool) -> Step:
        if is_deciding and node.op in ("and", "or"):
            part = evaluate_node(compiled, arg, facts=facts, rules=rules)
            return step(arg, is_deciding=part.value is outcome)
        return step(arg, is_deciding=is_deciding)

    return step(compiled.node, is_deciding=True)


def _parts(node: Node) -> tuple[Node, ...]:
    """Leave out literals written in a list, and steps that only convert a unit."""
    if node.op == "list":
        return ()
    return tuple(
        inner
        for arg in node.args
        for inner in (_parts(arg) if arg.span == (0, 0) and arg.args else (arg,))
        if inner.span != (0, 0)
    )


def _list_used(node: Node, kind: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(step.value for step in node.walk() if step.op == kind))
