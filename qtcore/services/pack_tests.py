"""Runs the tests a pack brings as YAML: rules on facts, steps of life cycles, filled forms.

It must not know pytest, nor a database: all that is tested is a function of what is given.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Final

from qtcore.definitions.pack_tests import (
    GivenLot,
    LocatedTest,
    PackTest,
    Then,
    read_pack_tests,
)
from qtcore.definitions.problems import Problem, suggest
from qtcore.definitions.rules import RuleDefinition
from qtcore.engines.forms import read_values
from qtcore.engines.rules import RuleOutcome, blocking, judge
from qtcore.engines.workflow import Attempt, Moved, compile_workflow, fire
from qtcore.errors import Refusal
from qtcore.registry.load import check_packs
from qtcore.registry.packs import find_pack_folders
from qtcore.registry.registry import Registry
from qtcore.services.evaluation import evaluator
from qtcore.services.facts import typed

WORDS: Final[Mapping[str, str]] = {
    "pass": "passes",
    "fail": "fails",
    "unknown": "unknown",
    "not_applicable": "outside",
}
DEFAULT_DAY: Final = date(2026, 1, 1)


@dataclass(frozen=True, slots=True)
class TestResult:
    """What became of one test: `failure` is empty when it holds, else says expected and found."""

    __test__ = False  # not a test of pytest, though its name begins so

    name: str
    file: str
    line: int
    failure: str = ""

    def as_json(self) -> dict[str, Any]:
        """Give the shape of the command's answer."""
        return {"name": self.name, "file": self.file, "line": self.line, "failure": self.failure}


@dataclass(frozen=True, slots=True)
class PackTestReport:
    """What the tests of a pack say: results, mistakes in the files, rules that lack a case.

    `gaps` maps each rule of the pack to the cases no test has; those of mandatory rules fail.
    """

    pack: str
    results: tuple[TestResult, ...] = ()
    problems: tuple[Problem, ...] = ()
    gaps: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    rules: int = 0
    lacking: tuple[str, ...] = ()

    @property
    def failures(self) -> tuple[TestResult, ...]:
        """List the tests that do not hold."""
        return tuple(each for each in self.results if each.failure)

    @property
    def is_good(self) -> bool:
        """Say whether everything holds and every mandatory rule has its cases."""
        errors = [each for each in self.problems if each.severity == "error"]
        return not (self.failures or errors or self.lacking)

    def as_json(self) -> dict[str, Any]:
        """Give the shape of the command's answer."""
        return {
            "pack": self.pack,
            "ok": self.is_good,
            "passed": len(self.results) - len(self.failures),
            "failed": len(self.failures),
            "rules": self.rules,
            "gaps": {rule: list(cases) for rule, cases in self.gaps.items()},
            "lacking": list(self.lacking),
            "results": [each.as_json() for each in self.results],
            "problems": [each.as_json() for each in self.problems],
        }


def run_pack_tests(path: Path) -> PackTestReport:
    """Check a pack and run its tests; a pack that does not check has no results."""
    compiled = check_packs([path])
    folder = next(iter(find_pack_folders(path)), path)
    errors = [each for each in compiled.problems if each.severity == "error"]
    if compiled.registry is None or errors:
        return PackTestReport(folder.name, problems=compiled.problems)
    name = next(p.name for p in reversed(compiled.registry.packs) if p.layer != "base")
    found = read_pack_tests(folder)
    runner = _Runner(compiled.registry, name)
    results = tuple(runner.run(each) for each in found.tests)
    gaps = runner.gaps(found.tests)
    mandatory = [rule.id for rule in runner.rules() if rule.mandatory and rule.id in gaps]
    return PackTestReport(
        name,
        results,
        (*compiled.problems, *found.problems),
        gaps,
        len(runner.rules()),
        tuple(mandatory),
    )


class _Wrong(Exception):
    """The test itself cannot be run: it names what is not there."""


