"""Proposes a mapping for files nobody described: tables, keys, lots, results; doubts are listed.

It must not decide anything: a person reads the proposal and its doubts, and corrects it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from qtcore.builtin.faults import Faults, ReadFault, listing
from qtcore.builtin.tabular.guess_columns import AMOUNT, ColumnGuess
from qtcore.builtin.tabular.guess_lookups import LookupGuess, guess_lookup, guess_unit_column
from qtcore.builtin.tabular.guess_tables import TableGuess, guess_tables, readable

_LOT: Final = re.compile(
    r"^(?P<prefix>.*?)[\s_.\-]*(?:lots?|batch(?:es)?|charge|šarža|sarza|serija|lote|lotto|partij)"
    r"(?:[\s_.\-]*(?:no|nr|num|number|code|id|#)\.?)?$|^(?P<chinese>.*?)(?:生产)?批[号次]$",
    re.IGNORECASE,
)
_ITEM: Final = re.compile(
    r"^(?:item|product|material|article|artikel|sku|gtin|code|品名|产品|物料)", re.I
)
_SOURCE: Final = re.compile(
    r"supplier|vendor|source|manufacturer|lieferant|dobavitelj|供应商", re.I
)
_DATE: Final = re.compile(r"start|date|datum|dat\b|fecha|produced|made|manufactur|日期|时间", re.I)
_UNIT: Final = re.compile(r"[(\[]\s*([A-Za-z%]+)\s*[)\]]\s*$|[_ ](kg|g|mg|l|ml|t)$")
_WORD: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,79}")
_COUNTED: Final = frozenset("tablets tablet capsules units unit pcs pieces ea each stk st".split())


@dataclass(frozen=True, slots=True)
class MappingGuess:
    """A proposed mapping in the shape of a mapping file, what was seen, and every doubt."""

    mapping: dict[str, Any]
    tables: tuple[TableGuess, ...]
    doubts: tuple[ReadFault, ...]

    def as_json(self) -> dict[str, Any]:
        """Give the shape of the command's answer."""
        return {
            "mapping": self.mapping,
            "files": [
                {
                    "file": each.grid.name,
                    "table": each.name,
                    "encoding": each.grid.encoding,
                    "delimiter": each.grid.delimiter,
                    "decimal_separator": each.separator,
                    "rows": len(each.grid.rows),
                    "columns": [column.as_json() for column in each.columns],
                }
                for each in self.tables
            ],
            "doubts": [
                {"code": each.code, "message": each.message, "where": each.where}
                for each in self.doubts
            ],
        }


def guess_mapping(files: Sequence[tuple[str, bytes]]) -> MappingGuess:
    """Propose a mapping for files (name, bytes); the first that is a table gives the rows.

    Without any table the mapping is empty and the doubts say why.
    """
    doubts = Faults()
    tables = tuple(guess_tables(files, doubts))
    if not tables:
        return MappingGuess({}, (), doubts.listed())
    return MappingGuess(_Proposal(tables, doubts).mapping(), tables, doubts.listed())


