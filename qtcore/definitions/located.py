"""A definition together with the place each part of it was written at.

It must not know how a file is read, nor what the product does with a definition.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from qtcore.definitions.extensions import prefixes
from qtcore.definitions.mistakes import Mistake
from qtcore.definitions.places import Position
from qtcore.definitions.problems import Problem
from qtcore.definitions.source import Path, Positions

_DefinitionT = TypeVar("_DefinitionT", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Located(Generic[_DefinitionT]):
    """A definition together with the place it was read from."""

    kind: str
    definition: _DefinitionT
    file: str
    path: Path = ()
    positions: Positions = field(default_factory=Positions, repr=False, compare=False)
    origins: Mapping[Path, tuple["Located[Any]", Path]] = field(
        default_factory=dict, repr=False, compare=False
    )

    def origin(self, path: Path) -> tuple["Located[Any]", Path]:
        """Find where a part was written: in this file, or in the layer that changed some of it."""
        for above in prefixes(path):
            if above in self.origins:
                located, inner = self.origins[above]
                return located, (*inner, *path[len(above) :])
        for below, (located, inner) in self.origins.items():
            if below[: len(path)] == path:
                return located, inner[: len(inner) - len(below) + len(path)]
        return self, path

    def at(self, *path: str | int, key: bool = False) -> Position:
        """Find the place of a part of it, or of the nearest part that is written down."""
        located, inner = self.origin(path)
        return located.positions.closest((*located.path, *inner), key=key)

    def problem(self, mistake: Mistake) -> Problem:
        """Put a mistake found inside the definition at its place in the file."""
        file = self.origin(mistake.path)[0].file
        return locate(mistake, file, self.at(*mistake.path, key=mistake.on_key))

    def problem_inside(self, mistake: Mistake, text: str, offset: int) -> Problem:
        """Put a mistake at one sign of a text inside the definition, counted from 0."""
        located, inner = self.origin(mistake.path)
        at = located.positions.inside((*located.path, *inner), text, offset)
        return locate(mistake, located.file, at)


def locate(mistake: Mistake, file: str, at: Position) -> Problem:
    """Put a mistake at a place of a file."""
    return Problem(
        mistake.code,
        mistake.message,
        file,
        at.line,
        at.column,
        mistake.suggestion,
        mistake.severity,
        at.length,
        mistake.also,
    )
