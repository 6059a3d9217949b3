"""Life cycles as pictures: Mermaid text for documents, SVG for screen and print.

It must not know texts or languages: the labels are given. The SVG uses the page's colour tokens
where it stands in a page, its own where it stands alone, and dark ones when the reader's are dark.
"""

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html import escape
from unicodedata import east_asian_width

from qtcore.definitions.workflows import State, Transition, WorkflowDefinition

_CELL, _PAD, _GAP, _MARGIN = 7.4, 42.0, 24.0, 16.0
_HEAD, _ROW, _LOOP = 36.0, 34.0, 26.0
_SHAPES: Mapping[str, str] = {
    "draft": '<circle r="5" fill="none" stroke-width="2"/>',
    "quarantine": '<path d="M0-6 6 0 0 6-6 0Z"/>',
    "testing": '<path d="M0-6 6 5H-6Z"/>',
    "released": '<circle r="6"/>',
    "rejected": '<path d="M-5-5 5 5M5-5-5 5" fill="none" stroke-width="2.5"/>',
    "recalled": '<path d="M0-6 6-1.5 3.7 5.5H-3.7L-6-1.5Z"/>',
}
_COLOURS: Mapping[str, tuple[str, str]] = {
    "draft": ("#616D75", "#97A6B1"),
    "quarantine": ("#9A6307", "#FEE6B0"),
    "testing": ("#14285C", "#B9D5FD"),
    "released": ("#08814B", "#8BFDE3"),
    "rejected": ("#7F0C0E", "#FB6A70"),
    "recalled": ("#A326AD", "#F06CF1"),
}


@dataclass(frozen=True, slots=True)
class Labels:
    """The words of a picture, by id; what has none is shown by its id."""

    title: str
    states: Mapping[str, str] = field(default_factory=dict)
    transitions: Mapping[str, str] = field(default_factory=dict)


def draw_mermaid(flow: WorkflowDefinition, labels: Labels) -> str:
    """Write a Mermaid state diagram."""
    lines = ["---", f"title: {_plain(labels.title)}", "---", "stateDiagram-v2", "    direction LR"]
    # "end" and its like are words of Mermaid; a prefix keeps every id a name.
    for state in flow.states:
        label = _plain(labels.states.get(state.id, state.id))
        lines.append(f'    state "{label}" as s_{state.id}')
    lines.append(f"    [*] --> s_{flow.initial}")
    for (source, target), words in _arrows(flow, labels).items():
        lines.append(f"    s_{source} --> s_{target}: {' / '.join(map(_plain, words))}")
    lines += [f"    s_{state.id} --> [*]" for state in flow.states if state.final]
    return "\n".join(lines) + "\n"


def draw_svg(flow: WorkflowDefinition, labels: Labels) -> str:
    """Draw a lane for each state and a row for each transition: dots where it may begin, then
    an arrow to where it leads. However many there are, no two labels and no two arrows cross.
    """
    order = _in_order(flow)
    words = {state.id: labels.states.get(state.id, state.id) for state in order}
    pitch = _pitch(flow, labels, order)
    lanes = {state.id: _MARGIN + pitch * (at + 0.5) for at, state in enumerate(order)}
    height = _MARGIN * 2 + _HEAD + _ROW * (len(flow.transitions) + 1)
    width = _MARGIN * 2 + pitch * len(order)
    title = escape(labels.title)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="flow" role="img" aria-label="{title}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" height="{height:.0f}">',
        f"<title>{title}</title>",
        _style(),
        '<defs><marker id="flow-tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" '
        'markerHeight="8" orient="auto"><path d="M0 0 8 4 0 8Z"/></marker></defs>',
    ]
    for state in order:
        parts += _lane(state, words[state.id], (lanes[state.id], pitch), height)
        if state.id == flow.initial:
            parts.append(_start(lanes[state.id]))
    for row, step in enumerate(flow.transitions):
        parts += _row(step, lanes, _MARGIN + _HEAD + _ROW * (row + 1), _step_label(step, labels))
    return "\n".join([*parts, "</svg>"]) + "\n"


def _arrows(flow: WorkflowDefinition, labels: Labels) -> dict[tuple[str, str], list[str]]:
    """Join what leads from one state to another."""
    words: dict[tuple[str, str], list[str]] = {}
    for step in flow.transitions:
        for source in step.from_:
            words.setdefault((source, step.to), []).append(_step_label(step, labels))
    return words


def _step_label(step: Transition, labels: Labels) -> str:
    signed = " ✎" if step.signature is not None else ""
    return labels.transitions.get(step.id, step.id.replace("_", " ")) + signed


