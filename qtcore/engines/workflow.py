"""Life cycles at work: which steps are possible, and whether one may be made or why not.

It must not know records, the database, how a guard is evaluated or how a gate is judged. A life
cycle is compiled once onto the package `transitions`; no text of a definition ever reaches that
package as something it could call.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from transitions import EventData, Machine

from qtcore.definitions.problems import suggest
from qtcore.definitions.workflows import Effect, State, Transition, WorkflowDefinition
from qtcore.errors import Refusal

Evaluate = Callable[[str, Mapping[str, object]], bool | None]
"""Expression and facts -> true, false, or None when the facts do not suffice."""

# Upper case: the name of a transition never is, so none can collide with it.
_STATE = "STATE"


@dataclass(frozen=True, slots=True)
class Attempt:
    """Everything that is known about one attempt to make a step.

    `history` lists the steps made before with the person who made each. `filled_forms` are the
    ids of forms that are complete. `gate_outcomes` holds, for each gate that was judged, what it
    objects to; a gate that is absent was not judged, and stops the step.
    """

    transition: str
    actor_person: str
    roles: frozenset[str] = frozenset()
    reason: str = ""
    signed_meaning: str = ""
    history: tuple[tuple[str, str], ...] = ()
    facts: Mapping[str, object] = field(default_factory=dict)
    filled_forms: frozenset[str] = frozenset()
    gate_outcomes: Mapping[str, tuple[Refusal, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Moved:
    """The step is made: store `to_state` and run `effects` after the commit."""

    from_state: str
    to_state: str
    transition: str
    effects: tuple[Effect, ...] = ()


@dataclass(frozen=True, slots=True)
class Stopped:
    """The step is not made, for all of these reasons."""

    refusals: tuple[Refusal, ...]


class LifecycleMachine(Machine):
    """A machine that calls conditions of ours and nothing else.

    The package imports and calls whatever a dotted text names; here a text is refused.
    """

    @staticmethod
    def resolve_callable(func: Any, event_data: EventData) -> Any:
        """Give back a condition of ours; anything else must not run."""
        if not isinstance(func, _Condition):
            raise TypeError(f"{func!r} is not a condition of {event_data.machine.name!r}")
        return func


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """A compiled life cycle; safe to share between threads, it holds no record's state."""

    id: str
    subject: str
    initial: str
    states: tuple[State, ...]
    transitions: tuple[Transition, ...]
    machine: LifecycleMachine = field(repr=False, compare=False)

    def state(self, name: str) -> State:
        """Get a state; KeyError names the ones there are."""
        for state in self.states:
            if state.id == name:
                return state
        raise KeyError(f"life cycle {self.id!r} has no state {name!r}; it has: {self._names()}")

    def transitions_from(self, state: str) -> tuple[Transition, ...]:
        """List the steps that begin in a state, in the order of the definition."""
        return tuple(step for step in self.transitions if state in step.from_)

    def _names(self) -> str:
        return ", ".join(state.id for state in self.states)


def compile_workflow(definition: WorkflowDefinition) -> Lifecycle:
    """Compile a definition that passed the check.

    Several transitions with one id are alternatives: the first in the definition that nothing
    objects to is made. ValueError when a transition names a state that does not exist.
    """
    names = [state.id for state in definition.states]
    machine = LifecycleMachine(
        model=None,
        states=names,
        initial=definition.initial,
        auto_transitions=False,
        queued=False,
        send_event=True,
        model_attribute=_STATE,
        name=definition.id,
    )
    for step in definition.transitions:
        for name in (*step.from_, step.to):
            if name not in names:
                raise ValueError(f"transition {step.id!r} of {definition.id!r}: no state {name!r}")
        machine.add_transition(step.id, list(step.from_), step.to, conditions=[_Condition(step)])
    return Lifecycle(
        definition.id,
        definition.subject,
        definition.initial,
        definition.states,
        definition.transitions,
        machine,
    )


def available(lifecycle: Lifecycle, state: str, roles: Collection[str]) -> tuple[Transition, ...]:
    """List the steps that somebody with these roles may try; guards and gates are judged later."""
    return tuple(
        step for step in lifecycle.transitions_from(state) if not set(step.roles).isdisjoint(roles)
    )


def fire(lifecycle: Lifecycle, state: str, attempt: Attempt, evaluate: Evaluate) -> Moved | Stopped:
    """Try a step from `state`; nothing is changed, the answer says what to store or why not."""
    misplaced = _find_misplaced(lifecycle, state, attempt.transition)
    if misplaced is not None:
        return Stopped((misplaced,))
    carrier = _Carrier(state, attempt, evaluate)
    lifecycle.machine.events[attempt.transition].trigger(carrier)
    if carrier.made is None:
        return Stopped(tuple(dict.fromkeys(carrier.refusals)))
    return Moved(state, carrier.STATE, carrier.made.id, carrier.made.effects)


class _Carrier:
    """Holds the state of one record during one attempt, and what is said about it."""

    def __init__(self, state: str, attempt: Attempt, evaluate: Evaluate) -> None:
        self.STATE = state
        self.attempt = attempt
        self.evaluate = evaluate
        self.refusals: list[Refusal] = []
        self.made: Transition | None = None


