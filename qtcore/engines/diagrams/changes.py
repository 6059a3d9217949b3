"""What differs between two versions of a life cycle, as one life cycle that shows both.

It must not draw anything.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from qtcore.definitions.workflows import State, WorkflowDefinition

Mark = Literal["added", "removed", "changed"]
MARKS: Mapping[Mark, str] = {"added": "+", "removed": "−", "changed": "~"}


@dataclass(frozen=True, slots=True)
class Changes:
    """The marks of states and transitions that differ, by id."""

    states: Mapping[str, Mark] = field(default_factory=dict)
    transitions: Mapping[str, Mark] = field(default_factory=dict)

    def sign(self, mark: Mark | None) -> str:
        """Give the sign that stands before a marked name: colour alone says nothing on paper."""
        return f"{MARKS[mark]} " if mark else ""

    def as_json(self) -> dict[str, dict[str, str]]:
        """Give the shape that `--json` shows."""
        return {"states": dict(self.states), "transitions": dict(self.transitions)}


def compare_flows(
    old: WorkflowDefinition, new: WorkflowDefinition
) -> tuple[WorkflowDefinition, Changes]:
    """Give the new life cycle with what was removed still in it, and a mark for all that differs.

    A removed state is shown where it was, if what it was in is still there.
    """
    before = {state.id: state for state in old.all_states}
    after = {state.id: state for state in new.all_states}
    parents = _parents(old.states), _parents(new.states)
    states: dict[str, Mark] = {}
    for name in (*after, *before):
        if name not in before:
            states[name] = "added"
        elif name not in after:
            states[name] = "removed"
        elif _bare(before[name]) != _bare(after[name]) or (
            parents[0].get(name) != parents[1].get(name)
        ):
            states[name] = "changed"
    old_steps = {step.id: step for step in old.transitions}
    new_steps = {step.id: step for step in new.transitions}
    steps: dict[str, Mark] = {}
    for name in (*new_steps, *old_steps):
        if name not in old_steps:
            steps[name] = "added"
        elif name not in new_steps:
            steps[name] = "removed"
        elif old_steps[name] != new_steps[name]:
            steps[name] = "changed"
    gone = [step for name, step in old_steps.items() if name not in new_steps]
    both = new.model_copy(
        update={
            "states": _joined(old.states, new.states, frozenset(after), is_top=True),
            "transitions": (*new.transitions, *gone),
        }
    )
    return both, Changes(states, steps)


def _bare(state: State) -> State:
    return state.model_copy(update={"states": ()})


def _parents(states: Sequence[State], around: str = "") -> dict[str, str]:
    found = {state.id: around for state in states}
    for state in states:
        found.update(_parents(state.states, state.id))
    return found


def _joined(
    old: Sequence[State], new: Sequence[State], kept: frozenset[str], *, is_top: bool = False
) -> tuple[State, ...]:
    """Join the states of one level; what was removed with its surroundings comes to the top."""
    before = {state.id: state for state in old}
    joined = [
        state.model_copy(
            update={
                "states": _joined(
                    before[state.id].states if state.id in before else (), state.states, kept
                )
            }
        )
        for state in new
    ]
    names = {state.id for state in new}
    gone = [state for state in old if state.id not in kept and state.id not in names]
    joined += [_without(state, kept) for state in gone]
    if is_top:
        shown = {inner.id for state in joined for inner in state.walk()}
        lost = [s for state in old for s in state.walk() if s.id not in shown and s.id not in kept]
        joined += [_without(state, kept).model_copy(update={"states": ()}) for state in lost]
    return tuple(joined)


def _without(state: State, kept: frozenset[str]) -> State:
    """Take out of a removed state what lives on elsewhere."""
    inner = tuple(_without(each, kept) for each in state.states if each.id not in kept)
    return state.model_copy(update={"states": inner})
