"""What a step is decided on: the facts its guard sees, the rules of its gate, single rules.

It must not decide; see `qtcore.services.transitions`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from qtcore.definitions.workflows import Transition
from qtcore.errors import Refusal, Refused
from qtcore.services.decisions import Basis, Trail
from qtcore.services.evidence import read_evidence
from qtcore.services.fact_sources import fact_sources
from qtcore.services.facts import gather_facts
from qtcore.services.judgements import freeze_lot
from qtcore.services.record_lots import lots_of_record
from qtcore.services.release import GATE, judge_gate
from qtcore.services.site import Site
from qtcore.services.steps import Subject, facts_in_guards, subject_facts, values_over
from qtcore.store.queries.nodes import NodeInfo
from qtcore.store.tables import Record
from qtcore.store.unit import UnitOfWork


def facts_and_gates(
    site: Site, work: UnitOfWork, found: Subject, asked: tuple[Sequence[Transition], Trail]
) -> tuple[dict[str, object], dict[str, tuple[Refusal, ...]], list[dict[str, Any]]]:
    """Give the facts that guards see, what each gate objects to, and the verdicts of its rules.

    What it rests on is noted in the trail. Raises Refused for a record that is not about one lot.
    """
    steps, trail = asked
    wanted = dict.fromkeys(s.gate for s in steps if s.gate is not None)
    if any(s.rules for s in steps):
        wanted[GATE] = None
    if isinstance(found.row, Record) and not wanted:
        return subject_facts(site, work, found), {}, []
    info = found.info or _one_lot(site, work, found, steps[0])
    gates: dict[str, tuple[Refusal, ...]] = {}
    verdicts: list[dict[str, Any]] = []
    facts: dict[str, object] = {}
    own: dict[str, object] = {}
    for gate in wanted:
        asking = (work.context, gate)
        view = judge_gate(site, work.session, info, asking, evidence=found.evidence)
        trail.seen = view.basis.lot and replace(view.basis.lot, facts={})
        own = values_over(site, work.session, found, view.basis.facts)
        trail.basis = replace(view.basis, own=own)
        gates[gate] = view.refusals
        verdicts += [rule.verdict_json() for rule in view.rules]
        facts |= view.basis.facts
    if wanted:
        return facts_in_guards(facts, own), gates, verdicts
    on = work.context.at.date()
    evidence = found.evidence or read_evidence(site, work.session, info, on)
    trail.seen = freeze_lot(site, info, (evidence.hold_rows, evidence.item_extra))
    facts = gather_facts(site, evidence)
    guards = " ".join(step.guard for step in steps if step.guard is not None)
    asked_for = [name for name in facts if name in guards]
    sources = fact_sources(site, evidence, asked_for)
    trail.basis = Basis(evidence.on, info.industry, facts, sources)
    return facts, {}, []


def _one_lot(site: Site, work: UnitOfWork, found: Subject, step: Transition) -> NodeInfo:
    """Find the lot whose rules a step of a record asks for; Refused unless it is about one."""
    row, number = found.row, 0
    if isinstance(row, Record):
        lots = lots_of_record(work.session, site.store.tenant_id, row)
        if len(lots) == 1:
            return lots[0]
        number = len(lots)
    text = f"{step.id} judges the rules of one lot; {found.name} is about {number or 'none'}"
    fix = "open a record for each lot"
    raise Refused(f"{found.name} cannot {step.id}: {text}", [Refusal("QT429", text, fix=fix)])


def single_rules(
    steps: Sequence[Transition],
    verdicts: Sequence[Mapping[str, Any]],
    gates: Mapping[str, tuple[Refusal, ...]],
) -> dict[str, tuple[Refusal, ...]]:
    """Give what single rules object to; a rule that was not judged is left out and stops."""
    objections = [refusal for refusals in gates.values() for refusal in refusals]
    judged = {verdict["rule"] for verdict in verdicts}
    return {
        rule: tuple(r for r in objections if r.code == rule)
        for step in steps
        for rule in step.rules
        if rule in judged
    }
