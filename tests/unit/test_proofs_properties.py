"""The prover against brute force: every path of small random machines, over all values of facts."""

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qtcore.definitions.workflows import WorkflowDefinition
from qtcore.engines.expressions import (
    BOOLEAN,
    INTEGER,
    Moment,
    check,
    enum_of,
    evaluate,
    find_example,
)
from qtcore.engines.proofs import GateRule, Instant, Judgement, Setting, prove_workflow

NAMES = {"kind": enum_of("a", "b"), "ok": BOOLEAN, "n": INTEGER}
VALUES = {"kind": (None, "a", "b"), "ok": (None, True, False), "n": (None, 0, 1, 2, 3)}
GUARDS = (
    "kind == 'a'",
    "kind != 'a'",
    "ok",
    "not ok",
    "n > 1",
    "n <= 1",
    "missing(n)",
    "n > 1 and n < 2",
    "kind == 'a' and n >= 2",
    "kind == 'b' or missing(kind)",
    "ok == (n > 1)",
    "not (n > 1 or ok)",
)
COMPILED = {text: check(text, NAMES)[0] for text in GUARDS}
STATES = ("s0", "s1", "s2", "s3")
STEPS = ("t0", "t1", "t2", "t3", "t4")
DEPTH = 4
ALL_VALUES = [
    dict(zip(VALUES, found, strict=True)) for found in itertools.product(*VALUES.values())
]


class ExactJudge:
    """The judge of the product over three facts, some of them constant."""

    def __init__(self, constant: frozenset[str]) -> None:
        self.constant = constant

    def decide(self, instants: Sequence[Instant]) -> Judgement:
        moments = [
            Moment(tuple(COMPILED[text] for text in (*each.guards, *each.checks)))  # type: ignore[misc]
            for each in instants
        ]
        return Judgement(find_example(moments, self.constant).outcome)

    def lasts(self, guard: str) -> bool:
        compiled = COMPILED[guard]
        return compiled is not None and not self.constant.isdisjoint(compiled.names)


names = st.sampled_from(STATES)
steps = st.sampled_from(STEPS)
points = st.one_of(
    st.fixed_dictionaries({"state": names}), st.fixed_dictionaries({"transition": steps})
)
some_states = st.lists(names, min_size=1, max_size=2, unique=True)
claims = st.one_of(
    st.fixed_dictionaries(
        {
            "always_passes": st.fixed_dictionaries(
                {"to": some_states, "gate": st.just("release")},
                optional={
                    "once": st.booleans(),
                    "since": st.lists(steps, max_size=1),
                },
            )
        }
    ),
    st.fixed_dictionaries(
        {
            "never": st.one_of(
                st.fixed_dictionaries({"state": names}, optional={"after": points}),
                st.fixed_dictionaries(
                    {"transition": steps},
                    optional={"after": points, "state": names, "when": st.sampled_from(GUARDS)},
                ),
            )
        }
    ),
    st.fixed_dictionaries({"before": st.fixed_dictionaries({"first": points, "then": points})}),
    st.fixed_dictionaries({"eventually_possible": st.fixed_dictionaries({"to": some_states})}),
    st.fixed_dictionaries(
        {
            "requires_rule": st.fixed_dictionaries(
                {"to": some_states, "rule": st.sampled_from(["hard", "soft"])}
            )
        }
    ),
    st.fixed_dictionaries(
        {
            "requires_distinct_persons": st.fixed_dictionaries(
                {"to": some_states, "other_than": st.lists(steps, min_size=1, max_size=2)}
            )
        }
    ),
)


