"""What one row says: its lots, results and event values, put together from its cells.

It must not know files, nor other rows.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from qtcore.builtin.faults import Faults, ReadFault, shown
from qtcore.builtin.tabular.cells import Cell, PartialDate, same_value
from qtcore.builtin.tabular.mapping import Column, LotMapping, Mapping, fill

Cells = dict[str, Cell | None]
Filled = tuple[str, str, Cell]
"""Table, column and cell, where there is one."""


@dataclass(frozen=True, slots=True)
class LotFacts:
    """A lot that a row names: `alias` is its name in the mapping, the rest is filled in.

    `unit` of a row with a unit column is what stands there; `into` is the unit the mapping wants.
    """

    alias: str
    part: str
    item: str
    item_name: str
    item_kind: str
    item_unit: str
    source: str
    source_name: str
    lot_no: str
    quantity: Decimal | None
    unit: str
    into: str = ""
    unit_place: str = ""

    @property
    def identity(self) -> tuple[str, str, str]:
        """Give what makes it one lot: item, source and number, never the number alone."""
        return self.item, self.source, self.lot_no


@dataclass(frozen=True, slots=True)
class ResultFacts:
    """A measured value of one of the row's lots, as typed; units as in LotFacts."""

    alias: str
    characteristic: str
    value: str
    unit: str
    column: str
    into: str = ""
    unit_place: str = ""


@dataclass(frozen=True, slots=True)
class RowFacts:
    """What one row says. With `faults` it is quarantined and only `number` and `key` count.

    `values` are what belongs to the event; `cells` all texts of the row, so that nothing is lost.
    """

    file: str
    number: int
    key: str
    content_hash: str = ""
    at: PartialDate | None = None
    device: str = ""
    lots: tuple[LotFacts, ...] = ()
    results: tuple[ResultFacts, ...] = ()
    values: tuple[tuple[str, str], ...] = ()
    cells: tuple[tuple[str, str], ...] = ()
    faults: tuple[ReadFault, ...] = ()

    def lot(self, alias: str) -> LotFacts:
        """Give the lot of one name in the mapping."""
        return next(lot for lot in self.lots if lot.alias == alias)


@dataclass(frozen=True, slots=True)
class RowDraft:
    """A row whose cells are read: `cells` by table and column, `where` for messages."""

    mapping: Mapping
    file: str
    number: int
    cells: dict[str, Cells]
    faults: Faults

    @property
    def where(self) -> str:
        """Name the row in a message."""
        return f"{self.file} row {self.number}"

    @property
    def main(self) -> Cells:
        """Give the cells of the first table."""
        return next(iter(self.cells.values()))

    def facts(self) -> RowFacts:
        """Put the row together; with a fault it is quarantined whole."""
        if self.faults.count:
            return self._quarantined()
        key = self._filled(self.mapping.event.key)
        lots = tuple(self._lot(alias, lot) for alias, lot in self.mapping.lots.items())
        filled = list(self._filled_cells())
        results = tuple(self._results(filled))
        at = self._date()
        if at is None or self.faults.found:
            return self._quarantined(key)
        kept = [(f"{t}.{c}", cell.text) for t, c, cell in filled]
        return RowFacts(
            file=self.file,
            number=self.number,
            key=key,
            content_hash=_content(filled),
            at=at,
            device=self._device(),
            lots=lots,
            results=results,
            values=tuple(self._values(filled)),
            cells=tuple(kept),
        )

    def _quarantined(self, key: str = "") -> RowFacts:
        return RowFacts(self.file, self.number, key, faults=self.faults.listed())

    def _date(self) -> PartialDate | None:
        cell = self.main.get(self.mapping.event.at)
        if cell is not None and isinstance(cell.value, PartialDate):
            return cell.value
        column = self.mapping.event.at
        self.faults.add(
            "QT722", "the date of the event is missing", f"{self.where}, column {column}"
        )
        return None

    def _lot(self, alias: str, lot: LotMapping) -> LotFacts:
        quantity = self._quantity(lot)
        return LotFacts(
            alias=alias,
            part=lot.part,
            item=self._filled(lot.item),
            item_name=self._filled(lot.item_name),
            item_kind=lot.item_kind,
            item_unit=lot.item_unit or lot.unit,
            source=self._filled(lot.source),
            source_name=self._filled(lot.source_name),
            lot_no=self._filled(lot.lot_no),
            quantity=quantity,
            unit=self._unit(lot, quantity),
            into=lot.unit if lot.unit_column else "",
            unit_place=f"{self.where}, column {lot.unit_column}" if lot.unit_column else "",
        )

    def _unit(self, lot: LotMapping, quantity: Decimal | None) -> str:
        if quantity is None:
            return ""
        if lot.unit_column is None:
            return lot.unit
        return self._row_unit(self.main, lot.unit_column)

    def _row_unit(self, cells: Cells, column: str) -> str:
        """Give the unit that stands in the row; a number without one is a fault."""
        cell = cells.get(column)
        if cell is None:
            text = "the value is missing, but a number of the row needs its unit"
            self.faults.add("QT722", text, f"{self.where}, column {column}")
            return ""
        return cell.text

    def _quantity(self, lot: LotMapping) -> Decimal | None:
        cell = self.main.get(lot.quantity) if lot.quantity else None
        if cell is None or not isinstance(cell.value, int | Decimal):
            return None
        if cell.value < 0:
            text = f"found quantity {shown(cell.text)}; accepted: 0 or more"
            self.faults.add("QT722", text, f"{self.where}, column {lot.quantity}")
        return Decimal(cell.value)

    def _filled(self, template: str) -> str:
        if "{" not in template:
            return template
        try:
            return fill(template, self._text)
        except KeyError as error:
            text = f"the value is missing, but {shown(template)} needs it"
            self.faults.add("QT722", text, f"{self.where}, column {error.args[0]}")
            return ""

    def _device(self) -> str:
        """Name the device; a row without one in its column names none."""
        try:
            return fill(self.mapping.event.device, self._text)
        except KeyError:
            return ""

    def _text(self, name: str) -> str | None:
        cell = self.main.get(name)
        return cell.text if cell else None

    def _filled_cells(self) -> Iterator[Filled]:
        for table, found in self.cells.items():
            for name, cell in found.items():
                if cell is not None:
                    yield table, name, cell

    def _column(self, table: str, name: str) -> Column:
        return self.mapping.tables[table].columns[name]

    def _results(self, filled: Sequence[Filled]) -> Iterator[ResultFacts]:
        for table, name, cell in filled:
            column = self._column(table, name)
            if column.result_of is not None:
                label = column.name or name
                place = f"{table}.{name}"
                if column.unit_column is None:
                    yield ResultFacts(column.result_of, label, cell.text, column.unit, place)
                    continue
                unit = self._row_unit(self.cells[table], column.unit_column)
                at = f"{self.where}, column {column.unit_column}"
                yield ResultFacts(column.result_of, label, cell.text, unit, place, column.unit, at)

    def _values(self, filled: Sequence[Filled]) -> Iterator[tuple[str, str]]:
        for table, name, cell in filled:
            column = self._column(table, name)
            if column.event_value:
                yield column.name or name, cell.text


def _content(filled: Sequence[Filled]) -> str:
    """Hash what the row says: 12.50 says what 12.5 says, a workbook keeps no other digits."""
    said = [
        (f"{t}.{c}", cell.text if isinstance(cell.value, str) else same_value(cell.text))
        for t, c, cell in filled
    ]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()
