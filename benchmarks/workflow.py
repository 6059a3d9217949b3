"""What firing a transition costs: ours against the bare package `transitions`, same steps.

It must not gate anything by absolute times: on shared machines only ratios of one run count.

    python benchmarks/workflow.py --rounds 3000
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable, Mapping

from transitions import Machine
from transitions.extensions import HierarchicalMachine

from qtcore.definitions.source import read_yaml
from qtcore.definitions.workflows import WorkflowDefinition
from qtcore.engines.workflow import Attempt, Lifecycle, Moved, compile_workflow, fire

REPEATS = 7
STEPS = ("submit", "send_back", "submit", "close", "reopen")
FLAT = """
id: capa
subject: record
initial: open
states: [{id: open, status: draft}, {id: review, status: testing}, {id: closed, status: released}]
transitions:
  - {id: submit, from: [open], to: review, roles: [qa]}
  - {id: send_back, from: [review], to: open, roles: [qa], reason: true}
  - {id: close, from: [review], to: closed, roles: [qa], reason: true, guard: open_tasks == 0,
     not_same_as: [review]}
  - {id: reopen, from: [closed], to: open, roles: [qa]}
"""
NESTED = """
id: review
subject: record
initial: open
states:
  - {id: open, status: draft}
  - id: review
    status: testing
    parallel: true
    states:
      - {id: qa, states: [{id: qa_open}, {id: qa_done}]}
      - {id: lab, states: [{id: lab_open}, {id: lab_done}]}
transitions:
  - {id: submit, from: [open], to: review, roles: [qa]}
  - {id: qa_pass, from: [qa_open], to: qa_done, roles: [qa]}
  - {id: lab_pass, from: [lab_open], to: lab_done, roles: [qa]}
  - {id: send_back, from: [review], to: open, roles: [qa]}
"""
NESTED_STEPS = ("submit", "qa_pass", "lab_pass", "send_back")


def compiled(text: str) -> Lifecycle:
    """Compile a life cycle."""
    return compile_workflow(WorkflowDefinition.model_validate(read_yaml(text, "flow.yaml").value))


def ours(text: str, steps: tuple[str, ...]) -> Callable[[], None]:
    """Walk a life cycle once round with our engine."""
    lifecycle = compiled(text)
    facts = {"open_tasks": 0}
    attempts = [
        Attempt(step, "chen", frozenset({"qa"}), reason="done", facts=facts) for step in steps
    ]

    def decide(_text: str, seen: Mapping[str, object]) -> bool:
        return seen["open_tasks"] == 0

    def walk() -> None:
        state = lifecycle.initial
        for attempt in attempts:
            answer = fire(lifecycle, state, attempt, decide)
            if not isinstance(answer, Moved):
                raise SystemExit(f"{attempt.transition}: {answer.refusals}")
            state = answer.to_state

    return walk


class Bare:
    """A record of the bare package, with the one condition that matters."""

    open_tasks = 0

    def is_free(self) -> bool:
        """Say whether nothing is open."""
        return self.open_tasks == 0


def bare() -> Callable[[], None]:
    """Walk the flat life cycle once round with the package alone."""
    model = Bare()
    machine = Machine(model, ["open", "review", "closed"], initial="open", auto_transitions=False)
    machine.add_transition("submit", "open", "review")
    machine.add_transition("send_back", "review", "open")
    machine.add_transition("close", "review", "closed", conditions="is_free")
    machine.add_transition("reopen", "closed", "open")
    return _triggers(model, STEPS)


def bare_nested() -> Callable[[], None]:
    """Walk the life cycle with regions once round with the package's hierarchical machine."""
    model = Bare()
    review = {
        "name": "review",
        "parallel": [
            {"name": "qa", "initial": "open", "children": ["open", "done"]},
            {"name": "lab", "initial": "open", "children": ["open", "done"]},
        ],
    }
    machine = HierarchicalMachine(model, ["open", review], initial="open", auto_transitions=False)
    machine.add_transition("submit", "open", "review")
    machine.add_transition("qa_pass", "review_qa_open", "review_qa_done")
    machine.add_transition("lab_pass", "review_lab_open", "review_lab_done")
    machine.add_transition("send_back", "review", "open")
    return _triggers(model, NESTED_STEPS)


def _triggers(model: Bare, steps: tuple[str, ...]) -> Callable[[], None]:
    calls = [getattr(model, step) for step in steps]

    def walk() -> None:
        for call in calls:
            call()

    return walk


def microseconds(walk: Callable[[], None], steps: int, rounds: int) -> float:
    """Give the median time of one transition."""
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        for _ in range(rounds):
            walk()
        times.append((time.perf_counter() - start) / rounds / steps * 1e6)
    return statistics.median(times)


def main() -> None:
    """Measure and print one JSON result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=1000)
    rounds = parser.parse_args().rounds
    flat = microseconds(ours(FLAT, STEPS), len(STEPS), rounds)
    plain = microseconds(bare(), len(STEPS), rounds)
    nested = microseconds(ours(NESTED, NESTED_STEPS), len(NESTED_STEPS), rounds)
    theirs = microseconds(bare_nested(), len(NESTED_STEPS), rounds)
    result = {
        "benchmark": "workflow",
        "rounds": rounds,
        "flat": {
            "ours_us": round(flat, 1),
            "transitions_us": round(plain, 1),
            "ratio": round(flat / plain, 2),
        },
        "regions": {
            "ours_us": round(nested, 1),
            "hierarchical_us": round(theirs, 1),
            "ratio": round(nested / theirs, 2),
        },
    }
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
