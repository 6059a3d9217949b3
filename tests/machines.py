"""Machines of published state-machine vectors, written as our YAML.

An SCXML state is a state; `<parallel>` is `parallel: true`, `<history>` is `history:`, `<final>` is
`final: true`; a transition gets an id of its own and its events become `trigger:`. A transition
without an event is `automatic`, `done.state.x` out of x is `when_done`, `type="internal"` is
`internal`. Names are made ours: small letters, digits and '_'.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from qtcore.definitions.source import read_yaml
from qtcore.definitions.workflows import WorkflowDefinition
from qtcore.engines.expressions import TEXT_LIST, check, evaluate
from qtcore.engines.workflow import Attempt, Lifecycle, Moved, compile_workflow, fire, start

ROLE = "qa"
Node = Mapping[str, Any]


def name_of(word: str) -> str:
    name = re.sub(r"[^a-z0-9_]", "_", word.lower())
    return name if name[:1].isalpha() else f"s_{name}"


def names_of(words: Any) -> list[str]:
    listed = words.split() if isinstance(words, str) else words or []
    return [name_of(word) for word in listed]


def state_of(node: Node) -> dict[str, Any]:
    state: dict[str, Any] = {"id": name_of(node["id"]), "status": "draft"}
    if node["kind"] == "history":
        (default,) = node["transitions"]
        return {**state, "history": node.get("type") or "shallow",
                "initial": names_of(default["target"])}  # fmt: skip
    if node["kind"] == "final":
        state["final"] = True
    if node["kind"] == "parallel":
        state["parallel"] = True
    if node.get("initial"):
        state["initial"] = names_of(node["initial"])
    if node.get("states"):
        state["states"] = [state_of(inner) for inner in node["states"]]
    return state


def nodes_of(node: Node) -> Iterator[Node]:
    for inner in node.get("states") or ():
        yield inner
        yield from nodes_of(inner)


def guard_of(condition: str) -> str:
    words = re.sub(r"In\('([^']*)'\)", lambda m: f"'{name_of(m[1])}' in active_states", condition)
    words = words.replace("!", "not ").replace("&&", "and").replace("||", "or")
    return re.sub(r"\btrue\b", "1 == 1", re.sub(r"\bfalse\b", "1 == 0", words))


def transitions_of(machine: Node) -> Iterator[dict[str, Any]]:
    number = 0
    for node in nodes_of(machine):
        for written in () if node["kind"] == "history" else node.get("transitions") or ():
            number += 1
            step: dict[str, Any] = {
                "id": f"step_{number}",
                "from": [name_of(node["id"])],
                "to": names_of(written.get("target")),
            }
            event = written.get("event")
            if not event:
                step["automatic"] = True
            elif event == f"done.state.{node['id']}":
                step["when_done"] = True
            else:
                step |= {"trigger": event.split(), "roles": [ROLE]}
            if written.get("cond"):
                step["guard"] = guard_of(written["cond"])
            if written.get("type") == "internal":
                step["internal"] = True
            yield step


def yaml_of(machine: Node) -> str:
    initial = names_of(machine.get("initial")) or [name_of(machine["states"][0]["id"])]
    whole = {
        "id": "vector",
        "subject": "record",
        "initial": initial,
        "states": [state_of(node) for node in machine["states"]],
        "transitions": list(transitions_of(machine)),
    }
    return yaml.safe_dump(whole, sort_keys=False)


def flow_of(text: str) -> WorkflowDefinition:
    document = read_yaml(text, "vector.yaml")
    assert not document.problems
    return WorkflowDefinition.model_validate(document.value)


def decide(text: str, facts: Mapping[str, object]) -> bool | None:
    compiled, problems = check(text, {"active_states": TEXT_LIST})
    assert compiled is not None, problems
    value = evaluate(compiled, facts).value
    return value if isinstance(value, bool) else None


def run(lifecycle: Lifecycle, events: list[str]) -> list[list[str]]:
    """Give the configuration at the start and after each event."""
    begun = start(lifecycle, decide)
    state = begun.to_state
    visited = [leg.from_state for leg in begun.legs]
    passed = [lifecycle.configuration(state)]
    for event in events:
        attempt = Attempt(event, "chen", frozenset({ROLE}), visited=tuple(visited))
        answer = fire(lifecycle, state, attempt, decide)
        if isinstance(answer, Moved):
            visited += [leg.from_state for leg in answer.legs]
            state = answer.to_state
        passed.append(lifecycle.configuration(state))
    return passed


def run_vector(vector: Mapping[str, Any]) -> list[list[str]]:
    events = [step["event"] for step in vector["steps"]]
    return run(compile_workflow(flow_of(yaml_of(vector["machine"]))), events)


def expected(vector: Mapping[str, Any]) -> list[list[str]]:
    wanted = [vector["initial_configuration"], *(step["next"] for step in vector["steps"])]
    return [sorted(map(name_of, names)) for names in wanted]
