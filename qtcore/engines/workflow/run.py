"""Life cycles at work: which steps are possible, and whether one may be made or why not.

It must not know records, the database, how a guard is evaluated or how a gate is judged. A life
cycle is compiled once onto the package `transitions`, which chooses among the transitions of one
state; no text of a definition ever reaches that package as something it could call. Which states a
step leaves and enters is the business of `qtcore.definitions.statechart`.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from transitions import EventData, Machine

from qtcore.definitions.problems import suggest
from qtcore.definitions.statechart import Active, Chart, Memory, Shift, Taken, build_chart
from qtcore.definitions.workflows import Effect, State, Transition, WorkflowDefinition
from qtcore.engines.workflow.objections import Attempt, Evaluate, list_objections
from qtcore.errors import Refusal

MOST_AUTOMATIC: Final = 100
ACTIVE_STATES: Final = "active_states"

# Upper case: the name of a transition never is, so none can collide with it.
_STATE = "STATE"
# No event of a definition holds a blank.
_BY_ITSELF = " by itself"


@dataclass(frozen=True, slots=True)
class Leg:
    """One move: the transitions that were made at once, and the states before and after."""

    from_state: str
    to_state: str
    steps: tuple[Transition, ...]
    entered: tuple[str, ...] = ()
    left: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Moved:
    """The step is made: store `to_state` and run `effects`. `legs` are the step itself and what
    followed by itself.
    """

    from_state: str
    to_state: str
    transition: str
    effects: tuple[Effect, ...] = ()
    legs: tuple[Leg, ...] = ()


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
    """A compiled life cycle; safe to share between threads, it holds no record's state.

    `initial` is the state it begins in before anything happens by itself, see `start`.
    """

    id: str
    subject: str
    initial: str
    states: tuple[State, ...]
    transitions: tuple[Transition, ...]
    machine: LifecycleMachine = field(repr=False, compare=False)
    chart: Chart = field(repr=False, compare=False)

    def state(self, name: str) -> State:
        """Get a state; KeyError names the ones there are."""
        if name in self.chart.states:
            return self.chart.states[name]
        raise KeyError(f"life cycle {self.id!r} has no state {name!r}; it has: {self._names()}")

    def transitions_from(self, state: str) -> tuple[Transition, ...]:
        """List the steps that begin in a state, in the order of the definition."""
        active = self.chart.read(state)
        return tuple(s for s in self.transitions if not active.isdisjoint(s.from_))

    def configuration(self, state: str) -> list[str]:
        """List the innermost active states, sorted."""
        return sorted(self.chart.leaves(self.chart.read(state)))

    def _names(self) -> str:
        return ", ".join(self.chart.states)


def compile_workflow(definition: WorkflowDefinition) -> Lifecycle:
    """Compile a definition that passed the check.

    Several transitions with one trigger are alternatives: in each state the first in the definition
    that nothing objects to is made. ValueError when a transition names a state that does not exist.
    """
    chart = build_chart(definition)
    machine = LifecycleMachine(
        model=None,
        states=list(chart.states),
        initial=next(iter(chart.states)),
        auto_transitions=False,
        queued=False,
        send_event=True,
        model_attribute=_STATE,
        name=definition.id,
    )
    words = {word for step in definition.transitions for word in step.triggers}
    for step in definition.transitions:
        for name in (*step.from_, *step.targets):
            if name not in chart.states:
                raise ValueError(f"transition {step.id!r} of {definition.id!r}: no state {name!r}")
        events = [w for w in sorted(words) if step.answers(w)] or [_BY_ITSELF]
        for source in step.from_:
            for event in events:
                machine.add_transition(event, source, None, conditions=[_Condition(step)])
    return Lifecycle(
        definition.id,
        definition.subject,
        chart.write(chart.enter().active),
        definition.all_states,
        definition.transitions,
        machine,
        chart,
    )


def available(lifecycle: Lifecycle, state: str, roles: Collection[str]) -> tuple[Transition, ...]:
    """List the steps that somebody with these roles may try; guards and gates are judged later."""
    return tuple(
        step
        for step in lifecycle.transitions_from(state)
        if not step.is_automatic and not set(step.roles).isdisjoint(roles)
    )


def start(
    lifecycle: Lifecycle, evaluate: Evaluate, facts: Mapping[str, object] | None = None
) -> Moved:
    """Begin: enter the first states, then make what happens by itself."""
    shift = lifecycle.chart.enter()
    run = _Run(lifecycle, Attempt("", "", facts=facts or {}), evaluate, shift.active)
    return run.finish("") if run.settle() else Moved("", lifecycle.initial, "")


def advance(lifecycle: Lifecycle, state: str, attempt: Attempt, evaluate: Evaluate) -> Moved | None:
    """Make what happens by itself, for example after a fact has changed; None when nothing does.

    Also None when it would never come to rest.
    """
    active = lifecycle.chart.read(state)
    run = _Run(lifecycle, attempt, evaluate, active)
    return run.finish(state) if run.settle() and run.legs else None


def fire(lifecycle: Lifecycle, state: str, attempt: Attempt, evaluate: Evaluate) -> Moved | Stopped:
    """Try a step from `state`; nothing is changed, the answer says what to store or why not.

    In parallel states every region that answers the event makes its step; the attempt is stopped
    when none does.
    """
    try:
        run = _Run(lifecycle, attempt, evaluate, lifecycle.chart.read(state))
    except KeyError:
        return Stopped((_misplaced(lifecycle, state, attempt.transition),))
    chosen, refusals = run.choose(_event_key(lifecycle, attempt.transition))
    if not chosen:
        found = refusals or [_misplaced(lifecycle, state, attempt.transition)]
        return Stopped(tuple(dict.fromkeys(found)))
    run.make(chosen)
    if not run.settle():
        text = f"after {attempt.transition} more than {MOST_AUTOMATIC} steps follow by themselves"
        return Stopped((Refusal("QT419", text, fix="correct the automatic transitions"),))
    return run.finish(state)


class _Run:
    """One step and what follows by itself, made on a copy of the state."""

    def __init__(
        self, lifecycle: Lifecycle, attempt: Attempt, evaluate: Evaluate, active: Active
    ) -> None:
        self._lifecycle = lifecycle
        self._chart = lifecycle.chart
        self._attempt = attempt
        self._evaluate = evaluate
        self._active = active
        self._memory: Memory = self._chart.remember(map(self._read_old, attempt.visited), active)
        self.legs: list[Leg] = []

    def choose(self, event: str) -> tuple[list[Taken], list[Refusal]]:
        """Find in each region the innermost transition that nothing objects to."""
        chosen: list[Taken] = []
        refusals: list[Refusal] = []
        trigger = self._lifecycle.machine.events.get(event)
        if trigger is None or self._chart.is_over(self._active):
            return chosen, refusals
        carrier = _Carrier(self._attempt, self._evaluate, self._chart, self._active)
        tried: dict[str, Transition | None] = {}
        for leaf in self._chart.leaves(self._active):
            for name in (leaf, *self._chart.above(leaf)):
                if name not in tried:
                    tried[name] = carrier.try_in(name, trigger)
                made = tried[name]
                if made is not None:
                    chosen.append(Taken(name, made))
                    break
        return self._chart.settle_conflicts(self._active, chosen, self._memory), carrier.refusals

    def make(self, chosen: list[Taken]) -> None:
        """Leave and enter what the transitions say."""
        before = self._chart.write(self._active)
        shift: Shift = self._chart.shift(self._active, chosen, self._memory)
        self._active, self._memory = shift.active, shift.memory
        steps = tuple({each.step.id: each.step for each in chosen}.values())
        after = self._chart.write(self._active)
        self.legs.append(Leg(before, after, steps, shift.entered, shift.left))

    def settle(self) -> bool:
        """Make what happens by itself until nothing does; false when there is no end to it."""
        if _BY_ITSELF not in self._lifecycle.machine.events:
            return True
        for _ in range(MOST_AUTOMATIC + 1):
            chosen, _ignored = self.choose(_BY_ITSELF)
            if not chosen:
                return True
            self.make(chosen)
        return False

    def finish(self, state: str) -> Moved:
        """Give the answer."""
        steps = [step for leg in self.legs for step in leg.steps]
        effects = tuple(effect for step in steps for effect in step.effects)
        name = steps[0].id if steps else ""
        after = self._chart.write(self._active)
        return Moved(state, after, name, effects, tuple(self.legs))

    def _read_old(self, text: str) -> Active:
        """Read a former state; one of another version says nothing."""
        try:
            return self._chart.read(text)
        except KeyError:
            return frozenset()


class _Carrier:
    """Holds the state of one record during one attempt, and what is said about it."""

    def __init__(self, attempt: Attempt, evaluate: Evaluate, chart: Chart, active: Active) -> None:
        self.STATE = ""
        self.evaluate = evaluate
        self.chart = chart
        self.active = active
        self.refusals: list[Refusal] = []
        self.made: Transition | None = None
        self._attempt = attempt
        self._full: Attempt | None = None

    def attempt_at(self, step: Transition) -> Attempt:
        """Give the attempt; with the active states among its facts where a guard asks for them."""
        if step.guard is None or ACTIVE_STATES not in step.guard:
            return self._attempt
        if self._full is None:
            names = tuple(sorted(self.active, key=self.chart.order.__getitem__))
            facts = {**self._attempt.facts, ACTIVE_STATES: names}
            self._full = replace(self._attempt, facts=facts)
        return self._full

    def try_in(self, state: str, trigger: Any) -> Transition | None:
        """Let the machine choose among the transitions of one state."""
        if state not in trigger.transitions:
            return None
        self.STATE, self.made = state, None
        trigger.trigger(self)
        return self.made


class _Condition:
    """Lets a transition happen when nothing objects, and keeps every objection."""

    def __init__(self, step: Transition) -> None:
        self._step = step

    def __call__(self, event: EventData) -> bool:
        carrier = event.model
        if not isinstance(carrier, _Carrier):
            raise TypeError("a life cycle is fired through fire() only")
        step = self._step
        if step.when_done and not carrier.chart.is_done(carrier.STATE, carrier.active):
            return False
        refusals = list(list_objections(step, carrier.attempt_at(step), carrier.evaluate))
        carrier.refusals.extend(refusals)
        carrier.made = None if refusals else step
        return not refusals


def _event_key(lifecycle: Lifecycle, event: str) -> str:
    """Find the longest descriptor that answers an event; it has the same transitions."""
    events = lifecycle.machine.events
    if event in events:
        return event
    parts = event.split(".")
    while parts:
        for word in (".".join(parts), f"{'.'.join(parts)}.*"):
            if word in events:
                return word
        parts.pop()
    return "*"


def _misplaced(lifecycle: Lifecycle, state: str, transition: str) -> Refusal:
    """Say why nothing was even tried: no such state, no such event, or not in this state."""
    steps = [step for step in lifecycle.transitions if not step.is_automatic]
    known = list(dict.fromkeys(step.event for step in steps))
    try:
        here = set(lifecycle.chart.read(state))
    except KeyError:
        text = f"life cycle {lifecycle.id!r} has no state {state!r}"
        return Refusal("QT421", text, fix="migrate the record to a state of this version")
    possible = list(dict.fromkeys(s.event for s in steps if not here.isdisjoint(s.from_)))
    fix = f"possible now: {', '.join(possible) or 'nothing'}"
    named = [step for step in steps if step.answers(transition)]
    if not named:
        near = suggest(transition, known)
        hint = f" (did you mean {near!r}?)" if near else ""
        text = f"life cycle {lifecycle.id!r} has no transition {transition!r}{hint}"
        return Refusal("QT420", text, fix=fix)
    starts = dict.fromkeys(s for step in named for s in step.from_)
    text = f"{transition} is not possible in state {state}; it begins in: {', '.join(starts)}"
    return Refusal("QT421", text, fix=fix)
