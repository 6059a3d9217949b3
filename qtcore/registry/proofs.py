"""Proofs over all life cycles in force: what they stand on, and their failures as problems.

It must not know how a property is proved, nor how conditions are solved.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property, partial
from hashlib import sha256
from typing import Literal

from qtcore.definitions.located import Located
from qtcore.definitions.mistakes import Mistake
from qtcore.definitions.problems import Problem
from qtcore.definitions.properties import Property
from qtcore.definitions.rules import RuleDefinition
from qtcore.definitions.source import Path
from qtcore.definitions.structure import check_definition
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
from qtcore.engines.proofs.phrases import PHRASES
from qtcore.engines.proofs.words import ENGLISH, Said, Tongue
from qtcore.registry.formulas import place
from qtcore.registry.memo import Memo
from qtcore.registry.merge import Entry, Merged, PackProblem
from qtcore.registry.scopes import FACTS, Scopes, find_form_names

Severity = Literal["error", "warning"]
Expressions = Mapping[tuple[str, str], Compiled]
_BINDING = frozenset({"block", "block_override"})
_OPEN = frozenset({"fails", "undecided"})
_PROVED: Memo[Report] = Memo(256)
"""Reports of life cycles as they were and are, several times what the shipped packs have."""


class Ground:
    """What all proofs over one set of packs stand on, found once."""

    def __init__(
        self, merged: Merged, expressions: Expressions, scopes: Scopes | None = None
    ) -> None:
        self.merged = merged
        self.expressions = expressions
        self.scopes = scopes or Scopes(merged)

    @cached_property
    def constant(self) -> frozenset[str]:
        """The facts that never change."""
        facts = (fact.definition for fact in self.merged.all(FACTS))
        return frozenset(fact.id for fact in facts if fact.constant)

    @cached_property
    def meanings(self) -> frozenset[str]:
        """The meanings of signatures that some language has a text for."""
        prefix = "signatures."
        keys = (key for texts in self.merged.texts.values() for key in texts)
        return frozenset(key.removeprefix(prefix) for key in keys if key.startswith(prefix))

    @cached_property
    def rights(self) -> Mapping[str, tuple[str, ...]]:
        """What each role may do."""
        roles = (entry.definition for entry in self.merged.all("roles"))
        return {role.id: tuple(role.permissions) for role in roles}

    @cached_property
    def rules(self) -> tuple[RuleDefinition, ...]:
        """All rules, by their ids."""
        return tuple(entry.definition for entry in self.merged.all("rules"))

    @cached_property
    def digest(self) -> bytes:
        """Stand for everything above, and for what expressions of rules may name."""
        rules = [
            (r.id, r.gate, r.severity, r.check, r.when, r.industries, r.valid_from, r.valid_to)
            for r in self.rules
        ]
        told = (
            sorted(self.constant),
            sorted(self.meanings),
            sorted(self.rights.items()),
            rules,
        )
        return sha256(self.scopes.digest(FACTS) + repr(told).encode()).digest()

    def key(self, flow: WorkflowDefinition, inherited: Sequence[Property]) -> bytes:
        """Stand for everything that the proofs of one life cycle depend on."""
        names = self.scopes.digest(f"workflows:{flow.id}")
        claims = "".join(claim.model_dump_json() for claim in inherited)
        told = f"{flow.model_dump_json()}{claims}"
        return sha256(self.digest + names + told.encode()).digest()

    def movers(self, flow: WorkflowDefinition) -> frozenset[str]:
        """Name the roles that may make transitions of a subject."""
        right = "lot.transition" if flow.subject == "lot" else "record.transition"
        enough = {right, f"{right.partition('.')[0]}.*", "*"}
        # A role nobody defines is a problem of its own; it is not reported a second time.
        named = {role for step in flow.transitions for role in step.roles}
        return frozenset(named - self.rights.keys()) | frozenset(
            role
            for role, rights in self.rights.items()
            if any(right_ in enough or right_.startswith(f"{right}:") for right_ in rights)
        )


def check_proofs(ground: Ground, *, is_torn: bool = False) -> Iterator[PackProblem]:
    """Prove every life cycle; what fails is a problem of its pack.

    What hangs on an expression with a mistake stays open and is not told: the mistake is. With
    `is_torn` some definitions could not be read: what they may have said is not told either.
    """
    for entry in ground.merged.all("workflows"):
        if is_torn and has_mistakes(entry.definition):
            continue
        report = prove_entry(ground, entry)
        is_whole = not is_torn and not _broken_texts(ground, entry.definition)
        for mistake in _mistakes(report, ground.merged):
            if is_whole or _stands_alone(ground, entry.definition, mistake):
                yield PackProblem(*entry.problem(mistake))


def has_mistakes(flow: WorkflowDefinition) -> bool:
    """Say whether its structure is wrong, so that it has no paths to be walked."""
    return any(m.severity == "error" for m in check_definition("workflows", flow))


def prove_entry(ground: Ground, entry: Entry) -> Report:
    """Prove one life cycle; a guard with a mistake, which is said elsewhere, decides nothing.

    What is the same as at an earlier time was proved then, and is not proved again.
    """
    flow: WorkflowDefinition = entry.definition
    inherited = [claim for _, claim in _inherited(ground.merged, flow.id)]

    def prove() -> Report:
        scope = f"workflows:{flow.id}"
        known = {**_compile_inherited(ground, scope, inherited), **ground.expressions}
        return prove_workflow(flow, _setting(ground, known, flow), inherited)

    return _PROVED.get(ground.key(flow, inherited), prove)


def prove_draft(
    ground: Ground, located: Located[WorkflowDefinition]
) -> tuple[Report, list[Problem]]:
    """Prove a life cycle that is in no pack; its expressions that are wrong are problems."""
    flow = located.definition
    scope = f"workflows:{flow.id}"
    names = ground.scopes.names(scope)
    known, problems = dict(ground.expressions), []
    for path, text in _texts(flow):
        compiled, found = check(text, names, rules=ground.scopes.rules, units=ground.merged.units)
        if compiled is not None:
            known[scope, text] = compiled
        problems += [place(located, path, text, each) for each in found]
    return prove_workflow(flow, _setting(ground, known, flow)), problems


def _broken_texts(ground: Ground, flow: WorkflowDefinition) -> bool:
    scope = f"workflows:{flow.id}"
    return any((scope, text) not in ground.expressions for _, text in _texts(flow))


def _stands_alone(ground: Ground, flow: WorkflowDefinition, mistake: Mistake) -> bool:
    """Say whether it is certain by the life cycle alone, whatever else turns out to be meant."""
    if mistake.severity != "error" or mistake.code == "QT311":
        return False
    if mistake.code != "QT310" or mistake.path[0] != "verify":
        return mistake.code != "QT310"
    claim = flow.verify[int(mistake.path[1])]
    if claim.requires_rule is not None:
        return claim.requires_rule.rule in ground.scopes.rules
    return claim.never is None or claim.never.when is None


def _texts(flow: WorkflowDefinition) -> Iterator[tuple[tuple[str | int, ...], str]]:
    for at, step in enumerate(flow.transitions):
        if step.guard is not None:
            yield ("transitions", at, "guard"), step.guard
    for at, claim in enumerate(flow.verify):
        if claim.never is not None and claim.never.when is not None:
            yield ("verify", at, "never", "when"), claim.never.when


def _compile_inherited(ground: Ground, scope: str, claims: Iterable[Property]) -> Expressions:
    """Compile what properties from below speak of; what makes no sense here stays undecided."""
    names, units = ground.scopes.names(scope), ground.merged.units
    texts = {c.never.when for c in claims if c.never is not None and c.never.when is not None}
    found = {
        (scope, text): check(text, names, rules=ground.scopes.rules, units=units)[0]
        for text in texts
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


def _setting(ground: Ground, expressions: Expressions, flow: WorkflowDefinition) -> Setting:
    hidden = frozenset(find_form_names(ground.merged, flow.id))
    scope_ = f"workflows:{flow.id}"
    names, units = ground.scopes.names(scope_), ground.merged.units
    kept: dict[str, Compiled | None] = {}

    def find(scope: str, text: str) -> Compiled | None:
        # What is asked about other regions is answered before, which makes a new text.
        if (scope, text) in expressions or scope != scope_:
            return expressions.get((scope, text))
        if text not in kept:
            kept[text] = check(text, names, units=units)[0]
        return kept[text]

    judge = _Judge(find, scope_)
    judge.constant = ground.constant - hidden
    gates: dict[str, list[GateRule]] = {}
    for rule in ground.rules:
        gates.setdefault(rule.gate, []).append(_gate_rule(rule, expressions, hidden))
    held = {gate: tuple(rules) for gate, rules in gates.items()}
    return Setting(judge, ground.movers(flow), ground.meanings, held)


def _gate_rule(rule: RuleDefinition, expressions: Expressions, hidden: frozenset[str]) -> GateRule:
    is_for_all = not (rule.when or rule.industries or rule.valid_from or rule.valid_to)
    compiled = expressions.get((FACTS, rule.check))
    # A field of a form hides the fact of that name in guards: the two are different values.
    holds = (
        rule.severity == "block"
        and is_for_all
        and compiled is not None
        and hidden.isdisjoint(compiled.names)
    )
    return GateRule(rule.id, rule.severity in _BINDING, rule.check if holds else None)


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
    say = _Sayer(merged, report.workflow)
    for number, proof in enumerate(report.proofs):
        if proof.verdict in _OPEN or (proof.verdict == "proved" and proof.way is not None):
            yield _proof_mistake(say, proof, ("verify", number, "id"))
    sources = _inherited(merged, report.workflow)
    for (below, _), proof in zip(sources, report.inherited, strict=True):
        if proof.verdict in _OPEN:
            where = f"{below.located.file}:{below.located.at('verify').line}"
            told = partial(_tell_below, proof, (below.pack, where))
            code = _proof_mistake(say, proof, ()).code
            yield say.mistake(code, ("replaces",), told, on_key=True)
    for found in report.findings:
        code, severity = found.code, found.severity
        yield say.mistake(code, found.where, partial(_tell, found.said), severity=severity)


def _tell_below(proof: Proof, place_below: tuple[str, str], tongue: Tongue) -> str:
    return tongue.say("QT310_below", proof.message_in(tongue), *place_below)


def _tell(said: Said, tongue: Tongue) -> str:
    return tongue.tell(said)


def _proof_mistake(say: "_Sayer", proof: Proof, path: Path) -> Mistake:
    if proof.verdict == "fails":
        return say.mistake("QT310", path, proof.message_in)
    if proof.verdict == "proved":
        return say.mistake("QT322", path, proof.message_in, severity="warning")
    severity: Severity = "error" if proof.claim.mandatory else "warning"
    return say.mistake("QT311", path, proof.message_in, severity=severity)


class _Sayer:
    """Makes mistakes that are told in each language that sentences of proofs and texts have."""

    def __init__(self, merged: Merged, workflow: str) -> None:
        self._merged = merged
        self._prefix = f"workflows.{workflow}."

    def mistake(
        self,
        code: str,
        path: Path,
        tell: Callable[[Tongue], str],
        *,
        severity: Severity = "error",
        on_key: bool = False,
    ) -> Mistake:
        """Make one; its English names the parts by their ids, as they stand in the file."""
        also = tuple((name, tell(tongue)) for name, tongue in self._tongues.items())
        return Mistake(code, tell(ENGLISH), path, on_key=on_key, severity=severity, also=also)

    @cached_property
    def _tongues(self) -> Mapping[str, Tongue]:
        found = {}
        for language in PHRASES.keys() & self._merged.texts.keys() - {"en"}:
            texts = self._merged.texts[language].items()
            # States and transitions are this life cycle's own; roles and meanings are shared.
            names = {key.removeprefix(self._prefix): text.value for key, text in texts}
            found[language] = Tongue(language, names)
        return found
