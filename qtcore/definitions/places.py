"""Places in a text, and where a sign of a scalar is written that YAML folds, quotes or indents.

It must not know values or problems.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

BLANKS: Final = ("", " ", "\t", "\n")
_PASSED: Final = (*BLANKS, "\r", "\\")


class Position(NamedTuple):
    """A place in a text, counted from 1; `length` is how many signs belong to it."""

    line: int
    column: int
    length: int = 1


def follow(lines: Sequence[str], at: Position, value: str) -> Position | None:
    """Follow the signs of a text to where the last one is written; None where they part."""
    line, column = at.line - 1, at.column - 1
    style = lines[line][column : column + 1]
    if style in ("|", ">"):
        line, column = line + 1, 0
    elif style in ("'", '"'):
        column += 1
    found = None
    for sign in value:
        if sign in BLANKS:
            continue
        while lines[line][column : column + 1] != sign:
            skipped = lines[line][column : column + 1]
            line, column = (line, column + 1) if skipped else (line + 1, 0)
            if skipped not in _PASSED or line == len(lines):
                return None
        found = Position(line + 1, column + 1)
        column += 2 if sign == style == "'" else 1
    return found
