"""Workbooks that packs declare under `exports:`: events as rows, elements as cells, gaps named.

It must not know the shape of a file; see `qtcore.builtin.tabular.writing`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from hashlib import sha256
from typing import Any

from sqlmodel import Session, select

from qtcore.builtin.tabular.writing import MOST_ROWS, Table, joined, write_csv
from qtcore.context import Context
from qtcore.definitions.exports import ExportDefinition, ExportSheet
from qtcore.errors import InputRejected
from qtcore.services.contents import held_in
from qtcore.services.nodes import resolve
from qtcore.services.rights import require
from qtcore.services.sheet_cells import Place, RowContext, SheetLine, cells_of, heads_of
from qtcore.services.site import UNKNOWN_PARTY, Site
from qtcore.services.veils import hidden_of, unveiled, veil_node
from qtcore.store.queries.event_rows import EventSpan, events_in, lines_of
from qtcore.store.queries.lots import item_extra
from qtcore.store.queries.nodes import NodeInfo, describe_nodes
from qtcore.store.queries.shipments import contents_of
from qtcore.store.queries.trace import reached_nodes
from qtcore.store.tables import Event, Location, Movement, Party

MISSING = "KDE_MISSING"
_LEAD = ("event id", "event type", "recorded at")


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody asks for: the chain of a lot, and days (both inclusive); all are optional."""

    lot: str = ""
    since: date | None = None
    until: date | None = None


@dataclass(frozen=True, slots=True)
class Gap:
    """Something that a row needs and nobody recorded."""

    sheet: str
    event_id: str
    lot: str
    lacks: str

    def as_json(self) -> dict[str, str]:
        """Give the shape of `--json`."""
        return {
            "sheet": self.sheet,
            "event_id": self.event_id,
            "lot": self.lot,
            "missing": self.lacks,
        }


@dataclass(frozen=True, slots=True)
class Workbook:
    """The tables of an export and everything that is missing in them."""

    name: str
    tables: tuple[Table, ...]
    gaps: tuple[Gap, ...]
    request: Mapping[str, str]
    glossary: Mapping[str, str]

    def all_tables(self) -> tuple[Table, ...]:
        """Give the sheets as they are written: the request, the records, the gaps, the glossary."""
        sums = [(f"sha256 of {t.name}", _digest(t)) for t in self.tables]
        counts = [(f"rows of {table.name}", str(len(table.rows))) for table in self.tables]
        told = [*self.request.items(), *counts]
        gaps = tuple((g.sheet, g.event_id, g.lot, g.lacks) for g in self.gaps)
        return (
            Table("Request", ("what", "value"), (*told, *sums)),
            *self.tables,
            Table("Gaps", ("sheet", "event id", "lot", "missing"), gaps),
            Table("Glossary", ("term", "meaning"), tuple(self.glossary.items())),
        )

    def one_table(self) -> Table:
        """Give all records in one sortable table."""
        return joined(self.tables, self.name, "record")

    def as_json(self) -> dict[str, Any]:
        """Give the shape of `--json`."""
        return {
            "export": self.name,
            "request": dict(self.request),
            "rows": {table.name: len(table.rows) for table in self.tables},
            "complete": not self.gaps,
            "gaps": [gap.as_json() for gap in self.gaps],
        }


def export_workbook(site: Site, context: Context, name: str, asked: Asked) -> Workbook:
    """Fill the workbook `name` for what is asked.

    Raises NotFound when no pack declares it or there is no such lot, Ambiguous for a number of
    several lots, InputRejected for days in the wrong order or more rows than a sheet can hold.
    """
    require(site, context, "export.run", about=asked.lot)
    definition: ExportDefinition = site.registry.get("exports", name)
    if asked.since and asked.until and asked.until < asked.since:
        text = f"the last day {asked.until} lies before the first day {asked.since}"
        raise InputRejected(text, code="QT461")
    with site.store.read() as session:
        veil = _Veil(site, context)
        reader = _Reader(veil, session, definition, _span(site, session, definition, asked))
        sheets = [reader.sheet(sheet) for sheet in definition.sheets]
    request = {
        "workbook": site.registry.text(f"exports.{name}"),
        "lot": asked.lot or "all",
        "first day": asked.since.isoformat() if asked.since else "first record",
        "last day": asked.until.isoformat() if asked.until else "latest record",
        "made at": context.at.isoformat(timespec="seconds"),
        "made by": context.actor.name or context.actor.login,
        "configuration": site.registry.fingerprint,
    }
    gaps = tuple(gap for _, found in sheets for gap in found)
    return Workbook(name, tuple(t for t, _ in sheets), gaps, request, definition.glossary)


def _span(site: Site, session: Session, definition: ExportDefinition, asked: Asked) -> EventSpan:
    tenant = site.store.tenant_id
    nodes: set[int] | None = None
    if asked.lot:
        focus = [resolve(session, tenant, asked.lot).node]
        nodes = set(focus)
        for direction in ("backward", "forward"):
            nodes.update(reached_nodes(session, tenant, focus, direction))
    types = {name for sheet in definition.sheets for name in (*sheet.events, *sheet.also)}
    since = datetime.combine(asked.since, time.min, UTC) if asked.since else None
    until = None
    if asked.until:
        until = datetime.combine(asked.until + timedelta(days=1), time.min, UTC)
    return EventSpan(types, since, until, nodes)


