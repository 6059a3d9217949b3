"""Which tables only explain the codes of another, and which column holds the unit of a number.

It must not decide: what it finds is proposed with a doubt.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from qtcore.builtin.tabular.guess_columns import MISSING, ColumnGuess
from qtcore.builtin.tabular.guess_tables import TableGuess

_UNIT_NAME: Final = re.compile(
    r"(?:^|[\s_.\-])(?:units?|uom|um|einheit|me|enota|unité|unidad|eenheid)(?:[\s_.\-]|$)|单位",
    re.IGNORECASE,
)
_UNIT_TEXT: Final = re.compile(r"[^\W\d_][\w.%/{}\[\]]{0,11}|\{[a-z]+\}|%")
_NAME: Final = re.compile(r"name|title|bezeichnung|descr|naziv|名", re.IGNORECASE)
_MOST_UNITS: Final = 20
_SHOWN: Final = 6


@dataclass(frozen=True, slots=True)
class LookupGuess:
    """Codes in `column` of the first table stand in `by` of `table`, with `give` what they mean."""

    table: str
    column: str
    by: str
    give: str
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class UnitColumn:
    """A column that holds units, and which are written there."""

    name: str
    written: tuple[str, ...]


def guess_lookup(main: TableGuess, other: TableGuess) -> LookupGuess | None:
    """Find the codes that another table explains: unique there, repeated or unmatched here.

    Every code of the column must stand in the other table: one that does not is no evidence.
    """
    for by in other.columns:
        if not by.is_unique or len(other.columns) < 2:
            continue
        known = set(_texts(other, by.name))
        for column in main.columns:
            written = set(_texts(main, column.name)) - set(MISSING)
            is_code = column.type in ("text", "integer") and not column.is_unique
            if is_code and written and written <= known and _is_evident(column, by, written):
                rest = [each.name for each in other.columns if each is not by]
                give = next((name for name in rest if _NAME.search(name)), rest[0])
                others = tuple(name for name in rest if name != give)
                return LookupGuess(other.name, column.name, by.name, give, others)
    return None


def _is_evident(column: ColumnGuess, by: ColumnGuess, written: set[str]) -> bool:
    """Ask for equal names or for two codes at least: one digit fits many columns by chance."""
    if column.name.casefold() == by.name.casefold():
        return True
    return len(written) > 1 and not all(map(str.isdigit, written))


def guess_unit_column(table: TableGuess, amount: str) -> UnitColumn | None:
    """Find the column with the unit of an amount: named so, and every value reads as a unit."""
    named = [column for column in table.columns if _UNIT_NAME.search(column.name)]
    named.sort(key=lambda column: abs(_place(table, column.name) - _place(table, amount)))
    for column in named:
        written = tuple(dict.fromkeys(t for t in _texts(table, column.name) if t not in MISSING))
        if 0 < len(written) <= _MOST_UNITS and all(map(_UNIT_TEXT.fullmatch, written)):
            return UnitColumn(column.name, written[:_SHOWN])
    return None


def _place(table: TableGuess, name: str) -> int:
    return table.grid.header.index(name)


def _texts(table: TableGuess, name: str) -> Sequence[str]:
    place = _place(table, name)
    return [row[place].strip() for row in table.grid.rows]
