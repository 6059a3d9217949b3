"""Counts the statements that an act sends to the database; transactions are not counted."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine, event

_FRAME = ("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE")


@contextmanager
def counted() -> Iterator[list[str]]:
    """Collect the statements that are sent inside, with their parameters left open."""
    sent: list[str] = []

    def note(*told: object) -> None:
        text = " ".join(str(told[2]).split())
        if not text.startswith(_FRAME):
            sent.append(text)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(Engine, "before_cursor_execute", note)
