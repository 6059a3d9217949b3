"""One recorded decision decided again, on the facts it was decided on, by any version or draft.

It must not read live data: everything comes from the decision's document. Where a pack's Python has
another digest than then, its stored verdict is used, and said to be.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, Final

from qtcore.definitions.workflows import WorkflowDefinition
from qtcore.engines.rules import RuleOutcome, blocking, judge
from qtcore.engines.workflow import Attempt, Stopped, compile_workflow, fire
from qtcore.errors import Refusal, Refused
from qtcore.hookspecs import LotFacts, TransitionFacts
from qtcore.registry.registry import Registry
from qtcore.services.evaluation import evaluator
from qtcore.services.recorded_values import read_lot, read_recorded
from qtcore.store.tables import Decision

_RELEASE: Final = "release"


@dataclass(frozen=True, slots=True)
class Again:
    """What came out: made with the state reached, or the reasons why not.

    `outcomes` are the rules of the gate; `notes` say where stored verdicts stood in.
    """

    is_made: bool
    to_state: str = ""
    refusals: tuple[Refusal, ...] = ()
    outcomes: tuple[RuleOutcome, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass
class _Recorded:
    """A document read back; `notes` grow while it is judged."""

    row: Decision
    facts: Mapping[str, object]
    lot: LotFacts | None
    notes: dict[str, None] = field(default_factory=dict)

    @property
    def document(self) -> Mapping[str, Any]:
        return self.row.document

    def stored(self, hook: str) -> Mapping[str, Mapping[str, Any]]:
        return {j["pack"]: j for j in self.document["judgements"] if j["hook"] == hook}


def facts_of(row: Decision) -> dict[str, object]:
    """Give the facts a decision was made on, as they were."""
    return {name: read_recorded(raw) for name, raw in row.document["facts"].items()}


def judge_again(registry: Registry, row: Decision, gate: str) -> Again:
    """Judge the rules of a gate and the packs again, on the recorded facts."""
    return _judged(registry, _read(row), gate)


def decide_again(
    registry: Registry, workflow: WorkflowDefinition, row: Decision, state: str
) -> Again:
    """Try the recorded step again from a state of a life cycle, which may be another one."""
    recorded = _read(row)
    attempt = _attempt(recorded)
    steps = [step for step in workflow.transitions if step.answers(row.transition)]
    gates: dict[str, tuple[Refusal, ...]] = {}
    singles: dict[str, tuple[Refusal, ...]] = {}
    outcomes: tuple[RuleOutcome, ...] = ()
    wanted = dict.fromkeys(step.gate for step in steps if step.gate)
    needs = {rule for step in steps for rule in step.rules}
    for gate in {**wanted, **({_RELEASE: None} if needs else {})}:
        judged = _judged(registry, recorded, gate)
        gates[gate], outcomes = judged.refusals, judged.outcomes
        for rule in needs & {each.id for each in judged.outcomes}:
            found = tuple(r for r in judged.refusals if r.code == rule)
            singles[rule] = (*singles.get(rule, ()), *found)
    attempt = replace(attempt, gate_outcomes=gates, rule_outcomes=singles)
    evaluate = evaluator(registry, f"workflows:{workflow.id}")
    outcome = fire(compile_workflow(workflow), state, attempt, evaluate)
    if isinstance(outcome, Stopped):
        return Again(False, "", outcome.refusals, outcomes, tuple(recorded.notes))
    said = _packs_on_step(registry, recorded, (state, outcome.to_state))
    if not said and recorded.document["stage"] == "written":
        said = _refusals(recorded.document["refusals"])
        recorded.notes["the stored refusal is used: it came after the step was decided"] = None
    return Again(not said, outcome.to_state, said, outcomes, tuple(recorded.notes))


def _read(row: Decision) -> _Recorded:
    facts = facts_of(row)
    return _Recorded(row, facts, read_lot(row.document["lot"], facts))


def _attempt(recorded: _Recorded) -> Attempt:
    told = recorded.document["attempt"]
    return Attempt(
        transition=recorded.row.transition,
        actor_person=told["person"],
        roles=frozenset(told["roles"]),
        reason=told["reason"],
        signed_meaning=told["signed_meaning"],
        history=tuple((step, person) for step, person in told["history"]),
        facts=_in_guards(recorded),
        filled_forms=frozenset(told["filled_forms"]),
        visited=tuple(told.get("visited", ())),
        stands_for=frozenset(told.get("stands_for", ())),
    )


def _in_guards(recorded: _Recorded) -> dict[str, object]:
    """Lay the values of a record over the facts of its lot, as when it was decided."""
    own = {name: read_recorded(raw) for name, raw in recorded.document.get("own", {}).items()}
    found = {**recorded.facts, **own}
    return {name: value for name, value in found.items() if value is not None}


def _judged(registry: Registry, recorded: _Recorded, gate: str) -> Again:
    document = recorded.document
    off: tuple[Refusal, ...] = ()
    try:
        rules = registry.rules_of(gate, document["industry"])
    except Refused as refused:
        rules, off = registry.rules_of(gate), refused.refusals
    on = date.fromisoformat(document["on"])
    outcomes = judge(rules, recorded.facts, evaluator(registry), on=on)
    said = _packs_on_release(registry, recorded) if gate == _RELEASE else ()
    justified = frozenset(document.get("overridden", ()))
    refusals = (*off, *blocking(outcomes, overridden=justified), *said)
    return Again(not refusals, "", refusals, outcomes, tuple(recorded.notes))


def _packs_on_release(registry: Registry, recorded: _Recorded) -> tuple[Refusal, ...]:
    lot = recorded.lot
    fresh: Sequence[Refusal] = ()
    if lot is not None:
        fresh = registry.hooks.judge_release(lot)
    return _chosen(registry, recorded, "judge_release", fresh)


def _packs_on_step(
    registry: Registry, recorded: _Recorded, states: tuple[str, str]
) -> tuple[Refusal, ...]:
    row, document = recorded.row, recorded.document
    told = TransitionFacts(
        subject=row.subject_kind,
        subject_id=row.subject_uid,
        kind=document["kind"],
        workflow=row.workflow,
        transition=row.transition,
        from_state=states[0],
        to_state=states[1],
        actor=row.actor,
        reason=document["attempt"]["reason"],
        values=_values(document),
        lot=recorded.lot,
    )
    fresh = registry.hooks.judge_transition(told)
    return _chosen(registry, recorded, "judge_transition", fresh)


def _values(document: Mapping[str, Any]) -> Mapping[str, object]:
    found = read_recorded(document["values"])
    return found if isinstance(found, Mapping) else {}


def _chosen(
    registry: Registry, recorded: _Recorded, hook: str, fresh: Sequence[Refusal]
) -> tuple[Refusal, ...]:
    """Take each pack's fresh judgement where its Python is the same, else the stored one."""
    stored, judges = recorded.stored(hook), set(registry.hooks.judges_of(hook))
    present = {
        pack
        for pack, told in stored.items()
        if told["digest"] and told["digest"] == registry.hooks.digests.get(pack) and pack in judges
    }
    chosen: list[Refusal] = []
    for pack, told in stored.items():
        if pack in present:
            continue
        chosen += _refusals(told["refusals"])
        if told["digest"]:
            recorded.notes[
                f"stored verdict used: the Python of pack {pack} that judged then "
                f"({told['digest'][:12]}) is no longer present"
            ] = None
    asked = present | (judges - set(stored))
    return (*chosen, *(refusal for refusal in fresh if refusal.asked_by in asked))


def _refusals(rows: Sequence[Mapping[str, Any]]) -> tuple[Refusal, ...]:
    return tuple(Refusal(**row) for row in rows)
