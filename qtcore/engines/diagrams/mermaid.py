"""A life cycle as a Mermaid state diagram.

It must not know SVG.
"""

from collections.abc import Iterator, Sequence

from qtcore.definitions.statechart import Chart, build_chart
from qtcore.definitions.workflows import State, WorkflowDefinition, as_names
from qtcore.engines.diagrams.changes import Changes
from qtcore.engines.diagrams.labels import Labels

_NO_CHANGES = Changes()


def draw_mermaid(flow: WorkflowDefinition, labels: Labels, changes: Changes = _NO_CHANGES) -> str:
    """Write a Mermaid state diagram; marked states get a class of that name."""
    chart = build_chart(flow)
    lines = ["---", f"title: {plain(labels.title)}", "---", "stateDiagram-v2", "    direction LR"]
    for state in flow.states:
        lines += _state(chart, state, (labels, changes), "    ")
    for name in as_names(flow.initial):
        lines.append(f"    [*] --> s_{name}")
    for (source, target), words in _arrows(flow, labels, changes).items():
        lines.append(f"    s_{source} --> s_{target}: {' / '.join(map(plain, words))}")
    lines += [f"    s_{state.id} --> [*]" for state in flow.states if state.final]
    if changes.states:
        lines += [
            "    classDef added stroke:#08814B,stroke-width:3px",
            "    classDef removed stroke:#7F0C0E,stroke-dasharray:4 3",
            "    classDef changed stroke:#9A6307,stroke-width:3px",
        ]
        lines += [f"    class s_{name} {mark}" for name, mark in changes.states.items()]
    return "\n".join(lines) + "\n"


def _state(chart: Chart, state: State, words: tuple[Labels, Changes], pad: str) -> Iterator[str]:
    """Write a state. "end" and its like are words of Mermaid; a prefix keeps every id a name."""
    labels, changes = words
    if state.history:
        yield f'{pad}state "H" as s_{state.id}'
        return
    sign = changes.sign(changes.states.get(state.id))
    yield f'{pad}state "{sign}{plain(labels.state(state.id))}" as s_{state.id}'
    inner = chart.inner[state.id]
    if not inner:
        return
    yield f"{pad}state s_{state.id} {{"
    first: Sequence[str] = as_names(state.initial) or inner[:1]
    yield from (f"{pad}    [*] --> s_{name}" for name in first if not state.parallel)
    for number, child in enumerate(state.states):
        if state.parallel and number and not child.history:
            yield f"{pad}    --"
        yield from _state(chart, child, words, f"{pad}    ")
    ends = (c for c in state.states if c.final and not state.parallel)
    yield from (f"{pad}    s_{child.id} --> [*]" for child in ends)
    yield f"{pad}}}"


def _arrows(
    flow: WorkflowDefinition, labels: Labels, changes: Changes
) -> dict[tuple[str, str], list[str]]:
    """Join what leads from one state to another."""
    words: dict[tuple[str, str], list[str]] = {}
    for step in flow.transitions:
        label = changes.sign(changes.transitions.get(step.id)) + labels.transition(step)
        for source in step.from_:
            for target in step.targets or (source,):
                words.setdefault((source, target), []).append(label)
    return words


def plain(text: str) -> str:
    """Take out what Mermaid would read as its own signs."""
    return "".join(" " if sign in '"\n;:#{}[]' else sign for sign in text).strip()
