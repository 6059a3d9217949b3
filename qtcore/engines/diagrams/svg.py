"""A life cycle as an SVG: a lane for each innermost state, a row for each transition.

It must not know texts or languages: the labels are given. The SVG uses the page's colour tokens
where it stands in a page, its own where it stands alone, and dark ones when the reader's are dark.
"""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from unicodedata import east_asian_width

from qtcore.definitions.statechart import ROOT, Chart, Taken, build_chart
from qtcore.definitions.workflows import Transition, WorkflowDefinition
from qtcore.engines.diagrams.changes import Changes
from qtcore.engines.diagrams.labels import Labels
from qtcore.engines.diagrams.style import SHAPES, style

_CELL, _PAD, _GAP, _MARGIN = 7.4, 42.0, 24.0, 16.0
_HEAD, _BAND, _ROW, _LOOP = 36.0, 30.0, 34.0, 26.0
_NO_CHANGES = Changes()


@dataclass(frozen=True, slots=True)
class _Plan:
    """Where everything stands: the middle of each lane, and how deep states are nested."""

    chart: Chart
    labels: Labels
    changes: Changes
    lanes: Mapping[str, float]
    pitch: float
    depth: int

    @property
    def top(self) -> float:
        """Where the heads of the lanes begin, below the bands of the states around."""
        return _MARGIN + _BAND * self.depth

    def leaves(self, name: str) -> list[str]:
        """List the lanes of a state: its own, or those of all inside it."""
        if self.chart.is_atomic(name):
            return [name] if name in self.lanes else []
        return [leaf for leaf in self.lanes if self.chart.is_inside(leaf, name)]

    def span(self, name: str) -> tuple[float, float]:
        """Give the first and the last lane of a state."""
        places = [self.lanes[leaf] for leaf in self.leaves(name)]
        return min(places), max(places)

    def state_label(self, name: str) -> str:
        """Name a state, with the sign of what changed."""
        sign = self.changes.sign(self.changes.states.get(name))
        side = " ∥" if self.chart.states[name].parallel else ""
        return sign + self.labels.state(name) + side

    def step_label(self, step: Transition) -> str:
        """Name a transition; a turning arrow says that it leads back to where one was."""
        sign = self.changes.sign(self.changes.transitions.get(step.id))
        returns = any(self.chart.states[name].history for name in step.targets)
        return sign + self.labels.transition(step) + (" ⟲" if returns else "")


def draw_svg(
    flow: WorkflowDefinition,
    labels: Labels,
    changes: Changes = _NO_CHANGES,
    *,
    is_styled: bool = True,
) -> str:
    """Draw a lane for each innermost state and a row for each transition: dots (a bar for all of a
    state with states inside) where it may begin, then an arrow to where it leads. However many
    there are, no two labels and no two arrows cross. `is_styled`: it stands alone; a page that
    shows it brings the style itself.
    """
    plan = _plan(flow, labels, changes)
    height = plan.top + _MARGIN + _HEAD + _ROW * (len(flow.transitions) + 1)
    width = _MARGIN * 2 + plan.pitch * len(plan.lanes)
    title = escape(labels.title)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="flow" role="img" aria-label="{title}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" height="{height:.0f}">',
        f"<title>{title}</title>",
        f"<style>{style()}</style>" if is_styled else "",
        '<defs><marker id="flow-tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="9" '
        'markerUnits="userSpaceOnUse" markerHeight="9" orient="auto"><path d="M0 0 8 4 0 8Z"/>'
        "</marker></defs>",
    ]
    for name in plan.chart.states:
        if not plan.chart.is_atomic(name):
            parts += _band(plan, name, height)
    starts = plan.chart.leaves(plan.chart.enter().active)
    for name in plan.lanes:
        parts += _lane(plan, name, height)
        if name in starts:
            parts.append(_start(plan.lanes[name], plan.top))
    for row, step in enumerate(flow.transitions):
        parts += _row(plan, step, plan.top + _HEAD + _ROW * (row + 1))
    return "\n".join([*parts, "</svg>"]) + "\n"


def _plan(flow: WorkflowDefinition, labels: Labels, changes: Changes) -> _Plan:
    chart = build_chart(flow)
    order = [leaf for top in _in_order(flow, chart) for leaf in _leaves(chart, top)]
    depth = max((len(list(chart.above(name))) - 1 for name in order), default=0)
    rough = _Plan(chart, labels, changes, {n: float(at) for at, n in enumerate(order)}, 1, depth)
    pitch = _pitch(flow, rough)
    lanes = {name: _MARGIN + pitch * (at + 0.5) for at, name in enumerate(order)}
    return _Plan(chart, labels, changes, lanes, pitch, depth)


def _leaves(chart: Chart, name: str) -> Iterator[str]:
    if chart.is_atomic(name):
        yield name
    for inner in chart.inner[name]:
        yield from _leaves(chart, inner)


def _in_order(flow: WorkflowDefinition, chart: Chart) -> list[str]:
    """Order the outermost states by their distance from the beginning, final ones last."""
    tops = {name: name for name in chart.states if chart.parents[name] == ROOT}
    for name in chart.states:
        if name not in tops:
            tops[name] = next(a for a in chart.above(name) if chart.parents.get(a) == ROOT)
    begin = [tops[name] for name in chart.first]
    distance = dict.fromkeys(begin, 0)
    queue = deque(distance)
    while queue:
        here = queue.popleft()
        for step in flow.transitions:
            for target in step.targets:
                if any(tops[s] == here for s in step.from_) and tops[target] not in distance:
                    distance[tops[target]] = distance[here] + 1
                    queue.append(tops[target])
    far = len(flow.states)
    ordered = sorted(flow.states, key=lambda s: (s.final, distance.get(s.id, far)))
    return [state.id for state in ordered]


