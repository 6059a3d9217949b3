"""Loads of tables: read, checked, written batch by batch; tried without effect; gone on with.

It must not know how a file is read or a row is written; readers and `table_import` do.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import islice

from sqlmodel import col, select

from qtcore.builtin.tabular.conflicts import ValueBook
from qtcore.builtin.tabular.content import Content
from qtcore.builtin.tabular.mapping import Mapping as TableRules
from qtcore.builtin.tabular.mapping import check_mapping
from qtcore.builtin.tabular.quarantine import write_quarantine
from qtcore.builtin.tabular.reading import Table, read_table
from qtcore.builtin.tabular.rows import RowFacts
from qtcore.context import Context
from qtcore.definitions.source import read_yaml
from qtcore.errors import Fault, InputRejected
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
from qtcore.services.table_import import RowWriter, check_rules
from qtcore.services.table_lookups import read_masters
from qtcore.store.tables import ImportRun
from qtcore.store.unit import UnitOfWork

ROWS_PER_UNIT = 500
Progress = Callable[[int, int], None]
"""Told after each batch: rows read so far, and how many there are, about."""


class _Tried(Exception):
    """Ends a unit of work that must leave nothing behind."""


def _unheard(_read: int, _total: int) -> None:
    return


def import_table(
    site: Site,
    context: Context,
    files: Sequence[tuple[str, Content]],
    mapping: tuple[str, bytes],
    *,
    dry_run: bool = False,
    progress: Progress = _unheard,
) -> ImportReport:
    """Load CSV files or Excel sheets by a mapping: bad rows are quarantined and listed.

    Loading the same again changes nothing; a load that was cut off is gone on with, and its report
    counts both parts as one. `dry_run` does everything and keeps nothing. Raises InputRejected
    when the mapping does not check; a file that does not fit it is refused in the report.
    """
    require(site, context, "import.run")
    rules = read_rules(site, mapping)
    source = source_of("table", files, context.at, mapping[1])
    table = read_table(files, rules, read_masters(site, rules))
    if table.faults:
        refused = ImportReport(refused=len(table.faults), problems=as_faults(table.faults))
        if not dry_run:
            record_refusal(site, context, source, refused)
        return refused
    if dry_run:
        return _try_rows(site, context, table, (source, progress))
    return _import_rows(site, context, table, (source, progress))


def refused_rows(
    site: Site,
    files: Sequence[tuple[str, Content]],
    mapping: tuple[str, bytes],
    report: ImportReport,
) -> bytes:
    """Write the rows that a report refuses as a file of their own, with the reasons.

    It has the columns, delimiter and encoding of the mapping: mended, it is loaded by the same
    mapping. Of several files the first with a refused row is written; empty when there is none.
    """
    rules = read_rules(site, mapping)
    problems = [(each.where, each.code, each.message) for each in report.problems]
    written = (
        write_quarantine(file, rules.tables[file.table], problems)
        for file in read_table(files, rules).files
    )
    return next((text for text in written if text), b"")


def read_rules(site: Site, mapping: tuple[str, bytes]) -> TableRules:
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


def _import_rows(
    site: Site, context: Context, table: Table, told: tuple[ImportSource, Progress]
) -> ImportReport:
    """Write batch by batch, each a unit of work: what was written before a crash stands."""
    source, progress = told
    with site.store.write(context) as work:
        run = _unfinished(work, source) or open_run(work, source)
    report, book = ImportReport(import_id=run.uid), ValueBook()
    for rows in _batches(table.rows):
        for row in rows:
            book.add(row)
        with site.store.write(context) as work:
            work.take_turn()
            report += RowWriter(site, work, table.mapping, run).write(rows)
        progress(report.read, table.count)
    report += _rest(table, book, source)
    with site.store.write(context) as work:
        close_run(site, work, run, report)
        if report.stored or report.refused:
            work.log("import.table", "import", run.uid, details=source.counts(report))
    return report


def _try_rows(
    site: Site, context: Context, table: Table, told: tuple[ImportSource, Progress]
) -> ImportReport:
    """Write each batch and take it back; a lot that several batches name is counted once."""
    source, progress = told
    report, book = ImportReport(), ValueBook()
    seen: set[tuple[str, str, str]] = set()
    for rows in _batches(table.rows):
        for row in rows:
            book.add(row)
        named = {lot.identity for row in rows for lot in row.lots}
        with suppress(_Tried), site.store.write(context) as work:
            work.take_turn()
            run = open_run(work, source)
            tried = RowWriter(site, work, table.mapping, run, lots_seen=seen).write(rows)
            raise _Tried
        report += tried
        seen |= named
        progress(report.read, table.count)
    return report + _rest(table, book, source)


def _rest(table: Table, book: ValueBook, source: ImportSource) -> ImportReport:
    """Report what is known only when the last row is read."""
    conflicts = [Fault("QT725", str(each), source.name) for each in book.conflicts()]
    return ImportReport(
        refused=len(table.faults),
        problems=(*as_faults(table.faults), *as_faults(table.notes), *conflicts),
    )


def _unfinished(work: UnitOfWork, source: ImportSource) -> ImportRun | None:
    """Find the load of the same files by the same mapping that was cut off."""
    return work.session.exec(
        select(ImportRun)
        .where(
            ImportRun.tenant_id == work.tenant_id,
            ImportRun.format == source.format,
            ImportRun.file_sha256 == source.sha256,
            ImportRun.mapping_sha256 == source.mapping_sha256,
            col(ImportRun.finished_at).is_(None),
        )
        .order_by(col(ImportRun.id))
    ).first()


def _batches(rows: Iterator[RowFacts]) -> Iterator[list[RowFacts]]:
    while batch := list(islice(rows, ROWS_PER_UNIT)):
        yield batch
