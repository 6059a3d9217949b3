"""Writes the rows a load refused, with the reasons, as a file that is mended and loaded again.

It must not know a database.
"""

import csv
import io
import re
from collections.abc import Iterable
from typing import Final

from qtcore.builtin.faults import Faults
from qtcore.builtin.tabular.files import OpenFile
from qtcore.builtin.tabular.mapping import TableMapping
from qtcore.builtin.tabular.spreadsheet import safe_cell

_PLACE: Final = re.compile(r"(?P<file>.+?) row (?P<row>[0-9]+)(?:, column .+)?")
REASON: Final = "qtcore_problem"
"""The column added for the reason; loading the file again says that it is in no mapping."""


def write_quarantine(
    file: OpenFile, rules: TableMapping, problems: Iterable[tuple[str, str, str]]
) -> bytes:
    """Write the refused rows of a file as its mapping reads them; empty when there is none.

    `problems` are (place, code, message) as a report lists them. The rows stay as they were; a
    reason that a spreadsheet would run as a formula gets an apostrophe.
    """
    reasons: dict[int, list[str]] = {}
    for where, code, message in problems:
        place = _PLACE.fullmatch(where)
        if place is not None and place["file"] == file.name:
            reasons.setdefault(int(place["row"]), []).append(f"{code} {message}")
    if not reasons:
        return b""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=rules.delimiter, lineterminator="\n")
    writer.writerow([*file.header, REASON])
    for line in file.lines(Faults()):
        if line.number in reasons:
            writer.writerow([*line.fields, safe_cell("; ".join(reasons[line.number]))])
    return out.getvalue().encode(rules.encoding, errors="replace")
