"""How many cells a sheet of a workbook spans, counted without keeping one of them.

It must not know values. It looks at the bytes and no XML: whatever reader comes after it, with more
or less patience for broken XML, finds no cell that this count has not seen. What stands in comments
is counted too, so that the count is never too small.
"""

import re
from collections.abc import Iterator
from typing import IO, Final

_SHEET: Final = re.compile(rb"<(?:\w+:)?worksheet\b")
_PLACE: Final = re.compile(rb"""[\s"']r\s*=\s*["']\s*([A-Za-z]{0,3})([0-9]{1,7})""")
_ROW: Final = re.compile(rb"<(?:\w+:)?row\b")
_CELL: Final = re.compile(rb"<(?:\w+:)?c\b")
_CHUNK: Final = 1 << 20


def area_of(part: IO[bytes]) -> int:
    """Give the cells from the first row and column to the last; 0 for a part that is no sheet."""
    is_sheet = False
    last_row = last_column = rows = unplaced = widest = begun = 0
    for piece in _pieces(part):
        is_sheet = is_sheet or _SHEET.search(piece) is not None
        places = _PLACE.findall(piece)
        columns = {letters for letters, _ in places}
        last_row = max([last_row, *{int(digits) for _, digits in places}])
        last_column = max([last_column, *map(_number, columns)])
        rows += len(_ROW.findall(piece))
        unplaced += len(_CELL.findall(piece)) - sum(1 for letters, _ in places if letters)
        # Cells that do not tell their place follow each other; a row may go on in the next piece.
        in_rows = [len(_CELL.findall(row)) for row in _ROW.split(piece)] if unplaced > 0 else [0]
        in_rows[0] += begun
        begun, widest = in_rows[-1], max(widest, *in_rows)
    if not is_sheet:
        return 0
    if unplaced > 0:
        return (last_row + rows) * (last_column + widest)
    return last_row * last_column


def _pieces(part: IO[bytes]) -> Iterator[bytes]:
    """Read piece by piece, cut before a sign that opens an element."""
    rest = b""
    while chunk := part.read(_CHUNK):
        whole = rest + chunk
        cut = whole.rfind(b"<")
        if cut <= 0 or len(whole) - cut > _CHUNK:
            cut = len(whole)
        yield whole[:cut]
        rest = whole[cut:]
    if rest:
        yield rest


def _widest(piece: bytes) -> int:
    return max(len(_CELL.findall(row)) for row in _ROW.split(piece))


def _number(letters: bytes) -> int:
    number = 0
    for letter in letters.upper():
        number = number * 26 + letter - 64
    return number
