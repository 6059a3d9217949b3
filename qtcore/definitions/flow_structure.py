"""What can be wrong inside one life cycle although every key is right: states, steps, timers.

It must not know other definitions, guards or paths: proofs judge those.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from qtcore.definitions.mistakes import Mistake, unknown
from qtcore.definitions.problems import suggest
from qtcore.definitions.source import Path
from qtcore.definitions.statechart import ROOT, Chart, build_chart
from qtcore.definitions.verify_structure import check_verify
from qtcore.definitions.workflows import (
    State,
    Timer,
    Transition,
    WorkflowDefinition,
    as_names,
)

SUBJECTS: Final = ("lot", "record", "inspection")
_OF_PERSONS: Final = ("trigger", "roles", "form", "reason", "signature", "gate", "rules",
                      "not_same_as", "different_from_all", "creator")  # fmt: skip
_EFFECT_NEEDS: Final = {"hold": "reason", "create_record": "record", "notify": "roles"}


def check_workflow(flow: WorkflowDefinition) -> Iterator[Mistake]:
    """Find every mistake that shows in this life cycle alone."""
    places = dict(_places(flow.states, ("states",)))
    states = [state.id for state in flow.all_states]
    steps = [step.id for step in flow.transitions]
    twice = [
        *_twice(((s.id, path) for path, s in places.items()), "state"),
        *_twice(((step, ("transitions", at)) for at, step in enumerate(steps)), "transition"),
    ]
    yield from twice
    broken = [*_check_initial(flow, states), *_check_references(flow, states, steps)]
    if not twice:
        broken += _check_tree(build_chart(flow), places)
    yield from broken
    if flow.subject not in SUBJECTS:
        message = f"'subject' is {flow.subject!r}; accepted is one of {', '.join(SUBJECTS)}"
        yield Mistake("QT112", message, ("subject",), suggest(flow.subject, SUBJECTS))
    for at, step in enumerate(flow.transitions):
        yield from _check_who(step, ("transitions", at))
    yield from _check_effects(flow)
    for at, timer in enumerate(flow.timers):
        yield from _check_timer(timer, ("timers", at))
    yield from check_verify(flow)
    if not (broken or twice):
        chart = build_chart(flow)
        yield from _check_steps(flow, chart)
        yield from _check_flow(flow, chart, {s.id: path for path, s in places.items()})


def _places(states: Sequence[State], path: Path) -> Iterator[tuple[Path, State]]:
    for at, state in enumerate(states):
        yield (*path, at), state
        yield from _places(state.states, (*path, at, "states"))


def _twice(ids: Iterable[tuple[str, Path]], what: str) -> Iterator[Mistake]:
    seen: set[str] = set()
    for word, path in ids:
        if word in seen:
            message = f"{what} {word!r} is defined twice; every id is used once"
            yield Mistake("QT304", message, (*path, "id"))
        seen.add(word)


def _check_initial(flow: WorkflowDefinition, states: Sequence[str]) -> Iterator[Mistake]:
    names = as_names(flow.initial)
    for name in names:
        if name not in states:
            message = f"the initial state {name!r} is not among the states"
            yield Mistake("QT301", message, ("initial",), suggest(name, states))
    if not names:
        message = "the workflow begins nowhere; name a state under 'initial'"
        yield Mistake("QT301", message, ("initial",))


def _check_references(
    flow: WorkflowDefinition, states: Sequence[str], steps: Sequence[str]
) -> Iterator[Mistake]:
    for at, step in enumerate(flow.transitions):
        path: Path = ("transitions", at)
        for number, name in enumerate(step.from_):
            if name not in states:
                yield unknown(name, states, "state", (*path, "from", number))
        for number, name in enumerate(step.targets):
            if name not in states:
                inner = () if isinstance(step.to, str) else (number,)
                yield unknown(name, states, "state", (*path, "to", *inner))
        for number, name in enumerate(step.needs_signed):
            if name not in [s.id for s in flow.transitions if s.signature is not None]:
                yield unknown(name, steps, "signed transition", (*path, "needs_signed", number))
        others = () if isinstance(step.different_from_all, bool) else step.different_from_all
        for key, names in (("not_same_as", step.not_same_as), ("different_from_all", others)):
            for number, name in enumerate(names):
                if name not in (*steps, "create"):
                    yield unknown(name, steps, "transition", (*path, key, number))
                elif name == step.id:
                    message = f"transition {name!r} names itself; name an earlier step"
                    yield Mistake("QT130", message, (*path, key, number))
    events = dict.fromkeys(event for step in flow.transitions for event in step.triggers)
    for at, timer in enumerate(flow.timers):
        if timer.state not in states:
            yield unknown(timer.state, states, "state", ("timers", at, "state"))
        if timer.fire is not None and timer.fire not in steps and timer.fire not in events:
            yield unknown(timer.fire, steps, "transition", ("timers", at, "fire"))


def _check_tree(chart: Chart, places: dict[Path, State]) -> Iterator[Mistake]:
    """Find states whose parts do not fit each other."""
    for path, state in places.items():
        for said in _misfits(chart, state):
            yield Mistake("QT306", said, (*path, "id"))
        for name in as_names(state.initial):
            around = chart.parents[state.id] if state.history else state.id
            if name not in chart.states or not chart.is_inside(name, around):
                known = [s for s in chart.states if chart.is_inside(s, around)]
                mistake = unknown(name, known, f"state inside {around!r}", (*path, "initial"))
                yield Mistake("QT301", mistake.message, mistake.path, mistake.suggestion)


def _misfits(chart: Chart, state: State) -> Iterator[str]:
    inside = chart.inner[state.id]
    if state.history and chart.parents[state.id] == ROOT:
        yield f"state {state.id!r} keeps the history of nothing; put it inside another state"
    if state.history and (state.states or state.final or state.parallel):
        yield f"state {state.id!r} is a bookmark; it has no 'states', 'final' or 'parallel'"
    if state.final and state.states:
        yield f"state {state.id!r} is final and has states inside; make the last of them final"
    if state.parallel and len(inside) < 2:
        yield f"the parallel state {state.id!r} needs at least two states inside"
    if state.parallel and state.initial:
        yield f"all states inside the parallel state {state.id!r} are entered; leave out 'initial'"
    if state.parallel and any(chart.states[name].final for name in inside):
        yield f"a region of the parallel state {state.id!r} is final; make a state inside it final"
    if not state.history and state.states and not inside:
        yield f"state {state.id!r} has nothing inside but bookmarks; add a state"
    if not state.history and not state.states and state.initial:
        yield f"state {state.id!r} has 'initial' but no states inside; leave it out"


def _check_who(step: Transition, path: Path) -> Iterator[Mistake]:
    if not step.is_automatic:
        if not step.roles:
            message = f"transition {step.id!r} needs the key 'roles'; add it"
            yield Mistake("QT111", message, path)
        return
    for key in _OF_PERSONS:
        if getattr(step, key):
            message = f"{step.id!r} happens by itself: nobody can give {key!r}; leave it out"
            yield Mistake("QT307", message, (*path, key), on_key=True)
    if not step.targets:
        message = f"{step.id!r} happens by itself and stays where it is, for ever; give it a target"
        yield Mistake("QT307", message, (*path, "to"))


def _check_effects(flow: WorkflowDefinition) -> Iterator[Mistake]:
    for at, step in enumerate(flow.transitions):
        for number, effect in enumerate(step.effects):
            path: Path = ("transitions", at, "effects", number)
            key = _EFFECT_NEEDS.get(effect.do)
            if key is not None and not getattr(effect, key):
                message = f"the effect {effect.do!r} of {step.id!r} needs the key {key!r}; add it"
                yield Mistake("QT111", message, path)
            for place, value in enumerate(effect.fields):
                if (value.value is None) == (value.from_ is None):
                    message = f"field {value.field!r} needs exactly one of 'value' and 'from'"
                    yield Mistake("QT112", message, (*path, "fields", place))


def _check_timer(timer: Timer, path: Path) -> Iterator[Mistake]:
    of = f"the timer of {timer.state!r}"
    if timer.fire is None and not timer.escalate_to and timer.priority is None:
        message = f"{of} does nothing; give 'fire', 'escalate_to' or 'priority'"
        yield Mistake("QT111", message, path)
    if timer.before is not None and timer.date is None:
        message = f"{of} is due 'before' a day that is not named; give 'date', a field of the form"
        yield Mistake("QT308", message, (*path, "before"))
    if timer.after is None and timer.date is None:
        message = f"{of} is never due; give 'after', or 'date', a field of the form"
        yield Mistake("QT308", message, path)
    if timer.after is not None and timer.before is not None:
        message = f"{of} is due both 'after' and 'before'; leave one out"
        yield Mistake("QT308", message, (*path, "before"))
    if timer.repeat is not None and not timer.escalate_to:
        message = f"{of} repeats nothing; 'repeat' tells the roles of 'escalate_to' again"
        yield Mistake("QT308", message, (*path, "repeat"))


def _check_steps(flow: WorkflowDefinition, chart: Chart) -> Iterator[Mistake]:
    for at, step in enumerate(flow.transitions):
        path: Path = ("transitions", at)
        for number, source in enumerate(step.from_):
            where: Path = (*path, "from", number)
            if chart.states[source].history:
                message = f"transition {step.id!r} begins in {source!r}, where nothing ever is"
                yield Mistake("QT306", message, where)
            if chart.states[source].final and not chart.inner[source]:
                message = f"transition {step.id!r} leaves the final state {source!r}"
                yield Mistake("QT305", message, where)
            if step.when_done and not chart.inner[source]:
                message = f"{step.id!r} waits for the states inside {source!r}; there are none"
                yield Mistake("QT307", message, where)
        if len(step.targets) > 1 and not _is_together(chart, step.targets):
            message = f"the states {', '.join(step.targets)} cannot be active at once"
            yield Mistake("QT306", message, (*path, "to"))


def _is_together(chart: Chart, names: Sequence[str]) -> bool:
    """Say whether states lie in different regions, so that one step can enter them all."""
    for at, one in enumerate(names):
        for other in names[at + 1 :]:
            above = set(chart.above(one))
            shared = next(s for s in chart.above(other) if s in above or s == one)
            if shared in (ROOT, one) or not chart.states[shared].parallel:
                return False
    return True


def _check_flow(
    flow: WorkflowDefinition, chart: Chart, places: dict[str, Path]
) -> Iterator[Mistake]:
    reached = _reachable(flow, chart)
    leaving = {
        source
        for step in flow.transitions
        for source in step.from_
        if any(target != source for target in step.targets)
    }
    for name, state in chart.states.items():
        path = (*places[name], "id")
        if state.history:
            if not any(name in step.targets for step in flow.transitions) and not any(
                name in as_names(other.initial) for other in chart.states.values()
            ):
                yield Mistake("QT302", f"nothing leads to the bookmark {name!r}", path)
        elif name not in reached:
            start = " and ".join(as_names(flow.initial))
            message = f"state {name!r} cannot be reached from {start!r}; add a transition"
            yield Mistake("QT302", message, path)
        elif _is_stuck(chart, state, leaving):
            message = f"nothing leads out of state {name!r}; add a transition or 'final: true'"
            yield Mistake("QT303", message, path)


def _is_stuck(chart: Chart, state: State, leaving: set[str]) -> bool:
    is_open = state.final or not chart.is_atomic(state.id)
    return not is_open and leaving.isdisjoint((state.id, *chart.above(state.id)))


def _reachable(flow: WorkflowDefinition, chart: Chart) -> set[str]:
    """Find the states that some way leads to, as if every region stood alone."""
    reached: set[str] = set(chart.enter().active)
    is_growing = True
    while is_growing:
        size = len(reached)
        for step in flow.transitions:
            if not reached.isdisjoint(step.from_) and step.targets:
                reached |= chart.inside_of(step.targets)
        is_growing = len(reached) > size
    return reached
