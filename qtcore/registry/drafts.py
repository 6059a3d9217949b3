"""Life cycles in one file, outside any pack: read, checked, tried out and proved before use.

It must not write anything, nor take such a file into force.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from qtcore.definitions.located import Located
from qtcore.definitions.loose import read_flows as read_file
from qtcore.definitions.read import HEAD_FILE
from qtcore.definitions.workflows import WorkflowDefinition
from qtcore.engines.expressions import (
    BOOLEAN,
    DECIMAL,
    TEXT,
    TEXT_LIST,
    Compiled,
    FactType,
    check,
    evaluate,
)
from qtcore.engines.workflow import (
    Attempt,
    Lifecycle,
    Moved,
    compile_workflow,
    fire,
    start,
)
from qtcore.errors import DefinitionsRejected, Fault, NotFound, Refusal

_PERSON = "somebody"


@dataclass(frozen=True, slots=True)
class Tried:
    """What one event did: the innermost states that are active after it, or why nothing happened.

    `event` is empty at the beginning; `made` are the transitions, those that followed too.
    """

    event: str
    configuration: tuple[str, ...]
    state: str
    made: tuple[str, ...] = ()
    refusals: tuple[Refusal, ...] = ()

    def as_json(self) -> dict[str, object]:
        """Give the shape that `--json` shows."""
        return {
            "event": self.event,
            "configuration": list(self.configuration),
            "state": self.state,
            "transitions": list(self.made),
            "refusals": [refusal.as_json() for refusal in self.refusals],
        }


def read_flows(path: Path) -> tuple[Located[WorkflowDefinition], ...]:
    """Read the life cycles of a file: one alone, or a list under ``workflows``.

    Raises NotFound without a file, DefinitionsRejected with every problem and its place.
    """
    if not path.is_file():
        raise NotFound(f"there is no file {str(path)!r}; give a YAML file with a workflow")
    flows, problems = read_file(path)
    faults = [
        Fault(p.code, p.message, f"{p.file}:{p.line}:{p.column}")
        for p in problems
        if p.severity == "error"
    ]
    if faults:
        raise DefinitionsRejected(f"{path.name} has {len(faults)} problem(s)", faults)
    if not flows:
        raise NotFound(f"{path.name} holds no workflow; write one under 'workflows'")
    return flows


def find_flow(path: Path, name: str = "") -> WorkflowDefinition:
    """Find a life cycle in a file, or in any file below a folder; by name, or the only one.

    Raises NotFound with the ones there are.
    """
    files = sorted(path.rglob("*.yaml")) if path.is_dir() else [path]
    found: dict[str, WorkflowDefinition] = {}
    for file in files:
        if path.is_file() or "workflows" in file.read_text(encoding="utf-8", errors="replace"):
            flows = read_flows(file) if path.is_file() else read_file(file)[0]
            found.update({each.definition.id: each.definition for each in flows})
    if not path.exists():
        read_flows(path)
    if name in found:
        return found[name]
    if not name and len(found) == 1:
        return next(iter(found.values()))
    known = ", ".join(sorted(found)) or "none"
    raise NotFound(f"{str(path)!r} has no workflow {name!r}; it has: {known}")


def pack_of(path: Path) -> Path | None:
    """Give the folder of the pack that a file or folder belongs to, if it does."""
    start_ = path.resolve()
    for folder in (start_, *start_.parents):
        if (folder / HEAD_FILE).is_file():
            return folder
    return None


def simulate(
    flow: WorkflowDefinition,
    events: Sequence[str],
    facts: Mapping[str, object] | None = None,
    compile_guard: Callable[[str], Compiled | None] | None = None,
) -> Iterator[Tried]:
    """Try a life cycle out: give what is active at the beginning and after each event.

    People do whatever is asked of them: every role, reason, signature, form, gate and rule is
    given. Guards see `facts` only. `compile_guard` knows the facts that are declared; without it
    those are known that have a value.
    """
    lifecycle = compile_workflow(flow)
    judge = _Judge(facts or {}, compile_guard)
    state = start(lifecycle, judge, facts)
    visited = [leg.from_state for leg in state.legs]
    yield _tried(lifecycle, "", state)
    here = state.to_state
    for event in events:
        attempt = _willing(lifecycle, here, event, (dict(facts or {}), tuple(visited)))
        answer = fire(lifecycle, here, attempt, judge)
        if isinstance(answer, Moved):
            visited += [leg.from_state for leg in answer.legs]
            here = answer.to_state
            yield _tried(lifecycle, event, answer)
        else:
            names_ = tuple(lifecycle.configuration(here))
            yield Tried(event, names_, here, (), answer.refusals)


def _tried(lifecycle: Lifecycle, event: str, moved: Moved) -> Tried:
    made = tuple(step.id for leg in moved.legs for step in leg.steps)
    return Tried(event, tuple(lifecycle.configuration(moved.to_state)), moved.to_state, made)


def _willing(
    lifecycle: Lifecycle,
    state: str,
    event: str,
    known: tuple[Mapping[str, object], tuple[str, ...]],
) -> Attempt:
    """Make the attempt of somebody who holds every role and gives whatever is asked."""
    steps = [step for step in lifecycle.transitions_from(state) if step.answers(event)]
    signed = next((step.signature.meaning for step in steps if step.signature is not None), "")
    return Attempt(
        transition=event,
        actor_person=_PERSON,
        roles=frozenset(
            role
            for step in steps
            for role in (*step.roles, *(step.signature.roles if step.signature else ()))
        ),
        reason="tried out",
        signed_meaning=signed,
        history=(("create", _PERSON),) if any(s.creator == "only" for s in steps) else (),
        facts=known[0],
        filled_forms=frozenset(step.form for step in steps if step.form),
        gate_outcomes={step.gate: () for step in steps if step.gate},
        rule_outcomes={rule: () for step in steps for rule in step.rules},
        visited=known[1],
    )


class _Judge:
    """Evaluates guards over given facts; a name without a value is unknown."""

    def __init__(
        self, facts: Mapping[str, object], compile_guard: Callable[[str], Compiled | None] | None
    ) -> None:
        given = {name: _kind_of(value) for name, value in facts.items()}
        self._names = {**given, "active_states": TEXT_LIST}
        self._compile = compile_guard or (lambda text: check(text, self._names)[0])
        self._compiled: dict[str, Compiled | None] = {}

    def __call__(self, text: str, facts: Mapping[str, object]) -> bool | None:
        if text not in self._compiled:
            self._compiled[text] = self._compile(text)
        compiled = self._compiled[text]
        value = evaluate(compiled, facts).value if compiled is not None else None
        return value if isinstance(value, bool) else None


def _kind_of(value: object) -> FactType:
    if isinstance(value, bool):
        return BOOLEAN
    if isinstance(value, int | Decimal):
        return DECIMAL
    return TEXT_LIST if isinstance(value, list | tuple) else TEXT
