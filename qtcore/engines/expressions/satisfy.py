"""Whether conditions can be true together: surely not, surely with an example, or undecided.

It must not know what the conditions guard. Facts may change between two moments, except those
named constant. "Impossible" is a proof: it is said only when every branch contradicts itself.
"Possible" carries values that the evaluator itself found true. Anything else is "undecided":
both answers stay open.
"""

import itertools
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, NamedTuple

from qtcore.engines.expressions.compiled import Compiled
from qtcore.engines.expressions.evaluate import evaluate, evaluate_node
from qtcore.engines.expressions.kinds import BOOLEAN, FactType, Value
from qtcore.engines.expressions.node import Node
from qtcore.engines.expressions.regions import Region, region_of

_MOST_BRANCHES: Final = 400
_MOST_STEPS: Final = 20_000
_MOST_EXAMPLES: Final = 300
_ALWAYS: Final = -1

_NEGATED: Final[Mapping[str, str]] = {
    "==": "!=",
    "!=": "==",
    "<": ">=",
    ">=": "<",
    ">": "<=",
    "<=": ">",
    "in": "not in",
    "not in": "in",
}
_FLIPPED: Final[Mapping[str, str]] = {
    "==": "==",
    "!=": "!=",
    "<": ">",
    ">": "<",
    "<=": ">=",
    ">=": "<=",
}
_OPEN: Final = frozenset({"and", "or", "not", "present", "missing", "rule"})
"""What can have a value although a fact below it has none."""


