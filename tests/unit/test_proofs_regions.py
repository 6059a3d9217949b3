"""The prover against the engine: what small machines with regions can do, found by doing it.

Every run up to a depth is made with the engine itself, by people of every role; the prover must
say that a claim fails exactly when a run breaks it.
"""

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qtcore.definitions.workflows import WorkflowDefinition
from qtcore.engines.proofs import Judgement, Setting, prove_workflow
from qtcore.engines.workflow import Attempt, Lifecycle, Moved, compile_workflow, fire, start

DEPTH = 4
ROLES = ("qa", "qc")
LEAVES = ("a1", "a2", "b1", "b2", "x", "y")
ALL = (*LEAVES, "p", "ra", "rb")
NAMES = ("t0", "t1", "t2", "t3", "t4")


class Open:
    """There are no guards here, so everything can be so."""

    def decide(self, _: object) -> Judgement:
        return Judgement("possible")

    def lasts(self, _: str) -> bool:
        return False


@st.composite
def machines(draw: Any) -> WorkflowDefinition:
    steps = []
    for name in NAMES:
        step: dict[str, Any] = {
            "id": name,
            "from": [draw(st.sampled_from(ALL))],
            "to": draw(st.sampled_from(ALL)),
        }
        if draw(st.integers(0, 4)) == 0 and step["from"][0] in {"p", "ra", "rb"}:
            step["when_done"] = True
        else:
            step["roles"] = draw(st.sampled_from([["qa"], ["qc"], ["qa", "qc"]]))
            step["trigger"] = draw(st.sampled_from(["e0", "e1", "e2", "e3"]))
            step["reason"] = draw(st.booleans())
        steps.append(step)
    regions = [
        {"id": "ra", "states": [{"id": "a1"}, {"id": "a2", "final": True}]},
        {"id": "rb", "states": [{"id": "b1"}, {"id": "b2", "final": True}]},
    ]
    claim = draw(
        st.one_of(
            st.builds(lambda s: {"never": {"state": s}}, st.sampled_from(ALL)),
            st.builds(
                lambda s, t: {"always_passes": {"to": [s], "transition": t, "once": True}},
                st.sampled_from(ALL),
                st.sampled_from(NAMES),
            ),
            st.builds(
                lambda s, t: {"before": {"first": {"transition": t}, "then": {"state": s}}},
                st.sampled_from(ALL),
                st.sampled_from(NAMES),
            ),
        )
    )
    return WorkflowDefinition.model_validate(
        {
            "id": "random",
            "subject": "record",
            "initial": "x",
            "states": [
                {"id": "x", "status": "draft"},
                {"id": "p", "status": "draft", "parallel": True, "states": regions},
                {"id": "y", "status": "draft"},
            ],
            "transitions": steps,
            "verify": [{"id": "claim", **claim}],
        }
    )


def attempts() -> Iterator[Attempt]:
    groups = [frozenset(c) for n in (1, 2) for c in itertools.combinations(ROLES, n)]
    for event, roles, reason in itertools.product(("e0", "e1", "e2", "e3"), groups, ("", "why")):
        yield Attempt(event, "chen", roles, reason)


def runs(lifecycle: Lifecycle) -> Iterator[tuple[Moved, ...]]:
    """Give every run up to the depth, the shortest first; what ends alike is followed once."""
    level: list[tuple[Moved, ...]] = [(start(lifecycle, lambda *_: None),)]
    yield level[0]
    for _ in range(DEPTH):
        longer: dict[Any, tuple[Moved, ...]] = {}
        for run in level:
            for attempt in attempts():
                answer = fire(lifecycle, run[-1].to_state, attempt, lambda *_: None)
                if isinstance(answer, Moved):
                    made = [s.id for m in (*run, answer) for leg in m.legs for s in leg.steps]
                    longer.setdefault((answer.to_state, tuple(made), answer.legs), (*run, answer))
        level = list(longer.values())
        yield from level


def is_broken(flow: WorkflowDefinition, lifecycle: Lifecycle, run: tuple[Moved, ...]) -> bool:
    claim = flow.verify[0]
    chart = lifecycle.chart
    first = chart.enter()
    order: list[tuple[str, str]] = [("state", name) for name in first.entered]
    active = [(first.active, order[:])]
    for move in run:
        for leg in move.legs:
            moments = [("transition", s.id) for s in leg.steps]
            moments += [("state", name) for name in leg.entered]
            order += moments
            active.append((chart.read(leg.to_state), moments))
    if claim.never:
        return any(("state", claim.never.state) == moment for moment in order)
    if claim.before:
        wanted = ("transition", claim.before.first.transition)
        then = ("state", claim.before.then.state)
        return any(m == then and wanted not in order[:n] for n, m in enumerate(order))
    assert claim.always_passes
    body = claim.always_passes
    target, passed, was = body.to[0], False, False
    for states, moments in active:
        passed = passed or ("transition", body.transition) in moments
        if target in states and not was and not passed:
            return True
        was = target in states
    return False


@pytest.mark.heavy
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(machines())
def test_the_prover_agrees_with_what_the_engine_does(flow: WorkflowDefinition):
    lifecycle = compile_workflow(flow)
    setting = Setting(Open(), frozenset(ROLES))
    report = prove_workflow(flow, setting)
    if any(found.code == "QT320" for found in report.findings):
        return
    proof = report.proofs[0]
    found = next((run for run in runs(lifecycle) if is_broken(flow, lifecycle, run)), None)
    if found is not None:
        assert proof.verdict == "fails", (proof, found)
    elif proof.verdict == "fails":
        moves = sum(1 for name in proof.steps if not _is_automatic(flow, name))
        assert moves > DEPTH, proof


def _is_automatic(flow: WorkflowDefinition, name: str) -> bool:
    return next(step.is_automatic for step in flow.transitions if step.id == name)
