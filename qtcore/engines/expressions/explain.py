"""Which part of an expression said what, with the values it looked at, ready for a page.

It must not know how values are calculated: it asks the evaluator for each part.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from qtcore.engines.expressions.compiled import Compiled, Node
from qtcore.engines.expressions.evaluate import NO_RULES, evaluate_node
from qtcore.engines.expressions.kinds import Value

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


def _list_used(node: Node, kind: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(step.value for step in node.walk() if step.op == kind))
