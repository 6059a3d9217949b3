"""Doors to other systems: EPCIS documents and tables come in, EPCIS documents go out.

It must not know the shape of a file; readers and writers do, and the writers of each format.
"""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from qtcore.builtin.epcis.strict_json import write_json
from qtcore.builtin.epcis.writing import write_epcis
from qtcore.builtin.tabular.conflicts import ValueBook
from qtcore.builtin.tabular.mapping import Mapping as TableRules
from qtcore.builtin.tabular.mapping import check_mapping
from qtcore.builtin.tabular.reading import Table, read_table
from qtcore.builtin.tabular.rows import RowFacts
from qtcore.context import Context
from qtcore.definitions.source import read_yaml
from qtcore.errors import Fault, InputRejected
from qtcore.services.epcis_capture import store_document
from qtcore.services.epcis_export import events_of, read_events_out
from qtcore.services.imports import (
    ImportReport,
    ImportSource,
    as_faults,
    close_run,
    counts_of,
    open_run,
    record_refusal,
    source_of,
)
from qtcore.services.nodes import resolve
from qtcore.services.rights import require
from qtcore.services.site import Site
from qtcore.services.table_import import RowWriter, check_rules
from qtcore.store.queries.trace import reached_nodes

NamedFile = tuple[str, bytes]
ROWS_PER_UNIT = 500


def import_epcis(site: Site, context: Context, files: Sequence[NamedFile]) -> ImportReport:
    """Load EPCIS documents, also in gzip: each is stored whole, or refused with every fault.

    Loading a document again changes nothing. What is refused is in the report, never raised.
    """
    require(site, context, "import.run")
    report = ImportReport()
    for file in files:
        report += store_document(site, context, file).report
    return report


def import_csv(
    site: Site, context: Context, files: Sequence[NamedFile], mapping: NamedFile
) -> ImportReport:
    """Load tables by a mapping: a bad row is quarantined and listed, the good ones are stored.

    Loading the same again changes nothing. Raises InputRejected when the mapping does not check; a
    file that does not fit it is refused in the report.
    """
    require(site, context, "import.run")
    rules = read_rules(site, mapping)
    source = source_of("table", files, context.at, mapping[1])
    table = read_table(files, rules)
    if table.faults:
        refused = ImportReport(refused=len(table.faults), problems=as_faults(table.faults))
        record_refusal(site, context, source, refused)
        return refused
    return _import_rows(site, context, table, source)


def read_rules(site: Site, mapping: NamedFile) -> TableRules:
    """Read a mapping file; raises InputRejected with the place of every mistake."""
    name, text = mapping
    document = read_yaml(text, name)
    if document.problems:
        faults = [Fault(p.code, p.message, f"{name}:{p.line}") for p in document.problems]
        raise InputRejected(f"the mapping {name} cannot be read", faults, code="QT726")
    rules, mistakes = check_mapping(document.value)
    faults = list(as_faults(mistakes, name))
    if rules is not None:
        faults += check_rules(site, rules)
    if rules is None or faults:
        raise InputRejected(f"the mapping {name} does not check", faults, code="QT726")
    return rules


def _import_rows(site: Site, context: Context, table: Table, source: ImportSource) -> ImportReport:
    """Write batch by batch; each is a unit of work, so an interrupted load is simply repeated."""
    with site.store.write(context) as work:
        run = open_run(work, source)
    report, book = ImportReport(), ValueBook()
    for rows in _batches(table.rows):
        for row in rows:
            book.add(row)
        with site.store.write(context) as work:
            report += RowWriter(site, work, table.mapping, run).write(rows)
    conflicts = [Fault("QT725", str(each), source.name) for each in book.conflicts()]
    report += ImportReport(
        refused=len(table.faults),
        problems=(*as_faults(table.faults), *as_faults(table.notes), *conflicts),
    )
    with site.store.write(context) as work:
        close_run(site, work, run, report)
        if report.stored or report.refused:
            work.log("import.table", "import", run.uid, details=counts_of(source, report))
    return report


def _batches(rows: Iterator[RowFacts]) -> Iterator[list[RowFacts]]:
    while batch := list(islice(rows, ROWS_PER_UNIT)):
        yield batch


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
