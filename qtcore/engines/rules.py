"""Rules judged on facts: pass, fail, unknown or not applicable, and what of it blocks.

It must not know how facts are gathered, nor the expression language; see `Evaluate`. A rule may
speak of another by `rule('X')`: that one is judged when its outcome is asked for.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final, Literal

from qtcore.definitions.definition import LegalSource
from qtcore.definitions.rules import RuleDefinition, Severity
from qtcore.errors import Refusal

Facts = Mapping[str, object]
Outcomes = Mapping[str, bool | None]
Evaluate = Callable[[str, Facts, Outcomes], bool | None]
"""Expression, facts, and the outcomes of other rules -> true, false, or None for unknown."""

Verdict = Literal["pass", "fail", "unknown", "not_applicable"]

# A referred rule that does not apply has no objection; one that is unknown is still unknown.
_AS_REFERRED: Final[Mapping[Verdict, bool | None]] = {
    "pass": True,
    "fail": False,
    "unknown": None,
    "not_applicable": True,
}
_BLOCKING: Final = ("block", "block_override")
_DEEPEST: Final = 25


@dataclass(frozen=True, slots=True)
class RuleOutcome:
    """What a rule says on a day, with everything needed to show and to repeat the decision.

    `facts_used` are the facts it read and found, `missing` the names it read without a value,
    `rules_used` the outcomes of the rules it refers to. `because` says in words why it is unknown
    or not applicable. `valid` is its period of validity as declared.
    """

    id: str
    outcome: Verdict
    severity: Severity
    check: str
    facts_used: Mapping[str, object] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    rules_used: Mapping[str, Verdict] = field(default_factory=dict)
    because: str = ""
    source: LegalSource | None = None
    valid: tuple[date | None, date | None] = (None, None)

    @property
    def referred(self) -> Outcomes:
        """The outcomes of the rules it refers to, as its expression sees them."""
        return {name: _AS_REFERRED[verdict] for name, verdict in self.rules_used.items()}

    @property
    def blocks(self) -> bool:
        """Say whether it stops the gate, overridable or not: unknown stops like false."""
        return self.severity in _BLOCKING and self.outcome in ("fail", "unknown")


def judge(
    rules: Iterable[RuleDefinition],
    facts: Facts,
    evaluate: Evaluate,
    *,
    on: date,
    industry: str | None = None,
) -> tuple[RuleOutcome, ...]:
    """Judge the rules of one gate, ordered by id.

    `industry` is that of the item; None when the caller chose the rules that apply already.
    """
    judging = _Judging(rules, facts, evaluate, (on, industry))
    return tuple(judging.outcome(name) for name in sorted(judging.rules))


def blocking(
    outcomes: Iterable[RuleOutcome], *, overridden: Collection[str] = ()
) -> tuple[Refusal, ...]:
    """Say which outcomes stop the gate; `overridden` names rules of severity block_override that
    somebody justified. The code of a refusal is the rule's id."""
    return tuple(
        Refusal(
            outcome.id,
            _describe(outcome),
            fix=_fix(outcome),
            source=cite(outcome.source) if outcome.source else "",
        )
        for outcome in outcomes
        if outcome.blocks
        and not (outcome.severity == "block_override" and outcome.id in overridden)
    )


def cite(source: LegalSource) -> str:
    """Write a legal source on one line; one that nobody verified says so."""
    law = " ".join(part for part in (source.law, source.clause) if part)
    where = f" ({source.jurisdiction})" if source.jurisdiction else ""
    return f"{law}{where}{' [unverified]' if source.status == 'unverified' else ''}"


