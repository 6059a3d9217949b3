"""Notices different values for one characteristic of one lot: both stand, neither wins.

It must not know what was stored by earlier imports.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from qtcore.builtin.faults import listing
from qtcore.builtin.tabular.cells import same_value
from qtcore.builtin.tabular.rows import RowFacts

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

    _seen: dict[tuple[str, str, str, str], dict[str, tuple[str, list[int]]]] = field(
        default_factory=dict
    )

    def add(self, row: RowFacts) -> None:
        """Take in the results of one row."""
        for result in row.results:
            place = (*row.lot(result.alias).identity, result.characteristic)
            values = self._seen.setdefault(place, {})
            values.setdefault(same_value(result.value), (result.value, []))[1].append(row.number)

    def conflicts(self) -> Iterator[Conflict]:
        """List what contradicts itself."""
        for place, values in self._seen.items():
            if len(values) > 1:
                yield Conflict(*place, tuple((text, tuple(rows)) for text, rows in values.values()))


def _rows(numbers: tuple[int, ...]) -> str:
    if len(numbers) == 1:
        return f"row {numbers[0]}"
    more = f" and {len(numbers) - _SHOWN_ROWS} more" if len(numbers) > _SHOWN_ROWS else ""
    return f"rows {listing(str(n) for n in numbers[:_SHOWN_ROWS])}{more}"
