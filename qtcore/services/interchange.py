"""Doors to other systems: EPCIS documents come in and go out.

It must not know the shape of a file; readers and writers do, and the writers of each format.
"""

from collections.abc import Sequence
from typing import Any

from qtcore.builtin.epcis.reading import read_epcis
from qtcore.builtin.epcis.strict_json import write_json
from qtcore.builtin.epcis.writing import write_epcis
from qtcore.context import Context
from qtcore.errors import InputRejected
from qtcore.services.epcis_export import events_of, read_events_out
from qtcore.services.epcis_import import DocumentWriter
from qtcore.services.imports import (
    ImportReport,
    as_faults,
    close_run,
    open_run,
    record_refusal,
    source_of,
)
from qtcore.services.nodes import resolve
from qtcore.services.rights import require
from qtcore.services.site import Site
from qtcore.store.queries.trace import reached_nodes

NamedFile = tuple[str, bytes]


def import_epcis(site: Site, context: Context, files: Sequence[NamedFile]) -> ImportReport:
    """Load EPCIS 2.0 documents: each is stored whole, or refused with every fault.

    Loading a document again changes nothing. What is refused is in the report, never raised.
    """
    require(site, context, "import.run")
    report = ImportReport()
    for file in files:
        report += _import_document(site, context, file)
    return report


def _import_document(site: Site, context: Context, file: NamedFile) -> ImportReport:
    name, data = file
    source = source_of("epcis", [file], context.at)
    document = read_epcis(data, name)
    if document.faults:
        refused = ImportReport(refused=1, problems=as_faults(document.faults, name))
        record_refusal(site, context, source, refused)
        return refused
    try:
        with site.store.write(context) as work:
            run = open_run(work, source)
            report = DocumentWriter(site, work, document).write(run.id)
            report += ImportReport(problems=as_faults(document.warnings, name))
            close_run(site, work, run, report)
            if report.stored:
                work.log("import.epcis", "import", run.uid, details=source.counts(report))
            return report
    except InputRejected as rejected:
        refused = ImportReport(refused=1, problems=rejected.faults)
        record_refusal(site, context, source, refused)
        return refused


def export_epcis(site: Site, context: Context, *, lot: str = "") -> dict[str, Any]:
    """Write the events of a lot's whole chain (or all events) as an EPCIS 2.0 document.

    Numbers are Decimal, as they were typed: `export_text` writes them so. Raises NotFound.
    """
    require(site, context, "export.run", about=lot)
    tenant = site.store.tenant_id
    with site.store.read() as session:
        nodes: list[int] | None = None
        if lot:
            focus = [resolve(session, tenant, lot).node]
            chain = {
                node
                for direction in ("backward", "forward")
                for node in reached_nodes(session, tenant, focus, direction)
            }
            nodes = sorted(chain)
        rows = events_of(session, tenant, nodes)
        return write_epcis(read_events_out(site, session, rows), context.at)


def export_text(document: dict[str, Any]) -> str:
    """Write an exported document as JSON text, every number with its digits."""
    return write_json(document)
