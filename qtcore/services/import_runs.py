"""Loads that were made: their reports, and taking one back as a whole.

It must not know file formats.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select, update
from sqlmodel import Session, col
from sqlmodel import select as select_rows

from qtcore.context import Context
from qtcore.errors import InputRejected, NotFound, Refusal, Refused
from qtcore.services.corrections import cut_group, groups_of
from qtcore.services.discrepancies import review_nodes
from qtcore.services.events import EventInput, write_event
from qtcore.services.nodes import NodeBook
from qtcore.services.rights import require
from qtcore.services.site import Site
from qtcore.services.table_import import STORED, UNDONE
from qtcore.services.told_in_parts import review_groups
from qtcore.store.columns import table_of
from qtcore.store.kept_sums import forget_sums
from qtcore.store.queries.keyset import TENANT, among, change_for, rows_for
from qtcore.store.queries.nodes import describe_nodes
from qtcore.store.tables import (
    Edge,
    Event,
    Hold,
    ImportRow,
    ImportRun,
    InspectionResult,
    Lot,
    Movement,
    RecordLink,
)
from qtcore.store.unit import UnitOfWork

MOST_REASONS = 20


@dataclass(frozen=True, slots=True)
class Run:
    """A load as it is listed: `state` is running, done or undone."""

    row: ImportRun

    @property
    def state(self) -> str:
        """Say what became of it; one that was cut off is running until it is gone on with."""
        if self.row.undone_at is not None:
            return UNDONE
        return "done" if self.row.finished_at is not None else "running"

    def as_json(self) -> dict[str, Any]:
        """Give the shape of the API."""
        row = self.row
        return {
            "import_id": row.uid,
            "state": self.state,
            "format": row.format,
            "file": row.file_name,
            "sha256": row.file_sha256,
            "mapping_sha256": row.mapping_sha256,
            "read": row.read,
            "stored": row.stored,
            "duplicates": row.duplicates,
            "refused": row.refused,
            "sums": row.sums,
            "problems": row.problems,
            "started_at": row.started_at.isoformat(),
            "finished_at": row.finished_at and row.finished_at.isoformat(),
            "undone_at": row.undone_at and row.undone_at.isoformat(),
            "recorded_by": row.recorded_by,
        }


def list_imports(site: Site, context: Context, *, limit: int = 50) -> tuple[Run, ...]:
    """List the latest loads, newest first."""
    require(site, context, "import.run")
    if not 1 <= limit <= 200:
        raise InputRejected(f"limit {limit} is not accepted; give 1 to 200")
    with site.store.read() as session:
        rows = session.exec(
            select_rows(ImportRun)
            .where(ImportRun.tenant_id == site.store.tenant_id)
            .order_by(col(ImportRun.id).desc())
            .limit(limit)
        ).all()
    return tuple(Run(row) for row in rows)


def read_import(site: Site, context: Context, import_id: str) -> Run:
    """Give the report kept of one load; raises NotFound."""
    require(site, context, "import.run")
    with site.store.read() as session:
        return Run(_run(session, site.store.tenant_id, import_id))


def undo_import(site: Site, context: Context, import_id: str, *, reason: str) -> Run:
    """Take a load back as a whole: its events and results no longer count, and stay readable.

    Lots it brought stay as unverified lots. Raises Refused, naming what depends on it: later
    events, holds or records of lots it brought into being. The same files can be loaded again.
    """
    require(site, context, "import.undo", about=import_id)
    if not reason.strip():
        raise InputRejected("an import is taken back with a reason; give one")
    with site.store.write(context) as work:
        work.take_turn()
        run = _run(work.session, work.tenant_id, import_id)
        _refuse(work, run)
        _take_back(site, work, run, reason)
        return Run(run)


def _run(session: Session, tenant_id: int, import_id: str) -> ImportRun:
    found = session.exec(
        select_rows(ImportRun).where(ImportRun.tenant_id == tenant_id, ImportRun.uid == import_id)
    ).first()
    if found is None:
        raise NotFound(f"there is no import {import_id!r}; `qtcore import list` names them")
    return found


def _refuse(work: UnitOfWork, run: ImportRun) -> None:
    if run.undone_at is not None:
        raise Refused(f"import {run.uid} is undone already")
    nodes = _made_nodes(work, run)
    refusals = [
        Refusal("QT728", text, fix="correct what depends on it first")
        for text in _dependents(work, run, nodes)
    ]
    if refusals:
        first = f"import {run.uid} cannot be undone: {refusals[0].message}"
        raise Refused(first, tuple(refusals))


def _made_nodes(work: UnitOfWork, run: ImportRun) -> set[int]:
    """List the lots that events of this load brought into being."""
    statement = (
        select(table_of(Movement).c.node)
        .join_from(table_of(Movement), table_of(Event), _same_event())
        .where(
            table_of(Event).c.tenant_id == work.tenant_id,
            table_of(Event).c.import_id == run.id,
            table_of(Movement).c.effect.in_(("produced", "received")),
        )
    )
    return set(work.session.execute(statement).scalars())


def _same_event() -> Any:
    event, movement = table_of(Event), table_of(Movement)
    return (event.c.tenant_id == movement.c.tenant_id) & (event.c.id == movement.c.event_id)


def _dependents(work: UnitOfWork, run: ImportRun, nodes: set[int]) -> Sequence[str]:
    """Say what depends on the lots of a load; a limited number of sentences."""
    found: list[tuple[int, str]] = []
    event, movement = table_of(Event), table_of(Movement)
    hold, link = table_of(Hold), table_of(RecordLink)

    def later(dialect: str) -> Any:
        return (
            select(movement.c.node, event.c.event_type)
            .join_from(movement, event, _same_event())
            .where(
                movement.c.tenant_id == TENANT,
                among(dialect, movement.c.node),
                event.c.superseded_by.is_(None),
                func.coalesce(event.c.import_id, 0) != run.id,
            )
        )

    def held(dialect: str) -> Any:
        return select(hold.c.node).where(
            hold.c.tenant_id == TENANT, among(dialect, hold.c.node), hold.c.lifted_at.is_(None)
        )

    def linked(dialect: str) -> Any:
        return select(link.c.node).where(link.c.tenant_id == TENANT, among(dialect, link.c.node))

    ask = (work.session, work.tenant_id)
    found += [(n, f"a {kind} event names it") for n, kind in rows_for(ask[0], later, ask[1], nodes)]
    found += [(n, "it is on hold") for (n,) in rows_for(ask[0], held, ask[1], nodes)]
    found += [(n, "a record is about it") for (n,) in rows_for(ask[0], linked, ask[1], nodes)]
    shown = sorted(set(found))[:MOST_REASONS]
    infos = describe_nodes(work.session, work.tenant_id, [node for node, _ in shown])
    return [f"lot {infos[node].lot_no} of {infos[node].item_code}: {why}" for node, why in shown]


def _take_back(site: Site, work: UnitOfWork, run: ImportRun, reason: str) -> None:
    """Supersede every event of the load by one that says so, with its edges and results."""
    made = _made_nodes(work, run)
    told = EventInput(event_type="observation", lines=(), event_at=work.context.at, reason=reason)
    by = write_event(site, NodeBook(site, work), told).event_id
    event, edge, movement = table_of(Event), table_of(Edge), table_of(Movement)
    by_key = work.session.execute(
        select(event.c.id).where(event.c.tenant_id == work.tenant_id, event.c.uid == by)
    ).scalar_one()
    mine = select(event.c.id).where(
        event.c.tenant_id == work.tenant_id, event.c.import_id == run.id
    )
    nodes = work.session.execute(
        select(movement.c.node)
        .where(movement.c.tenant_id == work.tenant_id, movement.c.event_id.in_(mine))
        .distinct()
    ).scalars()
    touched = sorted(nodes)
    forget_sums(work, touched)
    for table, column in ((edge, edge.c.event_id), (event, event.c.id)):
        work.session.execute(
            update(table)
            .where(
                table.c.tenant_id == work.tenant_id,
                column.in_(mine),
                table.c.superseded_by.is_(None),
            )
            .values(superseded_by=by_key, superseded_at=work.context.at)
        )
    wrong = list(work.session.execute(mine).scalars())
    groups = groups_of(work, wrong)
    for group in groups:
        cut_group(work, group, wrong, by_key)
    _forget(work, run, made, by)
    work.change(run, undone_at=work.context.at)
    work.log(
        "import.undo",
        "import",
        run.uid,
        reason=reason,
        about=[work.uid_of(node) for node in touched],
        details={"by": by, "file": run.file_name, "lots": len(made), "stored": run.stored},
    )
    review_nodes(site, work, (), taken_back=touched)
    review_groups(work, groups, taken_back=touched)


def _forget(work: UnitOfWork, run: ImportRun, made: set[int], by: str) -> None:
    """Let results and rows of a load count no longer, and its lots be unverified."""
    lot, row, result = table_of(Lot), table_of(ImportRow), table_of(InspectionResult)
    for statement in (
        update(result)
        .where(
            result.c.tenant_id == work.tenant_id,
            result.c.import_id == run.id,
            result.c.superseded_by.is_(None),
        )
        .values(superseded_by=by),
        update(row)
        .where(
            row.c.tenant_id == work.tenant_id,
            row.c.import_id == run.id,
            row.c.verdict == STORED,
        )
        .values(verdict=UNDONE),
    ):
        work.session.execute(statement)

    def unverified(dialect: str) -> Any:
        return (
            update(lot)
            .where(lot.c.tenant_id == TENANT, among(dialect, lot.c.node))
            .values(origin="unverified", version=lot.c.version + 1)
        )

    change_for(work.session, unverified, work.tenant_id, made)
