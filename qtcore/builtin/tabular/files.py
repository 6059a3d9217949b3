"""Opens a delimited text file: encoding, header and delimiter are proved before a row is read.

It must not know what columns mean.
"""

import codecs
import csv
import difflib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from qtcore.builtin.faults import Faults, listing, shown
from qtcore.builtin.tabular.mapping import Mapping, TableMapping

if TYPE_CHECKING:
    import _csv

_DELIMITERS = {";": "semicolon", ",": "comma", "\t": "tab", "|": "bar"}
_CHUNK = 1 << 20
_OTHER_KINDS = (
    (b"PK\x03\x04", "a spreadsheet or zip archive; save the sheet as CSV"),
    (b"\xd0\xcf\x11\xe0", "an old spreadsheet; save the sheet as CSV"),
    (b"\x1f\x8b", "a gzip archive; unpack it"),
    (b"{", "JSON; an EPCIS document is loaded with `import epcis`"),
    (b"[", "JSON; an EPCIS document is loaded with `import epcis`"),
    (b"<", "XML or HTML; export a CSV file"),
    (b"%PDF", "a PDF; export a CSV file"),
    (b"\xff\xfe", "UTF-16 text; save it in the encoding of the mapping"),
    (b"\xfe\xff", "UTF-16 text; save it in the encoding of the mapping"),
)


@dataclass(frozen=True, slots=True)
class Line:
    """One row as it stands: `number` is its line in the file (the header is line 1)."""

    number: int
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OpenFile:
    """A file whose header fits a table of the mapping; `unknown` columns are in no mapping."""

    name: str
    table: str
    header: tuple[str, ...]
    unknown: tuple[str, ...]
    data: bytes
    encoding: str
    delimiter: str

    def lines(self, faults: Faults) -> Iterator[Line]:
        """Read row by row; broken quoting ends the file with a fault, rows before it stand."""
        reader = _reader(self.data, self.encoding, self.delimiter)
        next(reader, None)
        while True:
            try:
                fields = next(reader, None)
            except csv.Error as error:
                text = f"the file cannot be read from here on: {error}; mend the quotes"
                faults.add("QT722", text, f"line {reader.line_num}")
                return
            if fields is None:
                return
            if fields:
                yield Line(reader.line_num, tuple(fields))


def open_file(data: bytes, name: str, mapping: Mapping, faults: Faults) -> OpenFile | None:
    """Find the table a file belongs to by its header; None when there is none, with the fault."""
    head = data[:64].removeprefix(b"\xef\xbb\xbf").lstrip()
    kind = next((k for start, k in _OTHER_KINDS if head.startswith(start)), "")
    if not data.strip():
        kind = "empty; export it again"
    elif not kind and b"\x00" in data[:_CHUNK]:
        kind = "a binary file; export a CSV file"
    if kind:
        faults.add("QT720", f"{name} is {kind}", name)
        return None
    for table_name, table in mapping.tables.items():
        header = _header(data, table)
        if header and set(table.key) <= set(header) and not _missing(table, header):
            return _opened(data, name, (table_name, table), header=header, faults=faults)
    faults.add("QT720", _why_not(data, name, mapping), name)
    return None


def _opened(
    data: bytes,
    name: str,
    found: tuple[str, TableMapping],
    *,
    header: tuple[str, ...],
    faults: Faults,
) -> OpenFile | None:
    table_name, table = found
    twice = sorted({column for column in header if header.count(column) > 1})
    if twice:
        faults.add("QT721", f"column {listing(twice)} occurs twice in the header", name)
        return None
    wrong = _undecodable(data, table.encoding)
    if wrong:
        faults.add("QT720", f"{name} is not {table.encoding}: {wrong}", name)
        return None
    unknown = tuple(column for column in header if column not in table.columns)
    return OpenFile(name, table_name, header, unknown, data, table.encoding, table.delimiter)


def _missing(table: TableMapping, header: tuple[str, ...]) -> list[str]:
    return [c for c, entry in table.columns.items() if c not in header and not entry.ignored]


def _header(data: bytes, table: TableMapping, delimiter: str = "") -> tuple[str, ...]:
    try:
        # A header is judged by itself: what cannot be decoded further down has its own fault.
        reader = _reader(data, table.encoding, delimiter or table.delimiter, errors="replace")
        return tuple(field.strip() for field in next(reader, []))
    except (csv.Error, LookupError):
        return ()


def _reader(data: bytes, encoding: str, delimiter: str, *, errors: str = "strict") -> "_csv.Reader":
    codec = "utf-8-sig" if codecs.lookup(encoding).name == "utf-8" else encoding
    text = io.TextIOWrapper(io.BytesIO(data), encoding=codec, errors=errors, newline="")
    return csv.reader(text, delimiter=delimiter, strict=True)


def _undecodable(data: bytes, encoding: str) -> str:
    """Decode to the end before anything is stored: half a file must not be loaded."""
    decoder = codecs.getincrementaldecoder(encoding)()
    for start in range(0, len(data), _CHUNK):
        chunk = data[start : start + _CHUNK]
        try:
            decoder.decode(chunk, final=start + _CHUNK >= len(data))
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, start + error.start) + 1
            found = error.object[error.start : error.start + 2].hex(" ")
            return f"bytes {found} in line {line}; correct the file or the mapping's encoding"
    return ""


def _why_not(data: bytes, name: str, mapping: Mapping) -> str:
    """Say what is wrong with a header: another delimiter, or columns that are not there."""
    for table in mapping.tables.values():
        for delimiter, called in _DELIMITERS.items():
            header = _header(data, table, delimiter)
            if delimiter != table.delimiter and set(table.key) < set(header):
                wanted = _DELIMITERS.get(table.delimiter, repr(table.delimiter))
                return (
                    f"{name} separates its columns by {called}, the mapping says {wanted}; "
                    "correct the mapping's delimiter or export again"
                )
    best = min(
        mapping.tables.items(), key=lambda entry: len(_missing(entry[1], _header(data, entry[1])))
    )
    header, missing = _header(data, best[1]), _missing(best[1], _header(data, best[1]))
    near = difflib.get_close_matches(missing[0], header, n=1) if missing else []
    hint = f" (did {near[0]!r} take the place of {missing[0]!r}?)" if near else ""
    found = shown(listing(header)) if header else "nothing that reads as a header"
    return (
        f"{name} is none of the tables {listing(mapping.tables)}: for {best[0]!r} the columns "
        f"{shown(listing(missing))} are missing{hint}; its header is {found}"
    )
