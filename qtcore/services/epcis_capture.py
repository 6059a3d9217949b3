"""Captures EPCIS documents: each is a job with its own record, stored whole or refused.

It must not know HTTP, nor how events are written; see `qtcore.services.epcis_import`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from sqlmodel import col, select

from qtcore.builtin.epcis.reading import EpcisDocument, read_epcis
from qtcore.builtin.faults import ReadFault
from qtcore.builtin.unpacking import unpack
from qtcore.context import Context
from qtcore.errors import Conflict, Fault, InputRejected, NotFound
from qtcore.services.epcis_facts import stored_id
from qtcore.services.epcis_import import DocumentWriter
from qtcore.services.imports import (
    ImportReport,
    ImportSource,
    as_faults,
    close_run,
    open_run,
    record_refusal,
    source_of,
)
from qtcore.services.rights import require
from qtcore.services.site import Site
from qtcore.store.tables import ImportRun

MOST_EVENTS: Final = 100_000
_FORMAT: Final = "epcis"
_PROCEED: Final = "epcis-proceed"
_TURNS: Final = 4
"""How often a capture that crossed another one is begun again."""


@dataclass(frozen=True, slots=True)
class Captured:
    """What became of one document: its report, its job, and the ids of its events."""

    report: ImportReport
    job_id: str
    event_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CaptureJob:
    """One capture as the standard shows it."""

    job_id: str
    created_at: datetime
    finished_at: datetime | None
    is_success: bool
    is_proceeding: bool
    errors: tuple[Fault, ...] = ()


def store_document(
    site: Site,
    context: Context,
    file: tuple[str, bytes],
    *,
    is_proceeding: bool = False,
    is_single: bool = False,
) -> Captured:
    """Store one document: whole, or with `is_proceeding` the events that are right.

    With `is_single` it must be one event. What is refused is in the report, never raised. Storing
    it again changes nothing.
    """
    name, packed = file
    source = source_of(_PROCEED if is_proceeding else _FORMAT, [file], context.at)
    data, fault = unpack(packed)
    if fault is None:
        document = read_epcis(data, name, partly=is_proceeding)
    else:
        document = EpcisDocument(name, faults=(fault,))
    if is_single and not document.faults and len(document.events) != 1:
        text = (
            f"one event is expected here, found {len(document.events)}; send documents to capture"
        )
        document = EpcisDocument(name, faults=(ReadFault("QT700", text, "/"),))
    if len(document.events) > MOST_EVENTS:
        text = f"the document has {len(document.events)} events; at most {MOST_EVENTS}, split it"
        document = EpcisDocument(name, faults=(ReadFault("QT714", text, "/"),))
    if document.faults:
        refused = ImportReport(refused=1, problems=as_faults(document.faults, name))
        return _refused(site, context, source, refused)
    ids = tuple(stored_id(event) for event in document.events)
    for turn in range(_TURNS):
        try:
            with site.store.write(context) as work:
                work.take_turn()
                run = open_run(work, source)
                report = DocumentWriter(site, work, document, is_proceeding).write(run.id)
                report += ImportReport(
                    refused=document.left_out,
                    problems=as_faults((*document.doubts_and_refusals,), name),
                )
                close_run(site, work, run, report)
                if report.stored:
                    work.log("import.epcis", "import", run.uid, details=source.counts(report))
                return Captured(replace(report, import_id=run.uid), run.uid, ids)
        except InputRejected as rejected:
            refused = ImportReport(refused=1, problems=rejected.faults)
            return _refused(site, context, source, refused)
        except Conflict:
            # Another capture stored the same lot or event meanwhile: what it wrote is read now.
            if turn == _TURNS - 1:
                raise
    raise AssertionError("a capture ends in its loop")


def _refused(site: Site, context: Context, source: ImportSource, report: ImportReport) -> Captured:
    job_id = record_refusal(site, context, source, report)
    return Captured(replace(report, import_id=job_id), job_id)


def capture(
    site: Site,
    context: Context,
    file: tuple[str, bytes],
    *,
    is_proceeding: bool = False,
    is_single: bool = False,
) -> Captured:
    """Capture one document for a partner or a program; see `store_document`."""
    require(site, context, "import.run", about=file[0])
    return store_document(site, context, file, is_proceeding=is_proceeding, is_single=is_single)


def get_job(site: Site, context: Context, job_id: str) -> CaptureJob:
    """Get a capture job; raises NotFound."""
    require(site, context, "import.run", about=job_id)
    with site.store.read() as session:
        run = session.exec(
            select(ImportRun).where(
                ImportRun.tenant_id == site.store.tenant_id,
                ImportRun.uid == job_id,
                col(ImportRun.format).in_((_FORMAT, _PROCEED)),
            )
        ).first()
    if run is None:
        raise NotFound(f"there is no capture job {job_id!r}; GET /epcis/capture lists them")
    return _job(run)


def list_jobs(
    site: Site, context: Context, *, before: str = "", limit: int = 30
) -> Sequence[CaptureJob]:
    """List capture jobs, the newest first; `before` is the id of the last one seen."""
    require(site, context, "import.run")
    statement = select(ImportRun).where(
        ImportRun.tenant_id == site.store.tenant_id,
        col(ImportRun.format).in_((_FORMAT, _PROCEED)),
    )
    if before:
        last = select(ImportRun.id).where(
            ImportRun.tenant_id == site.store.tenant_id, ImportRun.uid == before
        )
        statement = statement.where(col(ImportRun.id) < last.scalar_subquery())
    with site.store.read() as session:
        rows = session.exec(statement.order_by(col(ImportRun.id).desc()).limit(limit)).all()
    return [_job(run) for run in rows]


def _job(run: ImportRun) -> CaptureJob:
    return CaptureJob(
        run.uid,
        _aware(run.started_at),
        None if run.finished_at is None else _aware(run.finished_at),
        run.refused == 0,
        run.format == _PROCEED,
        tuple(_fault(problem) for problem in run.problems) if run.refused else (),
    )


def _fault(problem: dict[str, Any]) -> Fault:
    return Fault(problem["code"], problem["message"], problem["where"])


def _aware(at: datetime) -> datetime:
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)
