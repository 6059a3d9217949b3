"""Reads the times that limit a question: a moment with a zone, or a whole day.

It must not know what is asked.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time

from qtcore.errors import Fault, InputRejected
from qtcore.store.queries.lens import Lens


def read_lens(
    *,
    as_of: str = "",
    known_at: str = "",
    since: str = "",
    until: str = "",
    kinds: Sequence[str] = (),
) -> Lens:
    """Read the limits of a question as people and programs write them; nothing is no limit.

    A day means its end in `as_of`, `known_at` and `until`, and its beginning in `since`; it is a
    day of UTC, as is a time without a zone. Raises InputRejected.
    """
    return Lens(
        read_moment("as_of", as_of),
        read_moment("known_at", known_at),
        read_moment("from", since, is_end=False),
        read_moment("to", until),
        tuple(kind for given in kinds for kind in given.replace(",", " ").split()),
    )


def read_moment(name: str, text: str, *, is_end: bool = True) -> datetime | None:
    """Read one time as people and programs write it; None for nothing. Raises InputRejected."""
    text = text.strip()
    if not text:
        return None
    try:
        if len(text) == len("2026-01-31"):
            edge = time.max if is_end else time.min
            return datetime.combine(date.fromisoformat(text), edge, UTC)
        found = datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        says = (
            f"{name} {text[:40]!r} is not a time; give a day such as 2026-03-31 or a moment such "
            "as 2026-03-31T14:30:00+02:00"
        )
        raise InputRejected(says, [Fault("QT411", says, name)]) from None
