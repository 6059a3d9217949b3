"""Opens a table: encoding, header and delimiter are proved before a row is read.

It must not know what columns mean.
"""

import codecs
import csv
import difflib
import io
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from qtcore.builtin.faults import Faults, listing, shown
from qtcore.builtin.tabular.content import Content, chunks_of, head_of, open_content
from qtcore.builtin.tabular.lines import Line
from qtcore.builtin.tabular.mapping import Mapping, TableMapping
from qtcore.builtin.tabular.workbooks import MAGIC, Sheet, check_package, read_sheet, sheet_lines

if TYPE_CHECKING:
    import _csv

_DELIMITERS = {";": "semicolon", ",": "comma", "\t": "tab", "|": "bar"}
_HEAD = 1 << 20
_OTHER_KINDS = (
    (b"\xd0\xcf\x11\xe0", "an old spreadsheet; save it as .xlsx or as CSV"),
    (b"\x1f\x8b", "a gzip archive; unpack it"),
    (b"{", "JSON; an EPCIS document is loaded with `import epcis`"),
    (b"[", "JSON; an EPCIS document is loaded with `import epcis`"),
    (b"<", "XML or HTML; export a CSV file"),
    (b"%PDF", "a PDF; export a CSV file"),
    (b"\xff\xfe", "UTF-16 text; save it in the encoding of the mapping"),
    (b"\xfe\xff", "UTF-16 text; save it in the encoding of the mapping"),
)


class OpenFile(Protocol):
    """A file whose header fits a table of the mapping; `unknown` columns are in no mapping.

    `count` is how many rows it has, about: line breaks inside quotes count as well.
    """

    @property
    def name(self) -> str: ...

    @property
    def table(self) -> str: ...

    @property
    def header(self) -> tuple[str, ...]: ...

    @property
    def unknown(self) -> tuple[str, ...]: ...

    @property
    def count(self) -> int: ...

    def lines(self, faults: Faults) -> Iterator[Line]:
        """Read row by row."""


@dataclass(frozen=True, slots=True)
class TextFile:
    """A delimited text file; it is streamed, whatever its size."""

    name: str
    table: str
    header: tuple[str, ...]
    unknown: tuple[str, ...]
    count: int
    content: Content
    encoding: str
    delimiter: str

    def lines(self, faults: Faults) -> Iterator[Line]:
        """Read row by row; broken quoting ends the file with a fault, rows before it stand."""
        with _text(self.content, self.encoding) as text:
            reader = csv.reader(text, delimiter=self.delimiter, strict=True)
            next(reader, None)
            while True:
                try:
                    fields = next(reader, None)
                except csv.Error as error:
                    says = f"{self.name} cannot be read from here on: {error}; mend the quotes"
                    faults.add("QT722", says, f"line {reader.line_num}")
                    return
                if fields is None:
                    return
                if fields:
                    yield Line(reader.line_num, tuple(fields))


@dataclass(frozen=True, slots=True)
class SheetFile:
    """A sheet of a workbook."""

    name: str
    table: str
    header: tuple[str, ...]
    unknown: tuple[str, ...]
    sheet: Sheet
    rules: TableMapping

    @property
    def count(self) -> int:
        """Say how many rows it has below the header."""
        return self.sheet.count - 1

    def lines(self, _faults: Faults) -> Iterator[Line]:
        """Read row by row."""
        return sheet_lines(self.sheet, self.header, self.rules)


def open_file(content: Content, name: str, mapping: Mapping, faults: Faults) -> OpenFile | None:
    """Find the table a file belongs to by its header; None when there is none, with the fault."""
    data = head_of(content, _HEAD)
    if data.startswith(MAGIC):
        return _open_workbook(content, name, mapping, faults)
    head = data[:64].removeprefix(b"\xef\xbb\xbf").lstrip()
    kind = next((k for start, k in _OTHER_KINDS if head.startswith(start)), "")
    if not data.strip():
        kind = "empty; export it again"
    elif not kind and b"\x00" in data:
        kind = "a binary file; export a CSV file"
    if kind:
        faults.add("QT720", f"{name} is {kind}", name)
        return None
    for table_name, table in mapping.tables.items():
        header = _header(data, table)
        if header and set(table.key) <= set(header) and not _missing(table, header):
            if _repeats(header, name, faults):
                return None
            return _open_text(content, name, (table_name, table), header=header, faults=faults)
    faults.add("QT720", _why_not(data, name, mapping), name)
    return None