def _pitch(flow: WorkflowDefinition, rough: _Plan) -> float:
    heads = [_text_width(rough.state_label(name)) + _PAD for name in rough.lanes]
    heads += [
        (_text_width(rough.state_label(name)) + _PAD) / len(rough.leaves(name))
        for name in rough.chart.states
        if rough.leaves(name) and not rough.chart.is_atomic(name)
    ]
    steps = []
    for step in flow.transitions:
        low, high = _extent(rough, step)
        steps.append(_text_width(rough.step_label(step)) / max(1.0, high - low))
    return max([*heads, *steps]) + _GAP


def _extent(plan: _Plan, step: Transition) -> tuple[float, float]:
    places = [place for source in step.from_ for place in plan.span(source)]
    places += [plan.lanes[leaf] for leaf in _entered(plan, step)]
    return min(places), max(places)


def _entered(plan: _Plan, step: Transition) -> list[str]:
    """List the lanes a transition leads to: where one enters a state with states inside."""
    if not step.targets:
        return []
    wanted = {n for source in step.from_ for n in plan.chart.entered_by(Taken(source, step))}
    return [leaf for leaf in plan.lanes if leaf in wanted]


def _band(plan: _Plan, name: str, height: float) -> Iterator[str]:
    """Draw the frame of a state with states inside, and its name above their lanes."""
    low, high = plan.span(name)
    level = len(list(plan.chart.above(name))) - 1
    left, y = low - (plan.pitch - _GAP) / 2 - 6 + level * 2, _MARGIN + _BAND * level
    width = high - low + plan.pitch - _GAP + 12 - level * 4
    mark = plan.changes.states.get(name, "")
    kind = "region" if plan.chart.states[name].parallel else "around"
    yield f'<g class="{kind} {mark}">'
    yield (
        f'<rect class="frame" x="{left:.1f}" y="{y:.0f}" width="{width:.1f}" '
        f'height="{height - _MARGIN - y:.0f}" rx="8"/>'
    )
    yield f'<text x="{left + 10:.1f}" y="{y + 20:.1f}">{escape(plan.state_label(name))}</text></g>'


def _lane(plan: _Plan, name: str, height: float) -> Iterator[str]:
    state, x = plan.chart.states[name], plan.lanes[name]
    left, middle = x - (plan.pitch - _GAP) / 2, plan.top + _HEAD / 2
    yield f'<path class="lane" d="M{x:.1f} {plan.top + _HEAD:.0f}V{height - _MARGIN:.0f}"/>'
    final = " final" if state.final else ""
    changed = f" {plan.changes.states[name]}" if name in plan.changes.states else ""
    yield f'<g class="state {state.status}{final}{changed}">'
    size = f'width="{plan.pitch - _GAP:.1f}" height="{_HEAD:.0f}"'
    yield f'<rect x="{left:.1f}" y="{plan.top:.0f}" {size} rx="6"/>'
    mark = f"translate({left + 15:.1f} {middle:.1f})"
    yield f'<g class="mark" transform="{mark}">{SHAPES[state.status]}</g>'
    label = escape(plan.state_label(name))
    yield f'<text x="{left + 28:.1f}" y="{middle + 5:.1f}">{label}</text></g>'


def _start(x: float, top: float) -> str:
    return f'<path class="way" d="M{x:.1f} {top - 14:.0f}V{top:.0f}" marker-end="url(#flow-tip)"/>'


def _row(plan: _Plan, step: Transition, y: float) -> Iterator[str]:
    spans = sorted(plan.span(source) for source in step.from_)
    targets = [plan.lanes[leaf] for leaf in _entered(plan, step)]
    mark = plan.changes.transitions.get(step.id, "")
    yield f'<g class="row {mark}">' if mark else "<g>"
    for target in targets:
        yield from _ways(spans, target, y)
    for low, high in spans:
        if low < high:
            yield f'<path class="bar" d="M{low:.1f} {y:.1f}H{high:.1f}"/>'
        for x in dict.fromkeys((low, high)):
            yield f'<circle class="from" cx="{x:.1f}" cy="{y:.1f}" r="3.5"/>'
    places = [*targets, *(place for span in spans for place in span)]
    low, high = min(places), max(places)
    middle = (low + high) / 2 if low < high else low + (_LOOP if targets else 0)
    label = escape(plan.step_label(step))
    yield f'<text class="step" x="{middle:.1f}" y="{y - 6:.1f}">{label}</text></g>'


def _ways(spans: Sequence[tuple[float, float]], target: float, y: float) -> Iterator[str]:
    """Draw an arrow from the outermost beginning on each side, or a loop where it stays."""
    first, last = min(low for low, _ in spans), max(high for _, high in spans)
    for end, is_used in ((first, first < target), (last, last > target)):
        if is_used:
            tip = f'd="M{end:.1f} {y:.1f}H{target:.1f}" marker-end="url(#flow-tip)"'
            yield f'<path class="way" {tip}/>'
    if any(low == high == target for low, high in spans):
        loop = f"M{target:.1f} {y:.1f}h{_LOOP:.0f}v8H{target:.1f}"
        yield f'<path class="way" d="{loop}" marker-end="url(#flow-tip)"/>'


def _text_width(text: str) -> float:
    return sum(_CELL * (2 if east_asian_width(sign) in "WF" else 1) for sign in text)
