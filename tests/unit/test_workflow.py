"""A step is made when nothing objects; else every reason is given. No text becomes a call."""

from dataclasses import replace

import pytest
from transitions import Machine, MachineError

from qtcore.definitions.source import read_yaml
from qtcore.definitions.workflows import WorkflowDefinition
from qtcore.engines.workflow import (
    Attempt,
    Lifecycle,
    LifecycleMachine,
    Moved,
    Stopped,
    available,
    compile_workflow,
    fire,
)
from qtcore.errors import Refusal

CAPA = """
id: capa
subject: record
initial: open
states:
  - {id: open, status: quarantine}
  - {id: review, status: testing}
  - {id: closed, status: released, final: true}
transitions:
  - {id: submit, from: [open], to: review, roles: [operator, qa]}
  - {id: send_back, from: [review], to: open, roles: [qa], reason: true}
  - id: close
    from: [review]
    to: closed
    roles: [qa, qp]
    reason: true
    guard: open_tasks == 0
    gate: release
    form: effectiveness
    not_same_as: [submit]
    signature: {meaning: approved, roles: [qp]}
    effects: [{do: notify, roles: [qa]}]
"""
DOTTED = "os.path.isabs"


def lifecycle(text: str = CAPA) -> Lifecycle:
    document = read_yaml(text, "flow.yaml")
    assert not document.problems
    return compile_workflow(WorkflowDefinition.model_validate(document.value))


def flow_with(transitions: str) -> Lifecycle:
    states = "[{id: a, status: draft}, {id: b, status: testing}, {id: c, status: released}]"
    return lifecycle(
        f"id: x\nsubject: record\ninitial: a\nstates: {states}\ntransitions:\n{transitions}\n"
    )


def no_open_tasks(expression: str, facts) -> bool | None:
    assert expression == "open_tasks == 0"
    found = facts.get("open_tasks")
    return None if found is None else found == 0


def a_closing(**changes) -> Attempt:
    complete = Attempt(
        "close",
        "chen",
        roles=frozenset({"qp"}),
        reason="effective",
        signed_meaning="approved",
        history=(("submit", "li"),),
        facts={"open_tasks": 0},
        filled_forms=frozenset({"effectiveness"}),
        gate_outcomes={"release": ()},
    )
    return replace(complete, **changes)


def stopped(attempt: Attempt, state: str = "review") -> tuple[Refusal, ...]:
    answer = fire(lifecycle(), state, attempt, no_open_tasks)
    assert isinstance(answer, Stopped)
    return answer.refusals


def test_a_step_nobody_objects_to_is_made_with_its_effects():
    answer = fire(lifecycle(), "review", a_closing(), no_open_tasks)
    assert isinstance(answer, Moved)
    assert (answer.from_state, answer.to_state, answer.transition) == ("review", "closed", "close")
    assert [effect.do for effect in answer.effects] == ["notify"]


OBJECTION = Refusal("PH-03", "assay is missing", asked_by="pharma")


@pytest.mark.parametrize(
    ("changes", "code", "words"),
    [
        ({"roles": frozenset({"operator"})}, "QT422", "one of the roles qa, qp; yours: operator"),
        ({"roles": frozenset()}, "QT422", "yours: none"),
        ({"actor_person": "li"}, "QT423", "another person than submit; you made submit"),
        ({"actor_person": ""}, "QT423", "who acts is not known"),
        ({"reason": "  "}, "QT424", "needs a reason"),
        ({"signed_meaning": ""}, "QT425", "meaning 'approved'; found: none"),
        ({"signed_meaning": "reviewed"}, "QT425", "it was signed as 'reviewed'"),
        ({"roles": frozenset({"qa"})}, "QT425", "signed by one of the roles qp only"),
        ({"filled_forms": frozenset()}, "QT426", "the form effectiveness"),
        (
            {"facts": {"open_tasks": 2}},
            "QT427",
            "open_tasks == 0; that is not so; found: open_tasks = 2",
        ),
        ({"facts": {}}, "QT428", "cannot be decided; found: open_tasks = unknown"),
        ({"gate_outcomes": {}}, "QT429", "gate release, which were not judged"),
        ({"gate_outcomes": {"release": (OBJECTION,)}}, "PH-03", "assay is missing"),
    ],
    ids=[
        "role",
        "no role",
        "same person",
        "nobody",
        "reason",
        "no signature",
        "other meaning",
        "signing role",
        "form",
        "guard false",
        "guard unknown",
        "gate not judged",
        "gate",
    ],
)
def test_each_missing_condition_alone_stops_the_step_and_is_named(changes, code, words):
    refusals = stopped(a_closing(**changes))
    assert code in [refusal.code for refusal in refusals]
    assert any(words in refusal.message for refusal in refusals)


def test_every_reason_is_listed_not_only_the_first():
    refusals = stopped(Attempt("close", "li", history=(("submit", "li"),)))
    codes = ["QT422", "QT423", "QT424", "QT425", "QT425", "QT426", "QT428", "QT429"]
    assert [refusal.code for refusal in refusals] == codes
    assert all(refusal.fix for refusal in refusals)


def test_a_wrong_state_names_the_state_and_what_is_possible():
    (refusal,) = stopped(a_closing(), state="open")
    assert refusal.code == "QT421"
    assert "close is not possible in state open; it begins in: review" in refusal.message
    assert refusal.fix == "possible now: submit"