@dataclass(frozen=True, slots=True)
class _Veil:
    """Who the export is for: what they do not see stays out of it."""

    site: Site
    context: Context

    def nodes(self, session: Session, nodes: Iterable[int]) -> dict[int, NodeInfo]:
        """Describe nodes for this reader."""
        found = describe_nodes(session, self.site.store.tenant_id, nodes)
        return {node: veil_node(self.site, self.context, info) for node, info in found.items()}

    def over(self, of: str, values: Mapping[str, Any]) -> dict[str, Any]:
        """Leave out the fields of a kind of thing that this reader does not see."""
        return unveiled(values, hidden_of(self.site, self.context, of))


class _Reader:
    """Reads everything the sheets of one export need, once."""

    def __init__(
        self, veil: _Veil, session: Session, definition: ExportDefinition, span: EventSpan
    ) -> None:
        tenant = veil.site.store.tenant_id
        self._veil = veil
        self._definition, self._nodes = definition, span.nodes
        self._events = events_in(session, tenant, span)
        self._moves = lines_of(session, tenant, self._events)
        nodes = sorted({move.node for moves in self._moves.values() for move in moves})
        self._infos = veil.nodes(session, nodes)
        units = [n for n, info in self._infos.items() if info.kind == "logistic_unit"]
        self._contents = contents_of(session, tenant, units)
        inside = sorted({held.node for held in self._contents} - set(self._infos))
        self._infos = {**self._infos, **veil.nodes(session, inside)}
        codes = {info.item_code for info in self._infos.values()}
        self._items = {code: item_extra(session, tenant, code) for code in sorted(codes)}
        self._seen = {code: veil.over("item", extra) for code, extra in self._items.items()}
        self._by_key = _places(session, veil)
        self._by_code = {place.code: place for place in self._by_key.values()}

    def sheet(self, sheet: ExportSheet) -> tuple[Table, list[Gap]]:
        """Fill one sheet."""
        heads = tuple(head for column in sheet.columns for head in heads_of(column))
        rows: list[tuple[str, ...]] = []
        gaps: list[Gap] = []
        for event in self._events:
            for lines in self._rows(sheet, event):
                texts, lacks = self._row(sheet, event, lines)
                rows.append((*texts, "; ".join(lacks)))
                lot = next(iter(lines.values())).info.lot_no
                gaps += [Gap(sheet.id, event.uid, lot, each) for each in lacks]
        if len(rows) > MOST_ROWS:
            text = f"sheet {sheet.id} has {len(rows)} rows, at most {MOST_ROWS}; ask for fewer days"
            raise InputRejected(text, code="QT461")
        return Table(sheet.id, (*_LEAD, *heads, MISSING), tuple(rows)), gaps

    def _rows(self, sheet: ExportSheet, event: Event) -> Iterator[Mapping[str, SheetLine]]:
        if event.event_type not in (*sheet.events, *sheet.also):
            return
        parts: dict[str, list[SheetLine]] = {}
        for move in self._moves.get(event.id, ()):
            parts.setdefault(move.part, []).extend(self._lines(move, event))
        if sheet.row == "input_output":
            pairs: Sequence[Mapping[str, SheetLine]] = [
                {"input": source, "output": made}
                for source in parts.get("input", ())
                for made in parts.get("output", ())
            ]
        else:
            pairs = [{sheet.row: each} for each in parts.get(sheet.row, ())]
        for lines in pairs:
            is_asked = self._nodes is None or any(
                line.info.node in self._nodes for line in lines.values()
            )
            if is_asked and (event.event_type in sheet.events or self._falls_under(lines)):
                yield lines

    def _lines(self, move: Movement, event: Event) -> Iterator[SheetLine]:
        info = self._infos[move.node]
        if info.kind != "logistic_unit":
            yield SheetLine(info, move.quantity, move.unit)
            return
        for held in held_in(self._contents, move.node, event.event_at):
            yield SheetLine(self._infos[held.node], held.quantity, held.unit)

    def _falls_under(self, lines: Mapping[str, SheetLine]) -> bool:
        return any(
            str(self._items[line.info.item_code].get(name, "")) in values
            for line in lines.values()
            for name, values in self._definition.items.items()
        )

    def _row(
        self, sheet: ExportSheet, event: Event, lines: Mapping[str, SheetLine]
    ) -> tuple[tuple[str, ...], list[str]]:
        place = self._by_key.get(event.location_id) if event.location_id is not None else None
        values = self._veil.over(f"event:{event.event_type}", event.values)
        row = RowContext(event, values, lines, self._by_code, place, self._seen)
        texts = [event.external_id or event.uid, event.event_type, event.recorded_at.isoformat()]
        lacks = []
        for column in sheet.columns:
            cells = cells_of(column, row)
            texts += cells.texts
            if cells.lacks:
                lacks.append(cells.lacks)
        return tuple(texts), lacks


def _places(session: Session, veil: _Veil) -> dict[int, Place]:
    tenant_id = veil.site.store.tenant_id
    owners = {
        party.id: {"business_name": party.name, "phone": party.contacts.get("phone")}
        for party in session.exec(select(Party).where(Party.tenant_id == tenant_id))
        if party.code != UNKNOWN_PARTY
    }
    rows = session.exec(select(Location).where(Location.tenant_id == tenant_id))
    return {
        row.id: Place(
            row.code, {**owners.get(row.party_id or 0, {}), **veil.over("location", row.extra)}
        )
        for row in rows
    }


def _digest(table: Table) -> str:
    return sha256(write_csv(table).encode()).hexdigest()
