"""Runs the tests a pack carries, and says which rules lack one of the four cases.

It must not know the database: a test is answered by the compiled definitions alone.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

from qtcore.definitions.pack_tests import (
    LocatedTest,
    PackTests,
    find_test_files,
    read_pack_tests,
)
from qtcore.definitions.problems import Problem, has_errors, suggest
from qtcore.definitions.rules import RuleDefinition
from qtcore.engines.forms import read_values
from qtcore.engines.rules import judge
from qtcore.engines.workflow import Attempt, Moved, compile_workflow, fire
from qtcore.errors import Refusal
from qtcore.registry.load import check_packs
from qtcore.registry.packs import find_pack_folders
from qtcore.registry.registry import Registry
from qtcore.services.evaluation import evaluator
from qtcore.services.pack_stories import merged_story, story_facts, story_problems

CASES: Final = ("passes", "fails", "missing", "outside")
"""What every rule is shown with: it passes, fails, does not pass without a fact, does not apply."""
_SUBJECTS: Final = ("rule", "form", "workflow", "recall")
_KINDS: Final = {"rule": "rules", "form": "forms", "workflow": "workflows", "recall": "recalls"}
DEFAULT_DAY: Final = date(2026, 1, 1)


@dataclass(frozen=True, slots=True)
class TestOutcome:
    """One test with the problems it met; none means it holds."""

    test: LocatedTest
    problems: tuple[Problem, ...]

    @property
    def name(self) -> str:
        """What to call it: its own name, or what it asks."""
        return self.test.test.name or f"{_asked(self.test)} (line {self.test.line})"


@dataclass(frozen=True, slots=True)
class RuleCover:
    """Which of the four cases the tests show of a rule."""

    rule: str
    is_mandatory: bool
    shown: tuple[str, ...]
    lacking: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PackTestReport:
    """What came of the tests of a pack. `problems` are all of them, by place."""

    pack: str
    outcomes: tuple[TestOutcome, ...]
    cover: tuple[RuleCover, ...]
    problems: tuple[Problem, ...]
    sources: Mapping[str, str]

    @property
    def is_ok(self) -> bool:
        """Say whether every test holds and every mandatory rule shows its cases."""
        return not has_errors(self.problems)

    @property
    def coverage(self) -> str:
        """Say in one line how many of the cases the rules show."""
        shown = sum(len(each.shown) for each in self.cover)
        wanted = sum(len(each.shown) + len(each.lacking) for each in self.cover)
        share = f"{100 * shown // wanted} %" if wanted else "nothing to cover"
        return f"{len(self.cover)} rules, {shown} of {wanted} cases shown ({share})"

    def as_json(self) -> dict[str, Any]:
        """Give the shape of `--json`."""
        failed = [each for each in self.outcomes if each.problems]
        return {
            "ok": self.is_ok,
            "pack": self.pack,
            "tests": len(self.outcomes),
            "failed": len(failed),
            "coverage": {
                "line": self.coverage,
                "rules": {
                    each.rule: {
                        "mandatory": each.is_mandatory,
                        "shown": list(each.shown),
                        "lacking": list(each.lacking),
                    }
                    for each in self.cover
                },
            },
            "problems": [each.as_json() for each in self.problems],
        }


def run_pack_tests(path: Path) -> PackTestReport:
    """Compile the pack at a path on the base and run its tests; mistakes are problems."""
    compiled = check_packs([path])
    folders = find_pack_folders(path)
    tests = read_pack_tests(file for folder in folders for file in find_test_files(folder))
    sources = {**compiled.sources, **tests.sources}
    broken = [p for p in compiled.problems if p.severity == "error"]
    registry = compiled.registry
    if broken or registry is None:
        return PackTestReport("", (), (), (*broken, *tests.problems), sources)
    names = {pack.name for pack in registry.packs} - {"base"}
    outcomes = run_tests(registry, tests)
    cover = tuple(_cover(registry, names, outcomes))
    found = (
        *tests.problems,
        *(problem for outcome in outcomes for problem in outcome.problems),
        *(_lacking(path, each) for each in cover if each.lacking),
    )
    return PackTestReport(", ".join(sorted(names)), outcomes, cover, found, sources)


def run_tests(registry: Registry, tests: PackTests) -> tuple[TestOutcome, ...]:
    """Run tests against compiled definitions."""
    return tuple(TestOutcome(test, tuple(_run(registry, test))) for test in tests.tests)


def _asked(test: LocatedTest) -> str:
    when = test.test.when
    return " ".join(f"{kind} {getattr(when, kind)}" for kind in _SUBJECTS if getattr(when, kind))


def _run(registry: Registry, test: LocatedTest) -> Iterator[Problem]:
    when = test.test.when
    asked = [kind for kind in _SUBJECTS if getattr(when, kind)]
    if len(asked) != 1:
        text = f"'when' asks {len(asked)} things; name exactly one of {', '.join(_SUBJECTS)}"
        yield test.problem("QT161", text, "when")
        return
    kind = asked[0]
    name = getattr(when, kind)
    if registry.find(_KINDS[kind], name) is None:
        known = [d.id for d in registry.list(_KINDS[kind])]
        text = f"there is no {kind} {name!r}"
        yield test.problem("QT161", text, "when", kind, suggestion=suggest(name, known))
        return
    expected = _EXPECTED[kind]
    given = test.test.then.model_fields_set
    if not given & expected or given - expected:
        text = f"'then' of a {kind} says {', '.join(sorted(expected))}; found: {sorted(given)}"
        yield test.problem("QT161", text, "then")
        return
    problems = list(story_problems(registry, test))
    yield from problems or _RUN[kind](registry, test)


def _run_rule(registry: Registry, test: LocatedTest) -> Iterator[Problem]:
    when, then = test.test.when, test.test.then
    on = when.on or DEFAULT_DAY
    given = merged_story(test)
    rule: RuleDefinition = registry.get("rules", str(when.rule))
    industry = given.industry if given.industry is not None else next(iter(rule.industries), "")
    rules = [each for each in registry.list("rules") if each.gate == rule.gate]
    facts = story_facts(registry, given, on)
    outcomes = judge(rules, facts, evaluator(registry), on=on, industry=industry)
    found = next(each for each in outcomes if each.id == rule.id)
    if then.outcome is not None and found.outcome != then.outcome:
        used = ", ".join(f"{k} = {v}" for k, v in sorted(found.facts_used.items()))
        why = found.because or f"check: {found.check}"
        yield _unmet(test, "outcome", then.outcome, f"{found.outcome} ({why}; facts: {used})")
    if then.missing is not None and tuple(sorted(then.missing)) != found.missing:
        yield _unmet(test, "missing", ", ".join(then.missing), ", ".join(found.missing))


def _run_form(registry: Registry, test: LocatedTest) -> Iterator[Problem]:
    when, then = test.test.when, test.test.then
    form = registry.get("forms", str(when.form))
    read = read_values(
        form.schema_,
        when.enter,
        layout=form.layout,
        texts=lambda key: registry.find_text(f"forms.{form.id}.{key}"),
        evaluate=evaluator(registry, f"forms:{form.id}"),
    )
    found = sorted((fault.where, fault.code) for fault in read.faults)
    if then.accepted is not None and then.accepted == bool(found):
        said = "; ".join(f"{fault.where}: {fault.code} {fault.message}" for fault in read.faults)
        wanted = "accepted" if then.accepted else "refused"
        yield _unmet(test, "accepted", wanted, said or "accepted")
    elif then.refused and found != sorted((each.field, each.code) for each in then.refused):
        wanted = "; ".join(f"{each.field}: {each.code}" for each in then.refused)
        yield _unmet(test, "refused", wanted, "; ".join(": ".join(each) for each in found))


def _run_workflow(registry: Registry, test: LocatedTest) -> Iterator[Problem]:
    when, then = test.test.when, test.test.then
    flow = registry.get("workflows", str(when.workflow))
    steps = [step for step in flow.transitions if step.id == when.fire]
    gates = {step.gate for step in steps if step.gate}
    objections = tuple(Refusal(name, f"rule {name} says no") for name in when.objections)
    rules = {rule for step in steps for rule in step.rules}
    demand = next((step.signature for step in steps if step.signature), None)
    given = merged_story(test)
    own, unknown = _entered(registry, flow.id, when.enter)
    for name in unknown:
        text = f"no record with the workflow {flow.id} has the field {name!r}"
        yield test.problem("QT161", text, "when", "enter", name)
    attempt = Attempt(
        transition=when.fire or "",
        actor_person=when.by,
        roles=frozenset(when.roles),
        reason=when.reason or "",
        signed_meaning=demand.meaning if demand and when.signed else "",
        history=tuple((step.transition, step.by) for step in when.history),
        facts={**story_facts(registry, given, when.on or DEFAULT_DAY), **own},
        filled_forms=frozenset(when.filled),
        gate_outcomes=dict.fromkeys(gates, objections),
        rule_outcomes={rule: tuple(o for o in objections if o.code == rule) for rule in rules},
    )
    run = evaluator(registry, f"workflows:{flow.id}")
    outcome = fire(compile_workflow(flow), when.state or flow.initial, attempt, run)
    if isinstance(outcome, Moved):
        if then.moves_to != outcome.to_state:
            wanted = then.moves_to or f"stopped by {', '.join(then.stopped)}"
            yield _unmet(test, "moves_to", wanted, f"moved to {outcome.to_state}")
        return
    codes = sorted({refusal.code for refusal in outcome.refusals})
    if then.moves_to is not None or codes != sorted(then.stopped):
        said = "; ".join(f"{refusal.code} {refusal.message}" for refusal in outcome.refusals)
        yield _unmet(test, "stopped", then.moves_to or ", ".join(then.stopped), said)


def _entered(
    registry: Registry, workflow: str, values: Mapping[str, Any]
) -> tuple[dict[str, object], list[str]]:
    """Read what a record with this life cycle says, and name the fields none of them has."""
    found: dict[str, object] = {}
    unknown = set(values)
    for record in registry.list("records"):
        if record.workflow != workflow:
            continue
        form = registry.get("forms", record.form)
        fields = form.schema_.get("properties") or {}
        told = {name: value for name, value in values.items() if name in fields}
        unknown -= set(told)
        run = evaluator(registry, f"forms:{form.id}")
        found |= read_values(form.schema_, told, evaluate=run).values if told else {}
    return found, sorted(unknown)


def _run_recall(registry: Registry, test: LocatedTest) -> Iterator[Problem]:
    when, then = test.test.when, test.test.then
    plan = registry.get("recalls", str(when.recall))
    node = next((each for each in plan.nodes if each.id == when.node), None)
    if node is None:
        known = [each.id for each in plan.nodes]
        text = f"plan {plan.id} has no node {when.node!r}; it has: {', '.join(known)}"
        yield test.problem("QT161", text, "when", suggestion=suggest(str(when.node), known))
        return
    if when.class_ not in {each.id for each in plan.classes}:
        known = [each.id for each in plan.classes]
        text = f"plan {plan.id} has no class {when.class_!r}; it has: {', '.join(known)}"
        yield test.problem("QT161", text, "when", suggestion=suggest(str(when.class_), known))
        return
    found = node.due.get(str(when.class_))
    if then.not_due and found is not None:
        yield _unmet(test, "not_due", "no deadline", found)
    elif then.due is not None and found != then.due:
        yield _unmet(test, "due", then.due, found or "no deadline")


def _unmet(test: LocatedTest, key: str, expected: str, found: str) -> Problem:
    text = f"{_asked(test)}: expected {expected}, found {found or 'nothing'}"
    return test.problem("QT160", text, "then", key)


_RUN: Mapping[str, Callable[[Registry, LocatedTest], Iterator[Problem]]] = {
    "rule": _run_rule,
    "form": _run_form,
    "workflow": _run_workflow,
    "recall": _run_recall,
}
_EXPECTED: Mapping[str, frozenset[str]] = {
    "rule": frozenset({"outcome", "missing"}),
    "form": frozenset({"accepted", "refused"}),
    "workflow": frozenset({"moves_to", "stopped"}),
    "recall": frozenset({"due", "not_due"}),
}


def _cover(
    registry: Registry, packs: set[str], outcomes: Sequence[TestOutcome]
) -> Iterator[RuleCover]:
    shown: dict[str, set[str]] = {}
    for outcome in outcomes:
        when, then = outcome.test.test.when, outcome.test.test.then
        if when.rule and then.outcome and not outcome.problems:
            shown.setdefault(when.rule, set()).update(_cases(outcome.test, then.outcome))
    for rule in registry.list("rules"):
        if registry.owner_of("rules", rule.id) in packs:
            found = shown.get(rule.id, set())
            wanted = CASES if _may_not_apply(rule) else CASES[:3]
            yield RuleCover(
                rule.id,
                rule.mandatory,
                tuple(case for case in wanted if case in found),
                tuple(case for case in wanted if case not in found),
            )


def _cases(test: LocatedTest, outcome: str) -> Iterator[str]:
    yield {"pass": "passes", "fail": "fails", "not_applicable": "outside"}.get(outcome, "missing")
    # A rule that asks whether something is present fails without it; it is never unknown.
    if outcome == "fail" and test.test.given.missing:
        yield "missing"


def _may_not_apply(rule: RuleDefinition) -> bool:
    return bool(rule.when or rule.industries or rule.valid_from or rule.valid_to)


def _lacking(path: Path, cover: RuleCover) -> Problem:
    cases = ", ".join(cover.lacking)
    word = "mandatory rule" if cover.is_mandatory else "rule"
    text = f"{word} {cover.rule} has no test that holds for: {cases}"
    severity = "error" if cover.is_mandatory else "warning"
    return Problem("QT162", text, (path / "tests").as_posix(), severity=severity)  # type: ignore[arg-type]
