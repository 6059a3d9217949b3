"""Plain tables written as a workbook, as one CSV file, or as a zip of CSV files.

It must not know what the tables mean. Texts stay texts: no cell ever becomes a formula or a link.
"""

import io
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import xlsxwriter

from qtcore.builtin.tabular.spreadsheet import write_csv_rows

MOST_ROWS = 1_048_575
_FIRST_DAY = (1980, 1, 1, 0, 0, 0)
_WIDEST = 48


@dataclass(frozen=True, slots=True)
class Table:
    """A named table: one head, rows of texts of the same length."""

    name: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def write_workbook(tables: Sequence[Table]) -> bytes:
    """Write an xlsx workbook: frozen heads, filters, no merged cells; every cell is a text."""
    held = io.BytesIO()
    options = {
        "in_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
    }
    book = xlsxwriter.Workbook(held, options)
    bold = book.add_format({"bold": True, "text_wrap": True, "valign": "top"})
    for table in tables:
        sheet = book.add_worksheet(table.name[:31])
        for column, word in enumerate(table.head):
            sheet.write_string(0, column, word, bold)
            longest = max((len(row[column]) for row in table.rows[:200]), default=0)
            sheet.set_column(column, column, min(max(longest + 2, 14), _WIDEST))
        for number, row in enumerate(table.rows, 1):
            for column, cell in enumerate(row):
                sheet.write_string(number, column, cell)
        sheet.freeze_panes(1, 0)
        if table.head:
            sheet.autofilter(0, 0, len(table.rows), len(table.head) - 1)
    book.close()
    return held.getvalue()


def write_csv(table: Table) -> str:
    """Write one table as CSV (RFC 4180); a text a spreadsheet would run gets a quote in front."""
    return write_csv_rows(table.head, table.rows)


def write_csv_zip(tables: Iterable[Table]) -> bytes:
    """Write each table as a CSV file of its own into one zip; equal tables give equal bytes."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for table in tables:
            info = zipfile.ZipInfo(f"{table.name}.csv", _FIRST_DAY)
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, "\ufeff" + write_csv(table))
    return held.getvalue()


def joined(tables: Sequence[Table], name: str, first: str) -> Table:
    """Lay tables under each other: columns of the same head meet, `first` names the table."""
    head = tuple(dict.fromkeys((first, *(word for table in tables for word in table.head))))
    rows = []
    for table in tables:
        for row in table.rows:
            cells = {first: table.name, **dict(zip(table.head, row, strict=True))}
            rows.append(tuple(cells.get(word, "") for word in head))
    return Table(name, head, tuple(rows))
