"""A release explained: as it stands now, as it was decided, and where the two differ.

It must not decide. What was decided is read from the decision's document and judged once more by
the version it was made under, so that the answer shows whether it can be reproduced.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from sqlmodel import Session

from qtcore.context import Context
from qtcore.engines.rules import RuleOutcome
from qtcore.errors import InputRejected, NotFound, QTCoreError
from qtcore.registry.registry import Registry
from qtcore.services.decisions import Basis, decisions_of, document_sha256
from qtcore.services.recorded_values import shown_recorded
from qtcore.services.rejudging import facts_of, judge_again
from qtcore.services.release import GATE, ReleaseView, judge_lot, rule_view, veil_release
from qtcore.services.rights import require
from qtcore.services.sight import get_seen
from qtcore.services.site import Site, registry_at
from qtcore.services.veils import hidden_facts, unveiled, veil_refusals, veil_rule
from qtcore.store.queries.nodes import NodeInfo
from qtcore.store.tables import Decision

DECIDES = frozenset({"released", "rejected"})


@dataclass(frozen=True, slots=True)
class Difference:
    """A rule that says something else now than when it was decided, or whose facts changed."""

    rule: str
    title: str
    then: str
    now: str
    facts_then: Mapping[str, object]
    facts_now: Mapping[str, object]

    def as_json(self) -> dict[str, Any]:
        """Give the shape of the API."""
        return {
            "rule": self.rule,
            "title": self.title,
            "then": self.then,
            "now": self.now,
            "facts_then": dict(self.facts_then),
            "facts_now": dict(self.facts_now),
        }


@dataclass(frozen=True, slots=True)
class AsDecided:
    """A decision as it was made: `rules` as kept, worded by the version of then where it compiles.

    `is_reproduced`: the same rules on the same facts say the same today; `is_intact`: the document
    has the hash that the ledger holds.
    """

    row: Decision
    rules: tuple[Mapping[str, Any], ...]
    is_reproduced: bool
    is_intact: bool
    notes: tuple[str, ...] = ()
    hidden: frozenset[str] = frozenset()

    def as_json(self) -> dict[str, Any]:
        """Give the shape of the API."""
        row, document = self.row, self.row.document
        facts = unveiled(document["facts"], self.hidden)
        return {
            "decision_id": row.uid,
            "transition": row.transition,
            "outcome": row.outcome,
            "from": row.from_state,
            "to": row.to_state,
            "at": row.at.isoformat(),
            "by": row.actor,
            "roles": document["attempt"]["roles"],
            "reason": document["attempt"]["reason"],
            "on": document["on"],
            "config_version": row.config_number,
            "inputs_sha256": document["inputs_sha256"],
            "content_sha256": row.content_sha256,
            "intact": self.is_intact,
            "reproduced": self.is_reproduced,
            "notes": list(self.notes),
            "reasons": veil_refusals(document["refusals"], document["rules"], self.hidden),
            "judgements": document["judgements"],
            "facts": {name: shown_recorded(raw) for name, raw in facts.items()},
            "rules": [dict(rule) for rule in self.rules],
        }


@dataclass(frozen=True, slots=True)
class Explanation:
    """Both views of one lot; `decided` is None while nobody has decided."""

    now: ReleaseView
    decided: AsDecided | None
    differences: tuple[Difference, ...]

    def as_json(self, *, as_decided: bool = False) -> dict[str, Any]:
        """Give the shape of the API: the view asked for, with the other one beside it."""
        told = self.now.as_json()
        told["decision"] = self.decided.as_json() if self.decided else None
        told["differences"] = [each.as_json() for each in self.differences]
        told["as_decided"] = as_decided
        if as_decided and self.decided is not None:
            told["now"] = {"verdict": told["verdict"], "rules": told["rules"]}
            told["rules"] = told["decision"]["rules"]
            told["reasons"] = told["decision"]["reasons"]
            row = self.decided.row
            told["verdict"] = row.to_state if row.outcome == "made" else "blocked"
            told["may_be_released"] = row.to_state == "released"
        return told


def explain_lot(site: Site, context: Context, lot: str, *, as_decided: bool = False) -> Explanation:
    """Explain a lot's release now and as it was decided, each rule with facts, limit and source.

    The decision shown is the last release or rejection; before one, the last refused attempt.
    Raises NotFound with `as_decided` when nobody has decided anything yet.
    """
    require(site, context, "lot.read", about=lot)
    with site.store.read() as session:
        info = get_seen(site, context, session, lot)
        if info.kind != "lot":
            raise InputRejected(f"{lot!r} is a {info.kind}; only a lot is released")
        now = veil_release(site, context, judge_lot(site, session, info, context))
        row = _last_decision(session, site.store.tenant_id, info)
        if row is None and as_decided:
            raise NotFound(
                f"no release of lot {info.lot_no} was decided or tried yet; leave --as-decided out"
            )
        decided = _as_decided(site, session, row, context.language) if row else None
    if decided is not None:
        decided = _veiled(decided, hidden_facts(site, context))
    return Explanation(now, decided, _differences(now, decided))


def _veiled(decided: AsDecided, hidden: frozenset[str]) -> AsDecided:
    rules = tuple(veil_rule(rule, hidden) for rule in decided.rules)
    return replace(decided, rules=rules, hidden=hidden) if hidden else decided


def _last_decision(session: Session, tenant_id: int, info: NodeInfo) -> Decision | None:
    rows = [
        row
        for row in decisions_of(session, tenant_id, info.uid)
        if row.gate == GATE or row.to_state in DECIDES
    ]
    made = [row for row in rows if row.outcome == "made"]
    return (made or rows)[-1] if rows else None


def _as_decided(site: Site, session: Session, row: Decision, language: str) -> AsDecided:
    is_intact = document_sha256(row.document) == row.content_sha256
    kept = row.document["rules"]
    try:
        registry = registry_at(site, session, row.config_number)
    except QTCoreError as error:
        note = f"stored verdicts are shown: {error.message}"
        rules = tuple(_kept(row, rule) for rule in kept)
        return AsDecided(row, rules, is_reproduced=False, is_intact=is_intact, notes=(note,))
    if not row.gate:
        return AsDecided(row, (), is_reproduced=is_intact, is_intact=is_intact)
    again = judge_again(registry, row, row.gate)
    basis = Basis(
        date.fromisoformat(row.document["on"]),
        row.document["industry"],
        facts_of(row),
        row.document["sources"],
    )
    fresh = {outcome.id: outcome for outcome in again.outcomes}
    rules = tuple(_worded(registry, row, rule, (fresh, basis, language)) for rule in kept)
    verdicts = {rule["rule"]: rule["outcome"] for rule in kept}
    is_same = verdicts == {name: outcome.outcome for name, outcome in fresh.items()}
    return AsDecided(row, rules, is_same, is_intact, again.notes)


def _worded(
    registry: Registry,
    row: Decision,
    rule: Mapping[str, Any],
    found: tuple[Mapping[str, RuleOutcome], Basis, str],
) -> Mapping[str, Any]:
    """Show a kept verdict with the words and clauses of its own version."""
    fresh, basis, language = found
    outcome = fresh.get(rule["rule"])
    if outcome is None:
        return _kept(row, rule)
    view = rule_view(registry, outcome, basis, language).as_json()
    return {**view, "outcome": rule["outcome"], "version": rule["version"]}


def _kept(row: Decision, rule: Mapping[str, Any]) -> Mapping[str, Any]:
    facts, sources = row.document["facts"], row.document["sources"]
    used = {name: shown_recorded(facts[name]) for name in rule["facts"] if name in facts}
    return {
        **rule,
        "title": rule["rule"],
        "limit": rule["check"],
        "clauses": [],
        "facts": used,
        "evidence": [
            {"fact": name, "value": used.get(name), "sources": sources.get(name, [])}
            for name in (*rule["facts"], *rule["missing"])
        ],
    }


def _differences(now: ReleaseView, decided: AsDecided | None) -> tuple[Difference, ...]:
    if decided is None:
        return ()
    live = {rule["rule"]: rule for rule in (view.as_json() for view in now.rules)}
    then = {rule["rule"]: rule for rule in decided.rules}
    found = []
    for name in sorted(live.keys() | then.keys() if then else ()):
        a, b = then.get(name, {}), live.get(name, {})
        facts_a, facts_b = dict(a.get("facts", {})), dict(b.get("facts", {}))
        if a.get("outcome") == b.get("outcome") and facts_a == facts_b:
            continue
        title = str(b.get("title") or a.get("title") or name)
        found.append(
            Difference(name, title, a.get("outcome", ""), b.get("outcome", ""), facts_a, facts_b)
        )
    return tuple(found)
