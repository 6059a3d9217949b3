"""The regulatory floor: what is mandatory never becomes looser, nothing else without a reason.

It must not know how definitions are merged; it compares what is in force with what lay below.
"""

from collections.abc import Iterator, Mapping

from qtcore.definitions.mistakes import Mistake
from qtcore.definitions.rules import RuleDefinition
from qtcore.engines.expressions import Compiled, Moment, check, find_example
from qtcore.registry.merge import Entry, Merged, PackProblem
from qtcore.registry.scopes import FACTS, Scopes, scope_of
from qtcore.registry.weakening import Asked, Loosening, find_loosenings

Expressions = Mapping[tuple[str, str], Compiled]


def check_floor(merged: Merged, expressions: Expressions, scopes: Scopes) -> Iterator[PackProblem]:
    """Find where a later layer asks for less than it may."""
    floor = _Floor(merged, expressions, scopes)
    for (kind, name), layers in merged.replaced.items():
        above = merged.entries[kind].get(name)
        if above is None:
            continue
        for below in layers:
            for mistake in floor.check(kind, below, above):
                yield PackProblem(*above.problem(mistake))
        yield from floor.check_read_facts(kind, name, layers[-1], above)


def find_changes(
    merged: Merged, expressions: Expressions, kind: str, name: str
) -> tuple[Loosening, ...]:
    """List where the definition in force is looser than what lay below it."""
    floor, above = _Floor(merged, expressions, Scopes(merged)), merged.entries[kind][name]
    layers = merged.replaced.get((kind, name), ())
    return tuple(found for below in layers for found in floor.loosenings(kind, below, above))


class _Floor:
    """Compares definitions; expressions by proof, everything else part by part."""

    def __init__(self, merged: Merged, expressions: Expressions, scopes: Scopes) -> None:
        self._merged = merged
        self._scopes = scopes
        self._expressions = expressions
        self._binding = self._facts_of_mandatory_rules()

    def check(self, kind: str, below: Entry, above: Entry) -> Iterator[Mistake]:
        """Give a mistake for every loosening that is not allowed."""
        is_replaced = above.definition.replaces is not None and not above.changed
        if below.definition.mandatory:
            if is_replaced:  # refused by the merge already
                return
        elif is_replaced or above.reason:
            return
        what = f"{kind} {above.definition.id!r}"
        for found in self.loosenings(kind, below, above):
            if below.definition.mandatory:
                law = below.definition.source.law if below.definition.source else "its source"
                said = f"is mandatory ({law}, pack {below.owner!r}) and may only become stricter"
                yield Mistake("QT126", f"{what} {said}, but it {found.said}", found.path)
            else:
                fix = "give the reason: 'extends: {reason: ...}'"
                yield Mistake("QT127", f"{what} becomes looser: it {found.said}; {fix}", found.path)

    def loosenings(self, kind: str, below: Entry, above: Entry) -> Iterator[Loosening]:
        """Find what is looser; an expression is, unless it is proved to be at least as strict."""
        for found in find_loosenings(kind, below.definition, above.definition):
            if isinstance(found, Loosening):
                yield found
            else:
                yield from self._compare(scope_of(kind, above.definition), found)

    def check_read_facts(
        self, kind: str, name: str, below: Entry, above: Entry
    ) -> Iterator[PackProblem]:
        """Refuse another source for a fact that mandatory rules read: that would empty them."""
        rules = self._binding.get(name, ()) if kind == FACTS else ()
        if not rules or above.definition.from_ == below.definition.from_:
            return
        message = (
            f"the fact {name!r} is read by the mandatory rule {rules[0]} and keeps its source; "
            "declare another fact for another source"
        )
        yield PackProblem(*above.problem(Mistake("QT126", message, ("from",), on_key=True)))

    def _compare(self, scope: str, asked: Asked) -> Iterator[Loosening]:
        key = asked.path[-1]
        if asked.above is None:
            yield Loosening(asked.path, f"leaves out {key!r}: {asked.below}")
            return
        # A rule applies unless its condition is false: unknown applies, so both are turned round.
        form = "not ({})" if asked.is_reach else "{}"
        above = self._compiled(scope, form.format(asked.above))
        below = self._compiled(scope, form.format(asked.below)) if asked.below else None
        if above is None or (asked.below is not None and below is None):
            return  # a broken expression is said elsewhere
        met, unmet = (above,), ((below,) if below else ())
        answer = find_example([Moment(met, unmet)])
        if answer.outcome == "impossible":
            return
        shown = " and ".join(f"{name} = {value}" for name, value in answer.example.items())
        where = f", for example with {shown}" if shown else ""
        said = "no longer applies everywhere" if asked.is_reach else "accepts what it refused"
        yield Loosening(asked.path, f"{said}{where} ({key!r} below: {asked.below or 'always'})")

    def _compiled(self, scope: str, text: str) -> Compiled | None:
        known = self._expressions.get((scope, text))
        if known is not None:
            return known
        names, rules = self._scopes.names(scope), self._scopes.rules
        return check(text, names, rules=rules, units=self._merged.units)[0]

    def _facts_of_mandatory_rules(self) -> Mapping[str, list[str]]:
        found: dict[str, list[str]] = {}
        for entry in self._merged.all("rules"):
            rule: RuleDefinition = entry.definition
            if not rule.mandatory:
                continue
            for text in (rule.check, rule.when or ""):
                compiled = self._expressions.get((FACTS, text))
                for fact in compiled.names if compiled else ():
                    found.setdefault(fact, []).append(rule.id)
        return found
