"""Opens a sheet of an Excel workbook: cells become the texts a CSV file would hold.

It must not know what columns mean. A workbook is judged before it is opened: by its declared sizes,
because 72 kB can hold 23 MB, and by the area of its sheets, because the library gives memory to
every cell between the first and the last, and two cells can lie 17 thousand million apart. The rows
of a sheet stay with the library, packed; only the row that is read becomes objects.
"""

import io
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import islice
from typing import Any, Final

from python_calamine import CalamineError, CalamineSheet, load_workbook

from qtcore.builtin.faults import Faults, listing, shown
from qtcore.builtin.tabular.cells import write_date
from qtcore.builtin.tabular.content import Content, open_content
from qtcore.builtin.tabular.lines import Line
from qtcore.builtin.tabular.mapping import TableMapping
from qtcore.builtin.tabular.sheet_areas import area_of

MAGIC: Final = b"PK\x03\x04"
MOST_UNPACKED: Final = 400 * 1024 * 1024
MOST_RATIO: Final = 200
MOST_PARTS: Final = 2000
MOST_CELLS: Final = 20_000_000
_SMALL: Final = 1024 * 1024


def check_package(content: Content, name: str, faults: Faults) -> bool:
    """Say whether a workbook may be unpacked: its parts, their sizes, how hard they are packed."""
    try:
        with open_content(content) as file, zipfile.ZipFile(file) as package:
            parts = package.infolist()
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        faults.add("QT720", f"{name} is no whole workbook: {error}; save it again", name)
        return False
    unpacked = sum(part.file_size for part in parts)
    hard = [
        part.filename
        for part in parts
        if part.file_size > _SMALL and part.file_size > MOST_RATIO * max(part.compress_size, 1)
    ]
    if "xl/workbook.xml" not in {part.filename for part in parts}:
        faults.add("QT720", f"{name} is an archive, not an .xlsx workbook; unpack it", name)
    elif len(parts) > MOST_PARTS or unpacked > MOST_UNPACKED or hard:
        text = f"{name} unpacks to {unpacked // 1024} kB in {len(parts)} parts"
        most = f"at most {MOST_UNPACKED // 1024} kB, {MOST_PARTS} parts, {MOST_RATIO} times packed"
        faults.add("QT720", f"{text}; accepted: {most}; save the sheet as CSV", name)
    else:
        return _check_areas(content, name, faults)
    return False


def _check_areas(content: Content, name: str, faults: Faults) -> bool:
    with open_content(content) as file, zipfile.ZipFile(file) as package:
        for part in package.infolist():
            try:
                with package.open(part) as sheet:
                    cells = area_of(sheet)
            except (zipfile.BadZipFile, OSError, ValueError, RuntimeError, zlib.error) as error:
                faults.add("QT720", f"{name} is no whole workbook: {error}; save it again", name)
                return False
            if cells > MOST_CELLS:
                text = f"{part.filename} of {name} spans {cells} cells from its first to its last"
                most = f"at most {MOST_CELLS}; clear what lies far away, or save the sheet as CSV"
                faults.add("QT720", f"{text}; {most}", name)
                return False
    return True


@dataclass(frozen=True, slots=True)
class Sheet:
    """One sheet that can be read from its first row again and again."""

    name: str
    source: CalamineSheet

    @property
    def count(self) -> int:
        """Say how many rows it has, empty ones in front included."""
        return (self.source.start or (0, 0))[0] + self.source.height

    def rows(self) -> Iterator[list[Any]]:
        """Give its rows; each begins in the first column, also where nothing stands there."""
        before = [""] * (self.source.start or (0, 0))[1]
        for row in self.source.iter_rows():
            yield [*before, *row]


def read_sheet(content: Content, name: str, sheet: str, faults: Faults) -> Sheet | None:
    """Open one sheet (the first, when none is named), or give a fault."""
    try:
        workbook = load_workbook(io.BytesIO(content) if isinstance(content, bytes) else content)
        names = [each.name for each in workbook.sheets_metadata]
        chosen = sheet or next(iter(names), "")
        if chosen not in names:
            text = f"{name} has no sheet {shown(sheet)}; it has: {listing(names)}"
            faults.add("QT720", text, name)
            return None
        found = workbook.get_sheet_by_name(chosen)
    except (CalamineError, ValueError, OSError) as error:
        faults.add("QT720", f"{name} cannot be read: {error}; save it again as .xlsx", name)
        return None
    _check_merged(found, f"{name} sheet {chosen}", faults)
    return Sheet(chosen, found)


def _check_merged(sheet: CalamineSheet, where: str, faults: Faults) -> None:
    """Refuse a header of merged cells: which column a name belongs to is open."""
    merged = sheet.merged_cell_ranges or []
    if any(start[0] == 0 for start, _ in merged):
        text = "the first row has merged cells; give each column one name in one row"
        faults.add("QT721", text, where)


def sheet_lines(sheet: Sheet, header: Sequence[str], table: TableMapping) -> Iterator[Line]:
    """Give the rows below the header as texts; wholly empty ones are left out."""
    formats = [table.columns[name].format if name in table.columns else "" for name in header]
    for number, row in enumerate(islice(sheet.rows(), 1, None), start=2):
        cells = tuple(
            cell_text(cell, formats[place] if place < len(formats) else "", table.decimal_separator)
            for place, cell in enumerate(row)
        )
        if any(cells):
            yield Line(number, (*cells, *[""] * (len(header) - len(cells))))


def cell_text(cell: Any, form: str = "", separator: str = ".") -> str:
    """Write a cell as text: digits as they are shown, dates in the format of their column."""
    match cell:
        case bool():
            return "true" if cell else "false"
        case float():
            return _number(cell).replace(".", separator)
        case datetime() if cell.time() == time():
            return write_date(cell, form or "YYYY-MM-DD")
        case datetime():
            return write_date(cell, form or "YYYY-MM-DD hh:mm:ss")
        case date():
            return write_date(datetime.combine(cell, time()), form or "YYYY-MM-DD")
        case time() | timedelta():
            return str(cell)
    return str(cell)


def _number(value: float) -> str:
    """Write a number as a person sees it; Excel keeps 15 digits, the rest is binary noise."""
    text = format(Decimal(f"{value:.15g}"), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
