"""Files nobody described, read as tables whose columns are guessed.

It must not know mappings.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath

from qtcore.builtin.faults import Faults
from qtcore.builtin.tabular.guess_columns import ColumnGuess, guess_column
from qtcore.builtin.tabular.guess_files import Grid, check_header, guess_grid
from qtcore.builtin.tabular.workbooks import MAGIC, cell_text, check_package, read_sheet


@dataclass(frozen=True, slots=True)
class TableGuess:
    """One file and what its columns hold."""

    name: str
    grid: Grid
    columns: tuple[ColumnGuess, ...]

    @property
    def separator(self) -> str:
        """Give the decimal sign of the table, a point when no number has one."""
        signs = [each.separator for each in self.columns if each.separator]
        return max(set(signs), key=signs.count) if signs else "."


def guess_tables(files: Sequence[tuple[str, bytes]], doubts: Faults) -> Iterator[TableGuess]:
    """Read each file as a table; one that is none is left out with a doubt."""
    names: list[str] = []
    for name, data in files:
        grid = _grid(data, name, doubts)
        if grid is None:
            continue
        columns = [
            guess_column(column, [row[place] for row in grid.rows])
            for place, column in enumerate(grid.header)
            if column
        ]
        word = re.sub(r"[^a-z0-9]+", "_", PurePath(name).stem.lower()).strip("_") or "table"
        word = word if word[0].isalpha() else f"table_{word}"
        table = f"{word[:60]}_{len(names)}" if word[:60] in names else word[:60]
        names.append(table)
        yield TableGuess(table, grid, tuple(columns))


def readable(table: TableGuess) -> TableGuess:
    """Give the table with numbers of another decimal sign than its own as texts."""
    columns = tuple(
        replace(c, type="text") if c.separator not in ("", table.separator) else c
        for c in table.columns
    )
    return replace(table, columns=columns)


def _grid(data: bytes, name: str, doubts: Faults) -> Grid | None:
    """Read a text file, or the first sheet of a workbook."""
    if not data.startswith(MAGIC):
        return guess_grid(data, name, doubts)
    if not check_package(data, name, doubts):
        return None
    found = read_sheet(data, name, "", doubts)
    if found is None or not found.count:
        if found is not None:
            doubts.add("QT720", f"{name} sheet {found.name} is empty; export it again", name)
        return None
    header, *rows = [tuple(cell_text(cell).strip() for cell in row) for row in found.rows()]
    whole = [row for row in rows if any(row)]
    check_header(name, header, whole, doubts)
    return Grid(name, "utf-8", ",", header, whole, is_whole=True, sheet=found.name)
