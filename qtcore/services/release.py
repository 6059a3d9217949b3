"""May this lot go out? Every rule's verdict with the facts it saw, now and as it was decided.

It must not change anything: deciding is a transition, see `qtcore.services.transitions`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlmodel import Session

from qtcore.context import Context
from qtcore.definitions.rules import RuleDefinition
from qtcore.engines.expressions import Clause, explain
from qtcore.engines.rules import RuleOutcome, blocking, judge
from qtcore.errors import InputRejected, Refusal, Refused
from qtcore.services.evaluation import evaluator
from qtcore.services.facts import gather_facts, read_evidence
from qtcore.services.judgements import lot_facts
from qtcore.services.nodes import resolve
from qtcore.services.rights import require
from qtcore.services.site import Site
from qtcore.store.queries.nodes import NodeInfo
from qtcore.store.queries.records import StateChangeRow, state_changes_of

GATE = "release"


@dataclass(frozen=True, slots=True)
class RuleView:
    """A rule's verdict in words: what was asked, what was found, what to do."""

    outcome: RuleOutcome
    title: str
    fix: str
    pack: str
    clauses: tuple[Clause, ...]

    def as_json(self) -> dict[str, Any]:
        """Give the shape of the API, of the stored verdict and of the pages."""
        source = self.outcome.source
        return {
            "rule": self.outcome.id,
            "outcome": self.outcome.outcome,
            "severity": self.outcome.severity,
            "title": self.title,
            "fix": self.fix,
            "pack": self.pack,
            "check": self.outcome.check,
            "facts": {k: _plain(v) for k, v in self.outcome.facts_used.items()},
            "missing": list(self.outcome.missing),
            "clauses": [{"text": c.with_values, "value": _plain(c.value)} for c in self.clauses],
            "source": source.model_dump(mode="json", exclude_none=True) if source else None,
        }


@dataclass(frozen=True, slots=True)
class ReleaseView:
    """The whole answer: blocked with reasons, or ready; and the decision once it is made."""

    info: NodeInfo
    rules: tuple[RuleView, ...]
    refusals: tuple[Refusal, ...]
    decided: StateChangeRow | None

    @property
    def verdict(self) -> str:
        """Say released, rejected, ready or blocked."""
        if self.info.state in ("released", "rejected"):
            return self.info.state
        return "blocked" if self.refusals else "ready"

    def as_json(self) -> dict[str, Any]:
        """Give the shape of the API."""
        return {
            "lot_id": self.info.uid,
            "item": self.info.item_code,
            "lot_no": self.info.lot_no,
            "state": self.info.state,
            "verdict": self.verdict,
            "may_be_released": not self.refusals,
            "reasons": [r.as_json() for r in self.refusals],
            "rules": [r.as_json() for r in self.rules],
            "decided": self.decided.as_json() if self.decided else None,
        }


def _plain(value: object) -> object:
    if value is None or isinstance(value, bool | int | str):
        return value
    return list(value) if isinstance(value, tuple) else str(value)


def explain_release(site: Site, context: Context, lot: str) -> ReleaseView:
    """Explain whether a lot may be released, with the fact, limit and source of each rule.

    `decided` holds the stored verdicts of the last release or rejection, as they were then.
    """
    require(site, context, "lot.read", about=lot)
    with site.store.read() as session:
        info = resolve(session, site.store.tenant_id, lot)
        if info.kind != "lot":
            raise InputRejected(f"{lot!r} is a {info.kind}; only a lot is released")
        return judge_lot(site, session, info, context)


def judge_lot(site: Site, session: Session, info: NodeInfo, context: Context) -> ReleaseView:
    """Judge a lot by the rules of the release gate and by the packs, inside a running session."""
    evidence = read_evidence(site, session, info, context.at.date())
    facts = gather_facts(site, evidence)
    seen = lot_facts(site, session, info, facts)
    given, _ = site.hooks.give_facts(seen)
    facts |= {name: value for name, value in given.items() if value is not None}
    rules, switched_off = _rules(site, info.industry)
    outcomes = judge(rules, facts, evaluator(site.registry), on=evidence.on)
    refusals = [
        *switched_off,
        *worded(site, blocking(outcomes), context.language),
        *site.hooks.judge_release(lot_facts(site, session, info, facts)),
    ]
    changes = state_changes_of(session, site.store.tenant_id, info.uid)
    decided = [c for c in changes if c.to_state in ("released", "rejected")]
    views = tuple(_view(site, o, facts, context.language) for o in outcomes)
    return ReleaseView(info, views, tuple(refusals), decided[-1] if decided else None)


def _rules(site: Site, industry: str) -> tuple[tuple[RuleDefinition, ...], tuple[Refusal, ...]]:
    """List the rules that apply; a broken pack blocks what depends on it and is named."""
    try:
        return site.registry.rules_of(GATE, industry), ()
    except Refused as refused:
        return site.registry.rules_of(GATE), refused.refusals


def worded(site: Site, refusals: tuple[Refusal, ...], language: str) -> list[Refusal]:
    """Say what rules refuse with their titles and what to do, in a language, and by whom."""
    worded = []
    for refusal in refusals:
        title = site.registry.text(f"rules.{refusal.code}.title", language)
        fix = site.registry.text(f"rules.{refusal.code}.fix", language)
        asked_by = site.registry.owner_of("rules", refusal.code)
        worded.append(
            Refusal(refusal.code, f"{title}: {refusal.message}", asked_by, fix, refusal.source)
        )
    return worded


def _view(site: Site, outcome: RuleOutcome, facts: Mapping[str, object], language: str) -> RuleView:
    compiled = site.registry.expression(outcome.check)
    return RuleView(
        outcome,
        site.registry.text(f"rules.{outcome.id}.title", language),
        site.registry.text(f"rules.{outcome.id}.fix", language),
        site.registry.owner_of("rules", outcome.id),
        explain(compiled, facts),
    )