class _Condition:
    """Lets a transition happen when nothing objects, and keeps every objection."""

    def __init__(self, step: Transition) -> None:
        self._step = step

    def __call__(self, event: EventData) -> bool:
        carrier = event.model
        if not isinstance(carrier, _Carrier):
            raise TypeError("a life cycle is fired through fire() only")
        refusals = list(_objections(self._step, carrier.attempt, carrier.evaluate))
        carrier.refusals.extend(refusals)
        carrier.made = None if refusals else self._step
        return not refusals


class _Watched(Mapping[str, object]):
    """Facts that remember which of them were asked for."""

    def __init__(self, facts: Mapping[str, object]) -> None:
        self._facts = facts
        self.asked: dict[str, object] = {}

    def __getitem__(self, name: str) -> object:
        self.asked[name] = self._facts.get(name)
        return self._facts[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._facts)

    def __len__(self) -> int:
        return len(self._facts)


def _find_misplaced(lifecycle: Lifecycle, state: str, transition: str) -> Refusal | None:
    known = list(dict.fromkeys(step.id for step in lifecycle.transitions))
    possible = list(dict.fromkeys(step.id for step in lifecycle.transitions_from(state)))
    fix = f"possible now: {', '.join(possible) or 'nothing'}"
    if all(each.id != state for each in lifecycle.states):
        text = f"life cycle {lifecycle.id!r} has no state {state!r}"
        return Refusal("QT421", text, fix="migrate the record to a state of this version")
    if transition not in known:
        near = suggest(transition, known)
        hint = f" (did you mean {near!r}?)" if near else ""
        text = f"life cycle {lifecycle.id!r} has no transition {transition!r}{hint}"
        return Refusal("QT420", text, fix=fix)
    if transition not in possible:
        starts = dict.fromkeys(
            s for step in lifecycle.transitions if step.id == transition for s in step.from_
        )
        text = f"{transition} is not possible in state {state}; it begins in: {', '.join(starts)}"
        return Refusal("QT421", text, fix=fix)
    return None


def _objections(step: Transition, attempt: Attempt, evaluate: Evaluate) -> Iterator[Refusal]:
    if attempt.roles.isdisjoint(step.roles):
        held = ", ".join(sorted(attempt.roles)) or "none"
        text = f"{step.id} needs one of the roles {', '.join(step.roles)}; yours: {held}"
        yield Refusal("QT422", text, fix="ask somebody who holds one of these roles")
    yield from _same_person(step, attempt)
    if step.reason and not attempt.reason.strip():
        yield Refusal("QT424", f"{step.id} needs a reason; none was given", fix="write the reason")
    yield from _signature(step, attempt)
    if step.form is not None and step.form not in attempt.filled_forms:
        text = f"{step.id} needs the form {step.form}, which is not filled"
        yield Refusal("QT426", text, fix=f"fill the form {step.form} completely")
    yield from _guard(step, attempt, evaluate)
    yield from _gate(step, attempt)


def _same_person(step: Transition, attempt: Attempt) -> Iterator[Refusal]:
    if step.not_same_as and not attempt.actor_person:
        earlier = ", ".join(step.not_same_as)
        text = f"{step.id} must be made by another person than {earlier}; who acts is not known"
        yield Refusal("QT423", text, fix="sign in as a person")
        return
    for earlier in step.not_same_as:
        if (earlier, attempt.actor_person) in attempt.history:
            # People are compared by key, which says nothing to a reader.
            text = f"{step.id} must be made by another person than {earlier}; you made {earlier}"
            yield Refusal("QT423", text, fix="ask a second person")


def _signature(step: Transition, attempt: Attempt) -> Iterator[Refusal]:
    demand = step.signature
    if demand is None:
        return
    if attempt.signed_meaning != demand.meaning:
        found = f"it was signed as {attempt.signed_meaning!r}" if attempt.signed_meaning else "none"
        text = f"{step.id} needs a signature meaning {demand.meaning!r}; found: {found}"
        yield Refusal("QT425", text, fix=f"sign with the meaning {demand.meaning!r}")
    if demand.roles and attempt.roles.isdisjoint(demand.roles):
        text = f"{step.id} is signed by one of the roles {', '.join(demand.roles)} only"
        yield Refusal("QT425", text, fix="ask somebody who holds one of these roles to sign")


def _guard(step: Transition, attempt: Attempt, evaluate: Evaluate) -> Iterator[Refusal]:
    if step.guard is None:
        return
    facts = _Watched(attempt.facts)
    answer = evaluate(step.guard, facts)
    if answer is True:
        return
    used = ", ".join(f"{name} = {_shown(value)}" for name, value in sorted(facts.asked.items()))
    missing = sorted(name for name, value in facts.asked.items() if value is None)
    found = f"; found: {used}" if used else ""
    if answer is None:
        text = f"{step.id} needs: {step.guard}; that cannot be decided{found}"
        fix = f"record what is missing: {', '.join(missing)}" if missing else "correct the facts"
        yield Refusal("QT428", text, fix=fix)
    else:
        text = f"{step.id} needs: {step.guard}; that is not so{found}"
        yield Refusal("QT427", text, fix="settle what the condition asks for")


def _gate(step: Transition, attempt: Attempt) -> Iterator[Refusal]:
    if step.gate is None:
        return
    if step.gate not in attempt.gate_outcomes:
        text = f"{step.id} needs the rules of gate {step.gate}, which were not judged"
        yield Refusal("QT429", text, fix=f"judge gate {step.gate} first")
        return
    yield from attempt.gate_outcomes[step.gate]


def _shown(value: object) -> str:
    return "unknown" if value is None else str(value)