def _in_order(flow: WorkflowDefinition) -> list[State]:
    """Order states by their distance from the beginning, final ones last."""
    distance = {flow.initial: 0}
    queue = deque([flow.initial])
    while queue:
        here = queue.popleft()
        for step in flow.transitions:
            if here in step.from_ and step.to not in distance:
                distance[step.to] = distance[here] + 1
                queue.append(step.to)
    far = len(flow.states)
    return sorted(flow.states, key=lambda s: (s.final, distance.get(s.id, far)))


def _pitch(flow: WorkflowDefinition, labels: Labels, order: list[State]) -> float:
    heads = [_text_width(labels.states.get(state.id, state.id)) + _PAD for state in order]
    at = {state.id: number for number, state in enumerate(order)}
    steps = [
        _text_width(_step_label(step, labels))
        / max(1, *(abs(at[s] - at[step.to]) for s in step.from_))
        for step in flow.transitions
    ]
    return max([*heads, *steps]) + _GAP


def _lane(state: State, label: str, place: tuple[float, float], height: float) -> Iterator[str]:
    x, pitch = place
    left, middle = x - (pitch - _GAP) / 2, _MARGIN + _HEAD / 2
    yield f'<path class="lane" d="M{x:.1f} {_MARGIN + _HEAD:.0f}V{height - _MARGIN:.0f}"/>'
    final = " final" if state.final else ""
    yield f'<g class="state {state.status}{final}">'
    size = f'width="{pitch - _GAP:.1f}" height="{_HEAD:.0f}"'
    yield f'<rect x="{left:.1f}" y="{_MARGIN:.0f}" {size} rx="6"/>'
    mark = f"translate({left + 15:.1f} {middle:.1f})"
    yield f'<g class="mark" transform="{mark}">{_SHAPES[state.status]}</g>'
    yield f'<text x="{left + 28:.1f}" y="{middle + 5:.1f}">{escape(label)}</text></g>'


def _start(x: float) -> str:
    return f'<path class="way" d="M{x:.1f} 0V{_MARGIN:.0f}" marker-end="url(#flow-tip)"/>'


def _row(step: Transition, lanes: Mapping[str, float], y: float, label: str) -> Iterator[str]:
    target = lanes[step.to]
    sources = sorted(lanes[source] for source in step.from_)
    ends = (sources[0],) if sources[0] < target else ()
    for end in (*ends, *((sources[-1],) if sources[-1] > target else ())):
        tip = f'd="M{end:.1f} {y:.1f}H{target:.1f}" marker-end="url(#flow-tip)"'
        yield f'<path class="way" {tip}/>'
    if target in sources:
        loop = f"M{target:.1f} {y:.1f}h{_LOOP:.0f}v8H{target:.1f}"
        yield f'<path class="way" d="{loop}" marker-end="url(#flow-tip)"/>'
    for x in sources:
        yield f'<circle class="from" cx="{x:.1f}" cy="{y:.1f}" r="3.5"/>'
    low, high = min(*sources, target), max(*sources, target)
    middle = (low + high) / 2 if low < high else target + _LOOP
    yield f'<text class="step" x="{middle:.1f}" y="{y - 6:.1f}">{escape(label)}</text>'


def _style() -> str:
    """Write the colours once: light, dark, and light again on paper."""
    light = "".join(f"--c-{name}:var(--st-{name},{c[0]});" for name, c in _COLOURS.items())
    dark = "".join(f"--c-{name}:var(--st-{name},{c[1]});" for name, c in _COLOURS.items())
    marks = "".join(
        f".flow .{name} .mark{{fill:var(--c-{name});stroke:var(--c-{name})}}" for name in _COLOURS
    )
    return (
        f"<style>.flow{{{light}color:var(--ink,#1b2126);--f-paper:var(--bg,#fff);"
        "font:14px system-ui,'PingFang SC','Microsoft YaHei','Noto Sans SC',sans-serif}"
        f"@media (prefers-color-scheme:dark){{.flow{{{dark}color:var(--ink,#e8edf0);"
        "--f-paper:var(--bg,#14181b)}}"
        f"@media print{{.flow{{{light}color:#000;--f-paper:#fff}}}}"
        ".flow text{fill:currentColor}.flow rect{fill:var(--f-paper);stroke:currentColor}"
        ".flow .final rect{stroke-width:3}.flow .from,.flow marker path{fill:currentColor}"
        ".flow .lane{stroke:currentColor;stroke-opacity:.3;stroke-dasharray:2 4}"
        ".flow .way{fill:none;stroke:currentColor;stroke-width:1.2}"
        ".flow .step{font-size:13px;text-anchor:middle;paint-order:stroke;"
        f"stroke:var(--f-paper);stroke-width:4px}}{marks}</style>"
    )


def _text_width(text: str) -> float:
    return sum(_CELL * (2 if east_asian_width(sign) in "WF" else 1) for sign in text)


def _plain(text: str) -> str:
    """Take out what Mermaid would read as its own signs."""
    return "".join(" " if sign in '"\n;:#{}[]' else sign for sign in text).strip()