def _open_workbook(
    content: Content, name: str, mapping: Mapping, faults: Faults
) -> SheetFile | None:
    if not check_package(content, name, faults):
        return None
    tried: dict[str, tuple[str, ...]] = {}
    for table_name, table in mapping.tables.items():
        found = read_sheet(content, name, table.sheet, faults)
        if found is None or faults.count:
            return None
        header = tuple(str(cell).strip() for cell in next(found.rows(), []))
        tried[found.name] = header
        if header and set(table.key) <= set(header) and not _missing(table, header):
            if _repeats(header, name, faults):
                return None
            unknown = tuple(column for column in header if column and column not in table.columns)
            return SheetFile(name, table_name, header, unknown, found, table)
    said = "; ".join(f"sheet {sheet}: {listing(header)}" for sheet, header in tried.items())
    text = f"{name} is none of the tables {listing(mapping.tables)}; its header is {shown(said)}"
    faults.add("QT720", text, name)
    return None


def _repeats(header: tuple[str, ...], name: str, faults: Faults) -> bool:
    twice = sorted(column for column, times in Counter(header).items() if column and times > 1)
    if twice:
        faults.add("QT721", f"column {listing(twice)} occurs twice in the header", name)
    return bool(twice)


def _open_text(
    content: Content,
    name: str,
    found: tuple[str, TableMapping],
    *,
    header: tuple[str, ...],
    faults: Faults,
) -> TextFile | None:
    table_name, table = found
    count, wrong = _decode(content, table.encoding)
    if wrong:
        faults.add("QT720", f"{name} is not {table.encoding}: {wrong}", name)
        return None
    unknown = tuple(column for column in header if column not in table.columns)
    return TextFile(
        name, table_name, header, unknown, count, content, table.encoding, table.delimiter
    )


def _missing(table: TableMapping, header: tuple[str, ...]) -> list[str]:
    return [c for c, entry in table.columns.items() if c not in header and not entry.ignored]


def _header(data: bytes, table: TableMapping, delimiter: str = "") -> tuple[str, ...]:
    try:
        # A header is judged by itself: what cannot be decoded further down has its own fault.
        reader = _reader(data, table.encoding, delimiter or table.delimiter, errors="replace")
        return tuple(field.strip() for field in next(reader, []))
    except (csv.Error, LookupError):
        return ()


def _text(content: Content, encoding: str, *, errors: str = "strict") -> io.TextIOWrapper:
    codec = "utf-8-sig" if codecs.lookup(encoding).name == "utf-8" else encoding
    return io.TextIOWrapper(open_content(content), encoding=codec, errors=errors, newline="")


def _reader(data: bytes, encoding: str, delimiter: str, *, errors: str = "strict") -> "_csv.Reader":
    return csv.reader(_text(data, encoding, errors=errors), delimiter=delimiter, strict=True)


def _decode(content: Content, encoding: str) -> tuple[int, str]:
    """Decode to the end before anything is stored: half a file must not be loaded.

    Gives how many lines follow the first, and what cannot be decoded, empty when all can.
    """
    decoder = codecs.getincrementaldecoder(encoding)()
    lines, last = 0, b""
    for chunk in chunks_of(content):
        try:
            decoder.decode(chunk)
        except UnicodeDecodeError as error:
            return 0, _undecodable(error, lines)
        lines += chunk.count(b"\n")
        last = chunk[-1:]
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        return 0, _undecodable(error, lines)
    return max(0, lines - (last == b"\n")), ""


def _undecodable(error: UnicodeDecodeError, lines: int) -> str:
    line = lines + error.object.count(b"\n", 0, error.start) + 1
    found = error.object[error.start : error.start + 2].hex(" ")
    return f"bytes {found} in line {line}; correct the file or the mapping's encoding"


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