@st.composite
def machines(draw):
    transitions = []
    for name in STEPS:
        step: dict[str, Any] = {
            "id": name,
            "from": draw(st.lists(names, min_size=1, max_size=2, unique=True)),
            "to": draw(names),
            "roles": ["qa"],
            "guard": draw(st.one_of(st.none(), st.sampled_from(GUARDS))),
            "gate": draw(st.sampled_from([None, None, "release"])),
            "not_same_as": draw(
                st.lists(st.sampled_from([s for s in STEPS if s != name]), max_size=2)
            ),
        }
        transitions.append(step)
    return WorkflowDefinition.model_validate(
        {
            "id": "random",
            "subject": "record",
            "initial": "s0",
            "states": [{"id": s, "status": "draft"} for s in STATES],
            "transitions": transitions,
            "verify": [{"id": "claim", **draw(claims)}],
        }
    )


Run = tuple[tuple[str, Any], ...]


TRUE_FOR = {
    text: [values for values in ALL_VALUES if evaluate(compiled, values).value is True]
    for text, compiled in COMPILED.items()
    if compiled is not None
}


def are_open(texts: Sequence[str | None], fixed: dict[str, Any]) -> bool:
    """Say whether some values make all conditions true, after the evaluator saw every value."""
    return any(
        all(values in TRUE_FOR[text] for text in texts if text is not None)
        for values in ALL_VALUES
        if all(values[name] == value for name, value in fixed.items())
    )


def runs(flow: WorkflowDefinition, fixed: dict[str, Any]) -> Iterator[Run]:
    """Give every run up to the depth, the shortest first."""
    open_steps = [step for step in flow.transitions if are_open([step.guard], fixed)]
    level: list[Run] = [()]
    for _ in range(DEPTH):
        longer: list[Run] = []
        for run in level:
            here = run[-1][1].to if run else flow.initial
            longer += [(*run, (here, step)) for step in open_steps if here in step.from_]
        yield from longer
        level = longer


def moments(flow: WorkflowDefinition, run: Run) -> list[tuple[str, str]]:
    found = [("state", str(flow.initial))]
    for _, step in run:
        found += [("transition", step.id), ("state", step.targets[0])]
    return found


def at(point: Any) -> tuple[str, str]:
    return ("state", point.state) if point.state else ("transition", point.transition)


def is_broken(flow: WorkflowDefinition, run: Run, fixed: dict[str, Any]) -> bool:
    """Say whether the last step of a run breaks the claim, looking at the whole run."""
    claim = flow.verify[0]
    source, step = run[-1]
    if claim.always_passes or claim.requires_rule:
        return skips(claim.always_passes or claim.requires_rule, run)
    if claim.never:
        body = claim.never
        then = ("transition", body.transition) if body.transition else ("state", body.state)
        order = moments(flow, run)
        wanted = [n for n in (len(order) - 2, len(order) - 1) if order[n] == then]
        if body.transition and body.state:
            wanted = wanted if source == body.state else []
        if body.after:
            wanted = [n for n in wanted if at(body.after) in order[:n]]
        return bool(wanted) and (body.when is None or are_open([step.guard, body.when], fixed))
    if claim.before:
        order = moments(flow, run)
        first, then = at(claim.before.first), at(claim.before.then)
        ends = (len(order) - 2, len(order) - 1)
        return any(order[n] == then and first not in order[:n] for n in ends)
    persons = claim.requires_distinct_persons
    assert persons is not None
    enters = step.to in persons.to and source not in persons.to
    made = {s.id for _, s in run[:-1]} & set(persons.other_than)
    return enters and bool(made - set(step.not_same_as))


def skips(body: Any, run: Run) -> bool:
    source, step = run[-1]
    if step.to not in body.to or source in body.to:
        return False
    start = 0
    for number, (before, made) in enumerate(run):
        if made.id in getattr(body, "since", ()):
            start = number
        elif not body.once and before in body.to and made.to not in body.to:
            start = number + 1
    gated = "release" if getattr(body, "rule", "hard") == "hard" else "no gate"
    return not any(made.gate == gated for _, made in run[start:])


