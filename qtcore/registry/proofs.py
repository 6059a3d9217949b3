"""Proofs over all life cycles in force: what they stand on, and their failures as problems.

It must not know how a property is proved, nor how conditions are solved.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from qtcore.definitions.mistakes import Mistake
from qtcore.definitions.problems import Problem
from qtcore.definitions.properties import Property
from qtcore.definitions.read import Located
from qtcore.definitions.rules import RuleDefinition
from qtcore.definitions.workflows import WorkflowDefinition
from qtcore.engines.expressions import Compiled, Moment, check, find_example
from qtcore.engines.proofs import (
    GateRule,
    Instant,
    Judgement,
    Proof,
    Report,
    Setting,
    prove_workflow,
)
from qtcore.registry.formulas import FACTS, find_form_names, find_names
from qtcore.registry.merge import Entry, Merged, PackProblem

Expressions = Mapping[tuple[str, str], Compiled]
_BINDING = frozenset({"block", "block_override"})
_OPEN = frozenset({"fails", "undecided"})


def check_proofs(merged: Merged, expressions: Expressions) -> Iterator[PackProblem]:
    """Prove every life cycle whose expressions are sound; what fails is a problem of its pack."""
    for entry in merged.all("workflows"):
        report = prove_entry(merged, expressions, entry)
        for mistake in _mistakes(report, merged) if report else ():
            yield PackProblem(*entry.problem(mistake))


def prove_entry(merged: Merged, expressions: Expressions, entry: Entry) -> Report | None:
    """Prove one life cycle; None when one of its expressions is broken, which is said elsewhere."""
    flow: WorkflowDefinition = entry.definition
    scope = f"workflows:{flow.id}"
    if any((scope, text) not in expressions for _, text in _texts(flow)):
        return None
    inherited = [claim for _, claim in _inherited(merged, flow.id)]
    known = {**_compile_inherited(merged, scope, inherited), **expressions}
    return prove_workflow(flow, _setting(merged, known, flow), inherited)


def prove_draft(
    merged: Merged, expressions: Expressions, located: Located[WorkflowDefinition]
) -> tuple[Report | None, list[Problem]]:
    """Prove a life cycle that is in no pack; its expressions that are wrong are problems."""
    flow = located.definition
    scope = f"workflows:{flow.id}"
    names, rules = find_names(merged, scope), frozenset(merged.ids("rules"))
    known, problems = dict(expressions), []
    for path, text in _texts(flow):
        compiled, found = check(text, names, rules=rules, units=merged.units)
        if compiled is not None:
            known[scope, text] = compiled
        problems += [
            located.problem(Mistake(p.code, p.message, path, p.suggestion or "")) for p in found
        ]
    report = None if problems else prove_workflow(flow, _setting(merged, known, flow))
    return report, problems


def _texts(flow: WorkflowDefinition) -> Iterator[tuple[tuple[str | int, ...], str]]:
    for at, step in enumerate(flow.transitions):
        if step.guard is not None:
            yield ("transitions", at, "guard"), step.guard
    for at, claim in enumerate(flow.verify):
        if claim.never is not None and claim.never.when is not None:
            yield ("verify", at, "never", "when"), claim.never.when


def _compile_inherited(merged: Merged, scope: str, claims: Iterable[Property]) -> Expressions:
    """Compile what properties from below speak of; what makes no sense here stays undecided."""
    names, rules = find_names(merged, scope), frozenset(merged.ids("rules"))
    texts = {c.never.when for c in claims if c.never is not None and c.never.when is not None}
    found = {
        (scope, text): check(text, names, rules=rules, units=merged.units)[0] for text in texts
    }
    return {key: compiled for key, compiled in found.items() if compiled is not None}


class _Judge:
    """Decides over compiled expressions of one life cycle and of the rules of its gates."""

    def __init__(self, find: Callable[[str, str], Compiled | None], scope: str) -> None:
        self._find = find
        self._scope = scope
        self.constant: frozenset[str] = frozenset()

    def decide(self, instants: Sequence[Instant]) -> Judgement:
        moments = []
        for instant in instants:
            found = [self._find(self._scope, text) for text in instant.guards]
            found += [self._find(FACTS, text) for text in instant.checks]
            refused = [self._find(self._scope, text) for text in instant.refused]
            known = tuple(each for each in found if each is not None)
            unmet = tuple(each for each in refused if each is not None)
            if len(known) + len(unmet) < len(found) + len(refused):
                return Judgement("undecided")
            moments.append(Moment(known, unmet))
        answer = find_example(moments, self.constant)
        if answer.outcome == "impossible" and any(_may_lack(moment) for moment in moments):
            # A guard without an answer refuses as well; which facts can be missing is not known.
            return Judgement("undecided")
        example = " and ".join(f"{name} = {value}" for name, value in answer.example.items())
        return Judgement(answer.outcome, example)

    def lasts(self, guard: str) -> bool:
        compiled = self._find(self._scope, guard)
        return compiled is not None and not self.constant.isdisjoint(compiled.names)


def _may_lack(moment: Moment) -> bool:
    """Say whether a refused guard asks for a fact that nothing else needs."""
    needed = {name for condition in moment.met for name in condition.names}
    return any(set(condition.names) - needed for condition in moment.unmet)


def _setting(merged: Merged, expressions: Expressions, flow: WorkflowDefinition) -> Setting:
    hidden = frozenset(find_form_names(merged, flow.id))
    scope_, names = f"workflows:{flow.id}", find_names(merged, f"workflows:{flow.id}")
    kept: dict[str, Compiled | None] = {}

    def find(scope: str, text: str) -> Compiled | None:
        # What is asked about other regions is answered before, which makes a new text.
        if (scope, text) in expressions or scope != scope_:
            return expressions.get((scope, text))
        if text not in kept:
            kept[text] = check(text, names, units=merged.units)[0]
        return kept[text]

    judge = _Judge(find, scope_)
    judge.constant = frozenset(
        fact.definition.id for fact in merged.all(FACTS) if fact.definition.constant
    ).difference(hidden)
    gates: dict[str, tuple[GateRule, ...]] = {}
    for entry in merged.all("rules"):
        rule: RuleDefinition = entry.definition
        gates[rule.gate] = (*gates.get(rule.gate, ()), _gate_rule(rule, expressions, hidden))
    return Setting(judge, _movers(merged, flow), _meanings(merged), gates)


def _gate_rule(rule: RuleDefinition, expressions: Expressions, hidden: frozenset[str]) -> GateRule:
    compiled = expressions.get((FACTS, rule.check))
    is_for_all = not (rule.when or rule.industries or rule.valid_from or rule.valid_to)
    # A field of a form hides the fact of that name in guards: the two are different values.
    is_same = compiled is not None and hidden.isdisjoint(compiled.names)
    holds = rule.severity == "block" and is_for_all and is_same
    return GateRule(rule.id, rule.severity in _BINDING, rule.check if holds else None)


def _movers(merged: Merged, flow: WorkflowDefinition) -> frozenset[str]:
    right = "lot.transition" if flow.subject == "lot" else "record.transition"
    enough = {right, f"{right.partition('.')[0]}.*", "*"}
    # A role nobody defines is a problem of its own; it is not reported a second time.
    unknown = {role for step in flow.transitions for role in step.roles if not _role(merged, role)}
    return frozenset(unknown) | frozenset(
        entry.definition.id
        for entry in merged.all("roles")
        if any(p in enough or p.startswith(f"{right}:") for p in entry.definition.permissions)
    )


def _role(merged: Merged, name: str) -> bool:
    return name in merged.entries["roles"]


def _meanings(merged: Merged) -> frozenset[str]:
    prefix = "signatures."
    keys = (key for texts in merged.texts.values() for key in texts if key.startswith(prefix))
    return frozenset(key.removeprefix(prefix) for key in keys)


def _inherited(merged: Merged, workflow: str) -> Iterable[tuple[Entry, Property]]:
    """Give mandatory properties of the life cycles below that this one does not claim itself."""
    own = merged.find("workflows", workflow)
    claimed = own.verify if own else ()
    return [
        (below, claim)
        for below in merged.replaced.get(("workflows", workflow), ())
        for claim in below.definition.verify
        if claim.mandatory and claim.accepts_same_person is None and claim not in claimed
    ]


def _mistakes(report: Report, merged: Merged) -> Iterator[Mistake]:
    for number, proof in enumerate(report.proofs):
        if proof.verdict in _OPEN:
            yield _proof_mistake(proof, ("verify", number, "id"))
    sources = _inherited(merged, report.workflow)
    for (below, _), proof in zip(sources, report.inherited, strict=True):
        if proof.verdict in _OPEN:
            where = f"{below.located.file}:{below.located.at('verify').line}"
            mistake = _proof_mistake(proof, ("replaces",))
            said = f"{mistake.message} (mandatory in pack {below.pack!r}, {where})"
            yield Mistake(mistake.code, said, mistake.path, on_key=True)
    for found in report.findings:
        yield Mistake(found.code, found.message, found.where, severity=found.severity)


def _proof_mistake(proof: Proof, path: tuple[str | int, ...]) -> Mistake:
    if proof.verdict == "fails":
        return Mistake("QT310", proof.message, path)
    if proof.claim.mandatory:
        return Mistake("QT311", proof.message, path)
    return Mistake("QT311", proof.message, path, severity="warning")
