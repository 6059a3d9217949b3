"""One part of a long list on a page: which rows, of how many, and the addresses of those around it.

It must not know what the rows are. The count is always said: nothing is left out in silence.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from qtcore.errors import Fault, InputRejected
from qtcore.http.call import Call


@dataclass(frozen=True, slots=True)
class Part:
    """The rows from `first` to `last` of `count`; `before` and `after` are queries, or empty."""

    rows: Sequence[Any]
    first: int
    count: int
    before: str = ""
    after: str = ""

    @property
    def last(self) -> int:
        """The number of the last row that is shown."""
        return self.first + len(self.rows) - 1

    @property
    def is_whole(self) -> bool:
        """Say whether nothing but these rows is in the list."""
        return len(self.rows) == self.count


@dataclass(frozen=True, slots=True)
class Cut:
    """How a list is cut: the parameter that names its first row, its place on the page, its size.

    `kept` are the other parameters of the page.
    """

    name: str
    anchor: str
    size: int
    kept: Mapping[str, object] = field(default_factory=dict)

    def address(self, first: int) -> str:
        """Give the query, with its place on the page, of the part that begins with a row."""
        kept = {name: value for name, value in self.kept.items() if value not in (None, "")}
        return f"{urlencode({**kept, self.name: first})}#{self.anchor}"


def part_of(call: Call, cut: Cut, rows: Sequence[Any]) -> Part:
    """Give the part that the address asks for, or the first; one past the end gives the last."""
    asked = read_first(call, cut.name)
    last_part = max(0, len(rows) - 1) // cut.size * cut.size + 1
    first = min(asked, last_part)
    shown = rows[first - 1 : first - 1 + cut.size]
    following = first + cut.size
    return Part(
        shown,
        first,
        len(rows),
        before=cut.address(max(1, first - cut.size)) if first > 1 else "",
        after=cut.address(following) if following <= len(rows) else "",
    )


def read_first(call: Call, name: str) -> int:
    """Read which row is to be the first; raises InputRejected, in the language of the page."""
    text = call.word(name, "1")
    is_number = text.isascii() and text.isdecimal() and len(text) <= 9 and int(text) > 0
    if not is_number:
        found = text if len(text) <= 20 else f"{text[:20]}…"
        texts, language = call.settings.texts, call.language
        said = texts.get("trace.wrong.row", language, name=name, found=found)
        raise InputRejected(said, [Fault("QT411", said, "")])
    return int(text)