def breaks_at_once(flow: WorkflowDefinition) -> bool:
    claim = flow.verify[0]
    body = claim.always_passes or claim.requires_rule
    if body:
        return flow.initial in body.to
    if claim.never:
        return claim.never.state == flow.initial and not (
            claim.never.transition or claim.never.after
        )
    if claim.before:
        return claim.before.then.state == flow.initial and claim.before.first.state != flow.initial
    return False


def shortest_break(flow: WorkflowDefinition, constant: frozenset[str]) -> int | None:
    if breaks_at_once(flow):
        return 0
    lengths = [
        next((len(run) for run in runs(flow, fixed) if is_broken(flow, run, fixed)), None)
        for fixed in fixings(constant)
    ]
    found = [length for length in lengths if length is not None]
    return min(found) if found else None


def fixings(constant: frozenset[str]) -> list[dict[str, Any]]:
    kept = sorted(constant)
    return [
        dict(zip(kept, values, strict=True))
        for values in itertools.product(*(VALUES[name] for name in kept))
    ]


def find_stuck(flow: WorkflowDefinition, constant: frozenset[str]) -> int | None:
    """Give the length of the shortest run after which no target can be reached any more."""
    body = flow.verify[0].eventually_possible
    assert body is not None
    found = []
    for fixed in fixings(constant):
        steps_ = [step for step in flow.transitions if are_open([step.guard], fixed)]
        good, size = set(body.to), 0
        while size != len(good):
            size = len(good)
            good |= {source for step in steps_ if step.to in good for source in step.from_}
        if flow.initial not in good:
            return 0
        found += [len(run) for run in runs(flow, fixed) if run[-1][1].to not in good]
    return min(found, default=None)


def setting_of(constant: frozenset[str]) -> Setting:
    gates = {"release": (GateRule("hard", True), GateRule("soft", False))}
    return Setting(ExactJudge(constant), frozenset({"qa"}), gates=gates)


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(machines(), st.frozensets(st.sampled_from(sorted(NAMES)), max_size=2))
def test_the_prover_agrees_with_every_path_of_a_small_machine(flow, constant):
    proof = prove_workflow(flow, setting_of(constant)).proofs[0]
    if flow.verify[0].eventually_possible:
        broken = find_stuck(flow, constant)
    else:
        broken = shortest_break(flow, constant)
    if flow.verify[0].eventually_possible and constant:
        # What is possible for some values of a constant is no way for all: undecided is honest.
        assert (
            proof.verdict != ("fails" if broken is None else "proved") or len(proof.steps) > DEPTH
        )
    elif broken is not None:
        assert proof.verdict == "fails"
        assert len(proof.steps) == broken
    elif proof.verdict == "fails":
        assert len(proof.steps) > DEPTH
    else:
        assert proof.verdict == "proved"


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.sampled_from(GUARDS), min_size=1, max_size=3),
    st.lists(st.sampled_from(GUARDS), max_size=1),
)
def test_conditions_are_impossible_together_only_when_no_values_make_them_true(met, unmet):
    moment = Moment(
        tuple(COMPILED[text] for text in met),  # type: ignore[misc]
        tuple(COMPILED[text] for text in unmet),  # type: ignore[misc]
    )
    possible = any(
        all(evaluate(each, values).value is True for each in moment.met)
        and all(evaluate(each, values).value is False for each in moment.unmet)
        for values in ALL_VALUES
    )
    outcome = find_example([moment]).outcome
    assert outcome in ({"possible", "undecided"} if possible else {"impossible", "undecided"})


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(machines())
def test_a_machine_that_may_lie_about_guards_is_never_proved_by_it(flow):
    class Silent(ExactJudge):
        def decide(self, instants: Sequence[Instant]) -> Judgement:
            return Judgement("undecided")

    exact = prove_workflow(flow, setting_of(frozenset())).proofs[0]
    silent = prove_workflow(
        flow, Setting(Silent(frozenset()), frozenset({"qa"}), gates=setting_of(frozenset()).gates)
    ).proofs[0]
    if exact.verdict == "fails":
        assert silent.verdict != "proved"
