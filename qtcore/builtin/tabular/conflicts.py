"""Notices different values for one characteristic of one lot: both stand, neither wins.

It must not know what was stored by earlier imports.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field

from qtcore.builtin.faults import listing
from qtcore.builtin.tabular.cells import same_value
from qtcore.builtin.tabular.rows import RowFacts
from qtcore.builtin.tabular.spill import SeenValues

_SHOWN_ROWS = 5


@dataclass(frozen=True, slots=True)
class Conflict:
    """Values that contradict each other, each with the rows that say so."""

    item: str
    source: str
    lot_no: str
    characteristic: str
    values: tuple[tuple[str, tuple[int, ...]], ...]

    def __str__(self) -> str:
        said = " and ".join(f"{value} ({_rows(rows)})" for value, rows in self.values)
        lot = f"lot {self.source}-{self.lot_no} of {self.item}"
        return f"{lot}: {self.characteristic} {said}: conflicting; correct it with a reason"


@dataclass(slots=True)
class ValueBook:
    """Collects the results of rows; equal numbers are one value, however they are written."""

    _seen: SeenValues = field(default_factory=SeenValues)

    def add(self, row: RowFacts) -> None:
        """Take in the results of one row."""
        for result in row.results:
            place = json.dumps((*row.lot(result.alias).identity, result.characteristic))
            self._seen.note(place, same_value(result.value), result.value, row.number)

    def conflicts(self) -> Iterator[Conflict]:
        """List what contradicts itself, and forget everything."""
        for place, notes in self._seen.differing():
            values: dict[str, tuple[str, list[int]]] = {}
            for value, text, number in notes:
                values.setdefault(value, (text, []))[1].append(number)
            said = tuple((text, tuple(rows)) for text, rows in values.values())
            item, source, lot_no, characteristic = json.loads(place)
            yield Conflict(item, source, lot_no, characteristic, said)
        self._seen.close()


def _rows(numbers: tuple[int, ...]) -> str:
    if len(numbers) == 1:
        return f"row {numbers[0]}"
    more = f" and {len(numbers) - _SHOWN_ROWS} more" if len(numbers) > _SHOWN_ROWS else ""
    return f"rows {listing(str(n) for n in numbers[:_SHOWN_ROWS])}{more}"
