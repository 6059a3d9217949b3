"""May this lot go out? Every rule's verdict with the facts it saw, now and as it was decided.

It must not change anything: deciding is a transition, see `qtcore.services.transitions`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlmodel import Session

from qtcore.context import Context
from qtcore.definitions.rules import RuleDefinition
from qtcore.engines.expressions import Clause, Compiled, Step, explain, explain_tree
from qtcore.engines.rules import RuleOutcome, blocking, judge
from qtcore.errors import InputRejected, Refusal, Refused
from qtcore.registry.registry import Registry
from qtcore.services.decisions import Basis, judgements_of
from qtcore.services.evaluation import evaluator
from qtcore.services.evidence import LotEvidence, read_evidence
from qtcore.services.fact_sources import fact_sources
from qtcore.services.facts import gather_facts
from qtcore.services.held_inputs import as_seen
from qtcore.services.judgements import freeze_lot
from qtcore.services.overrides import justified_rules
from qtcore.services.rights import require
from qtcore.services.sight import get_seen
from qtcore.services.site import Site
from qtcore.services.veils import UNSEEN, hidden_facts, unveiled, veil_change
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
    condition: Compiled
    facts: Mapping[str, object]
    is_veiled: bool = field(default=False, kw_only=True)
    version: Mapping[str, Any] = field(default_factory=dict)
    sources: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)

    @property
    def clauses(self) -> tuple[Clause, ...]:
        """The operands of the expression with the values they looked at."""
        return () if self.is_veiled else explain(self.condition, self.facts, self.outcome.referred)

    def explain(self) -> Step:
        """Say part by part what came out, and which parts and facts decided."""
        return explain_tree(self.condition, self.facts, self.outcome.referred)

    def as_json(self) -> dict[str, Any]:
        """Give the shape of the API: the stored verdict, its version, and where facts come from."""
        first, last = self.outcome.valid
        explained = None if self.is_veiled else self.explain()
        told = self.verdict_json()
        for clause, part in zip(told["clauses"], explained.parts if explained else (), strict=True):
            clause["decides"] = part.is_deciding
        return {
            **told,
            "explained": explained.as_json() if explained else None,
            "deciding_facts": list(explained.deciding_facts) if explained else [],
            "because": self.outcome.because,
            "limit": self.outcome.check,
            "version": dict(self.version),
            "valid": {"from": first and first.isoformat(), "to": last and last.isoformat()},
            "evidence": [
                {"fact": name, "value": _plain(value), "sources": list(self.sources.get(name, ()))}
                for name, value in [
                    *self.outcome.facts_used.items(),
                    *((name, None) for name in self.outcome.missing),
                ]
            ],
        }

    def verdict_json(self) -> dict[str, Any]:
        """Give the verdict as the history of the lot keeps it."""
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
    basis: Basis

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
        info = get_seen(site, context, session, lot)
        if info.kind != "lot":
            raise InputRejected(f"{lot!r} is a {info.kind}; only a lot is released")
        return veil_release(site, context, judge_lot(site, session, info, context))


def veil_release(site: Site, context: Context, view: ReleaseView) -> ReleaseView:
    """Leave out of an answer the facts that this person does not see, and words that tell them."""
    hidden = hidden_facts(site, context)
    if not hidden:
        return view
    closed = {
        rule.outcome.id
        for rule in view.rules
        if not hidden.isdisjoint({*rule.outcome.facts_used, *rule.outcome.missing})
    }
    return replace(
        view,
        rules=tuple(
            _veil_rule(rule, hidden) if rule.outcome.id in closed else rule for rule in view.rules
        ),
        refusals=tuple(
            replace(each, message=UNSEEN) if each.code in closed else each for each in view.refusals
        ),
        decided=veil_change(site, context, view.decided) if view.decided else None,
    )


def _veil_rule(rule: RuleView, hidden: frozenset[str]) -> RuleView:
    outcome = rule.outcome
    told = replace(
        outcome,
        facts_used=unveiled(outcome.facts_used, hidden),
        missing=tuple(name for name in outcome.missing if name not in hidden),
        because=UNSEEN,
    )
    return replace(rule, outcome=told, is_veiled=True, sources=unveiled(rule.sources, hidden))


def judge_lot(site: Site, session: Session, info: NodeInfo, context: Context) -> ReleaseView:
    """Judge a lot by the rules of the release gate and by the packs, inside a running session."""
    changes = state_changes_of(session, site.store.tenant_id, info.uid)
    decided = [c for c in changes if c.to_state in ("released", "rejected")]
    view = judge_gate(site, session, info, (context, GATE))
    return replace(view, decided=decided[-1] if decided else None)


def judge_gate(
    site: Site,
    session: Session,
    info: NodeInfo,
    asked: tuple[Context, str],
    *,
    evidence: LotEvidence | None = None,
) -> ReleaseView:
    """Judge a lot by the rules of one gate; the packs are asked about a release only.

    What was decided before is not looked up. `evidence`: if it was read before, for many lots.
    """
    context, gate = asked
    evidence = evidence or read_evidence(site, session, info, context.at.date())
    seen_inputs = as_seen(site, context, session, evidence.held_inputs)
    evidence = replace(evidence, held_inputs=seen_inputs)
    facts = gather_facts(site, evidence)
    read = (evidence.hold_rows, evidence.item_extra)
    seen = freeze_lot(site, info, read, facts)
    given, _ = site.hooks.give_facts(seen)
    facts |= {name: value for name, value in given.items() if value is not None}
    rules, switched_off = _rules(site, gate, info.industry)
    outcomes = judge(rules, facts, evaluator(site.registry), on=evidence.on)
    shown = freeze_lot(site, info, read, facts)
    said = site.hooks.judge_release(shown) if gate == GATE else ()
    # Only where a rule that may be justified objects is somebody asked for who justified it.
    may_be = any(each.blocks and each.severity == "block_override" for each in outcomes)
    justified = justified_rules(site, session, info, context) if may_be else frozenset[str]()
    objections = blocking(outcomes, overridden=justified)
    refusals = [*switched_off, *worded(site, objections, context.language), *said]
    used = {name for o in outcomes for name in (*o.facts_used, *o.missing)}
    basis = Basis(
        evidence.on,
        info.industry,
        facts,
        fact_sources(site, evidence, used),
        shown,
        tuple(kept_outcome(site.registry, outcome) for outcome in outcomes),
        judgements_of(site, "judge_release", said),
        overridden=tuple(sorted(justified)),
    )
    views = tuple(rule_view(site.registry, o, basis, context.language) for o in outcomes)
    return ReleaseView(info, views, tuple(refusals), None, basis)


def _rules(
    site: Site, gate: str, industry: str
) -> tuple[tuple[RuleDefinition, ...], tuple[Refusal, ...]]:
    """List the rules that apply; a broken pack blocks what depends on it and is named."""
    try:
        return site.registry.rules_of(gate, industry), ()
    except Refused as refused:
        return site.registry.rules_of(gate), refused.refusals


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


def rule_view(registry: Registry, outcome: RuleOutcome, basis: Basis, language: str) -> RuleView:
    """Word an outcome by the registry it was judged with, now or then."""
    return RuleView(
        outcome,
        registry.text(f"rules.{outcome.id}.title", language),
        registry.text(f"rules.{outcome.id}.fix", language),
        registry.owner_of("rules", outcome.id),
        registry.expression(outcome.check),
        basis.facts,
        rule_version(registry, outcome.id),
        basis.sources,
    )


def rule_version(registry: Registry, rule: str) -> dict[str, str]:
    """Name the version of a rule: its hash, and the pack that brings it with version and Python."""
    name = registry.owner_of("rules", rule)
    pack = next((each for each in registry.packs if each.name == name), None)
    return {
        "fingerprint": registry.fingerprint_of("rules", rule),
        "pack": name,
        "pack_version": pack.version if pack else "",
        "code": registry.hooks.digests.get(name, ""),
    }


def kept_outcome(registry: Registry, outcome: RuleOutcome) -> dict[str, Any]:
    """Give an outcome as a decision keeps it: verdict, version, legal source, which facts."""
    source = outcome.source
    return {
        "rule": outcome.id,
        "outcome": outcome.outcome,
        "severity": outcome.severity,
        "check": outcome.check,
        "because": outcome.because,
        "facts": sorted(outcome.facts_used),
        "missing": list(outcome.missing),
        "version": rule_version(registry, outcome.id),
        "source": source.model_dump(mode="json", exclude_none=True) if source else None,
    }
