"""Reads tables row by row into facts; a row with a mistake is quarantined, the others stand.

It must not know what is stored already.
"""

from collections.abc import Iterator, Sequence
from collections.abc import Mapping as Dict
from dataclasses import dataclass
from types import MappingProxyType

from qtcore.builtin.faults import Faults, ReadFault, listing, shown
from qtcore.builtin.tabular.cells import Unreadable, read_cell
from qtcore.builtin.tabular.content import Content
from qtcore.builtin.tabular.files import OpenFile, open_file
from qtcore.builtin.tabular.lines import Line
from qtcore.builtin.tabular.lookups import Entries, LookupBook, fill_lookups
from qtcore.builtin.tabular.mapping import Mapping, TableMapping
from qtcore.builtin.tabular.rows import Cells, RowDraft, RowFacts
from qtcore.builtin.tabular.spill import SeenKeys

Key = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Files that fit the mapping, or the `faults` why they do not; `rows` streams.

    `notes` list what is accepted with doubt; both lists are complete when `rows` has ended.
    `files` are those that fit; `count` is how many rows there are, about.
    """

    mapping: Mapping
    rows: Iterator[RowFacts]
    problems: Faults
    doubts: Faults
    files: tuple[OpenFile, ...] = ()

    @property
    def count(self) -> int:
        """Say how many rows the first table has, about."""
        main = next(iter(self.mapping.tables))
        return sum(file.count for file in self.files if file.table == main)

    @property
    def faults(self) -> tuple[ReadFault, ...]:
        """List what stops a file, or its rest."""
        return self.problems.listed()

    @property
    def notes(self) -> tuple[ReadFault, ...]:
        """List what a person should know, though the rows are loaded."""
        return self.doubts.listed()


def read_table(
    files: Sequence[tuple[str, Content]],
    mapping: Mapping,
    masters: Dict[str, Entries] = MappingProxyType({}),
) -> Table:
    """Read files (name, content) by a mapping; each file finds its table by its header.

    `masters` holds the entries of look-ups that ask master data, by the name of the look-up.
    """
    faults, notes = Faults(), Faults()
    opened = [open_file(data, name, mapping, faults) for name, data in files]
    by_table: dict[str, OpenFile] = {}
    for file in opened:
        if file is None:
            continue
        if file.table in by_table:
            text = f"{file.name} and {by_table[file.table].name} are both table {file.table!r}"
            faults.add("QT720", f"{text}; load one at a time", file.name)
        by_table[file.table] = file
        for column in file.unknown:
            text = f"column {shown(column)} is not in the mapping; its values are not loaded"
            notes.add("QT721", text, file.name)
    for name, table in mapping.tables.items():
        if name not in by_table and not faults.count:
            is_needed = table is mapping.main or not table.optional
            text = f"there is no file for table {name!r} (columns {shown(listing(table.columns))})"
            (faults if is_needed else notes).add("QT720", text, name)
    if faults.count:
        return Table(mapping, iter(()), faults, notes)
    book = fill_lookups(mapping, by_table, masters, faults)
    reader = _Reader(mapping, by_table, (faults, notes), book)
    return Table(mapping, reader.rows(), faults, notes, tuple(by_table.values()))


class _Reader:
    """Reads the first table, joining the others; knows which keys it has seen."""

    def __init__(
        self,
        mapping: Mapping,
        files: dict[str, OpenFile],
        told: tuple[Faults, Faults],
        lookups: LookupBook,
    ) -> None:
        self._mapping = mapping
        self._files = files
        self._faults, self._notes = told
        self._lookups = lookups
        self._seen: SeenKeys | None = None

    def rows(self) -> Iterator[RowFacts]:
        """Yield the rows of the first table, good and quarantined."""
        self._seen = SeenKeys()
        try:
            yield from self._rows()
        finally:
            self._seen.close()

    def _rows(self) -> Iterator[RowFacts]:
        yield from self._lookups.faults
        names = [name for name in self._mapping.tables if name not in self._mapping.looked_up]
        joined = {name: self._index(name) for name in names[1:] if name in self._files}
        used: set[Key] = set()  # what joined tables are matched by; without one, nothing
        main = self._files[names[0]]
        for line in main.lines(self._faults):
            if joined:
                used.add(_key(main, self._mapping.main, line))
            row = self._once(self._row(main, line, joined))
            if row is not None:
                yield row
        for name, index in joined.items():
            for key in sorted(index.keys() - used):
                yield from self._without_partner(name, index[key])

    def _without_partner(self, name: str, lines: list[Line]) -> Iterator[RowFacts]:
        """Quarantine rows that join to none: what is not loaded is refused, never left out."""
        file, main = self._files[name], self._files[next(iter(self._mapping.tables))]
        for line in lines:
            key = "/".join(_key(file, self._mapping.tables[name], line))
            text = f"key {shown(key)} is in no row of {main.name}; add that row, or remove this one"
            fault = ReadFault("QT724", text, f"{file.name} row {line.number}")
            yield RowFacts(file.name, line.number, f"{name}#{line.number}", faults=(fault,))

    def _index(self, name: str) -> dict[Key, list[Line]]:
        """Gather the rows of a joined table by key; an equal repetition counts once."""
        file, table = self._files[name], self._mapping.tables[name]
        index: dict[Key, list[Line]] = {}
        for line in file.lines(self._faults):
            lines = index.setdefault(_key(file, table, line), [])
            if all(line.fields != other.fields for other in lines):
                lines.append(line)
        return index

    def _row(
        self, file: OpenFile, line: Line, joined: dict[str, dict[Key, list[Line]]]
    ) -> RowFacts:
        faults = Faults()
        cells = {file.table: self._cells(file, line, faults)}
        key = _key(file, self._mapping.main, line)
        for name, index in joined.items():
            found = self._only(name, index.get(key, []), faults)
            cells[name] = self._cells(self._files[name], found, faults) if found else {}
        draft = RowDraft(self._mapping, file.name, line.number, cells, faults)
        _compare(draft)
        return draft.facts()

    def _only(self, name: str, lines: list[Line], faults: Faults) -> Line | None:
        """Give the one row to join, or None with the fault or note why there is none."""
        file = self._files[name].name
        if len(lines) == 1:
            return lines[0]
        if lines:
            rows = listing(str(line.number) for line in lines)
            text = f"rows {rows} of {file} share its key with other content; keep one"
            faults.add("QT724", text, name)
        elif not self._mapping.tables[name].optional:
            faults.add("QT724", f"no row of {file} has its key; complete that file", name)
        return None

    def _cells(self, file: OpenFile, line: Line, faults: Faults) -> Cells:
        table, cells = self._mapping.tables[file.table], Cells()
        where = f"{file.name} row {line.number}"
        if len(line.fields) != len(file.header):
            text = f"the row has {len(line.fields)} fields, the header {len(file.header)}"
            faults.add("QT722", f"{text}; mend the row", where)
            return cells
        for name, raw in zip(file.header, line.fields, strict=True):
            column = table.columns.get(name)
            if column is None or column.ignored:
                continue
            try:
                cells[name] = read_cell(raw, column, table, self._mapping, find=self._lookups.find)
            except Unreadable as error:
                faults.add("QT722", str(error), f"{where}, column {name}")
        return cells

    def _once(self, row: RowFacts) -> RowFacts | None:
        """Let a key pass once; an equal repetition is noted, another content is quarantined."""
        if row.faults or self._seen is None:
            return row
        number, content = self._seen.first(row.key, row.number, row.content_hash)
        if number == row.number:
            return row
        if content == row.content_hash:
            text = f"the row repeats row {number} exactly; loaded once"
            self._notes.add("QT723", text, f"{row.file} row {row.number}")
            return None
        text = f"key {shown(row.key)} is that of row {number} with other content; correct one"
        where = f"{row.file} row {row.number}"
        return RowFacts(row.file, row.number, row.key, faults=(ReadFault("QT723", text, where),))


def _compare(draft: RowDraft) -> None:
    """Check columns that must say the same in two files."""
    for name, found in list(draft.cells.items())[1:]:
        for column, cell in found.items():
            other = draft.mapping.tables[name].columns[column].same_as
            here = draft.main.get(other) if other else None
            if cell is not None and here is not None and cell.value != here.value:
                said = f"{column} is {shown(cell.text)} in {name}"
                text = f"{said}, but {other} is {shown(here.text)}; correct one of them"
                draft.faults.add("QT725", text, draft.where)


def _key(file: OpenFile, table: TableMapping, line: Line) -> Key:
    places = [file.header.index(name) for name in table.key]
    return tuple(line.fields[p].strip() if p < len(line.fields) else "" for p in places)
