"""What is wrong in a file that is read: a coded sentence with the place.

It must not know what becomes of a fault: the caller refuses, quarantines or lists.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

SHOWN_LENGTH = 80
FAULTS_PER_FILE = 100


@dataclass(frozen=True, slots=True)
class ReadFault:
    """One mistake in a file; `where` is a JSON pointer, or a row and column."""

    code: str
    message: str
    where: str = ""

    def __str__(self) -> str:
        return f"{self.where or '/'}: {self.code} {self.message}"


@dataclass(slots=True)
class Faults:
    """Collects mistakes while a file is read; past the limit they are only counted."""

    found: list[ReadFault] = field(default_factory=list)
    count: int = 0

    def add(self, code: str, message: str, where: str = "") -> None:
        """Note one mistake."""
        self.count += 1
        if self.count <= FAULTS_PER_FILE:
            self.found.append(ReadFault(code, message, where))

    def listed(self) -> tuple[ReadFault, ...]:
        """Give what was noted, with one closing line when there were more."""
        if self.count <= FAULTS_PER_FILE:
            return tuple(self.found)
        more = f"{self.count - FAULTS_PER_FILE} more mistakes are not shown; mend these first"
        return (*self.found, ReadFault("QT710", more))


def shown(value: object) -> str:
    """Show a found value, cut to a length that fits a sentence."""
    text = repr(value) if isinstance(value, str | bool | type(None)) else str(value)
    return text if len(text) <= SHOWN_LENGTH else f"{text[: SHOWN_LENGTH - 3]}..."


def listing(words: Iterable[str]) -> str:
    """List accepted words in a sentence."""
    return ", ".join(words)