class _Proposal:
    """Puts a mapping together; what it cannot tell it says in a doubt."""

    def __init__(self, tables: tuple[TableGuess, ...], doubts: Faults) -> None:
        self._tables = tables
        self._doubts = doubts
        self._main = tables[0]
        self._names = {column.name: column for column in self._main.columns}
        found = [guess_lookup(self._main, other) for other in tables[1:]]
        self._lookups = {each.table: each for each in found if each is not None}

    def mapping(self) -> dict[str, Any]:
        key = self._key()
        lots = self._lots(key)
        tables = {}
        for table in self._tables:
            self._check_numbers(table)
            tables[table.name] = self._table(readable(table), key, lots)
        months = {n: m for t in self._tables for c in t.columns for n, m in c.months.items()}
        missing = {each for t in self._tables for c in t.columns for each in c.missing}
        found: dict[str, Any] = {
            "mapping": self._main.name,
            "title": f"Proposed from {listing(table.grid.name for table in self._tables)}",
            "missing": sorted(missing | {""}),
        }
        if months:
            found["months"] = dict(sorted(months.items(), key=lambda each: each[1]))
        if self._lookups:
            found["lookups"] = {t: self._lookup(each) for t, each in self._lookups.items()}
        found |= {"event": self._event(key, lots), "lots": lots, "tables": tables}
        return found

    def _lookup(self, found: LookupGuess) -> dict[str, str]:
        """Propose a table of keys as one that is looked up; its rows are not joined."""
        text = f"column {found.column} is proposed to be looked up by {found.by}"
        others = listing(found.others)
        rest = f", giving {found.give} (there are also {others})" if others else ""
        self._doubt(
            f"{text} of {found.table}{rest}; correct what it gives", f"lookups.{found.table}"
        )
        return {"table": found.table, "by": found.by, "give": found.give}

    def _doubt(self, message: str, where: str = "") -> None:
        self._doubts.add("QT727", message, where or self._main.grid.name)

    def _key(self) -> list[str]:
        """Choose what tells the rows apart: one column, or two, whose values never repeat."""
        unique = [column for column in self._main.columns if column.is_unique]
        named = [column.name for column in unique if column.is_identifier]
        texts = [column.name for column in unique if column.type in ("text", "integer")]
        choice = next(iter([*named, *texts]), None)
        if choice is not None:
            others = [column for column in named if column != choice]
            if others:
                self._doubt(f"{listing(others)} is unique as well; {choice} is proposed as the key")
            return [choice]
        pair = self._pair()
        if pair:
            self._doubt(f"no column is unique; {listing(pair)} together are: proposed as the key")
            return list(pair)
        self._doubt("no column, and no two, tell the rows apart; name the columns of the key")
        return [self._main.columns[0].name] if self._main.columns else []

    def _pair(self) -> tuple[str, str] | None:
        grid = self._main.grid
        columns = [c for c in self._main.columns if c.is_identifier or c.type == "date"][:12]
        for place, one in enumerate(columns):
            for two in columns[place + 1 :]:
                a, b = grid.header.index(one.name), grid.header.index(two.name)
                if len({(row[a], row[b]) for row in grid.rows}) == len(grid.rows) > 0:
                    return one.name, two.name
        return None

    def _lots(self, key: Sequence[str]) -> dict[str, dict[str, Any]]:
        found: dict[str, str] = {}
        for column in self._main.columns:
            match = _LOT.match(column.name)
            if match and column.type in ("text", "integer"):
                prefix = (match["prefix"] or match["chinese"] or "").strip(" _.-")
                word = prefix if _WORD.fullmatch(prefix) else f"lot_{len(found) + 1}"
                found.setdefault("batch" if not prefix else word, column.name)
        if not found and key:
            self._doubt(f"no column is named as a lot; {key[0]} is proposed as the lot number")
            found["batch"] = key[0]
        product = "batch" if "batch" in found else self._product(found, key)
        has_inputs = len(found) > 1
        lots = {}
        for alias, name in found.items():
            part = "output" if alias == product or not has_inputs else "input"
            lots[alias] = self._lot(alias, name, part)
        return lots

    def _product(self, found: dict[str, str], key: Sequence[str]) -> str:
        keyed = [alias for alias, column in found.items() if column in key]
        choice = keyed[0] if keyed else next(iter(found))
        if len(found) > 1:
            self._doubt(f"lot {choice!r} is proposed as what is made, the others as what goes in")
        return choice

    def _lot(self, alias: str, column: str, part: str) -> dict[str, Any]:
        own = [c for c in self._names if c.startswith(f"{alias}_")]
        items = [c for c in self._names if _ITEM.match(c)] if part == "output" else []
        item = next(iter(items), None)
        sources = [c for c in own if _SOURCE.search(c) or c.lower() == f"{alias}_code".lower()]
        if part == "output" and not sources:
            sources = [c for c in self._names if _SOURCE.search(c)]
        where = f"lots.{alias}"
        if item:
            self._doubt(f"column {item} is proposed as the item of lot {alias!r}", where)
        else:
            self._doubt(f"the item of lot {alias!r} stands in no column; name it", where)
        if sources:
            self._doubt(f"column {sources[0]} is proposed as who numbered lot {alias!r}", where)
        else:
            text = f"who numbered lot {alias!r} stands in no column; equal numbers of two sources"
            self._doubt(f"{text} are two lots: name the source", where)
        lot: dict[str, Any] = {
            "part": part,
            "item": f"{{{item}}}" if item else re.sub(r"[^\w.-]+", "-", alias),
            "source": f"{{{sources[0]}}}" if sources else "unknown",
            "lot_no": f"{{{column}}}",
        }
        if part == "output":
            lot |= self._quantity(alias)
        return lot

    def _quantity(self, alias: str) -> dict[str, str]:
        amounts = [c for c in self._main.columns if AMOUNT.search(c.name)]
        numbers = [c for c in amounts if c.type in ("integer", "decimal")]
        if not numbers:
            return {}
        column = numbers[0].name
        unit = _unit(column)
        beside = guess_unit_column(self._main, column)
        if not unit and beside is not None:
            said = listing(beside.written)
            text = (
                f"column {column} is proposed as its quantity, {beside.name} as its unit ({said})"
            )
            self._doubt(f"{text}; name the unit to convert into", f"lots.{alias}")
            return {"quantity": column, "unit_column": beside.name}
        if not unit:
            text = f"column {column} may be the quantity of lot {alias!r}, but no unit is told"
            self._doubt(f"{text}; add quantity and unit", f"lots.{alias}")
            return {}
        self._doubt(f"column {column} is proposed as its quantity in {unit}", f"lots.{alias}")
        return {"quantity": column, "unit": unit}

    def _event(self, key: Sequence[str], lots: dict[str, dict[str, Any]]) -> dict[str, str]:
        dates = [column.name for column in self._main.columns if column.type == "date"]
        at = next((name for name in dates if _DATE.search(name)), dates[0] if dates else "")
        if not dates:
            self._doubt("no column is a date that can be read; name the date of the event")
        elif len(dates) > 1:
            self._doubt(f"{listing(dates)} are dates; {at} is proposed as when it happened")
        kind = "production" if len(lots) > 1 else "receiving"
        self._doubt(f"each row is proposed as a {kind} event; name the event type it is")
        parts = "/".join(f"{{{name}}}" for name in key)
        return {"type": kind, "key": f"{self._main.name}/{parts}", "at": at}

    def _check_numbers(self, table: TableGuess) -> None:
        """Let columns without doubt decide what 1,234 means in the others; else it stays one."""
        sure = {c.separator for c in table.columns if c.separator and not c.doubts}
        for column in table.columns:
            where = f"{table.grid.name} column {column.name}"
            if column.doubts and not (column.separator and sure == {column.separator}):
                for doubt in column.doubts:
                    self._doubt(doubt, where)
        signs = {c.separator for c in table.columns if c.separator}
        if len(signs) > 1:
            odd = [c.name for c in table.columns if c.separator not in ("", table.separator)]
            text = f"{listing(odd)} write fractions with another sign than the other columns"
            self._doubt(f"{text}; export them alike", table.grid.name)

    def _table(
        self, table: TableGuess, key: Sequence[str], lots: dict[str, dict[str, Any]]
    ) -> dict[str, Any]:
        entry: dict[str, Any] = {"delimiter": table.grid.delimiter}
        if table.grid.encoding != "utf-8":
            entry["encoding"] = table.grid.encoding
        if table.separator != ".":
            entry["decimal_separator"] = table.separator
        if table.grid.sheet:
            entry = {"sheet": table.grid.sheet}
        is_main = table.name == self._main.name
        lookup = self._lookups.get(table.name)
        if lookup is not None:
            return {**entry, "key": [lookup.by], "columns": _plain(table, lookup)}
        if not is_main:
            absent = [name for name in key if name not in table.grid.header]
            if absent:
                text = f"{table.grid.name} has no column {listing(absent)}; name how it is joined"
                self._doubt(text, table.grid.name)
            entry["optional"] = True
        entry["key"] = [name for name in key if name in table.grid.header] or [table.grid.header[0]]
        used = {
            name for lot in lots.values() for text in lot.values() for name in _fields(str(text))
        }
        columns = {}
        for place, column in enumerate(table.columns):
            rules = _column(column, place, used | set(key) if is_main else set(entry["key"]))
            owner = next((alias for alias in lots if column.name.startswith(f"{alias}_")), None)
            if rules.pop("measured", False):
                rules |= {"result_of": owner} if owner and is_main else {"event_value": True}
            found = [each for each in self._lookups.values() if each.column == column.name]
            if is_main and found:
                rules["lookup"] = found[0].table
            elif column.choices and set(rules) <= {"event_value"}:
                rules["values"] = {each: each for each in column.choices}
                text = (
                    f"column {column.name} holds only {listing(column.choices)}: proposed as a "
                    "code list, so that a row with another word waits; say what the words stand for"
                )
                self._doubt(text, f"tables.{table.name}.columns.{column.name}")
            columns[column.name] = rules
        entry["columns"] = columns
        return entry


