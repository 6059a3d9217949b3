"""What is written in a cell -> what is meant: by a code list, another table, or master data.

It must not know a database: entries of master data are handed in.
"""

import difflib
from collections.abc import Mapping as Dict
from dataclasses import dataclass, field

from qtcore.builtin.faults import Faults, ReadFault, listing, shown
from qtcore.builtin.tabular.cells import Unreadable, read_cell
from qtcore.builtin.tabular.files import OpenFile
from qtcore.builtin.tabular.lines import Line
from qtcore.builtin.tabular.mapping import Lookup, Mapping
from qtcore.builtin.tabular.rows import RowFacts

Entries = dict[str, dict[str, None]]
"""A written text -> the different things it stands for, in the order they were met."""

_SHOWN = 5


@dataclass(frozen=True, slots=True)
class LookupBook:
    """All look-ups of a mapping, filled; `faults` are rows of their tables that cannot be read."""

    entries: Dict[str, Entries] = field(default_factory=dict)
    places: Dict[str, str] = field(default_factory=dict)
    faults: tuple[RowFacts, ...] = ()

    def find(self, name: str, text: str) -> str:
        """Give what a text stands for; raises Unreadable when it is nothing, or several things."""
        known = self.entries[name]
        found = known.get(text, {})
        if len(found) == 1:
            return next(iter(found))
        place = self.places[name]
        if found:
            each = listing(shown(value) for value in list(found)[:_SHOWN])
            raise Unreadable(
                f"found {shown(text)}, which is {len(found)} entries of {place}: {each}; "
                "write one of them, or look up by what tells them apart"
            )
        near = difflib.get_close_matches(text, known, n=1) if len(known) < 10_000 else []
        hint = f"; did you mean {near[0]!r}?" if near else ""
        some = f" ({listing(list(known)[:_SHOWN])} ...)" if known else " (it is empty)"
        raise Unreadable(f"found {shown(text)}, which is not in {place}{some}{hint}")


def fill_lookups(
    mapping: Mapping, files: Dict[str, OpenFile], masters: Dict[str, Entries], faults: Faults
) -> LookupBook:
    """Fill every look-up; `masters` holds the entries of those that ask master data, by name."""
    entries: dict[str, Entries] = {}
    places: dict[str, str] = {}
    bad: list[RowFacts] = []
    for name, rules in mapping.lookups.items():
        if rules.table:
            file = files.get(rules.table)
            places[name] = f"{file.name if file else rules.table}, column {rules.by}"
            entries[name] = _of_table(mapping, rules, file, (faults, bad)) if file else {}
        elif rules.master:
            places[name] = f"the {rules.master} master data, by {rules.by}"
            entries[name] = masters.get(name, {})
        else:
            places[name] = f"the code list {name!r}"
            entries[name] = {text: {value: None} for text, value in rules.values.items()}
    return LookupBook(entries, places, tuple(bad))


def _of_table(
    mapping: Mapping, rules: Lookup, file: OpenFile, told: tuple[Faults, list[RowFacts]]
) -> Entries:
    """Read a table of keys and values; a row that cannot be read is quarantined."""
    faults, bad = told
    entries: Entries = {}
    for line in file.lines(faults):
        where = f"{file.name} row {line.number}"
        pair = [_cell(mapping, rules, file, (line, name)) for name in (rules.by, rules.give)]
        wrong = tuple(
            ReadFault("QT722", said.text, f"{where}, column {name}")
            for said, name in zip(pair, (rules.by, rules.give), strict=True)
            if said.is_wrong
        )
        if wrong:
            bad.append(
                RowFacts(file.name, line.number, f"{rules.table}#{line.number}", faults=wrong)
            )
        else:
            entries.setdefault(pair[0].text, {})[pair[1].text] = None
    return entries


@dataclass(frozen=True, slots=True)
class _Said:
    text: str
    is_wrong: bool = False


def _cell(mapping: Mapping, rules: Lookup, file: OpenFile, at: tuple[Line, str]) -> _Said:
    line, name = at
    table = mapping.tables[file.table]
    if len(line.fields) != len(file.header):
        says = f"the row has {len(line.fields)} fields, the header {len(file.header)}; mend the row"
        return _Said(says, is_wrong=True)
    try:
        cell = read_cell(line.fields[file.header.index(name)], table.columns[name], table, mapping)
    except Unreadable as error:
        return _Said(str(error), is_wrong=True)
    if cell is None:
        return _Said("the value is missing; a look-up needs it", is_wrong=True)
    return _Said(cell.text)
