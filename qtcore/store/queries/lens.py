"""Which facts count in an answer: those of now, or those of another time and another knowledge.

It must not know what is asked. Event time says what was true, record time what was known.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, DateTime, and_, bindparam, or_


class Lens(NamedTuple):
    """What to look through. Without any limit: all that is recorded and not superseded, now.

    `as_of` keeps what had happened by then; `known_at` what had been recorded by then and was not
    superseded at that time. `since` and `until` limit the links by event time, both included;
    `kinds` keeps only links of these kinds.
    """

    as_of: datetime | None = None
    known_at: datetime | None = None
    since: datetime | None = None
    until: datetime | None = None
    kinds: tuple[str, ...] = ()

    def facts(self) -> "Lens":
        """Give the part that concerns facts of any sort, not only links."""
        return Lens(self.as_of, self.known_at)

    def shape(self) -> "Shape":
        """Give what decides the text of a statement; the values are its parameters."""
        as_of, known_at, since, until, kinds = self
        return Shape(
            as_of is not None,
            known_at is not None,
            since is not None,
            until is not None,
            len(kinds),
        )

    def parameters(self) -> dict[str, object]:
        """Give the values of the statement's parameters."""
        given = {name: getattr(self, name) for name in _LIMITS if getattr(self, name) is not None}
        return {**given, **{f"kind_{n}": kind for n, kind in enumerate(self.kinds)}}

    def covers(self, recorded_at: datetime, ended_at: datetime | None) -> bool:
        """Say whether something recorded then, and taken back then, counts as known."""
        if self.known_at is None:
            return ended_at is None
        return recorded_at <= self.known_at and (ended_at is None or ended_at > self.known_at)


class Shape(NamedTuple):
    """Which limits a statement has; equal shapes share a compiled statement."""

    as_of: bool = False
    known_at: bool = False
    since: bool = False
    until: bool = False
    kinds: int = 0


NOW: Final = Lens()
_LIMITS: Final = ("as_of", "known_at", "since", "until")


def counts(table: Any, shape: Shape) -> ColumnElement[bool]:
    """Make the condition that a row of `edge` or `event` counts."""
    conditions: list[ColumnElement[bool]] = []
    if shape.known_at:
        known = _moment("known_at")
        conditions.append(table.c.recorded_at <= known)
        conditions.append(or_(table.c.superseded_at.is_(None), table.c.superseded_at > known))
    else:
        conditions.append(table.c.superseded_by.is_(None))
    limits: tuple[tuple[bool, Callable[[], ColumnElement[bool]]], ...] = (
        (shape.as_of, lambda: table.c.event_at <= _moment("as_of")),
        (shape.since, lambda: table.c.event_at >= _moment("since")),
        (shape.until, lambda: table.c.event_at <= _moment("until")),
    )
    conditions += [make() for is_asked, make in limits if is_asked]
    if shape.kinds:
        conditions.append(table.c.kind.in_([bindparam(f"kind_{n}") for n in range(shape.kinds)]))
    return and_(*conditions)


def _moment(name: str) -> ColumnElement[Any]:
    return bindparam(name, type_=DateTime)
