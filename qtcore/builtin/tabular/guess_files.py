"""How a delimited text file is written: its encoding, its delimiter, its header.

It must not know what columns mean; what cannot be told is a doubt.
"""

import codecs
import csv
import io
from collections import Counter
from dataclasses import dataclass
from typing import Final

from qtcore.builtin.faults import Faults, listing, shown

DELIMITERS: Final = {";": "semicolon", ",": "comma", "\t": "tab", "|": "bar"}
MOST_ROWS: Final = 200_000
_HEAD_ROWS: Final = 200
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_LATIN: Final = ("cp1252", "cp1250")


@dataclass(frozen=True, slots=True)
class Grid:
    """A table as it stands: header and rows of equal width; `is_whole` when no row is left out.

    `sheet` is the name of the sheet of a workbook, empty for a text.
    """

    name: str
    encoding: str
    delimiter: str
    header: tuple[str, ...]
    rows: list[tuple[str, ...]]
    is_whole: bool
    sheet: str = ""


def guess_grid(data: bytes, name: str, doubts: Faults) -> Grid | None:
    """Read a file whose encoding and delimiter nobody told; None when it is no table."""
    encoding = guess_encoding(data, name, doubts)
    if encoding is None:
        return None
    text = data.decode(encoding).removeprefix("\ufeff")
    delimiter = _delimiter(text, name, doubts)
    if delimiter is None:
        return None
    try:
        return _grid(text, (name, encoding, delimiter), doubts)
    except csv.Error as error:
        doubts.add("QT722", f"{name} cannot be read to its end: {error}; mend the quotes", name)
        return None


def guess_encoding(data: bytes, name: str, doubts: Faults) -> str | None:
    """Tell the encoding: UTF-8 and UTF-16 are certain, others are doubts with what they give."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return encoding
    if b"\x00" in data[:4096]:
        doubts.add("QT720", f"{name} is a binary file; export it as CSV", name)
        return None
    try:
        data.decode("utf-8")
        return "utf-8"
    except UnicodeDecodeError as error:
        piece = data[max(0, error.start - 20) : error.start + 20]
    readings = {}
    for encoding in ("gb18030", *_LATIN):
        try:
            decoded = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if encoding != "gb18030" or _is_chinese(decoded):
            readings[encoding] = shown(piece.decode(encoding, errors="replace"))
    if not readings:
        doubts.add("QT720", f"{name} is in no encoding known here; save it as UTF-8", name)
        return None
    choice = next(iter(readings))
    read = "; ".join(f"{encoding} gives {text}" for encoding, text in readings.items())
    doubts.add("QT720", f"the file is not UTF-8; proposed {choice}: {read}; choose one", name)
    return choice


def _is_chinese(text: str) -> bool:
    """Say whether what is not ASCII are everyday Chinese signs: Latin text gives rare ones.

    GB 2312 holds the everyday characters in its first level, rows 16 to 55.
    """
    foreign = [sign for sign in text[:200_000] if sign > "\x7f"]
    everyday = sum(
        b"\xb0" <= sign.encode("gb2312", "ignore")[:1] <= b"\xd7"
        or "\u3000" <= sign <= "\u303f"
        or "\uff00" <= sign <= "\uffef"
        for sign in foreign
    )
    return bool(foreign) and everyday >= 0.8 * len(foreign)


def _delimiter(text: str, name: str, doubts: Faults) -> str | None:
    """Choose the sign that cuts all first rows into equally many columns, and the most of them."""
    scores: dict[str, tuple[float, int]] = {}
    for sign in DELIMITERS:
        rows = _rows(text, sign, _HEAD_ROWS)
        widths = Counter(len(row) for row in rows)
        if not widths:
            continue
        width, often = max(widths.items(), key=lambda each: (each[1], each[0]))
        if width > 1 and len(rows[0]) > 1:
            scores[sign] = (often / len(rows), width)
    if not scores:
        if text.strip():
            accepted = listing(DELIMITERS.values())
            doubts.add("QT720", f"{name} has one column only; columns are cut by {accepted}", name)
        else:
            doubts.add("QT720", f"{name} is empty; export it again", name)
        return None
    best = max(scores, key=lambda sign: scores[sign])
    rivals = [sign for sign in scores if sign != best and scores[sign][0] == scores[best][0]]
    if rivals:
        said = listing(f"{DELIMITERS[s]} ({scores[s][1]} columns)" for s in (best, *rivals))
        doubts.add("QT720", f"the delimiter may be {said}; proposed {DELIMITERS[best]}", name)
    return best


def _rows(text: str, delimiter: str, most: int) -> list[tuple[str, ...]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=False)
    rows = []
    for row in reader:
        if row:
            rows.append(tuple(row))
        if len(rows) >= most:
            break
    return rows


def _grid(text: str, how: tuple[str, str, str], doubts: Faults) -> Grid:
    name, encoding, delimiter = how
    rows = _rows(text, delimiter, MOST_ROWS + 2)
    header = tuple(cell.strip() for cell in rows[0])
    whole = [row for row in rows[1 : MOST_ROWS + 1] if len(row) == len(header)]
    is_whole = len(rows) <= MOST_ROWS + 1
    ragged = min(len(rows) - 1, MOST_ROWS) - len(whole)
    check_header(name, header, whole, doubts)
    if ragged:
        text = f"{ragged} rows have not the {len(header)} fields of the header; mend them"
        doubts.add("QT722", text, name)
    if not is_whole:
        doubts.add("QT722", f"only the first {MOST_ROWS} rows were looked at", name)
    return Grid(name, encoding, delimiter, header, whole, is_whole)


def check_header(
    name: str, header: tuple[str, ...], rows: list[tuple[str, ...]], doubts: Faults
) -> None:
    """Doubt a first row that has empty, repeated or plainly measured cells."""
    empty = [place + 1 for place, cell in enumerate(header) if not cell]
    if empty:
        text = (
            f"columns {listing(map(str, empty))} have no name; a header of merged cells or of two "
            "rows must become one row"
        )
        doubts.add("QT721", text, f"{name} header")
    twice = sorted(cell for cell, times in Counter(header).items() if cell and times > 1)
    if twice:
        doubts.add("QT721", f"column {listing(twice)} occurs twice; rename one", f"{name} header")
    numbers = sum(_is_number(cell) for cell in header)
    if numbers > len(header) / 2:
        text = f"the first row is {shown(listing(header))}: it reads as values, not as names"
        doubts.add("QT721", f"{text}; add a header", f"{name} header")
    if not rows:
        doubts.add("QT722", "there is no row below the header", name)


def _is_number(text: str) -> bool:
    return text.replace(".", "", 1).replace(",", "", 1).lstrip("+-").isdigit()
