"""What a spreadsheet would run: texts that begin like a formula are written as plain texts.

It must not know what a table means. Every CSV that leaves the product is written here.
"""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from typing import Final

# The signs of OWASP's list, with the full-width ones that East Asian input takes for the same.
_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # fmt: skip
_NUMBER: Final = re.compile(r"[+-]?[0-9]+(?:[.,][0-9]+)*")


def safe_cell(text: str) -> str:
    """Make a text safe for a spreadsheet: what would run as a formula gets an apostrophe."""
    is_formula = text.startswith(_STARTS) and not _NUMBER.fullmatch(text)
    return f"'{text}" if is_formula else text


def write_csv_rows(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write a table as CSV (RFC 4180), every cell harmless and in quotes.

    The quotes matter where a spreadsheet parts cells at semicolons or tabs: ``a;=cmd`` without
    them would become a cell of its own that begins with the sign.
    """
    held = io.StringIO(newline="")
    writer = csv.writer(held, lineterminator="\r\n", quoting=csv.QUOTE_ALL)
    writer.writerow([safe_cell(word) for word in head])
    writer.writerows([safe_cell(cell) for cell in row] for row in rows)
    return held.getvalue()