@dataclass(frozen=True, slots=True)
class Moment:
    """Conditions that hold at the same time: some are met, others are surely not met."""

    met: tuple[Compiled, ...]
    unmet: tuple[Compiled, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """Whether it can be so; `example` shows values, by fact, of the last moment."""

    outcome: Literal["possible", "impossible", "undecided"]
    example: Mapping[str, str]


class _Key(NamedTuple):
    moment: int
    name: str


class _Goal(NamedTuple):
    moment: int
    source: Compiled
    node: Node
    wanted: bool


@dataclass(frozen=True, slots=True)
class _Store:
    """What one branch knows: the regions of known facts, and which facts are missing."""

    regions: Mapping[_Key, Region]
    missing: frozenset[_Key] = frozenset()


class _TooMuch(Exception):
    """The search is given up; nothing is claimed."""


def find_example(moments: Sequence[Moment], constant: Collection[str] = ()) -> Answer:
    """Say whether each moment can happen, in this order, for one lot or record."""
    search = _Search(moments, frozenset(constant))
    try:
        is_open = False
        for branches, store in enumerate(search.find_stores()):
            if branches >= _MOST_BRANCHES:
                raise _TooMuch
            example = search.find_values(store)
            if example is not None:
                return Answer("possible", search.describe(example))
            is_open = True
    except _TooMuch:
        return Answer("undecided", {})
    return Answer("undecided" if is_open else "impossible", {})


class _Search:
    """Takes conditions apart into what they say about single facts, one branch after the other."""

    def __init__(self, moments: Sequence[Moment], constant: frozenset[str]) -> None:
        self._moments = moments
        self._constant = constant
        self._types: dict[_Key, FactType] = {}
        for at, moment in enumerate(moments):
            for condition in (*moment.met, *moment.unmet):
                for name, kind in condition.fact_types:
                    self._types[self._key(at, name)] = kind
                for rule in condition.rules:
                    self._types[_Key(at, _rule_name(rule))] = BOOLEAN

    def find_stores(self) -> Iterator[_Store]:
        """Give every branch that does not contradict itself."""
        goals = tuple(
            _Goal(at, condition, condition.node, wanted)
            for at, moment in enumerate(self._moments)
            for conditions, wanted in ((moment.met, True), (moment.unmet, False))
            for condition in conditions
        )
        steps = 0
        stack = [(goals, _Store({}))]
        while stack:
            steps += 1
            if steps > _MOST_STEPS:
                raise _TooMuch
            left, store = stack.pop()
            if not left:
                yield store
                continue
            ways = list(self._take_apart(left[0], store))
            stack.extend(((*more, *left[1:]), changed) for more, changed in reversed(ways))

    def find_values(self, store: _Store) -> dict[_Key, Value] | None:
        """Find values for which the evaluator agrees, or None."""
        keys = list(store.regions)
        choices = [list(itertools.islice(store.regions[key].samples(), 8)) for key in keys]
        for values in itertools.islice(itertools.product(*choices), _MOST_EXAMPLES):
            found = dict(zip(keys, values, strict=True))
            if self._agrees(found):
                return found
        return None

    def describe(self, values: Mapping[_Key, Value]) -> dict[str, str]:
        """Show the values of the last moment as words."""
        last = len(self._moments) - 1
        shown = {
            key.name: _shown(value)
            for key, value in sorted(values.items())
            if key.moment in {_ALWAYS, last}
        }
        return shown

    def _agrees(self, values: Mapping[_Key, Value]) -> bool:
        for at, moment in enumerate(self._moments):
            held = {k.name: v for k, v in values.items() if k.moment in {_ALWAYS, at}}
            rules = {
                name: bool(held[_rule_name(name)])
                for condition in (*moment.met, *moment.unmet)
                for name in condition.rules
                if _rule_name(name) in held
            }
            if not all(evaluate(c, held, rules).value is True for c in moment.met):
                return False
            if not all(evaluate(c, held, rules).value is False for c in moment.unmet):
                return False
        return True

    def _key(self, at: int, name: str) -> _Key:
        return _Key(_ALWAYS if name in self._constant else at, name)

    def _take_apart(self, goal: _Goal, store: _Store) -> Iterator[tuple[tuple[_Goal, ...], _Store]]:
        """Give the ways in which one goal can be reached: further goals, and what is then known."""
        node = goal.node
        if node.op == "bool":
            if (node.value == "true") is goal.wanted:
                yield (), store
        elif node.op in {"and", "or"}:
            parts = tuple(goal._replace(node=arg) for arg in node.args)
            if (node.op == "and") is goal.wanted:
                yield parts, store
            else:
                yield from (((part,), store) for part in parts)
        elif node.op == "not":
            yield (goal._replace(node=node.args[0], wanted=not goal.wanted),), store
        elif node.op in {"present", "missing"}:
            yield from _some(self._with_presence(goal, store))
        elif node.op in {"fact", "rule"}:
            yield from _some(self._with_flag(goal, store))
        elif node.op == "chain":
            yield from self._with_chain(goal, store)
        elif node.op in _NEGATED:
            yield from self._with_comparison(goal, store)
        else:
            yield from _some(self._with_unjudged(goal, store))

    def _with_presence(self, goal: _Goal, store: _Store) -> _Store | None:
        key = self._key(goal.moment, goal.node.args[0].value)
        if (goal.node.op == "present") is goal.wanted:
            return self._known(store, key)
        if key in store.regions:
            return None
        return replace(store, missing=store.missing | {key})

    def _with_flag(self, goal: _Goal, store: _Store) -> _Store | None:
        name = goal.node.value
        is_rule = goal.node.op == "rule"
        key = _Key(goal.moment, _rule_name(name)) if is_rule else self._key(goal.moment, name)
        return self._limited(store, key, "==", goal.wanted)

    def _with_chain(self, goal: _Goal, store: _Store) -> Iterator[tuple[tuple[_Goal, ...], _Store]]:
        args = goal.node.args
        known = self._with_facts(goal, store)
        if known is None:
            return
        pairs = tuple(
            goal._replace(node=Node(op, (left, right)))
            for op, left, right in zip(goal.node.value.split(","), args, args[1:], strict=False)
        )
        if goal.wanted:
            yield pairs, known
        else:
            yield from (((pair,), known) for pair in pairs)

    def _with_comparison(
        self, goal: _Goal, store: _Store
    ) -> Iterator[tuple[tuple[_Goal, ...], _Store]]:
        op = goal.node.op if goal.wanted else _NEGATED[goal.node.op]
        left, right = goal.node.args
        for condition, literal in ((left, right), (right, left)):
            if literal.op == "bool" and op in {"==", "!="}:
                wanted = (literal.value == "true") is (op == "==")
                yield (goal._replace(node=condition, wanted=wanted),), store
                return
        yield from _some(self._compared(goal, store, op))

    def _compared(self, goal: _Goal, store: _Store, op: str) -> _Store | None:
        left, right = goal.node.args
        fixed = [self._is_fixed(side) for side in (left, right)]
        values = [
            evaluate_node(goal.source, side, facts={}, rules={}).value if is_fixed else None
            for side, is_fixed in zip((left, right), fixed, strict=True)
        ]
        if any(is_fixed and v is None for is_fixed, v in zip(fixed, values, strict=True)):
            return None
        if all(fixed):
            return self._with_constants(goal, store)
        if left.op == "fact" and fixed[1]:
            return self._limited(store, self._key(goal.moment, left.value), op, values[1])
        if right.op == "fact" and fixed[0] and op in _FLIPPED:
            key = self._key(goal.moment, right.value)
            return self._limited(store, key, _FLIPPED[op], values[0])
        if left.op == right.op == "fact" and left.value == right.value:
            holds = op in {"==", "<=", ">="}
            return self._known(store, self._key(goal.moment, left.value)) if holds else None
        return self._with_unjudged(goal, store)

    def _with_constants(self, goal: _Goal, store: _Store) -> _Store | None:
        value = evaluate_node(goal.source, goal.node, facts={}, rules={}).value
        return store if value is goal.wanted else None

    def _with_unjudged(self, goal: _Goal, store: _Store) -> _Store | None:
        """Leave a part to the evaluator, which tries the values found for the rest."""
        return self._with_facts(goal, store)

    def _with_facts(self, goal: _Goal, store: _Store) -> _Store | None:
        """Demand every fact without which this part has no value."""
        known: _Store | None = store
        for name in dict.fromkeys(_needed(goal.node)):
            if known is None:
                return None
            known = self._known(known, self._key(goal.moment, name))
        return known

    def _known(self, store: _Store, key: _Key) -> _Store | None:
        if key in store.missing:
            return None
        if key in store.regions:
            return store
        region = region_of(self._types[key])
        return replace(store, regions={**store.regions, key: region})

    def _limited(self, store: _Store, key: _Key, op: str, value: object) -> _Store | None:
        known = self._known(store, key)
        if known is None:
            return None
        region = known.regions[key]
        if region.kind in {"text_list", "decimal_list"}:
            return known
        limited = region.limit(op, value)
        if limited.is_empty:
            return None
        return replace(known, regions={**known.regions, key: limited})

    def _is_fixed(self, node: Node) -> bool:
        return all(part.op not in {"fact", "rule"} for part in node.walk())


def _needed(node: Node) -> Iterator[str]:
    if node.op == "fact":
        yield node.value
    if node.op not in _OPEN:
        for arg in node.args:
            yield from _needed(arg)


def _some(store: _Store | None) -> Iterator[tuple[tuple[_Goal, ...], _Store]]:
    if store is not None:
        yield (), store


def _rule_name(rule: str) -> str:
    return f"rule('{rule}')"


def _shown(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"'{value}'" if isinstance(value, str) else str(value)
