"""Joins the expression engine to the engines that need it: neither may know the other.

It must not know rules or workflows.
"""

import json
from collections.abc import Mapping
from typing import Protocol

from qtcore.engines.expressions import Compiled, evaluate
from qtcore.errors import NotFound
from qtcore.registry.registry import Registry

_UNKNOWN = {"tree": ["fact", "?"], "kind": "boolean", "facts": {"?": {"kind": "boolean"}}}
NO_RULES: Mapping[str, bool | None] = {}


class Evaluate(Protocol):
    """Evaluates an expression over facts and the outcomes of rules it names; None is unknown."""

    def __call__(
        self, text: str, facts: Mapping[str, object], rules: Mapping[str, bool | None] = NO_RULES, /
    ) -> bool | None:
        """Evaluate one expression."""


def evaluator(registry: Registry, scope: str = "facts") -> Evaluate:
    """Make the function that evaluates the expressions of a scope; unknown is None.

    A text of an older, pinned definition is not in the registry; it is compiled against the facts
    that are declared now, and is unknown when it no longer checks.
    """

    def run(
        text: str, facts: Mapping[str, object], rules: Mapping[str, bool | None] = NO_RULES, /
    ) -> bool | None:
        compiled = compile_in(registry, text, scope)
        if compiled is None:
            return None
        value = evaluate(compiled, facts, rules).value
        return value if isinstance(value, bool) else None

    return run


def condition_json(registry: Registry, scope: str, text: str) -> str:
    """Give the compiled form of a condition, for the evaluator in the browser.

    One that no longer checks is unknown in the browser too: it is a fact that nobody gives.
    """
    compiled = compile_in(registry, text, scope)
    told = compiled.as_json() if compiled is not None else _UNKNOWN
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"))


def compile_in(registry: Registry, text: str, scope: str) -> Compiled | None:
    """Give the compiled form of a text in a scope; None when it no longer checks."""
    try:
        return registry.expression(text, scope)
    except NotFound:
        return registry.check_expression(text, scope)[0]
