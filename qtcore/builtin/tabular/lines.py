"""One row of a table as it stands, before anybody knows what it means."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Line:
    """One row as it stands: `number` is its line in the file (the header is line 1)."""

    number: int
    fields: tuple[str, ...]