class _Judging:
    """One judgement of many rules: each is judged once, also when others refer to it."""

    def __init__(
        self,
        rules: Iterable[RuleDefinition],
        facts: Facts,
        evaluate: Evaluate,
        scope: tuple[date, str | None],
    ) -> None:
        self.rules = {rule.id: rule for rule in rules}
        self._facts = facts
        self._evaluate = evaluate
        self._on, self._industry = scope
        self._done: dict[str, RuleOutcome] = {}
        self._open: dict[str, None] = {}
        self._looped: dict[str, str] = {}

    def outcome(self, name: str) -> RuleOutcome:
        """Judge a rule, or give what was judged before."""
        if name not in self._done:
            self._open[name] = None
            found = self._judge(self.rules[name])
            del self._open[name]
            self._done[name] = found
        return self._done[name]

    def referred(self, name: str) -> Verdict | None:
        """Judge a rule for another one; None when it cannot be."""
        if name in self._done:
            return self._done[name].outcome
        if name not in self.rules:
            return None
        if name in self._open:
            self._mark_loop(name)
            return None
        if len(self._open) >= _DEEPEST:
            return None
        return self.outcome(name).outcome

    def _mark_loop(self, name: str) -> None:
        walked = list(self._open)
        loop = walked[walked.index(name) :]
        words = "rules refer to each other: " + " -> ".join((*loop, name))
        for each in loop:
            self._looped.setdefault(each, words)

    def _judge(self, rule: RuleDefinition) -> RuleOutcome:
        excluded = self._why_excluded(rule)
        facts, rules = _Watched(self._facts), _Referred(self)
        if not excluded and rule.when is not None:
            is_meant = self._evaluate(rule.when, facts, rules)
            excluded = f"only when {rule.when}" if is_meant is False else ""
        answer = None if excluded else self._evaluate(rule.check, facts, rules)
        missing = tuple(sorted(facts.missing | rules.missing))
        loop = self._looped.get(rule.id, "")
        verdict: Verdict = "unknown"
        if loop:
            # Three values could make one member of a loop pass; then the order would decide.
            because = loop
        elif excluded:
            verdict, because = "not_applicable", excluded
        elif answer is None:
            because = f"no value for {', '.join(missing)}" if missing else "cannot be decided"
        else:
            verdict, because = ("pass" if answer else "fail"), ""
        return RuleOutcome(
            rule.id,
            verdict,
            rule.severity,
            rule.check,
            facts_used=facts.found,
            missing=missing,
            rules_used=rules.found,
            because=because,
            source=rule.source,
            valid=(rule.valid_from, rule.valid_to),
        )

    def _why_excluded(self, rule: RuleDefinition) -> str:
        if rule.valid_from is not None and self._on < rule.valid_from:
            return f"valid from {rule.valid_from}"
        if rule.valid_to is not None and self._on > rule.valid_to:
            return f"valid to {rule.valid_to}"
        if self._industry is None or not rule.industries or self._industry in rule.industries:
            return ""
        return f"only for {', '.join(rule.industries)}"


class _Watched(Mapping[str, object]):
    """Facts that remember which of them were asked for."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self.found: dict[str, object] = {}
        self.missing: set[str] = set()

    def __getitem__(self, name: str) -> object:
        value = self._facts.get(name)
        if value is None:
            self.missing.add(name)
            raise KeyError(name)
        self.found[name] = value
        return value

    def __iter__(self) -> Iterator[str]:
        return iter(self._facts)

    def __len__(self) -> int:
        return len(self._facts)


class _Referred(Mapping[str, bool | None]):
    """Outcomes of other rules, judged when asked for."""

    def __init__(self, judging: _Judging) -> None:
        self._judging = judging
        self.found: dict[str, Verdict] = {}
        self.missing: set[str] = set()

    def __getitem__(self, name: str) -> bool | None:
        verdict = self._judging.referred(name)
        if verdict is None:
            self.missing.add(f"rule {name}")
            return None
        self.found[name] = verdict
        return _AS_REFERRED[verdict]

    def __iter__(self) -> Iterator[str]:
        return iter(self._judging.rules)

    def __len__(self) -> int:
        return len(self._judging.rules)


def _describe(outcome: RuleOutcome) -> str:
    facts = [f"{name} = {_shown(value)}" for name, value in sorted(outcome.facts_used.items())]
    rules = [f"rule {name} = {verdict}" for name, verdict in sorted(outcome.rules_used.items())]
    found = ", ".join(facts + rules)
    because = f"; {outcome.because}" if outcome.outcome == "unknown" else ""
    return f"needed: {outcome.check}" + (f"; found: {found}" if found else "") + because


def _fix(outcome: RuleOutcome) -> str:
    if outcome.outcome == "unknown" and outcome.missing:
        return f"record what is missing: {', '.join(outcome.missing)}"
    if outcome.severity == "block_override":
        return "settle it, or justify the exception with a second signature"
    return "settle what the rule asks for"


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return ", ".join(map(str, value)) if isinstance(value, tuple | list) else str(value)
