"""The engines take every form, life cycle and rule that is shipped."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from qtcore.definitions.folders import base_folders
from qtcore.definitions.forms import FormDefinition
from qtcore.definitions.read import PackFolder, read_pack
from qtcore.definitions.workflows import WorkflowDefinition
from qtcore.engines.forms import build_form, default_values, read_properties, read_values
from qtcore.engines.workflow import Attempt, Moved, Stopped, compile_workflow, fire

_ROOT = Path(__file__).resolve().parents[2]
INDUSTRIES = sorted(_ROOT.glob("plugins/*/qt_*/pack.yaml"))


def packs() -> list[PackFolder]:
    return [read_pack(base_folders()), *(read_pack(path.parent) for path in INDUSTRIES)]


def shipped(kind: str) -> list[object]:
    return [
        pytest.param(located.definition, id=f"{pack.name}:{located.definition.id}")
        for pack in packs()
        for located in pack.definitions.get(kind, ())
    ]


def unknown(_expression, _facts) -> None:
    return None


@pytest.mark.parametrize("form", shipped("forms"))
def test_every_shipped_form_is_drawn_whole_and_read_empty(form: FormDefinition):
    schema = form.schema_
    view = build_form(schema, form.layout, evaluate=unknown, values=default_values(schema))
    drawn = {field.name for section in view.sections for field in section.fields}
    assert drawn == {each.name for each in read_properties(schema)}
    found = read_values(schema, {}, layout=form.layout, evaluate=unknown)
    assert {fault.code for fault in found.faults} <= {"QT481"}


@pytest.mark.parametrize("form", shipped("forms"))
def test_every_shipped_default_is_accepted(form: FormDefinition):
    sent = default_values(form.schema_)
    found = read_values(form.schema_, sent, layout=form.layout, evaluate=unknown)
    assert not {fault.where for fault in found.faults} & set(sent)


def only(guard: str | None) -> Callable[[str, Mapping[str, object]], bool]:
    """Let the guard of one step hold and no other: automatic steps stay where they are."""
    return lambda expression, _facts: expression == guard


@pytest.mark.parametrize("workflow", shipped("workflows"))
def test_every_shipped_step_is_made_or_refused_with_reasons(workflow: WorkflowDefinition):
    lifecycle = compile_workflow(workflow)
    for step in workflow.transitions:
        answer = fire(lifecycle, step.from_[0], Attempt(step.id, ""), unknown)
        assert isinstance(answer, Stopped)
        if step.automatic:  # nobody asks for it: it follows another step
            continue
        complete = Attempt(
            step.id,
            "chen",
            frozenset({*step.roles, *(step.signature.roles if step.signature else ())}),
            reason="as agreed",
            signed_meaning=step.signature.meaning if step.signature else "",
            filled_forms=frozenset({step.form or ""}),
            gate_outcomes={step.gate or "": ()},
            rule_outcomes=dict.fromkeys(step.rules, ()),
        )
        answer = fire(lifecycle, step.from_[0], complete, only(step.guard))
        assert isinstance(answer, Moved)
        assert answer.to_state == step.to