def test_a_misspelt_transition_is_recognised():
    (refusal,) = stopped(Attempt("clsoe", "chen"))
    assert refusal.code == "QT420"
    assert "did you mean 'close'" in refusal.message


def test_a_state_of_another_version_stops():
    (refusal,) = stopped(a_closing(), state="retest")
    assert (refusal.code, "no state 'retest'" in refusal.message) == ("QT421", True)


def test_only_the_steps_of_ones_roles_are_available():
    flow = lifecycle()
    assert [step.id for step in available(flow, "review", {"qa"})] == ["send_back", "close"]
    assert [step.id for step in available(flow, "review", {"qp"})] == ["close"]
    assert available(flow, "closed", {"qa"}) == ()


def test_an_unknown_state_lists_the_known():
    with pytest.raises(KeyError, match="it has: open, review, closed"):
        lifecycle().state("opne")
    assert lifecycle().state("closed").final


def test_a_transition_to_nowhere_does_not_compile():
    with pytest.raises(ValueError, match="'go' of 'x': no state 'nowhere'"):
        flow_with("  - {id: go, from: [a], to: nowhere, roles: [qa]}")


def test_the_package_alone_would_accept_a_transition_to_nowhere():
    machine = Machine(model=None, states=["a"], initial="a", auto_transitions=False)
    machine.add_transition("go", "a", "nowhere")
    assert "go" in machine.events


@pytest.mark.parametrize("name", ["state", "trigger", "may_go", "is_a", "models", "to_b", "events"])
def test_a_transition_may_have_any_name(name):
    flow = flow_with(f"  - {{id: {name}, from: [a], to: b, roles: [qa]}}")
    attempt = Attempt(name, "chen", frozenset({"qa"}))
    assert isinstance(fire(flow, "a", attempt, no_open_tasks), Moved)


def test_the_first_alternative_that_nothing_objects_to_is_made():
    flow = flow_with(
        "  - {id: go, from: [a], to: b, roles: [qa], guard: open_tasks == 0}\n"
        "  - {id: go, from: [a], to: c, roles: [qa]}"
    )
    attempt = Attempt("go", "chen", frozenset({"qa"}), facts={"open_tasks": 1})
    answer = fire(flow, "a", attempt, no_open_tasks)
    assert isinstance(answer, Moved)
    assert answer.to_state == "c"


def test_no_way_leads_past_the_declared_steps():
    flow = lifecycle()
    assert set(flow.machine.events) == {"submit", "send_back", "close"}
    assert stopped(Attempt("to_closed", "chen", frozenset({"qp"})))[0].code == "QT420"


def test_the_package_alone_adds_ways_past_every_gate():
    machine = Machine(model=None, states=["open", "closed"], initial="open")
    assert "to_closed" in machine.events


class Record:
    state = "open"


@pytest.mark.parametrize("place", ["conditions", "before", "after", "prepare"])
def test_a_dotted_text_never_runs(place):
    machine = LifecycleMachine(
        model=Record(), states=["open", "closed"], initial="open", auto_transitions=False
    )
    machine.add_transition("close", "open", "closed", **{place: DOTTED})
    with pytest.raises(TypeError, match=r"'os\.path\.isabs' is not a condition"):
        machine.events["close"].trigger(machine.models[0])


def test_with_the_package_alone_a_dotted_text_is_imported_and_called():
    machine = Machine(
        model=Record(), states=["open", "closed"], initial="open", auto_transitions=False
    )
    machine.add_transition("close", "open", "closed", conditions=DOTTED)
    assert machine.events["close"].trigger(machine.models[0], "/an/argument/of/the/attacker")


def test_a_method_of_the_record_never_becomes_a_condition():
    machine = LifecycleMachine(
        model=Record(), states=["open", "closed"], initial="open", auto_transitions=False
    )
    machine.add_transition("close", "open", "closed", conditions="__init__")
    with pytest.raises(TypeError, match="not a condition"):
        machine.events["close"].trigger(machine.models[0])


def test_a_guard_that_looks_like_a_call_only_reaches_the_evaluator():
    asked = []

    def evaluate(expression, facts):
        asked.append(expression)

    flow = flow_with("  - {id: go, from: [a], to: b, roles: [qa], guard: os.system('touch x')}")
    answer = fire(flow, "a", Attempt("go", "chen", frozenset({"qa"})), evaluate)
    assert asked == ["os.system('touch x')"]
    assert isinstance(answer, Stopped)


def test_a_compiled_machine_cannot_be_fired_past_the_engine():
    with pytest.raises(TypeError, match="fired through fire"):
        lifecycle().machine.events["submit"].trigger(type("Bare", (), {"STATE": "open"})())


def test_the_package_alone_raises_where_a_reason_is_wanted():
    machine = Machine(model=Record(), states=["open", "closed"], auto_transitions=False)
    machine.add_transition("close", "open", "closed")
    machine.set_state("closed")
    with pytest.raises(MachineError, match="Can't trigger"):
        machine.events["close"].trigger(machine.models[0])


def test_a_life_cycle_keeps_nothing_of_an_attempt():
    flow = lifecycle()
    before = fire(flow, "review", a_closing(), no_open_tasks)
    fire(flow, "review", a_closing(reason=""), no_open_tasks)
    assert fire(flow, "review", a_closing(), no_open_tasks) == before
    assert flow.machine.models == []