class _Runner:
    """Runs tests against the compiled base and pack."""

    def __init__(self, registry: Registry, pack: str) -> None:
        self._registry = registry
        self._pack = pack
        self._evaluate = evaluator(registry)

    def rules(self) -> Sequence[RuleDefinition]:
        """List the rules the pack itself brings."""
        owned = self._registry.list("rules")
        return [r for r in owned if self._registry.owner_of("rules", r.id) == self._pack]

    def run(self, located: LocatedTest) -> TestResult:
        """Run one test."""
        test = located.test
        try:
            failure = self._failure(located)
        except _Wrong as error:
            failure = str(error)
        return TestResult(test.name or _name(test), located.name, located.line, failure)

    def gaps(self, tests: Sequence[LocatedTest]) -> dict[str, tuple[str, ...]]:
        """List, for each rule of the pack, the cases without a test."""
        seen = {
            (each.test.when.rule, case)
            for each in tests
            if each.test.when.rule
            for case in _cases(each.test)
        }
        found = {}
        for rule in self.rules():
            cases = ["passes", "fails", "fact missing"]
            if rule.when or rule.valid_from or rule.valid_to or rule.industries:
                cases.append("outside")
            missing = tuple(case for case in cases if (rule.id, case) not in seen)
            if missing:
                found[rule.id] = missing
        return found

    def _failure(self, located: LocatedTest) -> str:
        when = located.test.when
        if when.rule is not None:
            return self._rule(located, when.rule)
        if when.workflow is not None:
            return self._workflow(located, when.workflow, str(when.transition))
        return self._form(located.test, str(when.form))

    # rules

    def _rule(self, located: LocatedTest, name: str) -> str:
        self._known("rules", name)
        outcome = self._judged(located)[name]
        found, wanted = WORDS[outcome.outcome], located.test.then
        if found == wanted:
            return ""
        facts = ", ".join(f"{n} = {value}" for n, value in sorted(outcome.facts_used.items()))
        because = f" because {outcome.because}" if outcome.because else ""
        return f"expected {_words(wanted)}, found {found}{because}; {outcome.check} with {facts}"

    def _judged(self, located: LocatedTest, gate: str = "") -> dict[str, RuleOutcome]:
        lot, when = self._lot(located), located.test.when
        on = when.on or lot.on or DEFAULT_DAY
        industry = when.industry or lot.industry or self._pack
        rules = [r for r in self._registry.list("rules") if gate in ("", r.gate)]
        facts = self._facts(located, lot)
        outcomes = judge(rules, facts, self._evaluate, on=on, industry=industry)
        return {outcome.id: outcome for outcome in outcomes}

    def _lot(self, located: LocatedTest) -> GivenLot:
        given = located.test.given
        return located.file.lot(given.lot) if given.lot is not None else GivenLot()

    def _facts(self, located: LocatedTest, lot: GivenLot) -> dict[str, object]:
        given = located.test.given
        written = {**lot.facts, **given.facts}
        unknown = set(written) | set(given.without)
        for name in sorted(unknown):
            self._known("facts", name)
        facts = {}
        for name in written.keys() - set(given.without):
            kind = self._registry.get("facts", name).type
            value = typed(written[name], kind)
            if value is None:
                raise _Wrong(f"fact {name} is {written[name]!r}; it must be of type {kind}")
            facts[name] = value
        return facts

    # life cycles

    def _workflow(self, located: LocatedTest, name: str, transition: str) -> str:
        self._known("workflows", name)
        workflow = self._registry.get("workflows", name)
        test, given = located.test, located.test.given
        steps = [each for each in workflow.transitions if each.id == transition]
        if not steps:
            known = [each.id for each in workflow.transitions]
            raise _Wrong(_unknown("transition", transition, known))
        demand = steps[0].signature
        gates = {each.gate for each in steps if each.gate}
        attempt = Attempt(
            transition=transition,
            actor_person=test.when.by,
            roles=frozenset(test.when.roles),
            reason=test.when.reason or "",
            signed_meaning=demand.meaning if demand and test.when.signed else "",
            history=tuple((each.transition, each.by) for each in given.history),
            facts=self._facts(located, self._lot(located)),
            gate_outcomes={g: blocking(self._judged(located, g).values()) for g in gates},
        )
        outcome = fire(
            compile_workflow(workflow),
            given.state or workflow.initial,
            attempt,
            evaluator(self._registry, f"workflows:{name}"),
        )
        if isinstance(outcome, Moved):
            return _compare_state(test.then, outcome.to_state)
        return _compare_refusals(test.then, outcome.refusals)

    # forms

    def _form(self, test: PackTest, name: str) -> str:
        self._known("forms", name)
        form = self._registry.get("forms", name)
        read = read_values(
            form.schema_,
            test.when.values,
            layout=form.layout,
            evaluate=evaluator(self._registry, f"forms:{name}"),
        )
        found = {fault.where.strip("/").replace("/", "."): fault.code for fault in read.faults}
        said = ", ".join(f"{fault.where}: {fault.code} {fault.message}" for fault in read.faults)
        if test.then == "accepted":
            return f"expected accepted, found {said}" if found else ""
        wanted = test.then.refused if isinstance(test.then, Then) else None
        if not isinstance(wanted, dict):
            raise _Wrong("of a form is said: then: accepted, or then: {refused: {field: code}}")
        if found == wanted:
            return ""
        return f"expected {_words(test.then)}, found {said or 'accepted'}"

    def _known(self, kind: str, name: str) -> None:
        known = [each.id for each in self._registry.list(kind)]
        if name not in known:
            raise _Wrong(_unknown(kind.removesuffix("s"), name, known))


def _cases(test: PackTest) -> Iterator[str]:
    """Name what a test of a rule shows; a rule may ask for a fact: then its lack is a failure."""
    if isinstance(test.then, str):
        yield test.then
        if test.given.without and test.then in ("unknown", "fails"):
            yield "fact missing"


def _compare_state(then: Any, state: str) -> str:
    if isinstance(then, Then) and then.state == state:
        return ""
    return f"expected {_words(then)}, found state {state}"


def _compare_refusals(then: Any, refusals: Sequence[Refusal]) -> str:
    codes = {refusal.code for refusal in refusals}
    if isinstance(then, Then) and then.refused is not None and set(then.refused) <= codes:
        return ""
    said = "; ".join(f"{refusal.code} {refusal.message}" for refusal in refusals)
    return f"expected {_words(then)}, found refused: {said}"


def _words(then: Any) -> str:
    if not isinstance(then, Then):
        return str(then)
    return f"state {then.state}" if then.state else f"refused {then.refused}"


def _unknown(kind: str, name: str, known: Sequence[str]) -> str:
    near = suggest(name, known)
    return f"there is no {kind} {name!r}" + (f" (did you mean {near!r}?)" if near else "")


def _name(test: PackTest) -> str:
    return " ".join(_parts(test))


def _parts(test: PackTest) -> Iterator[str]:
    when, given = test.when, test.given
    yield when.rule or when.form or f"{when.workflow} {when.transition}"
    yield _words(test.then)
    if given.facts:
        yield "with " + ", ".join(f"{name} = {value}" for name, value in given.facts.items())
    if given.without:
        yield "without " + ", ".join(given.without)
    if when.on:
        yield f"on {when.on}"
