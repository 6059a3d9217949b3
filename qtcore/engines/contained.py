"""Which links of a trace hold in time: a case counts for what was in it at that moment.

It must not know the database. A lot that was packed later, or unpacked earlier, is not in what
left; a case that was used up gave what it held then.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

PACK: Final = "pack"
SAME_AS: Final = "same_as"


class Link(Protocol):
    """What must be known of an edge."""

    @property
    def id(self) -> int: ...
    @property
    def src(self) -> int: ...
    @property
    def dst(self) -> int: ...
    @property
    def kind(self) -> str: ...
    @property
    def event_at(self) -> datetime: ...


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time; None at an end: without limit. A moment begins and ends at once."""

    start: datetime | None = None
    end: datetime | None = None

    def holds(self, at: datetime) -> bool:
        """Say whether a moment lies in it; both ends belong to it."""
        return (self.start is None or self.start <= at) and (self.end is None or at <= self.end)

    def meet(self, other: "Span") -> "Span | None":
        """Give what two stretches share, or None. Stretches that only touch share nothing."""
        start = _latest(self.start, other.start)
        end = _earliest(self.end, other.end)
        if start is None or end is None or start < end:
            return Span(start, end)
        is_moment = start == end and (self._is_moment or other._is_moment)
        return Span(start, end) if is_moment else None

    def covers(self, other: "Span") -> bool:
        """Say whether the other lies within."""
        starts = self.start is None or (other.start is not None and self.start <= other.start)
        ends = self.end is None or (other.end is not None and other.end <= self.end)
        return starts and ends

    @property
    def _is_moment(self) -> bool:
        return self.start is not None and self.start == self.end


ALWAYS: Final = Span()
Stays = Mapping[tuple[int, int, datetime], datetime | None]
"""Container, content and when it was packed -> when it was taken out, None: still inside."""


def keep_contained(
    edges: Sequence[Link], starts: Iterable[int], stays: Stays, *, is_forward: bool,
    at: datetime | None = None,
) -> set[int]:  # fmt: skip
    """Name the edges, by key, that can be walked from the starts with respect to time.

    With `at`, what is inside counts as of that moment; content that was used up from a case
    before then counts as well.
    """
    walk = _Walk(edges, stays, is_forward)
    first = Span(at, at) if at is not None and not is_forward else ALWAYS
    walk.run(starts, first)
    return walk.kept if at is None or not is_forward else walk.kept_at(at)


class _Walk:
    def __init__(self, edges: Sequence[Link], stays: Stays, is_forward: bool) -> None:
        self._stays = stays
        self._is_forward = is_forward
        self._onward: dict[int, list[Link]] = defaultdict(list)
        self._cases = {edge.dst for edge in edges if edge.kind == PACK}
        for edge in edges:
            ends = (
                (edge.src, edge.dst)
                if edge.kind == SAME_AS
                else (edge.src if is_forward else edge.dst,)
            )
            for end in ends:
                self._onward[end].append(edge)
        self._spans: dict[int, list[Span]] = defaultdict(list)
        self._inside: dict[int, list[tuple[Link, Span]]] = defaultdict(list)
        self.kept: set[int] = set()

    def run(self, starts: Iterable[int], first: Span) -> None:
        waiting = [(node, first) for node in starts]
        while waiting:
            node, span = waiting.pop()
            if any(known.covers(span) for known in self._spans[node]):
                continue
            self._spans[node].append(span)
            for edge in self._onward.get(node, ()):
                onward = self._step(edge, span)
                if onward is not None:
                    self.kept.add(edge.id)
                    if edge.kind == PACK:
                        self._inside[edge.dst].append((edge, onward))
                    waiting.append((edge.dst if edge.src == node else edge.src, onward))

    def _step(self, edge: Link, span: Span) -> Span | None:
        if edge.kind == SAME_AS:
            return span
        if edge.kind == PACK:
            key = (edge.dst, edge.src, edge.event_at)
            return span.meet(Span(edge.event_at, self._stays.get(key)))
        if not self._is_forward:
            # What was used came out of a case, if it was one, at that moment.
            return Span(edge.event_at, edge.event_at) if edge.src in self._cases else ALWAYS
        return ALWAYS if span.holds(edge.event_at) else None

    def kept_at(self, at: datetime) -> set[int]:
        """Leave out what was taken out of its case before that moment, unused."""
        is_used = self._used()
        return {
            edge_id
            for edge_id in self.kept
            if edge_id not in self._packs()
            or any(span.holds(at) and span.end != at for span in self._packs()[edge_id])
            or edge_id in is_used
        }

    def _packs(self) -> Mapping[int, list[Span]]:
        found: dict[int, list[Span]] = defaultdict(list)
        for packed in self._inside.values():
            for edge, span in packed:
                found[edge.id].append(span)
        return found

    def _used(self) -> set[int]:
        """Name the packings of content that was used up from its case."""
        found: set[int] = set()
        waiting = [
            (edge.src, Span(edge.event_at, edge.event_at))
            for edges in self._onward.values()
            for edge in edges
            if edge.kind != PACK and edge.id in self.kept
        ]
        while waiting:
            container, moment = waiting.pop()
            for edge, span in self._inside.get(container, ()):
                if edge.id not in found and span.meet(moment) is not None:
                    found.add(edge.id)
                    waiting.append((edge.src, moment))
        return found


def _latest(one: datetime | None, other: datetime | None) -> datetime | None:
    return max((each for each in (one, other) if each is not None), default=None)


def _earliest(one: datetime | None, other: datetime | None) -> datetime | None:
    return min((each for each in (one, other) if each is not None), default=None)
