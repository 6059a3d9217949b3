"""Writes the rows of tables: good rows as events with their results, bad ones into quarantine.

It must not know how a file is read; see `qtcore.builtin.tabular`.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence, Set
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sqlmodel import col, select

from qtcore.builtin.tabular.cells import same_value
from qtcore.builtin.tabular.mapping import Mapping as TableRules
from qtcore.builtin.tabular.rows import LotFacts, ResultFacts, RowFacts
from qtcore.errors import Fault, InputRejected
from qtcore.services.devices import find_device
from qtcore.services.discrepancies import review_nodes
from qtcore.services.events import EventInput, Line, Origin, write_all
from qtcore.services.imports import (
    MAX_CODE,
    MAX_EVENT_ID,
    MAX_LOT_NO,
    ImportReport,
    Places,
    as_faults,
)
from qtcore.services.lengths import MOST_VALUE
from qtcore.services.master import ensure_unknowns
from qtcore.services.nodes import LotRef, NodeBook
from qtcore.services.site import Site
from qtcore.services.specifications import find_characteristic, limits_json, spec_of, verdict_of
from qtcore.services.table_lookups import lookup_faults
from qtcore.services.table_units import RowUnits, unit_faults
from qtcore.store.queries.nodes import NodeInfo, describe_nodes
from qtcore.store.tables import ImportRow, ImportRun, InspectionResult
from qtcore.store.unit import UnitOfWork

STORED, QUARANTINED, UNDONE = "stored", "quarantined", "undone"
_PARTS = {
    "transform": ("input", "output"),
    "receive": ("output",),
}
_Named = tuple[RowFacts, ResultFacts]


def check_rules(site: Site, rules: TableRules) -> list[Fault]:
    """Check a mapping against the site: its event type, the parts of its lots, its units."""
    faults = []
    definition = site.registry.get("events", rules.event.type)
    accepted = _PARTS.get(definition.verb, ("subject",))
    for name, lot in rules.lots.items():
        if lot.part not in accepted:
            text = f"{rules.event.type} has no part {lot.part!r}; accepted: {', '.join(accepted)}"
            faults.append(Fault("QT726", text, f"/lots/{name}/part"))
        if lot.quantity is not None and not (lot.unit or lot.unit_column):
            text = f"quantity {lot.quantity!r} has no unit; give unit or unit_column"
            faults.append(Fault("QT726", text, f"/lots/{name}/unit"))
    return [*faults, *unit_faults(site.registry, rules), *lookup_faults(site, rules)]


class RowWriter:
    """Writes a batch of rows inside one unit of work."""

    def __init__(
        self,
        site: Site,
        work: UnitOfWork,
        rules: TableRules,
        run: ImportRun,
        *,
        lots_seen: Set[tuple[str, str, str]] = frozenset(),
    ) -> None:
        self._site = site
        self._work = work
        self._rules = rules
        self._run = run
        self._lots_seen = lots_seen
        self._units = RowUnits(site.registry, rules)
        self._book = NodeBook(site, work)
        self._places = Places(self._book)
        self._marks: dict[str, dict[str, Any]] = {}
        self._devices: dict[str, bool] = {}

    def write(self, rows: Sequence[RowFacts]) -> ImportReport:
        """Write what is not stored yet; rows with a problem are kept as quarantined.

        A row this very load stored before it was cut off counts as stored. Lots in `lots_seen` are
        not counted as new: a trial takes its batches back, and meets them again.
        """
        report = self._write_rows(self._units.settle(rows))
        marks = zip(self._work.keys(len(self._marks)), self._marks.values(), strict=True)
        self._work.insert(ImportRow, [{**mark, "id": key} for key, mark in marks])
        return report

    def _write_rows(self, rows: Sequence[RowFacts]) -> ImportReport:
        known = self._known(rows)
        report = ImportReport(read=len(rows))
        fresh: list[RowFacts] = []
        for row in rows:
            faults = self._faults(row, known.get(self._row_key(row)))
            if faults:
                self._quarantine(row, faults, known)
                report += ImportReport(refused=1, problems=tuple(faults))
            elif (before := known.get(self._row_key(row))) and before.verdict == STORED:
                is_mine = before.import_id == self._run.id
                report += _stored([row]) if is_mine else ImportReport(duplicates=1)
            else:
                fresh.append(row)
        if not fresh:
            return report
        ensure_unknowns(self._work)
        nodes = self._write(fresh, known)
        problems = self._write_results(fresh, nodes)
        review_nodes(self._site, self._work, {n for each in nodes.values() for n in each.values()})
        return report + _stored(fresh) + ImportReport(lots=self._made(), problems=tuple(problems))

    def _made(self) -> int:
        """Count the lots that were not there before."""
        if not self._lots_seen:
            return len(self._book.made)
        infos = describe_nodes(self._work.session, self._work.tenant_id, self._book.made).values()
        named = {(info.item_code, info.source_code, info.lot_no) for info in infos}
        return len(named - self._lots_seen)

    def _known(self, rows: Sequence[RowFacts]) -> dict[str, ImportRow]:
        keys = [self._row_key(row) for row in rows]
        found = self._work.session.exec(
            select(ImportRow).where(
                ImportRow.tenant_id == self._work.tenant_id, col(ImportRow.row_key).in_(keys)
            )
        )
        return {row.row_key: row for row in found}

    def _row_key(self, row: RowFacts) -> str:
        """Name a row; one whose key cannot be read is named by its file and place."""
        return row.key or f"{self._run.file_sha256}:{row.number}"

    def _faults(self, row: RowFacts, before: ImportRow | None) -> list[Fault]:
        if row.faults:
            return list(as_faults(row.faults))
        where = f"{row.file} row {row.number}"
        faults = []
        if before and before.verdict == STORED and before.content_hash != row.content_hash:
            text = f"{row.key} is stored with other content; correct the stored event, or the row"
            faults.append(Fault("QT723", text, where))
        if len(row.key) > MAX_EVENT_ID:
            faults.append(Fault("QT722", f"the key has more than {MAX_EVENT_ID} signs", where))
        if row.device and self._is_unknown_device(row.device):
            text = f"device {row.device[:40]!r} is not registered; register it, then load again"
            faults.append(Fault("QT561", text, where))
        for result in row.results:
            if len(result.value) > MOST_VALUE:
                says = (
                    f"{result.characteristic} has {len(result.value)} signs; at most {MOST_VALUE}"
                )
                faults.append(Fault("QT722", says, where))
        for lot in row.lots:
            for text, most in (
                (lot.item, MAX_CODE),
                (lot.source, MAX_CODE),
                (lot.lot_no, MAX_LOT_NO),
            ):
                if len(text) > most:
                    says = f"{lot.alias}: {text[:40]!r}... has {len(text)} signs; at most {most}"
                    faults.append(Fault("QT722", says, where))
        return faults

    def _is_unknown_device(self, code: str) -> bool:
        if code not in self._devices:
            found = find_device(self._work.session, self._work.tenant_id, code)
            self._devices[code] = found is not None
        return not self._devices[code]

    def _quarantine(
        self, row: RowFacts, faults: Sequence[Fault], known: dict[str, ImportRow]
    ) -> None:
        reason = "; ".join(fault.message for fault in faults)[:2000]
        self._mark(row, QUARANTINED, known, reason)

    def _mark(
        self, row: RowFacts, verdict: str, known: dict[str, ImportRow], reason: str = ""
    ) -> None:
        key = self._row_key(row)
        before = known.get(key)
        if before is None:
            self._marks[key] = {
                "import_id": self._run.id,
                "row_key": key,
                "content_hash": row.content_hash,
                "verdict": verdict,
                "reason": reason,
            }
        elif before.verdict != STORED:
            self._work.change(
                before,
                verdict=verdict,
                content_hash=row.content_hash,
                reason=reason,
                import_id=self._run.id,
            )

    def _write(
        self, rows: Sequence[RowFacts], known: dict[str, ImportRow]
    ) -> dict[str, dict[str, int]]:
        """Write the events of rows; gives for each row the node of each lot, by its alias."""
        told = [self._told(row, known) for row in rows]
        origin = Origin("import", self._run.id)
        written = write_all(self._site, self._book, told, origin=origin)
        nodes: dict[str, dict[str, int]] = {}
        for row, event, stored in zip(rows, told, written, strict=True):
            self._mark(row, STORED, known)
            found = stored.nodes or [self._book.get_or_make(line.ref) for line in event.lines]
            nodes[row.key] = {lot.alias: n for lot, n in zip(row.lots, found, strict=True)}
        return nodes

    def _told(self, row: RowFacts, known: dict[str, ImportRow]) -> EventInput:
        event, code = self._rules.event, self._places.code
        lines = tuple(
            Line(self._ref(row, lot), lot.part, lot.quantity, lot.unit) for lot in row.lots
        )
        return EventInput(
            event_type=event.type,
            lines=lines,
            event_at=_moment(row, event.utc_offset),
            utc_offset=event.utc_offset,
            location=code("location", event.location, event.location_name),
            step=event.step,
            device=row.device,
            external_id=self._event_id(row, known),
            values=dict(_values(row)),
            document=self._document(row),
        )

    def _event_id(self, row: RowFacts, known: dict[str, ImportRow]) -> str:
        """Name the event of a row; the name of one that was taken back stays with that one."""
        before = known.get(self._row_key(row))
        is_again = before is not None and before.verdict == UNDONE
        return f"{row.key}~{self._run.uid[-12:]}" if is_again else row.key

    def _document(self, row: RowFacts) -> dict[str, Any]:
        return {
            "format": "table",
            "mapping": self._rules.mapping,
            "content": row.content_hash,
            "cells": dict(row.cells),
        }

    def _ref(self, row: RowFacts, lot: LotFacts) -> LotRef:
        self._places.code(
            "item", lot.item, lot.item_name, kind=lot.item_kind, unit=self._unit(lot.item_unit)
        )
        self._places.code("party", lot.source, lot.source_name)
        made = _moment(row, self._rules.event.utc_offset) if lot.part == "output" else None
        return LotRef(item=lot.item, lot_no=lot.lot_no, source=lot.source, made_at=made)

    def _unit(self, text: str) -> str:
        known = self._site.registry.unit(text) if text else None
        return known.code if known else text

    def _write_results(
        self, rows: Sequence[RowFacts], nodes: Mapping[str, Mapping[str, int]]
    ) -> list[Fault]:
        """Store each distinct value once; a value that contradicts an older load is a problem."""
        by_node: dict[int, list[_Named]] = defaultdict(list)
        for row in rows:
            for result in row.results:
                by_node[nodes[row.key][result.alias]].append((row, result))
        infos = describe_nodes(self._work.session, self._work.tenant_id, sorted(by_node))
        stored = self._stored_values(sorted(by_node))
        problems: list[Fault] = []
        for node, named in by_node.items():
            problems += self._write_results_of(infos[node], named, stored[node])
        return problems

    def _stored_values(self, nodes: Sequence[int]) -> dict[int, dict[str, dict[str, str]]]:
        """Read the current values: node, characteristic, value in one notation -> as written."""
        found: dict[int, dict[str, dict[str, str]]] = defaultdict(lambda: defaultdict(dict))
        for start in range(0, len(nodes), 1000):
            rows = self._work.session.exec(
                select(
                    InspectionResult.node, InspectionResult.characteristic, InspectionResult.value
                ).where(
                    InspectionResult.tenant_id == self._work.tenant_id,
                    col(InspectionResult.node).in_(nodes[start : start + 1000]),
                    col(InspectionResult.superseded_by).is_(None),
                )
            )
            for node, characteristic, value in rows:
                found[node][characteristic][same_value(value)] = value
        return found

    def _write_results_of(
        self, info: NodeInfo, named: Sequence[_Named], stored: dict[str, dict[str, str]]
    ) -> list[Fault]:
        older = {name: dict(values) for name, values in stored.items()}
        fresh: list[tuple[RowFacts, ResultFacts]] = []
        problems = []
        for row, result in named:
            values = stored[result.characteristic]
            if same_value(result.value) in values:
                continue
            if older.get(result.characteristic):
                problems.append(_contradiction(info, row, result, older[result.characteristic]))
            values[same_value(result.value)] = result.value
            fresh.append((row, result))
        if fresh:
            self._work.insert(
                InspectionResult, [self._result_row(info, row, result) for row, result in fresh]
            )
            self._work.log(
                "result.import",
                "lot",
                info.uid,
                changes=_changes(fresh),
                about=[info.uid],
                details={"mapping": self._rules.mapping, "file": fresh[0][0].file},
            )
        return problems

    def _result_row(self, info: NodeInfo, row: RowFacts, result: ResultFacts) -> dict[str, Any]:
        spec = spec_of(self._site, info)
        characteristic = find_characteristic(spec, result.characteristic)
        return {
            "id": self._work.key(),
            "uid": self._work.new_uid(),
            "node": info.node,
            "import_id": self._run.id,
            "spec": spec.id if spec and characteristic else "",
            "characteristic": result.characteristic,
            "value": result.value,
            "unit": self._unit(result.unit),
            "limits": limits_json(characteristic),
            "verdict": verdict_of(characteristic, result.value),
            "origin": f"{row.file[:150]} row {row.number}",
            "recorded_at": self._work.context.at,
            "recorded_by": self._work.context.actor.login,
        }


def _stored(rows: Sequence[RowFacts]) -> ImportReport:
    """Count stored rows, with the sums of their quantities by lot and unit."""
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for row in rows:
        for lot in row.lots:
            if lot.quantity is not None:
                sums[f"{lot.alias} {lot.unit}".strip()] += lot.quantity
    return ImportReport(stored=len(rows), sums=sums)


def _contradiction(
    info: NodeInfo, row: RowFacts, result: ResultFacts, older: Mapping[str, str]
) -> Fault:
    said = ", ".join(older.values())
    lot = f"lot {info.source_code}-{info.lot_no} of {info.item_code}"
    text = (
        f"{lot}: {result.characteristic} {result.value} contradicts {said}, which is stored; "
        "both stand until one is corrected with a reason"
    )
    return Fault("QT725", text, f"{row.file} row {row.number}, column {result.column}")


def _changes(
    fresh: Sequence[tuple[RowFacts, ResultFacts]],
) -> dict[str, tuple[object, object]]:
    values: dict[str, list[str]] = defaultdict(list)
    for _, result in fresh:
        values[result.characteristic].append(result.value)
    return {name: (None, " | ".join(each)) for name, each in values.items()}


def _moment(row: RowFacts, utc_offset: str) -> datetime:
    """Give the moment of a row; without a time its day begins at midnight of the place."""
    if row.at is None:
        raise InputRejected(f"row {row.number} of {row.file} has no date")
    zone = datetime.fromisoformat(f"2000-01-01T00:00:00{utc_offset}").tzinfo
    return datetime.combine(row.at.day, row.at.clock, zone).astimezone(UTC)


def _values(row: RowFacts) -> Iterator[tuple[str, str]]:
    """List what is shown with the event; a date without a day says how exact it is."""
    yield from row.values
    if row.at is not None and row.at.precision in ("year", "month"):
        yield "event_time", row.at.text
        yield "event_time_precision", row.at.precision
