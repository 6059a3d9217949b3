"""Published state-machine vectors, written as our YAML, end in the states they say.

An SCXML event descriptor matches whole dotted parts (`foo` matches `foo.bar`). Our transitions have
names instead, so each event of a vector becomes one name, and the descriptors it matches become
transitions of that name in document order.
"""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from qtcore.definitions.source import read_yaml
from qtcore.definitions.workflows import WorkflowDefinition
from qtcore.engines.workflow import Attempt, Lifecycle, Moved, compile_workflow, fire

ROLE = "qa"


def name_of(event: str) -> str:
    return re.sub(r"[^a-z0-9_]", "_", event.lower())


def matches(descriptors: str, event: str) -> bool:
    wanted = [word.removesuffix(".*").removesuffix(".") for word in descriptors.split()]
    return any(w in ("*", event) or event.startswith(f"{w}.") for w in wanted)


def transitions_of(vector: Mapping[str, Any]) -> Iterator[dict[str, object]]:
    events = dict.fromkeys(step["event"] for step in vector["steps"])
    for state in vector["machine"]["states"]:
        for written in state.get("transitions", ()):
            for event in events:
                if matches(written["event"], event):
                    yield {
                        "id": name_of(event),
                        "from": [state["id"]],
                        "to": written["target"][0],
                        "roles": [ROLE],
                    }


def lifecycle_of(vector: Mapping[str, Any]) -> Lifecycle:
    machine = vector["machine"]
    text = yaml.safe_dump(
        {
            "id": "vector",
            "subject": "record",
            "initial": machine.get("initial", [machine["states"][0]["id"]])[0],
            "states": [{"id": s["id"], "status": "draft"} for s in machine["states"]],
            "transitions": list(transitions_of(vector)),
        },
        sort_keys=False,
    )
    document = read_yaml(text, "vector.yaml")
    assert not document.problems
    return compile_workflow(WorkflowDefinition.model_validate(document.value))


def run(vector: Mapping[str, Any]) -> list[list[str]]:
    lifecycle = lifecycle_of(vector)
    state, passed = lifecycle.initial, [[lifecycle.initial]]
    for step in vector["steps"]:
        attempt = Attempt(name_of(step["event"]), "chen", frozenset({ROLE}))
        answer = fire(lifecycle, state, attempt, lambda _expression, _facts: None)
        state = answer.to_state if isinstance(answer, Moved) else state
        passed.append([state])
    return passed


def expected(vector: Mapping[str, Any]) -> list[list[str]]:
    return [vector["initial_configuration"], *(step["next"] for step in vector["steps"])]


def test_every_flat_vector_ends_where_it_says(shared_data: Path):
    path = shared_data / "workflow" / "flat_vectors.json"
    vectors = json.loads(path.read_text(encoding="utf-8"))["vectors"]
    assert vectors
    assert {v["name"]: run(v) for v in vectors} == {v["name"]: expected(v) for v in vectors}