def _plain(table: TableGuess, lookup: LookupGuess) -> dict[str, Any]:
    """Describe a table that is only looked up: its two columns as texts, the others left out."""
    used = (lookup.by, lookup.give)
    return {
        column.name: {"required": True} if column.name in used else {"ignored": True}
        for column in table.columns
    }


def _column(column: ColumnGuess, place: int, used: set[str]) -> dict[str, Any]:
    rules: dict[str, Any] = {}
    if column.doubts and column.distinct == 0:
        return {"ignored": True}
    if column.type != "text":
        rules["type"] = column.type
    if column.format:
        rules["format"] = column.format
    if column.name in used:
        if not column.missing:
            rules["required"] = True
        return rules
    if column.type in ("integer", "decimal"):
        rules["measured"] = True
        if not _WORD.fullmatch(column.name):
            word = re.sub(r"[^A-Za-z0-9_.-]+", "_", column.name).strip("_.-")
            rules["name"] = word if _WORD.fullmatch(word) else f"column_{place + 1}"
        unit = _unit(column.name)
        if unit and not AMOUNT.search(column.name):
            rules["unit"] = unit
    return rules


def _unit(name: str) -> str:
    """Read a unit out of a column's name, such as "Weight (kg)"; empty when there is none."""
    found = _UNIT.search(name)
    if found is None:
        return ""
    word = found[1] or found[2]
    return "{count}" if word.lower() in _COUNTED else word


def _fields(template: str) -> list[str]:
    return re.findall(r"\{([^{}]+)\}", template) or [template]
