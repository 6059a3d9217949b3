"""Units that stand in the rows of a table: each is known and converted, or its row waits.

It must not know files, nor write anything.
"""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation

from qtcore.builtin.faults import ReadFault, shown
from qtcore.builtin.tabular.mapping import Mapping as TableRules
from qtcore.builtin.tabular.rows import LotFacts, ResultFacts, RowFacts
from qtcore.errors import Fault, InputRejected
from qtcore.registry.registry import Registry


def unit_faults(registry: Registry, rules: TableRules) -> list[Fault]:
    """Check the units of a mapping: those it names are declared, its own do not hide a declared."""
    named = [
        (unit, f"/lots/{name}/{place}")
        for name, lot in rules.lots.items()
        for place, unit in (("unit", lot.unit), ("item_unit", lot.item_unit))
    ]
    named += [
        (column.unit, f"/tables/{table}/columns/{name}/unit")
        for table, entry in rules.tables.items()
        for name, column in entry.columns.items()
    ]
    named += [(own.unit, f"/units/{name}/unit") for name, own in rules.units.items()]
    faults = []
    for unit, where in named:
        if unit and registry.unit(unit) is None:
            text = f"unit {unit!r} is not declared; declare it in a pack or use one that is"
            faults.append(Fault("QT432", text, where))
    for name in rules.units:
        if registry.unit(name) is not None:
            text = f"unit {name!r} is declared by a pack already; give this one another spelling"
            faults.append(Fault("QT432", text, f"/units/{name}"))
    return faults


@dataclass(frozen=True, slots=True)
class RowUnits:
    """Settles the units of rows by what the mapping and the packs declare."""

    registry: Registry
    rules: TableRules

    def settle(self, rows: Sequence[RowFacts]) -> list[RowFacts]:
        """Convert what stands in unit columns; a row with an unknown unit becomes faulty."""
        return [self._settled(row) if self._has_units(row) else row for row in rows]

    def _has_units(self, row: RowFacts) -> bool:
        places = [*(lot.unit_place for lot in row.lots), *(each.unit_place for each in row.results)]
        return not row.faults and any(places)

    def _settled(self, row: RowFacts) -> RowFacts:
        faults: list[ReadFault] = []
        lots = tuple(self._lot(lot, faults) for lot in row.lots)
        results = tuple(self._result(result, faults) for result in row.results)
        return replace(row, lots=lots, results=results, faults=tuple(faults))

    def _lot(self, lot: LotFacts, faults: list[ReadFault]) -> LotFacts:
        if not lot.unit_place or lot.quantity is None:
            return lot
        told = self._converted(lot.quantity, lot.unit, lot.into)
        if isinstance(told, str):
            faults.append(ReadFault("QT722", told, lot.unit_place))
            return lot
        return replace(lot, quantity=told[0], unit=told[1])

    def _result(self, result: ResultFacts, faults: list[ReadFault]) -> ResultFacts:
        if not result.unit_place:
            return result
        told = self._of_text(result.value, result.unit, result.into)
        if isinstance(told, str):
            faults.append(ReadFault("QT722", told, result.unit_place))
            return result
        return replace(result, value=told[0], unit=told[1])

    def _of_text(self, value: str, unit: str, into: str) -> tuple[str, str] | str:
        """Convert a value that keeps the digits it was typed with while its unit stays."""
        try:
            number = Decimal(value)
        except InvalidOperation:
            return f"found {shown(value)}; a value with a unit is a number"
        told = self._converted(number, unit, into)
        if isinstance(told, str):
            return told
        return (value if told[0] == number else format(told[0], "f")), told[1]

    def _converted(self, number: Decimal, unit: str, into: str) -> tuple[Decimal, str] | str:
        """Give number and unit as they are kept, or why the unit is refused."""
        own = self.rules.units.get(unit)
        if own is not None:
            number, unit = number * own.factor, own.unit
        known = self.registry.unit(unit)
        if known is None:
            return self._unknown(unit)
        if not into:
            return number, known.code
        target = self.registry.unit(into)
        code = target.code if target is not None else into
        try:
            return self.registry.convert(number, known.code, code), code
        except InputRejected as error:
            return str(error)

    def _unknown(self, unit: str) -> str:
        spelled = [*self.rules.units, *self.registry.unit_spellings]
        near = difflib.get_close_matches(unit, spelled, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        accepted = "a unit that a pack declares, or one under `units` of the mapping"
        return f"found unit {shown(unit)}; accepted: {accepted}{hint}"
